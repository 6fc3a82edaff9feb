//! One process owns a data directory.
//!
//! Belongs to `store`; taken before anything in the directory is read, released by the kernel when
//! the process ends in whatever way. It must not be built on the file's existence: that would
//! outlive a crash. Locks and shared memory do not hold on network file systems, so those are refused
//! (`SQLite`, `howtocorrupt.html`, section 2).

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    path::Path,
    thread,
    time::Duration,
};

use crate::error::{Error, Kind, Result};

/// How often a directory is tried that another has, and how long that waits each time. Whoever has just
/// ended may have begun a program that has the file open until it runs.
const TRIES: (u32, Duration) = (20, Duration::from_millis(25));

/// The right to use a data directory; given back when dropped.
#[derive(Debug)]
pub struct Lock {
    _held: File,
}

impl Lock {
    /// Makes the directory if it is absent (its owner's alone) and takes it for this process.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if another process or another part of this one has it, if it is on a
    /// network file system, or if it cannot be made or written.
    pub fn take(directory: &Path) -> Result<Self> {
        let failed = |cause| {
            refusal(directory, "cannot be used: check that it can be made and written")
                .because(cause)
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory).map_err(failed)?;
        refuse_network(directory)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(directory.join("lock")).map_err(failed)?;
        let (tries, wait) = TRIES;
        for _ in 0..tries {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _held: file }),
                Err(TryLockError::WouldBlock) => thread::park_timeout(wait),
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
        }
        Err(refusal(
            directory,
            "is in use by another process: stop it, ask it through its management listener, or \
             name another directory",
        ))
    }
}

fn refusal(directory: &Path, why: &str) -> Error {
    Error::new(Kind::Unavailable, format!("The data directory {} {why}.", directory.display()))
}

/// Where the kernel lists no mounts (not Linux) nothing is known and nothing refused.
fn refuse_network(directory: &Path) -> Result<()> {
    let Ok(mounts) = fs::read_to_string("/proc/self/mounts") else { return Ok(()) };
    let directory = directory.canonicalize().map_err(Error::unavailable)?;
    if network_mount(&mounts, &directory) {
        return Err(refusal(&directory, "is on a network file system: name one on a local disk"));
    }
    Ok(())
}

/// Is the innermost mount that holds `directory` a network file system? `mounts` is in the form of
/// `/proc/self/mounts`: device, place, type and more, one line each, the newest last.
pub fn network_mount(mounts: &str, directory: &Path) -> bool {
    let kinds = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        directory.starts_with(place.replace("\\040", " ")).then_some((place.len(), kind))
    });
    kinds.max_by_key(|(depth, _)| *depth).is_some_and(|(_, kind)| {
        ["nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "fuse.sshfs"].contains(&kind)
    })
}
