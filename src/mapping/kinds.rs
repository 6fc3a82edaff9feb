//! The kinds of a compartment: every distinct tuple of what a decision reads, in a few bytes each.
//!
//! Pure. A kind names its document's origin, its plan and its writer by number, since a person has a
//! few dozen kinds and they are kept as long as the compartment; the [`Unit`] a decision reads is put
//! together when somebody is decided about. Source: the design's labelled segments.

use std::sync::Arc;

use crate::{
    compartment::{Compartment, Held, Limits},
    domain::{
        assessment::{Assessment, Register},
        class::{Class, ClassSet},
        person::{MinorStance, Named},
        plan::Plan,
        theme::ThemeSet,
    },
    fhir::{segment::KindId, types::ResourceType},
    unit::{
        Sort, Unit,
        label::{Confidentiality, Themes},
        period::Span,
    },
};

/// Where a document comes from, as far as decisions about this person read it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    /// Register, service task, sector.
    register: Option<Register>,
    /// Document the parts belong to, where single documents are mentioned.
    document: Option<Arc<str>>,
    /// Time of the data, where times are mentioned.
    date: Option<Span>,
}

impl Origin {
    /// Of an assessment.
    pub fn of_assessment(held: &Held<Assessment>, limits: Limits) -> Self {
        let date = || Span::parse(&held.native.authored.to_string());
        Self::of(held.native.register.as_ref(), &held.id, date, limits)
    }

    /// Of a plan.
    pub fn of_plan(held: &Held<Plan>, limits: Limits) -> Self {
        let date = || Span::parse(&held.native.created.to_string());
        Self::of(held.native.register.as_ref(), &held.id, date, limits)
    }

    fn of(
        register: Option<&Register>,
        id: &Arc<str>,
        date: impl FnOnce() -> Option<Span>,
        limits: Limits,
    ) -> Self {
        Self {
            register: register.cloned(),
            document: limits.by_instance.then(|| Arc::clone(id)),
            date: limits.by_time.then(date).flatten(),
        }
    }
}

/// Who gave a record, and which client wrote it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Source {
    given_by: Option<Arc<str>>,
    written_by: Option<Arc<str>>,
}

/// One kind; what it names by number stands in its [`Kinds`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kind {
    /// Its sort.
    pub sort: Sort,
    /// Type of the resource it belongs to.
    pub of: ResourceType,
    /// Its themes.
    pub themes: ThemeSet,
    /// Its withheld classes.
    pub classes: ClassSet,
    origin: u16,
    source: u16,
    plan: u16,
    members: u16,
}

impl Kind {
    pub(super) const fn labelled(self, themes: ThemeSet, classes: ClassSet) -> Self {
        Self { themes, classes, ..self }
    }
}

/// The kinds of a compartment, each once, in the order they were met.
#[derive(Clone)]
pub struct Kinds {
    list: Vec<Kind>,
    origins: Vec<Origin>,
    sources: Vec<Source>,
    /// Documents of plans; that of no plan is empty.
    plans: Vec<Arc<str>>,
    /// Others whom something is about; nobody first.
    members: Vec<Arc<[Named]>>,
    custodian: Arc<str>,
    stance: Option<MinorStance>,
    is_complete: bool,
}

impl Kinds {
    /// None yet.
    pub fn new(compartment: &Compartment) -> Self {
        let person = compartment.person.as_ref();
        Self {
            list: Vec::new(),
            origins: Vec::new(),
            sources: vec![Source::default()],
            plans: vec![Arc::default()],
            members: vec![Arc::default()],
            custodian: Arc::clone(&compartment.custodian),
            stance: person.and_then(|p| p.native.minor_stance),
            is_complete: false,
        }
    }

    /// The number of an origin.
    pub(super) fn origin(&mut self, origin: Origin) -> u16 {
        number(&mut self.origins, origin)
    }

    /// A kind without themes and classes, from a document of this origin.
    pub(super) fn plain(sort: Sort, of: ResourceType, origin: u16) -> Kind {
        let (themes, classes) = (ThemeSet::EMPTY, ClassSet::EMPTY);
        Kind { sort, of, themes, classes, origin, source: 0, plan: 0, members: 0 }
    }

    /// The same as a part of a plan.
    pub(super) fn in_plan(&mut self, plan: &Held<Plan>, kind: Kind) -> Kind {
        Kind { plan: number(&mut self.plans, Arc::clone(&plan.id)), ..kind }
    }

    /// The same about others too.
    pub(super) fn about(&mut self, members: Arc<[Named]>, kind: Kind) -> Kind {
        Kind { members: number(&mut self.members, members), ..kind }
    }

    /// The same as given and written by somebody.
    pub(super) fn by(
        &mut self,
        given_by: Option<Arc<str>>,
        written_by: Option<Arc<str>>,
        kind: Kind,
    ) -> Kind {
        Kind { source: number(&mut self.sources, Source { given_by, written_by }), ..kind }
    }

    /// The number of a kind.
    pub(super) fn intern(&mut self, kind: Kind) -> KindId {
        number(&mut self.list, kind)
    }

    /// All, by number.
    pub fn list(&self) -> &[Kind] {
        &self.list
    }

    /// A kind as a decision reads it.
    pub fn unit(&self, kind: &Kind) -> Unit {
        let mut unit = Unit::new(kind.sort, kind.of.name());
        let origin = self.origins.get(usize::from(kind.origin));
        let source = self.sources.get(usize::from(kind.source));
        let plan = self.plans.get(usize::from(kind.plan)).filter(|plan| !plan.is_empty());
        let register = origin.and_then(|o| o.register.as_ref());
        unit.themes = Themes { known: kind.themes, unknown: false };
        unit.confidentiality =
            Some(if sensitive(kind.classes) { Confidentiality::R } else { Confidentiality::N });
        unit.classes = kind.classes;
        unit.custodian = Some(Arc::clone(&self.custodian));
        unit.register = register.map(|r| r.code.shared());
        unit.service_task = register.and_then(|r| Some(r.service_task.as_ref()?.shared()));
        unit.sector = register.and_then(|r| Some(r.sector.as_ref()?.shared()));
        unit.minor_stance = self.stance.map(MinorStance::code);
        unit.date = origin.and_then(|o| o.date);
        let document = origin.and_then(|o| o.document.as_ref());
        unit.id = document.map(|id| format!("{}/{id}", kind.of.name()).into());
        unit.given_by = source.and_then(|s| s.given_by.clone());
        unit.written_by = source.and_then(|s| s.written_by.clone());
        unit.plan = plan.map(|id| format!("CarePlan/{id}").into());
        unit.members = self.members.get(usize::from(kind.members)).cloned().unwrap_or_default();
        unit
    }

    /// What a piece of these labels would be to a decision: one unit for each origin that documents
    /// here have, at most `most`; without documents, one of which no origin is known.
    pub(super) fn supposed(
        &self,
        of: ResourceType,
        (themes, classes): (ThemeSet, ClassSet),
        most: usize,
    ) -> impl Iterator<Item = Unit> {
        let numbers = (0..self.origins.len()).filter_map(|at| u16::try_from(at).ok());
        let blank = Origin::default();
        let known = |at: &u16| self.origins.get(usize::from(*at)).is_some_and(|o| *o != blank);
        let from_documents: Vec<u16> = numbers.filter(known).take(most).collect();
        let origins = if from_documents.is_empty() { vec![u16::MAX] } else { from_documents };
        let kind = move |origin| Self::plain(Sort::Item, of, origin).labelled(themes, classes);
        origins.into_iter().map(move |origin| self.unit(&kind(origin)))
    }

    /// No more are met: everything was mapped once.
    pub(super) fn complete(mut self) -> Self {
        self.list.shrink_to_fit();
        self.origins.shrink_to_fit();
        self.sources.shrink_to_fit();
        self.plans.shrink_to_fit();
        self.members.shrink_to_fit();
        self.is_complete = true;
        self
    }

    /// Are all of them known?
    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Bytes it takes in memory, with what it alone holds.
    pub(super) fn weight(&self) -> usize {
        self.list.len() * size_of::<Kind>()
            + self.origins.len() * size_of::<Origin>()
            + self.sources.len() * size_of::<Source>()
            + self.plans.len() * size_of::<Arc<str>>()
            + self.members.len() * size_of::<Arc<[Named]>>()
    }
}

/// The place of what is in a list, at its end if it was not.
fn number<T: PartialEq>(list: &mut Vec<T>, of: T) -> u16 {
    let at = list.iter().position(|known| *known == of).unwrap_or_else(|| {
        list.push(of);
        list.len() - 1
    });
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// Psychiatry, substance abuse care and child protection are restricted, the rest is normal.
const fn sensitive(classes: ClassSet) -> bool {
    classes.contains(Class::MentalHealth)
        || classes.contains(Class::SubstanceUse)
        || classes.contains(Class::ChildProtection)
}
