//! Those who ask the gateways of a simulation, over TLS, each with a token of before.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use mylife::pki::{self, CertificateTime};
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::json;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use turmoil::net::TcpStream;

use super::{
    federation::{CODES, PORTAL, name},
    network::{Network, line},
};
use crate::{
    load::history::At,
    world::{Reply, World},
};

/// Who asks, and what they may.
pub(super) const SOURCE: (&str, &str, &str) = ("source", "mylife/native.write", "PATADMIN");
pub(super) const DESK: (&str, &str, &str) = ("consent-desk", "system/Consent.cu", "PATADMIN");
pub(super) const READER: (&str, &str, &str) = ("national-portal", "system/*.rs", "TREAT");

/// All who ask.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) network: Network,
    tls: TlsConnector,
    /// Name and port of each gateway.
    gateways: [(String, u16); 3],
    /// By who has it, and where it is good.
    tokens: Arc<BTreeMap<(&'static str, usize), String>>,
}

/// A connection to a gateway.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    from: IpAddr,
}

/// What is asked.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// What came back, and when it began to leave.
pub(super) struct Told {
    pub(super) reply: Reply,
    pub(super) started: At,
}

impl Clients {
    pub(super) fn new(world: &World, network: &Network) -> Self {
        let time = Arc::new(CertificateTime(world.clock.clone()));
        let anchors = pki::anchors(&world.authority.issued().certificate).unwrap();
        let tls = ClientConfig::builder_with_details(pki::provider(), time)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(anchors)
            .with_no_client_auth();
        let mut tokens = BTreeMap::new();
        for (who, scope, purpose) in [SOURCE, DESK, READER] {
            for (at, code) in CODES.into_iter().enumerate() {
                let (identity, actor) = (&world.identities[code], world.actor(who));
                let said = json!({ "purpose": purpose });
                let token = identity.token(&actor, scope, world.now(), &said);
                tokens.insert((who, at), token);
            }
        }
        let gateway =
            |code: &str| (world.identities[code].host.clone(), world.identities[code].port);
        Self {
            network: network.clone(),
            tls: TlsConnector::from(Arc::new(tls)),
            gateways: CODES.map(gateway),
            tokens: Arc::new(tokens),
        }
    }

    /// Asks once, on the connection there is or a new one, which is kept if it is good. Whoever waits no
    /// longer gives the connection up.
    pub(super) async fn ask(
        &self,
        kept: &mut Option<Line>,
        (who, at): ((&'static str, &str, &str), usize),
        ask: Ask,
        patience: Duration,
    ) -> Option<Told> {
        let mut from = None;
        let exchange = async {
            let mut line = match kept.take().filter(|line| !line.sender.is_closed()) {
                Some(line) => line,
                None => self.line(at).await?,
            };
            from = Some(line.from);
            let told = self.exchange(&mut line, (who.0, at), ask).await?;
            *kept = Some(line);
            Some(told)
        };
        let told = timeout(patience, exchange).await.ok().flatten();
        if let (None, Some(from)) = (&told, from) {
            self.network.give_up(from);
        }
        told
    }

    async fn line(&self, to: usize) -> Option<Line> {
        let (host, port) = &self.gateways[to];
        let stream = TcpStream::connect((name(to), *port)).await.ok()?;
        let from = line(stream.local_addr().ok()?);
        let server = ServerName::try_from(host.clone()).unwrap();
        let stream = self.tls.connect(server, stream).await.ok()?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        drop(tokio::spawn(connection));
        Some(Line { sender, from })
    }

    async fn exchange(
        &self,
        line: &mut Line,
        (who, at): (&'static str, usize),
        Ask { method, path, kind, body }: Ask,
    ) -> Option<Told> {
        let (host, port) = &self.gateways[at];
        let mut request = Request::builder()
            .method(method)
            .uri(&path)
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.tokens[&(who, at)]));
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if at == PORTAL {
            request = request.header("mylife-nodes", CODES[1..].join(","));
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let (head, body) = line.sender.send_request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let reply = Reply::checked(&path, Response::from_parts(head, body));
        Some(Told { reply, started: self.network.started(line.from) })
    }
}
