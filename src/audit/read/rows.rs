//! Reads back the log that several processes share: every record, or those of one person.
//!
//! As [`super`] does with files; blocks on the database. Who reads may do so while gateways write.

use super::{Found, Keys, found};
use crate::{
    audit::{
        chain::{Met, Walk},
        frame::{AuditKey, Item, item},
        index,
    },
    error::{Error, Result},
    store::postgres::{Ledger, ledger::Record},
};

/// Every record of the log: in order of the tree, then what is not in it yet, chain by chain. A
/// record that is gone from its place is left out: whether all is there, [`crate::audit::verify`] says.
pub fn read(ledger: Ledger, keys: Keys<'_>) -> impl Iterator<Item = Result<Found>> + use<'_> {
    let record = |met: Result<Met>| match met {
        Ok(Met::Placed { record, .. }) => record.map(Ok),
        Ok(Met::Waiting(record)) => Some(Ok(record)),
        Err(error) => Some(Err(error)),
    };
    Walk::new(ledger).filter_map(record).map(move |record| opened(&record?, keys))
}

/// The records of one person, in the same order.
///
/// # Errors
/// `Unavailable` if the log cannot be read, `Internal` for something damaged.
pub fn person(ledger: &Ledger, key: &AuditKey) -> Result<Vec<Found>> {
    let keys = |id: &str| (id == &*key.id).then(|| *key.bytes());
    let records = ledger.wait(ledger.about(index::person(&key.id)))?;
    let found = records.iter().map(|record| opened(record, &keys));
    // Two key ids may share a number.
    found.filter(|found| found.as_ref().map_or(true, |one| one.key_id == *key.id)).collect()
}

fn opened(record: &Record, keys: Keys<'_>) -> Result<Found> {
    match item(&record.frame, 0) {
        Some((Item::Record(frame), _)) => found(&frame, keys),
        Some((Item::Mark, _)) | None => {
            let Record { chain, number, .. } = record;
            Err(Error::internal(format!("record {number} of chain {chain} is damaged")))
        }
    }
}
