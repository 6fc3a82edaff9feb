//! What operators and orchestrators ask: is it alive, may requests come, what does it count, how are
//! its peers.
//!
//! Part of `serve`, for a gateway's own life and for the demo's; cleartext, on the loopback interface
//! unless `listen.management_exposed` lets other machines ask.
//! It shows nothing of any person or caller.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    domain::moment::Moment,
    error::Kind,
    federation::{ask::Source, breaker},
    gateway::Gateway,
    listen::{self, Answer, Answering, Door, Incoming, Limits, Stopping, body::Body, guard::Hosts},
    notify::record,
    pki::{self, trust, validity},
    serve::current::Current,
    shared::Key,
    store::subscription::State,
    telemetry::{Telemetry, span::Spans, text::Text},
    transport::Port,
};

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Files of certificates and of revoked ones, by what each is for; those of the settings in force.
pub type Certificates = Arc<ArcSwap<Vec<(&'static str, PathBuf)>>>;

/// Where a gateway stands between its start and its end.
#[derive(Debug, Default)]
pub struct Phase {
    /// All cores listen.
    pub started: AtomicBool,
    /// It has been asked to stop.
    pub draining: AtomicBool,
    /// Records in the tree that was signed last.
    pub signed: AtomicU64,
}

impl Phase {
    fn is_open(&self) -> bool {
        self.started.load(Ordering::SeqCst) && !self.draining.load(Ordering::SeqCst)
    }
}

/// The management face of one gateway.
pub struct Management {
    /// The gateway.
    pub current: Arc<Current>,
    /// Its public door.
    pub door: Arc<Door>,
    /// Where it stands.
    pub phase: Arc<Phase>,
    /// What it counts.
    pub telemetry: Arc<Telemetry>,
    /// The certificates that are shown and trusted.
    pub certificates: Certificates,
    /// May other machines ask, under whatever name they have for this one?
    pub exposed: bool,
}

impl Management {
    /// Answers on a port until told to stop: to this machine's own names alone, unless it is exposed.
    pub async fn serve(self, port: Box<dyn Port>, stopping: Stopping) {
        let own = ["localhost", "127.0.0.1", "[::1]"];
        let hosts = if self.exposed { Hosts::any() } else { Hosts::new(own) };
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
            "/metrics" => page(StatusCode::OK, PROMETHEUS, self.metrics().await),
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
        let gateway = self.gateway();
        let revoked = gateway.authenticator.revoked();
        revoked.current(gateway.clock.elapsed()).is_ok()
            && gateway.known_current().is_ok()
            && gateway.tokens.store.walk(None, 1).await.is_ok()
    }

    /// Where the store is, and whether it answers.
    async fn store(&self) -> (bool, Value) {
        let up = self.store_answers().await;
        let kind = if self.gateway().tokens.store.is_shared() { "postgres" } else { "sqlite" };
        (up, json!({ "status": word(up), "kind": kind }))
    }

    /// The same of what replicas share and may lose. Nothing hangs on it: while it is away limits are
    /// divided or requests refused, as the settings say, and any other gateway is asked as before.
    async fn shared(&self) -> Value {
        let gateway = self.gateway();
        let (shared, now) = (&gateway.shared, gateway.clock.now());
        let up = shared.look(&Key::new("health", &[]), now).await.is_ok();
        json!({ "status": word(up), "kind": shared.kind() })
    }

    /// How many subscriptions there are in each state; none while the store does not answer.
    async fn subscriptions(&self) -> Vec<(&'static str, u64)> {
        let counted = self.gateway().tokens.store.count_subscriptions().await.unwrap_or_default();
        let of = |state| counted.iter().find(|(one, _)| *one == state).map_or(0, |(_, n)| *n);
        State::ALL.into_iter().map(|state| (record::status(state), of(state))).collect()
    }

    /// The same of notifications: one that was given up waits for its client.
    async fn notifications(&self) -> Value {
        let counted = self.subscriptions().await;
        let of = |name| counted.iter().find(|(one, _)| *one == name).map_or(0, |(_, n)| *n);
        let given_up = of("error");
        let status = if given_up > 0 { format!("{given_up} GIVEN UP") } else { "UP".to_owned() };
        json!({ "status": status, "active": of("active"), "given_up": given_up })
    }

    fn gateway(&self) -> Arc<Gateway> {
        self.current.gateway()
    }

    async fn metrics(&self) -> String {
        let gateway = self.gateway();
        let up = self.store_answers().await;
        let shared = self.shared().await;
        let subscriptions = self.subscriptions().await;
        let written = gateway.log.is_writable().await;
        self.telemetry.text(&gateway.inside, |text| {
            text.gauge(
                "mylife_ready",
                "1 if requests may come.",
                u8::from(self.phase.is_open() && up),
            );
            let connections = self.door.connections();
            text.gauge("mylife_connections", "Connections at the public listener.", connections);
            let size = gateway.log.head().size;
            text.gauge("mylife_audit_records", "Records in the audit log.", size);
            let written = u8::from(written);
            text.gauge("mylife_audit_up", "0 while the audit log cannot be written.", written);
            let signed = self.phase.signed.load(Ordering::SeqCst);
            text.gauge("mylife_audit_signed_records", "Records in the tree signed last.", signed);
            let at_work = gateway.conversions.at_work();
            text.gauge("mylife_conversions_active", "Filters at work, a process each.", at_work);
            let waiting = gateway.conversions.waiting();
            text.gauge("mylife_conversions_waiting", "Documents that wait for a filter.", waiting);
            let suspended = u8::from(gateway.terms.suspended);
            text.gauge(
                "mylife_grants_suspended",
                "1 while no grant counts, after a restore.",
                suspended,
            );
            let kind = if gateway.tokens.store.is_shared() { "postgres" } else { "sqlite" };
            text.head("mylife_store_up", "gauge", "1 if the store answers.");
            text.row("mylife_store_up", &[("kind", kind)], u8::from(up));
            text.head("mylife_shared_up", "gauge", "1 if what replicas share answers.");
            let up = u8::from(shared.get("status").is_some_and(|word| word == "UP"));
            text.row("mylife_shared_up", &[("kind", gateway.shared.kind())], up);
            Self::measure_peers(&gateway, text);
            Spans::write(gateway.collector.as_ref().map(|collector| &*collector.spans), text);
            let name = "mylife_subscriptions";
            text.head(name, "gauge", "Subscriptions; those in error are not told any more.");
            for (state, number) in &subscriptions {
                text.row(name, &[("state", state)], number);
            }
            let name = "mylife_certificate_expiry_timestamp_seconds";
            text.head(name, "gauge", "When the first of these certificates ends.");
            for (what, path) in &**self.certificates.load() {
                if let Some(until) = ends(path) {
                    text.row(name, &[("certificate", what)], until.seconds());
                }
            }
        })
    }

    fn measure_peers(gateway: &Gateway, text: &mut Text) {
        let peers = &gateway.reach.sources.peers;
        let mut each = |name: &str, help: &str, value: &dyn Fn(&Source) -> usize| {
            text.head(name, "gauge", help);
            for peer in peers {
                text.row(name, &[("peer", peer.node().as_str())], value(peer));
            }
        };
        let standing = |peer: &Source| peer.client.standing();
        each("mylife_peer_up", "1 if the peer is asked, 0 while it is left in peace.", &|peer| {
            usize::from(!matches!(standing(peer).breaker, breaker::State::Open(_)))
        });
        each("mylife_peer_in_flight", "Questions under way.", &|peer| standing(peer).asked);
        each("mylife_peer_waiting", "Questions that wait for their turn.", &|peer| {
            standing(peer).waiting
        });
        each("mylife_peer_owed", "Consents that are owed to it.", &|peer| {
            gateway.outbox.owed(peer.node())
        });
        let name = "http_client_request_duration_seconds";
        text.head(name, "histogram", "Time of questions to peers.");
        for peer in peers {
            text.histogram(name, &[("peer", peer.node().as_str())], peer.client.times());
        }
    }

    /// How each peer is doing, in order of node code: counts and ages, nothing of what was asked.
    fn peers(&self) -> Value {
        let gateway = self.gateway();
        let row = |peer: &Arc<Source>| {
            let standing = peer.client.standing();
            json!({
                "node": peer.node().as_str(),
                "breaker": standing.breaker.name(),
                "answered_seconds_ago": standing.answered.map(|age| age.as_secs()),
                "asked": standing.asked,
                "waiting": standing.waiting,
                "owed": gateway.outbox.owed(peer.node()),
            })
        };
        let rows = gateway.reach.sources.peers.iter().map(row);
        json!({ "peers": rows.collect::<Vec<_>>() })
    }

    async fn health(&self) -> Response<Body> {
        let (open, (up, store)) = (self.phase.is_open(), self.store().await);
        let gateway = self.gateway();
        let peers = gateway.reach.sources.peers.iter();
        let peers: serde_json::Map<_, _> = peers
            .map(|peer| (peer.node().to_string(), peer.client.standing().breaker.name().into()))
            .collect();
        let log = &gateway.log;
        let (records, signed) = (log.head().size, self.phase.signed.load(Ordering::SeqCst));
        let written = log.is_writable().await;
        let audit = json!({ "status": word(written), "records": records, "signed": signed });
        let health = json!({
            "status": word(open && up && written),
            "node": gateway.node.as_str(),
            "components": {
                "listener": { "status": word(open) },
                "store": store,
                "shared": self.shared().await,
                "audit": audit,
                "grants": { "status": if gateway.terms.suspended { "SUSPENDED" } else { "UP" } },
                "notifications": self.notifications().await,
                "peers": peers,
            },
        });
        let status =
            if open && up && written { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
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

/// When the first of the certificates, or of the lists of revoked ones, in a PEM file ends.
fn ends(path: &Path) -> Option<Moment> {
    let text = std::fs::read_to_string(path).ok()?;
    let validity: Vec<_> = match pki::certificates(&text) {
        Ok(all) => all.iter().filter_map(|one| validity::of(one)).collect(),
        Err(_) => {
            trust::lists(&text).ok()?.iter().filter_map(|one| validity::of_list(one)).collect()
        }
    };
    validity.into_iter().map(|(_, until)| until).min()
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
