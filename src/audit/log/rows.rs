//! The home that several processes share: each adds to a chain of its own in the database.
//!
//! A batch is one row and one statement, durable when it is acknowledged. Of a batch whose answer was lost nobody
//! knows whether it is kept: the chain's end is asked for before anything else is added, and a batch
//! that is found there is durable. Whoever is first puts what all have added into the one tree; a
//! process that dies leaves its records to the others. Design 8 and 9.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    batch::Filled,
    home::{Checked, Frames, Home, lock},
};
use crate::{
    audit::{
        chain::{LinkKey, Met, Walk},
        checkpoint::{Checkpoint, Signer, Verifier},
        frame::{AuditKey, Item, MARK, Sealed, item},
        index,
        read::{self, Found},
        tree::{Frontier, Head},
        verify,
    },
    clock::Clock,
    domain::moment::Moment,
    error::{Error, Kind, Result},
    store::postgres::{
        Ledger,
        ledger::{Batch, End, Record, Stem, WRITES},
    },
};

/// A batch that failed is tried once more if so little time has passed: whoever waits still does.
const SOON: Duration = Duration::from_secs(1);
/// Most records and bytes of a row.
const RECORDS: usize = 1_000;
const BYTES: usize = 4 << 20;
/// Most batches that are put in the tree by one transaction.
const MOST: usize = 500;
/// How many checkpoints are read at once.
const PAGE: usize = 1_000;
/// How often others may be first in a row before that is called a fault.
const TRIES: usize = 64;

pub(super) struct Rows {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    links: LinkKey,
    own: Mutex<Own>,
    tree: Mutex<Frontier>,
    /// Is the tree smaller than it was?
    lost: AtomicBool,
}

/// The end of this process's chain.
struct Own {
    end: End,
    /// Is it known? Not after a batch whose answer was lost.
    sure: bool,
}

impl Rows {
    /// Makes the chain of this process known, and finds its end and the tree.
    pub(super) async fn open(
        ledger: Ledger,
        links: LinkKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let end = ledger.begin().await?;
        let (stem, _) = ledger.unplaced(0).await?;
        let tree = Mutex::new(frontier(stem)?);
        let own = Mutex::new(Own { end, sure: true });
        Ok(Self { ledger, clock, links, own, tree, lost: AtomicBool::new(false) })
    }

    /// Brings records of commits into the log; they wait no more. `Conflict` if somebody else has
    /// done so with one of them: then nothing is done.
    pub(super) async fn adopt(&self, waiting: Vec<(i64, Sealed)>) -> Result<()> {
        let end = self.ledger.end(WRITES).await?;
        let (rows, sealed): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let frames = sealed.iter().flat_map(|one| one.bytes.iter().copied()).collect::<Vec<_>>();
        let (chain, mut end, mut rest) = (WRITES.into(), end, &*frames);
        let mut batches = Vec::new();
        while !rest.is_empty() {
            let (batch, grown, after) = self.chained(&chain, end, rest)?;
            batches.push(batch);
            (end, rest) = (grown, after);
        }
        self.ledger.adopt(batches, rows).await
    }

    /// As many of these frames as a row takes, after the end of a chain; the end then, and the rest.
    fn chained<'a>(
        &self,
        chain: &Arc<str>,
        mut end: End,
        frames: &'a [u8],
    ) -> Result<(Batch, End, &'a [u8])> {
        let (number, mut at) = (end.number + 1, 0);
        let (mut leaves, mut people, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        while ends.len() < RECORDS
            && at < BYTES
            && let Some(next) = frames.get(at..).filter(|next| !next.is_empty())
        {
            let Some((Item::Record(frame), length)) = item(next, 0) else {
                return Err(Error::internal("no audit frame"));
            };
            end = self.links.next(end, chain, next.get(..length).unwrap_or_default());
            at += length;
            leaves.extend_from_slice(&frame.leaf);
            people.push(index::person(frame.key_id));
            ends.push(i64::try_from(at).map_err(Error::internal)?);
        }
        let (own, rest) = frames.split_at_checked(at).unwrap_or_default();
        let (chain, link, frames) = (Arc::clone(chain), end.link, own.to_vec());
        Ok((Batch { chain, number, link, leaves, people, ends, frames }, end, rest))
    }

    /// Adds what a row takes of these frames to the chain of this process; gives the rest.
    fn add<'a>(&self, own: &mut Own, frames: &'a [u8], began: Duration) -> Result<&'a [u8]> {
        let mut again = false;
        loop {
            if !own.sure {
                self.find(own)?;
            }
            let (batch, end, rest) = self.chained(self.ledger.chain(), own.end, frames)?;
            own.sure = false;
            let Err(error) = self.ledger.wait(self.ledger.append(batch)) else {
                *own = Own { end, sure: true };
                return Ok(rest);
            };
            if again || self.clock.elapsed().saturating_sub(began) > SOON {
                return Err(error);
            }
            again = true;
            self.find(own)?;
            if own.end == end {
                return Ok(rest);
            }
        }
    }

    /// Finds the end of the chain once more. What was added without an answer is part of it. Where what
    /// was acknowledged is gone nothing is added, so nothing is answered: what people withdrew may be
    /// gone too.
    fn find(&self, own: &mut Own) -> Result<()> {
        let stored = self.ledger.wait(self.ledger.end(self.ledger.chain()))?;
        if stored.number < own.end.number {
            return Err(lost());
        }
        *own = Own { end: stored, sure: true };
        Ok(())
    }

    /// Puts everything there is into the tree; nothing is given where another process is doing so.
    fn put_in_tree(&self) -> Result<Option<Frontier>> {
        for _ in 0..TRIES {
            let (stem, leaves) = self.ledger.wait(self.ledger.unplaced(MOST))?;
            let (size, count) = (stem.size, leaves.len());
            let mut tree = frontier(stem)?;
            leaves.iter().flat_map(|one| &one.leaves).for_each(|leaf| tree.push(*leaf));
            if count > 0 {
                let grown = Stem { size: tree.size(), peaks: tree.peaks().to_vec() };
                match self.ledger.wait(self.ledger.place(size, grown, leaves)) {
                    Err(error) if error.kind() == Kind::Conflict => return Ok(None),
                    placed => placed?,
                }
            }
            let is_shorter = tree.size() < lock(&self.tree).size();
            self.lost.store(is_shorter, Ordering::SeqCst);
            if is_shorter {
                return Err(lost());
            }
            lock(&self.tree).clone_from(&tree);
            if count < MOST {
                return Ok(Some(tree));
            }
        }
        Err(restless())
    }
}

impl Home for Rows {
    fn write(&self, taken: &mut Filled) -> Result<Duration> {
        let began = self.clock.elapsed();
        let frames = taken.bytes.get(MARK..).unwrap_or_default();
        if self.lost.load(Ordering::SeqCst) {
            return Err(lost());
        }
        let (mut own, mut rest) = (lock(&self.own), frames);
        while !rest.is_empty() {
            rest = self.add(&mut own, rest, began)?;
        }
        Ok(self.clock.elapsed())
    }

    /// Whether the database answers is the store's to say.
    fn try_out(&self) -> Result<()> {
        if self.lost.load(Ordering::SeqCst) { Err(lost()) } else { Ok(()) }
    }

    fn head(&self) -> Head {
        lock(&self.tree).head()
    }

    fn grow(&self) -> Result<()> {
        self.put_in_tree().map(drop)
    }

    fn checkpoint(&self, signer: &Signer, now: Moment) -> Result<Checkpoint> {
        let mut grown = (0..TRIES).filter_map(|_| self.put_in_tree().transpose());
        let tree = grown.next().ok_or_else(restless)??;
        let checkpoint = Checkpoint { head: tree.head(), at: now };
        let note = signer.sign(&checkpoint);
        self.ledger.wait(self.ledger.sign(tree.size(), note))?;
        Ok(checkpoint)
    }

    fn about(&self, key: &AuditKey) -> Result<Vec<Found>> {
        read::rows::person(&self.ledger, key)
    }

    fn frames(&self) -> Result<Frames> {
        let sealed = |met: Result<Met>| match met? {
            Met::Placed { record: Some(record), .. } => {
                Ok(Sealed { leaf: record.leaf, bytes: record.frame.to_vec() })
            }
            Met::Placed { chain, number, record: None, .. } => {
                Err(Error::internal(format!("record {number} of chain {chain} is gone")))
            }
            Met::Waiting(Record { chain, number, .. }) => {
                Err(Error::internal(format!("record {number} of chain {chain} is in no tree")))
            }
        };
        Ok(Box::new(Walk::new(self.ledger.clone()).map(sealed)))
    }

    fn notes(&self, _: &Verifier) -> Result<Vec<(u64, String)>> {
        let (mut notes, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.wait(self.ledger.checkpoints(after, PAGE))?;
            let Some((last, _)) = page.last() else { return Ok(notes) };
            after = Some(*last);
            notes.extend(page);
        }
    }

    /// Of two of one size the one that is here stays.
    fn keep(&self, notes: &[(u64, String)]) -> Result<()> {
        notes
            .iter()
            .try_for_each(|(size, note)| self.ledger.wait(self.ledger.sign(*size, note.clone())))
    }

    fn check(&self, verifier: &Verifier) -> Result<Checked> {
        let links = Some(&self.links);
        let report = verify::rows::verify(&self.ledger, Some(verifier), links, &|_| None)?;
        Ok(Checked { head: report.head, fault: report.fault.map(|fault| fault.to_string()) })
    }
}

/// What an operator reads of it, every second, until it is mended.
fn lost() -> Error {
    Error::unavailable(
        "the database lacks audit records that it had acknowledged, as after a failover to a standby \
         that lagged: nothing is answered; bring back the server that has them, or restore a backup, or \
         start the gateways anew to go on without them",
    )
}

fn restless() -> Error {
    Error::unavailable("the audit log's tree is never at rest")
}

fn frontier(stem: Stem) -> Result<Frontier> {
    let damaged = || Error::internal("the tree of the audit log in the database is damaged");
    Frontier::of(stem.size, stem.peaks).ok_or_else(damaged)
}
