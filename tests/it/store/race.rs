//! What every store promises when many ask at once.

use std::sync::Arc;

use mylife::{
    error::Kind,
    store::{Document, Store},
};
use tokio::task::JoinSet;

use super::{assessment, at, change, documents, every, message, writes};

#[test]
fn of_many_changes_from_one_version_exactly_one_wins() {
    every("one-wins", async |store| {
        for base in 0..10_u64 {
            let mut attempts = JoinSet::new();
            for n in 0..20_u8 {
                let body: Arc<[u8]> = vec![n].into();
                let document = Document { body, ..assessment("297.a", base + 1) };
                attempts.spawn(store.commit(writes("297.p", base, document)));
            }
            let outcomes = attempts.join_all().await;
            let won: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().ok()).collect();
            assert_eq!(won.iter().map(|c| c.version).collect::<Vec<_>>(), [base + 1]);
            let lost = outcomes.iter().filter_map(|o| o.as_ref().err());
            assert!(lost.map(mylife::error::Error::kind).all(|kind| kind == Kind::Conflict));
        }
        assert_eq!(store.load("297.p").await.unwrap().unwrap().version, 10);
        assert_eq!(store.unrecorded().await.unwrap().len(), 10);
        assert_eq!(store.changes(0, 99).await.unwrap().changed.len(), 10);
    });
}

#[test]
fn of_a_hundred_uses_of_a_value_exactly_one_counts() {
    every("spend-once", async |store| {
        for value in 0..5_u8 {
            let mut uses = JoinSet::new();
            for _ in 0..100 {
                uses.spawn(store.spend([value; 32], at(60), at(0)));
            }
            let counted = uses.join_all().await.into_iter().filter(|used| *used.as_ref().unwrap());
            assert_eq!(counted.count(), 1);
        }
    });
}

#[test]
fn a_refused_change_leaves_its_neighbours_alone() {
    every("neighbours", async |store| {
        store.commit(writes("297.p", 0, assessment("297.taken", 1))).await.unwrap();
        let mut attempts = JoinSet::new();
        for n in 0..60 {
            let patient = format!("297.n{n:02}");
            let id = format!("297.d{n:02}");
            let mut attempt = writes(&patient, 0, assessment(&id, 1));
            attempt.outbox.push(message("205", &id));
            if n % 3 == 0 {
                attempt.documents.push(assessment("297.taken", 2));
            }
            let commit = store.commit(attempt);
            attempts.spawn(async move { (n, commit.await) });
        }
        for (n, outcome) in attempts.join_all().await {
            let patient = format!("297.n{n:02}");
            let held = documents(&*store, &patient).await.unwrap();
            assert_eq!(outcome.is_ok(), n % 3 != 0, "{n}");
            assert_eq!(held.len(), usize::from(n % 3 != 0), "{n}");
        }
        assert_eq!(store.owed(99).await.unwrap().len(), 40);
        assert_eq!(store.walk(None, 99).await.unwrap().len(), 41);
    });
}

#[test]
fn a_reader_sees_a_person_as_of_one_instant() {
    every("snapshot", async |store| {
        let both = |base: u64| {
            let mut next = writes("297.p", base, assessment("297.a", base + 1));
            next.documents.push(assessment("297.b", base + 1));
            next
        };
        store.commit(both(0)).await.unwrap();
        let writing = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for base in 1..100 {
                    store.commit(both(base)).await.unwrap();
                }
            })
        };
        while !writing.is_finished() {
            let loads: JoinSet<_> = (0..4).map(|_| store.load("297.p")).collect();
            for stored in loads.join_all().await {
                let stored = stored.unwrap().unwrap();
                let versions = stored.documents.iter().map(|document| document.version);
                assert_eq!(versions.collect::<Vec<_>>(), [stored.version; 2]);
            }
        }
        writing.await.unwrap();
    });
}

#[test]
fn what_was_acknowledged_is_what_the_next_reader_sees() {
    every("read-your-writes", async |store| {
        for base in 0..100 {
            store.commit(change("297.p", base)).await.unwrap();
            let stored = store.load("297.p").await.unwrap().unwrap();
            assert_eq!(stored.version, base + 1);
        }
    });
}

#[test]
fn more_callers_than_there_is_room_for_all_get_their_answer() {
    every("room", async |store| {
        let mut all = JoinSet::new();
        for n in 0..3000_u64 {
            let store = Arc::clone(&store);
            all.spawn(async move {
                let mut value = [0; 32];
                value[..8].copy_from_slice(&n.to_le_bytes());
                let spent = store.spend(value, at(60), at(0)).await.unwrap();
                spent && store.find(mylife::store::IdentityMac(value)).await.unwrap().is_none()
            });
        }
        assert!(all.join_all().await.into_iter().all(|fine| fine));
    });
}

#[test]
fn a_caller_that_goes_away_harms_nobody() {
    every("gone", async |store: Arc<dyn Store>| {
        for base in 0..50 {
            // Polled once, then dropped: queued, and nobody waits for the answer.
            let mut commit = store.commit(change("297.gone", base));
            let mut load = store.load("297.gone");
            tokio::select! {
                biased;
                _ = &mut commit => {}
                _ = &mut load => {}
                () = std::future::ready(()) => {}
            }
            drop((commit, load));
            store.commit(change("297.p", base)).await.unwrap();
            // Made by now, under way, or made here: once in any case.
            match store.commit(change("297.gone", base)).await {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), Kind::Conflict),
            }
        }
        assert_eq!(store.load("297.p").await.unwrap().unwrap().version, 50);
        assert_eq!(store.load("297.gone").await.unwrap().unwrap().version, 50);
    });
}
