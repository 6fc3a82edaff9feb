//! Where a log lives: in files of one process, or in a database that several share.
//!
//! Under the writer, which hands over a batch at a time; above [`super::files`] and [`super::rows`].
//! What a home does blocks: on the disk, or on the database.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::batch::Filled;
use crate::{
    audit::{
        checkpoint::{Checkpoint, Signer, Verifier},
        frame::{AuditKey, Sealed},
        read::Found,
        tree::Head,
    },
    domain::moment::Moment,
    error::Result,
};

/// Records, one after the other.
pub(super) type Frames = Box<dyn Iterator<Item = Result<Sealed>>>;

/// What a verification found.
pub(super) struct Checked {
    pub(super) head: Option<Head>,
    /// The first thing amiss.
    pub(super) fault: Option<String>,
}

/// A place that keeps records.
pub(super) trait Home: Send + Sync {
    /// Makes a batch durable, and tells since when it is. One at a time calls it. After an error the
    /// batch counts for nothing; where its records come to be kept all the same, they stay.
    fn write(&self, taken: &mut Filled) -> Result<Duration>;

    /// Is there room for another batch, after one that failed? Nothing is kept of it.
    fn try_out(&self) -> Result<()>;

    /// The tree as far as it is known here.
    fn head(&self) -> Head;

    /// Puts what is not in the tree into it.
    fn grow(&self) -> Result<()>;

    /// Signs the tree as it is now and keeps the checkpoint.
    fn checkpoint(&self, signer: &Signer, now: Moment) -> Result<Checkpoint>;

    /// The records of one person, oldest first.
    fn about(&self, key: &AuditKey) -> Result<Vec<Found>>;

    /// Every record in order of the tree, as it is kept; an error for one that is in no tree.
    fn frames(&self) -> Result<Frames>;

    /// Signed checkpoints with the sizes of their trees, smallest first.
    fn notes(&self, verifier: &Verifier) -> Result<Vec<(u64, String)>>;

    /// Keeps checkpoints that were signed before. Everything they count is here.
    fn keep(&self, notes: &[(u64, String)]) -> Result<()>;

    /// Checks all there is as anybody may who has the log and its public key.
    fn check(&self, verifier: &Verifier) -> Result<Checked>;
}

/// What a home keeps, even where a thread died with it in hand: it is changed in one go.
pub(super) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
