//! A gateway from its settings to its end, over real TLS on the loopback interface.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
};

use mylife::{
    cli::{Surroundings, exit::Exit},
    config, pki,
    serve::{self, Order, Orders},
};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{
    super::config::{Dir, around, run},
    town,
};

/// Sends on what was written, when it is flushed.
pub(super) struct Lines(Vec<u8>, mpsc::Sender<String>);

impl Lines {
    pub(super) fn new(to: mpsc::Sender<String>) -> Self {
        Self(Vec::new(), to)
    }
}

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

pub(super) fn ask(mut stream: impl Read + Write, host: &str, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    // A peer that closes without a TLS farewell has still said everything.
    drop(stream.read_to_end(&mut heard));
    String::from_utf8(heard).unwrap()
}

/// What a gateway on this machine says at its public port; its keys are in `dir`.
pub(super) fn ask_in_public(dir: &Dir, around: &Surroundings, port: u16, path: &str) -> String {
    let ca = std::fs::read_to_string(dir.path().join("keys/ca.pem")).unwrap();
    let time = Arc::new(pki::CertificateTime(Arc::clone(&around.clock)));
    let client = ClientConfig::builder_with_details(pki::provider(), time)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(pki::anchors(&ca).unwrap())
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(Arc::new(client), name).unwrap();
    let stream = StreamOwned::new(session, TcpStream::connect(("127.0.0.1", port)).unwrap());
    ask(stream, &format!("127.0.0.1:{port}"), path)
}

#[test]
fn a_gateway_serves_from_its_settings_until_it_is_told_to_stop() {
    let dir = Dir::new("cli-serve");
    let (public, management) = (free_port(), free_port());
    let path = town(&dir, public);
    let set = [
        format!("listen.public=127.0.0.1:{public}"),
        format!("listen.management=127.0.0.1:{management}"),
        "listen.cores=1".to_owned(),
    ];
    let surroundings = around();
    let said = config::Said { set: set.to_vec(), ..config::Said::default() };
    let config = config::read(path.as_ref(), &said, &surroundings.clock, &surroundings.chance);
    let config =
        config.map_err(|all| all.iter().map(ToString::to_string).collect::<String>()).unwrap();
    let (orders, given) = tokio::sync::mpsc::unbounded_channel();
    let (lines, heard) = mpsc::channel();
    let serving =
        thread::spawn(move || serve::run(config, Orders::Given(given), &mut Lines::new(lines)));
    let first = heard.recv().expect("the gateway says where it serves");
    assert!(first.starts_with("Serving https://127.0.0.1:"), "{first}");

    let at = |path| ask(TcpStream::connect(("127.0.0.1", management)).unwrap(), "127.0.0.1", path);
    assert!(at("/livez").ends_with("alive\n"));
    assert!(at("/readyz").starts_with("HTTP/1.1 200 "), "{}", at("/readyz"));
    assert!(at("/health").contains("\"status\":\"UP\""));
    assert!(at("/peers").ends_with("{\"peers\":[]}"), "{}", at("/peers"));

    let metadata = ask_in_public(&dir, &surroundings, public, "/fhir/metadata");
    assert!(metadata.contains("\"CapabilityStatement\""), "{metadata}");
    let counted = "http_server_request_duration_seconds_count{http_route=\"public\",\
                   http_response_status_code=\"200\"} 1\n";
    assert!(at("/metrics").contains(counted), "{}", at("/metrics"));

    let key = dir.path().join("source.jwk").display().to_string();
    let ca = dir.path().join("keys/ca.pem").display().to_string();
    let endpoint = format!("https://127.0.0.1:{public}/oauth/token");
    let asked = [
        "token",
        "--client-id",
        "kuopio-source",
        "--key",
        &key,
        "--token-endpoint",
        &endpoint,
        "--scope",
        "mylife/native.write",
        "--ca",
        &ca,
    ];
    let (exit, token, complaint) = run(&surroundings, &asked);
    assert_eq!(exit, Exit::Fine, "{token}{complaint}");
    assert_eq!(token.trim().split('.').count(), 3, "a compact JWT alone");

    let (exit, _, complaint) =
        run(&surroundings, &["load", &path, &path, "--owner", "kuopio-source"]);
    assert_eq!(exit, Exit::Unavailable);
    assert!(complaint.contains("PUT /native"), "{complaint}");

    orders.send(Order::Reload).unwrap();
    orders.send(Order::Stop).unwrap();
    serving.join().unwrap().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", public)).is_err());
    let data = dir.path().join("keys/297/data").display().to_string();
    let (exit, said, _) = run(&surroundings, &["audit", "verify", &data]);
    assert_eq!(exit, Exit::Fine, "{said}");
}

#[test]
fn a_port_that_another_has_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    for (key, other) in [("public", "management"), ("management", "public")] {
        let dir = Dir::new(&format!("cli-port-{key}"));
        let path = town(&dir, 8443);
        let set =
            [format!("listen.{key}={at}"), format!("listen.{other}=127.0.0.1:{}", free_port())];
        let said = config::Said { set: set.to_vec(), ..config::Said::default() };
        let surroundings = around();
        let config = config::read(path.as_ref(), &said, &surroundings.clock, &surroundings.chance);
        let (_orders, given) = tokio::sync::mpsc::unbounded_channel();
        let ended = serve::run(config.ok().unwrap(), Orders::Given(given), &mut io::sink());
        let say = ended.unwrap_err().say().to_owned();
        assert_eq!(say, format!("The {key} listener cannot be bound at {at}: is the port free?"));
    }
}
