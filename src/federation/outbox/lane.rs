//! Which letter goes to which node next: the outbox as it is held in memory.
//!
//! Part of the outbox. One lane for each Consent and node; it holds the newest letter alone. Whatever
//! is replaced here is told to the caller by its row, so that the store forgets it too. Of two letters
//! that one counts which would have counted where they go, in whatever order they came to the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync, time::Instant};

use super::letter::Letter;
use crate::{
    domain::{id::NodeCode, moment::Moment},
    federation::choose::Sources,
};

/// A lane's name.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    /// Where it leads.
    pub(super) node: NodeCode,
    /// The Consent.
    pub(super) of: Arc<str>,
}

/// A letter that is owed.
#[derive(Clone)]
pub(super) struct Pending {
    /// Its row in the store.
    pub(super) row: i64,
    /// What is owed.
    pub(super) letter: Arc<Letter>,
    /// How often it was sent in vain.
    pub(super) tries: u32,
    /// When it is sent next.
    pub(super) due: Instant,
}

impl Pending {
    fn place(&self) -> Place {
        Place::of(self.row, &self.letter)
    }
}

/// The copy of a prohibition.
#[derive(Clone)]
pub(super) struct Kept {
    /// Its place among the copies that were kept.
    pub(super) place: Place,
    /// What it says.
    pub(super) digest: [u8; 32],
    /// Nodes that were sent it, or are owed it.
    pub(super) receivers: BTreeSet<NodeCode>,
}

/// A letter's place among those of its Consent.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Its row in the store.
    pub(super) row: i64,
    /// When it was written.
    pub(super) written: Moment,
    loosens: bool,
}

impl Place {
    /// The place of a letter.
    pub(super) fn of(row: i64, letter: &Letter) -> Self {
        Self { row, written: letter.written(), loosens: letter.loosens() }
    }

    /// Does it count, and not the other? The later row, unless it would loosen what was written later than
    /// itself: then it was late on its way. What narrows no clock holds back. Where they arrive the rule
    /// is the same.
    fn outdates(&self, other: &Self) -> bool {
        let is_later = self.row > other.row;
        let (first, last) = if is_later { (other, self) } else { (self, other) };
        let was_late = last.loosens && last.written < first.written;
        is_later != was_late
    }
}

#[derive(Default)]
struct Lane {
    /// Whoever holds it sends.
    turn: Arc<sync::Mutex<()>>,
    pending: Option<Pending>,
}

/// All lanes.
#[derive(Default)]
pub(super) struct Lanes {
    open: BTreeMap<Key, Lane>,
    kept: BTreeMap<Arc<str>, Kept>,
}

impl Lanes {
    /// Puts a letter in its lane; the row of the one that is not needed any more.
    pub(super) fn put(&mut self, key: Key, new: Pending) -> Option<i64> {
        let lane = self.open.entry(key).or_default();
        match &mut lane.pending {
            Some(there) if there.place().outdates(&new.place()) => Some(new.row),
            earlier => earlier.replace(new).map(|earlier| earlier.row),
        }
    }

    /// Keeps the copy of a prohibition; the row of the one that is not needed any more. Of two that say
    /// the same the later row tells who was sent it.
    pub(super) fn keep(&mut self, of: Arc<str>, new: Kept) -> Option<i64> {
        let stays = |there: &Kept| {
            if there.digest == new.digest {
                there.place.row > new.place.row
            } else {
                there.place.outdates(&new.place)
            }
        };
        if self.kept.get(&of).is_some_and(stays) {
            return Some(new.place.row);
        }
        self.kept.insert(of, new).map(|earlier| earlier.place.row)
    }

    pub(super) fn kept(&self, of: &str) -> Option<&Kept> {
        self.kept.get(of)
    }

    pub(super) fn pending(&self, node: &NodeCode, of: &Arc<str>) -> Option<&Pending> {
        let key = Key { node: node.clone(), of: Arc::clone(of) };
        self.open.get(&key)?.pending.as_ref()
    }

    pub(super) fn turn(&self, key: &Key) -> Option<Arc<sync::Mutex<()>>> {
        self.open.get(key).map(|lane| Arc::clone(&lane.turn))
    }

    /// The letter of a row needs nothing more; called by whoever holds the turn.
    pub(super) fn done(&mut self, key: &Key, row: i64) {
        self.drop_pending(key, row);
        self.close(key);
    }

    /// Closes a lane that holds nothing; called by whoever holds the turn. If others wait for theirs
    /// the last of them closes it, so that there is never a second turn for one lane.
    pub(super) fn close(&mut self, key: &Key) {
        let idle = |lane: &Lane| lane.pending.is_none() && Arc::strong_count(&lane.turn) <= 2;
        if self.open.get(key).is_some_and(idle) {
            self.open.remove(key);
        }
    }

    /// The letter of a row is owed no more, whoever sent it; called by whoever holds the turn.
    pub(super) fn drop_pending(&mut self, key: &Key, row: i64) {
        if let Some(lane) = self.open.get_mut(key) {
            lane.pending.take_if(|pending| pending.row == row);
        }
    }

    /// The same, and the lane is closed, unless somebody has its turn and will find out.
    pub(super) fn drop_idle(&mut self, key: &Key, row: i64) {
        let is_idle = |lane: &Lane| {
            let same = lane.pending.as_ref().is_some_and(|pending| pending.row == row);
            same && Arc::strong_count(&lane.turn) == 1
        };
        if self.open.get(key).is_some_and(is_idle) {
            self.open.remove(key);
        }
    }

    /// The rows of the letters that a node is owed.
    pub(super) fn rows<'a>(&'a self, node: &'a NodeCode) -> impl Iterator<Item = (i64, Key)> + 'a {
        let of = self.open.iter().filter(move |(key, _)| key.node == *node);
        of.filter_map(|(key, lane)| Some((lane.pending.as_ref()?.row, key.clone())))
    }

    /// The letter of a row waits for a while.
    pub(super) fn put_off(&mut self, key: &Key, row: i64, pause: impl Fn(u32) -> Duration) {
        let lane = self.open.get_mut(key).and_then(|lane| lane.pending.as_mut());
        if let Some(pending) = lane.filter(|pending| pending.row == row) {
            pending.due = Instant::now() + pause(pending.tries);
            pending.tries = pending.tries.saturating_add(1);
        }
    }

    /// Letters that a node is owed.
    pub(super) fn owed(&self, node: &NodeCode) -> usize {
        let owed = self.open.iter().filter(|(_, lane)| lane.pending.is_some());
        owed.filter(|(key, _)| key.node == *node).count()
    }

    /// When the next letter to a configured peer is due.
    pub(super) fn next(&self, sources: &Sources) -> Option<Instant> {
        self.reachable(sources).map(|(_, pending)| pending.due).min()
    }

    /// Lanes of letters that are due, those due longest first, at most so many to each node.
    pub(super) fn due(&self, sources: &Sources, now: Instant, at_a_time: usize) -> Vec<Key> {
        let mut due: Vec<_> =
            self.reachable(sources).filter(|(_, pending)| pending.due <= now).collect();
        due.sort_by_key(|(_, pending)| (pending.due, pending.row));
        let mut taken: BTreeMap<&NodeCode, usize> = BTreeMap::new();
        due.retain(|(key, _)| {
            let count = taken.entry(&key.node).or_default();
            *count += 1;
            *count <= at_a_time
        });
        due.into_iter().map(|(key, _)| key.clone()).collect()
    }

    fn reachable<'a>(
        &'a self,
        sources: &'a Sources,
    ) -> impl Iterator<Item = (&'a Key, &'a Pending)> {
        let is_peer = |node: &NodeCode| sources.peers.iter().any(|peer| peer.node() == node);
        let owed = self.open.iter().filter_map(|(key, lane)| Some((key, lane.pending.as_ref()?)));
        owed.filter(move |(key, _)| is_peer(&key.node))
    }
}
