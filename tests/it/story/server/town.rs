//! One gateway as an operator runs it: real processes of the program, made and stopped by a test.
//!
//! All have one configuration, keys and address; each has a port and a data directory of its own.
//! Who asks does so over real TLS on the loopback interface, and is told which process answered.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    fs,
    net::TcpListener,
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use mylife::{
    chance::{SystemChance, base32},
    clock::Clock,
};
use serde_json::Value;
use tokio::{net::TcpStream, sync::watch, time::timeout};

use super::{
    desk::{Desk, Line, PATIENCE, said, until},
    members::{self, Member},
    process::{Process, must},
    proxy::{Behind, Proxy, Way},
    strace::Disturbed,
};
use crate::{
    shared::server::fixture::Server,
    step::wires::say,
    store::server::cluster::{self, Cluster},
};

/// Longer than the slowest machine takes to bring records into the log.
const GATHERED: Duration = Duration::from_mins(2);
/// Who uses a connection all the time has heard within it that it is to end.
const GOODBYE: Duration = Duration::from_secs(3);
const CODE: &str = "297";

/// What several processes share.
pub(super) struct Outside {
    /// One for each process.
    pub(super) databases: Vec<Proxy>,
    pub(super) redis: Proxy,
    cluster: &'static Cluster,
    name: String,
    server: Server,
}

impl Outside {
    /// Opens, holds or cuts every way to the database.
    pub(super) fn database(&self, way: Way) {
        self.databases.iter().for_each(|database| database.set(way));
    }

    /// Takes away everything that Redis has.
    pub(super) fn empties_redis(&self) {
        assert_eq!(self.server.cli(&["FLUSHALL"]).trim(), "OK");
    }
}

pub(super) struct Town {
    dir: PathBuf,
    replicas: Vec<Replica>,
    pub(super) outside: Option<Outside>,
    desk: Desk,
    /// The balancer that lines lead to, if one stands in front of all.
    front: Cell<Option<u16>>,
    /// Something happened or was seen.
    pub(super) news: Rc<watch::Sender<()>>,
}

pub(super) struct Replica {
    port: u16,
    management: u16,
    process: Process,
}

/// What came back.
pub(super) struct Told {
    pub(super) status: u16,
    /// `X-Request-Id`.
    pub(super) request: String,
    /// The number of `ETag`, where there is one.
    pub(super) version: Option<u64>,
    pub(super) body: Value,
    /// What came where it is no JSON.
    pub(super) text: String,
    /// Where an export says how far it is.
    pub(super) location: Option<String>,
    /// `Retry-After`, in seconds.
    pub(super) again: Option<u64>,
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Town {
    /// So many processes on a `PostgreSQL` and a Redis.
    pub(super) async fn of(count: usize) -> Self {
        Self::on(cluster::shared(), count).await
    }

    /// The same on a `PostgreSQL` of the test's choice.
    pub(super) async fn on(cluster: &'static Cluster, count: usize) -> Self {
        let (socket, name, server) = (cluster.socket(), cluster.database(), Server::start(&[]));
        let database = |_| Proxy::start(Behind::Socket(socket.clone()));
        let databases = (0..count).map(database).collect();
        let redis = Proxy::start(Behind::Port(server.port));
        Self::with(count, Some(Outside { databases, redis, cluster, name, server })).await
    }

    /// One process on a machine of its own.
    pub(super) async fn alone() -> Self {
        Self::with(1, None).await
    }

    async fn with(count: usize, outside: Option<Outside>) -> Self {
        let dir = std::env::temp_dir().join(format!("mylife-town-{}", base32(&SystemChance, 8)));
        fs::create_dir_all(&dir).unwrap();
        let made =
            || Replica { port: free_port(), management: free_port(), process: Process::default() };
        let replicas: Vec<Replica> = (0..count).map(|_| made()).collect();
        let host = format!("127.0.0.1:{}", replicas[0].port);
        members::settings(&dir, &[Member { code: CODE, host: &host, holds: true }]);
        let (desk, front) = (Desk::new(&dir, &host), Cell::default());
        let news = Rc::new(watch::Sender::new(()));
        let town = Self { dir, replicas, outside, desk, front, news };
        for number in 0..count {
            town.start(number).await;
        }
        town.desk.has_first_tokens();
        town
    }

    /// Asks for new tokens when those there are have become old; who cannot have them now keeps those.
    pub(super) fn renew(&self) {
        self.desk.renew();
    }

    /// Waits until something holds of what was seen; `false` if it takes too long.
    pub(super) async fn until(&self, holds: impl Fn() -> bool) -> bool {
        until(&self.news, holds).await
    }

    /// Waits until a process that was killed has been started again.
    pub(super) async fn runs(&self, number: usize) -> bool {
        self.until(|| self.replicas[number].process.runs()).await
    }

    pub(super) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// The settings of a process, as its command has them.
    pub(super) fn said(&self, number: usize) -> Vec<String> {
        let Replica { port, management, .. } = self.replicas[number];
        let data = self.dir.join(format!("data-{number}"));
        let mut more = vec![format!("listen.goodbye_seconds={}", GOODBYE.as_secs())];
        if let Some(Outside { databases, redis, name, .. }) = &self.outside {
            let port = databases[number].port;
            let address = format!("postgresql://{}@127.0.0.1:{port}/{name}", cluster::USER);
            more.extend([
                "store.kind=postgres".to_owned(),
                format!("store.url={address}"),
                "shared.kind=redis".to_owned(),
                format!("shared.url=redis://127.0.0.1:{}", redis.port),
                format!("shared.replicas={}", self.replicas.len()),
            ]);
        }
        said(&self.dir.join(format!("{CODE}.toml")), &data, [port, management], &more)
    }

    /// A place of its own, which is gone with it.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Starts a process that does not run, and waits until it serves.
    pub(super) async fn start(&self, number: usize) {
        let log = self.dir.join(format!("log-{number}"));
        self.replicas[number].process.start(self.said(number), &log).await;
        self.news.send_replace(());
    }

    /// Kills it: nothing is written, told or closed any more.
    pub(super) fn kill(&self, number: usize) {
        self.replicas[number].process.kill();
    }

    /// Stops it between any two steps, or lets it go on.
    pub(super) fn signal(&self, number: usize, signal: &str) {
        self.replicas[number].process.signal(signal);
    }

    /// Tells it to stop, and waits until it has; it must end well.
    pub(super) async fn stop(&self, number: usize) {
        self.replicas[number].process.stop().await;
        self.news.send_replace(());
    }

    /// From now on lines lead to a balancer.
    pub(super) fn stands_behind(&self, port: u16) {
        self.front.set(Some(port));
    }

    /// Where a process takes connections.
    pub(super) fn port(&self, number: usize) -> u16 {
        self.replicas[number].port
    }

    /// What a process says to its operator; nothing if it does not run.
    pub(super) async fn operator(&self, number: usize, path: &str) -> String {
        operator(self.replicas[number].management, path).await
    }

    /// May requests come to it?
    pub(super) async fn is_ready(&self, number: usize) -> bool {
        self.operator(number, "/readyz").await.starts_with("HTTP/1.1 200 ")
    }

    /// From now on no file of a process can be written beyond so many bytes; none lifts that.
    pub(super) fn files_end_at(&self, number: usize, bytes: Option<usize>) {
        self.replicas[number].process.files_end_at(bytes);
    }

    /// From now on these calls of the system by a process go so, until that is let go of.
    pub(super) fn disturbs(&self, number: usize, calls: &str, how: &str) -> Disturbed {
        Disturbed::of(&[self.replicas[number].process.id()], calls, how)
    }

    /// A connection to one process; none if it cannot be reached.
    pub(super) async fn line(&self, number: usize) -> Option<Line> {
        let port = self.front.get().unwrap_or(self.replicas[number].port);
        self.desk.line(port, self.desk.host()).await
    }

    /// The connection that was kept, unless the other end has said that nothing more is to be asked on it,
    /// or a new one.
    pub(super) async fn line_again(&self, kept: Option<Line>, number: usize) -> Option<Line> {
        if let Some(mut line) = kept
            && line.sender.ready().await.is_ok()
        {
            return Some(line);
        }
        self.line(number).await
    }

    /// Asks as the n-th client; none if no whole answer comes.
    pub(super) async fn ask(
        &self,
        line: &mut Line,
        client: usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Told> {
        let token = format!("Bearer {}", self.desk.token(client));
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, &line.host).header(header::AUTHORIZATION, token);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/fhir+json");
        }
        if path.ends_with("/$export") {
            request = request.header("prefer", "respond-async");
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request.header("mylife-nodes", "297").body(Full::new(body.into())).unwrap();
        let exchange = async {
            let (head, body) = line.sender.send_request(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            let said = |name| head.headers.get(name).map_or("", |said| said.to_str().unwrap());
            let (status, request) = (head.status.as_u16(), said("x-request-id").to_owned());
            let version = said("etag").trim_matches(['W', '/', '"']).parse().ok();
            let location = head.headers.get(header::CONTENT_LOCATION);
            let location = location.map(|at| at.to_str().unwrap().to_owned());
            let again = said("retry-after").parse().ok();
            let text = String::from_utf8_lossy(&body).into_owned();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            Some(Told { status, request, version, body, text, location, again })
        };
        timeout(PATIENCE, exchange).await.ok()?
    }

    /// One question on a connection of its own.
    pub(super) async fn once(
        &self,
        (number, client): (usize, usize),
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Told> {
        let mut line = self.line(number).await?;
        self.ask(&mut line, client, method, path, body).await
    }

    /// Waits until the records of all writes are in the log that several share: each process brings in
    /// all there are, every second.
    pub(super) fn has_gathered(&self) {
        let Some(Outside { cluster, name, .. }) = &self.outside else { return };
        let (from, mut waiting) = (self.desk.clock.elapsed(), Vec::new());
        while self.desk.clock.elapsed().saturating_sub(from) < GATHERED {
            waiting = cluster.run(name, "SELECT count(*) FROM audit_pending");
            if waiting == ["0"] {
                return;
            }
        }
        panic!("{waiting:?} records of writes do not come into the log");
    }

    /// How often each word of the log stands there once all processes are stopped; it must verify.
    pub(super) fn audit(&self) -> HashMap<String, usize> {
        assert!(self.replicas.iter().all(|one| !one.process.runs()), "one runs");
        let own = self.said(0);
        let line: Vec<&str> = own.iter().map(String::as_str).collect();
        must(&[&["audit", "verify"], &line[..]].concat());
        let said = must(&[&["audit", "show", "--json"], &line[..]].concat());
        let mut words = HashMap::new();
        for record in said.lines() {
            let own: BTreeSet<&str> = record.split('"').collect();
            own.into_iter().for_each(|word| *words.entry(word.to_owned()).or_default() += 1);
        }
        words
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.replicas.clear();
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// What the gateway with this port for its operator says; nothing if it does not run.
pub(super) async fn operator(management: u16, path: &str) -> String {
    let Ok(link) = TcpStream::connect(("127.0.0.1", management)).await else {
        return String::new();
    };
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    say(link, ask.as_bytes()).await.text
}
