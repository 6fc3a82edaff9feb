//! Whom another gateway was just told of: that answer starts there, not here.
//!
//! Part of `respond`. What another gateway passes on is under way there when it has left here, and may
//! start as long as what left would have been good for. Each is noted when it is handed over, so that a
//! withdrawal about this person, and about nobody else, waits for it. Source: design 5, Revocation.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::audit::step::GOOD_FOR;

/// Until when what was handed to other gateways of each person may start there, by id of the Patient.
#[derive(Default)]
pub(super) struct PassedOn(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    /// The first instant noted in `recent`.
    since: Duration,
    recent: HashMap<Arc<str>, Duration>,
    /// What was noted before; forgotten when all of it is past.
    earlier: HashMap<Arc<str>, Duration>,
}

impl PassedOn {
    /// Another gateway is told of them, and may pass that on until this instant of the monotonic clock.
    pub(super) fn note<'a>(&self, people: impl IntoIterator<Item = &'a Arc<str>>, until: Duration) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if until >= noted.since.saturating_add(GOOD_FOR) {
            // Nothing is noted for later than `GOOD_FOR` from now, so what is that much earlier is past.
            noted.earlier = mem::take(&mut noted.recent);
            noted.since = until;
        }
        for one in people {
            let known = noted.recent.entry(Arc::clone(one)).or_default();
            *known = until.max(*known);
        }
    }

    /// Until when another gateway may pass on what it was told of somebody.
    pub(super) fn until(&self, patient: &str) -> Option<Duration> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.recent.get(patient).max(noted.earlier.get(patient)).copied()
    }
}
