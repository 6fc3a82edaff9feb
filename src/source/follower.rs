//! How a process learns what other processes commit to a store they share.
//!
//! Part of `source`. Ten times a second it reads the change sequence, marks what changed, as a commit
//! of its own does, and then moves the instant up to which what is kept here is known to be current:
//! the one before the question was sent. A read asks for that instant before it looks at anything, so
//! it needs no round trip; beyond [`OLDEST`] it is refused. Source: design 5, Revocation.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;

use crate::{
    error::{Error, Result},
    store::{Changes, Store},
};

/// From one look at the change sequence to the next.
pub const EVERY: Duration = Duration::from_millis(100);
/// The oldest state that is answered from.
pub const OLDEST: Duration = Duration::from_secs(1);
/// How far the clocks of two machines may run apart within the life of an answer. Clocks are slewed
/// by 500 millionths at most, which is 2 ms of two seconds where two are slewed against each other.
pub const DRIFT: Duration = Duration::from_millis(10);
/// Changes read at once.
const PAGE: usize = 1000;

/// One process's place in the change sequence.
pub struct Follower {
    /// Nanoseconds of the monotonic clock, and one: up to when all is known; 0 before the first round.
    known: AtomicU64,
    place: Mutex<Option<Place>>,
}

/// Where a round ended: whoever follows the sequence begins the next one there.
pub struct Place {
    /// Which server said so.
    server: i64,
    /// Up to here nothing appears any more.
    settled: i64,
    /// What was met above.
    met: BTreeSet<i64>,
}

impl Place {
    /// The end of what is settled: nothing before it is met.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn at_the_end(store: &dyn Store) -> Result<Self> {
        let Changes { settled, server, .. } = store.changes(i64::MAX, 1).await?;
        Ok(Self { server, settled, met: BTreeSet::new() })
    }

    /// Marks who was changed since here, or everybody where the server is another than before.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; then too much may be marked, never too little, as the
    /// next round begins here again.
    pub async fn next(
        &self,
        store: &dyn Store,
        mark: impl Fn(Option<&str>) + Send,
    ) -> Result<Self> {
        let mut next = follow(store, self, mark).await?;
        next.met = next.met.split_off(&next.settled.saturating_add(1));
        Ok(next)
    }
}

impl Follower {
    pub(super) fn new() -> Self {
        Self { known: AtomicU64::new(0), place: Mutex::new(None) }
    }

    /// The last instant at which all that is kept was known to be current.
    ///
    /// # Errors
    /// `Unavailable` if that is too long ago.
    pub(super) fn known(&self, now: Duration) -> Result<Duration> {
        let known = self.known.load(Ordering::SeqCst).checked_sub(1).map(Duration::from_nanos);
        let known = known.filter(|known| now.saturating_sub(*known) <= OLDEST);
        known.ok_or_else(|| Error::unavailable("the change sequence was not read in time"))
    }

    /// One round, begun at `asked`: marks who was changed since the one before, or everybody where the
    /// server is another than before, and knows more then. The first one only finds its place, as
    /// nothing is answered from before it.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; what is known stays as it was.
    pub(super) async fn round(
        &self,
        store: &Arc<dyn Store>,
        asked: Duration,
        mark: impl Fn(Option<&str>) + Send,
    ) -> Result<()> {
        let mut place = self.place.lock().await;
        let next = match &*place {
            None => Place::at_the_end(&**store).await?,
            Some(before) => before.next(&**store, mark).await?,
        };
        *place = Some(next);
        let known = asked.saturating_sub(DRIFT).as_nanos().saturating_add(1);
        // Of two rounds the later one knows more.
        self.known.fetch_max(u64::try_from(known).unwrap_or(u64::MAX), Ordering::SeqCst);
        Ok(())
    }
}

/// Reads from what was settled to the end. A round that fails has marked too much, never too little,
/// as the next one begins where it did.
async fn follow(
    store: &dyn Store,
    before: &Place,
    mark: impl Fn(Option<&str>) + Send,
) -> Result<Place> {
    let (mut after, mut settled) = (before.settled, None);
    let mut met = before.met.clone();
    loop {
        let page = store.changes(after, PAGE).await?;
        if page.server != before.server {
            tracing::warn!(
                "the database was started again, or is another: everything is read anew"
            );
            mark(None);
            let Changes { settled, server, .. } = page;
            return Ok(Place { server, settled, met: BTreeSet::new() });
        }
        settled.get_or_insert(page.settled);
        for change in &page.changed {
            after = after.max(change.sequence);
            if met.insert(change.sequence) {
                mark(Some(&change.patient));
            }
        }
        if page.changed.len() < PAGE {
            return Ok(Place {
                server: page.server,
                settled: settled.unwrap_or(before.settled),
                met,
            });
        }
    }
}
