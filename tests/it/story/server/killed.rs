//! Processes that die at any moment under load: what was acknowledged is there, and whoever saw an
//! answer stands in a log that holds.

use std::{cell::RefCell, rc::Rc, time::Duration};

use http::Method;
use mylife::{
    chance::{Chance, SystemChance},
    domain::theme::Theme::{Health, Housing},
};
use tokio::task::{LocalSet, spawn_local};

use super::{order::Person, town::Town};

const READER: usize = 2;

async fn push(town: &Town, person: &Person, ended: &RefCell<bool>, kept: &RefCell<Vec<String>>) {
    for number in 1.. {
        if *ended.borrow() {
            return;
        }
        match person.push(town, number % town.replicas().len(), number).await {
            Some(id) => kept.borrow_mut().push(id),
            // It is dead: another look at a later time.
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        // So many that a page holds them.
        if kept.borrow().len() > 40 {
            return;
        }
    }
}

async fn consent(town: &Town, person: &Person, ended: &RefCell<bool>) {
    let turns = [&[Housing, Health][..], &[Health], &[Housing, Health], &[]];
    for (at, allowed) in turns.into_iter().cycle().enumerate() {
        if *ended.borrow() {
            return;
        }
        if !person.permits(town, at % town.replicas().len(), allowed).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Kills one after another, each at a moment of its own.
async fn kill(town: &Town, times: usize) {
    for turn in 0..times {
        let mut dice = [0];
        SystemChance.fill(&mut dice);
        // The moment is what is thrown for; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(100 + 2 * u64::from(dice[0]))).await;
        let number = turn % town.replicas().len();
        town.kill(number);
        town.start(number).await;
    }
}

async fn killed(town: Town, times: usize) {
    let town = Rc::new(town);
    let ended = Rc::new(RefCell::new(false));
    let kept = Rc::new(RefCell::new(Vec::new()));
    let mut doing = Vec::new();
    let person = Person::new(&town, "aino", 1).await;
    for at in 0..town.replicas().len() {
        let (town, person, ended) = (town.clone(), person.clone(), ended.clone());
        doing.push(spawn_local(async move { person.read(&town, at, &ended).await }));
    }
    {
        let (town, person, ended, kept) =
            (town.clone(), person.clone(), ended.clone(), kept.clone());
        doing.push(spawn_local(async move { push(&town, &person, &ended, &kept).await }));
    }
    {
        let (town, person, ended) = (town.clone(), person.clone(), ended.clone());
        doing.push(spawn_local(async move { consent(&town, &person, &ended).await }));
    }
    kill(&town, times).await;
    ended.replace(true);
    for one in doing {
        one.await.unwrap();
    }
    // All that was acknowledged is there, whoever is asked.
    assert!(person.permits(&town, 0, &[Housing, Health]).await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let acknowledged = kept.borrow().clone();
    let mut requests = person.seen.borrow().requests.clone();
    for at in 0..town.replicas().len() {
        for id in &acknowledged {
            let path = format!("/fhir/QuestionnaireResponse/{id}");
            let told = town.once((at, READER), Method::GET, &path, None).await.unwrap();
            assert_eq!(told.status, 200, "{id}: {}", told.body);
            requests.push(told.request);
        }
    }
    {
        let seen = person.seen.borrow();
        assert_eq!(seen.faults(), Vec::<String>::new());
        assert!(seen.shown() > times && acknowledged.len() > 2, "little was seen");
    }
    for number in 0..town.replicas().len() {
        town.kill(number);
    }
    let told = town.audit();
    let lacking: Vec<_> = requests.iter().filter(|id| !told.contains(id.as_str())).collect();
    assert!(lacking.is_empty(), "{} of {}: {lacking:?}", lacking.len(), requests.len());
}

fn replicas(times: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { killed(Town::of(2).await, times).await });
}

fn alone(times: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { killed(Town::alone().await, times).await });
}

#[test]
fn replicas_that_die_at_any_moment_lose_nothing_that_was_told() {
    replicas(10);
}

#[test]
fn one_process_that_dies_at_any_moment_loses_nothing_that_was_told() {
    alone(10);
}

mod long {
    #[test]
    fn replicas_that_die_two_hundred_times_lose_nothing_that_was_told() {
        super::replicas(200);
    }

    #[test]
    fn one_process_that_dies_two_hundred_times_loses_nothing_that_was_told() {
        super::alone(200);
    }
}
