//! Several processes look at the same subscriptions, and one of them sends.

use std::time::Duration;

use mylife::{domain::theme::Theme::Housing, gateway::notify::Notifier};
use serde_json::json;

use super::{Scene, rounds};
use crate::world::receiver::{Got, Mood};

#[test]
fn of_two_who_look_at_once_one_sends() {
    let mut scene = Scene::new([Housing]);
    scene.subscribed("assessment-completed", &json!({}));
    scene.answers(Housing);
    let mut other = Notifier::default();
    let (kuopio, notifier) = (&scene.kuopio, &mut scene.notifier);
    // The change is seen, and before anybody serves it both have read whose turn it is.
    scene.world.runtime.block_on(async {
        for _ in 0..5 {
            notifier.look(&kuopio.gateway).await.unwrap();
            other.look(&kuopio.gateway).await.unwrap();
            tokio::join!(notifier.settled(), other.settled());
        }
    });
    let told = scene.receiver.got();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn one_who_dies_while_it_sends_delays_a_notification_and_loses_none() {
    let mut scene = Scene::new([Housing]);
    scene.subscribed("assessment-completed", &json!({}));
    scene.receiver.is(Mood::Hangs);
    scene.answers(Housing);
    let mut got = Vec::new();
    scene.world.runtime.block_on(async {
        while got.is_empty() {
            scene.notifier.look(&scene.kuopio.gateway).await.unwrap();
            tokio::task::yield_now().await;
            got.extend(scene.receiver.got());
        }
    });
    // It goes with all that it has under way.
    scene.notifier = Notifier::default();
    scene.receiver.is(Mood::Says(200));
    rounds(&scene.kuopio, &mut scene.notifier);
    assert!(scene.receiver.got().is_empty(), "as far as anybody knows it is still being sent");
    got.extend(scene.after(Duration::from_mins(1)));
    let numbers: Vec<_> = got.iter().map(Got::numbers).collect();
    assert_eq!(numbers, [["1"], ["1"]]);
}
