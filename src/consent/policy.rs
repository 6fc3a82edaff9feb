//! A FHIR R4 Consent, parsed once into what a decision needs of it.
//!
//! One `Policy` per stored *version*, so that a decision of the past can be made again. Source:
//! `consent` 1.3 and 1.4 (*applicable*). A Consent that is malformed is still a policy: what it
//! leaves open is unknown, never absent, and no error is raised here.

use std::sync::Arc;

use serde_json::Value;

use super::{
    label,
    name::Name,
    rule::{Condition, Rule, coding, codings},
    tri::Tri,
};
use crate::{domain::moment::Moment, json::list};

/// What the store knows of a version and the resource does not say.
#[derive(Clone, Default)]
pub struct Origin {
    /// The person in whose compartment it is, as `Type/id`; how a patient given by identifier was
    /// resolved when it was written.
    pub patient: Option<Arc<str>>,
    /// When this gateway first recorded the consent; unknown is read as *before majority*.
    pub recorded: Option<Moment>,
    /// From when this version was the current one; unbounded if absent.
    pub in_force_from: Option<Moment>,
    /// Before when this version was the current one; unbounded if absent.
    pub in_force_until: Option<Moment>,
}

/// What sort of consent it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Imported: votes either way, conservatively.
    Foreign,
    /// The gateway's own form that only permits.
    Grant,
    /// The gateway's own form that only forbids.
    Prohibition,
}

/// Who gave it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Giver {
    /// The person, or somebody who is certainly no representative.
    Person,
    /// A `RelatedPerson`, and not the person.
    Representative,
    /// A performer is named in a way that cannot be told.
    Unclear,
}

/// One version of one Consent.
#[derive(Clone)]
pub struct Policy {
    /// Id of the Consent.
    pub id: Arc<str>,
    /// Its sort.
    pub kind: Kind,
    /// Does it stand: status, scope, authority of the performer, and nothing that could turn its
    /// meaning around?
    pub standing: Tri,
    /// `Type/id` of whose data it speaks of.
    pub patient: Option<Arc<str>>,
    /// Who gave it.
    pub giver: Giver,
    /// What the store knows of this version.
    pub origin: Origin,
    /// Its root provision.
    pub root: Rule,
}

impl Policy {
    /// Reads a Consent of any quality. `_performer_ok: false` stands, in the golden cases, for a
    /// performer without authority.
    pub fn parse(consent: &Value, origin: Origin) -> Self {
        let (kind, certain) = kind(consent);
        let patient = consent.get("patient").map(Name::parse).unwrap_or_default();
        let authority = consent.get("_performer_ok").and_then(Value::as_bool).unwrap_or(true);
        let standing = Tri::all([
            status(consent.get("status")),
            scope(consent.get("scope")),
            authority.into(),
            if certain && form_is_known(consent, kind) { Tri::True } else { Tri::Unknown },
        ]);
        Self {
            id: consent.get("id").and_then(Value::as_str).unwrap_or_default().into(),
            kind,
            standing,
            giver: giver(consent, &patient, origin.patient.as_deref()),
            patient: patient.reference().cloned().or_else(|| origin.patient.clone()),
            root: Rule::parse(consent.get("provision"), kind == Kind::Foreign),
            origin,
        }
    }

    /// Is there nothing unknown in it?
    pub fn is_certain(&self) -> bool {
        let mut certain = self.standing != Tri::Unknown && self.giver != Giver::Unclear;
        self.root.each(&mut |rule| {
            certain &= rule.effect.is_some() && !rule.conditions.iter().any(Condition::is_open);
        });
        certain
    }
}

/// The consent's sort, and whether it is certain.
fn kind(consent: &Value) -> (Kind, bool) {
    let own: Vec<Option<&str>> = list(consent, "category")
        .iter()
        .flat_map(codings)
        .filter_map(|value| match coding(value) {
            (Some(label::CONSENT_KIND), code) => Some(code),
            _ => None,
        })
        .collect();
    let is = |code| own.contains(&Some(code));
    match (is("prohibition"), is("grant")) {
        (true, _) => (Kind::Prohibition, true),
        (false, true) => (Kind::Grant, own.iter().all(|code| *code == Some("grant"))),
        (false, false) => (Kind::Foreign, own.is_empty()),
    }
}

fn status(status: Option<&Value>) -> Tri {
    match status.and_then(Value::as_str) {
        Some("active") => Tri::True,
        Some("draft" | "proposed" | "rejected" | "inactive" | "entered-in-error") => Tri::False,
        Some(_) | None => Tri::Unknown,
    }
}

fn scope(scope: Option<&Value>) -> Tri {
    let codings = scope.map(codings).unwrap_or_default();
    if codings.is_empty() {
        return Tri::Unknown;
    }
    Tri::any(codings.iter().map(|value| match coding(value) {
        (None | Some(label::SCOPE), Some(code)) => (code == "patient-privacy").into(),
        _ => Tri::Unknown,
    }))
}

/// Are all elements those of an R4 Consent, none of which can turn its meaning around?
fn form_is_known(consent: &Value, kind: Kind) -> bool {
    let Some(members) = consent.as_object() else { return false };
    let policies = list(consent, "policy");
    let ours = |policy: &Value| policy.get("uri").and_then(Value::as_str) == Some(label::POLICY);
    members.keys().all(|key| is_element(key) || matches!(&**key, "_performer_ok" | "_recorded"))
        && policies.iter().all(|policy| policy.get("modifierExtension").is_none())
        && (kind == Kind::Foreign || policies.is_empty() || policies.iter().any(ours))
}

/// The elements of an R4 Consent that can be read without `implicitRules` or a modifier.
pub fn is_element(key: &str) -> bool {
    matches!(
        key,
        "resourceType"
            | "id"
            | "meta"
            | "language"
            | "text"
            | "contained"
            | "extension"
            | "identifier"
            | "status"
            | "scope"
            | "category"
            | "patient"
            | "dateTime"
            | "performer"
            | "organization"
            | "sourceAttachment"
            | "sourceReference"
            | "policy"
            | "policyRule"
            | "verification"
            | "provision"
    )
}

/// Who gave it, as far as the performers tell. The person named among them settles it.
fn giver(consent: &Value, patient: &Name, resolved: Option<&str>) -> Giver {
    let is_patient = |name: &Name| {
        [patient.reference(), patient.identifier()].into_iter().flatten().any(|n| name.equals(n))
            || resolved.is_some_and(|person| name.equals(person))
    };
    let performers = list(consent, "performer");
    let mut giver = Giver::Person;
    for performer in performers {
        let name = Name::parse(performer);
        let kind = performer.get("type").and_then(Value::as_str).or_else(|| name.kind());
        if is_patient(&name) {
            return Giver::Person;
        }
        match (giver, kind) {
            (_, Some("RelatedPerson")) => giver = Giver::Representative,
            (Giver::Person, None) => giver = Giver::Unclear,
            (Giver::Person | Giver::Representative | Giver::Unclear, _) => {}
        }
    }
    giver
}
