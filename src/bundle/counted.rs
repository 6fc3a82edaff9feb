//! Numbers of people, and the record of each whose data they rest on.
//!
//! Part of `bundle`. What leaves names nobody; each who was counted is told in their own record all the
//! same that they were, in what, for whom and by which permission.

use std::time::Duration;

use serde_json::Value;

use super::{Answer, Disclosure, disclosures, note_all};
use crate::{domain::id::NodeCode, search::Hit};

/// What the record of one person says of being counted: these resources were read.
pub fn read(hits: &[Hit], node: &NodeCode) -> Vec<Disclosure> {
    let mut all = Vec::new();
    hits.iter().for_each(|hit| note_all(&mut all, disclosures(hit, node)));
    all
}

/// The answer that says these numbers.
pub fn numbers(said: &Value, disclosures: Vec<Disclosure>, known_current: Duration) -> Answer {
    Answer::once(said.to_string().into(), disclosures, known_current)
}
