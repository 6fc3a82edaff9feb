//! May this unit leave, for this asker, now?
//!
//! The whole decision, in its order: scope, bar, self, records, same register, identity, plan, and
//! then each theme by itself. Source: `consent` 1.4, checked by the golden cases. A pure function
//! of its arguments: it reads no clock, no store and no JSON, and the order of lists is nothing
//! to it.

use std::sync::Arc;

use super::{
    asker::Asker,
    law::{self, Bar, Ground, Law, Representation},
    matching::Scene,
    period::Majority,
    policy::Policy,
    unit::{Slot, Sort, Unit},
    vote::{Vote, vote},
};
use crate::{
    domain::moment::Moment,
    mutant::{self, Mutant},
};

/// Everything held of one person that a decision reads; made when the person's data is loaded.
#[derive(Clone)]
pub struct Snapshot {
    /// `Type/id` of the person.
    pub patient: Arc<str>,
    /// When the person comes of age.
    pub majority: Majority,
    /// Does the person's record say *turvakielto*?
    pub turvakielto: bool,
    /// The law table.
    pub law: Arc<Law>,
    /// Every stored version of every consent.
    pub policies: Arc<[Policy]>,
    /// Who may act for the person.
    pub representation: Vec<Representation>,
    /// The units of the person at this node: for `identity`, for theme-less parts of a plan, and
    /// for what a consent names as related.
    pub others: Vec<Unit>,
}

/// Which step decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Permitted: by register, ground, representation, consent, or the rule of its sort.
    Allowed,
    /// Denied: by an absolute bar.
    Bar,
    /// Denied: nothing allows it.
    Default,
    /// Denied: a consent forbids it and no declared ground overrides that.
    Prohibition,
    /// Denied: no scope of the token covers resource type and interaction.
    Scope,
    /// Permitted: the asker is the person.
    SelfAccess,
}

/// A decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// May it leave?
    pub permit: bool,
    /// Which step decided.
    pub why: Why,
    /// Sorted ids of the consents, grounds and representations that permit, or `same-register`,
    /// `officer`, `writer`; empty in a denial and for the person.
    pub basis: Vec<Arc<str>>,
    /// Sorted ids of the bars or consents that forbid; empty unless one of these steps decided.
    pub against: Vec<Arc<str>>,
}

impl Verdict {
    fn deny(why: Why) -> Self {
        Self { permit: false, why, basis: Vec::new(), against: Vec::new() }
    }

    fn forbid(Forbidden { why, by }: Forbidden) -> Self {
        Self { against: each_once(by), ..Self::deny(why) }
    }

    fn allow(basis: Vec<Arc<str>>) -> Self {
        let basis = each_once(basis);
        Self { permit: true, why: Why::Allowed, basis, against: Vec::new() }
    }
}

/// Why a theme is not allowed, and what forbids it.
struct Forbidden {
    why: Why,
    by: Vec<Arc<str>>,
}

fn each_once(mut ids: Vec<Arc<str>>) -> Vec<Arc<str>> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Decides at the instant of the request.
pub fn decide(snapshot: &Snapshot, asker: &Asker, unit: &Unit) -> Verdict {
    decide_at(snapshot, asker, unit, asker.now)
}

/// Decides as it would have been, or will be, decided at `now`.
pub fn decide_at(snapshot: &Snapshot, asker: &Asker, unit: &Unit, now: Moment) -> Verdict {
    decide_in_order(Scene::new(snapshot, asker, now), unit, unit.slots())
}

/// Decides theme by theme in the order given: it settles which failing theme gives the `why`.
pub(super) fn decide_in_order(
    scene: Scene<'_>,
    unit: &Unit,
    slots: impl Iterator<Item = Slot>,
) -> Verdict {
    let asker = scene.asker;
    if !asker.scopes.covers(&unit.resource, asker.interaction) {
        return Verdict::deny(Why::Scope);
    }
    beyond_scope(scene, unit, slots)
}

/// Every step but the first.
fn beyond_scope(scene: Scene<'_>, unit: &Unit, slots: impl Iterator<Item = Slot>) -> Verdict {
    let Scene { snapshot, asker, .. } = scene;
    if let Some(by) = barred(scene, unit) {
        return Verdict::forbid(Forbidden { why: Why::Bar, by });
    }
    if asker.subject.as_ref() == Some(&snapshot.patient) {
        return Verdict { permit: true, why: Why::SelfAccess, ..Verdict::allow(Vec::new()) };
    }
    if unit.sort == Sort::Records {
        return records(scene, unit);
    }
    if asker.care_relation && law::same_register(asker, unit) {
        return Verdict::allow(vec!["same-register".into()]);
    }
    match unit.sort {
        Sort::Identity => identity(scene),
        Sort::Plan if unit.themes.is_empty() => {
            plan(scene, unit).unwrap_or_else(|| by_theme(scene, unit, slots))
        }
        Sort::Item | Sort::Mention | Sort::Plan | Sort::Records => by_theme(scene, unit, slots),
    }
}

/// The bars in the way; none of them is named where the table has no row for the person's own
/// *turvakielto*.
fn barred(scene: Scene<'_>, unit: &Unit) -> Option<Vec<Arc<str>>> {
    let Scene { snapshot, asker, .. } = scene;
    let outside =
        asker.subject.as_ref() != Some(&snapshot.patient) && !asker.is_of(unit.custodian.as_ref());
    let bars = &snapshot.law.bars;
    let unlisted = snapshot.turvakielto && !bars.iter().any(|bar| bar.turvakielto);
    let stands = |bar: &&Bar| {
        let person =
            bar.persons.contains(&snapshot.patient) || (bar.turvakielto && snapshot.turvakielto);
        (bar.labels(unit) || (outside && person)) && !asker.has_role(&bar.except_roles)
    };
    let by: Vec<_> = bars.iter().filter(stands).map(|bar| Arc::clone(&bar.id)).collect();
    ((outside && unlisted) || !by.is_empty()).then_some(by)
}

/// What no grant can name: for who gave it, for an officer, for the client that wrote it.
fn records(scene: Scene<'_>, unit: &Unit) -> Verdict {
    let Scene { snapshot, asker, now, .. } = scene;
    let gave = unit.given_by.is_some() && unit.given_by == asker.subject;
    let wrote = unit.written_by.is_some()
        && (unit.written_by == asker.client || mutant::on(Mutant::WritersAreAlike));
    let officer = asker.has_role(&snapshot.law.officer_roles);
    let representations = snapshot.representation.iter();
    let basis: Vec<Arc<str>> = representations
        .filter(|by| gave && by.is_valid(asker, &snapshot.patient, now))
        .map(|by| by.id.clone())
        .chain(officer.then(|| "officer".into()))
        .chain(wrote.then(|| "writer".into()))
        .collect();
    if basis.is_empty() { Verdict::deny(Why::Default) } else { Verdict::allow(basis) }
}

/// The Patient's identity goes with any themed unit of the person.
fn identity(scene: Scene<'_>) -> Verdict {
    let basis = scene
        .snapshot
        .others
        .iter()
        .filter(|other| other.sort != Sort::Identity && !other.themes.is_empty())
        .map(|other| beyond_scope(scene, other, other.slots()))
        .filter(|verdict| verdict.permit)
        .map(|verdict| verdict.basis)
        .reduce(union);
    basis.map_or_else(|| Verdict::deny(Why::Default), Verdict::allow)
}

/// A theme-less part of a plan goes with a themed unit of that plan, if it could go as such.
fn plan(scene: Scene<'_>, unit: &Unit) -> Option<Verdict> {
    let others = scene.snapshot.others.iter();
    let basis = others
        .filter(|other| other.sort != Sort::Identity && !other.themes.is_empty())
        .filter(|other| other.plan == unit.plan)
        .filter(|other| decide_in_order(scene, other, other.slots()).permit)
        .map(|other| by_theme(scene, unit, other.slots()))
        .filter(|verdict| verdict.permit)
        .map(|verdict| verdict.basis)
        .reduce(union);
    basis.map(Verdict::allow)
}

fn union(mut all: Vec<Arc<str>>, more: Vec<Arc<str>>) -> Vec<Arc<str>> {
    all.extend(more);
    all
}

/// Every theme must be allowed by itself.
fn by_theme(scene: Scene<'_>, unit: &Unit, slots: impl Iterator<Item = Slot>) -> Verdict {
    let mut basis = Vec::new();
    for slot in slots {
        if let Err(forbidden) = theme(scene, unit, slot, &mut basis) {
            return Verdict::forbid(forbidden);
        }
    }
    Verdict::allow(basis)
}

/// Declared law over prohibition over representation over other law over consent.
fn theme(
    scene: Scene<'_>,
    unit: &Unit,
    slot: Slot,
    basis: &mut Vec<Arc<str>>,
) -> Result<(), Forbidden> {
    let Scene { snapshot, asker, now, .. } = scene;
    let before = basis.len();
    let grounds = |overriding: bool| {
        let of = move |ground: &&Ground| ground.overrides_prohibition == overriding;
        let permits = move |ground: &&Ground| ground.permits(asker, unit, slot, now);
        snapshot.law.grounds.iter().filter(of).filter(permits).map(|ground| ground.id.clone())
    };
    basis.extend(grounds(true));
    if basis.len() > before {
        return Ok(());
    }
    let (mut consents, mut by) = (Vec::new(), Vec::new());
    for policy in &*snapshot.policies {
        match vote(policy, scene, unit, slot) {
            Vote::Deny => by.push(Arc::clone(&policy.id)),
            Vote::Permit => consents.push(&policy.id),
            Vote::Silent => {}
        }
    }
    if !by.is_empty() {
        return Err(Forbidden { why: Why::Prohibition, by });
    }
    basis.extend(represented(scene, unit, slot));
    if basis.len() == before {
        basis.extend(grounds(false));
    }
    if basis.len() == before {
        basis.extend(consents.into_iter().cloned());
    }
    if basis.len() > before {
        return Ok(());
    }
    Err(Forbidden { why: Why::Default, by: Vec::new() })
}

/// Of a minor, a guardian sees only what the minor's recorded stance lets be disclosed.
fn represented<'a>(
    scene: Scene<'a>,
    unit: &'a Unit,
    slot: Slot,
) -> impl Iterator<Item = Arc<str>> + 'a {
    let Scene { snapshot, asker, now, .. } = scene;
    let disclosed =
        snapshot.majority.reached(now).is_true() || matches!(unit.minor_stance, Some(1 | 2));
    let representations = snapshot.representation.iter();
    representations
        .filter(move |by| disclosed && by.is_valid(asker, &snapshot.patient, now))
        .filter(move |by| by.covers(unit, slot))
        .map(|by| by.id.clone())
}
