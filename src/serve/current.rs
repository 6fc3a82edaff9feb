//! The gateway that answers now; another takes its place when settings change.
//!
//! Part of `serve`. A request that was begun ends at the gateway it began with.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::gateway::Gateway;

/// The gateway that answers now.
pub struct Current(ArcSwap<Gateway>);

impl Current {
    /// Begins with this one.
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self(ArcSwap::new(gateway))
    }

    /// The one of now.
    pub fn gateway(&self) -> Arc<Gateway> {
        self.0.load_full()
    }

    /// Puts another in its place; gives the one before.
    pub fn replace(&self, gateway: Arc<Gateway>) -> Arc<Gateway> {
        let before = self.0.swap(gateway);
        before.terms.over.set();
        before
    }
}
