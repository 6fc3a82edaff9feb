//! What went wrong between the gateway and the database.
//!
//! Belongs to `store::postgres`. Says what the caller reads, and whether the connection can be used
//! again. Of a database's own error the log gets code and message alone: its detail quotes values of
//! the row.

use std::fmt;

use tokio_postgres::error::{DbError, SqlState};

use crate::{
    error::{Error, Kind},
    store::succession::conflict,
};

/// What came of a question.
pub(super) type Outcome<T> = Result<T, Fault>;

/// Why nothing came of it.
#[derive(Debug)]
pub(super) struct Fault {
    /// For the caller.
    pub(super) error: Error,
    /// The connection is gone, or must not be used again.
    pub(super) lost: bool,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { error, lost: false }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(cause: tokio_postgres::Error) -> Self {
        let Some(told) = cause.as_db_error() else {
            return Self { lost: true, error: Error::unavailable(cause) };
        };
        let code = told.code();
        let error = if is_conflict(code) {
            conflict().because(Told::of(told))
        } else {
            Error::unavailable(Told::of(told))
        };
        Self { error, lost: is_lost(code) }
    }
}

/// Two transactions that cannot both be.
fn is_conflict(code: &SqlState) -> bool {
    let disagree = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    disagree.contains(code)
}

/// The server or a pooler ends the connection, or it leads to a server that is only read: after a
/// failover the next connection finds the one that is written.
fn is_lost(code: &SqlState) -> bool {
    let ends = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        // A plan, or a name of one, that the server does not know any more.
        SqlState::FEATURE_NOT_SUPPORTED,
        SqlState::INVALID_SQL_STATEMENT_NAME,
    ];
    code.code().starts_with("08") || ends.contains(code)
}

/// What a store that is being opened says of a connection that fails.
pub(super) fn refused(cause: tokio_postgres::Error) -> Error {
    let say = match cause.code().map(SqlState::code) {
        Some("28P01" | "28000") => {
            "The database refuses this user or password: correct the user in store.url, or \
             store.password_file."
        }
        Some("3D000") => {
            "The server has no database of this name: make it (createdb), or correct store.url."
        }
        Some("42501") => {
            "The database's user may not do this: let it own the schema, or run `mylife migrate` \
             as one who does."
        }
        Some(_) | None => {
            "The database cannot be reached, or is one that is only read: start it, or correct \
             store.url and store.ca_file."
        }
    };
    let error = Error::new(Kind::Unavailable, say);
    match cause.as_db_error().map(Told::of) {
        Some(told) => error.because(told),
        None => error.because(cause),
    }
}

/// A database's error without what it quotes, and what an operator does about it.
#[derive(Debug)]
struct Told {
    code: String,
    message: String,
    mend: &'static str,
}

impl Told {
    fn of(told: &DbError) -> Self {
        let mend = match told.code().code() {
            "53100" => ": free space on the database's disk",
            "53300" => ": let the server take more connections, or lower store.connections",
            "25006" => ": it is only read: let store.url lead to the server that is written",
            _ => "",
        };
        Self { code: told.code().code().to_owned(), message: told.message().to_owned(), mend }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.code, self.message, self.mend)
    }
}

impl std::error::Error for Told {}
