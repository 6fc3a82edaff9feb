//! Our profiles, code systems, value sets, operations and subscription topics, as FHIR R4 resources, and an
//! example of each profile.
//!
//! Floor of the house: validation reads the profiles, and anybody may read all of it under `/fhir`. Made by
//! `schemas/guide.py`, which is their source; Questionnaires are made from the survey's texts instead. The
//! examples are what a gateway gave out of somebody who does not exist: a test keeps them so.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::{Error, Result};

const LINES: &str = include_str!("../../schemas/fhir/guide.ndjson");
const EXAMPLES: &str = include_str!("../../schemas/fhir/examples.ndjson");

/// The types of its resources, in the order of the alphabet.
pub const TYPES: [&str; 8] = [
    "Basic",
    "CodeSystem",
    "ConceptMap",
    "ImplementationGuide",
    "Measure",
    "OperationDefinition",
    "StructureDefinition",
    "ValueSet",
];

/// Reads all of it.
///
/// # Errors
/// `Internal` if a line is no JSON.
pub fn resources() -> Result<Vec<Value>> {
    read(LINES)
}

/// An example of each profile.
///
/// # Errors
/// As [`resources`].
pub fn examples() -> Result<Vec<Value>> {
    read(EXAMPLES)
}

fn read(lines: &str) -> Result<Vec<Value>> {
    lines.lines().map(|line| serde_json::from_str(line).map_err(Error::internal)).collect()
}

/// The codes of a value set, each with its system: those that it lists, or all of a code system.
pub fn codes(guide: &[Value], value_set: &str) -> BTreeSet<(String, String)> {
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let of = |kind: &str, url: &str| {
        guide.iter().find(|one| text(one, "resourceType") == kind && text(one, "url") == url)
    };
    let set = of("ValueSet", value_set).and_then(|set| set.pointer("/compose/include"));
    let mut all = BTreeSet::new();
    for part in set.and_then(Value::as_array).into_iter().flatten() {
        let system = text(part, "system");
        let whole = || of("CodeSystem", &system).and_then(|of| of.get("concept"));
        let concepts = part.get("concept").or_else(whole);
        let concepts = concepts.and_then(Value::as_array).into_iter().flatten();
        all.extend(concepts.map(|concept| (system.clone(), text(concept, "code"))));
    }
    all
}
