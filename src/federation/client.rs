//! Asks one peer one question, and waits no longer than allowed.
//!
//! Part of asking peers; `gather` and `token` ask through it. Each peer has its own connections,
//! queue and breaker, so that one that is down costs the others nothing. HTTP/1.1 over mutual TLS.
//! It must not follow redirects, send a question twice that may not be repeated, or trust an answer
//! beyond its shape.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::{
    breaker::{self, Admission, Breaker},
    outcome::{Failure, Outcome, Refusal},
    pool::{Line, Pool},
    reply,
    tls::PeerTls,
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    telemetry::Histogram,
    transport::{Authority, Transport},
};

/// A little longer than an answer which was decided before a change may leave after it (design 5).
const SETTLING: Duration = Duration::from_secs(2);

/// What one peer may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the question to the last byte of the answer, queueing included.
    pub deadline: Duration,
    /// An answer's body.
    pub body_bytes: usize,
    /// An answer's head.
    pub head_bytes: usize,
    /// Questions under way at a time.
    pub concurrency: usize,
    /// Questions that may wait for their turn; one more is refused.
    pub queue: usize,
    /// How long an unused connection is kept; less than the peer keeps it.
    pub idle: Duration,
    /// When the peer is left in peace.
    pub breaker: breaker::Rules,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(1200),
            body_bytes: 8 * 1024 * 1024,
            head_bytes: 16 * 1024,
            concurrency: 32,
            queue: 128,
            idle: Duration::from_secs(25),
            breaker: breaker::Rules::default(),
        }
    }
}

impl Limits {
    /// Questions under way at most.
    fn turns(&self) -> usize {
        self.concurrency.clamp(1, Semaphore::MAX_PERMITS)
    }

    /// Questions under way and waiting at most.
    fn places(&self) -> usize {
        self.concurrency.saturating_add(self.queue).min(Semaphore::MAX_PERMITS)
    }
}

/// How a peer is doing, for the operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Where its breaker stands.
    pub breaker: breaker::State,
    /// How long ago it last answered; none if it has not since this gateway started.
    pub answered: Option<Duration>,
    /// Questions under way.
    pub asked: usize,
    /// Questions that wait for their turn.
    pub waiting: usize,
}

/// In the extensions of a request: to answer takes work on everybody who is held, so a peer that does not
/// come to an end in time is not to blame.
#[derive(Clone, Copy, Debug)]
pub struct Laborious;

/// What is asked. Of the request's target only path and query count: the peer is given.
#[derive(Clone, Debug)]
pub struct Question {
    request: Request<Bytes>,
    repeatable: bool,
}

impl Question {
    /// Repeatable if its method is safe (RFC 9110 section 9.2.1).
    pub fn new(request: Request<Bytes>) -> Self {
        let repeatable = request.method().is_safe();
        Self { request, repeatable }
    }

    /// Asking twice does no more than asking once: a search by POST, a write with a key of its own.
    pub fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }
}

/// One peer, ready to be asked.
pub struct PeerClient {
    pool: Pool,
    host: HeaderValue,
    limits: Limits,
    clock: Arc<dyn Clock>,
    turns: Semaphore,
    /// Room for those asked and those waiting together.
    places: Semaphore,
    breaker: Mutex<Breaker>,
    times: Histogram,
}

impl PeerClient {
    /// A peer at `to`; cleartext only where `tls` is none (a sidecar on the same machine, a test).
    pub fn new(
        to: Authority,
        transport: Arc<dyn Transport>,
        tls: Option<Arc<PeerTls>>,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let host = HeaderValue::try_from(to.to_string())
            .map_err(|e| Error::invalid("A peer's address is written host:port.").because(e))?;
        Ok(Self {
            pool: Pool::new(transport, to, tls, limits, clock.clone()),
            host,
            limits,
            clock,
            turns: Semaphore::new(limits.turns()),
            places: Semaphore::new(limits.places()),
            breaker: Mutex::new(Breaker::new(limits.breaker)),
            times: Histogram::default(),
        })
    }

    /// Where the peer is.
    pub fn to(&self) -> &Authority {
        self.pool.to()
    }

    /// How the peer is doing, for the operator.
    pub fn standing(&self) -> Standing {
        let now = self.clock.elapsed();
        let (breaker, answered) = {
            let breaker = self.breaker();
            (breaker.state(), breaker.answered())
        };
        let asked = self.limits.turns().saturating_sub(self.turns.available_permits());
        let inside = self.limits.places().saturating_sub(self.places.available_permits());
        Standing {
            breaker,
            answered: answered.map(|at| now.saturating_sub(at)),
            asked,
            waiting: inside.saturating_sub(asked),
        }
    }

    /// How long questions took that were asked, answered or not.
    pub fn times(&self) -> &Histogram {
        &self.times
    }

    /// Asks within the peer's own deadline.
    pub async fn ask(&self, question: Question) -> Outcome {
        self.ask_within(question, self.limits.deadline).await
    }

    /// Asks within a deadline of the caller's, or the peer's own if that is sooner.
    pub async fn ask_within(&self, question: Question, deadline: Duration) -> Outcome {
        self.ask_until(question, Instant::now() + deadline.min(self.limits.deadline)).await
    }

    /// Asks for a change. A peer of several processes acknowledges a withdrawal only when no answer
    /// decided before it can still leave any of them, so that may take so much longer.
    pub async fn ask_for_change(&self, question: Question) -> Outcome {
        self.ask_until(question, Instant::now() + self.limits.deadline + SETTLING).await
    }

    async fn ask_until(&self, question: Question, until: Instant) -> Outcome {
        let Ok(_place) = self.places.try_acquire() else {
            return Outcome::Refused(Refusal::Busy);
        };
        let Some(_turn) = self.turn(until).await else { return Outcome::TimedOut };
        let admission = self.breaker().admit(self.clock.elapsed());
        if let Admission::Refuse(pause) = admission {
            return Outcome::Refused(Refusal::Resting(pause));
        }
        let is_laborious = question.request.extensions().get::<Laborious>().is_some();
        let left = until.saturating_duration_since(Instant::now());
        let fair = !is_laborious && left >= self.limits.deadline / 2;
        let begun = self.clock.elapsed();
        let outcome = match timeout_at(until, self.exchange(question)).await {
            Ok(Ok(response)) => Outcome::Answered(response),
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => Outcome::TimedOut,
        };
        self.times.observe(self.clock.elapsed().saturating_sub(begun));
        // A peer that was given hardly any time is not to blame for not answering.
        if fair || !matches!(outcome, Outcome::TimedOut) {
            self.breaker().report(admission, outcome.health(), self.clock.elapsed());
        }
        outcome
    }

    async fn turn(&self, until: Instant) -> Option<SemaphorePermit<'_>> {
        timeout_at(until, self.turns.acquire()).await.ok()?.ok()
    }

    async fn exchange(&self, question: Question) -> std::result::Result<Response<Bytes>, Failure> {
        let repeatable = question.repeatable;
        let request = self.dress(question.request);
        if let Some(line) = self.pool.take().await {
            match self.send(line, request.clone()).await {
                Sent::Answered(response) => return Ok(response),
                Sent::Failed(failure) => return Err(failure),
                // The peer closed an idle connection just as we used it.
                Sent::Died { unsent, .. } if unsent || repeatable => (),
                Sent::Died { error, .. } => return Err(Failure::Broken(error)),
            }
        }
        let line = self.pool.open().await?;
        match self.send(line, request).await {
            Sent::Answered(response) => Ok(response),
            Sent::Failed(failure) => Err(failure),
            Sent::Died { error, .. } => Err(Failure::Broken(error)),
        }
    }

    /// Host, target and encoding are ours to say.
    fn dress(&self, request: Request<Bytes>) -> Request<Full<Bytes>> {
        let (mut parts, body) = request.into_parts();
        reply::strip(&mut parts.headers);
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::EXPECT);
        parts.headers.insert(header::HOST, self.host.clone());
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let path = parts.uri.path_and_query().cloned();
        parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        parts.version = http::Version::HTTP_11;
        Request::from_parts(parts, Full::new(body))
    }

    async fn send(&self, mut line: Line, request: Request<Full<Bytes>>) -> Sent {
        let method = request.method().clone();
        let response = match line.sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut refused) => {
                let unsent = refused.take_message().is_some();
                let error = refused.into_error();
                if error.is_parse() {
                    return Sent::Failed(Failure::Broken(error));
                }
                return Sent::Died { error, unsent };
            }
        };
        match reply::read(&method, response, self.limits.body_bytes).await {
            Ok(response) => {
                self.pool.give(line);
                Sent::Answered(response)
            }
            // The line is dropped, and its connection with it.
            Err(failure) => Sent::Failed(failure),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How one exchange on one connection went.
enum Sent {
    Answered(Response<Bytes>),
    /// No byte of an answer came.
    Died {
        error: hyper::Error,
        /// Nothing of the question was written.
        unsent: bool,
    },
    Failed(Failure),
}
