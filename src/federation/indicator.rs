//! How many people a peer counts in each cell of an outcome indicator.
//!
//! Part of the step `federation`, for `$evaluate-measure`. The peer releases and counts for the caller on
//! whose behalf it is asked, and tells the numbers as they are to a gateway that it trusts with them; they
//! are added up here and shown to nobody.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode};

use super::{
    State,
    age::known,
    ask::{Asking, Source},
    client::Laborious,
    outcome::Outcome,
    page::lying,
};
use crate::{
    domain::id::NodeCode,
    indicator::{cell::Counts, question::Question},
    json,
};

/// A peer's part of a table.
pub struct Part {
    /// The peer.
    pub node: NodeCode,
    /// Was it reached?
    pub state: State,
    /// How many are where; none if it was not reached.
    pub counts: Option<Counts>,
    /// From when its life counts, as a page's does.
    pub asked_at: Duration,
}

impl Source {
    /// What it counts.
    pub async fn counts(&self, asking: &Arc<Asking>, question: Question) -> Part {
        let asked_at = asking.clock.elapsed();
        let [start, end] = question.days();
        let measure = question.measure.code();
        let path = format!(
            "/fhir/Measure/{measure}/$evaluate-measure?periodStart={start}&periodEnd={end}"
        );
        // Whoever has people counted must not have the peer left in peace by everybody.
        let request = Request::builder().method(Method::GET).uri(path).extension(Laborious);
        let part =
            |state, counts, asked_at| Part { node: self.code.clone(), state, counts, asked_at };
        match self.send(asking, request, Bytes::new()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                let limits = json::Limits { bytes: reply.body().len(), ..json::Limits::default() };
                let said = json::parse(reply.body(), &limits).ok();
                let counts = said.and_then(|said| Counts::of_parameters(&said, question));
                if counts.is_none() {
                    tracing::warn!(source.name = %self.code, reason = %lying(), "source lied");
                    return part(State::NotReached, None, asked_at);
                }
                part(State::Complete, counts, known(&reply, asked_at))
            }
            other @ (Outcome::Answered(_)
            | Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::TimedOut) => {
                tracing::warn!(source.name = %self.code, reason = %other, "source failed");
                part(State::NotReached, None, asked_at)
            }
        }
    }
}
