//! From when a peer's answer counts: how old what it knew was when the question arrived there.
//!
//! Part of the step `federation`. A peer of several processes answers from what the last round told it,
//! so what is passed on counts from that instant, not from when the question was sent. Source: design 5,
//! Revocation. It must not make an answer younger than its question.

use std::time::Duration;

use http::{HeaderName, Response};

use crate::source::follower::DRIFT;

/// Milliseconds by which an answer may be older than the arrival of its question.
pub const AGE: HeaderName = HeaderName::from_static("mylife-age");

/// From when an answer counts whose question was sent at an instant of the monotonic clock: from then,
/// or from as much earlier as it says, with room for the clocks of the two to run apart. One that says it
/// in no number is of no use.
pub(super) fn known<B>(reply: &Response<B>, asked_at: Duration) -> Duration {
    let asked_at = asked_at.saturating_sub(DRIFT);
    let Some(said) = reply.headers().get(AGE) else { return asked_at };
    let age = said.to_str().ok().and_then(|text| text.parse().ok()).map(Duration::from_millis);
    age.map_or(Duration::ZERO, |age| asked_at.saturating_sub(age))
}
