//! What another gateway asks for, to pass it on: it starts there, not here.
//!
//! Around the way of a request. The other gateway counts the life of its answer from when it sent the
//! question. So a withdrawal here waits for that life too, where somebody was told of this person, and
//! where this process knows less than what is so when the question comes it says by how much. A gateway
//! that passes the withdrawal itself on, and counts all that is under way there, need not be waited for:
//! when it hears of the acknowledgement it waits until what it asked before has started. Source: design
//! 5, Revocation.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use tokio::time::sleep;

use crate::{
    audit::{Receipt, step::GOOD_FOR},
    domain::id::NodeCode,
    federation::{
        age::AGE,
        ask::WAITS,
        outbox::{Attempt, letter::Delivery},
        page::WHOSE,
    },
    gateway::{Gateway, request::Asked},
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
    /// here, so there that time must pass. `sees_to`: the gateway that waits itself for what it was told.
    pub(super) async fn nothing_earlier_starts(
        &self,
        local: &Local,
        patient: &str,
        sees_to: Option<&NodeCode>,
    ) {
        if local.store().is_shared() {
            sleep(GOOD_FOR).await;
            return;
        }
        let end = self.clock.elapsed().saturating_add(GOOD_FOR);
        self.flights.landed(GOOD_FOR).await;
        // What was told since then is of no concern.
        let until = self.flights.passed_on(patient, sees_to).map(|until| until.min(end));
        let left = until.map(|until| until.saturating_sub(self.clock.elapsed()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            sleep(left).await;
        }
    }

    /// Waits until nothing starts here any more that was asked before a node acknowledged a Consent, which
    /// nodes leave to a gateway of one process.
    pub(super) async fn nothing_told_before_starts(&self, attempts: &[Attempt]) {
        let is_acknowledged = |one: &Attempt| one.delivery == Delivery::Acknowledged;
        if !self.tokens.store.is_shared() && attempts.iter().any(is_acknowledged) {
            self.flights.landed(GOOD_FOR).await;
        }
    }
}

/// The gateway that passes on what is written, if it waits itself for what it was told; a client passes
/// nothing on.
pub(super) fn sees_to<'a>(asked: &Asked<'_>, grant: &'a Grant) -> Option<&'a NodeCode> {
    grant.caller().node().filter(|_| asked.headers.contains_key(WAITS))
}

/// The answer, which says to another gateway whose it was that is there no more: that has to write it down.
pub(super) fn naming(mut response: Response<Body>, receipt: &Receipt) -> Response<Body> {
    let whose = receipt.passed_on().and_then(|(_, people)| people.first());
    let whose = whose.filter(|_| response.status() == StatusCode::GONE);
    let whose = whose.and_then(|patient| HeaderValue::from_str(patient).ok());
    response.headers_mut().extend(whose.map(|patient| (WHOSE, patient)));
    response
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
