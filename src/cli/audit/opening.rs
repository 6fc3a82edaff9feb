//! A log and what opens it, found by a gateway's settings.
//!
//! Part of `cli audit`: for commands that read every record, or add one.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::keys;
use crate::{
    audit::{
        frame::AuditKey,
        read::{self, Found},
        record::Entry,
        tree::Hash,
    },
    cli::{self, Settings, output::Output},
    config::Config,
    error::{Error, Result},
    gateway::open::{AUDIT, Opened, Setup, log_keys, look_at_store, open_store},
    store::{Store, postgres::Ledger},
};

/// A log and what opens it.
pub(super) struct Opening {
    /// The gateway's settings.
    pub(super) config: Config,
    /// To wait for the store.
    pub(super) runtime: Runtime,
    /// Its store.
    pub(super) store: Arc<dyn Store>,
    /// The log's rows, where it is in a database.
    pub(super) ledger: Option<Ledger>,
}

impl Opening {
    /// Of a gateway's settings, to read; `None` once their mistakes are told.
    pub(super) fn of(settings: &Settings, output: &mut Output<'_>) -> Result<Option<Self>> {
        let opened = |runtime: &Runtime, setup: &Setup| runtime.block_on(look_at_store(setup));
        Self::with(settings, opened, output)
    }

    /// The same, to add to it: who does that is the one process that uses the data directory.
    pub(super) fn to_add(settings: &Settings, output: &mut Output<'_>) -> Result<Option<Self>> {
        let opened = |runtime: &Runtime, setup: &Setup| runtime.block_on(open_store(setup));
        Self::with(settings, opened, output)
    }

    fn with(
        settings: &Settings,
        open: impl FnOnce(&Runtime, &Setup) -> Result<Opened>,
        output: &mut Output<'_>,
    ) -> Result<Option<Self>> {
        let Some(config) = settings.read(output) else { return Ok(None) };
        let runtime = cli::runtime()?;
        let Opened { store, ledger } = open(&runtime, &config.setup)?;
        Ok(Some(Self { config, runtime, store, ledger }))
    }

    /// The key under which something is added about a person.
    pub(super) async fn key_of(&self, patient: &str) -> Result<AuditKey> {
        let gone = || Error::invalid("The person's key is forgotten; nothing can be added.");
        let stored = self.store.load(patient).await?.ok_or_else(gone)?;
        Ok(AuditKey::new(patient, stored.audit_key))
    }

    /// Every record that can be read, with its leaf, oldest first, shown to `see`.
    pub(super) fn records<T>(
        &self,
        see: impl FnOnce(&mut dyn Iterator<Item = Result<(Hash, Entry<'static>)>>) -> Result<T>,
    ) -> Result<T> {
        let setup = &self.config.setup;
        let own = log_keys(&setup.node, &setup.keys)?.node_key;
        let keys = keys(&self.runtime, &*self.store, *own);
        match &self.ledger {
            Some(ledger) => see(&mut readable(read::rows::read(ledger.clone(), &keys))),
            None => see(&mut readable(read::read(&setup.directory_path.join(AUDIT), &keys)?)),
        }
    }
}

/// The records a walk over a log finds, without those whose key is forgotten, and without marks, which
/// say nothing that others do not.
fn readable(
    found: impl Iterator<Item = Result<Found>>,
) -> impl Iterator<Item = Result<(Hash, Entry<'static>)>> {
    let open = |Found { leaf, key_id, entry }: Found| {
        let entry = entry.filter(|_| key_id != AuditKey::REVIEWS)?;
        Some((leaf, entry))
    };
    found.filter_map(move |found| found.map(open).transpose())
}
