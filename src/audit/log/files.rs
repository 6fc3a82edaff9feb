//! The home of one process: segments in a directory, the frontier and the checkpoints beside them.
//!
//! A batch is one write, through to the disk. An error closes the segment and fails the batch; the next batch
//! first cuts what was not durable and opens a new segment (design 9).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    batch::Filled,
    disk::{Disk, Tape},
    home::{Checked, Frames, Home, lock},
    recover::{self, Reached},
};
use crate::{
    audit::{
        checkpoint::{self, Checkpoint, Signer, Verifier},
        frame::{AuditKey, Frame, Sealed, mark},
        read::{self, Found},
        segment::{self, HEAD, head},
        tree::{Hash, Head},
        verify,
    },
    clock::Clock,
    domain::moment::Moment,
    error::{Error, Result},
};

/// Bytes for which there must be room: more than a block that is there already.
const TRIED: usize = 1 << 16;

pub(super) struct Files {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    reached: Mutex<Reached>,
    place: Mutex<Place>,
    /// Length of the file of checkpoints.
    checkpoints: Mutex<u64>,
}

/// Where the next batch goes.
enum Place {
    /// To the end of the last segment, if it has room.
    End,
    /// To a new segment: something failed in the last.
    New,
    /// Here.
    Tape(Box<dyn Tape>),
}

impl Files {
    /// The log in a directory, its torn tail cut.
    pub(super) fn open(
        dir: &Path,
        disk: Arc<dyn Disk>,
        verifier: &Verifier,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let (reached, checkpoints) = recover::recover(dir, &*disk, verifier)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            disk,
            clock,
            reached: Mutex::new(reached),
            place: Mutex::new(Place::End),
            checkpoints: Mutex::new(checkpoints),
        })
    }

    /// Which of these leaves are here; looks from the newest segment backwards until all are found.
    pub(super) fn held(&self, mut sought: BTreeMap<Hash, i64>) -> Result<BTreeSet<i64>> {
        let mut held = BTreeSet::new();
        for number in segment::numbers(&self.dir)?.into_iter().rev() {
            if sought.is_empty() {
                break;
            }
            let path = segment::path(&self.dir, number);
            let bytes = fs::read(path).map_err(Error::unavailable)?;
            let frames = bytes.get(HEAD..).unwrap_or_default();
            segment::walk(frames, HEAD as u64, |_, frame| {
                held.extend(sought.remove(&frame.leaf));
                Ok(())
            })?;
        }
        Ok(held)
    }

    fn append(&self, place: &mut Place, taken: &mut Filled) -> io::Result<Duration> {
        let mut reached = lock(&self.reached).clone();
        let room = reached.segment > 0 && reached.offset < segment::FULL;
        let mut tape = match std::mem::replace(place, Place::New) {
            Place::Tape(tape) if room => tape,
            Place::End if room => self.last_tape(&reached)?,
            Place::End | Place::New | Place::Tape(_) => self.next_tape(&mut reached)?,
        };
        let mark = mark(reached.offset);
        taken.bytes.iter_mut().zip(mark).for_each(|(to, from)| *to = from);
        tape.make_room(taken.bytes.len())?;
        tape.append(&taken.bytes)?;
        let durable_at = self.clock.elapsed();
        taken.leaves.iter().for_each(|leaf| reached.tree.push(*leaf));
        reached.offset += taken.bytes.len() as u64;
        *lock(&self.reached) = reached;
        *place = Place::Tape(tape);
        Ok(durable_at)
    }

    /// The last segment, cut to what is durable.
    fn last_tape(&self, reached: &Reached) -> io::Result<Box<dyn Tape>> {
        self.disk.resume(&segment::path(&self.dir, reached.segment), reached.offset)
    }

    /// Cuts the last segment and opens the one after it. The state moves on only when the batch is
    /// durable too, so a failure is tried again as it was.
    fn next_tape(&self, reached: &mut Reached) -> io::Result<Box<dyn Tape>> {
        if reached.segment > 0 {
            drop(self.last_tape(reached)?);
        }
        let mut tape = self.disk.create(&segment::path(&self.dir, reached.segment + 1))?;
        tape.append(&head(reached.tree.size()))?;
        reached.segment += 1;
        reached.offset = HEAD as u64;
        Ok(tape)
    }
}

impl Home for Files {
    fn write(&self, taken: &mut Filled) -> Result<Duration> {
        self.append(&mut lock(&self.place), taken).map_err(Error::unavailable)
    }

    /// What it makes the next batch makes anew.
    fn try_out(&self) -> Result<()> {
        let place = lock(&self.place);
        if let Place::New = *place {
            let mut reached = lock(&self.reached).clone();
            let tape = self.next_tape(&mut reached);
            tape.and_then(|mut tape| tape.make_room(TRIED)).map_err(Error::unavailable)?;
        }
        drop(place);
        Ok(())
    }

    fn head(&self) -> Head {
        lock(&self.reached).head()
    }

    /// A record that is durable here is in the tree.
    fn grow(&self) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&self, signer: &Signer, now: Moment) -> Result<Checkpoint> {
        let mut length = lock(&self.checkpoints);
        let reached = lock(&self.reached).clone();
        let checkpoint = Checkpoint { head: reached.head(), at: now };
        let note = signer.sign(&checkpoint);
        recover::keep(&self.dir, &*self.disk, &reached, &note, &mut length)
            .map_err(Error::unavailable)?;
        Ok(checkpoint)
    }

    fn about(&self, key: &AuditKey) -> Result<Vec<Found>> {
        read::person(&self.dir, key)
    }

    fn frames(&self) -> Result<Frames> {
        let whole = |frame: &Frame<'_>, bytes: &[u8]| {
            Ok(Sealed { leaf: frame.leaf, bytes: bytes.to_vec() })
        };
        Ok(Box::new(read::walk(&self.dir, whole)?))
    }

    fn notes(&self, verifier: &Verifier) -> Result<Vec<(u64, String)>> {
        let path = self.dir.join(checkpoint::FILE);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(path).map_err(Error::unavailable)?;
        let of = |(_, note): (usize, &str)| {
            let signed = verifier.open(note).ok_or_else(|| Error::internal("no checkpoint"))?;
            Ok((signed.head.size, note.to_owned()))
        };
        checkpoint::notes(&text).map(of).collect()
    }

    /// In place of those it had.
    fn keep(&self, notes: &[(u64, String)]) -> Result<()> {
        let mut length = lock(&self.checkpoints);
        *length = 0;
        let all = notes.iter().map(|(_, note)| note.as_str()).collect::<String>();
        let reached = lock(&self.reached).clone();
        recover::keep(&self.dir, &*self.disk, &reached, &all, &mut length)
            .map_err(Error::unavailable)
    }

    fn check(&self, verifier: &Verifier) -> Result<Checked> {
        let report = verify::verify(&self.dir, Some(verifier), &|_| None)?;
        Ok(Checked { head: report.head, fault: report.fault.map(|fault| fault.to_string()) })
    }
}
