//! How many may pass: the generic cell rate algorithm (ITU-T I.371, annex A) on whole microseconds.
//!
//! Part of `shared`. One number is kept, the instant at which the bucket will be whole again, so
//! nothing has to be refilled. `redis/permit.lua` is the same arithmetic, and a property test holds
//! the two together: all numbers stay below 2^53, where Lua's are exact too.

use std::time::Duration;

use crate::domain::moment::Moment;

/// Most time a bucket may take from empty to whole, in microseconds: a day.
const LONGEST: i64 = 86_400_000_000;
/// Most instants are below this; more would not be exact in Lua.
const LATEST: i64 = 1 << 52;

/// So many at once, then one each interval.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// Microseconds, from 1.
    pub(super) interval: i64,
    /// From 1.
    pub(super) burst: i64,
}

/// What may pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Permit {
    /// How many may pass now; 0 is a refusal.
    pub granted: u32,
    /// How many more could.
    pub remaining: u32,
    /// Where none may: when one will.
    pub retry_after: Duration,
}

impl Permit {
    /// May anything pass?
    pub const fn allowed(&self) -> bool {
        self.granted > 0
    }
}

impl Limit {
    /// One each `interval` (at least a microsecond), `burst` (at least one) at once. A burst that
    /// would take over a day to come back is cut.
    pub fn new(interval: Duration, burst: u32) -> Self {
        let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX).clamp(1, LONGEST);
        Self { interval, burst: i64::from(burst).clamp(1, LONGEST / interval) }
    }

    /// `rate` a second, `burst` at once.
    pub fn per_second(rate: u32, burst: u32) -> Self {
        Self::new(Duration::from_secs(1) / rate.max(1), burst)
    }

    /// The part of one of several replicas that cannot ask each other.
    pub fn part(self, replicas: u32) -> Self {
        let replicas = i64::from(replicas.max(1));
        let interval = self.interval.saturating_mul(replicas).min(LONGEST);
        Self { interval, burst: (self.burst / replicas).clamp(1, LONGEST / interval) }
    }

    /// How many permits a replica takes at once: a thirty-second of the burst, at most 1,024.
    pub fn lease(self) -> u32 {
        u32::try_from((self.burst / 32).clamp(1, 1024)).unwrap_or(1)
    }

    /// Nobody is told to wait longer.
    pub(super) fn longest_wait(self) -> Duration {
        Duration::from_micros(self.interval.unsigned_abs())
    }

    /// Takes as many as fit, at most `most`, from a bucket that is whole at `whole`. Gives when
    /// it is whole after that.
    ///
    /// No bucket is emptier than empty: where `whole` lies further ahead than that, a clock has gone
    /// back, and the bucket is empty from now on: the first permit comes after one interval, not
    /// after all of the difference.
    pub fn take(self, whole: i64, most: u32, now: Moment) -> (i64, Permit) {
        let (now, room) = (micros(now), self.interval * self.burst);
        let start = whole.max(now).min(now + room);
        let free = now + room - start;
        let fit = free / self.interval;
        let granted = fit.min(i64::from(most));
        let emptied = whole.min(now + room);
        let after = if granted > 0 { start + granted * self.interval } else { emptied };
        let wait = if granted > 0 { 0 } else { self.interval - free };
        (after, permit(granted, fit - granted, wait))
    }
}

/// From numbers in microseconds; they are never negative.
pub(super) fn permit(granted: i64, remaining: i64, wait: i64) -> Permit {
    let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
    let retry_after = Duration::from_micros(u64::try_from(wait.max(0)).unwrap_or(0));
    Permit { granted: count(granted), remaining: count(remaining), retry_after }
}

/// Microseconds since the epoch, in the range where Lua is exact.
pub(super) fn micros(at: Moment) -> i64 {
    at.millis().saturating_mul(1000).clamp(0, LATEST)
}
