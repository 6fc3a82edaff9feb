//! A Consent is written, read, changed and revoked as any other resource, by those alone who may.

use std::time::Duration;

use http::Method;
use mylife::{
    audit::record::Interaction,
    domain::theme::Theme::{Finance, Health, Housing},
};
use serde_json::{Value, json};

use crate::{
    step::consent::published,
    world::{Person, Reply, Terms, World, actor::Ask, municipality::At},
};

const UUID: &str = "urn:uuid:00000000-0000-4000-8000-0000000000aa";
const HOUR: Duration = Duration::from_hours(1);

/// Writes a Consent with these headers.
fn write(
    client: &At,
    method: Method,
    path: &str,
    body: &Value,
    headers: &[(&'static str, &str)],
) -> Reply {
    let headers = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
    let (kind, body) = (Some("application/fhir+json"), body.to_string().into());
    let nodes = client.nodes.as_deref();
    client.actor.send(&client.node, method, path, Ask { headers, kind, nodes, body })
}

pub(super) fn post(client: &At, body: &Value, headers: &[(&'static str, &str)]) -> Reply {
    write(client, Method::POST, "/fhir/Consent", body, headers)
}

pub(super) fn patient(person: &Person) -> Value {
    json!({ "reference": format!("Patient/{}", person.patient()) })
}

/// A path below `/fhir` out of an absolute address.
pub(super) fn place(made: &Reply) -> String {
    let at = made.header("location").unwrap();
    at[at.find("/fhir").unwrap()..].to_owned()
}

fn with_id(mut body: Value, path: &str) -> Value {
    body["id"] = path.rsplit('/').next().unwrap().into();
    body
}

#[test]
fn a_consent_lives_from_its_creation_to_its_revocation_and_is_never_deleted() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let terms = Terms::grant(&portal.actor).themes(&[Housing]);
    let mut body = terms.consent(&patient(&aino), UUID, "active");
    body.as_object_mut().unwrap().remove("identifier");
    let made = post(&book, &body, &[]);
    assert_eq!(made.status(), 201, "{made:?}");
    let survey = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    portal.get(&survey).shows([Housing]).hides([Health]);
    let place = place(&made);
    let first = book.get(&place).header("etag").unwrap().to_owned();
    world.pass(HOUR);
    // The next version, on the one that was read, and on no other.
    let wider = Terms::grant(&portal.actor).themes(&[Housing, Health]);
    let wider = with_id(wider.consent(&patient(&aino), UUID, "active"), &place);
    let put = |body: &Value, known: Option<&str>| {
        let headers: Vec<_> = known.map(|known| ("if-match", known)).into_iter().collect();
        write(&book, Method::PUT, &place, body, &headers)
    };
    put(&wider, None).refused(412, "conflict");
    put(&wider, Some("W/\"x\"")).refused(412, "conflict");
    assert_eq!(put(&wider, Some(&first)).status(), 200);
    portal.get(&survey).shows([Housing, Health]);
    put(&wider, Some(&first)).refused(412, "conflict");
    let second = book.get(&place).header("etag").unwrap().to_owned();
    world.pass(HOUR);
    let mut revoked = wider.clone();
    revoked["status"] = "inactive".into();
    assert_eq!(put(&revoked, Some(&second)).status(), 200);
    portal.get(&survey).refused(404, "not-found");
    // All of it can be seen later.
    let history = book.get(&format!("{place}/_history"));
    let entries = history.json()["entry"].as_array().unwrap().iter();
    let statuses: Vec<_> = entries.map(|e| e["resource"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["inactive", "active", "active"]);
    let old = history.json()["entry"][2]["resource"]["meta"]["versionId"].as_str().unwrap();
    let old = book.get(&format!("{place}/_history/{old}"));
    assert!(!old.text().contains("\"health\"") && old.text().contains("\"housing\""));
    let never = write(&book, Method::DELETE, &place, &json!({}), &[]);
    never.refused(405, "not-supported").says("inactive");
    assert_eq!(never.header("allow"), Some("GET, HEAD, PUT"));
    assert_eq!(book.get(&place).status(), 200);
}

#[test]
fn nothing_is_created_twice_nor_under_an_id_of_the_writers_choice() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let (aino, eero) = (kuopio.person("aino"), kuopio.person("eero"));
    let body =
        Terms::grant(&portal.actor).themes(&[Housing]).consent(&patient(&aino), UUID, "active");
    let condition = format!("identifier=urn:ietf:rfc:3986%7C{UUID}");
    let made = post(&book, &body, &[("if-none-exist", &condition)]);
    assert_eq!(made.status(), 201, "{made:?}");
    let before = kuopio.audit().len();
    let again = post(&book, &body, &[("if-none-exist", &condition)]);
    assert_eq!((again.status(), place(&again)), (200, place(&made)));
    assert_eq!(kuopio.audit().len(), before + 1, "that it is there is told, and written down");
    post(&book, &body, &[]).refused(409, "conflict");
    // What another has written is not there for a writer who may not read it.
    let desk = kuopio.client("consent-desk");
    let other = Terms::grant(&portal.actor).themes(&[Health]);
    let other = other.consent(&patient(&aino), &UUID.replace("aa", "ab"), "active");
    post(&desk, &other, &[]).accepted();
    let all = post(&book, &body, &[("if-none-exist", "status=active")]);
    assert_eq!((all.status(), place(&all)), (200, place(&made)), "it sees one alone");
    post(&book, &body, &[("if-none-exist", "shoe-size=42")]).refused(400, "not-supported");
    // Neither an id that there is none of, nor another's.
    let absent = format!("/fhir/Consent/297.{}", "a".repeat(26));
    for (path, whose) in [(&absent, &aino), (&format!("/fhir/Consent/{}", aino.patient()), &aino)] {
        let body =
            with_id(Terms::grant(&portal.actor).consent(&patient(whose), UUID, "active"), path);
        let reply = write(&book, Method::PUT, path, &body, &[("if-match", "*")]);
        reply.refused(404, "not-found");
    }
    let at = place(&made);
    let moved = Terms::grant(&portal.actor).consent(&patient(&eero), UUID, "active");
    let reply = write(&book, Method::PUT, &at, &with_id(moved, &at), &[("if-match", "*")]);
    assert_eq!(reply.refused(422, "business-rule").expression(), ["Consent.patient"]);
    let reply = write(&book, Method::PUT, &at, &body, &[("if-match", "*")]);
    assert_eq!(reply.refused(400, "invalid").expression(), ["Consent.id"]);
}

/// A token of the gateway's own for somebody who acts through a client.
pub(super) fn of(client: &At, subject: &str, roles: &[&str]) -> String {
    let who = json!({ "purpose": "PATADMIN", "subject": subject, "roles": roles });
    client.token("system/Consent.crus", &who)
}

/// What an officer says of how a Consent came to be.
pub(super) fn provenance(world: &World, who: &str) -> Value {
    json!({
        "resourceType": "Provenance", "recorded": world.now().to_string(),
        "agent": [{ "who": { "reference": who } }],
        "reason": [{ "text": "said at the desk, and read back" }],
    })
}

#[test]
fn only_the_person_a_representative_and_an_officer_write() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let represented = |id: &str, themes: Value, period: Value| {
        json!({ "id": id, "who": { "name": "Maija Testi" }, "relation": "guardian",
            "themes": themes, "classes": [], "period": period })
    };
    let aino = Person::with(
        &kuopio,
        "aino",
        &json!({ "representation": [
            represented("r1", json!(["housing"]), json!({ "start": "2025-01-01" })),
            represented("r2", json!("*"), json!({ "start": "2025-01-01", "end": "2025-12-31" })),
        ] }),
    );
    let own = format!("Patient/{}", aino.patient());
    let guardian = format!("RelatedPerson/{}", related(aino.patient(), "r1"));
    let former = format!("RelatedPerson/{}", related(aino.patient(), "r2"));
    let (housing, all) =
        (Terms::grant(&portal.actor).themes(&[Housing]), Terms::grant(&portal.actor));
    let finance = Terms::grant(&portal.actor).themes(&[Housing, Finance]);
    let words = Terms::grant(&portal.actor).themes(&[Housing]).class("free-text");
    let forbids = Terms::prohibition(&portal.actor);
    let mut number = 0x100;
    let mut send = |terms: &Terms, by: &str, subject: Option<(&str, &[&str])>, whose: &Value| {
        number += 1;
        let uuid = format!("urn:uuid:00000000-0000-4000-8000-{number:012x}");
        let mut body = terms.consent(whose, &uuid, "active");
        body["performer"] = json!([{ "reference": by }]);
        let (kind, bytes) = (Some("application/fhir+json"), body.to_string().into());
        let Some((subject, roles)) = subject else { return post(&book, &body, &[]) };
        let token = of(&book, subject, roles);
        let mut headers = vec![("authorization", format!("Bearer {token}"))];
        if roles.contains(&"officer") {
            headers.push(("x-provenance", provenance(&world, subject).to_string()));
        }
        let ask = Ask { headers, kind, body: bytes, nodes: None };
        book.actor.raw(&kuopio, Method::POST, "/fhir/Consent", ask)
    };
    let here = patient(&aino);
    let nobody: &[&str] = &[];
    for (terms, by, subject, status) in [
        (&housing, &own, None, 201),
        (&housing, &own, Some((&*own, nobody)), 201),
        (&all, &own, Some((&*own, nobody)), 201),
        (&housing, &guardian, Some((&*guardian, nobody)), 201),
        (&housing, &guardian, None, 201),
        (&forbids, &guardian, Some((&*guardian, nobody)), 201),
        (&housing, &own, Some(("Practitioner/297.prac.youth1", &["officer"])), 201),
        (&finance, &guardian, Some((&*guardian, nobody)), 403),
        (&all, &guardian, Some((&*guardian, nobody)), 403),
        (&words, &guardian, Some((&*guardian, nobody)), 403),
        (&housing, &former, Some((&*former, nobody)), 403),
        (&housing, &own, Some(("Practitioner/297.prac.youth1", &["doctor"])), 403),
        (&housing, &own, Some(("Patient/297.another", nobody)), 403),
        (&finance, &guardian, None, 422),
        (&housing, &former, None, 422),
        (&housing, &"Practitioner/297.prac.youth1".to_owned(), None, 422),
        (&housing, &"Patient/297.another".to_owned(), None, 422),
    ] {
        let reply = send(terms, by, subject, &here);
        assert_eq!(reply.status(), status, "{by} {subject:?}: {reply:?}");
        if status == 422 {
            assert_eq!(reply.expression(), ["Consent.performer"]);
        }
    }
    // Who may not write is told the same, whether there is such a person or not.
    let stranger = Some(("Patient/297.another", nobody));
    let known = send(&housing, &own, stranger, &here);
    let code = json!({ "type": "Patient",
        "identifier": { "system": "urn:oid:1.2.246.21", "value": "130496A999X" } });
    let unknown = send(&housing, &own, stranger, &code);
    assert_eq!(known.bytes(), unknown.bytes());
}

#[test]
fn an_organisation_is_named_by_its_oid_or_as_the_directory_lists_it() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, county) = (kuopio.client("consent-book"), kuopio.client("north-savo"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let listed = json!({ "reference": "Organization/297.org.county" });
    let mut body =
        Terms::grant(&county.actor).themes(&[Housing]).consent(&patient(&aino), UUID, "active");
    body["provision"]["provision"][0]["actor"][0]["reference"] = listed.clone();
    county.search("Observation", &aino).is_empty();
    post(&book, &body, &[]).accepted();
    county.search("Observation", &aino).shows([Housing]);
    kuopio.client("national-portal").search("Observation", &aino).is_empty();
    let never = &UUID.replace("aa", "ab");
    let mut body = Terms::prohibition(&county.actor).consent(&patient(&aino), never, "active");
    body["provision"]["actor"][0]["reference"] = listed;
    post(&book, &body, &[]).accepted();
    county.search("Observation", &aino).is_empty();
}

/// Id of a `RelatedPerson`.
pub(super) fn related(patient: &str, local: &str) -> String {
    mylife::domain::person::related_id(patient, local).to_string()
}

#[test]
fn a_consent_of_another_form_is_imported_as_far_as_it_can_be_told() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let mut text =
        Terms::grant(&portal.actor).themes(&[Housing]).consent(&patient(&aino), UUID, "active");
    text["category"] = json!([{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }]);
    text["policy"] = json!([{ "uri": "urn:another" }]);
    let rule = text.pointer_mut("/provision/provision/0").unwrap();
    rule["actor"].as_array_mut().unwrap().push(json!({
        "role": { "text": "a friend" }, "reference": { "display": "Somebody" } }));
    let import = |body: &Value| write(&book, Method::POST, "/fhir/Consent/$import", body, &[]);
    let made = import(&text);
    assert_eq!(made.status(), 201, "{made:?}");
    let issues = made.json()["issue"].as_array().unwrap();
    assert_eq!(issues.len(), 2);
    assert_eq!(issues[1]["expression"][0], "Consent.provision.provision[0].actor");
    made.keeps_quiet("Somebody");
    let survey = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    portal.get(&survey).shows([Housing]).hides([Health]);
    // Sent again it is the next version of the same.
    text["provision"] = json!({ "type": "permit" });
    let next = import(&text);
    assert_eq!((next.status(), place(&next)), (200, place(&made)));
    portal.get(&survey).refused(404, "not-found");
    let own = Terms::grant(&portal.actor).consent(&patient(&aino), UUID, "active");
    assert_eq!(import(&own).refused(422, "business-rule").expression(), ["Consent.category"]);
    assert_eq!(book.get(&place(&made)).status(), 200);
}

#[test]
fn every_consent_that_hl7_and_ihe_publish_is_imported_with_its_report_and_lets_nobody_in() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let of_aino = format!("Patient/{}", aino.patient());
    let survey = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    let expected = published::expected();
    for (name, text) in published::published() {
        let text =
            published::named(&text, [&of_aino, "Organization/297.org.any", "Practitioner/x"]);
        let made = write(&book, Method::POST, "/fhir/Consent/$import", &text, &[]);
        assert_eq!(made.status(), 201, "{name}: {made:?}");
        let issues = made.json()["issue"].as_array().unwrap()[1..].iter();
        let places: Vec<&str> =
            issues.map(|issue| issue["expression"][0].as_str().unwrap()).collect();
        assert_eq!(places, expected[&name].narrowed, "{name}");
        portal.get(&survey).refused(404, "not-found");
        assert_eq!(book.get(&place(&made)).status(), 200, "{name}");
    }
}

#[test]
fn the_receipt_says_what_was_agreed_to_and_what_became_of_it_to_its_readers_alone() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let aino = kuopio.person("aino");
    let terms =
        Terms::grant(&portal.actor).themes(&[Housing]).class("free-text").until("2027-01-01");
    let body = terms.consent(&patient(&aino), UUID, "active");
    let made = post(&book, &body, &[]);
    let given = world.now();
    world.pass(HOUR);
    let revoked = with_id(terms.consent(&patient(&aino), UUID, "inactive"), &place(&made));
    write(&book, Method::PUT, &place(&made), &revoked, &[("if-match", "*")]).accepted();
    let path = format!("{}/$receipt", place(&made));
    let reply = book.get(&path);
    assert_eq!(reply.status(), 200, "{reply:?}");
    let receipt = reply.json();
    for (pointer, expected) in [
        ("/schema_version", json!("ISO/IEC TS 27560:2023")),
        ("/record_id", json!(made.header("location").unwrap())),
        ("/pii_principal_id", json!(format!("Patient/{}", aino.patient()))),
        ("/pii_controllers/0/id", json!(kuopio.identity.organization())),
        ("/consent_type", json!("grant")),
        ("/privacy_notice", json!("urn:mylife:policy:1")),
        ("/jurisdiction", json!("FI")),
        ("/purposes/0/purpose", json!(["TREAT"])),
        ("/purposes/0/personal_data/categories", json!(["housing"])),
        ("/purposes/0/personal_data/special_categories", json!(["free-text"])),
        ("/purposes/0/recipients/0/identifier/value", json!(portal.actor.organization)),
        ("/purposes/0/validity/end", json!("2027-01-01")),
        ("/state", json!("inactive")),
        ("/events/0/event_type", json!("given")),
        ("/events/0/event_time", json!(given.to_string())),
        ("/events/1/event_type", json!("withdrawn")),
        ("/events/1/event_time", json!(world.now().to_string())),
    ] {
        assert_eq!(receipt.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert!(receipt["withdrawal_method"]["how"].as_str().unwrap().contains("inactive"));
    let read = kuopio.audit().into_iter().filter(|e| {
        e.interaction == Interaction::Operation && e.patient.as_deref() == Some(aino.patient())
    });
    assert_eq!(read.count(), 1);
    // Who may not read it learns no more than who asks for nothing.
    let absent = portal.get(&format!("/fhir/Consent/297.{}/$receipt", "a".repeat(26)));
    assert_eq!(portal.get(&path).bytes(), absent.bytes());
    absent.refused(404, "not-found");
    kuopio.client("goals-only").get(&path).refused(403, "forbidden");
}
