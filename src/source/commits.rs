//! How many commits were counted of each person, by which a load knows that nothing came between.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of commits, by a hash of the person; a collision costs a second load.
const COUNTERS: usize = 4096;

/// What somebody's data were when they were loaded: so many commits had been counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ground {
    counter: usize,
    counted: u64,
}

impl Ground {
    /// What never stands.
    pub const NONE: Self = Self { counter: usize::MAX, counted: u64::MAX };
}

/// Counts what is committed.
pub struct Commits(Box<[AtomicU64]>);

impl Default for Commits {
    fn default() -> Self {
        Self((0..COUNTERS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Commits {
    /// What is held of a person now, to be compared later.
    pub fn ground(&self, patient: &str) -> Ground {
        let counter = counter(patient);
        Ground { counter, counted: self.counted(counter) }
    }

    /// Was nothing committed since?
    pub fn stand(&self, ground: &Ground) -> bool {
        self.counted(ground.counter) == ground.counted
    }

    /// Something of a person was committed, or is about to be.
    pub fn count(&self, patient: &str) {
        if let Some(count) = self.0.get(counter(patient)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The same of everybody.
    pub fn count_all(&self) {
        for count in &self.0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn counted(&self, counter: usize) -> u64 {
        self.0.get(counter).map_or(0, |count| count.load(Ordering::SeqCst))
    }
}

fn counter(patient: &str) -> usize {
    patient.bytes().fold(0, |sum: usize, b| sum.wrapping_mul(31).wrapping_add(usize::from(b)))
        % COUNTERS
}
