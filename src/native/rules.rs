//! The rules between members of a native document, which a schema cannot say.
//!
//! Part of `native`, after the schema. Works on the document as JSON and passes over what the schema
//! refused, so that one round tells the sender everything. Sources: the design of the two forms of
//! the survey; Client Act 812/2000; a plan has exactly one active case manager (My Life case study).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    domain::{
        assessment::Form,
        day::Day,
        identity::{IdentityCode, mentions_identity_code},
        moment::Moment,
        plan::{PERFORMER_PERSON, PlanStatus, Role, ServiceState},
    },
    json::{element, member, text},
    native::{Fault, NativeKind, Rules},
};

/// What was found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
}

impl Report {
    fn add(&mut self, path: impl Into<String>, say: &str) {
        self.faults.push(Fault::new(path, say));
    }
}

/// Checks one document.
pub(super) fn check(kind: NativeKind, document: &Value, rules: &Rules<'_>) -> Report {
    let mut report = Report::default();
    no_identity_code_in_ids("$", document, &mut report);
    match kind {
        NativeKind::Person => person(document, rules, &mut report),
        NativeKind::Assessment => assessment(document, &mut report),
        NativeKind::Plan => plan(document, &mut report),
    }
    report
}

fn person(document: &Value, rules: &Rules<'_>, report: &mut Report) {
    let today = Day::in_finland(rules.now);
    let said = day(document, "birth_date");
    let coded = identity_code(document, "$", rules, report).and_then(|code| code.birth());
    if said.is_some() && coded.is_some() && said != coded {
        report.add("$.birth_date", "the identity code names another day of birth; correct one");
    }
    for (path, born) in [("$.birth_date", said), ("$.identity_code", coded)] {
        if born.zip(today).is_some_and(|(born, today)| born > today) {
            report.add(path, "the day of birth is in the future; correct it");
        }
    }
    for (path, part) in list(document, "representation") {
        if let Some(who) = part.get("who") {
            identity_code(who, &member(&path, "who"), rules, report);
        }
    }
    unique_ids(document, "representation", report);
    periods(document, "representation", report);
}

fn identity_code(
    holder: &Value,
    path: &str,
    rules: &Rules<'_>,
    report: &mut Report,
) -> Option<IdentityCode> {
    let path = member(path, "identity_code");
    match IdentityCode::parse(text(holder, "identity_code")?, rules.test_range) {
        Ok((code, warnings)) => {
            let odd = warnings.iter().map(|warning| Fault::new(path.clone(), warning.say()));
            report.warnings.extend(odd);
            Some(code)
        }
        Err(flaw) => {
            report.add(path, flaw.say());
            None
        }
    }
}

fn assessment(document: &Value, report: &mut Report) {
    let form = text(document, "form").and_then(Form::from_code);
    let mut themes = BTreeSet::new();
    for (path, answer) in list(document, "answers") {
        if text(answer, "theme").is_some_and(|theme| !themes.insert(theme)) {
            report.add(
                member(&path, "theme"),
                "the theme was answered before; send one answer for each theme",
            );
        }
        let (foreign, say): (&[&str], _) = match form {
            Some(Form::Thirty) => {
                (&["comment"], "the 30-item form has no comments; use future or the 10-item form")
            }
            Some(Form::Ten) => (
                &["importance", "future"],
                "the 10-item form has satisfaction and comment only; remove it or use the 30-item form",
            ),
            None => (&[], ""),
        };
        for name in foreign.iter().filter(|name| answer.get(**name).is_some()) {
            report.add(member(&path, name), say);
        }
    }
}

fn plan(document: &Value, report: &mut Report) {
    for name in ["goals", "services", "actions", "team", "follow_up"] {
        unique_ids(document, name, report);
    }
    period(document, "$", report);
    for name in ["services", "team"] {
        periods(document, name, report);
    }
    let made = instant(document, "created");
    if made.zip(instant(document, "updated")).is_some_and(|(made, changed)| changed < made) {
        report.add("$.updated", "the plan was changed before it was created; correct one");
    }
    goals(document, report);
    services(document, report);
    actions(document, report);
    team(document, report);
}

fn goals(document: &Value, report: &mut Report) {
    let assessments: BTreeSet<&str> = texts(document, "assessments");
    for (path, goal) in list(document, "goals") {
        if text(goal, "assessment").is_some_and(|id| !assessments.contains(id)) {
            report.add(
                member(&path, "assessment"),
                "the plan does not list this assessment; add it to assessments",
            );
        }
        if texts(goal, "concerns").iter().any(|id| Some(*id) == text(document, "person")) {
            report.add(
                member(&path, "concerns"),
                "the plan is the person's own; name only others whom the goal is about",
            );
        }
        let target = goal.get("target").and_then(|target| text(target, "theme"));
        if target.is_some_and(|theme| !texts(goal, "themes").contains(theme)) {
            report.add(
                member(&member(&path, "target"), "theme"),
                "the target's theme is not one of the goal's themes; add it there",
            );
        }
    }
}

fn services(document: &Value, report: &mut Report) {
    for (path, service) in list(document, "services") {
        let granted = text(service, "state") == Some(ServiceState::Granted.code());
        if granted && service.get("decided").is_none() {
            report.add(
                member(&path, "decided"),
                "a granted service needs the day of its decision; add it, or say planned",
            );
        }
    }
}

fn actions(document: &Value, report: &mut Report) {
    let goals = ids(document, "goals");
    let team = ids(document, "team");
    for (path, action) in list(document, "actions") {
        if text(action, "goal").is_some_and(|id| !goals.contains(id)) {
            report.add(
                member(&path, "goal"),
                "the plan has no goal of this id; add the goal or correct the id",
            );
        }
        let performer = text(action, "performer").filter(|id| *id != PERFORMER_PERSON);
        if performer.is_some_and(|id| !team.contains(id)) {
            report.add(
                member(&path, "performer"),
                "the team has no member of this id; add the member or say person",
            );
        }
    }
}

fn team(document: &Value, report: &mut Report) {
    for (path, _) in list(document, "team").filter(|(_, m)| text(m, "id") == Some(PERFORMER_PERSON))
    {
        report
            .add(member(&path, "id"), "the word person means whose plan it is; choose another id");
    }
    if text(document, "status") != Some(PlanStatus::Active.code()) {
        return;
    }
    let managers = list(document, "team").filter(|(_, m)| {
        text(m, "role") == Some(Role::CaseManager.code())
            && m.get("active").and_then(Value::as_bool) == Some(true)
    });
    match managers.count() {
        0 => report.add("$.team", "an active plan needs an active case manager; add one"),
        1 => {}
        _ => {
            report.add("$.team", "an active plan has only one active case manager; end the others");
        }
    }
}

/// Ids travel in URLs and logs, where no identity code may ever stand.
fn no_identity_code_in_ids(path: &str, value: &Value, report: &mut Report) {
    const HOLD_IDS: [&str; 9] = [
        "id",
        "person",
        "concerns",
        "assessments",
        "assessment",
        "goal",
        "performer",
        // Of an identifier.
        "system",
        "value",
    ];
    for (name, inner) in value.as_object().into_iter().flatten() {
        let path = member(path, name);
        let entries = inner.as_array().map(Vec::as_slice).unwrap_or_default();
        let holds = HOLD_IDS.contains(&name.as_str());
        if holds && inner.as_str().is_some_and(mentions_identity_code) {
            report.add(path.clone(), CODE_AS_ID);
        }
        if inner.is_object() {
            no_identity_code_in_ids(&path, inner, report);
        }
        for (index, entry) in entries.iter().enumerate() {
            let path = element(&path, index);
            if holds && entry.as_str().is_some_and(mentions_identity_code) {
                report.add(path.clone(), CODE_AS_ID);
            }
            no_identity_code_in_ids(&path, entry, report);
        }
    }
}

const CODE_AS_ID: &str = "an identity code must not be used as an id; choose an id of your own";

fn unique_ids(document: &Value, name: &str, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for (path, part) in list(document, name) {
        if text(part, "id").is_some_and(|id| !seen.insert(id)) {
            report.add(
                member(&path, "id"),
                "another entry of this list has the same id; give each its own",
            );
        }
    }
}

fn periods(document: &Value, name: &str, report: &mut Report) {
    for (path, part) in list(document, name) {
        period(part, &path, report);
    }
}

fn period(holder: &Value, path: &str, report: &mut Report) {
    let Some(period) = holder.get("period") else { return };
    if day(period, "start").zip(day(period, "end")).is_some_and(|(start, end)| start > end) {
        report.add(member(path, "period"), "the period ends before it starts; correct one");
    }
}

fn list<'a>(holder: &'a Value, name: &'a str) -> impl Iterator<Item = (String, &'a Value)> {
    let entries = holder.get(name).and_then(Value::as_array).into_iter().flatten();
    entries.enumerate().map(move |(index, entry)| (element(&member("$", name), index), entry))
}

fn texts<'a>(holder: &'a Value, name: &str) -> BTreeSet<&'a str> {
    let entries = holder.get(name).and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(Value::as_str).collect()
}

fn ids<'a>(document: &'a Value, name: &'a str) -> BTreeSet<&'a str> {
    list(document, name).filter_map(|(_, part)| text(part, "id")).collect()
}

fn day(holder: &Value, name: &str) -> Option<Day> {
    text(holder, name).and_then(Day::parse)
}

fn instant(holder: &Value, name: &str) -> Option<Moment> {
    text(holder, name).and_then(Moment::parse)
}
