//! What one reader may see of one person: a lens, nothing is copied.
//!
//! The only thing search, bundle and everything after them can read. Made by `release` alone.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use crate::{
    compartment::Compartment,
    consent::{
        release::{
            Decided,
            former::Today,
            together::{Concerned, Other},
        },
        sight::{Basis, Sight, Written},
    },
    domain::{identity::IdentityCode, moment::Moment, person::Named},
    fhir::{
        labels::Labels,
        segment::{KindId, MetaText, Permitted, Resource, Seen},
        types::ResourceType,
    },
    mapping::{chart::Chart, told::Told},
    mutant::{self, Mutant},
    query::{Filter, lens, page::Sealer},
    smart::label::LabelLimit,
};

/// One alternative of what granular scopes leave of a type.
#[derive(Clone)]
pub struct Reach {
    /// All must admit a segment.
    pub labels: Vec<LabelLimit>,
    /// All must hold of the resource as seen through `labels`.
    pub filters: Vec<Filter>,
}

/// What granular scopes leave of every type.
pub struct Reached {
    /// `None` is everything, else any of these. Types that are not in it are not reached.
    types: Vec<(ResourceType, Option<Vec<Reach>>)>,
    /// Does some granular scope limit any type?
    is_limited: bool,
}

impl Reached {
    pub(super) fn new(types: Vec<(ResourceType, Option<Vec<Reach>>)>) -> Self {
        let is_limited = types.iter().any(|(_, alternatives)| alternatives.is_some());
        Self { types, is_limited }
    }
}

/// What one reader may see of one person.
pub struct View {
    compartment: Arc<Compartment>,
    chart: Arc<Chart>,
    decided: Arc<Decided>,
    /// What the log says of the person, where that was asked for, of one type.
    told: Box<[Arc<Resource>]>,
    /// Whose consents decided, where that is not the compartment that is seen.
    today: Option<Arc<Compartment>>,
    /// Whom some of it is about beside the person.
    concerned: Arc<[Concerned]>,
}

impl View {
    pub(super) fn new(
        compartment: Arc<Compartment>,
        chart: Arc<Chart>,
        decided: Arc<Decided>,
        today: Option<Arc<Compartment>>,
    ) -> Self {
        let (told, concerned) = (Box::default(), Arc::default());
        Self { compartment, chart, decided, told, today, concerned }
    }

    /// The same where some of it is about others too.
    pub(super) fn about(self, concerned: Arc<[Concerned]>) -> Self {
        Self { concerned, ..self }
    }

    /// The others whom what is seen of a resource is about: what their own records say of it.
    pub fn others(&self, resource: &Resource, sight: &Sight) -> Vec<Other> {
        let of = |one: &Concerned| one.by(resource.kind, &sight.seen.kinds, &self.chart);
        self.concerned.iter().filter_map(of).collect()
    }

    /// Is something that is seen of the resource itself about somebody, by one of these names?
    pub fn is_about(&self, resource: &Resource, seen: &Seen, names: &[Named]) -> bool {
        let kinds = seen.kinds.iter().filter_map(|kind| self.chart.kinds().get(usize::from(*kind)));
        let mut own = kinds.filter(|kind| kind.of == resource.kind);
        own.any(|kind| self.chart.unit(kind).members.iter().any(|one| names.contains(one)))
    }

    /// When a permit last ended under which the reader could have seen more of the resource.
    pub fn ended(&self, today: &mut Today<'_>, sight: &Sight) -> Moment {
        today.ended(&self.chart, &sight.seen.kinds)
    }

    /// May the reader see what the log says of the person?
    pub fn shows_told(&self) -> bool {
        let is_reached = self.reach_of(ResourceType::AuditEvent).is_some();
        is_reached && self.decided.since(self.chart.told()).is_some()
    }

    /// The same with what the log says of the person.
    #[must_use]
    pub fn telling(&self, told: &[Told]) -> Arc<Self> {
        Arc::new(Self {
            compartment: Arc::clone(&self.compartment),
            chart: Arc::clone(&self.chart),
            decided: Arc::clone(&self.decided),
            today: self.today.clone(),
            concerned: Arc::clone(&self.concerned),
            told: self.chart.telling(&self.compartment, told),
        })
    }

    /// Id of the Patient.
    pub fn patient(&self) -> &str {
        &self.compartment.patient
    }

    /// Whose audit record and key an answer needs.
    pub fn audit_key(&self) -> (&Arc<str>, [u8; 32]) {
        (&self.compartment.patient, self.compartment.audit_key)
    }

    /// The person's identity code; for handles, never for an answer.
    pub fn identity_code(&self) -> Option<&IdentityCode> {
        self.compartment.person.as_ref()?.native.identity_code.as_ref()
    }

    /// The resources of a type that the scopes reach; whether one exists says [`View::look`].
    pub fn resources(&self, kind: ResourceType) -> &[Arc<Resource>] {
        match self.reach_of(kind) {
            Some(_) if self.tells_of(kind) => &self.told,
            Some(_) => self.chart.resources(&self.compartment, kind),
            None => &[],
        }
    }

    /// Is what is seen of a type what the log says?
    fn tells_of(&self, kind: ResourceType) -> bool {
        self.told.first().is_some_and(|one| one.kind == kind)
    }

    /// May anything of a type be seen, whatever of it the scopes choose?
    pub fn permits(&self, of: ResourceType) -> bool {
        let kinds = self.chart.kinds().iter().zip(0..);
        self.reach_of(of).is_some()
            && kinds
                .filter(|(kind, _)| kind.of == of)
                .any(|(_, id)| self.decided.since(id).is_some())
    }

    /// What exists of a resource for the reader. A compartment never changes, so under the same
    /// decisions the same is seen, and it is looked at once; the log grows, so what it says is looked at
    /// anew.
    pub fn look(&self, resource: &Resource) -> Option<Arc<Sight>> {
        if self.tells_of(resource.kind) {
            return self.look_anew(resource);
        }
        if let Some(known) = self.decided.sights.of(resource) {
            return known;
        }
        let sight = self.look_anew(resource);
        let grown = self.decided.sights.keep(resource, sight.clone());
        self.compartment.derived.grew(grown);
        sight
    }

    fn look_anew(&self, resource: &Resource) -> Option<Arc<Sight>> {
        self.lens(resource).and_then(|lens| resource.look(&lens)).map(|seen| {
            let whole = || self.lens(resource).and_then(|lens| resource.look(&lens));
            let labelled = mutant::on(Mutant::LabelsOverAll)
                .then(|| mutant::careless(Mutant::LabelsOverAll, whole))
                .flatten();
            let labels = self.labels(labelled.as_ref().unwrap_or(&seen));
            let basis = self.basis(&seen);
            Arc::new(Sight::new(seen, labels, basis))
        })
    }

    /// The times that what the reader sees of a resource has, of each segment its own.
    pub fn times(&self, resource: &Resource) -> Vec<Moment> {
        self.lens(resource).map(|lens| resource.times(&lens).collect()).unwrap_or_default()
    }

    /// The bytes of a resource as the reader sees it.
    pub fn written(&self, resource: &Resource, sight: &Sight, sealer: &dyn Sealer) -> Written {
        let write = |meta: &MetaText<'_>, out: &mut String| {
            if let Some(lens) = self.lens(resource) {
                resource.write(&lens, &sight.seen, meta, out);
            }
        };
        Written::new(write, sight, sealer)
    }

    /// The instants at which the same reader sees the same.
    pub fn holds(&self) -> Range<Moment> {
        self.decided.holds()
    }

    fn labels(&self, seen: &Seen) -> Labels {
        seen.kinds
            .iter()
            .map(|kind| self.chart.labels(*kind))
            .fold(Labels::default(), Labels::union)
    }

    /// What permits what is seen, each once: ids of consents with their versions, ids of grounds.
    fn basis(&self, seen: &Seen) -> Box<[Basis]> {
        let all: BTreeSet<&Arc<str>> =
            seen.kinds.iter().flat_map(|kind| self.decided.basis(*kind)).collect();
        all.into_iter().map(|id| (Arc::clone(id), self.consent_version(id))).collect()
    }

    /// The number of a Consent's version, where it is one of the person's.
    pub fn consent_version(&self, id: &str) -> Option<u64> {
        self.today.as_ref().unwrap_or(&self.compartment).consent_version(id)
    }

    fn reach_of(&self, kind: ResourceType) -> Option<&Option<Vec<Reach>>> {
        self.decided.reach.types.iter().find(|(of, _)| *of == kind).map(|(_, reach)| reach)
    }

    /// May a reference to a segment of another type show? Where scopes choose whole resources of
    /// that type, whether they chose this one is not known here, so it does not.
    fn elsewhere(&self, of: ResourceType, admits: impl Fn(&Vec<LabelLimit>) -> bool) -> bool {
        let reach = self.decided.reach.types.iter().find(|(kind, _)| *kind == of);
        reach.is_some_and(|(_, alternatives)| {
            alternatives.as_ref().is_none_or(|any| {
                any.iter().any(|reach| reach.filters.is_empty() && admits(&reach.labels))
            })
        })
    }

    /// The lens through which a resource is seen: its segments that some alternative admits whose
    /// filters hold of the resource as that alternative shows it.
    pub fn lens(&self, resource: &Resource) -> Option<Lens<'_>> {
        match self.reach_of(resource.kind)? {
            None => Some(Lens { view: self, of: resource.kind, admitted: None }),
            Some(alternatives) => {
                let holds = |reach: &&Reach| {
                    let admitted = Some(vec![&reach.labels]);
                    let lens = Lens { view: self, of: resource.kind, admitted };
                    let meets = || {
                        resource.look(&lens).is_some_and(|seen| {
                            let labels = self.labels(&seen);
                            reach
                                .filters
                                .iter()
                                .all(|filter| lens::meets(&lens, resource, &seen, labels, filter))
                        })
                    };
                    mutant::careless(Mutant::ScopeFiltersSeeHidden, meets)
                };
                let admitted: Vec<&Vec<LabelLimit>> =
                    alternatives.iter().filter(holds).map(|reach| &reach.labels).collect();
                let is_empty = admitted.is_empty();
                let lens = || Lens { view: self, of: resource.kind, admitted: Some(admitted) };
                (!is_empty).then(lens)
            }
        }
    }
}

/// A view through what the scopes admit of one resource.
pub struct Lens<'a> {
    view: &'a View,
    /// Type of the resource that is looked at.
    of: ResourceType,
    /// `None` admits every label; else one of these lists must admit a segment.
    admitted: Option<Vec<&'a Vec<LabelLimit>>>,
}

impl Permitted for Lens<'_> {
    fn since(&self, kind: KindId) -> Option<Moment> {
        if mutant::is_careless() {
            return Some(Moment::MIN);
        }
        let since = self.view.decided.since(kind)?;
        if !self.view.decided.reach.is_limited {
            return Some(since);
        }
        let chart = &self.view.chart;
        let (labels, of) = (chart.labels(kind), chart.kinds().get(usize::from(kind))?.of);
        let admits = |list: &Vec<LabelLimit>| {
            list.iter().all(|limit| limit.admits(labels.themes, labels.classes))
        };
        let admitted = if of == self.of {
            self.admitted.as_ref().is_none_or(|any| any.iter().any(|list| admits(list)))
        } else {
            self.view.elsewhere(of, admits)
        };
        admitted.then_some(since)
    }
}
