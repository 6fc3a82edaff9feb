//! What each change does to the rows.
//!
//! Belongs to `store::postgres`. A commit runs in a transaction that is rolled back if an error comes
//! out of here; the person's row is taken first and held to the end, so that commits to one person
//! follow one another. It must not seal or open.

use std::time::Duration;

use crate::{
    domain::moment::Moment,
    error::Error,
    store::{
        BEYOND, Committed, Document, Job, Outgoing, Permission, Settings,
        postgres::{
            fault::Outcome,
            session::{
                Session,
                Value::{Bytes, MaybeBytes, Number, Numbers, Text},
                column, version,
            },
        },
        sealed::SealedChange,
        succession::{Standing, bound, conflict, follows, full, signed},
    },
};

/// One person's change.
pub(super) async fn commit(rows: &Session<'_>, sealed: &SealedChange) -> Outcome<Committed> {
    let change = &sealed.change;
    let person = person(rows, sealed).await?;
    for document in &change.documents {
        put(rows, person, document, change.most).await?;
    }
    for named in &change.names {
        let sql = "INSERT INTO naming (owner, local_id, person) VALUES ($1, $2, $3) \
                   ON CONFLICT DO NOTHING";
        rows.all(sql, &[Text(&named.owner), Text(&named.local), Number(person)]).await?;
    }
    owe(rows, &change.outbox).await?;
    let sql = "WITH place AS (INSERT INTO change (sequence, person, at) \
               SELECT pg_current_xact_id()::text::bigint + ahead, $1, $2 FROM gateway) \
               INSERT INTO audit_pending (record) VALUES ($3) RETURNING id";
    let values = [Number(person), Number(change.now.millis()), Bytes(&change.record)];
    let record = rows.one(sql, &values).await?.ok_or_else(conflict)?;
    let version = change.based_on.saturating_add(1);
    Ok(Committed { version, record: column(&record, 0)? })
}

/// Moves the person to the next version, or makes the person; gives the row.
async fn person(rows: &Session<'_>, sealed: &SealedChange) -> Outcome<i64> {
    let change = &sealed.change;
    let (patient, based_on) = (Text(&change.patient), signed(change.based_on)?);
    let identity = MaybeBytes(change.identity.as_ref().map(|mac| mac.0.as_slice()));
    let (changed, next) = (Number(change.now.millis()), Number(based_on.saturating_add(1)));
    let moved = match &sealed.audit_key {
        None => {
            let sql = "UPDATE person SET version = $3, changed = $4, \
                       identity = coalesce($5, identity) \
                       WHERE patient = $1 AND version = $2 RETURNING row";
            rows.one(sql, &[patient, Number(based_on), next, changed, identity]).await?
        }
        Some(audit_key) => {
            let sql = "INSERT INTO person (patient, version, changed, identity, audit_key) \
                       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING row";
            rows.one(sql, &[patient, next, changed, identity, Bytes(audit_key)]).await?
        }
    };
    column(&moved.ok_or_else(conflict)?, 0)
}

/// Adds a document version; the one before it becomes history.
async fn put(rows: &Session<'_>, person: i64, document: &Document, most: usize) -> Outcome<()> {
    let standing = standing(rows, &document.id).await?;
    let (version, recorded) = (signed(document.version)?, document.recorded.millis());
    let [parts, body] = [Bytes(&document.parts), Bytes(&document.body)];
    if let Some(row) = follows(standing, person, document)? {
        // Both halves see the row as it was before the statement.
        let sql = "WITH former AS \
                   (INSERT INTO document_version (document, version, recorded, parts, body) \
                   SELECT row, version, recorded, parts, body FROM document WHERE row = $1) \
                   UPDATE document SET version = $2, recorded = $3, parts = $4, body = $5 \
                   WHERE row = $1";
        let values = [Number(row), Number(version), Number(recorded), parts, body];
        rows.all(sql, &values).await?;
        return Ok(());
    }
    let sql = "INSERT INTO document \
               (id, person, kind, owner, local_id, version, recorded, parts, body) \
               SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE (SELECT count(*) FROM document \
               WHERE person = $2 AND kind = $3 AND owner = $4) < $10 RETURNING true";
    let kind = Number(document.kind.number());
    let [id, owner, local_id] =
        [&document.id, &document.owner, &document.local_id].map(|text| Text(text));
    let [version, recorded] = [version, recorded].map(Number);
    let most = Number(bound(document, most).unwrap_or(i64::MAX));
    let values = [id, Number(person), kind, owner, local_id, version, recorded, parts, body, most];
    rows.one(sql, &values).await?.map(drop).ok_or_else(|| full().into())
}

async fn standing(rows: &Session<'_>, id: &str) -> Outcome<Option<Standing>> {
    let sql = "SELECT row, person, kind, owner, local_id, version FROM document WHERE id = $1";
    let Some(row) = rows.one(sql, &[Text(id)]).await? else { return Ok(None) };
    Ok(Some(Standing {
        row: column(&row, 0)?,
        person: column(&row, 1)?,
        kind: column(&row, 2)?,
        owner: column(&row, 3)?,
        local_id: column(&row, 4)?,
        version: version(&row, 5)?,
    }))
}

/// Marks a one-time value; two that nobody needs any more go with each, so the table never grows
/// beyond what is remembered. One statement: of two at once the second waits, then finds the first's row.
pub(super) async fn spend(
    rows: &Session<'_>,
    value: &[u8; 32],
    until: Moment,
    now: Moment,
) -> Outcome<bool> {
    if until < now {
        return Ok(false);
    }
    let sql = "WITH past AS (SELECT value FROM spent WHERE until < $4 AND value <> $1 \
               ORDER BY until LIMIT 2 FOR UPDATE SKIP LOCKED), \
               gone AS (DELETE FROM spent s USING past WHERE s.value = past.value) \
               INSERT INTO spent (value, until) VALUES ($1, $2) ON CONFLICT (value) \
               DO UPDATE SET until = excluded.until WHERE spent.until < $3 RETURNING true";
    let past = now.minus(BEYOND);
    let [until, now, past] = [until, now, past].map(|at| Number(at.millis()));
    Ok(rows.one(sql, &[Bytes(value), until, now, past]).await?.is_some())
}

/// Remembers that a token is revoked; two that have ended go with each.
pub(super) async fn revoke(
    rows: &Session<'_>,
    token: &[u8; 32],
    until: Moment,
    now: Moment,
) -> Outcome<()> {
    let sql = "WITH past AS (SELECT token FROM revoked WHERE until < $3 AND token <> $1 \
               ORDER BY until LIMIT 2 FOR UPDATE SKIP LOCKED), \
               gone AS (DELETE FROM revoked r USING past WHERE r.token = past.token), \
               ended AS (DELETE FROM permission WHERE name = $1) \
               INSERT INTO revoked (token, place, until) \
               SELECT $1, pg_current_xact_id()::text::bigint + ahead, $2 FROM gateway \
               ON CONFLICT (token) DO NOTHING";
    let values = [Bytes(token), Number(until.millis()), Number(now.minus(BEYOND).millis())];
    rows.all(sql, &values).await?;
    Ok(())
}

/// Keeps a permission that was not revoked; two that have ended go with each. Beside one that is being
/// revoked it may be kept, and then stands beside its revocation, which whoever reads it sees.
pub(super) async fn permit(
    rows: &Session<'_>,
    permission: &Permission,
    now: Moment,
) -> Outcome<bool> {
    let sql = "WITH past AS (SELECT name FROM permission WHERE until < $7 AND name <> $1 \
               ORDER BY until LIMIT 2 FOR UPDATE SKIP LOCKED), \
               gone AS (DELETE FROM permission p USING past WHERE p.name = past.name) \
               INSERT INTO permission (name, giver, patient, until, used, body) \
               SELECT $1, $2, $3, $4, $5, $6 \
               WHERE NOT EXISTS (SELECT 1 FROM revoked WHERE token = $1) \
               ON CONFLICT (name) DO UPDATE SET used = excluded.used RETURNING true";
    let Permission { name, giver, patient, until, used, body } = permission;
    let giver = MaybeBytes(giver.as_ref().map(|mac| mac.0.as_slice()));
    let [until, used, now] = [*until, *used, now].map(|at| Number(at.millis()));
    let values = [Bytes(name), giver, Text(patient), until, used, Bytes(body), now];
    Ok(rows.one(sql, &values).await?.is_some())
}

/// Forgets audit records that have reached the log.
pub(super) async fn recorded(rows: &Session<'_>, records: &[i64]) -> Outcome<()> {
    rows.all("DELETE FROM audit_pending WHERE id = ANY ($1)", &[Numbers(records)]).await?;
    Ok(())
}

/// Adds messages that are not owed already; their ids. One that is there is named again as it is, so
/// that its id comes back too.
pub(super) async fn owe(rows: &Session<'_>, messages: &[Outgoing]) -> Outcome<Vec<i64>> {
    let sql = "INSERT INTO outbox AS held (peer, key, body) VALUES ($1, $2, $3) \
               ON CONFLICT (peer, key) DO UPDATE SET key = held.key RETURNING id";
    let mut ids = Vec::with_capacity(messages.len());
    for message in messages {
        let values = [Text(&message.peer), Text(&message.key), Bytes(&message.body)];
        let owed = rows.one(sql, &values).await?.ok_or_else(conflict)?;
        ids.push(column(&owed, 0)?);
    }
    Ok(ids)
}

/// Forgets a message.
pub(super) async fn delivered(rows: &Session<'_>, message: i64) -> Outcome<()> {
    rows.all("DELETE FROM outbox WHERE id = $1", &[Number(message)]).await?;
    Ok(())
}

/// Begins an export unless its owner has so many. Of two at once the second waits for the first, then
/// counts it too.
pub(super) async fn begin_job(
    rows: &Session<'_>,
    job: &Job,
    most: usize,
    now: Moment,
) -> Outcome<bool> {
    let alone = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) AS alone";
    rows.all(alone, &[Text(&job.owner)]).await?;
    let past = "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE until <= $1 \
                ORDER BY until LIMIT 100 FOR UPDATE SKIP LOCKED)";
    rows.all(past, &[Number(now.millis())]).await?;
    let sql = "INSERT INTO job (id, owner, until, body) SELECT $1, $2, $3, $4 \
               WHERE (SELECT count(*) FROM job WHERE owner = $2 AND until > $5) < $6 RETURNING true";
    let most = Number(i64::try_from(most).unwrap_or(i64::MAX));
    let (until, now) = (Number(job.until.millis()), Number(now.millis()));
    let values = [Text(&job.id), Text(&job.owner), until, Bytes(&job.body), now, most];
    Ok(rows.one(sql, &values).await?.is_some())
}

/// Ends an export.
pub(super) async fn end_job(rows: &Session<'_>, id: &str) -> Outcome<()> {
    rows.all("DELETE FROM job WHERE id = $1", &[Text(id)]).await?;
    Ok(())
}

/// Makes settings those of every process, unless some of this or a higher number are.
pub(super) async fn settle(rows: &Session<'_>, own: &Settings) -> Outcome<Settings> {
    // Of two at once the second waits for the row, and then looks at it again.
    let sql = "UPDATE gateway SET settings = $1, settings_mark = $2 WHERE settings < $1";
    rows.all(sql, &[Number(own.number), Bytes(&own.mark)]).await?;
    let common = rows.one("SELECT settings, settings_mark FROM gateway", &[]).await?;
    let common = common.ok_or_else(|| Error::internal("a store that is nobody's"))?;
    let mark: &[u8] = column(&common, 1)?;
    Ok(Settings { number: column(&common, 0)?, mark: mark.try_into().map_err(Error::internal)? })
}

/// Takes a turn that nobody has, or keeps one's own; the server's clock alone counts.
pub(super) async fn take_turn(
    rows: &Session<'_>,
    name: &str,
    keeper: &str,
    life: Duration,
) -> Outcome<bool> {
    let sql = "INSERT INTO turn (name, keeper, until) \
               VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond') \
               ON CONFLICT (name) DO UPDATE SET keeper = excluded.keeper, until = excluded.until \
               WHERE turn.keeper = excluded.keeper OR turn.until < clock_timestamp() \
               RETURNING true";
    let life = Number(i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
    Ok(rows.one(sql, &[Text(name), Text(keeper), life]).await?.is_some())
}

/// Gives a turn back, unless it is another's by now.
pub(super) async fn end_turn(rows: &Session<'_>, name: &str, keeper: &str) -> Outcome<()> {
    let sql = "DELETE FROM turn WHERE name = $1 AND keeper = $2";
    rows.all(sql, &[Text(name), Text(keeper)]).await?;
    Ok(())
}
