//! Bodies: of a request, read whole within bounds; of an answer, handed over while it may leave.
//!
//! Part of `listen`; `respond` fills a [`Body`]. Every answer is good for a short time only (the
//! deadline its receipt carries), so each piece brings a check that is asked when its first byte is
//! handed over; if it fails, the connection is cut. A body must never be read without bounds.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    Limits,
    wire::{Check, Notes},
};
use crate::error::{Error, Kind, Result};

/// The body of a request.
pub struct BodyReader(From);

enum From {
    Held(Bytes),
    Wire(hyper::body::Incoming, Limits, Arc<Notes>),
}

impl BodyReader {
    /// A body that is already here: for tests and for requests made inside the gateway.
    pub fn of(bytes: impl Into<Bytes>) -> Self {
        Self(From::Held(bytes.into()))
    }

    pub(super) fn new(body: hyper::body::Incoming, limits: Limits, notes: Arc<Notes>) -> Self {
        Self(From::Wire(body, limits, notes))
    }

    /// The whole body. Too many bytes are `TooLarge`, too few per second `RequestTimeout`, broken
    /// framing `Invalid`; after any of them the connection ends with the answer. Trailers are
    /// passed over.
    pub async fn whole(self) -> Result<Bytes> {
        match self.0 {
            From::Held(bytes) => Ok(bytes),
            From::Wire(body, limits, notes) => {
                let outcome = collect(body, &limits).await;
                if outcome.is_err() {
                    notes.close();
                }
                outcome
            }
        }
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyReader")
    }
}

async fn collect(mut body: hyper::body::Incoming, limits: &Limits) -> Result<Bytes> {
    let too_large = || Error::new(Kind::TooLarge, "Send a smaller body.");
    let cap = limits.body_bytes;
    if http_body::Body::size_hint(&body).lower() > cap as u64 {
        return Err(too_large());
    }
    let start = Instant::now();
    let mut all = Vec::new();
    loop {
        let until = start + allowed(all.len(), limits);
        let frame = match timeout_at(until, body.frame()).await {
            Err(_) => return Err(Error::new(Kind::RequestTimeout, "Send the body faster.")),
            Ok(None) => return Ok(all.into()),
            Ok(Some(Err(e))) => {
                return Err(Error::invalid("The body is not framed well.").because(e));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(bytes) = frame.into_data() else { continue };
        if all.len().saturating_add(bytes.len()) > cap {
            return Err(too_large());
        }
        all.extend_from_slice(&bytes);
    }
}

/// How long a body may have taken once so many bytes of it are here.
fn allowed(bytes: usize, limits: &Limits) -> Duration {
    let earned = (bytes as u64).checked_div(u64::from(limits.body_rate)).unwrap_or(u64::MAX);
    limits.body_grace.saturating_add(Duration::from_secs(earned)).min(limits.body)
}

/// A part of an answer that is decided on its own.
pub struct Piece {
    /// What is sent.
    pub bytes: Bytes,
    /// May it still leave?
    pub check: Option<Check>,
}

/// Pieces one after another. The next is asked for once everything before it has left, so what takes
/// long to take is not made ahead and does not grow old.
pub trait Pieces: Send {
    /// The next piece; `None` after the last.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>>;
}

impl Pieces for mpsc::Receiver<Result<Piece>> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>> {
        self.poll_recv(cx)
    }
}

/// The body of an answer.
pub struct Body {
    first: Piece,
    rest: Option<Box<dyn Pieces>>,
    notes: Option<HandingOver>,
}

/// While an answer is handed over, its connection is not idle.
struct HandingOver(Arc<Notes>);

impl Drop for HandingOver {
    fn drop(&mut self) {
        self.0.answered();
    }
}

impl Body {
    /// Bytes that may leave at any time: nothing of any person.
    pub fn free(bytes: impl Into<Bytes>) -> Self {
        Self::new(Piece { bytes: bytes.into(), check: None }, None)
    }

    /// Bytes that leave if `check` holds when the first of them (or of the head, if there are none)
    /// is handed over.
    pub fn checked(bytes: impl Into<Bytes>, check: impl FnOnce() -> bool + Send + 'static) -> Self {
        Self::new(Piece { bytes: bytes.into(), check: Some(Box::new(check)) }, None)
    }

    /// Pieces as they come, each with its own check. An error cuts the connection, so that half an
    /// answer is never taken for a whole one.
    pub fn pieces(rest: impl Pieces + 'static) -> Self {
        Self::new(Piece { bytes: Bytes::new(), check: None }, Some(Box::new(rest)))
    }

    /// The same answer without its bytes (304); its check stays.
    #[must_use]
    pub fn without_bytes(self) -> Self {
        Self { first: Piece { bytes: Bytes::new(), ..self.first }, rest: None, ..self }
    }

    /// The same answer, its bytes written in another way; its check stays. What comes in pieces stays as
    /// it is.
    #[must_use]
    pub fn rewritten(self, write: impl FnOnce(Bytes) -> Vec<u8>) -> Self {
        if self.rest.is_some() || self.first.bytes.is_empty() {
            return self;
        }
        let bytes = write(self.first.bytes).into();
        Self { first: Piece { bytes, ..self.first }, ..self }
    }

    /// What is handed over, for an answer that is made of several; none of what comes in pieces.
    pub fn into_piece(self) -> Option<Piece> {
        self.rest.is_none().then_some(self.first)
    }

    fn new(first: Piece, rest: Option<Box<dyn Pieces>>) -> Self {
        Self { first, rest, notes: None }
    }

    /// From here on checks are asked by the wire; the first one even if no byte of the body is
    /// ever sent (HEAD, 304).
    pub(super) fn attach(&mut self, notes: Arc<Notes>) {
        if let Some(check) = self.first.check.take() {
            notes.hold(check);
        }
        self.notes = Some(HandingOver(notes));
    }

    fn pass(&self, piece: Piece) -> Option<Result<Frame<Bytes>>> {
        match (piece.check, &self.notes) {
            (Some(check), Some(HandingOver(notes))) => notes.hold(check),
            (Some(check), None) => {
                if !check() {
                    return Some(Err(Error::too_old()));
                }
            }
            (None, _) => (),
        }
        if piece.bytes.is_empty() {
            return None;
        }
        if let (Some(_), Some(HandingOver(notes))) = (&self.rest, &self.notes) {
            notes.sending();
        }
        Some(Ok(Frame::data(piece.bytes)))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let none = Piece { bytes: Bytes::new(), check: None };
        let first = std::mem::replace(&mut self.first, none);
        if let Some(frame) = self.pass(first) {
            return Poll::Ready(Some(frame));
        }
        loop {
            let Self { rest: Some(rest), notes, .. } = &mut *self else {
                return Poll::Ready(None);
            };
            if let Some(HandingOver(notes)) = notes {
                ready!(notes.poll_sent(cx));
            }
            match ready!(rest.poll_piece(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(piece)) => {
                    if let Some(frame) = self.pass(piece) {
                        return Poll::Ready(Some(frame));
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && self.first.check.is_none() && self.first.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.rest {
            None => SizeHint::with_exact(self.first.bytes.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}
