//! The commit of one document as one statement, which is a transaction of its own.
//!
//! Belongs to `store::postgres`. It is what nearly every commit is, and costs a round trip where `write`
//! takes seven. The person's row is taken first, as there: who waited for another commit finds that the
//! version has moved, and then nothing happens. It does all of a change or nothing and gives no reason:
//! whatever it does not do is asked of `write`, which does or refuses it and says why.

use crate::{
    error::Kind,
    store::{
        Committed, Document,
        postgres::{
            fault::Outcome,
            session::{
                Session,
                Value::{Bytes, MaybeBytes, Number, Text},
                column,
            },
        },
        sealed::SealedChange,
        succession::{bound, signed},
    },
};

/// The person as `moved`, from $1 to $5; the document, from $6 to $13; the record, $14.
macro_rules! statement {
    ($($part:literal),+) => {
        concat!(
            "WITH ",
            $($part, ", "),+,
            "place AS (INSERT INTO change (sequence, person, at) \
             SELECT pg_current_xact_id()::text::bigint + g.ahead, m.row, $4 \
             FROM moved m CROSS JOIN gateway g) \
             INSERT INTO audit_pending (record) SELECT $14 FROM moved RETURNING id"
        )
    };
}

/// The first version of a document of somebody who is there.
const FIRST: &str = statement!(
    "moved AS (UPDATE person SET version = $3, changed = $4, identity = coalesce($5, identity) \
     WHERE patient = $1 AND version = $2 \
     AND NOT EXISTS (SELECT 1 FROM document WHERE id = $6) \
     AND (SELECT count(*) FROM document d JOIN person p ON p.row = d.person \
     WHERE p.patient = $1 AND d.kind = $7 AND d.owner = $8) < $15 RETURNING row)",
    "put AS (INSERT INTO document \
     (id, person, kind, owner, local_id, version, recorded, parts, body) \
     SELECT $6, row, $7, $8, $9, $10, $11, $12, $13 FROM moved)"
);

/// The first version of a document of somebody new.
const FIRST_OF_NEW: &str = statement!(
    "moved AS (INSERT INTO person (patient, version, changed, identity, audit_key) \
     SELECT $1, $3, $4, $5, $2 WHERE NOT EXISTS (SELECT 1 FROM document WHERE id = $6) \
     ON CONFLICT DO NOTHING RETURNING row)",
    "put AS (INSERT INTO document \
     (id, person, kind, owner, local_id, version, recorded, parts, body) \
     SELECT $6, row, $7, $8, $9, $10, $11, $12, $13 FROM moved)"
);

/// A later version of a document; the one before it becomes history. All parts see the rows as they were
/// before the statement.
const NEXT: &str = statement!(
    "standing AS (SELECT d.row FROM document d JOIN person p ON p.row = d.person \
     WHERE d.id = $6 AND p.patient = $1 AND d.kind = $7 AND d.owner = $8 AND d.local_id = $9 \
     AND d.version = $10 - 1)",
    "moved AS (UPDATE person SET version = $3, changed = $4, identity = coalesce($5, identity) \
     WHERE patient = $1 AND version = $2 AND EXISTS (SELECT 1 FROM standing) RETURNING row)",
    "former AS (INSERT INTO document_version (document, version, recorded, parts, body) \
     SELECT d.row, d.version, d.recorded, d.parts, d.body \
     FROM moved CROSS JOIN standing s JOIN document d ON d.row = s.row)",
    "put AS (UPDATE document d SET version = $10, recorded = $11, parts = $12, body = $13 \
     FROM moved CROSS JOIN standing s WHERE d.row = s.row)"
);

/// Is it a change of one document, which is about one person, and no more?
pub(super) fn is_meant(sealed: &SealedChange) -> bool {
    only(sealed).is_some()
}

/// What is said, of which document, and to a first one of somebody who is there how many there may be before.
fn only(sealed: &SealedChange) -> Option<(&'static str, &Document, Option<i64>)> {
    let change = &sealed.change;
    let ([document], [], []) = (&*change.documents, &*change.outbox, &*change.names) else {
        return None;
    };
    let (sql, most) = match (document.version, &sealed.audit_key) {
        (1, None) => (FIRST, Some(bound(document, change.most).unwrap_or(i64::MAX))),
        (1, Some(_)) => (FIRST_OF_NEW, None),
        (_, None) => (NEXT, None),
        // Nobody who is new has a document that could be followed.
        (_, Some(_)) => return None,
    };
    Some((sql, document, most))
}

/// Does the change, if nothing is in its way; else nothing has happened.
pub(super) async fn commit(
    rows: &Session<'_>,
    sealed: &SealedChange,
) -> Outcome<Option<Committed>> {
    let Some((sql, document, most)) = only(sealed) else { return Ok(None) };
    let change = &sealed.change;
    let based_on = signed(change.based_on)?;
    let [id, owner, local_id] =
        [&document.id, &document.owner, &document.local_id].map(|text| Text(text));
    let mut values = vec![
        Text(&change.patient),
        sealed.audit_key.as_deref().map_or(Number(based_on), Bytes),
        Number(based_on.saturating_add(1)),
        Number(change.now.millis()),
        MaybeBytes(change.identity.as_ref().map(|mac| mac.0.as_slice())),
        id,
        Number(document.kind.number()),
        owner,
        local_id,
        Number(signed(document.version)?),
        Number(document.recorded.millis()),
        Bytes(&document.parts),
        Bytes(&document.body),
        Bytes(&change.record),
    ];
    values.extend(most.map(Number));
    match rows.one(sql, &values).await {
        Ok(Some(record)) => {
            let version = change.based_on.saturating_add(1);
            Ok(Some(Committed { version, record: column(&record, 0)? }))
        }
        Ok(None) => Ok(None),
        // An id is taken, by a commit of the same instant too.
        Err(fault) if fault.error.kind() == Kind::Conflict => Ok(None),
        Err(fault) => Err(fault),
    }
}
