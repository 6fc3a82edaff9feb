//! The store of a simulated gateway: the product's own, on a real file, whose work takes simulated time.
//!
//! The store works on threads of its own. Here whoever asks waits for them and lets nothing else happen,
//! so that nothing depends on how fast they are; before and after that simulated time passes, which turmoil
//! moves (its runtimes are `start_paused`).

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use mylife::{
    domain::{moment::Moment, person::Named},
    store::{
        Change, Changes, Committed, DocumentKind, IdentityMac, Job, Outgoing, Permission, Place,
        Revocations, Settings, Store, Stored, Subscription, Task, Walked, subscription::State,
    },
};
use tokio::{task::unconstrained, time};

use crate::load::mix::Dice;

/// A store whose work takes its time.
pub(super) struct Slow {
    store: Arc<dyn Store>,
    dice: Mutex<Dice>,
}

impl Slow {
    pub(super) fn new(store: Arc<dyn Store>, dice: Dice) -> Self {
        Self { store, dice: Mutex::new(dice) }
    }

    fn at_length<T: Send + 'static>(&self, task: Task<T>) -> Task<T> {
        let [before, after] = [(); 2].map(|()| {
            let mut dice = self.dice.lock().unwrap();
            match dice.below(30) {
                0 => dice.below(400),
                1..8 => dice.below(15),
                _ => 0,
            }
        });
        Box::pin(async move {
            passes(before).await;
            let done = at_once(task);
            passes(after).await;
            done
        })
    }
}

async fn passes(millis: u64) {
    if millis > 0 {
        time::sleep(Duration::from_millis(millis)).await;
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread, in which nothing else happens meanwhile.
pub(super) fn at_once<T>(task: impl Future<Output = T>) -> T {
    let mut task = pin!(unconstrained(task));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match task.as_mut().poll(&mut cx) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// Each of these is done by the store, at length.
macro_rules! at_length {
    ($(fn $name:ident(&self $(, $given:ident: $kind:ty)*) -> $told:ty;)*) => {
        $(fn $name(&self $(, $given: $kind)*) -> Task<$told> {
            self.at_length(self.store.$name($($given),*))
        })*
    };
}

impl Store for Slow {
    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    at_length! {
        fn load(&self, patient: &str) -> Option<Stored>;
        fn load_one(&self, patient: &str, owner: &str, kind: DocumentKind, local: &str) -> Option<Stored>;
        fn naming(&self, patient: &str) -> Vec<(Arc<str>, Named)>;
        fn history(&self, patient: &str) -> Option<Stored>;
        fn history_of(&self, patient: &str, documents: Vec<Arc<str>>) -> Option<Stored>;
        fn audit_keys(&self, patients: Vec<Arc<str>>) -> HashMap<Arc<str>, [u8; 32]>;
        fn version(&self, patient: &str) -> Option<u64>;
        fn find(&self, identity: IdentityMac) -> Option<Arc<str>>;
        fn local(&self, owner: &str, kind: DocumentKind, local: &str) -> Option<Place>;
        fn place(&self, document: &str) -> Option<Place>;
        fn walk(&self, after: Option<&str>, limit: usize) -> Vec<Walked>;
        fn changes(&self, after: i64, limit: usize) -> Changes;
        fn commit(&self, change: Change) -> Committed;
        fn spend(&self, value: [u8; 32], until: Moment, now: Moment) -> bool;
        fn revoke(&self, token: [u8; 32], until: Moment, now: Moment) -> ();
        fn revoked(&self, after: i64) -> Revocations;
        fn permit(&self, permission: Permission, now: Moment) -> bool;
        fn permissions(&self, giver: IdentityMac, patient: Option<Arc<str>>, now: Moment) -> Vec<Permission>;
        fn unrecorded(&self) -> Vec<(i64, Arc<[u8]>)>;
        fn recorded(&self, records: Vec<i64>) -> ();
        fn owed(&self, limit: usize) -> Vec<(i64, Outgoing)>;
        fn owe(&self, messages: Vec<Outgoing>) -> Vec<i64>;
        fn owed_to(&self, peer: &str, start: &str) -> Vec<(i64, Outgoing)>;
        fn delivered(&self, message: i64) -> ();
        fn begin_job(&self, job: Job, most: usize, now: Moment) -> bool;
        fn job(&self, id: &str, now: Moment) -> Option<Job>;
        fn end_job(&self, id: &str) -> ();
        fn put_subscription(&self, row: Subscription, about: Option<Vec<Arc<str>>>, most: usize) -> bool;
        fn subscription(&self, id: &str) -> Option<Subscription>;
        fn subscriptions_of(&self, owner: &str) -> Vec<Subscription>;
        fn count_subscriptions(&self) -> Vec<(State, u64)>;
        fn due_subscriptions(&self, now: Moment, limit: usize) -> Vec<Subscription>;
        fn looked_at(&self, read: &Subscription, due: Moment) -> ();
        fn touch(&self, patients: Option<Vec<Arc<str>>>) -> ();
        fn end_subscription(&self, id: &str) -> ();
        fn settle(&self, own: Settings) -> Settings;
        fn take_turn(&self, name: &str, life: Duration) -> bool;
        fn end_turn(&self, name: &str) -> ();
    }
}
