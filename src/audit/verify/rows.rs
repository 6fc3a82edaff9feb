//! Checks the log that several processes share: every record, every chain, the tree, its checkpoints.
//!
//! As [`super`] does with files. Trusts nothing that the database says of itself: the tree is computed
//! from the leaves, the chains from the records. With the log's key a record that was put in, changed,
//! moved or taken out is found; without it the same is, but for what stands in no signed tree yet or
//! was sealed anew. May run while gateways write. Changes nothing.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    audit::{
        chain::{LinkKey, Met, Walk},
        checkpoint::{Checkpoint, Verifier},
        frame::{Item, item},
        index,
        read::Keys,
        tree::{Frontier, Head},
    },
    error::{Error, Result},
    store::postgres::{
        Ledger,
        ledger::{End, Record},
    },
};

/// How many checkpoints are read at once.
const PAGE: usize = 1000;

/// What a verification found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Chains of processes, and that of writes.
    pub chains: u64,
    /// Records.
    pub records: u64,
    /// Of these, records that are in no tree yet.
    pub waiting: u64,
    /// Records whose leaf was recomputed from the payload.
    pub opened: u64,
    /// Checkpoints whose signature and root hold.
    pub checkpoints: u64,
    /// The tree, up to where nothing was amiss.
    pub head: Option<Head>,
    /// The first thing amiss.
    pub fault: Option<Fault>,
}

/// Something amiss, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// What it is about.
    pub at: Spot,
    /// What is wrong there.
    pub what: &'static str,
}

/// A part of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Spot {
    /// A checkpoint, by the size of its tree.
    Checkpoint(u64),
    /// A leaf of the tree.
    Leaf(u64),
    /// A record of a chain.
    Record(Arc<str>, u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Spot::Checkpoint(size) => write!(f, "checkpoint of {size} leaves: {}", self.what),
            Spot::Leaf(place) => write!(f, "leaf {place}: {}", self.what),
            Spot::Record(chain, number) => {
                write!(f, "record {number} of chain {chain}: {}", self.what)
            }
        }
    }
}

/// Verifies the log. Signatures are checked if a verifier is given, links if their key is.
///
/// # Errors
/// `Unavailable` if the database cannot be read. What is wrong with the log is told in the report.
pub fn verify(
    ledger: &Ledger,
    verifier: Option<&Verifier>,
    links: Option<&LinkKey>,
    keys: Keys<'_>,
) -> Result<Report> {
    let (tree, ends) = (Frontier::default(), BTreeMap::new());
    let mut audit = Audit { report: Report::default(), tree, ends, links, keys };
    let checked = audit.whole(ledger, verifier);
    let Audit { mut report, tree, ends, .. } = audit;
    report.chains = ends.len() as u64;
    report.head = Some(tree.head());
    match checked {
        Ok(()) => {}
        Err(Stop::Fault(fault)) => report.fault = Some(fault),
        Err(Stop::Error(error)) => return Err(error),
    }
    Ok(report)
}

type Checked<T> = std::result::Result<T, Stop>;

/// Why a verification ends early.
enum Stop {
    Fault(Fault),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

struct Audit<'a> {
    report: Report,
    tree: Frontier,
    /// Where each chain has been followed to.
    ends: BTreeMap<Arc<str>, End>,
    links: Option<&'a LinkKey>,
    keys: Keys<'a>,
}

impl Audit<'_> {
    fn whole(&mut self, ledger: &Ledger, verifier: Option<&Verifier>) -> Checked<()> {
        let (stem, _) = ledger.wait(ledger.unplaced(0))?;
        let mut signed = signed(ledger, verifier)?;
        // Smallest first.
        signed.reverse();
        self.meet(&mut signed)?;
        for met in Walk::new(ledger.clone()) {
            match met? {
                Met::Placed { place, chain, number, record } => {
                    if place != self.tree.size() {
                        return fault(Spot::Leaf(self.tree.size()), "it is missing");
                    }
                    let Some(record) = record else {
                        return fault(Spot::Record(chain, number), "it is in the tree, and gone");
                    };
                    self.record(&record)?;
                    self.tree.push(record.leaf);
                    self.meet(&mut signed)?;
                    if self.tree.size() == stem.size && self.tree.peaks() != stem.peaks {
                        return fault(Spot::Leaf(place), "up to it the tree has another root");
                    }
                }
                Met::Waiting(record) => {
                    self.record(&record)?;
                    self.report.waiting += 1;
                }
            }
        }
        if let Some(checkpoint) = signed.last() {
            let what = "the log is shorter than it says";
            return fault(Spot::Checkpoint(checkpoint.head.size), what);
        }
        if self.tree.size() < stem.size {
            return fault(Spot::Leaf(self.tree.size()), "it is missing at the end");
        }
        Ok(())
    }

    /// Checks a record for itself, and against the one before it in its chain.
    fn record(&mut self, record: &Record) -> Checked<()> {
        let Record { chain, number, link, leaf, person, frame: bytes } = record;
        let spot = || Spot::Record(Arc::clone(chain), *number);
        self.report.records += 1;
        let before = self.ends.get(chain).copied().unwrap_or_default();
        if *number <= before.number {
            return fault(spot(), "it is out of order");
        }
        if *number > before.number + 1 {
            let gap = Spot::Record(Arc::clone(chain), before.number + 1);
            return fault(gap, "it is missing, or not where it was in the tree");
        }
        let Some((Item::Record(frame), _)) = item(bytes, 0).filter(|one| one.1 == bytes.len())
        else {
            return fault(spot(), "it was changed: no whole record");
        };
        if frame.leaf != *leaf || index::person(frame.key_id) != *person {
            return fault(spot(), "it was changed: its columns differ from it");
        }
        let after = match self.links {
            Some(links) => links.next(before, chain, bytes),
            None => End { number: *number, ..before },
        };
        if self.links.is_some() && link.is_some_and(|link| link != after.link) {
            let what = "it, or one of its batch before it, was changed, moved or put in: its link \
                        does not hold";
            return fault(spot(), what);
        }
        self.ends.insert(Arc::clone(chain), after);
        match (self.keys)(frame.key_id).map(|key| frame.open(&key)) {
            None => Ok(()),
            Some(Ok(opened)) if opened.leaf() == *leaf => {
                self.report.opened += 1;
                Ok(())
            }
            Some(Ok(_)) => fault(spot(), "the leaf is not that of the payload"),
            Some(Err(_)) => fault(spot(), "the key does not open it"),
        }
    }

    /// Compares the tree with the checkpoint of its size.
    fn meet(&mut self, signed: &mut Vec<Checkpoint>) -> Checked<()> {
        let size = self.tree.size();
        while let Some(checkpoint) = signed.pop_if(|one| one.head.size == size) {
            if self.tree.root() != checkpoint.head.root {
                return fault(Spot::Checkpoint(size), "the tree has another root");
            }
            self.report.checkpoints += 1;
        }
        Ok(())
    }
}

/// The checkpoints, smallest first, their signatures checked; none without a verifier.
fn signed(ledger: &Ledger, verifier: Option<&Verifier>) -> Checked<Vec<Checkpoint>> {
    let Some(verifier) = verifier else { return Ok(Vec::new()) };
    let (mut signed, mut after) = (Vec::new(), None);
    loop {
        let page = ledger.wait(ledger.checkpoints(after, PAGE))?;
        let Some((last, _)) = page.last() else { return Ok(signed) };
        after = Some(*last);
        for (size, note) in page {
            match verifier.open(&note).filter(|one| one.head.size == size) {
                Some(checkpoint) => signed.push(checkpoint),
                None => return fault(Spot::Checkpoint(size), "it is not signed by this key"),
            }
        }
    }
}

fn fault<T>(at: Spot, what: &'static str) -> Checked<T> {
    Err(Stop::Fault(Fault { at, what }))
}
