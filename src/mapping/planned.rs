//! FHIR to native: a resource of a welfare plan that a case system sends, put in its place in the plan.
//!
//! Pure; the other direction of [`super::plan`], on the road of writes before `native::validate`. It reads
//! what the native form has a place for; whether that was all of it is asked afterwards, of what comes out
//! again ([`super::kept`]). What a resource leaves out is left out of the plan too, except what is told of
//! it nowhere in FHIR. Source: FHIR R4 careplan.html and its siblings.

mod goal;
pub mod proposed;
mod request;
mod task;
mod team;
mod whole;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    compartment::{Compartment, Held},
    domain::{
        assessment::{Assessment, Identifier},
        day::{Day, Period},
        moment::Moment,
        part,
        plan::{Plan, PlanSchema, PlanStatus},
        theme::{Theme, ThemeSet, Viewpoint},
        words::{LocalId, Words},
    },
    fhir::{
        labels,
        schema::Fault,
        types::{Planned, ResourceType},
    },
    json::{list, text},
    mapping::{
        plan,
        sent::{self, at},
        survey::observation_id,
    },
};

/// What references in a plan's resources mean, in the sender's own ids.
#[derive(Default)]
pub struct Names {
    /// `Type/id`, or the name a part has while it is on its way, of each part of the plan.
    parts: BTreeMap<String, LocalId>,
    /// `QuestionnaireResponse/id` of assessments.
    assessments: BTreeMap<String, LocalId>,
    /// `Observation/id` of what is measured in them.
    measured: BTreeMap<String, LocalId>,
    /// `Patient/id` of the person.
    person: String,
    /// Ids for those of a team who are new in it, by place.
    members: Vec<LocalId>,
}

impl Names {
    /// What is held of the person, as the owner of plans names it.
    pub fn of(compartment: &Compartment, owner: &str) -> Self {
        let mut names =
            Self { person: format!("Patient/{}", compartment.patient), ..Self::default() };
        let of_owner = compartment.assessments.iter().filter(|held| *held.owner == *owner);
        // Of one without an answer there is no resource, so nothing says whether a plan rests on it.
        let has_answer =
            |held: &&Held<Assessment>| !part::of_assessment(&held.native).parts.is_empty();
        for held in of_owner.filter(has_answer) {
            let local = &held.native.id;
            let response = format!("QuestionnaireResponse/{}", held.id);
            names.assessments.insert(response, local.clone());
            for theme in Theme::ALL {
                let of = observation_id(&held.id, theme, Viewpoint::Satisfaction);
                names.measured.insert(format!("Observation/{of}"), local.clone());
            }
        }
        names
    }

    /// The parts of a plan that is held.
    pub fn add_parts(&mut self, held: &Held<Plan>) {
        self.parts.extend(plan::names(held));
    }

    /// A part on its way, by the name it has there.
    pub fn add(&mut self, name: String, part: LocalId) {
        self.parts.insert(name, part);
    }

    /// A part that is there no longer.
    pub fn forget(&mut self, name: &str) {
        self.parts.remove(name);
    }

    /// All that is named: `Type/id`.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        let all = [&self.parts, &self.assessments, &self.measured];
        all.into_iter().flat_map(|names| names.keys().map(String::as_str))
    }

    /// Ids for those of a team who are new in it: as many as it has.
    pub fn add_members(&mut self, ids: Vec<LocalId>) {
        self.members = ids;
    }

    /// The part that is meant.
    pub fn part(&self, reference: &str) -> Option<&LocalId> {
        self.parts.get(reference)
    }
}

/// Puts a resource in its place: in the part of this id, which is made if there is none. `CarePlan` and
/// `CareTeam` are of the plan itself.
///
/// # Errors
/// Every element without which it cannot be understood.
pub fn put(
    plan: &mut Plan,
    kind: ResourceType,
    part: &LocalId,
    resource: &Value,
    names: &Names,
) -> Result<(), Vec<Fault>> {
    let mut reader = Reader { of: kind.name(), resource, names, faults: Vec::new() };
    let done = match kind.planned() {
        Some(Planned::Plan) => reader.whole(plan),
        Some(Planned::Team) => {
            reader.team(plan);
            Some(())
        }
        Some(Planned::Goal) => reader.goal(plan, part),
        Some(Planned::Request) => reader.request(plan, part),
        Some(Planned::Task) => reader.task(plan, part),
        None => None,
    };
    match done {
        Some(()) if reader.faults.is_empty() => Ok(()),
        Some(()) | None => Err(reader.faults),
    }
}

/// Takes a part away, and what points at it. A Task is an action or a day on which the plan is looked at
/// again: its id says which.
pub fn remove(plan: &mut Plan, kind: ResourceType, id: &str, part: &LocalId) {
    match kind.planned() {
        Some(Planned::Goal) => {
            plan.goals.retain(|goal| goal.id != *part);
            let towards = plan.actions.iter_mut().filter(|one| one.goal.as_ref() == Some(part));
            towards.for_each(|action| action.goal = None);
        }
        Some(Planned::Request) => plan.services.retain(|service| service.id != *part),
        Some(Planned::Task) if plan::is_action(id) => plan.actions.retain(|one| one.id != *part),
        Some(Planned::Task) => plan.follow_up.retain(|one| one.id != *part),
        Some(Planned::Plan | Planned::Team) | None => {}
    }
}

/// Says something in every part that need not say anything.
pub fn fill(plan: &mut Plan) {
    let services = plan.services.iter_mut().map(|service| &mut service.note);
    let days = plan.follow_up.iter_mut().map(|day| &mut day.text);
    for words in services.chain(days).filter(|words| words.is_none()) {
        *words = Words::parse("-");
    }
}

/// One resource, and what was found wrong with it.
struct Reader<'a> {
    of: &'static str,
    resource: &'a Value,
    names: &'a Names,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn tell(&mut self, place: &str, say: &str) {
        let expression = at(self.of, place);
        self.faults.push(Fault { expression, say: say.to_owned() });
    }

    /// What was read, or the fault that it was not.
    fn told<T>(&mut self, read: Option<T>, place: &str, say: &str) -> Option<T> {
        if read.is_none() {
            self.tell(place, say);
        }
        read
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        text(self.resource, name)
    }

    fn pointed(&self, pointer: &str) -> Option<&'a Value> {
        self.resource.pointer(pointer)
    }

    fn reference(&self, pointer: &str) -> Option<&'a str> {
        text(self.pointed(pointer)?, "reference")
    }

    /// Is the person referred to there, in whichever way the resource itself names the person?
    fn is_person(&self, member: &str) -> bool {
        let named = ["subject", "for"].iter().find_map(|name| self.resource.get(*name));
        let referred = self.resource.get(member);
        text(referred.unwrap_or(&Value::Null), "reference") == Some(&self.names.person)
            || referred.is_some() && referred == named
    }

    /// Own words that may be absent.
    fn words(&mut self, pointer: &str, place: &str) -> Option<Words> {
        let said = self.pointed(pointer)?.as_str()?;
        self.told(
            Words::parse(said),
            place,
            "must have a visible character, and not be longer than own words may be",
        )
    }

    /// By what its sender knows it, if it says so.
    fn identifier(&mut self) -> Option<Identifier> {
        let one = list(self.resource, "identifier").first()?;
        sent::identifier(one, |name, say| self.tell(&at("identifier[0]", name), say))
    }

    /// A day that may be absent.
    fn day(&mut self, pointer: &str, place: &str) -> Option<Day> {
        let said = self.pointed(pointer)?.as_str()?;
        self.told(Day::parse(said), place, "must be a day: YYYY-MM-DD")
    }

    /// A period of days that may be absent.
    fn period(&mut self, pointer: &str, place: &str) -> Option<Period> {
        self.pointed(pointer)?;
        let start = self.day(&format!("{pointer}/start"), &at(place, "start"));
        let end = self.day(&format!("{pointer}/end"), &at(place, "end"));
        Some(Period { start, end })
    }

    /// The themes among the codings of concepts.
    fn themes(&mut self, concepts: &[Value], place: &str) -> ThemeSet {
        let codings = concepts.iter().flat_map(|concept| list(concept, "coding"));
        let of_ours = codings.filter(|coding| text(coding, "system") == Some(labels::THEME));
        let mut themes = ThemeSet::EMPTY;
        for coding in of_ours {
            match text(coding, "code").and_then(Theme::from_code) {
                Some(theme) => themes = themes.with(theme),
                None => self.tell(place, "must be a theme of CodeSystem/life-theme"),
            }
        }
        themes
    }
}

/// The part of this id among those of a kind, made if there is none.
fn placed<T>(parts: &mut Vec<T>, is: impl Fn(&T) -> bool, next: T) {
    match parts.iter_mut().find(|part| is(part)) {
        Some(part) => *part = next,
        None => parts.push(next),
    }
}

/// Who is named by a reference to an entry of the directory.
fn entry<'v>(kind: &str, reference: &'v str) -> Option<&'v str> {
    reference.strip_prefix(kind)?.strip_prefix('/')
}

/// Names of parts on their way, in the order in which a `CarePlan` names them.
pub fn order(care_plan: &Value) -> impl Iterator<Item = &str> {
    let goals = list(care_plan, "goal").iter().filter_map(|goal| text(goal, "reference"));
    let activity = list(care_plan, "activity").iter();
    goals.chain(activity.filter_map(|one| text(one.get("reference")?, "reference")))
}

/// The plan that a part says it is of: `CarePlan/id`, or the name the plan has on its way.
pub fn plan_of(resource: &Value) -> Option<&str> {
    text(list(resource, "basedOn").first()?, "reference")
}

/// How many a team has.
pub fn members(team: &Value) -> usize {
    list(team, "participant").len()
}

/// The id of a part as it is kept, of the sender's own making where it has none.
pub fn local(random: &str) -> Option<LocalId> {
    LocalId::parse(&format!("fhir:{random}"))
}

/// A plan of which nothing is known but whose it is.
pub fn empty(id: LocalId, person: &Arc<str>, created: Moment) -> Option<Plan> {
    Some(Plan {
        schema: PlanSchema::V1,
        id,
        person: LocalId::parse(person)?,
        status: PlanStatus::Draft,
        title: None,
        period: Period::default(),
        created,
        updated: None,
        assessments: Vec::new(),
        views: None,
        goals: Vec::new(),
        services: Vec::new(),
        actions: Vec::new(),
        team: Vec::new(),
        follow_up: Vec::new(),
        register: None,
    })
}
