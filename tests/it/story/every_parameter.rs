//! Every search parameter that a type has finds what it should, leaves what it should not, and says
//! what is wrong with a value that cannot be read; by URL and by form alike.

use std::collections::BTreeSet;

use mylife::{
    domain::theme::Theme::{Health, Housing},
    fhir::types::ResourceType,
    query::param::{self, Type},
};
use serde_json::json;

use crate::world::{Person, Terms, World, municipality::At, person::path};

const OURS: &str = "https://mylife.example/fhir/CodeSystem";
const DOCUMENT: &str = "https://mylife.example/fhir/sid/document";
const URI: &str = "urn:ietf:rfc:3986";
const UUID: &str = "urn:uuid:00000000-0000-4000-8000-00000000000a";

/// One parameter of a type: a value that something has, a value that nothing has.
type Row = (&'static str, String, String);

/// Somebody with a survey and a plan, and all of it open to the portal.
fn known(world: &World) -> (At, At, Person) {
    let kuopio = world.municipality("297");
    let (portal, book) = (kuopio.client("national-portal"), kuopio.client("consent-book"));
    let plan = json!({
        "schema": "mylife/plan/1", "id": "eetu-w", "person": "eetu", "status": "active",
        "period": { "start": "2026-02-10", "end": "2027-02-10" },
        "created": "2026-02-10T08:00:00Z", "assessments": ["eetu-a1"],
        "goals": [{ "id": "g-1", "identifier": { "system": "urn:x:goals", "value": "g1" }, "themes": ["housing"], "words": "My own key", "set_by": "person",
            "status": "active", "start": "2026-02-11", "achievement": "improving",
            "target": { "theme": "housing", "satisfaction": 3, "due": "2026-06-01" } }],
        "services": [{ "id": "s-1", "identifier": { "system": "urn:x:services", "value": "s1" }, "service": "297.svc.youth", "themes": ["housing"],
            "state": "granted", "decided": "2026-02-12",
            "period": { "start": "2026-02-20", "end": "2026-03-20" } }],
        "actions": [{ "id": "t-1", "identifier": { "system": "urn:x:tasks", "value": "t1" }, "themes": ["housing"], "text": "Call the landlord",
            "status": "planned", "performer": "person", "goal": "g-1" }],
        "team": [{ "id": "m-1", "practitioner": "297.prac.youth1", "role": "case-manager",
            "organization": "297.org.youth", "active": true }],
        "follow_up": [],
    });
    let answers = [(Housing, 2, 1, "a home"), (Health, 1, 1, "")];
    let eetu = kuopio.person("eetu").answered(answers).planned(&plan);
    eetu.gives(Terms::grant(&portal.actor).themes(&[Housing, Health]).class("free-text"));
    let patient = json!({ "reference": format!("Patient/{}", eetu.patient()) });
    let terms = Terms::grant(&portal.actor).themes(&[Housing]);
    let terms = terms.from("2026-02-10").until("2027-02-10");
    let mut consent = terms.consent(&patient, UUID, "active");
    let actors = consent.pointer_mut("/provision/provision/0/actor").unwrap();
    let mut unit = actors[0].clone();
    unit["reference"] = json!({ "reference": "Organization/297.org.youth" });
    actors.as_array_mut().unwrap().push(unit);
    book.actor.put(&kuopio, &path(UUID), &consent, None).accepted();
    (portal, book, eetu)
}

fn rows(kind: ResourceType, person: &Person) -> Vec<Row> {
    let row = |name, is: &str, not: &str| (name, is.to_owned(), not.to_owned());
    let (survey, plan) = (person.document(0), person.document(1));
    let hl7 = |system: &str, code: &str| format!("http://hl7.org/fhir/{system}|{code}");
    let coded = |name, system: &str, is: &str, not: &str| {
        // A `code` has the system of its value set, whether the question names it or not.
        vec![
            row(name, is, not),
            (name, hl7(system, is), hl7("another-system", is)),
            (name, format!("{not},{is}"), format!("|{is}")),
        ]
    };
    let based = |name, of: &str, id: &str| {
        let other = format!("{of}/297.{}", "a".repeat(26));
        vec![
            (name, format!("{of}/{id}"), other),
            (name, id.to_owned(), format!("Group/{id}")),
            (name, format!("{}/fhir/{of}/{id}", person.node().identity.url), format!("{of}/x")),
        ]
    };
    let coding = |name, system: &str, code: &str| {
        vec![
            (name, format!("{system}|{code}"), format!("{system}|other")),
            (name, code.to_owned(), format!("|{code}")),
            (name, format!("{system}|"), "urn:other|".to_owned()),
        ]
    };
    let dated = |name, day: &str, month: &str, other: &str| {
        vec![
            row(name, day, other),
            (name, format!("ge{day}"), format!("lt{month}")),
            (name, format!("le{day}"), format!("sa{day}")),
            (name, format!("ne{other}"), format!("eb{month}")),
        ]
    };
    let id = |of: &str| {
        let portal = person.node().client("national-portal");
        portal.get(&format!("/fhir/{of}?patient={}", person.patient())).ids()[0].clone()
    };
    let theme = format!("{OURS}/theme");
    let plans = format!("{OURS}/plan");
    let own = match kind {
        ResourceType::QuestionnaireResponse => {
            let form = "https://mylife.example/fhir/Questionnaire/3x10d-30-18plus";
            vec![
                dated("authored", "2026-02-01", "2026-02", "2026-03-01"),
                coded("status", "questionnaire-answers-status", "completed", "amended"),
                vec![row("questionnaire", form, "https://mylife.example/fhir/Questionnaire/none")],
                coding("identifier", DOCUMENT, &survey),
                based("source", "Patient", person.patient()),
            ]
        }
        ResourceType::Observation => vec![
            dated("date", "2026-02-01", "2026-02", "2026-03-01"),
            coded("status", "observation-status", "final", "amended"),
            coding("code", &format!("{OURS}/3x10d"), "housing.satisfaction"),
            coding("combo-code", &format!("{OURS}/3x10d"), "housing.satisfaction"),
            coding(
                "category",
                "http://terminology.hl7.org/CodeSystem/observation-category",
                "survey",
            ),
            based("derived-from", "QuestionnaireResponse", &survey),
        ],
        ResourceType::CarePlan => vec![
            // A period matches a day it contains only where the day contains it.
            vec![
                row("date", "ge2026-02-10", "2026-02-10"),
                row("date", "gt2026-06-01", "sa2026-02-10"),
                row("date", "le2026-02-11", "eb2027-02-10"),
                row("date", "lt2026-06-01", "lt2026-02-10"),
                row("date", "ne2026-02-10", "gt2027-02-10"),
            ],
            coded("status", "request-status", "active", "completed"),
            coded("intent", "request-intent", "plan", "order"),
            coding("category", &plans, "welfare-plan"),
            based("goal", "Goal", &id("Goal")),
            based("activity-reference", "ServiceRequest", &id("ServiceRequest")),
            based("activity-reference", "Task", &id("Task")),
            based("care-team", "CareTeam", &format!("{plan}.ct")),
            coding("identifier", DOCUMENT, &plan),
        ],
        ResourceType::Goal => vec![
            coding("identifier", "urn:x:goals", "g1"),
            coded("lifecycle-status", "goal-status", "active", "completed"),
            dated("start-date", "2026-02-11", "2026-02", "2026-03-01"),
            dated("target-date", "2026-06-01", "2026-06", "2026-07-01"),
            coding(
                "achievement-status",
                "http://terminology.hl7.org/CodeSystem/goal-achievement",
                "improving",
            ),
            coding("category", &theme, "housing"),
        ],
        ResourceType::ServiceRequest => vec![
            coding("identifier", "urn:x:services", "s1"),
            dated("authored", "2026-02-12", "2026-02", "2026-03-01"),
            coded("status", "request-status", "active", "completed"),
            coded("intent", "request-intent", "order", "plan"),
            coding(
                "code",
                "https://mylife.example/fhir/CodeSystem/healthcare-service",
                "297.svc.youth",
            ),
            coding("category", &theme, "housing"),
            based("based-on", "CarePlan", &plan),
            based("performer", "HealthcareService", "297.svc.youth"),
            vec![
                row("occurrence", "ge2026-02-20", "2026-02-20"),
                row("occurrence", "lt2026-03-01", "eb2026-03-20"),
            ],
        ],
        ResourceType::Task => vec![
            coding("identifier", "urn:x:tasks", "t1"),
            dated("authored-on", "2026-02-10", "2026-02", "2026-03-01"),
            coded("status", "task-status", "requested", "completed"),
            coding("code", &theme, "housing"),
            coded("intent", "request-intent", "plan", "order"),
            based("based-on", "CarePlan", &plan),
            based("focus", "Goal", &id("Goal")),
            based("owner", "Patient", person.patient()),
        ],
        ResourceType::CareTeam => vec![
            coded("status", "care-team-status", "active", "inactive"),
            coding("category", &plans, "welfare-team"),
            based("participant", "Practitioner", "297.prac.youth1"),
        ],
        ResourceType::Consent => vec![
            coded("status", "consent-state-codes", "active", "inactive"),
            coding("identifier", URI, UUID),
            coding("category", "urn:mylife:consent-kind", "grant"),
            based("actor", "Organization", "297.org.youth"),
            based("consentor", "Patient", person.patient()),
            vec![
                row("organization:missing", "true", "false"),
                row("data:missing", "true", "false"),
                row("action:missing", "true", "false"),
            ],
            coding(
                "scope",
                "http://terminology.hl7.org/CodeSystem/consentscope",
                "patient-privacy",
            ),
            coding("purpose", "http://terminology.hl7.org/CodeSystem/v3-ActReason", "TREAT"),
            coding("security-label", &theme, "housing"),
            dated("date", "2026-03-02", "2026-03", "2026-04-01"),
            vec![
                row("period", "ge2026-02-10", "2026-02-10"),
                row("period", "gt2026-06-01", "sa2026-02-10"),
                row("period", "lt2026-06-01", "lt2026-02-10"),
            ],
        ],
        ResourceType::Provenance => vec![
            based("target", "CarePlan", &plan),
            based("target", "QuestionnaireResponse", &survey),
            dated("recorded", "2026-03-02", "2026-03", "2026-04-01"),
            vec![row("agent:missing", "true", "false")],
            coding(
                "agent-type",
                "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                "custodian",
            ),
        ],
        ResourceType::Patient => vec![vec![row("active", "true", "false")]],
        ResourceType::RelatedPerson
        | ResourceType::AuditEvent
        | ResourceType::HealthcareService
        | ResourceType::Location
        | ResourceType::Organization
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole
        | ResourceType::Questionnaire
        | ResourceType::Subscription => Vec::new(),
    };
    let mut all = own.concat();
    let profile = format!(
        "https://mylife.example/fhir/StructureDefinition/mylife-{}",
        kind.name().to_lowercase()
    );
    all.push(row("_profile", &profile, "https://mylife.example/fhir/StructureDefinition/other"));
    all.extend(dated("_lastUpdated", "2026-03-02", "2026-03", "2026-04-01"));
    // Who somebody is, what is of a plan as a whole and what a consent says carry no theme.
    let themeless = matches!(
        kind,
        ResourceType::Patient
            | ResourceType::Consent
            | ResourceType::CarePlan
            | ResourceType::CareTeam
    );
    if !themeless {
        let not = format!("{theme}|friends");
        all.push(("_security", format!("{theme}|housing"), not));
        all.push(row("_security", "friends,housing", "friends"));
    }
    all
}

/// Types that belong to a person and can be found by somebody else.
const TYPES: [ResourceType; 10] = [
    ResourceType::Patient,
    ResourceType::QuestionnaireResponse,
    ResourceType::Observation,
    ResourceType::CarePlan,
    ResourceType::Goal,
    ResourceType::ServiceRequest,
    ResourceType::Task,
    ResourceType::CareTeam,
    ResourceType::Consent,
    ResourceType::Provenance,
];

/// Asks by URL and by form: both must say the same.
fn ask(client: &At, kind: ResourceType, pairs: &[(&str, &str)]) -> Vec<String> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let by_url = client.get(&format!("/fhir/{kind}?{query}"));
    let by_form = client.post(kind.name(), pairs);
    assert_eq!(by_url.ids(), by_form.ids(), "{kind}?{query}");
    let link = by_url.own_link().replace("%3A", ":");
    assert!(link.contains(pairs[0].0), "{by_url:?}");
    by_url.ids()
}

#[test]
fn every_parameter_finds_what_has_its_value_and_nothing_else() {
    let world = World::new();
    let (portal, book, eetu) = known(&world);
    for kind in TYPES {
        let client = if kind == ResourceType::Consent { &book } else { &portal };
        let reference = format!("Patient/{}", eetu.patient());
        let who = if kind == ResourceType::Patient { "_id" } else { "patient" };
        let whom = if who == "_id" { eetu.patient() } else { &*reference };
        let all = ask(client, kind, &[(who, whom)]);
        assert!(!all.is_empty(), "{kind}");
        let absent = format!("297.{}", "a".repeat(26));
        let mut rows = rows(kind, &eetu);
        if kind != ResourceType::Patient {
            rows.push(("_id", format!("{absent},{}", all[0]), absent.clone()));
        }
        for (name, is, not) in &rows {
            let found = ask(client, kind, &[(name, is), (who, whom)]);
            assert!(!found.is_empty(), "{kind}?{name}={is} finds nothing");
            let wrong = ask(client, kind, &[(name, not), (who, whom)]);
            assert!(wrong.is_empty(), "{kind}?{name}={not} finds {wrong:?}");
            // The same across people, who are nobody else here.
            assert_eq!(ask(client, kind, &[(name, is), ("_sort", "_id")]).len(), found.len());
        }
        let people = ["patient", "subject"].iter().filter(|n| param::find(kind, n).is_some());
        for name in people {
            let url = format!("{}/fhir/{reference}", eetu.node().identity.url);
            for value in [eetu.patient(), &reference, &url] {
                assert_eq!(ask(client, kind, &[(name, value)]), all, "{kind}?{name}={value}");
            }
            assert!(ask(client, kind, &[(name, &absent)]).is_empty(), "{kind}?{name}");
        }
        let base = |name: &'static str| name.split(':').next().unwrap();
        let tried: BTreeSet<&str> = rows.iter().map(|(name, ..)| base(name)).collect();
        let names = param::COMMON.iter().chain(param::of(kind)).map(|(name, _)| *name);
        let named = ["_id", "_security", "patient", "subject", "identifier"];
        let left = names.filter(|name| !tried.contains(name) && !named.contains(name));
        // What tells who somebody is has a test of its own.
        let left: Vec<&str> = left.filter(|name| !param::is_private(kind, name)).collect();
        assert!(left.is_empty(), "{kind}: nothing tries {left:?}");
    }
}

#[test]
fn a_patient_is_found_by_id_and_by_identity_code_and_not_by_those_of_another() {
    let world = World::new();
    let (portal, _, eetu) = known(&world);
    let iida = eetu.node().person("iida").answered([(Housing, 1, 1, "")]);
    iida.grants(&portal, [Housing]);
    let (own, other) = (eetu.patient().to_owned(), iida.patient().to_owned());
    let code = |person: &Person| format!("urn:oid:1.2.246.21|{}", person.code());
    let post = |name: &str, value: &str| portal.post("Patient", &[(name, value)]).ids();
    assert_eq!(post("_id", &own), [&*own]);
    assert_eq!(post("identifier", &code(&eetu)), [&*own]);
    assert_eq!(post("identifier", &code(&iida)), [&*other]);
    assert!(post("identifier", "urn:oid:1.2.246.21|010190-900Y").is_empty());
    assert!(post("identifier", &format!("urn:other|{}", eetu.code())).is_empty());
    let both: BTreeSet<String> = post("_id", &format!("{own},{other}")).into_iter().collect();
    assert_eq!(both, BTreeSet::from([own, other]));
    let reply = portal.post("Patient", &[("identifier", eetu.code())]);
    assert_eq!(reply.refused(400, "invalid").expression(), ["identifier"]);
}

#[test]
fn a_value_that_cannot_be_read_is_refused_by_the_name_of_its_parameter() {
    let world = World::new();
    let (portal, book, _) = known(&world);
    for kind in TYPES {
        let client = if kind == ResourceType::Consent { &book } else { &portal };
        let names = param::COMMON.iter().chain(param::of(kind));
        for (name, of) in
            names.filter(|(n, _)| kind != ResourceType::Patient || n.starts_with("_l"))
        {
            let bad: &[&str] = match of {
                Type::Date => &["yesterday", "2026-02-30", "xx2026", "2026-02-01T10:00", "26"],
                Type::Reference => &["Patient/a/b", "Patient/", "Patient/a b", "Patient/å"],
                Type::Token => &["|", "a|b|c"],
                Type::Uri | Type::Canonical => &["https://mylife.example/a b", "a\tb"],
                // Any words are words.
                Type::Text => &[],
            };
            for value in bad {
                let pairs = [(*name, *value)];
                let query =
                    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                for reply in
                    [client.get(&format!("/fhir/{kind}?{query}")), client.post(kind.name(), &pairs)]
                {
                    let place = reply.refused(400, "invalid").expression();
                    assert_eq!(place, [*name], "{kind}?{name}={value}: {reply:?}");
                }
            }
            let reply = client.get(&format!("/fhir/{kind}?{name}=%zz"));
            assert_eq!(reply.refused(400, "invalid").expression(), [*name]);
            // What a modifier would narrow is not answered as if it were not there.
            let modified = format!("{name}:above");
            let reply = client.get(&format!("/fhir/{kind}?{modified}=true"));
            assert_eq!(reply.refused(400, "not-supported").expression(), [&*modified]);
        }
    }
}

#[test]
fn an_escaped_mark_is_part_of_the_value() {
    let world = World::new();
    let (_, book, _) = known(&world);
    let found = |value: &str| ask(&book, ResourceType::Consent, &[("identifier", value)]).len();
    assert_eq!(found(&format!("{URI}|{UUID}")), 1);
    assert_eq!(found(&format!("{URI}\\|{UUID}")), 0, "one code with a bar in it");
    assert_eq!(found(&format!("x,{URI}|{UUID}")), 1);
    assert_eq!(found(&format!("x\\,{UUID}")), 0, "one code with a comma in it");
    assert_eq!(found(&format!("\\{UUID}")), 1, "a mark that needs no escape");
}

#[test]
fn the_directory_is_searched_by_what_it_lists() {
    let world = World::new();
    let (portal, ..) = known(&world);
    let count = |path: &str| portal.get(&format!("/fhir/{path}")).ids().len();
    let all = count("Questionnaire");
    assert!(all > 0);
    for (query, some) in [
        ("status=active", true),
        ("status=http://hl7.org/fhir/publication-status%7Cactive", true),
        ("status=retired", false),
        ("_lastUpdated=ge2000", true),
        ("_lastUpdated=lt2000", false),
        ("url=https://mylife.example/fhir/Questionnaire/3x10d-30-18plus", true),
        ("url=https://mylife.example/fhir/Questionnaire/none", false),
    ] {
        assert_eq!(count(&format!("Questionnaire?{query}")) > 0, some, "{query}");
    }
    portal.get("/fhir/Questionnaire?_lastUpdated=soon").refused(400, "invalid");
}
