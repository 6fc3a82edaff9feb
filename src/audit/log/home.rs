//! Where a log lives: in files of one process, or in a database that several share.
//!
//! Under the writer, which hands over a batch at a time; above [`super::files`] and [`super::rows`].
//! What a home does blocks: on the disk, or on the database.

use std::time::Duration;

use super::batch::Filled;
use crate::{
    audit::{
        checkpoint::{Checkpoint, Signer},
        tree::proof::Head,
    },
    domain::moment::Moment,
    error::Result,
};

/// A place that keeps records.
pub(super) trait Home: Send + Sync {
    /// Makes a batch durable, and tells since when it is. One at a time calls it. After an error the
    /// batch counts for nothing; where its records come to be kept all the same, they stay.
    fn write(&self, taken: &mut Filled) -> Result<Duration>;

    /// The tree as far as it is known here.
    fn head(&self) -> Head;

    /// Puts what is not in the tree into it.
    fn grow(&self) -> Result<()>;

    /// Signs the tree as it is now and keeps the checkpoint.
    fn checkpoint(&self, signer: &Signer, now: Moment) -> Result<Checkpoint>;
}
