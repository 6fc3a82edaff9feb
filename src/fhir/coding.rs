//! Codes as FHIR writes them: `Coding` and `CodeableConcept`, without words.

use serde_json::{Value, json};

/// `{system, code}`.
pub fn coding(system: &str, code: &str) -> Value {
    json!({ "system": system, "code": code })
}

/// `{coding: [{system, code}]}`.
pub fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [coding(system, code)] })
}
