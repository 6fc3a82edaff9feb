//! The disk as the log sees it: write at the end, sync, cut.
//!
//! Under the writer; tests put a failing one here. Every error is final for the segment, so nothing
//! is retried and no partial success is told. Where a file grows with each sync, each sync writes the
//! file system's journal too; so a tape can be made longer ahead, with zeros, and one sync in dozens
//! does that for the others (half the time and processor of a sync on ext4).

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

/// By how much a tape is made longer.
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
    /// Writes all of `bytes` at the end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything written is durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system.
pub struct FileDisk;

impl Disk for FileDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tape>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        sync_parent(path)?;
        Ok(Box::new(Roomy { file, end: 0, room: 0 }))
    }

    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>> {
        let file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
            file.sync_all()?;
        }
        Ok(Box::new(Roomy { file, end: length, room: length }))
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

/// A file with zeros between the end of what was written and its own.
struct Roomy {
    file: File,
    end: u64,
    room: u64,
}

impl Tape for Roomy {
    fn make_room(&mut self, length: usize) -> io::Result<()> {
        if self.end + length as u64 > self.room {
            let more = vec![0; length.next_multiple_of(ROOM)];
            self.file.write_all_at(&more, self.room)?;
            self.room += more.len() as u64;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        self.room = self.room.max(self.end);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl Drop for Roomy {
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
