//! Makes every seeded mistake in turn, on a thread of its own, and runs the test of its row, which must
//! fail. In a build with the feature `mutants` alone.

use std::{
    io::{Write, stdout},
    panic::catch_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

use mylife::mutant::{ALL, Mutant, made};

use super::{rows, test};

#[test]
fn every_mistake_is_noticed() {
    let row_of = |name: &str| rows().find(|row| row.mutants.contains(&name)).expect("it has a row");
    let waiting = Mutex::new(ALL.to_vec());
    let survivors = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let try_each = || {
        while let Some(mistake) = next() {
            if survives(mistake, test(row_of(&format!("{mistake:?}")).test)) {
                survivors.lock().unwrap_or_else(PoisonError::into_inner).push(mistake);
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(try_each)));
    });
    let survivors = survivors.into_inner().unwrap();
    // Past the harness, which keeps what a test that passes says to itself.
    let score = format!("mutants: {} of {} killed", ALL.len() - survivors.len(), ALL.len());
    writeln!(stdout(), "{score}").unwrap();
    assert_eq!(survivors, [], "these mistakes are not noticed");
}

/// Does the test pass although the mistake is made?
fn survives(mistake: Mutant, test: fn()) -> bool {
    made(Some(mistake));
    let outcome = catch_unwind(test);
    made(None);
    outcome.is_ok()
}
