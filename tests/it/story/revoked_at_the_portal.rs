//! What a withdrawal at the portal costs the way to each holder, counted in questions and answers.

use std::collections::BTreeMap;

use mylife::domain::theme::Theme::Housing;
use serde_json::json;

use crate::world::{Node, Terms, World, person::path};

const UUID: &str = "urn:uuid:00000000-0000-4000-8000-0000000000e7";

/// Requests that a gateway answered so far, by road.
fn answered(node: &Node) -> BTreeMap<String, u64> {
    let text = node.counted();
    let row = "http_server_request_duration_seconds_count{http_route=\"";
    let lines = text.lines().filter_map(|line| line.strip_prefix(row));
    let mut all = BTreeMap::new();
    for line in lines {
        let (road, rest) = line.split_once('"').unwrap();
        let count: u64 = rest.rsplit(' ').next().unwrap().parse().unwrap();
        *all.entry(road.to_owned()).or_default() += count;
    }
    all
}

#[test]
fn a_withdrawal_reaches_three_holders_in_at_most_three_round_trips_to_each() {
    let world = World::new();
    let holders = ["049", "205", "297"].map(|code| world.municipality(code));
    let [here, ..] = ["297"].map(|_| holders[2].person("aino").answered([(Housing, 2, 1, "")]));
    let known = [0, 1].map(|n| holders[n].person("aino").answered([(Housing, 1, 1, "")]));
    let portal = world.portal();
    let code = json!({ "identifier": { "system": "urn:oid:1.2.246.21", "value": here.code() } });
    let to = holders[2].client("national-portal");
    let terms = Terms::grant(&to.actor).themes(&[Housing]);
    let desk = world.actor("consent-desk");
    let write = |status: &str| {
        let body = terms.consent(&code, UUID, status);
        desk.put(&portal, &path(UUID), &body, Some("049,205,297")).accepted()
    };
    let mut before = holders.each_ref().map(answered);
    // The first time, an hour later with nothing kept, and at once again.
    for (status, most) in [("active", 3), ("inactive", 3), ("active", 1), ("inactive", 1)] {
        if most == 3 {
            world.pass(std::time::Duration::from_hours(1));
        }
        let reply = write(status);
        assert_eq!(reply.status(), 200, "{reply:?}");
        for (holder, before) in holders.iter().zip(&mut before) {
            let now = answered(holder);
            let more = |road: &str| now.get(road).unwrap_or(&0) - before.get(road).unwrap_or(&0);
            assert_eq!(more("write-consent"), 1, "{status} at {}", holder.code());
            let all: u64 = now.keys().map(|road| more(road)).sum();
            assert!(all <= most, "{status} at {}: {all} questions", holder.code());
            *before = now;
        }
    }
    for person in known.iter().chain([&here]) {
        person.node().client("national-portal").search("Observation", person).is_empty();
    }
}
