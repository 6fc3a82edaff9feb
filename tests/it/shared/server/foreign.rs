//! Other people's values under the very names we use, and their words on our channels: refused or
//! passed over, never believed.

use std::time::Duration;

use mylife::{
    error::{Kind, Result},
    shared::{Away, Limit, Limiter, Shared, Topic},
};
use tokio::time::timeout;

use super::{PATIENCE, Server, one, redis};
use crate::shared::{NOON, after, key};

/// How somebody else fills a name: every type the server has, and texts that look like numbers.
const FOREIGN: [&[&str]; 18] = [
    &["LPUSH", "NAME", "a"],
    &["SADD", "NAME", "a"],
    &["HSET", "NAME", "a", "b"],
    &["ZADD", "NAME", "1", "a"],
    &["XADD", "NAME", "*", "a", "b"],
    &["SETBIT", "NAME", "7", "1"],
    &["SET", "NAME", ""],
    &["SET", "NAME", "short"],
    &["SET", "NAME", "a text longer than the end of a value"],
    &["SET", "NAME", "nan"],
    &["SET", "NAME", "-nan"],
    &["SET", "NAME", "inf"],
    &["SET", "NAME", "-inf"],
    &["SET", "NAME", "1e400"],
    &["SET", "NAME", "-1e400"],
    &["SET", "NAME", "0x7fffffffffffffff"],
    &["SET", "NAME", "1e9999 "],
    &["SET", "NAME", "-9223372036854775808"],
];

/// Puts it there in place of what we have under the only name of our own.
fn put(server: &Server, foreign: &[&str]) {
    let name = server.cli(&["--scan"]).trim().to_owned();
    assert_eq!(name.lines().count(), 1, "{name}");
    server.cli(&["DEL", &name]);
    let command: Vec<&str> =
        foreign.iter().map(|word| if *word == "NAME" { &*name } else { word }).collect();
    let said = server.cli(&command);
    assert!(!said.contains("ERR"), "{said}");
    assert_eq!(server.cli(&["EXISTS", &name]).trim(), "1");
}

/// Nothing, or a refusal.
fn no_more<T>(told: Result<Option<T>>, foreign: &[&str]) {
    match told {
        Ok(found) => assert!(found.is_none(), "{foreign:?} is believed"),
        Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "{foreign:?}"),
    }
}

#[tokio::test]
async fn no_permit_is_given_beyond_the_limit() {
    let server = Server::start(&[]);
    let redis = redis(one(&server));
    let limit = Limit::new(Duration::from_mins(10), 3);
    for foreign in FOREIGN {
        server.cli(&["FLUSHALL"]);
        redis.permit(&key("a"), limit, 3, NOON).await.unwrap();
        put(&server, foreign);
        let mut granted = 0;
        for _ in 0..9 {
            match redis.permit(&key("a"), limit, 2, NOON).await {
                Ok(permit) => {
                    assert!(permit.retry_after <= Duration::from_mins(10), "{foreign:?}");
                    granted += permit.granted;
                }
                Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "{foreign:?}"),
            }
        }
        assert!(granted <= 3, "{foreign:?} lets {granted} through");

        put(&server, foreign);
        let limiter = Limiter::leasing(redis.clone(), Away::Divide(1));
        let mut passed = 0;
        for _ in 0..9 {
            passed += limiter.permit(&key("a"), limit, NOON).await.unwrap().granted;
        }
        assert!(passed <= 3, "{foreign:?} lets {passed} through");
        put(&server, foreign);
        let strict = Limiter::leasing(redis.clone(), Away::Refuse);
        let mut passed = 0;
        for _ in 0..9 {
            passed += strict.permit(&key("a"), limit, NOON).await.map_or(0, |one| one.granted);
        }
        assert!(passed <= 3, "{foreign:?} lets {passed} through");
    }
}

#[tokio::test]
async fn no_value_of_others_is_taken_for_ours_and_ours_takes_its_place() {
    let server = Server::start(&[]);
    let redis = redis(one(&server));
    for foreign in FOREIGN {
        server.cli(&["FLUSHALL"]);
        redis.put(&key("a"), b"ours", after(1000), NOON).await.unwrap();
        put(&server, foreign);
        no_more(redis.look(&key("a"), NOON).await, foreign);
        no_more(redis.take(&key("a"), NOON).await, foreign);
        redis.put(&key("a"), b"ours", after(1000), NOON).await.unwrap();
        assert_eq!(redis.look(&key("a"), NOON).await.unwrap().unwrap(), b"ours", "{foreign:?}");
    }
}

#[tokio::test]
async fn what_others_left_counts_once_at_most_and_then_ours_does() {
    let server = Server::start(&[]);
    let redis = redis(one(&server));
    for foreign in FOREIGN {
        server.cli(&["FLUSHALL"]);
        assert!(redis.once(&key("a"), after(1000), NOON).await.unwrap());
        put(&server, foreign);
        let mut firsts = 0;
        for _ in 0..5 {
            match redis.once(&key("a"), after(1000), NOON).await {
                Ok(first) => firsts += u32::from(first),
                Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "{foreign:?}"),
            }
        }
        assert!(firsts <= 1, "{foreign:?}: new {firsts} times");
    }
}

#[tokio::test]
async fn words_of_others_on_our_channel_wake_and_say_nothing_that_keeps_us_asleep() {
    let server = Server::start(&[]);
    let redis = redis(one(&server));
    let mut wakes = redis.wakes(Topic::Change);
    timeout(PATIENCE, wakes.changed()).await.unwrap().unwrap();
    for word in ["", "nonsense", "-1", "1.5", "18446744073709551615", "99999999999999999999999"] {
        wakes.mark_unchanged();
        assert_eq!(server.cli(&["PUBLISH", "mylife:297:wake:change", word]).trim(), "1");
        timeout(PATIENCE, wakes.changed()).await.unwrap().unwrap();
    }
    wakes.mark_unchanged();
    redis.wake(Topic::Change, 1).await.unwrap();
    timeout(PATIENCE, wakes.changed()).await.unwrap().unwrap();
}
