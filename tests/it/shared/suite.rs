//! What holds wherever it lives.

use std::{sync::Arc, time::Duration};

use mylife::shared::{Limit, Permit, Shared, Topic, VALUE_BYTES};
use tokio::task::JoinSet;

use super::{NOON, after, key};

/// All of it, on one place.
pub(super) async fn all(shared: Arc<dyn Shared>) {
    values_end_by_the_callers_clock(&*shared).await;
    of_many_who_take_one_gets_it(&shared).await;
    once_is_once_until_it_ends(&*shared).await;
    limits_let_a_burst_through_and_then_one_each_interval(&*shared).await;
    a_clock_that_goes_back_costs_one_interval(&*shared).await;
    of_many_who_ask_as_many_pass_as_may(&shared).await;
    names_do_not_run_into_each_other(&*shared).await;
    who_sleeps_is_woken(&*shared).await;
}

async fn values_end_by_the_callers_clock(shared: &dyn Shared) {
    let key = key("value");
    let look = async |now| shared.look(&key, now).await.unwrap();
    assert_eq!(look(NOON).await, None);
    shared.put(&key, b"one", after(1000), NOON).await.unwrap();
    assert_eq!(look(after(999)).await.unwrap(), b"one");
    assert_eq!(look(after(1000)).await, None, "its end is the first instant without it");
    assert_eq!(look(NOON).await.unwrap(), b"one", "looking at it takes nothing away");
    shared.put(&key, b"", after(2000), NOON).await.unwrap();
    assert_eq!(look(after(1999)).await.unwrap(), b"", "the later value counts, though empty");
    shared.put(&key, b"late", NOON, NOON).await.unwrap();
    assert_eq!(look(NOON).await, None, "what has ended is nothing");
    assert_eq!(shared.take(&key, NOON).await.unwrap(), None);
    let big = vec![7; VALUE_BYTES];
    shared.put(&key, &big, after(1), NOON).await.unwrap();
    assert_eq!(look(NOON).await.unwrap(), big);
    assert!(shared.put(&key, &vec![7; VALUE_BYTES + 1], after(1), NOON).await.is_err());
    shared.put(&key, b"old", after(1000), NOON).await.unwrap();
    assert_eq!(shared.take(&key, after(1000)).await.unwrap(), None);
    assert_eq!(look(NOON).await, None, "taken too late it is gone all the same");
}

async fn of_many_who_take_one_gets_it(shared: &Arc<dyn Shared>) {
    shared.put(&key("ticket"), b"in", after(1000), NOON).await.unwrap();
    let mut takers = JoinSet::new();
    for _ in 0..50 {
        let shared = Arc::clone(shared);
        takers.spawn(async move { shared.take(&key("ticket"), NOON).await.unwrap() });
    }
    let got: Vec<_> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(got, [b"in"]);
}

async fn once_is_once_until_it_ends(shared: &dyn Shared) {
    let once = async |name, until, now| shared.once(&key(name), until, now).await.unwrap();
    assert!(once("first", after(1000), NOON).await);
    assert!(!once("first", after(5000), after(999)).await);
    assert!(once("second", after(1000), NOON).await);
    assert!(once("first", after(5000), after(1000)).await, "the first mark has ended");
    assert!(!once("first", after(9000), after(4999)).await);
    assert!(!once("first", after(1000), NOON).await, "a clock that goes back forgets nothing");
}

async fn limits_let_a_burst_through_and_then_one_each_interval(shared: &dyn Shared) {
    let limit = Limit::new(Duration::from_millis(100), 5);
    let ask = async |most, now| shared.permit(&key("limit"), limit, most, now).await.unwrap();
    let wait = Duration::from_millis;
    let permit = |granted, remaining, retry_after| Permit { granted, remaining, retry_after };
    assert_eq!(ask(1, NOON).await, permit(1, 4, wait(0)));
    assert_eq!(ask(3, NOON).await, permit(3, 1, wait(0)));
    assert_eq!(ask(3, NOON).await, permit(1, 0, wait(0)), "as many as fit");
    assert_eq!(ask(1, NOON).await, permit(0, 0, wait(100)));
    assert_eq!(ask(1, after(60)).await, permit(0, 0, wait(40)), "refusals cost nothing");
    assert_eq!(ask(1, after(100)).await, permit(1, 0, wait(0)));
    assert_eq!(ask(9, after(10_000)).await, permit(5, 0, wait(0)), "no more than the burst");
}

async fn a_clock_that_goes_back_costs_one_interval(shared: &dyn Shared) {
    let limit = Limit::new(Duration::from_millis(100), 3);
    let hour = 3_600_000;
    let ask = async |now| shared.permit(&key("back"), limit, 1, now).await.unwrap();
    assert!(ask(after(hour)).await.allowed());
    assert_eq!(ask(NOON).await.retry_after, Duration::from_millis(100));
    assert!(!ask(NOON).await.allowed(), "nothing is let through that should wait");
    assert!(
        ask(after(100)).await.allowed(),
        "nor does anybody wait for the clock to be there again"
    );
}

async fn of_many_who_ask_as_many_pass_as_may(shared: &Arc<dyn Shared>) {
    let limit = Limit::new(Duration::from_secs(1), 7);
    let mut askers = JoinSet::new();
    for _ in 0..50 {
        let shared = Arc::clone(shared);
        let ask = async move { shared.permit(&key("crowd"), limit, 2, NOON).await.unwrap() };
        askers.spawn(ask);
    }
    let passed: u32 = askers.join_all().await.iter().map(|permit| permit.granted).sum();
    assert_eq!(passed, 7);
}

async fn names_do_not_run_into_each_other(shared: &dyn Shared) {
    use mylife::shared::Key;
    let long = [b'a'; 300];
    let keys = [
        Key::new("a", &[b"bc"]),
        Key::new("ab", &[b"c"]),
        Key::new("a", &[b"b", b"c"]),
        Key::new("a", &[b"bc", b""]),
        Key::new("a", &[&long]),
        Key::new("a", &[&long[1..]]),
        Key::new("a", &[&long[1..], b"a"]),
    ];
    for key in &keys {
        assert!(shared.once(key, after(1000), NOON).await.unwrap());
    }
    // The same name for a value, a bucket and a mark is three things.
    shared.put(&key("limit"), b"value", after(1000), NOON).await.unwrap();
    assert!(shared.once(&key("limit"), after(1000), NOON).await.unwrap());
    assert_eq!(shared.look(&key("limit"), NOON).await.unwrap().unwrap(), b"value");
}

async fn who_sleeps_is_woken(shared: &dyn Shared) {
    let (mut change, mut audit) = (shared.wakes(Topic::Change), shared.wakes(Topic::Audit));
    // The first time may be because the way to hear has just been opened.
    let until = async |woken: &mut tokio::sync::watch::Receiver<u64>, topic, number| {
        loop {
            shared.wake(topic, number).await.unwrap();
            let turn = Duration::from_millis(50);
            let heard = tokio::time::timeout(turn, woken.wait_for(|known| *known >= number)).await;
            if heard.is_ok() {
                break;
            }
        }
    };
    until(&mut change, Topic::Change, 5).await;
    until(&mut audit, Topic::Audit, 3).await;
    audit.mark_unchanged();
    change.mark_unchanged();
    shared.wake(Topic::Change, 2).await.unwrap();
    let soon = Duration::from_secs(20);
    tokio::time::timeout(soon, change.changed()).await.unwrap().unwrap();
    assert_eq!(*change.borrow(), 5, "a lower number wakes and says nothing new");
}
