//! What a process keeps in memory while others write the same store: as new as it says, or refused.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use mylife::{
    compartment::Compartment,
    error::Kind,
    source::{follower::OLDEST, local::Local},
    store::{
        Store,
        postgres::{Database, Postgres, ledger::Batch},
    },
};

use super::{Cluster, Directory, change, database, fresh, on_one_thread, open, options, shared};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn held(replica: &Local, patient: &str) -> Option<Arc<Compartment>> {
    replica.load(patient).await.unwrap().map(mylife::source::Held::into_compartment)
}

async fn version(replica: &Local, patient: &str) -> Option<u64> {
    held(replica, patient).await.map(|compartment| compartment.version)
}

/// What one process keeps in memory counts no longer than another leaves the person alone.
#[test]
fn what_another_process_commits_is_what_is_loaded_after_the_next_round() {
    let (_, database) = fresh();
    let directories = [(); 2].map(|()| Directory::new("replicas"));
    on_one_thread(async {
        let mut replicas = Vec::new();
        for directory in &directories {
            let store = open(directory, database.clone()).await;
            let replica = Local::new(store, "urn:oid:1.2.3".into(), 1 << 20);
            replica.follow(ms(0)).await.unwrap();
            replicas.push(replica);
        }
        assert_eq!(version(&replicas[0], "297.p").await, None);
        for base in 0..20 {
            let [ours, theirs] = if base % 3 == 0 { [0, 1] } else { [1, 0] };
            replicas[ours].commit(change("297.p", base)).await.unwrap();
            assert_eq!(version(&replicas[ours], "297.p").await, Some(base + 1), "its own at once");
            let now = replicas[theirs].load_now("297.p").await.unwrap();
            assert_eq!(now.map(|held| held.version()), Some(base + 1), "a writer waits for nobody");
            for replica in [theirs, ours, theirs] {
                replicas[replica].follow(ms(100 * base)).await.unwrap();
                assert_eq!(version(&replicas[replica], "297.p").await, Some(base + 1));
            }
        }
    });
}

#[test]
fn what_is_kept_is_known_to_be_current_up_to_before_the_question_and_for_a_second() {
    let (_, database) = fresh();
    let directory = Directory::new("known");
    on_one_thread(async {
        let store = open(&directory, database).await;
        let replica = Local::new(store, "urn:oid:1.2.3".into(), 1 << 20);
        let early = replica.known_current(ms(5)).map_err(|error| error.kind());
        assert_eq!(early, Err(Kind::Unavailable), "nothing was heard of the store yet");
        replica.follow(ms(5000)).await.unwrap();
        let known = replica.known_current(ms(5100)).unwrap();
        assert!(known < ms(5000), "two clocks may run apart: {known:?}");
        assert!(known > ms(4900), "not much: {known:?}");
        assert_eq!(replica.known_current(known + OLDEST).unwrap(), known);
        let old = replica.known_current(known + OLDEST + ms(1)).map_err(|error| error.kind());
        assert_eq!(old, Err(Kind::Unavailable));
        // A round that began before another and ended after it knows less.
        replica.follow(ms(4000)).await.unwrap();
        assert_eq!(replica.known_current(ms(5100)).unwrap(), known);
    });
}

#[test]
fn a_commit_below_what_was_met_is_met_too_and_nobody_else_is_read_again_for_it() {
    // A server of its own: nothing else is under way there.
    let quiet = Cluster::start("off");
    let name = quiet.database();
    let directories = [(); 2].map(|()| Directory::new("below"));
    on_one_thread(async {
        let theirs = open(&directories[0], database(&quiet, "", &name)).await;
        let store = open(&directories[1], database(&quiet, "", &name)).await;
        for patient in ["297.p", "297.late"] {
            theirs.commit(change(patient, 0)).await.unwrap();
        }
        let replica = Local::new(store, "urn:oid:1.2.3".into(), 1 << 20);
        replica.follow(ms(0)).await.unwrap();
        assert_eq!(version(&replica, "297.late").await, Some(1));
        // The change of a process that is slow: its transaction has its place, and stays open.
        quiet.run(
            &name,
            "BEGIN; UPDATE person SET version = 2 WHERE patient = '297.late'; \
             INSERT INTO change (sequence, person, at) SELECT \
             pg_current_xact_id()::text::bigint, row, 7 FROM person WHERE patient = '297.late'; \
             PREPARE TRANSACTION 'late'",
        );
        theirs.commit(change("297.p", 1)).await.unwrap();
        replica.follow(ms(100)).await.unwrap();
        let kept = held(&replica, "297.p").await.unwrap();
        assert_eq!((kept.version, version(&replica, "297.late").await), (2, Some(1)));
        replica.follow(ms(200)).await.unwrap();
        let again = held(&replica, "297.p").await.unwrap();
        assert!(Arc::ptr_eq(&kept, &again), "a change is met once");
        quiet.run(&name, "COMMIT PREPARED 'late'");
        replica.follow(ms(300)).await.unwrap();
        assert_eq!(version(&replica, "297.late").await, Some(2));
    });
}

#[test]
fn more_changes_than_are_read_at_once_are_met_in_one_round() {
    let (name, database) = fresh();
    let directories = [(); 2].map(|()| Directory::new("many"));
    on_one_thread(async {
        let theirs = open(&directories[0], database.clone()).await;
        let store = open(&directories[1], database).await;
        for patient in ["297.many", "297.last"] {
            theirs.commit(change(patient, 0)).await.unwrap();
        }
        let replica = Local::new(store, "urn:oid:1.2.3".into(), 1 << 20);
        replica.follow(ms(0)).await.unwrap();
        assert_eq!(version(&replica, "297.last").await, Some(1));
        let many = "INSERT INTO change (sequence, person, at) SELECT \
                    pg_current_xact_id()::text::bigint - n, row, 7 FROM person, \
                    generate_series(1, 2500) AS n WHERE patient = '297.many'";
        // As if so many had been committed since.
        shared().run(&name, "UPDATE gateway SET ahead = ahead + 1000000");
        shared().run(&name, &many.replace("bigint - n", "bigint + 900000 - n"));
        theirs.commit(change("297.last", 1)).await.unwrap();
        replica.follow(ms(100)).await.unwrap();
        assert_eq!(version(&replica, "297.last").await, Some(2));
    });
}

/// The first of a chain.
fn batch(chain: &Arc<str>) -> Batch {
    Batch {
        chain: Arc::clone(chain),
        number: 1,
        link: [7; 32],
        leaves: vec![8; 32],
        people: vec![0],
        ends: vec![3],
        frames: vec![1, 2, 3],
    }
}

#[test]
fn who_follows_and_who_records_wait_for_nobody_who_reads_or_writes() {
    let (name, database) = fresh();
    let directory = Directory::new("lanes");
    on_one_thread(async {
        let database = Database { connections: NonZeroUsize::MIN, ..database };
        let store = Postgres::open(options(directory.path(), database)).await.unwrap();
        store.commit(change("297.p", 0)).await.unwrap();
        let ledger = store.ledger();
        ledger.begin().await.unwrap();
        let own = shared();
        own.run(
            &name,
            &format!("BEGIN; SELECT 1 FROM person FOR UPDATE; PREPARE TRANSACTION '{name}'"),
        );
        // The one connection waits for the row.
        let commit = tokio::spawn(store.commit(change("297.p", 1)));
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                     AND datname = current_database()";
        while own.run(&name, waits) != ["1"] {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.changes(0, 9).await.unwrap().changed.len(), 1);
        ledger.append(batch(ledger.chain())).await.unwrap();
        assert!(!commit.is_finished());
        own.run(&name, &format!("COMMIT PREPARED '{name}'"));
        commit.await.unwrap().unwrap();
    });
}

/// The database falls back to what it had a while ago: what was read of it since counts no longer, nor
/// do the places that its changes had.
#[test]
fn a_server_that_lacks_what_was_seen_is_read_anew() {
    let cluster = Cluster::start("off");
    let database = database(&cluster, "", &cluster.database());
    let directories = [(); 2].map(|()| Directory::new("lagging"));
    on_one_thread(async {
        let mut stores = Vec::new();
        for directory in &directories {
            stores.push(open(directory, database.clone()).await);
        }
        let replica = Local::new(Arc::clone(&stores[0]), "urn:oid:1.2.3".into(), 1 << 20);
        stores[1].commit(change("297.p", 0)).await.unwrap();
        stores[1].commit(change("297.lost", 0)).await.unwrap();
        cluster.keeps();
        // Whoever asks is refused until connections are made again.
        while replica.follow(ms(0)).await.is_err() {}
        while stores[1].commit(change("297.lost", 1)).await.is_err() {}
        for base in 1..30 {
            stores[1].commit(change("297.p", base)).await.unwrap();
        }
        replica.follow(ms(100)).await.unwrap();
        assert_eq!(version(&replica, "297.p").await, Some(30));
        assert_eq!(version(&replica, "297.lost").await, Some(2));
        cluster.falls_back();
        // What is committed there now has places that were settled before.
        while stores[1].commit(change("297.p", 1)).await.is_err() {}
        while replica.follow(ms(200)).await.is_err() {}
        assert_eq!(version(&replica, "297.p").await, Some(2));
        assert_eq!(version(&replica, "297.lost").await, Some(1));
        stores[1].commit(change("297.lost", 1)).await.unwrap();
        replica.follow(ms(300)).await.unwrap();
        assert_eq!(version(&replica, "297.lost").await, Some(2), "and it is followed from there");
    });
}
