//! The only door to time.
//!
//! Floor of the house. Steps receive `now: Moment`; only `gateway` and the loops around it hold a
//! [`Clock`]. Tests hold a [`FixedClock`].

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime},
};

use crate::domain::moment::Moment;

/// Wall time for what is written down and monotonic time for deadlines.
pub trait Clock: Send + Sync {
    /// The instant, to the millisecond.
    fn now(&self) -> Moment;
    /// Time since an arbitrary start; never goes back.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
pub struct SystemClock(Instant);

impl Default for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that stands still until it is moved.
pub struct FixedClock {
    /// Milliseconds, as they are written down.
    wall: AtomicI64,
    /// Milliseconds that have passed.
    passed: AtomicI64,
}

impl FixedClock {
    /// Stands at `at`.
    pub fn new(at: Moment) -> Self {
        Self { wall: AtomicI64::new(at.millis()), passed: AtomicI64::new(at.millis()) }
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.wall.fetch_add(by, Ordering::SeqCst);
        self.passed.fetch_add(by, Ordering::SeqCst);
    }

    /// Is set, as an operator or a time server sets it: no time passes.
    pub fn set(&self, at: Moment) {
        self.wall.store(at.millis(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Moment {
        Moment::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.passed.load(Ordering::SeqCst)).unwrap_or(0))
    }
}
