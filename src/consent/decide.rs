//! May this unit leave, for this asker, now?
//!
//! The whole decision, in its order: scope, bar, self, records, same register, identity, plan, and
//! then each theme by itself. Source: `consent` 1.4, checked by the golden cases. [`Compiled`] answers
//! what is the same for every unit once; what remains for a unit is a fraction of a microsecond. A pure
//! function of its arguments: it reads no clock, no store and no JSON, and the order of lists is
//! nothing to it.

use std::{cell::OnceCell, sync::Arc};

use super::{
    asker::Asker,
    law::{self, Bar, Ground, Law, Representation},
    matching::Scene,
    period::Majority,
    policy::Policy,
    unit::{Slot, Sort, Unit, label::Themes},
    vote::{Vote, Voter, voters},
};
use crate::{
    domain::{moment::Moment, person::Named},
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
    /// Whom some of the units are about beside the person.
    pub members: Arc<[Member]>,
}

/// Somebody else whom units are about: everything of theirs that a decision reads. Who is named by a
/// unit and is not here permits nothing.
#[derive(Clone)]
pub struct Member {
    /// As units name them.
    pub named: Named,
    /// What is held of them.
    pub snapshot: Snapshot,
    /// The one who asks, before their data.
    pub asker: Asker,
    /// Their recorded stance as a minor.
    pub stance: Option<u8>,
}

impl Member {
    /// What is about several, as if it were this one's own.
    pub fn own(&self, unit: &Unit) -> Unit {
        Unit { members: Arc::default(), minor_stance: self.stance, ..unit.clone() }
    }
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

/// What permits what is about several beside what the person gave: of each of the others whom the unit
/// names, in that order.
pub type Theirs = Vec<Vec<Arc<str>>>;

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
    Compiled::new(snapshot, asker, now).decide(unit)
}

/// The decision for one asker at one instant, with everything answered that is the same for every
/// unit: what is left of the consents, of the law table and of the representations.
pub struct Compiled<'a> {
    scene: Scene<'a>,
    /// The bars that this asker has no role to pass.
    bars: Vec<&'a Bar>,
    /// Is somebody barred who the table has no row for?
    is_unlisted: bool,
    voters: Vec<Voter<'a>>,
    overriding: Vec<&'a Ground>,
    grounds: Vec<&'a Ground>,
    /// Under which the asker acts for the person.
    acting: Vec<&'a Representation>,
    /// The decisions of the others whom units are about.
    members: Vec<(&'a Member, Self)>,
    /// What of the other units goes without a look at its scope, once somebody asks.
    others: OnceCell<Vec<Option<Vec<Arc<str>>>>>,
}

impl<'a> Compiled<'a> {
    /// Answers what is the same for every unit.
    pub fn new(snapshot: &'a Snapshot, asker: &'a Asker, now: Moment) -> Self {
        let scene = Scene::new(snapshot, asker, now);
        let Law { grounds, bars, .. } = &*snapshot.law;
        let mut all = Vec::new();
        snapshot.policies.iter().for_each(|policy| voters(policy, scene, &mut all));
        let met = grounds.iter().filter(|ground| ground.is_met_by(asker, now));
        let (overriding, grounds) = met.partition(|ground| ground.overrides_prohibition);
        let acting = snapshot.representation.iter();
        Self {
            bars: bars.iter().filter(|bar| !asker.has_role(&bar.except_roles)).collect(),
            is_unlisted: snapshot.turvakielto && !bars.iter().any(|bar| bar.turvakielto),
            voters: all,
            overriding,
            grounds,
            acting: acting.filter(|by| by.is_valid(asker, &snapshot.patient, now)).collect(),
            members: snapshot
                .members
                .iter()
                .map(|member| (member, Self::new(&member.snapshot, &member.asker, now)))
                .collect(),
            others: OnceCell::new(),
            scene,
        }
    }

    /// Decides about one unit.
    pub fn decide(&self, unit: &Unit) -> Verdict {
        self.decide_in_order(unit, unit.slots())
    }

    /// The same, with what of the others' permits it: for their own records, and nobody else's eyes.
    pub fn decide_together(&self, unit: &Unit) -> (Verdict, Theirs) {
        if !self.is_in_scope(unit) {
            return (Verdict::deny(Why::Scope), Theirs::new());
        }
        self.agreed(unit, self.of_person(unit, unit.slots()))
    }

    /// Decides theme by theme in the order given: it settles which failing theme gives the `why`.
    pub(super) fn decide_in_order(
        &self,
        unit: &Unit,
        slots: impl Iterator<Item = Slot>,
    ) -> Verdict {
        if !self.is_in_scope(unit) {
            return Verdict::deny(Why::Scope);
        }
        self.agreed(unit, self.of_person(unit, slots)).0
    }

    /// What is about others too needs the permission of each, and each of them decides as if it were
    /// theirs. Nothing of what they gave is told in the verdict.
    fn agreed(&self, unit: &Unit, own: Verdict) -> (Verdict, Theirs) {
        if unit.members.is_empty() || !own.permit || mutant::on(Mutant::OthersAreNotAsked) {
            return (own, Theirs::new());
        }
        let theirs = unit.members.iter().map(|named| {
            let of = self.members.iter().find(|(member, _)| member.named == *named);
            let (member, decisions) = of.ok_or(Why::Default)?;
            let verdict = decisions.decide(&member.own(unit));
            if verdict.permit { Ok(verdict.basis) } else { Err(verdict.why) }
        });
        match theirs.collect() {
            Ok(theirs) => (own, theirs),
            Err(why) => (Verdict::deny(why), Theirs::new()),
        }
    }

    /// The decision as far as it is the person's own.
    fn of_person(&self, unit: &Unit, slots: impl Iterator<Item = Slot>) -> Verdict {
        if let Some(verdict) = self.first(unit) {
            return verdict;
        }
        match unit.sort {
            Sort::Identity => self.identity(),
            Sort::Plan if unit.themes.is_empty() => {
                self.plan(unit).unwrap_or_else(|| self.by_theme(unit, slots))
            }
            Sort::Item | Sort::Mention | Sort::Plan | Sort::Records => self.by_theme(unit, slots),
        }
    }

    fn is_in_scope(&self, unit: &Unit) -> bool {
        let asker = self.scene.asker;
        asker.scopes.covers(&unit.resource, asker.interaction)
    }

    /// The steps from bars to use in the same register, if one of them decides.
    fn first(&self, unit: &Unit) -> Option<Verdict> {
        let Scene { snapshot, asker, .. } = self.scene;
        if let Some(by) = self.barred(unit) {
            return Some(Verdict::forbid(Forbidden { why: Why::Bar, by }));
        }
        if asker.subject.as_ref() == Some(&snapshot.patient) {
            let own = Verdict::allow(Vec::new());
            return Some(Verdict { why: Why::SelfAccess, ..own });
        }
        if unit.sort == Sort::Records {
            return Some(self.records(unit));
        }
        let register = asker.care_relation && law::same_register(asker, unit);
        register.then(|| Verdict::allow(vec!["same-register".into()]))
    }

    /// The bars in the way; none of them is named where the table has no row for the person's own
    /// *turvakielto*.
    fn barred(&self, unit: &Unit) -> Option<Vec<Arc<str>>> {
        if self.bars.is_empty() && !self.is_unlisted {
            return None;
        }
        let Scene { snapshot, asker, .. } = self.scene;
        let is_self = asker.subject.as_ref() == Some(&snapshot.patient);
        let outside = !is_self && !asker.is_of(unit.custodian.as_ref());
        let stands = |bar: &&&Bar| {
            let listed = bar.persons.contains(&snapshot.patient);
            let person = listed || (bar.turvakielto && snapshot.turvakielto);
            bar.labels(unit) || (outside && person)
        };
        let by: Vec<_> = self.bars.iter().filter(stands).map(|bar| Arc::clone(&bar.id)).collect();
        ((outside && self.is_unlisted) || !by.is_empty()).then_some(by)
    }

    /// What no grant can name: for who gave it, for an officer, for the client that wrote it.
    fn records(&self, unit: &Unit) -> Verdict {
        let Scene { snapshot, asker, .. } = self.scene;
        let gave = unit.given_by.is_some() && unit.given_by == asker.subject;
        let wrote = unit.written_by.is_some()
            && (unit.written_by == asker.client || mutant::on(Mutant::WritersAreAlike));
        let officer = asker.has_role(&snapshot.law.officer_roles);
        let acting = self.acting.iter().filter(|_| gave).map(|by| by.id.clone());
        let basis: Vec<Arc<str>> = acting
            .chain(officer.then(|| "officer".into()))
            .chain(wrote.then(|| "writer".into()))
            .collect();
        if basis.is_empty() { Verdict::deny(Why::Default) } else { Verdict::allow(basis) }
    }

    /// What permits each of the other units that has themes and is no identity, scopes aside.
    fn others(&self) -> impl Iterator<Item = (&'a Unit, &Vec<Arc<str>>)> {
        let all = &self.scene.snapshot.others;
        let basis = self.others.get_or_init(|| {
            let permit = |unit: &Unit| {
                if unit.sort == Sort::Identity || unit.themes.is_empty() {
                    return None;
                }
                let own = self.first(unit).unwrap_or_else(|| self.by_theme(unit, unit.slots()));
                let (verdict, _) = self.agreed(unit, own);
                verdict.permit.then_some(verdict.basis)
            };
            all.iter().map(permit).collect()
        });
        all.iter().zip(basis).filter_map(|(unit, basis)| Some((unit, basis.as_ref()?)))
    }

    /// The Patient's identity goes with any themed unit of the person.
    fn identity(&self) -> Verdict {
        let basis = self.others().map(|(_, basis)| basis.clone()).reduce(union);
        basis.map_or_else(|| Verdict::deny(Why::Default), Verdict::allow)
    }

    /// A theme-less part of a plan goes with a themed unit of that plan, if it could go as such.
    fn plan(&self, unit: &Unit) -> Option<Verdict> {
        let of_plan = self.others().filter(|(other, _)| other.plan == unit.plan);
        let mut asked: Vec<Themes> = Vec::new();
        let mut basis = None;
        for (other, _) in of_plan.filter(|(other, _)| self.is_in_scope(other)) {
            if asked.contains(&other.themes) {
                continue;
            }
            asked.push(other.themes);
            let verdict = self.by_theme(unit, other.slots());
            if verdict.permit {
                basis = Some(union(basis.unwrap_or_default(), verdict.basis));
            }
        }
        basis.map(Verdict::allow)
    }

    /// Every theme must be allowed by itself.
    fn by_theme(&self, unit: &Unit, slots: impl Iterator<Item = Slot>) -> Verdict {
        let mut basis = Vec::new();
        for slot in slots {
            if let Err(forbidden) = self.theme(unit, slot, &mut basis) {
                return Verdict::forbid(forbidden);
            }
        }
        Verdict::allow(basis)
    }

    /// Declared law over prohibition over representation over other law over consent.
    fn theme(&self, unit: &Unit, slot: Slot, basis: &mut Vec<Arc<str>>) -> Result<(), Forbidden> {
        let Scene { snapshot, asker, now, .. } = self.scene;
        let before = basis.len();
        let of = |grounds: &[&'a Ground], basis: &mut Vec<Arc<str>>| {
            let permit = grounds.iter().filter(|ground| ground.permits_unit(asker, unit, slot));
            basis.extend(permit.map(|ground| Arc::clone(&ground.id)));
        };
        of(&self.overriding, basis);
        if basis.len() > before {
            return Ok(());
        }
        let mut by = Vec::new();
        for voter in &self.voters {
            match voter.vote(unit, slot) {
                Vote::Deny => by.push(Arc::clone(voter.id())),
                Vote::Permit => basis.push(Arc::clone(voter.id())),
                Vote::Silent => {}
            }
        }
        if !by.is_empty() {
            return Err(Forbidden { why: Why::Prohibition, by });
        }
        let consents = before..basis.len();
        // Of a minor, a guardian sees only what the minor's recorded stance lets be disclosed.
        let disclosed =
            || matches!(unit.minor_stance, Some(1 | 2)) || snapshot.majority.reached(now).is_true();
        let acting = self.acting.iter().filter(|by| by.covers(unit, slot) && disclosed());
        basis.extend(acting.map(|by| Arc::clone(&by.id)));
        if basis.len() == consents.end {
            of(&self.grounds, basis);
        }
        if basis.len() > consents.end {
            // What permits without them is said without them.
            basis.drain(consents);
        }
        if basis.len() > before {
            return Ok(());
        }
        Err(Forbidden { why: Why::Default, by: Vec::new() })
    }
}

fn union(mut all: Vec<Arc<str>>, more: Vec<Arc<str>>) -> Vec<Arc<str>> {
    all.extend(more);
    all
}
