//! The audit log's rows: chains of records in batches, their places in the tree, signed checkpoints.
//!
//! Belongs to `store::postgres`; used by `audit`, which alone knows what a record, a link, a tree and
//! a signature are. Each process adds to a chain of its own under the numbers that follow; whoever
//! puts records in the tree names the size it had, and nothing is done if that has moved. So nobody
//! holds a lock while it thinks, and a process that dies leaves nothing half done. Design 8 and 9.

use std::sync::Arc;

use super::{
    kept::Kept,
    pool::{Errand, Pool},
    session::{
        Value::{Number, Numbers, Text},
        at_most, column, version,
    },
};
use crate::{
    error::Result,
    store::{
        Task,
        succession::{conflict, signed},
    },
};

pub use self::{
    batch::{Batch, End, Record},
    tree::{Placed, Stem, Unplaced},
};

mod batch;
mod tree;

/// The chain of what commits wrote down in their transactions.
pub const WRITES: &str = "writes";

/// The rows, and the chain of this process. It keeps the connections open, and the data directory
/// taken, as the store does.
#[derive(Clone)]
pub struct Ledger {
    pool: Arc<Pool>,
    /// What answers wait for does not wait for what others load.
    writing: Arc<Pool>,
    chain: Arc<str>,
    _kept: Arc<Kept>,
}

impl Ledger {
    pub(super) fn new(
        pool: Arc<Pool>,
        writing: Arc<Pool>,
        kept: Arc<Kept>,
        chain: Arc<str>,
    ) -> Self {
        Self { pool, writing, chain, _kept: kept }
    }

    /// Waits for an answer on a thread of one's own.
    ///
    /// # Errors
    /// Those of the task.
    pub fn wait<T: Send + 'static>(&self, task: Task<T>) -> Result<T> {
        self.pool.wait(task)
    }

    /// The chain of this process.
    pub fn chain(&self) -> &Arc<str> {
        &self.chain
    }

    /// Makes the chain of this process known; its end.
    pub fn begin(&self) -> Task<End> {
        self.pool.ask(Errand::Transaction, Arc::clone(&self.chain), |rows, chain| {
            Box::pin(async move {
                let sql = "INSERT INTO audit_chain (name) VALUES ($1) ON CONFLICT DO NOTHING";
                rows.all(sql, &[Text(chain)]).await?;
                batch::end(rows, chain).await
            })
        })
    }

    /// The end of a chain.
    pub fn end(&self, chain: &str) -> Task<End> {
        self.writing.ask(Errand::Read, Arc::<str>::from(chain), |rows, chain| {
            Box::pin(batch::end(rows, chain))
        })
    }

    /// Adds a batch at the end of its chain, durably. `Conflict` if the chain ends elsewhere than before
    /// its first record; if the answer is `Unavailable` it may still come to be there.
    pub fn append(&self, batch: Batch) -> Task<()> {
        self.writing
            .ask(Errand::Statement, batch, |rows, batch| Box::pin(batch::append(rows, batch)))
    }

    /// The same, all or none, with records of commits, which cease to wait. `Conflict` also if one of them
    /// does not wait any more.
    pub fn adopt(&self, batches: Vec<Batch>, waiting: Vec<i64>) -> Task<()> {
        self.pool.ask(Errand::Transaction, (batches, waiting), |rows, (batches, waiting)| {
            Box::pin(async move {
                for batch in batches {
                    batch::append(rows, batch).await?;
                }
                let sql = "DELETE FROM audit_pending WHERE id = ANY ($1)";
                let gone = rows.changed(sql, &[Numbers(waiting)]).await?;
                if gone == waiting.len() as u64 { Ok(()) } else { Err(conflict().into()) }
            })
        })
    }

    /// The tree, and what is not in it yet, chain by chain in order; at most so many batches.
    pub fn unplaced(&self, limit: usize) -> Task<(Stem, Vec<Unplaced>)> {
        self.pool.ask(Errand::Read, limit, |rows, limit| Box::pin(tree::unplaced(rows, *limit)))
    }

    /// Puts leaves at the end of the tree of that size, which then is `grown`. `Conflict` if the tree
    /// has another size by now: then nothing is done.
    pub fn place(&self, size: u64, grown: Stem, leaves: Vec<Unplaced>) -> Task<()> {
        self.pool.ask(Errand::Transaction, (size, grown, leaves), |rows, (size, grown, leaves)| {
            Box::pin(tree::place(rows, *size, grown, leaves))
        })
    }

    /// Keeps the signed checkpoint of the tree of that size; the first that is signed counts.
    pub fn sign(&self, size: u64, note: String) -> Task<()> {
        self.pool.ask(Errand::Statement, (size, note), |rows, (size, note)| {
            Box::pin(async move {
                let sql = "INSERT INTO audit_checkpoint (size, note) VALUES ($1, $2) \
                           ON CONFLICT DO NOTHING";
                rows.all(sql, &[Number(signed(*size)?), Text(note)]).await?;
                Ok(())
            })
        })
    }

    /// Signed checkpoints of trees larger than `after`, smallest first, at most `limit`.
    pub fn checkpoints(&self, after: Option<u64>, limit: usize) -> Task<Vec<(u64, String)>> {
        self.pool.ask(Errand::Read, (after, limit), |rows, (after, limit)| {
            Box::pin(async move {
                let sql = "SELECT size, note FROM audit_checkpoint WHERE size > $1 \
                           ORDER BY size LIMIT $2";
                let after = after.map_or(Ok(-1), signed)?;
                let found = rows.all(sql, &[Number(after), at_most(*limit)]).await?;
                found.iter().map(|row| Ok((version(row, 0)?, column(row, 1)?))).collect()
            })
        })
    }

    /// Places of the tree from `from` on: the runs that begin among the next `limit`, to their ends. None
    /// only at the end of the tree.
    pub fn placed(&self, from: u64, limit: usize) -> Task<Vec<Placed>> {
        self.pool.ask(Errand::Read, (from, limit), |rows, (from, limit)| {
            Box::pin(tree::placed(rows, *from, *limit))
        })
    }

    /// Names of the chains that have records.
    pub fn chains(&self) -> Task<Vec<Arc<str>>> {
        self.pool.ask(Errand::Read, (), |rows, ()| Box::pin(batch::chains(rows)))
    }

    /// Records of a chain after a number, those of at most `limit` batches.
    pub fn records(&self, chain: &str, after: u64, limit: usize) -> Task<Vec<Record>> {
        let from = (Arc::<str>::from(chain), after, limit);
        self.pool.ask(Errand::Read, from, |rows, (chain, after, limit)| {
            Box::pin(batch::records(rows, chain, *after, *limit))
        })
    }

    /// The records that say they are of this person, in order of the tree, those in none last.
    pub fn about(&self, person: i64) -> Task<Vec<Record>> {
        self.pool.ask(Errand::Read, person, |rows, person| Box::pin(batch::about(rows, *person)))
    }
}
