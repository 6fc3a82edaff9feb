//! The key that a person's records of the audit log are sealed under, made ready once.
//!
//! Part of `seal`: named by `bundle`, which keeps it beside an answer that may be given again, and by
//! `audit`, which seals with it. AES-256-GCM. Wiped when dropped; never written anywhere.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use zeroize::Zeroize;

use crate::error::{Error, Result};

/// The key a record is sealed under, and the name by which it is found again.
pub struct AuditKey {
    /// Id of the Patient resource, or [`AuditKey::NODE`], or [`AuditKey::REVIEWS`].
    pub id: Arc<str>,
    key: [u8; 32],
    /// Made of the key when something is first sealed: that costs as much as sealing a short record.
    ready: OnceLock<LessSafeKey>,
}

impl AuditKey {
    /// Key id of records without a person; no Patient id is without a dot.
    pub const NODE: &str = "node";
    /// Key id of the marks of what is to be reviewed, sealed as records without a person are.
    pub const REVIEWS: &str = "reviews";

    /// `key` under the name `id`.
    pub fn new(id: impl Into<Arc<str>>, key: [u8; 32]) -> Self {
        Self { id: id.into(), key, ready: OnceLock::new() }
    }

    /// Is this key id that of a person?
    pub fn is_of_person(id: &str) -> bool {
        id != Self::NODE && id != Self::REVIEWS
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// Ready to seal.
    ///
    /// # Errors
    /// None in practice; `Internal`.
    pub(crate) fn ready(&self) -> Result<&LessSafeKey> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let made = cipher(&self.key)?;
        Ok(self.ready.get_or_init(|| made))
    }
}

/// The cipher of records under `key`.
///
/// # Errors
/// None in practice; `Internal`.
pub(crate) fn cipher(key: &[u8; 32]) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(Error::internal)
}

impl Clone for AuditKey {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.id), self.key)
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey")
    }
}

impl Drop for AuditKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}
