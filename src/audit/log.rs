//! The log itself: hashes and seals on the caller's thread, writes and syncs on one thread for all.
//!
//! Called by the record step before an answer leaves (design 3.5, 9). Group commit is natural: what
//! queued while the last batch was synced is the next batch; nothing waits for company. The tree's
//! frontier is kept in memory; a record counts only once it is durable. Decides nothing and reads no
//! payload.

mod batch;
mod disk;
mod recover;
mod relay;
mod writer;

pub use disk::{Disk, FileDisk, Tape};

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

pub use super::frame::AuditKey;
use super::{
    checkpoint::{Checkpoint, Signer},
    frame::{self, Salt, Sealed, seal},
    segment,
    tree::{Hash, proof::Head},
};
use crate::{
    chance::Chance,
    clock::Clock,
    domain::moment::Moment,
    error::{Error, Result},
};
use batch::{Batch, Fate, Queue};
use recover::Reached;
use relay::Relays;
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
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    signer: Signer,
    node: AuditKey,
    receipts: hmac::Key,
    queue: Arc<Queue>,
    relays: Arc<Relays>,
    reached: Arc<Mutex<Reached>>,
    /// Length of the file of checkpoints.
    checkpoints: Mutex<u64>,
    hand: Hand,
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
        let log = Self::inline(dir, keys, Arc::new(FileDisk), clock, chance)?;
        log.threaded()
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
        let (reached, checkpoints) = recover::recover(dir, &*disk, &keys.signer.verifier())?;
        let reached = Arc::new(Mutex::new(reached));
        let writer = {
            let (disk, clock) = (Arc::clone(&disk), Arc::clone(&clock));
            Writer::new(dir, disk, clock, Arc::clone(&reached))
        };
        Ok(Self {
            dir: dir.to_path_buf(),
            disk,
            clock,
            chance,
            signer: keys.signer,
            node: AuditKey { id: AuditKey::NODE.into(), key: *keys.node_key },
            receipts: hmac::Key::new(hmac::HMAC_SHA256, &*keys.receipt_key),
            queue: Arc::default(),
            relays: Arc::default(),
            reached,
            checkpoints: Mutex::new(checkpoints),
            hand: Hand::Caller(Mutex::new(writer)),
        })
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
    pub fn append(
        &self,
        key: &AuditKey,
        payload: &[u8],
    ) -> impl Future<Output = Result<Recorded>> + Send + use<> {
        self.append_sealed(seal(key, payload, Salt::Drawn, &*self.chance))
    }

    /// Appends the record of a write that the store keeps in `row` until it is here. The same record of
    /// the same row is known again by [`Log::rows_held`].
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

    /// Which of these records of rows are here already. Looks from the newest segment backwards until
    /// all are found, and blocks on the disk: for start-up, where some may have come and not been
    /// marked.
    ///
    /// # Errors
    /// `Unavailable` if the disk refuses.
    pub fn rows_held(&self, rows: &[(AuditKey, i64, Arc<[u8]>)]) -> Result<BTreeSet<i64>> {
        let leaf = |(key, row, payload): &(AuditKey, i64, Arc<[u8]>)| {
            (frame::leaf_of_row(key, *row, payload), *row)
        };
        let mut sought: BTreeMap<Hash, i64> = rows.iter().map(leaf).collect();
        let mut held = BTreeSet::new();
        for number in segment::numbers(&self.dir)?.into_iter().rev() {
            if sought.is_empty() {
                break;
            }
            let path = segment::path(&self.dir, number);
            let bytes = fs::read(path).map_err(Error::unavailable)?;
            let frames = bytes.get(segment::HEAD..).unwrap_or_default();
            segment::walk(frames, segment::HEAD as u64, |_, frame| {
                held.extend(sought.remove(&frame.leaf));
                Ok(())
            })?;
        }
        Ok(held)
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
    pub fn append_many(
        &self,
        records: &[(&AuditKey, &[u8])],
    ) -> impl Future<Output = Result<Vec<Recorded>>> + Send + use<> {
        let seal =
            |(key, payload): &(&AuditKey, &[u8])| seal(key, payload, Salt::Drawn, &*self.chance);
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

    /// The key of records that name no person.
    pub fn node_key(&self) -> &AuditKey {
        &self.node
    }

    /// The caller's receipt: HMAC-SHA256 of the leaf under the node's receipt key.
    pub fn receipt_mac(&self, leaf: &Hash) -> [u8; 32] {
        let mut mac = [0; 32];
        let tag = hmac::sign(&self.receipts, leaf);
        mac.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        mac
    }

    /// Size and root of the durable tree; for operators and witnesses, never for clients or peers.
    pub fn head(&self) -> Head {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).head()
    }

    /// Signs the durable tree as it is now and keeps checkpoint and frontier. Blocks on the disk.
    ///
    /// # Errors
    /// `Unavailable` if the disk refuses.
    pub fn checkpoint(&self, now: Moment) -> Result<Checkpoint> {
        let mut length = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let checkpoint = Checkpoint { head: reached.head(), at: now };
        let note = self.signer.sign(&checkpoint);
        recover::keep(&self.dir, &*self.disk, &reached, &note, &mut length)
            .map_err(Error::unavailable)?;
        Ok(checkpoint)
    }

    /// Takes no more records, writes those queued, and signs the last checkpoint. Blocks on the disk.
    ///
    /// # Errors
    /// `Unavailable` if the disk refuses.
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
