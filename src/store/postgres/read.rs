//! What is read from the rows.
//!
//! Belongs to `store::postgres`; each question is one statement, so that it sees the store as of one
//! instant. What comes out is still sealed: it is opened on the caller's side.

use std::sync::Arc;

use tokio_postgres::Row;

use crate::{
    domain::{moment::Moment, person::Named},
    error::Error,
    store::{
        Changed, Changes, Document, DocumentKind, IdentityMac, Job, Outgoing, Permission, Place,
        Revocations, Stored, Walked,
        postgres::{
            fault::Outcome,
            session::{
                Session,
                Value::{Bytes, MaybeText, Number, Text, Texts},
                at_most, bytes, column, kind, text, version,
            },
        },
    },
};

/// A person with the newest version of every document, and the former ones of some. A person without
/// documents is one row of nothing but itself.
macro_rules! compartment {
    ($former:literal) => {
        compartment!("", $former)
    };
    ($newest:literal, $former:literal) => {
        concat!(
            "SELECT p.version, p.changed, p.audit_key, d.id, d.kind, d.owner, d.local_id, \
             d.version, d.recorded, d.parts, d.body \
             FROM person p LEFT JOIN document d ON d.person = p.row",
            $newest,
            " WHERE p.patient = $1 \
             UNION ALL SELECT p.version, p.changed, p.audit_key, d.id, d.kind, d.owner, \
             d.local_id, v.version, v.recorded, v.parts, v.body \
             FROM person p JOIN document d ON d.person = p.row",
            $former,
            " JOIN document_version v ON v.document = d.row WHERE p.patient = $1",
        )
    };
}

/// Former versions of consents alone.
const COMPARTMENT: &str = compartment!(" AND d.kind = $2");

/// Former versions of all.
const HISTORY: &str = compartment!("");

/// Every version of some documents, and of those of a kind.
const HISTORY_OF: &str =
    compartment!(" AND (d.id = ANY ($2) OR d.kind = $3)", " AND (d.id = ANY ($2) OR d.kind = $3)");

/// A person with the newest version of the one document that its owner knows by an id.
const ONE: &str = "SELECT p.version, p.changed, p.audit_key, d.id, d.kind, d.owner, d.local_id, \
     d.version, d.recorded, d.parts, d.body FROM person p LEFT JOIN document d \
     ON d.person = p.row AND d.owner = $2 AND d.kind = $3 AND d.local_id = $4 WHERE p.patient = $1";

/// A compartment as the rows have it, and the sealed audit key.
pub(super) type Sealed = (Stored, Vec<u8>);

/// Everything about one person, as of one instant.
pub(super) async fn load(rows: &Session<'_>, patient: &Arc<str>) -> Outcome<Option<Sealed>> {
    let values = [Text(patient), Number(DocumentKind::Consent.number())];
    stored(patient, &rows.all(COMPARTMENT, &values).await?)
}

/// One person with the newest version of one document.
pub(super) async fn load_one(
    rows: &Session<'_>,
    patient: &Arc<str>,
    (owner, kind, local_id): (&str, DocumentKind, &str),
) -> Outcome<Option<Sealed>> {
    let values = [Text(patient), Text(owner), Number(kind.number()), Text(local_id)];
    stored(patient, &rows.all(ONE, &values).await?)
}

/// The same with every version of every document.
pub(super) async fn history(rows: &Session<'_>, patient: &Arc<str>) -> Outcome<Option<Sealed>> {
    stored(patient, &rows.all(HISTORY, &[Text(patient)]).await?)
}

/// The same of no more than these documents, and of those that say who it is.
pub(super) async fn history_of(
    rows: &Session<'_>,
    patient: &Arc<str>,
    documents: &[Arc<str>],
) -> Outcome<Option<Sealed>> {
    let documents: Vec<&str> = documents.iter().map(|document| &**document).collect();
    let values = [Text(patient), Texts(&documents), Number(DocumentKind::Person.number())];
    stored(patient, &rows.all(HISTORY_OF, &values).await?)
}

fn stored(patient: &Arc<str>, held: &[Row]) -> Outcome<Option<Sealed>> {
    let Some(person) = held.first() else { return Ok(None) };
    let mut stored = Stored {
        patient: Arc::clone(patient),
        version: version(person, 0)?,
        changed: moment(person, 1)?,
        audit_key: [0; 32],
        documents: Vec::with_capacity(held.len()),
    };
    for row in held {
        if column::<Option<&str>>(row, 3)?.is_some() {
            stored.documents.push(document(row)?);
        }
    }
    stored.documents.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
    Ok(Some((stored, column(person, 2)?)))
}

/// People with their sealed audit keys.
pub(super) async fn audit_keys(
    rows: &Session<'_>,
    patients: &[Arc<str>],
) -> Outcome<Vec<(Arc<str>, Arc<[u8]>)>> {
    let sql = "SELECT patient, audit_key FROM person WHERE patient = ANY ($1)";
    let patients: Vec<&str> = patients.iter().map(|patient| &**patient).collect();
    let found = rows.all(sql, &[Texts(&patients)]).await?;
    found.iter().map(|row| Ok((text(row, 0)?, bytes(row, 1)?))).collect()
}

/// A person's compartment version.
pub(super) async fn version_of(rows: &Session<'_>, patient: &str) -> Outcome<Option<u64>> {
    let sql = "SELECT version FROM person WHERE patient = $1";
    rows.one(sql, &[Text(patient)]).await?.map(|row| version(&row, 0)).transpose()
}

/// The person of an identity code.
pub(super) async fn find(rows: &Session<'_>, identity: IdentityMac) -> Outcome<Option<Arc<str>>> {
    let sql = "SELECT patient FROM person WHERE identity = $1";
    rows.one(sql, &[Bytes(&identity.0)]).await?.map(|row| text(&row, 0)).transpose()
}

/// The document an owner knows by its own id.
pub(super) async fn local(
    rows: &Session<'_>,
    owner: &str,
    kind: DocumentKind,
    local_id: &str,
) -> Outcome<Option<Place>> {
    let sql = "SELECT p.patient, d.id FROM document d JOIN person p ON p.row = d.person \
               WHERE d.owner = $1 AND d.kind = $2 AND d.local_id = $3";
    let values = [Text(owner), Number(kind.number()), Text(local_id)];
    rows.one(sql, &values).await?.map(|row| place(&row)).transpose()
}

/// Whose documents are about a person, and as whom they name them.
pub(super) async fn naming(rows: &Session<'_>, patient: &str) -> Outcome<Vec<(Arc<str>, Named)>> {
    let sql = "SELECT p.patient, n.owner, n.local_id FROM person me \
               JOIN document d ON d.person = me.row AND d.kind = $2 \
               JOIN naming n ON n.owner = d.owner AND n.local_id = d.local_id \
               JOIN person p ON p.row = n.person WHERE me.patient = $1 \
               ORDER BY p.patient, n.owner, n.local_id";
    let values = [Text(patient), Number(DocumentKind::Person.number())];
    let one = |row: &Row| Ok((text(row, 0)?, Named { owner: text(row, 1)?, local: text(row, 2)? }));
    rows.all(sql, &values).await?.iter().map(one).collect()
}

/// The compartment of a document id.
pub(super) async fn place_of(rows: &Session<'_>, document: &str) -> Outcome<Option<Place>> {
    let sql = "SELECT p.patient, d.id FROM document d JOIN person p ON p.row = d.person \
               WHERE d.id = $1";
    rows.one(sql, &[Text(document)]).await?.map(|row| place(&row)).transpose()
}

/// People in order of Patient id.
pub(super) async fn walk(rows: &Session<'_>, after: &str, limit: usize) -> Outcome<Vec<Walked>> {
    let sql = "SELECT patient, version, changed FROM person WHERE patient > $1 \
               ORDER BY patient LIMIT $2";
    let walked = |row: &Row| {
        Ok(Walked { patient: text(row, 0)?, version: version(row, 1)?, changed: moment(row, 2)? })
    };
    rows.all(sql, &[Text(after), at_most(limit)]).await?.iter().map(walked).collect()
}

/// The change sequence, and up to where it is settled by the same snapshot: below its oldest
/// transaction that is still running.
pub(super) async fn changes(rows: &Session<'_>, after: i64, limit: usize) -> Outcome<Changes> {
    let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 + g.ahead, \
               c.sequence, p.patient, c.at, \
               (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint FROM gateway g LEFT JOIN LATERAL \
               (SELECT * FROM change WHERE sequence > $1 ORDER BY sequence LIMIT $2) c ON true \
               LEFT JOIN person p ON p.row = c.person ORDER BY c.sequence";
    let found = rows.all(sql, &[Number(after), at_most(limit)]).await?;
    let settled = found.first().map_or(Ok(0), |row| column(row, 0))?;
    let server = found.first().map_or(Ok(0), |row| column(row, 4))?;
    let mut changed = Vec::with_capacity(found.len());
    for row in &found {
        if let Some(sequence) = column(row, 1)? {
            changed.push(Changed { sequence, patient: text(row, 2)?, at: moment(row, 3)? });
        }
    }
    Ok(Changes { changed, settled, server })
}

/// Tokens revoked after a place, and up to where that is settled by the same snapshot.
pub(super) async fn revoked(rows: &Session<'_>, after: i64) -> Outcome<Revocations> {
    let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 + g.ahead, \
               r.token, r.until, \
               (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, g.settings \
               FROM gateway g LEFT JOIN revoked r ON r.place > $1";
    let found = rows.all(sql, &[Number(after)]).await?;
    let settled = found.first().map_or(Ok(after), |row| column(row, 0))?;
    let server = found.first().map_or(Ok(0), |row| column(row, 3))?;
    let settings = found.first().map_or(Ok(0), |row| column(row, 4))?;
    let mut tokens = Vec::with_capacity(found.len());
    for row in &found {
        if let Some(token) = column::<Option<&[u8]>>(row, 1)? {
            let token = token.try_into().map_err(Error::internal)?;
            tokens.push((token, moment(row, 2)?));
        }
    }
    Ok(Revocations { tokens, settled, server, settings })
}

/// Permissions that somebody gave, and those about their data.
pub(super) async fn permissions(
    rows: &Session<'_>,
    (giver, patient): (&IdentityMac, Option<&str>),
    now: Moment,
) -> Outcome<Vec<Permission>> {
    let sql = "SELECT name, giver, patient, until, used, body FROM permission p \
               WHERE (giver = $1 OR patient = $2) AND until > $3 \
               AND NOT EXISTS (SELECT 1 FROM revoked WHERE token = p.name) ORDER BY until, name";
    let values = [Bytes(&giver.0), MaybeText(patient), Number(now.millis())];
    rows.all(sql, &values).await?.iter().map(permission).collect()
}

fn permission(row: &Row) -> Outcome<Permission> {
    let digest = |bytes: &[u8]| bytes.try_into().map_err(Error::internal);
    let giver = column::<Option<&[u8]>>(row, 1)?.map(digest).transpose()?.map(IdentityMac);
    Ok(Permission {
        name: digest(column(row, 0)?)?,
        giver,
        patient: text(row, 2)?,
        until: moment(row, 3)?,
        used: moment(row, 4)?,
        body: bytes(row, 5)?,
    })
}

/// Audit records that have not reached the log, whoever made them.
pub(super) async fn unrecorded(rows: &Session<'_>) -> Outcome<Vec<(i64, Arc<[u8]>)>> {
    let sql = "SELECT id, record FROM audit_pending ORDER BY id LIMIT 1000";
    let record = |row: &Row| Ok((column(row, 0)?, bytes(row, 1)?));
    rows.all(sql, &[]).await?.iter().map(record).collect()
}

/// Messages owed to other gateways.
pub(super) async fn owed(rows: &Session<'_>, limit: usize) -> Outcome<Vec<(i64, Outgoing)>> {
    let sql = "SELECT id, key, peer, body FROM outbox ORDER BY id LIMIT $1";
    rows.all(sql, &[at_most(limit)]).await?.iter().map(message).collect()
}

/// Messages owed to one gateway whose key begins with `start`.
pub(super) async fn owed_to(
    rows: &Session<'_>,
    peer: &str,
    start: &str,
) -> Outcome<Vec<(i64, Outgoing)>> {
    let sql = "SELECT id, key, peer, body FROM outbox \
               WHERE peer = $1 AND key >= $2 AND starts_with(key, $2) ORDER BY id";
    rows.all(sql, &[Text(peer), Text(start)]).await?.iter().map(message).collect()
}

fn message(row: &Row) -> Outcome<(i64, Outgoing)> {
    let (key, peer, body) = (text(row, 1)?, text(row, 2)?, bytes(row, 3)?);
    Ok((column(row, 0)?, Outgoing { key, peer, body }))
}

/// An export that has not ended.
pub(super) async fn job(rows: &Session<'_>, id: &str, now: Moment) -> Outcome<Option<Job>> {
    let sql = "SELECT id, owner, until, body FROM job WHERE id = $1 AND until > $2";
    let Some(row) = rows.one(sql, &[Text(id), Number(now.millis())]).await? else {
        return Ok(None);
    };
    let (id, owner) = (text(&row, 0)?, text(&row, 1)?);
    Ok(Some(Job { id, owner, until: moment(&row, 2)?, body: bytes(&row, 3)? }))
}

fn place(row: &Row) -> Outcome<Place> {
    Ok(Place { patient: text(row, 0)?, document: text(row, 1)? })
}

fn document(row: &Row) -> Outcome<Document> {
    Ok(Document {
        id: text(row, 3)?,
        kind: kind(row, 4)?,
        owner: text(row, 5)?,
        local_id: text(row, 6)?,
        version: version(row, 7)?,
        recorded: moment(row, 8)?,
        parts: bytes(row, 9)?,
        body: bytes(row, 10)?,
    })
}

fn moment(row: &Row, at: usize) -> Outcome<Moment> {
    column(row, at).map(Moment::from_millis)
}
