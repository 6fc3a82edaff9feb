//! A stored Consent in FHIR: the accepted text, as `records`.
//!
//! Pure. No grant can name it: it is released to the person, a representative for what they gave, an
//! officer and the client that wrote it. Source: FHIR R4 consent.html.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    compartment::Recorded,
    domain::moment::Moment,
    fhir::{
        date::range,
        segment::{Builder, KindId, Resource, RowValue, Stamp},
        types::ResourceType,
    },
    mapping::{
        context::Context,
        text::{date, reference, token},
    },
};

/// The Consent.
pub fn resource(held: &Recorded, context: &mut Context<'_>) -> Resource {
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-consent";
    let writer = Some(Arc::clone(&held.owner));
    let kind = context.record_kind(ResourceType::Consent, held.given_by.clone(), writer);
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
            b.content(&[kind], at, name, || named(value, &context.subject()));
        }
    }
    b.content(&[kind], at, "patient", || context.subject());
    b.row(&[kind], "patient", reference("Patient", &context.compartment.patient));
    b.row(&[kind], "status", token(None, status));
    for identifier in consent.get("identifier").and_then(Value::as_array).into_iter().flatten() {
        let part = |name| identifier.get(name).and_then(Value::as_str);
        if let Some(value) = part("value") {
            b.row(&[kind], "identifier", token(part("system"), value));
        }
    }
    for concept in consent.get("category").and_then(Value::as_array).into_iter().flatten() {
        for coding in concept.get("coding").and_then(Value::as_array).into_iter().flatten() {
            let part = |name| coding.get(name).and_then(Value::as_str);
            if let Some(code) = part("code") {
                b.row(&[kind], "category", token(part("system"), code));
            }
        }
    }
    if let Some(given) = consent.get("dateTime").and_then(Value::as_str).and_then(date) {
        b.row(&[kind], "date", given);
    }
    if let Some(root) = consent.get("provision") {
        rule(root, kind, &mut b);
    }
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

/// Who and when a rule names, and those nested in it: a grant says it there.
fn rule(rule: &Value, kind: KindId, b: &mut Builder) {
    let list = |name| rule.get(name).and_then(Value::as_array).into_iter().flatten();
    for actor in list("actor") {
        let named = actor.pointer("/reference/reference").and_then(Value::as_str);
        if let Some((of, id)) = named.and_then(|named| named.split_once('/')) {
            b.row(&[kind], "actor", reference(of, id));
        }
    }
    if let Some(period) = rule.get("period") {
        let end = |name| period.get(name).and_then(Value::as_str).and_then(range);
        let first = end("start").map_or(Moment::MIN, |(first, _)| first);
        let last = end("end").map_or(Moment::MAX, |(_, last)| last);
        b.row::<&str>(&[kind], "period", RowValue::Date(first, last));
    }
    for nested in list("provision") {
        self::rule(nested, kind, b);
    }
}
