//! The chart of a compartment: its kinds, and its resources by type, mapped on first touch.
//!
//! Pure. The first pass maps everything once to learn the kinds and keeps only those; a type's
//! resources are mapped again, and kept, when somebody asks for them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::{
    compartment::{Compartment, Recorded},
    directory::Directory,
    fhir::{
        labels::Labels,
        segment::{KindId, Resource},
        types::ResourceType,
    },
    mapping::{
        consent,
        context::{Context, Kinds, Origin},
        person, plan, provenance, survey,
    },
    unit::{Sort, Unit},
};

type Group = OnceLock<Box<[Arc<Resource>]>>;

/// Kinds and resources of a compartment.
pub struct Chart {
    kinds: Box<[Unit]>,
    others: Box<[Unit]>,
    groups: Box<[Group]>,
    interner: Mutex<Kinds>,
    directory: Arc<Directory>,
}

impl Chart {
    /// Learns the kinds of a compartment.
    pub fn new(compartment: &Compartment, directory: &Arc<Directory>) -> Self {
        let mut kinds = Kinds::default();
        // The identity kind is number 0 in every compartment: references to the person name it.
        Context::new(compartment, directory, &mut kinds, Origin::default()).identity_kind();
        for kind in ResourceType::ALL {
            map(compartment, directory, &mut kinds, *kind);
        }
        let mut of_plans: Vec<Unit> = Vec::new();
        for held in &compartment.plans {
            let context = Context::new(compartment, directory, &mut kinds, Origin::of_plan(held));
            of_plans.extend(context.themed_of_plan(held));
        }
        let is_themed = |k: &&Unit| k.sort == Sort::Item && !k.themes.is_empty();
        let mut others: Vec<Unit> = kinds.list().iter().filter(is_themed).cloned().collect();
        others.extend(of_plans);
        Self {
            kinds: kinds.list().into(),
            others: others.into(),
            groups: ResourceType::ALL.iter().map(|_| Group::new()).collect(),
            interner: Mutex::new(kinds),
            directory: Arc::clone(directory),
        }
    }

    /// The kinds, by number.
    pub fn kinds(&self) -> &[Unit] {
        &self.kinds
    }

    /// The units whose release lets the identity, and the theme-less parts of a plan, be released.
    pub fn others(&self) -> &[Unit] {
        &self.others
    }

    /// Labels of a kind.
    pub fn labels(&self, kind: KindId) -> Labels {
        self.kinds
            .get(usize::from(kind))
            .map_or_else(Labels::default, |k| Labels { themes: k.themes.known, classes: k.classes })
    }

    /// The resources of a type, in order of id.
    pub fn resources(&self, compartment: &Compartment, kind: ResourceType) -> &[Arc<Resource>] {
        let Some(group) = self.groups.get(kind as usize) else { return &[] };
        group.get_or_init(|| {
            let mut kinds = self.interner.lock().unwrap_or_else(PoisonError::into_inner);
            map(compartment, &self.directory, &mut kinds, kind)
        })
    }
}

fn map(
    compartment: &Compartment,
    directory: &Directory,
    kinds: &mut Kinds,
    kind: ResourceType,
) -> Box<[Arc<Resource>]> {
    let mut all = Vec::new();
    if let Some(held) = &compartment.person {
        let mut context = Context::new(compartment, directory, kinds, Origin::default());
        if kind == ResourceType::Patient {
            all.push(person::patient(held, &mut context));
        } else if kind == ResourceType::RelatedPerson {
            let of = &held.native.representation;
            all.extend(of.iter().map(|r| person::related(held, r, &mut context)));
        }
    }
    for held in &compartment.assessments {
        let mut context = Context::new(compartment, directory, kinds, Origin::of_assessment(held));
        if kind == ResourceType::QuestionnaireResponse {
            all.push(survey::response(held, &mut context));
        } else if kind == ResourceType::Observation {
            all.extend(survey::observations(held, &mut context));
        } else if kind == ResourceType::Provenance {
            all.push(provenance::of_assessment(held, &mut context));
        }
    }
    for held in &compartment.plans {
        let mut context = Context::new(compartment, directory, kinds, Origin::of_plan(held));
        if kind == ResourceType::Provenance {
            all.push(provenance::of_plan(held, &mut context));
        } else {
            all.extend(plan::resources(held, kind, &mut context));
        }
    }
    if kind == ResourceType::Consent {
        let mut context = Context::new(compartment, directory, kinds, Origin::default());
        let newest = |c: &&Recorded| {
            !compartment.consents.iter().any(|o| o.id == c.id && o.version > c.version)
        };
        let consents = compartment.consents.iter().filter(newest);
        all.extend(consents.map(|c| consent::resource(c, &mut context)));
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.into_iter().map(Arc::new).collect()
}
