//! What a process keeps of its own: a data directory, and under its name a chain of the audit log.
//!
//! Belongs to `store::postgres`.

use std::{fs, path::Path, sync::Arc};

use super::pool::Engine;
use crate::{
    chance::{Chance, base32},
    store::lock::Lock,
};

/// The file in the data directory that holds the name of its chain of the audit log.
const NAME: &str = "replica";

/// What store and log keep while one of them is open.
pub(super) struct Kept {
    pub(super) _engine: Engine,
    // The last field: given back when everything else is done.
    pub(super) _lock: Option<Lock>,
}

/// The name of a data directory's chain, made with it.
pub(super) fn chain(directory: &Path, chance: &dyn Chance) -> std::io::Result<Arc<str>> {
    let path = directory.join(NAME);
    if !path.exists() {
        // Whole or not at all.
        let draft = directory.join("replica.new");
        fs::write(&draft, base32(chance, 26))?;
        fs::rename(&draft, &path)?;
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(fs::read_to_string(&path)?.into())
}
