//! Who wants to hear of changes, as a store keeps it.
//!
//! Belongs to `store`. A subscription is one row: its body is sealed and means nothing here, what stands
//! beside it says whose turn it is. A change to a person *touches* the subscriptions that are about them;
//! nothing of that is part of the commit. Whoever serves one writes the row first, naming the version it
//! read, so of two processes one does.

use std::sync::Arc;

use crate::domain::moment::Moment;

/// How a subscription stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It is not known yet whether its receiver wants it.
    Requested,
    /// Its receiver is told of what happens.
    Active,
    /// Its receiver could not be told, and is not tried any more.
    Failed,
    /// It was ended.
    Off,
}

impl State {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Requested, Self::Active, Self::Failed, Self::Off];

    /// What stands in a column.
    pub(super) fn number(self) -> i64 {
        Self::ALL.iter().position(|one| *one == self).and_then(|n| n.try_into().ok()).unwrap_or(0)
    }

    /// What a number in a column stands for; what is none is sent to nobody.
    pub(super) fn of_number(number: i64) -> Self {
        let place = usize::try_from(number).ok();
        place.and_then(|place| Self::ALL.get(place)).copied().unwrap_or(Self::Off)
    }
}

/// A subscription as it is stored.
#[derive(Clone, Eq, PartialEq)]
pub struct Subscription {
    /// Random, never used twice.
    pub id: Arc<str>,
    /// The client that alone may know of it.
    pub owner: Arc<str>,
    /// 1, 2, 3, ... with each time that it is written.
    pub version: u64,
    /// How it stands.
    pub state: State,
    /// When its turn comes, whatever changes.
    pub due: Moment,
    /// Does its turn come as soon as it is touched, too?
    pub ready: bool,
    /// How often it was touched; kept by the store.
    pub touched: i64,
    /// Up to which of them it was looked at.
    pub looked: i64,
    /// What was asked, for whom, and how far it is.
    pub body: Arc<[u8]>,
}
