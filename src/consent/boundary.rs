//! When decisions can change, and since when a permit has stood.
//!
//! A kept decision is good until the next boundary; a newly granted segment counts as changed at
//! the start of the unbroken permit under which this asker sees it, so it reaches an incremental
//! read. Source: `consent` 1.6, the design's labelled segments. Between two boundaries no decision
//! of the snapshot changes; it must not look at data.

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

/// The start of the unbroken permit under which the asker sees the unit at `now`:
/// [`Moment::MIN`] if it always did, `None` if it does not see it.
pub fn since(snapshot: &Snapshot, asker: &Asker, unit: &Unit, now: Moment) -> Option<Moment> {
    let permits = |at| decide_at(snapshot, asker, unit, at).permit;
    if !permits(now) {
        return None;
    }
    let past = boundaries(snapshot, asker).into_iter().rev().filter(|at| *at <= now);
    let just_before = |at: Moment| Moment::from_millis(at.millis().saturating_sub(1));
    Some(past.into_iter().find(|at| !permits(just_before(*at))).unwrap_or(Moment::MIN))
}

fn each(snapshot: &Snapshot, asker: &Asker, see: &mut impl FnMut(Moment)) {
    for policy in &snapshot.policies {
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
