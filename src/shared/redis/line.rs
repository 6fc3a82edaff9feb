//! One connection for all commands, opened when it is needed and again after it broke.
//!
//! Part of `shared`. Nobody waits long and nothing piles up: commands under way are bounded, each
//! has a deadline, and while the server is away every command fails at once but for one attempt
//! after a pause that doubles up to [`LONGEST_PAUSE`].

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::redis::{
    Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value,
    from_redis_value,
};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    door::{Door, UNDER_WAY, Wire},
    fault::Fault,
};
use crate::{
    clock::Clock,
    error::{Error, Result},
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Between two attempts to connect.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// All that is said to the server.
pub(super) struct Line {
    door: Arc<Door>,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<(Wire, u64)>>,
    /// Held by the one who connects.
    attempts: tokio::sync::Mutex<Attempts>,
    seats: Semaphore,
    /// Did the server refuse what was asked last?
    refuses: AtomicBool,
}

#[derive(Default)]
struct Attempts {
    /// Tells one connection from the next.
    count: u64,
    failed: u32,
    not_before: Duration,
}

impl Line {
    pub(super) fn new(door: Arc<Door>, clock: Arc<dyn Clock>) -> Self {
        let (current, attempts) = (Mutex::default(), tokio::sync::Mutex::default());
        let (seats, refuses) = (Semaphore::new(UNDER_WAY), AtomicBool::new(false));
        Self { door, clock, current, attempts, seats, refuses }
    }

    /// Sends one command; its answer.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.read(self.send(command).await)
    }

    /// The same; if the server does not know the script it is sent `whole`.
    pub(super) async fn ask_or_teach<T: FromRedisValue>(
        &self,
        known: &Cmd,
        whole: impl FnOnce() -> Cmd + Send,
    ) -> Result<T> {
        let answer = match self.send(known).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send(&whole()).await
            }
            other => other,
        };
        self.read(answer)
    }

    /// What the server refuses is told once, and again after it has done something.
    fn read<T: FromRedisValue>(&self, answer: RedisResult<Value>) -> Result<T> {
        let refuses = answer.as_ref().is_err_and(|error| error.code().is_some());
        let did = self.refuses.swap(refuses, Ordering::Relaxed);
        let answer = answer.map_err(Fault);
        if let Err(cause) = &answer
            && refuses
            && !did
        {
            tracing::error!(%cause, "redis refuses");
        }
        from_redis_value(answer?).map_err(Error::unavailable)
    }

    /// A connection that broke while nobody used it is replaced once. What was sent may then have
    /// been done twice, which only ever refuses: a permit is lost, a value already taken.
    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let Ok(_seat) = self.seats.try_acquire() else {
            return Err((ErrorKind::Client, "too many commands are under way").into());
        };
        let (mut wire, mut number, is_new) = self.wire().await?;
        let mut answer = self.deadline(&mut wire, command).await;
        let dropped = |e: &RedisError| e.is_connection_dropped() && !e.is_timeout();
        if !is_new && answer.as_ref().is_err_and(dropped) {
            self.lost(number);
            (wire, number, _) = self.wire().await?;
            answer = self.deadline(&mut wire, command).await;
        }
        if answer.as_ref().is_err_and(breaks) {
            self.lost(number);
        }
        answer
    }

    async fn deadline(&self, wire: &mut Wire, command: &Cmd) -> RedisResult<Value> {
        let late = |_| (ErrorKind::Io, "no answer within the deadline");
        timeout(self.door.longest_question(), wire.send(command)).await.map_err(late)?
    }

    /// The connection, its number, and whether it was opened just now.
    async fn wire(&self) -> RedisResult<(Wire, u64, bool)> {
        if let Some((wire, number)) = self.current() {
            return Ok((wire, number, false));
        }
        let mut attempts = self.attempts.lock().await;
        if let Some((wire, number)) = self.current() {
            return Ok((wire, number, false));
        }
        if self.clock.elapsed() < attempts.not_before {
            return Err((ErrorKind::Io, "away; it is tried again after a pause").into());
        }
        let late = |_| (ErrorKind::Io, "no connection within the deadline").into();
        let opened = timeout(self.door.longest_opening(), self.door.open()).await;
        match opened.map_err(late).flatten() {
            Ok(wire) => {
                if attempts.failed > 0 {
                    tracing::info!("redis is back");
                }
                *attempts = Attempts { count: attempts.count + 1, ..Attempts::default() };
                let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
                *current = Some((wire.clone(), attempts.count));
                Ok((wire, attempts.count, true))
            }
            Err(error) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << attempts.failed.min(16));
                attempts.failed = attempts.failed.saturating_add(1);
                attempts.not_before = self.clock.elapsed() + pause.min(LONGEST_PAUSE);
                if attempts.failed == 1 {
                    let cause = Fault(error.clone());
                    tracing::error!(%cause, "redis is away");
                }
                Err(error)
            }
        }
    }

    fn current(&self) -> Option<(Wire, u64)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives a connection up, unless another has taken its place.
    fn lost(&self, number: u64) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|(_, at)| *at == number) {
            *current = None;
        }
    }
}

/// Is the connection of no use any more, or does it lead to a server that is not the master?
fn breaks(error: &RedisError) -> bool {
    let elsewhere = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown];
    error.is_io_error()
        || error.is_timeout()
        || error.is_unrecoverable_error()
        || elsewhere.iter().any(|kind| error.kind() == ErrorKind::Server(*kind))
}
