//! Two replicas on one `PostgreSQL` and one Redis, all on this machine: what a read, its freshness and
//! a push cost.
//!
//! `cargo bench --bench replicas`. Reads are compared with hyper and rustls alone, and the CPU time of
//! the database, of Redis and of both replicas counts. Freshness is counted in what database and Redis
//! are asked while somebody reads and while nobody does. Pushes are compared with the rows that they
//! come to, put into a database of the same form by statements alone, a transaction each. The servers
//! are real ones, made for this run; every answer and every push is durable before it is told.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../it/store/server/cluster.rs"]
mod cluster;
#[path = "stand/plain.rs"]
mod plain;
#[path = "stand/push.rs"]
mod push;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../it/shared/server/fixture.rs"]
mod redis;
#[path = "stand/rounds.rs"]
mod rounds;

use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use tokio::runtime::Builder;

use self::{
    cluster::{Cluster, USER},
    rounds::{
        CORE, ROUNDS, SECONDS, Server,
        client::Heard,
        fsync, load, machine, server, table, take,
        world::{Size, Somebody, World, demand_disk},
    },
};

const REPLICAS: usize = 2;
const SIZE: Size = Size { people: 1000, assessments: 1, consents: 1 };
/// The share of the bare server's efficiency to hold.
const READ: f64 = 0.35;
/// The share of plain SQL's rate to hold.
const PUSHED: f64 = 0.5;

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-replicas");
    match words.as_slice() {
        ["gateway", number] => {
            let mut world = World::at(dir);
            world.number = number.parse().unwrap();
            server::gateway(&world);
        }
        ["bare"] => server::bare(&World::at(dir)),
        ["client", words @ ..] => {
            let world = World::at(dir);
            let paths = world.people().iter().map(path).collect();
            rounds::client(&world, words, paths);
        }
        ["push", words @ ..] => push::run(&World::at(dir), words),
        [] => measure(dir),
        other => panic!("it takes no words: {other:?}"),
    }
}

fn path(somebody: &Somebody) -> String {
    format!("/fhir/QuestionnaireResponse/{}", somebody.response)
}

/// Everything that runs while it is measured.
struct Stand {
    cluster: Cluster,
    database: String,
    redis: redis::Server,
    world: World,
    replicas: Vec<Server>,
}

fn measure(dir: PathBuf) {
    let stand = Stand::new(dir);
    let bare = stand.bare();
    println!("{}", machine::line());
    println!("fsync p50 {} us; {REPLICAS} replicas", fsync(&stand.world.dir));
    stand.read(&bare);
    stand.freshness();
    drop(bare);
    stand.push();
}

impl Stand {
    fn new(dir: PathBuf) -> Self {
        demand_disk(&dir);
        let cluster = Cluster::start("on");
        demand_disk(&cluster.directory);
        let (database, redis) = (cluster.database(), redis::Server::start(&[]));
        let shared = format!("{}\n{}\n", cluster.url("", USER, &database), redis.port);
        let filled = World::filled(dir, SIZE, Some(&shared));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (world, _) = runtime.block_on(filled);
        drop(runtime);
        cluster.run(&database, "VACUUM ANALYZE");
        let start = |number: usize| Server::start(&["gateway", &number.to_string()]);
        let replicas = (0..REPLICAS).map(start).collect();
        Self { cluster, database, redis, world, replicas }
    }

    /// The bare server, with the answers of a replica.
    fn bare(&self) -> Server {
        println!("read: {} bytes", take(&self.world, self.replicas[0].at, path));
        Server::start(&["bare"])
    }

    fn at(&self) -> Vec<SocketAddr> {
        self.replicas.iter().map(|replica| replica.at).collect()
    }

    /// Processes whose time counts.
    fn counted(&self) -> Vec<u32> {
        let said = self.redis.cli(&["INFO", "server"]);
        let redis = said.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap();
        let own = self.replicas.iter().map(Server::pid);
        own.chain([self.cluster.pid(), redis.trim().parse().unwrap()]).collect()
    }

    /// Lets database and Redis run on one core, or on all.
    fn pin(&self, cores: &str) {
        let all = self.counted();
        let of_others = &all[REPLICAS..];
        for pid in others_under(of_others) {
            // It may have ended.
            drop(Command::new("taskset").args(["-apc", cores, &pid.to_string()]).output());
        }
    }

    fn read(&self, bare: &Server) {
        let (at, counted) = (self.at(), self.counted());
        self.pin(&CORE.to_string());
        // Everybody is loaded, by each.
        load(&at, &counted, 0);
        let turn = |_| (load(&at, &counted, 0), bare.load(0));
        let all: Vec<(Heard, Heard)> = (0..ROUNDS).map(turn).collect();
        table("read by two replicas, 64 connections, closed loop", &all);
        let cpu = machine::quartiles(all.iter().map(|(ours, bare)| bare.cpu / ours.cpu))[1];
        holds(READ, cpu, "of the bare server's efficiency, with the database's CPU and Redis's");
        let shares = |number: usize| {
            let before = rounds::client::cpu_of(&counted[number..=number]);
            let heard = load(&at, &counted, 0);
            let after = rounds::client::cpu_of(&counted[number..=number]);
            // The client warms up for a part of a second.
            let count = heard.per_second * (SECONDS as f64 + 0.7);
            after.checked_sub(before).unwrap().as_secs_f64() * 1e6 / count
        };
        let names = ["replica 1", "replica 2", "PostgreSQL", "Redis"];
        let shares: Vec<String> =
            names.iter().enumerate().map(|(n, name)| format!("{name} {:.1}", shares(n))).collect();
        println!("of that, about: {} us", shares.join(", "));
        let bad: usize = all.iter().map(|(a, b)| a.bad + b.bad).sum();
        assert_eq!(bad, 0, "figures of wrong answers are no figures");
    }

    /// How often what was asked of database and Redis.
    fn asked(&self) -> BTreeMap<String, i64> {
        let sql = "SELECT string_agg(relname || ' ' || coalesce(seq_scan, 0) + coalesce(idx_scan, 0), \
                   E'\\n') FROM pg_stat_user_tables";
        // What a session did is told by it when it comes to rest, at most once a second.
        thread::sleep(Duration::from_secs(2));
        let mut asked = BTreeMap::new();
        for line in self.cluster.run(&self.database, sql)[0].lines() {
            let (name, count) = line.split_once(' ').unwrap();
            asked.insert(format!("scans of {name}"), count.parse().unwrap());
        }
        let said = self.redis.cli(&["INFO", "commandstats"]);
        for line in said.lines().filter_map(|line| line.strip_prefix("cmdstat_")) {
            let (name, rest) = line.split_once(":calls=").unwrap();
            let count = rest.split(',').next().unwrap();
            asked.insert(format!("Redis {name}"), count.parse().unwrap());
        }
        asked
    }

    fn freshness(&self) {
        let (at, counted) = (self.at(), self.counted());
        let first = self.asked();
        thread::sleep(Duration::from_secs(SECONDS) + Duration::from_millis(700));
        let idle = self.asked();
        let heard = load(&at, &counted, 0);
        let loaded = self.asked();
        let reads = heard.per_second * (SECONDS as f64 + 0.7);
        println!("\nasked in as long, while nobody reads and for about {reads:.0} warm reads");
        let mut more = 0;
        for (name, after) in &loaded {
            let before = |of: &BTreeMap<String, i64>| of.get(name).copied().unwrap_or(0);
            let (quiet, busy) = (before(&idle) - before(&first), after - before(&idle));
            if quiet != 0 || busy != 0 {
                println!("{name:<28}{quiet:>8}{busy:>8}");
            }
            // The log is where reads are written down, not what they rest on; asking is no part.
            // What a script does on the server is no round trip.
            let asks = [" info", " get", " set"].iter().all(|not| !name.ends_with(not));
            let counts = asks && !name.contains(" audit_");
            more += if counts { (busy - quiet).max(0) } else { 0 };
        }
        println!("for freshness and limits: {:.4} round trips per warm read", more as f64 / reads);
    }

    fn push(&self) {
        self.pin(&format!("{CORE},{}", CORE + 1));
        let counted = self.counted();
        let mut plain = plain::Plain::new(&self.cluster, &self.database);
        let mut all = Vec::new();
        for round in 0..ROUNDS {
            let ours = push::load(&self.at(), &counted, round);
            self.settle();
            all.push((ours, plain.load(self.cluster.pid())));
        }
        println!("\npushes, 64 at a time; median [quartiles] of {ROUNDS} rounds");
        println!("{:<22}{:>26}{:>26}{:>22}", "", "two replicas", "plain SQL", "ratio");
        let row = |name: &str, of: fn(&push::Pushed) -> f64, ratio: fn(f64, f64) -> f64| {
            let ours = machine::spread(all.iter().map(|(a, _)| of(a)), 1);
            let plain = machine::spread(all.iter().map(|(_, b)| of(b)), 1);
            let ratios = machine::spread(all.iter().map(|(a, b)| ratio(of(a), of(b))), 2);
            println!("{name:<22}{ours:>26}{plain:>26}{ratios:>22}");
        };
        row("documents/s", |one| one.per_second, |ours, plain| ours / plain);
        row("CPU us/document", |one| one.cpu, |ours, plain| plain / ours);
        let rates = all.iter().map(|(a, b)| a.per_second / b.per_second);
        let [_, held, _] = machine::quartiles(rates);
        holds(PUSHED, held, "of plain SQL in documents per second");
    }

    /// Waits until the records of all pushes are in the log.
    fn settle(&self) {
        let sql = "SELECT count(*) FROM audit_pending";
        while self.cluster.run(&self.database, sql) != ["0"] {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn holds(wanted: f64, held: f64, what: &str) {
    let word = if held >= wanted { "holds" } else { "misses" };
    println!("{word} {wanted:.2}: {held:.2} {what}");
}

/// These processes and their children.
fn others_under(pids: &[u32]) -> Vec<u32> {
    let mut all = pids.to_vec();
    for pid in pids {
        let said = Command::new("pgrep").args(["-P", &pid.to_string()]).output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        all.extend(said.lines().map(|line| line.parse::<u32>().unwrap()));
    }
    all
}
