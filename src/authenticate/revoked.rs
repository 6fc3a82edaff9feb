//! Tokens that were revoked before their time, and settings that were replaced: known to every process
//! of a gateway within a second.
//!
//! Part of the step `authenticate`, asked for every token, cached or not. The truth is in the store; here
//! is what is known of it, added to by the process that revokes and by following the others. Who has not
//! heard of the store for [`OLDEST`], or has older settings than others, accepts no token. Sources: RFC
//! 7009, design 3.1 and 5.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use arc_swap::ArcSwap;

use crate::{
    domain::moment::Moment,
    error::{Error, Result},
    store::{BEYOND, Store},
};

/// Longest time since the store was asked, where others revoke too: less than the second within which
/// a revocation counts everywhere, by more than clocks of two machines may run apart in it.
pub const OLDEST: Duration = Duration::from_millis(900);
/// In place of the instant where nobody else revokes.
const ALONE: u64 = u64::MAX;

/// What is known.
pub struct Revoked {
    tokens: ArcSwap<HashMap<[u8; 32], Moment>>,
    settled: AtomicI64,
    /// Which server said so.
    server: AtomicI64,
    /// When the store was last asked, in nanoseconds of the monotonic clock.
    heard: AtomicU64,
    /// Number of the settings by which this process decides.
    own: AtomicI64,
    /// The highest that any process has.
    newest: AtomicI64,
}

impl Default for Revoked {
    fn default() -> Self {
        let number = || AtomicI64::new(0);
        let (settled, server, own, newest) = (number(), number(), number(), number());
        let heard = AtomicU64::new(ALONE);
        Self { tokens: ArcSwap::default(), settled, server, heard, own, newest }
    }
}

impl Revoked {
    /// Is it known that this token, by the SHA-256 of its name, is revoked?
    pub fn has(&self, token: &[u8; 32]) -> bool {
        self.tokens.load().contains_key(token)
    }

    /// Revokes one: first durably, then here; in the other processes when they next look.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be written.
    pub async fn revoke(
        &self,
        store: &dyn Store,
        token: [u8; 32],
        until: Moment,
        now: Moment,
    ) -> Result<()> {
        store.revoke(token, until, now).await?;
        self.add(&[(token, until)], now);
        Ok(())
    }

    /// Looks at the store, asked at this instant of the monotonic clock.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read; what is known stays.
    pub async fn follow(&self, store: &dyn Store, asked: Duration, now: Moment) -> Result<()> {
        let mut new = store.revoked(self.settled.load(Ordering::SeqCst)).await?;
        if self.server.swap(new.server, Ordering::SeqCst) != new.server {
            // It may give places that were settled to others.
            new = store.revoked(i64::MIN).await?;
            self.settled.store(new.settled, Ordering::SeqCst);
        }
        self.add(&new.tokens, now);
        let newest = self.newest.fetch_max(new.settings, Ordering::SeqCst);
        let own = self.own.load(Ordering::SeqCst);
        // Who has none yet is about to learn whether its own are those of all.
        if newest < new.settings && (1..new.settings).contains(&own) {
            tracing::error!(
                node.settings = new.settings,
                "another process has newer settings: nothing is answered here until they are taken too"
            );
        }
        // After the tokens: of two rounds at once neither may skip what the other has not added.
        self.settled.fetch_max(new.settled, Ordering::SeqCst);
        if store.is_shared() {
            let asked = u64::try_from(asked.as_nanos()).unwrap_or(ALONE - 1);
            let later = |heard: u64| if heard == ALONE { asked } else { heard.max(asked) };
            self.heard.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |h| Some(later(h))).ok();
        }
        Ok(())
    }

    /// The settings of this number are those by which this process decides.
    pub fn settled_on(&self, number: i64) {
        self.own.fetch_max(number, Ordering::SeqCst);
    }

    /// Is all known here that was revoked [`OLDEST`] ago, and are the settings by which tokens are
    /// believed those of every process?
    ///
    /// # Errors
    /// `Unavailable` if not.
    pub fn current(&self, now: Duration) -> Result<()> {
        if self.own.load(Ordering::SeqCst) < self.newest.load(Ordering::SeqCst) {
            return Err(Error::unavailable("another process has newer settings"));
        }
        let heard = self.heard.load(Ordering::SeqCst);
        if heard == ALONE || now.saturating_sub(Duration::from_nanos(heard)) <= OLDEST {
            return Ok(());
        }
        Err(Error::unavailable("what was revoked was not read in time"))
    }

    /// Adds some, and forgets those that have ended by themselves.
    fn add(&self, new: &[([u8; 32], Moment)], now: Moment) {
        if new.iter().all(|(token, _)| self.has(token)) {
            return;
        }
        self.tokens.rcu(|known| {
            let alive = known.iter().map(|(token, until)| (*token, *until));
            let all = alive.chain(new.iter().copied());
            all.filter(|(_, until)| *until >= now.minus(BEYOND)).collect::<HashMap<_, _>>()
        });
    }
}
