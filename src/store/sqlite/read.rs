//! What is read from the rows.
//!
//! Belongs to `store::sqlite`; runs on the readers' threads, each with a connection of its own, and
//! opens what is sealed there. A value that does not open is an error, never left out.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::{
    domain::{moment::Moment, person::Named},
    error::{Error, Result},
    seal::Keys,
    store::{
        Changed, Changes, Document, DocumentKind, IdentityMac, Job, Outgoing, Permission, Place,
        Revocations, Stored, Walked, sealed,
        sqlite::column::{at_most, kind, moment, version},
    },
};

/// The newest version of every document of a person.
const NEWEST: &str = "SELECT id, kind, owner, local_id, version, recorded, parts, body \
     FROM document WHERE person = ?1";

/// The versions of a person's documents of one kind that have a successor.
const FORMER: &str = "SELECT d.id, d.kind, d.owner, d.local_id, v.version, v.recorded, v.parts, \
     v.body FROM document d JOIN document_version v ON v.document = d.row \
     WHERE d.person = ?1 AND d.kind = ?2";

/// The same of every kind.
const FORMER_OF_ALL: &str = "SELECT d.id, d.kind, d.owner, d.local_id, v.version, v.recorded, \
     v.parts, v.body FROM document d JOIN document_version v ON v.document = d.row \
     WHERE d.person = ?1";

/// The newest version of a person's documents of one kind, and of one document.
const NEWEST_OF: &str = "SELECT id, kind, owner, local_id, version, recorded, parts, body \
     FROM document WHERE person = ?1 AND (kind = ?2 OR id = ?3)";

/// Their versions that have a successor.
const FORMER_OF: &str = "SELECT d.id, d.kind, d.owner, d.local_id, v.version, v.recorded, \
     v.parts, v.body FROM document d JOIN document_version v ON v.document = d.row \
     WHERE d.person = ?1 AND (d.kind = ?2 OR d.id = ?3)";

/// The newest version of the one document of a person that its owner knows by an id.
const ONE: &str = "SELECT id, kind, owner, local_id, version, recorded, parts, body \
     FROM document WHERE person = ?1 AND owner = ?2 AND kind = ?3 AND local_id = ?4";

/// Which versions are read.
#[derive(Clone, Copy)]
pub(super) enum Versions<'a> {
    /// What decisions and answers of today rest on.
    Today,
    /// Everything there was.
    All,
    /// Everything there was of these documents, and of those that say who it is.
    AllOf(&'a [Arc<str>]),
    /// The newest of one document: owner, kind, local id.
    One(&'a str, DocumentKind, &'a str),
}

/// A person as the rows have it: row, version, time of the last commit, sealed audit key.
type Person = (i64, u64, Moment, Vec<u8>);

/// Everything about one person, as of one instant.
pub(super) fn load(
    rows: &Connection,
    keys: &Keys,
    patient: &str,
    versions: Versions<'_>,
) -> Result<Option<Stored>> {
    // One transaction: a commit between two statements must not show in half of the answer.
    let snapshot = rows.unchecked_transaction().map_err(Error::unavailable)?;
    let found: Option<Person> = one(
        &snapshot,
        "SELECT row, version, changed, audit_key FROM person WHERE patient = ?1",
        [patient],
        |row| Ok((row.get(0)?, version(row, 1)?, moment(row, 2)?, row.get(3)?)),
    )?;
    let Some((person, at_version, changed, audit_key)) = found else { return Ok(None) };
    let newest = || all(&snapshot, NEWEST, [person], document);
    let held = match versions {
        Versions::Today => {
            let consents = params![person, DocumentKind::Consent.number()];
            [newest()?, all(&snapshot, FORMER, consents, document)?].concat()
        }
        Versions::All => [newest()?, all(&snapshot, FORMER_OF_ALL, [person], document)?].concat(),
        Versions::AllOf(documents) => {
            let (who, mut held) = (DocumentKind::Person.number(), Vec::new());
            for id in documents {
                for sql in [NEWEST_OF, FORMER_OF] {
                    held.extend(all(&snapshot, sql, params![person, who, id], document)?);
                }
            }
            held
        }
        Versions::One(owner, kind, local_id) => {
            all(&snapshot, ONE, params![person, owner, kind.number(), local_id], document)?
        }
    };
    drop(snapshot);
    let open = |sealed| sealed::open_document(keys, patient, sealed);
    let mut documents = held.into_iter().map(open).collect::<Result<Vec<_>>>()?;
    documents.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
    documents.dedup_by(|a, b| (&a.id, a.version) == (&b.id, b.version));
    Ok(Some(Stored {
        patient: patient.into(),
        version: at_version,
        changed,
        audit_key: sealed::open_audit_key(keys, patient, &audit_key)?,
        documents,
    }))
}

/// The person of an identity code.
pub(super) fn find(rows: &Connection, identity: IdentityMac) -> Result<Option<Arc<str>>> {
    let sql = "SELECT patient FROM person WHERE identity = ?1";
    one(rows, sql, [identity.0], |row| row.get(0))
}

/// The document an owner knows by its own id.
pub(super) fn local(
    rows: &Connection,
    owner: &str,
    kind: DocumentKind,
    local_id: &str,
) -> Result<Option<Place>> {
    let sql = "SELECT p.patient, d.id FROM document d JOIN person p ON p.row = d.person \
               WHERE d.owner = ?1 AND d.kind = ?2 AND d.local_id = ?3";
    one(rows, sql, params![owner, kind.number(), local_id], place)
}

/// Whose documents are about a person, and as whom they name them.
pub(super) fn naming(rows: &Connection, patient: &str) -> Result<Vec<(Arc<str>, Named)>> {
    let sql = "SELECT p.patient, n.owner, n.local_id FROM person me \
               JOIN document d ON d.person = me.row AND d.kind = ?2 \
               JOIN naming n ON n.owner = d.owner AND n.local_id = d.local_id \
               JOIN person p ON p.row = n.person WHERE me.patient = ?1 \
               ORDER BY p.patient, n.owner, n.local_id";
    all(rows, sql, params![patient, DocumentKind::Person.number()], |row| {
        Ok((row.get(0)?, Named { owner: row.get(1)?, local: row.get(2)? }))
    })
}

/// The compartment of a document id.
pub(super) fn place_of(rows: &Connection, document: &str) -> Result<Option<Place>> {
    let sql = "SELECT p.patient, d.id FROM document d JOIN person p ON p.row = d.person \
               WHERE d.id = ?1";
    one(rows, sql, [document], place)
}

/// People in order of Patient id.
pub(super) fn walk(rows: &Connection, after: Option<&str>, limit: usize) -> Result<Vec<Walked>> {
    let sql = "SELECT patient, version, changed FROM person INDEXED BY person_walk \
               WHERE patient > ?1 ORDER BY patient LIMIT ?2";
    all(rows, sql, params![after.unwrap_or_default(), at_most(limit)], |row| {
        Ok(Walked { patient: row.get(0)?, version: version(row, 1)?, changed: moment(row, 2)? })
    })
}

/// The change sequence. There is one writer, so whatever is there is settled.
pub(super) fn changes(rows: &Connection, after: i64, limit: usize) -> Result<Changes> {
    let snapshot = rows.unchecked_transaction().map_err(Error::unavailable)?;
    let newest = "SELECT coalesce(max(sequence), 0) FROM change";
    let settled = one(&snapshot, newest, [], |row| row.get(0))?.unwrap_or_default();
    let sql = "SELECT c.sequence, p.patient, c.at FROM change c JOIN person p ON p.row = c.person \
               WHERE c.sequence > ?1 ORDER BY c.sequence LIMIT ?2";
    let changed = all(&snapshot, sql, params![after, at_most(limit)], |row| {
        Ok(Changed { sequence: row.get(0)?, patient: row.get(1)?, at: moment(row, 2)? })
    })?;
    Ok(Changes { changed, settled, server: 0 })
}

/// Tokens revoked after a place.
pub(super) fn revoked(rows: &Connection, after: i64) -> Result<Revocations> {
    let sql = "SELECT token, until, place FROM revoked WHERE place > ?1 ORDER BY place";
    let found: Vec<([u8; 32], Moment, i64)> =
        all(rows, sql, [after], |row| Ok((row.get(0)?, moment(row, 1)?, row.get(2)?)))?;
    let settled = found.last().map_or(after, |(_, _, place)| *place);
    let tokens = found.into_iter().map(|(token, until, _)| (token, until)).collect();
    Ok(Revocations { tokens, settled, server: 0, settings: 0 })
}

/// Permissions that somebody gave, and those about their data.
pub(super) fn permissions(
    rows: &Connection,
    keys: &Keys,
    (giver, patient): (IdentityMac, Option<&str>),
    now: Moment,
) -> Result<Vec<Permission>> {
    let sql = "SELECT name, giver, patient, until, used, body FROM permission p \
               WHERE (giver = ?1 OR patient = ?2) AND until > ?3 \
               AND NOT EXISTS (SELECT 1 FROM revoked WHERE token = p.name) ORDER BY until, name";
    let sealed = all(rows, sql, (giver.0, patient, now.millis()), |row| {
        Ok(Permission {
            name: row.get(0)?,
            giver: row.get::<_, Option<[u8; 32]>>(1)?.map(IdentityMac),
            patient: row.get(2)?,
            until: moment(row, 3)?,
            used: moment(row, 4)?,
            body: row.get(5)?,
        })
    })?;
    sealed.into_iter().map(|sealed| sealed::open_permission(keys, sealed)).collect()
}

/// Audit records that have not reached the log.
pub(super) fn unrecorded(rows: &Connection) -> Result<Vec<(i64, Arc<[u8]>)>> {
    let sql = "SELECT id, record FROM audit_pending ORDER BY id";
    all(rows, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Messages owed to other gateways.
pub(super) fn owed(rows: &Connection, keys: &Keys, limit: usize) -> Result<Vec<(i64, Outgoing)>> {
    let sql = "SELECT id, key, peer, body FROM outbox ORDER BY id LIMIT ?1";
    let sealed = all(rows, sql, [at_most(limit)], |row| {
        Ok((row.get(0)?, Outgoing { key: row.get(1)?, peer: row.get(2)?, body: row.get(3)? }))
    })?;
    let open = |(id, message)| Ok((id, sealed::open_message(keys, message)?));
    sealed.into_iter().map(open).collect()
}

/// An export that has not ended.
pub(super) fn job(rows: &Connection, keys: &Keys, id: &str, now: Moment) -> Result<Option<Job>> {
    let sql = "SELECT id, owner, until, body FROM job WHERE id = ?1 AND until > ?2";
    let sealed = one(rows, sql, (id, now.millis()), |row| {
        Ok(Job { id: row.get(0)?, owner: row.get(1)?, until: moment(row, 2)?, body: row.get(3)? })
    })?;
    sealed.map(|sealed| sealed::open_job(keys, sealed)).transpose()
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { patient: row.get(0)?, document: row.get(1)? })
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        id: row.get(0)?,
        kind: kind(row, 1)?,
        owner: row.get(2)?,
        local_id: row.get(3)?,
        version: version(row, 4)?,
        recorded: moment(row, 5)?,
        parts: row.get(6)?,
        body: row.get(7)?,
    })
}

fn one<T>(
    rows: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    rows.prepare_cached(sql)
        .and_then(|mut query| query.query_row(values, read).optional())
        .map_err(Error::unavailable)
}

fn all<T>(
    rows: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    rows.prepare_cached(sql)
        .and_then(|mut query| query.query_map(values, read)?.collect())
        .map_err(Error::unavailable)
}
