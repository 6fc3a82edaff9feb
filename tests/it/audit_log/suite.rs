//! What every home of a log promises.

use std::sync::Arc;

use mylife::{
    commit::missing::append_missing, error::Kind, seal::audit::AuditKey, source::local::Local,
};
use tokio::task::JoinSet;

use super::{Home, append, each_once, requests};
use crate::{
    step::audit::{NOW, aino, all_keys, block_on, eero, entry},
    store::change,
};

/// The suite as tests of a home.
macro_rules! on {
    ($name:ident, $home:ty) => {
        mod $name {
            use super::suite;

            #[test]
            fn what_was_appended_is_read_back_in_order_also_by_the_next_process() {
                suite::in_order::<$home>();
            }

            #[test]
            fn of_many_at_once_none_is_missing_and_none_is_there_twice() {
                suite::many_at_once::<$home>();
            }

            #[test]
            fn a_failure_is_unavailable_and_what_comes_after_it_is_not() {
                suite::failure::<$home>();
            }

            #[test]
            fn what_is_forgotten_cannot_be_read_and_leaves_the_tree_as_it_was() {
                suite::forgotten::<$home>();
            }

            #[test]
            fn the_record_of_a_write_is_there_once_whoever_brings_it() {
                suite::writes::<$home>();
            }

            #[test]
            fn whoever_tampers_is_found() {
                suite::tampered::<$home>();
            }

            #[test]
            fn a_closed_log_takes_nothing_and_has_signed_everything() {
                suite::closed::<$home>();
            }
        }
    };
}
pub(super) use on;

pub(super) fn in_order<H: Home>() {
    let home = H::new();
    let log = home.open();
    let names: Vec<String> = (0..7).map(|n| format!("{}{n}", "r".repeat(1 + n % 2))).collect();
    block_on(async {
        for name in &names[..3] {
            append(&log, name).await.unwrap();
        }
        log.checkpoint(NOW).unwrap();
        for name in &names[3..5] {
            append(&log, name).await.unwrap();
        }
    });
    let before = home.verify(&all_keys);
    assert_eq!((before.records, before.checkpoints, &before.fault), (5, 1, &None), "{before:?}");
    log.close().unwrap();
    let head = log.head();
    drop(log);
    let log = home.open();
    assert_eq!(log.head(), head);
    block_on(async {
        for name in &names[5..] {
            append(&log, name).await.unwrap();
        }
    });
    drop(log);
    let after = home.verify(&all_keys);
    assert_eq!((after.records, after.opened, after.checkpoints), (7, 7, 3), "{after:?}");
    assert_eq!(after.fault, None);
    assert_eq!(requests(&home.read(&all_keys)), names);
    let of = |even: bool| names.iter().filter(move |name| (name.len() % 2 == 0) == even).cloned();
    assert!(requests(&home.of_person(&aino())).into_iter().eq(of(true)));
    assert!(requests(&home.of_person(&eero())).into_iter().eq(of(false)));
}

pub(super) fn many_at_once<H: Home>() {
    let home = H::new();
    let log = Arc::new(home.open());
    let told = block_on(async {
        let mut tasks = JoinSet::new();
        for n in 0..300 {
            let log = Arc::clone(&log);
            tasks.spawn(async move { append(&log, &format!("r{n}")).await.unwrap() });
        }
        let (key, other) = (aino(), eero());
        let pair = log.append_many(&[(&key, b"{}"), (&other, b"{}")]).await.unwrap();
        let mut told = tasks.join_all().await;
        told.extend(pair.iter().map(|one| one.leaf));
        told
    });
    log.close().unwrap();
    drop(log);
    let checked = home.verify(&all_keys);
    assert_eq!((checked.records, checked.opened, checked.fault), (302, 302, None));
    let no_keys = |_: &str| None;
    each_once(&home.read(&no_keys), &told);
}

pub(super) fn failure<H: Home>() {
    let home = H::new();
    let log = home.open();
    let mut told = Vec::new();
    block_on(async {
        for round in 0..3 {
            told.push(append(&log, &format!("before{round}")).await.unwrap());
            home.break_down();
            for lost in 0..2 {
                let error = append(&log, &format!("lost{round}{lost}")).await.unwrap_err();
                assert_eq!(error.kind(), Kind::Unavailable);
            }
            home.mend();
            told.push(append(&log, &format!("after{round}")).await.unwrap());
        }
    });
    drop(log);
    let checked = home.verify(&all_keys);
    assert_eq!((checked.records, checked.opened, checked.fault), (6, 6, None));
    each_once(&home.read(&all_keys), &told);
}

pub(super) fn forgotten<H: Home>() {
    let home = H::new();
    let log = home.open();
    block_on(async {
        for name in ["aa", "a", "bb", "b"] {
            append(&log, name).await.unwrap();
        }
    });
    drop(log);
    let one_forgotten = |id: &str| all_keys(id).filter(|_| id != "297.eero");
    let checked = home.verify(&one_forgotten);
    assert_eq!((checked.records, checked.opened, checked.checkpoints), (4, 2, 1), "{checked:?}");
    assert_eq!(checked.fault, None);
    let found = requests(&home.read(&one_forgotten));
    assert_eq!(found, ["aa", "forgotten", "bb", "forgotten"]);
}

pub(super) fn writes<H: Home>() {
    let home = H::new();
    let store = home.store();
    let log = home.open();
    block_on(async {
        let payload = entry("written").to_payload().unwrap();
        for version in 0..3 {
            let record = payload.as_slice().into();
            let change = mylife::store::Change { record, ..change("297.aino", version) };
            store.commit(change).await.unwrap();
        }
        append(&log, "between").await.unwrap();
        let local = Local::new(Arc::clone(&store), "urn:oid:1.2".into(), 1 << 16);
        assert_eq!(append_missing(&local, &log).await.unwrap(), 3);
        assert_eq!(append_missing(&local, &log).await.unwrap(), 0);
        assert_eq!(store.unrecorded().await.unwrap(), []);
    });
    log.close().unwrap();
    assert_eq!(log.head().size, 4);
    drop(log);
    let key = block_on(store.load("297.aino")).unwrap().unwrap().audit_key;
    let keys = |id: &str| if id == "297.aino" { Some(key) } else { all_keys(id) };
    let checked = home.verify(&keys);
    assert_eq!((checked.records, checked.opened, checked.fault), (4, 4, None));
    let aino = AuditKey::new("297.aino", key);
    assert_eq!(requests(&home.of_person(&aino)), ["written"; 3]);
}

pub(super) fn tampered<H: Home>() {
    for tampering in H::tamperings() {
        let home = H::new();
        let log = home.open();
        block_on(async {
            for name in ["a", "b", "c", "d"] {
                append(&log, name).await.unwrap();
            }
            log.checkpoint(NOW).unwrap();
            append(&log, "e").await.unwrap();
        });
        drop(log);
        let whole = home.verify(&all_keys);
        assert_eq!((whole.records, &whole.fault), (5, &None), "{}", tampering.how);
        (tampering.act)(&home);
        let said = home.verify(&all_keys).fault;
        let said = said.unwrap_or_else(|| panic!("{} went unseen", tampering.how));
        assert!(said.contains(tampering.says), "{}: {said}", tampering.how);
    }
}

pub(super) fn closed<H: Home>() {
    let home = H::new();
    let log = home.open();
    block_on(append(&log, "a")).unwrap();
    log.close().unwrap();
    assert_eq!(block_on(append(&log, "b")).unwrap_err().kind(), Kind::Unavailable);
    log.close().unwrap();
    drop(log);
    let checked = home.verify(&all_keys);
    assert_eq!((checked.records, checked.checkpoints, checked.fault), (1, 1, None));
}
