//! Another server becomes the master while we are connected to the one before.
//!
//! The failover is ordered, not provoked: a sentinel that finds by itself that a server is gone needs
//! timers that a busy machine does not keep. Whatever is waited for is a state, for as long as it takes.

use std::{sync::Arc, time::Duration};

use mylife::{
    clock::{Clock, FixedClock, SystemClock},
    error::{Kind, Result},
    shared::{
        Limit, Shared, Topic,
        redis::{
            Redis,
            door::{Login, Reach},
        },
    },
};
use tokio::time::timeout;

use super::{PATIENCE, Server, at, on_clock, settings};
use crate::shared::{NOON, after, key};

const ADDRESS: [&str; 3] = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"];

/// A master and its copy, which is up to date.
fn pair() -> [Server; 2] {
    let at_once = ["--repl-diskless-sync-delay", "0"];
    let master = Server::start(&at_once);
    let of = master.port.to_string();
    let copy = Server::start(&[&at_once[..], &["--replicaof", "127.0.0.1", &of]].concat());
    copy.until(&["INFO", "replication"], "master_link_status:up");
    [master, copy]
}

/// A sentinel that knows both. One that is starved must not take itself for out of its mind.
fn sentinel([master, copy]: &[Server; 2]) -> Server {
    let sentinel = Server::sentinel(master.port);
    sentinel.cli(&["SENTINEL", "DEBUG", "tilt-trigger", "3600000"]);
    sentinel.until(&["SENTINEL", "REPLICAS", "main"], &copy.port.to_string());
    sentinel
}

/// Orders a failover to the copy until it is made, and the master before is a copy of the new one.
fn fails_over(sentinel: &Server, [master, copy]: &[Server; 2]) {
    let (new, clock) = (copy.port.to_string(), SystemClock::default());
    while !sentinel.cli(&ADDRESS).contains(&new) {
        // Refused while it does not know enough, or while one is under way.
        let said = sentinel.cli(&["SENTINEL", "FAILOVER", "main"]);
        assert!(clock.elapsed() < 6 * PATIENCE, "{said}");
    }
    copy.until(&["INFO", "replication"], "role:master");
    // It looks more often now, so that it sees soon that there are two.
    sentinel.cli(&["SENTINEL", "DEBUG", "info-period", "200", "publish-period", "100"]);
    master.until(&["INFO", "replication"], "role:slave");
    master.until(&["INFO", "replication"], "master_link_status:up");
}

/// Asks until there is an answer; until then it is `Unavailable` and nothing else. Each time the pause
/// before the next attempt to connect has passed.
async fn in_the_end<T>(clock: &FixedClock, ask: impl AsyncFn() -> Result<T>) -> T {
    let answered = async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "{error}"),
            }
            clock.advance(Duration::from_secs(5));
        }
    };
    timeout(6 * PATIENCE, answered).await.expect("it is never answered")
}

fn behind(sentinel: &Server, clock: &Arc<FixedClock>) -> Arc<Redis> {
    let (master, nodes) = ("main".to_owned(), vec![at(sentinel.port)]);
    let reach = Reach::Sentinel { master, nodes, login: Login::default() };
    on_clock(settings(reach), clock.clone())
}

#[tokio::test]
async fn after_a_failover_the_new_master_is_asked_and_what_was_there_is_there() {
    let mut servers = pair();
    let watch = sentinel(&servers);
    let clock = Arc::new(FixedClock::new(NOON));
    let redis = behind(&watch, &clock);
    let limit = Limit::new(Duration::from_mins(10), 3);
    redis.put(&key("session"), b"mine", after(60_000), NOON).await.unwrap();
    assert!(redis.once(&key("proof"), after(60_000), NOON).await.unwrap());
    assert_eq!(redis.permit(&key("limit"), limit, 2, NOON).await.unwrap().granted, 2);
    let mut wakes = redis.wakes(Topic::Change);
    timeout(PATIENCE, wakes.changed()).await.unwrap().unwrap();
    servers[1].until(&["DBSIZE"], "3");

    fails_over(&watch, &servers);

    in_the_end(&clock, async || redis.put(&key("new"), b"there", after(60_000), NOON).await).await;
    assert_eq!(servers[1].cli(&["DBSIZE"]).trim(), "4", "the new master has it");
    let session = in_the_end(&clock, async || redis.look(&key("session"), NOON).await).await;
    assert_eq!(session.unwrap(), b"mine");
    let first = in_the_end(&clock, async || redis.once(&key("proof"), after(9), NOON).await).await;
    assert!(!first, "what was shown to the one before counts as shown");
    let left = in_the_end(&clock, async || redis.permit(&key("limit"), limit, 3, NOON).await).await;
    assert_eq!(left.granted, 1, "what was granted before counts");
    // Who listens was woken by the change of place, and listens there.
    timeout(6 * PATIENCE, wakes.changed()).await.unwrap().unwrap();
    servers[1].until(&["PUBSUB", "NUMSUB", "mylife:297:wake:change"], "1");

    // The one before is of no consequence any more.
    servers[0].kill();
    let session = in_the_end(&clock, async || redis.take(&key("session"), NOON).await).await;
    assert_eq!(session.unwrap(), b"mine");
}

#[tokio::test]
async fn a_master_that_became_a_copy_under_our_hands_is_left() {
    let [mut old, new] = pair();
    let clock = Arc::new(FixedClock::new(NOON));
    let watch = Server::sentinel(old.port);
    let redis = behind(&watch, &clock);
    let limit = Limit::new(Duration::from_mins(10), 3);
    redis.permit(&key("limit"), limit, 1, NOON).await.unwrap();
    // By hand: nobody ends our connection.
    watch.cli(&["SENTINEL", "REMOVE", "main"]);
    new.cli(&["REPLICAOF", "NO", "ONE"]);
    old.cli(&["REPLICAOF", "127.0.0.1", &new.port.to_string()]);
    old.until(&["INFO", "replication"], "role:slave");
    let refused = redis.permit(&key("limit"), limit, 1, NOON).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    // The new one is asked for, though the connection to the other stands.
    let to = new.port.to_string();
    assert_eq!(watch.cli(&["SENTINEL", "MONITOR", "main", "127.0.0.1", &to, "1"]).trim(), "OK");
    in_the_end(&clock, async || redis.permit(&key("limit"), limit, 1, NOON).await).await;
    old.kill();
    in_the_end(&clock, async || redis.put(&key("new"), b"there", after(1000), NOON).await).await;
}
