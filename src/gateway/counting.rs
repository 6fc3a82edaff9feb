//! Counts what answers rest on, and how long their records took.
//!
//! Beside the way of a request, after `audit`. It must not look at whose data it is.

use std::time::Duration;

use crate::{bundle::Answer, gateway::Gateway, telemetry::Stage};

impl Gateway {
    /// Notes an answer whose record was begun then and is durable now.
    pub(super) fn counted(&self, answer: &Answer, begun: Duration) {
        self.inside.took(Stage::Record, self.clock.elapsed().saturating_sub(begun));
        self.inside.permitted(answer.warrant());
    }
}
