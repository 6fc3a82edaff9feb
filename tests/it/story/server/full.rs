//! The disk of one process is full, or takes nothing at all, its log of what it does included: nobody is
//! shown what cannot be written down, no write is half made, and when there is room all goes on by itself.

use std::time::Duration;

use http::Method;
use mylife::domain::moment::Moment;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    killed::everything_is_written_down,
    on_one_thread,
    order::{Person, instant},
    out_of_reach::{is_asked_to_come_again, is_whole, reads, recovers, somebody},
    town::Town,
};

const READER: usize = 2;
/// Longer than a busy machine takes.
const LONGEST: Duration = Duration::from_secs(20);
/// Where files end: nowhere, and then a little further on each time, until there is room for what is
/// written beside what was there.
const ENDS: [usize; 3] = [0, 1, 4096];
const STEP: usize = 9_973;
const FURTHEST: usize = 600_000;

/// What an assessment says of when it was made.
async fn authored(town: &Town, id: &str) -> Option<Moment> {
    let path = format!("/fhir/QuestionnaireResponse/{id}");
    let told = town.once((0, READER), Method::GET, &path, None).await?;
    assert_eq!(told.status, 200, "{}", told.text);
    Moment::parse(told.body["authored"].as_str().unwrap())
}

async fn is_pushed(town: &Town, person: &Person, number: usize) -> String {
    let pushed = async {
        loop {
            if let Some(id) = person.push(town, 0, number).await {
                return id;
            }
        }
    };
    timeout(LONGEST, pushed).await.expect("it does not recover by itself")
}

/// What its operator sees of the audit log.
pub(super) async fn audit(town: &Town) -> String {
    let health = town.operator(0, "/health").await;
    let (_, body) = health.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    body["components"]["audit"]["status"].as_str().unwrap().to_owned()
}

/// One disk that is full from there on; were both a write and a read refused?
async fn fills(town: &Town, person: &Person, end: usize, number: usize) -> bool {
    town.files_end_at(0, Some(end));
    let pushed = person.push(town, 0, number).await;
    let told = reads(town, person).await.expect("it is answered");
    let is_refused = !is_whole(&told);
    if is_refused {
        is_asked_to_come_again(&told, person);
    } else {
        person.seen.borrow_mut().requests.push(told.request);
    }
    assert!(town.operator(0, "/livez").await.starts_with("HTTP/1.1 200 "), "it lives");
    // Beyond that a small record may have found room.
    if end <= ENDS[1] {
        assert_eq!(audit(town).await, "DOWN", "{end}");
    }
    town.files_end_at(0, None);
    assert_eq!(audit(town).await, "UP", "{end}");
    let id = is_pushed(town, person, number).await;
    if let Some(told) = &pushed {
        assert_eq!(*told, id, "{end}");
    }
    assert_eq!(authored(town, &id).await, Moment::parse(&instant(number)), "{end}");
    recovers(town, person, number + 1).await;
    pushed.is_none() && is_refused
}

async fn full() {
    let town = Town::alone().await;
    let person = somebody(&town).await;
    let mut refused = 0;
    let ends = ENDS.into_iter().chain((STEP..FURTHEST).step_by(STEP));
    for (turn, end) in ends.enumerate() {
        refused += usize::from(fills(&town, &person, end, 1 + 2 * turn).await);
    }
    assert!(refused >= ENDS.len(), "{refused} times the disk was full");
    town.files_end_at(0, Some(0));
    is_asked_to_come_again(&reads(&town, &person).await.expect("it is answered"), &person);
    // Whoever starts finds what was not finished.
    town.kill(0);
    town.start(0).await;
    recovers(&town, &person, 1).await;
    town.stop(0).await;
    everything_is_written_down(&town, &person.seen.borrow());
}

#[test]
fn a_disk_that_takes_no_more_costs_answers_and_nothing_that_was_told() {
    on_one_thread(full());
}
