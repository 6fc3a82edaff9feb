//! Fetches what another publishes, or answers: from where it is registered to be and from nowhere else.
//!
//! Part of `oauth::keys`. The name is looked up once, what it leads to is checked, and the connection
//! goes to the very address that was checked, so no second look-up can lead elsewhere. Bounded in time
//! and size; no redirect is followed, nothing is sent but the question. Source: SMART App Launch 2.2
//! `client-confidential-asymmetric`. What came is for others to judge.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::Value;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::guard::is_public;
use crate::{
    authenticate::jose::address::{HTTPS, KeyAddress},
    clock::Clock,
    error::Result as Checked,
    pki::{self, CertificateTime},
    transport::{Authority, Link, Transport},
};

/// Look-up, connection and handshake.
const CONNECT: Duration = Duration::from_secs(1);
/// The whole.
const TOTAL: Duration = Duration::from_secs(2);
/// Largest set.
const MAX_BODY: usize = 64 * 1024;
/// Largest head.
const MAX_HEAD: usize = 16 * 1024;
/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;
/// How long a set counts whose owner says nothing of it.
const USUAL_LIFE: Duration = Duration::from_mins(5);

/// What the operator allows beyond the public internet.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Hosts and ports that may be asked though they are not public, or not on port 443.
    pub inside: Vec<Authority>,
    /// PEM of those that vouch for them, in place of the public authorities.
    pub authorities: Option<String>,
}

impl Rules {
    /// May this place be asked at all? Its addresses are looked at when it is.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, to: &Authority) -> Result<(), &'static str> {
        if to.port() == HTTPS || self.names(to) { Ok(()) } else { Err("its port is not 443") }
    }

    fn names(&self, to: &Authority) -> bool {
        self.inside.contains(to)
    }
}

/// A set as it came, and how long its owner lets it be kept; nothing if it is not said.
pub struct Fetched {
    /// The JSON.
    pub set: Value,
    /// How long it may be kept.
    pub life: Duration,
}

/// A connection.
type Sender = http1::SendRequest<Full<Bytes>>;

/// Fetches.
pub struct Fetcher {
    transport: Arc<dyn Transport>,
    rules: Rules,
    public: Arc<ClientConfig>,
    inside: Arc<ClientConfig>,
}

impl Fetcher {
    /// Checks the texts of certificates.
    ///
    /// # Errors
    /// `Invalid` if the authorities are unusable.
    pub fn new(
        transport: Arc<dyn Transport>,
        rules: Rules,
        clock: &Arc<dyn Clock>,
    ) -> Checked<Self> {
        let settings = |anchors| {
            let time = Arc::new(CertificateTime(Arc::clone(clock)));
            pki::nameless(anchors, time).map(Arc::new)
        };
        let public = settings(pki::public_anchors())?;
        let inside = match &rules.authorities {
            Some(pem) => settings(pki::anchors(pem)?)?,
            None => Arc::clone(&public),
        };
        Ok(Self { transport, rules, public, inside })
    }

    /// One question, one answer.
    ///
    /// # Errors
    /// Why there is nothing to be believed, for the log.
    pub async fn fetch(&self, at: &KeyAddress) -> Result<Fetched, &'static str> {
        let request = Request::get(at.target()).body(Full::default());
        let request = request.map_err(|_| "its address makes no request")?;
        self.bounded(at, request).await
    }

    /// The same with a form, as a token endpoint takes it.
    ///
    /// # Errors
    /// As [`Fetcher::fetch`].
    pub async fn post(
        &self,
        at: &KeyAddress,
        form: String,
        authorization: Option<HeaderValue>,
    ) -> Result<Value, &'static str> {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = Request::post(at.target())
            .body(Full::from(form))
            .map_err(|_| "its address makes no request")?;
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        request.headers_mut().extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        Ok(self.bounded(at, request).await?.set)
    }

    async fn bounded(
        &self,
        at: &KeyAddress,
        request: Request<Full<Bytes>>,
    ) -> Result<Fetched, &'static str> {
        timeout(TOTAL, self.ask(at, request)).await.map_err(|_| "it takes too long")?
    }

    /// Hands something over within a time; gives the status that came back. Once all is ready to be sent
    /// `at_last` is asked whether it may be.
    ///
    /// # Errors
    /// Why it is not known to have arrived, for the log.
    pub async fn deliver(
        &self,
        at: &KeyAddress,
        request: Request<Full<Bytes>>,
        within: Duration,
        at_last: impl FnOnce() -> bool + Send,
    ) -> Result<StatusCode, &'static str> {
        let delivered = async {
            let mut sender = self.open(at).await?;
            if !at_last() {
                return Err("what it is to be sent is not known to be current any more");
            }
            // A redirect is a status like any other that acknowledges nothing.
            Ok(send(&mut sender, at, request).await?.status())
        };
        timeout(within, delivered).await.map_err(|_| "it takes too long")?
    }

    async fn ask(
        &self,
        at: &KeyAddress,
        request: Request<Full<Bytes>>,
    ) -> Result<Fetched, &'static str> {
        let mut sender = self.open(at).await?;
        read(send(&mut sender, at, request).await?).await
    }

    async fn open(&self, at: &KeyAddress) -> Result<Sender, &'static str> {
        let stream = timeout(CONNECT, self.connect(at.authority()));
        let stream = stream.await.map_err(|_| "its host does not answer in time")??;
        let (sender, connection) = http1::Builder::new()
            .max_header_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| "its host speaks no HTTP")?;
        // Ends with the sender.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a client's host ended early");
            }
        });
        Ok(sender)
    }

    /// To one of the addresses that were looked at, and to no other.
    async fn connect(&self, to: &Authority) -> Result<TlsStream<Link>, &'static str> {
        self.rules.admit(to)?;
        let named = self.rules.names(to);
        let found: Vec<SocketAddr> =
            self.transport.resolve(to).await.map_err(|_| "its host has no address")?;
        if !named && !found.iter().all(|at| is_public(at.ip())) {
            return Err("its host has an address that is not public");
        }
        let settings = if named { &self.inside } else { &self.public };
        let name = ServerName::try_from(to.host().to_owned()).map_err(|_| "its host is no name")?;
        for address in found.into_iter().take(MAX_ADDRESSES) {
            let Ok(link) = self.transport.connect(&address.into()).await else { continue };
            let tls = TlsConnector::from(Arc::clone(settings));
            return tls.connect(name, link).await.map_err(|_| "its host is not believed");
        }
        Err("its host cannot be reached")
    }
}

/// Sends a request on a connection of its own.
async fn send(
    sender: &mut Sender,
    at: &KeyAddress,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, &'static str> {
    let host = HeaderValue::try_from(at.authority().to_string());
    let fixed = [
        (header::HOST, host.map_err(|_| "its address makes no request")?),
        (header::ACCEPT, HeaderValue::from_static("application/json, application/jwk-set+json")),
        (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        (header::CONNECTION, HeaderValue::from_static("close")),
    ];
    request.headers_mut().extend(fixed);
    sender.send_request(request).await.map_err(|_| "its answer is broken")
}

async fn read(response: Response<Incoming>) -> Result<Fetched, &'static str> {
    let (parts, mut body) = response.into_parts();
    // A redirect is an answer like any other that is not the set.
    if parts.status != StatusCode::OK {
        return Err("its host answers with another status than 200");
    }
    if parts.headers.contains_key(header::CONTENT_ENCODING) || !is_json(&parts.headers) {
        return Err("it is not JSON");
    }
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(|_| "its answer is broken")?.into_data() else { continue };
        if all.len().saturating_add(bytes.len()) > MAX_BODY {
            return Err("it is too large");
        }
        all.extend_from_slice(&bytes);
    }
    let set = serde_json::from_slice(&all).map_err(|_| "it is not JSON")?;
    Ok(Fetched { set, life: life(&parts.headers) })
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return false };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    ["application/json", "application/jwk-set+json"].iter().any(|e| e.eq_ignore_ascii_case(essence))
}

/// What `Cache-Control` lets us keep it for, less what it spent in caches before us (RFC 9111 section
/// 4.2). Of two words the shorter counts, and what cannot be read is none.
fn life(headers: &HeaderMap) -> Duration {
    let mut said: Option<u64> = None;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or("no-store").split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let seconds = match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => 0,
                "max-age" => value.trim().trim_matches('"').parse().unwrap_or(0),
                _ => continue,
            };
            said = Some(said.map_or(seconds, |before| before.min(seconds)));
        }
    }
    let age = headers.get(header::AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
    let left = |said: u64| Duration::from_secs(said.saturating_sub(age.unwrap_or(0)));
    said.map_or(USUAL_LIFE, left)
}
