//! The asking side: many connections on one thread, over TLS, cheap enough to keep a server busy.
//!
//! Beside the way. Closed loop: each connection asks again when it has its answer. Open loop: the
//! instants of all questions are fixed beforehand and latency counts from them, so a server that
//! stalls cannot hide it. Reads just enough of HTTP to know where an answer ends.

use std::{
    cell::RefCell, collections::BTreeMap, fs, net::SocketAddr, rc::Rc, sync::Arc, time::Duration,
};

use mylife::{
    clock::{Clock, SystemClock},
    domain::theme::Theme,
    pki,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    task::LocalSet,
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::world::{HOST, MARK, SHARED, World};

const WARM_UP: Duration = Duration::from_millis(700);
const TOKENS: usize = 100;
/// One body in so many is looked through for what must not be there.
const SAMPLE: usize = 64;

/// What a client is to do.
pub(crate) struct Load {
    /// The servers, asked alike.
    pub(crate) at: Vec<SocketAddr>,
    /// Processes whose CPU time counts, with that of their children.
    pub(crate) counted: Vec<u32>,
    /// Connections open and asking.
    pub(crate) connections: usize,
    /// Questions per second in all; 0 is as many as it can.
    pub(crate) rate: u32,
    /// How long it is measured.
    pub(crate) time: Duration,
}

/// What a client found.
#[derive(Clone, Copy, Default)]
pub(crate) struct Heard {
    /// Answers per second.
    pub(crate) per_second: f64,
    /// CPU time of the server process per answer, in microseconds.
    pub(crate) cpu: f64,
    /// Share of one core that the server used.
    pub(crate) busy: f64,
    /// Median latency in microseconds.
    pub(crate) p50: f64,
    /// 99th percentile of latency in microseconds.
    pub(crate) p99: f64,
    /// Answers that were not 2xx, or showed what they must not.
    pub(crate) bad: usize,
}

struct Shared {
    load: Load,
    paths: Vec<String>,
    tokens: Vec<String>,
    clock: SystemClock,
    /// From when to when answers count, on the clock.
    from: Duration,
    until: Duration,
    latencies: RefCell<Vec<u64>>,
    bad: RefCell<usize>,
}

/// Asks and measures; `paths` are asked for in a repeatable random order.
pub(crate) fn run(world: &World, load: Load, paths: Vec<String>) -> Heard {
    let clock = SystemClock::default();
    let tokens = (0..TOKENS).map(|_| world.token("county")).collect();
    let from = clock.elapsed() + WARM_UP;
    let shared = Rc::new(Shared {
        paths,
        tokens,
        clock,
        from,
        until: from + load.time,
        load,
        latencies: RefCell::default(),
        bad: RefCell::default(),
    });
    let connector = connector(world);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    for number in 0..shared.load.connections {
        local.spawn_local(connection(Rc::clone(&shared), connector.clone(), number));
    }
    let cpu = runtime.block_on(local.run_until(async {
        sleep(shared.from.saturating_sub(shared.clock.elapsed())).await;
        let (before, began) = (cpu_of(&shared.load.counted), shared.clock.elapsed());
        sleep(shared.until.saturating_sub(shared.clock.elapsed())).await;
        (
            cpu_of(&shared.load.counted).checked_sub(before).unwrap(),
            shared.clock.elapsed().checked_sub(began).unwrap(),
        )
    }));
    runtime.block_on(local);
    heard(&shared, cpu)
}

fn heard(shared: &Shared, (cpu, time): (Duration, Duration)) -> Heard {
    let mut latencies = shared.latencies.borrow_mut();
    latencies.sort_unstable();
    let count = latencies.len();
    let at = |share: f64| latencies.get((count as f64 * share) as usize).map_or(0.0, |l| *l as f64);
    Heard {
        per_second: count as f64 / time.as_secs_f64(),
        cpu: cpu.as_secs_f64() * 1e6 / count as f64,
        busy: cpu.as_secs_f64() / time.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        bad: *shared.bad.borrow(),
    }
}

/// TLS towards servers of the world.
pub(crate) fn connector(world: &World) -> TlsConnector {
    let authority = fs::read_to_string(world.dir.join("ca.pem")).unwrap();
    let mut settings = ClientConfig::builder_with_provider(pki::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(pki::anchors(&authority).unwrap())
        .with_no_client_auth();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(settings))
}

async fn connection(shared: Rc<Shared>, connector: TlsConnector, number: usize) {
    let at = shared.load.at[number % shared.load.at.len()];
    let mut link = connect(&connector, at).await;
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    let mut dice = number as u64;
    let mut due = shared.clock.elapsed();
    for turn in 0_usize.. {
        let asked_at = match period(&shared.load) {
            None => shared.clock.elapsed(),
            Some(period) => {
                let lead = due.saturating_sub(shared.clock.elapsed());
                if !lead.is_zero() {
                    sleep(lead).await;
                }
                due += period;
                due.checked_sub(period).unwrap()
            }
        };
        if asked_at >= shared.until {
            return;
        }
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = (dice >> 33) as usize;
        question.clear();
        for piece in [
            "GET ",
            &shared.paths[pick % shared.paths.len()],
            " HTTP/1.1\r\nhost: ",
            HOST,
            "\r\naccept: application/fhir+json\r\nauthorization: Bearer ",
            &shared.tokens[pick % shared.tokens.len()],
            "\r\n\r\n",
        ] {
            question.extend_from_slice(piece.as_bytes());
        }
        link.write_all(&question).await.unwrap();
        let Some(head) = read(&mut link, &mut answer).await else {
            // An answer that grew too old to leave costs the connection.
            *shared.bad.borrow_mut() += 1;
            return;
        };
        let now = shared.clock.elapsed();
        if asked_at >= shared.from && now < shared.until {
            shared
                .latencies
                .borrow_mut()
                .push(now.checked_sub(asked_at).unwrap().as_micros() as u64);
        }
        let sampled = turn % SAMPLE == 0;
        if !answer.starts_with(b"HTTP/1.1 2") || (sampled && !is_released(&answer[head..])) {
            *shared.bad.borrow_mut() += 1;
        }
    }
}

fn period(load: &Load) -> Option<Duration> {
    let connections = u32::try_from(load.connections).unwrap();
    (load.rate > 0).then(|| Duration::from_secs(1) * connections / load.rate)
}

/// One answer into `answer`; tells where its body begins, or that the connection ended before it did.
pub(crate) async fn read(link: &mut TlsStream<TcpStream>, answer: &mut Vec<u8>) -> Option<usize> {
    answer.clear();
    let mut head = None;
    loop {
        answer.reserve(20 * 1024);
        link.read_buf(answer).await.ok().filter(|read| *read > 0)?;
        if head.is_none() {
            head = answer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        }
        if let Some(head) = head.filter(|head| answer.len() >= head + length(&answer[..*head])) {
            return Some(head);
        }
    }
}

fn length(head: &[u8]) -> usize {
    let head = str::from_utf8(head).unwrap();
    let (_, rest) = head.split_once("content-length: ").unwrap();
    rest.split("\r\n").next().unwrap().parse().unwrap()
}

/// Shows the body every theme that is shared and none that is not?
fn is_released(body: &[u8]) -> bool {
    let body = str::from_utf8(body).unwrap();
    Theme::ALL.iter().all(|theme| {
        let words = body.contains(&format!("{MARK}{}", theme.code()));
        let code = body.contains(&format!("\"{}\"", theme.code()));
        (words || code) == SHARED.contains(theme) && words == SHARED.contains(theme)
    })
}

/// User and system time of processes and their children, all threads, those that have ended too.
pub(crate) fn cpu_of(all: &[u32]) -> Duration {
    // Ours and those of children waited for, by process, with its parent.
    let mut ticks = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let Ok(stat) = fs::read_to_string(entry.unwrap().path().join("stat")) else { continue };
        let (pid, rest) = stat.split_once(' ').unwrap();
        let (_, after_name) = rest.rsplit_once(") ").unwrap();
        let words: Vec<&str> = after_name.split(' ').collect();
        let spent: u64 = words[11..15].iter().map(|word| word.parse::<u64>().unwrap()).sum();
        ticks.insert(pid.parse::<u32>().unwrap(), (words[1].parse::<u32>().unwrap(), spent));
    }
    let counts = |pid: &u32| {
        let mut up = Some(*pid);
        while let Some(one) = up {
            if all.contains(&one) {
                return true;
            }
            up = ticks.get(&one).map(|(parent, _)| *parent);
        }
        false
    };
    let spent = ticks.iter().filter(|(pid, _)| counts(pid)).map(|(_, (_, spent))| spent);
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(spent.sum::<u64>() * 10)
}

/// A connection to a server of the world.
pub(crate) async fn connect(connector: &TlsConnector, at: SocketAddr) -> TlsStream<TcpStream> {
    let link = TcpStream::connect(at).await.unwrap();
    link.set_nodelay(true).unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    connector.connect(name, link).await.unwrap()
}

/// Head of the first answer and the bodies of all, asked one after the other.
pub(crate) fn each(world: &World, at: SocketAddr, paths: &[String]) -> (String, Vec<Vec<u8>>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut link = connect(&connector(world), at).await;
        let token = world.token("county");
        let (mut first, mut bodies) = (None, Vec::new());
        for path in paths {
            let question = format!(
                "GET {path} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\r\n"
            );
            link.write_all(question.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let head = read(&mut link, &mut answer).await.unwrap();
            let (head, body) = answer.split_at(head);
            assert!(is_released(body), "{}", String::from_utf8_lossy(body));
            first.get_or_insert_with(|| String::from_utf8(head.to_vec()).unwrap());
            bodies.push(body.to_vec());
        }
        (first.unwrap(), bodies)
    })
}
