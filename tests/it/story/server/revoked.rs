//! A token is ended at one process and used at the other.

use std::time::Duration;

use mylife::{authenticate::revoked::OLDEST, source::follower::EVERY};

use super::Twins;
use crate::world::Node;

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
