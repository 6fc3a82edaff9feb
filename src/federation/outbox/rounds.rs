//! Several processes of one gateway, and one sends at a time.
//!
//! Part of the outbox, where the store is shared. What is in memory is then no more than what this
//! process has heard of. Before it sends it takes the lane's turn from the store and looks what stands
//! in the lane there; one process at a time, the courier, sends what others could not, those that
//! have ended among them. A turn ends by itself, so a process that dies delays letters and loses none.
//! Source: design 5 and 8. It must not send.

use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Copy, FIRST, Outbox,
    lane::{Kept, Key, Pending, Place},
    letter::Letter,
};
use crate::{domain::id::NodeCode, error::Result, json, store::Outgoing};

/// The longest that a letter may be under way, token and all.
pub(super) const UNDER_WAY: Duration = Duration::from_secs(20);
/// How long a lane is a process's own: longer than a letter is under way.
const LANE: Duration = Duration::from_secs(30);
/// How long the courier may be silent before another process takes its part.
const COURIER: Duration = Duration::from_secs(15);
/// Between two looks at what all processes owe.
const ROUND: Duration = Duration::from_secs(5);
/// The courier's turn in the store.
const NAME: &str = "courier";

/// When this process looks next, and whether it is the courier.
pub(super) struct Rounds {
    next: Instant,
    is_courier: bool,
}

impl Rounds {
    /// The first look is at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now, is_courier: false }
    }
}

impl Outbox {
    /// When there is something to do for this process.
    pub(super) fn next(&self) -> Option<Instant> {
        let next = self.lanes().next(&self.sources.load());
        if !self.store.is_shared() {
            return next;
        }
        let rounds = self.rounds();
        Some(next.filter(|at| rounds.is_courier && *at < rounds.next).unwrap_or(rounds.next))
    }

    /// Is it this process's part to send what is due? From time to time it looks what is owed.
    pub(super) async fn is_courier(&self) -> bool {
        if !self.store.is_shared() {
            return true;
        }
        {
            let (mut rounds, now) = (self.rounds(), Instant::now());
            if now < rounds.next {
                return rounds.is_courier;
            }
            rounds.next = now + ROUND;
        }
        let looked = self.look_around().await;
        let is_courier = match looked {
            Ok(()) => self.store.take_turn(NAME, COURIER).await,
            Err(error) => Err(error),
        };
        let is_courier = is_courier.unwrap_or_else(|error| {
            tracing::warn!(cause = ?error, "what is owed to other gateways is not known");
            false
        });
        self.rounds().is_courier = is_courier;
        is_courier
    }

    /// Takes the lane for this process and looks what stands in it; false if it is another's now.
    pub(super) async fn enter(&self, key: &Key) -> bool {
        let entered = match self.store.take_turn(&name(key), LANE).await {
            Ok(true) => self.look_in(key).await.map(|()| true),
            other => other,
        };
        let entered = entered.unwrap_or_else(|error| {
            tracing::warn!(cause = ?error, "a letter waits for the store");
            false
        });
        if !entered {
            let mut lanes = self.lanes();
            let row = lanes.pending(&key.node, &key.of).map(|pending| pending.row);
            if let Some(row) = row {
                lanes.put_off(key, row, |_| FIRST);
            }
        }
        entered
    }

    /// Lets other processes into a lane.
    pub(super) async fn leave(&self, key: &Key) {
        if !self.store.is_shared() {
            return;
        }
        if let Err(error) = self.store.end_turn(&name(key)).await {
            tracing::warn!(cause = ?error, "a lane is held until its time has passed");
        }
    }

    /// The copy of a prohibition as another process may have left it.
    pub(super) async fn look_at_copy(&self, of: &Arc<str>) -> Result<()> {
        if !self.store.is_shared() {
            return Ok(());
        }
        let sender = self.sender.load_full();
        let own = sender.node.as_str();
        for (row, message) in self.store.owed_to(own, &format!("{of}|")).await? {
            let known = self.lanes().kept(of).is_some_and(|kept| kept.place.row == row);
            if !known {
                let (kept, _) = kept(row, &message)?;
                let stale = self.lanes().keep(Arc::clone(of), kept);
                self.forget(stale).await?;
            }
        }
        Ok(())
    }

    /// Takes up what stands in a lane of the store, and drops what does not any more.
    async fn look_in(&self, key: &Key) -> Result<()> {
        let owed = self.store.owed_to(key.node.as_str(), &format!("{}|", key.of)).await?;
        let held = self.lanes().pending(&key.node, &key.of).map(|pending| pending.row);
        if let Some(row) = held.filter(|row| owed.iter().all(|(there, _)| there != row)) {
            self.lanes().drop_pending(key, row);
        }
        self.take_up(&key.node, owed).await
    }

    /// Takes up what any process owes to any peer, and drops what is owed no more.
    async fn look_around(&self) -> Result<()> {
        for peer in &self.sources.load_full().peers {
            let node = peer.node();
            let before: BTreeMap<i64, Key> = self.lanes().rows(node).collect();
            let owed = self.store.owed_to(node.as_str(), "").await?;
            let there = |row: &i64| owed.iter().any(|(other, _)| other == row);
            for (row, key) in before.iter().filter(|(row, _)| !there(row)) {
                self.lanes().drop_idle(key, *row);
            }
            self.take_up(node, owed).await?;
        }
        Ok(())
    }

    async fn take_up(&self, node: &NodeCode, owed: Vec<(i64, Outgoing)>) -> Result<()> {
        let now = Instant::now();
        for (row, message) in owed {
            let letter: Arc<Letter> = Arc::new(json::stored(&message.body)?);
            let of = letter.of();
            let stale = {
                let mut lanes = self.lanes();
                let known = lanes.pending(node, &of).is_some_and(|pending| pending.row == row);
                let key = Key { node: node.clone(), of };
                let new = Pending { row, letter, tries: 0, due: now };
                if known { None } else { lanes.put(key, new) }
            };
            self.forget(stale).await?;
        }
        Ok(())
    }

    /// Forgets a row that a later one has replaced.
    async fn forget(&self, row: Option<i64>) -> Result<()> {
        match row {
            Some(row) => self.store.delivered(row).await,
            None => Ok(()),
        }
    }

    fn rounds(&self) -> MutexGuard<'_, Rounds> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The copy of a prohibition that stands in a row.
pub(super) fn kept(row: i64, message: &Outgoing) -> Result<(Kept, Letter)> {
    let copy: Copy<Letter> = json::stored(&message.body)?;
    let receivers = copy.receivers.iter().filter_map(|code| NodeCode::parse(code)).collect();
    let (place, digest) = (Place::of(row, &copy.letter), copy.letter.digest());
    Ok((Kept { place, digest, receivers }, copy.letter))
}

fn name(key: &Key) -> String {
    format!("lane|{}|{}", key.node, key.of)
}
