//! Several processes at one log, and processes, connections and servers that end in the middle.

use std::{sync::Arc, thread, time::Duration};

use mylife::{
    audit::log::Log,
    commit::missing::append_missing,
    error::Kind,
    source::local::Local,
    store::{
        Store,
        postgres::{Database, Patience, Postgres},
    },
};
use tokio::task::JoinSet;

use super::{
    super::{append, each_once, requests},
    Home, Rows, checked, shared_log,
};
use crate::{
    step::audit::{Dir, NOW, all_keys, block_on, entry},
    store::{
        change,
        server::{
            cluster::{Cluster, shared},
            database, options,
        },
    },
};

/// Ends every other connection to the database.
const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

const SHORT: Duration = Duration::from_millis(300);

/// Gives up soon, though others keep the server busy.
const HASTY: Patience = Patience {
    connect: Duration::from_mins(1),
    statement: SHORT,
    lock: SHORT,
    answer: Duration::from_mins(1),
};

/// Everything that waits is in the tree, which is whole.
fn whole(home: &Rows, told: &[[u8; 32]]) {
    let checked = home.verify(&all_keys);
    assert_eq!(checked.fault, None);
    let found = home.read(&all_keys);
    assert_eq!(found.len() as u64, checked.records);
    each_once(&found, told);
    let in_tree = home.run("SELECT coalesce(sum(count), 0) FROM audit_place");
    assert_eq!(in_tree, [checked.records.to_string()], "a record is not in the tree");
}

#[test]
fn two_processes_append_at_once_while_both_grow_the_tree_and_all_is_in_it() {
    let (home, other) = (Rows::new(), Dir::new());
    let logs = [home.open(), home.log(other.path())].map(Arc::new);
    let at_once = |log: &Arc<Log>, name: &'static str| {
        let (writing, growing) = (Arc::clone(log), Arc::clone(log));
        let writer = thread::spawn(move || {
            block_on(async {
                let mut told = Vec::new();
                for n in 0..60 {
                    let pair = [format!("{name}{n}"), format!("{name}-{n}")];
                    for request in &pair {
                        told.push(append(&writing, request).await.unwrap());
                    }
                }
                told
            })
        });
        let grower = thread::spawn(move || {
            for n in 0..40 {
                if n % 4 == 0 { growing.checkpoint(NOW).map(drop) } else { growing.grow() }
                    .unwrap();
            }
        });
        (writer, grower)
    };
    let threads = [at_once(&logs[0], "a"), at_once(&logs[1], "b")];
    let mut told = Vec::new();
    for (writer, grower) in threads {
        told.extend(writer.join().unwrap());
        grower.join().unwrap();
    }
    assert_eq!(told.len(), 240);
    logs[0].checkpoint(NOW).unwrap();
    whole(&home, &told);
    logs[1].grow().unwrap();
    assert_eq!(logs[0].head(), logs[1].head());
}

#[test]
fn what_a_dead_process_left_is_brought_in_by_another() {
    let (home, other) = (Rows::new(), Dir::new());
    let payload = entry("written").to_payload().unwrap();
    let told = {
        let dead = home.process(home.directory.path());
        let log = shared_log(dead.ledger());
        let told = block_on(append(&log, "a")).unwrap();
        let record = payload.as_slice().into();
        block_on(dead.commit(mylife::store::Change { record, ..change("297.aino", 0) })).unwrap();
        // It never comes to its end.
        std::mem::forget(log);
        told
    };
    let store: Arc<dyn Store> = Arc::new(home.process(other.path()));
    let log = home.log(Dir::new().path());
    let local = Local::new(Arc::clone(&store), "urn:oid:1.2".into(), 1 << 16);
    assert_eq!(block_on(append_missing(&local, &log)).unwrap(), 1);
    log.grow().unwrap();
    assert_eq!(log.head().size, 2);
    let key = block_on(store.load("297.aino")).unwrap().unwrap().audit_key;
    let keys = |id: &str| if id == "297.aino" { Some(key) } else { all_keys(id) };
    assert_eq!(home.verify(&keys).fault, None);
    let mut found = requests(&home.read(&keys));
    found.sort();
    assert_eq!(found, ["a", "written"]);
    each_once(&home.read(&keys), &[told]);
}

#[test]
fn of_two_who_bring_in_the_record_of_a_write_one_does() {
    let (home, other) = (Rows::new(), Dir::new());
    let here = home.process(home.directory.path());
    let there = home.process(other.path());
    let logs = [&here, &there].map(|store| Arc::new(shared_log(store.ledger())));
    let stores: [Arc<dyn Store>; 2] = [Arc::new(here), Arc::new(there)];
    let payload = entry("written").to_payload().unwrap();
    let brought: usize = block_on(async {
        for version in 0..40 {
            let record = payload.as_slice().into();
            let change = mylife::store::Change { record, ..change("297.aino", version) };
            stores[0].commit(change).await.unwrap();
        }
        let mut both = JoinSet::new();
        for (log, store) in logs.iter().zip(&stores) {
            let (log, local) =
                (Arc::clone(log), Local::new(Arc::clone(store), "urn:oid:1.2".into(), 1 << 16));
            both.spawn(async move { append_missing(&local, &log).await.unwrap() });
        }
        both.join_all().await.into_iter().sum()
    });
    assert_eq!(brought, 40);
    logs[1].checkpoint(NOW).unwrap();
    assert_eq!(logs[1].head().size, 40);
    let nobody = |_: &str| None;
    assert_eq!(home.verify(&nobody).fault, None);
    each_once(&home.read(&nobody), &[]);
}

#[test]
fn whoever_is_killed_while_it_grows_the_tree_leaves_that_to_another() {
    let (home, other) = (Rows::new(), Dir::new());
    let (first, second) = (home.open(), home.log(other.path()));
    let mut told = Vec::new();
    for n in 0..5 {
        told.push(block_on(append(&first, &format!("a{n}"))).unwrap());
        told.push(block_on(append(&second, &format!("b{n}"))).unwrap());
    }
    // It has moved the tree on, and waits where the places are put down.
    home.hold("audit_place");
    thread::scope(|scope| {
        let dying = scope.spawn(|| first.grow());
        let stuck = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock'";
        while home.run(stuck) != ["1"] {}
        home.run(END);
        assert_eq!(dying.join().unwrap().unwrap_err().kind(), Kind::Unavailable);
    });
    home.let_go();
    assert_eq!(home.run("SELECT size FROM audit_tree"), ["0"]);
    second.checkpoint(NOW).unwrap();
    assert_eq!(second.head().size, 10);
    whole(&home, &told);
}

/// Held back, it is given up by the server, or by us alone: then it is made when nobody waits.
#[test]
fn a_batch_whose_answer_was_lost_is_found_again_or_leaves_no_gap() {
    let minute = Duration::from_mins(1);
    let impatient = Patience { statement: minute, lock: minute, answer: SHORT, ..HASTY };
    for (patience, is_made) in [(HASTY, false), (impatient, true)] {
        let (home, directory) = (Rows::new(), Dir::new());
        let database = Database { patience, ..home.database.clone() };
        let opening = Postgres::open(options(directory.path(), database));
        let log = shared_log(block_on(opening).unwrap().ledger());
        let surely = |name: &str| {
            // On a busy machine the haste may end it once more.
            let mut tries = (0..50).map(|_| block_on(append(&log, name)));
            tries.find_map(Result::ok).expect("it recovers by itself")
        };
        let mut told = vec![surely("a")];
        for round in 0..2 {
            home.hold("audit_batch");
            let lost = block_on(append(&log, &format!("lost{round}"))).unwrap_err();
            assert_eq!(lost.kind(), Kind::Unavailable);
            home.let_go();
            told.push(surely(&format!("after{round}")));
        }
        drop(log);
        let made = requests(&home.read(&all_keys)).contains(&"lost0".to_owned());
        assert_eq!(made, is_made);
        shared_log(home.beside().ledger()).grow().unwrap();
        whole(&home, &told);
    }
}

#[test]
fn the_record_of_a_write_leaves_the_store_as_it_comes_into_the_log() {
    let home = Rows::new();
    let store = home.process(home.directory.path());
    let log = shared_log(store.ledger());
    let payload = entry("written").to_payload().unwrap();
    block_on(async {
        let record = payload.as_slice().into();
        store.commit(mylife::store::Change { record, ..change("297.x", 0) }).await.unwrap();
        let (row, record) = store.unrecorded().await.unwrap().remove(0);
        let rows = [(log.node_key().clone(), row, record)];
        assert_eq!(log.adopt(&rows).await.unwrap(), 1);
        assert_eq!(store.unrecorded().await.unwrap(), []);
        assert_eq!(log.adopt(&rows).await.unwrap_err().kind(), Kind::Conflict);
    });
    log.grow().unwrap();
    assert_eq!(log.head().size, 1);
    whole(&home, &[]);
}

#[test]
fn connections_that_end_lose_nothing_that_was_acknowledged() {
    let (home, other) = (Rows::new(), Dir::new());
    let logs = [home.open(), home.log(other.path())].map(Arc::new);
    let mut told = Vec::new();
    block_on(async {
        for round in 0..10 {
            let mut appending = JoinSet::new();
            for n in 0..20 {
                let log = Arc::clone(&logs[n % 2]);
                appending.spawn(async move { append(&log, &format!("{round}-{n}")).await });
            }
            let name = home.name.clone();
            let ending = tokio::task::spawn_blocking(move || shared().run(&name, END));
            for outcome in appending.join_all().await {
                match outcome {
                    Ok(leaf) => told.push(leaf),
                    Err(error) => assert_eq!(error.kind(), Kind::Unavailable),
                }
            }
            ending.await.unwrap();
        }
        told.push(append(&logs[0], "end").await.unwrap());
        told.push(append(&logs[1], "end").await.unwrap());
    });
    logs[1].checkpoint(NOW).unwrap();
    whole(&home, &told);
}

#[test]
fn a_server_that_is_killed_keeps_every_record_that_was_acknowledged() {
    let cluster = Cluster::start("on");
    let name = cluster.database();
    let directory = Dir::new();
    let settings = options(directory.path(), database(&cluster, "", &name));
    let store = block_on(Postgres::open(settings)).unwrap();
    let (ledger, log) = (store.ledger(), Arc::new(shared_log(store.ledger())));
    let mut told = Vec::new();
    for round in 0..2 {
        let own = Arc::clone(&log);
        let (said, heard) = std::sync::mpsc::channel();
        let writer = thread::spawn(move || {
            for n in 0.. {
                let Ok(leaf) = block_on(append(&own, &format!("{round}-{n}"))) else { return };
                said.send(leaf).unwrap();
            }
        });
        told.extend(heard.iter().take(50));
        cluster.crash();
        writer.join().unwrap();
        told.extend(heard.iter());
    }
    while block_on(append(&log, "end")).is_err() {}
    log.checkpoint(NOW).unwrap();
    assert_eq!(checked(&ledger, &all_keys).fault, None);
    let found: Vec<_> =
        mylife::audit::read::rows::read(ledger, &all_keys).map(Result::unwrap).collect();
    each_once(&found, &told);
}

/// As after a failover to a standby that lagged: what people withdrew may be gone as well.
#[test]
fn who_misses_what_was_acknowledged_adds_nothing_until_it_is_back() {
    let (home, other) = (Rows::new(), Dir::new());
    let (log, theirs) = (home.open(), home.log(other.path()));
    let refuses = |log: &Log| {
        for _ in 0..2 {
            let refused = block_on(append(log, "refused")).unwrap_err();
            assert_eq!(refused.kind(), Kind::Unavailable);
        }
    };
    let mut told = ["a", "b"].map(|name| block_on(append(&log, name)).unwrap()).to_vec();
    home.run(
        "CREATE TABLE aside AS SELECT * FROM audit_batch WHERE number = 2; \
         DELETE FROM audit_batch WHERE number = 2",
    );
    refuses(&log);
    home.run("INSERT INTO audit_batch SELECT * FROM aside; DROP TABLE aside");
    told.push(block_on(append(&log, "c")).unwrap());
    // Another's is gone, which was in the tree that this one knew.
    told.extend(["d", "e"].map(|name| block_on(append(&theirs, name)).unwrap()));
    log.grow().unwrap();
    home.run(&format!(
        "CREATE TABLE aside AS SELECT * FROM audit_batch WHERE number = 2 \
         AND chain <> '{}'; DELETE FROM audit_batch r USING aside a WHERE r.chain = a.chain AND \
         r.number = a.number; UPDATE audit_tree SET size = 0, peaks = ''; DELETE FROM audit_place; \
         UPDATE audit_chain SET placed = 0",
        home.run("SELECT chain FROM audit_batch WHERE number = 3")[0]
    ));
    assert_eq!(log.grow().unwrap_err().kind(), Kind::Unavailable);
    refuses(&log);
    home.run("INSERT INTO audit_batch SELECT * FROM aside; DROP TABLE aside");
    log.grow().unwrap();
    told.push(block_on(append(&log, "f")).unwrap());
    log.grow().unwrap();
    drop((log, theirs));
    whole(&home, &told);
}
