//! The chart of a compartment: its kinds, and its resources by type, mapped on first touch.
//!
//! Pure. First the kinds are met, and only those are kept: assessments and Consents, of which there may be
//! many, tell them alone, the rest is mapped without text. A type's resources are mapped, and kept, when
//! somebody asks for them; a kind that was not met before is released to nobody.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::{
    compartment::{Compartment, Recorded},
    directory::Directory,
    error::Result,
    fhir::{
        labels::Labels,
        segment::{KindId, Resource},
        types::ResourceType,
    },
    mapping::{
        consent,
        context::Context,
        kept::{self, Everything},
        kinds::{Kind, Kinds, Origin},
        person, plan, provenance, survey,
        told::{self, Told},
    },
    unit::{Sort, Unit},
};

type Group = OnceLock<Box<[Arc<Resource>]>>;

/// Kinds and resources of a compartment.
pub struct Chart {
    kinds: Kinds,
    /// The themed parts of plans, as parts of their plans.
    of_plans: Box<[Kind]>,
    /// The kind of what the log says.
    told: KindId,
    groups: Box<[Group]>,
    directory: Arc<Directory>,
}

impl Chart {
    /// Was it made with this directory?
    pub fn is_of(&self, directory: &Arc<Directory>) -> bool {
        Arc::ptr_eq(&self.directory, directory)
    }

    /// Learns the kinds of a compartment.
    pub fn new(compartment: &Compartment, directory: &Arc<Directory>) -> Self {
        let mut kinds = Kinds::new(compartment);
        // The identity kind is number 0 in every compartment: references to the person name it.
        let mut context = Context::new(compartment, directory, &mut kinds, Origin::default());
        context.identity_kind();
        let told = context.record_kind(ResourceType::AuditEvent, None, None);
        meet(compartment, directory, &mut kinds);
        let mut of_plans = Vec::new();
        for held in &compartment.plans {
            let origin = Origin::of_plan(held, compartment.limits);
            let mut context = Context::new(compartment, directory, &mut kinds, origin);
            of_plans.extend(context.themed_of_plan(held));
        }
        Self {
            kinds: kinds.complete(),
            of_plans: of_plans.into(),
            told,
            groups: ResourceType::ALL.iter().map(|_| Group::new()).collect(),
            directory: Arc::clone(directory),
        }
    }

    /// Bytes it takes in memory before anything was asked for.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>()
            + self.kinds.weight()
            + size_of_val(&*self.of_plans)
            + size_of_val(&*self.groups)
    }

    /// The kinds, by number.
    pub fn kinds(&self) -> &[Kind] {
        self.kinds.list()
    }

    /// A kind as a decision reads it.
    pub fn unit(&self, kind: &Kind) -> Unit {
        self.kinds.unit(kind)
    }

    /// What a piece of these labels in a resource of this type would be to a decision, from each of at
    /// most `most` of the origins that documents here have.
    pub fn supposed(
        &self,
        of: ResourceType,
        labels: Labels,
        most: usize,
    ) -> impl Iterator<Item = Unit> {
        self.kinds.supposed(of, (labels.themes, labels.classes), most)
    }

    /// The units whose release lets the identity, and the theme-less parts of a plan, be released.
    pub fn others(&self) -> Vec<Unit> {
        let is_themed = |k: &&Kind| k.sort == Sort::Item && !k.themes.is_empty();
        let themed = self.kinds().iter().filter(is_themed);
        themed.chain(&self.of_plans).map(|kind| self.unit(kind)).collect()
    }

    /// Labels of a kind.
    pub fn labels(&self, kind: KindId) -> Labels {
        self.kinds()
            .get(usize::from(kind))
            .map_or_else(Labels::default, |k| Labels { themes: k.themes, classes: k.classes })
    }

    /// All of a resource as it comes out, with its labels, and the kinds it is of; nothing of what has no
    /// content.
    ///
    /// # Errors
    /// As [`kept::written`].
    pub fn whole(&self, resource: &Resource) -> Result<Option<(Value, Vec<KindId>)>> {
        let Some(seen) = resource.look(&Everything) else { return Ok(None) };
        let labels = seen.kinds.iter().map(|kind| self.labels(*kind));
        let labels = labels.fold(Labels::default(), Labels::union);
        let written = kept::written(resource, &Everything, &seen, labels)?;
        Ok(Some((written, seen.kinds)))
    }

    /// The kind of what the log says of the person.
    pub const fn told(&self) -> KindId {
        self.told
    }

    /// The resources of what the log says, in order of id.
    pub fn telling(&self, compartment: &Compartment, all: &[Told]) -> Box<[Arc<Resource>]> {
        let mut kinds = self.kinds.clone();
        let context = Context::new(compartment, &self.directory, &mut kinds, Origin::default());
        let mut told: Vec<Resource> =
            all.iter().map(|one| told::resource(one, self.told, &context)).collect();
        told.sort_by(|a, b| a.id.cmp(&b.id));
        told.into_iter().map(Arc::new).collect()
    }

    /// The resources of a type, in order of id.
    pub fn resources(&self, compartment: &Compartment, kind: ResourceType) -> &[Arc<Resource>] {
        let Some(group) = self.groups.get(kind as usize) else { return &[] };
        group.get_or_init(|| {
            // All of its kinds are known: what is met again gets the number it has.
            let mut kinds = self.kinds.clone();
            let all = map(compartment, &self.directory, &mut kinds, kind);
            compartment.derived.grew(all.iter().map(|resource| resource.weight()).sum());
            all
        })
    }
}

/// Meets every kind of what a compartment is mapped to.
fn meet(compartment: &Compartment, directory: &Directory, kinds: &mut Kinds) {
    for held in &compartment.assessments {
        let origin = Origin::of_assessment(held, compartment.limits);
        survey::meet(held, &mut Context::new(compartment, directory, kinds, origin));
    }
    let mut context = Context::new(compartment, directory, kinds, Origin::default());
    newest(compartment).for_each(|held| consent::meet(held, &mut context));
    for kind in ResourceType::ALL {
        of_person(compartment, directory, kinds, *kind);
        of_plans(compartment, directory, kinds, *kind);
    }
}

/// The resources of a type, in order of id.
fn map(
    compartment: &Compartment,
    directory: &Directory,
    kinds: &mut Kinds,
    kind: ResourceType,
) -> Box<[Arc<Resource>]> {
    let mut all = of_person(compartment, directory, kinds, kind);
    for held in &compartment.assessments {
        let origin = Origin::of_assessment(held, compartment.limits);
        let mut context = Context::new(compartment, directory, kinds, origin);
        if kind == ResourceType::QuestionnaireResponse {
            all.push(survey::response(held, &mut context));
        } else if kind == ResourceType::Observation {
            all.extend(survey::observations(held, &mut context));
        } else if kind == ResourceType::Provenance {
            all.push(provenance::of_assessment(held, &mut context));
        }
    }
    all.extend(of_plans(compartment, directory, kinds, kind));
    let mut context = Context::new(compartment, directory, kinds, Origin::default());
    if kind == ResourceType::Consent {
        all.extend(newest(compartment).map(|c| consent::resource(c, &mut context)));
    } else if kind == ResourceType::Provenance {
        all.extend(newest(compartment).filter_map(|c| provenance::of_consent(c, &mut context)));
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.into_iter().map(Arc::new).collect()
}

/// The newest version of each Consent.
fn newest(compartment: &Compartment) -> impl Iterator<Item = &Recorded> {
    // They are in order of id and version.
    let of_one = compartment.consents.chunk_by(|a, b| a.id == b.id);
    of_one.filter_map(<[Recorded]>::last)
}

fn of_person(
    compartment: &Compartment,
    directory: &Directory,
    kinds: &mut Kinds,
    kind: ResourceType,
) -> Vec<Resource> {
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
    all
}

fn of_plans(
    compartment: &Compartment,
    directory: &Directory,
    kinds: &mut Kinds,
    kind: ResourceType,
) -> Vec<Resource> {
    let mut all = Vec::new();
    for held in &compartment.plans {
        let origin = Origin::of_plan(held, compartment.limits);
        let mut context = Context::new(compartment, directory, kinds, origin);
        if kind == ResourceType::Provenance {
            all.push(provenance::of_plan(held, &mut context));
        } else {
            all.extend(plan::resources(held, kind, &mut context));
        }
    }
    all
}
