//! Answers in pieces: each recorded on its own, made when the one before has left.
//!
//! Part of `respond`. A piece exists only of an [`Answer`] with its [`Receipt`], whose deadline is checked
//! when its first byte is handed over. A piece that cannot be made cuts the connection, so that half a
//! file is never taken for a whole one.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, HeaderValue, Response, header};

use super::{RECEIPT, always, flight::InFlight, mac_text, packed::takes_gzip, packing::Packing};
use crate::{
    audit::Receipt,
    bundle::Answer,
    clock::Clock,
    error::Result,
    listen::body::{Body, Piece, Pieces},
};

/// A piece that is written down.
pub struct Recorded(Piece);

/// The piece of an answer; it leaves as long as its receipt allows.
///
/// # Errors
/// `Unavailable` if that is no longer so; of the first piece it can still be said.
pub fn piece(
    answer: Answer,
    receipt: &Receipt,
    clock: Arc<dyn Clock>,
    in_flight: InFlight,
) -> Result<Recorded> {
    receipt.in_time(clock.elapsed())?;
    in_flight.handed_over(receipt);
    let deadline = receipt.deadline();
    let check = move || {
        let in_time = clock.elapsed() < deadline;
        drop(in_flight);
        in_time
    };
    Ok(Recorded(Piece { bytes: answer.into_body(), check: Some(Box::new(check)) }))
}

/// A piece on its way, and whoever makes it.
pub type Making<M> = Pin<Box<dyn Future<Output = (M, Result<Option<Recorded>>)> + Send>>;

/// Makes pieces, one after another.
pub trait Maker: Send + Sized + 'static {
    /// The next piece; `None` after the last.
    fn make(self) -> Making<Self>;
}

struct Made<M> {
    first: Option<Recorded>,
    idle: Option<M>,
    under_way: Option<Making<M>>,
}

impl<M: Maker> Pieces for Made<M> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>> {
        if let Some(Recorded(first)) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.under_way.is_none() {
            self.under_way = self.idle.take().map(Maker::make);
        }
        let Some(making) = &mut self.under_way else { return Poll::Ready(None) };
        let (maker, made) = ready!(making.as_mut().poll(cx));
        self.under_way = None;
        Poll::Ready(match made {
            Ok(Some(Recorded(piece))) => {
                self.idle = Some(maker);
                Some(Ok(piece))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(reason = %error, "an answer in pieces was cut");
                Some(Err(error))
            }
        })
    }
}

/// A file of lines, its first piece made already, with the caller's receipt for that; packed where these
/// headers ask for it.
pub fn lines<M: Maker>(
    first: Option<Recorded>,
    rest: M,
    mac: [u8; 32],
    request_id: &str,
    asked: &HeaderMap,
) -> Response<Body> {
    let made = Made { first, idle: Some(rest), under_way: None };
    let is_packed = takes_gzip(asked);
    let body = if is_packed { Body::pieces(Packing::new(made)) } else { Body::pieces(made) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    always(headers, request_id);
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/fhir+ndjson"));
    headers.extend(mac_text(mac).map(|value| (RECEIPT, value)));
    response
}
