//! An app gets new tokens while nobody is there: in one hand, for no more, and not for ever. Ids are
//! those of the requirement table (AL) and the attack table (AT).

use std::time::Duration;

use mylife::domain::theme::Theme::Housing;

use crate::world::{
    Node, Reply, World,
    browser::{Browser, parameter, refreshes, wish},
};

const SCOPE: &str = "launch/patient patient/Observation.rs patient/Patient.rs offline_access";

fn town() -> (Node, Browser) {
    let world = World::new();
    let kuopio = world.municipality("297");
    kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    let browser = Browser::at(&kuopio);
    (kuopio, browser)
}

fn refused(reply: &Reply, error: &str) {
    assert_eq!((reply.status(), &reply.json()["error"]), (400, &error.into()), "{reply:?}");
}

#[test]
fn a_refresh_token_is_used_once_and_its_second_use_ends_the_launch() {
    // AL-09, AL-10
    let (kuopio, browser) = town();
    let first = browser.tokens("aino", SCOPE);
    let second = refreshes(&kuopio, &first, &[]);
    assert_eq!(second.status(), 200, "{second:?}");
    assert_eq!(second.json()["scope"], first["scope"]);
    assert_eq!(second.json()["patient"], first["patient"]);
    assert_ne!(second.json()["refresh_token"], first["refresh_token"]);
    let search = "/fhir/Observation?patient=";
    let search = format!("{search}{}", first["patient"].as_str().unwrap());
    browser.reads(second.json(), &search).shows([Housing]);
    refused(&refreshes(&kuopio, &first, &[]), "invalid_grant");
    for token in [&first, second.json()] {
        browser.reads(token, &search).refused(401, "login");
    }
    refused(&refreshes(&kuopio, second.json(), &[]), "invalid_grant");
    drop(browser);
    let kuopio = kuopio.restart();
    refused(&refreshes(&kuopio, second.json(), &[]), "invalid_grant");
}

#[test]
fn nobody_gets_more_by_a_refresh_token_than_was_permitted() {
    // AL-09, AT-26
    let (kuopio, browser) = town();
    let token = browser.tokens("aino", SCOPE);
    for scope in
        ["patient/*.rs", "patient/Observation.cruds", "patient/Goal.r", "openid", "system/*.rs"]
    {
        refused(&refreshes(&kuopio, &token, &[("scope", scope)]), "invalid_scope");
    }
    let less = refreshes(&kuopio, &token, &[("scope", "patient/Patient.r")]);
    assert_eq!(less.json()["scope"], "patient/Patient.r", "{less:?}");
    let search = format!("/fhir/Observation?patient={}", token["patient"].as_str().unwrap());
    browser.reads(less.json(), &search).refused(403, "forbidden");
    // What was permitted stays what it was.
    let all = refreshes(&kuopio, less.json(), &[]);
    assert_eq!(all.json()["scope"], token["scope"], "{all:?}");
}

#[test]
fn a_refresh_token_is_its_apps_alone() {
    // AL-09
    let (kuopio, browser) = town();
    let token = browser.tokens("aino", SCOPE);
    refused(&refreshes(&kuopio, &token, &[("client_id", "their-days")]), "invalid_grant");
    let system = refreshes(&kuopio, &token, &[("client_id", "north-savo")]);
    assert_eq!(system.json()["error"], "invalid_client");
    for other in ["none", "AAAA", token["access_token"].as_str().unwrap()] {
        refused(&refreshes(&kuopio, &token, &[("refresh_token", other)]), "invalid_grant");
    }
    assert_eq!(refreshes(&kuopio, &token, &[]).status(), 200, "nothing of that used it");
}

#[test]
fn an_app_without_a_key_need_not_say_who_it_is() {
    // SMART App Launch 2.2 `app-launch`, refresh: no client_id among the parameters
    let (kuopio, browser) = town();
    let token = browser.tokens("aino", SCOPE);
    let unnamed = [("client_id", "-")];
    let second = refreshes(&kuopio, &token, &unnamed);
    assert_eq!(second.status(), 200, "{second:?}");
    assert_eq!(second.json()["scope"], token["scope"]);
    // What is nobody's is of no client.
    for other in ["none", "mylife-refresh-AAAA"] {
        let sent = refreshes(&kuopio, &token, &[unnamed[0], ("refresh_token", other)]);
        assert_eq!((sent.status(), &sent.json()["error"]), (401, &"invalid_client".into()));
    }
    // The one before was used.
    refused(&refreshes(&kuopio, &token, &unnamed), "invalid_grant");
}

#[test]
fn there_is_none_where_none_was_permitted_and_it_ends() {
    let (kuopio, browser) = town();
    let plain = browser.tokens("aino", "launch/patient patient/*.rs");
    assert!(plain.get("refresh_token").is_none());
    // Not ticked.
    let page = browser.launch(&wish(&kuopio, &[("scope", SCOPE)]));
    let sent = browser.answers(&page, &["offline"], &[("do", "allow"), ("whose", "own")]);
    let token = browser.redeem(&[("code", &parameter(&sent, "code"))]);
    assert!(token.json().get("refresh_token").is_none(), "{token:?}");
    // For as long as the login lasts.
    kuopio.world.pass(Duration::from_mins(20));
    let page = browser.launch(&wish(&kuopio, &[("scope", "patient/*.rs online_access")]));
    let token = browser.redeem(&[("code", &parameter(&browser.allows(&page), "code"))]);
    kuopio.world.pass(Duration::from_mins(39));
    let token = refreshes(&kuopio, token.json(), &[]);
    assert_eq!(token.status(), 200, "{token:?}");
    kuopio.world.pass(Duration::from_mins(1));
    refused(&refreshes(&kuopio, token.json(), &[]), "invalid_grant");
    // Fourteen days of no use.
    let token = browser.tokens("aino", SCOPE);
    kuopio.world.pass(Duration::from_hours(24 * 14));
    refused(&refreshes(&kuopio, &token, &[]), "invalid_grant");
}

#[test]
fn an_app_that_gives_its_refresh_token_up_gives_all_of_it_up() {
    let (kuopio, browser) = town();
    let token = browser.tokens("aino", SCOPE);
    let refresh = token["refresh_token"].as_str().unwrap();
    let other = browser.post("/oauth/revoke", &[("client_id", "their-days"), ("token", refresh)]);
    assert_eq!((other.status(), other.text().as_str()), (200, "{}"));
    assert_eq!(browser.reads(&token, "/fhir/Organization").status(), 200, "not another app's");
    let done = browser.post("/oauth/revoke", &[("client_id", "my-days"), ("token", refresh)]);
    assert_eq!((done.status(), done.text().as_str()), (200, "{}"));
    browser.reads(&token, "/fhir/Organization").refused(401, "login");
    refused(&refreshes(&kuopio, &token, &[]), "invalid_grant");
}
