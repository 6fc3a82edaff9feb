//! What another gateway asks for, to pass it on: it starts there, not here.
//!
//! Around the way of a request. The other gateway counts the life of its answer from when it sent the
//! question. So a withdrawal here waits for that life too, where somebody was told of this person, and
//! where this process knows less than what is so when the question comes it says by how much. Source:
//! design 5, Revocation.

use std::time::Duration;

use http::{HeaderValue, Response};
use tokio::time::sleep;

use crate::{
    audit::step::GOOD_FOR,
    federation::age::AGE,
    gateway::Gateway,
    listen::body::Body,
    scope::Grant,
    source::{follower::OLDEST, local::Local},
};

impl Gateway {
    /// How much older than this instant, at which another gateway asks, the answer may be; asked before
    /// anything is read.
    pub(super) fn age(&self, grant: &Grant, now: Duration) -> Option<Duration> {
        grant.caller().node()?;
        // Who knows too little now will have heard more if it answers.
        let age = self.known_current().map_or(OLDEST, |known| now.saturating_sub(known));
        (!age.is_zero()).then_some(age)
    }

    /// Waits until nothing that was decided before a commit may still start, here or where it is passed
    /// on: at most as long as an answer is good for. What is under way in other processes is not counted
    /// here, so there that time must pass.
    pub(super) async fn nothing_earlier_starts(&self, local: &Local, patient: &str) {
        if local.store().is_shared() {
            sleep(GOOD_FOR).await;
            return;
        }
        let end = self.clock.elapsed().saturating_add(GOOD_FOR);
        self.flights.landed(GOOD_FOR).await;
        // What was told since then is of no concern.
        let until = self.flights.passed_on(patient).map(|until| until.min(end));
        let left = until.map(|until| until.saturating_sub(self.clock.elapsed()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            sleep(left).await;
        }
    }
}

/// The answer, with its age where it has one.
pub(super) fn aged(mut response: Response<Body>, age: Option<Duration>) -> Response<Body> {
    if let Some(age) = age {
        // Never less than it is.
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        response.headers_mut().insert(AGE, HeaderValue::from(millis));
    }
    response
}
