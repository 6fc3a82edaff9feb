//! A peer that is down, slow, or lies costs its own entry and nothing else.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use crate::world::{Lie, Person, Reply, World};

/// How long a peer is waited for that never answers: all the while, the one beside it has time to.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the portal finds of somebody of Kuopio while Kajaani is this.
fn beside(lie: Option<Lie>, deadline: Duration) -> (Reply, Person) {
    let world = World::with_deadline(deadline);
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&kuopio.client("national-portal"), [Housing]);
    if let Some(lie) = lie {
        world.impostor("205", lie);
    }
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("205,297".to_owned());
    let code = format!("urn:oid:1.2.246.21|{}", aino.code());
    let reply = portal.post("QuestionnaireResponse", &[("patient.identifier", &code)]);
    (reply, aino)
}

fn costs_only_itself(reply: &Reply, aino: &Person, what: &str) {
    assert_eq!(reply.ids(), [aino.document(0)], "{what}");
    let states = reply.completeness();
    assert_eq!((&*states["205"], &*states["297"]), ("not-reached", "complete"), "{what}");
    assert_eq!(reply.total(), None, "{what}: no total where one is missing");
}

#[test]
fn a_peer_that_is_down_or_lies_costs_its_own_entry() {
    let entry = |id: &str, patient: &str| {
        json!({ "resource": { "resourceType": "QuestionnaireResponse", "id": id, "status": "completed",
            "meta": { "lastUpdated": "2026-02-01T00:00:00Z" },
            "subject": { "reference": format!("Patient/{patient}") } }, "search": { "mode": "match" } })
    };
    let page = |entries: Value| {
        let bundle =
            json!({ "resourceType": "Bundle", "type": "searchset", "total": 1, "entry": entries });
        Some(Lie::Says(bundle.to_string()))
    };
    let mut goal = entry("205.x", "205.y");
    goal["resource"]["resourceType"] = json!("Goal");
    let rows = [
        ("down", None),
        ("fails", Some(Lie::Fails(500))),
        ("broken JSON", Some(Lie::Says("{\"resourceType\":\"Bundle\",".to_owned()))),
        ("deep JSON", Some(Lie::Says("[".repeat(10_000)))),
        ("no Bundle", Some(Lie::Says("{\"resourceType\":\"Goal\"}".to_owned()))),
        ("another node's id", page(json!([entry("297.x", "205.y")]))),
        ("another node's person", page(json!([entry("205.x", "297.y")]))),
        ("another type", page(json!([goal]))),
        ("oversized", Some(Lie::Says(format!("\"{}\"", "x".repeat(9 << 20))))),
    ];
    for (what, lie) in rows {
        let (reply, aino) = beside(lie, Duration::from_secs(30));
        costs_only_itself(&reply, &aino, what);
    }
}

#[test]
fn pages_between_which_something_changed_are_not_all_there_is() {
    for (totals, state) in [([2, 2], "complete"), ([2, 1], "partial")] {
        let page = |number: usize| {
            let next = json!([{ "relation": "next", "url": "https://n205.test/fhir/QuestionnaireResponse?_cursor=p" }]);
            let entry = json!([{ "resource": { "resourceType": "QuestionnaireResponse",
                "id": format!("205.x{number}"), "status": "completed",
                "meta": { "lastUpdated": "2026-02-01T00:00:00Z" },
                "subject": { "reference": "Patient/205.y" } }, "search": { "mode": "match" } }]);
            json!({ "resourceType": "Bundle", "type": "searchset", "total": totals[number],
                "link": if number == 0 { next } else { json!([]) }, "entry": entry })
        };
        let pages = [0, 1].map(|number| page(number).to_string());
        let lie = Lie::InTurn(Arc::new(Mutex::new(pages.into())));
        let (reply, _) = beside(Some(lie), Duration::from_secs(30));
        assert_eq!(reply.completeness()["205"], state, "{reply:?}");
        assert_eq!(reply.total().is_some(), state == "complete", "{reply:?}");
    }
}

#[test]
fn a_peer_that_never_answers_costs_its_own_entry() {
    let (reply, aino) = beside(Some(Lie::Silence), PATIENCE);
    costs_only_itself(&reply, &aino, "silence");
}

#[test]
fn a_peer_whose_answer_has_no_end_costs_its_own_entry() {
    static MUCH: [u8; 1 << 16] = [b' '; 1 << 16];
    for (what, piece) in [("byte by byte", &MUCH[..1]), ("as fast as it can", &MUCH[..])] {
        let (reply, aino) = beside(Some(Lie::Drips(piece)), PATIENCE);
        costs_only_itself(&reply, &aino, what);
    }
}

#[test]
fn across_people_a_source_not_reached_is_an_empty_page_with_a_next_one() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&kuopio.client("national-portal"), [Housing]);
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("205,297".to_owned());
    let pages = portal.pages("/fhir/QuestionnaireResponse");
    assert_eq!(pages.len(), 2, "{pages:?}");
    assert_eq!(pages[0].is_empty().completeness()["205"], "not-reached");
    assert_eq!(pages[1].ids(), [aino.document(0)]);
}

#[test]
fn an_entry_that_names_two_things_at_once_is_not_believed() {
    let twice = r#"{"resourceType":"Bundle","type":"searchset","entry":[{"resource":
        {"resourceType":"QuestionnaireResponse","id":"297.x","id":"205.x","status":"completed",
        "meta":{"lastUpdated":"2026-02-01T00:00:00Z"},
        "subject":{"reference":"Patient/297.y"},"subject":{"reference":"Patient/205.y"}}}]}"#;
    let (reply, aino) = beside(Some(Lie::Says(twice.to_owned())), Duration::from_secs(30));
    costs_only_itself(&reply, &aino, "duplicate keys");
}
