//! The search parameters of each resource type: what works, and nothing else.
//!
//! Read by the parser and by the `CapabilityStatement`, so they cannot disagree. Names are those of
//! FHIR R4's `SearchParameter` resources.

use crate::fhir::types::ResourceType;

/// How a parameter's value is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// `date`: prefix and partial date.
    Date,
    /// `reference`: `Type/id`, `id`, or an absolute URL of this gateway.
    Reference,
    /// `token`: `code`, `system|code`, `|code`, `system|`.
    Token,
    /// `uri`: exact.
    Uri,
    /// `reference` to what a canonical url names: that url, with its version or without.
    Canonical,
}

impl Type {
    /// The code in `CapabilityStatement.rest.resource.searchParam.type`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Reference | Self::Canonical => "reference",
            Self::Token => "token",
            Self::Uri => "uri",
        }
    }
}

/// A parameter that a resource type has.
pub type Param = (&'static str, Type);

use Type::{Canonical, Date, Reference, Token, Uri};

/// What every type has.
pub const COMMON: &[Param] = &[("_id", Token), ("_lastUpdated", Date), ("_security", Token)];

/// Parameters that shape the answer and select nothing.
pub const CONTROL: &[&str] = &["_count", "_sort", "_total", "_format", "_cursor"];

/// What only some types have, by FHIR name.
#[expect(clippy::too_many_lines, reason = "it is one table")]
pub const fn of(kind: ResourceType) -> &'static [Param] {
    match kind {
        ResourceType::Patient
        | ResourceType::Organization
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole
        | ResourceType::HealthcareService
        | ResourceType::Location => &[("identifier", Token)],
        ResourceType::Questionnaire => &[("identifier", Token), ("status", Token), ("url", Uri)],
        ResourceType::QuestionnaireResponse => &[
            ("patient", Reference),
            ("subject", Reference),
            ("authored", Date),
            ("status", Token),
            ("questionnaire", Canonical),
            ("identifier", Token),
        ],
        ResourceType::Observation => &[
            ("patient", Reference),
            ("subject", Reference),
            ("date", Date),
            ("status", Token),
            ("code", Token),
            ("category", Token),
            ("derived-from", Reference),
        ],
        ResourceType::CarePlan => &[
            ("patient", Reference),
            ("subject", Reference),
            ("date", Date),
            ("status", Token),
            ("category", Token),
            ("care-team", Reference),
            ("identifier", Token),
        ],
        ResourceType::Goal => &[
            ("patient", Reference),
            ("subject", Reference),
            ("lifecycle-status", Token),
            ("start-date", Date),
            ("category", Token),
        ],
        ResourceType::ServiceRequest => &[
            ("patient", Reference),
            ("subject", Reference),
            ("authored", Date),
            ("status", Token),
            ("intent", Token),
            ("code", Token),
            ("category", Token),
            ("based-on", Reference),
        ],
        ResourceType::Task => &[
            ("patient", Reference),
            ("subject", Reference),
            ("authored-on", Date),
            ("status", Token),
            ("code", Token),
            ("based-on", Reference),
        ],
        ResourceType::CareTeam => &[
            ("patient", Reference),
            ("subject", Reference),
            ("status", Token),
            ("category", Token),
            ("participant", Reference),
        ],
        ResourceType::Consent => &[
            ("patient", Reference),
            ("status", Token),
            ("identifier", Token),
            ("category", Token),
            ("actor", Reference),
            ("date", Date),
            ("period", Date),
        ],
        ResourceType::Provenance => {
            &[("patient", Reference), ("target", Reference), ("recorded", Date)]
        }
        ResourceType::RelatedPerson => &[("patient", Reference)],
        ResourceType::AuditEvent => &[
            ("patient", Reference),
            ("date", Date),
            ("action", Token),
            ("outcome", Token),
            ("type", Token),
            ("subtype", Token),
            ("entity", Reference),
        ],
    }
}

/// The parameter of this name, where the type has it.
pub fn find(kind: ResourceType, name: &str) -> Option<Param> {
    COMMON.iter().chain(of(kind)).find(|(n, _)| *n == name).copied()
}

/// The system of a parameter's codes where the element is a FHIR `code` and so names none.
pub fn system(kind: ResourceType, name: &str) -> Option<&'static str> {
    match (kind, name) {
        (ResourceType::QuestionnaireResponse, "status") => {
            Some("http://hl7.org/fhir/questionnaire-answers-status")
        }
        (ResourceType::Observation, "status") => Some("http://hl7.org/fhir/observation-status"),
        (ResourceType::CarePlan | ResourceType::ServiceRequest, "status") => {
            Some("http://hl7.org/fhir/request-status")
        }
        (ResourceType::ServiceRequest, "intent") => Some("http://hl7.org/fhir/request-intent"),
        (ResourceType::Goal, "lifecycle-status") => Some("http://hl7.org/fhir/goal-status"),
        (ResourceType::Task, "status") => Some("http://hl7.org/fhir/task-status"),
        (ResourceType::CareTeam, "status") => Some("http://hl7.org/fhir/care-team-status"),
        (ResourceType::Consent, "status") => Some("http://hl7.org/fhir/consent-state-codes"),
        (ResourceType::AuditEvent, "action") => Some("http://hl7.org/fhir/audit-event-action"),
        (ResourceType::AuditEvent, "outcome") => Some("http://hl7.org/fhir/audit-event-outcome"),
        (ResourceType::Questionnaire, "status") => Some("http://hl7.org/fhir/publication-status"),
        (_, _) => None,
    }
}
