//! A server that dies, comes back empty, is emptied, or is full.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use mylife::{
    clock::FixedClock,
    error::Kind,
    shared::{Away, Limit, Limiter, Shared, Topic},
};
use tokio::{task::JoinSet, time::timeout};

use super::{PATIENCE, Server, on_clock, one, redis};
use crate::shared::{NOON, after, key};

#[tokio::test]
async fn while_it_is_down_nothing_is_said_to_be_new_and_limits_hold() {
    let mut server = Server::start(&[]);
    let clock = Arc::new(FixedClock::new(NOON));
    let redis = on_clock(one(&server), clock.clone());
    let limit = Limit::new(Duration::from_secs(1), 10);
    redis.put(&key("a"), b"a", after(1000), NOON).await.unwrap();
    assert!(redis.once(&key("a"), after(1000), NOON).await.unwrap());
    let limiter = Limiter::leasing(redis.clone(), Away::Divide(5));
    assert!(limiter.permit(&key("a"), limit, NOON).await.unwrap().allowed());
    server.kill();
    for _ in 0..3 {
        let errors = [
            redis.look(&key("a"), NOON).await.err(),
            redis.take(&key("a"), NOON).await.err(),
            redis.put(&key("a"), b"b", after(1000), NOON).await.err(),
            redis.once(&key("a"), after(1000), NOON).await.err(),
            redis.permit(&key("a"), limit, 1, NOON).await.err(),
            redis.wake(Topic::Audit, 1).await.err(),
        ];
        for error in errors {
            let error = error.expect("an answer without a server");
            assert_eq!(error.kind(), Kind::Unavailable);
            assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        }
    }
    let mut passed = 0;
    for _ in 0..100 {
        passed += limiter.permit(&key("b"), limit, NOON).await.unwrap().granted;
    }
    assert_eq!(passed, 2, "a fifth of ten");
    server.restart();
    assert!(redis.look(&key("a"), NOON).await.is_err(), "it is not tried again at once");
    clock.advance(Duration::from_secs(5));
    assert_eq!(redis.look(&key("a"), NOON).await.unwrap(), None, "it has come back empty");
    assert!(limiter.permit(&key("c"), limit, NOON).await.unwrap().allowed(), "scripts come again");
}

#[tokio::test]
async fn one_that_was_restarted_unseen_answers_the_next_question() {
    let mut server = Server::start(&[]);
    let redis = redis(one(&server));
    redis.put(&key("a"), b"a", after(1000), NOON).await.unwrap();
    server.restart();
    assert_eq!(redis.look(&key("a"), NOON).await.unwrap(), None);
    assert!(redis.once(&key("a"), after(1000), NOON).await.unwrap());
}

#[tokio::test]
async fn who_sleeps_through_a_restart_is_woken_after_it() {
    let mut server = Server::start(&[]);
    let redis = redis(one(&server));
    let mut wakes = redis.wakes(Topic::Change);
    timeout(PATIENCE, wakes.changed()).await.unwrap().unwrap();
    server.restart();
    timeout(PATIENCE, wakes.changed()).await.unwrap().unwrap();
}

#[tokio::test]
async fn emptied_under_load_it_lets_no_value_be_taken_twice_and_breaks_nothing() {
    let server = Server::start(&[]);
    let redis = redis(one(&server));
    let (over, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut work = JoinSet::new();
    for worker in 0..8 {
        let (redis, over, taken) = (redis.clone(), over.clone(), taken.clone());
        work.spawn(async move {
            let (limit, mut round) = (Limit::per_second(1000, 1000), 0);
            while !over.load(SeqCst) {
                let name = key(&format!("{worker} {round}"));
                round += 1;
                redis.put(&name, b"a", after(1000), NOON).await.unwrap();
                let (one, two) = tokio::join!(redis.take(&name, NOON), redis.take(&name, NOON));
                let got = [one.unwrap(), two.unwrap()].into_iter().flatten().count();
                assert!(got <= 1, "taken twice");
                taken.fetch_add(u32::try_from(got).unwrap(), SeqCst);
                redis.permit(&key("limit"), limit, 1, NOON).await.unwrap();
            }
        });
    }
    let flushing = tokio::task::spawn_blocking(move || {
        for _ in 0..20 {
            assert_eq!(server.cli(&["FLUSHALL"]).trim(), "OK");
        }
        assert_eq!(server.cli(&["SCRIPT", "FLUSH"]).trim(), "OK");
        server
    });
    let server = flushing.await.unwrap();
    over.store(true, SeqCst);
    work.join_all().await;
    assert!(taken.load(SeqCst) > 0);
    drop(server);
}

#[tokio::test]
async fn a_full_server_refuses_or_forgets_and_never_makes_up() {
    for policy in ["noeviction", "allkeys-random"] {
        let server = Server::start(&["--maxmemory", "3mb", "--maxmemory-policy", policy]);
        let redis = redis(one(&server));
        let (mut kept, mut refused, mut forgotten) = (0, 0, 0);
        let value = |n: u32| n.to_string().repeat(4000).into_bytes();
        for n in 0..300 {
            match redis.put(&key(&n.to_string()), &value(n), after(1000), NOON).await {
                Ok(()) => kept += 1,
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Unavailable);
                    refused += 1;
                }
            }
        }
        for n in 0..300 {
            match redis.look(&key(&n.to_string()), NOON).await.unwrap() {
                Some(found) => assert_eq!(found, value(n)),
                None => forgotten += 1,
            }
        }
        let refuses = policy == "noeviction";
        assert_eq!((refused > 0, forgotten > refused), (refuses, !refuses), "{policy}: {kept}");
    }
}
