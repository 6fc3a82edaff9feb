//! A gateway that lives: settings change under it, it counts, it refuses early, it stops in order.

use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use mylife::{
    config::{self, Said},
    error::Result,
    pki,
    serve::{self, Order, Orders},
};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    super::config::{Dir, around, runs_filters},
    town,
};

/// Sends on what was written, when it is flushed.
struct Lines(Vec<u8>, mpsc::Sender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.0)).into_owned();
        self.1.send(text).map_err(io::Error::other)
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn ask(mut stream: impl Read + Write, host: &str, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    // A peer that closes without a TLS farewell has still said everything.
    drop(stream.read_to_end(&mut heard));
    String::from_utf8(heard).unwrap()
}

/// A gateway that serves on a thread of its own.
pub(super) struct Living {
    pub(super) dir: Dir,
    pub(super) path: String,
    pub(super) public: u16,
    /// What it said first.
    pub(super) first: String,
    management: u16,
    pub(super) orders: UnboundedSender<Order>,
    serving: JoinHandle<Result<()>>,
}

impl Living {
    pub(super) fn begin(name: &str, more: &[&str]) -> Self {
        Self::begin_after(name, more, &|_| {})
    }

    /// The same where something happens to the settings that were read before they are served.
    fn begin_after(name: &str, more: &[&str], happens: &dyn Fn(&str)) -> Self {
        Self::begin_on(name, more, &|_, _| {}, happens)
    }

    /// The same with settings to which something was done before they are read.
    pub(super) fn begin_on(
        name: &str,
        more: &[&str],
        prepare: &dyn Fn(&Dir, &str),
        happens: &dyn Fn(&str),
    ) -> Self {
        let dir = Dir::new(name);
        let (public, management) = (free_port(), free_port());
        let path = town(&dir, public);
        prepare(&dir, &path);
        let set = [
            format!("listen.public=127.0.0.1:{public}"),
            format!("listen.management=127.0.0.1:{management}"),
            "listen.cores=1".to_owned(),
        ];
        let set = set.into_iter().chain(more.iter().map(|one| (*one).to_owned())).collect();
        let said = Said { set, ..runs_filters() };
        let surroundings = around();
        let read = config::read(path.as_ref(), &said, &surroundings.clock, &surroundings.chance);
        let told =
            |all: Vec<config::Mistake>| all.iter().map(ToString::to_string).collect::<String>();
        let config = read.map_err(told).unwrap();
        happens(&path);
        let (orders, given) = tokio::sync::mpsc::unbounded_channel();
        let (lines, heard) = mpsc::channel();
        let serving = thread::spawn(move || {
            serve::run(config, Orders::Given(given), &mut Lines(Vec::new(), lines))
        });
        let first = heard.recv().expect("the gateway says where it serves");
        Self { dir, path, public, first, management, orders, serving }
    }

    /// What it says to whoever operates it.
    pub(super) fn at(&self, path: &str) -> String {
        ask(TcpStream::connect(("127.0.0.1", self.management)).unwrap(), "127.0.0.1", path)
    }

    /// Waits until the management listener says so.
    pub(super) fn until(&self, path: &str, says: &str) -> String {
        loop {
            let said = self.at(path);
            if said.contains(says) {
                return said;
            }
        }
    }

    pub(super) fn tls(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let ca = fs::read_to_string(self.dir.path().join("keys/ca.pem")).unwrap();
        let time = Arc::new(pki::CertificateTime(around().clock));
        let client = ClientConfig::builder_with_details(pki::provider(), time)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(pki::anchors(&ca).unwrap())
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::new(client), name).unwrap();
        StreamOwned::new(session, TcpStream::connect(("127.0.0.1", self.public)).unwrap())
    }

    /// What it says to anybody.
    pub(super) fn public(&self, path: &str) -> String {
        ask(self.tls(), &format!("127.0.0.1:{}", self.public), path)
    }

    pub(super) fn edit(&self, from: &str, to: &str) {
        edit(&self.path, from, to);
    }

    /// Tells it to stop and waits until it has; what it leaves is there as long as the directory is kept.
    pub(super) fn end(self) -> Dir {
        self.orders.send(Order::Stop).unwrap();
        self.serving.join().unwrap().unwrap();
        self.dir
    }
}

fn edit(path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

pub(super) fn reloads(outcome: &str, number: u32) -> String {
    format!("mylife_reloads_total{{outcome=\"{outcome}\"}} {number}\n")
}

#[test]
fn changed_settings_are_taken_whole_or_not_at_all_while_requests_are_answered() {
    let living = Living::begin("cli-living", &[]);
    let jwks = || living.public("/.well-known/jwks.json");
    let kept = living.tls();
    let first = jwks();
    // A mistake anywhere leaves everything as it was.
    let good = fs::read_to_string(&living.path).unwrap();
    living.edit("native_owner = true", "native_owner = 7");
    living.orders.send(Order::Reload).unwrap();
    living.until("/metrics", &reloads("failed", 1));
    assert_eq!(body(&jwks()), body(&first));
    // So does what a running gateway cannot take.
    fs::write(&living.path, &good).unwrap();
    living.edit("[store]\n", "[store]\ncache_megabytes = 65\n");
    living.orders.send(Order::Reload).unwrap();
    living.until("/metrics", &reloads("failed", 2));
    // Another key signs, and the tokens of the one before are still believed.
    fs::write(&living.path, &good).unwrap();
    let other = living.dir.path().join("other.jwk").display().to_string();
    let made = super::super::config::run(&around(), &["pki", "client", &other]);
    assert_eq!(made.0, mylife::cli::exit::Exit::Fine, "{}", made.2);
    let own = living.dir.path().join("keys/297/token.jwk");
    fs::remove_file(&own).unwrap();
    fs::copy(&other, &own).unwrap();
    living.orders.send(Order::Reload).unwrap();
    living.until("/metrics", &reloads("taken", 1));
    let after = jwks();
    assert_eq!(after.matches("\"kid\"").count(), 1 + first.matches("\"kid\"").count(), "{after}");
    // A connection that was there before goes on, and is answered by what is in force now.
    let (mut kept, host) = (kept, format!("127.0.0.1:{}", living.public));
    write!(
        kept,
        "GET /.well-known/jwks.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut heard = Vec::new();
    drop(kept.read_to_end(&mut heard));
    assert_eq!(body(&String::from_utf8(heard).unwrap()), body(&after));
    living.end();
}

fn body(answer: &str) -> String {
    answer.split("\r\n\r\n").nth(1).unwrap().to_owned()
}

#[test]
fn after_a_reload_the_ends_of_the_certificates_named_then_are_shown() {
    let living = Living::begin("cli-living-ends", &[]);
    let of = |what: &str| {
        let row = format!("mylife_certificate_expiry_timestamp_seconds{{certificate=\"{what}\"}} ");
        let said = living.at("/metrics");
        said.lines().find_map(|line| line.strip_prefix(&row)).map(str::to_owned)
    };
    let first = of("listener").expect("the certificate that is shown ends");
    assert_eq!(of("revoked"), None);
    // Another certificate, made ten days earlier, under another name, and a list of what is revoked.
    let keys = living.dir.path().join("keys");
    let read = |name: &str| fs::read_to_string(keys.join(name)).unwrap();
    let issued = pki::Issued { certificate: read("ca.pem"), key: read("ca.key").into() };
    let now = around().clock.now();
    let authority = pki::Ca::load(read("ca.name").trim_end(), issued, now).unwrap();
    let earlier = now.minus(Duration::from_hours(240));
    authority.server(&["127.0.0.1"], earlier).unwrap().write(&keys, "another").unwrap();
    fs::write(keys.join("revoked.pem"), authority.revoked(&[], now, 30).unwrap()).unwrap();
    let another = keys.join("another.pem").display().to_string();
    let text = fs::read_to_string(&living.path).unwrap();
    let named =
        |key: &str| text.lines().find(|line| line.starts_with(key)).expect("it is set").to_owned();
    let (certificate, key) = (named("certificate = "), named("key_file = "));
    let list = keys.join("revoked.pem").display().to_string();
    let both = format!("certificate = \"{another}\"\nrevoked = \"{list}\"");
    living.edit(&certificate, &both);
    living.edit(&key, &format!("key_file = \"{}\"", keys.join("another.key").display()));
    living.orders.send(Order::Reload).unwrap();
    living.until("/metrics", &reloads("taken", 1));
    let second = of("listener").expect("the other certificate ends too");
    assert_ne!(second, first);
    assert!(of("revoked").is_some(), "the list that is named now ends too");
    living.end();
}

#[test]
fn changed_files_are_noticed_without_being_told() {
    let living = Living::begin("cli-living-files", &[]);
    living.edit("name = \"Kuopio\"", "name = \"Kuopio, source\"");
    living.until("/metrics", &reloads("taken", 1));
    living.end();
}

#[test]
fn what_changes_while_a_gateway_starts_is_noticed() {
    let renamed = |path: &str| edit(path, "name = \"Kuopio\"", "name = \"Kuopio, source\"");
    let living = Living::begin_after("cli-living-start", &[], &renamed);
    living.until("/metrics", &reloads("taken", 1));
    living.end();
}

#[test]
fn readiness_goes_first_and_connections_are_taken_until_the_balancer_knows() {
    let living = Living::begin("cli-living-end", &["listen.goodbye_seconds=300"]);
    assert!(living.at("/readyz").starts_with("HTTP/1.1 200 "));
    living.orders.send(Order::Stop).unwrap();
    living.until("/readyz", "HTTP/1.1 503 ");
    assert!(living.public("/fhir/metadata").starts_with("HTTP/1.1 200 "));
    // Told once more, it does not wait.
    living.end();
}
