//! Redis is away, comes back empty, or is emptied: what only it knows is refused, what counts once counts
//! once, the rest goes on. While it is there whoever commits wakes the others.

use std::{sync::Arc, time::Duration};

use http::Method;
use mylife::{
    authenticate::jose::key::Algorithm,
    clock::{Clock, SystemClock},
    domain::theme::Theme::{Health, Housing},
    listen::Stop,
};
use tokio::task::{spawn_local, yield_now};

use super::{ANSWERS, Twins, asks, writes};
use crate::world::{
    Node, Terms,
    browser::{Browser, parameter, wish},
    holder::Holder,
};

/// Longer than the slowest machine takes.
const LONGEST: Duration = Duration::from_mins(2);
/// After so long it is tried again.
const PAUSE: Duration = Duration::from_secs(5);

#[test]
fn what_only_redis_knows_is_refused_while_it_is_away_and_the_rest_goes_on() {
    let mut twins = Twins::that_go_on();
    let (at_a, at_b) = (twins.a.client("national-portal"), twins.b.client("national-portal"));
    let aino = twins.a.person("aino").answered(ANSWERS);
    let grant = aino.grants(&at_a, [Housing]);
    twins.settle();
    let browser = Browser::at(&twins.a);
    let begun = browser.launch(&wish(&twins.a, &[]));
    twins.redis.kill();
    // A launch is remembered there between two pages.
    for lost in [browser.logs_in(&begun, "aino"), browser.launch(&wish(&twins.a, &[]))] {
        assert_eq!(lost.status(), 503, "{lost:?}");
    }
    at_b.search("Observation", &aino).shows([Housing]).hides([Health]);
    let portal = &at_a.actor;
    let proof = portal.token_form(&twins.a, "system/*.rs");
    portal.ask_token(&twins.a, &proof).accepted();
    for node in [&twins.b, &twins.a] {
        let again = portal.ask_token(node, &proof);
        let error = again.json()["error"].as_str();
        assert_eq!((again.status(), error), (401, Some("invalid_client")), "{again:?}");
    }
    let ended = writes(&grant, "inactive", &twins.a, Vec::new());
    twins.run(twins.until(&aino, ended)).unwrap().accepted();
    for client in [&at_a, &at_b] {
        client.search("Observation", &aino).is_empty();
    }
    // It comes back empty: a launch begins anew, and nothing that ended is back.
    twins.redis.restart();
    twins.run(twins.pass(PAUSE));
    twins.settle();
    assert_eq!(browser.logs_in(&begun, "aino").status(), 400, "nobody knows of it");
    let page = browser.logs_in(&browser.launch(&wish(&twins.a, &[])), "aino");
    assert!(!parameter(&browser.allows(&page), "code").is_empty());
    for client in [&at_a, &at_b] {
        client.search("Observation", &aino).is_empty();
    }
}

#[test]
fn a_proof_of_a_key_is_shown_once_whatever_becomes_of_redis() {
    let mut twins = Twins::that_go_on();
    let (holder, portal) = (Holder::new(Algorithm::Es256), twins.world.actor("national-portal"));
    let told = holder.ask_token(&twins.a, || portal.token_form(&twins.a, "system/*.rs"));
    let token = told.json()["access_token"].as_str().unwrap();
    let path = "/fhir/Organization";
    let proof = |node: &Node| holder.proof(node, (&Method::GET, path), Some(token));
    let shows =
        |node: &Node, proof: &str| holder.reads_with(node, token, path, proof.to_owned()).status();
    let shown = proof(&twins.a);
    assert_eq!([shows(&twins.a, &shown), shows(&twins.b, &shown)], [200, 401], "at the other");
    assert_eq!(twins.redis.cli(&["FLUSHALL"]).trim(), "OK");
    assert_eq!([shows(&twins.a, &shown), shows(&twins.b, &shown)], [401, 401], "forgotten");
    twins.redis.kill();
    assert_eq!([shows(&twins.a, &shown), shows(&twins.b, &shown)], [401, 401], "away");
    let other = proof(&twins.b);
    assert_eq!([shows(&twins.b, &other), shows(&twins.a, &other)], [200, 401], "and a new one");
}

#[test]
fn who_commits_wakes_the_others_before_their_time() {
    let twins = Twins::new();
    let at_b = twins.b.client("national-portal");
    let aino = twins.a.person("aino").answered(ANSWERS);
    aino.grants(&at_b, [Housing]);
    twins.settle();
    at_b.search("Observation", &aino).shows([Housing]).hides([Health]);
    let more = aino.means(Terms::grant(&at_b.actor).themes(&[Health]));
    let granted = writes(&more, "active", &twins.a, Vec::new());
    let clock = SystemClock::default();
    let (stop, stopping) = Stop::new();
    let [a, b] = [&twins.a, &twins.b].map(|node| Arc::clone(&node.gateway));
    twins.run(async {
        // What was committed up to here is told of.
        a.reach.sources.local.as_ref().unwrap().committed().await;
        // Time stands still: each looks once, and would look again in a tenth of a second.
        let doing = [spawn_local(a.spread(stopping.clone())), spawn_local(b.follow(stopping))];
        let hears = ["PUBSUB", "NUMSUB", "mylife:297:wake:change"];
        while !twins.redis.cli(&hears).contains('1') {
            yield_now().await;
            assert!(clock.elapsed() < LONGEST, "it does not listen");
        }
        granted.await.unwrap().accepted();
        while !asks(&at_b, &aino).await.unwrap().text().contains("\"health\"") {
            assert!(clock.elapsed() < LONGEST, "it looks at its time");
        }
        stop.now();
        for one in doing {
            one.await.unwrap();
        }
    });
}
