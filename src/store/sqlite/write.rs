//! What each change does to the rows.
//!
//! Belongs to `store::sqlite`; runs on the writer's thread, inside a savepoint that is rolled back if
//! an error comes out of here. It must not seal, open or wait.

use rusqlite::{Connection, OptionalExtension, ffi, named_params};

use crate::{
    domain::moment::Moment,
    error::{Error, Result},
    store::{
        BEYOND, Committed, Document, Job, Outgoing, Permission,
        sealed::SealedChange,
        sqlite::column,
        succession::{Standing, bound, conflict, follows, full, signed},
    },
};

/// One person's change.
pub(super) fn commit(rows: &Connection, sealed: &SealedChange) -> Result<Committed> {
    let change = &sealed.change;
    let (person, version) = person(rows, sealed)?;
    for document in &change.documents {
        put(rows, person, document, change.most)?;
    }
    for named in &change.names {
        run(
            rows,
            "INSERT INTO naming (owner, local_id, person) VALUES (:owner, :local_id, :person) \
             ON CONFLICT DO NOTHING",
            named_params! { ":owner": &named.owner, ":local_id": &named.local, ":person": person },
        )?;
    }
    run(
        rows,
        "INSERT INTO change (person, at) VALUES (:person, :at)",
        named_params! { ":person": person, ":at": change.now.millis() },
    )?;
    owe(rows, &change.outbox)?;
    run(
        rows,
        "INSERT INTO audit_pending (record) VALUES (:record)",
        named_params! { ":record": &change.record },
    )?;
    Ok(Committed { version, record: rows.last_insert_rowid() })
}

/// Moves the person to the next version, or makes the person; gives the row and the new version.
fn person(rows: &Connection, sealed: &SealedChange) -> Result<(i64, u64)> {
    let change = &sealed.change;
    let stored: Option<(i64, u64)> = rows
        .prepare_cached("SELECT row, version FROM person WHERE patient = ?1")
        .and_then(|mut query| {
            query
                .query_row([&change.patient], |row| Ok((row.get(0)?, column::version(row, 1)?)))
                .optional()
        })
        .map_err(Error::unavailable)?;
    if stored.map_or(0, |(_, version)| version) != change.based_on {
        return Err(conflict());
    }
    let version = change.based_on.saturating_add(1);
    let identity = change.identity.map(|mac| mac.0);
    if let Some((row, _)) = stored {
        run(
            rows,
            "UPDATE person SET version = :version, changed = :changed, \
             identity = coalesce(:identity, identity) WHERE row = :row",
            named_params! {
                ":version": signed(version)?, ":changed": change.now.millis(),
                ":identity": identity, ":row": row,
            },
        )?;
        return Ok((row, version));
    }
    run(
        rows,
        "INSERT INTO person (patient, identity, version, changed, audit_key) \
         VALUES (:patient, :identity, :version, :changed, :audit_key)",
        named_params! {
            ":patient": &change.patient, ":identity": identity, ":version": signed(version)?,
            ":changed": change.now.millis(), ":audit_key": &sealed.audit_key,
        },
    )?;
    Ok((rows.last_insert_rowid(), version))
}

/// Adds a document version; the one before it becomes history.
fn put(rows: &Connection, person: i64, document: &Document, most: usize) -> Result<()> {
    let Some(row) = follows(standing(rows, &document.id)?, person, document)? else {
        if let Some(bound) = bound(document, most)
            && held(rows, person, document)? >= bound
        {
            return Err(full());
        }
        return insert(rows, person, document);
    };
    run(
        rows,
        "INSERT INTO document_version (document, version, recorded, parts, body) \
         SELECT row, version, recorded, parts, body FROM document WHERE row = :row",
        named_params! { ":row": row },
    )?;
    run(
        rows,
        "UPDATE document SET version = :version, recorded = :recorded, parts = :parts, \
         body = :body WHERE row = :row",
        named_params! {
            ":version": signed(document.version)?, ":recorded": document.recorded.millis(),
            ":parts": &document.parts, ":body": &document.body, ":row": row,
        },
    )
}

fn standing(rows: &Connection, id: &str) -> Result<Option<Standing>> {
    rows.prepare_cached(
        "SELECT row, person, kind, owner, local_id, version FROM document WHERE id = ?1",
    )
    .and_then(|mut query| {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Standing {
                row: row.get(0)?,
                person: row.get(1)?,
                kind: row.get(2)?,
                owner: row.get(3)?,
                local_id: row.get(4)?,
                version: column::version(row, 5)?,
            })
        };
        query.query_row([id], read).optional()
    })
    .map_err(Error::unavailable)
}

/// How many documents of its kind its owner has of the person.
fn held(rows: &Connection, person: i64, document: &Document) -> Result<i64> {
    rows.prepare_cached(
        "SELECT count(*) FROM document WHERE person = ?1 AND kind = ?2 AND owner = ?3",
    )
    .and_then(|mut query| {
        query.query_row((person, document.kind.number(), &document.owner), |row| row.get(0))
    })
    .map_err(Error::unavailable)
}

fn insert(rows: &Connection, person: i64, document: &Document) -> Result<()> {
    run(
        rows,
        "INSERT INTO document \
         (id, person, kind, owner, local_id, version, recorded, parts, body) \
         VALUES (:id, :person, :kind, :owner, :local_id, 1, :recorded, :parts, :body)",
        named_params! {
            ":id": &document.id, ":person": person, ":kind": document.kind.number(),
            ":owner": &document.owner, ":local_id": &document.local_id,
            ":recorded": document.recorded.millis(), ":parts": &document.parts,
            ":body": &document.body,
        },
    )
}

/// Marks a one-time value; two that nobody needs any more go with each, so the table never grows
/// beyond what is alive.
pub(super) fn spend(
    rows: &Connection,
    value: [u8; 32],
    until: Moment,
    now: Moment,
) -> Result<bool> {
    if until < now {
        return Ok(false);
    }
    run(
        rows,
        "DELETE FROM spent WHERE value IN \
         (SELECT value FROM spent WHERE until < :past ORDER BY until LIMIT 2)",
        named_params! { ":past": now.minus(BEYOND).millis() },
    )?;
    run(
        rows,
        "INSERT INTO spent (value, until) VALUES (:value, :until) \
         ON CONFLICT (value) DO UPDATE SET until = excluded.until WHERE spent.until < :now",
        named_params! { ":value": value, ":until": until.millis(), ":now": now.millis() },
    )?;
    Ok(rows.changes() == 1)
}

/// Remembers that a token is revoked; two that have ended go with each.
pub(super) fn revoke(rows: &Connection, token: [u8; 32], until: Moment, now: Moment) -> Result<()> {
    let name = named_params! { ":name": token };
    run(rows, "DELETE FROM permission WHERE name = :name", name)?;
    run(
        rows,
        "DELETE FROM revoked WHERE place IN \
         (SELECT place FROM revoked WHERE until < :past ORDER BY until LIMIT 2)",
        named_params! { ":past": now.minus(BEYOND).millis() },
    )?;
    run(
        rows,
        "INSERT INTO revoked (token, until) VALUES (:token, :until) ON CONFLICT (token) DO NOTHING",
        named_params! { ":token": token, ":until": until.millis() },
    )
}

/// Keeps a permission that was not revoked; two that have ended go with each.
pub(super) fn permit(rows: &Connection, permission: &Permission, now: Moment) -> Result<bool> {
    run(
        rows,
        "DELETE FROM permission WHERE name IN \
         (SELECT name FROM permission WHERE until < :now ORDER BY until LIMIT 2)",
        named_params! { ":now": now.millis() },
    )?;
    let Permission { name, giver, patient, until, used, body } = permission;
    run(
        rows,
        "INSERT INTO permission (name, giver, patient, until, used, body) \
         SELECT :name, :giver, :patient, :until, :used, :body \
         WHERE NOT EXISTS (SELECT 1 FROM revoked WHERE token = :name) \
         ON CONFLICT (name) DO UPDATE SET used = excluded.used",
        named_params! {
            ":name": name, ":giver": giver.map(|mac| mac.0), ":patient": patient,
            ":until": until.millis(), ":used": used.millis(), ":body": body,
        },
    )?;
    Ok(rows.changes() == 1)
}

/// Forgets audit records that have reached the log.
pub(super) fn recorded(rows: &Connection, records: &[i64]) -> Result<()> {
    for record in records {
        run(rows, "DELETE FROM audit_pending WHERE id = :id", named_params! { ":id": record })?;
    }
    Ok(())
}

/// Adds messages that are not owed already; their ids.
pub(super) fn owe(rows: &Connection, messages: &[Outgoing]) -> Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(messages.len());
    for message in messages {
        run(
            rows,
            "INSERT INTO outbox (peer, key, body) VALUES (:peer, :key, :body) \
             ON CONFLICT (peer, key) DO NOTHING",
            named_params! { ":peer": &message.peer, ":key": &message.key, ":body": &message.body },
        )?;
        let id = rows
            .prepare_cached("SELECT id FROM outbox WHERE peer = :peer AND key = :key")
            .and_then(|mut query| {
                let named = named_params! { ":peer": &message.peer, ":key": &message.key };
                query.query_row(named, |row| row.get(0))
            })
            .map_err(Error::unavailable)?;
        ids.push(id);
    }
    Ok(ids)
}

/// Forgets a message.
pub(super) fn delivered(rows: &Connection, message: i64) -> Result<()> {
    run(rows, "DELETE FROM outbox WHERE id = :id", named_params! { ":id": message })
}

/// Begins an export unless its owner has so many; those that have ended go first.
pub(super) fn begin_job(rows: &Connection, job: &Job, most: usize, now: Moment) -> Result<bool> {
    run(rows, "DELETE FROM job WHERE until <= :now", named_params! { ":now": now.millis() })?;
    run(
        rows,
        "INSERT INTO job (id, owner, until, body) SELECT :id, :owner, :until, :body \
         WHERE (SELECT count(*) FROM job WHERE owner = :owner) < :most",
        named_params! {
            ":id": &job.id, ":owner": &job.owner, ":until": job.until.millis(), ":body": &job.body,
            ":most": column::at_most(most),
        },
    )?;
    Ok(rows.changes() == 1)
}

/// Ends an export.
pub(super) fn end_job(rows: &Connection, id: &str) -> Result<()> {
    run(rows, "DELETE FROM job WHERE id = :id", named_params! { ":id": id })
}

/// Runs one statement; a value that must be unique and is taken is a conflict.
fn run(rows: &Connection, sql: &str, values: &[(&str, &dyn rusqlite::ToSql)]) -> Result<()> {
    match rows.prepare_cached(sql).and_then(|mut statement| statement.execute(values)) {
        Ok(_) => Ok(()),
        Err(cause) => {
            let code = cause.sqlite_error().map(|error| error.extended_code);
            Err(if code == Some(ffi::SQLITE_CONSTRAINT_UNIQUE) {
                conflict().because(cause)
            } else {
                Error::unavailable(cause)
            })
        }
    }
}
