//! The operator of the portal looks how its peers are doing, and sees nothing of anybody.

use std::sync::Arc;

use mylife::{
    domain::theme::Theme::Housing,
    listen::{Door, Limits, Stop, guard::Hosts},
    serve::{
        current::Current,
        management::{Certificates, Management, Phase},
    },
    transport::Transport,
};
use serde_json::{Value, json};

use crate::{
    step::wires::say,
    world::{Node, Terms, World, person::path},
};

const MANAGEMENT: u16 = 9443;

/// What the management face of a gateway says.
pub(crate) fn shown(node: &Node, path: &str) -> String {
    let world = &node.world;
    let management = Management {
        current: Arc::new(Current::new(Arc::clone(&node.gateway))),
        door: Arc::new(Door::new(Limits::default(), Hosts::new(["n900.test"]), None)),
        phase: Arc::new(Phase { started: true.into(), ..Phase::default() }),
        telemetry: Arc::clone(&node.telemetry),
        certificates: Certificates::default(),
        exposed: false,
    };
    let question = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    world.runtime.block_on(async {
        let port = world.wires.bind(([127, 0, 0, 1], MANAGEMENT).into()).await.unwrap();
        let (stop, stopping) = Stop::new();
        let serving = tokio::spawn(management.serve(port, stopping));
        let heard = say(world.wires.open(MANAGEMENT).unwrap(), question.as_bytes()).await;
        stop.now();
        serving.await.unwrap();
        heard.text
    })
}

fn peers(node: &Node) -> Value {
    let text = shown(node, "/peers");
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<Value>(body).unwrap()["peers"].take()
}

fn row(node: &str, breaker: &str, answered: Option<u64>, owed: usize) -> Value {
    json!({
        "node": node, "breaker": breaker, "answered_seconds_ago": answered,
        "asked": 0, "waiting": 0, "owed": owed,
    })
}

#[test]
fn a_peer_that_is_down_shows_by_its_breaker_its_age_and_what_it_is_owed() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let portal = world.portal();
    let row_of_all = |breaker, answered, owed| {
        json!([
            row("049", "closed", None, 0),
            row("205", breaker, None, owed),
            row("297", "closed", answered, 0),
        ])
    };
    assert_eq!(peers(&portal), row_of_all("closed", None, 0));

    let client = kuopio.client("national-portal");
    let uuid = "urn:uuid:00000000-0000-4000-8000-00000000000e";
    let who = json!({ "identifier": { "system": "urn:oid:1.2.246.21", "value": aino.code() } });
    let body = Terms::grant(&client.actor).themes(&[Housing]).consent(&who, uuid, "active");
    let desk = world.actor("consent-desk");
    assert_eq!(desk.put(&portal, &path(uuid), &body, Some("205,297")).status(), 202);
    let mut asking = portal.client("national-portal");
    asking.nodes = Some("205,297".to_owned());
    for _ in 0..5 {
        asking.search("QuestionnaireResponse", &aino);
    }
    world.pass(std::time::Duration::from_secs(7));
    assert_eq!(peers(&portal), row_of_all("open", Some(7), 1));

    for face in ["/peers", "/metrics", "/health"] {
        let text = shown(&portal, face);
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        for personal in [aino.code(), aino.patient(), uuid, "aino"] {
            assert!(!text.contains(personal), "{face}: {text}");
        }
    }
}
