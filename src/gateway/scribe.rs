//! Keeps the log that several processes share together: all that was written down, in one tree.
//!
//! Beside the way of a request; any process of the gateway does it for all, so one that dies leaves
//! nothing behind. A log in files needs none of it. Design 3.5, 8 and 9. Decides nothing.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    commit,
    error::{Error, Result},
    gateway::Gateway,
    listen::Stopping,
};

/// How long a record may wait for its place in the tree.
const EVERY: Duration = Duration::from_secs(1);

impl Gateway {
    /// Goes on until told to stop.
    pub async fn scribe(self: Arc<Self>, mut stopping: Stopping) {
        if !self.log.is_shared() {
            return;
        }
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stopping.asked() => return,
                _ = ticks.tick() => {
                    if let Err(error) = self.gather_records().await {
                        tracing::error!(cause = ?error, "the audit log is not up to date");
                    }
                }
            }
        }
    }

    /// Brings the records of writes into a log that processes share, and all records into its tree.
    ///
    /// # Errors
    /// `Unavailable` when store or log cannot be reached; the records stay durable and wait.
    pub async fn gather_records(self: &Arc<Self>) -> Result<()> {
        if !self.log.is_shared() {
            return Ok(());
        }
        if let Some(local) = &self.reach.sources.local {
            commit::missing::append_missing(local, &self.log).await?;
        }
        let own = Arc::clone(self);
        // It waits for the database.
        tokio::task::spawn_blocking(move || own.log.grow()).await.map_err(Error::internal)?
    }
}
