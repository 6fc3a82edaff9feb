//! Databases beside the one an address names, made and removed.
//!
//! Belongs to `store::postgres`; for whoever tries something out on a server of theirs. It removes what
//! it is told by name alone; that the name is its own maker's is the caller's to know.

use std::time::Duration;

use crate::{
    error::{Error, Kind, Result},
    store::postgres::{
        Database, Patience, Postgres,
        pool::{self, Errand},
    },
};

/// A server copies some megabytes to make a database.
const COPYING: Duration = Duration::from_mins(2);

impl Postgres {
    /// Makes an empty database on the server of another; gives the way there.
    ///
    /// # Errors
    /// `Unavailable`, saying what to do, if the server cannot be reached or the user may not.
    pub async fn make_database(server: &Database, name: &str) -> Result<Database> {
        let say = "The server does not let this user make a database: ALTER ROLE ... CREATEDB, or name \
                   another user.";
        run(server, format!("CREATE DATABASE {} TEMPLATE template0", quoted(name)?), say).await?;
        Ok(Database { address: server.address.beside(name), ..server.clone() })
    }

    /// Removes a database and ends the connections to it.
    ///
    /// # Errors
    /// As [`Postgres::make_database`].
    pub async fn remove_database(server: &Database, name: &str) -> Result<()> {
        let say = "A database could not be removed: remove it by hand (dropdb).";
        run(server, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)?), say).await
    }
}

async fn run(server: &Database, sql: String, say: &'static str) -> Result<()> {
    let patience = Patience { statement: COPYING, answer: COPYING, ..server.patience };
    // Neither runs in a transaction, so no pooler that knows nothing else can be in between.
    let straight = Database { patience, prepared: true, ..server.clone() };
    let (pool, _engine) = pool::start(&straight)?;
    pool.try_out().await?;
    let asked = pool.ask(Errand::Statement, sql, |rows, sql| Box::pin(rows.run(sql)));
    asked.await.map_err(|cause| Error::new(Kind::Unavailable, say).because(cause))
}

/// A name as it stands in a statement.
fn quoted(name: &str) -> Result<String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 63 || !name.bytes().all(is_plain) {
        return Err(Error::internal("a name of a database"));
    }
    Ok(format!("\"{name}\""))
}
