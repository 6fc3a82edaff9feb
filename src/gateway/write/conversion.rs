//! Documents of another form on their way to `native`: which filter is asked, and how many at a time.
//!
//! Part of the road of native documents. A filter runs in a process (`native::foreign`) that a thread waits
//! for which no request needs; so many run at a time, so many more wait, and what comes on top is
//! told to come again. A process that is done with one document is kept for the next of the same filter.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::{Error, Kind, Result},
    json::Limits,
    native::{
        Fault, NativeKind,
        foreign::{Filter, Filters, apart::Apart},
    },
    telemetry::{Conversion, Inside},
};

/// The filters of a gateway at work.
pub struct Conversions {
    filters: Vec<Arc<Filter>>,
    abreast: usize,
    most: usize,
    /// At work and waiting.
    places: Arc<Semaphore>,
    /// At work.
    turns: Arc<Semaphore>,
    idle: Idle,
    limits: Limits,
    inside: Arc<Inside>,
}

/// Processes that wait for a document, the one that has waited longest first; none once other settings
/// are in force, as nobody might come for them any more.
type Idle = Arc<Mutex<Option<Vec<Apart>>>>;

/// A document that a filter made, and by which it is told what became of it.
pub(crate) struct Converted<'a> {
    /// What made it.
    pub(crate) filter: &'a Filter,
    inside: &'a Inside,
    /// What it made.
    pub(crate) bytes: Vec<u8>,
}

impl Conversions {
    /// None at work yet.
    pub(in crate::gateway) fn new(filters: Filters, limits: Limits, inside: Arc<Inside>) -> Self {
        let Filters { all, abreast, queue } = filters;
        let abreast = abreast.clamp(1, Semaphore::MAX_PERMITS / 2);
        let most = abreast + queue.min(Semaphore::MAX_PERMITS / 2);
        Self {
            filters: all,
            abreast,
            most,
            places: Arc::new(Semaphore::new(most)),
            turns: Arc::new(Semaphore::new(abreast)),
            idle: Arc::new(Mutex::new(Some(Vec::new()))),
            limits,
            inside,
        }
    }

    /// Filters at work, each in a process.
    pub fn at_work(&self) -> usize {
        self.abreast - self.turns.available_permits()
    }

    /// Documents that wait for their turn.
    pub fn waiting(&self) -> usize {
        (self.most - self.places.available_permits()).saturating_sub(self.at_work())
    }

    /// Ends the processes that wait, and keeps none from now on: other settings are in force.
    pub fn let_go(&self) {
        let ended = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Not while others wait for the lock.
        drop(ended);
    }

    /// The filter for what a client pushes to such an address, if its `Content-Type` names one.
    pub(super) fn meant(
        &self,
        client: &str,
        headers: &HeaderMap,
        makes: NativeKind,
    ) -> Option<&Arc<Filter>> {
        let given = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let content_type = given.split(';').next().unwrap_or_default().trim();
        self.filters.iter().find(|filter| filter.reads(client, content_type, makes))
    }

    /// The one document that a filter makes of one.
    ///
    /// # Errors
    /// As [`Filter::make`]; `Unavailable` if too many wait already.
    pub(crate) async fn convert<'a>(
        &'a self,
        filter: &'a Arc<Filter>,
        document: Vec<u8>,
    ) -> Result<Converted<'a>> {
        let made = self.made(filter, document).await;
        match made {
            Ok(bytes) => Ok(Converted { filter, inside: &self.inside, bytes }),
            Err(error) => {
                let became = if error.kind() == Kind::Unavailable {
                    Conversion::Turned
                } else if error.kind() == Kind::TooCostly {
                    Conversion::Costly
                } else {
                    Conversion::Failed
                };
                self.inside.converted(&filter.name, became);
                if became != Conversion::Turned {
                    tracing::warn!(
                        filter = filter.name,
                        reason = error.say(),
                        "no document was made"
                    );
                }
                Err(error)
            }
        }
    }

    async fn made(&self, filter: &Arc<Filter>, document: Vec<u8>) -> Result<Vec<u8>> {
        let busy = |_| {
            let say = "Too many documents wait for a filter; send this one again in a second.";
            Error::new(Kind::Unavailable, say)
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(Error::internal)?;
        let work = Work {
            filter: Arc::clone(filter),
            idle: Arc::clone(&self.idle),
            turns: Arc::clone(&self.turns),
            abreast: self.abreast,
            limits: self.limits,
            _held: [place, turn],
        };
        // Whoever asked may have gone: the process is done with the document all the same.
        tokio::task::spawn_blocking(move || work.done(&document)).await.map_err(Error::internal)?
    }
}

impl Converted<'_> {
    /// Counts what became of it; of its faults only what does not repeat the document is given back.
    pub(crate) fn judged<T>(
        &self,
        judged: std::result::Result<T, Vec<Fault>>,
    ) -> std::result::Result<T, Vec<Fault>> {
        let became = if judged.is_ok() { Conversion::Made } else { Conversion::Refused };
        self.inside.converted(&self.filter.name, became);
        judged.map_err(|faults| {
            tracing::warn!(filter = self.filter.name, "what a filter made is refused");
            Fault::without_names(faults)
        })
    }
}

/// One document at work; what is held is let go of once the process is free.
struct Work {
    filter: Arc<Filter>,
    idle: Idle,
    turns: Arc<Semaphore>,
    abreast: usize,
    limits: Limits,
    _held: [OwnedSemaphorePermit; 2],
}

impl Work {
    fn done(&self, document: &[u8]) -> Result<Vec<u8>> {
        let mut apart = match self.free() {
            Some(apart) => apart,
            None => Apart::new(self.filter.program.clone())
                .map_err(|error| Error::new(Kind::Unavailable, NOT_STARTED).because(error))?,
        };
        let made = self.filter.make(&mut apart, document, &self.limits);
        if let Some(idle) = &mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner) {
            idle.push(apart);
        }
        made
    }

    /// A process that runs the filter already. Where there is none, those of other filters make room for a
    /// new one, so that with those at work there are never more than may be at work.
    fn free(&self) -> Option<Apart> {
        let mut all = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = all.as_mut()?;
        let known = idle.iter().rposition(|apart| apart.runs(&self.filter.program));
        if let Some(at) = known {
            return Some(idle.remove(at));
        }
        let at_work = self.abreast.saturating_sub(self.turns.available_permits());
        let excess = (idle.len() + at_work).saturating_sub(self.abreast).min(idle.len());
        let ended: Vec<Apart> = idle.drain(..excess).collect();
        drop(all);
        // Not while others wait for the lock.
        drop(ended);
        None
    }
}

/// What refuses where no process can be had.
const NOT_STARTED: &str =
    "No process can be started for the filter; send the document again later.";
