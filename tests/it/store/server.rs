//! The store on a real `PostgreSQL`: the same stories, and what only a server can show.

use std::{num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use mylife::{
    chance::SystemChance,
    domain::id::NodeCode,
    error::Result,
    store::{
        Store,
        postgres::{Address, Database, Options, Patience, Postgres},
    },
};

use self::cluster::{Cluster, USER, shared};
use super::{
    Directory, assessment, at, change, consent, documents, keys, message, on_one_thread,
    permission, writes,
};

pub(crate) mod cluster;
mod following;
mod lost;
mod moving;
mod opening;
mod order;
mod turns;
#[expect(clippy::duplicate_mod, reason = "the same stories on another store")]
#[path = "bound.rs"]
mod bound;
#[expect(clippy::duplicate_mod, reason = "the same stories on another store")]
#[path = "contract.rs"]
mod contract;
#[expect(clippy::duplicate_mod, reason = "the same stories on another store")]
#[path = "model.rs"]
mod model;
#[expect(clippy::duplicate_mod, reason = "the same stories on another store")]
#[path = "race.rs"]
mod race;
#[expect(clippy::duplicate_mod, reason = "the same stories on another store")]
#[path = "subscriptions.rs"]
mod subscriptions;

/// How a store reaches its database: the socket, and whether statements may be prepared.
const WAYS: [(&str, bool); 3] = [("", true), ("session", true), ("transaction", false)];

/// The last step of the schema.
pub(crate) const LAST: i64 = 12;

/// Tables that the steps from the ninth on made.
pub(crate) const NEWEST: &str = "naming, permission, subscription_person, subscription";

/// Records as they were before the eighth step, with the links of those that ended a batch.
pub(crate) const ROWS: &str = "CREATE TABLE audit_record (chain text COLLATE \"C\" NOT NULL, \
     number bigint NOT NULL, link bytea NOT NULL, leaf bytea NOT NULL, \
     key_id text COLLATE \"C\" NOT NULL, frame bytea NOT NULL, PRIMARY KEY (chain, number)); \
     INSERT INTO audit_record SELECT chain, number + at - 1, link, substr(frame, 9, 32), \
     convert_from(substr(frame, 42, get_byte(frame, 40)), 'UTF8'), frame \
     FROM (SELECT *, substr(frames, (coalesce(ends[at - 1], 0) + 1)::int, \
     (ends[at] - coalesce(ends[at - 1], 0))::int) AS frame \
     FROM audit_batch, generate_series(1, cardinality(ends)) AS at) AS each; \
     DROP TABLE audit_batch";

/// Waits long: other tests keep the server busy.
const PATIENT: Patience = Patience {
    connect: Duration::from_mins(1),
    statement: Duration::from_mins(1),
    lock: Duration::from_mins(1),
    answer: Duration::from_mins(2),
};

pub(crate) fn database(cluster: &Cluster, socket: &str, name: &str) -> Database {
    Database {
        address: Address::parse(&cluster.url(socket, USER, name)).unwrap(),
        password: None,
        tls: None,
        connections: NonZeroUsize::new(8).unwrap(),
        prepared: true,
        patience: PATIENT,
    }
}

pub(crate) fn options(directory: &Path, database: Database) -> Options {
    Options {
        directory: directory.to_path_buf(),
        database,
        node: NodeCode::parse("297").unwrap(),
        keys: keys(1),
        chance: Arc::new(SystemChance),
    }
}

async fn open(directory: &Directory, database: Database) -> Arc<dyn Store> {
    Arc::new(Postgres::open(options(directory.path(), database)).await.unwrap())
}

/// Opens a store, or gives back why it was refused.
fn try_open(database: Database) -> Result<Postgres> {
    let directory = Directory::new("opening");
    on_one_thread(Postgres::open(options(directory.path(), database)))
}

/// Runs a story on a new database, in every way of reaching it.
fn every(name: &str, story: impl AsyncFn(Arc<dyn Store>)) {
    for (socket, prepared) in WAYS {
        let directory = Directory::new(name);
        let database = database(shared(), socket, &shared().database());
        on_one_thread(async {
            story(open(&directory, Database { prepared, ..database }).await).await;
        });
    }
}

/// A new database of the shared server, reached straight.
pub(crate) fn fresh() -> (String, Database) {
    let name = shared().database();
    let database = named(&name);
    (name, database)
}

/// A database of the shared server that is there already.
pub(crate) fn named(name: &str) -> Database {
    database(shared(), "", name)
}

/// Runs statements on such a database; gives the first column of the last rows.
pub(crate) fn run(name: &str, sql: &str) -> Vec<String> {
    shared().run(name, sql)
}

/// The address of a database of the tests' server.
pub(crate) fn address(name: &str) -> String {
    shared().url("", USER, name)
}
