//! What in a collective plan does not fit together: overlaps, conflicts, gaps, services nobody's goal
//! asks for.
//!
//! Part of `collective`. Each finding is one group of lines, found by sorting lines into groups once.
//! They are for people to talk about and decide nothing. A gap says that there is no goal *to be seen*,
//! which is all that can be known.

use std::collections::{BTreeMap, BTreeSet};

use super::{Line, Sort, Table};
use crate::domain::theme::{Theme, ThemeSet};

/// What was found.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Cause {
    /// More than one active case manager.
    CaseManagers,
    /// Goals that aim at different satisfaction with one theme.
    Targets,
    /// Goals that aim at the same by different days.
    Dates,
    /// Important to the person and not yet well, and no goal to be seen.
    Gap,
    /// Goals about one theme in plans of several organisations.
    Goals,
    /// Services about one theme, or of one name, by several organisations.
    Services,
    /// A service whose plan is over, or about themes with no goal to be seen.
    Orphan,
}

impl Cause {
    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CaseManagers => "case-managers",
            Self::Targets => "conflicting-targets",
            Self::Dates => "conflicting-dates",
            Self::Gap => "gap",
            Self::Goals => "overlapping-goals",
            Self::Services => "overlapping-services",
            Self::Orphan => "orphaned-service",
        }
    }

    /// How much it matters, a code of `detectedissue-severity`.
    pub const fn severity(self) -> &'static str {
        match self {
            Self::CaseManagers => "high",
            Self::Targets | Self::Gap => "moderate",
            Self::Dates | Self::Goals | Self::Services | Self::Orphan => "low",
        }
    }
}

/// One thing to talk about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What it is.
    pub cause: Cause,
    /// About which theme.
    pub theme: Option<Theme>,
    /// What it is called, where it has no theme.
    pub name: Option<String>,
    /// Who is concerned: names, each once, in order.
    pub who: Vec<String>,
    /// The lines, `Goal/...`, in order.
    pub lines: Vec<String>,
}

/// Everything that was found, in order of cause and theme. Goals are spoken of only if the reader may
/// see goals at all.
pub fn findings(table: &Table, sees_goals: bool) -> Vec<Finding> {
    let mut all: Vec<Finding> = case_managers(table).into_iter().collect();
    all.extend(targets(table));
    let aimed: ThemeSet = table.current(Sort::Goal).flat_map(|goal| goal.themes.iter()).collect();
    if sees_goals {
        all.extend(gaps(table, aimed));
    }
    let owner = |goal: &Line| table.owner(&goal.plan);
    let goals = by_theme(table.current(Sort::Goal), |goal| (owner(goal), owner(goal)));
    all.extend(overlaps(Cause::Goals, goals));
    // Units of one name in two municipalities are two.
    let giver = |service: &Line| {
        let unit = service.by.as_ref().map(|(reference, _)| reference.clone());
        (unit.unwrap_or_else(|| owner(service)), table.giver(service))
    };
    let services = by_theme(table.current(Sort::Service), giver);
    all.extend(overlaps(Cause::Services, services));
    all.extend(orphans(table, aimed, sees_goals));
    all.sort_by(|a, b| (a.cause, a.theme, &a.name).cmp(&(b.cause, b.theme, &b.name)));
    all
}

fn case_managers(table: &Table) -> Option<Finding> {
    let managers = table.case_managers();
    (managers.len() > 1).then(|| {
        let who: BTreeSet<String> = managers.iter().map(|member| table.member(member)).collect();
        Finding {
            cause: Cause::CaseManagers,
            theme: None,
            name: None,
            who: who.into_iter().collect(),
            lines: managers.iter().map(|member| member.reference.clone()).collect(),
        }
    })
}

/// Goals of different plans that measure the same and aim at different numbers, or days.
fn targets(table: &Table) -> Vec<Finding> {
    let mut by_theme: BTreeMap<Theme, Vec<&Line>> = BTreeMap::new();
    for goal in table.current(Sort::Goal) {
        let theme = goal.target.as_ref().and_then(|target| Theme::from_code(&target.theme));
        if let Some(theme) = theme {
            by_theme.entry(theme).or_default().push(goal);
        }
    }
    let of_theme = |(theme, goals): (Theme, Vec<&Line>)| {
        let plans: BTreeSet<&str> = goals.iter().map(|goal| goal.plan.as_str()).collect();
        let targets = || goals.iter().filter_map(|goal| goal.target.as_ref());
        let aims: BTreeSet<u64> = targets().map(|target| target.satisfaction).collect();
        let days: BTreeSet<Option<&str>> = targets().map(|target| target.due.as_deref()).collect();
        let cause = match (plans.len() > 1, aims.len() > 1, days.len() > 1) {
            (true, true, _) => Cause::Targets,
            (true, false, true) => Cause::Dates,
            (_, _, _) => return None,
        };
        let who: BTreeSet<String> = goals
            .iter()
            .filter_map(|goal| {
                let target = goal.target.as_ref()?;
                let due = target.due.as_ref().map(|due| format!(", {due}")).unwrap_or_default();
                Some(format!("{}: {}{due}", table.owner(&goal.plan), target.satisfaction))
            })
            .collect();
        let who = who.into_iter().collect();
        let lines = goals.iter().map(|goal| goal.reference.clone()).collect();
        Some(Finding { cause, theme: Some(theme), name: None, who, lines })
    };
    by_theme.into_iter().filter_map(of_theme).collect()
}

/// Themes that are important to the person and not yet well, with no goal to be seen.
fn gaps(table: &Table, aimed: ThemeSet) -> Vec<Finding> {
    let Some(circle) = &table.circle else { return Vec::new() };
    let wanting = circle.sectors().filter(|(_, of)| of.is_wanting());
    let gap = |(theme, _)| Finding {
        cause: Cause::Gap,
        theme: Some(theme),
        name: None,
        who: Vec::new(),
        lines: vec![format!("QuestionnaireResponse/{}", circle.response)],
    };
    wanting.filter(|(theme, _)| !aimed.contains(*theme)).map(gap).collect()
}

/// Lines about one theme, or without a theme of one name, and whose they are.
type Groups = BTreeMap<(Option<Theme>, Option<String>), (BTreeMap<String, String>, Vec<String>)>;

fn by_theme<'a>(
    lines: impl Iterator<Item = &'a Line>,
    of: impl Fn(&Line) -> (String, String),
) -> Groups {
    let mut groups = Groups::new();
    for line in lines {
        let (whose, name_of) = of(line);
        let name = line.text.as_ref().filter(|_| line.themes.is_empty());
        let themes = line.themes.iter().map(|theme| (Some(theme), None));
        for key in themes.chain(name.map(|name| (None, Some(name.to_lowercase())))) {
            let (who, references) = groups.entry(key).or_default();
            who.insert(whose.clone(), name_of.clone());
            references.push(line.reference.clone());
        }
    }
    groups
}

/// The groups that several share.
fn overlaps(cause: Cause, groups: Groups) -> impl Iterator<Item = Finding> {
    let shared = groups.into_iter().filter(|(_, (who, _))| who.len() > 1);
    shared.map(move |((theme, name), (who, lines))| {
        let who = who.into_values().collect();
        Finding { cause, theme, name, who, lines }
    })
}

fn orphans(table: &Table, aimed: ThemeSet, sees_goals: bool) -> Vec<Finding> {
    let is_orphan = |service: &&Line| {
        let over = !table.is_current(&service.plan);
        let unasked = !service.themes.iter().any(|theme| aimed.contains(theme));
        over || (sees_goals && unasked && !service.themes.is_empty())
    };
    let services = table.lines.iter().filter(|l| l.sort == Sort::Service && l.is_current);
    let orphan = |service: &Line| Finding {
        cause: Cause::Orphan,
        theme: service.themes.iter().next(),
        name: Some(service.text.clone().unwrap_or_else(|| service.reference.clone())),
        who: vec![table.giver(service)],
        lines: vec![service.reference.clone()],
    };
    services.filter(is_orphan).map(orphan).collect()
}
