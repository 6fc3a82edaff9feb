//! When decisions can change, and since when a permit has stood.
//!
//! A kept decision is good until the next boundary; a newly granted segment counts as changed at
//! the start of the unbroken permit under which this asker sees it, so it reaches an incremental
//! read. Source: `consent` 1.6, the design's labelled segments. Between two boundaries no decision
//! of the snapshot changes; it must not look at data.

use std::{cell::OnceCell, sync::Arc};

use super::{
    asker::{Asker, BreakGlass},
    decide::{Compiled, Snapshot, Theirs},
    matching::Scene,
    period::Window,
    rule::Condition,
    unit::Unit,
    vote::may_speak,
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

/// A permit under which the asker sees a unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Start of the unbroken permit: [`Moment::MIN`] if the unit was always seen.
    pub since: Moment,
    /// What permits now, as in [`Verdict::basis`](super::decide::Verdict).
    pub basis: Vec<Arc<str>>,
    /// What of the others' permits it now, where it is about several.
    pub theirs: Theirs,
}

impl Standing {
    /// Of what is seen as if it had always been, for no reason.
    pub(super) const fn of_all() -> Self {
        Self { since: Moment::MIN, basis: Vec::new(), theirs: Theirs::new() }
    }
}

/// The decisions for one asker as they were from boundary to boundary, and as they are.
pub struct Course<'a> {
    now: Compiled<'a>,
    /// Boundaries up to now, the last one first, each with the decisions until just before it.
    past: Vec<(Moment, OnceCell<Compiled<'a>>)>,
    /// The first boundary after now.
    next: Moment,
    snapshot: &'a Snapshot,
    asker: &'a Asker,
}

impl<'a> Course<'a> {
    /// Up to `now`.
    pub fn new(snapshot: &'a Snapshot, asker: &'a Asker, now: Moment) -> Self {
        let all = boundaries(snapshot, asker);
        let (past, future) = all.split_at(all.partition_point(|at| *at <= now));
        Self {
            now: Compiled::new(snapshot, asker, now),
            past: past.iter().rev().map(|at| (*at, OnceCell::new())).collect(),
            next: future.first().copied().unwrap_or(Moment::MAX),
            snapshot,
            asker,
        }
    }

    /// The first boundary after now; [`Moment::MAX`] if there is none.
    pub const fn next_change(&self) -> Moment {
        self.next
    }

    /// The permit under which the asker sees the unit now; `None` if it does not see it.
    pub fn standing(&self, unit: &Unit) -> Option<Standing> {
        let (verdict, theirs) = self.now.decide_together(unit);
        let since = || self.last(unit, false);
        verdict.permit.then(|| Standing { since: since(), basis: verdict.basis, theirs })
    }

    /// When the permit last ended under which the asker saw the unit, or would have; [`Moment::MIN`] if
    /// it is permitted now or never was.
    pub fn ended(&self, unit: &Unit) -> Moment {
        if self.now.decide(unit).permit { Moment::MIN } else { self.last(unit, true) }
    }

    /// The last boundary before which it was so.
    fn last(&self, unit: &Unit, permitted: bool) -> Moment {
        let before = |(at, then): &&(Moment, OnceCell<Compiled<'a>>)| {
            let compile = || Compiled::new(self.snapshot, self.asker, just_before(*at));
            then.get_or_init(compile).decide(unit).permit == permitted
        };
        self.past.iter().find(before).map_or(Moment::MIN, |(at, _)| *at)
    }
}

const fn just_before(at: Moment) -> Moment {
    Moment::from_millis(at.millis().saturating_sub(1))
}

fn each(snapshot: &Snapshot, asker: &Asker, see: &mut dyn FnMut(Moment)) {
    let scene = Scene::new(snapshot, asker, asker.now);
    for policy in snapshot.policies.iter().filter(|policy| may_speak(policy, scene)) {
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
    snapshot.members.iter().for_each(|member| each(&member.snapshot, &member.asker, see));
    if let Some((from, until)) = asker.break_glass.as_ref().map(BreakGlass::valid) {
        see(from);
        see(until);
    }
}
