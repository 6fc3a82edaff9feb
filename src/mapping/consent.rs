//! A stored Consent in FHIR: the accepted text, as `records`.
//!
//! Pure. No grant can name it: it is released to the person, a representative for what they gave, an
//! officer and the client that wrote it. Source: FHIR R4 consent.html.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    compartment::Recorded,
    fhir::{
        segment::{KindId, Resource, Stamp},
        types::ResourceType,
    },
    mapping::{context::Context, text::reference},
};

/// Meets the kinds of a Consent and its Provenance.
pub fn meet(held: &Recorded, context: &mut Context<'_>) {
    kind(ResourceType::Consent, held, context);
    if held.provenance.is_some() {
        kind(ResourceType::Provenance, held, context);
    }
}

/// The kind of a Consent, or of its Provenance.
pub(super) fn kind(of: ResourceType, held: &Recorded, context: &mut Context<'_>) -> KindId {
    context.record_kind(of, held.given_by.clone(), Some(Arc::clone(&held.owner)))
}

/// The Consent.
pub fn resource(held: &Recorded, context: &mut Context<'_>) -> Resource {
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-consent";
    let kind = kind(ResourceType::Consent, held, context);
    let consent = held.consent();
    let status = consent.get("status").and_then(Value::as_str).unwrap_or("inactive");
    // An imported one has no category of ours.
    let category = consent.pointer("/category/0/coding/0/code");
    let category = category.and_then(Value::as_str).unwrap_or("consent");
    let language = context.language();
    let mut b = context.builder(ResourceType::Consent, Arc::clone(&held.id), profile, &language);
    b.narrative(|b| b.line(&[kind], category));
    let at = b.stamp(Stamp {
        changed: held.recorded,
        status: status.into(),
        authored: held.recorded.to_string().into(),
    });
    let skip = ["resourceType", "id", "meta", "language", "text", "patient"];
    for (name, value) in consent.as_object().into_iter().flatten() {
        if !skip.contains(&name.as_str()) {
            let value = named(value, &context.subject());
            b.rows(&[kind], || json!({ name: value }));
            b.content(&[kind], at, name, || value);
        }
    }
    b.content(&[kind], at, "patient", || context.subject());
    b.row(&[kind], "patient", reference("Patient", &context.compartment.patient));
    b.build()
}

/// What was said of the person before a Patient was known is said of the Patient, so that whoever
/// reads the Consent can write it again.
fn named(value: &Value, patient: &Value) -> Value {
    match value.as_array() {
        Some(all) => all.iter().map(|one| named(one, patient)).collect(),
        None if *value == Recorded::the_person() => patient.clone(),
        None => value.clone(),
    }
}
