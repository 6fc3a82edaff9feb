//! What waits to be written, and what became of it.
//!
//! Between those who append and the writer: one lock, held for a copy of a frame. Filling the queue
//! wakes nobody; the writer starts when it is called, which a runtime does once its turn is over, so
//! that what was ready together is synced together. A full batch does not wait for that: the disk
//! works on it while the next is made. Knows no file.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::{
    audit::{
        frame::{MARK, Sealed},
        tree::Hash,
    },
    error::{Error, Result},
};

/// More than this unwritten means that the disk has stalled.
const MOST_QUEUED: usize = 64 << 20;
/// So many records are worth a sync of their own, which costs a processor about what three answers
/// do: while the disk works on it the next are made, and nobody has to stand still for it.
const FULL: usize = 32;

/// What became of a batch.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// It is on disk since then.
    Durable(Duration),
    /// It may not be.
    Lost,
}

/// The records that are made durable by one sync.
#[derive(Default)]
pub(super) struct Batch {
    number: u64,
    fate: OnceLock<Fate>,
}

impl Batch {
    /// A batch of nothing, durable from the start.
    fn of_nothing() -> Self {
        Self { number: 0, fate: OnceLock::from(Fate::Durable(Duration::ZERO)) }
    }

    /// `None` while it is open.
    pub(super) fn fate(&self) -> Option<Fate> {
        self.fate.get().copied()
    }

    /// Neighbouring batches differ in this, so that waking one leaves the next asleep.
    pub(super) fn is_odd(&self) -> bool {
        self.number & 1 == 1
    }

    pub(super) fn finish(&self, fate: Fate) {
        self.fate.get_or_init(|| fate);
    }
}

/// A batch as the writer takes it. `bytes` begins with room for a mark.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) bytes: Vec<u8>,
    pub(super) leaves: Vec<Hash>,
    pub(super) batch: Arc<Batch>,
}

impl Filled {
    pub(super) fn empty(&mut self) {
        self.leaves.clear();
        self.bytes.clear();
        self.bytes.resize(MARK, 0);
    }
}

#[derive(Default)]
struct State {
    filling: Filled,
    writer_sleeps: bool,
    called: bool,
    closed: bool,
}

/// The queue of frames.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    called: Condvar,
}

impl Queue {
    /// Queues frames side by side; they share the fate of the batch.
    pub(super) fn push(&self, sealed: &[Sealed]) -> Result<Arc<Batch>> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::unavailable("the audit log is closed"));
        }
        if state.filling.bytes.len() > MOST_QUEUED {
            return Err(Error::unavailable("the audit log's disk has stalled"));
        }
        if state.filling.bytes.is_empty() {
            state.filling.empty();
        }
        for one in sealed {
            state.filling.bytes.extend_from_slice(&one.bytes);
            state.filling.leaves.push(one.leaf);
        }
        if sealed.is_empty() {
            return Ok(Arc::new(Batch::of_nothing()));
        }
        let batch = Arc::clone(&state.filling.batch);
        if state.filling.leaves.len() >= FULL {
            self.let_go(state);
        }
        Ok(batch)
    }

    /// Lets the writer take what is queued, now or when it has written the last batch.
    pub(super) fn call(&self) {
        self.let_go(self.lock());
    }

    fn let_go(&self, mut state: MutexGuard<'_, State>) {
        state.called = true;
        if std::mem::take(&mut state.writer_sleeps) {
            drop(state);
            self.called.notify_one();
        }
    }

    /// Swaps the queued batch for the empty one; sleeps until it is called and there is one, or the
    /// queue has closed. `false` at the end.
    pub(super) fn take(&self, spent: &mut Filled) -> bool {
        spent.empty();
        let mut state = self.lock();
        while state.filling.leaves.is_empty() || !(state.called || state.closed) {
            if state.closed {
                return false;
            }
            // A call while nothing is queued asks for nothing.
            state.called = false;
            state.writer_sleeps = true;
            state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.called = false;
        let number = state.filling.batch.number + 1;
        spent.batch = Arc::new(Batch { number, fate: OnceLock::new() });
        std::mem::swap(&mut state.filling, spent);
        true
    }

    /// Lets nothing more in; `false` if it was closed before.
    pub(super) fn close(&self) -> bool {
        let was = std::mem::replace(&mut self.lock().closed, true);
        self.called.notify_one();
        !was
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
