//! The records of writes that are not in the log yet.
//!
//! Part of `commit`: a write's record is a row of the transaction that makes the change, and stands in the log
//! before the write is acknowledged; what was cut off between the two is brought in later, once. Design 3.5.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    audit::{frame::AuditKey, log::Log, record::Entry},
    error::{Kind, Result},
    source::local::Local,
};

/// Brings the records of writes into the log that are not there, each once. Of a log in files that
/// is done at start-up, for writes whose acknowledgement was cut off; of one that processes share, by
/// any of them all the time, whoever made the write.
///
/// # Errors
/// `Unavailable` when store or log cannot be reached.
pub async fn append_missing(local: &Local, log: &Log) -> Result<usize> {
    let mut appended = 0;
    loop {
        let missing = missing(local, log).await?;
        if missing.is_empty() {
            return Ok(appended);
        }
        appended += match log.adopt(&missing).await {
            // Another process is at it too, and has them.
            Err(error) if error.kind() == Kind::Conflict => return Ok(appended),
            adopted => adopted?,
        };
        local.store().recorded(missing.iter().map(|(_, row, _)| *row).collect()).await?;
    }
}

/// The records of writes that wait, with the keys they are to be sealed under.
async fn missing(local: &Local, log: &Log) -> Result<Vec<(AuditKey, i64, Arc<[u8]>)>> {
    let mut waiting = Vec::new();
    for (row, payload) in local.store().unrecorded().await? {
        let patient = Entry::from_payload(&payload)?.patient.map(|id| Arc::<str>::from(&*id));
        waiting.push((patient, row, payload));
    }
    let patients: BTreeSet<Arc<str>> =
        waiting.iter().filter_map(|(patient, ..)| patient.clone()).collect();
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let keys = local.store().audit_keys(patients.into_iter().collect()).await?;
    let of = |patient: Option<Arc<str>>| {
        let held = patient.and_then(|patient| Some((keys.get(&patient)?, patient)));
        held.map_or_else(|| log.node_key().clone(), |(key, id)| AuditKey::new(id, *key))
    };
    Ok(waiting.into_iter().map(|(patient, row, payload)| (of(patient), row, payload)).collect())
}
