//! What a launch remembers between two pages: sealed, for minutes, and lost without harm.
//!
//! Part of `oauth::launch`, with `token` the only file of `oauth` that knows what replicas share. A login
//! or a page that is lost begins again; what was used once and what was ended stand in the store. Names
//! are hashed and values sealed before they leave the process.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    digest::sha256,
    domain::moment::Moment,
    error::{Error, Result},
    seal::Keys,
    shared::{Key, Shared},
};

/// Small values that end.
pub struct Fleeting {
    shared: Arc<dyn Shared>,
    keys: Arc<Keys>,
}

impl Fleeting {
    /// Kept in `shared`, sealed with `keys`.
    pub fn new(shared: Arc<dyn Shared>, keys: Arc<Keys>) -> Self {
        Self { shared, keys }
    }

    /// The gateway's keys.
    pub(in crate::oauth) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Keeps a value under a secret name.
    pub(in crate::oauth) async fn put(
        &self,
        what: &'static str,
        name: &str,
        value: &impl Serialize,
        until: Moment,
        now: Moment,
    ) -> Result<()> {
        let plain = serde_json::to_vec(value).map_err(Error::internal)?;
        let sealed = self.keys.seal(what, &[name], &plain)?;
        self.shared.put(&key(what, name), &sealed, until, now).await
    }

    /// The value of a name, if it has not ended; it stays.
    pub(in crate::oauth) async fn look<T: DeserializeOwned>(
        &self,
        what: &'static str,
        name: &str,
        now: Moment,
    ) -> Result<Option<T>> {
        let sealed = self.shared.look(&key(what, name), now).await?;
        Ok(sealed.and_then(|sealed| self.read(what, name, &sealed)))
    }

    /// The value of a name, if it has not ended; nobody gets it after.
    pub(in crate::oauth) async fn take<T: DeserializeOwned>(
        &self,
        what: &'static str,
        name: &str,
        now: Moment,
    ) -> Result<Option<T>> {
        let sealed = self.shared.take(&key(what, name), now).await?;
        Ok(sealed.and_then(|sealed| self.read(what, name, &sealed)))
    }

    /// What does not open was not put here, or by another version of the gateway: it is not there.
    fn read<T: DeserializeOwned>(
        &self,
        what: &'static str,
        name: &str,
        sealed: &[u8],
    ) -> Option<T> {
        let plain = self.keys.open(what, &[name], sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

fn key(what: &'static str, name: &str) -> Key {
    Key::new(what, &[&sha256(name.as_bytes())])
}
