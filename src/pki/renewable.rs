//! TLS settings that are swapped whole while connections are under way.
//!
//! Part of `pki`; `listen` keeps those of a server here, `federation` those of a client. What stands is
//! used by connections from now on; one that is under way keeps what it began with. It must not put
//! anything in the place of settings that work unless it works too.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::CertificateTime;
use crate::{clock::Clock, error::Result};

/// Settings of one end, `rustls::ServerConfig` or `rustls::ClientConfig`, and the clock by which they
/// judge certificates.
pub struct Renewable<S> {
    current: ArcSwap<S>,
    clock: Arc<dyn Clock>,
}

impl<S> Renewable<S> {
    /// Settings as `make` makes them.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn new(
        clock: Arc<dyn Clock>,
        make: impl FnOnce(Arc<CertificateTime>) -> Result<S>,
    ) -> Result<Self> {
        let settings = make(Arc::new(CertificateTime(Arc::clone(&clock))))?;
        Ok(Self { current: ArcSwap::from_pointee(settings), clock })
    }

    /// Takes new settings for connections from now on.
    ///
    /// # Errors
    /// Those of `make`; then the old ones stay.
    pub fn renew(&self, make: impl FnOnce(Arc<CertificateTime>) -> Result<S>) -> Result<()> {
        let settings = make(Arc::new(CertificateTime(Arc::clone(&self.clock))))?;
        self.current.store(Arc::new(settings));
        Ok(())
    }

    /// Takes those of another, which work as they are there.
    pub fn adopt(&self, other: &Self) {
        self.current.store(other.current());
    }

    /// Those of now.
    pub fn current(&self) -> Arc<S> {
        self.current.load_full()
    }
}
