//! The gateway and the bare server in turns, and the table of what came out.
//!
//! Beside the way. Server and client are pinned to a core each; the rounds of both are interleaved,
//! so that whatever else the machine does falls on both; ratios are taken within a round.
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
mod client;
#[path = "machine.rs"]
mod machine;
#[path = "server.rs"]
mod server;
#[path = "world.rs"]
pub(crate) mod world;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mylife::clock::{Clock, SystemClock};
use tokio::runtime::Builder;

use self::{
    client::{Heard, Load},
    server::{BODY, HEAD},
    world::{Size, Somebody, World, demand_disk},
};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 7;
const SECONDS: u64 = 3;
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
            ["client", at, pid, rate, seconds] => {
                let load = Load {
                    at: at.parse().unwrap(),
                    pid: pid.parse().unwrap(),
                    connections: CONNECTIONS,
                    rate: rate.parse().unwrap(),
                    time: Duration::from_secs(seconds.parse().unwrap()),
                };
                let world = world();
                let paths = world.people().iter().map(self.path).collect();
                let Heard { per_second, cpu, busy, p50, p99, bad } =
                    client::run(&world, load, paths);
                println!("{per_second} {cpu} {busy} {p50} {p99} {bad}");
            }
            ["again"] => self.compare(&world()),
            [] => {
                let filled = World::filled(self.dir(), self.size);
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
        let gateway = Server::start("gateway");
        let first = world.people().into_iter().next().unwrap();
        let (head, body) = client::once(world, gateway.at, &(self.path)(&first));
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains(&first.patient) && text.contains(&first.response), "{text}");
        keep(&world.dir, &head, &body);
        let bare = Server::start("bare");
        println!("{}", machine::line());
        println!("{}: {} bytes, fsync p50 {} us", self.name, body.len(), fsync(&world.dir));
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

/// Head and body for the bare server; hyper writes length and date itself.
fn keep(dir: &Path, head: &str, body: &[u8]) {
    let own = |line: &&str| line.starts_with("content-length") || line.starts_with("date");
    let lines = head.lines().skip(1).filter(|line| !line.is_empty() && !own(line));
    let lines: Vec<String> = lines.map(|line| format!("{line}\n")).collect();
    fs::write(dir.join(HEAD), lines.concat()).unwrap();
    fs::write(dir.join(BODY), body).unwrap();
}

struct Server {
    child: Child,
    at: SocketAddr,
}

impl Server {
    fn start(what: &str) -> Self {
        let mut child = pinned(0, &[what])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset (util-linux) is there");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, at: line.trim().parse().unwrap() }
    }

    /// One round against it.
    fn load(&self, rate: u32) -> Heard {
        let (at, pid) = (self.at.to_string(), self.child.id().to_string());
        let (rate, seconds) = (rate.to_string(), SECONDS.to_string());
        let output = pinned(1, &["client", &at, &pid, &rate, &seconds])
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
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

fn pinned(core: usize, words: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(env::current_exe().unwrap()).args(words);
    command
}

fn table(title: &str, rounds: &[(Heard, Heard)]) {
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

fn verdict(hold: f64, rounds: &[(Heard, Heard)]) {
    let median = |of: fn(&(Heard, Heard)) -> f64| machine::quartiles(rounds.iter().map(of))[1];
    let rate = median(|(a, b)| a.per_second / b.per_second);
    let cpu = median(|(a, b)| b.cpu / a.cpu);
    let word = if rate.min(cpu) >= hold { "holds" } else { "misses" };
    println!("{word} {hold:.2}: {rate:.2} in requests per second, {cpu:.2} in CPU");
}

/// Median time of a small append and its sync.
fn fsync(dir: &Path) -> u128 {
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
