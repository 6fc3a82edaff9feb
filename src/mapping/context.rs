//! What a mapping may look at beside the document: the compartment, the directory, the kinds.
//!
//! Pure. Interns the kind of each segment: the tuple of all that a consent decision reads of it.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    compartment::{Compartment, Held},
    directory::Directory,
    domain::{
        assessment::{Assessment, Register},
        class::{Class, ClassSet},
        plan::Plan,
        theme::{Theme, ThemeSet},
        words::LocalId,
    },
    fhir::{segment::KindId, types::ResourceType},
    mapping::{plan, survey},
    unit::{
        Sort, Unit,
        label::{Confidentiality, Themes},
        period::Span,
    },
};

/// The kinds of a compartment, each once, in the order they were met.
#[derive(Clone, Default)]
pub struct Kinds {
    list: Vec<Unit>,
    index: HashMap<Unit, KindId>,
}

impl Kinds {
    /// The number of a kind.
    pub fn intern(&mut self, unit: Unit) -> KindId {
        if let Some(known) = self.index.get(&unit) {
            return *known;
        }
        let id = KindId::try_from(self.list.len()).unwrap_or(KindId::MAX);
        self.list.push(unit.clone());
        self.index.insert(unit, id);
        id
    }

    /// All, by number.
    pub fn list(&self) -> &[Unit] {
        &self.list
    }
}

/// Where a document comes from, as far as decisions read it.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Register, service task, sector.
    pub register: Option<Register>,
    /// Document the parts belong to.
    pub document: Option<Arc<str>>,
    /// Time of the data.
    pub date: Option<Span>,
}

impl Origin {
    /// Of an assessment.
    pub fn of_assessment(held: &Held<Assessment>) -> Self {
        Self {
            register: held.native.register.clone(),
            document: Some(Arc::clone(&held.id)),
            date: Span::parse(&held.native.authored.to_string()),
        }
    }

    /// Of a plan.
    pub fn of_plan(held: &Held<Plan>) -> Self {
        Self {
            register: held.native.register.clone(),
            document: Some(Arc::clone(&held.id)),
            date: Span::parse(&held.native.created.to_string()),
        }
    }
}

/// What a mapping may look at.
pub struct Context<'a> {
    /// The person.
    pub compartment: &'a Compartment,
    /// Units, services and professionals.
    pub directory: &'a Directory,
    kinds: &'a mut Kinds,
    origin: Origin,
}

impl<'a> Context<'a> {
    /// For one document of a compartment.
    pub fn new(
        compartment: &'a Compartment,
        directory: &'a Directory,
        kinds: &'a mut Kinds,
        origin: Origin,
    ) -> Self {
        Self { compartment, directory, kinds, origin }
    }

    /// The kind of a themed (or unclassified) segment.
    pub fn kind(&mut self, of: ResourceType, themes: ThemeSet, classes: ClassSet) -> KindId {
        let unit = self.unit(Sort::Item, of, themes, classes);
        self.kinds.intern(unit)
    }

    /// The kind of a theme-less part of a plan.
    pub fn plan_kind(&mut self, held: &Held<Plan>, of: ResourceType, classes: ClassSet) -> KindId {
        let mut unit = self.unit(Sort::Plan, of, ThemeSet::EMPTY, classes);
        unit.plan = Some(plan_name(&held.id));
        self.kinds.intern(unit)
    }

    /// The kind of the Patient's identifier, name and birth date.
    pub fn identity_kind(&mut self) -> KindId {
        let unit =
            self.unit(Sort::Identity, ResourceType::Patient, ThemeSet::EMPTY, ClassSet::EMPTY);
        self.kinds.intern(unit)
    }

    /// The kind of a Consent or `RelatedPerson`.
    pub fn record_kind(
        &mut self,
        of: ResourceType,
        given_by: Option<Arc<str>>,
        written_by: Option<Arc<str>>,
    ) -> KindId {
        let mut unit = self.unit(Sort::Records, of, ThemeSet::EMPTY, ClassSet::EMPTY);
        unit.given_by = given_by;
        unit.written_by = written_by;
        self.kinds.intern(unit)
    }

    /// Kinds for whose readers the Patient exists.
    pub fn patient(&mut self) -> &'static [KindId] {
        // The identity kind is interned first in every compartment, see `mapping::kinds`.
        &[0]
    }

    /// `{"reference": "Patient/..."}`.
    pub fn subject(&self) -> Value {
        json!({ "reference": format!("Patient/{}", self.compartment.patient) })
    }

    /// The person's language, else Finnish.
    pub fn language(&self) -> String {
        let person = self.compartment.person.as_ref();
        let language = person.and_then(|p| p.native.language.as_ref());
        language.map_or("fi", |l| l.as_str()).to_owned()
    }

    /// The sensitivity of a unit, service or professional's unit.
    pub fn sensitivity(&self, id: &str) -> ClassSet {
        self.directory.sensitivity(id)
    }

    /// Its name in the person's language, or its id.
    pub fn name(&self, id: &str) -> String {
        self.directory.name(id, &self.language()).unwrap_or(id).to_owned()
    }

    /// Canonical of the form an assessment answers.
    pub fn questionnaire(&self, assessment: &Assessment) -> String {
        survey::canonical(assessment)
    }

    /// Document id of an assessment by the sender's id, and the kinds of its content.
    pub fn assessment(&mut self, local: &LocalId) -> Option<(Arc<str>, Vec<KindId>)> {
        let held = self.compartment.assessments.iter().find(|a| a.native.id == *local)?;
        let kinds = self.elsewhere(Origin::of_assessment(held), |context| {
            survey::response_kinds(&held.native, context)
        });
        Some((Arc::clone(&held.id), kinds))
    }

    /// What `of` interns in another document, whose origin its kinds have.
    fn elsewhere<T>(&mut self, origin: Origin, of: impl FnOnce(&mut Self) -> T) -> T {
        let own = std::mem::replace(&mut self.origin, origin);
        let made = of(self);
        self.origin = own;
        made
    }

    /// Kinds of the content of a `QuestionnaireResponse`.
    pub fn response_kinds(&mut self, assessment: &Assessment) -> Vec<KindId> {
        survey::response_kinds(assessment, self)
    }

    /// Document id of the assessment in which satisfaction with a theme was answered, and the kind
    /// of its Observation.
    pub fn satisfaction(&mut self, local: &LocalId, theme: Theme) -> Option<(Arc<str>, KindId)> {
        let held = self.compartment.assessments.iter().find(|a| a.native.id == *local)?;
        let answer = held.native.answers.iter().find(|a| a.theme == theme)?;
        answer.satisfaction?;
        let kind = self.elsewhere(Origin::of_assessment(held), |context| {
            context.kind(ResourceType::Observation, ThemeSet::EMPTY.with(theme), ClassSet::EMPTY)
        });
        Some((Arc::clone(&held.id), kind))
    }

    fn unit(&self, sort: Sort, of: ResourceType, themes: ThemeSet, classes: ClassSet) -> Unit {
        let compartment = self.compartment;
        let register = self.origin.register.as_ref();
        let text = |c: &crate::domain::words::Code| Arc::from(c.as_str());
        let mut unit = Unit::new(sort, of.name());
        unit.themes = Themes { known: themes, unknown: false };
        unit.confidentiality =
            Some(if sensitive(classes) { Confidentiality::R } else { Confidentiality::N });
        unit.classes = classes;
        unit.custodian = Some(Arc::clone(&compartment.custodian));
        unit.register = register.map(|r| text(&r.code));
        unit.service_task = register.and_then(|r| r.service_task.as_ref()).map(text);
        unit.sector = register.and_then(|r| r.sector.as_ref()).map(text);
        unit.minor_stance = compartment
            .person
            .as_ref()
            .and_then(|p| p.native.minor_stance)
            .map(super::super::domain::person::MinorStance::code);
        if compartment.limits.by_time {
            unit.date = self.origin.date;
        }
        if compartment.limits.by_instance {
            unit.id = self.origin.document.as_ref().map(|d| format!("{}/{d}", of.name()).into());
        }
        unit
    }

    /// The themed units of a plan, for the rule of its theme-less parts.
    pub fn themed_of_plan(&self, held: &Held<Plan>) -> Vec<Unit> {
        let themed = plan::themed(held, self).into_iter();
        themed
            .map(|(of, themes, classes)| {
                let mut unit = self.unit(Sort::Item, of, themes, classes);
                unit.plan = Some(plan_name(&held.id));
                unit
            })
            .collect()
    }
}

fn plan_name(id: &str) -> Arc<str> {
    format!("CarePlan/{id}").into()
}

/// Psychiatry, substance abuse care and child protection are restricted, the rest is normal.
const fn sensitive(classes: ClassSet) -> bool {
    classes.contains(Class::MentalHealth)
        || classes.contains(Class::SubstanceUse)
        || classes.contains(Class::ChildProtection)
}
