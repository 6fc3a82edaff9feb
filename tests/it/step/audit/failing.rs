//! A disk that fails: nothing is said to be durable that is not, and the log comes back.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mylife::{
    audit::{
        log::{Disk, FileDisk, Tape},
        read::read,
        segment,
        verify::verify,
    },
    error::Kind,
};

use super::{Dir, aino, all_keys, block_on, entry, fill, signer};

#[derive(Default)]
struct Faults {
    room: AtomicBool,
    write: AtomicBool,
    sync: AtomicBool,
    open: AtomicBool,
    all: AtomicBool,
}

/// Fails when told to; a failing write leaves half of its bytes behind.
#[derive(Default)]
pub(crate) struct Faulty(Arc<Faults>);

impl Faulty {
    pub(crate) fn fail_next_sync(&self) {
        self.0.sync.store(true, Ordering::SeqCst);
    }

    /// Fails always, or no more.
    pub(crate) fn fail_from_now_on(&self, fails: bool) {
        self.0.all.store(fails, Ordering::SeqCst);
    }
}

struct FaultyTape(Box<dyn Tape>, Arc<Faults>);

fn fails(fault: &AtomicBool) -> io::Result<()> {
    if fault.swap(false, Ordering::SeqCst) { Err(io::Error::other("broken")) } else { Ok(()) }
}

fn always(fault: &AtomicBool) -> io::Result<()> {
    if fault.load(Ordering::SeqCst) { Err(io::Error::other("broken")) } else { Ok(()) }
}

impl Disk for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tape>> {
        always(&self.0.all)?;
        fails(&self.0.open)?;
        Ok(Box::new(FaultyTape(FileDisk.create(path)?, Arc::clone(&self.0))))
    }

    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>> {
        Ok(Box::new(FaultyTape(FileDisk.resume(path, length)?, Arc::clone(&self.0))))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        FileDisk.replace(path, bytes)
    }
}

impl Tape for FaultyTape {
    fn make_room(&mut self, length: usize) -> io::Result<()> {
        fails(&self.1.room)?;
        self.0.make_room(length)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        fails(&self.1.write).or_else(|error| {
            self.0.append(&bytes[..bytes.len() / 2])?;
            Err(error)
        })?;
        always(&self.1.all)?;
        self.0.append(bytes)?;
        fails(&self.1.sync)
    }
}

#[test]
fn a_failed_write_or_sync_is_unavailable_and_the_next_record_has_a_new_segment() {
    for broken in ["room", "write", "sync"] {
        let (dir, disk) = (Dir::new(), Arc::new(Faulty::default()));
        let log = dir.threaded(Arc::clone(&disk) as _);
        fill(&log, 3);
        let fault = match broken {
            "room" => &disk.0.room,
            "write" => &disk.0.write,
            _ => &disk.0.sync,
        };
        fault.store(true, Ordering::SeqCst);
        let lost = entry("lost").to_payload().unwrap();
        let error = block_on(log.append(&aino(), &lost)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(log.head().size, 3);

        fill(&log, 2);
        assert_eq!(log.head().size, 5);
        log.close().unwrap();
        assert_eq!(segment::numbers(dir.path()).unwrap(), [1, 2]);
        let report = verify(dir.path(), Some(&signer().verifier()), &all_keys).unwrap();
        assert_eq!((report.records, report.opened, report.fault), (5, 5, None));
        let found: Vec<_> = read(dir.path(), &all_keys).unwrap().map(Result::unwrap).collect();
        assert!(found.iter().all(|f| f.entry.as_ref().is_some_and(|e| &*e.request != "lost")));
    }
}

#[test]
fn while_no_segment_can_be_opened_every_append_fails_and_then_none() {
    let (dir, disk) = (Dir::new(), Arc::new(Faulty::default()));
    let log = dir.threaded(Arc::clone(&disk) as _);
    fill(&log, 1);
    disk.fail_next_sync();
    let payload = entry("x").to_payload().unwrap();
    for _ in 0..4 {
        disk.0.open.store(true, Ordering::SeqCst);
        let error = block_on(log.append(&aino(), &payload)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
    }
    disk.0.open.store(false, Ordering::SeqCst);
    block_on(log.append(&aino(), &payload)).unwrap();
    assert_eq!(log.head().size, 2);
    drop(log);
    assert_eq!(dir.open().head().size, 2);
}

#[test]
fn a_closed_log_takes_nothing() {
    let dir = Dir::new();
    let log = dir.open();
    log.close().unwrap();
    let error = block_on(log.append(&aino(), b"{}")).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}
