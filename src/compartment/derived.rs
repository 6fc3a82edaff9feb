//! What later steps derived from a compartment, each thing once, by its type.
//!
//! Part of `compartment`. So the compartment carries chart and decisions along in the cache without
//! knowing the steps that make them.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

/// Most things that are kept; one more would be derived anew at each use.
const PLACES: usize = 4;

/// Values of different types, each made once and kept as long as the compartment.
#[derive(Default)]
pub struct Derived([OnceLock<Box<dyn Any + Send + Sync>>; PLACES]);

impl Derived {
    /// The value of this type, made by `make` if nobody has made it yet.
    pub fn of<T: Any + Send + Sync>(&self, make: impl Fn() -> T) -> Arc<T> {
        let kept = self.0.iter().find_map(|place| {
            place.get_or_init(|| Box::new(Arc::new(make()))).downcast_ref::<Arc<T>>()
        });
        kept.map_or_else(|| Arc::new(make()), Arc::clone)
    }
}
