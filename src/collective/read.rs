//! Released resources to the lines of one plan.
//!
//! Part of `collective`. Reads what the gateways' own mapping writes; what a peer writes otherwise is
//! shown as far as it is understood, and never makes an error.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Line, Member, Plan, Review, Sort, Table, Target};
use crate::{
    domain::{
        id::document_of,
        theme::{Theme, ThemeSet},
    },
    fhir::{labels::THEME, types::ResourceType},
    mapping::plan::proposal::{HAND_OVER, PROPOSAL},
};

impl Table {
    /// Of resources, each with its type.
    pub fn of<'a>(all: impl Iterator<Item = (ResourceType, &'a Value)>) -> Self {
        let mut table = Self::default();
        let mut owners: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
        for (kind, resource) in all {
            match kind {
                ResourceType::CarePlan => table.plan(resource),
                ResourceType::Goal => table.lines.extend(goal(resource)),
                ResourceType::ServiceRequest => table.lines.extend(service(resource)),
                ResourceType::Task => table.task(resource),
                ResourceType::CareTeam => table.team(resource),
                ResourceType::Patient => table.person = person(resource),
                ResourceType::Provenance => {
                    let agent = resource.pointer("/agent/0/who");
                    let identifier = agent.and_then(|who| string(who, "/identifier/value"));
                    let name = agent.and_then(|who| string(who, "/display"));
                    owners.insert(document_of(id(resource)).to_owned(), (identifier, name));
                }
                ResourceType::AuditEvent
                | ResourceType::Consent
                | ResourceType::HealthcareService
                | ResourceType::Location
                | ResourceType::Observation
                | ResourceType::Organization
                | ResourceType::Practitioner
                | ResourceType::PractitionerRole
                | ResourceType::Questionnaire
                | ResourceType::QuestionnaireResponse
                | ResourceType::RelatedPerson
                | ResourceType::Subscription => {}
            }
        }
        let named = table.lines.iter().map(|line| &line.plan);
        let named = named.chain(table.team.iter().map(|member| &member.plan));
        let named: Vec<String> =
            named.chain(table.reviews.iter().map(|review| &review.plan)).cloned().collect();
        for plan in named {
            table.plans.entry(plan).or_default();
        }
        for (document, owner) in owners {
            if let Some(plan) = table.plans.get_mut(&document) {
                plan.owner = owner;
            }
        }
        table.lines.sort_by(|a, b| (a.sort, &a.reference).cmp(&(b.sort, &b.reference)));
        table.reviews.sort_by(|a, b| (&a.date, &a.reference).cmp(&(&b.date, &b.reference)));
        table
    }

    fn plan(&mut self, of: &Value) {
        let plan = Plan {
            status: string(of, "/status"),
            title: string(of, "/extension/0/valueString"),
            period: (string(of, "/period/start"), string(of, "/period/end")),
            view: string(of, "/description"),
            remark: string(of, "/note/0/text"),
            language: string(of, "/language").unwrap_or_default(),
            owner: (None, None),
        };
        self.plans.insert(id(of).to_owned(), plan);
    }

    fn team(&mut self, of: &Value) {
        let plan = document_of(id(of));
        for one in list(of, "/participant") {
            let role = |role| list(role, "/coding").find_map(|coding| string(coding, "/code"));
            let Some(reference) = string(one, "/member/reference") else { continue };
            self.team.push(Member {
                reference,
                name: string(one, "/member/display"),
                role: list(one, "/role").find_map(role).unwrap_or_default(),
                organization: string(one, "/onBehalfOf/display"),
                plan: plan.to_owned(),
            });
        }
    }

    fn task(&mut self, of: &Value) {
        let is = |code| {
            let mut codings = list(of, "/code/coding");
            codings.any(|coding| coding.get("code").and_then(Value::as_str) == Some(code))
        };
        if is(PROPOSAL) || is(HAND_OVER) {
            self.lines.push(proposal(of));
            return;
        }
        let is_review = is("follow-up");
        let until = string(of, "/restriction/period/end");
        match (is_review, until) {
            (true, Some(date)) => self.reviews.push(Review {
                reference: format!("Task/{}", id(of)),
                date,
                text: string(of, "/description"),
                plan: document_of(id(of)).to_owned(),
            }),
            (_, until) => {
                let status = string(of, "/status").unwrap_or_default();
                let current = ["requested", "in-progress", "on-hold"];
                self.lines.push(Line {
                    text: string(of, "/description"),
                    themes: themes(list(of, "/code/coding")),
                    is_current: current.contains(&&*status),
                    by: string(of, "/owner/reference").zip(string(of, "/owner/display")),
                    until,
                    ..line(Sort::Action, "Task", of, status)
                });
            }
        }
    }
}

fn goal(of: &Value) -> Option<Line> {
    let status = string(of, "/lifecycleStatus")?;
    let current = ["proposed", "planned", "accepted", "active", "on-hold"];
    let target = list(of, "/target").find_map(target);
    Some(Line {
        text: string(of, "/description/text"),
        themes: categories(of),
        is_current: current.contains(&&*status),
        until: target.as_ref().and_then(|target| target.due.clone()),
        target,
        ..line(Sort::Goal, "Goal", of, status)
    })
}

fn target(of: &Value) -> Option<Target> {
    let code = list(of, "/measure/coding").find_map(|coding| string(coding, "/code"))?;
    Some(Target {
        theme: code.split('.').next().unwrap_or_default().to_owned(),
        satisfaction: of.get("detailInteger")?.as_u64()?,
        due: string(of, "/dueDate"),
    })
}

fn service(of: &Value) -> Option<Line> {
    let status = string(of, "/status")?;
    let unit = list(of, "/performer").filter(|performer| {
        string(performer, "/reference").is_some_and(|to| to.starts_with("Organization/"))
    });
    let unit = unit.last().and_then(|unit| {
        let to = string(unit, "/reference")?;
        Some((to.clone(), string(unit, "/display").unwrap_or(to)))
    });
    Some(Line {
        text: string(of, "/code/text"),
        themes: categories(of),
        is_current: ["draft", "active", "on-hold"].contains(&&*status),
        is_granted: string(of, "/intent").as_deref() == Some("order"),
        by: unit,
        until: string(of, "/occurrencePeriod/end"),
        ..line(Sort::Service, "ServiceRequest", of, status)
    })
}

/// It stands beside the plan that it is about.
fn proposal(of: &Value) -> Line {
    let status = string(of, "/status").unwrap_or_default();
    let about = ["/basedOn/0/reference", "/focus/reference"];
    let about = about.into_iter().find_map(|place| string(of, place));
    let plan = about.as_ref().and_then(|to| Some(to.split_once('/')?.1));
    let plan = document_of(plan.unwrap_or_else(|| id(of))).to_owned();
    let named = string(of, "/input/0/valueReference/display");
    Line {
        text: string(of, "/description").or(named),
        themes: themes(list(of, "/code/coding")),
        is_current: ["requested", "accepted"].contains(&&*status),
        by: string(of, "/owner/reference").zip(string(of, "/owner/display")),
        plan,
        ..line(Sort::Proposal, "Task", of, status)
    }
}

fn line(sort: Sort, kind: &str, of: &Value, status: String) -> Line {
    Line {
        sort,
        reference: format!("{kind}/{}", id(of)),
        plan: document_of(id(of)).to_owned(),
        themes: ThemeSet::EMPTY,
        text: None,
        language: string(of, "/language").unwrap_or_default(),
        status,
        is_current: false,
        is_granted: false,
        by: None,
        target: None,
        until: None,
    }
}

fn person(of: &Value) -> Option<(String, Option<String>)> {
    let given = list(of, "/name/0/given").filter_map(Value::as_str);
    let family = of.pointer("/name/0/family").and_then(Value::as_str);
    let parts: Vec<&str> = given.chain(family).collect();
    let name = string(of, "/name/0/text").or_else(|| (!parts.is_empty()).then(|| parts.join(" ")));
    name.map(|name| (name, string(of, "/birthDate")))
}

fn categories(of: &Value) -> ThemeSet {
    themes(list(of, "/category").flat_map(|category| list(category, "/coding")))
}

fn themes<'a>(codings: impl Iterator<Item = &'a Value>) -> ThemeSet {
    let of = |coding: &Value| {
        let is_theme = coding.get("system").and_then(Value::as_str) == Some(THEME);
        coding.get("code").and_then(Value::as_str).filter(|_| is_theme).and_then(Theme::from_code)
    };
    codings.filter_map(of).collect()
}

fn id(of: &Value) -> &str {
    of.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn string(of: &Value, pointer: &str) -> Option<String> {
    of.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn list<'a>(of: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    of.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}
