//! Counts what answers rest on, and how long their records took.
//!
//! Beside the way of a request, after `audit`. It must not look at whose data it is.

use std::time::Duration;

use crate::{
    bundle::Answer,
    error::Kind,
    gateway::{Gateway, request::Asked},
    telemetry::Stage,
};

impl Gateway {
    /// Notes an answer whose record was begun then and is durable now.
    pub(super) fn counted(&self, asked: &Asked<'_>, answer: &Answer, begun: Duration) {
        self.took(asked, Stage::Record, begun);
        if answer.is_gone() {
            self.inside.refused(Kind::Gone.shape().status);
        } else {
            self.inside.permitted(answer.warrant());
        }
    }

    /// Notes a stage that was begun then and is over. Gives when.
    pub(super) fn took(&self, asked: &Asked<'_>, stage: Stage, begun: Duration) -> Duration {
        let ended = self.clock.elapsed();
        self.inside.took(stage, ended.saturating_sub(begun));
        asked.within.took(stage, begun, ended);
        ended
    }
}
