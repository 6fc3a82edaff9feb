//! The list in a backup: whose it is, when it was taken, and what every file must be.
//!
//! Part of `mylife backup` and `restore`. JSON, `backup.json`; readable by people. It holds nothing that
//! is sealed elsewhere.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::{
    cli::documents::{unreadable, unwritable},
    digest::hex,
    domain::moment::Moment,
    error::{Error, Kind, Result},
};

/// The form of a backup.
pub const VERSION: &str = "mylife/backup/1";
/// The list's file.
const FILE: &str = "backup.json";

/// What is in a backup.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub format: String,
    /// Code of the gateway's node.
    pub node: String,
    /// Version of the program that took it.
    pub program: String,
    /// When it was begun: what the store holds was committed before a later instant.
    pub began: Moment,
    /// When it was done.
    pub ended: Moment,
    /// The audit log.
    pub log: LogState,
    /// Its files.
    pub files: Vec<Held>,
}

/// The audit log of a backup.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    /// So many records were of writes that the store's copy has; later ones may be.
    pub floor: u64,
    /// Records.
    pub size: u64,
    /// Root of their tree, hex.
    pub root: String,
}

/// One file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Path in the backup.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

impl Held {
    /// What a file is now.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be read.
    pub fn of(backup: &Path, name: String) -> Result<Self> {
        let path = backup.join(&name);
        let (mut file, mut digest) = (open(&path)?, Context::new(&SHA256));
        let (mut bytes, mut buffer) = (0, vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut buffer).map_err(|error| unreadable(&path, error))?;
            if read == 0 {
                let sha256 = hex(digest.finish().as_ref());
                return Ok(Self { name, bytes, sha256 });
            }
            digest.update(buffer.get(..read).unwrap_or_default());
            bytes += read as u64;
        }
    }
}

impl Manifest {
    /// Puts the list into a backup, last of all.
    ///
    /// # Errors
    /// `Invalid` if it cannot be written.
    pub fn write(&self, backup: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(Error::internal)?;
        let path = backup.join(FILE);
        crate::pki::write_secret(&path, &text).map_err(|error| unwritable(&path, error))?;
        settle(backup)
    }

    /// The list of a backup, every file compared with it.
    ///
    /// # Errors
    /// `Invalid`, saying which, if a file is not what it was; `Unavailable` if one cannot be read.
    pub fn verified(backup: &Path) -> Result<Self> {
        let text = fs::read(backup.join(FILE)).map_err(|cause| {
            let say = format!("{} has no {FILE}: name a whole backup.", backup.display());
            Error::new(Kind::Invalid, say).because(cause)
        })?;
        let wrong =
            |cause| Error::invalid("backup.json is not one of this program.").because(cause);
        let manifest: Self = serde_json::from_slice(&text).map_err(wrong)?;
        if manifest.format != VERSION {
            let say =
                format!("The backup is {}, and this program reads {VERSION}.", manifest.format);
            return Err(Error::new(Kind::Invalid, say));
        }
        for listed in &manifest.files {
            let is = Held::of(backup, listed.name.clone())?;
            if is.bytes != listed.bytes || is.sha256 != listed.sha256 {
                let say =
                    format!("{} is not what was backed up: take another backup.", listed.name);
                return Err(Error::new(Kind::Invalid, say));
            }
        }
        Ok(manifest)
    }
}

/// Makes the names in a directory, and its own, outlive a crash.
///
/// # Errors
/// `Invalid` if the disk refuses.
pub fn settle(directory: &Path) -> Result<()> {
    let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
    for one in [directory, above.unwrap_or(Path::new("."))] {
        open(one)?.sync_all().map_err(|error| unwritable(one, error))?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|cause| {
        let say = format!("{} cannot be read.", path.display());
        Error::new(Kind::Unavailable, say).because(cause)
    })
}
