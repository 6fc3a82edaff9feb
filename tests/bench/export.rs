//! An export's files taken one after another over TLS: the gateway against hyper and rustls.
//!
//! `cargo bench --bench export`. The bare server sends the same bytes from memory, all at once; the
//! gateway makes each file while it is taken: load, map, release, record, send. Half of the themes are
//! withheld. Server and client are pinned to a core each and take turns.
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

#[path = "stand/machine.rs"]
mod machine;
#[path = "stand/server.rs"]
mod server;
#[path = "stand/world.rs"]
mod world;

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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

use self::{
    server::answers::{Answers, keep},
    world::{HOST, Size, World, demand_disk},
};

const ROUNDS: usize = 7;
const SIZE: Size = Size { people: 2000, assessments: 5, consents: 1 };
const TYPE: &str = "QuestionnaireResponse";
/// Where the bare server has all of it.
const WHOLE: &str = "/";
/// The ratio to hold.
const HOLD: f64 = 0.5;

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
        ["bare"] => server::bare(&World::at(dir)),
        ["client", what, at, pid] => client(dir, what, at.parse().unwrap(), pid.parse().unwrap()),
        ["again"] => compare(&World::at(dir)),
        [] => {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let (world, each) = runtime.block_on(World::filled(dir, SIZE, None));
            println!("loaded: {:.0} documents/s", 1.0 / each.as_secs_f64());
            drop(runtime);
            compare(&world);
        }
        other => panic!("nothing, or `again` to keep the people of the last run: {other:?}"),
    }
}

fn compare(world: &World) {
    demand_disk(&world.dir);
    let gateway = Server::start("gateway");
    let cold = gateway.round("cold");
    let first = world.people().into_iter().next().unwrap();
    let body = &Answers::kept(&world.dir).bodies[WHOLE];
    let body = str::from_utf8(body).unwrap();
    assert!(body.contains(&first.patient) && body.contains(&first.response), "somebody is missing");
    let bare = Server::start("bare");
    println!("{}", machine::line());
    println!("export: {} resources, {} MB", body.lines().count(), body.len() / 1_000_000);
    let rounds: Vec<(Taken, Taken)> =
        (0..ROUNDS).map(|_| (gateway.round("files"), bare.round("whole"))).collect();
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
    println!("{} {HOLD:.2}: {held:.2}", if held >= HOLD { "holds" } else { "misses" });
}

fn rate(one: &Taken) -> f64 {
    one.bytes as f64 / 1e6 / one.seconds
}

fn cost(one: &Taken) -> f64 {
    one.cpu * 1e3 / (one.bytes as f64 / 1e6)
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

    fn round(&self, what: &str) -> Taken {
        let (at, pid) = (self.at.to_string(), self.child.id().to_string());
        let words = ["client", what, &at, &pid];
        let output = pinned(1, &words).stderr(Stdio::inherit()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words = text.split_whitespace().map(|word| word.parse::<f64>().unwrap());
        let mut next = || words.next().expect("the client tells four figures");
        let (bytes, seconds, cpu, memory) = (next(), next(), next(), next());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let bytes = bytes as usize;
        Taken { bytes, seconds, cpu, memory }
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
        let (clock, before) = (SystemClock::default(), cpu_of(pid));
        let (began, mut bytes, mut whole) = (clock.elapsed(), 0, Vec::new());
        for path in paths {
            let mut body = line.ask(Method::GET, &path).await.into_body();
            while let Some(frame) = body.frame().await {
                let Ok(piece) = frame.unwrap().into_data() else { continue };
                bytes += piece.len();
                if what == "cold" {
                    whole.extend_from_slice(&piece);
                }
            }
        }
        let seconds = clock.elapsed().saturating_sub(began).as_secs_f64();
        let cpu = cpu_of(pid).saturating_sub(before).as_secs_f64();
        println!("{bytes} {seconds} {cpu} {}", memory_of(pid));
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
        let path = |url: &str| url[url.find("/fhir").unwrap()..].to_owned();
        let begun = self.ask(Method::GET, &format!("/fhir/Patient/$export?_type={TYPE}")).await;
        let status = path(begun.headers()[header::CONTENT_LOCATION].to_str().unwrap());
        drop(begun.into_body().collect().await);
        loop {
            let reply = self.ask(Method::GET, &status).await;
            let done = reply.status() == 200;
            let body = reply.into_body().collect().await.unwrap().to_bytes();
            if done {
                let manifest: Value = serde_json::from_slice(&body).unwrap();
                let files = manifest["output"].as_array().unwrap().iter();
                let files = files.map(|file| path(file["url"].as_str().unwrap()));
                return (status, files.collect());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// User and system time of a process, all its threads.
fn cpu_of(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let ticks = after_name.split(' ').skip(11).take(2).map(|t| t.parse::<u64>().unwrap());
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Resident memory of a process, in MB.
fn memory_of(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
}
