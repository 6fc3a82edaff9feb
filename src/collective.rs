//! The collective plan: everything that is planned with one person, line by line under the ten themes,
//! and what in it does not fit together.
//!
//! Between `search` and `bundle`. Pure: it reads released resources of any number of plans, here and at
//! peers, and nothing else. What is not there for this reader leaves no trace: "no goal" always means
//! none that this reader may see. Work grows with the number of lines and follows no reference, so
//! plans that refer in circles cost nothing. Source: the method's description (one plan, several
//! services); FHIR R4 careplan.html.

pub mod bundle;
pub mod findings;
pub mod page;
pub mod read;
pub mod texts;

use std::collections::BTreeMap;

use crate::{circle::Circle, domain::theme::ThemeSet};

/// What a line of the plan is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Sort {
    /// What is aimed at.
    Goal,
    /// What is given, or planned to be.
    Service,
    /// What is to be done.
    Action,
    /// What somebody proposes about a plan that another keeps.
    Proposal,
}

/// The satisfaction with a theme that a goal aims at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// Code of the theme.
    pub theme: String,
    /// 0 to 10.
    pub satisfaction: u64,
    /// By when.
    pub due: Option<String>,
}

/// One line of a plan.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is.
    pub sort: Sort,
    /// `Goal/...`.
    pub reference: String,
    /// Id of the plan.
    pub plan: String,
    /// What it is about; none for what has no theme.
    pub themes: ThemeSet,
    /// What it says, as far as that is there to show.
    pub text: Option<String>,
    /// The language of that.
    pub language: String,
    /// Its status, a code of FHIR.
    pub status: String,
    /// Is it still to be done, or being done?
    pub is_current: bool,
    /// For a service: has somebody decided that it is given?
    pub is_granted: bool,
    /// Who gives or does it, where it says so: reference and name.
    pub by: Option<(String, String)>,
    /// What a goal aims at.
    pub target: Option<Target>,
    /// When it is due or ends.
    pub until: Option<String>,
}

/// One plan.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Its status, where it is there to show.
    pub status: Option<String>,
    /// What it is called by those who made it.
    pub title: Option<String>,
    /// First and last day.
    pub period: (Option<String>, Option<String>),
    /// The person's own view.
    pub view: Option<String>,
    /// The professional's view.
    pub remark: Option<String>,
    /// The language of title and views.
    pub language: String,
    /// Who answers for it: identifier and name.
    pub owner: (Option<String>, Option<String>),
}

impl Plan {
    /// Is it in force, or about to be? What is not there to show is not over.
    pub fn is_current(&self) -> bool {
        !matches!(
            self.status.as_deref(),
            Some("revoked" | "completed" | "entered-in-error" | "unknown")
        )
    }
}

/// Somebody in a team.
#[derive(Clone, Debug)]
pub struct Member {
    /// `Practitioner/...`.
    pub reference: String,
    /// Name, where it says so.
    pub name: Option<String>,
    /// Code of the role.
    pub role: String,
    /// For whom, where it says so.
    pub organization: Option<String>,
    /// Id of the plan.
    pub plan: String,
}

/// A day on which a plan is looked at again.
#[derive(Clone, Debug)]
pub struct Review {
    /// `Task/...`.
    pub reference: String,
    /// The day.
    pub date: String,
    /// What for.
    pub text: Option<String>,
    /// Id of the plan.
    pub plan: String,
}

/// Everything that is there to show.
#[derive(Debug, Default)]
pub struct Table {
    /// Plans by id.
    pub plans: BTreeMap<String, Plan>,
    /// Their lines, by sort and id.
    pub lines: Vec<Line>,
    /// Their teams.
    pub team: Vec<Member>,
    /// Their reviews, by day.
    pub reviews: Vec<Review>,
    /// The person's name and day of birth.
    pub person: Option<(String, Option<String>)>,
    /// The latest assessment.
    pub circle: Option<Circle>,
}

impl Table {
    /// Who answers for a plan: the name, else the code of the node that holds it.
    pub fn owner(&self, plan: &str) -> String {
        let named = self.plans.get(plan).and_then(|plan| plan.owner.1.clone());
        named.unwrap_or_else(|| plan.split('.').next().unwrap_or_default().to_owned())
    }

    /// Who gives or does something: the one who is named, and who answers for the plan.
    pub fn giver(&self, line: &Line) -> String {
        let owner = self.owner(&line.plan);
        match &line.by {
            Some((_, name)) if *name != owner => format!("{name}, {owner}"),
            Some(_) | None => owner,
        }
    }

    /// A member of a team, for whom, and who answers for the plan.
    pub fn member(&self, member: &Member) -> String {
        let name = member.name.as_ref().unwrap_or(&member.reference);
        let owner = self.owner(&member.plan);
        match member.organization.as_ref().filter(|of| **of != owner) {
            Some(of) => format!("{name}, {of}, {owner}"),
            None => format!("{name}, {owner}"),
        }
    }

    /// Is a plan in force?
    fn is_current(&self, plan: &str) -> bool {
        self.plans.get(plan).is_none_or(Plan::is_current)
    }

    /// The lines that count: of plans in force, not done with.
    pub fn current(&self, sort: Sort) -> impl Iterator<Item = &Line> {
        self.lines
            .iter()
            .filter(move |line| line.sort == sort && line.is_current && self.is_current(&line.plan))
    }

    /// The active case managers of plans in force, each once.
    pub fn case_managers(&self) -> Vec<&Member> {
        let mut all: Vec<&Member> = Vec::new();
        for member in self.team.iter().filter(|member| member.role == "case-manager") {
            let is_new = all.iter().all(|known| known.reference != member.reference);
            if is_new && self.is_current(&member.plan) {
                all.push(member);
            }
        }
        all
    }
}
