//! When decisions can change, and since when a permit has stood.
//!
//! A kept decision is good until the next boundary; a newly granted segment counts as changed at
//! the start of the unbroken permit under which this asker sees it, so it reaches an incremental
//! read. Source: `consent` 1.6, the design's labelled segments. Between two boundaries no decision
//! of the snapshot changes; it must not look at data.

use std::sync::Arc;

use super::{
    asker::{Asker, BreakGlass},
    decide::{Snapshot, decide_at},
    period::Window,
    rule::Condition,
    unit::Unit,
};
use crate::domain::moment::Moment;

/// Every instant, in order, at which any decision of this snapshot for this asker can change.
pub fn boundaries(snapshot: &Snapshot, asker: &Asker) -> Vec<Moment> {
    let mut all = Vec::new();
    each(snapshot, asker, &mut |at| all.push(at));
    all.sort_unstable();
    all.dedup();
    all
}

/// The first boundary after `now`; [`Moment::MAX`] if there is none.
pub fn next_change(snapshot: &Snapshot, asker: &Asker, now: Moment) -> Moment {
    let mut next = Moment::MAX;
    each(snapshot, asker, &mut |at| {
        if at > now {
            next = next.min(at);
        }
    });
    next
}

/// A permit under which the asker sees a unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Start of the unbroken permit: [`Moment::MIN`] if the unit was always seen.
    pub since: Moment,
    /// What permits now, as in [`Verdict::basis`](super::decide::Verdict).
    pub basis: Vec<Arc<str>>,
}

/// The permit under which the asker sees the unit at `now`; `None` if it does not see it. Takes the
/// [`boundaries`] of the same snapshot and asker, which are those of every unit.
pub fn standing(
    snapshot: &Snapshot,
    asker: &Asker,
    unit: &Unit,
    boundaries: &[Moment],
    now: Moment,
) -> Option<Standing> {
    let verdict = decide_at(snapshot, asker, unit, now);
    if !verdict.permit {
        return None;
    }
    let denied = |at: &Moment| !decide_at(snapshot, asker, unit, just_before(*at)).permit;
    let mut past = boundaries.iter().rev().filter(|at| **at <= now);
    let since = past.find(|at| denied(at)).copied().unwrap_or(Moment::MIN);
    Some(Standing { since, basis: verdict.basis })
}

/// When the permit last ended under which the asker saw the unit, or would have; [`Moment::MIN`] if it is
/// permitted at `now` or never was. Takes the [`boundaries`] that [`standing`] takes.
pub fn ended(
    snapshot: &Snapshot,
    asker: &Asker,
    unit: &Unit,
    boundaries: &[Moment],
    now: Moment,
) -> Moment {
    if decide_at(snapshot, asker, unit, now).permit {
        return Moment::MIN;
    }
    let permitted = |at: &Moment| decide_at(snapshot, asker, unit, just_before(*at)).permit;
    let mut past = boundaries.iter().rev().filter(|at| **at <= now);
    past.find(|at| permitted(at)).copied().unwrap_or(Moment::MIN)
}

const fn just_before(at: Moment) -> Moment {
    Moment::from_millis(at.millis().saturating_sub(1))
}

fn each(snapshot: &Snapshot, asker: &Asker, see: &mut impl FnMut(Moment)) {
    for policy in &*snapshot.policies {
        let origin = &policy.origin;
        [origin.in_force_from, origin.in_force_until].into_iter().flatten().for_each(&mut *see);
        policy.root.each(&mut |rule| {
            for condition in &rule.conditions {
                if let Condition::Period(period) = condition {
                    period.ends().for_each(&mut *see);
                }
            }
        });
    }
    let grounds = snapshot.law.grounds.iter().filter_map(|ground| ground.period);
    let representation = snapshot.representation.iter().filter_map(|by| by.period);
    grounds.chain(representation).flat_map(Window::ends).for_each(&mut *see);
    snapshot.majority.ends().for_each(&mut *see);
    if let Some((from, until)) = asker.break_glass.as_ref().map(BreakGlass::valid) {
        see(from);
        see(until);
    }
}
