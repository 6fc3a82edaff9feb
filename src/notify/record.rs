//! A subscription as it is kept: what was asked, for whom, and how far it is.
//!
//! Part of `notify`; what stands in a row's body. The number of the row's versions moves with every look
//! and is nobody's business; what a client reads as version moves with what it can see.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    authenticate::standing::Standing,
    bundle::notification::BACKPORT,
    domain::moment::Moment,
    error::{Error, Result},
    json,
    notify::{look::Marks, wanted::Wanted},
    store::subscription::{State, Subscription},
};

/// Events that can be asked for once more.
const KEPT: usize = 100;
/// The first pause after a notification that was not acknowledged; each is twice the one before.
const FIRST: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST: Duration = Duration::from_hours(1);
/// How often a notification is sent before it is given up: about eight hours.
const TRIES: u32 = 18;
/// The same of a handshake: about two minutes.
const GREETINGS: u32 = 5;

/// Something that happened, by what it happened to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// Its number in the subscription, from 1.
    pub number: u64,
    /// When the subscriber's view came to be so.
    pub at: Moment,
    /// In whose data.
    pub patient: Arc<str>,
    /// Id of the resource.
    pub id: Arc<str>,
}

/// Why a subscription is not served any more, as its client reads it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    /// Its receiver did not answer as it must, again and again.
    Undeliverable,
    /// The place is not registered any more, or the client may not have what it asks for.
    Unregistered,
}

impl Broken {
    /// What the client reads.
    pub const fn say(self) -> &'static str {
        match self {
            Self::Undeliverable => {
                "The endpoint did not acknowledge in time or with a status of 200 to 299, again and \
                 again. Write the Subscription again as requested when it does."
            }
            Self::Unregistered => {
                "The client is not registered for this any more: its scopes, purpose or endpoint."
            }
        }
    }
}

/// What stands in the body of a row.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What was asked for.
    pub wanted: Wanted,
    /// Who asked.
    pub standing: Standing,
    /// The version that the client reads.
    pub revision: u64,
    /// When that was written.
    pub revised: Moment,
    /// Why it is not served.
    pub broken: Option<Broken>,
    /// Events so far.
    pub counted: u64,
    /// What was seen of each person when last told; nobody is in it before the first look.
    pub seen: BTreeMap<Arc<str>, Marks>,
    /// What is being told.
    pub telling: Vec<Noted>,
    /// Is it being told for the first time? Then nobody knows yet whether anything of it leaves, and
    /// its numbers are nobody's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_first: bool,
    /// How often in vain.
    pub tries: u32,
    /// When something was last sent.
    pub sent: Moment,
    /// What was told, the newest last.
    pub told: VecDeque<Noted>,
}

impl Record {
    /// A new one.
    pub fn new(wanted: Wanted, standing: Standing, now: Moment) -> Self {
        Self {
            wanted,
            standing,
            revision: 1,
            revised: now,
            broken: None,
            counted: 0,
            seen: BTreeMap::new(),
            telling: Vec::new(),
            is_first: false,
            tries: 0,
            sent: now,
            told: VecDeque::new(),
        }
    }

    /// Reads what a row says.
    ///
    /// # Errors
    /// `Internal` if it is none.
    pub fn of(row: &Subscription) -> Result<Self> {
        json::stored(&row.body)
    }

    /// The row's next version.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub fn row(&self, read: &Subscription, turn: Turn) -> Result<Subscription> {
        let (state, due, ready, looked) = match turn {
            Turn::At(due) => (read.state, due, false, read.looked),
            Turn::Greets(due) => (State::Requested, due, false, read.looked),
            Turn::Waits(due) => (State::Active, due, true, read.looked),
            Turn::Looked(due) => (State::Active, due, true, read.touched),
            Turn::Ends(state) => (state, Moment::MAX, false, read.looked),
        };
        let body = serde_json::to_vec(self).map_err(Error::internal)?.into();
        let version = read.version.saturating_add(1);
        Ok(Subscription { version, state, due, ready, looked, body, ..read.clone() })
    }

    /// Has a look found nothing that is to be kept?
    pub fn is_as(&self, before: &Self) -> bool {
        let of = |one: &Self| (one.counted, one.telling.len(), one.tries);
        of(self) == of(before) && self.seen == before.seen
    }

    /// The client reads something else from now on.
    pub fn revise(&mut self, now: Moment) {
        self.revision = self.revision.saturating_add(1);
        self.revised = now;
    }

    /// What was sent as far as anybody can know, oldest first: what was acknowledged, and what may have
    /// arrived.
    pub fn sent(&self) -> impl Iterator<Item = &Noted> {
        self.told.iter().chain(self.telling.iter().filter(|_| !self.is_first))
    }

    /// How many events that were, from the first on.
    pub fn counted_sent(&self) -> u64 {
        let first = if self.is_first { self.telling.len() } else { 0 };
        self.counted.saturating_sub(u64::try_from(first).unwrap_or(u64::MAX))
    }

    /// As it was before something was tried of which nothing left: numbers that nobody was sent are given
    /// to what is seen when it is tried again. What may have arrived keeps its number.
    #[must_use]
    pub fn not_sent(self, before: Self) -> Self {
        let Self { tries, .. } = self;
        Self { tries, is_first: false, ..before }
    }

    /// Takes note of what is told; the newest can be asked for again.
    pub fn acknowledged(&mut self) {
        self.told.extend(self.telling.drain(..));
        let more = self.told.len().saturating_sub(KEPT);
        self.told.drain(..more);
    }

    /// The pause after a try in vain; none if it is given up.
    pub fn pause(&self, state: State) -> Option<Duration> {
        let most = if state == State::Requested { GREETINGS } else { TRIES };
        let whole = FIRST.saturating_mul(1 << self.tries.saturating_sub(1).min(16)).min(LONGEST);
        (self.tries < most).then_some(whole)
    }

    /// When it is to be said that nothing has happened.
    pub fn heartbeat(&self) -> Moment {
        let period = self.wanted.heartbeat.map(Duration::from_secs);
        period.map_or(Moment::MAX, |period| self.sent.plus(period))
    }

    /// When it ends.
    pub fn end(&self) -> Moment {
        self.wanted.end.unwrap_or(Moment::MAX)
    }

    /// The Subscription as its client reads it.
    pub fn resource(&self, id: &str, state: State) -> Value {
        let mut whole = Map::new();
        let members = [
            ("resourceType", json!("Subscription")),
            ("id", json!(id)),
            (
                "meta",
                json!({
                    "versionId": self.revision.to_string(),
                    "lastUpdated": self.revised.to_string(),
                    "profile": [format!("{BACKPORT}/backport-subscription")],
                }),
            ),
            ("status", json!(status(state))),
        ];
        whole.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        whole.extend(self.wanted.written());
        whole.extend(self.broken.map(|broken| ("error".to_owned(), json!(broken.say()))));
        Value::Object(whole)
    }
}

/// When a subscription's turn comes after it was written.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// At this instant and not before, whatever changes; it stands as it did.
    At(Moment),
    /// The same, to greet its receiver.
    Greets(Moment),
    /// At this instant, or as soon as something changes that was not looked at.
    Waits(Moment),
    /// The same, where everything has been looked at that had changed when it was read.
    Looked(Moment),
    /// Never.
    Ends(State),
}

/// The code of R4.
pub const fn status(state: State) -> &'static str {
    match state {
        State::Requested => "requested",
        State::Active => "active",
        State::Failed => "error",
        State::Off => "off",
    }
}
