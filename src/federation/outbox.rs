//! What this gateway owes to others: Consents written here, until each node has them.
//!
//! Beside asking peers. A letter is durable before it is sent; it goes at once, and if the node does
//! not answer, again and again with growing pauses, also after a restart. Letters of one Consent go to
//! a node one at a time, also where several processes share the store, and a later one takes the place
//! of an earlier. A prohibition is kept for peers that join later. Source: design 5. It must not decide,
//! and tells nobody what it holds.

pub mod letter;
mod lane;
mod rounds;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use self::{
    lane::{Kept, Key, Lanes, Pending, Place},
    letter::{Delivery, Letter, Sender},
    rounds::{Rounds, UNDER_WAY},
};
use crate::{
    chance::{base32, jitter},
    domain::id::NodeCode,
    error::{Error, Result},
    federation::{ask::Source, choose::Sources},
    json,
    store::{Outgoing, Store},
};

/// The first pause; each is twice the one before.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(5);
/// Letters to one node that are under way at a time, so that its questions still get through.
const AT_A_TIME: usize = 8;

/// A prohibition as it is kept for peers yet to join.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Copy<L> {
    /// Nodes that were sent it, or are owed it.
    receivers: BTreeSet<String>,
    letter: L,
}

/// What came of sending one letter once. Until it is settled or put off, no other letter of that
/// Consent goes to the node. Where it is acknowledged the node may have left it to this gateway to wait
/// until nothing that it was told before still starts here.
pub struct Attempt {
    /// The node.
    pub node: NodeCode,
    /// What was sent.
    pub letter: Arc<Letter>,
    /// What became of it.
    pub delivery: Delivery,
    row: i64,
    _turn: OwnedMutexGuard<()>,
}

/// The letters of one gateway.
pub struct Outbox {
    sender: ArcSwap<Sender>,
    store: Arc<dyn Store>,
    sources: ArcSwap<Sources>,
    lanes: Mutex<Lanes>,
    rounds: Mutex<Rounds>,
    news: Notify,
}

impl Outbox {
    /// Takes up what was owed, forgets what a later letter has replaced, and owes the prohibitions to
    /// peers that have joined since.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; `Internal` when it holds no letters.
    pub async fn open(
        sender: Sender,
        store: Arc<dyn Store>,
        sources: Arc<Sources>,
    ) -> Result<Self> {
        let (mut lanes, mut stale, mut joined) = (Lanes::default(), Vec::new(), Vec::new());
        let now = Instant::now();
        for (row, message) in store.owed(usize::MAX).await? {
            if *message.peer == *sender.node.as_str() {
                let (kept, letter) = rounds::kept(row, &message)?;
                stale.extend(lanes.keep(letter.of(), kept));
                joined.push((row, letter));
            } else if let Some(node) = NodeCode::parse(&message.peer) {
                let letter: Arc<Letter> = Arc::new(json::stored(&message.body)?);
                let key = Key { node, of: letter.of() };
                stale.extend(lanes.put(key, Pending { row, letter, tries: 0, due: now }));
            }
        }
        for row in stale {
            store.delivered(row).await?;
        }
        let (lanes, rounds) = (Mutex::new(lanes), Mutex::new(Rounds::new(now)));
        let (sender, sources) = (ArcSwap::from_pointee(sender), ArcSwap::new(sources));
        let this = Self { sender, store, sources, lanes, rounds, news: Notify::new() };
        this.welcome(joined, now).await?;
        Ok(this)
    }

    /// Takes another key to sign with and other peers, from the next letter on, and owes the
    /// prohibitions to those that have joined.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; then all is as it was.
    pub async fn renew(&self, sender: Sender, sources: Arc<Sources>) -> Result<()> {
        let mut kept = Vec::new();
        for (row, message) in self.store.owed_to(sender.node.as_str(), "").await? {
            kept.push((row, rounds::kept(row, &message)?.1));
        }
        self.sender.store(Arc::new(sender));
        self.sources.store(sources);
        if let Err(error) = self.welcome(kept, Instant::now()).await {
            tracing::error!(cause = ?error, "peers that joined are owed prohibitions after the next start");
        }
        self.news.notify_one();
        Ok(())
    }

    /// Owes prohibitions, as they are kept, to peers that were never sent them.
    async fn welcome(&self, kept: Vec<(i64, Letter)>, now: Instant) -> Result<()> {
        for (row, letter) in kept {
            if self.lanes().kept(&letter.of()).is_some_and(|kept| kept.place.row == row) {
                let to = self.never_reached(&letter);
                self.put(&Arc::new(letter), &to, now).await?;
            }
        }
        Ok(())
    }

    /// Makes a letter durable and sends it at once to all of `to`. Every attempt must be settled or
    /// put off.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; then nothing was sent.
    pub async fn send(self: &Arc<Self>, letter: Letter, to: &[NodeCode]) -> Result<Vec<Attempt>> {
        let letter = Arc::new(letter);
        self.put(&letter, to, Instant::now() + FIRST).await?;
        let of = letter.of();
        Ok(self
            .attempts(to.iter().map(|node| Key { node: node.clone(), of: Arc::clone(&of) }))
            .await)
    }

    /// How many letters a node is owed.
    pub fn owed(&self, node: &NodeCode) -> usize {
        self.lanes().owed(node)
    }

    /// Ends when a letter is due to be sent again, or it is time to look what other processes owe.
    pub async fn due(&self) {
        loop {
            let news = self.news.notified();
            let next = self.next();
            match next {
                Some(at) if at <= Instant::now() => return,
                Some(at) => tokio::select! { () = sleep_until(at) => {} () = news => {} },
                None => news.await,
            }
        }
    }

    /// Sends what is due. Every attempt must be settled or put off.
    pub async fn send_due(self: &Arc<Self>) -> Vec<Attempt> {
        if !self.is_courier().await {
            return Vec::new();
        }
        let due = self.lanes().due(&self.sources.load(), Instant::now(), AT_A_TIME);
        self.attempts(due.into_iter()).await
    }

    /// Takes note of what became of a letter.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; the letter is then sent once more.
    pub async fn settle(&self, attempt: Attempt) -> Result<()> {
        let done = match attempt.delivery {
            Delivery::Pending => Ok(false),
            Delivery::Acknowledged => self.store.delivered(attempt.row).await.map(|()| true),
            Delivery::Refused(_) => self.give_up(&attempt).await.map(|()| true),
        };
        if !matches!(done, Ok(true)) {
            self.put_off(attempt).await;
            return done.map(drop);
        }
        self.lanes().done(&attempt.key(), attempt.row);
        self.leave(&attempt.key()).await;
        Ok(())
    }

    /// The letter is sent again after a pause.
    pub async fn put_off(&self, attempt: Attempt) {
        let pause = |tries: u32| {
            let whole = FIRST.saturating_mul(1 << tries.min(16)).min(LONGEST);
            jitter(whole, &*self.sender.load().chance)
        };
        self.lanes().put_off(&attempt.key(), attempt.row, pause);
        self.leave(&attempt.key()).await;
        // The turn is free once the pause is known.
        drop(attempt);
        self.news.notify_one();
    }

    /// A node that refused a prohibition is asked again after the next start.
    async fn give_up(&self, attempt: &Attempt) -> Result<()> {
        let letter = &attempt.letter;
        self.look_at_copy(&letter.of()).await?;
        let kept = self.lanes().kept(&letter.of()).cloned();
        if let Some(mut kept) = kept.filter(|kept| letter.repeats(&kept.digest)) {
            kept.receivers.remove(&attempt.node);
            let copy = self.copy(letter, &kept.receivers)?;
            let rows = self.store.owe(vec![copy]).await?;
            self.replace(letter, &rows, kept.receivers).await?;
        }
        self.store.delivered(attempt.row).await
    }

    /// Peers that were never sent a prohibition.
    fn never_reached(&self, letter: &Letter) -> Vec<NodeCode> {
        let lanes = self.lanes();
        let reached = lanes.kept(&letter.of()).map(|kept| &kept.receivers);
        let sources = self.sources.load();
        let nodes = sources.peers.iter().map(|peer| peer.node().clone());
        nodes.filter(|node| reached.is_none_or(|reached| !reached.contains(node))).collect()
    }

    /// Makes a letter durable for each of `to` that is not owed the same already. Who says the same again
    /// says it now: what was written before that must not take its place.
    async fn put(&self, letter: &Arc<Letter>, to: &[NodeCode], due: Instant) -> Result<()> {
        let (of, digest) = (letter.of(), letter.digest());
        if letter.is_prohibition() {
            self.look_at_copy(&of).await?;
        }
        let (new, kept): (Vec<NodeCode>, _) = {
            let lanes = self.lanes();
            let owed = |node: &&NodeCode| {
                let same = lanes.pending(node, &of).map(|earlier| &earlier.letter);
                let same = same.filter(|earlier| earlier.repeats(&digest));
                same.is_some_and(|earlier| earlier.written() >= letter.written())
            };
            (to.iter().filter(|node| !owed(node)).cloned().collect(), lanes.kept(&of).cloned())
        };
        let mut messages = Vec::with_capacity(new.len() + 1);
        for node in &new {
            messages.push(self.message(node, &of, &**letter)?);
        }
        let same = kept.filter(|kept| kept.digest == digest);
        let mut receivers = same.as_ref().map(|kept| kept.receivers.clone()).unwrap_or_default();
        let before = receivers.len();
        receivers.extend(to.iter().cloned());
        let is_kept = same.is_some_and(|kept| kept.place.written >= letter.written());
        let keeps = letter.is_prohibition() && (!is_kept || receivers.len() > before);
        if keeps {
            messages.push(self.copy(letter, &receivers)?);
        }
        if messages.is_empty() {
            return Ok(());
        }
        let rows = self.store.owe(messages).await?;
        let mut stale = Vec::new();
        {
            let mut lanes = self.lanes();
            for (node, row) in new.into_iter().zip(&rows) {
                let key = Key { node, of: Arc::clone(&of) };
                let pending = Pending { row: *row, letter: Arc::clone(letter), tries: 0, due };
                stale.extend(lanes.put(key, pending));
            }
        }
        for row in stale {
            self.store.delivered(row).await?;
        }
        if keeps {
            self.replace(letter, &rows, receivers).await?;
        }
        self.news.notify_one();
        Ok(())
    }

    /// The last of `rows` is the copy of a prohibition from now on.
    async fn replace(
        &self,
        letter: &Letter,
        rows: &[i64],
        receivers: BTreeSet<NodeCode>,
    ) -> Result<()> {
        let Some(row) = rows.last() else { return Ok(()) };
        let kept = Kept { place: Place::of(*row, letter), digest: letter.digest(), receivers };
        let stale = self.lanes().keep(letter.of(), kept);
        match stale {
            Some(row) => self.store.delivered(row).await,
            None => Ok(()),
        }
    }

    fn copy(&self, letter: &Letter, receivers: &BTreeSet<NodeCode>) -> Result<Outgoing> {
        let receivers = receivers.iter().map(ToString::to_string).collect();
        self.message(&self.sender.load().node, &letter.of(), &Copy { receivers, letter })
    }

    fn message(&self, to: &NodeCode, of: &str, body: &impl Serialize) -> Result<Outgoing> {
        Ok(Outgoing {
            key: format!("{of}|{}", base32(&*self.sender.load().chance, 16)).into(),
            peer: to.as_str().into(),
            body: serde_json::to_vec(body).map_err(Error::internal)?.into(),
        })
    }

    async fn attempts(self: &Arc<Self>, keys: impl Iterator<Item = Key>) -> Vec<Attempt> {
        let mut flights = JoinSet::new();
        for key in keys {
            let this = Arc::clone(self);
            flights.spawn(async move { this.attempt(key).await });
        }
        let mut all: Vec<Attempt> = flights.join_all().await.into_iter().flatten().collect();
        all.sort_by(|a, b| a.node.cmp(&b.node));
        all
    }

    /// Sends the newest letter of a lane once it is its turn; `None` if none is left.
    async fn attempt(&self, key: Key) -> Option<Attempt> {
        let turn = self.lanes().turn(&key)?;
        let turn = turn.lock_owned().await;
        if self.store.is_shared() && !self.enter(&key).await {
            return None;
        }
        let pending = self.lanes().pending(&key.node, &key.of).cloned();
        let Some(Pending { row, letter, .. }) = pending else {
            self.lanes().close(&key);
            self.leave(&key).await;
            return None;
        };
        let (source, sender) = (self.source(&key.node)?, self.sender.load_full());
        // What is under way in other processes is not counted in this one.
        let waits = !self.store.is_shared();
        let sent = timeout(UNDER_WAY, source.deliver(&letter, &sender, waits)).await;
        // Nobody knows what became of it, so it is sent again.
        let delivery = sent.unwrap_or(Delivery::Pending);
        Some(Attempt { node: key.node, letter, delivery, row, _turn: turn })
    }

    fn source(&self, node: &NodeCode) -> Option<Arc<Source>> {
        self.sources.load().peers.iter().find(|peer| peer.node() == node).cloned()
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    fn key(&self) -> Key {
        Key { node: self.node.clone(), of: self.letter.of() }
    }
}
