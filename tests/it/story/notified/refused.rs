//! What is asked for in the wrong way, and places that are none: each is told in words, and nothing is
//! sent anywhere else.

use http::Method;
use mylife::{domain::theme::Theme::Housing, gateway::notify::Notifier};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{BACKPORT, Scene, asks, number, rounds, subscribes, wanted};
use crate::world::receiver::{GARBAGE, INSIDE, Mood, NOBODY};

fn refused(scene: &Scene, changes: &Value, status: u16, code: &str, say: &str) {
    let body = wanted("plan-changed", &[scene.aino.patient()], changes);
    let reply = asks(&scene.watcher, Method::POST, "/fhir/Subscription", &body);
    reply.refused(status, code);
    let issue = &reply.json()["issue"][0];
    assert!(issue["diagnostics"].as_str().unwrap().contains(say), "{reply:?}");
    let place = issue["expression"][0].as_str().unwrap_or_default();
    assert!(place.starts_with("Subscription"), "{reply:?}");
}

#[test]
fn what_is_wrong_is_named_with_what_to_do() {
    let scene = Scene::new([Housing]);
    let filter = |text: &str| {
        json!({ "/_criteria/extension":
            [{ "url": format!("{BACKPORT}/backport-filter-criteria"), "valueString": text }] })
    };
    let rule = "business-rule";
    let rows: [(Value, u16, &str, &str); 16] = [
        (json!({ "/criteria": "Observation?code=x" }), 422, rule, "plan-changed"),
        (
            json!({ "/criteria": "https://mylife.example/fhir/SubscriptionTopic/x" }),
            422,
            rule,
            "canonical",
        ),
        (json!({ "/_criteria": { "id": "x" } }), 422, rule, "backport-filter-criteria"),
        (filter("CarePlan?status=active"), 422, rule, "patient=Patient/id"),
        (filter("Observation?patient=Patient/297.x"), 422, rule, "CarePlan?patient"),
        (filter("CarePlan?patient=Patient/297.x&status=active"), 422, rule, "patient=Patient/id"),
        (filter("CarePlan?patient=Group/297.x"), 422, rule, "patient=Patient/id"),
        (json!({ "/channel/type": "websocket" }), 422, rule, "rest-hook"),
        (json!({ "/channel/endpoint": "https://evil.test/hook" }), 422, rule, "registered"),
        (json!({ "/channel/endpoint": "http://169.254.169.254/latest" }), 422, rule, "registered"),
        (json!({ "/channel/payload": "application/fhir+xml" }), 422, rule, "application/fhir+json"),
        (super::content("everything"), 422, rule, "full-resource"),
        (json!({ "/channel/header": ["Authorization: Bearer x"] }), 422, rule, "not kept"),
        (json!({ "/status": "error" }), 422, rule, "requested or off"),
        (number("backport-timeout", 3600), 422, rule, "from 1 to 30"),
        (number("backport-other", 1), 422, rule, "backport-max-count"),
    ];
    for (changes, status, code, say) in rows {
        refused(&scene, &changes, status, code, say);
    }
    let many: Vec<String> = (0..10_000).map(|n| format!("Patient/297.p{n}")).collect();
    let changes = filter(&format!("CarePlan?patient={}", many.join(",")));
    refused(&scene, &changes, 422, "too-costly", "100 people");
    let all = scene.watcher.get("/fhir/Subscription");
    assert_eq!(all.json()["total"], 0, "nothing of it was kept");
}

#[test]
fn who_may_not_have_it_may_not_ask_to_be_told() {
    let scene = Scene::new([Housing]);
    let body = |topic| wanted(topic, &[scene.aino.patient()], &json!({}));
    let reply = asks(
        &scene.kuopio.client("goals-only"),
        Method::POST,
        "/fhir/Subscription",
        &body("plan-changed"),
    );
    reply.refused(403, "forbidden");
    // A right to subscriptions is none to what they are about.
    let bearer = |scope: &str, more: Value| {
        let token = scene.watcher.token(scope, &more);
        let ask = crate::world::actor::Ask {
            headers: vec![("authorization", format!("Bearer {token}"))],
            kind: Some("application/fhir+json"),
            body: body("plan-changed").to_string().into(),
            ..Default::default()
        };
        scene.watcher.actor.raw(&scene.kuopio, Method::POST, "/fhir/Subscription", ask)
    };
    bearer("system/Subscription.cruds system/Goal.rs", json!({})).refused(403, "forbidden");
    // What needs a proof each time cannot stand.
    for more in [
        json!({ "subject": "Practitioner/297.prac.youth1" }),
        json!({ "patient": scene.aino.patient() }),
        json!({ "declared": [{ "id": "law:rescue", "reason": "x" }] }),
    ] {
        let reply = bearer("system/*.cruds", more);
        reply.refused(422, "business-rule");
    }
    // A gateway without data has nothing to tell of.
    let portal = scene.world.portal();
    let at = portal.client("watcher");
    asks(&at, Method::POST, "/fhir/Subscription", &body("plan-changed"))
        .refused(400, "not-supported");
}

#[test]
fn places_that_are_none_are_given_up_and_nothing_goes_anywhere_else() {
    let mut scene = Scene::new([Housing]);
    // Somebody who speaks no TLS.
    let mut port = scene.world.wires.listen(8023);
    scene.world.runtime.spawn(async move {
        loop {
            let mut link = port.next().await;
            drop(link.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await);
        }
    });
    for place in [NOBODY, INSIDE, GARBAGE] {
        let changes = json!({ "/channel/endpoint": place });
        let at =
            subscribes(&scene.watcher, &wanted("plan-changed", &[scene.aino.patient()], &changes));
        let mut notifier = Notifier::default();
        for _ in 0..8 {
            rounds(&scene.kuopio, &mut notifier);
            scene.world.pass(std::time::Duration::from_mins(5));
        }
        let read = scene.watcher.get(&at);
        assert_eq!(read.json()["status"], "error", "{place}: {read:?}");
    }
    // A redirect is not followed.
    scene.receiver.is(Mood::Says(307));
    let at =
        subscribes(&scene.watcher, &wanted("plan-changed", &[scene.aino.patient()], &json!({})));
    for _ in 0..8 {
        scene.after(std::time::Duration::from_mins(5));
    }
    assert_eq!(scene.watcher.get(&at).json()["status"], "error");
    assert!(scene.receiver.got().is_empty());
}
