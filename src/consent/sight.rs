//! What one reader sees of one resource, kept beside the decisions that show it.
//!
//! Part of `consent`, made by a `View` alone. A compartment and the decisions about it never change,
//! so what is seen is found once, and its version too. Its bytes are written anew each time: who asks the
//! same again is given the whole answer again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use crate::{
    fhir::{
        labels::{self, Labels},
        segment::{MetaText, Resource, Seen},
        types::ResourceType,
        version::Version,
    },
    mutant::{self, Mutant},
    query::page::Sealer,
};

/// Bytes of a place in the table of what was looked at.
const SLOT: usize = 64;
/// As long as a version: 16 bytes in base64.
const BLANK: &str = "0000000000000000000000";

/// A consent, with its version, or a ground that permits something.
pub type Basis = (Arc<str>, Option<u64>);

/// What a reader sees of a resource.
pub struct Sight {
    /// Time, status and kinds of what is visible.
    pub seen: Seen,
    /// Labels of what is visible.
    pub labels: Labels,
    /// What permits it, each once.
    pub basis: Box<[Basis]>,
    /// Of its bytes, once they were written.
    digest: OnceLock<[u8; 16]>,
}

impl Sight {
    /// Of which no bytes were written yet.
    pub const fn new(seen: Seen, labels: Labels, basis: Box<[Basis]>) -> Self {
        Self { seen, labels, basis, digest: OnceLock::new() }
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.basis) + size_of_val(&*self.seen.kinds)
    }
}

/// The bytes of a resource as one reader sees it.
pub struct Written {
    /// Its version: a keyed digest of exactly the bytes that are visible, so it says nothing of what
    /// is not.
    pub version: Option<Version>,
    /// The resource.
    pub text: Bytes,
}

impl Written {
    /// Writes without a version, to learn the version, and then puts that in its place.
    pub(super) fn new(
        write: impl Fn(&MetaText<'_>, &mut String),
        sight: &Sight,
        sealer: &dyn Sealer,
    ) -> Self {
        let security = labels::security(sight.labels);
        let mut text = String::with_capacity(4096);
        write(&MetaText { version: BLANK, security: &security }, &mut text);
        let digest = sight.digest.get_or_init(|| {
            if mutant::on(Mutant::VersionOverAll) {
                let mut whole = String::new();
                let meta = MetaText { version: BLANK, security: &security };
                mutant::careless(Mutant::VersionOverAll, || write(&meta, &mut whole));
                sealer.digest(&[whole.as_bytes()])
            } else {
                sealer.digest(&[text.as_bytes()])
            }
        });
        // `-` and `.` are FHIR id characters, `_` is not.
        let version = URL_SAFE_NO_PAD.encode(digest).replace('_', ".");
        // Only type and id come before it, and no id has so many zeros in a row.
        if let Some(at) = text.find(BLANK) {
            text.replace_range(at..at + BLANK.len(), &version);
        }
        Self { version: Version::new(&version, sight.seen.last_updated), text: text.into() }
    }
}

/// What was looked at under one reader's decisions.
#[derive(Default)]
pub(super) struct Sights(Mutex<Looked>);

#[derive(Default)]
struct Looked {
    /// `None`: nothing of it exists for the reader.
    all: HashMap<(ResourceType, Arc<str>), Option<Arc<Sight>>>,
    /// Bytes of everything that is kept.
    weight: usize,
}

impl Sights {
    /// What is seen of a resource, if somebody has looked.
    #[expect(clippy::option_option, reason = "not looked yet, and nothing to see")]
    pub(super) fn of(&self, resource: &Resource) -> Option<Option<Arc<Sight>>> {
        self.lock().all.get(&(resource.kind, Arc::clone(&resource.id))).cloned()
    }

    /// Keeps what is seen; tells how many bytes that takes.
    pub(super) fn keep(&self, resource: &Resource, sight: Option<Arc<Sight>>) -> usize {
        let grown = SLOT + sight.as_ref().map_or(0, |sight| sight.weight());
        let mut looked = self.lock();
        if looked.all.insert((resource.kind, Arc::clone(&resource.id)), sight).is_some() {
            return 0;
        }
        looked.weight += grown;
        grown
    }

    /// Bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.lock().weight
    }

    fn lock(&self) -> MutexGuard<'_, Looked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
