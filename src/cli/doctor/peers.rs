//! One peer, step by step: name, address, TLS, answer, clock, keys.
//!
//! Part of `mylife doctor` and `mylife peer test`. The first step that fails is the one that is told.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{
    PATIENCE,
    finding::{Findings, clocks},
};
use crate::{
    authenticate::jose::key::KeySet,
    clock::Clock,
    domain::moment::Moment,
    federation::tls::PeerTls,
    gateway::open::{PeerSetup, Setup},
    pki::validity,
};

/// Longest answer.
const MOST: usize = 4 << 20;
/// Days below which its certificate is told of.
const SOON: i64 = 14;

/// What went wrong, and what mends it.
type Fault = (String, String);

/// Tries one peer.
pub(in crate::cli) async fn look(
    setup: &Setup,
    peer: &PeerSetup,
    clock: &Arc<dyn Clock>,
    findings: &mut Findings,
) {
    let part = format!("peer {}", peer.code);
    let Some(tls) = &setup.peer_tls else { return };
    match timeout(PATIENCE * 2, ask(setup, peer, tls)).await {
        Err(_) => findings.wrong(
            part,
            format!("{} does not answer in time", peer.address),
            "ask its operator whether it runs; look whether a firewall stands between",
        ),
        Ok(Err((say, mend))) => findings.wrong(part, say, mend),
        Ok(Ok(answer)) => judge(&part, peer, &answer, clock, findings),
    }
}

/// What a peer answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    until: Option<Moment>,
}

async fn ask(setup: &Setup, peer: &PeerSetup, tls: &PeerTls) -> Result<Answer, Fault> {
    let at = &peer.address;
    let found = setup.transport.resolve(at).await;
    let addresses = found.unwrap_or_default();
    if addresses.is_empty() {
        let say = format!("the name {} is not known to this machine's DNS", at.host());
        return Err((say, "mend the peer's url, or the DNS of this machine".to_owned()));
    }
    let connecting = timeout(PATIENCE, setup.transport.connect(at)).await;
    let link = connecting.map_err(std::io::Error::other).flatten().map_err(|error| {
        let mend = "ask its operator whether it runs; look whether a firewall stands between";
        (format!("{at} cannot be reached: {}", error.kind()), mend.to_owned())
    })?;
    let name = ServerName::try_from(at.host().to_owned())
        .map_err(|_| (format!("{at} is no name for TLS"), "mend the peer's url".to_owned()))?;
    let stream = TlsConnector::from(tls.settings()).connect(name, link).await.map_err(|error| {
        let mend = "have listen.authorities hold the authority of its certificate, and it that of \
                    ours; then look at both certificates' names and dates";
        (format!("TLS fails: {error}"), mend.to_owned())
    })?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let until = leaf.and_then(|leaf| validity::of(leaf)).map(|(_, until)| until);
    let silent = |error: &dyn std::fmt::Display| {
        let mend = "ask its operator what its log says; the address may be of something else";
        (format!("it takes the connection and does not answer: {error}"), mend.to_owned())
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| silent(&error))?;
    // Ends with the answer.
    drop(tokio::spawn(connection));
    let request = Request::get("/.well-known/jwks.json")
        .header(header::HOST, at.to_string())
        .body(Full::new(Bytes::new()))
        .map_err(|error| silent(&error))?;
    let answer = sender.send_request(request).await.map_err(|error| silent(&error))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MOST).collect().await.map_err(|error| silent(&error))?.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body, until })
}

fn judge(
    part: &str,
    peer: &PeerSetup,
    answer: &Answer,
    clock: &Arc<dyn Clock>,
    findings: &mut Findings,
) {
    if answer.status != StatusCode::OK {
        let say = format!("it answers {} where a gateway publishes its keys", answer.status);
        findings.wrong(part, say, "mend the peer's url: something else answers there");
        return;
    }
    findings.fine(part, format!("{} answers over mutual TLS", peer.address));
    let now = clock.now();
    let date = answer.headers.get(header::DATE).and_then(|date| date.to_str().ok());
    if let Some(date) = date.and_then(http_date) {
        clocks(part, now.millis() - date.millis(), findings);
    }
    if let Some(days) = answer.until.map(|until| (until.seconds() - now.seconds()) / 86_400)
        && days < SOON
    {
        let say = format!("its certificate lasts {days} days");
        findings.doubtful(part, say, "tell its operator to renew it");
    }
    if !publishes(peer, &answer.body) {
        findings.wrong(
            part,
            "none of the keys it publishes is among its jwks here: its assertions are refused",
            "ask its operator for its present entry (`mylife pki gateway` printed it), and reload",
        );
    }
}

/// Does the peer still sign with a key that is known here?
fn publishes(peer: &PeerSetup, body: &[u8]) -> bool {
    let Ok(published) = serde_json::from_slice::<Value>(body) else { return false };
    let points = |jwks: &Value| -> Vec<Value> {
        let keys = jwks.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        keys.iter().filter_map(|key| key.get("x").or_else(|| key.get("n")).cloned()).collect()
    };
    let known = points(&peer.jwks);
    KeySet::parse(&published).is_ok() && points(&published).iter().any(|one| known.contains(one))
}

/// The instant of a `Date` header (RFC 9110 section 5.6.7, its preferred form).
fn http_date(text: &str) -> Option<Moment> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split(' ').skip(1);
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = 1 + MONTHS.iter().position(|known| *known == month)?;
    // The middle of the second it names.
    let half = Duration::from_millis(500);
    Moment::parse(&format!("{year}-{month:02}-{day}T{time}Z")).map(|at| at.plus(half))
}
