//! The one that writes: a batch, made durable where the log lives, then the news.
//!
//! After the queue and before those who wait. An error fails the batch; what is to be done about it
//! the home knows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    batch::{Fate, Filled, Queue},
    home::Home,
    relay::Relays,
};
use crate::error::Error;

pub(super) struct Writer {
    home: Arc<dyn Home>,
    taken: Filled,
    /// The last batch was lost.
    fails: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn new(home: Arc<dyn Home>, fails: Arc<AtomicBool>) -> Self {
        Self { home, taken: Filled::default(), fails }
    }

    /// Writes the next batch and wakes those who wait for it; `false` when the log has closed.
    pub(super) fn write_next(&mut self, queue: &Queue, relays: &Relays) -> bool {
        let more = queue.take(&mut self.taken);
        if more {
            let fate = self.home.write(&mut self.taken).map_or_else(lost, Fate::Durable);
            // Before those who wait are told: whoever looks then sees it.
            self.fails.store(matches!(fate, Fate::Lost), Ordering::SeqCst);
            self.taken.batch.finish(fate);
            relays.finished(&self.taken.batch);
        }
        more
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the error's end")]
fn lost(error: Error) -> Fate {
    tracing::error!(cause = ?error, "the audit log could not be written");
    Fate::Lost
}
