//! What is said without a resource: how many people there are, that an export has begun, how a job stands,
//! that something is there no more.
//!
//! Part of `bundle`. It shows nobody's data. Whom it rests on all the same finds in their own record that it
//! does, in what, for whom and by which permission. What would be said whoever there is rests on nobody.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;

use super::{Answer, Disclosure, Said, disclosures, export::peers_gone, note_all};
use crate::{
    consent::view::View,
    domain::id::NodeCode,
    federation::Gone,
    fhir::{labels::Labels, types::ResourceType},
    search::Hit,
};

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

/// The answer that says, by this outcome, that what was asked for was there and is no more; it rests on the
/// people whose it was.
pub fn gone(outcome: &Value, people: Vec<Disclosure>, known_current: Duration) -> Answer {
    let body = outcome.to_string().into();
    let said = Said { lasts: false, is_gone: true, ..Said::new(body, None, people) };
    Answer::new(Arc::new(said), known_current)
}

/// The same of what a peer says is there no more, which says whose it was.
pub fn peers_say_gone(outcome: &Value, gone: &Gone, asked_at: Duration) -> Answer {
    self::gone(outcome, vec![peers_gone(gone)], asked_at)
}

/// What the record of a person says of something of theirs that is named, and of which nothing is shown.
pub fn named(view: &View, (kind, id): (ResourceType, &Arc<str>), node: &NodeCode) -> Disclosure {
    let (patient, key) = view.audit_key();
    let whose = (Arc::clone(patient), Some(key));
    Disclosure::naming(whose, vec![(kind, Arc::clone(id))], node.clone())
}

impl Disclosure {
    /// That these are, or were, somebody's is told, and nothing that they hold.
    pub fn naming(
        (patient, audit_key): (Arc<str>, Option<[u8; 32]>),
        resources: Vec<(ResourceType, Arc<str>)>,
        source: NodeCode,
    ) -> Self {
        let (labels, basis) = (Labels::default(), Vec::new());
        Self { patient, audit_key, resources, labels, basis, source }
    }
}

impl Answer {
    /// One that is never given again.
    pub(super) fn once(body: Bytes, people: Vec<Disclosure>, known_current: Duration) -> Self {
        let said = Said { lasts: false, ..Said::new(body, None, people) };
        Self::new(Arc::new(said), known_current)
    }

    /// Does it say that what was asked for was there, and is no more?
    pub fn is_gone(&self) -> bool {
        self.said.is_gone
    }
}
