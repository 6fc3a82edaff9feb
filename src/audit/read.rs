//! Reads the log back: every record in order, or those of one person.
//!
//! Beside the way of a request: for `mylife audit show` and for the citizen who asks who saw what.
//! May run while the log is being written; what is not yet whole at its end is left out. Changes
//! nothing but the derived index of [`super::index`].

pub mod rows;

use std::{
    fs,
    path::{Path, PathBuf},
    vec,
};

use super::{
    frame::{AuditKey, Frame, Item, item},
    index,
    record::Entry,
    segment::{self, HEAD},
    tree::Hash,
};
use crate::error::{Error, Result};

/// Finds the key of a key id; `None` once it is forgotten.
pub type Keys<'a> = &'a dyn Fn(&str) -> Option<[u8; 32]>;

/// A record as found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// Its leaf in the tree.
    pub leaf: Hash,
    /// Patient id, or [`AuditKey::NODE`], or [`AuditKey::REVIEWS`].
    pub key_id: String,
    /// What it says; `None` if its key is forgotten.
    pub entry: Option<Entry<'static>>,
}

/// Every record of the log in `dir`, oldest first.
///
/// # Errors
/// `Unavailable` if the directory cannot be read; each item for itself the same, or `Internal` for
/// something damaged.
pub fn read<'a>(
    dir: &Path,
    keys: Keys<'a>,
) -> Result<impl Iterator<Item = Result<Found>> + use<'a>> {
    walk(dir, move |frame, _| found(frame, keys))
}

/// What `each` makes of every record of the log in `dir` and its bytes, oldest first.
///
/// # Errors
/// As [`read`].
pub(super) fn walk<T, F>(dir: &Path, each: F) -> Result<impl Iterator<Item = Result<T>> + use<T, F>>
where
    F: Fn(&Frame<'_>, &[u8]) -> Result<T>,
{
    let segments = segment::numbers(dir)?.into_iter();
    let dir = dir.to_path_buf();
    Ok(Reader { dir, segments, bytes: Vec::new(), at: 0, each })
}

/// The records of one person, oldest first.
///
/// # Errors
/// `Unavailable` if the log cannot be read, `Internal` for something damaged.
pub fn person(dir: &Path, key: &AuditKey) -> Result<Vec<Found>> {
    let keys = |id: &str| (id == &*key.id).then(|| *key.bytes());
    let frame = |place| index::frame(dir, place, |frame| found(frame, &keys));
    index::places(dir, &key.id)?.into_iter().map(frame).collect()
}

struct Reader<F> {
    dir: PathBuf,
    segments: vec::IntoIter<u64>,
    bytes: Vec<u8>,
    at: usize,
    each: F,
}

impl<T, F: Fn(&Frame<'_>, &[u8]) -> Result<T>> Reader<F> {
    /// The next record of this segment.
    fn next_here(&mut self) -> Option<Result<T>> {
        while let Some((item, length)) = item(self.bytes.get(self.at..)?, self.at as u64) {
            let whole = self.bytes.get(self.at..self.at + length)?;
            self.at += length;
            match item {
                Item::Mark => {}
                Item::Record(frame) => return Some((self.each)(&frame, whole)),
            }
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let torn = rest.iter().any(|byte| *byte != 0) && !self.segments.as_slice().is_empty();
        let at = std::mem::replace(&mut self.at, self.bytes.len());
        torn.then(|| Err(Error::internal(format!("a segment is damaged at byte {at}"))))
    }
}

impl<T, F: Fn(&Frame<'_>, &[u8]) -> Result<T>> Iterator for Reader<F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_here() {
                return Some(found);
            }
            let number = self.segments.next()?;
            match fs::read(segment::path(&self.dir, number)) {
                Ok(bytes) => (self.bytes, self.at) = (bytes, HEAD),
                Err(error) => return Some(Err(Error::unavailable(error))),
            }
        }
    }
}

fn found(frame: &Frame<'_>, keys: Keys<'_>) -> Result<Found> {
    let open = |key| Entry::from_payload(frame.open(&key)?.payload());
    let entry = keys(frame.key_id).map(open).transpose()?;
    Ok(Found { leaf: frame.leaf, key_id: frame.key_id.to_owned(), entry })
}
