//! Keeps what this process has in memory as new as the store that others write too.
//!
//! Beside the way of a request: a loop around `source::follower`, for as long as requests are
//! answered. Whoever commits wakes the others, so that they look at once; a word that is lost costs them
//! what is left of their tenth of a second. It decides nothing; what it does not manage in time is refused
//! by those who read.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::{
    error::{Error, Result},
    gateway::Gateway,
    listen::Stopping,
    shared::Topic,
    source::follower::{EVERY, OLDEST},
};

/// Between two words to the others: whatever is committed meanwhile is told of by one.
const APART: Duration = Duration::from_millis(25);

impl Gateway {
    /// Follows what other processes commit until told to stop; at once done where there are none.
    pub async fn follow(self: Arc<Self>, mut stopping: Stopping) {
        if !self.tokens.store.is_shared() {
            return;
        }
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut woken = self.shared.wakes(Topic::Change);
        let mut lost = false;
        loop {
            tokio::select! {
                biased;
                () = stopping.asked() => return,
                _ = ticks.tick() => {}
                Ok(()) = woken.changed() => {}
            }
            let round = self.look().await;
            match &round {
                Err(error) if !lost => {
                    tracing::error!(cause = ?error, "what other processes write cannot be followed");
                }
                Ok(()) if lost => tracing::info!("what other processes write is followed again"),
                Ok(()) | Err(_) => {}
            }
            lost = round.is_err();
        }
    }

    /// Wakes other processes when something was committed here, until told to stop.
    pub async fn spread(self: Arc<Self>, mut stopping: Stopping) {
        let Some(local) = &self.reach.sources.local else { return };
        if !self.tokens.store.is_shared() {
            return;
        }
        let news = async {
            loop {
                local.committed().await;
                // Who does not hear of it looks a little later all the same.
                drop(self.shared.wake(Topic::Change, 0).await);
                sleep(APART).await;
            }
        };
        tokio::select! {
            biased;
            () = stopping.asked() => {}
            () = news => {}
        }
    }

    /// One look at what other processes wrote and revoked.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read in time; what is known stays as it was.
    pub async fn look(&self) -> Result<()> {
        let (asked, now) = (self.clock.elapsed(), self.clock.now());
        let revoked = self.authenticator.revoked().follow(&*self.tokens.store, asked, now);
        let changed = async {
            match &self.reach.sources.local {
                Some(local) => local.follow(asked).await,
                None => Ok(()),
            }
        };
        // What takes longer is of no use any more.
        let round = timeout(OLDEST, async { tokio::try_join!(changed, revoked).map(|_| ()) });
        round.await.map_err(Error::unavailable)?
    }

    /// Up to when what this process keeps is known to be current, on the monotonic clock; asked before
    /// anything is read.
    ///
    /// # Errors
    /// `Unavailable` when the store was not heard of for too long.
    pub fn known_current(&self) -> Result<Duration> {
        let now = self.clock.elapsed();
        self.reach.sources.local.as_ref().map_or(Ok(now), |local| local.known_current(now))
    }
}
