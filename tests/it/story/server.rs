//! Two processes of one gateway, on a real `PostgreSQL` and a real Redis: whoever asks cannot tell
//! which of them answered, and what is withdrawn through one does not leave the other.

mod alike;
mod away;
mod broken;
mod desk;
mod disturbed;
mod full;
mod letters;
mod members;
mod notified;
mod numbered;
mod killed;
mod operator;
mod land;
mod order;
mod out_of_reach;
mod parted;
mod passed_on;
mod process;
mod refused;
mod reviewed;
mod proxy;
mod revoked;
mod rolling;
mod seen_to;
mod still;
mod strace;
mod through;
mod town;
mod widened;

use std::{
    future::Future,
    io,
    path::Path,
    sync::{Arc, Condvar, Mutex, mpsc::Sender},
    time::Duration,
};

use http::Method;
use mylife::{
    audit::{
        log::{Disk, FileDisk, Tape},
        record::Entry,
        step::GOOD_FOR,
    },
    clock::Clock,
    domain::theme::Theme::{self, Health, Housing},
    gateway::open::Setup,
    shared::{Away, Choice, pace::Rates, redis::door::Door},
    source::follower::{EVERY, OLDEST},
};
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};

use crate::{
    shared::server::{self as redis, fixture::Server},
    store::server as postgres,
    world::{
        Node, Person, Reply, Terms, World,
        actor::Ask,
        municipality::At,
        person::{Given, path},
    },
};

/// A disk on which nothing is durable while it is held.
#[derive(Clone, Default)]
struct Slow(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    held: bool,
    waiting: bool,
}

struct Tapes(Box<dyn Tape>, Slow);

impl Slow {
    fn hold(&self) {
        *self.0.0.lock().unwrap() = State { held: true, waiting: false };
    }

    fn let_go(&self) {
        self.0.0.lock().unwrap().held = false;
        self.0.1.notify_all();
    }

    fn is_waited_for(&self) -> bool {
        self.0.0.lock().unwrap().waiting
    }

    fn wait(&self) {
        let mut state = self.0.0.lock().unwrap();
        while state.held {
            state.waiting = true;
            state = self.0.1.wait(state).unwrap();
        }
    }
}

impl Disk for Slow {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tape>> {
        Ok(Box::new(Tapes(FileDisk.create(path)?, self.clone())))
    }

    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>> {
        Ok(Box::new(Tapes(FileDisk.resume(path, length)?, self.clone())))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        FileDisk.replace(path, bytes)
    }
}

impl Tape for Tapes {
    fn make_room(&mut self, length: usize) -> io::Result<()> {
        self.0.make_room(length)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.wait();
        self.0.append(bytes)
    }
}

/// A gateway in two processes; time stands still for both until it is moved.
struct Twins {
    a: Node,
    b: Node,
    disk_of_b: Slow,
    redis: Server,
    database: String,
    // While it waits, no timer goes off by itself.
    _frozen: Sender<()>,
    world: World,
}

impl Drop for Twins {
    fn drop(&mut self) {
        self.disk_of_b.let_go();
    }
}

/// Runs a story on one thread, with all that it begins there.
fn on_one_thread(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, story);
}

impl Twins {
    fn new() -> Self {
        Self::with_rates(Rates::default())
    }

    fn with_rates(rates: Rates) -> Self {
        Self::on(World::with_rates(rates), true, Away::Refuse)
    }

    /// While Redis is away each holds its part of the limits.
    fn that_go_on() -> Self {
        Self::on(World::new(), true, Away::Divide(2))
    }

    /// Both write one log, in the database.
    fn with_one_log() -> Self {
        Self::on(World::new(), false, Away::Refuse)
    }

    /// `apart`: the log of B is on a disk of its own, which can be held.
    fn on(world: World, apart: bool, away: Away) -> Self {
        let frozen = still::stand_still(&world);
        let server = Server::start(&[]);
        let (name, database) = postgres::fresh();
        let place = |setup: &mut Setup| {
            let door = Arc::new(Door::new(redis::one(&server)).unwrap());
            setup.shared = Choice::Redis { door, away };
            setup.database = Some(database.clone());
        };
        let disk_of_b = Slow::default();
        let on = apart.then(|| Arc::new(disk_of_b.clone()) as Arc<dyn Disk>);
        let a = Node::replica(&world, "297", 1, None, place);
        let b = Node::replica(&world, "297", 2, on, place);
        Self { a, b, disk_of_b, redis: server, database: name, _frozen: frozen, world }
    }

    /// Does something on the world's one thread.
    fn run<T>(&self, story: impl Future<Output = T>) -> T {
        LocalSet::new().block_on(&self.world.runtime, story)
    }

    /// Moves time for gateways and timers alike; each process hears of what the other did.
    async fn pass(&self, by: Duration) {
        self.world.pass(by);
        tokio::time::advance(by).await;
        for node in [&self.a, &self.b] {
            node.gateway.look().await.unwrap();
        }
    }

    /// A moment passes, as one does before anybody asks elsewhere.
    fn settle(&self) {
        self.run(self.pass(EVERY));
    }

    /// Lets time pass, once a change to somebody is stored, until what makes it is done.
    async fn until<T: 'static>(
        &self,
        person: &Person,
        doing: impl Future<Output = T> + 'static,
    ) -> T {
        let before = self.stored(person).await;
        self.end_of(person, before, spawn_local(doing)).await
    }

    async fn end_of<T>(&self, person: &Person, before: Option<u64>, doing: JoinHandle<T>) -> T {
        while !doing.is_finished() {
            // Asking takes a moment, in which the others get on.
            if self.stored(person).await != before {
                self.pass(Duration::from_millis(100)).await;
            }
        }
        doing.await.unwrap()
    }

    /// The version of what is stored about somebody.
    async fn stored(&self, person: &Person) -> Option<u64> {
        let local = self.a.gateway.reach.sources.local.as_ref().unwrap();
        local.store().version(person.patient()).await.unwrap()
    }
}

/// Writes a consent at one of the two, with further headers.
fn writes(
    given: &Given,
    status: &str,
    node: &Node,
    headers: Vec<(&'static str, String)>,
) -> impl Future<Output = Option<Reply>> + use<> {
    let desk = node.world.actor("consent-desk");
    let (body, path) = (given.body(status).to_string(), path(given.uuid()));
    let headers = [vec![desk.bearer(node)], headers].concat();
    let node = node.clone();
    async move {
        let kind = Some("application/fhir+json");
        let ask = Ask { headers, kind, body: body.into(), nodes: None };
        desk.meanwhile(&node, Method::PUT, &path, ask).await
    }
}

/// Asks one of the two for somebody's observations.
fn asks(client: &At, person: &Person) -> impl Future<Output = Option<Reply>> + use<> {
    let At { actor, node, .. } = client.clone();
    let path = format!("/fhir/Observation?patient={}", person.patient());
    let headers = vec![actor.bearer(&node)];
    async move {
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        actor.meanwhile(&node, Method::GET, &path, ask).await
    }
}

async fn when(is: impl AsyncFn() -> bool) {
    while !is().await {
        yield_now().await;
    }
}

const ANSWERS: [(Theme, u8, u8, &str); 2] = [(Housing, 2, 1, ""), (Health, 1, 1, "")];

#[test]
fn what_is_pushed_granted_and_withdrawn_at_one_counts_at_the_other() {
    let twins = Twins::new();
    let (at_a, at_b) = (twins.a.client("national-portal"), twins.b.client("national-portal"));
    let aino = twins.a.person("aino").answered(ANSWERS);
    at_b.search("Observation", &aino).is_empty();
    let housing = aino.grants(&at_a, [Housing]);
    at_b.search("Observation", &aino).is_empty();
    twins.settle();
    at_b.search("Observation", &aino).shows([Housing]).hides([Health]);
    aino.grants(&at_a, [Health]);
    twins.settle();
    at_b.search("Observation", &aino).shows([Housing, Health]);
    // Through A, which nobody asked yet, as through B, which has it all in its cache.
    at_a.search("Observation", &aino).shows([Housing, Health]);
    let ended = writes(&housing, "inactive", &twins.a, Vec::new());
    twins.run(twins.until(&aino, ended)).unwrap().accepted();
    for client in [&at_a, &at_b] {
        client.search("Observation", &aino).shows([Health]).hides([Housing]);
        let gone = format!("/fhir/Observation/{}.ho.s", aino.document(0));
        client.get(&gone).refused(404, "not-found");
    }
}

#[test]
fn an_answer_of_the_other_that_was_decided_before_leaves_before_the_acknowledgement() {
    let twins = Twins::new();
    let at_b = twins.b.client("national-portal");
    let aino = twins.a.person("aino").answered(ANSWERS);
    let grant = aino.grants(&at_b, [Housing]);
    at_b.search("Observation", &aino).shows([Housing]);
    let (early, ended) = (asks(&at_b, &aino), writes(&grant, "inactive", &twins.a, Vec::new()));
    twins.run(async {
        let before = twins.stored(&aino).await;
        twins.disk_of_b.hold();
        let early = spawn_local(early);
        when(async || twins.disk_of_b.is_waited_for()).await;
        twins.pass(Duration::from_millis(1)).await;
        let ended = spawn_local(ended);
        when(async || twins.stored(&aino).await != before).await;
        for _ in 0..17 {
            // Asking takes a moment, in which a gateway in haste would acknowledge.
            twins.stored(&aino).await;
            twins.pass(Duration::from_millis(100)).await;
        }
        twins.disk_of_b.let_go();
        early.await.unwrap().expect("it is in time").shows([Housing]);
        assert!(!ended.is_finished(), "it is acknowledged while an earlier answer leaves");
        twins.end_of(&aino, before, ended).await.unwrap().accepted();
    });
    at_b.search("Observation", &aino).is_empty();
}

#[test]
fn an_answer_of_the_other_that_was_decided_before_cannot_start_after_the_acknowledgement() {
    type Taking = fn(&At, &Person, &Given) -> (Given, &'static str);
    let ways: [Taking; 3] = [
        |_, _, grant| (grant.with(grant.terms().clone()), "inactive"),
        |to, _, grant| (grant.with(Terms::grant(&to.actor).themes(&[Health])), "active"),
        |to, aino, _| (aino.means(Terms::prohibition(&to.actor).themes(&[Housing])), "active"),
    ];
    for taking in ways {
        let twins = Twins::new();
        let at_b = twins.b.client("national-portal");
        let aino = twins.a.person("aino").answered(ANSWERS);
        let grant = aino.grants(&at_b, [Housing, Health]);
        let (taken, status) = taking(&at_b, &aino, &grant);
        let (late, ended) = (asks(&at_b, &aino), writes(&taken, status, &twins.a, Vec::new()));
        twins.run(async {
            twins.disk_of_b.hold();
            let late = spawn_local(late);
            when(async || twins.disk_of_b.is_waited_for()).await;
            twins.pass(Duration::from_millis(1)).await;
            twins.until(&aino, ended).await.unwrap().accepted();
            twins.disk_of_b.let_go();
            late.await.unwrap().expect("it is told").refused(503, "no-store");
        });
        at_b.search("Observation", &aino).hides([Housing]);
    }
}

#[test]
fn at_its_deadline_an_answer_is_too_late() {
    for (short, leaves) in [(1, true), (0, false)] {
        let twins = Twins::new();
        let at_b = twins.b.client("national-portal");
        let aino = twins.a.person("aino").answered(ANSWERS);
        aino.grants(&at_b, [Housing]);
        let asked = asks(&at_b, &aino);
        twins.run(async {
            twins.disk_of_b.hold();
            let known = twins.b.gateway.known_current().unwrap();
            let asked = spawn_local(asked);
            when(async || twins.disk_of_b.is_waited_for()).await;
            let at = known + GOOD_FOR;
            let until = at.saturating_sub(Duration::from_millis(short));
            twins.pass(until.saturating_sub(twins.world.clock.elapsed())).await;
            twins.disk_of_b.let_go();
            let told = asked.await.unwrap().expect("it is told");
            assert_eq!(told.status(), if leaves { 200 } else { 503 }, "{short} ms before");
        });
    }
}

#[test]
fn who_has_not_heard_of_the_store_for_a_second_releases_nothing() {
    let twins = Twins::new();
    let at_b = twins.b.client("national-portal");
    let aino = twins.a.person("aino").answered(ANSWERS);
    aino.grants(&at_b, [Housing]);
    at_b.search("Observation", &aino).shows([Housing]);
    let read = format!("/fhir/Observation/{}.ho.s", aino.document(0));
    at_b.get(&read).shows([Housing]);
    twins.world.pass(OLDEST);
    at_b.search("Observation", &aino).refused(503, "no-store");
    at_b.get(&read).refused(503, "no-store");
    twins.settle();
    at_b.search("Observation", &aino).shows([Housing]);
    at_b.get(&read).shows([Housing]);
}

#[test]
fn pages_and_tokens_of_one_hold_at_the_other_and_what_holds_once_holds_once() {
    let twins = Twins::new();
    let (at_a, at_b) = (twins.a.client("national-portal"), twins.b.client("national-portal"));
    let aino = twins.a.person("aino").answered(ANSWERS);
    aino.grants(&at_a, [Housing, Health]);
    let path = format!("/fhir/Observation?patient={}&_count=1", aino.patient());
    let whole: Vec<String> = at_a.pages(&path).iter().flat_map(Reply::ids).collect();
    assert_eq!(whole.len(), 4);
    let (mut turns, mut page) = ([&at_b, &at_a].into_iter().cycle(), at_a.get(&path));
    let mut seen = page.ids();
    while let Some(next) = page.next() {
        page = turns.next().unwrap().get(&next);
        seen.extend(page.ids());
    }
    assert_eq!(seen, whole);
    // A world keeps one token for all of a gateway; here it is said aloud.
    let proof = at_a.actor.token_form(&twins.a, "system/*.rs");
    let token = at_a.actor.ask_token(&twins.a, &proof).accepted();
    let token = token.json()["access_token"].as_str().unwrap();
    let headers = vec![("authorization", format!("Bearer {token}"))];
    let ask = Ask { headers, ..Ask::default() };
    at_b.actor.raw(&twins.b, Method::GET, &path, ask).shows([]).ids();
    for node in [&twins.b, &twins.a] {
        let again = at_a.actor.ask_token(node, &proof);
        let error = again.json()["error"].as_str();
        assert_eq!((again.status(), error), (401, Some("invalid_client")), "{again:?}");
    }
}

#[test]
fn of_two_who_change_one_consent_at_once_one_wins() {
    let twins = Twins::new();
    let at_a = twins.a.client("national-portal");
    for name in ["aino", "eetu", "helmi", "onni"] {
        let person = twins.a.person(name).answered(ANSWERS);
        let first = person.grants(&at_a, [Housing, Health]);
        let known = || vec![("if-match", "W/\"1\"".to_owned())];
        let [housing, health] =
            [Housing, Health].map(|theme| first.with(Terms::grant(&at_a.actor).themes(&[theme])));
        let here = writes(&housing, "active", &twins.a, known());
        let there = writes(&health, "active", &twins.b, known());
        let both = async move {
            let (here, there) = (spawn_local(here), spawn_local(there));
            [here.await.unwrap().unwrap(), there.await.unwrap().unwrap()]
        };
        let [here, there] = twins.run(twins.until(&person, both));
        let won = [&here, &there].map(|reply| reply.status() == 200);
        assert_ne!(won[0], won[1], "{here:?} {there:?}");
        let lost = if won[0] { &there } else { &here };
        assert!([409, 412].contains(&lost.status()), "{lost:?}");
        let (kept, other) = if won[0] { (Housing, Health) } else { (Health, Housing) };
        for node in [&twins.a, &twins.b] {
            let client = node.client("national-portal");
            client.search("Observation", &person).shows([kept]).hides([other]);
        }
    }
}

#[test]
fn every_answer_of_either_has_its_record_in_the_one_log_of_both() {
    let twins = Twins::with_one_log();
    let (at_a, at_b) = (twins.a.client("national-portal"), twins.b.client("national-portal"));
    let aino = twins.a.person("aino").answered(ANSWERS);
    let grant = aino.grants(&at_a, [Housing]);
    let mut replies = vec![at_a.search("Observation", &aino)];
    for _ in 0..2 {
        replies.push(at_b.search("Observation", &aino));
        replies.push(at_b.search("Goal", &aino));
    }
    let none = "/fhir/Goal/297.aaaaaaaaaaaaaaaaaaaaaaaaaa";
    replies.push(at_a.get(none));
    replies.push(at_b.get(none));
    let ended = writes(&grant, "inactive", &twins.b, Vec::new());
    replies.push(twins.run(twins.until(&aino, ended)).unwrap().accepted());
    replies.push(at_a.search("Observation", &aino));
    let told: [Vec<Entry<'_>>; 2] = [twins.a.audit(), twins.b.audit()];
    assert_eq!(told[0], told[1]);
    for reply in &replies {
        let id = reply.header("x-request-id").unwrap();
        assert_eq!(told[0].iter().filter(|e| *e.request == *id).count(), 1, "{reply:?}");
    }
    assert_eq!([&twins.a, &twins.b].map(|node| node.disclosures(aino.patient()).len()), [3, 3]);
}

#[test]
fn who_asks_both_by_turns_is_counted_once() {
    let twins = Twins::with_rates(Rates { client: 10, ..Rates::default() });
    let clients = [&twins.a, &twins.b].map(|node| node.client("national-portal"));
    let ask = |n: usize| clients[n % 2].get("/fhir/Organization").status();
    let passed = (0..100).filter(|n| ask(*n) == 200).count();
    assert_eq!(passed, 40, "four seconds' worth for the two together");
}
