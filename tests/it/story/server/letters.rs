//! Two processes of the portal: what one has to pass on, the other may have to send.

use std::{sync::mpsc::Sender, time::Duration};

use mylife::{
    audit::record::{Entry, Interaction},
    domain::theme::Theme::Housing,
    gateway::open::Setup,
    store::DocumentKind,
};

use super::still::stand_still;
use crate::{
    store::server as postgres,
    world::{Node, PORTAL, Person, Terms, World, municipality::At, person::Given},
};

/// The portal in two processes; timers go off when time is moved.
struct Portals {
    all: [Node; 2],
    database: String,
    // While it waits, no timer goes off by itself.
    _frozen: Sender<()>,
    world: World,
}

impl Portals {
    fn new() -> Self {
        let world = World::new();
        let frozen = stand_still(&world);
        let (name, database) = postgres::fresh();
        let all = [1, 2].map(|number| {
            let place = |setup: &mut Setup| setup.database = Some(database.clone());
            Node::replica(&world, PORTAL, number, None, place)
        });
        Self { all, database: name, _frozen: frozen, world }
    }

    /// Lets so much time pass that whatever is owed is due.
    fn later(&self) {
        let by = Duration::from_mins(6);
        self.world.pass(by);
        self.world.runtime.block_on(tokio::time::advance(by));
        // As their followers would have done all the while.
        for node in &self.all {
            self.world.runtime.block_on(node.gateway.look()).unwrap();
        }
    }

    /// Both send what is due at the same time, as their couriers would.
    fn send_due(&self) {
        let [a, b] = &self.all;
        self.world
            .runtime
            .block_on(async { tokio::join!(a.gateway.send_due(), b.gateway.send_due()) });
    }

    /// To whom the two owe something.
    fn owed(&self) -> Vec<String> {
        let store = &self.all[0].gateway.tokens.store;
        let rows = self.world.runtime.block_on(store.owed(99)).unwrap();
        let to = rows.iter().map(|(_, message)| message.peer.to_string());
        to.filter(|peer| peer != PORTAL).collect()
    }
}

/// A consent of somebody whom two municipalities know, and who reads at the second, which is not there
/// yet.
fn given(world: &World, terms: fn(&At) -> Terms) -> Given {
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.means(terms(&kuopio.client("national-portal")))
}

fn grant(to: &At) -> Terms {
    Terms::grant(&to.actor).themes(&[Housing])
}

fn aino(world: &World) -> (Node, Person) {
    let kajaani = world.municipality("205");
    let there = kajaani.person("aino").answered([(Housing, 3, 3, "")]);
    (kajaani, there)
}

/// How many versions of consents a municipality holds of somebody.
fn versions(node: &Node, person: &Person) -> usize {
    let local = node.gateway.reach.sources.local.as_ref().unwrap();
    let loading = local.store().load(person.patient());
    let held = node.world.runtime.block_on(loading).unwrap().unwrap();
    held.documents.iter().filter(|document| document.kind == DocumentKind::Consent).count()
}

/// How often a consent arrived there.
fn arrived(node: &Node) -> usize {
    let is = |entry: &Entry<'_>| {
        let writes = [Interaction::Create, Interaction::Update].contains(&entry.interaction);
        writes && entry.types.iter().any(|kind| *kind == *"Consent")
    };
    node.audit().into_iter().filter(is).count()
}

#[test]
fn the_later_of_two_letters_arrives_alone_and_once_whoever_was_told() {
    let portals = Portals::new();
    let given = given(&portals.world, grant);
    let [a, b] = &portals.all;
    given.through(a, Some("205"), "active").says("205: pending");
    given.through(b, Some("205"), "inactive").says("205: pending");
    assert_eq!(portals.owed(), ["205"], "the later one alone, though A was told of the earlier");
    given.through(a, Some("205"), "active").says("205: pending");
    given.through(b, Some("205"), "inactive").says("205: pending");
    let (kajaani, there) = aino(&portals.world);
    for _ in 0..3 {
        portals.later();
        portals.send_due();
    }
    assert_eq!(portals.owed(), Vec::<String>::new());
    kajaani.client("national-portal").search("Observation", &there).is_empty();
    assert_eq!((versions(&kajaani, &there), arrived(&kajaani)), (1, 1));
}

#[test]
fn what_is_written_through_both_by_turns_arrives_in_that_order() {
    let portals = Portals::new();
    let given = given(&portals.world, grant);
    let (kajaani, there) = aino(&portals.world);
    let reader = kajaani.client("national-portal");
    for n in 0..6 {
        let status = if n % 2 == 0 { "active" } else { "inactive" };
        let reply = given.through(&portals.all[n / 2 % 2], Some("205"), status);
        reply.says("205: acknowledged");
        let answer = reader.search("Observation", &there);
        if n % 2 == 0 {
            answer.shows([Housing])
        } else {
            answer.is_empty()
        };
        portals.later();
        portals.send_due();
        assert_eq!((versions(&kajaani, &there), arrived(&kajaani)), (n + 1, n + 1));
    }
}

#[test]
fn what_a_process_that_is_gone_has_left_the_other_sends() {
    let portals = Portals::new();
    let given = given(&portals.world, grant);
    let Portals { all: [a, b], database, world, _frozen } = portals;
    given.through(&a, Some("205"), "active").says("205: pending");
    world.runtime.block_on(a.gateway.send_due());
    let (kajaani, there) = aino(&world);
    drop(a);
    let later = || {
        world.pass(Duration::from_mins(6));
        world.runtime.block_on(tokio::time::advance(Duration::from_mins(6)));
        world.runtime.block_on(b.gateway.send_due());
    };
    later();
    assert_eq!(arrived(&kajaani), 0, "it may still be about to send");
    postgres::run(&database, "UPDATE turn SET until = clock_timestamp() - interval '1 second'");
    later();
    kajaani.client("national-portal").search("Observation", &there).shows([Housing]);
    assert_eq!((versions(&kajaani, &there), arrived(&kajaani)), (1, 1));
}

#[test]
fn a_prohibition_that_ended_through_the_other_does_not_come_back_for_a_peer_that_joins() {
    let portals = Portals::new();
    let never = given(&portals.world, |to| Terms::prohibition(&to.actor));
    let [a, b] = &portals.all;
    never.through(a, None, "active");
    never.through(b, None, "inactive");
    let copies = || {
        let store = &a.gateway.tokens.store;
        let rows = portals.world.runtime.block_on(store.owed(99)).unwrap();
        rows.iter().filter(|(_, message)| &*message.peer == PORTAL).count()
    };
    assert_eq!(copies(), 1, "the later one alone");
}
