//! What is told of somebody and shows nothing of theirs, that it is gone, how much there is of it, is on
//! record as theirs all the same: they find it. What would be told whoever there is, is on record of nobody.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use super::{
    emergency::{explained, uses, ward},
    explained::{citizen, law},
    versions::{goal, plan, push},
};
use crate::world::{Lie, Node, Person, Reply, World, actor::Ask, municipality::At};

/// A goal of Aino's that the portal saw, and is no more.
fn scene(world: &World) -> (Node, Person, String) {
    world.legislate(law());
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino");
    let portal = kuopio.client("national-portal");
    aino.grants(&portal, [Housing]);
    aino.grants(&kuopio.client("north-savo"), [Health]);
    plan(&aino, &[goal("g1", "Oma koti"), goal("g2", "Vuokra")]);
    let before = portal.search("Goal", &aino).ids();
    world.pass(Duration::from_hours(1));
    plan(&aino, &[goal("g1", "Oma koti")]);
    let left = portal.search("Goal", &aino).ids();
    let gone = before.into_iter().find(|id| !left.contains(id)).unwrap();
    (kuopio, aino, gone)
}

/// What Aino finds in her log of a client's requests that shows nothing: each with what it is about.
pub(super) fn found(aino: &Person, client: &str) -> Vec<(Value, Value, Vec<String>)> {
    let who = citizen(aino.node(), &format!("Patient/{}", aino.patient()));
    let of = format!("/fhir/AuditEvent?patient={}&_sort=date&outcome=4", aino.patient());
    let log = who.get(&of);
    let is_its = |event: &&&Value| event["agent"][0]["who"]["identifier"]["value"] == client;
    let names = |event: &Value| {
        let entities = event["entity"].as_array().unwrap().iter();
        let named = entities.filter_map(|one| one["what"]["reference"].as_str());
        named.map(str::to_owned).collect()
    };
    let told = |event: &&Value| {
        (event["outcomeDesc"].clone(), event["subtype"][0]["code"].clone(), names(event))
    };
    log.matches().iter().filter(is_its).map(told).collect()
}

fn portal_at(world: &World, nodes: &str) -> At {
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some(nodes.to_owned());
    portal
}

#[test]
fn whose_resource_is_told_to_be_gone_finds_it() {
    let world = World::new();
    let (kuopio, aino, gone) = scene(&world);
    let (portal, county) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let at = format!("/fhir/Goal/{gone}");
    assert!(found(&aino, "national-portal").is_empty());
    // What was never there, or never seen, is on record of nobody.
    portal.get(&format!("{at}x")).refused(404, "not-found");
    county.get(&at).refused(404, "not-found");
    assert!(found(&aino, "national-portal").is_empty() && found(&aino, "north-savo").is_empty());
    let told = portal.get(&at);
    told.refused(410, "deleted").keeps_quiet(aino.patient());
    let all = found(&aino, "national-portal");
    let [entry] = &all[..] else { panic!("one: {all:?}") };
    assert_eq!((&entry.0, &entry.1), (&json!("deleted"), &json!("read")));
    // What it was, and by which permission that is told.
    let [patient, goal, consent] = &entry.2[..] else { panic!("{entry:?}") };
    assert_eq!(*patient, format!("Patient/{}", aino.patient()));
    assert_eq!(*goal, format!("Goal/{gone}"));
    assert!(consent.starts_with("Consent/"), "{entry:?}");
    // In whatever way it is asked, each time.
    let short = portal.get(&format!("{at}?_summary=true"));
    assert_eq!(short.text(), told.text());
    let head = portal.actor.send(&kuopio, Method::HEAD, &at, Ask::default());
    assert_eq!(head.status(), 410);
    for kind in ["batch", "transaction"] {
        let one = json!({ "request": { "method": "GET", "url": format!("Goal/{gone}") } });
        let body = json!({ "resourceType": "Bundle", "type": kind, "entry": [one] }).to_string();
        let body = Ask { kind: Some("application/fhir+json"), body: body.into(), ..Ask::default() };
        let all = portal.actor.send(&kuopio, Method::POST, "/fhir", body);
        assert_eq!(all.status(), if kind == "batch" { 200 } else { 410 }, "{all:?}");
        assert!(all.text().contains("deleted"), "{all:?}");
    }
    assert_eq!(found(&aino, "national-portal"), vec![entry.clone(); 5]);
}

#[test]
fn whose_resource_is_told_to_be_gone_through_another_gateway_is_on_record_at_both() {
    let world = World::new();
    let (kuopio, aino, gone) = scene(&world);
    let portal = portal_at(&world, "205,297");
    let at = format!("/fhir/Goal/{gone}");
    let of_her = || {
        let is_hers = |entry: &mylife::audit::record::Entry<'_>| {
            entry.patient.as_deref() == Some(aino.patient())
        };
        portal.node.audit().into_iter().filter(is_hers).count()
    };
    let (far, near) = (portal.get(&at), kuopio.client("national-portal").get(&at));
    assert_eq!((far.status(), far.text()), (410, near.text()));
    assert_eq!(of_her(), 1);
    assert_eq!(found(&aino, "900/national-portal").len(), 1);
    portal.get(&format!("{at}x")).refused(404, "not-found");
    assert_eq!(of_her(), 1);
    // Where no picture can be made of it, it is as absent as it is at home.
    let survey = |theme: &str| {
        let answer = json!({ "theme": theme, "importance": 2 });
        let body = json!({ "schema": "mylife/assessment/1", "id": "s", "person": "aino",
            "form": "3x10d-30", "status": "completed", "authored": "2026-02-01T10:00:00Z",
            "answered_by": "person", "language": "fi", "answers": [answer] });
        push(&aino, "assessments", "s", &body).json()["id"].as_str().unwrap().to_owned()
    };
    let at = format!("/fhir/QuestionnaireResponse/{}", survey("housing"));
    assert_eq!(portal.get(&at).status(), 200);
    survey("health");
    portal.get(&at).refused(410, "deleted");
    portal.get(&format!("{at}/$circle-of-life")).refused(404, "not-found");
    // A gateway that does not say whose it was is not believed.
    let lies = std::collections::VecDeque::from([(410, "{}".to_owned())]);
    world.impostor("205", Lie::Refuses(std::sync::Arc::new(lies.into())));
    let goal = "/fhir/Goal/205.aaaaaaaaaaaaaaaaaaaaaaaaaa.g0000000000";
    portal.get(goal).refused(404, "not-found");
}

#[test]
fn what_is_told_to_be_gone_in_an_emergency_waits_for_its_review() {
    let world = World::new();
    let (kuopio, aino, gone) = scene(&world);
    let ward = ward(&kuopio, Some("fire"), Some(600));
    ward.get(&format!("/fhir/Goal/{gone}")).refused(410, "deleted");
    assert_eq!(uses(&explained(&kuopio, aino.patient())).len(), 1);
}

#[test]
fn whose_resources_are_counted_through_another_gateway_is_on_record_there() {
    let world = World::new();
    let (kuopio, aino, gone) = scene(&world);
    let (near, portal) = (kuopio.client("national-portal"), portal_at(&world, "297"));
    let patient = aino.patient();
    for way in [
        format!("/fhir/Goal?patient={patient}&_summary=count"),
        format!("/fhir/Goal?patient={patient}&_count=0"),
        format!("/fhir/Goal/_history?patient={patient}&_count=0"),
        format!("/fhir/Goal/{gone}/_history?_count=0"),
        format!("/fhir/Goal/_history?patient={patient}&_count=0&_since=2026-03-02T09:00:00Z"),
    ] {
        let before = portal.node.disclosures(patient).len();
        let (far, here) = (portal.get(&way), near.get(&way));
        assert!(here.total() > Some(0), "{here:?}");
        assert_eq!(far.total(), here.total(), "{way}");
        let shown = |reply: &Reply| reply.text().contains("\"Goal\"");
        assert!(!shown(&far) && !shown(&here) && far.next().is_none(), "{far:?}");
        let told = portal.node.disclosures(patient);
        assert_eq!(told.len(), before + 1, "{way}");
        assert!(
            format!("{:?}", told[before].resources).contains(&gone) || !way.contains("_history")
        );
    }
    // Of whom there is nothing, nothing is told.
    let (before, none) = (portal.node.audit().len(), format!("297.{}", "q".repeat(26)));
    for way in ["Goal?", "Goal/_history?"] {
        let counted = portal.get(&format!("/fhir/{way}patient={none}&_count=0"));
        assert_eq!(counted.total(), Some(0));
    }
    assert!(portal.node.audit()[before..].iter().all(|entry| entry.patient.is_none()));
}

#[test]
fn a_page_of_no_entries_across_people_is_the_same_whoever_there_is() {
    let world = World::with_stride(1);
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let ask = || {
        let (far, near) = (portal_at(&world, "297"), &portal);
        [&far, near].map(|at| {
            let reply = at.get("/fhir/Observation?_count=0").accepted();
            assert!(reply.next().is_none(), "{reply:?}");
            reply.json().clone()
        })
    };
    let before = ask();
    for name in ["aino", "eetu", "eero"] {
        let one = kuopio.person(name).answered([(Housing, 2, 1, "")]);
        one.grants(&portal, [Housing]);
        assert_eq!(ask(), before);
        assert!(kuopio.disclosures(one.patient()).is_empty());
    }
}
