//! An app on a server that keeps a key: its code and its refresh tokens are changed for tokens by whoever
//! proves to be it, and by nobody else. Ids are those of the requirement table (AL, PK).

use mylife::domain::theme::Theme::Housing;

use crate::world::{
    Node, Reply, World,
    browser::{BACK, Browser, VERIFIER, encoded, parameter, wish},
};

const APP: (&str, &str) = ("client_id", "server-app");
const SCOPE: (&str, &str) = ("scope", "launch/patient patient/*.rs offline_access");

fn town() -> (Node, Browser, String) {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    (kuopio.clone(), Browser::at(&kuopio), search)
}

fn code(node: &Node, browser: &Browser) -> String {
    let page = browser.launch(&wish(node, &[APP, SCOPE, ("prompt", "login")]));
    parameter(&browser.allows(&browser.logs_in(&page, "aino")), "code")
}

/// A proof of a client's, with what it wants to have for it.
fn asks(node: &Node, who: &str, pairs: &[(&str, &str)]) -> (String, Reply) {
    let actor = node.world.actor(who);
    let form = actor.token_form(node, "none");
    let proof = form_urlencoded::parse(form.as_bytes())
        .filter(|(name, _)| name.starts_with("client_assertion"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()));
    let proof: Vec<(String, String)> = proof.collect();
    let proof: Vec<(&str, &str)> = proof.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let form = encoded(&[pairs, &proof].concat());
    let reply = actor.ask_token(node, &form);
    (form, reply)
}

fn exchange(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("code", code),
    ]
}

fn refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!((reply.status(), &reply.json()["error"]), (status, &error.into()), "{reply:?}");
}

#[test]
fn an_app_with_a_key_proves_itself_for_its_code_and_each_time_after() {
    // AL-01, PK-01; @357
    let (kuopio, browser, search) = town();
    let good = code(&kuopio, &browser);
    let (form, reply) = asks(&kuopio, "server-app", &exchange(&good));
    assert_eq!((reply.status(), &reply.json()["token_type"]), (200, &"bearer".into()), "{reply:?}");
    browser.reads(reply.json(), &search).shows([Housing]);
    let replayed = kuopio.world.actor("server-app").ask_token(&kuopio, &form);
    refused(&replayed, 401, "invalid_client");
    browser.reads(reply.json(), &search).shows([Housing]);
    let refresh = reply.json()["refresh_token"].as_str().unwrap().to_owned();
    let again = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    // Whoever has the refresh token alone has nothing.
    refused(&browser.redeem(&[again[0], again[1], APP]), 401, "invalid_client");
    let bare = kuopio.world.actor("north-savo").ask_token(&kuopio, &encoded(&again));
    refused(&bare, 401, "invalid_client");
    refused(&asks(&kuopio, "north-savo", &again).1, 400, "invalid_grant");
    let (_, second) = asks(&kuopio, "server-app", &again);
    assert_eq!(second.status(), 200, "{second:?}");
    browser.reads(second.json(), &search).shows([Housing]);
}

#[test]
fn nobody_else_gets_tokens_for_its_code() {
    // AT-27
    let (kuopio, browser, _) = town();
    let stolen = code(&kuopio, &browser);
    refused(&browser.redeem(&[("code", &stolen), APP]), 401, "invalid_client");
    refused(&browser.redeem(&[("code", &stolen)]), 400, "invalid_grant");
    refused(&asks(&kuopio, "north-savo", &exchange(&stolen)).1, 400, "invalid_grant");
    let named = [&exchange(&stolen)[..], &[APP]].concat();
    refused(&asks(&kuopio, "north-savo", &named).1, 401, "invalid_client");
    let (_, reply) = asks(&kuopio, "server-app", &exchange(&stolen));
    assert_eq!(reply.status(), 200, "what others tried did not use it up: {reply:?}");
}
