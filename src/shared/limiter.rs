//! Rate limits as the roads ask for them: mostly without a round trip.
//!
//! Part of `shared`. In process a permit is arithmetic under a lock. With Redis a replica takes a few
//! permits at once ([`Limit::lease`]) and hands them out; they are paid for before they are used, so
//! in any span of time all replicas together admit at most what the limit says and one lease each
//! more. One request asks for them at a time; who comes meanwhile waits for the same answer, once. What is not
//! used within [`HELD`] lapses. A refusal is remembered until a permit can be had again, so a flood costs
//! no round trips either. While Redis is away each replica holds its part of
//! the limit; nothing is ever unlimited.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    Key, Limit, Permit, Shared,
    process::{Map, Process},
};
use crate::{
    domain::moment::Moment,
    error::{Error, Kind, Result},
};

/// How long a replica may keep permits it does not use.
pub const HELD: Duration = Duration::from_secs(1);
/// Leases at a time.
const LEASES: usize = 16 * 1024;

/// What becomes of rate limits while Redis is away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Away {
    /// Each of so many replicas holds its part of every limit.
    Divide(u32),
    /// What would be counted there is refused with 503.
    Refuse,
}

/// Holds rate limits.
pub struct Limiter {
    here: Arc<Process>,
    there: Option<There>,
}

/// Limits that are counted elsewhere.
struct There {
    shared: Arc<dyn Shared>,
    away: Away,
    leases: Map<Lease>,
}

/// Permits taken and not used.
struct Lease {
    left: u32,
    /// They lapse then; or, with none left, none can be had before.
    until: Moment,
    /// Somebody is asking for more; the others wait for what comes of it.
    asking: Option<watch::Receiver<Heard>>,
}

/// What has come of asking.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Heard {
    /// Nothing yet; at the end, whoever asked has given up.
    Nothing,
    /// The lease says it.
    Answer,
    /// Nobody answers.
    Silence,
}

/// What a lease says of one more request.
enum Said {
    /// It is one of those taken.
    Yes(Permit),
    /// There is none before this time has passed.
    No(Duration),
    /// Ask for so many, and tell those who wait for them.
    Ask(u32, Option<watch::Sender<Heard>>),
    /// Somebody does.
    Wait(watch::Receiver<Heard>),
}

impl Limiter {
    /// Counts in this process.
    pub fn here(process: Arc<Process>) -> Self {
        Self { here: process, there: None }
    }

    /// Counts where all replicas do.
    pub fn leasing(shared: Arc<dyn Shared>, away: Away) -> Self {
        let there = There { shared, away, leases: Map::new(LEASES) };
        Self { here: Arc::new(Process::default()), there: Some(there) }
    }

    /// May one more pass?
    ///
    /// # Errors
    /// `Unavailable` if Redis is away and the policy is to refuse.
    pub async fn permit(&self, key: &Key, limit: Limit, now: Moment) -> Result<Permit> {
        let Some(there) = &self.there else {
            return Ok(self.here.permit_now(key, limit, 1, now));
        };
        let mut waited = false;
        let (most, leads) = loop {
            match there.said(key, limit, now) {
                Said::Yes(permit) => return Ok(permit),
                Said::No(retry_after) => {
                    return Ok(Permit { granted: 0, remaining: 0, retry_after });
                }
                Said::Ask(most, leads) => break (most, leads),
                // Many at a small lease would wait for each other one lease after the other.
                Said::Wait(_) if waited => break (1, None),
                Said::Wait(mut heard) => {
                    drop(heard.changed().await);
                    match *heard.borrow() {
                        Heard::Nothing => {}
                        Heard::Answer => waited = true,
                        Heard::Silence => {
                            let error = Error::unavailable("who asked had no answer");
                            return self.alone(there.away, key, limit, now, error);
                        }
                    }
                }
            }
        };
        let asking = Asking { there, key, leads };
        match there.shared.permit(key, limit, most, now).await {
            Ok(taken) => Ok(asking.answered(taken, now)),
            Err(error) => {
                asking.tell(Heard::Silence);
                drop(asking);
                self.alone(there.away, key, limit, now, error)
            }
        }
    }

    /// What is done where nobody answers.
    fn alone(
        &self,
        away: Away,
        key: &Key,
        limit: Limit,
        now: Moment,
        error: Error,
    ) -> Result<Permit> {
        match away {
            Away::Divide(replicas) if error.kind() == Kind::Unavailable => {
                Ok(self.here.permit_now(key, limit.part(replicas), 1, now))
            }
            Away::Divide(_) | Away::Refuse => Err(error),
        }
    }
}

impl There {
    fn said(&self, key: &Key, limit: Limit, now: Moment) -> Said {
        let most = limit.lease();
        let mut shard = self.leases.shard(key);
        let Some(lease) = shard.entries.get_mut(key) else {
            let (leads, asking) = lead(most);
            let lease = Lease { left: 0, until: now, asking };
            shard.insert(*key, lease, |lease| lease.until.millis());
            return Said::Ask(most, leads);
        };
        // A clock that has gone back makes nothing last much longer than it could from now; who has begun
        // before the one that asked uses what came of it.
        let longest = if lease.left > 0 { HELD * 2 } else { limit.longest_wait() };
        let is_good = now < lease.until && lease.until <= now.plus(longest);
        match lease.left.checked_sub(1) {
            Some(left) if is_good => {
                lease.left = left;
                Said::Yes(Permit { granted: 1, remaining: left, retry_after: Duration::ZERO })
            }
            None if is_good => {
                let wait = lease.until.millis().saturating_sub(now.millis());
                Said::No(Duration::from_millis(wait.unsigned_abs()))
            }
            Some(_) | None => {
                if let Some(asking) = &lease.asking {
                    return Said::Wait(asking.clone());
                }
                let (leads, asking) = lead(most);
                (lease.left, lease.asking) = (0, asking);
                Said::Ask(most, leads)
            }
        }
    }
}

/// Who asks for several tells others; for one each asks by itself.
fn lead(most: u32) -> (Option<watch::Sender<Heard>>, Option<watch::Receiver<Heard>>) {
    (most > 1).then(|| watch::channel(Heard::Nothing)).unzip()
}

/// Somebody asks for permits. Once it is answered, or dropped with its request, another may take the
/// lead.
struct Asking<'a> {
    there: &'a There,
    key: &'a Key,
    /// Does it ask for a whole lease, for which others wait? One does at a time.
    leads: Option<watch::Sender<Heard>>,
}

impl Asking<'_> {
    /// One of them passes now, the rest is kept. Or there are none, which is kept too.
    fn answered(self, taken: Permit, now: Moment) -> Permit {
        let rest = taken.granted.saturating_sub(1);
        let wait = if taken.allowed() { HELD } else { taken.retry_after };
        let mut shard = self.there.leases.shard(self.key);
        let lease = shard.entries.get_mut(self.key);
        let leads = self.leads.is_some();
        // One that asked for itself alone has news only if there are none.
        if let Some(lease) = lease.filter(|l| leads || (l.left == 0 && !taken.allowed())) {
            // Rounded down, so that nobody waits here for longer than where the limit is counted.
            (lease.left, lease.until) = (rest, now.plus(wait));
        }
        drop(shard);
        self.tell(Heard::Answer);
        let remaining = taken.remaining.saturating_add(rest);
        Permit { granted: taken.granted.min(1), remaining, retry_after: taken.retry_after }
    }

    /// Gives up the lead, and tells those who wait.
    fn tell(&self, heard: Heard) {
        self.give_up();
        self.leads.as_ref().map(|leads| leads.send_replace(heard));
    }

    fn give_up(&self) {
        let Some(own) = self.leads.as_ref().map(watch::Sender::subscribe) else { return };
        if let Some(lease) = self.there.leases.shard(self.key).entries.get_mut(self.key)
            && lease.asking.as_ref().is_some_and(|asking| asking.same_channel(&own))
        {
            lease.asking = None;
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}
