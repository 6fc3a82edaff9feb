//! The audit log's rows: chains of records, their places in the tree, signed checkpoints.
//!
//! Belongs to `store::postgres`; used by `audit`, which alone knows what a record, a link, a tree and
//! a signature are. Each process adds to a chain of its own under the numbers that follow; whoever
//! puts records in the tree names the size it had, and nothing is done if that has moved. So nobody
//! holds a lock while it thinks, and a process that dies leaves nothing half done. Design 8 and 9.

use std::sync::Arc;

use tokio_postgres::Row;

use super::{
    Kept,
    fault::Outcome,
    pool::{Errand, Pool},
    session::{
        Session,
        Value::{Bytes, ManyBytes, Number, Numbers, Text, Texts},
        at_most, bytes, column, text, version,
    },
};
use crate::{
    error::{Error, Result},
    store::{
        Task,
        succession::{conflict, signed},
    },
};

/// The chain of what commits wrote down in their transactions.
pub const WRITES: &str = "writes";

/// A record of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The chain's name.
    pub chain: Arc<str>,
    /// 1, 2, 3, ...
    pub number: u64,
    /// Ties it to the record before.
    pub link: [u8; 32],
    /// Its leaf.
    pub leaf: [u8; 32],
    /// Whose key seals it.
    pub key_id: Arc<str>,
    /// The sealed record.
    pub frame: Arc<[u8]>,
}

/// The end of a chain; of an empty one nothing but zeros.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct End {
    /// Number of the last record.
    pub number: u64,
    /// Its link.
    pub link: [u8; 32],
}

/// What must be kept of the tree to let it grow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stem {
    /// Number of leaves.
    pub size: u64,
    /// Roots of the full subtrees, largest first.
    pub peaks: Vec<[u8; 32]>,
}

/// A leaf that is in no tree yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unplaced {
    /// Chain of the record.
    pub chain: Arc<str>,
    /// Number of the record.
    pub number: u64,
    /// The leaf.
    pub leaf: [u8; 32],
}

/// A place of the tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placed {
    /// 0, 1, 2, ...
    pub place: u64,
    /// Chain of the record.
    pub chain: Arc<str>,
    /// Number of the record.
    pub number: u64,
    /// The record, if it is there.
    pub record: Option<Record>,
}

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
                end(rows, chain).await
            })
        })
    }

    /// The end of a chain.
    pub fn end(&self, chain: &str) -> Task<End> {
        self.writing
            .ask(Errand::Read, Arc::<str>::from(chain), |rows, chain| Box::pin(end(rows, chain)))
    }

    /// Adds records that follow one another, all or none, durably. `Conflict` if one of the numbers is
    /// taken, or if the record before the first is not there; if the answer is `Unavailable` they may
    /// still come to be there.
    pub fn append(&self, records: Vec<Record>) -> Task<()> {
        self.writing.ask(Errand::Statement, records, |rows, all| Box::pin(append(rows, all)))
    }

    /// The same with records of commits, which cease to wait. `Conflict` also if one of them does not
    /// wait any more.
    pub fn adopt(&self, records: Vec<Record>, waiting: Vec<i64>) -> Task<()> {
        self.pool.ask(Errand::Transaction, (records, waiting), |rows, (records, waiting)| {
            Box::pin(async move {
                append(rows, records).await?;
                let sql = "DELETE FROM audit_pending WHERE id = ANY ($1) RETURNING id";
                let gone = rows.all(sql, &[Numbers(waiting)]).await?;
                if gone.len() == waiting.len() { Ok(()) } else { Err(conflict().into()) }
            })
        })
    }

    /// The tree, and what is not in it yet, chain by chain in order; at most `limit`.
    pub fn unplaced(&self, limit: usize) -> Task<(Stem, Vec<Unplaced>)> {
        self.pool.ask(Errand::Read, limit, |rows, limit| Box::pin(unplaced(rows, at_most(*limit))))
    }

    /// Puts leaves at the end of the tree of that size, which then is `grown`. `Conflict` if the tree
    /// has another size by now: then nothing is done.
    pub fn place(&self, size: u64, grown: Stem, leaves: Vec<Unplaced>) -> Task<()> {
        self.pool.ask(Errand::Transaction, (size, grown, leaves), |rows, (size, grown, leaves)| {
            Box::pin(place(rows, *size, grown, leaves))
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

    /// Places of the tree from `from` on, at most `limit`, and none only at the end.
    pub fn placed(&self, from: u64, limit: usize) -> Task<Vec<Placed>> {
        self.pool.ask(Errand::Read, (from, limit), |rows, (from, limit)| {
            Box::pin(placed(rows, *from, *limit))
        })
    }

    /// Names of the chains that have records.
    pub fn chains(&self) -> Task<Vec<Arc<str>>> {
        self.pool.ask(Errand::Read, (), |rows, ()| {
            Box::pin(async move {
                // One look at the index for each.
                let sql = "WITH RECURSIVE next AS (\
                           (SELECT chain FROM audit_record ORDER BY chain LIMIT 1) UNION ALL \
                           SELECT (SELECT r.chain FROM audit_record r WHERE r.chain > next.chain \
                           ORDER BY r.chain LIMIT 1) FROM next WHERE next.chain IS NOT NULL) \
                           SELECT chain FROM next WHERE chain IS NOT NULL";
                rows.all(sql, &[]).await?.iter().map(|row| text(row, 0)).collect()
            })
        })
    }

    /// Records of a chain after a number, at most `limit`.
    pub fn records(&self, chain: &str, after: u64, limit: usize) -> Task<Vec<Record>> {
        let from = (Arc::<str>::from(chain), after, limit);
        self.pool.ask(Errand::Read, from, |rows, (chain, after, limit)| {
            Box::pin(async move {
                let sql = "SELECT chain, number, link, leaf, key_id, frame FROM audit_record \
                           WHERE chain = $1 AND number > $2 ORDER BY number LIMIT $3";
                let values = [Text(chain), Number(signed(*after)?), at_most(*limit)];
                rows.all(sql, &values).await?.iter().map(|row| record(row, 0)).collect()
            })
        })
    }

    /// The records that a person's key seals, in order of the tree, those in none last.
    pub fn about(&self, key_id: &str) -> Task<Vec<Record>> {
        self.pool.ask(Errand::Read, Arc::<str>::from(key_id), |rows, key_id| {
            Box::pin(async move {
                // The run that begins last before the record, if it reaches that far.
                let sql = "SELECT r.chain, r.number, r.link, r.leaf, r.key_id, r.frame \
                           FROM audit_record r LEFT JOIN LATERAL \
                           (SELECT * FROM audit_place WHERE chain = r.chain \
                           AND number <= r.number ORDER BY number DESC LIMIT 1) p \
                           ON p.number + p.count > r.number \
                           WHERE r.key_id = $1 AND r.key_id <> 'node' \
                           ORDER BY p.place + r.number - p.number NULLS LAST, r.chain, r.number";
                rows.all(sql, &[Text(key_id)]).await?.iter().map(|row| record(row, 0)).collect()
            })
        })
    }
}

async fn end(rows: &Session<'_>, chain: &str) -> Outcome<End> {
    let sql = "SELECT number, link FROM audit_record WHERE chain = $1 ORDER BY number DESC LIMIT 1";
    match rows.one(sql, &[Text(chain)]).await? {
        Some(row) => Ok(End { number: version(&row, 0)?, link: hash(&row, 1)? }),
        None => Ok(End::default()),
    }
}

async fn append(rows: &Session<'_>, records: &[Record]) -> Outcome<()> {
    let sql = "WITH put AS (INSERT INTO audit_record (chain, number, link, leaf, key_id, frame) \
               SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WHERE $8 = 0 OR EXISTS \
               (SELECT 1 FROM audit_record WHERE chain = $7 AND number = $8) RETURNING number) \
               SELECT count(*) FROM put";
    let Some(first) = records.first() else { return Ok(()) };
    let chains: Vec<&str> = records.iter().map(|one| &*one.chain).collect();
    let numbers = records.iter().map(|one| signed(one.number)).collect::<Result<Vec<_>>>()?;
    let links: Vec<&[u8]> = records.iter().map(|one| one.link.as_slice()).collect();
    let leaves: Vec<&[u8]> = records.iter().map(|one| one.leaf.as_slice()).collect();
    let keys: Vec<&str> = records.iter().map(|one| &*one.key_id).collect();
    let frames: Vec<&[u8]> = records.iter().map(|one| &*one.frame).collect();
    let values = [
        Texts(&chains),
        Numbers(&numbers),
        ManyBytes(&links),
        ManyBytes(&leaves),
        Texts(&keys),
        ManyBytes(&frames),
        Text(&first.chain),
        Number(signed(first.number)? - 1),
    ];
    let added = rows.one(sql, &values).await?.ok_or_else(conflict)?;
    let added: i64 = column(&added, 0)?;
    if usize::try_from(added) == Ok(records.len()) { Ok(()) } else { Err(conflict().into()) }
}

async fn unplaced(
    rows: &Session<'_>,
    limit: super::session::Value<'_>,
) -> Outcome<(Stem, Vec<Unplaced>)> {
    // One statement, so that tree and chains are seen as of one instant.
    let sql = "SELECT t.size, t.peaks, r.chain, r.number, r.leaf FROM audit_tree t LEFT JOIN \
               (SELECT w.* FROM audit_chain c CROSS JOIN LATERAL \
               (SELECT chain, number, leaf FROM audit_record WHERE chain = c.name \
               AND number > c.placed ORDER BY number LIMIT $1) w \
               ORDER BY w.chain, w.number LIMIT $1) r ON true ORDER BY r.chain, r.number";
    let found = rows.all(sql, &[limit]).await?;
    let gone = || Error::internal("the tree of the audit log is gone from the database");
    let first = found.first().ok_or_else(gone)?;
    let peaks = column::<&[u8]>(first, 1)?.chunks(32).map(<[u8; 32]>::try_from);
    let peaks = peaks.collect::<std::result::Result<_, _>>().map_err(Error::internal)?;
    let stem = Stem { size: version(first, 0)?, peaks };
    let mut leaves = Vec::with_capacity(found.len());
    for row in &found {
        if column::<Option<&str>>(row, 2)?.is_some() {
            let (chain, number) = (text(row, 2)?, version(row, 3)?);
            leaves.push(Unplaced { chain, number, leaf: hash(row, 4)? });
        }
    }
    Ok((stem, leaves))
}

async fn place(rows: &Session<'_>, size: u64, grown: &Stem, leaves: &[Unplaced]) -> Outcome<()> {
    let sql = "UPDATE audit_tree SET size = $2, peaks = $3 WHERE size = $1 RETURNING size";
    let (size, peaks) = (Number(signed(size)?), grown.peaks.concat());
    let values = [size, Number(signed(grown.size)?), Bytes(&peaks)];
    rows.one(sql, &values).await?.ok_or_else(conflict)?;
    let (mut place, mut chains) = (signed(grown.size)? - signed(leaves.len() as u64)?, Vec::new());
    let (mut places, mut numbers, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for run in leaves.chunk_by(|a, b| a.chain == b.chain && a.number + 1 == b.number) {
        let Some(first) = run.first() else { continue };
        let count = signed(run.len() as u64)?;
        chains.push(&*first.chain);
        places.push(place);
        numbers.push(signed(first.number)?);
        counts.push(count);
        place += count;
    }
    let sql = "WITH put AS (INSERT INTO audit_place (place, chain, number, count) \
               SELECT * FROM unnest($1, $2, $3, $4) RETURNING chain, number + count - 1 AS number), \
               newest AS (SELECT chain, max(number) AS number FROM put GROUP BY chain) \
               UPDATE audit_chain c SET placed = n.number FROM newest n WHERE c.name = n.chain";
    rows.all(sql, &[Numbers(&places), Texts(&chains), Numbers(&numbers), Numbers(&counts)]).await?;
    Ok(())
}

async fn placed(rows: &Session<'_>, from: u64, limit: usize) -> Outcome<Vec<Placed>> {
    // The first place there is, which `from` may be.
    let sql = "SELECT greatest($1, place) FROM audit_place WHERE place + count > $1 \
               AND place >= coalesce((SELECT max(place) FROM audit_place WHERE place <= $1), 0) \
               ORDER BY place LIMIT 1";
    let Some(first) = rows.one(sql, &[Number(signed(from)?)]).await? else { return Ok(Vec::new()) };
    let from: i64 = column(&first, 0)?;
    let until = from.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX));
    let sql = "SELECT p.place, p.chain, p.number, r.chain, r.number, r.link, r.leaf, r.key_id, \
               r.frame FROM (SELECT a.place + n AS place, a.chain, a.number + n AS number \
               FROM audit_place a CROSS JOIN LATERAL \
               generate_series(greatest($1 - a.place, 0), least(a.count, $2 - a.place) - 1) AS n \
               WHERE a.place < $2 \
               AND a.place >= (SELECT max(place) FROM audit_place WHERE place <= $1)) p \
               LEFT JOIN audit_record r ON r.chain = p.chain AND r.number = p.number \
               ORDER BY p.place";
    let found = rows.all(sql, &[Number(from), Number(until)]).await?;
    let one = |row: &Row| {
        let held = column::<Option<&str>>(row, 3)?.is_some();
        Ok(Placed {
            place: version(row, 0)?,
            chain: text(row, 1)?,
            number: version(row, 2)?,
            record: if held { Some(record(row, 3)?) } else { None },
        })
    };
    found.iter().map(one).collect()
}

/// A record whose columns begin at `at`.
fn record(row: &Row, at: usize) -> Outcome<Record> {
    Ok(Record {
        chain: text(row, at)?,
        number: version(row, at + 1)?,
        link: hash(row, at + 2)?,
        leaf: hash(row, at + 3)?,
        key_id: text(row, at + 4)?,
        frame: bytes(row, at + 5)?,
    })
}

fn hash(row: &Row, at: usize) -> Outcome<[u8; 32]> {
    column::<&[u8]>(row, at)?.try_into().map_err(|cause| Error::internal(cause).into())
}
