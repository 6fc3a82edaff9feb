//! A shared place that counts how often it is asked and can be away.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use mylife::{
    domain::moment::Moment,
    error::{Error, Result},
    shared::{Key, Limit, Permit, Shared, Task, Topic, process::Process},
};
use tokio::sync::{Semaphore, watch};

pub(super) struct Gate {
    inner: Process,
    pub(super) away: AtomicBool,
    pub(super) asked: AtomicU32,
    /// Answers wait for one of these; closed, none comes any more.
    pub(super) open: Semaphore,
    pub(super) taken: Mutex<Vec<u32>>,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Process::default(),
            away: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            open: Semaphore::new(Semaphore::MAX_PERMITS),
            taken: Mutex::default(),
        })
    }

    fn ask(&self) -> Result<()> {
        self.asked.fetch_add(1, SeqCst);
        if self.away.load(SeqCst) { Err(Error::unavailable("away")) } else { Ok(()) }
    }

    pub(super) fn asked(&self) -> u32 {
        self.asked.swap(0, SeqCst)
    }
}

impl Shared for Gate {
    fn permit<'a>(
        &'a self,
        key: &'a Key,
        limit: Limit,
        most: u32,
        now: Moment,
    ) -> Task<'a, Permit> {
        Box::pin(async move {
            self.ask()?;
            self.open.acquire().await.map_err(Error::unavailable)?.forget();
            self.taken.lock().unwrap().push(most);
            self.inner.permit(key, limit, most, now).await
        })
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        value: &'a [u8],
        until: Moment,
        now: Moment,
    ) -> Task<'a, ()> {
        self.inner.put(key, value, until, now)
    }

    fn look<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>> {
        self.inner.look(key, now)
    }

    fn take<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>> {
        self.inner.take(key, now)
    }

    fn once<'a>(&'a self, key: &'a Key, until: Moment, now: Moment) -> Task<'a, bool> {
        self.inner.once(key, until, now)
    }

    fn wake(&self, topic: Topic, sequence: u64) -> Task<'_, ()> {
        self.inner.wake(topic, sequence)
    }

    fn wakes(&self, topic: Topic) -> watch::Receiver<u64> {
        self.inner.wakes(topic)
    }
}
