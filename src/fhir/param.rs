//! The search parameters of each resource type: what works, and nothing else.
//!
//! Floor of the house: read by the mappings that make rows, by the parser of questions and by the
//! `CapabilityStatement`, so they cannot disagree. Names are those of FHIR R4's `SearchParameter`
//! resources; a parameter that looks where nothing of ours ever stands is left out.

use crate::fhir::types::ResourceType;

/// How a parameter's value is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// `date`: prefix and partial date.
    Date,
    /// `reference`: `Type/id`, `id`, or an absolute URL of this gateway.
    Reference,
    /// `string`: the beginning, whatever the case and the marks on letters.
    Text,
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
            Self::Text => "string",
            Self::Token => "token",
            Self::Uri => "uri",
        }
    }
}

/// A parameter that a resource type has.
pub type Param = (&'static str, Type);

use Type::{Canonical, Date, Reference, Text, Token, Uri};

/// What every type has.
pub const COMMON: &[Param] =
    &[("_id", Token), ("_lastUpdated", Date), ("_profile", Uri), ("_security", Token)];

/// What only some types have, by FHIR name.
#[expect(clippy::too_many_lines, reason = "it is one table")]
pub const fn of(kind: ResourceType) -> &'static [Param] {
    match kind {
        ResourceType::Patient => &[
            ("identifier", Token),
            ("active", Token),
            ("name", Text),
            ("family", Text),
            ("given", Text),
            ("birthdate", Date),
            ("telecom", Token),
            ("phone", Token),
            ("email", Token),
            ("address", Text),
        ],
        ResourceType::Organization => {
            &[("identifier", Token), ("active", Token), ("name", Text), ("partof", Reference)]
        }
        ResourceType::Practitioner => &[("active", Token), ("name", Text)],
        ResourceType::PractitionerRole => {
            &[("active", Token), ("practitioner", Reference), ("organization", Reference)]
        }
        ResourceType::HealthcareService => {
            &[("active", Token), ("name", Text), ("organization", Reference)]
        }
        ResourceType::Location => &[("status", Token), ("name", Text), ("organization", Reference)],
        ResourceType::Questionnaire => &[
            ("identifier", Token),
            ("status", Token),
            ("url", Uri),
            ("version", Token),
            ("name", Text),
            ("title", Text),
            ("code", Token),
            ("subject-type", Token),
        ],
        ResourceType::QuestionnaireResponse => &[
            ("patient", Reference),
            ("subject", Reference),
            ("source", Reference),
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
            ("combo-code", Token),
            ("category", Token),
            ("derived-from", Reference),
        ],
        ResourceType::CarePlan => &[
            ("patient", Reference),
            ("subject", Reference),
            ("date", Date),
            ("status", Token),
            ("intent", Token),
            ("category", Token),
            ("care-team", Reference),
            ("goal", Reference),
            ("activity-reference", Reference),
            ("identifier", Token),
        ],
        ResourceType::Goal => &[
            ("patient", Reference),
            ("subject", Reference),
            ("identifier", Token),
            ("lifecycle-status", Token),
            ("achievement-status", Token),
            ("start-date", Date),
            ("target-date", Date),
            ("category", Token),
        ],
        ResourceType::ServiceRequest => &[
            ("patient", Reference),
            ("subject", Reference),
            ("identifier", Token),
            ("authored", Date),
            ("occurrence", Date),
            ("status", Token),
            ("intent", Token),
            ("code", Token),
            ("category", Token),
            ("based-on", Reference),
            ("performer", Reference),
        ],
        ResourceType::Task => &[
            ("patient", Reference),
            ("subject", Reference),
            ("identifier", Token),
            ("authored-on", Date),
            ("status", Token),
            ("intent", Token),
            ("code", Token),
            ("based-on", Reference),
            ("focus", Reference),
            ("owner", Reference),
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
            ("scope", Token),
            ("actor", Reference),
            ("consentor", Reference),
            ("organization", Reference),
            ("data", Reference),
            ("action", Token),
            ("purpose", Token),
            ("security-label", Token),
            ("date", Date),
            ("period", Date),
        ],
        ResourceType::Provenance => &[
            ("patient", Reference),
            ("target", Reference),
            ("agent", Reference),
            ("agent-type", Token),
            ("recorded", Date),
        ],
        // Its search is not one of people: see `gateway::subscription`.
        ResourceType::Subscription => &[],
        ResourceType::RelatedPerson => {
            &[("patient", Reference), ("relationship", Token), ("name", Text)]
        }
        ResourceType::AuditEvent => &[
            ("patient", Reference),
            ("date", Date),
            ("action", Token),
            ("outcome", Token),
            ("type", Token),
            ("subtype", Token),
            ("entity", Reference),
            ("entity-type", Token),
            ("entity-role", Token),
            ("agent", Reference),
            ("source", Reference),
            ("site", Token),
            ("address", Text),
            ("policy", Uri),
        ],
    }
}

/// The parameter of this name, where the type has it.
pub fn find(kind: ResourceType, name: &str) -> Option<Param> {
    COMMON.iter().chain(of(kind)).find(|(n, _)| *n == name).copied()
}

/// Does its value tell who somebody is or where they live? Then it stands in no URL.
pub fn is_private(kind: ResourceType, name: &str) -> bool {
    let names = ["name", "family", "given", "birthdate", "telecom", "phone", "email", "address"];
    match kind {
        ResourceType::Patient | ResourceType::RelatedPerson => names.contains(&name),
        ResourceType::AuditEvent
        | ResourceType::CarePlan
        | ResourceType::CareTeam
        | ResourceType::Consent
        | ResourceType::Goal
        | ResourceType::HealthcareService
        | ResourceType::Location
        | ResourceType::Observation
        | ResourceType::Organization
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole
        | ResourceType::Provenance
        | ResourceType::Questionnaire
        | ResourceType::QuestionnaireResponse
        | ResourceType::ServiceRequest
        | ResourceType::Subscription
        | ResourceType::Task => false,
    }
}

/// The types that a reference of this parameter can lead to; with R4's others there is nothing.
pub fn targets(kind: ResourceType, name: &str) -> &'static [ResourceType] {
    use ResourceType as T;
    match (kind, name) {
        (_, "patient" | "subject") | (T::QuestionnaireResponse, "source") => &[T::Patient],
        (T::QuestionnaireResponse, "questionnaire") => &[T::Questionnaire],
        (T::Observation, "derived-from") => &[T::QuestionnaireResponse],
        (T::CarePlan, "care-team") => &[T::CareTeam],
        (T::CarePlan, "goal") => &[T::Goal],
        (T::Task, "focus") => &[T::Goal, T::CarePlan, T::CareTeam, T::ServiceRequest, T::Task],
        (T::CarePlan, "activity-reference") => &[T::ServiceRequest, T::Task],
        (T::ServiceRequest | T::Task, "based-on") => &[T::CarePlan],
        (T::ServiceRequest, "performer") => &[T::HealthcareService],
        (T::Task, "owner") => &[T::Patient, T::Practitioner, T::PractitionerRole],
        (T::CareTeam, "participant") | (T::PractitionerRole, "practitioner") => &[T::Practitioner],
        (T::Consent, "actor") => {
            &[T::Organization, T::Practitioner, T::PractitionerRole, T::RelatedPerson, T::Patient]
        }
        (T::Consent, "consentor") => &[T::Patient, T::RelatedPerson],
        (T::Consent | T::PractitionerRole | T::HealthcareService | T::Location, "organization")
        | (T::Organization, "partof") => &[T::Organization],
        (T::Consent, "data") | (T::AuditEvent, "entity") => &[
            T::CarePlan,
            T::CareTeam,
            T::Consent,
            T::Goal,
            T::Observation,
            T::Patient,
            T::Provenance,
            T::QuestionnaireResponse,
            T::RelatedPerson,
            T::ServiceRequest,
            T::Task,
        ],
        (T::Provenance, "target") => {
            &[T::CarePlan, T::Consent, T::Patient, T::QuestionnaireResponse]
        }
        (_, _) => &[],
    }
}

/// The rows of values that a modifier looks at in place of a parameter's own: the words of a code, the
/// identifier of a reference. Each is named by parameter and modifier.
pub const fn beside_all(kind: ResourceType) -> &'static [Param] {
    match kind {
        ResourceType::Observation | ResourceType::ServiceRequest => &[("code:text", Text)],
        ResourceType::Consent => &[("actor:identifier", Token)],
        ResourceType::Provenance => &[("agent:identifier", Token)],
        ResourceType::AuditEvent => &[("agent:identifier", Token), ("source:identifier", Token)],
        ResourceType::CarePlan
        | ResourceType::CareTeam
        | ResourceType::Goal
        | ResourceType::HealthcareService
        | ResourceType::Location
        | ResourceType::Organization
        | ResourceType::Patient
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole
        | ResourceType::Questionnaire
        | ResourceType::QuestionnaireResponse
        | ResourceType::RelatedPerson
        | ResourceType::Subscription
        | ResourceType::Task => &[],
    }
}

/// The row beside a parameter's under a modifier, where there is one.
pub fn beside(kind: ResourceType, name: &str, modifier: &str) -> Option<Param> {
    let mut all = beside_all(kind).iter();
    all.find(|(row, _)| row.split_once(':') == Some((name, modifier))).copied()
}

/// The modifiers that a parameter takes, beside the types of its targets.
pub fn modifiers(kind: ResourceType, name: &str) -> Vec<&'static str> {
    let Some((name, of)) = find(kind, name) else { return Vec::new() };
    // Who is asked about is one person, not everybody else.
    if matches!(name, "patient" | "subject" | "_id") {
        return Vec::new();
    }
    if (kind, name) == (ResourceType::Patient, "identifier") {
        return vec!["of-type"];
    }
    let mut all = match of {
        Text => vec!["exact", "contains", "missing"],
        Token => vec!["not", "in", "not-in", "missing"],
        Date | Reference | Canonical | Uri => vec!["missing"],
    };
    let more = ["text", "identifier"];
    all.extend(more.into_iter().filter(|modifier| beside(kind, name, modifier).is_some()));
    all
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
        (ResourceType::CarePlan | ResourceType::ServiceRequest | ResourceType::Task, "intent") => {
            Some("http://hl7.org/fhir/request-intent")
        }
        (ResourceType::Goal, "lifecycle-status") => Some("http://hl7.org/fhir/goal-status"),
        (ResourceType::Task, "status") => Some("http://hl7.org/fhir/task-status"),
        (ResourceType::CareTeam, "status") => Some("http://hl7.org/fhir/care-team-status"),
        (ResourceType::Consent, "status") => Some("http://hl7.org/fhir/consent-state-codes"),
        (ResourceType::AuditEvent, "action") => Some("http://hl7.org/fhir/audit-event-action"),
        (ResourceType::AuditEvent, "outcome") => Some("http://hl7.org/fhir/audit-event-outcome"),
        (ResourceType::Location, "status") => Some("http://hl7.org/fhir/location-status"),
        (ResourceType::Questionnaire, "subject-type") => Some("http://hl7.org/fhir/resource-types"),
        (ResourceType::Questionnaire, "status") => Some("http://hl7.org/fhir/publication-status"),
        (_, _) => None,
    }
}
