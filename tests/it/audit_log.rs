//! The audit log wherever it lives: one suite for the files of one process and for the database that
//! several share, and what only one of the two can show.
//!
//! `suite` runs against every home: here on files, in `server` on `PostgreSQL`.

use std::{collections::BTreeSet, fs, sync::Arc};

use mylife::{
    audit::{
        log::{Log, moving::Side},
        read::{self, Found, Keys},
        segment,
        verify::verify,
    },
    chance::SeededChance,
    domain::id::NodeCode,
    error::Result,
    seal::audit::AuditKey,
    store::{
        Store,
        sqlite::{Options, Sqlite},
    },
};

use crate::step::audit::{Dir, aino, clock, eero, entry, failing::Faulty, keys, signer};

mod moving;
mod server;
mod suite;

/// What a verification says, of whatever home.
#[derive(Debug, Eq, PartialEq)]
struct Checked {
    records: u64,
    opened: u64,
    checkpoints: u64,
    fault: Option<String>,
}

/// Somebody who tampers with a log that is at rest, and the words in which verification says so.
struct Tampering<H> {
    how: &'static str,
    act: fn(&H),
    says: &'static str,
}

/// A place where a log lives.
trait Home: Sized {
    /// A new one.
    fn new() -> Self;
    /// The log, for a process that writes it.
    fn open(&self) -> Log;
    /// The log, to be moved from or into.
    fn side(&self) -> Result<Side>;
    /// From now on nothing is written, until it is mended.
    fn break_down(&self);
    fn mend(&self);
    fn verify(&self, keys: Keys<'_>) -> Checked;
    fn read(&self, keys: Keys<'_>) -> Vec<Found>;
    fn of_person(&self, key: &AuditKey) -> Vec<Found>;
    /// The store of the gateway whose log it is.
    fn store(&self) -> Arc<dyn Store>;
    fn tamperings() -> Vec<Tampering<Self>>;
}

/// Segments in a directory.
struct Files {
    log: Dir,
    store: Dir,
    disk: Arc<Faulty>,
}

impl Home for Files {
    fn new() -> Self {
        Self { log: Dir::new(), store: Dir::new(), disk: Arc::default() }
    }

    fn open(&self) -> Log {
        self.log.threaded(Arc::clone(&self.disk) as _)
    }

    fn side(&self) -> Result<Side> {
        Side::files(self.log.path(), &keys(), clock())
    }

    fn break_down(&self) {
        self.disk.fail_from_now_on(true);
    }

    fn mend(&self) {
        self.disk.fail_from_now_on(false);
    }

    fn verify(&self, keys: Keys<'_>) -> Checked {
        let report = verify(self.log.path(), Some(&signer().verifier()), keys).unwrap();
        Checked {
            records: report.records,
            opened: report.opened,
            checkpoints: report.checkpoints,
            fault: report.fault.map(|fault| fault.to_string()),
        }
    }

    fn read(&self, keys: Keys<'_>) -> Vec<Found> {
        read::read(self.log.path(), keys).unwrap().map(Result::unwrap).collect()
    }

    fn of_person(&self, key: &AuditKey) -> Vec<Found> {
        read::person(self.log.path(), key).unwrap()
    }

    fn store(&self) -> Arc<dyn Store> {
        let keys = crate::store::keys(1);
        let options = Options {
            directory: self.store.path().to_path_buf(),
            node: NodeCode::parse("297").unwrap(),
            keys,
            chance: Arc::new(SeededChance::new(5)),
            readers: std::num::NonZeroUsize::MIN,
        };
        Arc::new(Sqlite::open(options).unwrap())
    }

    fn tamperings() -> Vec<Tampering<Self>> {
        fn rewrite(files: &Files, edit: impl FnOnce(&mut Vec<u8>)) {
            let path = segment::path(files.log.path(), 1);
            let mut bytes = fs::read(&path).unwrap();
            // Its log may be open, with zeros laid out for more.
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            edit(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
        vec![
            Tampering {
                how: "the last record is gone",
                act: |files| rewrite(files, |bytes| bytes.truncate(bytes.len() - 600)),
                says: "torn or damaged here",
            },
            Tampering {
                how: "a byte is another",
                act: |files| rewrite(files, |bytes| bytes[300] ^= 1),
                says: "damaged here, more follows",
            },
            Tampering {
                how: "a record stands there twice",
                act: |files| {
                    rewrite(files, |bytes| {
                        let first = bytes[segment::HEAD..bytes.len() / 2].to_vec();
                        bytes.extend(first);
                    });
                },
                says: "damaged here",
            },
            Tampering {
                how: "a segment is gone",
                act: |files| {
                    let first = segment::path(files.log.path(), 1);
                    fs::rename(first, segment::path(files.log.path(), 2)).unwrap();
                },
                says: "a segment before this one is missing",
            },
        ]
    }
}

/// Request ids of what was found, in order.
fn requests(found: &[Found]) -> Vec<String> {
    let id = |one: &Found| one.entry.as_ref().map(|entry| entry.request.to_string());
    found.iter().map(|one| id(one).unwrap_or_else(|| "forgotten".to_owned())).collect()
}

/// Appends a record about one of two people.
async fn append(log: &Log, request: &str) -> Result<[u8; 32]> {
    let payload = entry(request).to_payload().unwrap();
    let key = if request.len().is_multiple_of(2) { aino() } else { eero() };
    Ok(log.append(&key, &payload).await?.leaf)
}

/// Are they all there, each once?
fn each_once(found: &[Found], told: &[[u8; 32]]) {
    let leaves: BTreeSet<_> = found.iter().map(|one| one.leaf).collect();
    assert_eq!(leaves.len(), found.len(), "a record is there twice");
    for leaf in told {
        assert!(leaves.contains(leaf), "a record that was acknowledged is missing");
    }
}

suite::on!(files, super::Files);
