//! Answers under way, counted, so that a withdrawal is acknowledged as soon as none that was decided
//! before it can still start.
//!
//! Part of `respond`. An answer takes a place before its data is read and gives it up when its first
//! byte has left or it is given up; a withdrawal waits for every place taken before its commit, at
//! most as long as an answer is good for. Source: design 5.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

/// All answers under way in this process.
pub struct Flights {
    now: Mutex<Arc<Epoch>>,
    earlier: Mutex<Vec<Weak<Epoch>>>,
    landed: Arc<Notify>,
}

/// A place among the answers under way.
#[derive(Clone)]
pub struct InFlight(#[expect(dead_code, reason = "it is held, not read")] Arc<Epoch>);

struct Epoch(Arc<Notify>);

impl Drop for Epoch {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

impl Default for Flights {
    fn default() -> Self {
        let landed = Arc::new(Notify::new());
        Self {
            now: Mutex::new(Arc::new(Epoch(Arc::clone(&landed)))),
            earlier: Mutex::new(Vec::new()),
            landed,
        }
    }
}

impl Flights {
    /// A place; taken before data is read.
    pub fn take(&self) -> InFlight {
        InFlight(Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Waits until every answer that took its place before this call has started or was given up,
    /// or until none of them may start any more.
    pub async fn landed(&self, at_most: Duration) {
        {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut *now, Arc::new(Epoch(Arc::clone(&self.landed))));
            let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            earlier.push(Arc::downgrade(&before));
        }
        // A time-out is as good: the deadline in every receipt has passed then.
        timeout(at_most, self.all_landed()).await.ok();
    }

    async fn all_landed(&self) {
        loop {
            let landing = self.landed.notified();
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
