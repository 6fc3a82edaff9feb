//! Subscriptions in the file's rows.
//!
//! Belongs to `store::sqlite`. What reads runs on the readers' threads, what changes on the writer's,
//! inside its savepoint.

use std::sync::Arc;

use rusqlite::{Connection, Params, Row, named_params, params};

use crate::{
    domain::moment::Moment,
    error::{Error, Result},
    seal::Keys,
    store::{
        DocumentKind, sealed,
        sqlite::column::{at_most, moment, version},
        subscription::{State, Subscription},
        succession::signed,
    },
};

/// Those about a person, and about whose data that person is named in.
const ABOUT: &str = "SELECT subscription FROM subscription_person WHERE patient = ?1 \
     UNION SELECT s.subscription FROM person me \
     JOIN document d ON d.person = me.row AND d.kind = ?2 \
     JOIN naming n ON n.owner = d.owner AND n.local_id = d.local_id \
     JOIN person p ON p.row = n.person JOIN subscription_person s ON s.patient = p.patient \
     WHERE me.patient = ?1";

const COLUMNS: &str = "id, owner, version, state, due, ready, touched, looked, body";

/// One by its id.
pub(super) fn one(rows: &Connection, keys: &Keys, id: &str) -> Result<Option<Subscription>> {
    let sql = format!("SELECT {COLUMNS} FROM subscription WHERE id = ?1");
    Ok(all(rows, keys, &sql, [id])?.pop())
}

/// A client's own, in order of id.
pub(super) fn of(rows: &Connection, keys: &Keys, owner: &str) -> Result<Vec<Subscription>> {
    let sql = format!("SELECT {COLUMNS} FROM subscription WHERE owner = ?1 ORDER BY id");
    all(rows, keys, &sql, [owner])
}

/// Those whose turn it is.
pub(super) fn due(
    rows: &Connection,
    keys: &Keys,
    now: Moment,
    limit: usize,
) -> Result<Vec<Subscription>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM subscription WHERE id IN \
         (SELECT id FROM subscription WHERE due <= ?1 UNION \
          SELECT id FROM subscription WHERE ready = 1 AND touched > looked LIMIT ?2)"
    );
    all(rows, keys, &sql, params![now.millis(), at_most(limit)])
}

/// How many there are in each state.
pub(super) fn count(rows: &Connection) -> Result<Vec<(State, u64)>> {
    let sql = "SELECT state, count(*) FROM subscription GROUP BY state";
    rows.prepare_cached(sql)
        .and_then(|mut query| {
            let read = |row: &Row<'_>| Ok((State::of_number(row.get(0)?), version(row, 1)?));
            query.query_map([], read)?.collect()
        })
        .map_err(Error::unavailable)
}

/// Writes the next version of one, or the first if its owner has fewer than so many.
pub(super) fn put(
    rows: &Connection,
    row: &Subscription,
    about: Option<&[Arc<str>]>,
    most: usize,
) -> Result<bool> {
    let version = signed(row.version)?;
    let values = named_params! {
        ":id": &row.id, ":owner": &row.owner, ":version": version, ":state": row.state.number(),
        ":due": row.due.millis(), ":ready": i64::from(row.ready), ":looked": row.looked,
        ":body": &row.body,
    };
    let changed = if version > 1 {
        let sql = "UPDATE subscription SET version = :version, state = :state, due = :due, \
                   ready = :ready, looked = :looked, body = :body \
                   WHERE id = :id AND owner = :owner AND version = :version - 1";
        run(rows, sql, values)?
    } else {
        let held = "SELECT count(*) FROM subscription WHERE owner = ?1";
        let held: i64 = rows
            .prepare_cached(held)
            .and_then(|mut query| query.query_row([&row.owner], |row| row.get(0)))
            .map_err(Error::unavailable)?;
        if held >= at_most(most) {
            return Ok(false);
        }
        let sql = "INSERT INTO subscription \
                   (id, owner, version, state, due, ready, touched, looked, body) \
                   VALUES (:id, :owner, :version, :state, :due, :ready, 0, :looked, :body)";
        run(rows, sql, values)?
    };
    if let (1, Some(about)) = (changed, about) {
        run(rows, "DELETE FROM subscription_person WHERE subscription = ?1", [&row.id])?;
        for patient in about {
            let sql = "INSERT INTO subscription_person (patient, subscription) VALUES (?1, ?2) \
                       ON CONFLICT DO NOTHING";
            run(rows, sql, [patient, &row.id])?;
        }
    }
    Ok(changed == 1)
}

/// Notes up to which touch one was looked at, and when its turn comes next, unless it was written since.
pub(super) fn looked(
    rows: &Connection,
    (id, read): (&str, u64),
    looked: i64,
    due: Moment,
) -> Result<()> {
    let sql = "UPDATE subscription SET looked = max(looked, ?3), due = ?4 \
               WHERE id = ?1 AND version = ?2";
    run(rows, sql, params![id, signed(read)?, looked, due.millis()]).map(drop)
}

/// Touches those that are about any of these people, or all.
pub(super) fn touch(rows: &Connection, patients: Option<&[Arc<str>]>) -> Result<()> {
    let Some(patients) = patients else {
        return run(rows, "UPDATE subscription SET touched = touched + 1", []).map(drop);
    };
    let sql = format!("UPDATE subscription SET touched = touched + 1 WHERE id IN ({ABOUT})");
    let kind = DocumentKind::Person.number();
    patients.iter().try_for_each(|patient| run(rows, &sql, params![patient, kind]).map(drop))
}

/// Is any about one of these people?
pub(super) fn is_about(rows: &Connection, patients: &[Arc<str>]) -> Result<bool> {
    let sql = format!("SELECT EXISTS ({ABOUT})");
    let kind = DocumentKind::Person.number();
    for patient in patients {
        let found = rows
            .prepare_cached(&sql)
            .and_then(|mut query| query.query_row(params![patient, kind], |row| row.get(0)));
        if found.map_err(Error::unavailable)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets one.
pub(super) fn end(rows: &Connection, id: &str) -> Result<()> {
    run(rows, "DELETE FROM subscription_person WHERE subscription = ?1", [id])?;
    run(rows, "DELETE FROM subscription WHERE id = ?1", [id]).map(drop)
}

fn all(
    rows: &Connection,
    keys: &Keys,
    sql: &str,
    values: impl Params,
) -> Result<Vec<Subscription>> {
    let read = |row: &Row<'_>| {
        Ok(Subscription {
            id: row.get(0)?,
            owner: row.get(1)?,
            version: version(row, 2)?,
            state: State::of_number(row.get(3)?),
            due: moment(row, 4)?,
            ready: row.get::<_, i64>(5)? == 1,
            touched: row.get(6)?,
            looked: row.get(7)?,
            body: row.get(8)?,
        })
    };
    let sealed: Vec<Subscription> = rows
        .prepare_cached(sql)
        .and_then(|mut query| query.query_map(values, read)?.collect())
        .map_err(Error::unavailable)?;
    sealed.into_iter().map(|one| sealed::open_subscription(keys, one)).collect()
}

fn run(rows: &Connection, sql: &str, values: impl Params) -> Result<usize> {
    rows.prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map_err(Error::unavailable)
}
