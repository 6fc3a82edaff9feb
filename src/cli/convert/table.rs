//! The rows of a CSV file as documents: an object each, of texts, by the names in the first line.
//!
//! Part of `convert`. Between values stands a comma, a semicolon or a tab, whichever the first line has
//! most of, as spreadsheets write them. Source: RFC 4180.

use std::{fs, path::Path};

use csv::ReaderBuilder;
use serde_json::{Map, Value};

use crate::{
    cli::documents::{Found, unreadable},
    error::{Error, Result},
};

/// Is it such a file, by its name?
pub(super) fn is_one(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"))
}

/// Its rows.
///
/// # Errors
/// `Invalid` if it cannot be read, or a row has not as many values as there are names.
pub(super) fn rows(path: &Path) -> Result<Vec<Found>> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, error))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |between: u8| first.iter().filter(|byte| **byte == between).count();
    let between = [b',', b';', b'\t'].into_iter().max_by_key(|one| count(*one)).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(between).from_reader(bytes);
    let wrong = |error: csv::Error| {
        Error::invalid(format!("{} is no CSV: {error}.", path.display())).because(error)
    };
    let names = reader.headers().map_err(wrong)?.clone();
    let mut all = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let line = row.position().map_or(0, csv::Position::line);
        let pairs = names.iter().zip(&row);
        let object: Map<String, Value> =
            pairs.map(|(name, value)| (name.trim().to_owned(), value.into())).collect();
        let bytes = serde_json::to_vec(&object).map_err(Error::internal)?;
        all.push(Found { place: format!("{}:{line}", path.display()), bytes });
    }
    Ok(all)
}
