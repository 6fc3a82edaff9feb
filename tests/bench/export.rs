//! An export's files taken one after another over TLS: the gateway against hyper and rustls.
//!
//! `cargo bench --bench export`. The bare server sends the same bytes from memory, all at once; the
//! gateway makes each file while it is taken: load, map, release, record, send. Half of the themes are
//! withheld. Server and client are pinned to a core each and take turns. Then a gateway that keeps little in
//! memory is asked for all of it, and its memory is looked at on the way. `-- 1000000` has so many resources;
//! of more than 100,000 the memory alone is looked at. A build with a switch that turns consent off, `cargo
//! bench --profile switched --features mutants --bench export`, also compares with an export without it.
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

#[cfg(feature = "mutants")]
#[path = "stand/cpu.rs"]
mod cpu;
#[path = "stand/goal.rs"]
mod goal;
#[path = "stand/memory.rs"]
mod memory;
#[cfg(feature = "mutants")]
#[path = "stand/ratio.rs"]
mod ratio;
#[expect(dead_code, reason = "other benchmarks need more of it")]
#[path = "stand/rounds.rs"]
mod rounds;
#[cfg(feature = "mutants")]
#[path = "stand/switched.rs"]
mod switched;
#[cfg(feature = "mutants")]
#[path = "export/without.rs"]
mod without;

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use mylife::{
    clock::{Clock, SystemClock},
    pki,
};
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::Value;
use tokio::{net::TcpStream, runtime::Builder};
use tokio_rustls::TlsConnector;

#[cfg(feature = "mutants")]
use self::rounds::world;
use self::{
    goal::verdict,
    memory::memory,
    rounds::{
        CORE, ROUNDS, Server,
        client::cpu_of,
        machine, pinned,
        server::{
            self,
            answers::{Answers, keep},
        },
        world::{HOST, Size, World, demand_disk},
    },
};

/// Resources, unless others are asked for, and how many of them each person has.
const RESOURCES: usize = 10_000;
const EACH: usize = 5;
/// Of more nobody has a copy in memory to compare with.
const MANY: usize = 100_000;
/// Where an export begins.
const KICKOFF: &str = "/fhir/Patient/$export?_type=QuestionnaireResponse";
/// Before it is asked again how far it is.
const PAUSE: Duration = Duration::from_secs(1);
/// Where the bare server has all of it.
const WHOLE: &str = "/";
/// The ratio to hold.
const HOLD: f64 = 0.5;
/// What a gateway keeps of people that keeps little, in bytes: full long before a tenth has left.
const LITTLE: u64 = 8 << 20;
/// Its memory is looked at whenever so many bytes have left.
const LOOK: usize = 1_000_000;
/// By how many MB it may grow once a tenth has left.
const GROWN: f64 = 16.0;

/// What a round took.
struct Taken {
    bytes: usize,
    seconds: f64,
    /// CPU time of the server.
    cpu: f64,
    /// Resident memory of the server afterwards, in MB.
    memory: f64,
}

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-export");
    match words.as_slice() {
        ["gateway"] => server::gateway(&World::at(dir)),
        ["little"] => {
            let mut world = World::at(dir);
            world.cache = LITTLE;
            server::gateway(&world);
        }
        ["bare"] => server::bare(&World::at(dir)),
        ["client", what, at, pid] => client(dir, what, at.parse().unwrap(), pid.parse().unwrap()),
        ["again"] => compare(&World::at(dir)),
        [] => fill(dir, RESOURCES),
        [count] => {
            fill(dir, count.parse().expect("how many resources, or `again` for the last run's"));
        }
        other => panic!("how many resources, or `again` for those of the last run: {other:?}"),
    }
}

fn fill(dir: PathBuf, resources: usize) {
    let size = Size { people: resources.div_ceil(EACH), assessments: EACH, consents: 1 };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (world, each) = runtime.block_on(World::filled(dir, size, None));
    println!("loaded: {:.0} documents/s", 1.0 / each.as_secs_f64());
    drop(runtime);
    compare(&world);
}

fn compare(world: &World) {
    demand_disk(&world.dir);
    println!("{}", machine::line());
    if world.people().len() * EACH <= MANY {
        beside_bare(world);
        #[cfg(feature = "mutants")]
        Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(without::exports(world.dir.with_file_name("bench-export-switched")));
    }
    flat();
}

fn beside_bare(world: &World) {
    let gateway = Server::start(&["gateway"]);
    let cold = round(&gateway, "cold");
    let first = world.people().into_iter().next().unwrap();
    let body = &Answers::kept(&world.dir).bodies[WHOLE];
    let body = str::from_utf8(body).unwrap();
    assert!(body.contains(&first.patient) && body.contains(&first.response), "somebody is missing");
    let bare = Server::start(&["bare"]);
    println!("export: {} resources, {} MB", body.lines().count(), body.len() / 1_000_000);
    let rounds: Vec<(Taken, Taken)> =
        (0..ROUNDS).map(|_| (round(&gateway, "files"), round(&bare, "whole"))).collect();
    println!("cold: {:.1} MB/s, {:.1} ms CPU/MB", rate(&cold), cost(&cold));
    println!("\n{:<16}{:>22}{:>22}{:>20}", "", "gateway", "bare", "ratio");
    let row = |name: &str, of: fn(&Taken) -> f64, ratio: fn(f64, f64) -> f64| {
        let ours = machine::spread(rounds.iter().map(|(a, _)| of(a)), 1);
        let bare = machine::spread(rounds.iter().map(|(_, b)| of(b)), 1);
        let ratios = machine::spread(rounds.iter().map(|(a, b)| ratio(of(a), of(b))), 2);
        println!("{name:<16}{ours:>22}{bare:>22}{ratios:>20}");
    };
    row("MB/s", rate, |ours, bare| ours / bare);
    row("CPU ms/MB", cost, |ours, bare| bare / ours);
    row("server MB", |one| one.memory, |ours, bare| ours / bare);
    let [_, held, _] = machine::quartiles(rounds.iter().map(|(a, b)| rate(a) / rate(b)));
    println!("{} {HOLD:.2}: {held:.2}", verdict(held >= HOLD));
}

fn rate(one: &Taken) -> f64 {
    one.bytes as f64 / 1e6 / one.seconds
}

fn cost(one: &Taken) -> f64 {
    one.cpu * 1e3 / (one.bytes as f64 / 1e6)
}

/// What a client tells that takes it from a server.
fn told(server: &Server, what: &str) -> String {
    let (at, pid) = (server.at.to_string(), server.pid().to_string());
    let words = ["client", what, &at, &pid];
    let output = pinned(CORE + 1, &words).stderr(Stdio::inherit()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn round(server: &Server, what: &str) -> Taken {
    let text = told(server, what);
    let mut words = text.split_whitespace().map(|word| word.parse::<f64>().unwrap());
    let mut next = || words.next().expect("the client tells four figures");
    let (bytes, seconds, cpu, memory) = (next(), next(), next(), next());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let bytes = bytes as usize;
    Taken { bytes, seconds, cpu, memory }
}

/// Does a gateway's memory stay as it is, however much is taken?
fn flat() {
    print!("{}", told(&Server::start(&["little"]), "flat"));
}

/// Takes what there is once, and tells what that took.
fn client(dir: PathBuf, what: &str, at: SocketAddr, pid: u32) {
    let world = World::at(dir);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut line = Line::open(&world, at).await;
        let (status, paths) = if what == "whole" {
            (None, vec![WHOLE.to_owned()])
        } else {
            let (status, paths) = line.files().await;
            (Some(status), paths)
        };
        let (clock, before) = (SystemClock::default(), cpu_of(&[pid]));
        let (began, mut bytes, mut whole) = (clock.elapsed(), 0, Vec::new());
        let (mut lines, mut looks) = (0, Vec::new());
        for path in paths {
            if what == "flat" {
                // A token is good for five minutes, and much takes longer.
                line.token = world.token("county");
            }
            let mut body = line.ask(Method::GET, &path).await.into_body();
            while let Some(frame) = body.frame().await {
                let Ok(piece) = frame.unwrap().into_data() else { continue };
                bytes += piece.len();
                if what == "flat" {
                    lines += memchr::memchr_iter(b'\n', &piece).count();
                    if bytes >= looks.len() * LOOK {
                        looks.push(megabytes(pid));
                    }
                }
                if what == "cold" {
                    whole.extend_from_slice(&piece);
                }
            }
        }
        let seconds = clock.elapsed().saturating_sub(began).as_secs_f64();
        let cpu = cpu_of(&[pid]).saturating_sub(before).as_secs_f64();
        let taken = Taken { bytes, seconds, cpu, memory: megabytes(pid) };
        if what == "flat" {
            tell_flat(lines, &taken, &looks);
        } else {
            println!("{bytes} {seconds} {cpu} {}", taken.memory);
        }
        if what == "cold" {
            keep(
                &world.dir,
                "content-type: application/fhir+ndjson\n",
                [(WHOLE, &*whole)].into_iter(),
            );
        }
        if let Some(status) = status {
            line.ask(Method::DELETE, &status).await;
        }
    });
}

/// What was taken at once, and the server's memory on the way.
fn tell_flat(lines: usize, taken: &Taken, looks: &[f64]) {
    let at = |tenths: usize| looks[(looks.len() - 1) * tenths / 10];
    let most = looks.iter().copied().fold(0.0, f64::max);
    println!(
        "\nall at once: {lines} resources, {} MB, {:.1} MB/s, {:.1} ms CPU/MB",
        taken.bytes / 1_000_000,
        rate(taken),
        cost(taken),
    );
    println!(
        "server MB at 10 %, 50 % and 100 %: {:.0}, {:.0}, {:.0}; at most {most:.0}, {:.0} afterwards",
        at(1),
        at(5),
        at(10),
        taken.memory,
    );
    let grown = at(10) - at(1);
    println!("{} {GROWN:.0}: {grown:.1} MB more at 100 % than at 10 %", verdict(grown <= GROWN));
}

/// Resident memory of a process.
fn megabytes(pid: u32) -> f64 {
    memory(&pid.to_string(), "VmRSS") / 1000.0
}

/// The path of an address of the gateway.
fn path(url: &str) -> String {
    url[url.find("/fhir").unwrap()..].to_owned()
}

/// The files of a manifest.
fn listed(manifest: &[u8]) -> Vec<String> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let files = manifest["output"].as_array().unwrap().iter();
    files.map(|file| path(file["url"].as_str().unwrap())).collect()
}

/// A connection, and who asks on it.
struct Line {
    sender: SendRequest<Empty<Bytes>>,
    token: String,
}

impl Line {
    async fn open(world: &World, at: SocketAddr) -> Self {
        let authority = fs::read_to_string(world.dir.join("ca.pem")).unwrap();
        let settings = ClientConfig::builder_with_provider(pki::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(pki::anchors(&authority).unwrap())
            .with_no_client_auth();
        let link = TcpStream::connect(at).await.unwrap();
        link.set_nodelay(true).unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let link = TlsConnector::from(Arc::new(settings)).connect(name, link).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(link)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, token: world.token("county") }
    }

    async fn ask(&mut self, method: Method, path: &str) -> Response<Incoming> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header("prefer", "respond-async")
            .body(Empty::new())
            .unwrap();
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response
    }

    /// Begins an export and waits for it; where it tells of itself, and its files.
    async fn files(&mut self) -> (String, Vec<String>) {
        let begun = self.ask(Method::GET, KICKOFF).await;
        let status = path(begun.headers()[header::CONTENT_LOCATION].to_str().unwrap());
        drop(begun.into_body().collect().await);
        loop {
            let reply = self.ask(Method::GET, &status).await;
            let done = reply.status() == 200;
            let body = reply.into_body().collect().await.unwrap().to_bytes();
            if done {
                return (status, listed(&body));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
