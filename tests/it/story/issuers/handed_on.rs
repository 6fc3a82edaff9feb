//! Tokens of other issuers that a client exchanges for a statement to another gateway.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Town;
use crate::{
    story::speaks_for_another::request,
    world::{Reply, issuer::Mood},
};

const HERE: &str = "https://n297.test:297";
const THERE: &str = "https://n900.test:900";

fn lets() -> Value {
    json!({ "scope": "system/*.rs", "may_act": { "iss": HERE, "sub": "north-savo" } })
}

fn exchanges(town: &Town, token: &str) -> Reply {
    let by = town.world.actor("north-savo");
    by.ask_token(&town.kuopio, &request(&by, &town.kuopio, token, THERE, "system/Goal.rs"))
}

fn refused(town: &Town, name: &str, token: &str) {
    let reply = exchanges(town, token);
    assert_eq!(reply.status(), 400, "{name}: {reply:?}");
    let expected =
        json!({ "error": "invalid_request", "error_description": "The request is malformed." });
    assert_eq!(*reply.json(), expected, "{name}");
}

#[test]
fn what_an_issuer_says_of_its_client_is_handed_on_with_who_hands_it_on() {
    // TX-02, TX-10
    for (town, by_keys) in [(Town::by_keys(), true), (Town::by_asking(), false)] {
        let token = |changes: &Value| {
            let changes = crate::step::signed::with(lets(), changes);
            let issuer = &town.one;
            if by_keys {
                issuer.token(&town.world, &changes)
            } else {
                issuer.issues(&town.world, &changes)
            }
        };
        let reply = exchanges(&town, &token(&json!({})));
        assert_eq!(reply.status(), 200, "{reply:?}");
        let statement = reply.json()["access_token"].as_str().unwrap();
        let payload = URL_SAFE_NO_PAD.decode(statement.split('.').nth(1).unwrap()).unwrap();
        let said: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(
            (&said["client_id"], &said["scope"]),
            (&json!("one:ward-app"), &json!("system/Goal.rs"))
        );
        assert_eq!(said["act"], json!({ "sub": HERE, "act": { "sub": "north-savo" } }));
        assert_eq!((&said["roles"], &said["aud"]), (&json!(["nurse"]), &json!(THERE)));
        let rows = [
            ("lets nobody", json!({ "may_act": null })),
            ("another", json!({ "may_act": { "iss": HERE, "sub": "goals-only" } })),
            ("whom the issuer calls so", json!({ "may_act": { "sub": "north-savo" } })),
            ("on a condition", json!({ "may_act": { "iss": HERE, "sub": "north-savo", "x": 1 } })),
            ("somebody acts already", json!({ "act": { "sub": "somebody" } })),
            ("over", json!({ "exp": town.world.now().seconds() })),
            ("for another", json!({ "aud": "https://other.example/fhir" })),
        ];
        for (name, changes) in rows {
            refused(&town, name, &token(&changes));
        }
        let good = token(&json!({}));
        if !by_keys {
            assert_eq!(exchanges(&town, &good).status(), 200);
            town.one.withdraws_all();
            town.world.pass(std::time::Duration::from_secs(4));
            refused(&town, "withdrawn", &good);
            town.one.is(Mood::Says(500, ("x-a", "b".to_owned()), String::new()));
            let reply = exchanges(&town, &token(&json!({})));
            assert_eq!(reply.status(), 503, "{reply:?}");
        }
    }
}
