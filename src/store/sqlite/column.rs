//! How values of ours stand in a column, and back.
//!
//! Belongs to `store::sqlite`. `SQLite` knows signed 64-bit integers only; what does not fit there or
//! back is an error, never cut.

use rusqlite::{Error, Row};

use crate::{domain::moment::Moment, store::DocumentKind};

/// A kind of document.
pub(super) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<DocumentKind> {
    let number: i64 = row.get(column)?;
    DocumentKind::of_number(number).ok_or(Error::IntegralValueOutOfRange(column, number))
}

/// A version, from 1.
pub(super) fn version(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// An instant.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Moment> {
    row.get(column).map(Moment::from_millis)
}

/// A limit on rows; beyond what fits there is none.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
