//! Brings the news of a batch to those who wait, with one wake-up per runtime.
//!
//! After the writer. Waking a task of another thread's runtime costs a system call each time; waking
//! one's own costs none. So each runtime has a relay: a task the writer wakes once per batch, which
//! then wakes the waiters on its own runtime. Without a runtime they are woken one by one. The relay
//! calls the writer too, when everything that was ready on its runtime has had its turn: on a fast
//! disk a writer called at once would sync single records and take the core from those who fill it.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering, fence},
    },
    task::Poll,
};

use arc_swap::ArcSwap;
use tokio::{
    runtime::{Handle, Id},
    sync::Notify,
    task::yield_now,
};

use super::batch::{Batch, Fate, Queue};

/// All relays of a log.
#[derive(Default)]
pub(super) struct Relays {
    all: ArcSwap<Vec<Arc<Relay>>>,
    growing: Mutex<()>,
}

/// Where the waiters of every other batch stand.
#[derive(Default)]
struct Room {
    waiters: Notify,
    /// Somebody waits here who has not been told.
    expects: AtomicBool,
    /// The relay has been woken to tell this room.
    due: AtomicBool,
}

#[derive(Default)]
struct Relay {
    /// `None`: for those without a runtime.
    runtime: Option<Id>,
    even: Room,
    odd: Room,
    bell: Notify,
    /// Somebody of this runtime has filled the queue since the writer was called.
    calls: AtomicBool,
    /// The log has closed: nothing will be due any more.
    closed: AtomicBool,
    /// Its runtime has ended.
    gone: AtomicBool,
}

impl Relays {
    /// Waits for the fate of a batch; may be dropped, or moved to another runtime, at any time.
    pub(super) async fn wait(self: Arc<Self>, queue: Arc<Queue>, batch: Arc<Batch>) -> Fate {
        loop {
            if let Some(fate) = batch.fate() {
                return fate;
            }
            let relay = self.here(&queue);
            let room = relay.room(&batch);
            let mut told = pin!(room.waiters.notified());
            told.as_mut().enable();
            room.expects.store(true, Ordering::Relaxed);
            // With its twin in `finished`: we see the fate, or the writer sees that we wait.
            fence(Ordering::SeqCst);
            if let Some(fate) = batch.fate() {
                return fate;
            }
            let still_here = || relay.runtime == this_runtime() && !relay.is_gone();
            poll_fn(|cx| match told.as_mut().poll(cx) {
                Poll::Pending if still_here() => Poll::Pending,
                Poll::Pending | Poll::Ready(()) => Poll::Ready(()),
            })
            .await;
        }
    }

    /// Has the writer called when this turn of the runtime is over; at once where there is none.
    pub(super) fn call(&self, queue: &Arc<Queue>) {
        let relay = self.here(queue);
        if relay.runtime.is_none() {
            queue.call();
        } else if !relay.calls.swap(true, Ordering::SeqCst) {
            relay.bell.notify_one();
            // Its task may have ended since it was found.
            if relay.is_gone() {
                queue.call();
            }
        }
    }

    /// Tells everybody who waits for `batch`, whose fate is set.
    pub(super) fn finished(&self, batch: &Batch) {
        fence(Ordering::SeqCst);
        for relay in &**self.all.load() {
            let room = relay.room(batch);
            if !room.expects.swap(false, Ordering::Relaxed) {
                continue;
            }
            if relay.runtime.is_some() && !relay.is_gone() {
                room.due.store(true, Ordering::Release);
                relay.bell.notify_one();
            } else {
                room.waiters.notify_waiters();
            }
        }
    }

    /// Lets the relays' tasks end.
    pub(super) fn close(&self) {
        for relay in &**self.all.load() {
            relay.closed.store(true, Ordering::Release);
            relay.bell.notify_one();
        }
    }

    /// The relay of the runtime we run on, made if need be.
    fn here(&self, queue: &Arc<Queue>) -> Arc<Relay> {
        let runtime = this_runtime();
        let find = || {
            let all = self.all.load();
            all.iter().find(|r| r.runtime == runtime && !r.is_gone()).map(Arc::clone)
        };
        find().unwrap_or_else(|| {
            let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
            find().unwrap_or_else(|| self.grow(runtime, queue))
        })
    }

    fn grow(&self, runtime: Option<Id>, queue: &Arc<Queue>) -> Arc<Relay> {
        let relay = Arc::new(Relay { runtime, ..Relay::default() });
        let living = self.all.load();
        let living = living.iter().filter(|r| !r.is_gone()).chain([&relay]).map(Arc::clone);
        self.all.store(Arc::new(living.collect()));
        if let Ok(handle) = Handle::try_current() {
            let running = Running { relay: Arc::clone(&relay), queue: Arc::clone(queue) };
            drop(handle.spawn(run(running)));
        }
        relay
    }
}

impl Relay {
    fn room(&self, batch: &Batch) -> &Room {
        if batch.is_odd() { &self.odd } else { &self.even }
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }
}

/// The relay's task while it lives; its end, also by that of its runtime, sends the waiters
/// elsewhere and has written what they left.
struct Running {
    relay: Arc<Relay>,
    queue: Arc<Queue>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.relay.gone.store(true, Ordering::SeqCst);
        self.relay.even.waiters.notify_waiters();
        self.relay.odd.waiters.notify_waiters();
        self.queue.call();
    }
}

async fn run(running: Running) {
    let Running { relay, queue } = &running;
    while !relay.closed.load(Ordering::Acquire) {
        relay.bell.notified().await;
        for room in [&relay.even, &relay.odd] {
            if room.due.swap(false, Ordering::Acquire) {
                room.waiters.notify_waiters();
            }
        }
        if relay.calls.load(Ordering::SeqCst) {
            yield_now().await;
            relay.calls.store(false, Ordering::SeqCst);
            queue.call();
        }
    }
}

fn this_runtime() -> Option<Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}
