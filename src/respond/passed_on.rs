//! Whom other gateways were just told of: those answers start there, not here.
//!
//! Part of `respond`. What another gateway passes on is under way there when it has left here, and may
//! start as long as what left would have been good for. Each is noted when it is handed over, with the
//! gateway, so that a withdrawal about this person, and about nobody else, waits for it. Source: design
//! 5, Revocation.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{audit::step::GOOD_FOR, domain::id::NodeCode};

/// Until when what was handed to other gateways of each person may start there, by id of the Patient.
#[derive(Default)]
pub(super) struct PassedOn(Mutex<Noted>);

/// Until when each gateway may start to pass on what it was told of one person.
type Told = BTreeMap<NodeCode, Duration>;

#[derive(Default)]
struct Noted {
    /// The first instant noted in `recent`.
    since: Duration,
    recent: HashMap<Arc<str>, Told>,
    /// What was noted before; forgotten when all of it is past.
    earlier: HashMap<Arc<str>, Told>,
}

impl PassedOn {
    /// A gateway is told of them, and may pass that on until this instant of the monotonic clock.
    pub(super) fn note(&self, gateway: &NodeCode, people: &[Arc<str>], until: Duration) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if until >= noted.since.saturating_add(GOOD_FOR) {
            // Nothing is noted for later than `GOOD_FOR` from now, so what is that much earlier is past.
            noted.earlier = mem::take(&mut noted.recent);
            noted.since = until;
        }
        for one in people {
            let told = noted.recent.entry(Arc::clone(one)).or_default();
            let known = told.entry(gateway.clone()).or_default();
            *known = until.max(*known);
        }
    }

    /// Until when any gateway but one may pass on what it was told of somebody.
    pub(super) fn until(&self, patient: &str, but: Option<&NodeCode>) -> Option<Duration> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = [&noted.recent, &noted.earlier].into_iter().filter_map(|all| all.get(patient));
        told.flatten().filter(|(gateway, _)| Some(*gateway) != but).map(|(_, until)| *until).max()
    }
}
