//! Documents in files: JSON (one, or a list of them), NDJSON (one a line), or a directory of such.
//!
//! Part of `cli`. Each document has its place, `people.ndjson:12`, so that what is wrong with it can
//! be told exactly. One file is in memory at a time. Judges nothing.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde_json::value::RawValue;

use crate::{
    error::{Error, Kind, Result},
    json::members::{line_and_column, place},
    native::foreign::Form,
};

/// A document as it stands in a file.
pub struct Found {
    /// File, and line or number where the file holds several.
    pub place: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Lines of the file before it, and characters of its first line there.
    before: (usize, usize),
}

impl Found {
    /// What is said of an element, with line and column of the file.
    pub fn placed(&self, path: &str, say: &str) -> String {
        let text = str::from_utf8(&self.bytes).unwrap_or_default();
        let (line, column) = place(text, path);
        let column = if line == 1 { column + self.before.1 } else { column };
        format!("{say} (line {}, column {column})", line + self.before.0)
    }
}

/// The files of a path: itself, or those of the directory in order of name.
///
/// # Errors
/// `Invalid` if there is none, `Unavailable` if the directory cannot be read.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    files_of(path, &["json", "ndjson", "jsonl"])
}

/// The same of what another system wrote.
///
/// # Errors
/// As [`files`].
pub fn files_of_form(path: &Path, form: Form) -> Result<Vec<PathBuf>> {
    match form {
        Form::Csv => files_of(path, &["csv"]),
        Form::Json | Form::Ndjson => files(path),
    }
}

fn files_of(path: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut all = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, error))? {
        let path = entry.map_err(|error| unreadable(path, error))?.path();
        let ending = path.extension().and_then(|end| end.to_str());
        if ending.is_some_and(|end| endings.contains(&end)) {
            all.push(path);
        }
    }
    if all.is_empty() {
        let say =
            format!("{} holds no file that ends in .{}.", path.display(), endings.join(" or ."));
        return Err(Error::invalid(say));
    }
    all.sort();
    Ok(all)
}

/// The documents of one file.
///
/// # Errors
/// `Invalid` if the file cannot be read.
pub fn of_file(path: &Path) -> Result<Vec<Found>> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, error))?;
    let name = path.display();
    let ending = path.extension().and_then(|end| end.to_str());
    if ending.is_some_and(|end| ["ndjson", "jsonl"].contains(&end)) {
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        let full = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
        let found = |(n, line): (usize, &[u8])| Found {
            place: format!("{name}:{}", n + 1),
            bytes: line.to_vec(),
            before: (n, 0),
        };
        return Ok(full.map(found).collect());
    }
    let text = str::from_utf8(&bytes).unwrap_or_default();
    if let (true, Ok(all)) =
        (text.trim_start().starts_with('['), serde_json::from_str::<Vec<&RawValue>>(text))
    {
        let found = |(n, raw): (usize, &&RawValue)| {
            let (line, column) = line_and_column(text, raw.get());
            Found {
                place: format!("{name}[{n}]"),
                bytes: raw.get().as_bytes().to_vec(),
                before: (line - 1, column - 1),
            }
        };
        return Ok(all.iter().enumerate().map(found).collect());
    }
    Ok(vec![Found { place: name.to_string(), bytes, before: (0, 0) }])
}

/// The documents of a file that another system wrote: of a table its rows.
///
/// # Errors
/// `Invalid` if the file cannot be read, or is no such table.
pub fn of_form(path: &Path, form: Form) -> Result<Vec<Found>> {
    if form != Form::Csv {
        return of_file(path);
    }
    let bytes = fs::read(path).map_err(|error| unreadable(path, error))?;
    let name = path.display();
    let rows = form.documents(&bytes, usize::MAX).map_err(|error| {
        Error::new(error.kind(), format!("{name}: {}", error.say())).because(error)
    })?;
    let found = |(line, bytes)| Found { place: format!("{name}:{line}"), bytes, before: (0, 0) };
    Ok(rows.into_iter().map(found).collect())
}

/// A file or directory that cannot be read.
pub fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let say = format!("{} cannot be read: {}.", path.display(), error.kind());
    Error::new(Kind::Invalid, say).because(error)
}

/// A file of this machine, or its directory, that cannot be written, made or moved.
pub fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let kind = error.kind();
    let mend = if [ErrorKind::NotFound, ErrorKind::PermissionDenied].contains(&kind) {
        "; make its directory, owned by who runs this"
    } else if [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&kind) {
        "; make room"
    } else {
        ""
    };
    let say = format!("{} cannot be written: {kind}{mend}.", path.display());
    Error::new(Kind::Invalid, say).because(error)
}
