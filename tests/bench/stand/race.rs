//! The gateway and the bare server in turns.
//!
//! Beside the way.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "rounds.rs"]
mod rounds;

use std::{
    env,
    path::{Path, PathBuf},
};

use tokio::runtime::Builder;

pub(crate) use self::rounds::world;
use self::{
    rounds::{ROUNDS, Server, client, client::Heard, fsync, machine, server, table, take},
    world::{Size, Somebody, World, demand_disk},
};

const OPEN_RATE: u32 = 1000;

/// What is compared.
pub(crate) struct Race {
    /// Name of the benchmark, and of its directory.
    pub(crate) name: &'static str,
    /// The people.
    pub(crate) size: Size,
    /// What is asked about one of them.
    pub(crate) path: fn(&Somebody) -> String,
    /// The ratio to hold.
    pub(crate) hold: f64,
}

impl Race {
    /// Runs it, or the part of it that this process was started for.
    pub(crate) fn run(&self) {
        let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let world = || World::at(self.dir());
        match words.as_slice() {
            ["gateway"] => server::gateway(&world()),
            ["bare"] => server::bare(&world()),
            ["client", words @ ..] => {
                let world = world();
                let paths = world.people().iter().map(self.path).collect();
                client(&world, words, paths);
            }
            ["again"] => self.compare(&world()),
            [] => {
                let filled = World::filled(self.dir(), self.size, None);
                let (world, each) =
                    Builder::new_current_thread().enable_all().build().unwrap().block_on(filled);
                println!("loaded: {:.0} documents/s", 1.0 / each.as_secs_f64());
                self.compare(&world);
            }
            other => panic!("nothing, or `again` to keep the people of the last run: {other:?}"),
        }
    }

    fn dir(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", self.name))
    }

    fn compare(&self, world: &World) {
        demand_disk(&world.dir);
        let gateway = Server::start(&["gateway"]);
        let bytes = take(world, gateway.at, self.path);
        let bare = Server::start(&["bare"]);
        println!("{}", machine::line());
        println!("{}: {bytes} bytes, fsync p50 {} us", self.name, fsync(&world.dir));
        let mut closed = Vec::new();
        for _ in 0..ROUNDS {
            closed.push((gateway.load(0), bare.load(0)));
        }
        table("64 connections, closed loop", &closed);
        verdict(self.hold, &closed);
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push((gateway.load(OPEN_RATE), bare.load(OPEN_RATE)));
        }
        table("1,000/s, open loop", &open);
        let bad: usize = closed.iter().chain(&open).map(|(a, b)| a.bad + b.bad).sum();
        println!("answers not 2xx, or with a withheld theme: {bad}");
        assert_eq!(bad, 0, "figures of wrong answers are no figures");
    }
}

/// Does it hold?
fn verdict(hold: f64, rounds: &[(Heard, Heard)]) {
    let median = |of: fn(&(Heard, Heard)) -> f64| machine::quartiles(rounds.iter().map(of))[1];
    let rate = median(|(a, b)| a.per_second / b.per_second);
    let cpu = median(|(a, b)| b.cpu / a.cpu);
    let word = if rate.min(cpu) >= hold { "holds" } else { "misses" };
    println!("{word} {hold:.2}: {rate:.2} in requests per second, {cpu:.2} in CPU");
}
