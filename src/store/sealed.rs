//! Sealing of what people must not read in the rows: bodies, parts, keys, messages.
//!
//! Belongs to `store`, between the trait and the rows of every implementation, so that all seal alike.
//! Every column of a document's row is bound to its sealed ones, so that a row that was changed or moved
//! to another person does not open. Sealing happens before a change is queued, opening after it is read:
//! never where writers wait.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    chance::{Chance, letters},
    domain::id::NodeCode,
    error::{Error, Kind, Result},
    seal::Keys,
    store::{Change, Document, Job, Outgoing, Permission, Subscription, moving::refuse_half},
};

/// A change as it goes to the rows.
pub(super) struct SealedChange {
    /// The change, its documents' parts and bodies and its messages' bodies sealed.
    pub(super) change: Change,
    /// A new person's audit key, sealed.
    pub(super) audit_key: Option<Vec<u8>>,
}

/// Seals a change; makes the audit key of a new person.
pub(super) fn seal(keys: &Keys, chance: &dyn Chance, open: Change) -> Result<SealedChange> {
    let mut sealed = open;
    let mut audit_key = None;
    if sealed.based_on == 0 {
        let mut fresh = Zeroizing::new([0_u8; 32]);
        chance.fill(fresh.as_mut());
        audit_key = Some(keys.seal("person.audit_key", &[&sealed.patient], fresh.as_ref())?);
    }
    for document in &mut sealed.documents {
        let place = Place::of(&sealed.patient, document);
        document.parts = keys.seal("document.parts", &place.row(), &document.parts)?.into();
        document.body = keys.seal("document.body", &place.row(), &document.body)?.into();
    }
    sealed.outbox = messages(keys, sealed.outbox)?;
    Ok(SealedChange { change: sealed, audit_key })
}

/// Seals the bodies of messages.
pub(super) fn messages(keys: &Keys, mut messages: Vec<Outgoing>) -> Result<Vec<Outgoing>> {
    for message in &mut messages {
        let row = [&*message.peer, &*message.key];
        message.body = keys.seal("outbox.body", &row, &message.body)?.into();
    }
    Ok(messages)
}

/// Opens a document of this person.
pub(super) fn open_document(keys: &Keys, patient: &str, mut sealed: Document) -> Result<Document> {
    let place = Place::of(patient, &sealed);
    sealed.parts = open(keys, "document.parts", &place.row(), &sealed.parts)?.into();
    sealed.body = open(keys, "document.body", &place.row(), &sealed.body)?.into();
    Ok(sealed)
}

/// Opens the audit key of this person.
pub(super) fn open_audit_key(keys: &Keys, patient: &str, sealed: &[u8]) -> Result<[u8; 32]> {
    let key = Zeroizing::new(open(keys, "person.audit_key", &[patient], sealed)?);
    key.as_slice().try_into().map_err(Error::internal)
}

/// Opens a message.
pub(super) fn open_message(keys: &Keys, mut sealed: Outgoing) -> Result<Outgoing> {
    let row = [&*sealed.peer, &*sealed.key];
    sealed.body = open(keys, "outbox.body", &row, &sealed.body)?.into();
    Ok(sealed)
}

/// Seals an export.
pub(super) fn job(keys: &Keys, mut job: Job) -> Result<Job> {
    job.body = keys.seal("job.body", &[&*job.id, &*job.owner], &job.body)?.into();
    Ok(job)
}

/// Opens an export.
pub(super) fn open_job(keys: &Keys, mut sealed: Job) -> Result<Job> {
    let row = [&*sealed.id, &*sealed.owner];
    sealed.body = open(keys, "job.body", &row, &sealed.body)?.into();
    Ok(sealed)
}

/// Seals a permission.
pub(super) fn permission(keys: &Keys, mut permission: Permission) -> Result<Permission> {
    let [name, giver] = row_of(&permission);
    let row = [&*name, &*giver, &*permission.patient];
    permission.body = keys.seal("permission.body", &row, &permission.body)?.into();
    Ok(permission)
}

/// Opens a permission.
pub(super) fn open_permission(keys: &Keys, mut sealed: Permission) -> Result<Permission> {
    let [name, giver] = row_of(&sealed);
    let row = [&*name, &*giver, &*sealed.patient];
    sealed.body = open(keys, "permission.body", &row, &sealed.body)?.into();
    Ok(sealed)
}

fn row_of(permission: &Permission) -> [String; 2] {
    [letters(&permission.name), permission.giver.map(|mac| letters(&mac.0)).unwrap_or_default()]
}

/// Seals a subscription.
pub(super) fn subscription(keys: &Keys, mut row: Subscription) -> Result<Subscription> {
    row.body = keys.seal("subscription.body", &[&*row.id, &*row.owner], &row.body)?.into();
    Ok(row)
}

/// Opens a subscription.
pub(super) fn open_subscription(keys: &Keys, mut sealed: Subscription) -> Result<Subscription> {
    let row = [&*sealed.id, &*sealed.owner];
    sealed.body = open(keys, "subscription.body", &row, &sealed.body)?.into();
    Ok(sealed)
}

/// What a new store keeps, to tell a wrong master key at start-up.
pub(super) fn probe(keys: &Keys, node: &NodeCode) -> Result<Vec<u8>> {
    keys.seal("gateway.probe", &[node.as_str()], node.as_str().as_bytes())
}

/// Is a store that says `code` and keeps `probe` this gateway's, sealed under these keys?
///
/// # Errors
/// [`Kind::Unavailable`], saying whose it is and what to correct.
pub(super) fn recognise(keys: &Keys, node: &NodeCode, code: &str, probe: &[u8]) -> Result<()> {
    refuse_half(code)?;
    if code != node.as_str() {
        let say = format!(
            "The store belongs to node {code}, not {node}: correct the node code, or name this \
             node's own store."
        );
        return Err(Error::new(Kind::Unavailable, say));
    }
    keys.open("gateway.probe", &[node.as_str()], probe).map(drop).map_err(|cause| {
        let say = "The store was sealed under another master key: name that key's file.";
        Error::new(Kind::Unavailable, say).because(cause)
    })
}

/// What does not open is a fault of the gateway to its callers: it holds nothing they may have.
fn open(keys: &Keys, what: &'static str, row: &[&str], sealed: &[u8]) -> Result<Vec<u8>> {
    keys.open(what, row, sealed).map_err(Error::internal)
}

/// All there is to say of a document's row but its sealed columns.
struct Place {
    texts: [Arc<str>; 4],
    numbers: [String; 3],
}

impl Place {
    fn of(patient: &str, document: &Document) -> Self {
        let Document { id, kind, owner, local_id, version, recorded, parts: _, body: _ } = document;
        Self {
            texts: [patient.into(), Arc::clone(id), Arc::clone(owner), Arc::clone(local_id)],
            numbers: [
                kind.number().to_string(),
                version.to_string(),
                recorded.millis().to_string(),
            ],
        }
    }

    fn row(&self) -> [&str; 7] {
        let [patient, id, owner, local_id] = &self.texts;
        let [kind, version, recorded] = &self.numbers;
        [patient, id, owner, local_id, kind, version, recorded]
    }
}
