//! Subscriptions in the database's rows.
//!
//! Belongs to `store::postgres`. What comes out is still sealed: it is opened on the caller's side.

use std::sync::Arc;

use tokio_postgres::Row;

use crate::{
    domain::moment::Moment,
    store::{
        DocumentKind,
        postgres::{
            fault::Outcome,
            session::{
                Session,
                Value::{Bytes, Number, Text, Texts},
                at_most, bytes, column, text, version,
            },
        },
        subscription::{State, Subscription},
        succession::signed,
    },
};

/// Those about people, and about whose data those people are named in.
macro_rules! about {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "(SELECT subscription FROM subscription_person WHERE patient = ANY ($1) \
             UNION SELECT s.subscription FROM person me \
             JOIN document d ON d.person = me.row AND d.kind = $2 \
             JOIN naming n ON n.owner = d.owner AND n.local_id = d.local_id \
             JOIN person p ON p.row = n.person JOIN subscription_person s ON s.patient = p.patient \
             WHERE me.patient = ANY ($1))",
            $after
        )
    };
}

macro_rules! subscriptions {
    ($which:literal) => {
        concat!(
            "SELECT id, owner, version, state, due, ready, touched, looked, body \
             FROM subscription WHERE ",
            $which
        )
    };
}

/// One by its id.
pub(super) async fn one(rows: &Session<'_>, id: &str) -> Outcome<Option<Subscription>> {
    let found = rows.one(subscriptions!("id = $1"), &[Text(id)]).await?;
    found.as_ref().map(subscription).transpose()
}

/// A client's own, in order of id.
pub(super) async fn of(rows: &Session<'_>, owner: &str) -> Outcome<Vec<Subscription>> {
    let found = rows.all(subscriptions!("owner = $1 ORDER BY id"), &[Text(owner)]).await?;
    found.iter().map(subscription).collect()
}

/// Those whose turn it is.
pub(super) async fn due(
    rows: &Session<'_>,
    now: Moment,
    limit: usize,
) -> Outcome<Vec<Subscription>> {
    let sql = subscriptions!(
        "id IN (SELECT id FROM subscription WHERE due <= $1 UNION \
         SELECT id FROM subscription WHERE ready = 1 AND touched > looked LIMIT $2)"
    );
    let found = rows.all(sql, &[Number(now.millis()), at_most(limit)]).await?;
    found.iter().map(subscription).collect()
}

/// How many there are in each state.
pub(super) async fn count(rows: &Session<'_>) -> Outcome<Vec<(State, u64)>> {
    let sql = "SELECT state, count(*) FROM subscription GROUP BY state";
    let read = |row: &Row| Ok((State::of_number(column(row, 0)?), version(row, 1)?));
    rows.all(sql, &[]).await?.iter().map(read).collect()
}

/// Writes the next version of one, or the first if its owner has fewer than so many. Of two firsts at
/// once the second waits for the first, then counts it too.
pub(super) async fn put(
    rows: &Session<'_>,
    row: &Subscription,
    about: Option<&[Arc<str>]>,
    most: usize,
) -> Outcome<bool> {
    let (id, owner, body) = (Text(&row.id), Text(&row.owner), Bytes(&row.body));
    let version = Number(signed(row.version)?);
    let [state, due] = [row.state.number(), row.due.millis()].map(Number);
    let [ready, looked] = [i64::from(row.ready), row.looked].map(Number);
    let changed = if row.version > 1 {
        let sql = "UPDATE subscription SET version = $3, state = $4, due = $5, ready = $6, \
                   looked = $7, body = $8 \
                   WHERE id = $1 AND owner = $2 AND version = $3 - 1";
        rows.changed(sql, &[id, owner, version, state, due, ready, looked, body]).await?
    } else {
        let alone =
            "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) AS alone";
        rows.all(alone, &[Text(&row.owner)]).await?;
        let sql = "INSERT INTO subscription \
                   (id, owner, version, state, due, ready, touched, looked, body) \
                   SELECT $1, $2, $3, $4, $5, $6, 0, $7, $8 \
                   WHERE (SELECT count(*) FROM subscription WHERE owner = $2) < $9";
        let most = at_most(most);
        rows.changed(sql, &[id, owner, version, state, due, ready, looked, body, most]).await?
    };
    if let (1, Some(about)) = (changed, about) {
        let sql = "DELETE FROM subscription_person WHERE subscription = $1";
        rows.all(sql, &[Text(&row.id)]).await?;
        let patients: Vec<&str> = about.iter().map(|patient| &**patient).collect();
        let sql = "INSERT INTO subscription_person (patient, subscription) \
                   SELECT unnest($2), $1 ON CONFLICT DO NOTHING";
        rows.all(sql, &[Text(&row.id), Texts(&patients)]).await?;
    }
    Ok(changed == 1)
}

/// Notes up to which touch one was looked at, and when its turn comes next, unless it was written since.
pub(super) async fn looked(
    rows: &Session<'_>,
    (id, read): (&str, u64),
    looked: i64,
    due: Moment,
) -> Outcome<()> {
    let sql = "UPDATE subscription SET looked = greatest(looked, $3), due = $4 \
               WHERE id = $1 AND version = $2";
    let values = [Text(id), Number(signed(read)?), Number(looked), Number(due.millis())];
    rows.all(sql, &values).await?;
    Ok(())
}

/// Touches those that are about any of these people, or all.
pub(super) async fn touch(rows: &Session<'_>, patients: Option<&[Arc<str>]>) -> Outcome<()> {
    let Some(patients) = patients else {
        rows.all("UPDATE subscription SET touched = touched + 1", &[]).await?;
        return Ok(());
    };
    let patients: Vec<&str> = patients.iter().map(|patient| &**patient).collect();
    let sql = about!("UPDATE subscription SET touched = touched + 1 WHERE id IN ", "");
    rows.all(sql, &[Texts(&patients), Number(DocumentKind::Person.number())]).await?;
    Ok(())
}

/// Is any about one of these people?
pub(super) async fn is_about(rows: &Session<'_>, patients: &[Arc<str>]) -> Outcome<bool> {
    let patients: Vec<&str> = patients.iter().map(|patient| &**patient).collect();
    let sql = about!("SELECT 1 FROM ", " AS any_of_them LIMIT 1");
    let kind = Number(DocumentKind::Person.number());
    Ok(rows.one(sql, &[Texts(&patients), kind]).await?.is_some())
}

/// Forgets one.
pub(super) async fn end(rows: &Session<'_>, id: &str) -> Outcome<()> {
    rows.all("DELETE FROM subscription_person WHERE subscription = $1", &[Text(id)]).await?;
    rows.all("DELETE FROM subscription WHERE id = $1", &[Text(id)]).await?;
    Ok(())
}

fn subscription(row: &Row) -> Outcome<Subscription> {
    Ok(Subscription {
        id: text(row, 0)?,
        owner: text(row, 1)?,
        version: version(row, 2)?,
        state: State::of_number(column(row, 3)?),
        due: Moment::from_millis(column(row, 4)?),
        ready: column::<i64>(row, 5)? == 1,
        touched: column(row, 6)?,
        looked: column(row, 7)?,
        body: bytes(row, 8)?,
    })
}
