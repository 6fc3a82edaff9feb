//! The tables: how they came to their present form, and whose they are.
//!
//! Belongs to `store::postgres`; runs before anything is read. Each step is one transaction under an
//! advisory lock, so that of several processes one takes it and none sees half of it. Opening makes an
//! empty database ours; a form that is older is brought forward by `mylife migrate` alone, as other
//! processes may still be at work on it. What is another program's, another gateway's or a newer
//! gateway's is refused, never repaired.

use std::sync::Arc;

use crate::{
    domain::id::NodeCode,
    error::Result,
    seal::Keys,
    store::{
        postgres::{
            fault::Outcome,
            pool::{Errand, Pool},
            session::{
                Session,
                Value::{Bytes, Number, Text},
                column,
            },
        },
        schema::{Step, missing, refusal},
        sealed,
    },
};

/// The steps from an empty database to the present form, in order; number 1 is the first.
const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
    include_str!("schema/0008.sql"),
    include_str!("schema/0009.sql"),
    include_str!("schema/0010.sql"),
    include_str!("schema/0011.sql"),
    include_str!("schema/0012.sql"),
];

/// Held by who changes the form: `MyLife` in the first bytes.
const LOCK: &str = "SELECT pg_advisory_xact_lock(5583950431494471680)";

/// Made with the first step.
const JOURNAL: &str = "CREATE TABLE IF NOT EXISTS schema_version \
     (number bigint PRIMARY KEY, checksum bytea NOT NULL)";

/// What stands in the schema that our names lead to: how many tables, and how many columns of a
/// journal of ours.
const STANDING: &str = "SELECT \
     (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')), \
     (SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema() \
     AND table_name = 'schema_version' AND column_name IN ('number', 'checksum'))";

/// Whose store it is.
pub(super) struct Owner {
    /// The gateway.
    pub(super) node: NodeCode,
    /// Its keys.
    pub(super) keys: Arc<Keys>,
}

/// Numbers of the steps that the database lacks; nothing is changed.
pub(super) async fn pending(pool: &Arc<Pool>) -> Result<Vec<i64>> {
    let steps = pool.ask(Errand::Transaction, (), |rows, ()| Box::pin(lacking(rows))).await?;
    Ok(steps.into_iter().map(|step| step.number).collect())
}

/// Takes every step that the database lacks; gives their numbers.
pub(super) async fn migrate(pool: &Arc<Pool>) -> Result<Vec<i64>> {
    let mut taken = Vec::new();
    while let Some(number) =
        pool.ask(Errand::Transaction, (), |rows, ()| Box::pin(take(rows))).await?
    {
        taken.push(number);
    }
    Ok(taken)
}

/// Gives an empty database its tables, or checks that another has them as they are now.
pub(super) async fn bring_forward(pool: &Arc<Pool>) -> Result<()> {
    let lacking = pending(pool).await?;
    if lacking.first() == Some(&1) {
        pool.ask(Errand::Transaction, (), |rows, ()| Box::pin(create(rows))).await?;
    } else if !lacking.is_empty() {
        return Err(refusal(
            "The store is of an older gateway: stop the gateways that use it, then run \
             `mylife migrate`.",
        ));
    }
    Ok(())
}

/// Makes an empty database ours, or checks that it is.
pub(super) async fn prepare(pool: &Arc<Pool>, owner: Owner) -> Result<()> {
    bring_forward(pool).await?;
    pool.ask(Errand::Transaction, owner, |rows, owner| Box::pin(recognise(rows, owner))).await
}

async fn lacking(rows: &Session<'_>) -> Outcome<Vec<Step>> {
    let foreign = || refusal("The database holds another program's tables: name one of its own.");
    let standing = rows.one(STANDING, &[]).await?.ok_or_else(foreign)?;
    let (tables, journal): (i64, i64) = (column(&standing, 0)?, column(&standing, 1)?);
    let mut applied = Vec::new();
    if journal == 2 {
        let sql = "SELECT number, checksum FROM schema_version ORDER BY number";
        for row in rows.all(sql, &[]).await? {
            applied.push((column(&row, 0)?, column(&row, 1)?));
        }
    } else if tables > 0 {
        return Err(foreign().into());
    }
    let lacking = missing(STEPS, &applied)?;
    // Tables without a word of how they were made.
    if tables > 1 && applied.is_empty() {
        return Err(refusal("The store's journal of its schema is gone: restore a backup.").into());
    }
    Ok(lacking)
}

/// Takes every step at once if the database is still empty: processes that start together on an empty
/// one must not take each other's first steps for an older gateway.
async fn create(rows: &Session<'_>) -> Outcome<()> {
    rows.run(LOCK).await?;
    let lacking = lacking(rows).await?;
    if lacking.first().is_some_and(|step| step.number == 1) {
        for step in &lacking {
            apply(rows, step).await?;
        }
    }
    Ok(())
}

/// Takes the first step that is lacking.
async fn take(rows: &Session<'_>) -> Outcome<Option<i64>> {
    rows.run(LOCK).await?;
    let Some(step) = lacking(rows).await?.into_iter().next() else { return Ok(None) };
    apply(rows, &step).await?;
    Ok(Some(step.number))
}

async fn apply(rows: &Session<'_>, step: &Step) -> Outcome<()> {
    // A step is as long as the tables are large.
    rows.run("SET LOCAL statement_timeout = 0").await?;
    rows.run(JOURNAL).await?;
    rows.run(step.text).await?;
    let note = "INSERT INTO schema_version (number, checksum) VALUES ($1, $2)";
    rows.all(note, &[Number(step.number), Bytes(&step.checksum)]).await?;
    Ok(())
}

/// Whose store is it, and do our keys open it? A new one becomes ours.
async fn recognise(rows: &Session<'_>, owner: &Owner) -> Outcome<()> {
    rows.run(LOCK).await?;
    let Owner { node, keys } = owner;
    let Some(known) = rows.one("SELECT code, probe FROM gateway", &[]).await? else {
        let probe = sealed::probe(keys, node)?;
        let own = "INSERT INTO gateway (one, code, probe, ahead) VALUES (1, $1, $2, 0)";
        rows.all(own, &[Text(node.as_str()), Bytes(&probe)]).await?;
        return Ok(());
    };
    sealed::recognise(keys, node, column(&known, 0)?, column(&known, 1)?)?;
    // Where a dump was restored, transactions count from elsewhere: new changes go above the old.
    let ahead = "UPDATE gateway SET ahead = newest.place - here.id FROM \
                 (SELECT coalesce(max(sequence), 0) AS place FROM change) newest, \
                 (SELECT pg_current_xact_id()::text::bigint AS id) here \
                 WHERE newest.place >= here.id + ahead";
    rows.all(ahead, &[]).await?;
    Ok(())
}
