//! Rate limits over a place that is elsewhere: round trips, the bound on what they admit, its loss.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    task::{Context, Poll, Waker},
    time::Duration,
};

use mylife::{
    domain::moment::Moment,
    error::Kind,
    shared::{Away, Limit, Limiter, Permit, Shared, limiter::HELD},
};
use proptest::prelude::*;

use super::{NOON, after, gate::Gate, key};

/// A hundred a second, 320 at once, so a lease is ten.
fn limit() -> Limit {
    let limit = Limit::per_second(100, 320);
    assert_eq!(limit.lease(), 10);
    limit
}

fn limiter(gate: &Arc<Gate>, away: Away) -> Limiter {
    Limiter::leasing(Arc::clone(gate) as Arc<dyn Shared>, away)
}

async fn passed(limiter: &Limiter, times: u32, now: Moment) -> u32 {
    let mut passed = 0;
    for _ in 0..times {
        passed += limiter.permit(&key("a"), limit(), now).await.unwrap().granted;
    }
    passed
}

#[tokio::test]
async fn most_requests_need_no_round_trip_and_a_flood_needs_none() {
    let gate = Gate::new();
    let limiter = limiter(&gate, Away::Refuse);
    assert_eq!(passed(&limiter, 100, NOON).await, 100);
    assert_eq!(gate.asked(), 10, "one round trip for ten requests");
    assert_eq!(passed(&limiter, 1000, NOON).await, 220, "and no more than the burst in all");
    gate.asked();
    assert_eq!(passed(&limiter, 1000, after(9)).await, 0);
    assert_eq!(gate.asked(), 0, "a refusal is remembered");
    assert_eq!(passed(&limiter, 10, after(10)).await, 1, "and no longer than it holds");
}

#[tokio::test]
async fn what_is_not_used_lapses() {
    let gate = Gate::new();
    let limiter = limiter(&gate, Away::Refuse);
    assert_eq!(passed(&limiter, 1, NOON).await, 1);
    let late = NOON.plus(HELD);
    assert_eq!(passed(&limiter, 1, late).await, 1);
    assert_eq!(gate.asked(), 2, "the nine left over are gone");
    assert_eq!(passed(&limiter, 1, late.plus(HELD / 2)).await, 1);
    assert_eq!(passed(&limiter, 1, late.plus(HELD / 4)).await, 1);
    assert_eq!(gate.asked(), 0, "a clock that goes back a little changes nothing");
    let long_ago = NOON.minus(Duration::from_hours(1));
    passed(&limiter, 1, long_ago).await;
    assert_eq!(gate.asked(), 1, "one that goes back far makes no lease longer");
}

#[test]
fn one_asks_for_a_lease_and_the_others_wait_for_it() {
    let gate = Gate::new();
    gate.open.forget_permits(usize::MAX >> 3);
    let limiter = limiter(&gate, Away::Refuse);
    let mut nobody = Context::from_waker(Waker::noop());
    let name = key("a");
    let ask = || Box::pin(limiter.permit(&name, limit(), NOON));
    let mut given_up = ask();
    let mut others = [(); 12].map(|()| ask());
    for _ in 0..2 {
        assert!(given_up.as_mut().poll(&mut nobody).is_pending());
        assert!(others.iter_mut().all(|one| one.as_mut().poll(&mut nobody).is_pending()));
        assert_eq!(gate.asked(), 1, "one asks");
        given_up = ask();
    }
    // They have waited for one who gave up.
    gate.open.add_permits(3);
    let mut pass = |at: usize| others[at].as_mut().poll(&mut nobody);
    let passes = |said| matches!(said, Poll::Ready(Ok(Permit { granted: 1, .. })));
    for at in 0..10 {
        assert!(passes(pass(at)), "{at}");
    }
    assert_eq!(*gate.taken.lock().unwrap(), [10]);
    assert!(passes(pass(10)) && passes(pass(11)), "none left: one asks anew");
    assert_eq!(*gate.taken.lock().unwrap(), [10, 10]);
}

/// With a lease that is small for them, who has waited once waits no more.
#[test]
fn many_at_a_small_lease_do_not_wait_one_after_the_other() {
    let gate = Gate::new();
    gate.open.forget_permits(usize::MAX >> 3);
    let limiter = limiter(&gate, Away::Refuse);
    let mut nobody = Context::from_waker(Waker::noop());
    let name = key("a");
    let mut all = [(); 15].map(|()| Box::pin(limiter.permit(&name, limit(), NOON)));
    let mut poll = |at: usize| all[at].as_mut().poll(&mut nobody);
    assert!((0..15).all(|at| poll(at).is_pending()));
    gate.open.add_permits(1);
    assert!((0..10).all(|at| poll(at).is_ready()));
    assert!((10..15).all(|at| poll(at).is_pending()));
    gate.open.add_permits(5);
    assert!((10..15).all(|at| poll(at).is_ready()));
    assert_eq!(*gate.taken.lock().unwrap(), [10, 10, 1, 1, 1, 1]);
}

#[test]
fn who_waits_for_one_who_has_no_answer_has_none_either() {
    for (away, granted) in [(Away::Divide(4), Some(1)), (Away::Refuse, None)] {
        let gate = Gate::new();
        gate.open.forget_permits(usize::MAX >> 3);
        let limiter = limiter(&gate, away);
        let mut nobody = Context::from_waker(Waker::noop());
        let name = key("a");
        let mut all = [(); 3].map(|()| Box::pin(limiter.permit(&name, limit(), NOON)));
        assert!(all.iter_mut().all(|one| one.as_mut().poll(&mut nobody).is_pending()));
        gate.open.close();
        let said = all.each_mut().map(|one| match one.as_mut().poll(&mut nobody) {
            Poll::Ready(said) => said.map(|permit| permit.granted).ok(),
            Poll::Pending => panic!("it waits on"),
        });
        assert_eq!((said, gate.asked()), ([granted; 3], 1));
    }
}

#[tokio::test]
async fn while_it_is_away_each_replica_holds_its_part() {
    let gate = Gate::new();
    let (divided, refused) = (limiter(&gate, Away::Divide(4)), limiter(&gate, Away::Refuse));
    gate.away.store(true, SeqCst);
    assert_eq!(passed(&divided, 1000, NOON).await, 80, "a quarter of the burst");
    assert_eq!(passed(&divided, 1000, after(1000)).await, 25, "a quarter of the rate");
    let error = refused.permit(&key("a"), limit(), NOON).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    gate.away.store(false, SeqCst);
    assert_eq!(passed(&refused, 1, NOON).await, 1, "and it is asked again once it is back");
    assert_eq!(passed(&divided, 1000, after(1000)).await, 320, "the bucket is whole again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In any span of time: the burst, one for each interval, one for where the span begins, and for
    /// each replica what it had taken before and kept.
    #[test]
    fn replicas_admit_together_at_most_the_limit_and_a_lease_each(
        burst in 1_u32..500,
        replicas in 1_usize..5,
        asked in prop::collection::vec((0_usize..5, 0_u64..40), 1..400),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let limit = Limit::new(Duration::from_millis(10), burst);
        let gate = Gate::new();
        let all: Vec<_> = (0..replicas).map(|_| limiter(&gate, Away::Refuse)).collect();
        let (mut now, mut admitted) = (0_u64, Vec::new());
        for (who, pause) in asked {
            now += pause.saturating_sub(30);
            let name = key("a");
            let ask = all[who % replicas].permit(&name, limit, after(now));
            if runtime.block_on(ask).unwrap().allowed() {
                admitted.push(now);
            }
        }
        let kept = replicas as u64 * u64::from(limit.lease() - 1);
        for (n, from) in admitted.iter().enumerate() {
            for (count, to) in (1..).zip(&admitted[n..]) {
                let most = u64::from(burst) + (to - from) / 10 + 1 + kept;
                prop_assert!(count <= most, "{count} of {most} in {}", to - from);
            }
        }
    }
}
