//! A copy of the file as of one instant, taken while a gateway is at work on it, and whether a copy is
//! whole.
//!
//! Belongs to `store::sqlite`, for `mylife backup` and `restore`. The copy is made in one transaction that
//! reads (`VACUUM INTO`), so writers go on meanwhile and the copy has what was committed before it began;
//! values stay sealed. It takes no lock of the directory, as it changes nothing in it.

use std::path::Path;

use super::{FILE, Sqlite, schema};
use crate::{
    error::{Error, Result},
    store::schema::refusal,
};

impl Sqlite {
    /// Copies the store of a directory to `target`, which is not there or empty and is its owner's alone.
    /// Blocks for as long as the store is large.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be read or the copy cannot be written.
    pub fn snapshot(directory: &Path, target: &Path) -> Result<()> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Err(refusal("There is no store in the data directory: nothing was ever held."));
        }
        schema::create(target).map_err(Error::unavailable)?;
        let rows = schema::reader(&path).map_err(Error::unavailable)?;
        // The bound on what may be written is on the copy too.
        rows.pragma_update(None, "query_only", false).map_err(Error::unavailable)?;
        rows.execute("VACUUM INTO ?1", [target.to_string_lossy()]).map_err(Error::unavailable)?;
        let copy = std::fs::File::open(target).map_err(Error::unavailable)?;
        copy.sync_all().map_err(Error::unavailable)
    }

    /// Is every page of a store's file as it was written?
    ///
    /// # Errors
    /// `Unavailable` if it cannot be read or is damaged.
    pub fn check(path: &Path) -> Result<()> {
        let rows = schema::bare(path).map_err(Error::unavailable)?;
        let sound: String = rows
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(Error::unavailable)?;
        if sound == "ok" {
            return Ok(());
        }
        Err(refusal("The store's file is damaged: take another copy.").because(sound))
    }
}
