//! Who asks gateways that are processes of their own: the clients, their keys and tokens, and their lines.
//!
//! They live in the directory that the processes' settings are in, and trust its authority.

use std::{
    cell::{Cell, Ref, RefCell},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use mylife::{
    clock::{Clock, SystemClock},
    pki::{self, CertificateTime},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, sync::watch, task::AbortHandle, time::timeout};
use tokio_rustls::TlsConnector;

use super::members::{self, CLIENTS};

/// Longer than any answer takes that is worth waiting for, and than a process is paused.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);
/// Longer than what is waited for lets wait for it.
pub(super) const LONGEST: Duration = Duration::from_secs(7);
/// How often somebody asks for a first token.
const TRIES: usize = 5;
/// Tokens are good for a while longer.
const RENEWED: Duration = Duration::from_mins(2);
/// A connection that is kept.
pub(super) struct Line {
    pub(super) sender: SendRequest<Full<Bytes>>,
    driven: AbortHandle,
    /// The same connection, to see whether anything has come.
    pub(super) wire: std::net::TcpStream,
    pub(super) host: String,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driven.abort();
    }
}

/// The clients of the gateway that is addressed as `host`.
pub(super) struct Desk {
    dir: PathBuf,
    host: String,
    tls: TlsConnector,
    tokens: RefCell<Vec<String>>,
    pub(super) clock: SystemClock,
    renewed: Cell<Duration>,
}

impl Desk {
    /// Of the settings in `dir`, with no token yet.
    pub(super) fn new(dir: &Path, host: &str) -> Self {
        let authorities = fs::read_to_string(dir.join("keys/ca.pem")).unwrap();
        let time = Arc::new(CertificateTime(Arc::new(SystemClock::default())));
        let tls = ClientConfig::builder_with_details(pki::provider(), time)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(pki::anchors(&authorities).unwrap())
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(tls));
        let (clock, renewed) = (SystemClock::default(), Cell::new(Duration::ZERO));
        let (dir, host, tokens) = (dir.to_owned(), host.to_owned(), RefCell::default());
        Self { dir, host, tls, tokens, clock, renewed }
    }

    /// How the gateway is addressed.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Asks for new tokens when those there are have become old; who cannot have them now keeps those.
    pub(super) fn renew(&self) {
        if self.clock.elapsed() > self.renewed.get() + RENEWED && self.has_new_tokens() {
            self.renewed.set(self.clock.elapsed());
        }
    }

    /// Asks for the first tokens: who has just started on a machine with much else to do may have to say
    /// that it does not know yet what was revoked.
    pub(super) fn has_first_tokens(&self) {
        assert!((0..TRIES).any(|_| self.has_new_tokens()), "no tokens are given");
    }

    /// Asks for new tokens; `false` if none are given.
    fn has_new_tokens(&self) -> bool {
        let all = 0..CLIENTS.len();
        let tokens: Option<Vec<_>> = all.map(|client| self.token_at(&self.host, client)).collect();
        tokens.map(|tokens| self.tokens.replace(tokens)).is_some()
    }

    /// The token of the n-th client.
    pub(super) fn token(&self, client: usize) -> Ref<'_, String> {
        Ref::map(self.tokens.borrow(), |tokens| &tokens[client])
    }

    /// A new token of the n-th client for another gateway.
    pub(super) fn token_at(&self, host: &str, client: usize) -> Option<String> {
        members::token(&self.dir, host, client)
    }

    /// A connection to the gateway at a port of this machine, which is addressed as `host`; none if it
    /// cannot be reached.
    pub(super) async fn line(&self, port: u16, host: &str) -> Option<Line> {
        timeout(PATIENCE, self.reach(port, host)).await.ok()?
    }

    async fn reach(&self, port: u16, host: &str) -> Option<Line> {
        let link = TcpStream::connect(("127.0.0.1", port)).await.ok()?.into_std().unwrap();
        let wire = link.try_clone().unwrap();
        let link = TcpStream::from_std(link).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let link = self.tls.connect(name, link).await.ok()?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(link)).await.ok()?;
        let (sender, connection) = shaken;
        let driven = tokio::spawn(connection).abort_handle();
        Some(Line { sender, driven, wire, host: host.to_owned() })
    }
}

/// What a process is started with: the file of its settings, where it keeps its data, its ports, and more.
pub(super) fn said(
    config: &Path,
    data: &Path,
    [public, management]: [u16; 2],
    more: &[String],
) -> Vec<String> {
    let own = [
        format!("store.directory={}", data.display()),
        format!("listen.public=127.0.0.1:{public}"),
        format!("listen.management=127.0.0.1:{management}"),
        "listen.cores=1".to_owned(),
        "limits.client_requests_per_second=1000000".to_owned(),
    ];
    let set = own.iter().chain(more).flat_map(|one| ["--set".to_owned(), one.clone()]);
    std::iter::once(config.display().to_string()).chain(set).collect()
}

/// Waits until something holds, asked again whenever there is news; `false` if it takes too long.
pub(super) async fn until(news: &watch::Sender<()>, holds: impl Fn() -> bool) -> bool {
    let mut news = news.subscribe();
    let held = async {
        while !holds() {
            news.changed().await.unwrap();
        }
    };
    timeout(LONGEST, held).await.is_ok()
}
