//! The gateway's own data: the store behind a cache of decoded compartments.
//!
//! A slot is made before the store is read; a commit marks the slot before it is acknowledged, and a
//! load that finds its slot marked loads again. The cache is bounded in bytes.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use moka::sync::Cache;

use crate::{
    compartment::Compartment,
    error::Result,
    source::Held,
    store::{Change, Committed, IdentityMac, Place, Store, Walked},
};

/// Share of a compartment's weight that its mapped and decoded form takes over its stored form.
const DECODED: usize = 12;

struct Slot {
    marked: AtomicBool,
    loaded: OnceLock<Option<Arc<Compartment>>>,
    one: tokio::sync::Mutex<()>,
}

/// Counters of commits, by a hash of the person; a collision costs a second load.
const COUNTERS: usize = 256;

/// The gateway's own data.
pub struct Local {
    store: Arc<dyn Store>,
    custodian: Arc<str>,
    slots: Cache<Arc<str>, Arc<Slot>>,
    places: Cache<Arc<str>, Place>,
    commits: Box<[AtomicU64]>,
}

impl Local {
    /// `bytes` bounds the cache.
    pub fn new(store: Arc<dyn Store>, custodian: Arc<str>, bytes: u64) -> Self {
        let slots = Cache::builder()
            .max_capacity(bytes)
            .weigher(|patient: &Arc<str>, slot: &Arc<Slot>| {
                let size = slot.loaded.get().and_then(Option::as_ref).map_or(0, |c| c.size);
                u32::try_from(512 + patient.len() + size * DECODED).unwrap_or(u32::MAX)
            })
            .build();
        // An id and its place are a few hundred bytes; the bound follows that of the compartments.
        let places = Cache::builder().max_capacity((bytes / 1024).max(1024)).build();
        let commits = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
        Self { store, custodian, slots, places, commits }
    }

    /// What is held of a person, by Patient id.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Internal` when what it holds cannot be decoded.
    pub async fn load(&self, patient: &str) -> Result<Option<Held>> {
        loop {
            let slot = self.slot(patient);
            if let Some(loaded) = slot.loaded.get() {
                if !slot.marked.load(Ordering::SeqCst) {
                    return Ok(loaded.clone().map(|compartment| Held { compartment }));
                }
                self.forget(patient, &slot);
                continue;
            }
            let _one = slot.one.lock().await;
            if slot.loaded.get().is_some() {
                continue;
            }
            let before = self.commits_of(patient);
            let stored = self.store.load(patient).await?;
            let compartment = match &stored {
                None => None,
                Some(stored) => Some(Arc::new(Compartment::decode(stored, &self.custodian)?)),
            };
            slot.loaded.get_or_init(|| compartment);
            // Put in again so that it is weighed with what it holds now. A commit counts before it
            // looks for the slot, so either it finds this one or the count has moved.
            self.slots.insert(patient.into(), Arc::clone(&slot));
            if self.commits_of(patient) != before {
                slot.marked.store(true, Ordering::SeqCst);
            }
        }
    }

    /// The Patient id of an identity code.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn find(&self, identity: IdentityMac) -> Result<Option<Arc<str>>> {
        self.store.find(identity).await
    }

    /// The compartment that holds a document.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn place(&self, document: &str) -> Result<Option<Arc<str>>> {
        if let Some(place) = self.places.get(document) {
            return Ok(Some(place.patient));
        }
        let place = self.store.place(document).await?;
        // Documents never move and are never forgotten while the process runs.
        Ok(place.map(|place| {
            self.places.insert(Arc::clone(&place.document), place.clone());
            place.patient
        }))
    }

    /// People in order of Patient id.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn walk(&self, after: Option<&str>, limit: usize) -> Result<Vec<Walked>> {
        self.store.walk(after, limit).await
    }

    /// Commits one person's change. No later load gives what was there before.
    ///
    /// # Errors
    /// `Conflict` when the person changed meanwhile; `Unavailable` when the store cannot be written.
    pub async fn commit(&self, change: Change) -> Result<Committed> {
        let patient = Arc::clone(&change.patient);
        let committed = self.store.commit(change).await;
        // Also after an error: a commit whose answer was lost may have been made.
        if let Some(count) = self.commits.get(counter(&patient)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(slot) = self.slots.get(&patient) {
            slot.marked.store(true, Ordering::SeqCst);
            self.forget(&patient, &slot);
        }
        committed
    }

    /// The store itself, for what is not a compartment.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    fn commits_of(&self, patient: &str) -> u64 {
        self.commits.get(counter(patient)).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    fn slot(&self, patient: &str) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(patient) {
            return slot;
        }
        self.slots.get_with(patient.into(), || {
            Arc::new(Slot {
                marked: AtomicBool::new(false),
                loaded: OnceLock::new(),
                one: tokio::sync::Mutex::new(()),
            })
        })
    }

    fn forget(&self, patient: &str, slot: &Arc<Slot>) {
        if self.slots.get(patient).is_some_and(|now| Arc::ptr_eq(&now, slot)) {
            self.slots.invalidate(patient);
        }
    }
}

fn counter(patient: &str) -> usize {
    patient.bytes().fold(0, |sum: usize, b| sum.wrapping_mul(31).wrapping_add(usize::from(b)))
        % COUNTERS
}
