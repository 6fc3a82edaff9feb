//! `[store]`: where the data is, and the key that seals it.
//!
//! Part of `config`.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use crate::{
    chance::Chance,
    config::section::Section,
    seal::{Keys, master},
};

/// Where the data is, and the key that seals it.
pub struct Storing {
    /// Where store and log are.
    pub directory: PathBuf,
    /// Keys of stored values.
    pub keys: Arc<Keys>,
    /// Bytes of the cache of compartments.
    pub cache_bytes: u64,
    /// Threads that read.
    pub readers: NonZeroUsize,
}

/// Reads the section.
pub fn read(mut section: Section<'_>, chance: &Arc<dyn Chance>) -> Option<Storing> {
    if section.node("directory").is_none() {
        section.fault("directory", "is missing: the directory of store and audit log");
    }
    let directory = section.path("directory");
    let keys = keys(&mut section, chance);
    let cache = section.number("cache_megabytes", 1..=1 << 20, 64);
    let readers = section.number("readers", 1..=64, 2);
    section.finish();
    Some(Storing {
        directory: directory?,
        keys: Arc::new(keys?),
        cache_bytes: cache << 20,
        readers: NonZeroUsize::new(usize::try_from(readers).ok()?)?,
    })
}

fn keys(section: &mut Section<'_>, chance: &Arc<dyn Chance>) -> Option<Keys> {
    let beside = section.node("master_key").is_some();
    let read = match section.node("master_key_file") {
        Some(_) if !beside => master::read(&section.path("master_key_file")?, Arc::clone(chance)),
        Some(_) | None => {
            let (_, text) = section.secret("master_key")?;
            master::parse(&text, Arc::clone(chance))
        }
    };
    let key = if beside { "master_key" } else { "master_key_file" };
    read.inspect_err(|error| section.fault(key, format!("cannot be used: {error}"))).ok()
}
