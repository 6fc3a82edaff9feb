//! Notifications: what is hidden is told by none of them, nor by how a subscription is taken, how it
//! stands, what it counts, or when something is sent.

use std::time::Duration;

use http::Method;
use mylife::gateway::notify::Notifier;
use serde_json::{Value, json};

use super::stage::{HIDDEN, Stage, push, survey};
use crate::{
    story::notified::{asks, content, number, rounds, subscribes, wanted},
    world::{
        Reply,
        receiver::{Got, Receiver, parameter},
    },
};

/// All that a subscriber may watch: what it is sent, without what differs by itself.
fn told(got: &[Got]) -> Vec<(String, Value)> {
    let one = |got: &Got| {
        let mut body = got.json();
        body["entry"][0]["fullUrl"] = Value::Null;
        body["entry"][0]["resource"]["id"] = Value::Null;
        (got.headers["content-length"].to_str().unwrap().to_owned(), body)
    };
    let mut all: Vec<_> = got.iter().map(one).collect();
    // Those of several subscriptions are on their way at the same time.
    all.sort_by_key(|(_, body)| parameter(body, "topic").to_string());
    all
}

/// Without what is random: the ids of documents made since, and the digests over them.
fn bare(text: &str) -> String {
    let mut rest = text.split("297.");
    let first = rest.next().unwrap_or_default().to_owned();
    let text = rest.fold(first, |text, part| text + "297." + part.get(26..).unwrap_or_default());
    let mut rest = text.split("versionId\": String(\"");
    let first = rest.next().unwrap_or_default().to_owned();
    rest.fold(first, |text, part| text + part.get(22..).unwrap_or_default())
}

#[test]
pub(super) fn what_is_hidden_is_told_by_no_notification() {
    // Two that are alike, but for what is hidden in the second of them.
    let [first, second] = [false, true].map(|hides| {
        let stage = Stage::at(|kuopio| kuopio.client("watcher"));
        let receiver = Receiver::stand(&stage.world);
        let (mut notifier, mut all) = (Notifier::default(), Vec::new());
        let mut round = |all: &mut Vec<_>| {
            rounds(&stage.kuopio, &mut notifier);
            all.push(told(&receiver.got()));
        };
        let topics = ["assessment-completed", "plan-changed", "case-manager-changed"];
        let places: Vec<String> = topics
            .iter()
            .map(|topic| {
                let mut changes = content("full-resource");
                let beats = number("backport-heartbeat-period", 3600);
                changes["/channel/extension"] = beats["/channel/extension"].clone();
                let body = wanted(topic, &[stage.aino.patient()], &changes);
                subscribes(&stage.reader, &body)
            })
            .collect();
        round(&mut all);
        stage.world.pass(Duration::from_mins(10));
        if hides {
            stage.hide();
        }
        round(&mut all);
        stage.world.pass(Duration::from_mins(50));
        round(&mut all);
        push(
            &stage.kuopio,
            "assessments",
            &survey("aino", 7, "completed", &[super::stage::answer("housing", 4, 4, "")]),
        );
        round(&mut all);
        let stands = |path: &String| {
            let status = stage.reader.get(&format!("{path}/$status")).accepted();
            let parameters = &status.json()["entry"][0]["resource"]["parameter"];
            let read = stage.reader.get(path);
            let events = stage.reader.get(&format!("{path}/$events")).accepted();
            let events = events.json()["entry"][0]["resource"]["parameter"].to_string();
            (parameters.to_string(), read.header("etag").unwrap().to_owned(), events.len())
        };
        let stands: Vec<_> = places.iter().map(stands).collect();
        let counts: Vec<usize> = all.iter().map(Vec::len).collect();
        (counts, all, stands)
    });
    assert_eq!(first.0, [3, 0, 3, 1], "greeted, silent, three heartbeats, one event");
    assert_eq!(first.0, second.0);
    assert_eq!(bare(&format!("{first:?}")), bare(&format!("{second:?}")));
}

#[test]
pub(super) fn a_subscription_is_taken_whoever_it_is_about() {
    let stage = Stage::at(|kuopio| kuopio.client("watcher"));
    let receiver = Receiver::stand(&stage.world);
    let hidden = stage.kuopio.person(HIDDEN);
    let mut notifier = Notifier::default();
    let all: Vec<(u16, Value, Vec<Value>)> = [hidden.patient(), "297.never0never0never0never00"]
        .iter()
        .map(|patient| {
            let body = wanted("plan-changed", &[patient], &json!({}));
            let reply = asks(&stage.reader, Method::POST, "/fhir/Subscription", &body);
            rounds(&stage.kuopio, &mut notifier);
            let kinds = receiver.got().iter().map(|got| got.says("type")).collect();
            let mut body = reply.json().clone();
            body["id"] = Value::Null;
            body["_criteria"] = Value::Null;
            (reply.status(), body, kinds)
        })
        .collect();
    assert_eq!(all[0].0, 201);
    assert_eq!(all[0], all[1]);
}

#[test]
pub(super) fn a_subscription_of_another_client_is_not_found() {
    let stage = Stage::at(|kuopio| kuopio.client("watcher"));
    let body = wanted("plan-changed", &[stage.aino.patient()], &json!({}));
    let at = subscribes(&stage.reader, &body);
    let other = stage.kuopio.client("watcher-too");
    let never: Reply = other.get("/fhir/Subscription/297.never");
    for path in [at.clone(), format!("{at}/$status"), format!("{at}/$events")] {
        assert_eq!(other.get(&path).bytes(), never.bytes());
    }
    let written = asks(&other, Method::PUT, &at, &body);
    written.refused(404, "not-found");
    assert_eq!(asks(&other, Method::DELETE, &at, &json!({})).bytes(), never.bytes());
}
