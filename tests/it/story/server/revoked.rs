//! A token is ended at one process and used at the other, and Redis forgets what it knew of it.

use std::time::Duration;

use mylife::{
    authenticate::{issuer::KNOWN, revoked::OLDEST},
    domain::theme::Theme::Housing,
    shared::Away,
    source::follower::EVERY,
};

use super::{ANSWERS, Twins, writes};
use crate::world::{
    Node, World,
    actor::Ask,
    issuer::{Outsider, PORTS},
};

#[test]
fn a_token_revoked_at_one_opens_no_door_of_the_other_within_a_second() {
    let twins = Twins::new();
    let portal = twins.world.actor("national-portal");
    let reads = |node: &Node| portal.get(node, "/fhir/Organization", Some("297"));
    let token = portal.token(&twins.a, "system/*.rs");
    // Both have met it, so both have it in their memory.
    assert_eq!((reads(&twins.a).status(), reads(&twins.b).status()), (200, 200));
    let ended = portal.about_token(&twins.a, "/oauth/revoke", &token);
    assert_eq!(ended.status(), 200);
    reads(&twins.a).refused(401, "login");
    assert!(EVERY < Duration::from_secs(1));
    twins.settle();
    reads(&twins.b).refused(401, "login");
    let region = twins.world.actor("north-savo");
    let said = region.about_token(&twins.b, "/oauth/introspect", &token);
    assert_eq!(said.text(), r#"{"active":false}"#);
}

#[test]
fn a_redis_that_is_emptied_forgets_no_withdrawal_and_lets_nothing_be_used_again() {
    let twins = Twins::new();
    let (at_a, at_b) = (twins.a.client("national-portal"), twins.b.client("national-portal"));
    let aino = twins.a.person("aino").answered(ANSWERS);
    let grant = aino.grants(&at_a, [Housing]);
    twins.settle();
    at_b.search("Observation", &aino).shows([Housing]);
    let region = twins.world.actor("north-savo");
    let token = region.token(&twins.a, "system/*.rs");
    let proof = at_a.actor.token_form(&twins.a, "system/*.rs");
    at_a.actor.ask_token(&twins.a, &proof).accepted();
    let ended = writes(&grant, "inactive", &twins.a, Vec::new());
    twins.run(twins.until(&aino, ended)).unwrap().accepted();
    region.about_token(&twins.a, "/oauth/revoke", &token);
    twins.settle();
    for _ in 0..3 {
        assert_eq!(twins.redis.cli(&["FLUSHALL"]).trim(), "OK");
        for (node, client) in [(&twins.a, &at_a), (&twins.b, &at_b)] {
            client.search("Observation", &aino).is_empty();
            region.get(node, "/fhir/Organization", Some("297")).refused(401, "login");
            let again = client.actor.ask_token(node, &proof);
            let error = again.json()["error"].as_str();
            assert_eq!((again.status(), error), (401, Some("invalid_client")), "{again:?}");
        }
    }
}

#[test]
fn who_has_not_heard_of_revocations_for_a_second_accepts_no_token() {
    let twins = Twins::new();
    let portal = twins.world.actor("national-portal");
    let reads = |node: &Node| portal.get(node, "/fhir/Organization", Some("297")).status();
    assert_eq!(reads(&twins.b), 200);
    twins.world.pass(OLDEST);
    assert_eq!(reads(&twins.b), 200);
    twins.world.pass(Duration::from_millis(1));
    assert_eq!(reads(&twins.b), 503);
    twins.settle();
    assert_eq!(reads(&twins.b), 200);
}

#[test]
fn what_an_issuer_says_of_a_token_is_asked_once_for_all_and_for_no_longer() {
    let world = World::new();
    let outsider = Outsider::stand(&world, "one", PORTS[0]);
    *world.issuers.borrow_mut() = vec![outsider.by_asking(true)];
    let twins = Twins::on(world, true, Away::Refuse);
    let wire = twins.world.actor("north-savo");
    let reads = |node: &Node, token: &str| {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        wire.raw(node, http::Method::GET, "/fhir/Organization", ask).status()
    };
    let token = outsider.issues(&twins.world, &serde_json::json!({}));
    assert_eq!((reads(&twins.a, &token), reads(&twins.b, &token)), (200, 200));
    assert_eq!(outsider.times("/introspect"), 1, "the other has it from the Redis");
    // What the Redis has is sealed, and is under no name that tells the token.
    let keys = twins.redis.cli(&["--scan"]);
    assert!(keys.contains(":v:") && !keys.contains(&token), "{keys}");
    for key in keys.lines().filter(|key| key.contains(":v:")) {
        let value = twins.redis.cli(&["--no-raw", "GET", key]);
        assert!(!value.contains("ward-app") && !value.contains(&token), "{value}");
    }
    // Lost, it costs a question.
    assert_eq!(twins.redis.cli(&["FLUSHALL"]).trim(), "OK");
    outsider.withdraws_all();
    twins.run(twins.pass(KNOWN));
    assert_eq!((reads(&twins.a, &token), reads(&twins.b, &token)), (401, 401));
    assert_eq!(outsider.times("/introspect"), 2);
}
