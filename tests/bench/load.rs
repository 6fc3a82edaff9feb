//! The real mix of questions, asked of a portal and two holders at a rate that waits for nobody, with every
//! answer checked.
//!
//! `cargo bench --bench load -- MODE`, where MODE is
//! - `mix`: for a short time at a share of the sustainable rate (the default);
//! - `soak`: the same for half an hour; memory must be flat;
//! - `over`: ten times the sustainable rate; memory must be bounded, what is refused is refused early and
//!   with `Retry-After`, health checks and withdrawals are answered all along;
//! - `roll`: one holder is two replicas on `PostgreSQL` and Redis, and each is stopped and started again by
//!   turns; no request may fail.
//!
//! `--seconds` how long; `--share` of the sustainable rate (0.7); `--rate` requests a second, in place of
//! finding what is sustainable; `--seed` (7); `--people` (600; in `soak` 9000 and a small cache, so that it is
//! full all along); `--lanes` connections at each door of a gateway; `--store postgres` for replicas in every
//! mode. Half an hour of `soak` takes some gigabytes of disk, most of them for the log.
//!
//! The gateways are real processes of the program on one core, with TLS, tokens, audit and a disk; who asks
//! runs on the next. It asks as people do: 30 % reads and 30 % searches of one person, 20 % pages of
//! everybody, 10 % one person at both holders through the portal, 5 % pushes, 5 % consent changes. Every
//! question has an instant that is fixed beforehand, and its latency counts from then (timers go by
//! milliseconds). Sustainable is the highest rate tried at which nothing is refused and p99 of all but
//! consent changes is within 100 ms. Consents are changed by the driver itself, so it knows what each answer
//! must and must not show (`load/judge.rs`). Ends with 1 if an answer was wrong; figures that miss what they
//! should hold are only said to: health checks within 1 s, withdrawals of people nobody else asks about
//! within 3 s, memory under 512 MB in `over`, and growth in `soak` within two standard errors of none or
//! under 2 % in all. Where the driver itself comes late, its row says so, and times are too long by that.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "load/asked.rs"]
mod asked;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../it/store/server/cluster.rs"]
mod cluster;
#[path = "load/drive.rs"]
mod drive;
#[path = "load/history.rs"]
mod history;
#[path = "load/judge.rs"]
mod judge;
#[path = "load/line.rs"]
mod line;
#[path = "../it/story/server/members.rs"]
mod members;
#[path = "stand/memory.rs"]
mod memory;
#[path = "load/mix.rs"]
mod mix;
#[path = "load/people.rs"]
mod people;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../it/story/server/process.rs"]
mod process;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../it/shared/server/fixture.rs"]
mod redis;
#[path = "load/report.rs"]
mod report;
#[expect(dead_code, reason = "other benchmarks need more of it")]
#[path = "stand/rounds.rs"]
mod rounds;
#[path = "load/shown.rs"]
mod shown;
#[path = "load/stand.rs"]
mod stand;
#[path = "load/tally.rs"]
mod tally;
#[path = "load/trend.rs"]
mod trend;
#[path = "load/watch.rs"]
mod watch;

use std::{cell::Cell, env, path::Path, process::ExitCode, rc::Rc, time::Duration};

use clap::{Parser, ValueEnum};
use tokio::{
    runtime::Builder,
    task::{LocalSet, spawn_local},
};

use self::{
    drive::{Drive, Pace},
    people::People,
    rounds::{CORE, client::cpu_of, fsync, machine, pinned},
    stand::Stand,
    tally::Tally,
    watch::Watch,
};

/// At this p99 a rate is not sustainable any more, in milliseconds.
const SLOW: f64 = 100.0;
/// How long a rate is tried.
const TRIED: Duration = Duration::from_secs(4);
/// Each rate that is tried is this part of the one before.
const LESS: f64 = 0.9;
const TRIES: usize = 10;
/// How many people there are, and how many megabytes each gateway keeps of what was read before.
const FEW: usize = 600;
const CACHE: u64 = 64;
/// The same in `soak`. Each change of a consent stays with its person for good, so that memory would grow with
/// them as long as there is room for all: here there never is, and no one person has many.
const MANY: usize = 9000;
const SMALL: u64 = 16;
/// By how much `over` is over.
const OVER: f64 = 10.0;
/// Memory that a gateway may have under that, in megabytes.
const MEMORY: f64 = 512.0;

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Mode {
    Mix,
    Soak,
    Over,
    Roll,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
}

/// What is to be done.
#[derive(Debug, Parser)]
struct Wanted {
    #[arg(value_enum, default_value = "mix")]
    mode: Mode,
    #[arg(long)]
    seconds: Option<u64>,
    #[arg(long, default_value_t = 0.7)]
    share: f64,
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[arg(long)]
    people: Option<usize>,
    #[arg(long)]
    lanes: Option<usize>,
    #[arg(long, value_enum)]
    store: Option<Store>,
    /// This process has its core already
    #[arg(long, hide = true)]
    pinned: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().filter(|word| word != "--bench").collect();
    let wanted = Wanted::parse_from(&words);
    if !wanted.pinned {
        println!("{}", machine::line());
        let own: Vec<&str> = words.iter().skip(1).map(String::as_str).chain(["--pinned"]).collect();
        let ended = pinned(CORE + 1, &own).status().expect("taskset (util-linux) is there");
        return if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let wrong = LocalSet::new().block_on(&runtime, wanted.run());
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Wanted {
    /// Does it; how many answers were wrong.
    async fn run(&self) -> u64 {
        let on_servers = self.store == Some(Store::Postgres) || self.mode == Mode::Roll;
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-load");
        let is_soak = self.mode == Mode::Soak;
        let (cache, count) = if is_soak { (SMALL, MANY) } else { (CACHE, FEW) };
        let count = self.people.unwrap_or(count);
        let stand = Rc::new(Stand::start(dir, on_servers, cache).await);
        drop(spawn_local(Rc::clone(&stand).renews()));
        println!("fsync p50 {} us", fsync(&stand.dir));
        println!("{}", report::mix());
        let people = People::put(Rc::clone(&stand), count).await;
        println!("{count} people, {} records; seed {}", people.records.len(), self.seed);
        let drive = Rc::new(Drive::new(Rc::clone(&stand), people, self.seed));
        drive.open(64);
        let mut wrong = 0;
        let sustainable = match self.rate {
            Some(rate) => rate,
            None => self.sustainable(&drive, &mut wrong).await,
        };
        let seconds = self.seconds.unwrap_or(if is_soak { 1800 } else { 30 });
        let time = Duration::from_secs(seconds);
        let rate = if self.mode == Mode::Over { OVER } else { self.share } * sustainable;
        println!(
            "\nfor {seconds} s at {rate:.0}/s, {:.2} of {sustainable:.0}/s",
            rate / sustainable
        );
        let more = if self.mode == Mode::Over { 1200 } else { 64 };
        drive.open(self.lanes.unwrap_or(more).saturating_sub(64));
        let tally = match self.mode {
            Mode::Roll => roll(&stand, &drive, rate, time).await,
            Mode::Mix | Mode::Soak | Mode::Over => self.stretch(&stand, &drive, rate, time).await,
        };
        wrong += tally.wrong;
        report::hold(wrong == 0, &format!("{wrong} answers were wrong"));
        wrong
    }

    /// The highest rate tried that can be borne.
    async fn sustainable(&self, drive: &Rc<Drive>, wrong: &mut u64) -> f64 {
        // The first time everybody is met.
        for _ in 0..2 {
            let (tally, _) = drive.load(Pace::FlatOut, TRIED).await;
            *wrong += tally.wrong;
        }
        let (tally, took) = drive.load(Pace::FlatOut, TRIED).await;
        let mut rate = tally.answered() as f64 / took.as_secs_f64();
        println!("as many as are answered: {rate:.0}/s");
        *wrong += tally.wrong;
        for _ in 0..TRIES {
            rate *= LESS;
            let (tally, _) = drive.load(Pace::Rate(rate), TRIED).await;
            *wrong += tally.wrong;
            tally.told().iter().for_each(|say| println!("WRONG   {say}"));
            let (p99, not) = (tally.times().within(0.99), tally.refused() + tally.badly());
            println!(
                "at {rate:.0}/s: p99 {p99:.1} ms, {not} not answered, {} not sent",
                tally.unsent
            );
            if p99 <= SLOW && not + tally.unsent == 0 {
                return rate;
            }
        }
        report::hold(false, &format!("{rate:.0}/s is the least that was tried, and too much"));
        rate
    }

    async fn stretch(
        &self,
        stand: &Rc<Stand>,
        drive: &Rc<Drive>,
        rate: f64,
        time: Duration,
    ) -> Tally {
        let apart = drive.apart();
        let (before, watch) = (cpu_of(&stand.counted()), Watch::start(stand, &apart, time));
        let (tally, took) = drive.load(Pace::Rate(rate), time).await;
        let cpu = cpu_of(&stand.counted()).saturating_sub(before);
        let watched = watch.end();
        report::stretch(&tally, took, Some(cpu));
        let sent = tally.answered() + tally.refused() + tally.badly();
        if self.mode == Mode::Over {
            report::refusals(&tally, sent);
            report::bounded(&watched, MEMORY);
        } else {
            let not = tally.refused() + tally.badly() + tally.unsent;
            report::hold(not == 0, &format!("{not} requests were not answered"));
            report::flat(&watched, took, self.mode == Mode::Soak);
        }
        report::kept(&watched);
        tally
    }
}

/// Stops and starts each replica by turns while everybody asks, until the time is over.
async fn roll(stand: &Rc<Stand>, drive: &Rc<Drive>, rate: f64, time: Duration) -> Tally {
    let (own, is_over) = (Rc::clone(stand), Rc::new(Cell::new(false)));
    let over = Rc::clone(&is_over);
    let rolling = spawn_local(async move {
        let mut turns = 0;
        for number in own.replicas().into_iter().cycle().take_while(|_| !over.get()) {
            own.stop(number).await;
            own.begin(number).await;
            own.ready(number).await;
            turns += 1;
        }
        turns
    });
    let (tally, took) = drive.load(Pace::Rate(rate), time).await;
    is_over.set(true);
    let turns = rolling.await.unwrap();
    report::stretch(&tally, took, None);
    println!("{turns} times a replica was stopped and started again");
    let failed = tally.refused() + tally.badly() + tally.unsent;
    report::hold(failed == 0 && turns > 1, &format!("{failed} requests failed"));
    tally
}
