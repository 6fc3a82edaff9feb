//! Where the records of one person are.
//!
//! Derived from the segments, so it can be thrown away. A segment that has a successor never changes
//! again: its index is kept beside it as `segment-<n>.index`, made when first asked for; the last
//! one is scanned. So neither memory nor start grow with the log, and a look-up costs a binary search
//! per segment. An index that was tampered with can only hide records, never show another's.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::{
    frame::{AuditKey, Frame, Item, item},
    log::{Disk as _, FileDisk},
    segment::{self, End, HEAD},
};
use crate::{
    digest::sha256,
    error::{Error, Result},
};

/// Bytes of a row: the first eight of SHA-256(key id), then the offset (u32).
const ROW: usize = 12;

/// Where a frame begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Number of the segment.
    pub segment: u64,
    /// Byte in it.
    pub offset: u32,
}

/// The places of the records under a key id, oldest first.
///
/// # Errors
/// `Unavailable` if the log cannot be read, `Internal` for something damaged.
pub fn places(dir: &Path, key_id: &str) -> Result<Vec<Place>> {
    let numbers = segment::numbers(dir)?;
    let last = numbers.last().copied();
    let key = short(key_id);
    let mut places = Vec::new();
    for segment in numbers {
        let offsets = if Some(segment) == last {
            let rows = scan(dir, segment, true)?;
            rows.into_iter().filter(|row| row.0 == key).map(|row| row.1).collect()
        } else {
            kept(dir, segment, key)?
        };
        places.extend(offsets.into_iter().map(|offset| Place { segment, offset }));
    }
    // Two key ids may share their first eight bytes.
    let mut ours = Vec::new();
    for place in places {
        if frame(dir, place, |frame| Ok(frame.key_id == key_id))? {
            ours.push(place);
        }
    }
    Ok(ours)
}

/// Shows the frame at a place.
///
/// # Errors
/// `Unavailable` if it cannot be read, `Internal` if no whole frame is there.
pub fn frame<T>(dir: &Path, place: Place, see: impl FnOnce(&Frame<'_>) -> Result<T>) -> Result<T> {
    let bytes = frame_bytes(dir, place).map_err(Error::unavailable)?;
    match item(&bytes, u64::from(place.offset)) {
        Some((Item::Record(frame), _)) => see(&frame),
        Some((Item::Mark, _)) | None => Err(Error::internal("an audit index names no frame")),
    }
}

fn frame_bytes(dir: &Path, place: Place) -> io::Result<Vec<u8>> {
    let file = File::open(segment::path(dir, place.segment))?;
    let mut head = [0; 4];
    file.read_exact_at(&mut head, u64::from(place.offset))?;
    let length = usize::try_from(u32::from_be_bytes(head)).map_err(io::Error::other)?;
    let mut bytes = vec![0; length.min(super::frame::MAX_PAYLOAD * 2) + 8];
    file.read_exact_at(&mut bytes, u64::from(place.offset))?;
    Ok(bytes)
}

/// Key and offset of every frame, in order of offset.
fn scan(dir: &Path, number: u64, growing: bool) -> Result<Vec<([u8; 8], u32)>> {
    let path = segment::path(dir, number);
    let bytes = fs::read(&path).map_err(Error::unavailable)?;
    let mut rows = Vec::new();
    let frames = bytes.get(HEAD..).unwrap_or_default();
    let (at, end) = segment::walk(frames, HEAD as u64, |at, frame| {
        rows.push((short(frame.key_id), u32::try_from(at).map_err(Error::internal)?));
        Ok(())
    })?;
    match end {
        End::Whole => Ok(rows),
        End::Torn if growing => Ok(rows),
        End::Torn | End::Broken => {
            Err(Error::internal(format!("{}: damaged at byte {at}", path.display())))
        }
    }
}

/// Offsets of a key in the kept index of a segment, which is made if it is not there.
fn kept(dir: &Path, number: u64, key: [u8; 8]) -> Result<Vec<u32>> {
    let path = index_path(dir, number);
    if !path.exists() {
        let mut rows = scan(dir, number, false)?;
        rows.sort_unstable();
        let bytes: Vec<u8> =
            rows.iter().flat_map(|row| row.0.into_iter().chain(row.1.to_be_bytes())).collect();
        FileDisk.replace(&path, &bytes).map_err(Error::unavailable)?;
    }
    search(&path, key).map_err(Error::unavailable)
}

fn search(path: &Path, key: [u8; 8]) -> io::Result<Vec<u32>> {
    let file = File::open(path)?;
    let row = |number: u64| -> io::Result<([u8; 8], u32)> {
        let mut bytes = [0; ROW];
        file.read_exact_at(&mut bytes, number * ROW as u64)?;
        let (key, offset) = bytes.split_at(8);
        let offset = offset.first_chunk().copied().map(u32::from_be_bytes);
        Ok((key.first_chunk().copied().unwrap_or_default(), offset.unwrap_or_default()))
    };
    let rows = file.metadata()?.len() / ROW as u64;
    let (mut from, mut to) = (0, rows);
    while from < to {
        let middle = from.midpoint(to);
        if row(middle)?.0 < key {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    let mut offsets = Vec::new();
    for number in from..rows {
        match row(number)? {
            (found, offset) if found == key => offsets.push(offset),
            _ => break,
        }
    }
    Ok(offsets)
}

fn index_path(dir: &Path, number: u64) -> PathBuf {
    segment::path(dir, number).with_extension("index")
}

/// The number under which a database finds the records of a key id; 0 for those of nobody. Two key ids
/// may share one.
pub(super) fn person(key_id: &str) -> i64 {
    if key_id == AuditKey::NODE { 0 } else { i64::from_be_bytes(short(key_id)) }
}

fn short(key_id: &str) -> [u8; 8] {
    sha256(key_id.as_bytes()).first_chunk().copied().unwrap_or_default()
}
