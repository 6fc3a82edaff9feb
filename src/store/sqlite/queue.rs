//! The bounded queue between asynchronous callers and the store's threads.
//!
//! Callers wait for room without blocking a runtime; threads wait for work without one. Any number
//! of either. Closing refuses new work and lets the threads finish what is queued. It must not depend
//! on a caller's future being polled again: that future's runtime may be waiting for the threads.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Work waiting for a thread.
pub(super) struct Queue<W> {
    room: Arc<Semaphore>,
    waiting: Mutex<Waiting<W>>,
    ready: Condvar,
}

struct Waiting<W> {
    work: VecDeque<(W, OwnedSemaphorePermit)>,
    closed: bool,
}

impl<W> Queue<W> {
    /// Holds at most `room` pieces of work.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(room)),
            waiting: Mutex::new(Waiting { work: VecDeque::new(), closed: false }),
            ready: Condvar::new(),
        }
    }

    /// Adds work at the end as soon as there is room; refused once the queue is closed.
    pub(super) async fn push(&self, work: W) -> Result<()> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(Error::unavailable)?;
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(Error::unavailable("the store is closed"));
        }
        waiting.work.push_back((work, room));
        drop(waiting);
        self.ready.notify_one();
        Ok(())
    }

    /// The oldest work; blocks until there is some, `None` once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<W> {
        self.when_ready().work.pop_front().map(|(work, _)| work)
    }

    /// All work there is, oldest first; blocks until there is some, `None` once the queue is closed
    /// and empty.
    pub(super) fn take_all(&self) -> Option<Vec<W>> {
        let all: Vec<W> = self.when_ready().work.drain(..).map(|(work, _)| work).collect();
        (!all.is_empty()).then_some(all)
    }

    /// Refuses new work from now on.
    pub(super) fn close(&self) {
        self.room.close();
        self.waiting().closed = true;
        self.ready.notify_all();
    }

    /// Refuses new work and drops what is queued, so that nobody waits for a thread that is gone.
    pub(super) fn abandon(&self) {
        self.close();
        let rest = std::mem::take(&mut self.waiting().work);
        drop(rest);
    }

    fn when_ready(&self) -> MutexGuard<'_, Waiting<W>> {
        self.ready
            .wait_while(self.waiting(), |waiting| waiting.work.is_empty() && !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<W>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
