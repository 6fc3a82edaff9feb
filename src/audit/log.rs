//! The log itself: hashes and seals on the caller's thread, writes and syncs on one thread for all.
//!
//! Called by the record step before an answer leaves (design 3.5, 9). Group commit is natural: what
//! queued while the last batch was synced is the next batch; nothing waits for company. A record counts
//! only once it is durable, in files of this process or in a database that several share. Decides
//! nothing and reads no payload.

mod batch;
mod disk;
mod files;
mod home;
pub mod moving;
mod recover;
mod relay;
mod rows;
mod writer;

pub use disk::{Disk, FileDisk, Tape};

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::{
    chain::LinkKey,
    checkpoint::{Checkpoint, Signer},
    frame::{self, AuditKey, Payload, Salt, Sealed, seal},
    read::Found,
    tree::{Hash, Head},
};
use crate::{
    chance::Chance,
    clock::Clock,
    domain::moment::Moment,
    error::{Error, Result},
    store::postgres::Ledger,
};
use batch::{Batch, Fate, Queue};
use files::Files;
use home::Home;
use relay::Relays;
use rows::Rows;
use writer::Writer;

/// The keys of one node's log.
pub struct LogKeys {
    /// Seals records that name no person.
    pub node_key: Zeroizing<[u8; 32]>,
    /// Makes the caller's receipts.
    pub receipt_key: Zeroizing<[u8; 32]>,
    /// Signs checkpoints, under the log's name.
    pub signer: Signer,
}

impl fmt::Debug for LogKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKeys({:?})", self.signer)
    }
}

/// A record that is on disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// Its leaf in the tree.
    pub leaf: Hash,
    /// When its sync had returned, on [`Clock::elapsed`].
    pub durable_at: Duration,
}

/// An open log; one per node directory.
pub struct Log {
    place: Place,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    signer: Signer,
    node: AuditKey,
    reviews: AuditKey,
    /// For who adds what follows from what is there.
    one: tokio::sync::Mutex<()>,
    receipts: hmac::Key,
    queue: Arc<Queue>,
    relays: Arc<Relays>,
    fails: Arc<AtomicBool>,
    hand: Hand,
}

/// Where it lives.
enum Place {
    Files(Arc<Files>),
    Rows(Arc<Rows>),
}

impl Place {
    fn home(&self) -> Arc<dyn Home> {
        match self {
            Self::Files(files) => Arc::clone(files) as _,
            Self::Rows(rows) => Arc::clone(rows) as _,
        }
    }
}

/// Who writes.
enum Hand {
    /// Whoever appends, before `append` returns: no thread, so that a simulation stays repeatable.
    Caller(Mutex<Writer>),
    /// The one writer thread; taken when the log closes.
    Thread(Mutex<Option<JoinHandle<()>>>),
}

impl Log {
    /// Opens or makes the log in `dir`, cuts a torn tail and starts the writer thread.
    ///
    /// # Errors
    /// `Unavailable` if the disk refuses. `Internal`, its cause naming file and offset, if something
    /// was damaged or is missing that had been durable.
    pub fn open(
        dir: &Path,
        keys: LogKeys,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self> {
        Self::open_on(dir, keys, Arc::new(FileDisk), clock, chance)
    }

    /// The same on another disk.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_on(
        dir: &Path,
        keys: LogKeys,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self> {
        Self::inline(dir, keys, disk, clock, chance)?.threaded()
    }

    /// The same without a thread: `append` has written and synced before it returns its future.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn inline(
        dir: &Path,
        keys: LogKeys,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self> {
        let verifier = keys.signer.verifier();
        let files = Files::open(dir, disk, &verifier, Arc::clone(&clock))?;
        Ok(Self::at(Place::Files(Arc::new(files)), keys, clock, chance))
    }

    /// Opens the log that the processes of a gateway share, and starts the writer thread.
    ///
    /// # Errors
    /// `Unavailable` if the database refuses; `Internal` if what it keeps of the tree is damaged.
    pub async fn shared(
        ledger: Ledger,
        keys: LogKeys,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self> {
        let links = LinkKey::of_node(&keys.node_key);
        let rows = Rows::open(ledger, links, Arc::clone(&clock)).await?;
        Self::at(Place::Rows(Arc::new(rows)), keys, clock, chance).threaded()
    }

    fn at(place: Place, keys: LogKeys, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        let fails = Arc::<AtomicBool>::default();
        let writer = Writer::new(place.home(), Arc::clone(&fails));
        Self {
            place,
            clock,
            chance,
            signer: keys.signer,
            node: AuditKey::new(AuditKey::NODE, *keys.node_key),
            reviews: AuditKey::new(AuditKey::REVIEWS, *keys.node_key),
            one: tokio::sync::Mutex::default(),
            receipts: hmac::Key::new(hmac::HMAC_SHA256, &*keys.receipt_key),
            queue: Arc::default(),
            relays: Arc::default(),
            fails,
            hand: Hand::Caller(Mutex::new(writer)),
        }
    }

    fn threaded(mut self) -> Result<Self> {
        let hand = std::mem::replace(&mut self.hand, Hand::Thread(Mutex::default()));
        if let Hand::Caller(writer) = hand {
            let mut writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
            let (queue, relays) = (Arc::clone(&self.queue), Arc::clone(&self.relays));
            let body = move || while writer.write_next(&queue, &relays) {};
            let thread = thread::Builder::new().name("audit".to_owned()).spawn(body);
            let thread = thread.map_err(Error::unavailable)?;
            self.hand = Hand::Thread(Mutex::new(Some(thread)));
        }
        Ok(self)
    }

    /// Appends a record. It is sealed and queued before this returns; the future ends once it is on
    /// disk. Dropping the future does not take the record back.
    ///
    /// # Errors
    /// `Unavailable` if it could not be made durable; `Internal` if it could not be sealed.
    pub fn append<P: Payload + ?Sized>(
        &self,
        key: &AuditKey,
        payload: &P,
    ) -> impl Future<Output = Result<Recorded>> + Send + use<P> {
        self.append_sealed(seal(key, payload, Salt::Drawn, &*self.chance))
    }

    /// Appends the record of a write that the store keeps in `row` until it is here. The same record of
    /// the same row is known again by [`Log::adopt`].
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_row(
        &self,
        key: &AuditKey,
        row: i64,
        payload: &[u8],
    ) -> impl Future<Output = Result<Recorded>> + Send + use<> {
        self.append_sealed(seal(key, payload, Salt::Row(row), &*self.chance))
    }

    /// Do the processes of a gateway share it, in the database of their store? Then the transaction of
    /// a commit makes its record durable, and [`Log::adopt`] brings it here whenever that suits.
    pub fn is_shared(&self) -> bool {
        matches!(self.place, Place::Rows(_))
    }

    /// Brings the records of rows, each once, out of the store into the log. The store gives them up
    /// in the same transaction if it shares the database; of a log in files it must be told which are
    /// here: all of them. How many came.
    ///
    /// # Errors
    /// As [`Log::append`]. `Conflict` if another process has done so meanwhile with one of them.
    pub async fn adopt(&self, rows: &[(AuditKey, i64, Arc<[u8]>)]) -> Result<usize> {
        let files = match &self.place {
            Place::Files(files) => files,
            Place::Rows(home) => {
                let seal = |(key, row, payload): &(AuditKey, i64, Arc<[u8]>)| {
                    Ok((*row, seal(key, payload, Salt::Row(*row), &*self.chance)?))
                };
                home.adopt(rows.iter().map(seal).collect::<Result<_>>()?).await?;
                return Ok(rows.len());
            }
        };
        let held = Self::held(files, rows)?;
        for (key, row, payload) in rows.iter().filter(|(_, row, _)| !held.contains(row)) {
            self.append_row(key, *row, payload).await?;
        }
        Ok(rows.len() - held.len())
    }

    /// Which of these records of rows are here already. Blocks on the disk: for start-up, where some
    /// may have come and not been marked.
    fn held(files: &Files, rows: &[(AuditKey, i64, Arc<[u8]>)]) -> Result<BTreeSet<i64>> {
        let leaf = |(key, row, payload): &(AuditKey, i64, Arc<[u8]>)| {
            (frame::leaf_of_row(key, *row, payload), *row)
        };
        let sought: BTreeMap<Hash, i64> = rows.iter().map(leaf).collect();
        files.held(sought)
    }

    fn append_sealed(
        &self,
        sealed: Result<Sealed>,
    ) -> impl Future<Output = Result<Recorded>> + Send + use<> {
        let queued = sealed.and_then(|one| Ok((one.leaf, self.queue(&[one])?)));
        let (relays, queue) = (Arc::clone(&self.relays), Arc::clone(&self.queue));
        async move {
            let (leaf, batch) = queued?;
            let durable_at = durable(relays.wait(queue, batch).await)?;
            Ok(Recorded { leaf, durable_at })
        }
    }

    /// Appends several records that become durable together, in this order.
    ///
    /// # Errors
    /// As [`Log::append`]; then none of them counts.
    pub fn append_many<P: Payload>(
        &self,
        records: &[(&AuditKey, P)],
    ) -> impl Future<Output = Result<Vec<Recorded>>> + Send + use<P> {
        let seal = |(key, payload): &(&AuditKey, P)| seal(key, payload, Salt::Drawn, &*self.chance);
        let sealed = records.iter().map(seal).collect::<Result<Vec<_>>>();
        let queued = sealed.and_then(|all| {
            let batch = self.queue(&all)?;
            Ok((all.into_iter().map(|one| one.leaf).collect::<Vec<_>>(), batch))
        });
        let (relays, queue) = (Arc::clone(&self.relays), Arc::clone(&self.queue));
        async move {
            let (leaves, batch) = queued?;
            let durable_at = durable(relays.wait(queue, batch).await)?;
            Ok(leaves.into_iter().map(|leaf| Recorded { leaf, durable_at }).collect())
        }
    }

    fn queue(&self, sealed: &[Sealed]) -> Result<Arc<Batch>> {
        let batch = self.queue.push(sealed)?;
        match &self.hand {
            Hand::Thread(_) => self.relays.call(&self.queue),
            Hand::Caller(writer) => {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                if batch.fate().is_none() {
                    self.queue.call();
                    writer.write_next(&self.queue, &self.relays);
                }
            }
        }
        Ok(batch)
    }

    /// The records of one person, oldest first, as they are written now.
    ///
    /// # Errors
    /// `Unavailable` if the log cannot be read, `Internal` for something damaged.
    pub async fn about(&self, key: AuditKey) -> Result<Vec<Found>> {
        let home = self.place.home();
        match &self.hand {
            Hand::Caller(_) => home.about(&key),
            Hand::Thread(_) => {
                let read = tokio::task::spawn_blocking(move || home.about(&key));
                read.await.map_err(Error::unavailable)?
            }
        }
    }

    /// The key of records that name no person.
    pub fn node_key(&self) -> &AuditKey {
        &self.node
    }

    /// The key of the marks of what is to be reviewed.
    pub fn review_key(&self) -> &AuditKey {
        &self.reviews
    }

    /// For who reads the log and adds what follows from it: one at a time in this process.
    pub async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.one.lock().await
    }

    /// The caller's receipt: HMAC-SHA256 of the leaf under the node's receipt key.
    pub fn receipt_mac(&self, leaf: &Hash) -> [u8; 32] {
        let mut mac = [0; 32];
        let tag = hmac::sign(&self.receipts, leaf);
        mac.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        mac
    }

    /// Size and root of the tree as far as it is known here; for operators and witnesses, never for clients or peers.
    pub fn head(&self) -> Head {
        self.place.home().head()
    }

    /// Can records be made durable, as far as can be seen? When the last could not, it is tried out
    /// whether the next could. Of a log in a database the store tells.
    pub async fn is_writable(&self) -> bool {
        if !self.fails.load(Ordering::SeqCst) {
            return true;
        }
        let home = self.place.home();
        let tried = tokio::task::spawn_blocking(move || home.try_out()).await;
        let is_writable = matches!(tried, Ok(Ok(())));
        self.fails.store(!is_writable, Ordering::SeqCst);
        is_writable
    }

    /// Puts into the tree what all processes of the gateway have added, unless another is doing so.
    /// Blocks on the database; nothing is to be done for a log in files.
    ///
    /// # Errors
    /// `Unavailable` if the database refuses.
    pub fn grow(&self) -> Result<()> {
        self.place.home().grow()
    }

    /// Signs the durable tree as it is now and keeps the checkpoint; what all have added is in it.
    /// Blocks on the disk or the database.
    ///
    /// # Errors
    /// `Unavailable` if the disk or the database refuses.
    pub fn checkpoint(&self, now: Moment) -> Result<Checkpoint> {
        self.place.home().checkpoint(&self.signer, now)
    }

    /// Takes no more records, writes those queued, and signs the last checkpoint. Blocks on the disk or
    /// the database.
    ///
    /// # Errors
    /// `Unavailable` if the disk or the database refuses.
    pub fn close(&self) -> Result<()> {
        if self.stop() { self.checkpoint(self.clock.now()).map(drop) } else { Ok(()) }
    }

    /// `false` if it had been stopped before.
    fn stop(&self) -> bool {
        let first = self.queue.close();
        if let Hand::Thread(thread) = &self.hand {
            let taken = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            if taken.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("the audit writer ended by a panic");
            }
        }
        self.relays.close();
        first
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(cause = ?error, "no last checkpoint of the audit log");
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({:?})", self.signer)
    }
}

fn durable(fate: Fate) -> Result<Duration> {
    match fate {
        Fate::Durable(at) => Ok(at),
        Fate::Lost => Err(Error::unavailable("the audit log could not be written")),
    }
}
