//! The strict form in which a Consent may be written to this gateway: `MyLifeConsent`.
//!
//! A write is checked here before it is committed; what passes is decided by [`super::decide`]
//! without anything unknown. Source: `consent` 1.3. It refuses, it never repairs; and it says
//! which rule is broken and where, never what stood there.

pub mod authority;
pub mod provenance;
pub(in crate::consent) mod provision;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    label,
    name::Name,
    policy::{Giver, Origin, Policy, is_element},
    rule::{coding, codings},
};
use crate::{
    domain::moment::Moment,
    error::{self, Error, Result},
    fhir::date,
    json::{list, text},
};

/// Which of the two forms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Permits and never forbids.
    Grant,
    /// Forbids and never permits.
    Prohibition,
}

/// `Consent.status`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// In force.
    Active,
    /// Not yet.
    Draft,
    /// Never was.
    EnteredInError,
    /// Revoked.
    Inactive,
    /// Not yet.
    Proposed,
    /// Never will be.
    Rejected,
}

/// A business identifier. Not for logs: the patient's is the identity code.
#[derive(Clone, Eq, PartialEq)]
pub struct Identifier {
    /// The name space.
    pub system: Arc<str>,
    /// The value in it.
    pub value: Arc<str>,
}

/// Whose data the consent speaks of; at least one of the two is there.
#[derive(Clone)]
pub struct Patient {
    /// `Patient/id`.
    pub reference: Option<Arc<str>>,
    /// The person by identifier, to be resolved by the writer.
    pub identifier: Option<Identifier>,
}

/// A Consent that follows the form, and what a writer needs of it.
pub struct Accepted {
    /// Grant or prohibition.
    pub kind: Kind,
    /// Its status.
    pub status: Status,
    /// Its own identifiers.
    pub identifiers: Vec<Identifier>,
    /// Whose data it speaks of.
    pub patient: Patient,
    /// Everybody named as requester in any of its rules; whether they are listed, whoever writes it asks.
    pub recipients: Vec<Name>,
    /// Who gave it.
    pub performers: Vec<Name>,
}

/// Has a Consent of any form no more rules than a decision may cost?
///
/// # Errors
/// `Unprocessable`.
pub fn bounded(consent: &Value) -> Result<()> {
    provision::bounded(consent)
}

/// Checks a Consent to be written. The first rule broken is `Kind::Unprocessable`, with the place
/// as a `FHIRPath`.
pub fn check(consent: &Value) -> Result<Accepted> {
    let members = consent.as_object().filter(|_| text(consent, "resourceType") == Some("Consent"));
    let members = members.ok_or_else(|| broken("Consent", "Send one Consent resource."))?;
    bounded(consent)?;
    nothing_modified(consent, "Consent")?;
    if let Some(key) = members.keys().find(|key| !is_element(key) || *key == "policyRule") {
        return Err(broken(
            &format!("Consent.{key}"),
            "Leave this element out: it is none that a consent of this gateway may have.",
        ));
    }
    let kind = kind(consent)?;
    let accepted = Accepted {
        kind,
        status: status(consent)?,
        identifiers: identifiers(consent)?,
        patient: patient(consent)?,
        performers: performers(consent)?,
        recipients: provision::check(consent.get("provision"), kind)?,
    };
    scope(consent)?;
    policy_uri(consent)?;
    let policy = Policy::parse(consent, Origin::default());
    if policy.giver == Giver::Unclear {
        let say = "Name the performer by reference, or with its type, or as the patient is named.";
        return Err(broken("Consent.performer", say));
    }
    if !policy.is_certain() {
        let say = "Use only codes, references and dates that this gateway can decide on.";
        return Err(broken("Consent.provision", say));
    }
    Ok(accepted)
}

/// How far clocks may differ.
const SKEW: Duration = Duration::from_mins(5);

/// Does the Consent say that it was given after `now`? A date of the past decides nothing: it is in force
/// from when it is written here.
///
/// # Errors
/// `Unprocessable` for a time ahead, or one that cannot be read.
pub fn check_time(consent: &Value, now: Moment) -> Result<()> {
    let Some(given) = consent.get("dateTime") else { return Ok(()) };
    let first = given.as_str().and_then(date::range).map(|(first, _)| first);
    if first.is_none_or(|first| first > now.plus(SKEW)) {
        let say =
            "dateTime is when the consent was given: a time with a zone, or a day, not ahead.";
        return Err(broken("Consent.dateTime", say));
    }
    Ok(())
}

fn broken(place: &str, say: &'static str) -> Error {
    Error::new(error::Kind::Unprocessable, say).at(place)
}

/// What could turn the meaning of an element around may stand nowhere.
fn nothing_modified(value: &Value, place: &str) -> Result<()> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            let place = format!("{place}.{key}");
            if matches!(key.as_str(), "modifierExtension" | "implicitRules") {
                let say = "Leave modifierExtension and implicitRules out: they change meanings.";
                return Err(broken(&place, say));
            }
            nothing_modified(member, &place)
        }),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .try_for_each(|(at, element)| nothing_modified(element, &format!("{place}[{at}]"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn status(consent: &Value) -> Result<Status> {
    Ok(match text(consent, "status") {
        Some("active") => Status::Active,
        Some("draft") => Status::Draft,
        Some("entered-in-error") => Status::EnteredInError,
        Some("inactive") => Status::Inactive,
        Some("proposed") => Status::Proposed,
        Some("rejected") => Status::Rejected,
        Some(_) | None => {
            return Err(broken("Consent.status", "Give a status of FHIR R4 Consent."));
        }
    })
}

fn scope(consent: &Value) -> Result<()> {
    let codings = consent.get("scope").map(codings).unwrap_or_default();
    let privacy = (Some(label::SCOPE), Some("patient-privacy"));
    if codings.is_empty() || codings.iter().any(|value| coding(value) != privacy) {
        return Err(broken("Consent.scope", "The scope must be patient-privacy alone."));
    }
    Ok(())
}

fn kind(consent: &Value) -> Result<Kind> {
    let own: Vec<_> = list(consent, "category")
        .iter()
        .flat_map(codings)
        .map(coding)
        .filter(|(system, _)| *system == Some(label::CONSENT_KIND))
        .map(|(_, code)| code)
        .collect();
    match own.as_slice() {
        [Some("grant")] => Ok(Kind::Grant),
        [Some("prohibition")] => Ok(Kind::Prohibition),
        _ => Err(broken(
            "Consent.category",
            "Give exactly one category of urn:mylife:consent-kind: grant or prohibition.",
        )),
    }
}

fn policy_uri(consent: &Value) -> Result<()> {
    match list(consent, "policy") {
        [policy] if text(policy, "uri") == Some(label::POLICY) => Ok(()),
        _ => {
            Err(broken("Consent.policy.uri", "Give one policy, whose uri is urn:mylife:policy:1."))
        }
    }
}

/// The identifiers of a Consent of any form.
///
/// # Errors
/// `Unprocessable` for one without system or value.
pub fn identifiers(consent: &Value) -> Result<Vec<Identifier>> {
    let say = "Give every identifier a system and a value.";
    let Some(list) = consent.get("identifier") else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(|| broken("Consent.identifier", say))?;
    list.iter()
        .enumerate()
        .map(|(at, one)| {
            identifier(one).ok_or_else(|| broken(&format!("Consent.identifier[{at}]"), say))
        })
        .collect()
}

fn identifier(value: &Value) -> Option<Identifier> {
    let part = |key| text(value, key).filter(|part| !part.is_empty()).map(Arc::from);
    Some(Identifier { system: part("system")?, value: part("value")? })
}

/// Whose data a Consent of any form speaks of.
///
/// # Errors
/// `Unprocessable` if nobody is named.
pub fn patient(consent: &Value) -> Result<Patient> {
    let patient = consent.get("patient");
    let name = patient.map(Name::parse).unwrap_or_default();
    let reference = name.reference().filter(|_| name.kind() == Some("Patient")).cloned();
    let identifier = patient.and_then(|p| p.get("identifier")).and_then(identifier);
    if reference.is_none() && identifier.is_none() {
        let say = "Name the patient, as Patient/id or by an identifier with system and value.";
        return Err(broken("Consent.patient", say));
    }
    Ok(Patient { reference, identifier })
}

fn performers(consent: &Value) -> Result<Vec<Name>> {
    let performers: Vec<Name> = list(consent, "performer").iter().map(Name::parse).collect();
    if performers.is_empty() || performers.iter().any(Name::is_unresolvable) {
        let say = "Name who gave the consent, by reference or identifier.";
        return Err(broken("Consent.performer", say));
    }
    Ok(performers)
}
