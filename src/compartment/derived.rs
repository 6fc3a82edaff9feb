//! What later steps derived from a compartment, each thing once, by its type.
//!
//! Part of `compartment`. So the compartment carries chart and decisions along in the cache without
//! knowing the steps that make them.

use std::{
    any::Any,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicIsize, Ordering},
    },
};

/// Most things that are kept; one more would be derived anew at each use.
const PLACES: usize = 4;

/// Values of different types, each made once and kept as long as the compartment.
#[derive(Default)]
pub struct Derived {
    places: [OnceLock<Box<dyn Any + Send + Sync>>; PLACES],
    /// Below nothing only while one thread gives back what another is about to tell of.
    bytes: AtomicIsize,
}

impl Derived {
    /// The value of this type, made by `make` if nobody has made it yet.
    pub fn of<T: Any + Send + Sync>(&self, make: impl Fn() -> T) -> Arc<T> {
        let kept = self.places.iter().find_map(|place| {
            place.get_or_init(|| Box::new(Arc::new(make()))).downcast_ref::<Arc<T>>()
        });
        kept.map_or_else(|| Arc::new(make()), Arc::clone)
    }

    /// Tells that what is kept here takes so many bytes more.
    pub fn grew(&self, bytes: usize) {
        self.bytes.fetch_add(bytes.cast_signed(), Ordering::Relaxed);
    }

    /// Tells that so many of those bytes were given back.
    pub fn shrank(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes.cast_signed(), Ordering::Relaxed);
    }

    /// Bytes that what is kept here takes.
    pub fn weight(&self) -> usize {
        usize::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(0)
    }
}
