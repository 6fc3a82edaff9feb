//! The database's rows as a move reads and writes them.
//!
//! Belongs to `store::postgres`; see `store::moving`. One connection, so that any other under our name
//! is a gateway at work.

use std::{num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_postgres::types::Type;

use crate::{
    chance::Chance,
    error::{Error, Result},
    store::{
        Task,
        lock::Lock,
        moving::{Cell, Row, Rows, Side, Table},
        postgres::{
            Database, Ledger, Patience, Postgres,
            fault::Outcome,
            kept::{Kept, chain},
            pool::{self, Errand, Pool},
            schema,
            session::{
                Session,
                Value::{self, Bytes, MaybeBytes, Number, Text},
                column,
            },
        },
        schema::refusal,
    },
};

/// A page of large documents takes its time.
const PAGE: Duration = Duration::from_mins(2);

/// How often, and how far apart, it is looked whether a gateway is at work.
const LOOKS: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(200);

struct There {
    pool: Arc<Pool>,
    _kept: Arc<Kept>,
}

impl Postgres {
    /// A database, and the data directory of a process that uses it, as one side of a move; made ready
    /// if it is empty. The lock of the directory is the caller's.
    ///
    /// # Errors
    /// As [`Postgres::open`], as far as that shows in the schema.
    pub async fn side(
        database: &Database,
        directory: &Path,
        chance: &dyn Chance,
        _held: &Lock,
    ) -> Result<Side> {
        let chain = chain(directory, chance).map_err(Error::unavailable)?;
        let patience = Patience { statement: PAGE, answer: PAGE, ..database.patience };
        let connections = NonZeroUsize::MIN;
        let alone = Database { connections, patience, ..database.clone() };
        let (pool, engine) = pool::start(&alone)?;
        pool.try_out().await?;
        schema::bring_forward(&pool).await?;
        let kept = Arc::new(Kept { _engine: engine, _lock: None });
        // One connection is enough where nobody else asks.
        let writing = Arc::clone(&pool);
        let ledger = Some(Ledger::new(Arc::clone(&pool), writing, Arc::clone(&kept), chain));
        Ok(Side { rows: Box::new(There { pool, _kept: kept }), ledger })
    }
}

impl Rows for There {
    fn read(&self, sql: &'static str, values: Row) -> Task<Vec<Row>> {
        self.pool.ask(Errand::Read, (sql, values), |rows, (sql, values)| {
            Box::pin(read(rows, sql, values))
        })
    }

    fn add(&self, table: &'static Table, all: Vec<Row>) -> Task<()> {
        self.pool.ask(Errand::Transaction, (table, all), |rows, (table, all)| {
            Box::pin(add(rows, table, all))
        })
    }

    fn owner(&self) -> Task<Option<(String, Vec<u8>)>> {
        self.pool.ask(Errand::Read, (), |rows, ()| Box::pin(owner(rows)))
    }

    fn own(&self, code: String, probe: Vec<u8>) -> Task<()> {
        self.pool.ask(Errand::Statement, (code, probe), |rows, (code, probe)| {
            Box::pin(async move {
                let own = "INSERT INTO gateway (one, code, probe, ahead) VALUES (1, $1, $2, 0) \
                           ON CONFLICT (one) DO UPDATE \
                           SET code = excluded.code, probe = excluded.probe";
                rows.all(own, &[Text(code), Bytes(probe)]).await?;
                Ok(())
            })
        })
    }

    fn highest(&self) -> Task<Vec<i64>> {
        self.pool.ask(Errand::Read, (), |rows, ()| Box::pin(highest(rows)))
    }

    fn rise(&self, highest: Vec<i64>) -> Task<()> {
        self.pool.ask(Errand::Statement, highest, |rows, highest| Box::pin(rise(rows, highest)))
    }

    fn alone(&self) -> Task<()> {
        self.pool.ask(Errand::Read, (), |rows, ()| Box::pin(alone(rows)))
    }

    fn database(&self) -> Task<Option<String>> {
        self.pool.ask(Errand::Read, (), |rows, ()| {
            Box::pin(async move {
                // No two servers have begun in the same microsecond.
                let sql = "SELECT concat_ws(' ', oid, current_schema(), pg_postmaster_start_time()) \
                           FROM pg_database WHERE datname = current_database()";
                rows.one(sql, &[]).await?.map(|row| column(&row, 0)).transpose()
            })
        })
    }
}

async fn read(rows: &Session<'_>, sql: &'static str, values: &Row) -> Outcome<Vec<Row>> {
    let values: Vec<Value<'_>> = values.iter().map(value).collect();
    let found = rows.all(sql, &values).await?;
    let row = |row: &tokio_postgres::Row| (0..row.len()).map(|at| cell(row, at)).collect();
    found.iter().map(row).collect()
}

async fn add(rows: &Session<'_>, table: &Table, all: &[Row]) -> Outcome<()> {
    for row in all {
        let values: Vec<Value<'_>> = row.iter().map(value).collect();
        rows.all(table.insert, &values).await?;
    }
    Ok(())
}

async fn owner(rows: &Session<'_>) -> Outcome<Option<(String, Vec<u8>)>> {
    let Some(row) = rows.one("SELECT code, probe FROM gateway", &[]).await? else {
        return Ok(None);
    };
    Ok(Some((column(&row, 0)?, column(&row, 1)?)))
}

/// In the order of `moving::NUMBERED`.
async fn highest(rows: &Session<'_>) -> Outcome<Vec<i64>> {
    let sql = "SELECT coalesce(s.last_value, 0)::bigint FROM \
               (VALUES (1, 'person', 'row'), (2, 'document', 'row'), (3, 'audit_pending', 'id'), \
               (4, 'outbox', 'id')) AS t (place, name, of) JOIN pg_sequences s \
               ON s.schemaname = current_schema() AND s.sequencename = t.name || '_' || t.of || '_seq' \
               ORDER BY t.place";
    rows.all(sql, &[]).await?.iter().map(|row| column(row, 0)).collect()
}

async fn rise(rows: &Session<'_>, highest: &[i64]) -> Outcome<()> {
    let sql = "SELECT setval(pg_get_serial_sequence(t.name, t.of), greatest(t.above, 1), t.above > 0) \
               FROM (SELECT place, name, of, ($1::bigint[])[place] AS above FROM \
               (VALUES (1, 'person', 'row'), (2, 'document', 'row'), (3, 'audit_pending', 'id'), \
               (4, 'outbox', 'id')) AS v (place, name, of)) AS t";
    rows.all(sql, &[Value::Numbers(highest)]).await?;
    Ok(())
}

async fn alone(rows: &Session<'_>) -> Outcome<()> {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name = 'mylife' AND pid <> pg_backend_pid()";
    // The server ends the connections of one that has just stopped a moment later.
    for _ in 0..LOOKS {
        let others: Option<i64> =
            rows.one(sql, &[]).await?.map(|row| column(&row, 0)).transpose()?;
        if others.unwrap_or_default() == 0 {
            return Ok(());
        }
        sleep(BETWEEN).await;
    }
    let say = "A gateway is at work on the database: stop every process of it first.";
    Err(refusal(say).into())
}

fn cell(row: &tokio_postgres::Row, at: usize) -> Outcome<Cell> {
    let kind = row.columns().get(at).map(|column| column.type_().clone());
    Ok(match kind {
        Some(Type::INT8) => column::<Option<i64>>(row, at)?.map_or(Cell::Null, Cell::Number),
        Some(Type::TEXT) => column::<Option<String>>(row, at)?.map_or(Cell::Null, Cell::Text),
        Some(_) | None => column::<Option<Vec<u8>>>(row, at)?.map_or(Cell::Null, Cell::Bytes),
    })
}

fn value(cell: &Cell) -> Value<'_> {
    match cell {
        Cell::Null => MaybeBytes(None),
        Cell::Number(number) => Number(*number),
        Cell::Text(text) => Text(text),
        Cell::Bytes(bytes) => Bytes(bytes),
    }
}
