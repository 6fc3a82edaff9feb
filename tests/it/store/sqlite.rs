//! What `SQLite` alone can show: whose directory it is, what stands in the file, how it closes.

use std::{
    fs,
    path::Path,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use mylife::{
    domain::id::NodeCode,
    error::Kind,
    store::{
        BEYOND, Change, Committed, IdentityMac, Store, Task,
        lock::network_mount,
        sqlite::{Options, Sqlite},
    },
};
use rusqlite::Connection;
use tokio::task::JoinSet;

use super::{
    Directory, assessment, at, change, consent, documents, keys, message, on_one_thread, options,
    sqlite, writes,
};

/// Opens, and gives back why it was refused.
fn refusal(options: Options) -> String {
    let error = Sqlite::open(options).err().expect("it must be refused");
    assert_eq!(error.kind(), Kind::Unavailable);
    error.say().to_owned()
}

#[test]
fn a_directory_belongs_to_one_owner_at_a_time() {
    let directory = Directory::new("owner");
    let owner = sqlite(directory.path());
    let say = refusal(options(directory.path()));
    assert!(say.contains("in use by another process"), "{say}");
    drop(owner);
    sqlite(directory.path());
}

#[test]
fn a_store_of_another_gateway_or_key_is_refused() {
    let directory = Directory::new("foreign");
    drop(sqlite(directory.path()));
    let node = NodeCode::parse("205").unwrap();
    let say = refusal(Options { node, ..options(directory.path()) });
    assert!(say.contains("belongs to node 297, not 205"), "{say}");
    let say = refusal(Options { keys: keys(2), ..options(directory.path()) });
    assert!(say.contains("another master key"), "{say}");
    sqlite(directory.path());
}

#[test]
fn a_file_that_is_not_ours_or_not_of_this_version_is_refused_and_left_alone() {
    let newer = "INSERT INTO schema_version VALUES (99, x'00')";
    let edited = "UPDATE schema_version SET checksum = x'00' WHERE number = 1";
    for (ours, sql, why) in [
        (true, newer, "written by a newer gateway"),
        (true, edited, "not one this gateway made"),
        (true, "PRAGMA application_id = 7", "another program"),
        (false, "CREATE TABLE theirs (x)", "another program"),
        (false, "PRAGMA application_id = 7", "another program"),
    ] {
        let directory = Directory::new("refused-file");
        if ours {
            drop(sqlite(directory.path()));
        }
        let file = Connection::open(directory.file()).unwrap();
        file.execute_batch(sql).unwrap();
        drop(file);
        let before = fs::read(directory.file()).unwrap();
        let say = refusal(options(directory.path()));
        assert!(say.contains(why), "{sql}: {say}");
        assert!(before == fs::read(directory.file()).unwrap(), "{sql}");
    }
}

#[test]
fn reopening_shows_everything_that_was_acknowledged() {
    let directory = Directory::new("reopen");
    on_one_thread(async {
        let store = sqlite(directory.path());
        let mut first = writes("297.p", 0, assessment("297.a", 1));
        first.identity = Some(IdentityMac([9; 32]));
        first.documents.push(consent("297.c", 1));
        first.outbox.push(message("205", "k"));
        store.commit(first.clone()).await.unwrap();
        store.commit(writes("297.p", 1, consent("297.c", 2))).await.unwrap();
        assert!(store.spend([7; 32], at(60), at(0)).await.unwrap());
        let before = store.load("297.p").await.unwrap().unwrap();
        let unrecorded = store.unrecorded().await.unwrap();
        drop(store);

        let store = sqlite(directory.path());
        let after = store.load("297.p").await.unwrap().unwrap();
        assert_eq!(after.documents, before.documents);
        assert_eq!((after.version, after.audit_key), (2, before.audit_key));
        let found = store.find(IdentityMac([9; 32])).await.unwrap();
        assert_eq!(found.as_deref(), Some("297.p"));
        assert_eq!(store.unrecorded().await.unwrap(), unrecorded);
        assert_eq!(store.owed(9).await.unwrap()[0].1, first.outbox[0]);
        assert_eq!(store.changes(0, 9).await.unwrap().changed.len(), 2);
        assert!(!store.spend([7; 32], at(60), at(0)).await.unwrap());
    });
}

#[test]
fn closing_finishes_what_is_queued_and_refuses_the_rest() {
    let patient = |n| format!("297.{n:04}");
    for waiting in [1, 10, 1500] {
        let directory = Directory::new("closing");
        let store = sqlite(directory.path());
        let mut commits: Vec<_> =
            (0..waiting).map(|n| store.commit(change(&patient(n), 0))).collect();
        let late = store.commit(change("297.late", 0));
        // Outside a runtime, whose fairness would stop this loop: each gets as far as the queue, or
        // as far as waiting for room in it; a quick writer may have answered by then.
        let poll = |commit: &mut Task<Committed>| match commit
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        };
        let early: Vec<_> = commits.iter_mut().map(poll).collect();
        drop(store);
        let mut acknowledged = Vec::new();
        on_one_thread(async {
            assert_eq!(late.await.unwrap_err().kind(), Kind::Unavailable);
            for (n, (commit, early)) in commits.into_iter().zip(early).enumerate() {
                let done = match early {
                    Some(done) => done,
                    None => commit.await,
                };
                match done {
                    Ok(_) => acknowledged.push(patient(n)),
                    Err(error) => assert_eq!(error.kind(), Kind::Unavailable),
                }
            }
            let store = sqlite(directory.path());
            let held = store.walk(None, usize::MAX).await.unwrap();
            let held: Vec<_> = held.iter().map(|walked| walked.patient.to_string()).collect();
            assert_eq!(held, acknowledged, "what was refused was not written");
            assert!(held.len() >= waiting.min(1024), "what was queued was finished");
        });
    }
}

#[test]
fn the_files_say_nothing_of_what_is_sealed() {
    let directory = Directory::new("sealed");
    on_one_thread(async {
        let store = sqlite(directory.path());
        let mut first = writes("297.p", 0, assessment("297.a", 1));
        first.outbox.push(message("205", "k"));
        store.commit(first).await.unwrap();
        store.commit(writes("297.p", 1, assessment("297.a", 2))).await.unwrap();
        let audit_key = store.load("297.p").await.unwrap().unwrap().audit_key;
        let seen = |needle: &[u8]| {
            let files = fs::read_dir(directory.path()).unwrap();
            let mut contents = files.map(|file| fs::read(file.unwrap().path()).unwrap());
            contents.any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
        };
        for needle in [&b"body of"[..], b"parts of", b"body for", &audit_key] {
            assert!(!seen(needle), "before closing");
        }
        assert!(seen(b"survey-desk"), "the search finds what is not sealed");
        drop(store);
        for needle in [&b"body of"[..], b"parts of", b"body for", &audit_key] {
            assert!(!seen(needle), "after closing");
        }
    });
}

#[test]
fn one_time_values_do_not_pile_up() {
    let directory = Directory::new("purge");
    on_one_thread(async {
        let store = sqlite(directory.path());
        for n in 0..200_u8 {
            let now = i64::from(n) * i64::try_from(BEYOND.as_secs()).unwrap();
            assert!(store.spend([n; 32], at(now + 5), at(now)).await.unwrap());
        }
        let file = Connection::open(directory.file()).unwrap();
        let count = "SELECT count(*) FROM spent";
        let kept: i64 = file.query_row(count, [], |row| row.get(0)).unwrap();
        assert!(kept <= 7, "{kept}");
    });
}

#[test]
fn what_a_developer_prints_is_neither_content_nor_key() {
    let directory = Directory::new("debug");
    on_one_thread(async {
        let store = sqlite(directory.path());
        let mut first = writes("297.p", 0, assessment("297.a", 1));
        first.identity = Some(IdentityMac([251; 32]));
        first.outbox.push(message("205", "k"));
        let printed = format!("{first:?}");
        store.commit(first).await.unwrap();
        let stored = store.load("297.p").await.unwrap().unwrap();
        let printed = format!("{printed}{stored:?}{:?}{:?}", store.owed(9).await, keys(1));
        let byte = format!("{}, {}", stored.audit_key[0], stored.audit_key[1]);
        for secret in ["body of", "parts of", "body for", "251", "98, 111", &byte] {
            assert!(!printed.contains(secret), "{secret}");
        }
        assert!(printed.contains("297.a"));
    });
}

#[cfg(unix)]
#[test]
fn directory_and_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let outer = Directory::new("mode");
    let inner = outer.path().join("data");
    let store = sqlite(&inner);
    on_one_thread(store.commit(change("297.p", 0))).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    let files: Vec<_> = fs::read_dir(&inner).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "the store, its log, its index and the lock");
    assert!(files.iter().all(|file| mode(file) == 0o600));
}

#[test]
fn network_file_systems_are_known_by_their_innermost_mount() {
    let mounts = "/dev/vda / ext4 rw 0 0\nnas:/x /srv nfs4 rw 0 0\n/dev/vdb /srv/local xfs rw 0 0\n\
                  tmpfs /run tmpfs rw 0 0\n//nas/y /run cifs rw 0 0\nnas:/z /a\\040b nfs rw 0 0";
    for (directory, network) in [
        ("/var/lib/mylife", false),
        ("/srv", true),
        ("/srv/mylife", true),
        ("/srv/local/mylife", false),
        ("/srvice", false),
        ("/run/mylife", true),
        ("/a b/mylife", true),
    ] {
        assert_eq!(network_mount(mounts, Path::new(directory)), network, "{directory}");
    }
}

#[test]
fn a_store_can_be_used_from_two_runtimes_and_from_threads() {
    let directory = Directory::new("runtimes");
    let store = sqlite(directory.path());
    std::thread::scope(|scope| {
        for n in 0..4 {
            let store: Arc<dyn Store> = Arc::clone(&store);
            scope.spawn(move || {
                on_one_thread(async {
                    let patient = format!("297.{n}");
                    for base in 0..20 {
                        store.commit(Change { ..change(&patient, base) }).await.unwrap();
                    }
                });
            });
        }
    });
    let walked = on_one_thread(store.walk(None, 9)).unwrap();
    assert_eq!(walked.iter().map(|w| w.version).collect::<Vec<_>>(), [20; 4]);
    assert_eq!(on_one_thread(documents(&*store, "297.0")).unwrap(), []);
}

/// Both ways a transaction of many can fail: `SQLite` rolls it back by itself in the middle (as on a
/// full disk), or refuses to commit it at the end.
#[test]
fn a_transaction_that_fails_acknowledges_nobody_and_leaves_nothing() {
    let middle = "CREATE TRIGGER odd BEFORE INSERT ON change WHEN NEW.at = 13000
         BEGIN SELECT raise(ROLLBACK, 'odd'); END";
    let end = "CREATE TABLE odd (person INTEGER REFERENCES person DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER odder BEFORE INSERT ON change WHEN NEW.at = 13000
         BEGIN INSERT INTO odd VALUES (-1); END";
    for fault in [middle, end] {
        let directory = Directory::new("transaction");
        let store = sqlite(directory.path());
        Connection::open(directory.file()).unwrap().execute_batch(fault).unwrap();
        on_one_thread(async {
            let mut attempts = JoinSet::new();
            for n in 0..60 {
                let patient = format!("297.{n:02}");
                let now = at(if n % 20 == 13 { 13 } else { 0 });
                let commit = store.commit(Change { now, ..change(&patient, 0) });
                attempts.spawn(async move { (n, patient, commit.await) });
            }
            for (n, patient, outcome) in attempts.join_all().await {
                let held = store.load(&patient).await.unwrap().is_some();
                assert_eq!(held, outcome.is_ok(), "{fault}: {n}");
                assert!(n % 20 != 13 || outcome.is_err_and(|e| e.kind() == Kind::Unavailable));
            }
            store.commit(change("297.after", 0)).await.unwrap();
        });
    }
}
