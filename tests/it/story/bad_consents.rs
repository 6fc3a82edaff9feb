//! A Consent that breaks a rule is refused with the rule, and everything stays as it was.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::{self, Health, Housing};
use serde_json::{Value, json};

use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At, person::path};

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

/// A name, what is sent instead of a good Consent, the status it gets, and where the rule is broken.
type Row = (&'static str, String, u16, &'static str);

/// What is refused in every form.
fn rows_of_any(good: &Value) -> Vec<Row> {
    let at = |pointer: &str, value: Value| put(good, pointer, value).to_string();
    let (rules, labels) = ("/provision/provision", "/provision/provision/0/securityLabel");
    let rule = good.pointer(RULE).unwrap().clone();
    let theme = label("theme", "housing")[0].clone();
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let patient = |to: &str| at("/patient/reference", json!(to));
    let nobody = format!("Patient/297.{}", "a".repeat(26));
    let in_rules = "Consent.provision.provision";
    let in_labels = "Consent.provision.provision[0].securityLabel";
    vec![
        ("too many rules", at(rules, json!(vec![rule; 201])), 422, in_rules),
        ("far too many", at(rules, json!(vec![json!({}); 100_000])), 422, in_rules),
        ("too many values", at(labels, json!(vec![theme; 101])), 422, in_labels),
        ("too large", at("/language", json!("x".repeat(2_000_000))), 413, ""),
        ("far too deep", nested, 400, ""),
        ("no JSON", "{\"resourceType\":".to_owned(), 400, ""),
        ("a member twice", good.to_string().replacen('{', "{\"status\":\"draft\",", 1), 400, ""),
        ("a person there is not", patient(&nobody), 422, "Consent.patient"),
        ("another node's", patient("Patient/205.x"), 422, "Consent.patient"),
        ("no person", patient("Group/297.x"), 422, "Consent.patient"),
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

/// What is refused in our own form beside.
fn rows(good: &Value) -> Vec<Row> {
    let rule = good.pointer(RULE).unwrap().clone();
    let kinds = |codes: &[&str]| {
        let coding = |code: &&str| json!({ "system": "urn:mylife:consent-kind", "code": code });
        json!([{ "coding": codes.iter().map(coding).collect::<Vec<_>>() }])
    };
    let at = |pointer: &str, value: Value| put(good, pointer, value).to_string();
    let in_rule = |key: &str, value: Value| at(&format!("{RULE}/{key}"), value);
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
        ("too deep", at(RULE, deep(&rule, 3)), 422, "Consent.provision.provision[0].type"),
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
        ("another policy", at("/policy/0/uri", json!("urn:other")), 422, "Consent.policy.uri"),
        (
            "a meaning turned around",
            at("/modifierExtension", json!([{ "url": "urn:not", "valueBoolean": true }])),
            422,
            "Consent.modifierExtension",
        ),
    ]
}

/// The same Consent in a form of others: given by the person, with recipient and purpose.
fn foreign(good: &Value) -> Value {
    let loinc = json!([{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }]);
    put(&put(good, "/category", loinc), "/policy/0/uri", json!("urn:another"))
}

/// What is refused in a form of others beside.
fn foreign_rows(good: &Value) -> Vec<Row> {
    let rule = good.pointer(RULE).unwrap().clone();
    let at = |pointer: &str, value: Value| put(good, pointer, value).to_string();
    let own = json!([{ "coding": [{ "system": "urn:mylife:consent-kind", "code": "grant" }] }]);
    vec![
        ("too deep", at(RULE, deep(&rule, 8)), 422, "Consent.provision.provision"),
        ("of our own form", at("/category", own), 422, "Consent.category"),
        ("about research", at("/scope/coding/0/code", json!("research")), 422, "Consent.scope"),
        ("no status there is", at("/status", json!("perhaps")), 422, "Consent.status"),
    ]
}

/// Aino, who has permitted the portal housing and nothing of health.
struct Desk {
    book: At,
    portal: At,
    aino: Person,
    patient: Value,
    world: World,
}

impl Desk {
    fn new() -> Self {
        let world = World::new();
        let kuopio = world.municipality("297");
        let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
        let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
        let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
        Self { book, portal, aino, patient, world }
    }

    fn sends(&self, method: Method, path: &str, body: &str) -> Reply {
        send(&self.book, method, path, body)
    }

    fn imports(&self, body: &str) -> Reply {
        self.sends(Method::POST, "/fhir/Consent/$import", body)
    }

    fn terms(&self, themes: &[Theme]) -> Terms {
        Terms::grant(&self.portal.actor).themes(themes)
    }

    fn survey(&self) -> Reply {
        self.portal.get(&format!("/fhir/QuestionnaireResponse/{}", self.aino.document(0)))
    }

    /// Both as they were: what the portal sees, which consents there are.
    fn seen(&self) -> (String, String) {
        let (survey, consents) = (self.survey(), self.book.search("Consent", &self.aino));
        survey.shows([Housing]).hides([Health]);
        (survey.text(), consents.text())
    }

    /// Each is refused as its row says, whoever it is said to be, in whatever way it is sent, and changes
    /// nothing.
    fn refuses(&self, rows: fn(&Value) -> Vec<Row>, form: fn(&Value) -> Value, ways: Ways) {
        let before = self.seen();
        for uuid in [GIVEN, BAD] {
            let good = self.terms(&[Housing, Health]).consent(&self.patient, uuid, "active");
            let good = form(&good);
            for (what, body, status, place) in [rows_of_any(&good), rows(&good)].concat() {
                for reply in ways(self, uuid, &body) {
                    assert_eq!(reply.status(), status, "{what}: {reply:?}");
                    let places = reply.expression().join(" ");
                    assert!(places.starts_with(place), "{what}: {places}");
                    assert!(!reply.text().contains(self.aino.patient()), "{what}: {reply:?}");
                }
            }
            assert_eq!(self.seen(), before, "{uuid}");
        }
    }

    /// It permits from when it was written here on, whatever it says of itself, and is kept once; gives what
    /// was sent.
    fn takes_once(&self, form: fn(&Value) -> Value, way: Way) -> Value {
        self.world.pass(Duration::from_hours(24));
        let terms = self.terms(&[Housing]).from("2020-01-01");
        let mut body = form(&terms.consent(&self.patient, GIVEN, "active"));
        body["dateTime"] = "2020-01-01".into();
        let made = way(self, &body.to_string());
        assert_eq!(made.status(), 201, "{made:?}");
        assert_eq!(self.survey().json()["meta"]["lastUpdated"], self.world.now().to_string());
        let at = made.header("location").unwrap().to_owned();
        let history = format!("{}/_history", &at[at.find("/fhir").unwrap()..]);
        for _ in 0..3 {
            self.world.pass(Duration::from_mins(1));
            let again = way(self, &body.to_string());
            assert_eq!((again.status(), again.header("location")), (200, Some(&*at)));
            assert_eq!(self.book.get(&history).total(), Some(1));
        }
        let slow = put(&body, "/dateTime", json!("2026-03-03T10:07:00Z"));
        assert_eq!(way(self, &slow.to_string()).status(), 200, "clocks differ a little");
        body
    }
}

/// How a body is sent.
type Way = fn(&Desk, &str) -> Reply;

/// The ways in which a body under a uuid is sent.
type Ways = fn(&Desk, &str, &str) -> Vec<Reply>;

#[test]
fn what_breaks_a_rule_is_refused_with_the_rule_and_changes_nothing() {
    let desk = Desk::new();
    let given = desk.terms(&[Housing]).consent(&desk.patient, GIVEN, "active");
    desk.sends(Method::PUT, &path(GIVEN), &given.to_string()).accepted();
    desk.refuses(rows, Value::clone, |desk, uuid, body| {
        let ways = [(Method::POST, "/fhir/Consent".to_owned()), (Method::PUT, path(uuid))];
        ways.into_iter().map(|(method, path)| desk.sends(method, &path, body)).collect()
    });
    // The good one is good.
    let good = desk.terms(&[Housing, Health]).consent(&desk.patient, BAD, "active");
    desk.sends(Method::POST, "/fhir/Consent", &good.to_string()).accepted();
    desk.survey().shows([Housing, Health]);
}

#[test]
fn what_cannot_be_imported_is_refused_with_the_rule_and_changes_nothing() {
    let desk = Desk::new();
    let given = desk.terms(&[Housing]).consent(&desk.patient, GIVEN, "active");
    assert_eq!(desk.imports(&foreign(&given).to_string()).status(), 201);
    desk.refuses(foreign_rows, foreign, |desk, _, body| vec![desk.imports(body)]);
    // Given by somebody else it is kept, told of, and permits nothing.
    let wider = desk.terms(&[Housing, Health]).consent(&desk.patient, BAD, "active");
    let mut other = foreign(&wider);
    other["performer"] = json!([{ "reference": "RelatedPerson/297.x" }]);
    let kept = desk.imports(&other.to_string());
    assert_eq!(kept.says("Consent.performer").status(), 201, "{kept:?}");
    desk.survey().shows([Housing]).hides([Health]);
}

#[test]
fn a_date_of_the_past_and_a_second_sending_change_nothing_that_was() {
    let desk = Desk::new();
    let body =
        desk.takes_once(Value::clone, |desk, body| desk.sends(Method::PUT, &path(GIVEN), body));
    desk.sends(Method::POST, "/fhir/Consent", &body.to_string()).refused(409, "conflict");
}

#[test]
fn what_is_imported_again_is_the_same_and_a_date_of_the_past_changes_nothing_that_was() {
    Desk::new().takes_once(foreign, Desk::imports);
}
