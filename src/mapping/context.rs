//! What a mapping may look at beside the document: the compartment, the directory, the kinds.
//!
//! Pure. Interns the kind of each segment: the tuple of all that a consent decision reads of it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    compartment::{Compartment, Held},
    directory::Directory,
    domain::{
        assessment::Assessment,
        class::ClassSet,
        person::Named,
        plan::{Goal, Plan},
        proposal::Proposal,
        theme::{Theme, ThemeSet},
        words::LocalId,
    },
    fhir::{
        segment::{Builder, KindId},
        types::ResourceType,
    },
    mapping::{
        kinds::{Kind, Kinds, Origin},
        plan, survey,
    },
    mutant::{self, Mutant},
    unit::Sort,
};

/// What a mapping may look at.
pub struct Context<'a> {
    /// The person.
    pub compartment: &'a Compartment,
    /// Units, services and professionals.
    pub directory: &'a Directory,
    kinds: &'a mut Kinds,
    origin: u16,
}

impl<'a> Context<'a> {
    /// For one document of a compartment.
    pub fn new(
        compartment: &'a Compartment,
        directory: &'a Directory,
        kinds: &'a mut Kinds,
        origin: Origin,
    ) -> Self {
        let origin = kinds.origin(origin);
        Self { compartment, directory, kinds, origin }
    }

    /// Starts a resource.
    pub fn builder(
        &self,
        kind: ResourceType,
        id: Arc<str>,
        profile: &'static str,
        language: &str,
    ) -> Builder {
        if self.kinds.is_complete() {
            Builder::new(kind, id, profile, language)
        } else {
            Builder::draft(kind, id)
        }
    }

    /// The kind of a themed (or unclassified) segment.
    pub fn kind(&mut self, of: ResourceType, themes: ThemeSet, classes: ClassSet) -> KindId {
        let kind = self.item(of, themes, classes);
        self.kinds.intern(kind)
    }

    /// The kind of a segment of a goal, which may be about others too.
    pub fn goal_kind(&mut self, held: &Held<Plan>, goal: &Goal, classes: ClassSet) -> KindId {
        let kind = self.of_goal(held, goal, classes);
        self.kinds.intern(kind)
    }

    fn of_goal(&mut self, held: &Held<Plan>, goal: &Goal, classes: ClassSet) -> Kind {
        let kind = self.item(ResourceType::Goal, goal.themes, classes);
        self.about(goal.others(&held.owner), kind)
    }

    /// The same about others too, if there are any.
    fn about(&mut self, others: impl Iterator<Item = Named>, kind: Kind) -> Kind {
        let mut members: Vec<Named> = others.collect();
        if members.is_empty() {
            return kind;
        }
        members.sort_unstable();
        self.kinds.about(members.into(), kind)
    }

    /// The kind of a segment of a proposal about a plan.
    pub fn proposal_kind(
        &mut self,
        held: &Held<Plan>,
        proposal: &Proposal,
        classes: ClassSet,
    ) -> KindId {
        if proposal.of_whole || mutant::on(Mutant::ProposalsGoWithThePlan) {
            return self.plan_kind(held, ResourceType::Task, classes);
        }
        let kind = self.item(ResourceType::Task, proposal.themes, classes);
        let kind = self.about(proposal.others(), kind);
        self.kinds.intern(kind)
    }

    /// The kind of a theme-less part of a plan.
    pub fn plan_kind(&mut self, held: &Held<Plan>, of: ResourceType, classes: ClassSet) -> KindId {
        let kind = Kinds::plain(Sort::Plan, of, self.origin).labelled(ThemeSet::EMPTY, classes);
        let kind = self.kinds.in_plan(held, kind);
        self.kinds.intern(kind)
    }

    /// The kind of the Patient's identifier, name and birth date.
    pub fn identity_kind(&mut self) -> KindId {
        self.kinds.intern(Kinds::plain(Sort::Identity, ResourceType::Patient, self.origin))
    }

    /// The kind of a Consent or `RelatedPerson`.
    pub fn record_kind(
        &mut self,
        of: ResourceType,
        given_by: Option<Arc<str>>,
        written_by: Option<Arc<str>>,
    ) -> KindId {
        let kind = Kinds::plain(Sort::Records, of, self.origin);
        let kind = self.kinds.by(given_by, written_by, kind);
        self.kinds.intern(kind)
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

    /// A reference to something of the directory, with its name if it is listed.
    pub fn named(&self, kind: &str, id: &str) -> Value {
        let mut value = json!({ "reference": format!("{kind}/{id}") });
        let name = self.directory.name(id, &self.language());
        if let (Some(object), Some(name)) = (value.as_object_mut(), name) {
            object.insert("display".to_owned(), json!(name));
        }
        value
    }

    /// Document id of an assessment by the sender's id, and the kinds of its content.
    pub fn assessment(&mut self, local: &LocalId) -> Option<(Arc<str>, Vec<KindId>)> {
        let held = self.compartment.assessments.iter().find(|a| a.native.id == *local)?;
        let kinds = self
            .elsewhere(Origin::of_assessment(held, self.compartment.limits), |context| {
                survey::response_kinds(&held.native, context)
            });
        Some((Arc::clone(&held.id), kinds))
    }

    /// What `of` interns in another document, whose origin its kinds have.
    fn elsewhere<T>(&mut self, origin: Origin, of: impl FnOnce(&mut Self) -> T) -> T {
        let origin = self.kinds.origin(origin);
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
        let kind =
            self.elsewhere(Origin::of_assessment(held, self.compartment.limits), |context| {
                context.kind(
                    ResourceType::Observation,
                    ThemeSet::EMPTY.with(theme),
                    ClassSet::EMPTY,
                )
            });
        Some((Arc::clone(&held.id), kind))
    }

    /// The themed parts of a plan, for the rule of its theme-less parts.
    pub fn themed_of_plan(&mut self, held: &Held<Plan>) -> Vec<Kind> {
        let goals = held.native.goals.iter().filter(|goal| !goal.themes.is_empty());
        let mut all: Vec<Kind> =
            goals.map(|goal| self.of_goal(held, goal, ClassSet::EMPTY)).collect();
        let others = plan::themed(&held.native, self).into_iter();
        all.extend(others.map(|(of, themes, classes)| self.item(of, themes, classes)));
        all.into_iter().map(|kind| self.kinds.in_plan(held, kind)).collect()
    }

    fn item(&self, of: ResourceType, themes: ThemeSet, classes: ClassSet) -> Kind {
        Kinds::plain(Sort::Item, of, self.origin).labelled(themes, classes)
    }
}
