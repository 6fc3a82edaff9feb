//! Where the records of all chains stand in the one tree.
//!
//! Belongs to [`super`]. Places are kept in runs: numbers that follow one another in a chain and in the
//! tree too. A run knows nothing of batches; mostly it holds whole ones.

use std::sync::Arc;

use tokio_postgres::Row;

use super::batch::{self, Record, hashes};
use crate::{
    error::Error,
    store::{
        postgres::{
            fault::Outcome,
            session::{
                Session,
                Value::{Bytes, Number, Numbers, Texts},
                at_most, column, text, version,
            },
        },
        succession::{conflict, signed},
    },
};

/// What must be kept of the tree to let it grow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stem {
    /// Number of leaves.
    pub size: u64,
    /// Roots of the full subtrees, largest first.
    pub peaks: Vec<[u8; 32]>,
}

/// Leaves of records that follow one another, in no tree yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unplaced {
    /// Chain of the records.
    pub chain: Arc<str>,
    /// Number of the first.
    pub number: u64,
    /// The leaves.
    pub leaves: Vec<[u8; 32]>,
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

pub(super) async fn unplaced(rows: &Session<'_>, limit: usize) -> Outcome<(Stem, Vec<Unplaced>)> {
    // One statement, so that tree and chains are seen as of one instant. The first batch of a chain may
    // stand in the tree in part.
    let sql = "SELECT t.size, t.peaks, w.chain, w.number, w.placed, w.leaves FROM audit_tree t \
               LEFT JOIN (SELECT c.name AS chain, c.placed, b.number, b.leaves FROM audit_chain c \
               CROSS JOIN LATERAL (SELECT coalesce(max(number), 0) AS number FROM audit_batch \
               WHERE chain = c.name AND number <= c.placed + 1) f \
               CROSS JOIN LATERAL (SELECT number, leaves FROM audit_batch \
               WHERE chain = c.name AND number >= f.number \
               AND number + cardinality(ends) > c.placed + 1 ORDER BY number LIMIT $1) b \
               ORDER BY c.name, b.number LIMIT $1) w ON true ORDER BY w.chain, w.number";
    let found = rows.all(sql, &[at_most(limit)]).await?;
    let gone = || Error::internal("the tree of the audit log is gone from the database");
    let first = found.first().ok_or_else(gone)?;
    let stem = Stem { size: version(first, 0)?, peaks: hashes(column(first, 1)?)? };
    let mut waiting = Vec::with_capacity(found.len());
    for row in &found {
        if column::<Option<&str>>(row, 2)?.is_some() {
            let (chain, number, placed) = (text(row, 2)?, version(row, 3)?, version(row, 4)?);
            let mut leaves = hashes(column(row, 5)?)?;
            let known = usize::try_from((placed + 1).saturating_sub(number));
            drop(leaves.drain(..known.map_err(Error::internal)?.min(leaves.len())));
            if !leaves.is_empty() {
                waiting.push(Unplaced { chain, number: number.max(placed + 1), leaves });
            }
        }
    }
    Ok((stem, waiting))
}

pub(super) async fn place(
    rows: &Session<'_>,
    size: u64,
    grown: &Stem,
    leaves: &[Unplaced],
) -> Outcome<()> {
    let sql = "UPDATE audit_tree SET size = $2, peaks = $3 WHERE size = $1 RETURNING size";
    let mut place = signed(size)?;
    let (before, peaks) = (Number(place), grown.peaks.concat());
    let values = [before, Number(signed(grown.size)?), Bytes(&peaks)];
    rows.one(sql, &values).await?.ok_or_else(conflict)?;
    let (mut places, mut chains) = (Vec::new(), Vec::new());
    let (mut numbers, mut counts) = (Vec::new(), Vec::new());
    let follows = |a: &Unplaced, b: &Unplaced| {
        a.chain == b.chain && a.number + a.leaves.len() as u64 == b.number
    };
    for run in leaves.chunk_by(follows) {
        let Some(first) = run.first() else { continue };
        let count = signed(run.iter().map(|one| one.leaves.len() as u64).sum())?;
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

pub(super) async fn placed(rows: &Session<'_>, from: u64, limit: usize) -> Outcome<Vec<Placed>> {
    // Runs from the one that holds `from`, or the next, each with the batches that reach into it.
    let sql = concat!(
        "SELECT p.place, p.chain, p.number, p.count, ",
        batch::columns!(),
        " FROM (SELECT *, sum(count) OVER (ORDER BY place) - count AS before FROM \
         (SELECT * FROM audit_place WHERE place + count > $1 \
         AND place >= coalesce((SELECT max(place) FROM audit_place WHERE place <= $1), 0) \
         ORDER BY place LIMIT $2) near) p \
         CROSS JOIN LATERAL (SELECT coalesce(max(number), 0) AS number FROM audit_batch \
         WHERE chain = p.chain AND number <= p.number) f \
         LEFT JOIN audit_batch b ON b.chain = p.chain AND b.number >= f.number \
         AND b.number < p.number + p.count \
         WHERE p.before < $2 ORDER BY p.place, b.number"
    );
    let found = rows.all(sql, &[Number(signed(from)?), at_most(limit)]).await?;
    let mut all = Vec::new();
    let mut rest = &*found;
    while let Some(first) = rest.first() {
        let (place, run) = (version(first, 0)?, Run::of(first, from)?);
        let mut held = Vec::new();
        while let Some((row, after)) = rest.split_first()
            && version(row, 0)? == place
        {
            if column::<Option<&str>>(row, 4)?.is_some() {
                held.extend(batch::read(row, 4)?.filter(|record| run.holds(record.number)));
            }
            rest = after;
        }
        run.fill(held, limit as u64, &mut all);
    }
    Ok(all)
}

/// Numbers of a chain that follow one another in the tree.
struct Run {
    place: u64,
    chain: Arc<str>,
    number: u64,
    count: u64,
}

impl Run {
    /// What it has from a place of the tree on.
    fn of(row: &Row, from: u64) -> Outcome<Self> {
        let (place, number, count) = (version(row, 0)?, version(row, 2)?, version(row, 3)?);
        let before = from.saturating_sub(place).min(count);
        let (place, number) = (place + before, number + before);
        Ok(Self { place, chain: text(row, 1)?, number, count: count - before })
    }

    fn holds(&self, number: u64) -> bool {
        number.checked_sub(self.number).is_some_and(|after| after < self.count)
    }

    /// Its places with these records, in their order; without one where none has the number. Of a gap no
    /// more than `limit`.
    fn fill(&self, held: Vec<Record>, limit: u64, all: &mut Vec<Placed>) {
        let mut next = self.number;
        let gap = |from: u64, to: u64| from..to.min(from.saturating_add(limit));
        for record in held {
            all.extend(gap(next, record.number).map(|number| self.place_of(number, None)));
            next = next.max(record.number + 1);
            all.push(self.place_of(record.number, Some(record)));
        }
        let end = self.number + self.count;
        all.extend(gap(next, end).map(|number| self.place_of(number, None)));
    }

    fn place_of(&self, number: u64, record: Option<Record>) -> Placed {
        let (place, chain) = (self.place + (number - self.number), Arc::clone(&self.chain));
        Placed { place, chain, number, record }
    }
}
