//! What is shared, where there is one replica: maps in this process, bounded, without a thread.
//!
//! Part of `shared`. Each map is cut into shards, so that cores seldom meet, and each shard holds so
//! many entries. A full one gives up, of eight it looks at, the entry that ends first: a bucket that
//! is nearly whole, a value that has nearly ended. So a flood of names costs bounded memory and
//! time, and what it pushes out first is what matters least.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ahash::RandomState;
use tokio::sync::watch;

use super::{
    Key, Limit, Permit, Shared, Task, Topic, VALUE_LIFE, fits, gcra::micros, topics::Topics,
};
use crate::domain::moment::Moment;

const SHARDS: usize = 16;
/// Entries of each of the three maps.
const ENTRIES: usize = 32 * 1024;
/// How many a full shard looks at to find one to give up.
const LOOKED_AT: usize = 8;

/// One process's own.
pub struct Process {
    /// When each bucket is whole, in microseconds.
    buckets: Map<i64>,
    values: Map<Value>,
    seen: Map<i64>,
    topics: Topics,
}

#[derive(Clone)]
struct Value {
    until: i64,
    bytes: Arc<[u8]>,
}

impl Default for Process {
    fn default() -> Self {
        Self::holding(ENTRIES)
    }
}

impl Process {
    /// With room for so many buckets, values and marks each, rounded up to its shards.
    pub fn holding(entries: usize) -> Self {
        let (buckets, values, seen) = (Map::new(entries), Map::new(entries), Map::new(entries));
        Self { buckets, values, seen, topics: Topics::default() }
    }

    /// [`Shared::permit`], at once and without allocating.
    pub fn permit_now(&self, key: &Key, limit: Limit, most: u32, now: Moment) -> Permit {
        let mut shard = self.buckets.shard(key);
        if let Some(whole) = shard.entries.get_mut(key) {
            let (after, permit) = limit.take(*whole, most, now);
            *whole = after;
            return permit;
        }
        let (after, permit) = limit.take(0, most, now);
        shard.insert(*key, after, |whole| *whole);
        permit
    }
}

impl Shared for Process {
    fn kind(&self) -> &'static str {
        "process"
    }

    fn permit<'a>(
        &'a self,
        key: &'a Key,
        limit: Limit,
        most: u32,
        now: Moment,
    ) -> Task<'a, Permit> {
        Box::pin(async move { Ok(self.permit_now(key, limit, most, now)) })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        value: &'a [u8],
        until: Moment,
        now: Moment,
    ) -> Task<'a, ()> {
        Box::pin(async move {
            fits(value)?;
            let until = micros(until.min(now.plus(VALUE_LIFE)));
            let value = Value { until, bytes: value.into() };
            self.values.shard(key).insert(*key, value, |value| value.until);
            Ok(())
        })
    }

    fn look<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let kept = self.values.shard(key).entries.get(key).cloned();
            Ok(kept.filter(|value| value.until > micros(now)).map(|value| value.bytes.to_vec()))
        })
    }

    fn take<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let taken = self.values.shard(key).entries.remove(key);
            Ok(taken.filter(|value| value.until > micros(now)).map(|value| value.bytes.to_vec()))
        })
    }

    fn once<'a>(&'a self, key: &'a Key, until: Moment, now: Moment) -> Task<'a, bool> {
        Box::pin(async move {
            let mut shard = self.seen.shard(key);
            let is_new = shard.entries.get(key).is_none_or(|until| *until <= micros(now));
            if is_new {
                let until = until.min(now.plus(VALUE_LIFE));
                shard.insert(*key, micros(until), |until| *until);
            }
            Ok(is_new)
        })
    }

    fn wake(&self, topic: Topic, sequence: u64) -> Task<'_, ()> {
        Box::pin(async move {
            self.topics.wake(topic, sequence);
            Ok(())
        })
    }

    fn wakes(&self, topic: Topic) -> watch::Receiver<u64> {
        self.topics.subscribe(topic)
    }
}

/// A map of bounded size.
pub(super) struct Map<V> {
    shards: [Mutex<Shard<V>>; SHARDS],
    hasher: RandomState,
}

pub(super) struct Shard<V> {
    pub(super) entries: HashMap<Key, V, RandomState>,
    most: usize,
}

impl<V> Map<V> {
    pub(super) fn new(entries: usize) -> Self {
        let most = entries.div_ceil(SHARDS).max(1);
        let shard = || Mutex::new(Shard { entries: HashMap::default(), most });
        Self { shards: std::array::from_fn(|_| shard()), hasher: RandomState::new() }
    }

    pub(super) fn shard(&self, key: &Key) -> MutexGuard<'_, Shard<V>> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        let shard = self.shards.get(at).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Shard<V> {
    /// Puts an entry in, giving up another where there is no room; `end` says when one ends.
    pub(super) fn insert(&mut self, key: Key, value: V, end: impl Fn(&V) -> i64) {
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            let looked_at = self.entries.iter().take(LOOKED_AT);
            let first = looked_at.min_by_key(|(_, value)| end(value)).map(|(key, _)| *key);
            first.map(|key| self.entries.remove(&key));
        }
        self.entries.insert(key, value);
    }
}
