//! Whom to ask, ask all, wait no longer than allowed.
//!
//! Step of the way after `query`. Who is asked follows only from the request and configuration, never
//! from who holds something. What a peer answers has been decided where it is held; this side checks
//! its shape, owner and size, and must never loosen, cache or search it. One source failing never
//! fails the answer: it becomes a statement of completeness.

pub mod breaker;
pub mod client;
pub mod outcome;
mod pool;
mod reply;
pub mod tls;
pub mod token;
pub mod age;
pub mod ask;
pub mod choose;
pub mod explained;
pub mod export;
pub mod gather;
pub mod history;
pub mod indicator;
pub mod outbox;
pub mod page;
pub mod proposal;
mod sending;
pub mod several;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json, value::RawValue};

use crate::{
    domain::{id::NodeCode, moment::Moment},
    fhir::{
        labels::{CANONICAL, Labels},
        types::ResourceType,
    },
    query::{order::Key, page::Cursor},
};

/// How complete a source's part of an answer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Everything it releases to this caller.
    Complete,
    /// The transport broke off; some is missing.
    Partial,
    /// It did not answer in time, or not as a gateway does.
    NotReached,
}

impl State {
    /// Code of the completeness code system.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::NotReached => "not-reached",
        }
    }

    /// Severity and code of the issue.
    pub const fn issue(self) -> (&'static str, &'static str) {
        match self {
            Self::Complete => ("information", "informational"),
            Self::Partial => ("warning", "incomplete"),
            Self::NotReached => ("warning", "transient"),
        }
    }

    /// The issue that says so of the part of a node.
    pub fn issue_of(self, node: &str) -> Value {
        let (severity, code) = self.issue();
        let system = format!("{CANONICAL}/CodeSystem/completeness");
        json!({
            "severity": severity,
            "code": code,
            "details": { "coding": [{ "system": system, "code": self.code() }] },
            "diagnostics": node,
        })
    }
}

/// What is known of one source's part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Completeness {
    /// The source.
    pub node: NodeCode,
    /// How complete it is.
    pub state: State,
}

/// One entry a peer released, checked but not changed.
pub struct Entry {
    /// The peer.
    pub node: NodeCode,
    /// FHIR type.
    pub kind: ResourceType,
    /// FHIR id.
    pub id: String,
    /// Id of the Patient it is about.
    pub patient: Arc<str>,
    /// `meta.lastUpdated`.
    pub last_updated: Moment,
    /// `meta.versionId`.
    pub version: Option<String>,
    /// What it is sorted by, in the order of the sort keys.
    pub keys: Vec<Key>,
    /// Labels it carries.
    pub labels: Labels,
    /// The resource, byte for byte.
    pub resource: Box<RawValue>,
}

/// What a peer says of one person is there no more, checked.
pub struct Gone {
    /// The peer.
    pub node: NodeCode,
    /// Id of the Patient whose it was.
    pub patient: Arc<str>,
    /// FHIR types and ids.
    pub resources: Vec<(ResourceType, Arc<str>)>,
}

/// What a peer answered.
pub struct Answered {
    /// Its entries, in its order.
    pub entries: Vec<Entry>,
    /// What it added to them, as the question asked.
    pub included: Vec<Entry>,
    /// Its total, where it gave one.
    pub total: Option<usize>,
    /// From when its page's life counts, on the monotonic clock: when it was asked, or what it knew
    /// then.
    pub asked_at: Duration,
}

/// Where a search across people goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Waypoint {
    /// Nothing is left.
    End,
    /// The next page starts here.
    At(Cursor),
}
