//! The disk as the log sees it: append at the end, cut.
//!
//! Under the writer; tests put a failing one here. Every error is final for the segment, so nothing
//! is retried and no partial success is told. A tape is written past the page cache, in whole blocks
//! and through to the medium (`O_DIRECT`, `O_DSYNC`: half the time and processor of a write and a
//! sync on ext4); what the last block holds is written again with what follows it, as it was. Where a
//! file grows with each write, each also writes the file system's journal; so a tape can be made
//! longer ahead, with zeros, and one write in dozens does that for the others.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

/// What is written together begins and ends at a multiple of this, in the file and in memory.
pub(super) const BLOCK: usize = 4096;
/// By how much a tape is made longer, and how much is written at once at most.
const ROOM: usize = 1 << 20;

/// Where files are.
pub trait Disk: Send + Sync {
    /// A new empty file, or the existing one emptied; its name is durable when this returns.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tape>>;
    /// An existing file, cut to `length` bytes; the cut is durable when this returns.
    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>>;
    /// Puts a whole file in place of another, or neither.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// A file that is written from its beginning on.
pub trait Tape: Send {
    /// Sees to it that the next `length` bytes find room, if need be by making the file longer. What
    /// lies beyond its end is zeros.
    fn make_room(&mut self, length: usize) -> io::Result<()>;
    /// Writes all of `bytes` at the end; returns once they are durable.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// The file system.
pub struct FileDisk;

impl Disk for FileDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tape>> {
        let file = open(OpenOptions::new().write(true).create(true).truncate(true), path)?;
        sync_parent(path)?;
        Ok(Box::new(Blocks { file, end: 0, room: 0, last: Vec::new(), bytes: Vec::new() }))
    }

    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>> {
        let file = File::options().read(true).write(true).open(path)?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
            file.sync_all()?;
        }
        let room = length.next_multiple_of(BLOCK as u64);
        let begun = length % BLOCK as u64;
        let mut last = vec![0; usize::try_from(begun).map_err(io::Error::other)?];
        file.read_exact_at(&mut last, length - begun)?;
        let file = open(OpenOptions::new().write(true), path)?;
        Ok(Box::new(Blocks { file, end: length, room, last, bytes: Vec::new() }))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_parent(path)
    }
}

/// Past the page cache where the file system can do that, and through to the medium.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let direct = options.custom_flags(libc::O_DSYNC | DIRECT).open(path);
    match direct {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            options.custom_flags(libc::O_DSYNC).open(path)
        }
        Ok(_) | Err(_) => direct,
    }
}

#[cfg(target_os = "linux")]
const DIRECT: i32 = libc::O_DIRECT;
#[cfg(not(target_os = "linux"))]
const DIRECT: i32 = 0;

/// A file of whole blocks, with zeros between the end of what was written and its own.
struct Blocks {
    file: File,
    end: u64,
    /// How long the file is; whole blocks.
    room: u64,
    /// What stands in the block that has begun.
    last: Vec<u8>,
    /// Where blocks are laid out to be written.
    bytes: Vec<u8>,
}

impl Blocks {
    /// Writes what stands in the last block, and what follows it, from the beginning of that block.
    fn write(&mut self, from: u64, following: &[u8]) -> io::Result<()> {
        let held = self.last.len() + following.len();
        let length = held.next_multiple_of(BLOCK);
        self.bytes.resize(self.bytes.len().max(length + BLOCK), 0);
        let aligned = self.bytes.as_ptr().align_offset(BLOCK);
        let all = self.bytes.get_mut(aligned..).and_then(|bytes| bytes.get_mut(..length));
        let all = all.ok_or_else(|| io::Error::other("no block is aligned"))?;
        let (last, rest) = all.split_at_mut(self.last.len());
        let (next, zeros) = rest.split_at_mut(following.len());
        last.copy_from_slice(&self.last);
        next.copy_from_slice(following);
        zeros.fill(0);
        self.file.write_all_at(all, from)?;
        self.room = self.room.max(from + length as u64);
        Ok(())
    }
}

impl Tape for Blocks {
    fn make_room(&mut self, length: usize) -> io::Result<()> {
        if self.end + length as u64 > self.room {
            let last = std::mem::take(&mut self.last);
            let laid = self.write(self.room, &vec![0; length.next_multiple_of(ROOM)]);
            self.last = last;
            laid?;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(ROOM) {
            self.write(self.end - self.last.len() as u64, piece)?;
            self.end += piece.len() as u64;
            self.last.extend_from_slice(piece);
            self.last.drain(..self.last.len() / BLOCK * BLOCK);
        }
        Ok(())
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if self.room > self.end
            && let Err(error) = self.file.set_len(self.end)
        {
            // Zeros at the end say nothing; whoever resumes the file cuts them.
            tracing::warn!(cause = ?error, "a segment of the audit log keeps room at its end");
        }
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
