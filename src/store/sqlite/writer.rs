//! The one thread that writes, and its group commit.
//!
//! Belongs to `store::sqlite`. It takes everything that is queued, makes each change in a savepoint of
//! one transaction, commits once, and only then answers everybody who waits: many pay for one fsync. A
//! change that is refused undoes itself alone. If the transaction fails nobody is answered; an
//! answer that is dropped reads as *unavailable*, so nothing is acknowledged that is not durable.

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{error::Result, store::sqlite::queue::Queue};

/// A change, to be made in the transaction; gives the answer to send once that is durable. An error
/// says that the transaction can no longer be trusted.
pub(super) type Work = Box<dyn FnOnce(&Connection) -> rusqlite::Result<Answer> + Send>;

/// Tells the caller what came of the change.
pub(super) type Answer = Box<dyn FnOnce() + Send>;

/// A change as work: made in a savepoint of its own, answered through `tell`.
pub(super) fn work<T: Send + 'static>(
    change: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    tell: oneshot::Sender<Result<T>>,
) -> Work {
    Box::new(move |rows| {
        run(rows, "SAVEPOINT change")?;
        let outcome = change(rows);
        if outcome.is_err() {
            run(rows, "ROLLBACK TO change")?;
        }
        run(rows, "RELEASE change")?;
        let answer: Answer = Box::new(move || drop(tell.send(outcome)));
        Ok(answer)
    })
}

/// Writes until the queue is closed and empty.
pub(super) fn write(rows: &Connection, queue: &Queue<Work>) {
    while let Some(batch) = queue.take_all() {
        match together(rows, batch) {
            Ok(answers) => answers.into_iter().for_each(|answer| answer()),
            Err(cause) => tracing::error!(%cause, "a transaction failed; its writers are refused"),
        }
    }
    if let Err(cause) = rows.execute_batch("PRAGMA optimize") {
        tracing::warn!(%cause, "the store's statistics were not brought up to date");
    }
}

/// Makes all changes of a batch durable, or none.
fn together(rows: &Connection, batch: Vec<Work>) -> rusqlite::Result<Vec<Answer>> {
    run(rows, "BEGIN IMMEDIATE")?;
    let made = batch.into_iter().map(|work| work(rows)).collect::<rusqlite::Result<Vec<_>>>();
    let durable = made.and_then(|answers| run(rows, "COMMIT").map(|()| answers));
    // SQLite has rolled back by itself after some errors (disk full), and not after others.
    if durable.is_err() && !rows.is_autocommit() {
        run(rows, "ROLLBACK")?;
    }
    durable
}

fn run(rows: &Connection, sql: &str) -> rusqlite::Result<()> {
    rows.prepare_cached(sql)?.execute([]).map(|_| ())
}
