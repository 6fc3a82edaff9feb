//! Several processes look at the same subscriptions, and one of them sends.

use mylife::{domain::theme::Theme::Housing, gateway::notify::Notifier};
use serde_json::json;

use super::Scene;

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
