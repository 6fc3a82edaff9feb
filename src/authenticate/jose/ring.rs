//! The keys of a gateway: what signs now, what signed before or will, what signs ID tokens.
//!
//! Part of `jose`. Keys change without a request refused: the next one is published before it signs, the
//! last one until its tokens are over. A key that is only published is accepted and signs nothing, so its
//! private part need not be here. ID tokens are for others' software, which knows RSA for certain
//! (`OpenID` Connect Core 3.1.3.7, SMART App Launch 2.2); no door here opens by that key.

use std::sync::Arc;

use super::{
    key::{KeySet, PublicKey},
    sign::Signer,
};
use crate::error::{Error, Result};

/// All of them.
#[derive(Clone, Debug)]
pub struct Ring {
    signing: Arc<Signer>,
    identity: Option<Arc<Signer>>,
    published: Vec<PublicKey>,
}

impl Ring {
    /// One key that signs everything.
    pub const fn of(signing: Arc<Signer>) -> Self {
        Self { signing, identity: None, published: Vec::new() }
    }

    /// The same with a key for ID tokens alone.
    pub fn with_identity(self, identity: Option<Arc<Signer>>) -> Self {
        Self { identity, ..self }
    }

    /// The same with keys that sign nothing now, and whose tokens are good.
    pub fn with_published(self, published: Vec<PublicKey>) -> Self {
        Self { published, ..self }
    }

    /// The same with keys that are not named any more, and whose tokens may not be over yet.
    pub fn believing(mut self, former: &[PublicKey]) -> Self {
        self.published.extend_from_slice(former);
        self
    }

    /// What signs tokens and assertions.
    pub const fn signing(&self) -> &Arc<Signer> {
        &self.signing
    }

    /// What signs ID tokens.
    pub fn identity(&self) -> &Arc<Signer> {
        self.identity.as_ref().unwrap_or(&self.signing)
    }

    /// Those whose access tokens are good.
    ///
    /// # Errors
    /// `Invalid` if two have the same name.
    pub fn accepted(&self) -> Result<KeySet> {
        KeySet::of([self.signing.public()].into_iter().chain(&self.published))
            .map_err(|why| Error::invalid(why.join("\n")))
    }

    /// All public keys, the one that signs first.
    pub fn public(&self) -> Vec<PublicKey> {
        let identity = self.identity.iter().map(|signer| signer.public());
        let all = [self.signing.public()].into_iter().chain(&self.published).chain(identity);
        all.cloned().collect()
    }
}
