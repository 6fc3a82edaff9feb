//! Rounds of a client against servers, each a process pinned to a core, and the table of what came out.
//!
//! Beside the way. The rounds of those that are compared are interleaved, so that whatever else the
//! machine does falls on all; ratios are taken within a round.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "client.rs"]
pub(crate) mod client;
#[path = "machine.rs"]
pub(crate) mod machine;
#[path = "server.rs"]
pub(crate) mod server;
#[path = "world.rs"]
pub(crate) mod world;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    str::FromStr,
    time::Duration,
};

use mylife::clock::{Clock, SystemClock};

use self::{
    client::{Heard, Load},
    server::answers::keep,
    world::{Somebody, World},
};

const CONNECTIONS: usize = 64;
/// How often everybody has a turn.
pub(crate) const ROUNDS: usize = 7;
/// How long a turn is.
pub(crate) const SECONDS: u64 = 3;
/// Where servers are pinned; clients are pinned to the next core.
pub(crate) const CORE: usize = 0;

/// One round against servers, by a process of its own; the CPU time of `counted` counts, and that of
/// their children.
pub(crate) fn load(at: &[SocketAddr], counted: &[u32], rate: u32) -> Heard {
    let (at, counted) = (list(at), list(counted));
    let (rate, seconds) = (rate.to_string(), SECONDS.to_string());
    let output = pinned(CORE + 1, &["client", &at, &counted, &rate, &seconds])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.split_whitespace().map(|word| word.parse::<f64>().unwrap());
    let mut next = || words.next().expect("the client tells six figures");
    Heard {
        per_second: next(),
        cpu: next(),
        busy: next(),
        p50: next(),
        p99: next(),
        bad: next() as usize,
    }
}

/// The other side of [`load`], with the words of its line.
pub(crate) fn client(world: &World, words: &[&str], paths: Vec<String>) {
    let [at, counted, rate, seconds] = words else { panic!("four words: {words:?}") };
    let load = Load {
        at: unlist(at),
        counted: unlist(counted),
        connections: CONNECTIONS,
        rate: rate.parse().unwrap(),
        time: Duration::from_secs(seconds.parse().unwrap()),
    };
    let Heard { per_second, cpu, busy, p50, p99, bad } = client::run(world, load, paths);
    println!("{per_second} {cpu} {busy} {p50} {p99} {bad}");
}

/// Several in one word.
pub(crate) fn list<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The other way round.
pub(crate) fn unlist<T: FromStr<Err: std::fmt::Debug>>(word: &str) -> Vec<T> {
    word.split(',').map(|one| one.parse().unwrap()).collect()
}

/// Takes everybody's answer of the gateway for the bare server to send; how long the first is.
pub(crate) fn take(world: &World, at: SocketAddr, path: impl Fn(&Somebody) -> String) -> usize {
    let people = world.people();
    let paths: Vec<String> = people.iter().map(path).collect();
    let (head, bodies) = client::each(world, at, &paths);
    for (somebody, body) in people.iter().zip(&bodies) {
        let text = String::from_utf8_lossy(body);
        assert!(text.contains(&somebody.patient) && text.contains(&somebody.response), "{text}");
    }
    let answers = paths.iter().map(String::as_str).zip(bodies.iter().map(Vec::as_slice));
    keep(&world.dir, &head, answers);
    bodies.first().map_or(0, Vec::len)
}

/// A server, and where it listens; it ends with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) at: SocketAddr,
}

impl Server {
    /// Starts the part of this program that these words name.
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut child = pinned(CORE, words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset (util-linux) is there");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, at: line.trim().parse().unwrap() }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// One round against it alone.
    pub(crate) fn load(&self, rate: u32) -> Heard {
        load(&[self.at], &[self.pid()], rate)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// This program on a core, with these words.
pub(crate) fn pinned(core: usize, words: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(env::current_exe().unwrap()).args(words);
    command
}

/// What came out, ours beside bare.
pub(crate) fn table(title: &str, rounds: &[(Heard, Heard)]) {
    println!("\n{title}; median [quartiles] of {} rounds", rounds.len());
    println!("{:<22}{:>26}{:>26}{:>22}", "", "gateway", "bare", "ratio");
    let row = |name: &str, of: fn(&Heard) -> f64, ratio: fn(f64, f64) -> f64| {
        let ours = machine::spread(rounds.iter().map(|(a, _)| of(a)), 1);
        let bare = machine::spread(rounds.iter().map(|(_, b)| of(b)), 1);
        let ratios = machine::spread(rounds.iter().map(|(a, b)| ratio(of(a), of(b))), 2);
        println!("{name:<22}{ours:>26}{bare:>26}{ratios:>22}");
    };
    row("requests/s", |h| h.per_second, |ours, bare| ours / bare);
    row("CPU us/request", |h| h.cpu, |ours, bare| bare / ours);
    row("server busy, of 1", |h| h.busy, |ours, bare| ours / bare);
    row("latency p50 us", |h| h.p50, |ours, bare| bare / ours);
    row("latency p99 us", |h| h.p99, |ours, bare| bare / ours);
}

/// Median time of a small append and its sync.
pub(crate) fn fsync(dir: &Path) -> u128 {
    let mut file = fs::File::create(dir.join("fsync")).unwrap();
    let clock = SystemClock::default();
    let mut times: Vec<Duration> = (0..101)
        .map(|_| {
            let before = clock.elapsed();
            file.write_all(&[7; 512]).unwrap();
            file.sync_data().unwrap();
            clock.elapsed().checked_sub(before).unwrap()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2].as_micros()
}
