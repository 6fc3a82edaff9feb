//! Processes that die at any moment under load: what was acknowledged is there, and all that was told or
//! refused, and every write, stands in a log that holds, once.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use http::Method;
use mylife::{
    chance::{Chance, SystemChance},
    domain::{
        moment::Moment,
        theme::Theme::{Health, Housing},
    },
};
use tokio::task::spawn_local;

use super::{
    on_one_thread,
    order::{PUSHED, Person, Seen, instant},
    town::Town,
};

const READER: usize = 2;

/// What may stand under an id: the push that was acknowledged last, and those after it.
type Kept = BTreeMap<String, Vec<usize>>;

/// Waits until so many more answers have come.
async fn seen(town: &Town, person: &Person, more: u64) {
    let from = person.seen.borrow().now();
    town.until(|| person.seen.borrow().now() >= from + more).await;
}

async fn push(town: &Town, person: &Person, ended: &Cell<bool>, kept: &RefCell<Kept>) {
    let mut ids: BTreeMap<usize, String> = BTreeMap::new();
    for number in 1.. {
        if ended.get() {
            return;
        }
        let (slot, at) = (number % PUSHED, number % town.replicas().len());
        if let Some(id) = person.push(town, at, number).await {
            kept.borrow_mut().insert(id.clone(), vec![number]);
            ids.insert(slot, id);
        } else {
            // Perhaps it was made.
            if let Some(id) = ids.get(&slot) {
                kept.borrow_mut().entry(id.clone()).or_default().push(number);
            }
            town.runs(at).await;
        }
        person.is_refused(town, at).await;
        seen(town, person, 10).await;
    }
}

async fn consent(town: &Town, person: &Person, ended: &Cell<bool>) {
    let turns = [&[Housing, Health][..], &[Health], &[Housing, Health], &[]];
    for (number, allowed) in turns.into_iter().cycle().enumerate() {
        if ended.get() {
            return;
        }
        let at = number % town.replicas().len();
        if !person.permits(town, at, allowed).await {
            town.runs(at).await;
        }
    }
}

/// Kills one after another, each at a moment of its own.
async fn kill(town: &Town, person: &Person, times: usize) {
    for turn in 0..times {
        let mut dice = [0];
        SystemChance.fill(&mut dice);
        seen(town, person, 20 + u64::from(dice[0])).await;
        let number = turn % town.replicas().len();
        town.kill(number);
        town.start(number).await;
        town.renew();
    }
}

async fn killed(town: Town, times: usize) {
    let town = Rc::new(town);
    let ended = Rc::new(Cell::new(false));
    let kept = Rc::new(RefCell::new(Kept::new()));
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
    kill(&town, &person, times).await;
    ended.set(true);
    for one in doing {
        one.await.unwrap();
    }
    let kept = kept.take();
    everything_is_there(&town, &person, &kept).await;
    {
        let seen = person.seen.borrow();
        assert_eq!(seen.faults(), Vec::<String>::new());
        assert!(seen.shown() > times && kept.len() > 2, "little was seen");
    }
    town.has_gathered();
    for number in 0..town.replicas().len() {
        town.kill(number);
    }
    everything_is_written_down(&town, &person.seen.borrow());
}

/// All that was acknowledged is there, whoever is asked.
async fn everything_is_there(town: &Town, person: &Person, kept: &Kept) {
    assert!(person.permits(town, 0, &[Housing, Health]).await);
    for at in 0..town.replicas().len() {
        // What was written before it is there when this is.
        person.is_shown(town, at, &[Housing, Health]).await;
        for (id, numbers) in kept {
            let path = format!("/fhir/QuestionnaireResponse/{id}");
            let told = town.once((at, READER), Method::GET, &path, None).await.unwrap();
            assert_eq!(told.status, 200, "{id}: {}", told.body);
            let stands = Moment::parse(told.body["authored"].as_str().unwrap());
            let may = numbers.iter().any(|number| stands == Moment::parse(&instant(*number)));
            assert!(may, "{id} is of {stands:?}, acknowledged was {numbers:?}");
            person.seen.borrow_mut().requests.push(told.request);
        }
    }
}

/// What was answered stands in the log, once.
pub(super) fn everything_is_written_down(town: &Town, seen: &Seen) {
    let told = town.audit();
    let count = |id: &str| told.get(id).copied().unwrap_or(0);
    let wrong: Vec<_> = seen.requests.iter().filter(|id| count(id) != 1).collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:?}", wrong.len(), seen.requests.len());
}

fn replicas(times: usize) {
    on_one_thread(async { killed(Town::of(2).await, times).await });
}

fn alone(times: usize) {
    on_one_thread(async { killed(Town::alone().await, times).await });
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
