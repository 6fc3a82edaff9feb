//! The rows of a table as documents: an object each, of texts, by the names in the first line.
//!
//! Part of `foreign`. Between values stands a comma, a semicolon or a tab, whichever the first line has
//! most of, as spreadsheets write them. Source: RFC 4180.

use csv::ReaderBuilder;
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};

/// Most bytes of all names together: each row repeats them.
const NAMES: usize = 8 * 1024;

/// Its rows, each with its line; after one more than `most` nothing is read.
///
/// # Errors
/// `Invalid` if it is no table, or a row has not as many values as there are names; `TooCostly` if its names
/// are too long to be said of each.
pub(super) fn rows(bytes: &[u8], most: usize) -> Result<Vec<(u64, Vec<u8>)>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |between: u8| first.iter().filter(|byte| **byte == between).count();
    let between = [b',', b';', b'\t'].into_iter().max_by_key(|one| count(*one)).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(between).from_reader(bytes);
    // It tells lines and lengths, and no value.
    let wrong =
        |error: csv::Error| Error::invalid(format!("This is no CSV: {error}.")).because(error);
    let names = reader.headers().map_err(wrong)?.clone();
    if names.iter().map(str::len).sum::<usize>() > NAMES {
        let say = format!("The names of the columns have more than {NAMES} bytes; shorten them.");
        return Err(Error::new(Kind::TooCostly, say));
    }
    let mut all = Vec::new();
    for row in reader.records().take(most.saturating_add(1)) {
        let row = row.map_err(wrong)?;
        let line = row.position().map_or(0, csv::Position::line);
        let pairs = names.iter().zip(&row);
        let object: Map<String, Value> =
            pairs.map(|(name, value)| (name.trim().to_owned(), value.into())).collect();
        all.push((line, serde_json::to_vec(&object).map_err(Error::internal)?));
    }
    Ok(all)
}
