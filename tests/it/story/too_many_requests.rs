//! Somebody asks far too often: they wait, nobody else does, and nothing is lost or made up.

use std::time::Duration;

use http::Method;
use mylife::{domain::theme::Theme::Housing, shared::pace::Rates};

use crate::world::{Node, Reply, World, actor::Ask};

fn search(kuopio: &Node, token: &str, who: &str) -> Reply {
    let ask = Ask { headers: vec![("authorization", format!("Bearer {token}"))], ..Ask::default() };
    let actor = kuopio.world.actor(who);
    actor.raw(kuopio, Method::GET, "/fhir/Organization", ask)
}

#[test]
fn a_client_that_asks_too_often_waits_and_nobody_else_does() {
    let world = World::with_rates(Rates { client: 10, ..Rates::default() });
    let kuopio = world.municipality("297");
    let (portal, region) = (world.actor("national-portal"), world.actor("north-savo"));
    let (greedy, calm) =
        (portal.token(&kuopio, "system/*.rs"), region.token(&kuopio, "system/*.rs"));
    for _ in 0..40 {
        search(&kuopio, &greedy, "national-portal").accepted();
    }
    let written = kuopio.audit().len();
    for _ in 0..100 {
        let reply = search(&kuopio, &greedy, "national-portal");
        assert_eq!(reply.refused(429, "throttled").header("retry-after"), Some("1"));
    }
    assert_eq!(kuopio.audit().len(), written, "a flood of refusals writes nothing");
    search(&kuopio, &calm, "north-savo").accepted();
    world.pass(Duration::from_millis(100));
    search(&kuopio, &greedy, "national-portal").accepted();
    search(&kuopio, &greedy, "national-portal").refused(429, "throttled");
}

#[test]
fn what_is_refused_in_haste_is_answered_at_leisure() {
    let world = World::with_rates(Rates { client: 2, ..Rates::default() });
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 3, 2, "")]);
    aino.grants(&portal, [Housing]);
    for _ in 0..8 {
        portal.search("Observation", &aino).accepted().shows([Housing]);
    }
    portal.search("Observation", &aino).refused(429, "throttled");
    assert_eq!(kuopio.disclosures(aino.patient()).len(), 8);
    world.pass(Duration::from_secs(1));
    portal.search("Observation", &aino).accepted().shows([Housing]);
}
