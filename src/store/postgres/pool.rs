//! Connections to the database, and the thread they live on.
//!
//! Belongs to `store::postgres`. The pool has a thread and a runtime of its own: callers stand on any
//! runtime or none, and one that goes away leaves no transaction half done. A connection on which
//! anything was left open is closed, never given to the next. What only reads is asked once more when
//! its connection turns out to be gone, and so is what has not got beyond `BEGIN`, or a word to see
//! whether the connection lives; a write of which nobody knows whether it was made is `Unavailable`.

use std::{
    pin::Pin,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool as Connections, PoolError,
    RecyclingMethod, Runtime,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    time::timeout,
};
use tokio_postgres::NoTls;

use crate::{
    error::{Error, Result},
    store::{
        Task,
        postgres::{
            fault::{Fault, Outcome, refused},
            session::Session,
            target::Database,
            tls::Tls,
        },
    },
};

/// What is asked of a connection, while it is asked.
pub(super) type Asking<'a, T> = Pin<Box<dyn Future<Output = Outcome<T>> + Send + 'a>>;

/// A question about something, as often as it has to be asked.
pub(super) type Question<W, T> = for<'a> fn(&'a Session<'a>, &'a W) -> Asking<'a, T>;

/// What a question asks of its connection.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Errand {
    /// One statement that changes nothing.
    Read,
    /// One statement that writes.
    Statement,
    /// The same on a connection that has just answered, as at the start of a transaction.
    Whole,
    /// Several statements, all or none.
    Transaction,
}

/// Connections, and how they are used.
pub(super) struct Pool {
    connections: Connections,
    prepared: bool,
    begin: String,
    answer: Duration,
    handle: Handle,
}

/// The thread of a pool; it ends, and what is under way with it, when this is dropped.
pub(super) struct Engine {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the store ended in a panic");
        }
    }
}

/// Makes the pool of a database; nothing is connected yet.
pub(super) fn start(database: &Database) -> Result<(Arc<Pool>, Engine)> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::unavailable)?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let body = move || {
        // Stopped or let go of: the same.
        drop(runtime.block_on(stopped));
    };
    let thread = thread::Builder::new()
        .name("store-postgres".to_owned())
        .spawn(body)
        .map_err(Error::unavailable)?;
    let engine = Engine { stop: Some(stop), thread: Some(thread) };
    Ok((of(database, database.connections.get(), handle)?, engine))
}

/// Connections that live on the thread of this handle.
fn of(database: &Database, connections: usize, handle: Handle) -> Result<Arc<Pool>> {
    let own_bounds = database.bounds(false);
    let bounded = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
        let bounds = own_bounds.clone();
        Box::pin(async move { client.batch_execute(&bounds).await.map_err(HookError::Backend) })
    });
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match &database.tls {
        Some(tls) => Manager::from_config(database.driver(), Tls(Arc::clone(tls)), recycling),
        None => Manager::from_config(database.driver(), NoTls, recycling),
    };
    let connections = Connections::builder(manager)
        .max_size(connections)
        .runtime(Runtime::Tokio1)
        // Three round trips and a handshake; the driver bounds the first of them.
        .create_timeout(Some(database.patience.connect.saturating_mul(2)))
        .post_create(bounded)
        .build()
        .map_err(Error::internal)?;
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
    let begin = if database.prepared {
        begin.to_owned()
    } else {
        format!("{begin}; {}", database.bounds(true))
    };
    let (prepared, answer) = (database.prepared, database.patience.answer);
    Ok(Arc::new(Pool { connections, prepared, begin, answer, handle }))
}

/// A connection that is closed unless it is given back in order.
struct Held(Option<Object>);

impl Held {
    fn client(&self) -> Outcome<&Object> {
        self.0.as_ref().ok_or_else(|| Error::internal("a connection was given back twice").into())
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

impl Pool {
    /// Asks; nothing happens before the answer is first waited for, and what has begun goes on
    /// without who waits.
    pub(super) fn ask<W: Send + Sync + 'static, T: Send + 'static>(
        self: &Arc<Self>,
        errand: Errand,
        what: W,
        question: Question<W, T>,
    ) -> Task<T> {
        let pool = Arc::clone(self);
        Box::pin(async move {
            let handle = pool.handle.clone();
            let asked = handle.spawn(async move {
                let answered = timeout(pool.answer, pool.answer(errand, &what, question)).await;
                answered.map_err(Error::unavailable)?.map_err(|fault| fault.error)
            });
            asked.await.map_err(Error::unavailable)?
        })
    }

    /// Waits for a task on this thread, whatever stands on it; who waits on a runtime blocks it.
    pub(super) fn wait<T: Send + 'static>(&self, task: Task<T>) -> Result<T> {
        let (tell, told) = mpsc::sync_channel(1);
        // Who waits is there until it is told.
        drop(self.handle.spawn(async move { drop(tell.send(task.await)) }));
        told.recv().map_err(Error::unavailable)?
    }

    /// Further connections on the same thread: what is asked there waits for nothing that is asked here.
    pub(super) fn beside(&self, database: &Database, connections: usize) -> Result<Arc<Self>> {
        of(database, connections, self.handle.clone())
    }

    /// Connects once, and says what is wrong if that fails.
    pub(super) async fn try_out(self: &Arc<Self>) -> Result<()> {
        let pool = Arc::clone(self);
        let tried = self.handle.spawn(async move {
            match pool.connections.get().await {
                Ok(_) => Ok(()),
                Err(
                    PoolError::Backend(cause)
                    | PoolError::PostCreateHook(HookError::Backend(cause)),
                ) => Err(refused(cause)),
                Err(cause) => Err(Error::unavailable(cause)),
            }
        });
        tried.await.map_err(Error::unavailable)?
    }

    async fn answer<W: Sync, T: Send>(
        &self,
        errand: Errand,
        what: &W,
        question: Question<W, T>,
    ) -> Outcome<T> {
        match self.attempt(errand, what, question).await {
            Err(fault) if fault.lost && errand == Errand::Read => {
                self.attempt(errand, what, question).await
            }
            outcome => outcome,
        }
    }

    async fn attempt<W: Sync, T: Send>(
        &self,
        errand: Errand,
        what: &W,
        question: Question<W, T>,
    ) -> Outcome<T> {
        // Without bounds of the session's own they are those of a transaction.
        let transaction = errand == Errand::Transaction || !self.prepared;
        let opening = if transaction { Some(&*self.begin) } else { seen_alive(errand) };
        let held = self.begin(opening).await?;
        let session = Session::new(held.client()?, self.prepared);
        let answer = match question(&session, what).await {
            Ok(answer) => {
                if transaction {
                    session.run("COMMIT").await?;
                }
                Ok(answer)
            }
            Err(fault) => {
                if fault.lost || (transaction && session.run("ROLLBACK").await.is_err()) {
                    return Err(fault);
                }
                Err(fault)
            }
        };
        held.give_back();
        answer
    }

    /// A connection, after its first words if there are any. Until then nothing is at stake, so one that
    /// is found dead is replaced once.
    async fn begin(&self, opening: Option<&str>) -> Outcome<Held> {
        let mut replaced = false;
        loop {
            let held = Held(Some(self.connections.get().await.map_err(unconnected)?));
            let Some(opening) = opening else { return Ok(held) };
            match held.client()?.batch_execute(opening).await.map_err(Fault::from) {
                Ok(()) => return Ok(held),
                Err(fault) if fault.lost && !replaced => replaced = true,
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// What is said to a connection only to see whether it lives.
fn seen_alive(errand: Errand) -> Option<&'static str> {
    (errand == Errand::Whole).then_some("")
}

fn unconnected(cause: PoolError) -> Fault {
    match cause {
        PoolError::Backend(cause) | PoolError::PostCreateHook(HookError::Backend(cause)) => {
            cause.into()
        }
        other @ (PoolError::Closed
        | PoolError::NoRuntimeSpecified
        | PoolError::PostCreateHook(HookError::Message(_))
        | PoolError::Timeout(_)) => Error::unavailable(other).into(),
    }
}
