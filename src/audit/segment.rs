//! The files of the log: `segment-<n>.log`, n from 1, each with the number of its first leaf.
//!
//! Between [`super::frame`] (what stands in a segment) and those who walk one: the log at its
//! opening, the reader, the verifier. Changes no file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::frame::{Frame, Item, MARK, item, mark};
use crate::error::{Error, Result};

/// Bytes of a segment's head: magic, then the number of its first leaf (u64, big-endian).
pub const HEAD: usize = 24;
/// A segment that has reached this length is followed by a new one.
pub const FULL: u64 = 32 << 20;

const MAGIC: &[u8; 16] = b"mylife-audit/1\n\0";

/// The path of segment `number`.
pub fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("segment-{number}.log"))
}

/// The head of a segment whose first leaf has this number.
pub fn head(first_leaf: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let bytes = MAGIC.iter().copied().chain(first_leaf.to_be_bytes());
    head.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    head
}

/// The number of the first leaf; `None` if `bytes` does not begin with a head.
pub fn first_leaf(bytes: &[u8]) -> Option<u64> {
    let number = bytes.strip_prefix(MAGIC)?;
    number.first_chunk().map(|n| u64::from_be_bytes(*n))
}

/// Numbers of the segments in a directory, in order; empty if there is no directory.
///
/// # Errors
/// `Unavailable` if it cannot be read.
pub fn numbers(dir: &Path) -> Result<Vec<u64>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::unavailable)? {
        let name = entry.map_err(Error::unavailable)?.file_name();
        let number = name.to_str().and_then(|n| n.strip_prefix("segment-")?.strip_suffix(".log"));
        numbers.extend(number.and_then(|n| n.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How a walk along a segment ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// Something was damaged: what follows had been synced.
    Broken,
    /// The last batch was not wholly written.
    Torn,
    /// Every byte belongs to a whole frame, or to the zeros that were laid out for more.
    Whole,
}

/// Walks the frames of `bytes`, which begin at `offset` of the segment; tells the offset after the
/// last good one.
pub fn walk<'a>(
    bytes: &'a [u8],
    offset: u64,
    mut each: impl FnMut(u64, Frame<'a>) -> Result<()>,
) -> Result<(u64, End)> {
    let (mut rest, mut at) = (bytes, offset);
    while let Some((item, length)) = item(rest, at) {
        match item {
            Item::Mark => {}
            Item::Record(frame) => each(at, frame)?,
        }
        rest = rest.get(length..).unwrap_or_default();
        at += length as u64;
    }
    Ok((at, end(rest, at)))
}

/// A mark names its own place, so none is there by accident; the scan is linear.
fn end(rest: &[u8], at: u64) -> End {
    if rest.iter().all(|byte| *byte == 0) {
        return End::Whole;
    }
    let mut places = (at..).zip(rest.windows(MARK)).skip(1);
    let synced =
        places.any(|(place, bytes)| bytes.ends_with(&place.to_be_bytes()) && bytes == mark(place));
    if synced { End::Broken } else { End::Torn }
}
