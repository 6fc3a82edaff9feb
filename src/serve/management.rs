//! What operators and orchestrators ask: is it alive, may requests come, what does it count, how are
//! its peers.
//!
//! Part of `serve`, for a gateway's own life and for the demo's; cleartext on the loopback interface.
//! It shows nothing of any person or caller.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    error::Kind,
    federation::ask::Source,
    gateway::Gateway,
    listen::{self, Answer, Answering, Door, Incoming, Limits, Stopping, body::Body, guard::Hosts},
    shared::Key,
    telemetry::{Gauges, Telemetry},
    transport::Port,
};

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where a gateway stands between its start and its end.
#[derive(Debug, Default)]
pub struct Phase {
    /// All cores listen.
    pub started: AtomicBool,
    /// It has been asked to stop.
    pub draining: AtomicBool,
}

impl Phase {
    fn is_open(&self) -> bool {
        self.started.load(Ordering::SeqCst) && !self.draining.load(Ordering::SeqCst)
    }
}

/// The management face of one gateway.
pub struct Management {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Its public door.
    pub door: Arc<Door>,
    /// Where it stands.
    pub phase: Arc<Phase>,
    /// What it counts.
    pub telemetry: Arc<Telemetry>,
}

impl Management {
    /// Answers on a loopback port until told to stop.
    pub async fn serve(self, port: Box<dyn Port>, stopping: Stopping) {
        let hosts = Hosts::new(["localhost", "127.0.0.1", "[::1]"]);
        let limits = Limits { connections: 64, drain: Duration::from_secs(1), ..Limits::default() };
        let door = Arc::new(Door::new(limits, hosts, None));
        listen::serve(door, port, Arc::new(self), stopping).await;
    }

    async fn respond(&self, request: Incoming) -> Response<Body> {
        let is_read = matches!(request.parts.method, Method::GET | Method::HEAD);
        match request.parts.uri.path() {
            _ if !is_read => page(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "GET is all there is.\n"),
            "/livez" => page(StatusCode::OK, PLAIN, "alive\n"),
            "/readyz" => yes_or_no(self.is_ready().await, "ready\n", "not ready\n"),
            "/startupz" => {
                let started = self.phase.started.load(Ordering::SeqCst);
                yes_or_no(started, "started\n", "starting\n")
            }
            "/metrics" => page(StatusCode::OK, PROMETHEUS, self.metrics()),
            "/peers" => page(StatusCode::OK, JSON, self.peers().to_string()),
            "/health" => self.health().await,
            _ => page(
                StatusCode::NOT_FOUND,
                PLAIN,
                "Ask for /livez, /readyz, /startupz, /metrics, /peers or /health.\n",
            ),
        }
    }

    async fn is_ready(&self) -> bool {
        self.phase.is_open() && self.store_answers().await
    }

    async fn store_answers(&self) -> bool {
        let store = &self.gateway.tokens.store;
        self.gateway.known_current().is_ok() && store.walk(None, 1).await.is_ok()
    }

    /// Where the store is, and whether it answers.
    async fn store(&self) -> (bool, Value) {
        let up = self.store_answers().await;
        let kind = if self.gateway.tokens.store.is_shared() { "postgres" } else { "sqlite" };
        (up, json!({ "status": word(up), "kind": kind }))
    }

    /// The same of what replicas share and may lose. Nothing hangs on it: while it is away limits are
    /// divided or requests refused, as the settings say, and any other gateway is asked as before.
    async fn shared(&self) -> Value {
        let (shared, now) = (&self.gateway.shared, self.gateway.clock.now());
        let up = shared.look(&Key::new("health", &[]), now).await.is_ok();
        json!({ "status": word(up), "kind": shared.kind() })
    }

    fn metrics(&self) -> String {
        self.telemetry.text(&Gauges {
            connections: self.door.connections(),
            audit_records: self.gateway.log.head().size,
            ready: self.phase.is_open(),
        })
    }

    /// How each peer is doing, in order of node code: counts and ages, nothing of what was asked.
    fn peers(&self) -> Value {
        let row = |peer: &Arc<Source>| {
            let standing = peer.client.standing();
            json!({
                "node": peer.node().as_str(),
                "breaker": standing.breaker.name(),
                "answered_seconds_ago": standing.answered.map(|age| age.as_secs()),
                "asked": standing.asked,
                "waiting": standing.waiting,
                "owed": self.gateway.outbox.owed(peer.node()),
            })
        };
        let rows = self.gateway.reach.sources.peers.iter().map(row);
        json!({ "peers": rows.collect::<Vec<_>>() })
    }

    async fn health(&self) -> Response<Body> {
        let (open, (up, store)) = (self.phase.is_open(), self.store().await);
        let peers = self.gateway.reach.sources.peers.iter();
        let peers: serde_json::Map<_, _> = peers
            .map(|peer| (peer.node().to_string(), peer.client.standing().breaker.name().into()))
            .collect();
        let health = json!({
            "status": word(open && up),
            "node": self.gateway.node.as_str(),
            "components": {
                "listener": { "status": word(open) },
                "store": store,
                "shared": self.shared().await,
                "audit": { "status": "UP", "records": self.gateway.log.head().size },
                "peers": peers,
            },
        });
        let status = if open && up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        page(status, JSON, health.to_string())
    }
}

impl Answer for Management {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(self.respond(request))
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        let status = StatusCode::from_u16(kind.shape().status);
        page(status.unwrap_or(StatusCode::BAD_REQUEST), PLAIN, format!("{say}\n"))
    }
}

fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

fn yes_or_no(holds: bool, yes: &'static str, no: &'static str) -> Response<Body> {
    if holds {
        page(StatusCode::OK, PLAIN, yes)
    } else {
        page(StatusCode::SERVICE_UNAVAILABLE, PLAIN, no)
    }
}

fn page(status: StatusCode, kind: &'static str, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::free(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
