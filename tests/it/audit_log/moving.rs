//! A log that moves from one home to another: the same tree there, or a refusal.
//!
//! Runs between every two homes: here between files, in `server` with `PostgreSQL` on either side.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mylife::{
    audit::log::{
        Log,
        moving::{self, Moved, Side},
    },
    error::{Error, Kind, Result},
};

use super::{Home, append, requests};
use crate::step::audit::{NOW, aino, all_keys, block_on, eero, entry};

/// The stories as tests of a move.
macro_rules! between {
    ($name:ident, $from:ty, $to:ty) => {
        mod $name {
            use crate::audit_log::moving;

            #[test]
            fn the_same_tree_is_there_and_goes_on_growing() {
                moving::whole::<$from, $to>();
            }

            #[test]
            fn what_was_interrupted_goes_on_and_what_was_added_meanwhile_comes_too() {
                moving::interrupted::<$from, $to>();
            }

            #[test]
            fn what_does_not_arrive_whole_is_found() {
                moving::spoiled::<$from, $to>();
            }

            #[test]
            fn what_somebody_has_tampered_with_does_not_move() {
                moving::tampered::<$from, $to>();
            }

            #[test]
            fn a_place_that_holds_another_log_is_refused_and_left_alone() {
                moving::another::<$from, $to>();
            }
        }
    };
}
pub(super) use between;

/// More than travel in one batch.
const MANY: usize = 2_500;

fn fill(log: &Log, from: usize, to: usize) {
    let payload = |n: usize| entry(&format!("r{n}")).to_payload().unwrap();
    let payloads: Vec<_> = (from..to).map(payload).collect();
    let (one, other) = (aino(), eero());
    let key = |n: usize| if n.is_multiple_of(3) { &one } else { &other };
    let records: Vec<_> = payloads.iter().enumerate().map(|(n, p)| (key(n), &**p)).collect();
    block_on(log.append_many(&records)).unwrap();
    log.checkpoint(NOW).unwrap();
}

/// A few records, as those who tamper expect them.
fn few<H: Home>() -> H {
    let home = H::new();
    let log = home.open();
    for name in ["a", "b", "c", "d"] {
        block_on(append(&log, name)).unwrap();
    }
    log.checkpoint(NOW).unwrap();
    block_on(append(&log, "e")).unwrap();
    drop(log);
    home
}

fn run<F: Home, T: Home>(from: &F, to: &T, mut step: impl FnMut(u64)) -> Result<Moved> {
    let sides: [Side; 2] = [from.side()?, to.side()?];
    moving::run(&sides[0], &sides[1], &mut step)
}

pub(super) fn whole<F: Home, T: Home>() {
    let (from, to) = (F::new(), T::new());
    let log = from.open();
    fill(&log, 0, 7);
    fill(&log, 7, MANY);
    drop(log);
    let before = from.verify(&all_keys);
    let mut steps = 0;
    let moved = run(&from, &to, |records| steps += records).unwrap();
    assert_eq!((moved.before, steps), (0, 2 * MANY as u64));
    assert_eq!(from.verify(&all_keys), before, "the source is as it was");
    let after = to.verify(&all_keys);
    assert_eq!(after.fault, None);
    assert_eq!((after.records, after.opened), (MANY as u64, MANY as u64));
    assert_eq!(after.checkpoints, moved.checkpoints, "all that were signed hold");
    let log = to.open();
    assert_eq!(log.head(), moved.head);
    assert_eq!(log.head(), from.open().head());
    fill(&log, MANY, MANY + 2);
    drop(log);
    let after = to.verify(&all_keys);
    assert_eq!((after.records, after.fault), (MANY as u64 + 2, None));
    let names: Vec<String> = (0..MANY + 2).map(|n| format!("r{n}")).collect();
    assert_eq!(requests(&to.read(&all_keys)), names, "in the old order");
    let of_one = to.of_person(&aino());
    assert!(of_one.len() > MANY / 3 && of_one.iter().all(|found| found.entry.is_some()));
}

pub(super) fn interrupted<F: Home, T: Home>() {
    let (from, to) = (F::new(), T::new());
    fill(&from.open(), 0, MANY);
    for round in 0..2_u64 {
        // Ends as a process that is killed between two batches.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut arrived = 0;
            run(&from, &to, |records| {
                arrived += records;
                if arrived > round * 1_500 {
                    resume_unwind(Box::new(()));
                }
            })
        }));
        assert!(ended.is_err(), "it came to its end");
    }
    fill(&from.open(), MANY, MANY + 5);
    let moved = run(&from, &to, |_| ()).unwrap();
    assert_eq!(moved.before, 2_000);
    let after = to.verify(&all_keys);
    assert_eq!((after.records, after.fault), (MANY as u64 + 5, None));
    assert_eq!(to.open().head(), from.open().head());
    let again = run(&from, &to, |_| ()).unwrap();
    assert_eq!(again.before, again.head.size, "nothing is left to do");
}

pub(super) fn spoiled<F: Home, T: Home>() {
    for tampering in T::tamperings() {
        let (from, to) = (few::<F>(), T::new());
        let mut steps = 0;
        let moved = run(&from, &to, |_| {
            steps += 1;
            // Everything has arrived, and the first record has been compared.
            if steps == 2 {
                (tampering.act)(&to);
            }
        });
        let error = moved.expect_err(tampering.how);
        assert!([Kind::Unavailable, Kind::Internal].contains(&error.kind()), "{error}");
    }
}

pub(super) fn tampered<F: Home, T: Home>() {
    for tampering in F::tamperings() {
        let (from, to) = (few::<F>(), T::new());
        let signed = from.open().head();
        (tampering.act)(&from);
        let refused = |error: Error| {
            let says = error.say().contains("The audit log to move from does not verify");
            assert!(says || error.kind() == Kind::Internal, "{}: {error}", tampering.how);
        };
        match run(&from, &to, |_| ()) {
            Err(error) => {
                refused(error);
                assert_eq!(to.open().head().size, 0, "{}", tampering.how);
            }
            // What hangs torn at the end of a file is cut by whoever opens it, as at a start.
            Ok(moved) => assert_eq!(moved.head, signed, "{}", tampering.how),
        }
    }
}

pub(super) fn another<F: Home, T: Home>() {
    let (from, to) = (few::<F>(), T::new());
    fill(&to.open(), 0, 3);
    let before = to.verify(&all_keys);
    let error = run(&from, &to, |_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.say().contains("holds another audit log"), "{error}");
    assert_eq!(to.verify(&all_keys), before);
}

between!(files_to_files, crate::audit_log::Files, crate::audit_log::Files);
