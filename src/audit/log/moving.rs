//! From one home into another: nothing is opened, sealed or signed anew on the way.
//!
//! Beside the way of a request, for `mylife move`, while no gateway is at work on either side. Records
//! travel in order of the tree, so it has the same size and root there, and every checkpoint that was
//! signed goes along and holds. What was interrupted goes on after the last record that arrived; a
//! target that holds anything but the beginning of this log is refused. It must not mend: a log that
//! does not verify is not moved, since a database ties records to each other by links of its own and
//! would hide what was done to them. Design 9.

use std::{path::Path, sync::Arc};

use super::{
    LogKeys,
    batch::Filled,
    disk::FileDisk,
    files::Files,
    home::{Checked, Home},
    rows::Rows,
};
use crate::{
    audit::{chain::LinkKey, checkpoint::Verifier, tree::Head},
    clock::Clock,
    error::{Error, Kind, Result},
    store::postgres::Ledger,
};

/// Records and bytes that are made durable together.
const RECORDS: usize = 1_000;
const BYTES: usize = 4 << 20;

/// A log that is moved from or into.
pub struct Side {
    home: Box<dyn Home>,
    verifier: Verifier,
}

/// What a move came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moved {
    /// Records that had arrived before.
    pub before: u64,
    /// Signed checkpoints that are there; of several of one tree a database keeps one.
    pub checkpoints: u64,
    /// The tree of both.
    pub head: Head,
}

impl Side {
    /// The log in a directory, which is the caller's alone.
    ///
    /// # Errors
    /// As [`super::Log::open`].
    pub fn files(dir: &Path, keys: &LogKeys, clock: Arc<dyn Clock>) -> Result<Self> {
        let verifier = keys.signer.verifier();
        let files = Files::open(dir, Arc::new(FileDisk), &verifier, clock)?;
        Ok(Self { home: Box::new(files), verifier })
    }

    /// The log in a database. What arrives there is added to the chain of the ledger.
    ///
    /// # Errors
    /// As [`super::Log::shared`].
    pub async fn rows(ledger: Ledger, keys: &LogKeys, clock: Arc<dyn Clock>) -> Result<Self> {
        let links = LinkKey::of_node(&keys.node_key);
        let rows = Rows::open(ledger, links, clock).await?;
        Ok(Self { home: Box::new(rows), verifier: keys.signer.verifier() })
    }

    /// Everything there is in the tree, and the tree verified.
    fn whole(&self, which: &str) -> Result<Head> {
        self.home.grow()?;
        let Checked { head, fault } = self.home.check(&self.verifier)?;
        let told = |fault: &str| {
            let say = format!("The audit log to move {which} does not verify ({fault}).");
            Error::new(Kind::Unavailable, say)
        };
        if let Some(fault) = fault {
            return Err(told(&fault));
        }
        head.ok_or_else(|| told("it has no beginning"))
    }

    /// How many records are in the tree.
    pub fn size(&self) -> u64 {
        self.home.head().size
    }
}

/// Moves what the target lacks and compares everything; `step` hears of so many records moved or
/// compared. Blocks on disk and database.
///
/// # Errors
/// `Unavailable`, saying what to do, if one of the two logs does not verify, if the target holds another
/// log, or if they differ at the end.
pub fn run(from: &Side, to: &Side, step: &mut dyn FnMut(u64)) -> Result<Moved> {
    let head = from.whole("from")?;
    to.home.grow()?;
    let before = copy(&*from.home, &*to.home, step)?;
    to.home.keep(&from.home.notes(&from.verifier)?)?;
    compare(&*from.home, &*to.home, step)?;
    if to.whole("into")? != head {
        return Err(differ(head.size));
    }
    let checkpoints = to.home.notes(&to.verifier)?.len() as u64;
    Ok(Moved { before, checkpoints, head })
}

/// Adds what the target lacks; how many records it had.
fn copy(from: &dyn Home, to: &dyn Home, step: &mut dyn FnMut(u64)) -> Result<u64> {
    let (mut ours, mut before) = (from.frames()?, 0);
    for theirs in to.frames()? {
        let theirs = theirs?;
        if ours.next().transpose()?.is_none_or(|one| one.bytes != theirs.bytes) {
            let say = "The place to move into holds another audit log: name an empty one.";
            return Err(Error::new(Kind::Conflict, say));
        }
        before += 1;
        step(1);
    }
    let mut taken = Filled::default();
    taken.empty();
    for one in ours {
        let one = one?;
        taken.bytes.extend_from_slice(&one.bytes);
        taken.leaves.push(one.leaf);
        if taken.leaves.len() >= RECORDS || taken.bytes.len() >= BYTES {
            add(to, &mut taken, step)?;
        }
    }
    add(to, &mut taken, step)?;
    Ok(before)
}

/// One batch, in the tree before the next, so that its order is that of the source.
fn add(to: &dyn Home, taken: &mut Filled, step: &mut dyn FnMut(u64)) -> Result<()> {
    let count = taken.leaves.len() as u64;
    if count > 0 {
        to.write(taken)?;
        to.grow()?;
        taken.empty();
        step(count);
    }
    Ok(())
}

/// Every byte of every record.
fn compare(from: &dyn Home, to: &dyn Home, step: &mut dyn FnMut(u64)) -> Result<()> {
    let (mut ours, mut theirs) = (from.frames()?, to.frames()?);
    for leaf in 0_u64.. {
        match (ours.next().transpose()?, theirs.next().transpose()?) {
            (None, None) => break,
            (Some(one), Some(other)) if one.bytes == other.bytes => step(1),
            (Some(_) | None, Some(_) | None) => return Err(differ(leaf)),
        }
    }
    Ok(())
}

fn differ(leaf: u64) -> Error {
    let say = format!(
        "The two audit logs differ (leaf {leaf}): the source was written during the move, or the target \
         before it. Empty the target and move again."
    );
    Error::new(Kind::Unavailable, say)
}
