//! A person's one collective welfare plan: `mylife/plan/1`.
//!
//! Floor of the house: read on the write road after `native::validate`, and when a compartment is
//! loaded. The person's and the professional's views are kept apart (Client Act 812/2000), and a
//! service is planned until a decision grants it. Codes of goals: R4 `goal-status` and
//! `goal-achievement`. Members: `schemas/native/plan.schema.json`.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{
    assessment::{Identifier, Register, Score},
    coded::coded,
    day::{Day, Period},
    moment::Moment,
    person::Named,
    theme::{Theme, ThemeSet},
    words::{DirectoryId, LocalId, Words, redacted},
};

coded! {
    /// The name and version of the form.
    PlanSchema {
        /// The first.
        V1 = "mylife/plan/1",
    }
}

coded! {
    /// Whether the plan is in force.
    PlanStatus {
        /// Being written.
        Draft = "draft",
        /// In force.
        Active = "active",
        /// Paused.
        OnHold = "on-hold",
        /// Ended early.
        Revoked = "revoked",
        /// Carried out.
        Completed = "completed",
    }
}

coded! {
    /// Who set a goal.
    SetBy {
        /// The person alone.
        Person = "person",
        /// The person and a professional.
        Together = "together",
        /// A professional.
        Professional = "professional",
    }
}

coded! {
    /// Where a goal is in its life.
    GoalStatus {
        /// Suggested.
        Proposed = "proposed",
        /// Decided upon, not yet begun.
        Planned = "planned",
        /// Agreed to.
        Accepted = "accepted",
        /// Being worked for.
        Active = "active",
        /// Paused.
        OnHold = "on-hold",
        /// No longer worked for.
        Completed = "completed",
        /// Given up.
        Cancelled = "cancelled",
        /// Not agreed to.
        Rejected = "rejected",
    }
}

coded! {
    /// How a goal fares.
    Achievement {
        /// Being worked for.
        InProgress = "in-progress",
        /// Getting better.
        Improving = "improving",
        /// Getting worse.
        Worsening = "worsening",
        /// As before.
        NoChange = "no-change",
        /// Reached.
        Achieved = "achieved",
        /// Reached, and kept.
        Sustaining = "sustaining",
        /// Not reached.
        NotAchieved = "not-achieved",
        /// Nothing has moved.
        NoProgress = "no-progress",
        /// Cannot be reached.
        NotAttainable = "not-attainable",
    }
}

coded! {
    /// Whether a service is promised.
    ServiceState {
        /// Wished for or recommended; nobody has decided.
        Planned = "planned",
        /// Decided upon.
        Granted = "granted",
        /// Over.
        Ended = "ended",
    }
}

coded! {
    /// How far an action came.
    ActionStatus {
        /// To be done.
        Planned = "planned",
        /// Being done.
        InProgress = "in-progress",
        /// Paused.
        OnHold = "on-hold",
        /// Done.
        Completed = "completed",
        /// Not to be done any more.
        Cancelled = "cancelled",
    }
}

coded! {
    /// What somebody is in the team.
    Role {
        /// Answers for the whole plan; an active plan has exactly one active.
        CaseManager = "case-manager",
        /// Own worker (omatyöntekijä; Social Welfare Act 1301/2014, section 42).
        OwnWorker = "own-worker",
        /// Another professional.
        Professional = "professional",
        /// One who has lived through the like.
        ExperienceExpert = "experience-expert",
        /// A volunteer.
        Volunteer = "helper",
    }
}

coded! {
    /// What became of a follow-up.
    FollowUpStatus {
        /// Still to come.
        Planned = "planned",
        /// Took place.
        Completed = "completed",
        /// Does not take place.
        Cancelled = "cancelled",
    }
}

/// Who does an action.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Performer {
    /// `"person"`: the person whose plan it is.
    Person,
    /// A member of the team, by the sender's id.
    Member(LocalId),
}

/// The word that stands for the person among performers; no member of a team may have it as id.
pub const PERFORMER_PERSON: &str = "person";

impl Serialize for Performer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Person => to.serialize_str(PERFORMER_PERSON),
            Self::Member(id) => id.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Performer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let id = LocalId::deserialize(from)?;
        Ok(if id.as_str() == PERFORMER_PERSON { Self::Person } else { Self::Member(id) })
    }
}

/// Two views that are never merged.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// The person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Words>,
    /// The professional's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub professional: Option<Words>,
}

/// What a goal wants to reach.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Satisfaction with which theme; one of the goal's.
    pub theme: Theme,
    /// The satisfaction to reach.
    pub satisfaction: Score,
    /// By when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Day>,
}

/// A goal.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// The sender's id of this part.
    pub id: LocalId,
    /// By what the system that made it knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// What it is about; at least one.
    pub themes: ThemeSet,
    /// Whom it is about beside the person, by the sender's ids of people: who is to see it needs the
    /// permission of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<LocalId>,
    /// The person's own words.
    pub words: Words,
    /// Who set it.
    pub set_by: SetBy,
    /// Where it is in its life.
    pub status: GoalStatus,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Day>,
    /// What it wants to reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// How it fares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achievement: Option<Achievement>,
    /// The assessment it is measured against, by the sender's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<LocalId>,
}

/// How much of a service: `{"value": 10, "unit": "visits"}`.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// A whole number from 1.
    pub value: u32,
    /// Of what.
    pub unit: Words,
}

/// A service that is planned or granted.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The sender's id of this part.
    pub id: LocalId,
    /// By what the system that made it knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// Which `HealthcareService` of the directory; its sensitivity becomes the part's.
    pub service: DirectoryId,
    /// What it is about; none makes it unclassified.
    pub themes: ThemeSet,
    /// Whether it is promised.
    pub state: ServiceState,
    /// When it was decided upon; always there when granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Day>,
    /// When it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// How much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Words>,
}

/// Something to do.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The sender's id of this part.
    pub id: LocalId,
    /// By what the system that made it knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// What it is about; none makes it unclassified.
    pub themes: ThemeSet,
    /// What is to be done.
    pub text: Words,
    /// How far it came.
    pub status: ActionStatus,
    /// Who does it.
    pub performer: Performer,
    /// By when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Day>,
    /// Towards which goal of this plan, by the sender's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<LocalId>,
}

/// A member of the team.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The sender's id of this part.
    pub id: LocalId,
    /// Which Practitioner of the directory.
    pub practitioner: DirectoryId,
    /// As what.
    pub role: Role,
    /// For which Organization of the directory.
    pub organization: DirectoryId,
    /// In the team now?
    pub active: bool,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
}

/// A day on which the plan is looked at again.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// The sender's id of this part.
    pub id: LocalId,
    /// By what the system that made it knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// When.
    pub date: Day,
    /// What for, or what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Words>,
    /// What became of it.
    pub status: FollowUpStatus,
}

/// A plan.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Name and version of the form.
    pub schema: PlanSchema,
    /// The sender's id of this document.
    pub id: LocalId,
    /// The sender's id of the person.
    pub person: LocalId,
    /// Whether it is in force.
    pub status: PlanStatus,
    /// Heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Words>,
    /// From when to when.
    pub period: Period,
    /// When it was made.
    pub created: Moment,
    /// When its content last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Moment>,
    /// The assessments it rests on, by the sender's ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assessments: Vec<LocalId>,
    /// The two views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<Views>,
    /// Goals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
    /// Services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// Actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Team.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<Member>,
    /// Follow-up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_up: Vec<FollowUp>,
    /// Which register it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<Register>,
}

impl Plan {
    /// Who answers for the plan now.
    pub fn leader(&self) -> Option<&Member> {
        self.team.iter().find(|member| member.leads())
    }

    /// Another answers for it from this day on; who did until then stays in the team's history.
    pub fn hand_over(&mut self, to: Member, day: Day) {
        for former in self.team.iter_mut().filter(|member| member.leads()) {
            former.active = false;
            let start = former.period.and_then(|period| period.start);
            // A period that was to begin later ends where it begins.
            let end = start.map_or(day, |start| start.max(day));
            former.period = Some(Period { start, end: Some(end) });
        }
        self.team.push(to);
    }
}

impl Member {
    fn leads(&self) -> bool {
        self.active && self.role == Role::CaseManager
    }
}

impl Goal {
    /// Whom it is about beside the person, in a plan of this owner.
    pub fn others(&self, owner: &Arc<str>) -> impl Iterator<Item = Named> {
        let named = |id: &LocalId| Named { owner: Arc::clone(owner), local: id.shared() };
        self.concerns.iter().map(named)
    }
}

redacted!(Views, Target, Goal, Quantity, Service, Action, Member, FollowUp, Plan);
