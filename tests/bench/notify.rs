//! What ten thousand subscriptions cost whoever writes.
//!
//! `cargo bench --bench notify`. Four gateways on copies of one store take the same documents over TLS by
//! turns: one without a subscription; one with ten thousand of ten subscribers, none about anybody who
//! changes; and two where one change in a hundred, or in ten, is of somebody whom a subscription is about.
//! Those are looked at and there is nothing to tell, so what is counted is what it takes to find out; a
//! notification that is sent is a request of its own. What is looked at after the last document counts too;
//! what a gateway spends in any second, whoever writes, is told apart. `-- 500` has so many subscriptions.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[expect(dead_code, reason = "here it is another process that spends")]
#[path = "stand/cpu.rs"]
mod cpu;
#[path = "stand/goal.rs"]
mod goal;
#[path = "stand/push.rs"]
mod push;
#[expect(dead_code, reason = "other benchmarks need more of it")]
#[path = "stand/rounds.rs"]
mod rounds;
#[path = "notify/subscribed.rs"]
mod subscribed;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use mylife::clock::{Clock, SystemClock};
use tokio::runtime::Builder;

use self::{
    cpu::cpu_of,
    goal::verdict,
    push::{DOCUMENTS, Pushed},
    rounds::{
        ROUNDS, Server, fsync, machine, server,
        world::{self, Size, World, demand_disk},
    },
};

const SUBSCRIPTIONS: usize = 10_000;
/// What is compared: are there subscriptions, and one about each how-manieth of the people, if about any?
const STANDS: [(&str, bool, Option<usize>); 4] = [
    ("no subscription", false, None),
    ("of nobody who changes", true, None),
    ("of one change in 100", true, Some(100)),
    ("of one change in 10", true, Some(10)),
];
/// How much more CPU a document may cost with subscriptions.
const HOLD: f64 = 1.05;
/// What a gateway spends at most in a second in which it has nothing to do, in microseconds.
const IDLE: f64 = 60_000.0;
const SECOND: Duration = Duration::from_secs(1);
/// How long it may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(5);

/// A document's costs on each of the gateways.
type Round = [Pushed; STANDS.len()];

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-notify");
    match words.as_slice() {
        ["gateway", which] => server::gateway(&World::at(dir.join(which))),
        // Keys and people are the same everywhere.
        ["push", words @ ..] => push::run(&World::at(dir.join("0")), words),
        [] => measure(&dir, SUBSCRIPTIONS),
        [count] => measure(&dir, count.parse().expect("how many subscriptions")),
        other => panic!("how many subscriptions: {other:?}"),
    }
}

fn measure(dir: &Path, subscriptions: usize) {
    drop(fs::remove_dir_all(dir));
    fs::create_dir_all(dir).unwrap();
    demand_disk(dir);
    println!("{}", machine::line());
    let size = Size { people: (subscriptions / 5 * 2).max(100), assessments: 1, consents: 1 };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let places: Vec<PathBuf> = (0..STANDS.len()).map(|at| dir.join(at.to_string())).collect();
    let (_, each) = runtime.block_on(World::filled(places[0].clone(), size, None));
    println!("fsync p50 {} us; loaded: {:.0} documents/s", fsync(dir), 1.0 / each.as_secs_f64());
    for (place, (_, are_there, share)) in places.iter().zip(STANDS).skip(1) {
        assert!(Command::new("cp").arg("-r").args([&places[0], place]).status().unwrap().success());
        let world = World::at(place.clone());
        let count = if are_there { subscriptions } else { 0 };
        runtime.block_on(subscribed::subscribe(&world, count, share));
    }
    drop(runtime);
    println!(
        "{subscriptions} subscriptions, {} people, {DOCUMENTS} documents a round",
        size.people
    );
    let start = |which: usize| Server::start(&["gateway", &which.to_string()]);
    let servers: Vec<Server> = (0..STANDS.len()).map(start).collect();
    for (server, (name, ..)) in servers.iter().zip(STANDS) {
        // Whoever begins to follow looks at everything once.
        let (spent, seconds) = rested(server);
        let idle = idle(server) / 1e3;
        println!(
            "{name:<24} rests {seconds:.0} s after it could be asked, {:.2} s of CPU; then {idle:.1} ms of \
             CPU a second",
            spent / 1e6
        );
    }
    let rounds: Vec<Round> = (0..ROUNDS).map(|round| turns(&servers, round)).collect();
    tell(&rounds);
}

/// Each has its turn; who comes first changes from round to round.
fn turns(servers: &[Server], round: usize) -> Round {
    let mut taken: [Option<Pushed>; STANDS.len()] = Default::default();
    for turn in 0..STANDS.len() {
        let which = (round + turn) % STANDS.len();
        taken[which] = Some(pushed(&servers[which], round));
    }
    taken.map(Option::unwrap)
}

/// One round of documents, with what is looked at after the last.
fn pushed(server: &Server, round: usize) -> Pushed {
    let (clock, before) = (SystemClock::default(), spent(server));
    let Pushed { per_second, .. } = push::load(&[server.at], &[server.pid()], round);
    rested(server);
    let (seconds, spent) = (clock.elapsed().as_secs_f64(), spent(server) - before);
    // What it does in any second is not of the documents.
    Pushed { per_second, cpu: (spent - idle(server) * seconds) / DOCUMENTS as f64 }
}

/// CPU time of a gateway so far, in microseconds.
fn spent(server: &Server) -> f64 {
    cpu_of(&server.pid().to_string(), "")
}

/// What it spends in a second.
fn idle(server: &Server) -> f64 {
    let before = spent(server);
    thread::sleep(SECOND);
    spent(server) - before
}

/// Waits until it has nothing to do; what it spent on the way, and how many seconds that took.
fn rested(server: &Server) -> (f64, f64) {
    let (clock, before) = (SystemClock::default(), spent(server));
    let until = clock.elapsed() + PATIENCE;
    while idle(server) > IDLE {
        assert!(clock.elapsed() < until, "it comes to no rest");
    }
    (spent(server) - before, clock.elapsed().as_secs_f64())
}

fn tell(rounds: &[Round]) {
    println!(
        "\n{:<24}{:>24}{:>24}{:>24}{:>24}",
        "", "documents/s", "CPU us/document", "rate, ratio", "CPU, ratio"
    );
    for (at, (name, are_there, _)) in STANDS.into_iter().enumerate() {
        let rates = rounds.iter().map(|one| one[at].per_second);
        let costs = rounds.iter().map(|one| one[at].cpu);
        let rate = rounds.iter().map(|one| one[at].per_second / one[0].per_second);
        let cost: Vec<f64> = rounds.iter().map(|one| one[at].cpu / one[0].cpu).collect();
        print!(
            "{name:<24}{:>24}{:>24}{:>24}{:>24}",
            machine::spread(rates, 0),
            machine::spread(costs, 0),
            machine::spread(rate, 3),
            machine::spread(cost.iter().copied(), 3)
        );
        let [_, ratio, _] = machine::quartiles(cost.into_iter());
        println!(
            "{}",
            if are_there { format!("; {} {HOLD}", verdict(ratio <= HOLD)) } else { String::new() }
        );
    }
}
