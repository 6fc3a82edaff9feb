//! What several processes see of each other's commits.

use std::{collections::BTreeSet, sync::Arc};

use mylife::store::{Changed, Document, Store, postgres::Database};
use tokio::task::JoinSet;

use super::{
    Cluster, Directory, assessment, change, consent, database, documents, fresh, on_one_thread,
    open, shared, writes,
};

/// A round of a follower: every page from `after` on, two changes each; gives where the next begins.
async fn follow(store: &dyn Store, after: i64, seen: &mut Vec<Changed>) -> i64 {
    let first = store.changes(after, 2).await.unwrap();
    let (settled, mut page) = (first.settled, first.changed);
    while let Some(last) = page.last() {
        let place = last.sequence;
        seen.extend(page);
        page = store.changes(place, 2).await.unwrap().changed;
    }
    settled
}

#[test]
fn a_change_that_commits_late_is_not_missed() {
    // A server of its own: nothing else is under way there.
    let quiet = Cluster::start("off");
    let name = quiet.database();
    let directory = Directory::new("late");
    on_one_thread(async {
        let store = open(&directory, database(&quiet, "", &name)).await;
        for patient in ["297.p", "297.q", "297.late"] {
            store.commit(change(patient, 0)).await.unwrap();
        }
        // The change of a process that is slow: its transaction has its place, and stays open.
        quiet.run(
            &name,
            "BEGIN; INSERT INTO change (sequence, person, at) SELECT \
             pg_current_xact_id()::text::bigint, row, 7 FROM person WHERE patient = '297.late'; \
             PREPARE TRANSACTION 'late'",
        );
        for base in 1..6 {
            store.commit(change("297.p", base)).await.unwrap();
            store.commit(change("297.q", base)).await.unwrap();
        }
        let mut seen = Vec::new();
        let settled = follow(&*store, 0, &mut seen).await;
        assert_eq!(seen.len(), 13, "who waits for the slow one would hide what is committed");
        assert!(seen.iter().filter(|changed| changed.sequence <= settled).count() == 3);
        quiet.run(&name, "COMMIT PREPARED 'late'");
        let newest = seen.last().unwrap().sequence;
        let settled = follow(&*store, settled, &mut seen).await;
        let late = seen.iter().find(|changed| changed.at.millis() == 7).expect("it is not missed");
        assert!(late.sequence < newest && newest <= settled);
        assert!(follow(&*store, settled, &mut Vec::new()).await >= settled);
    });
}

#[test]
fn a_follower_meets_every_commit_of_many_processes() {
    let (_, database) = fresh();
    let directories = [(); 3].map(|()| Directory::new("follower"));
    on_one_thread(async {
        let mut stores = Vec::new();
        for directory in &directories {
            stores.push(open(directory, database.clone()).await);
        }
        let mut writers = JoinSet::new();
        for (n, store) in stores.iter().cycle().take(9).cloned().enumerate() {
            writers.spawn(async move {
                for base in 0..40 {
                    store.commit(change(&format!("297.{n}"), base)).await.unwrap();
                }
            });
        }
        let (mut seen, mut settled, mut last) = (Vec::new(), 0, false);
        loop {
            settled = follow(&*stores[0], settled, &mut seen).await;
            if last {
                break;
            }
            while writers.try_join_next().is_some() {}
            last = writers.is_empty();
        }
        let met: BTreeSet<_> = seen.iter().map(|c| (c.sequence, c.patient.to_string())).collect();
        assert_eq!(met.len(), 9 * 40);
    });
}

/// Eight processes write one person, each from what it has read; nobody undoes another's work.
#[test]
fn nobodys_write_is_lost_and_no_version_left_out() {
    let (_, database) = fresh();
    let directories = [(); 8].map(|()| Directory::new("eight"));
    on_one_thread(async {
        let mut writers = JoinSet::new();
        for (n, directory) in directories.iter().enumerate() {
            let store = open(directory, database.clone()).await;
            writers.spawn(async move {
                let mut made = 0;
                while made < 10 {
                    let stored = store.load("297.p").await.unwrap();
                    let held = stored.as_ref().map_or(0, |stored| stored.version);
                    let body: Arc<[u8]> = format!("{n} {made}").into_bytes().into();
                    let next = Document { body, ..consent("297.c", held + 1) };
                    made += usize::from(store.commit(writes("297.p", held, next)).await.is_ok());
                }
                store
            });
        }
        let stores = writers.join_all().await;
        let held = documents(&*stores[0], "297.p").await.unwrap();
        assert!(held.iter().map(|document| document.version).eq(1..=80));
        let bodies: BTreeSet<_> = held.iter().map(|document| document.body.clone()).collect();
        assert_eq!(bodies.len(), 80, "each of them is there");
        assert_eq!(stores[3].version("297.p").await.unwrap(), Some(80));
        assert_eq!(stores[3].changes(0, 99).await.unwrap().changed.len(), 80);
    });
}

#[test]
fn a_value_is_spent_once_for_all_processes() {
    let (_, database) = fresh();
    let directories = [(); 4].map(|()| Directory::new("spend"));
    on_one_thread(async {
        let mut stores = Vec::new();
        for directory in &directories {
            stores.push(open(directory, database.clone()).await);
        }
        for value in 0..20_u8 {
            let mut uses = JoinSet::new();
            for store in stores.iter().cycle().take(16) {
                uses.spawn(store.spend([value; 32], super::at(60), super::at(0)));
            }
            let counted = uses.join_all().await.into_iter().filter(|used| *used.as_ref().unwrap());
            assert_eq!(counted.count(), 1);
        }
        // What nobody needs any more goes, and what comes back afterwards counts once again.
        let mut uses = JoinSet::new();
        for (n, store) in (0_u8..).zip(stores.iter().cycle().take(40)) {
            uses.spawn(store.spend([n % 20; 32], super::at(120), super::at(90)));
        }
        let counted = uses.join_all().await.into_iter().filter(|used| *used.as_ref().unwrap());
        assert_eq!(counted.count(), 20);
    });
}

#[test]
fn audit_records_of_commits_wait_for_any_process() {
    let (_, database) = fresh();
    let directories = [(); 2].map(|()| Directory::new("keeper"));
    on_one_thread(async {
        let ours = open(&directories[0], database.clone()).await;
        let theirs = open(&directories[1], database.clone()).await;
        let made = ours.commit(change("297.p", 0)).await.unwrap();
        assert_eq!(ours.unrecorded().await.unwrap()[0].0, made.record);
        assert_eq!(theirs.unrecorded().await.unwrap()[0].0, made.record);
        theirs.recorded(vec![made.record]).await.unwrap();
        assert_eq!(ours.unrecorded().await.unwrap(), []);
    });
}

/// A dump that is restored into another server: its transactions count from elsewhere.
#[test]
fn changes_go_on_above_the_old_ones_where_a_dump_was_restored() {
    let (name, database) = fresh();
    let directory = Directory::new("restored");
    on_one_thread(async {
        let store = open(&directory, database.clone()).await;
        store.commit(change("297.p", 0)).await.unwrap();
        drop(store);
        shared().run(&name, "UPDATE change SET sequence = sequence + 1000000000000");
        let store = open(&directory, database.clone()).await;
        let before = store.changes(0, 9).await.unwrap();
        store.commit(change("297.p", 1)).await.unwrap();
        let old = before.changed[0].sequence;
        let after = store.changes(old, 9).await.unwrap();
        assert_eq!(after.changed.len(), 1, "the new one stands above the old");
        assert!(after.settled.abs_diff(old) < 1_000_000, "and so does what is settled");
    });
}

#[test]
fn a_person_with_megabytes_of_documents_is_kept_whole() {
    let (_, database) = fresh();
    for prepared in [true, false] {
        let (_, database) = (String::new(), Database { prepared, ..database.clone() });
        let directory = Directory::new("large");
        on_one_thread(async {
            let store = open(&directory, database).await;
            let id = format!("297.large{}", u8::from(prepared));
            let mut large = change(&format!("297.p{}", u8::from(prepared)), 0);
            for n in 0..4_u8 {
                let body: Arc<[u8]> = vec![n; 1 << 20].into();
                large.documents.push(Document { body, ..assessment(&format!("{id}{n}"), 1) });
            }
            store.commit(large.clone()).await.unwrap();
            assert_eq!(documents(&*store, &large.patient).await.unwrap(), large.documents);
        });
    }
}
