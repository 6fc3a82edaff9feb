//! Counts what answers rest on, and how long their records took.
//!
//! Beside the way of a request, after `audit`. It reads the first of what an answer rests on, and of
//! nobody who.

use std::time::Duration;

use crate::{
    bundle::Answer,
    gateway::Gateway,
    telemetry::{Reason, Stage},
};

impl Gateway {
    /// Notes an answer whose record was begun then and is durable now.
    pub(super) fn counted(&self, answer: &Answer, begun: Duration) {
        self.inside.took(Stage::Record, self.clock.elapsed().saturating_sub(begun));
        let basis = answer.disclosures().first().and_then(|one| one.basis.first());
        self.inside.permitted(match basis {
            None => Reason::Nothing,
            Some((_, Some(_))) => Reason::Consent,
            Some((id, None)) if **id == *"same-register" => Reason::Register,
            Some((id, None)) if id.starts_with("RelatedPerson/") => Reason::Representation,
            Some((_, None)) => Reason::Law,
        });
    }
}
