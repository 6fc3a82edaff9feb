//! What one consent says of one theme of one unit.
//!
//! The walk over the rules, and what the consent's sort makes of it. Source: `consent` 1.4, *vote*,
//! *walk*, *applicable*. Unknown never helps a permit and never weakens a denial, so the least
//! certain reading of a tree permits no more than any reading of it would.

use super::{
    matching::{Recipient, Scene},
    policy::{Giver, Kind, Policy},
    rule::{Effect, Rule},
    tri::Tri,
    unit::{Slot, Unit},
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

/// Asks one policy. Every gateway on the way is a recipient too, but only for what is forbidden: as
/// a recipient it can turn a vote into a denial and into nothing else.
pub(super) fn vote(policy: &Policy, scene: Scene<'_>, unit: &Unit, slot: Slot) -> Vote {
    let own = say(policy, scene, unit, slot);
    if own == Vote::Deny || policy.kind == Kind::Grant {
        return own;
    }
    let through = scene.asker.through.iter().map(Recipient::Through);
    let mut said = through.map(|recipient| say(policy, Scene { recipient, ..scene }, unit, slot));
    if said.any(|vote| vote == Vote::Deny) { Vote::Deny } else { own }
}

fn say(policy: &Policy, scene: Scene<'_>, unit: &Unit, slot: Slot) -> Vote {
    let applies = applies(policy, scene);
    if applies == Tri::False {
        return Vote::Silent;
    }
    let undecidable = applies == Tri::Unknown;
    if policy.kind == Kind::Prohibition && undecidable {
        return if mutant::on(Mutant::UnknownPermits) { Vote::Silent } else { Vote::Deny };
    }
    match (policy.kind, walk(&policy.root, true, scene, unit, slot)) {
        (Kind::Prohibition, End::Deny | End::Frame) | (Kind::Foreign, End::Deny) => Vote::Deny,
        (Kind::Grant | Kind::Foreign, End::Permit) if !undecidable => Vote::Permit,
        (Kind::Prohibition | Kind::Grant | Kind::Foreign, _) => Vote::Silent,
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

fn walk(rule: &Rule, root: bool, scene: Scene<'_>, unit: &Unit, slot: Slot) -> End {
    let applies = rule.applies(scene, unit, slot);
    if applies == Tri::False || (applies == Tri::Unknown && mutant::on(Mutant::UnknownPermits)) {
        return End::Silent;
    }
    let mut permitted = false;
    for child in &rule.children {
        match walk(child, false, scene, unit, slot) {
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

/// A permit covers a unit only if it names every withheld class the unit has.
fn names_all(rule: &Rule, unit: &Unit) -> bool {
    rule.names.contains_all(unit.classes) && unit.labels.is_empty()
}
