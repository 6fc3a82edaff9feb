//! Takes connections and turns what arrives into requests the gateway may believe.
//!
//! Before the first step of the way: bounds connections, handshakes, heads and bodies, refuses what
//! two readers could read in two ways (RFC 9112 sections 3.2, 6.1, 11.2), and drains on shutdown. It
//! must not know what a request means, and HTTP/1.1 is all it speaks.

pub mod body;
pub mod cores;
pub mod guard;
pub mod http;
pub mod tls;
pub mod wire;

use std::{
    future::pending,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use ::http::{Response, request::Parts};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use self::{
    body::{Body, BodyReader},
    guard::Hosts,
    http::Peer,
    tls::Tls,
};
use crate::{
    error::Kind,
    pki::name::Names,
    transport::{Link, Port},
};

/// Whatever answers requests: the gateway, its management face, a test.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request. A panic in here is answered with a refusal and costs the connection.
    fn answer(&self, request: Incoming) -> Answering<'_>;
    /// The answer to what never became a request. `say` tells the caller what to do.
    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body>;
}

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>;

/// One request that has passed the guard.
#[derive(Debug)]
pub struct Incoming {
    /// The head; its target is in origin form, forwarding headers are gone.
    pub parts: Parts,
    /// The body, not read yet.
    pub body: BodyReader,
    /// SHA-256 of the client certificate's DER form (RFC 8705 `x5t#S256`), if the client showed one
    /// that a configured authority vouches for.
    pub peer_certificate: Option<[u8; 32]>,
    /// Who that certificate says its holder is.
    pub peer_names: Option<Arc<Names>>,
    /// Network address of the other end of the connection, without the port.
    pub address: Arc<str>,
}

/// What one listener bears.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// The TLS handshake.
    pub handshake: Duration,
    /// From the first byte of a request's head to its last; a new connection's first head counts
    /// from its start.
    pub head: Duration,
    /// Between two requests; larger than the idle time of whatever stands in front.
    pub idle: Duration,
    /// Request line and header fields together.
    pub head_bytes: usize,
    /// The request target.
    pub target_bytes: usize,
    /// A body.
    pub body_bytes: usize,
    /// From the first wait for a body to its end.
    pub body: Duration,
    /// Bytes per second a body must keep, after [`Limits::body_grace`].
    pub body_rate: u32,
    /// How long a body may take before its rate counts.
    pub body_grace: Duration,
    /// How long a client may leave an answer untaken.
    pub stall: Duration,
    /// How long requests under way may take once the gateway stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            head_bytes: 16 * 1024,
            target_bytes: 8 * 1024,
            body_bytes: 1024 * 1024,
            body: Duration::from_secs(30),
            body_rate: 1024,
            body_grace: Duration::from_secs(5),
            stall: Duration::from_secs(20),
            drain: Duration::from_secs(10),
        }
    }
}

/// One listener's rules. Several ports (one per core) share a door, and with it the bound on
/// connections and the certificate.
pub struct Door {
    limits: Limits,
    hosts: Hosts,
    tls: Option<Arc<Tls>>,
    seats: Arc<Semaphore>,
}

impl Door {
    /// A door that speaks TLS, or cleartext where `tls` is none (the loopback listener alone).
    pub fn new(limits: Limits, hosts: Hosts, tls: Option<Arc<Tls>>) -> Self {
        let seats = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Self { limits, hosts, tls, seats }
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.limits.connections.saturating_sub(self.seats.available_permits())
    }
}

/// The hand that stops the listeners.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// What listeners look at to know that they are to stop; also when [`Stop`] is dropped.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stop {
    /// A hand and what follows it.
    pub fn new() -> (Self, Stopping) {
        let (hand, eye) = watch::channel(false);
        (Self(hand), Stopping(eye))
    }

    /// No new connections; requests under way end within the drain time.
    pub fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Returns once the listeners are to stop.
    pub async fn asked(&mut self) {
        // An error means that the hand is gone, which asks just as well.
        drop(self.0.wait_for(|&stop| stop).await);
    }
}

/// The pause after a failed accept: out of file descriptors, most likely.
const BREATH: Duration = Duration::from_millis(50);

/// Serves one port until asked to stop, then until its requests are answered or the drain time is
/// over. Must run inside a tokio runtime with I/O and time.
pub async fn serve(
    door: Arc<Door>,
    mut port: Box<dyn Port>,
    answer: Arc<dyn Answer>,
    mut stopping: Stopping,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopping.asked() => break,
            Some(_) = open.join_next() => (),
            (link, from, seat) = arrival(&door, port.as_mut()) => {
                let (door, answer, stopping) = (door.clone(), answer.clone(), stopping.clone());
                open.spawn(async move {
                    connection(&door, link, from, answer, stopping).await;
                    drop(seat);
                });
            }
        }
    }
    drop(port);
    let drained = async { while open.join_next().await.is_some() {} };
    if timeout(door.limits.drain, drained).await.is_err() {
        tracing::warn!(left = open.len(), "requests were cut off at the end of the drain time");
    }
}

/// The next connection and its seat. Waits for the seat first, so that what there is no room for
/// stays in the kernel's queue.
async fn arrival(
    door: &Door,
    port: &mut dyn Port,
) -> (Link, IpAddr, tokio::sync::OwnedSemaphorePermit) {
    let Ok(seat) = door.seats.clone().acquire_owned().await else {
        return pending().await;
    };
    loop {
        let arrived: Result<(Link, SocketAddr), _> = port.accept().await;
        match arrived {
            Ok((link, from)) => return (link, from.ip(), seat),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(BREATH).await;
            }
        }
    }
}

async fn connection(
    door: &Arc<Door>,
    link: Link,
    from: IpAddr,
    answer: Arc<dyn Answer>,
    stopping: Stopping,
) {
    let address = from.to_string().into();
    let Some(tls) = &door.tls else {
        return http::serve(
            door,
            link,
            Peer { certificate: None, names: None, address },
            answer,
            stopping,
        )
        .await;
    };
    match timeout(door.limits.handshake, tls.accept(link)).await {
        Ok(Ok((stream, shown))) => {
            let (certificate, names) = shown.unzip();
            let peer = Peer { certificate, names, address };
            http::serve(door, stream, peer, answer, stopping).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}
