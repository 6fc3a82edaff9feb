//! What is said without a resource: how many people there are, that an export has begun, how a job stands.
//!
//! Part of `bundle`. It shows nobody's data. Whom it rests on all the same finds in their own record that it
//! does, in what, for whom and by which permission.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;

use super::{Answer, Disclosure, Said, disclosures, note_all};
use crate::{domain::id::NodeCode, search::Hit};

/// What the records of people say of being rested on: these resources were read.
pub fn rested_on(hits: &[Hit], node: &NodeCode) -> Vec<Disclosure> {
    let mut all = Vec::new();
    hits.iter().for_each(|hit| note_all(&mut all, disclosures(hit, node)));
    all
}

/// The answer that says this, and rests on these people.
pub fn of_people(said: &Value, people: Vec<Disclosure>, known_current: Duration) -> Answer {
    Answer::once(said.to_string().into(), people, known_current)
}

/// The answer that says this of a job or of a subscription, and rests on nobody.
pub fn of_nobody(said: &Value, known_current: Duration) -> Answer {
    of_people(said, Vec::new(), known_current)
}

impl Answer {
    /// One that is never given again.
    pub(super) fn once(body: Bytes, people: Vec<Disclosure>, known_current: Duration) -> Self {
        let said = Said { lasts: false, ..Said::new(body, None, people) };
        Self::new(Arc::new(said), known_current)
    }
}
