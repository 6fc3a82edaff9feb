//! The record of a write is in the log once, wherever between log and store a crash came.

use std::{num::NonZeroUsize, sync::Arc};

use mylife::{
    chance::{Chance, SeededChance},
    commit::missing::append_missing,
    domain::id::NodeCode,
    seal::{Keys, audit::AuditKey},
    source::local::Local,
    store::{
        Change, Store,
        sqlite::{Options, Sqlite},
    },
};

use super::{Dir, NOW, entry};

const AINO: &str = "297.aino";

fn store(dir: &Dir) -> Arc<dyn Store> {
    let chance: Arc<dyn Chance> = Arc::new(SeededChance::new(1));
    let mut master = [0; 32];
    chance.fill(&mut master);
    Arc::new(
        Sqlite::open(Options {
            directory: dir.path().to_path_buf(),
            node: NodeCode::parse("297").unwrap(),
            keys: Arc::new(Keys::from_master(&master, Arc::clone(&chance)).unwrap()),
            chance,
            readers: NonZeroUsize::MIN,
        })
        .unwrap(),
    )
}

/// Commits a change with its record; the row of the record.
async fn write(store: &dyn Store, based_on: u64, payload: &[u8]) -> i64 {
    let change = Change {
        patient: AINO.into(),
        based_on,
        identity: None,
        now: NOW,
        documents: Vec::new(),
        most: usize::MAX,
        names: Vec::new(),
        record: payload.into(),
        outbox: Vec::new(),
    };
    store.commit(change).await.unwrap().record
}

#[tokio::test]
async fn a_record_that_had_reached_the_log_before_the_crash_is_not_appended_again() {
    let (logs, rows) = (Dir::new(), Dir::new());
    let store = store(&rows);
    // Equal to the byte, but two writes.
    let payload = entry("r").to_payload().unwrap();
    let (log, first) = (logs.open(), write(&*store, 0, &payload).await);
    let audit_key = store.load(AINO).await.unwrap().unwrap().audit_key;
    let key = AuditKey::new(AINO, audit_key);
    log.append_row(&key, first, &payload).await.unwrap();
    write(&*store, 1, &payload).await;
    log.append(log.node_key(), b"{}").await.unwrap();
    // The crash: both rows stand in the store, one record in the log.
    drop(log);
    let log = logs.open();
    let local = Local::new(Arc::clone(&store), "urn:oid:1.2".into(), 1 << 16);
    assert_eq!(append_missing(&local, &log).await.unwrap(), 1);
    assert_eq!(log.head().size, 3);
    assert_eq!(store.unrecorded().await.unwrap(), []);
    assert_eq!(append_missing(&local, &log).await.unwrap(), 0);
    assert_eq!(log.head().size, 3);
}
