//! Records of chains, as many to a row as became durable together.
//!
//! Belongs to [`super`]. A row holds the records one after the other as they were sealed, and beside them
//! what finds one of them by its number or its person without a look at the others. It says nothing of
//! itself that cannot be read off the records: whoever verifies compares the two.

use std::sync::Arc;

use tokio_postgres::Row;

use crate::{
    error::{Error, Result},
    store::{
        postgres::{
            fault::Outcome,
            session::{
                Session,
                Value::{Bytes, Number, Numbers, Text},
                at_most, bytes, column, text, version,
            },
        },
        succession::{conflict, signed},
    },
};

/// Bytes of a leaf and of a link.
pub(super) const HASH: usize = 32;

/// Records that follow one another in a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// The chain's name.
    pub chain: Arc<str>,
    /// Number of the first: 1, 2, 3, ... in each chain.
    pub number: u64,
    /// Ties the last to all before it.
    pub link: [u8; 32],
    /// Their leaves, one after the other.
    pub leaves: Vec<u8>,
    /// Of whom each is; 0: of nobody.
    pub people: Vec<i64>,
    /// Where each ends in `frames`.
    pub ends: Vec<i64>,
    /// The sealed records, one after the other.
    pub frames: Vec<u8>,
}

/// A record of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The chain's name.
    pub chain: Arc<str>,
    /// 1, 2, 3, ...
    pub number: u64,
    /// Ties it to all before it; known of the last of a batch.
    pub link: Option<[u8; 32]>,
    /// Its leaf.
    pub leaf: [u8; 32],
    /// Of whom it is; 0: of nobody.
    pub person: i64,
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

impl Batch {
    /// Its records. Where its columns contradict each other a record is given that is none.
    fn into_records(self) -> impl Iterator<Item = Record> {
        let Self { chain, number, link, leaves, people, ends, frames } = self;
        let last = ends.len().saturating_sub(1);
        let mut begin = 0;
        (0..ends.len()).map(move |at| {
            let end = ends.get(at).and_then(|end| usize::try_from(*end).ok());
            // What follows the last belongs to nobody else.
            let end = if at == last { frames.len() } else { end.unwrap_or_default() };
            let frame = frames.get(begin..end).unwrap_or_default();
            begin = end;
            let leaf = leaves.get(at * HASH..).and_then(<[u8]>::first_chunk);
            Record {
                chain: Arc::clone(&chain),
                number: number.saturating_add(at as u64),
                link: (at == last).then_some(link),
                leaf: leaf.copied().unwrap_or_default(),
                person: people.get(at).copied().unwrap_or_default(),
                frame: frame.into(),
            }
        })
    }
}

/// Columns of a batch, for [`read`].
macro_rules! columns {
    () => {
        "b.chain, b.number, b.link, b.leaves, b.people, b.ends, b.frames"
    };
}
pub(super) use columns;

/// The records of the batch whose columns begin at `at`.
pub(super) fn read(row: &Row, at: usize) -> Outcome<impl Iterator<Item = Record> + use<>> {
    let batch = Batch {
        chain: text(row, at)?,
        number: version(row, at + 1)?,
        link: hash(row, at + 2)?,
        leaves: column(row, at + 3)?,
        people: column(row, at + 4)?,
        ends: column(row, at + 5)?,
        frames: column(row, at + 6)?,
    };
    Ok(batch.into_records())
}

pub(super) async fn end(rows: &Session<'_>, chain: &str) -> Outcome<End> {
    let sql = "SELECT number + cardinality(ends) - 1, link FROM audit_batch WHERE chain = $1 \
               ORDER BY number DESC LIMIT 1";
    match rows.one(sql, &[Text(chain)]).await? {
        Some(row) => Ok(End { number: version(&row, 0)?, link: hash(&row, 1)? }),
        None => Ok(End::default()),
    }
}

/// One row. That two begin alike the key prevents; that they follow one another the look at the last one.
pub(super) async fn append(rows: &Session<'_>, batch: &Batch) -> Outcome<()> {
    let sql = "INSERT INTO audit_batch (chain, number, link, leaves, people, ends, frames) \
               SELECT $1, $2, $3, $4, $5, $6, $7 WHERE $2 = \
               coalesce((SELECT number + cardinality(ends) FROM audit_batch WHERE chain = $1 \
               ORDER BY number DESC LIMIT 1), 1)";
    let values = [
        Text(&batch.chain),
        Number(signed(batch.number)?),
        Bytes(&batch.link),
        Bytes(&batch.leaves),
        Numbers(&batch.people),
        Numbers(&batch.ends),
        Bytes(&batch.frames),
    ];
    if rows.changed(sql, &values).await? == 1 { Ok(()) } else { Err(conflict().into()) }
}

pub(super) async fn chains(rows: &Session<'_>) -> Outcome<Vec<Arc<str>>> {
    // One look at the index for each.
    let sql = "WITH RECURSIVE next AS (\
               (SELECT chain FROM audit_batch ORDER BY chain LIMIT 1) UNION ALL \
               SELECT (SELECT b.chain FROM audit_batch b WHERE b.chain > next.chain \
               ORDER BY b.chain LIMIT 1) FROM next WHERE next.chain IS NOT NULL) \
               SELECT chain FROM next WHERE chain IS NOT NULL";
    rows.all(sql, &[]).await?.iter().map(|row| text(row, 0)).collect()
}

pub(super) async fn records(
    rows: &Session<'_>,
    chain: &str,
    after: u64,
    limit: usize,
) -> Outcome<Vec<Record>> {
    // From the batch that holds the next number, if one does.
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM audit_batch b WHERE b.chain = $1 AND b.number + cardinality(b.ends) > $2 + 1 \
         AND b.number >= coalesce((SELECT max(number) FROM audit_batch \
         WHERE chain = $1 AND number <= $2 + 1), 0) ORDER BY b.number LIMIT $3"
    );
    let mut found = Vec::new();
    for row in rows.all(sql, &[Text(chain), Number(signed(after)?), at_most(limit)]).await? {
        found.extend(read(&row, 0)?.filter(|record| record.number > after));
    }
    Ok(found)
}

pub(super) async fn about(rows: &Session<'_>, person: i64) -> Outcome<Vec<Record>> {
    // Each record is cut out of its batch; then the run of the tree that begins last before it, if it
    // reaches that far.
    let sql = "WITH own AS MATERIALIZED (SELECT b.chain, b.number + r.at - 1 AS number, \
               substr(b.leaves, (r.at * 32 - 31)::int, 32) AS leaf, \
               substr(b.frames, (coalesce(b.ends[r.at::int - 1], 0) + 1)::int, \
               greatest(b.ends[r.at::int] - coalesce(b.ends[r.at::int - 1], 0), 0)::int) AS frame \
               FROM audit_batch b CROSS JOIN LATERAL \
               unnest(b.people) WITH ORDINALITY AS r (person, at) \
               WHERE b.people @> ARRAY[$1] AND r.person = $1 AND $1 <> 0) \
               SELECT own.chain, own.number, own.leaf, own.frame FROM own LEFT JOIN LATERAL \
               (SELECT * FROM audit_place WHERE chain = own.chain \
               AND number <= own.number ORDER BY number DESC LIMIT 1) p \
               ON p.number + p.count > own.number \
               ORDER BY p.place + own.number - p.number NULLS LAST, own.chain, own.number";
    let one = |row: &Row| {
        Ok(Record {
            chain: text(row, 0)?,
            number: version(row, 1)?,
            link: None,
            leaf: hash(row, 2)?,
            person,
            frame: bytes(row, 3)?,
        })
    };
    rows.all(sql, &[Number(person)]).await?.iter().map(one).collect()
}

fn hash(row: &Row, at: usize) -> Outcome<[u8; HASH]> {
    column::<&[u8]>(row, at)?.try_into().map_err(|cause| Error::internal(cause).into())
}

/// Hashes that stand one after the other.
pub(super) fn hashes(bytes: &[u8]) -> Result<Vec<[u8; HASH]>> {
    let hashes = bytes.chunks(HASH).map(<[u8; HASH]>::try_from);
    hashes.collect::<std::result::Result<_, _>>().map_err(Error::internal)
}
