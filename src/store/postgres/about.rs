//! What a database says of itself: version, settings that matter, its clock.
//!
//! Belongs to `store::postgres`, for `mylife doctor`. Reads nothing that is stored, and changes nothing.

use super::{
    Postgres,
    pool::{self, Errand},
    session::column,
    target::Database,
};
use crate::{domain::moment::Moment, error::Result};

/// What is asked; names without effect stand as empty texts.
const ABOUT: &str = "SELECT current_setting('server_version_num')::bigint, \
     current_setting('fsync'), current_setting('full_page_writes'), \
     current_setting('synchronous_commit'), current_setting('max_connections')::bigint, \
     coalesce(current_setting('default_transaction_read_only'), ''), \
     (extract(epoch FROM clock_timestamp()) * 1000)::bigint, \
     (SELECT count(*) FROM pg_stat_activity)";

/// What a database says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct About {
    /// Major version times 10,000, and the minor.
    pub version: i64,
    /// Does what is acknowledged survive a crash of the machine?
    pub fsync: String,
    /// Does a page survive that was half written?
    pub full_page_writes: String,
    /// Is a commit waited for?
    pub synchronous_commit: String,
    /// Connections of all its users together.
    pub max_connections: i64,
    /// `on` where nothing may be written.
    pub read_only: String,
    /// Its clock.
    pub now: Moment,
    /// Connections there are.
    pub connections: i64,
}

impl Postgres {
    /// What the database says of itself.
    ///
    /// # Errors
    /// As [`Postgres::pending`].
    pub async fn about(database: &Database) -> Result<About> {
        let (pool, _engine) = pool::start(database)?;
        pool.try_out().await?;
        pool.ask(Errand::Transaction, (), |rows, ()| {
            Box::pin(async move {
                let nothing = || crate::error::Error::internal("a database without settings");
                let row = rows.one(ABOUT, &[]).await?.ok_or_else(nothing)?;
                Ok(About {
                    version: column(&row, 0)?,
                    fsync: column(&row, 1)?,
                    full_page_writes: column(&row, 2)?,
                    synchronous_commit: column(&row, 3)?,
                    max_connections: column(&row, 4)?,
                    read_only: column(&row, 5)?,
                    now: Moment::from_millis(column(&row, 6)?),
                    connections: column(&row, 7)?,
                })
            })
        })
        .await
    }
}
