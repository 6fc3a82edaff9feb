//! The store of one machine: `SQLite` in a directory that one process owns.
//!
//! WAL with `synchronous=FULL`; one thread writes with group commit, some threads read, callers wait
//! without blocking a runtime. Values are sealed before they are queued and opened where they are
//! read. It must not be shared between processes or put on a network file system.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{
    chance::Chance,
    domain::{id::NodeCode, moment::Moment, person::Named},
    error::{Error, Result},
    seal::Keys,
    store::{
        Change, Changes, Committed, DocumentKind, IdentityMac, Job, Outgoing, Permission, Place,
        Revocations, Store, Stored, Subscription, Task, Walked,
        lock::Lock,
        sealed,
        sqlite::{queue::Queue, read::Versions},
        subscription::State,
    },
};

mod column;
mod moving;
mod queue;
mod read;
mod schema;
mod snapshot;
mod subscription;
mod write;
mod writer;

/// Writes that may wait at once: also the most that share one fsync.
const WRITES: usize = 1024;

/// Reads that may wait at once.
const READS: usize = 1024;

/// The file's name in the data directory.
pub const FILE: &str = "store.db";

/// What a store needs to be opened.
pub struct Options {
    /// The data directory; made if it is absent.
    pub directory: PathBuf,
    /// The gateway whose store it is.
    pub node: NodeCode,
    /// Seals and opens values.
    pub keys: Arc<Keys>,
    /// Makes the audit keys of new people.
    pub chance: Arc<dyn Chance>,
    /// Threads that read.
    pub readers: NonZeroUsize,
}

/// A question for a reader's thread.
type Question = Box<dyn FnOnce(&Connection) + Send>;

/// An open store. Dropping it refuses new work, finishes what is queued (blocking for that long) and
/// gives the directory back.
pub struct Sqlite {
    keys: Arc<Keys>,
    chance: Arc<dyn Chance>,
    writing: Arc<Queue<writer::Work>>,
    reading: Arc<Queue<Question>>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    // The last field: given back when everything else is done.
    _lock: Lock,
}

impl Sqlite {
    /// Opens the store of a gateway, or makes it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unavailable`], saying what to do, if another process uses the
    /// directory, if the store belongs to another node, master key, program or newer gateway, or if
    /// it cannot be read.
    pub fn open(options: Options) -> Result<Self> {
        let Options { directory, node, keys, chance, readers } = options;
        let lock = Lock::take(&directory)?;
        let path = directory.join(FILE);
        let rows = schema::prepare(&path, &node, &keys)?;
        let mut store = Self {
            keys,
            chance,
            writing: Arc::new(Queue::new(WRITES)),
            reading: Arc::new(Queue::new(READS)),
            writer: None,
            readers: Vec::new(),
            _lock: lock,
        };
        let queue = Arc::clone(&store.writing);
        store.writer =
            Some(start("store-writer", queue, move |queue| writer::write(&rows, queue))?);
        for _ in 0..readers.get() {
            let rows = schema::reader(&path).map_err(Error::unavailable)?;
            let answer = move |queue: &Queue<Question>| {
                while let Some(question) = queue.take() {
                    question(&rows);
                }
            };
            store.readers.push(start("store-reader", Arc::clone(&store.reading), answer)?);
        }
        Ok(store)
    }

    /// Numbers of the schema's steps that [`Sqlite::open`] would take; nothing is changed.
    ///
    /// # Errors
    /// As [`Sqlite::open`], as far as that shows in the schema.
    pub fn pending(directory: &Path) -> Result<Vec<i64>> {
        let _lock = Lock::take(directory)?;
        schema::pending(&directory.join(FILE))
    }

    /// Asks a reader.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &Keys) -> Result<T> + Send + 'static,
    ) -> Task<T> {
        let (queue, keys) = (Arc::clone(&self.reading), Arc::clone(&self.keys));
        Box::pin(async move {
            let (tell, told) = oneshot::channel();
            let asked: Question = Box::new(move |rows| {
                // Nobody waits for an answer to a request that is gone.
                if !tell.is_closed() {
                    drop(tell.send(question(rows, &keys)));
                }
            });
            queue.push(asked).await?;
            told.await.map_err(Error::unavailable)?
        })
    }

    /// Gives work to the writer; `prepare` runs on the caller's side.
    fn order<P: Send + 'static, T: Send + 'static>(
        &self,
        prepare: impl FnOnce(&Keys, &dyn Chance) -> Result<P> + Send + 'static,
        work: impl FnOnce(&Connection, P) -> Result<T> + Send + 'static,
    ) -> Task<T> {
        let (keys, chance) = (Arc::clone(&self.keys), Arc::clone(&self.chance));
        let queue = Arc::clone(&self.writing);
        Box::pin(async move {
            let prepared = prepare(&keys, &*chance)?;
            let (tell, told) = oneshot::channel();
            queue.push(writer::work(move |rows| work(rows, prepared), tell)).await?;
            told.await.map_err(Error::unavailable)?
        })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // The writer last: the last connection to close folds the log into the file.
        self.reading.close();
        for reader in self.readers.drain(..) {
            join(reader);
        }
        self.writing.close();
        if let Some(writer) = self.writer.take() {
            join(writer);
        }
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store ended in a panic");
    }
}

/// Closes a queue when its thread ends in whatever way.
struct Closing<W>(Arc<Queue<W>>);

impl<W> Drop for Closing<W> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn start<W: Send + 'static>(
    name: &str,
    queue: Arc<Queue<W>>,
    run: impl FnOnce(&Queue<W>) + Send + 'static,
) -> Result<JoinHandle<()>> {
    let body = move || {
        let closing = Closing(queue);
        run(&closing.0);
    };
    thread::Builder::new().name(name.to_owned()).spawn(body).map_err(Error::unavailable)
}

impl Store for Sqlite {
    fn load(&self, patient: &str) -> Task<Option<Stored>> {
        let patient: Arc<str> = patient.into();
        self.ask(move |rows, keys| read::load(rows, keys, &patient, Versions::Today))
    }

    fn load_one(
        &self,
        patient: &str,
        owner: &str,
        kind: DocumentKind,
        local_id: &str,
    ) -> Task<Option<Stored>> {
        let [patient, owner, local_id] = [patient, owner, local_id].map(Arc::<str>::from);
        self.ask(move |rows, keys| {
            read::load(rows, keys, &patient, Versions::One(&owner, kind, &local_id))
        })
    }

    fn naming(&self, patient: &str) -> Task<Vec<(Arc<str>, Named)>> {
        let patient: Arc<str> = patient.into();
        self.ask(move |rows, _| read::naming(rows, &patient))
    }

    fn history(&self, patient: &str) -> Task<Option<Stored>> {
        let patient: Arc<str> = patient.into();
        self.ask(move |rows, keys| read::load(rows, keys, &patient, Versions::All))
    }

    fn history_of(&self, patient: &str, documents: Vec<Arc<str>>) -> Task<Option<Stored>> {
        let patient: Arc<str> = patient.into();
        self.ask(move |rows, keys| read::load(rows, keys, &patient, Versions::AllOf(&documents)))
    }

    fn find(&self, identity: IdentityMac) -> Task<Option<Arc<str>>> {
        self.ask(move |rows, _| read::find(rows, identity))
    }

    fn local(&self, owner: &str, kind: DocumentKind, local_id: &str) -> Task<Option<Place>> {
        let (owner, local_id): (Arc<str>, Arc<str>) = (owner.into(), local_id.into());
        self.ask(move |rows, _| read::local(rows, &owner, kind, &local_id))
    }

    fn place(&self, document: &str) -> Task<Option<Place>> {
        let document: Arc<str> = document.into();
        self.ask(move |rows, _| read::place_of(rows, &document))
    }

    fn walk(&self, after: Option<&str>, limit: usize) -> Task<Vec<Walked>> {
        let after: Option<Arc<str>> = after.map(Into::into);
        self.ask(move |rows, _| read::walk(rows, after.as_deref(), limit))
    }

    fn changes(&self, after: i64, limit: usize) -> Task<Changes> {
        self.ask(move |rows, _| read::changes(rows, after, limit))
    }

    fn commit(&self, change: Change) -> Task<Committed> {
        self.order(
            move |keys, chance| sealed::seal(keys, chance, change),
            |rows, sealed| write::commit(rows, &sealed),
        )
    }

    fn spend(&self, value: [u8; 32], until: Moment, now: Moment) -> Task<bool> {
        self.order(|_, _| Ok(()), move |rows, ()| write::spend(rows, value, until, now))
    }

    fn revoke(&self, token: [u8; 32], until: Moment, now: Moment) -> Task<()> {
        self.order(|_, _| Ok(()), move |rows, ()| write::revoke(rows, token, until, now))
    }

    fn revoked(&self, after: i64) -> Task<Revocations> {
        self.ask(move |rows, _| read::revoked(rows, after))
    }

    fn permit(&self, permission: Permission, now: Moment) -> Task<bool> {
        self.order(
            move |keys, _| sealed::permission(keys, permission),
            move |rows, permission| write::permit(rows, &permission, now),
        )
    }

    fn permissions(
        &self,
        giver: IdentityMac,
        patient: Option<Arc<str>>,
        now: Moment,
    ) -> Task<Vec<Permission>> {
        self.ask(move |rows, keys| read::permissions(rows, keys, (giver, patient.as_deref()), now))
    }

    fn unrecorded(&self) -> Task<Vec<(i64, Arc<[u8]>)>> {
        self.ask(|rows, _| read::unrecorded(rows))
    }

    fn recorded(&self, records: Vec<i64>) -> Task<()> {
        self.order(|_, _| Ok(()), move |rows, ()| write::recorded(rows, &records))
    }

    fn owed(&self, limit: usize) -> Task<Vec<(i64, Outgoing)>> {
        self.ask(move |rows, keys| read::owed(rows, keys, limit))
    }

    fn owe(&self, messages: Vec<Outgoing>) -> Task<Vec<i64>> {
        self.order(
            move |keys, _| sealed::messages(keys, messages),
            |rows, sealed| write::owe(rows, &sealed),
        )
    }

    fn delivered(&self, message: i64) -> Task<()> {
        self.order(|_, _| Ok(()), move |rows, ()| write::delivered(rows, message))
    }

    fn begin_job(&self, job: Job, most: usize, now: Moment) -> Task<bool> {
        self.order(
            move |keys, _| sealed::job(keys, job),
            move |rows, job| write::begin_job(rows, &job, most, now),
        )
    }

    fn job(&self, id: &str, now: Moment) -> Task<Option<Job>> {
        let id: Arc<str> = id.into();
        self.ask(move |rows, keys| read::job(rows, keys, &id, now))
    }

    fn end_job(&self, id: &str) -> Task<()> {
        let id: Arc<str> = id.into();
        self.order(|_, _| Ok(()), move |rows, ()| write::end_job(rows, &id))
    }

    fn put_subscription(
        &self,
        row: Subscription,
        about: Option<Vec<Arc<str>>>,
        most: usize,
    ) -> Task<bool> {
        self.order(
            move |keys, _| sealed::subscription(keys, row),
            move |rows, row| subscription::put(rows, &row, about.as_deref(), most),
        )
    }

    fn subscription(&self, id: &str) -> Task<Option<Subscription>> {
        let id: Arc<str> = id.into();
        self.ask(move |rows, keys| subscription::one(rows, keys, &id))
    }

    fn subscriptions_of(&self, owner: &str) -> Task<Vec<Subscription>> {
        let owner: Arc<str> = owner.into();
        self.ask(move |rows, keys| subscription::of(rows, keys, &owner))
    }

    fn count_subscriptions(&self) -> Task<Vec<(State, u64)>> {
        self.ask(|rows, _| subscription::count(rows))
    }

    fn due_subscriptions(&self, now: Moment, limit: usize) -> Task<Vec<Subscription>> {
        self.ask(move |rows, keys| subscription::due(rows, keys, now, limit))
    }

    fn looked_at(&self, read: &Subscription, due: Moment) -> Task<()> {
        let (id, version, touched) = (Arc::clone(&read.id), read.version, read.touched);
        self.order(
            |_, _| Ok(()),
            move |rows, ()| subscription::looked(rows, (&id, version), touched, due),
        )
    }

    fn touch(&self, patients: Option<Vec<Arc<str>>>) -> Task<()> {
        let asked = patients.clone();
        let is_about = match asked {
            // The writer is left in peace by changes that nobody waits for.
            Some(asked) => self.ask(move |rows, _| subscription::is_about(rows, &asked)),
            None => Box::pin(async { Ok(true) }),
        };
        let touched = self
            .order(|_, _| Ok(()), move |rows, ()| subscription::touch(rows, patients.as_deref()));
        Box::pin(async move { if is_about.await? { touched.await } else { Ok(()) } })
    }

    fn end_subscription(&self, id: &str) -> Task<()> {
        let id: Arc<str> = id.into();
        self.order(|_, _| Ok(()), move |rows, ()| subscription::end(rows, &id))
    }
}
