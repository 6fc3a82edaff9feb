//! What a gateway does by itself for as long as it answers: delivers, writes up, follows.
//!
//! Beside the way of a request; started by whoever serves. Decides nothing.

use std::sync::Arc;

use crate::{gateway::Gateway, listen::Stopping};

impl Gateway {
    /// Sends what is owed to other gateways, keeps the shared log, follows what other processes write,
    /// tells them what is written here, and a collector what took how long, until told to stop; then brings
    /// into the log what waits for it.
    pub async fn errands(self: Arc<Self>, stopping: Stopping) {
        tokio::join!(
            Arc::clone(&self).courier(stopping.clone()),
            Arc::clone(&self).scribe(stopping.clone()),
            Arc::clone(&self).spread(stopping.clone()),
            Arc::clone(&self).follow(stopping.clone()),
            self.tell_collector(stopping),
        );
        if let Err(error) = self.gather_records().await {
            tracing::error!(cause = ?error, "what waits for the audit log is left to another process");
        }
    }
}
