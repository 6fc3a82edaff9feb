//! The log on a real `PostgreSQL`: the suite, in every way of reaching it, and what several do at once.

mod batches;
mod several;

use std::{path::Path, sync::Arc};

use mylife::{
    audit::{
        chain::LinkKey,
        log::{Log, moving::Side},
        read::{self, Found, Keys},
        verify,
    },
    chance::SystemChance,
    error::Result,
    seal::audit::AuditKey,
    store::{
        Store,
        postgres::{Database, Ledger, Postgres},
    },
};

use super::{Checked, Files, Home, Tampering, moving, suite};
use crate::{
    step::audit::{Dir, block_on, clock, keys, signer},
    store::server::{cluster::shared, database, options},
};

/// Gives each record a place of its own, in place of runs.
const EACH: &str = "CREATE TABLE aside AS SELECT place + n AS place, chain, number + n AS number, 1 AS count \
     FROM audit_place CROSS JOIN LATERAL generate_series(0, count - 1) AS n; DELETE FROM audit_place; \
     INSERT INTO audit_place SELECT * FROM aside; DROP TABLE aside";

/// Whether a batch holds a record.
macro_rules! holds {
    ($number:literal) => {
        concat!(" WHERE number <= ", $number, " AND number + cardinality(ends) > ", $number)
    };
}

/// The second and the third record change places, where they are a batch each and where they stand in one.
const SWAP: &str = "UPDATE audit_batch a SET leaves = b.leaves, frames = b.frames, ends = b.ends, \
     people = b.people FROM audit_batch b WHERE a.number + b.number = 5 AND a.number IN (2, 3); \
     UPDATE audit_batch SET leaves = substr(leaves, 1, 32) || substr(leaves, 65, 32) \
     || substr(leaves, 33, 32) || substr(leaves, 97), \
     frames = substr(frames, 1, ends[1]::int) || substr(frames, ends[2]::int + 1, \
     (ends[3] - ends[2])::int) || substr(frames, ends[1]::int + 1, (ends[2] - ends[1])::int) \
     || substr(frames, ends[3]::int + 1), ends[2] = ends[1] + ends[3] - ends[2], \
     people[2] = people[3], people[3] = people[2] WHERE number = 1 AND cardinality(ends) > 2";

/// What somebody does to the rows.
type Act = fn(&Rows);

/// A database, as the only process sees it.
struct Rows {
    name: String,
    database: Database,
    directory: Dir,
}

impl Rows {
    fn by(socket: &str, prepared: bool) -> Self {
        let name = shared().database();
        let database = Database { prepared, ..database(shared(), socket, &name) };
        let home = Self { name, database, directory: Dir::new() };
        drop(home.process(home.directory.path()));
        home
    }

    /// The store of a process that has this directory.
    fn process(&self, directory: &Path) -> Postgres {
        block_on(Postgres::open(options(directory, self.database.clone()))).unwrap()
    }

    fn beside(&self) -> Postgres {
        let (name, directory) = (&self.name, self.directory.path());
        // Straight, whatever the way of the others.
        let database = database(shared(), "", name);
        block_on(Postgres::beside(options(directory, database))).unwrap()
    }

    /// The log of a process that has this directory.
    fn log(&self, directory: &Path) -> Log {
        shared_log(self.process(directory).ledger())
    }

    fn run(&self, sql: &str) -> Vec<String> {
        shared().run(&self.name, sql)
    }

    /// Nothing is added to a table until it is let go.
    fn hold(&self, table: &str) {
        let name = &self.name;
        let sql = format!("BEGIN; LOCK TABLE {table} IN SHARE MODE; PREPARE TRANSACTION '{name}'");
        self.run(&sql);
    }

    fn let_go(&self) {
        self.run(&format!("COMMIT PREPARED '{}'", self.name));
    }
}

fn shared_log(ledger: Ledger) -> Log {
    let chance = Arc::new(SystemChance);
    block_on(Log::shared(ledger, keys(), clock(), chance)).unwrap()
}

fn checked(ledger: &Ledger, keys_of: Keys<'_>) -> Checked {
    let links = LinkKey::of_node(&keys().node_key);
    let verifier = signer().verifier();
    let report = verify::rows::verify(ledger, Some(&verifier), Some(&links), keys_of).unwrap();
    Checked {
        records: report.records,
        opened: report.opened,
        checkpoints: report.checkpoints,
        fault: report.fault.map(|fault| fault.to_string()),
    }
}

impl Home for Rows {
    fn new() -> Self {
        Self::by("", true)
    }

    fn open(&self) -> Log {
        self.log(self.directory.path())
    }

    fn side(&self) -> Result<Side> {
        let ledger = self.process(self.directory.path()).ledger();
        block_on(Side::rows(ledger, &keys(), clock()))
    }

    fn break_down(&self) {
        self.run("ALTER TABLE audit_batch RENAME TO away");
    }

    fn mend(&self) {
        self.run("ALTER TABLE away RENAME TO audit_batch");
    }

    fn verify(&self, keys: Keys<'_>) -> Checked {
        checked(&self.beside().ledger(), keys)
    }

    fn read(&self, keys: Keys<'_>) -> Vec<Found> {
        read::rows::read(self.beside().ledger(), keys).map(Result::unwrap).collect()
    }

    fn of_person(&self, key: &AuditKey) -> Vec<Found> {
        read::rows::person(&self.beside().ledger(), key).unwrap()
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.beside())
    }

    fn tamperings() -> Vec<Tampering<Self>> {
        let rows: [(&str, Act, &str); 14] = [
            (
                "a record is gone",
                |home| drop(home.run(concat!("DELETE FROM audit_batch", holds!(2)))),
                "it is in the tree, and gone",
            ),
            (
                "a record and its place are gone",
                |home| {
                    home.run(concat!("DELETE FROM audit_batch", holds!(2)));
                    home.run(EACH);
                    home.run("DELETE FROM audit_place WHERE number = 2");
                },
                "leaf 1: it is missing",
            ),
            (
                "the last records of the tree are gone with their places",
                |home| {
                    home.run("DELETE FROM audit_batch WHERE number + cardinality(ends) > 4");
                    home.run(EACH);
                    home.run("DELETE FROM audit_place WHERE number > 3");
                },
                "the log is shorter than it says",
            ),
            (
                "the end is gone, from the tree and from what is signed too",
                |home| {
                    home.run(concat!("DELETE FROM audit_batch", holds!(5)));
                    home.run(EACH);
                    home.run("DELETE FROM audit_place WHERE number = 5");
                    home.run("DELETE FROM audit_checkpoint WHERE size = 5");
                },
                "leaf 4: it is missing at the end",
            ),
            (
                "a byte of a record is another",
                |home| {
                    home.run(concat!(
                        "UPDATE audit_batch SET frames = set_byte(frames, 200, \
                         get_byte(frames, 200) # 1)",
                        holds!(3)
                    ));
                },
                "record 3 of chain",
            ),
            (
                "a leaf is another",
                |home| {
                    home.run(concat!("UPDATE audit_batch SET leaves = sha256(leaves)", holds!(3)));
                },
                "its columns differ from it",
            ),
            (
                "it is about somebody else",
                |home| {
                    home.run(concat!("UPDATE audit_batch SET people[1] = 7", holds!(3)));
                },
                "its columns differ from it",
            ),
            (
                "a link is another",
                |home| {
                    home.run(concat!("UPDATE audit_batch SET link = sha256(link)", holds!(3)));
                },
                "record 3 of chain",
            ),
            (
                "two records have changed places in their chain",
                |home| {
                    home.run(SWAP);
                },
                "its link does not hold",
            ),
            (
                "two records have changed places in the tree",
                |home| {
                    home.run(EACH);
                    home.run("UPDATE audit_place SET number = -number WHERE number IN (2, 3)");
                    home.run("UPDATE audit_place SET number = 5 + number WHERE number < 0");
                },
                "record 2 of chain",
            ),
            (
                "a record is put in once more",
                |home| {
                    home.run(
                        "INSERT INTO audit_batch SELECT chain, 6, link, leaves, people, ends, frames \
                         FROM audit_batch WHERE number = 1",
                    );
                },
                "record 6 of chain",
            ),
            (
                "a chain is put in",
                |home| {
                    home.run(
                        "INSERT INTO audit_batch SELECT 'zz', 1, link, leaves, people, ends, frames \
                         FROM audit_batch WHERE number = 1",
                    );
                },
                "record 1 of chain zz: it, or one of its batch before it, was changed, moved or put in",
            ),
            (
                "the tree is another",
                |home| {
                    home.run("UPDATE audit_tree SET peaks = sha256(peaks) || substr(peaks, 33)");
                },
                "the tree has another root",
            ),
            (
                "a checkpoint is another's",
                |home| {
                    home.run(
                        "UPDATE audit_checkpoint SET note = replace(note, 'mylife.example', \
                         'other.example')",
                    );
                },
                "it is not signed by this key",
            ),
        ];
        rows.into_iter().map(|(how, act, says)| Tampering { how, act, says }).collect()
    }
}

/// The same through a pooler that gives a connection to a session.
struct ThroughSessions(Rows);

/// The same through a pooler that gives a connection to a transaction.
struct ThroughTransactions(Rows);

macro_rules! through {
    ($home:ident, $socket:literal, $prepared:literal) => {
        impl Home for $home {
            fn new() -> Self {
                Self(Rows::by($socket, $prepared))
            }

            fn open(&self) -> Log {
                self.0.open()
            }

            fn side(&self) -> Result<Side> {
                self.0.side()
            }

            fn break_down(&self) {
                self.0.break_down();
            }

            fn mend(&self) {
                self.0.mend();
            }

            fn verify(&self, keys: Keys<'_>) -> Checked {
                self.0.verify(keys)
            }

            fn read(&self, keys: Keys<'_>) -> Vec<Found> {
                self.0.read(keys)
            }

            fn of_person(&self, key: &AuditKey) -> Vec<Found> {
                self.0.of_person(key)
            }

            fn store(&self) -> Arc<dyn Store> {
                self.0.store()
            }

            fn tamperings() -> Vec<Tampering<Self>> {
                Vec::new()
            }
        }
    };
}

through!(ThroughSessions, "session", true);
through!(ThroughTransactions, "transaction", false);

moving::between!(files_to_rows, super::Files, super::Rows);
moving::between!(rows_to_files, super::Rows, super::Files);
moving::between!(rows_to_rows, super::Rows, super::Rows);

suite::on!(rows, super::Rows);
suite::on!(through_sessions, super::ThroughSessions);
suite::on!(through_transactions, super::ThroughTransactions);
