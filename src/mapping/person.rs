//! A person in FHIR: Patient and `RelatedPerson`.
//!
//! Pure. Identifier, name and birth date go where a themed segment of the person goes; contact is a
//! withheld class; a representative is `records`. Sources: FHIR R4 patient.html; HL7 Finland base
//! profiles (CC0) for identifier and municipality.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    compartment::Held,
    domain::{
        class::{Class, ClassSet},
        identity,
        person::{Person, Relation, Representation, related_id},
        theme::ThemeSet,
        words::Words,
    },
    fhir::{
        coding::coding,
        segment::{Resource, Stamp},
        types::ResourceType,
    },
    mapping::{
        context::Context,
        text::{reference, token},
    },
};

const MUNICIPALITY: &str =
    "https://hl7.fi/fhir/finnish-base-profiles/StructureDefinition/municipality-code";

/// The Patient.
pub fn patient(held: &Held<Person>, context: &mut Context<'_>) -> Resource {
    let person = &held.native;
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-patient";
    let id = Arc::clone(&context.compartment.patient);
    let language = context.language();
    let kind = context.identity_kind();
    let contact = ClassSet::EMPTY.with(Class::Contact);
    let contact = context.kind(ResourceType::Patient, ThemeSet::EMPTY, contact);
    let mut b = context.builder(ResourceType::Patient, id, profile, &language);
    let name = full_name(person);
    b.narrative(|b| b.line(&[kind], &name));
    let at = b.stamp(stamp(held, "identity"));
    let at_contact = b.stamp(stamp(held, "contact"));
    if let Some(municipality) = &person.municipality {
        let code = coding("urn:oid:1.2.246.537.6.21", municipality.as_str());
        b.content(
            &[contact],
            at_contact,
            "extension",
            || json!([{ "url": MUNICIPALITY, "valueCoding": code }]),
        );
    }
    if let Some(code) = &person.identity_code {
        let kind_of =
            json!({ "coding": [coding("http://terminology.hl7.org/CodeSystem/v2-0203", "NNFIN")] });
        let identifier = json!([{
            "use": "official", "type": kind_of, "system": identity::SYSTEM, "value": code.reveal(),
        }]);
        b.content(&[kind], at, "identifier", || identifier);
        b.row(&[kind], "identifier", token(Some(identity::SYSTEM), code.reveal()));
    }
    b.frame("active", || json!(true));
    let (family, given) = (person.name.family.as_str(), given(person));
    let parts = json!([{ "use": "official", "text": name, "family": family, "given": given }]);
    b.rows(&[kind], || json!({ "name": parts }));
    b.content(&[kind], at, "name", || parts);
    let telecom = telecom(person);
    b.rows(&[contact], || json!({ "telecom": telecom }));
    if !telecom.is_empty() {
        b.content(&[contact], at_contact, "telecom", || Value::Array(telecom));
    }
    if let Some(birth) = person.birth_date {
        b.rows(&[kind], || json!({ "birthDate": birth.to_string() }));
        b.content(&[kind], at, "birthDate", || json!(birth.to_string()));
    }
    if let Some(address) = person.contact.as_ref().and_then(|c| c.address.as_ref()) {
        let address = json!([{ "text": address.as_str() }]);
        b.rows(&[contact], || json!({ "address": address }));
        b.content(&[contact], at_contact, "address", || address);
    }
    b.frame_rows(|| json!({ "active": true }));
    b.build()
}

/// A `RelatedPerson` for somebody who may act for the person.
pub fn related(held: &Held<Person>, of: &Representation, context: &mut Context<'_>) -> Resource {
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-relatedperson";
    let id = related_id(&context.compartment.patient, of.id.as_str());
    let who = format!("RelatedPerson/{id}");
    let kind = context.record_kind(ResourceType::RelatedPerson, Some(who.into()), None);
    let language = context.language();
    let mut b = context.builder(ResourceType::RelatedPerson, id, profile, &language);
    b.narrative(|b| b.line(&[kind], of.who.name.as_str()));
    let at = b.stamp(stamp(held, &format!("representation:{}", of.id.as_str())));
    b.frame("patient", || context.subject());
    let role = match of.relation {
        Relation::Guardian => "GUARD",
        Relation::Authorised => "DELEGATEE",
    };
    let system = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let relationship = json!([{ "coding": [coding(system, role)] }]);
    let name = json!([{ "text": of.who.name.as_str() }]);
    b.rows(&[kind], || json!({ "relationship": relationship, "name": name }));
    b.content(&[kind], at, "relationship", || relationship);
    b.content(&[kind], at, "name", || name);
    b.row(&[kind], "patient", reference("Patient", &context.compartment.patient));
    b.build()
}

fn full_name(person: &Person) -> String {
    format!("{} {}", given(person).join(" "), person.name.family.as_str())
}

fn given(person: &Person) -> Vec<&str> {
    person.name.given.iter().map(Words::as_str).collect()
}

fn telecom(person: &Person) -> Vec<Value> {
    let contact = person.contact.as_ref();
    let phone = contact.and_then(|c| c.phone.as_ref()).map(|w| ("phone", w));
    let email = contact.and_then(|c| c.email.as_ref()).map(|w| ("email", w));
    phone
        .into_iter()
        .chain(email)
        .map(|(system, value)| json!({ "system": system, "value": value.as_str() }))
        .collect()
}

fn stamp(held: &Held<Person>, key: &str) -> Stamp {
    let changed = held.parts.of(key).map_or(held.recorded, |p| p.change.changed);
    Stamp { changed, status: "active".into(), authored: "".into() }
}
