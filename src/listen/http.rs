//! hyper on one side, the gateway's requests and answers on the other.
//!
//! Part of `listen`; the only file that names hyper's server. HTTP/1.1 (RFC 9112) and nothing else:
//! no protocol is guessed from the first bytes, since that would wait without a clock. What an
//! answer says is not touched here, except that a connection which must end says so.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use http::{HeaderValue, Request, Response, header};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Answer, Answering, Door, Incoming, Limits, Stopping,
    body::{Body, BodyReader},
    guard::{self, Refusal},
    wire::{Notes, Seen, Wire},
};
use crate::{error::Kind, pki::name::Names};

/// The most that hyper buffers in one direction of one connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// The other end of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    /// SHA-256 of the certificate it showed.
    pub(super) certificate: Option<[u8; 32]>,
    /// Who that says it is.
    pub(super) names: Option<Arc<Names>>,
    /// Its network address.
    pub(super) address: Arc<str>,
}

/// Serves the requests of one connection until it ends, or its last answer after a stop.
pub(super) async fn serve<S>(
    door: &Arc<Door>,
    stream: S,
    peer: Peer,
    answer: Arc<dyn Answer>,
    mut stopping: Stopping,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let notes = Arc::new(Notes::default());
    let io = TokioIo::new(Wire::new(stream, notes.clone(), &door.limits));
    let service = service_fn(move |request| {
        // What the wire saw of this head must be taken now, before hyper reads the next one.
        let seen = notes.head();
        let (door, notes, answer) = (door.clone(), notes.clone(), answer.clone());
        Road { door, notes, answer }.walk(request, seen, peer.clone())
    });
    let mut connection = pin!(http1(&door.limits).serve_connection(io, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.asked() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// hyper's settings. Every clock on a connection is the wire's.
fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes.max(BUFFER_BYTES))
        .max_buf_size(BUFFER_BYTES)
        // Else hyper would look for the end of what comes, with a new buffer, whenever an answer goes on.
        .half_close(true);
    builder
}

/// From one parsed head to one answer.
struct Road {
    door: Arc<Door>,
    notes: Arc<Notes>,
    answer: Arc<dyn Answer>,
}

/// An answer on its way to hyper.
type Walking = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Road {
    /// The head is judged at once, so that it is moved only into the future of its road: on a busy
    /// core the futures of all that is under way have to fit into its cache.
    fn walk(self, request: Request<hyper::body::Incoming>, seen: Seen, peer: Peer) -> Walking {
        if seen.last {
            self.notes.close();
        }
        let (mut parts, body) = request.into_parts();
        let checked = match seen.refusal {
            Some(refusal) => Err(refusal),
            None => guard::check(&mut parts, &self.door.hosts, &self.door.limits),
        };
        let body = BodyReader::new(body, self.door.limits, Arc::clone(&self.notes));
        let Peer { certificate: peer_certificate, names: peer_names, address } = peer;
        let request = Incoming { parts, body, peer_certificate, peer_names, address };
        Box::pin(async move {
            let answered = match checked {
                Err(refusal) => Err(refusal),
                Ok(()) if request.parts.method.is_safe() => {
                    caught(self.answer.answer(request)).await
                }
                Ok(()) => {
                    // What changes something is brought to its end, also when the client has gone.
                    let answer = Arc::clone(&self.answer);
                    let answering = async move { caught(answer.answer(request)).await };
                    tokio::spawn(answering).await.unwrap_or(Err(PANICKED))
                }
            };
            Ok(self.leaving(answered))
        })
    }

    fn leaving(&self, answered: Result<Response<Body>, Refusal>) -> Response<Body> {
        let mut response = answered.unwrap_or_else(|(kind, say)| {
            self.notes.close();
            self.answer.refuse(kind, say)
        });
        if self.notes.closes() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.body_mut().attach(Arc::clone(&self.notes));
        response
    }
}

const PANICKED: Refusal = (Kind::Internal, "The gateway failed; its log has the cause.");

/// The answer, unless making it panicked.
async fn caught(mut answering: Answering<'_>) -> Result<Response<Body>, Refusal> {
    std::future::poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(response)) => Poll::Ready(Ok(response)),
            Err(_) => {
                tracing::error!("an answer panicked");
                Poll::Ready(Err(PANICKED))
            }
        }
    })
    .await
}
