//! A Consent that breaks a rule is refused with the rule, and everything stays as it was.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Reply, Terms, World, actor::Ask, municipality::At, person::path};

const GIVEN: &str = "urn:uuid:00000000-0000-4000-8000-0000000000ba";
const BAD: &str = "urn:uuid:00000000-0000-4000-8000-0000000000bb";
const RULE: &str = "/provision/provision/0";

fn send(client: &At, method: Method, path: &str, body: &str) -> Reply {
    let (kind, body) = (Some("application/fhir+json"), body.to_owned().into());
    client.actor.send(&client.node, method, path, Ask { kind, body, ..Ask::default() })
}

/// Puts something at a pointer, whose parent is there.
fn put(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    if let Some(there) = body.pointer_mut(pointer) {
        *there = value;
        return body;
    }
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}

/// A provision with so many others in it, one in the other.
fn deep(rule: &Value, levels: usize) -> Value {
    let mut inner = rule.clone();
    for level in 0..levels {
        let of = if level % 2 == 0 { "deny" } else { "permit" };
        inner = json!({ "type": of, "provision": [inner] });
    }
    inner
}

fn label(of: &str, code: &str) -> Value {
    json!([{ "system": format!("https://mylife.example/fhir/CodeSystem/{of}"), "code": code }])
}

/// What is sent instead of a good Consent, the status it gets, and where the rule is broken.
fn rows(good: &Value) -> Vec<(&'static str, String, u16, &'static str)> {
    let rule = good.pointer(RULE).unwrap().clone();
    let kinds = |codes: &[&str]| {
        let coding = |code: &&str| json!({ "system": "urn:mylife:consent-kind", "code": code });
        json!([{ "coding": codes.iter().map(coding).collect::<Vec<_>>() }])
    };
    let rules = |count: usize| json!(vec![rule.clone(); count]);
    let at = |pointer: &str, value: Value| put(good, pointer, value).to_string();
    let in_rule = |key: &str, value: Value| at(&format!("{RULE}/{key}"), value);
    let many: Vec<Value> = vec![label("theme", "housing")[0].clone(); 101];
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    vec![
        (
            "both at once",
            at("/category", kinds(&["grant", "prohibition"])),
            422,
            "Consent.category",
        ),
        ("neither", at("/category", kinds(&["wish"])), 422, "Consent.category"),
        (
            "a root that permits",
            at("/provision/type", json!("permit")),
            422,
            "Consent.provision.type",
        ),
        (
            "a grant that forbids",
            in_rule("type", json!("deny")),
            422,
            "Consent.provision.provision[0].type",
        ),
        (
            "an end before its start",
            in_rule("period", json!({ "start": "2027-01-01", "end": "2026-01-01" })),
            422,
            "Consent.provision.provision[0].period",
        ),
        (
            "a time without a zone",
            in_rule("period", json!({ "end": "2027-01-01T10:00:00" })),
            422,
            "Consent.provision.provision[0].period.end",
        ),
        (
            "too many rules",
            at("/provision/provision", rules(201)),
            422,
            "Consent.provision.provision",
        ),
        (
            "far too many",
            at("/provision/provision", json!(vec![json!({}); 100_000])),
            422,
            "Consent.provision.provision",
        ),
        ("too large", at("/provision/type", json!("x".repeat(2_000_000))), 413, ""),
        (
            "too many values",
            in_rule("securityLabel", json!(many)),
            422,
            "Consent.provision.provision[0].securityLabel",
        ),
        ("too deep", at(RULE, deep(&rule, 3)), 422, "Consent.provision.provision[0].type"),
        ("far too deep", nested, 400, ""),
        ("no JSON", "{\"resourceType\":".to_owned(), 400, ""),
        ("a member twice", good.to_string().replacen('{', "{\"status\":\"draft\",", 1), 400, ""),
        (
            "an unknown theme",
            in_rule("securityLabel", label("theme", "weather")),
            422,
            "Consent.provision.provision[0].securityLabel[0]",
        ),
        (
            "an unknown class",
            in_rule("securityLabel", label("class", "secret")),
            422,
            "Consent.provision.provision[0].securityLabel[0]",
        ),
        (
            "labels of another system",
            in_rule("securityLabel", json!([{ "system": "urn:other", "code": "housing" }])),
            422,
            "Consent.provision.provision[0].securityLabel[0]",
        ),
        (
            "an unknown purpose",
            in_rule("purpose", json!([{ "system": "urn:other", "code": "FUN" }])),
            422,
            "Consent.provision.provision[0].purpose[0]",
        ),
        (
            "for no purpose",
            in_rule("purpose", Value::Null),
            422,
            "Consent.provision.provision[0].purpose",
        ),
        ("for nobody", in_rule("actor", json!([])), 422, "Consent.provision.provision[0].actor"),
        (
            "for an OID that is none",
            in_rule("actor/0/reference/identifier/value", json!("urn:oid:1.2.x")),
            422,
            "Consent.provision.provision[0].actor[0]",
        ),
        (
            "for an organisation by a number that is no OID",
            in_rule("actor/0/reference/identifier/system", json!("urn:oid:1.2.246.10")),
            422,
            "Consent.provision.provision[0].actor[0]",
        ),
        (
            "for a team, of which nobody can be told to be in it",
            in_rule("actor/0/reference", json!({ "reference": "CareTeam/297.x" })),
            422,
            "Consent.provision.provision[0].actor[0]",
        ),
        (
            "for an organisation that is not listed",
            in_rule("actor/0/reference", json!({ "reference": "Organization/297.org.none" })),
            422,
            "Consent.provision.actor",
        ),
        (
            "a person there is not",
            at("/patient/reference", json!(format!("Patient/297.{}", "a".repeat(26)))),
            422,
            "Consent.patient",
        ),
        (
            "another node's",
            at("/patient/reference", json!("Patient/205.x")),
            422,
            "Consent.patient",
        ),
        ("no person", at("/patient/reference", json!("Group/297.x")), 422, "Consent.patient"),
        (
            "given by another",
            at("/performer", json!([{ "reference": "Patient/297.another" }])),
            422,
            "Consent.performer",
        ),
        (
            "given by who represents nobody",
            at("/performer", json!([{ "reference": "RelatedPerson/297.x" }])),
            422,
            "Consent.performer",
        ),
        (
            "given by nobody",
            at("/performer", json!([{ "display": "x" }])),
            422,
            "Consent.performer",
        ),
        ("given tomorrow", at("/dateTime", json!("2026-03-03")), 422, "Consent.dateTime"),
        (
            "given by a fast clock",
            at("/dateTime", json!("2026-03-02T10:06:00Z")),
            422,
            "Consent.dateTime",
        ),
        ("another policy", at("/policy/0/uri", json!("urn:other")), 422, "Consent.policy.uri"),
        (
            "a meaning turned around",
            at("/modifierExtension", json!([{ "url": "urn:not", "valueBoolean": true }])),
            422,
            "Consent.modifierExtension",
        ),
        ("no Consent", at("/resourceType", json!("Contract")), 422, ""),
    ]
}

#[test]
fn what_breaks_a_rule_is_refused_with_the_rule_and_changes_nothing() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    let given = Terms::grant(&portal.actor).themes(&[Housing]).consent(&patient, GIVEN, "active");
    book.actor.put(&kuopio, &path(GIVEN), &given, None).accepted();
    let survey = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    let seen = || {
        let (survey, consents) = (portal.get(&survey), book.search("Consent", &aino));
        survey.shows([Housing]).hides([Health]);
        (survey.text(), consents.text())
    };
    let before = seen();
    let wider = Terms::grant(&portal.actor).themes(&[Housing, Health]);
    for uuid in [GIVEN, BAD] {
        let good = wider.consent(&patient, uuid, "active");
        for (what, body, status, place) in rows(&good) {
            for (method, path) in [(Method::POST, "/fhir/Consent"), (Method::PUT, &*path(uuid))] {
                let reply = send(&book, method, path, &body);
                assert_eq!(reply.status(), status, "{what}: {reply:?}");
                let places = reply.expression().join(" ");
                assert!(places.starts_with(place), "{what}: {places}");
                assert!(!reply.text().contains(aino.patient()), "{what}: {reply:?}");
            }
        }
        assert_eq!(seen(), before, "{uuid}");
    }
    // The good one is good.
    send(&book, Method::POST, "/fhir/Consent", &wider.consent(&patient, BAD, "active").to_string())
        .accepted();
    portal.get(&survey).shows([Housing, Health]);
}

#[test]
fn a_date_of_the_past_and_a_second_sending_change_nothing_that_was() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    world.pass(Duration::from_hours(24));
    let terms = Terms::grant(&portal.actor).themes(&[Housing]).from("2020-01-01");
    let mut body = terms.consent(&patient, GIVEN, "active");
    body["dateTime"] = "2020-01-01".into();
    let made = send(&book, Method::PUT, &path(GIVEN), &body.to_string());
    assert_eq!(made.status(), 201, "{made:?}");
    // It permits from when it was written here on, whatever it says of itself.
    let survey = portal.get(&format!("/fhir/QuestionnaireResponse/{}", aino.document(0)));
    assert_eq!(survey.json()["meta"]["lastUpdated"], world.now().to_string());
    let at = made.header("location").unwrap().to_owned();
    let history = format!("{}/_history", &at[at.find("/fhir").unwrap()..]);
    for _ in 0..3 {
        world.pass(Duration::from_mins(1));
        let again = send(&book, Method::PUT, &path(GIVEN), &body.to_string());
        assert_eq!((again.status(), again.header("location")), (200, Some(&*at)));
        send(&book, Method::POST, "/fhir/Consent", &body.to_string()).refused(409, "conflict");
        assert_eq!(book.get(&history).total(), Some(1));
    }
    let slow = put(&body, "/dateTime", json!("2026-03-03T10:07:00Z")).to_string();
    assert_eq!(
        send(&book, Method::PUT, &path(GIVEN), &slow).status(),
        200,
        "clocks differ a little"
    );
}

/// The same Consent in a form of others: given by the person, with recipient and purpose.
fn foreign(good: &Value) -> Value {
    let loinc = json!([{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }]);
    put(&put(good, "/category", loinc), "/policy/0/uri", json!("urn:another"))
}

/// What is sent to be imported instead, the status it gets, and where the rule is broken.
fn foreign_rows(good: &Value) -> Vec<(&'static str, String, u16, &'static str)> {
    let rule = good.pointer(RULE).unwrap().clone();
    let at = |pointer: &str, value: Value| put(good, pointer, value).to_string();
    let (rules, labels) = ("/provision/provision", "/provision/provision/0/securityLabel");
    let theme = label("theme", "housing")[0].clone();
    let own = json!([{ "coding": [{ "system": "urn:mylife:consent-kind", "code": "grant" }] }]);
    let nested = "Consent.provision.provision";
    vec![
        ("far too many rules", at(rules, json!(vec![json!({}); 100_000])), 422, nested),
        ("too many rules", at(rules, json!(vec![rule.clone(); 201])), 422, nested),
        (
            "too many values",
            at(labels, json!(vec![theme; 101])),
            422,
            "Consent.provision.provision[0].securityLabel",
        ),
        ("too deep", at(RULE, deep(&rule, 8)), 422, nested),
        ("far too deep", format!("{}{}", "[".repeat(100), "]".repeat(100)), 400, ""),
        ("too large", at("/language", json!("x".repeat(2_000_000))), 413, ""),
        ("no JSON", "{\"resourceType\":".to_owned(), 400, ""),
        ("a member twice", good.to_string().replacen('{', "{\"status\":\"draft\",", 1), 400, ""),
        ("of our own form", at("/category", own), 422, "Consent.category"),
        ("about research", at("/scope/coding/0/code", json!("research")), 422, "Consent.scope"),
        ("no status there is", at("/status", json!("perhaps")), 422, "Consent.status"),
        (
            "a person there is not",
            at("/patient/reference", json!(format!("Patient/297.{}", "a".repeat(26)))),
            422,
            "Consent.patient",
        ),
        (
            "another node's",
            at("/patient/reference", json!("Patient/205.x")),
            422,
            "Consent.patient",
        ),
        ("no person", at("/patient/reference", json!("Group/297.x")), 422, "Consent.patient"),
        ("given tomorrow", at("/dateTime", json!("2026-03-03")), 422, "Consent.dateTime"),
        (
            "given by a fast clock",
            at("/dateTime", json!("2026-03-02T10:06:00Z")),
            422,
            "Consent.dateTime",
        ),
        ("no Consent", at("/resourceType", json!("Contract")), 422, ""),
    ]
}

#[test]
fn what_cannot_be_imported_is_refused_with_the_rule_and_changes_nothing() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    let import = |body: &str| send(&book, Method::POST, "/fhir/Consent/$import", body);
    let given = Terms::grant(&portal.actor).themes(&[Housing]);
    let given = foreign(&given.consent(&patient, GIVEN, "active"));
    assert_eq!(import(&given.to_string()).status(), 201);
    let survey = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    let seen = || {
        let (survey, consents) = (portal.get(&survey), book.search("Consent", &aino));
        survey.shows([Housing]).hides([Health]);
        (survey.text(), consents.text())
    };
    let before = seen();
    let wider = Terms::grant(&portal.actor).themes(&[Housing, Health]);
    for uuid in [GIVEN, BAD] {
        let good = foreign(&wider.consent(&patient, uuid, "active"));
        for (what, body, status, place) in foreign_rows(&good) {
            let reply = import(&body);
            assert_eq!(reply.status(), status, "{what}: {reply:?}");
            let places = reply.expression().join(" ");
            assert!(places.starts_with(place), "{what}: {places}");
            assert!(!reply.text().contains(aino.patient()), "{what}: {reply:?}");
        }
        assert_eq!(seen(), before, "{uuid}");
    }
    // Given by somebody else it is kept, told of, and permits nothing.
    let mut other = foreign(&wider.consent(&patient, BAD, "active"));
    other["performer"] = json!([{ "reference": "RelatedPerson/297.x" }]);
    let kept = import(&other.to_string());
    assert_eq!(kept.says("Consent.performer").status(), 201, "{kept:?}");
    portal.get(&survey).shows([Housing]).hides([Health]);
}

#[test]
fn what_is_imported_again_is_the_same_and_a_date_of_the_past_changes_nothing_that_was() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    world.pass(Duration::from_hours(24));
    let terms = Terms::grant(&portal.actor).themes(&[Housing]).from("2020-01-01");
    let mut body = foreign(&terms.consent(&patient, GIVEN, "active"));
    body["dateTime"] = "2020-01-01".into();
    let import =
        |body: &Value| send(&book, Method::POST, "/fhir/Consent/$import", &body.to_string());
    let made = import(&body);
    assert_eq!(made.status(), 201, "{made:?}");
    let survey = portal.get(&format!("/fhir/QuestionnaireResponse/{}", aino.document(0)));
    assert_eq!(survey.json()["meta"]["lastUpdated"], world.now().to_string());
    let at = made.header("location").unwrap().to_owned();
    let history = format!("{}/_history", &at[at.find("/fhir").unwrap()..]);
    for _ in 0..3 {
        world.pass(Duration::from_mins(1));
        let again = import(&body);
        assert_eq!((again.status(), again.header("location")), (200, Some(&*at)));
        assert_eq!(book.get(&history).total(), Some(1));
    }
    let slow = put(&body, "/dateTime", json!("2026-03-03T10:07:00Z"));
    assert_eq!(import(&slow).status(), 200, "clocks differ a little");
}
