//! How long something takes: counts of times up to each of some bounds.
//!
//! Part of `telemetry`. Bounds are those of OpenTelemetry's `http.server.request.duration`, with some
//! below them, since a read from memory takes microseconds.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds in microseconds.
pub const BOUNDS: [u64; 17] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000,
    750_000, 1_000_000, 2_500_000, 5_000_000,
];

/// Counts of times.
#[derive(Default)]
pub struct Histogram {
    within: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    sum: AtomicU64,
}

impl Histogram {
    /// Notes one.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|bound| *bound < micros);
        self.within.get(place).unwrap_or(&self.beyond).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many were up to each bound, and the last of all.
    pub fn cumulative(&self) -> Vec<u64> {
        let all = self.within.iter().chain([&self.beyond]);
        let sum = |sum: &mut u64, one: &AtomicU64| {
            *sum += one.load(Ordering::Relaxed);
            Some(*sum)
        };
        all.scan(0, sum).collect()
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.cumulative().last().copied().unwrap_or_default()
    }

    /// Microseconds of all together.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}
