//! Connections that end, servers that are killed, rows that are held: nothing half done, nothing lost.

use std::{error::Error as _, sync::Arc, time::Duration};

use mylife::{
    error::{Error, Kind},
    store::{
        Change, Store as _,
        postgres::{Database, Patience, Postgres},
    },
};
use tokio::task::JoinSet;

use super::{
    Cluster, Directory, assessment, at, change, consent, database, documents, fresh, message,
    on_one_thread, open, options, shared, writes,
};

/// Ends every other connection to the database.
const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[test]
fn connections_that_were_ended_are_made_again() {
    let (name, database) = fresh();
    let directory = Directory::new("ended");
    on_one_thread(async {
        let store = open(&directory, database).await;
        store.commit(change("297.p", 0)).await.unwrap();
        for base in 1..20 {
            shared().run(&name, END);
            let stored = store.load("297.p").await.unwrap().unwrap();
            assert_eq!(stored.version, base);
            shared().run(&name, END);
            // In several statements, and in one.
            if base % 2 == 0 {
                store.commit(change("297.p", base)).await.unwrap();
            } else {
                let one = assessment(&format!("297.{base}"), 1);
                store.commit(writes("297.p", base, one)).await.unwrap();
            }
        }
    });
}

/// Connections end in the middle of commits: each is made whole or not at all, and what was said to
/// be made is there.
#[test]
fn a_commit_whose_connection_ends_is_whole_or_not_there() {
    let (name, database) = fresh();
    let directory = Directory::new("middle");
    on_one_thread(async {
        let store = open(&directory, database).await;
        let (mut refused, mut owed) = (0, 0);
        // A commit of several parts, or of one.
        let parts = |n: usize| if n.is_multiple_of(2) { 5 } else { 1 };
        for round in 0..15 {
            let mut commits = JoinSet::new();
            for n in 0..8 {
                let patient = format!("297.{round:02}{n}");
                let mut all = Change { ..change(&patient, 0) };
                for part in 0..parts(n) {
                    all.documents.push(assessment(&format!("{patient}.{part}"), 1));
                }
                for part in 1..parts(n) {
                    all.outbox.push(message("205", &format!("{patient}.{part}")));
                }
                let commit = store.commit(all);
                commits.spawn(async move { (patient, parts(n), commit.await) });
            }
            let name = name.clone();
            let ending = tokio::task::spawn_blocking(move || shared().run(&name, END));
            let outcomes = commits.join_all().await;
            ending.await.unwrap();
            for (patient, parts, outcome) in outcomes {
                // The connections that are left may be about to end.
                let held = loop {
                    if let Ok(held) = documents(&*store, &patient).await {
                        break held.len();
                    }
                };
                assert!(held == 0 || held == parts, "{patient}: {held} of {parts}");
                match outcome {
                    Ok(_) => assert_eq!(held, parts, "{patient}"),
                    Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "{patient}"),
                }
                refused += usize::from(held == 0);
                owed += held.saturating_sub(1);
            }
        }
        let people = store.walk(None, 999).await.unwrap().len();
        assert_eq!(people, 15 * 8 - refused);
        assert_eq!(store.changes(0, 999).await.unwrap().changed.len(), people);
        assert_eq!(store.unrecorded().await.unwrap().len(), people);
        assert_eq!(store.owed(999).await.unwrap().len(), owed);
    });
}

#[test]
fn a_server_that_is_killed_keeps_what_it_has_acknowledged() {
    let cluster = Arc::new(Cluster::start("on"));
    let name = cluster.database();
    let directory = Directory::new("killed");
    on_one_thread(async {
        let store = open(&directory, database(&cluster, "", &name)).await;
        let mut newest = [0_u64; 4];
        for round in 0..3_u8 {
            let mut writers = JoinSet::new();
            for (n, from) in newest.into_iter().enumerate() {
                let store = Arc::clone(&store);
                writers.spawn(async move {
                    let mut version = from;
                    loop {
                        let next = consent(&format!("297.c{n}"), version + 1);
                        match store.commit(writes(&format!("297.{n}"), version, next)).await {
                            Ok(committed) => version = committed.version,
                            Err(error) => return (n, version, error.kind()),
                        }
                    }
                });
            }
            while store.changes(0, 9999).await.unwrap().changed.len() < 40 * usize::from(round + 1)
            {
            }
            assert!(store.spend([round; 32], at(60), at(0)).await.unwrap());
            let own = Arc::clone(&cluster);
            let crashed = tokio::task::spawn_blocking(move || own.crash());
            for (n, acknowledged, kind) in writers.join_all().await {
                newest[n] = acknowledged;
                assert!(matches!(kind, Kind::Unavailable | Kind::Conflict), "{kind:?}");
            }
            crashed.await.unwrap();
            for (n, newest) in newest.iter_mut().enumerate() {
                let held = documents(&*store, &format!("297.{n}")).await.unwrap();
                let version = u64::try_from(held.len()).unwrap();
                assert!((*newest..=*newest + 1).contains(&version), "{version} is not {newest}");
                assert!(held.iter().map(|consent| consent.version).eq(1..=version));
                *newest = version;
            }
            assert!(!store.spend([round; 32], at(60), at(0)).await.unwrap(), "spent stays spent");
        }
    });
}

#[test]
fn a_row_that_somebody_holds_is_waited_for_so_long_and_no_longer() {
    let short = Duration::from_millis(50);
    for (patience, socket, prepared) in [
        (Patience { lock: short, ..super::PATIENT }, "", true),
        (Patience { statement: short, ..super::PATIENT }, "", true),
        (Patience { answer: short, ..super::PATIENT }, "", true),
        (Patience { lock: short, ..super::PATIENT }, "session", true),
        (Patience { statement: short, ..super::PATIENT }, "transaction", false),
    ] {
        let directory = Directory::new("held");
        let own = shared().database();
        on_one_thread(async {
            let calm = open(&directory, Database { ..database(shared(), "", &own) }).await;
            calm.commit(change("297.p", 0)).await.unwrap();
            drop(calm);
            let hold =
                format!("BEGIN; SELECT * FROM person FOR UPDATE; PREPARE TRANSACTION '{own}'");
            shared().run(&own, &hold);
            // On a busy machine so little patience may not do for opening either.
            let hasty = loop {
                let hasty = Database { prepared, patience, ..database(shared(), socket, &own) };
                match Postgres::open(options(directory.path(), hasty)).await {
                    Ok(opened) => break opened,
                    Err(error) => assert_eq!(error.kind(), Kind::Unavailable),
                }
            };
            let refused = hasty.commit(change("297.p", 1)).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::Unavailable);
            shared().run(&own, &format!("COMMIT PREPARED '{own}'"));
            // The connection is in order, or another was made.
            while hasty
                .commit(change("297.p", 1))
                .await
                .is_err_and(|e| e.kind() == Kind::Unavailable)
            {}
            drop(hasty);
            let calm = open(&directory, Database { ..database(shared(), "", &own) }).await;
            assert_eq!(calm.version("297.p").await.unwrap(), Some(2));
        });
    }
}

/// What the operator's log has of an error's cause.
fn cause(error: &Error) -> String {
    let told = error.source().expect("it has a cause").to_string();
    assert_eq!(told.lines().count(), 1, "{told}");
    told
}

#[test]
fn a_database_whose_disk_is_full_keeps_what_it_has_and_says_what_to_do() {
    let (name, database) = fresh();
    let directory = Directory::new("full");
    // The last rows of a commit find no room, and then a single row does not.
    for table in ["outbox", "spent"] {
        let full = format!(
            "CREATE FUNCTION full_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file: No space left on device' \
             USING ERRCODE = 'disk_full'; END $$; \
             CREATE TRIGGER full_disk BEFORE INSERT ON {table} \
             FOR EACH ROW EXECUTE FUNCTION full_{table}()"
        );
        on_one_thread(async {
            let store = open(&directory, database.clone()).await;
            let patient = format!("297.{table}");
            store.commit(writes(&patient, 0, assessment(&patient, 1))).await.unwrap();
            shared().run(&name, &full);
            let refused = if table == "spent" {
                store.spend([7; 32], at(60), at(0)).await.unwrap_err()
            } else {
                let all = writes(&patient, 1, assessment(&format!("{patient}.more"), 1));
                let outbox = vec![message("205", &patient)];
                store.commit(Change { outbox, ..all }).await.unwrap_err()
            };
            assert_eq!(refused.kind(), Kind::Unavailable);
            assert!(cause(&refused).contains("free space on the database's disk"), "{refused:?}");
            assert_eq!(documents(&*store, &patient).await.unwrap().len(), 1, "nothing half done");
            assert_eq!(store.version(&patient).await.unwrap(), Some(1));
            shared().run(&name, &format!("DROP TRIGGER full_disk ON {table}"));
            assert!(store.spend([7; 32], at(60), at(0)).await.unwrap(), "it was not spent");
            store.commit(change(&patient, 1)).await.unwrap();
            shared().run(&name, "DELETE FROM spent");
        });
    }
}

#[test]
fn a_database_that_is_only_read_takes_no_write() {
    let (name, database) = fresh();
    let directory = Directory::new("read-only");
    on_one_thread(async {
        let store = open(&directory, database).await;
        store.commit(change("297.p", 0)).await.unwrap();
        shared()
            .run(&name, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
        shared().run(&name, END);
        let refused = store.commit(change("297.p", 1)).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Unavailable);
        assert!(format!("{refused:?}").contains("database does not allow writes"), "{refused:?}");
        let spent = store.spend([7; 32], at(60), at(0)).await;
        assert_eq!(spent.unwrap_err().kind(), Kind::Unavailable);
        let back = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
        shared().run("postgres", &back);
        store.commit(change("297.p", 1)).await.unwrap();
    });
}
