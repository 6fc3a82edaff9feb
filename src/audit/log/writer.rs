//! The one that writes: a batch, one write, one sync, then the news.
//!
//! After the queue and before those who wait. An error closes the segment and fails the batch; the
//! next batch first cuts what was not durable and opens a new segment (design 9).

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    batch::{Fate, Filled, Queue},
    disk::{Disk, Tape},
    recover::Reached,
    relay::Relays,
};
use crate::{
    audit::{
        frame::mark,
        segment::{self, HEAD, head},
    },
    clock::Clock,
};

pub(super) struct Writer {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    reached: Arc<Mutex<Reached>>,
    place: Place,
    taken: Filled,
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

impl Writer {
    pub(super) fn new(
        dir: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        reached: Arc<Mutex<Reached>>,
    ) -> Self {
        let taken = Filled::default();
        Self { dir: dir.to_path_buf(), disk, clock, reached, place: Place::End, taken }
    }

    /// Writes the next batch and wakes those who wait for it; `false` when the log has closed.
    pub(super) fn write_next(&mut self, queue: &Queue, relays: &Relays) -> bool {
        let mut taken = std::mem::take(&mut self.taken);
        let more = queue.take(&mut taken);
        if more {
            let fate = self.write(&mut taken).map_or_else(lost, Fate::Durable);
            taken.batch.finish(fate);
            relays.finished(&taken.batch);
        }
        self.taken = taken;
        more
    }

    fn write(&mut self, taken: &mut Filled) -> io::Result<Duration> {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let room = reached.segment > 0 && reached.offset < segment::FULL;
        let mut tape = match std::mem::replace(&mut self.place, Place::New) {
            Place::Tape(tape) if room => tape,
            Place::End if room => self.last_tape(&reached)?,
            Place::End | Place::New | Place::Tape(_) => self.next_tape(&mut reached)?,
        };
        let mark = mark(reached.offset);
        taken.bytes.iter_mut().zip(mark).for_each(|(to, from)| *to = from);
        tape.write(&taken.bytes)?;
        tape.sync()?;
        let durable_at = self.clock.elapsed();
        taken.leaves.iter().for_each(|leaf| reached.tree.push(*leaf));
        reached.offset += taken.bytes.len() as u64;
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = reached;
        self.place = Place::Tape(tape);
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
        tape.write(&head(reached.tree.size()))?;
        tape.sync()?;
        reached.segment += 1;
        reached.offset = HEAD as u64;
        Ok(tape)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the error's end")]
fn lost(error: io::Error) -> Fate {
    tracing::error!(cause = %error, "the audit log could not be written");
    Fate::Lost
}
