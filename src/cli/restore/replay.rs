//! Writes again what the log tells of consents and a restored store has not.
//!
//! Part of `mylife restore`. Each version in order of the log, with a record of its own in the name of the
//! operator; what the store has is left as it is. People who came after the snapshot are not in it, nor is
//! the key of their records: those are counted.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
    sync::Arc,
};

use crate::{
    audit::{
        frame::AuditKey,
        read,
        record::Resources,
        step::{Author, Request},
    },
    chance::base32,
    commit::{self, Desk},
    domain::moment::Moment,
    error::Result,
    gateway::Gateway,
    source::local::Local,
};

/// Who writes it, in the record.
const OPERATOR: &str = "mylife restore";

/// What a replay came to.
#[derive(Default)]
pub struct Replayed {
    /// Versions written again.
    pub consents: u64,
    /// Records that no key opens any more.
    pub unreadable: u64,
}

/// A record of a Consent that was written.
type Found = read::Found;

/// Replays what stands in the log after its first `floor` records.
pub(super) async fn run(
    gateway: &Gateway,
    local: &Local,
    audit: &Path,
    (floor, organization): (u64, &str),
    now: Moment,
) -> Result<Replayed> {
    let mut replayed = Replayed::default();
    let keys = people(gateway, audit, floor).await?;
    let open = |id: &str| keys.get(id).copied().flatten();
    // Gathered first: what is written again is added to the same log.
    let found: Vec<Found> = read::read(audit, &open)?
        .skip(usize::try_from(floor).unwrap_or(usize::MAX))
        .filter(|found| {
            found.as_ref().map_or(true, |found| {
                found.entry.as_ref().is_none_or(|entry| entry.consent.is_some())
                    && AuditKey::is_of_person(&found.key_id)
            })
        })
        .collect::<Result<_>>()?;
    let request = Request::alone(base32(&*gateway.chance, 16), "");
    let author = Author::Operator { client: OPERATOR, organization };
    let desk = Desk {
        node: &gateway.node,
        local,
        directory: &gateway.terms.directory,
        keys: &gateway.keys,
        chance: &*gateway.chance,
        log: &gateway.log,
        author,
        request: &request,
        now,
        most: gateway.limits.documents,
    };
    for Found { entry, key_id, .. } in found {
        let Some(entry) = entry else {
            replayed.unreadable += 1;
            continue;
        };
        let (Some(written), Resources::Listed(names)) = (&entry.consent, &entry.resources) else {
            continue;
        };
        let Some(id) = names.first().and_then(|name| name.strip_prefix("Consent/")) else {
            continue;
        };
        let patient: Arc<str> = key_id.into();
        if commit::again::write(&desk, &patient, id, written).await? {
            replayed.consents += 1;
        }
    }
    Ok(replayed)
}

/// The keys of those of whom the log tells after its first records; none for whom the store lacks.
async fn people(
    gateway: &Gateway,
    audit: &Path,
    floor: u64,
) -> Result<BTreeMap<String, Option<[u8; 32]>>> {
    let mut keys = BTreeMap::new();
    for found in read::read(audit, &|_| None)?.skip(usize::try_from(floor).unwrap_or(usize::MAX)) {
        let id = found?.key_id;
        if let Entry::Vacant(of) = keys.entry(id) {
            let stored = gateway.tokens.store.load(of.key()).await?;
            of.insert(stored.map(|stored| stored.audit_key));
        }
    }
    Ok(keys)
}
