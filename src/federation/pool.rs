//! Connections to one peer, kept for the next question.
//!
//! Part of asking peers; below `client`. A pool belongs to one peer, so that nothing a peer says on a
//! connection can reach another's answer. A connection comes back only after a whole, well-framed
//! answer. It must not decide whether to ask again.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    client::Limits,
    outcome::Failure,
    tls::{self, PeerTls},
};
use crate::{
    clock::Clock,
    transport::{Authority, Transport},
};

pub(super) type Sender = SendRequest<Full<Bytes>>;

/// A connection to ask on.
pub(super) struct Line {
    pub(super) sender: Sender,
}

struct Idle {
    line: Line,
    since: Duration,
}

pub(super) struct Pool {
    transport: Arc<dyn Transport>,
    to: Authority,
    tls: Option<Arc<PeerTls>>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    idle: Mutex<Vec<Idle>>,
}

impl Pool {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        to: Authority,
        tls: Option<Arc<PeerTls>>,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { transport, to, tls, limits, clock, idle: Mutex::default() }
    }

    pub(super) fn to(&self) -> &Authority {
        &self.to
    }

    /// A connection of earlier that is still alive as far as can be seen.
    pub(super) async fn take(&self) -> Option<Line> {
        while let Some(mut line) = self.pop() {
            if line.sender.ready().await.is_ok() {
                return Some(line);
            }
        }
        None
    }

    /// Keeps a connection for the next question.
    pub(super) fn give(&self, line: Line) {
        let since = self.clock.elapsed();
        let mut idle = self.lock();
        if !line.sender.is_closed() && idle.len() < self.limits.concurrency {
            idle.push(Idle { line, since });
        }
    }

    /// A new connection.
    pub(super) async fn open(&self) -> Result<Line, Failure> {
        let link = self.transport.connect(&self.to).await.map_err(Failure::Unreachable)?;
        let Some(tls) = &self.tls else {
            return Ok(Line { sender: self.speak(link).await? });
        };
        let stream = tls::connect(tls.settings(), self.to.host(), link)
            .await
            .map_err(Failure::Unreachable)?;
        Ok(Line { sender: self.speak(stream).await? })
    }

    async fn speak<S>(&self, stream: S) -> Result<Sender, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_header_size(self.limits.head_bytes)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| Failure::Unreachable(io::Error::other(e)))?;
        // Ends with the sender, or with the stream.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a peer ended early");
            }
        });
        Ok(sender)
    }

    fn pop(&self) -> Option<Line> {
        let now = self.clock.elapsed();
        let mut idle = self.lock();
        idle.retain(|i| {
            now.saturating_sub(i.since) < self.limits.idle && !i.line.sender.is_closed()
        });
        idle.pop().map(|i| i.line)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
