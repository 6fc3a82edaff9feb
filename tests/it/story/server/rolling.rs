//! Two processes behind a balancer, stopped and started again by turns under load, as at an upgrade: every
//! request is answered, and as if nothing had happened.

use std::{cell::Cell, rc::Rc};

use mylife::{
    demo::balancer,
    domain::theme::Theme::{Health, Housing},
    listen::Stop,
};
use tokio::{net::TcpListener, task::spawn_local, time::timeout};

use super::{
    desk::LONGEST, killed::everything_is_written_down, on_one_thread, order::Person, town::Town,
};

const REPLICAS: usize = 2;

/// Where those are that say that requests may come.
async fn ready(town: &Town) -> Vec<u16> {
    let mut ports = Vec::new();
    for number in 0..REPLICAS {
        if town.is_ready(number).await {
            ports.push(town.port(number));
        }
    }
    ports
}

/// Each is stopped while everybody asks, and comes back before the next one.
async fn roll(town: &Town, people: &[Person], rounds: usize) {
    let answered = || people.iter().map(|one| one.seen.borrow().answered()).sum::<usize>();
    let more = async || {
        let from = answered();
        assert!(town.until(|| answered() >= from + 50).await, "nobody is answered");
    };
    for number in (0..rounds).flat_map(|_| 0..REPLICAS) {
        more().await;
        town.stop(number).await;
        more().await;
        town.start(number).await;
        let is_back = async { while !town.is_ready(number).await {} };
        timeout(LONGEST, is_back).await.expect("it is ready again");
    }
    more().await;
}

async fn rolled(rounds: usize) {
    let town = Rc::new(Town::of(REPLICAS).await);
    let mut people = Vec::new();
    for (name, number) in [("aino", 1), ("eetu", 2), ("helmi", 3)] {
        let person = Person::new(&town, name, number).await;
        assert!(person.permits(&town, 0, &[Housing, Health]).await);
        people.push(person);
    }
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    town.stands_behind(port.local_addr().unwrap().port());
    let (stop, stopping) = Stop::new();
    let own = Rc::clone(&town);
    let behind = async move || ready(&own).await;
    let balancing = spawn_local(async move { balancer::serve(port, behind, stopping).await });
    let ended = Rc::new(Cell::new(false));
    let mut doing = Vec::new();
    for person in &people {
        for at in 0..REPLICAS {
            let (town, person, ended) = (town.clone(), person.clone(), ended.clone());
            doing.push(spawn_local(async move { person.read(&town, at, &ended).await }));
        }
    }
    let (writer, pushed) = (people[1].clone(), people[2].clone());
    {
        let (town, ended) = (town.clone(), ended.clone());
        doing.push(spawn_local(async move {
            let turns = [&[Health][..], &[Housing, Health], &[], &[Housing]];
            for allowed in turns.into_iter().cycle().take_while(|_| !ended.get()) {
                assert!(writer.permits(&town, 0, allowed).await, "a consent is lost");
            }
        }));
    }
    {
        let (town, ended) = (town.clone(), ended.clone());
        doing.push(spawn_local(async move {
            for number in (1..).take_while(|_| !ended.get()) {
                assert!(pushed.push(&town, 0, number).await.is_some(), "a push is lost");
            }
        }));
    }
    roll(&town, &people, rounds).await;
    ended.set(true);
    for one in doing {
        one.await.unwrap();
    }
    stop.now();
    balancing.await.unwrap();
    town.has_gathered();
    for number in 0..REPLICAS {
        town.stop(number).await;
    }
    for person in &people {
        let seen = person.seen.borrow();
        assert_eq!(seen.refused, 0, "so many were not answered as they should be");
        assert_eq!(seen.faults(), Vec::<String>::new());
        assert!(seen.shown() > 20, "little was seen");
        everything_is_written_down(&town, &seen);
    }
}

#[test]
fn two_that_are_replaced_one_after_the_other_leave_no_request_unanswered() {
    on_one_thread(rolled(1));
}

mod long {
    #[test]
    fn two_that_are_replaced_ten_times_leave_no_request_unanswered() {
        super::on_one_thread(super::rolled(10));
    }
}
