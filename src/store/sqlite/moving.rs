//! The file's rows as a move reads and writes them.
//!
//! Belongs to `store::sqlite`; see `store::moving`. One connection, on the caller's thread: no gateway
//! is at work, which the lock of the directory shows.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, params_from_iter, types::Value};

use crate::{
    error::{Error, Result},
    store::{
        Task,
        moving::{Cell, NUMBERED, Row, Rows, Side, Table},
        sqlite::{FILE, Sqlite, schema},
    },
};

struct File(Arc<Mutex<Connection>>);

impl Sqlite {
    /// The store of a directory as one side of a move; the directory's lock is the caller's to hold.
    ///
    /// # Errors
    /// As [`Sqlite::open`], as far as that shows in the schema.
    pub fn side(directory: &Path) -> Result<Side> {
        let rows = schema::bring_forward(&directory.join(FILE))?;
        let rows = Box::new(File(Arc::new(Mutex::new(rows))));
        Ok(Side { rows, ledger: None })
    }
}

impl File {
    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Task<T> {
        let rows = Arc::clone(&self.0);
        Box::pin(async move {
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            ask(&mut rows).map_err(Error::unavailable)
        })
    }
}

impl Rows for File {
    fn read(&self, sql: &'static str, values: Row) -> Task<Vec<Row>> {
        self.ask(move |rows| {
            let mut query = rows.prepare_cached(sql)?;
            let columns = query.column_count();
            let row =
                |row: &rusqlite::Row<'_>| (0..columns).map(|at| cell(row.get(at)?, at)).collect();
            query.query_map(params_from_iter(values.into_iter().map(value)), row)?.collect()
        })
    }

    fn add(&self, table: &'static Table, all: Vec<Row>) -> Task<()> {
        self.ask(move |rows| {
            let sql = table.insert.replace(" OVERRIDING SYSTEM VALUE", "");
            let transaction = rows.transaction()?;
            for row in all {
                let values = params_from_iter(row.into_iter().map(value));
                transaction.prepare_cached(&sql)?.execute(values)?;
            }
            transaction.commit()
        })
    }

    fn owner(&self) -> Task<Option<(String, Vec<u8>)>> {
        self.ask(|rows| {
            let known = "SELECT code, probe FROM gateway";
            rows.query_row(known, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
    }

    fn own(&self, code: String, probe: Vec<u8>) -> Task<()> {
        self.ask(move |rows| {
            let own = "INSERT INTO gateway (one, code, probe) VALUES (1, ?1, ?2) \
                       ON CONFLICT (one) DO UPDATE SET code = excluded.code, probe = excluded.probe";
            rows.execute(own, (code, probe)).map(drop)
        })
    }

    fn highest(&self) -> Task<Vec<i64>> {
        self.ask(|rows| {
            let given =
                "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?1), 0))";
            let mut all = Vec::new();
            for (table, held) in NUMBERED.into_iter().zip(HELD) {
                let given: i64 = rows.query_row(given, [table], |row| row.get(0))?;
                let held: i64 = rows.query_row(held, [], |row| row.get(0))?;
                all.push(given.max(held));
            }
            Ok(all)
        })
    }

    fn rise(&self, highest: Vec<i64>) -> Task<()> {
        self.ask(move |rows| {
            let transaction = rows.transaction()?;
            // The first two give out what is above their rows; no row of theirs is ever removed.
            for (table, highest) in NUMBERED.into_iter().zip(highest).skip(2) {
                transaction.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
                let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
                transaction.execute(sql, (table, highest))?;
            }
            transaction.commit()
        })
    }

    fn alone(&self) -> Task<()> {
        Box::pin(async { Ok(()) })
    }

    fn database(&self) -> Task<Option<String>> {
        Box::pin(async { Ok(None) })
    }
}

/// The highest id that is held, in the order of [`NUMBERED`].
const HELD: [&str; 4] = [
    "SELECT coalesce(max(row), 0) FROM person",
    "SELECT coalesce(max(row), 0) FROM document",
    "SELECT coalesce(max(id), 0) FROM audit_pending",
    "SELECT coalesce(max(id), 0) FROM outbox",
];

fn cell(value: Value, at: usize) -> rusqlite::Result<Cell> {
    match value {
        Value::Null => Ok(Cell::Null),
        Value::Integer(number) => Ok(Cell::Number(number)),
        Value::Text(text) => Ok(Cell::Text(text)),
        Value::Blob(bytes) => Ok(Cell::Bytes(bytes)),
        Value::Real(_) => Err(rusqlite::Error::InvalidColumnIndex(at)),
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Number(number) => Value::Integer(number),
        Cell::Text(text) => Value::Text(text),
        Cell::Bytes(bytes) => Value::Blob(bytes),
    }
}
