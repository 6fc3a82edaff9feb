//! Watches the bytes of one connection: heads before hyper edits them, and the clock on both ways.
//!
//! Part of `listen`, between TLS and hyper. hyper drops `Content-Length` beside `Transfer-Encoding`
//! and everything after `#` in a target, so those are noted here (RFC 9112 sections 2.2, 3.2, 6.1).
//! Nothing is altered. A chunked request is the last of its connection, so that no second reader of
//! chunks is needed to know where the next head begins. The last look at whether an answer may
//! still leave is here too: at the write of its first byte.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{Limits, guard::Refusal};
use crate::error::Kind;

/// Asked when the first byte of a piece is handed over: may it still leave?
pub type Check = Box<dyn FnOnce() -> bool + Send>;

/// What was seen of one head.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// Why it must be refused.
    pub refusal: Option<Refusal>,
    /// Nothing after this request is read.
    pub last: bool,
}

/// What wire and service tell each other about one connection.
#[derive(Default)]
pub(super) struct Notes(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    heads: VecDeque<Seen>,
    checks: Vec<Check>,
    close: bool,
    /// A request is being answered: who waits is the client.
    answering: bool,
    /// A piece of an answer has not left yet, and who waits to give the next.
    sending: bool,
    waiting: Option<Waker>,
}

impl Notes {
    /// What was seen of the head hyper has just parsed; fails closed where nothing was.
    pub(super) fn head(&self) -> Seen {
        let lost = Seen { refusal: Some((Kind::Invalid, "Open a new connection.")), last: true };
        let mut noted = self.lock();
        noted.answering = true;
        noted.heads.pop_front().unwrap_or(lost)
    }

    /// The answer under way has been handed over, or given up.
    pub(super) fn answered(&self) {
        self.lock().answering = false;
    }

    /// A piece of an answer was given that others follow.
    pub(super) fn sending(&self) {
        self.lock().sending = true;
    }

    /// Waits until all that was given has left.
    pub(super) fn poll_sent(&self, cx: &Context<'_>) -> Poll<()> {
        let mut noted = self.lock();
        if noted.sending {
            noted.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// All that was given has left.
    fn sent(&self) {
        let mut noted = self.lock();
        noted.sending = false;
        if let Some(waiting) = noted.waiting.take() {
            waiting.wake();
        }
    }

    /// Is no request under way?
    fn is_idle(&self) -> bool {
        let noted = self.lock();
        !noted.answering && noted.heads.is_empty()
    }

    /// `check` is asked before the next byte is written.
    pub(super) fn hold(&self, check: Check) {
        self.lock().checks.push(check);
    }

    /// This connection ends with the answer under way.
    pub(super) fn close(&self) {
        self.lock().close = true;
    }

    pub(super) fn closes(&self) -> bool {
        self.lock().close
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_write(&self) -> bool {
        let checks = mem::take(&mut self.lock().checks);
        checks.into_iter().all(|check| check())
    }
}

/// Where in a connection's requests the next byte belongs.
#[derive(Clone, Copy)]
enum Place {
    Body(u64),
    Head,
    Rest,
}

/// Follows the requests of one connection.
pub struct Watch {
    place: Place,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The request line has been seen.
    begun: bool,
    /// `Content-Length`, as far as it is a number.
    length: Option<u64>,
    /// `Transfer-Encoding` is there.
    coded: bool,
    refusal: Option<Refusal>,
    /// No head of this connection is complete yet.
    first: bool,
}

/// More of one line than hyper takes of a whole head.
const LONGEST_LINE: usize = 64 * 1024;

impl Default for Watch {
    fn default() -> Self {
        Self {
            place: Place::Head,
            line: Vec::new(),
            begun: false,
            length: None,
            coded: false,
            refusal: None,
            first: true,
        }
    }
}

impl Watch {
    /// Takes the bytes that came and appends what was seen of every head that ended in them.
    pub fn observe(&mut self, mut bytes: &[u8], heads: &mut VecDeque<Seen>) {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Body(left) => self.body(left, bytes),
                Place::Head => self.head(bytes, heads),
                Place::Rest => &[],
            };
        }
    }

    /// The client owes us the rest of a head.
    fn waits(&self) -> bool {
        matches!(self.place, Place::Head) && (self.first || self.begun || !self.line.is_empty())
    }

    fn body<'a>(&mut self, left: u64, bytes: &'a [u8]) -> &'a [u8] {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left.saturating_sub(taken as u64);
        self.place = if left == 0 { Place::Head } else { Place::Body(left) };
        bytes.get(taken..).unwrap_or_default()
    }

    fn head<'a>(&mut self, bytes: &'a [u8], heads: &mut VecDeque<Seen>) -> &'a [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            if self.line.len() < LONGEST_LINE {
                self.line.extend_from_slice(bytes);
            }
            return &[];
        };
        let (until, rest) = bytes.split_at(end);
        if self.line.is_empty() {
            self.line(until, heads);
        } else {
            let mut line = mem::take(&mut self.line);
            line.extend_from_slice(until);
            self.line(&line, heads);
        }
        rest.get(1..).unwrap_or_default()
    }

    fn line(&mut self, line: &[u8], heads: &mut VecDeque<Seen>) {
        let bare = line.strip_suffix(b"\r");
        if bare.is_none() {
            self.refuse("End lines with CR LF.");
        }
        let line = bare.unwrap_or(line);
        match (self.begun, line.is_empty()) {
            // Empty lines before a request line are passed over (RFC 9112 section 2.2).
            (false, true) => (),
            (false, false) => {
                self.begun = true;
                self.target(line);
            }
            (true, false) => self.field(line),
            (true, true) => self.end(heads),
        }
    }

    fn target(&mut self, line: &[u8]) {
        let target = line.split(|&b| b == b' ').nth(1).unwrap_or_default();
        if target.contains(&b'#') {
            self.refuse("A request target has no fragment.");
        }
        if !target.iter().all(u8::is_ascii_graphic) {
            self.refuse("Percent-encode the request target.");
        }
    }

    fn field(&mut self, line: &[u8]) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coded = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            // hyper refuses what is not a number, and two that differ.
            let digits = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
            self.length = Some(digits.parse().unwrap_or(0));
        }
        if self.coded && self.length.is_some() {
            self.refuse(super::guard::TWO_LENGTHS);
        }
    }

    fn end(&mut self, heads: &mut VecDeque<Seen>) {
        let last = self.coded || self.refusal.is_some();
        heads.push_back(Seen { refusal: self.refusal, last });
        let place = match (last, self.length) {
            (true, _) => Place::Rest,
            (false, None | Some(0)) => Place::Head,
            (false, Some(length)) => Place::Body(length),
        };
        *self = Self { place, first: false, ..Self::default() };
    }

    fn refuse(&mut self, say: &'static str) {
        self.refusal.get_or_insert((Kind::Invalid, say));
    }
}

/// What the client owes.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Debt {
    /// The rest of a head.
    Head,
    #[default]
    Nothing,
    /// Another request, or the end.
    Request,
}

/// One connection, watched.
pub(super) struct Wire<S> {
    inner: S,
    watch: Watch,
    notes: Arc<Notes>,
    head: Duration,
    idle: Duration,
    stall: Duration,
    debt: Debt,
    reading: Patience,
    writing: Patience,
}

impl<S> Wire<S> {
    pub(super) fn new(inner: S, notes: Arc<Notes>, limits: &Limits) -> Self {
        let Limits { head, idle, stall, .. } = *limits;
        let (watch, debt, reading, writing) = Default::default();
        Self { inner, watch, notes, head, idle, stall, debt, reading, writing }
    }

    /// Waits for what the client owes, as long as it may take for that.
    fn owed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (debt, limit) = match self.watch.place {
            Place::Head if self.watch.waits() => (Debt::Head, self.head),
            Place::Head if self.notes.is_idle() => (Debt::Request, self.idle),
            Place::Head | Place::Body(_) | Place::Rest => (Debt::Nothing, Duration::ZERO),
        };
        if debt != self.debt {
            self.debt = debt;
            self.reading.end();
        }
        if debt == Debt::Nothing { Poll::Pending } else { self.reading.overdue(limit, cx) }
    }

    /// The outcome of a write, which may not stay pending for longer than `stall`.
    fn wrote<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.writing.end();
            return outcome;
        }
        self.writing.overdue(self.stall, cx)
    }
}

/// A wait with an end. Most waits end well, thousands a second on a busy connection, so the timer is
/// not put back for each: when it strikes, it is set to what is left of the wait of then.
#[derive(Default)]
struct Patience {
    until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn end(&mut self) {
        self.until = None;
    }

    /// Waits on, or begins to. Ready with an error if that took longer than `limit`; else the task is
    /// woken when it may have.
    fn overdue<T>(&mut self, limit: Duration, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + limit);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= until {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = to.filled().len();
        let outcome = Pin::new(&mut this.inner).poll_read(cx, to);
        if outcome.is_ready() {
            let came = to.filled().get(before..).unwrap_or_default();
            this.watch.observe(came, &mut this.notes.lock().heads);
            if !this.watch.waits() {
                this.debt = Debt::Nothing;
                this.reading.end();
            }
            return outcome;
        }
        this.owed(cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.notes.may_write() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let outcome = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.wrote(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.notes.may_write() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        self.wrote(outcome, cx)
    }

    /// As TLS says: hyper then leaves the body where it is, instead of copying it behind the head.
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        if let Poll::Ready(Ok(())) = outcome {
            self.notes.sent();
        }
        // hyper does not read again after an answer if there was nothing to read before it.
        if let Poll::Ready(Err(error)) = self.owed(cx) {
            return Poll::Ready(Err(error));
        }
        self.wrote(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.wrote(outcome, cx)
    }
}
