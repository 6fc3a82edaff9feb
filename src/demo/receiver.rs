//! Somebody who is told of changes: a place behind TLS that takes every notification and writes it down.
//!
//! Beside the way of a request. A client that subscribes stands up a place of its own; this one is the
//! demo's, registered for every client that may subscribe, so that a newcomer sees what comes. Each
//! notification is a line of a file, with the signature that came with it; nothing is judged.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    authenticate::registry::{ClientEntry, NotifyEntry},
    error::{Error, Kind, Result},
    listen::{self, Answer, Answering, Door, Incoming, Stopping, body::Body},
    notify::sign::SIGNATURE,
    oauth::keys::fetch::Rules,
    transport::Authority,
};

/// The file below the demo's directory.
pub const FILE: &str = "notified.ndjson";
/// By this name it is reached; a certificate of the demo has it.
const HOST: &str = "localhost";

/// Where notifications go.
pub struct Place {
    /// Its port on 127.0.0.1.
    port: u16,
}

impl Place {
    /// That of a bound port.
    ///
    /// # Errors
    /// `Unavailable` if it is not bound.
    pub fn of(listener: &TcpListener) -> Result<Self> {
        Ok(Self { port: listener.local_addr().map_err(Error::unavailable)?.port() })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("https://{HOST}:{}/told", self.port)
    }

    /// A client as a gateway has it configured: it is notified here, if it may subscribe.
    pub fn registered(&self, entry: ClientEntry) -> ClientEntry {
        let may = entry.scopes.iter().any(|scope| scope.starts_with("system/Subscription."));
        let urls = if may { vec![self.url()] } else { Vec::new() };
        ClientEntry { notify: NotifyEntry { urls, ..NotifyEntry::default() }, ..entry }
    }

    /// What lets a gateway reach it, which is on no public host.
    pub fn rules(&self, authorities: &str) -> Rules {
        let inside = vec![Authority::new(HOST, self.port)];
        Rules { inside, authorities: Some(authorities.to_owned()) }
    }
}

/// The receiver's life, on a thread of its own.
pub fn run(listener: TcpListener, door: Door, file: File, stopping: Stopping) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let port = Box::new(tokio::net::TcpListener::from_std(listener)?);
            let desk = Arc::new(Desk(Mutex::new(file)));
            listen::serve(Arc::new(door), port, desk, stopping).await;
            Ok(())
        })
    });
    if let Err(error) = served {
        tracing::error!(%error, "the demo's receiver of notifications cannot serve");
    }
}

/// The file that it writes to, after what is there.
///
/// # Errors
/// `Unavailable` if it cannot be made.
pub fn file(dir: &Path) -> Result<File> {
    let made = OpenOptions::new().create(true).append(true).open(dir.join(FILE));
    made.map_err(Error::unavailable)
}

struct Desk(Mutex<File>);

impl Answer for Desk {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            let Incoming { parts, body, .. } = request;
            let signature = parts.headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
            let body = body.whole().await.unwrap_or_default();
            let Ok(notification) = serde_json::from_slice::<Value>(&body) else {
                return says(StatusCode::BAD_REQUEST);
            };
            let line = json!({ "notification": notification, "signature": signature });
            let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // What is not written down is not acknowledged.
            says(match writeln!(file, "{line}") {
                Ok(()) => StatusCode::OK,
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
            })
        })
    }

    fn refuse(&self, kind: Kind, _: &'static str) -> Response<Body> {
        says(StatusCode::from_u16(kind.shape().status).unwrap_or(StatusCode::BAD_REQUEST))
    }
}

fn says(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::free(""));
    *response.status_mut() = status;
    response
}
