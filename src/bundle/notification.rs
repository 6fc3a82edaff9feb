//! What a subscriber is told: a `subscription-notification` Bundle of what the subscriber sees.
//!
//! Part of `bundle`. The status comes first, as Parameters; what happened is named there and, as much of it
//! as was asked for, follows. Made of hits alone, so of nothing that is not released. Whoever something
//! happened to finds that it was told, also where it is told without saying to what. How many events there
//! were is the subscriber's own count of what it was told before, each on record as it was told: that number
//! alone, in a greeting, a heartbeat or `$status`, is recorded of nobody. Source: Subscriptions R5 Backport
//! 1.1, `notifications.html`, for R4.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, Disclosure, disclosures, note_all};
use crate::{
    domain::{
        id::{self, NodeCode},
        moment::Moment,
    },
    error::{Error, Result},
    query::page::Sealer,
    search::Hit,
};

/// Where the guide's profiles and extensions are.
pub const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";

/// How much of what happened is told.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// That something happened.
    Empty,
    /// What it happened to, by its address.
    IdOnly,
    /// The resource, as the subscriber sees it.
    FullResource,
}

impl Content {
    /// The code of the guide.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::IdOnly => "id-only",
            Self::FullResource => "full-resource",
        }
    }

    /// What a code of the guide says.
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Empty, Self::IdOnly, Self::FullResource].into_iter().find(|one| one.code() == code)
    }
}

/// Why it is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// To learn whether somebody is there who wants it.
    Handshake,
    /// Nothing has happened for as long as the subscriber wants to wait.
    Heartbeat,
    /// Something happened.
    Event,
    /// It was asked how the subscription stands.
    Status,
    /// It was asked what happened.
    Events,
}

impl Why {
    const fn code(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Heartbeat => "heartbeat",
            Self::Event => "event-notification",
            Self::Status => "query-status",
            Self::Events => "query-event",
        }
    }
}

/// The subscription that it is said of.
pub struct Of<'a> {
    /// Own FHIR base, without a slash at the end.
    pub base: &'a str,
    /// The gateway.
    pub node: &'a NodeCode,
    /// Makes versions.
    pub sealer: &'a dyn Sealer,
    /// Its id.
    pub id: &'a str,
    /// The topic's canonical.
    pub topic: &'a str,
    /// Its status.
    pub status: &'a str,
    /// What was counted since it began, in this subscriber's view.
    pub counted: u64,
    /// Why it is not told any more.
    pub error: Option<&'a str>,
    /// Instant at which it is said.
    pub now: Moment,
}

/// Something that happened.
pub struct Event {
    /// Its number in this subscription, from 1.
    pub number: u64,
    /// When the subscriber's view came to be so.
    pub at: Moment,
    /// What it happened to.
    pub focus: Focus,
}

/// What something happened to.
pub enum Focus {
    /// What the subscriber sees of it.
    Seen(Hit),
    /// It may not be told any more, only that something happened: what the record of it says, of whoever is
    /// still held here.
    Unseen(Option<Disclosure>),
}

impl Event {
    /// What it happened to, if that may be told.
    pub fn seen(&self) -> Option<&Hit> {
        match &self.focus {
            Focus::Seen(hit) => Some(hit),
            Focus::Unseen(_) => None,
        }
    }
}

/// What a subscriber is told.
///
/// # Errors
/// `Internal` if what was released is no JSON.
pub fn notification(
    of: &Of<'_>,
    why: Why,
    (events, content): (&[Event], Content),
    known_current: Duration,
) -> Result<Answer> {
    let mut entries = vec![status_entry(of, why, events, content)];
    let mut told = Vec::new();
    for event in events {
        // That something happened to the person is told of them, whatever is said of it.
        let hit = match &event.focus {
            Focus::Seen(hit) => hit,
            Focus::Unseen(whose) => {
                note_all(&mut told, whose.iter().cloned().collect());
                continue;
            }
        };
        note_all(&mut told, disclosures(hit, of.node));
        let name = format!("{}/{}", hit.resource.kind, hit.resource.id);
        let mut entry = json!({
            "fullUrl": format!("{}/{name}", of.base),
            "request": { "method": "PUT", "url": name },
            "response": { "status": "200" },
        });
        match content {
            Content::Empty => continue,
            Content::IdOnly => {}
            Content::FullResource => {
                let written = hit.view.written(&hit.resource, &hit.sight, of.sealer);
                let resource: Value =
                    serde_json::from_slice(&written.text).map_err(Error::internal)?;
                if let Some(entry) = entry.as_object_mut() {
                    entry.insert("resource".to_owned(), resource);
                }
            }
        }
        entries.push(entry);
    }
    let is_asked = why == Why::Status;
    let mut bundle = json!({
        "resourceType": "Bundle",
        "meta": { "profile": [format!("{BACKPORT}/backport-subscription-notification-r4")] },
        "type": if is_asked { "searchset" } else { "history" },
        "timestamp": of.now.to_string(),
        "entry": entries,
    });
    if let (Some(bundle), true) = (bundle.as_object_mut(), is_asked) {
        bundle.remove("meta");
        bundle.insert("total".to_owned(), json!(1));
    }
    Ok(Answer::once(bundle.to_string().into(), told, known_current))
}

/// How the subscription stands, and what happened.
fn status_entry(of: &Of<'_>, why: Why, events: &[Event], content: Content) -> Value {
    let name = format!("Subscription/{}", of.id);
    let said = format!("{name} {} {}", why.code(), of.now);
    let mut parameters = vec![
        json!({ "name": "subscription", "valueReference": { "reference": format!("{}/{name}", of.base) } }),
        json!({ "name": "topic", "valueCanonical": of.topic }),
        json!({ "name": "status", "valueCode": of.status }),
        json!({ "name": "type", "valueCode": why.code() }),
        json!({ "name": "events-since-subscription-start", "valueString": of.counted.to_string() }),
    ];
    parameters.extend(events.iter().map(|event| {
        let mut parts = vec![
            json!({ "name": "event-number", "valueString": event.number.to_string() }),
            json!({ "name": "timestamp", "valueInstant": event.at.to_string() }),
        ];
        let focus = event.seen().filter(|_| content != Content::Empty);
        parts.extend(focus.map(|hit| {
            let at = format!("{}/{}/{}", of.base, hit.resource.kind, hit.resource.id);
            json!({ "name": "focus", "valueReference": { "reference": at } })
        }));
        json!({ "name": "notification-event", "part": parts })
    }));
    parameters.extend(
        of.error.map(|error| json!({ "name": "error", "valueCodeableConcept": { "text": error } })),
    );
    let status = json!({
        "resourceType": "Parameters",
        "id": id::urn_of(&said).rsplit(':').next(),
        "meta": { "profile": [format!("{BACKPORT}/backport-subscription-status-r4")] },
        "parameter": parameters,
    });
    if why == Why::Status {
        return json!({
            "fullUrl": id::urn_of(&said), "resource": status, "search": { "mode": "match" },
        });
    }
    json!({
        "fullUrl": id::urn_of(&said),
        "resource": status,
        "request": { "method": "GET", "url": format!("{name}/$status") },
        "response": { "status": "200" },
    })
}
