//! Links of an export: opaque, sealed, of one client alone.
//!
//! Part of `export`. A link names the job and what of it is meant, sealed under the client it was made
//! for, so that it opens for nobody else; equal answers have equal links. That its job is still there is
//! asked of the store.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    mutant::{self, Mutant},
    seal::Keys,
};

/// Longest link that is opened.
const LONGEST: usize = 2048;
/// The kind of place that a link is sealed into.
const PLACE: &str = "export link";

/// What a link leads to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Link {
    /// The state of a job.
    Job(String),
    /// A file of a job.
    File(File),
}

/// Which file is meant.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The job.
    pub job: String,
    /// The type of its lines.
    pub kind: String,
    /// What is in it.
    pub part: Part,
}

/// What is in a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Part {
    /// What the gateway itself holds of the people in a block of the id space.
    Block(String),
    /// The same for another gateway, a page at a time: the block, and the place after which it begins.
    Page(String, String),
    /// What a peer holds: its node code, and its own link.
    Peer(String, String),
    /// The directory.
    Directory,
    /// What is said of these nodes, that were not reached.
    Lost(Vec<String>),
}

impl Link {
    /// The link as this client gets it.
    ///
    /// # Errors
    /// `Internal` if the cipher refuses.
    pub fn seal(&self, client: &str, keys: &Keys) -> Result<String> {
        let plain = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(keys.seal_fixed(PLACE, &[whose(client)], &plain)?))
    }

    /// What a link of this client leads to.
    ///
    /// # Errors
    /// `NotFound`, the same for one that is altered or another's.
    pub fn open(text: &str, client: &str, keys: &Keys) -> Result<Self> {
        let opened = || {
            let sealed = URL_SAFE_NO_PAD.decode(text).ok().filter(|s| s.len() <= LONGEST)?;
            let plain = keys.open_fixed(PLACE, &[whose(client)], &sealed).ok()?;
            serde_json::from_slice(&plain).ok()
        };
        opened().ok_or_else(Error::not_found)
    }
}

fn whose(client: &str) -> &str {
    if mutant::on(Mutant::ExportIsAnybodys) { "" } else { client }
}
