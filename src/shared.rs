//! What is shared between replicas and fleeting: rate limits, small values that end, wake-ups.
//!
//! Floor of the house, in process or on Redis behind one trait. Everything in here is a hint: losing
//! it costs speed or refuses service, and never reveals anything. Consent, revocation and what may be
//! used once (`jti`) are truths and stay in the store; the table of directions keeps them there. When
//! a value ends is said by the caller's clock and kept in the value.

pub mod gcra;
pub mod key;
pub mod limiter;
pub mod pace;
pub mod process;
pub mod redis;
mod topics;

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::sync::watch;

pub use self::{
    gcra::{Limit, Permit},
    key::Key,
    limiter::{Away, Limiter},
};
use self::{
    process::Process,
    redis::{Redis, door::Door},
};
use crate::{
    clock::Clock,
    domain::{id::NodeCode, moment::Moment},
    error::{Error, Result},
};

/// What a call gives back. Nothing happens before it is first polled.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Longest value, in bytes.
pub const VALUE_BYTES: usize = 64 * 1024;

/// Longest life of a value.
pub const VALUE_LIFE: Duration = Duration::from_hours(24 * 30);

/// What somebody may sleep on until it happens.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Topic {
    /// Somebody's compartment, or what decisions read, changed.
    Change,
    /// The audit log has grown.
    Audit,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Change, Self::Audit];

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Audit => "audit",
        }
    }
}

/// What replicas of one gateway share and may lose.
///
/// Values are sealed or hashed by whoever puts them; names are hashed under a key of the gateway
/// before they leave the process. Every call but [`Shared::kind`] and
/// [`Shared::wakes`] answers `Unavailable` where the
/// server is away: who asks decides what that means.
pub trait Shared: Send + Sync {
    /// What it lives in, for operators: `process` or `redis`.
    fn kind(&self) -> &'static str;

    /// Takes as many permits as fit, at most `most`.
    fn permit<'a>(&'a self, key: &'a Key, limit: Limit, most: u32, now: Moment)
    -> Task<'a, Permit>;

    /// Keeps a value of at most [`VALUE_BYTES`] until `until`, at most [`VALUE_LIFE`], in place of
    /// what was there.
    fn put<'a>(&'a self, key: &'a Key, value: &'a [u8], until: Moment, now: Moment)
    -> Task<'a, ()>;

    /// The value, if it has not ended; it stays.
    fn look<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>>;

    /// The value, if it has not ended; of any number who take it at once one gets it.
    fn take<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>>;

    /// Is this the first time until `until`? A hint: what was pushed out of memory, or lost with the
    /// server, counts as new. Whoever must be sure asks the store.
    fn once<'a>(&'a self, key: &'a Key, until: Moment, now: Moment) -> Task<'a, bool>;

    /// Tells whoever sleeps on a topic that it has reached a number. May be lost.
    fn wake(&self, topic: Topic, sequence: u64) -> Task<'_, ()>;

    /// The highest number told of a topic, and a way to sleep until it moves. It also moves when
    /// something may have been missed, so a lost message costs time alone; nobody may take from
    /// it more than a reason to look.
    fn wakes(&self, topic: Topic) -> watch::Receiver<u64>;
}

/// Where what is shared lives.
#[derive(Default)]
pub enum Choice {
    /// In this process: there is one replica.
    #[default]
    Process,
    /// On a Redis that all replicas reach.
    Redis {
        /// How it is reached.
        door: Arc<Door>,
        /// What becomes of rate limits while it is away.
        away: Away,
    },
}

/// What is shared, and the limiter over it.
pub struct Opened {
    /// Values and wake-ups.
    pub shared: Arc<dyn Shared>,
    /// Rate limits.
    pub limiter: Limiter,
}

/// Opens it; no server is asked before it is needed. `name_key` hashes names.
pub fn open(
    choice: Choice,
    node: &NodeCode,
    name_key: &[u8; 32],
    clock: &Arc<dyn Clock>,
) -> Opened {
    match choice {
        Choice::Process => {
            let here = Arc::new(Process::default());
            Opened { shared: here.clone(), limiter: Limiter::here(here) }
        }
        Choice::Redis { door, away } => {
            let there: Arc<dyn Shared> =
                Arc::new(Redis::new(door, node, name_key, Arc::clone(clock)));
            Opened { shared: Arc::clone(&there), limiter: Limiter::leasing(there, away) }
        }
    }
}

/// Too long a value is a fault of ours, not of a caller.
fn fits(value: &[u8]) -> Result<()> {
    if value.len() <= VALUE_BYTES { Ok(()) } else { Err(Error::internal("a value is too long")) }
}
