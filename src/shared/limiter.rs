//! Rate limits as the roads ask for them: mostly without a round trip.
//!
//! Part of `shared`. In process a permit is arithmetic under a lock. With Redis a replica takes a few
//! permits at once ([`Limit::lease`]) and hands them out; they are paid for before they are used, so
//! in any span of time all replicas together admit at most what the limit says and one lease each
//! more. What is not used within [`HELD`] lapses. A refusal is remembered until a permit can be had
//! again, so a flood costs no round trips either. While Redis is away each replica holds its part of
//! the limit; nothing is ever unlimited.

use std::{sync::Arc, time::Duration};

use super::{
    Key, Limit, Permit, Shared,
    process::{Map, Process},
};
use crate::{
    domain::moment::Moment,
    error::{Kind, Result},
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
#[derive(Clone, Copy)]
struct Lease {
    left: u32,
    /// They lapse then; or, with none left, none can be had before.
    until: Moment,
    /// Is somebody asking for more? The others meanwhile take one each.
    asking: bool,
}

/// What a lease says of one more request.
enum Said {
    /// It is one of those taken.
    Yes(Permit),
    /// There is none before this time has passed.
    No(Duration),
    /// Ask for so many.
    Ask(u32),
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
        let most = match there.said(key, limit, now) {
            Said::Yes(permit) => return Ok(permit),
            Said::No(retry_after) => {
                return Ok(Permit { granted: 0, remaining: 0, retry_after });
            }
            Said::Ask(most) => most,
        };
        let asking = Asking { there, key, leads: most > 1 };
        let answered = there.shared.permit(key, limit, most, now).await;
        match (answered, there.away) {
            (Ok(taken), _) => Ok(asking.answered(taken, now)),
            (Err(error), Away::Divide(replicas)) if error.kind() == Kind::Unavailable => {
                drop(asking);
                Ok(self.here.permit_now(key, limit.part(replicas), 1, now))
            }
            (Err(error), Away::Divide(_) | Away::Refuse) => Err(error),
        }
    }
}

impl There {
    fn said(&self, key: &Key, limit: Limit, now: Moment) -> Said {
        let most = limit.lease();
        let mut shard = self.leases.shard(key);
        let Some(lease) = shard.entries.get_mut(key) else {
            let lease = Lease { left: 0, until: now, asking: most > 1 };
            shard.insert(*key, lease, |lease| lease.until.millis());
            return Said::Ask(most);
        };
        // A clock that has gone back makes nothing last longer than it could from now.
        let longest = if lease.left > 0 { HELD } else { limit.longest_wait() };
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
            Some(_) | None if lease.asking => Said::Ask(1),
            Some(_) | None => {
                (lease.left, lease.asking) = (0, most > 1);
                Said::Ask(most)
            }
        }
    }
}

/// Somebody asks for permits. Once it is answered, or dropped with its request, another may take
/// the lead.
struct Asking<'a> {
    there: &'a There,
    key: &'a Key,
    /// Does it ask for a whole lease? One does at a time; the others ask for one permit each.
    leads: bool,
}

impl Asking<'_> {
    /// One of them passes now, the rest is kept. Or there are none, which is kept too.
    fn answered(self, taken: Permit, now: Moment) -> Permit {
        let rest = taken.granted.saturating_sub(1);
        let wait = if taken.allowed() { HELD } else { taken.retry_after };
        let mut shard = self.there.leases.shard(self.key);
        let lease = shard.entries.get_mut(self.key);
        // One that asked for itself alone has news only if there are none.
        if let Some(lease) = lease.filter(|l| self.leads || (l.left == 0 && !taken.allowed())) {
            // Rounded down, so that nobody waits here for longer than where the limit is counted.
            (lease.left, lease.until) = (rest, now.plus(wait));
        }
        drop(shard);
        let remaining = taken.remaining.saturating_add(rest);
        Permit { granted: taken.granted.min(1), remaining, retry_after: taken.retry_after }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.leads {
            return;
        }
        if let Some(lease) = self.there.leases.shard(self.key).entries.get_mut(self.key) {
            lease.asking = false;
        }
    }
}
