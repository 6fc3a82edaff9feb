//! The database or Redis cannot be reached, or is started anew: who asks is told to come again or has what
//! they may see, the operator sees that it is not ready, and afterwards all goes on by itself.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use tokio::time::timeout;

use super::{
    on_one_thread,
    order::Person,
    proxy::Way,
    town::{Told, Town},
};
use crate::store::server::cluster::Cluster;

const READER: usize = 2;
/// Longer than a busy machine takes, and than Redis is left alone once it was away.
const RECOVERED: Duration = Duration::from_secs(20);

/// What is refused because a server is away says so, and when to come again, and nothing else.
pub(super) fn is_asked_to_come_again(told: &Told, person: &Person) {
    assert_eq!((told.status, &told.body["issue"][0]["code"]), (503, &"no-store".into()));
    assert!(told.again.is_some_and(|seconds| seconds > 0), "{}", told.text);
    let hidden = [&*person.patient, "aino", Housing.code(), Health.code(), "127.0.0.1", "postgres"];
    for one in hidden {
        assert!(!told.text.contains(one), "{one}: {}", told.text);
    }
}

pub(super) async fn reads(town: &Town, person: &Person) -> Option<Told> {
    let path = format!("/fhir/Observation?patient={}", person.patient);
    town.once((0, READER), Method::GET, &path, None).await
}

pub(super) fn is_whole(told: &Told) -> bool {
    told.status == 200 && [Housing, Health].iter().all(|theme| told.text.contains(theme.code()))
}

/// It is ready again by itself, and reads and writes are as they were before.
pub(super) async fn recovers(town: &Town, person: &Person, number: usize) {
    let recovered = async {
        while !(town.is_ready(0).await && reads(town, person).await.as_ref().is_some_and(is_whole))
        {
        }
        while person.push(town, 0, number).await.is_none() {}
    };
    timeout(RECOVERED, recovered).await.expect("it does not recover by itself");
}

async fn until_it_is_not_ready(town: &Town) {
    let noticed = async { while town.is_ready(0).await {} };
    timeout(RECOVERED, noticed).await.expect("nobody notices");
    assert!(town.operator(0, "/livez").await.starts_with("HTTP/1.1 200 "), "it lives");
}

pub(super) async fn somebody(town: &Town) -> Person {
    let person = Person::new(town, "aino", 1).await;
    assert!(person.permits(town, 0, &[Housing, Health]).await);
    person
}

async fn out_of_reach() {
    let town = Town::of(1).await;
    let person = somebody(&town).await;
    let outside = town.outside.as_ref().unwrap();
    let mut number = 0;
    for way in [Way::Cut, Way::Held] {
        outside.database(way);
        until_it_is_not_ready(&town).await;
        for _ in 0..5 {
            let told = reads(&town, &person).await.expect("it is answered");
            is_asked_to_come_again(&told, &person);
        }
        let pushed = person.push(&town, 0, 1000).await;
        assert_eq!(pushed, None, "nobody keeps it");
        outside.database(Way::Open);
        number += 1;
        recovers(&town, &person, number).await;
        // What may be lost stops nothing.
        outside.redis.set(way);
        for _ in 0..20 {
            let told = reads(&town, &person).await.expect("it is answered");
            assert!(is_whole(&told), "{way:?}: {} {}", told.status, told.text);
        }
        assert!(town.is_ready(0).await, "{way:?}");
        outside.redis.set(Way::Open);
        number += 1;
        recovers(&town, &person, number).await;
    }
}

async fn started_anew() {
    // It is gone with the process.
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start("on")));
    let town = Town::on(cluster, 1).await;
    let person = somebody(&town).await;
    for number in 1..4 {
        let crashing = tokio::task::spawn_blocking(move || cluster.crash());
        while !crashing.is_finished() {
            let told = reads(&town, &person).await.expect("it is answered");
            if !is_whole(&told) {
                is_asked_to_come_again(&told, &person);
            }
        }
        crashing.await.unwrap();
        recovers(&town, &person, number).await;
    }
}

#[test]
fn while_a_server_is_out_of_reach_who_asks_is_told_and_then_all_goes_on() {
    on_one_thread(out_of_reach());
}

#[test]
fn a_database_that_is_started_anew_is_found_again() {
    on_one_thread(started_anew());
}
