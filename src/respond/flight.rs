//! Answers under way, counted, so that a withdrawal is acknowledged as soon as none that was decided
//! before it can still start.
//!
//! Part of `respond`. An answer takes a place before its data is read and gives it up when its first
//! byte has left or it is given up; a withdrawal waits for every place taken before its commit, at
//! most as long as an answer is good for. What was handed to another gateway is under way there for as
//! long. Source: design 5.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::passed_on::PassedOn;
use crate::{audit::Receipt, domain::id::NodeCode};

/// All answers under way in this process.
pub struct Flights {
    now: Mutex<Arc<Epoch>>,
    earlier: Mutex<Vec<Weak<Epoch>>>,
    shared: Arc<Shared>,
}

/// What every place has of all of them.
#[derive(Default)]
struct Shared {
    landed: Notify,
    passed_on: PassedOn,
}

/// A place among the answers under way.
#[derive(Clone)]
pub struct InFlight(Arc<Epoch>);

struct Epoch(Arc<Shared>);

impl Drop for Epoch {
    fn drop(&mut self) {
        self.0.landed.notify_waiters();
    }
}

impl InFlight {
    /// The answer is handed over now; of whom it tells another gateway is noted.
    pub(super) fn handed_over(&self, receipt: &Receipt) {
        if let Some((gateway, people)) = receipt.passed_on() {
            let Self(epoch) = self;
            epoch.0.passed_on.note(gateway, people, receipt.deadline());
        }
    }
}

impl Default for Flights {
    fn default() -> Self {
        let shared = Arc::new(Shared::default());
        Self {
            now: Mutex::new(Arc::new(Epoch(Arc::clone(&shared)))),
            earlier: Mutex::new(Vec::new()),
            shared,
        }
    }
}

impl Flights {
    /// A place; taken before data is read.
    pub fn take(&self) -> InFlight {
        InFlight(Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Another gateway is told of them otherwise than by an answer about them; until this instant of the
    /// monotonic clock it may pass that on.
    pub fn passes_on(&self, gateway: &NodeCode, people: &[Arc<str>], until: Duration) {
        self.shared.passed_on.note(gateway, people, until);
    }

    /// Until when any gateway but one may start to pass on what it was told of somebody; to be asked
    /// once all has landed.
    pub fn passed_on(&self, patient: &str, but: Option<&NodeCode>) -> Option<Duration> {
        self.shared.passed_on.until(patient, but)
    }

    /// Waits until every answer that took its place before this call has started or was given up,
    /// or until none of them may start any more.
    pub async fn landed(&self, at_most: Duration) {
        {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut *now, Arc::new(Epoch(Arc::clone(&self.shared))));
            let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            earlier.push(Arc::downgrade(&before));
        }
        // A time-out is as good: the deadline in every receipt has passed then.
        timeout(at_most, self.all_landed()).await.ok();
    }

    async fn all_landed(&self) {
        loop {
            let landing = self.shared.landed.notified();
            tokio::pin!(landing);
            landing.as_mut().enable();
            {
                let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
                earlier.retain(|epoch| epoch.strong_count() > 0);
                if earlier.is_empty() {
                    return;
                }
            }
            landing.await;
        }
    }
}
