//! A disk is slow, has become read-only, or fails: that of one process, that of a replica, or the database's.
//! Who asks has a whole answer that is written down, or is asked to come again; nothing that was told is lost;
//! the operator sees what is wrong; and when the disk is well again all goes on by itself.

use std::time::Duration;

use tokio::{task::LocalSet, time::timeout};

use super::{
    full::audit,
    killed::everything_is_written_down,
    order::Person,
    out_of_reach::{is_asked_to_come_again, is_whole, reads, recovers, somebody},
    strace::{Disturbed, family},
    town::Town,
};
use crate::store::server::cluster::Cluster;

/// Calls of the system by which anything becomes durable.
const DURABLE: &str = "pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range";
/// The same, and by which anything on a disk is changed.
const CHANGING: &str = "pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,ftruncate,fallocate,unlink,\
                        unlinkat,rename,renameat,renameat2,mkdir,mkdirat,link,linkat";
/// Longer than a busy machine takes.
const LONGEST: Duration = Duration::from_mins(1);
/// Each call takes so long, in microseconds: an answer can be in time, or it cannot.
const SLOW: &str = "delay_enter=200000";
const TOO_SLOW: &str = "delay_enter=1900000";

async fn lives(town: &Town) {
    assert!(town.operator(0, "/livez").await.starts_with("HTTP/1.1 200 "), "it lives");
}

/// What was told is noted, as it has to stand in the log.
async fn is_shown(town: &Town, person: &Person) {
    let told = reads(town, person).await.expect("it is answered");
    assert!(is_whole(&told), "{} {}", told.status, told.text);
    person.seen.borrow_mut().requests.push(told.request);
}

/// Somebody who asks is asked to come again.
async fn is_refused(town: &Town, person: &Person) {
    let told = reads(town, person).await.expect("it is answered");
    is_asked_to_come_again(&told, person);
}

/// Who asks again and again while something is slow has a whole answer, or what says that it is too old.
async fn slow(town: &Town, person: &Person, disturb: impl Fn(&str) -> Disturbed, number: usize) {
    for (how, leaves) in [(SLOW, true), (TOO_SLOW, false)] {
        let disturbed = disturb(how);
        let seen = async {
            loop {
                // Whoever asks has less patience than this disk.
                let Some(told) = reads(town, person).await else { continue };
                if is_whole(&told) {
                    assert!(leaves, "it may have been withdrawn meanwhile");
                    person.seen.borrow_mut().requests.push(told.request);
                    return;
                }
                is_asked_to_come_again(&told, person);
                if !leaves && told.text.contains("too old to leave") {
                    return;
                }
            }
        };
        timeout(LONGEST, seen).await.unwrap();
        lives(town).await;
        drop(disturbed);
    }
    recovers(town, person, number).await;
    is_shown(town, person).await;
}

/// While no write is taken, nobody is told anything and nothing is kept.
async fn takes_nothing(town: &Town, person: &Person, (calls, error): (&str, &str), number: usize) {
    let disturbed = town.disturbs(0, calls, &format!("error={error}"));
    for _ in 0..3 {
        is_refused(town, person).await;
    }
    assert_eq!(person.push(town, 0, number).await, None, "nobody keeps it");
    lives(town).await;
    assert_eq!(audit(town).await, "DOWN", "{error}");
    drop(disturbed);
    recovers(town, person, number).await;
    assert_eq!(audit(town).await, "UP", "{error}");
    is_shown(town, person).await;
}

async fn alone() {
    let town = Town::alone().await;
    let person = somebody(&town).await;
    slow(&town, &person, |how| town.disturbs(0, DURABLE, how), 1).await;
    for (number, fault) in [(CHANGING, "EROFS"), (DURABLE, "EIO")].into_iter().enumerate() {
        takes_nothing(&town, &person, fault, 2 + number).await;
    }
    // Whoever starts finds what was not finished.
    town.kill(0);
    town.start(0).await;
    is_shown(&town, &person).await;
    town.stop(0).await;
    everything_is_written_down(&town, &person.seen.borrow());
}

async fn on_a_database() {
    // It is gone with the process.
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start("on")));
    let town = Town::on(cluster, 1).await;
    let person = somebody(&town).await;
    // A replica has nothing of its own that anybody needs.
    let disturbed = town.disturbs(0, CHANGING, "error=EROFS");
    is_shown(&town, &person).await;
    assert!(person.push(&town, 0, 1).await.is_some(), "it is kept where it belongs");
    drop(disturbed);
    let database = |how: &str| Disturbed::of(&family(cluster.pid()), "fsync,fdatasync", how);
    slow(&town, &person, database, 2).await;
    let disturbed = Disturbed::of(&family(cluster.pid()), CHANGING, "error=EROFS");
    for _ in 0..3 {
        is_refused(&town, &person).await;
    }
    assert_eq!(person.push(&town, 0, 3).await, None, "nobody keeps it");
    lives(&town).await;
    drop(disturbed);
    // It gives up rather than go on without its log; whoever runs it starts it.
    tokio::task::spawn_blocking(move || cluster.comes_back()).await.unwrap();
    recovers(&town, &person, 3).await;
    is_shown(&town, &person).await;
    town.has_gathered();
    town.stop(0).await;
    everything_is_written_down(&town, &person.seen.borrow());
}

fn on_one_thread(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, story);
}

#[test]
fn a_disk_that_is_slow_or_takes_nothing_costs_answers_and_nothing_that_was_told() {
    on_one_thread(alone());
}

#[test]
fn a_databases_disk_that_is_slow_or_takes_nothing_costs_no_more() {
    on_one_thread(on_a_database());
}
