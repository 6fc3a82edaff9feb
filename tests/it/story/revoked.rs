//! A portal's token has come into wrong hands, and it ends it.

use mylife::audit::record::Outcome;

use crate::world::{Node, Reply, World};

const SCOPE: &str = "system/*.rs";
const INACTIVE: &str = r#"{"active":false}"#;

fn reads(world: &World, node: &Node) -> Reply {
    world.actor("national-portal").get(node, "/fhir/Organization", Some("297"))
}

#[test]
fn a_token_that_was_revoked_opens_no_door_even_after_a_restart() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, region) = (world.actor("national-portal"), world.actor("north-savo"));
    let token = portal.token(&kuopio, SCOPE);
    assert_eq!(reads(&world, &kuopio).status(), 200);
    let said = region.about_token(&kuopio, "/oauth/introspect", &token);
    assert_eq!((said.status(), &said.json()["active"]), (200, &true.into()), "{said:?}");
    assert_eq!(said.json()["client_id"], "national-portal");
    let ended = portal.about_token(&kuopio, "/oauth/revoke", &token);
    assert_eq!((ended.status(), ended.text().as_str()), (200, "{}"));
    let jti = said.json()["jti"].as_str().unwrap();
    let log = kuopio.audit();
    let entry = log.iter().find(|entry| entry.types == ["revoke"]).expect("it is written down");
    assert_eq!(entry.caller.client, "national-portal");
    assert_eq!(entry.caller.jti.as_deref(), Some(jti));
    assert!(log.iter().any(|entry| entry.types == ["introspect"]));
    let refused = reads(&world, &kuopio);
    refused.refused(401, "login");
    assert_eq!(refused.challenge(), Some("Bearer error=\"invalid_token\""));
    let said = region.about_token(&kuopio, "/oauth/introspect", &token);
    assert_eq!((said.status(), said.text().as_str()), (200, INACTIVE));
    let kuopio = kuopio.restart();
    reads(&world, &kuopio).refused(401, "login");
    // Another token of the same client is as good as before.
    let other = portal.token(&kuopio, "system/Goal.rs");
    let said = region.about_token(&kuopio, "/oauth/introspect", &other);
    assert_eq!(said.json()["active"], true);
}

#[test]
fn who_may_not_ask_about_tokens_or_end_them_is_refused_and_written_down() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, region) = (world.actor("national-portal"), world.actor("north-savo"));
    let token = portal.token(&kuopio, SCOPE);
    let asked = portal.about_token(&kuopio, "/oauth/introspect", &token);
    assert_eq!((asked.status(), &asked.json()["error"]), (403, &"access_denied".into()));
    let ended = region.about_token(&kuopio, "/oauth/revoke", &token);
    assert_eq!((ended.status(), &ended.json()["error"]), (400, &"invalid_grant".into()));
    assert_eq!(reads(&world, &kuopio).status(), 200);
    for (kind, reason) in
        [("introspect", "introspection-refused"), ("revoke", "revocation-refused")]
    {
        let refused = Outcome::Refused(reason.into());
        let said = |entry: &mylife::audit::record::Entry<'_>| {
            entry.types == [kind] && entry.outcome == refused
        };
        assert!(kuopio.audit().iter().any(said), "{kind}");
    }
}
