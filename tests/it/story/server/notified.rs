//! Two processes look whom to notify: one of them sees what changed, either may send, and one does.

use std::time::Duration;

use mylife::{
    domain::theme::Theme::Housing,
    gateway::{notify::Notifier, open::Setup},
};
use serde_json::json;

use crate::{
    store::server as postgres,
    story::notified::{subscribes, wanted},
    world::{
        Node, World,
        receiver::{Got, Receiver, parameter},
    },
};

#[test]
fn of_two_processes_one_sends_each_notification() {
    let world = World::new();
    let (_, database) = postgres::fresh();
    let all = [1, 2].map(|number| {
        let place = |setup: &mut Setup| setup.database = Some(database.clone());
        Node::replica(&world, "297", number, None, place)
    });
    let [a, b] = &all;
    let mut notifiers = [Notifier::default(), Notifier::default()];
    let receiver = Receiver::stand(&world);
    // As their followers would have done all the while.
    let heard = async || {
        a.gateway.look().await.unwrap();
        b.gateway.look().await.unwrap();
    };
    let mut round = || {
        let [first, second] = &mut notifiers;
        world.runtime.block_on(async {
            for _ in 0..6 {
                heard().await;
                first.look(&a.gateway).await.unwrap();
                second.look(&b.gateway).await.unwrap();
                tokio::join!(first.settled(), second.settled());
            }
        });
        receiver.got()
    };
    let later = || {
        world.pass(Duration::from_mins(1));
        world.runtime.block_on(heard());
    };
    let watcher = a.client("watcher");
    let aino = a.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&watcher, [Housing]);
    later();
    let at = subscribes(&watcher, &wanted("assessment-completed", &[aino.patient()], &json!({})));
    assert_eq!(round().len(), 1, "greeted by one");
    let mut numbers = Vec::new();
    for _ in 0..4 {
        later();
        aino.clone().answered([(Housing, 3, 3, "")]);
        numbers.extend(round().iter().map(Got::numbers));
    }
    assert_eq!(numbers, [["1"], ["2"], ["3"], ["4"]]);
    // The other tells the same of it.
    let told = b.client("watcher").get(&format!("{at}/$status"));
    assert_eq!(parameter(told.json(), "status"), "active");
}
