//! The gateways that are loaded: a portal in front of two holders, each a real process of the program.
//!
//! Beside the way; of the load driver. On servers the second holder is two replicas on one `PostgreSQL` and
//! one Redis, behind a balancer. All of them run on one core, whoever asks on the next.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use mylife::{
    clock::SystemClock,
    demo::balancer,
    listen::Stop,
    pki::{self, CertificateTime},
    source::follower::{EVERY, OLDEST},
};
use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
};
use tokio_rustls::TlsConnector;

use super::{
    cluster::{Cluster, USER},
    members::{self, CLIENTS, Member},
    process::Process,
    redis,
    rounds::{CORE, world::demand_disk},
};

/// Codes of the gateways; the last one is the portal.
pub(crate) const CODES: [&str; 3] = ["205", "297", "900"];
/// Those of them that hold data.
pub(crate) const HOLDERS: usize = 2;
/// The portal among them.
pub(crate) const PORTAL: usize = 2;
/// The holder that may be several processes.
const SEVERAL: usize = 1;
/// Tokens are good for a while longer.
const RENEWED: Duration = Duration::from_secs(100);
/// Who uses a connection all the time has heard within it that it is to end, in seconds.
const GOODBYE: u64 = 3;

/// One process.
pub(crate) struct Gateway {
    node: usize,
    port: u16,
    /// Its port for the operator.
    pub(crate) management: u16,
    process: Process,
    /// What it is called in figures.
    pub(crate) name: String,
}

/// Tokens that are good now, by node and client.
pub(crate) type Tokens = Arc<Mutex<Vec<Vec<String>>>>;

/// Everything that runs.
pub(crate) struct Stand {
    /// Where it keeps what it has.
    pub(crate) dir: PathBuf,
    /// Every process of the program.
    pub(crate) gateways: Vec<Gateway>,
    ports: [u16; 3],
    cache: u64,
    servers: Option<(Cluster, String, redis::Server)>,
    /// TLS towards all of them.
    pub(crate) tls: TlsConnector,
    /// Of each node, for each client.
    pub(crate) tokens: Tokens,
    /// While it is held, the balancer passes on.
    _balancing: Stop,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Stand {
    /// Starts all of them with nothing in them, each with so many megabytes for what was read before.
    pub(crate) async fn start(dir: PathBuf, on_servers: bool, cache: u64) -> Self {
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).unwrap();
        demand_disk(&dir);
        let servers = on_servers.then(|| {
            let (cluster, redis) = (Cluster::start("on"), redis::Server::start(&[]));
            demand_disk(&cluster.directory);
            let name = cluster.database();
            (cluster, name, redis)
        });
        let mut gateways = Vec::new();
        for (node, code) in CODES.iter().enumerate() {
            let count = if node == SEVERAL && on_servers { 2 } else { 1 };
            for number in 1..=count {
                let name = if count > 1 {
                    format!("{code}, replica {number}")
                } else {
                    (*code).to_owned()
                };
                let (port, management) = (free_port(), free_port());
                gateways.push(Gateway {
                    node,
                    port,
                    management,
                    process: Process::default(),
                    name,
                });
            }
        }
        let (balancing, stopping) = Stop::new();
        let mut ports = [0; 3];
        for (node, port) in ports.iter_mut().enumerate() {
            let of_node = gateways.iter().filter(|one| one.node == node);
            let all: Vec<(u16, u16)> = of_node.map(|one| (one.port, one.management)).collect();
            *port = match all.as_slice() {
                [(port, _)] => *port,
                _ => balance(all, stopping.clone()),
            };
        }
        let hosts = ports.map(|port| format!("127.0.0.1:{port}"));
        let told: Vec<Member<'_>> = (0..CODES.len())
            .map(|node| Member { code: CODES[node], host: &hosts[node], holds: node != PORTAL })
            .collect();
        members::settings(&dir, &told);
        let tls = trusting(&dir);
        let tokens = Tokens::default();
        let stand =
            Self { dir, gateways, ports, cache, servers, tls, tokens, _balancing: balancing };
        for number in 0..stand.gateways.len() {
            stand.begin(number).await;
        }
        stand.pin_servers();
        assert!(stand.renew(), "no tokens are given");
        stand
    }

    /// Starts a process that does not run, and waits until it serves.
    pub(crate) async fn begin(&self, number: usize) {
        let Gateway { node, port, management, process, .. } = &self.gateways[number];
        let mut set = vec![
            format!("store.directory={}", self.dir.join(format!("data-{number}")).display()),
            format!("listen.public=127.0.0.1:{port}"),
            format!("listen.management=127.0.0.1:{management}"),
            "listen.cores=1".to_owned(),
            // One client stands for many here.
            "limits.client_requests_per_second=1000000".to_owned(),
            format!("listen.goodbye_seconds={GOODBYE}"),
            format!("store.cache_megabytes={}", self.cache),
        ];
        if let (Some((cluster, name, redis)), true) = (&self.servers, *node == SEVERAL) {
            set.extend([
                "store.kind=postgres".to_owned(),
                format!("store.url={}", cluster.url("", USER, name)),
                "shared.kind=redis".to_owned(),
                format!("shared.url={}", redis.url()),
                "shared.replicas=2".to_owned(),
            ]);
        }
        let config = self.dir.join(format!("{}.toml", CODES[*node])).display().to_string();
        let set = set.into_iter().flat_map(|one| ["--set".to_owned(), one]);
        let log = self.dir.join(format!("log-{number}"));
        process.start(std::iter::once(config).chain(set).collect(), &log).await;
        pin(process.id());
    }

    /// Stops one as an operator does, and waits until it has ended.
    pub(crate) async fn stop(&self, number: usize) {
        self.gateways[number].process.stop().await;
    }

    /// Waits until a process says that requests may come.
    pub(crate) async fn ready(&self, number: usize) {
        while !is_ready(self.gateways[number].management).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The processes that are several of one gateway.
    pub(crate) fn replicas(&self) -> Vec<usize> {
        let all = 0..self.gateways.len();
        all.filter(|number| self.servers.is_some() && self.gateways[*number].node == SEVERAL)
            .collect()
    }

    /// Where requests to a node go.
    pub(crate) fn port(&self, node: usize) -> u16 {
        self.ports[node]
    }

    /// The token of the n-th client for a node.
    pub(crate) fn token(&self, node: usize, client: usize) -> String {
        self.tokens.lock().unwrap()[node][client].clone()
    }

    /// Asks for new tokens; who cannot have them now keeps those there are.
    pub(crate) fn renew(&self) -> bool {
        let asked = asked_tokens(&self.dir, self.ports);
        asked.map(|tokens| *self.tokens.lock().unwrap() = tokens).is_some()
    }

    /// The same from now on, before those there are end, beside everything else that goes on.
    pub(crate) async fn renews(self: Rc<Self>) {
        loop {
            tokio::time::sleep(RENEWED).await;
            let (dir, ports) = (self.dir.clone(), self.ports);
            let asked = tokio::task::spawn_blocking(move || asked_tokens(&dir, ports));
            if let Some(tokens) = asked.await.unwrap() {
                *self.tokens.lock().unwrap() = tokens;
            }
        }
    }

    /// How long after its acknowledgement a change of a node is in force wherever one may ask.
    pub(crate) fn within(&self, node: usize) -> Duration {
        if self.servers.is_some() && node == SEVERAL { OLDEST + EVERY } else { Duration::ZERO }
    }

    /// Number of each process of the program.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.gateways.iter().map(|one| one.process.id()).collect()
    }

    /// Processes whose CPU time counts, with their children.
    pub(crate) fn counted(&self) -> Vec<u32> {
        self.pids().into_iter().chain(self.server_pids()).collect()
    }

    fn server_pids(&self) -> Vec<u32> {
        let Some((cluster, _, redis)) = &self.servers else { return Vec::new() };
        let said = redis.cli(&["INFO", "server"]);
        let pid = said.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap();
        vec![cluster.pid(), pid.trim().parse().unwrap()]
    }

    fn pin_servers(&self) {
        for pid in self.server_pids() {
            let said =
                Command::new("pgrep").args(["-P", &pid.to_string()]).output().unwrap().stdout;
            let said = String::from_utf8(said).unwrap();
            said.lines().filter_map(|line| line.parse().ok()).for_each(pin);
            pin(pid);
        }
    }
}

/// Puts a process where gateways run; it may have ended.
fn pin(pid: u32) {
    let line = ["-apc", &CORE.to_string(), &pid.to_string()];
    drop(Command::new("taskset").args(line).output());
}

fn asked_tokens(dir: &Path, ports: [u16; 3]) -> Option<Vec<Vec<String>>> {
    let of_node = |port: u16| {
        let host = format!("127.0.0.1:{port}");
        (0..CLIENTS.len()).map(|client| members::token(dir, &host, client)).collect()
    };
    ports.into_iter().map(of_node).collect()
}

fn trusting(dir: &Path) -> TlsConnector {
    let authorities = fs::read_to_string(dir.join("keys/ca.pem")).unwrap();
    let time = Arc::new(CertificateTime(Arc::new(SystemClock::default())));
    let settings = ClientConfig::builder_with_details(pki::provider(), time)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(pki::anchors(&authorities).unwrap())
        .with_no_client_auth();
    TlsConnector::from(Arc::new(settings))
}

/// A balancer in front of these (port, port for the operator), on a thread of its own; its port.
fn balance(all: Vec<(u16, u16)>, stopping: mylife::listen::Stopping) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let behind = async || {
                let mut ready = Vec::new();
                for (port, management) in &all {
                    if is_ready(*management).await {
                        ready.push(*port);
                    }
                }
                ready
            };
            balancer::serve(listener, behind, stopping).await;
        });
    });
    port
}

async fn is_ready(management: u16) -> bool {
    says_yes(management, "/readyz").await
}

/// Does the gateway with this port for its operator answer 200?
pub(crate) async fn says_yes(management: u16, path: &str) -> bool {
    let asked = async {
        let mut link = TcpStream::connect(("127.0.0.1", management)).await.ok()?;
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        link.write_all(ask.as_bytes()).await.ok()?;
        let mut said = Vec::new();
        link.read_to_end(&mut said).await.ok()?;
        Some(said.starts_with(b"HTTP/1.1 200 "))
    };
    asked.await.unwrap_or(false)
}
