//! A person's place in the cache of what was decoded, and what it weighs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use quick_cache::{Weighter, sync::Cache};

use crate::{compartment::Compartment, source::commits::Ground};

/// Bytes of a slot and of its place in the cache.
const SLOT: usize = 512;
/// Bytes of somebody of middling size; only the number of places made at the start follows from it.
const MIDDLING: u64 = 32 * 1024;

/// A person's place in the cache. A commit marks the one it finds there; one that the cache had dropped
/// is not found. So what is loaded counts only once it has been put in and nothing was committed up to
/// then: a later commit finds it, or nobody does.
pub struct Slot {
    marked: AtomicBool,
    open: AtomicBool,
    /// What the cache counts it as, which stays the same.
    weighed: usize,
    /// Nothing in the slot of one who is being loaded.
    loaded: Option<Loaded>,
    /// Held by the one who loads.
    pub one: tokio::sync::Mutex<()>,
}

/// What was loaded of a person, or that there is nothing.
#[derive(Clone)]
pub struct Loaded {
    /// What was decoded.
    pub compartment: Option<Arc<Compartment>>,
    /// Taken before the store was read.
    pub before: Ground,
}

impl Slot {
    /// A place that holds this, or of one who is to be loaded.
    pub fn of(loaded: Option<Loaded>) -> Arc<Self> {
        Arc::new(Self {
            marked: AtomicBool::new(false),
            open: AtomicBool::new(false),
            weighed: SLOT + loaded.as_ref().map_or(0, Loaded::weight),
            loaded,
            one: tokio::sync::Mutex::new(()),
        })
    }

    /// What it holds is not so any more, or never was.
    pub fn mark(&self) {
        self.marked.store(true, Ordering::SeqCst);
    }

    /// Is it not to be read from?
    pub fn is_marked(&self) -> bool {
        self.marked.load(Ordering::SeqCst)
    }

    /// It stands in the cache, and what it holds is so.
    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// What may be read from it.
    pub fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref().filter(|_| self.open.load(Ordering::SeqCst))
    }

    /// Is there nothing in it yet?
    pub fn is_empty(&self) -> bool {
        self.loaded.is_none()
    }

    /// Did it grow by a quarter since it was weighed?
    pub fn grew(&self) -> bool {
        let now = SLOT + self.loaded.as_ref().map_or(0, Loaded::weight);
        now > self.weighed + self.weighed / 4
    }
}

impl Loaded {
    /// Bytes it takes in memory, or soon will: who is loaded is mapped and decided about, which
    /// takes as much again as the documents, and is weighed again when that came to more.
    fn weight(&self) -> usize {
        self.compartment.as_ref().map_or(0, |compartment| {
            let (all, derived) = compartment.weight();
            all.max(2 * (all - derived))
        })
    }
}

/// How much a slot takes.
#[derive(Clone)]
pub struct Weight;

impl Weighter<Arc<str>, Arc<Slot>> for Weight {
    fn weight(&self, _: &Arc<str>, slot: &Arc<Slot>) -> u64 {
        slot.weighed as u64
    }
}

/// The places of people. Who goes from it is let go of at once: a cache that puts off what it drops takes
/// many times its bound where much is changed.
pub type Slots = Cache<Arc<str>, Arc<Slot>, Weight>;

/// Places that take no more than so many bytes.
pub fn cache(bytes: u64) -> Slots {
    let middling = usize::try_from(bytes / MIDDLING).unwrap_or(usize::MAX);
    Cache::with_weighter(middling, bytes, Weight)
}
