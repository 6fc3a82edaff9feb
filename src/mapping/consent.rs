//! A stored Consent in FHIR: the accepted text, as `records`.
//!
//! Pure. No grant can name it: it is released to the person, a representative for what they gave, an
//! officer and the client that wrote it. Source: FHIR R4 consent.html.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    compartment::Recorded,
    fhir::{
        segment::{Builder, Resource, Stamp},
        types::ResourceType,
    },
    mapping::{
        context::Context,
        text::{reference, token},
    },
};

/// The Consent.
pub fn resource(held: &Recorded, context: &mut Context<'_>) -> Resource {
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-consent";
    let given_by = held.given_by();
    let writer = Some(Arc::clone(&held.owner));
    let kind = context.record_kind(ResourceType::Consent, given_by, writer);
    let language = context.language();
    let mut b = Builder::new(ResourceType::Consent, Arc::clone(&held.id), profile, &language);
    b.narrative(|b| b.line(&[kind], held.category()));
    let at = b.stamp(Stamp {
        changed: held.recorded,
        status: held.status().into(),
        authored: held.recorded.to_string().into(),
    });
    let skip = ["resourceType", "id", "meta", "language", "text", "patient"];
    for (name, value) in held.body.as_object().into_iter().flatten() {
        if !skip.contains(&name.as_str()) {
            b.content(&[kind], at, name, value);
        }
    }
    b.content(&[kind], at, "patient", &context.subject());
    b.row(&[kind], "patient", reference("Patient", &context.compartment.patient));
    b.row(&[kind], "status", token(None, held.status()));
    for identifier in held.body.get("identifier").and_then(Value::as_array).into_iter().flatten() {
        let part = |name| identifier.get(name).and_then(Value::as_str);
        if let Some(value) = part("value") {
            b.row(&[kind], "identifier", token(part("system"), value));
        }
    }
    b.row(&[kind], "category", token(Some("urn:mylife:consent-kind"), held.category()));
    b.build()
}
