//! An audit record as FHIR R4 `AuditEvent`, in the shape of IHE BALP.
//!
//! A readable face of the log: for the citizen who asks who saw what, and for `mylife audit show`.
//! Profiles `IHE.BasicAudit.*` (IHE ITI Basic Audit Log Patterns): in a read the server is the source
//! and the client the destination, in all else the other way round. Success alone claims a profile;
//! a refusal by consent that names user, person and consent is an `AuthZconsent`. Adds nothing that
//! is not in the record.

mod access;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use self::access::Access;
use super::record::{Basis, Entry, Interaction, Outcome, Resources};
use crate::fhir::coding::{coding, concept};

const PROFILE: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const ENTITY_TYPE: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const AUTHZ: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType";
const USER_AGENT: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const OBJECT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";

/// The gateway that recorded it.
#[derive(Clone, Copy, Debug)]
pub struct Observer<'a> {
    /// Node code.
    pub code: &'a str,
    /// `urn:oid:` of its organisation.
    pub organization: &'a str,
    /// Its host name.
    pub host: &'a str,
}

/// The `AuditEvent` of an entry. `id` is the resource's id.
pub fn audit_event(entry: &Entry<'_>, observer: Observer<'_>, id: &str) -> Value {
    let decision = is_decision(entry);
    let access = access::of(entry);
    let (event_type, subtype) = if let Some(access) = access {
        access.kind()
    } else if decision {
        (coding(DCM, "110113"), coding(AUTHZ, "AuthZ-Consent"))
    } else {
        (coding(EVENT_TYPE, "rest"), coding(INTERACTION, code(entry.interaction)))
    };
    let (outcome, reason) = match &entry.outcome {
        Outcome::Success => ("0", None),
        Outcome::Failed(reason) => ("4", Some(reason)),
        Outcome::Refused(reason) => ("8", Some(reason)),
    };
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": id,
        "type": event_type,
        "subtype": [subtype],
        "action": if decision { "E" } else { action(entry.interaction) },
        "recorded": entry.at,
        "outcome": outcome,
        "agent": match access {
            Some(_) => access::agents(entry, observer),
            None if decision => decision_agents(entry, observer),
            None => agents(entry, observer),
        },
        "source": { "site": observer.code, "observer": identified(observer.organization) },
        "entity": match access {
            Some(_) => access::entities(entry),
            None if decision => decision_entities(entry),
            None => entities(entry),
        },
    });
    let profile = match access {
        Some(Access::Token) => reason.is_none().then(|| access::PROFILE.to_owned()),
        Some(Access::Login | Access::Permission) => None,
        None => profile(entry, decision).map(|name| format!("{PROFILE}{name}")),
    };
    let members = [
        ("meta", profile.map(|profile| json!({ "profile": [profile] }))),
        ("outcomeDesc", reason.map(|r| json!(r))),
        ("purposeOfEvent", entry.purpose.as_ref().map(|p| json!([concept(REASON, p)]))),
    ];
    add(&mut event, members);
    event
}

fn is_decision(entry: &Entry<'_>) -> bool {
    matches!(entry.outcome, Outcome::Refused(_))
        && entry.patient.is_some()
        && entry.caller.subject.is_some()
        && entry.caller.organization.is_some()
        && entry.basis.iter().any(|basis| matches!(basis, Basis::Consent { .. }))
}

fn code(interaction: Interaction) -> &'static str {
    match interaction {
        Interaction::Read => "read",
        Interaction::Vread => "vread",
        Interaction::History => "history",
        Interaction::SearchType => "search-type",
        Interaction::Create => "create",
        Interaction::Update => "update",
        Interaction::Delete => "delete",
        Interaction::Operation => "operation",
    }
}

fn action(interaction: Interaction) -> &'static str {
    match interaction {
        Interaction::Read | Interaction::Vread | Interaction::History => "R",
        Interaction::SearchType | Interaction::Operation => "E",
        Interaction::Create => "C",
        Interaction::Update => "U",
        Interaction::Delete => "D",
    }
}

/// `None` where BALP has no profile: refusals, history, operations, and deletion, whose closed agents
/// leave no room for an organisation.
fn profile(entry: &Entry<'_>, decision: bool) -> Option<String> {
    if decision {
        return Some("AuthZconsent".to_owned());
    }
    let name = match (&entry.outcome, entry.interaction) {
        (Outcome::Success, Interaction::Read | Interaction::Vread) => "Read",
        (Outcome::Success, Interaction::SearchType) => "Query",
        (Outcome::Success, Interaction::Create) => "Create",
        (Outcome::Success, Interaction::Update) => "Update",
        (Outcome::Success, Interaction::History | Interaction::Delete | Interaction::Operation)
        | (Outcome::Failed(_) | Outcome::Refused(_), _) => return None,
    };
    Some(format!("{}{name}", if entry.patient.is_some() { "Patient" } else { "" }))
}

fn agents(entry: &Entry<'_>, observer: Observer<'_>) -> Vec<Value> {
    const SOURCE: &str = "110153";
    const DESTINATION: &str = "110152";
    let (client, server, user) = match entry.interaction {
        Interaction::Read | Interaction::Vread | Interaction::History => {
            (DESTINATION, SOURCE, "IRCP")
        }
        Interaction::SearchType | Interaction::Operation => (SOURCE, DESTINATION, "IRCP"),
        Interaction::Create | Interaction::Update | Interaction::Delete => {
            (SOURCE, DESTINATION, "AUT")
        }
    };
    let mut agents = vec![client_agent(entry, client), server_agent(observer, server)];
    agents.extend(user_agent(entry, user));
    agents.extend(entry.caller.organization.as_deref().map(organization_agent));
    agents.extend(entry.caller.act.iter().map(|actor| {
        json!({
            "type": concept(PARTICIPATION, "DIST"),
            "who": identified(actor),
            "requestor": false,
        })
    }));
    agents
}

fn decision_agents(entry: &Entry<'_>, observer: Observer<'_>) -> Vec<Value> {
    let mut agents = vec![client_agent(entry, "110150")];
    agents.extend(user_agent(entry, "IRCP"));
    agents.extend(entry.caller.organization.as_deref().map(organization_agent));
    agents.push(json!({
        "type": concept("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "authserver"),
        "who": identified(observer.organization),
        "requestor": false,
    }));
    agents
}

fn client_agent(entry: &Entry<'_>, role: &str) -> Value {
    let caller = &entry.caller;
    // What a client is called is its issuer's word, which is ours unless another is named.
    let mut identifier = json!({ "value": caller.client });
    add(&mut identifier, [("system", caller.issuer.as_ref().map(|issuer| json!(issuer)))]);
    let mut agent = json!({
        "type": concept(DCM, role),
        "who": { "identifier": identifier },
        "requestor": caller.subject.is_none(),
    });
    let policy = caller.jti.as_ref().map(|jti| json!([format!("urn:ietf:params:oauth:jti:{jti}")]));
    // What a command or the gateway itself did came over no network.
    let network = || json!({ "address": entry.address, "type": "2" });
    let network = (!entry.address.is_empty()).then(network);
    add(&mut agent, [("network", network), ("policy", policy)]);
    agent
}

/// This gateway.
fn server_agent(observer: Observer<'_>, role: &str) -> Value {
    json!({
        "type": concept(DCM, role),
        "who": identified(observer.organization),
        "requestor": false,
        "network": { "address": observer.host, "type": "1" },
    })
}

fn user_agent(entry: &Entry<'_>, participation: &str) -> Option<Value> {
    let subject = entry.caller.subject.as_ref()?;
    let mut agent = json!({
        "type": concept(PARTICIPATION, participation),
        "who": { "identifier": { "value": subject } },
        "requestor": true,
    });
    let role = entry.caller.role.as_ref().map(|role| json!([{ "text": role }]));
    let purpose = entry.purpose.as_ref().map(|p| json!([concept(REASON, p)]));
    add(&mut agent, [("role", role), ("purposeOfUse", purpose)]);
    Some(agent)
}

fn organization_agent(organization: &str) -> Value {
    json!({
        "type": concept("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV"),
        "who": identified(organization),
        "requestor": false,
    })
}

fn entities(entry: &Entry<'_>) -> Vec<Value> {
    let mut transaction = json!({
        "type": coding(ENTITY_TYPE, "XrequestId"),
        "what": { "identifier": { "value": entry.request } },
    });
    let details = details(entry);
    add(&mut transaction, [("detail", (!details.is_empty()).then(|| json!(details)))]);
    let mut entities = vec![transaction];
    entities.extend(patient_entity(entry));
    let object =
        |role: &str| json!({ "type": coding(OBJECT_TYPE, "2"), "role": coding(OBJECT_ROLE, role) });
    match (entry.interaction, &entry.query, &entry.resources) {
        (Interaction::SearchType | Interaction::Operation, query, _) => {
            // Exactly one system object may stand in a query's event.
            let query = query.as_ref().map(super::record::Query::as_str).unwrap_or_default();
            let mut entity = object("24");
            let members = [
                ("description", (!query.is_empty()).then(|| json!(query))),
                (
                    "query",
                    Some(json!(STANDARD.encode(format!("{}?{query}", entry.types.join(","))))),
                ),
            ];
            add(&mut entity, members);
            entities.push(entity);
        }
        (
            Interaction::Read
            | Interaction::Vread
            | Interaction::History
            | Interaction::Create
            | Interaction::Update
            | Interaction::Delete,
            _,
            Resources::Listed(listed),
        ) => entities.extend(listed.iter().map(|reference| {
            let mut entity = object("4");
            add(&mut entity, [("what", Some(json!({ "reference": reference })))]);
            entity
        })),
        (
            Interaction::Read
            | Interaction::Vread
            | Interaction::History
            | Interaction::Create
            | Interaction::Update
            | Interaction::Delete,
            _,
            Resources::Counted(_),
        ) => {}
    }
    entities.extend(consent_entities(entry));
    entities
}

fn decision_entities(entry: &Entry<'_>) -> Vec<Value> {
    let mut entities: Vec<Value> = patient_entity(entry).into_iter().collect();
    entities.extend(consent_entities(entry));
    entities.extend(entry.caller.jti.as_ref().map(|jti| {
        json!({
            "type": coding(USER_AGENT, "UserOauthAgent"),
            "what": { "identifier": { "value": format!("urn:ietf:params:oauth:jti:{jti}") } },
        })
    }));
    entities
}

fn patient_entity(entry: &Entry<'_>) -> Option<Value> {
    let patient = entry.patient.as_ref()?;
    Some(json!({
        "type": coding(OBJECT_TYPE, "1"),
        "role": coding(OBJECT_ROLE, "1"),
        "what": { "reference": format!("Patient/{patient}") },
    }))
}

fn consent_entities(entry: &Entry<'_>) -> impl Iterator<Item = Value> {
    entry.basis.iter().filter_map(|basis| match basis {
        Basis::Consent { id, version } => Some(json!({
            "type": coding("http://hl7.org/fhir/resource-types", "Consent"),
            "what": { "reference": format!("Consent/{id}/_history/{version}") },
        })),
        Basis::Person | Basis::Register | Basis::Representation { .. } | Basis::Law { .. } => None,
    })
}

/// What has no element of its own, as pairs.
fn details(entry: &Entry<'_>) -> Vec<Value> {
    let detail = |name: &str, value: &str| json!({ "type": name, "valueString": value });
    let mut details: Vec<Value> = entry.basis.iter().flat_map(basis_details).collect();
    details.extend(entry.types.iter().map(|one| detail("type", one)));
    details.extend(entry.labels.codes().map(|label| detail("label", label)));
    match &entry.resources {
        Resources::Counted(count) => details.push(detail("count", &count.to_string())),
        Resources::Listed(all) => details.extend(all.iter().map(|one| detail("released", one))),
    }
    details.extend(entry.sources.iter().map(|source| detail("source", source)));
    if let Some(emergency) = &entry.emergency {
        details.push(detail("emergency", &emergency.reason));
        details.push(detail("until", &emergency.until.to_string()));
    }
    if let Some(review) = &entry.review {
        let found = if review.justified { "justified" } else { "unjustified" };
        details.push(detail("reviewer", &review.by));
        details.push(detail("review", found));
    }
    if let Some(notice) = &entry.notice {
        details.push(detail("notified-by", &notice.by));
        details.push(detail("notified", &notice.way));
    }
    details
}

fn basis_details(basis: &Basis<'_>) -> Vec<Value> {
    let detail = |name: &str, value: &str| json!({ "type": name, "valueString": value });
    match basis {
        Basis::Consent { id, version } => {
            vec![detail("consent", &format!("Consent/{id}/_history/{version}"))]
        }
        Basis::Person => vec![detail("ground", "person")],
        Basis::Register => vec![detail("ground", "register")],
        Basis::Representation { id } => {
            vec![detail("representation", &format!("RelatedPerson/{id}"))]
        }
        Basis::Law { id, reason, overrode } => {
            let mut details = vec![detail("law", id)];
            details.extend(reason.as_ref().map(|reason| detail("reason", reason)));
            details.extend(overrode.then(|| detail("overrode", "prohibition")));
            details
        }
    }
}

fn identified(identifier: &str) -> Value {
    json!({ "identifier": { "system": "urn:ietf:rfc:3986", "value": identifier } })
}

/// Adds the members that are there.
fn add<const N: usize>(to: &mut Value, members: [(&str, Option<Value>); N]) {
    if let Some(object) = to.as_object_mut() {
        let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        object.extend(there.collect::<Map<_, _>>());
    }
}
