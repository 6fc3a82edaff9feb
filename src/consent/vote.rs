//! What one consent says of one theme of one unit.
//!
//! The walk over the rules, and what the consent's sort makes of it. What is the same for every unit
//! (who asks, for what, when) is answered once, so that most consents are never asked about a unit.
//! Source: `consent` 1.4, *vote*, *walk*, *applicable*. Unknown never helps a permit and never weakens a
//! denial, so the least certain reading of a tree permits no more than any reading of it would.

use std::sync::Arc;

use super::{
    matching::{Recipient, Scene},
    policy::{Giver, Kind, Policy},
    rule::{Condition, Effect, Rule},
    tri::Tri,
    unit::{Slot, Slots, Unit},
};
use crate::{
    domain::moment::Moment,
    mutant::{self, Mutant},
};

/// A consent's say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Vote {
    /// It forbids.
    Deny,
    /// It permits.
    Permit,
    /// It says nothing.
    Silent,
}

/// Where a walk ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Deny,
    /// A root that frames nested rules, or has no type, and of which none decides.
    Frame,
    Permit,
    Silent,
}

/// One consent, with everything answered that is the same for every unit.
pub(super) struct Voter<'a> {
    policy: &'a Policy,
    scene: Scene<'a>,
    /// Cannot be told whether the consent counts?
    undecidable: bool,
    /// What is left of its rules; without any, it forbids everything.
    root: Option<Left<'a>>,
    /// Of all others it says nothing, whatever the unit.
    slots: Slots,
}

/// A rule that may apply to some unit, with those nested in it that may.
struct Left<'a> {
    rule: &'a Rule,
    /// Do those of its conditions hold that no unit can change?
    settled: Tri,
    /// The others.
    open: Vec<&'a Condition>,
    children: Vec<Self>,
}

/// Who votes for one policy: nobody, if whatever the unit it would be silent. Every gateway on the way
/// is a recipient too, but only for what is forbidden: as a recipient it can turn a vote into a denial
/// and into nothing else.
pub(super) fn voters<'a>(policy: &'a Policy, scene: Scene<'a>, all: &mut Vec<Voter<'a>>) {
    let applies = applies(policy, scene);
    if applies == Tri::False {
        return;
    }
    let undecidable = applies == Tri::Unknown;
    let voter = |scene, root, slots| Voter { policy, scene, undecidable, root, slots };
    match policy.kind {
        Kind::Grant if undecidable => {}
        Kind::Grant => {
            let root = Left::of(&policy.root, scene).map(|root| (root.may_permit(), root));
            let root = root.filter(|(slots, _)| *slots != Slots::NONE);
            all.extend(root.map(|(slots, root)| voter(scene, Some(root), slots)));
        }
        Kind::Prohibition if undecidable => {
            let all_of_it = || voter(scene, None, Slots::ALL);
            all.extend((!mutant::on(Mutant::UnknownPermits)).then(all_of_it));
        }
        Kind::Foreign | Kind::Prohibition => {
            let through = scene.asker.through.iter().map(Recipient::Through);
            for recipient in std::iter::once(Recipient::Requester).chain(through) {
                let scene = Scene { recipient, ..scene };
                let root = Left::of(&policy.root, scene).map(|root| (root.may_apply(), root));
                all.extend(root.map(|(slots, root)| voter(scene, Some(root), slots)));
            }
        }
    }
}

/// Can a policy say anything to this asker, at any time? One that cannot changes no decision.
pub(super) fn may_speak(policy: &Policy, scene: Scene<'_>) -> bool {
    if policy.standing == Tri::False {
        return false;
    }
    let certain = policy.standing.is_true() && policy.patient.is_some();
    if !certain || policy.giver != Giver::Person {
        return true;
    }
    let possible = |rule: &Rule, scene| rule.settled(scene, false) != Tri::False;
    let root = &policy.root;
    if policy.kind == Kind::Grant {
        let nested = root.children.is_empty() || root.children.iter().any(|c| possible(c, scene));
        return nested && possible(root, scene);
    }
    let through = scene.asker.through.iter().map(Recipient::Through);
    let mut recipients = std::iter::once(Recipient::Requester).chain(through);
    recipients.any(|recipient| possible(root, Scene { recipient, ..scene }))
}

impl<'a> Voter<'a> {
    /// The Consent it speaks for.
    pub(super) const fn id(&self) -> &'a Arc<str> {
        &self.policy.id
    }

    /// What it says of one theme of a unit.
    pub(super) fn vote(&self, unit: &Unit, slot: Slot) -> Vote {
        if !self.slots.contains(slot) {
            return Vote::Silent;
        }
        let Some(root) = &self.root else { return Vote::Deny };
        let may_permit = !self.undecidable && matches!(self.scene.recipient, Recipient::Requester);
        match (self.policy.kind, root.walk(true, self.scene, unit, slot)) {
            (Kind::Prohibition, End::Deny | End::Frame) | (Kind::Foreign, End::Deny) => Vote::Deny,
            (Kind::Grant | Kind::Foreign, End::Permit) if may_permit => Vote::Permit,
            (Kind::Prohibition | Kind::Grant | Kind::Foreign, _) => Vote::Silent,
        }
    }
}

/// Is the consent one that counts, for this person and at this instant?
fn applies(policy: &Policy, scene: Scene<'_>) -> Tri {
    let Scene { snapshot, now, .. } = scene;
    let patient = policy.patient.as_ref();
    Tri::all([
        policy.standing,
        is_in_force(policy, now),
        patient.map_or(Tri::Unknown, |patient| (*patient == snapshot.patient).into()),
        has_giver(policy, scene),
    ])
}

fn is_in_force(policy: &Policy, now: Moment) -> Tri {
    let origin = &policy.origin;
    let begun = origin.in_force_from.is_none_or(|from| from <= now);
    (begun && origin.in_force_until.is_none_or(|until| now < until)).into()
}

/// What a guardian gave holds until the person comes of age; what a representative of an adult
/// gave, that is first recorded after that, holds as it stands.
fn has_giver(policy: &Policy, scene: Scene<'_>) -> Tri {
    if policy.giver == Giver::Person {
        return Tri::True;
    }
    let recorded = policy.origin.recorded.unwrap_or(Moment::MIN);
    let for_adult = scene.snapshot.majority.reached(recorded);
    let adult_now = scene.snapshot.majority.reached(scene.now);
    let stands = match (for_adult, adult_now) {
        (Tri::True, _) | (_, Tri::False) => Tri::True,
        (Tri::False, Tri::True) => Tri::False,
        (Tri::False | Tri::Unknown, _) => Tri::Unknown,
    };
    if policy.giver == Giver::Unclear { stands.max(Tri::Unknown) } else { stands }
}

impl<'a> Left<'a> {
    /// `None` if it applies to no unit.
    fn of(rule: &'a Rule, scene: Scene<'_>) -> Option<Self> {
        let settled = rule.settled(scene, true);
        let children = || rule.children.iter().filter_map(|child| Self::of(child, scene)).collect();
        let left = || Self { rule, settled, open: rule.open().collect(), children: children() };
        (settled != Tri::False).then(left)
    }

    /// Slots of which its own conditions may hold.
    fn may_apply(&self) -> Slots {
        let of = |condition: &&'a Condition| {
            if let Condition::Theme(themes) = **condition {
                Slots::that_may_be(themes)
            } else {
                Slots::ALL
            }
        };
        self.open.iter().map(of).fold(Slots::ALL, Slots::and)
    }

    /// Slots of which there may be a permit in it.
    fn may_permit(&self) -> Slots {
        let own = self.may_apply();
        if self.rule.effect == Some(Effect::Permit) {
            return own;
        }
        own.and(self.children.iter().map(Self::may_permit).fold(Slots::NONE, Slots::or))
    }

    fn walk(&self, root: bool, scene: Scene<'_>, unit: &Unit, slot: Slot) -> End {
        let Self { rule, settled, open, children } = self;
        let holds = open.iter().map(|condition| rule.holds(condition, scene, unit, slot));
        let applies = Tri::all(holds).min(*settled);
        let careless = applies == Tri::Unknown && mutant::on(Mutant::UnknownPermits);
        if applies == Tri::False || careless {
            return End::Silent;
        }
        let mut permitted = false;
        for child in children {
            match child.walk(false, scene, unit, slot) {
                // The rule may not apply, but if it does, this stands: so it stands.
                End::Deny => return End::Deny,
                End::Permit => permitted = true,
                End::Frame | End::Silent => {}
            }
        }
        let permit = || if applies.is_true() { End::Permit } else { End::Silent };
        match (rule.effect, permitted) {
            (Some(Effect::Permit), _) if !names_all(rule, unit) => End::Silent,
            (Some(Effect::Permit), _) | (Some(Effect::Deny), true) => permit(),
            (Some(Effect::Deny), false) if root && !rule.children.is_empty() => End::Frame,
            (Some(Effect::Deny), false) => End::Deny,
            (None, _) if root => End::Frame,
            (None, _) => End::Silent,
        }
    }
}

/// A permit covers a unit only if it names every withheld class the unit has.
fn names_all(rule: &Rule, unit: &Unit) -> bool {
    rule.names.contains_all(unit.classes) && unit.labels.is_empty()
}
