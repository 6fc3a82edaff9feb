//! Somebody, or an officer, asks who saw what of them.

use std::time::Duration;

use mylife::domain::theme::Theme::Housing;
use serde_json::Value;

use super::explained::{citizen, law, officer};
use crate::world::{Node, Person, World, municipality::At};

/// Client and `subtype` of each event, oldest first.
fn told(who: &At, person: &Person, more: &str) -> Vec<(String, String)> {
    let reply = who.get(&format!("/fhir/AuditEvent?patient={}&_sort=date{more}", person.patient()));
    let text = |event: &Value, at: &str| event.pointer(at).unwrap().as_str().unwrap().to_owned();
    let of = |event: &&Value| {
        (text(event, "/agent/0/who/identifier/value"), text(event, "/subtype/0/code"))
    };
    reply.matches().iter().map(of).collect()
}

fn scene(world: &World) -> (Node, Person) {
    world.legislate(law());
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let portal = kuopio.client("national-portal");
    aino.grants(&portal, [Housing]);
    portal.search("Observation", &aino).shows([Housing]);
    world.pass(Duration::from_secs(1));
    portal.get(&format!("/fhir/QuestionnaireResponse/{}", aino.document(0))).shows([Housing]);
    (kuopio, aino)
}

#[test]
fn the_person_and_an_officer_find_every_disclosure_and_who_it_was_made_to() {
    let world = World::new();
    let (kuopio, aino) = scene(&world);
    let aino_herself = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let of_the_portal = |all: Vec<(String, String)>| -> Vec<String> {
        all.into_iter()
            .filter(|(client, _)| client == "national-portal")
            .map(|(_, done)| done)
            .collect()
    };
    assert_eq!(of_the_portal(told(&aino_herself, &aino, "")), ["search-type", "read"]);
    // That she asked is a disclosure too, and the officer sees it.
    let all = told(&officer(&kuopio), &aino, "");
    assert_eq!(of_the_portal(all.clone()), ["search-type", "read"]);
    assert!(all.contains(&("citizen-app".to_owned(), "search-type".to_owned())), "{all:?}");

    let reads = told(&aino_herself, &aino, "&subtype=read");
    assert_eq!(reads, [("national-portal".to_owned(), "read".to_owned())]);
    let about = format!("&entity=QuestionnaireResponse/{}", aino.document(0));
    let pushed = ("source".to_owned(), "create".to_owned());
    assert_eq!(told(&aino_herself, &aino, &about), [pushed, reads[0].clone()]);
    assert!(told(&aino_herself, &aino, "&date=lt2020-01-01").is_empty());
    assert_eq!(told(&aino_herself, &aino, "&date=ge2020-01-01&action=R&outcome=0"), reads);
}

#[test]
fn who_is_only_counted_finds_it_too() {
    let world = World::new();
    let (kuopio, aino) = scene(&world);
    let (portal, patient) = (kuopio.client("national-portal"), aino.patient());
    for (way, done) in [
        (format!("/fhir/Observation?patient={patient}&_summary=count"), "search-type"),
        (format!("/fhir/Observation?patient={patient}&_count=0"), "search-type"),
        (format!("/fhir/Observation/_history?patient={patient}&_count=0"), "history"),
    ] {
        let before = kuopio.disclosures(patient).len();
        let reply = portal.get(&way);
        assert!(
            reply.total() > Some(0)
                && reply
                    .json()
                    .get("entry")
                    .is_none_or(|e| !e.to_string().contains("Observation/")),
            "{reply:?}"
        );
        let told = kuopio.disclosures(patient);
        assert_eq!(told.len(), before + 1, "{way}");
        assert_eq!(serde_json::json!(told[before].interaction), done, "{way}");
    }
}

#[test]
fn an_event_is_read_by_its_id_and_pages_lose_none() {
    let world = World::new();
    let (kuopio, aino) = scene(&world);
    let desk = officer(&kuopio);
    let path = format!("/fhir/AuditEvent?patient={}&_sort=date&_count=1", aino.patient());
    let first = desk.get(&path);
    let second = desk.get(&first.next().unwrap());
    assert_ne!(first.ids(), second.ids());
    for page in [first, second] {
        let [id] = &*page.ids() else { panic!("one a page: {page:?}") };
        let event = desk.get(&format!("/fhir/AuditEvent/{id}"));
        assert_eq!(event.json(), page.matches()[0]);
    }
}

#[test]
fn nobody_else_learns_that_there_is_anything() {
    let world = World::new();
    let (kuopio, aino) = scene(&world);
    let desk = officer(&kuopio);
    let id = desk.search("AuditEvent", &aino).ids().pop().unwrap();
    let portal = kuopio.client("national-portal");
    portal.search("AuditEvent", &aino).is_empty();
    portal.get(&format!("/fhir/AuditEvent/{id}")).refused(404, "not-found");
    let eero = kuopio.person("eero");
    let he = citizen(&kuopio, &format!("Patient/{}", eero.patient()));
    he.search("AuditEvent", &aino).is_empty();
    he.get(&format!("/fhir/AuditEvent/{id}")).refused(404, "not-found");
    // Across people nobody may ask.
    desk.get("/fhir/AuditEvent").refused(422, "too-costly");
}
