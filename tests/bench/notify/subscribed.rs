//! Subscriptions of many clients, made by the gateway's own road, as if each had been greeted.
//!
//! Beside `notify`.

use std::sync::Arc;

use http::{Method, StatusCode};
use mylife::{
    domain::moment::Moment,
    gateway::Gateway,
    notify::record::{Record, Turn},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::world::{PLACE, TOGETHER, WATCHERS, World, ask};

const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";

/// Makes so many subscriptions: one about each how-manieth of the people, if about any, and the rest about
/// nobody who is here.
pub(crate) async fn subscribe(world: &World, count: usize, share: Option<usize>) {
    let gateway = Arc::new(world.open().await);
    let people = world.people();
    let tokens: Vec<String> =
        (0..WATCHERS).map(|number| world.token(&format!("watcher-{number}"))).collect();
    let mut meant = share.map(|share| people.iter().step_by(share)).into_iter().flatten();
    let mut making = JoinSet::new();
    for number in 0..count {
        if making.len() >= TOGETHER {
            making.join_next().await.unwrap().unwrap();
        }
        let somebody = meant.next().map(|one| one.patient.clone());
        let patient = somebody.unwrap_or_else(|| format!("297.{number:026}"));
        let token = tokens[number % WATCHERS].clone();
        making.spawn(one(Arc::clone(&gateway), token, patient));
    }
    making.join_all().await;
}

async fn one(gateway: Arc<Gateway>, token: String, patient: String) {
    let extension = |name: &str, (of, value): (&str, &str)| {
        let mut one = json!({ "url": format!("{BACKPORT}/{name}") });
        one[of] = value.into();
        json!({ "extension": [one] })
    };
    // Of plans, of which there are none here: there is nothing to tell.
    let filter = format!("CarePlan?patient=Patient/{patient}");
    let body = json!({
        "resourceType": "Subscription", "status": "requested", "reason": "To be measured",
        "criteria": "https://mylife.example/fhir/SubscriptionTopic/plan-changed",
        "_criteria": extension("backport-filter-criteria", ("valueString", &filter)),
        "channel": { "type": "rest-hook", "endpoint": PLACE, "payload": "application/fhir+json",
            "_payload": extension("backport-payload-content", ("valueCode", "id-only")) },
    });
    let path = "/fhir/Subscription";
    let (status, told) = ask(&gateway, Method::POST, path, &token, body.to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&told));
    let made: Value = serde_json::from_slice(&told).unwrap();
    let store = &gateway.tokens.store;
    let row = store.subscription(made["id"].as_str().unwrap()).await.unwrap().unwrap();
    let greeted = Record::of(&row).unwrap().row(&row, Turn::Waits(Moment::MAX)).unwrap();
    assert!(store.put_subscription(greeted, None, usize::MAX).await.unwrap());
}
