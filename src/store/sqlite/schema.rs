//! The file: how it is opened, what stands in it, and how it came to its present form.
//!
//! Belongs to `store::sqlite`; runs before anything is read. A file of another program, another
//! gateway, another master key or a newer gateway is refused, never repaired.

use std::{
    fs::{File, OpenOptions},
    path::Path,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, config::DbConfig,
};

use crate::{
    domain::id::NodeCode,
    error::{Error, Result},
    seal::Keys,
    store::{
        schema::{missing, refusal},
        sealed,
    },
};

/// `MyLf`, in the header of the file.
const APPLICATION: i32 = 0x4d79_4c66;

/// The steps from an empty file to the present form, in order; number 1 is the first.
const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
];

/// How every connection behaves.
const BEHAVIOUR: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA journal_size_limit = 67108864;";

/// Makes the file if it is absent, its owner's alone, and brings it to the present form.
///
/// # Errors
/// [`crate::error::Kind::Unavailable`] if it cannot be opened or must be refused.
pub(super) fn prepare(path: &Path, node: &NodeCode, keys: &Keys) -> Result<Connection> {
    made(path, |transaction| recognise(transaction, node, keys))
}

/// The same, whosever it is.
pub(super) fn bring_forward(path: &Path) -> Result<Connection> {
    made(path, |_| Ok(()))
}

fn made(path: &Path, check: impl FnOnce(&Transaction<'_>) -> Result<()>) -> Result<Connection> {
    create(path).map_err(Error::unavailable)?;
    let mut connection = bare(path).map_err(Error::unavailable)?;
    refuse_foreign(&connection)?;
    behave(&connection).map_err(Error::unavailable)?;
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = begun.map_err(Error::unavailable)?;
    migrate(&transaction)?;
    check(&transaction)?;
    transaction.commit().map_err(Error::unavailable)?;
    Ok(connection)
}

/// Numbers of the steps that opening the file would take; nothing is changed or made.
pub(super) fn pending(path: &Path) -> Result<Vec<i64>> {
    let mut journal = Vec::new();
    if path.exists() {
        let connection = bare(path).map_err(Error::unavailable)?;
        refuse_foreign(&connection)?;
        let known = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'";
        let known: i64 =
            connection.query_row(known, [], |row| row.get(0)).map_err(Error::unavailable)?;
        if known == 1 {
            journal = applied(&connection).map_err(Error::unavailable)?;
        }
    }
    Ok(missing(STEPS, &journal)?.into_iter().map(|step| step.number).collect())
}

/// A connection that only reads a prepared file.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = bare(path)?;
    behave(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

pub(super) fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.sync_all()?;
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        // The file's name must outlive a crash as surely as its pages.
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

pub(super) fn bare(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn behave(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Else a statement is parsed anew whenever it is asked with another value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(BEHAVIOUR)
}

fn refuse_foreign(connection: &Connection) -> Result<()> {
    let of = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let application = of("PRAGMA application_id").map_err(Error::unavailable)?;
    let tables = of("SELECT count(*) FROM sqlite_schema").map_err(Error::unavailable)?;
    if application == APPLICATION || (application == 0 && tables == 0) {
        return Ok(());
    }
    Err(refusal("The store's file belongs to another program: name another data directory."))
}

fn migrate(transaction: &Transaction<'_>) -> Result<()> {
    let failed = Error::unavailable;
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
    let journal = "CREATE TABLE IF NOT EXISTS schema_version \
                   (number INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT";
    transaction.execute(journal, []).map_err(failed)?;
    let journal = applied(transaction).map_err(failed)?;
    for step in missing(STEPS, &journal)? {
        transaction.execute_batch(step.text).map_err(failed)?;
        let note = "INSERT INTO schema_version (number, checksum) VALUES (?1, ?2)";
        transaction.execute(note, (step.number, step.checksum)).map_err(failed)?;
    }
    Ok(())
}

fn applied(transaction: &Connection) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
    let sql = "SELECT number, checksum FROM schema_version ORDER BY number";
    let mut query = transaction.prepare(sql)?;
    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Whose store is it, and do our keys open it? A new one becomes ours.
fn recognise(transaction: &Transaction<'_>, node: &NodeCode, keys: &Keys) -> Result<()> {
    let known = "SELECT code, probe FROM gateway";
    let found: Option<(String, Vec<u8>)> = transaction
        .query_row(known, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(Error::unavailable)?;
    let Some((code, probe)) = found else {
        let probe = sealed::probe(keys, node)?;
        let own = "INSERT INTO gateway (one, code, probe) VALUES (1, ?1, ?2)";
        transaction.execute(own, (node.as_str(), probe)).map_err(Error::unavailable)?;
        return Ok(());
    };
    sealed::recognise(keys, node, &code, &probe)
}
