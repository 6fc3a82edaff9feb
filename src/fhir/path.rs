//! What the search parameters say of a resource's JSON: the values at their paths.
//!
//! Floor of the house: read by mappings of what is stored as JSON, by the directory, and of what peers
//! released. A path is R4's expression of the parameter as far as something of ours stands there:
//! names, of which lists are walked through, `**` for a rule and those nested in it, `name?system` for a
//! contact point of a system, `|` between two paths. Source: FHIR R4 searchparameter-registry.

use serde_json::Value;

use crate::{
    domain::moment::Moment,
    fhir::{
        date,
        param::{self, Type},
        segment::RowValue,
        types::ResourceType,
    },
};

/// The values of a parameter, or of what stands beside it under a modifier, in a resource's JSON.
pub fn values(
    kind: ResourceType,
    (name, of): param::Param,
    resource: &Value,
) -> Vec<RowValue<&str>> {
    let mut all = Vec::new();
    for path in path(kind, name).split('|') {
        let mut found = Vec::new();
        walk(resource, path, &mut found);
        found.iter().for_each(|value| read(value, of, &mut all));
    }
    if name == "patient" {
        all.retain(|value| matches!(value, RowValue::Reference("Patient", _)));
    }
    all
}

/// Where a parameter looks.
#[expect(
    clippy::too_many_lines,
    clippy::match_same_arms,
    reason = "it is one table, in order of its types"
)]
fn path(kind: ResourceType, name: &'static str) -> &'static str {
    use ResourceType as T;
    match (kind, name) {
        (_, "_id") => "id",
        (_, "_lastUpdated") => "meta.lastUpdated",
        (_, "_profile") => "meta.profile",
        (_, "_security") => "meta.security",
        (T::AuditEvent, "patient") => "entity.what.reference",
        (T::Task, "patient" | "subject") => "for.reference",
        (T::Consent | T::RelatedPerson, "patient") => "patient.reference",
        (T::Provenance, "patient" | "target") => "target.reference",
        (_, "patient" | "subject") => "subject.reference",
        (T::QuestionnaireResponse, "source") => "source.reference",
        (T::Patient, "name") => "name.text|name.family|name.given",
        (T::Patient, "family") => "name.family",
        (T::Patient, "given") => "name.given",
        (T::Patient, "birthdate") => "birthDate",
        (T::Patient, "telecom") => "telecom",
        (T::Patient, "phone") => "telecom?phone",
        (T::Patient, "email") => "telecom?email",
        (T::Patient, "address") => "address.text",
        (T::RelatedPerson | T::Practitioner, "name") => "name.text",
        (T::Organization | T::Location, "name") => "name|alias",
        (T::Organization, "partof") => "partOf.reference",
        (T::PractitionerRole, "practitioner") => "practitioner.reference",
        (T::PractitionerRole | T::Consent, "organization") => "organization.reference",
        (T::HealthcareService, "organization") => "providedBy.reference",
        (T::Location, "organization") => "managingOrganization.reference",
        (T::Questionnaire, "code") => "item.code|item.item.code",
        (T::Questionnaire, "subject-type") => "subjectType",
        (T::Observation, "date") => "effectiveDateTime",
        (T::CarePlan, "date") => "period",
        (T::Consent, "date") => "dateTime",
        (T::AuditEvent, "date") => "recorded",
        (T::Consent, "period") => "provision.**.period",
        (T::Consent, "actor") => "provision.**.actor.reference.reference",
        (T::Consent, "actor:identifier") => "provision.**.actor.reference.identifier",
        (T::Consent, "data") => "provision.**.data.reference.reference",
        (T::Consent, "action") => "provision.**.action",
        (T::Consent, "purpose") => "provision.**.purpose",
        (T::Consent, "security-label") => "provision.**.securityLabel",
        (T::Consent, "consentor") => "performer.reference",
        (T::AuditEvent, "entity") => "entity.what.reference",
        (T::AuditEvent, "entity-type") => "entity.type",
        (T::AuditEvent, "entity-role") => "entity.role",
        (T::AuditEvent | T::Provenance, "agent") => "agent.who.reference",
        (T::AuditEvent | T::Provenance, "agent:identifier") => "agent.who.identifier",
        (T::AuditEvent, "source") => "source.observer.reference",
        (T::AuditEvent, "source:identifier") => "source.observer.identifier",
        (T::AuditEvent, "site") => "source.site",
        (T::AuditEvent, "address") => "agent.network.address",
        (T::AuditEvent, "policy") => "agent.policy",
        (T::Provenance, "agent-type") => "agent.type",
        (_, "lifecycle-status") => "lifecycleStatus",
        (_, "achievement-status") => "achievementStatus",
        (_, "start-date") => "startDate",
        (_, "target-date") => "target.dueDate",
        (T::QuestionnaireResponse, "authored") => "authored",
        (_, "authored" | "authored-on") => "authoredOn",
        (_, "occurrence") => "occurrencePeriod",
        (_, "combo-code") => "code",
        (_, "code:text") => "code.text|code.coding.display",
        (_, "derived-from") => "derivedFrom.reference",
        (_, "care-team") => "careTeam.reference",
        (_, "goal") => "goal.reference",
        (_, "activity-reference") => "activity.reference.reference",
        (_, "based-on") => "basedOn.reference",
        (_, "performer") => "performer.reference",
        (_, "focus") => "focus.reference",
        (_, "owner") => "owner.reference",
        (_, "participant") => "participant.member.reference",
        // The element has the parameter's name.
        (_, name) => name,
    }
}

fn walk<'a>(value: &'a Value, path: &str, found: &mut Vec<&'a Value>) {
    if let Value::Array(all) = value {
        all.iter().for_each(|one| walk(one, path, found));
        return;
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match first {
        "" => found.push(value),
        "**" => {
            walk(value, rest, found);
            if let Some(nested) = value.get("provision") {
                walk(nested, path, found);
            }
        }
        _ => match first.split_once('?') {
            None => value.get(first).into_iter().for_each(|next| walk(next, rest, found)),
            Some((first, system)) => {
                let all = value.get(first).and_then(Value::as_array).into_iter().flatten();
                let of =
                    all.filter(|point| point.get("system").and_then(Value::as_str) == Some(system));
                of.for_each(|point| walk(point, rest, found));
            }
        },
    }
}

/// Reads what stands at a path as values of the parameter's type.
fn read<'a>(value: &'a Value, of: Type, all: &mut Vec<RowValue<&'a str>>) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let coded = |coding: &'a Value| {
        let part = |name| coding.get(name).and_then(Value::as_str);
        Some(RowValue::Token { system: part("system"), code: part("code")? })
    };
    match (of, value) {
        (Type::Date, Value::Object(_)) => {
            let edge = |name| text(name).and_then(date::range);
            let first = edge("start").map_or(Moment::MIN, |(first, _)| first);
            let last = edge("end").map_or(Moment::MAX, |(_, last)| last);
            all.push(RowValue::Date(first, last));
        }
        (Type::Date, Value::String(at)) => {
            all.extend(date::range(at).map(|(first, last)| RowValue::Date(first, last)));
        }
        (Type::Reference, Value::String(to)) => {
            // What follows the id is its version.
            let mut parts = to.split('/');
            if let (Some(kind), Some(id)) = (parts.next(), parts.next()) {
                all.push(RowValue::Reference(kind, id));
            }
        }
        (Type::Text, Value::String(words)) => all.push(RowValue::Text(words)),
        (Type::Uri | Type::Canonical, Value::String(uri)) => all.push(RowValue::Uri(uri)),
        (Type::Token, Value::String(code)) => all.push(RowValue::Token { system: None, code }),
        (Type::Token, Value::Bool(yes)) => {
            let code = if *yes { "true" } else { "false" };
            all.push(RowValue::Token { system: None, code });
        }
        (Type::Token, Value::Object(_)) => {
            if let Some(codings) = value.get("coding").and_then(Value::as_array) {
                all.extend(codings.iter().filter_map(coded));
            } else if let Some(code) = text("value") {
                // Of a contact point the system says no namespace.
                let is_point = ["phone", "email"].iter().any(|one| text("system") == Some(one));
                let system = text("system").filter(|_| !is_point);
                all.push(RowValue::Token { system, code });
            } else {
                all.extend(coded(value));
            }
        }
        (
            Type::Date | Type::Reference | Type::Text | Type::Token | Type::Uri | Type::Canonical,
            _,
        ) => {}
    }
}
