//! The disk as the log sees it: write at the end, sync, cut.
//!
//! Under the writer; tests put a failing one here. Every error is final for the segment, so nothing
//! is retried and no partial success is told.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Where files are.
pub trait Disk: Send + Sync {
    /// A new empty file, or the existing one emptied; its name is durable when this returns.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tape>>;
    /// An existing file, cut to `length` bytes; the cut is durable when this returns.
    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>>;
    /// Puts a whole file in place of another, or neither.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// A file that only grows.
pub trait Tape: Send {
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
        Ok(Box::new(file))
    }

    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>> {
        let file = OpenOptions::new().append(true).open(path)?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
            file.sync_all()?;
        }
        Ok(Box::new(file))
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

impl Tape for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
