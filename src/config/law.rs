//! `[law]`: the law table, here or in a file of its own.
//!
//! Part of `config`. Which law permits what is signed off by a lawyer; a mistake in it stops the
//! start. What the form allows and nobody can have meant is told too, each with its line and what to
//! write. Source: `consent` 1.4 (declared override, break-glass).

use std::{collections::BTreeSet, path::Path, sync::Arc};

use crate::{
    authenticate::registry::ClientEntry,
    config::{
        Mistake, beside,
        mistake::Mistakes,
        section::Section,
        typed::{self, Row},
    },
    consent::{
        law::{Bar, CoveredClasses, CoveredThemes, Ground, Law},
        purpose::Purpose,
    },
    directory::Name,
    domain::{class::Class, id::is_oid, near::nearest, theme::Theme},
    fhir::types::ResourceType,
};

/// What a basis calls that which is no ground.
const TAKEN: [&str; 3] = ["officer", "same-register", "writer"];

/// Reads the section.
pub fn read(section: Section<'_>) -> Law {
    beside::read(section, law)
}

/// Reads a law table from a file of its own, for commands that need no settings.
///
/// # Errors
/// Every mistake, in order of line.
pub fn of_file(path: &Path) -> Result<Law, Vec<Mistake>> {
    let mistakes = Mistakes::default();
    let law = beside::of_file(path, &mistakes, law);
    if mistakes.is_empty() { Ok(law) } else { Err(mistakes.sorted()) }
}

fn law(section: &mut Section<'_>, mistakes: &Mistakes) -> Law {
    let officers: Vec<Arc<str>> =
        section.texts("officer_roles").iter().map(|role| role.as_str().into()).collect();
    let mut ids = BTreeSet::new();
    let grounds =
        typed::judged(section.rows("grounds"), "grounds", mistakes, |row, ground: &Ground| {
            identified(row, &ground.id, &mut ids);
            judge_ground(row, ground, &officers);
        });
    let bars = typed::judged(section.rows("bars"), "bars", mistakes, |row, bar: &Bar| {
        identified(row, &bar.id, &mut ids);
        judge_bar(row, bar);
    });
    if officers.iter().any(|role| role.trim().is_empty()) {
        section.fault("officer_roles", "has an empty role: name it or take it out");
    }
    Law { grounds, bars, officer_roles: officers }
}

/// Clients that may declare what the table has nothing for, and what to do.
pub fn strays<'a>(
    law: &'a Law,
    clients: &'a [ClientEntry],
) -> impl Iterator<Item = (&'a str, String)> {
    let overriding = |id: &str| law.grounds.iter().any(|g| g.overrides_prohibition && *g.id == *id);
    let declares = move |client: &'a ClientEntry| {
        let stray = client.declares.iter().filter(move |id| !overriding(id));
        stray.map(|id| {
            (
                &*client.client_id,
                format!(
                    "declares {id:?}: [law] needs a ground of this id with overrides_prohibition"
                ),
            )
        })
    };
    let emergencies = law.grounds.iter().any(|ground| ground.emergency);
    let breaks = clients.iter().filter(move |client| client.break_glass && !emergencies);
    let breaks = breaks.map(|client| {
        let say = "has break_glass: [law] needs a ground with emergency, or take it out";
        (&*client.client_id, say.to_owned())
    });
    clients.iter().flat_map(declares).chain(breaks)
}

/// Ids stand in every record, so each names one thing.
fn identified(row: &Row<'_>, id: &Arc<str>, ids: &mut BTreeSet<Arc<str>>) {
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_graphic()) {
        row.fault("id", "must be 1 to 64 letters, digits and signs without spaces");
    } else if TAKEN.contains(&&**id) || id.starts_with("RelatedPerson/") {
        row.fault("id", "is what records call something else: choose another");
    } else if !ids.insert(Arc::clone(id)) {
        row.fault("id", format!("{id:?} stands twice: give each ground and bar an id of its own"));
    }
}

fn judge_ground(row: &Row<'_>, ground: &Ground, officers: &[Arc<str>]) {
    let Ground { purposes, roles, orgs, themes, classes, resources, sectors, .. } = ground;
    let lists =
        [("purposes", purposes), ("roles", roles), ("orgs", orgs), ("resources", resources)];
    for (key, list) in lists {
        if list.as_ref().is_some_and(Vec::is_empty) {
            row.fault(key, "is empty, which nobody can meet: name some or leave it out");
        }
    }
    each(row, "purposes", purposes.as_ref(), |code| {
        (!Purpose::of(code).is_known())
            .then(|| format!("{code:?} is no purpose of v3-ActReason, such as TREAT"))
    });
    each(row, "orgs", orgs.as_ref(), |org| {
        let known = is_oid(org) || org.starts_with("Organization/");
        (!known).then(|| format!("{org:?} must be urn:oid:... or Organization/..."))
    });
    each(row, "resources", resources.as_ref(), |name| {
        let known = ResourceType::parse(name).is_some_and(ResourceType::is_personal);
        let names = ResourceType::ALL.iter().filter(|kind| kind.is_personal());
        (!known).then(|| unknown(name, "resource type of a person", names.map(|kind| kind.name())))
    });
    if matches!(themes, CoveredThemes::Listed(themes) if themes.unknown) {
        let all: Vec<&str> = Theme::ALL.iter().map(|theme| theme.code()).collect();
        row.fault("themes", format!("names what is none of the ten: {}", all.join(", ")));
    }
    if matches!(themes, CoveredThemes::Listed(themes) if themes.is_empty()) {
        row.fault("themes", "is empty, so it permits nothing: name some or leave it out for all");
    }
    if let CoveredClasses::Listed(_, codes) = classes {
        each(row, "classes", Some(codes), |code| {
            let names = Class::ALL.into_iter().map(Class::code);
            Class::from_code(code).is_none().then(|| unknown(code, "withheld class", names))
        });
    }
    for list in sectors.iter().flat_map(|s| [&s.from, &s.to]).flatten() {
        if list.is_empty() {
            row.fault("sectors", "has an empty list: name some or leave it out");
        }
    }
    if ground.period.is_some_and(|period| !period.is_possible()) {
        let say = "holds at no time: start must be before end, both as 2026-01-31 or an instant \
                   with a time zone";
        row.fault("period", say);
    }
    titled(row, ground.reference.as_ref());
    judge_emergency(row, ground, officers);
}

fn titled(row: &Row<'_>, reference: Option<&Name>) {
    let Some(Name { fi, sv, en }) = reference else {
        row.fault(
            "reference",
            "is missing: { fi = \"...\", sv = \"...\", en = \"...\" }, which law and where in it",
        );
        return;
    };
    if [fi, sv, en].iter().any(|title| title.trim().is_empty()) {
        row.fault("reference", "is empty in a language: people read it, so say it in all three");
    }
}

/// What lets somebody past a prohibition, or past the clock, is done in somebody's sight.
fn judge_emergency(row: &Row<'_>, ground: &Ground, officers: &[Arc<str>]) {
    if ground.emergency && ground.roles.is_none() {
        row.fault("roles", "is missing: name who may declare this emergency");
    }
    match &ground.reviewer {
        None if ground.emergency => {
            row.fault("reviewer", "is missing: name the officer role that reviews each use");
        }
        Some(role) if !officers.contains(role) => {
            row.fault("reviewer", format!("{role:?} is none of officer_roles: add it there"));
        }
        None | Some(_) => {}
    }
    if ground.review_days == Some(0) {
        row.fault("review_days", "must be 1 or more: days from a use to its review");
    }
    if ground.review_days.is_some() && ground.reviewer.is_none() {
        row.fault("review_days", "goes with reviewer: name the officer role that reviews each use");
    }
}

fn judge_bar(row: &Row<'_>, bar: &Bar) {
    if bar.labels.is_empty() && bar.persons.is_empty() && !bar.turvakielto {
        row.fault("labels", "is missing, as are persons and turvakielto: the bar bars nothing");
    }
    each(row, "labels", Some(&bar.labels), |code| {
        let known = Theme::from_code(code).is_some() || Class::from_code(code).is_some();
        let themes = Theme::ALL.into_iter().map(Theme::code);
        let names = themes.chain(Class::ALL.into_iter().map(Class::code));
        (!known).then(|| unknown(code, "theme or withheld class", names))
    });
    each(row, "persons", Some(&bar.persons), |who| {
        let known = who.strip_prefix("Patient/").is_some_and(crate::domain::id::is_id);
        (!known).then(|| "must each be Patient/ and the id of a Patient here".to_owned())
    });
    if bar.reference.is_some() {
        titled(row, bar.reference.as_ref());
    }
}

/// Tells of each entry of a list that something is wrong with.
fn each(
    row: &Row<'_>,
    key: &str,
    list: Option<&Vec<Arc<str>>>,
    wrong: impl Fn(&str) -> Option<String>,
) {
    for said in list.into_iter().flatten().filter_map(|entry| wrong(entry)) {
        row.fault(key, said);
    }
}

fn unknown<'a>(code: &str, what: &str, names: impl Iterator<Item = &'a str>) -> String {
    match nearest(code, names) {
        Some(meant) => format!("{code:?} is no {what}; did you mean {meant:?}?"),
        None => format!("{code:?} is no {what}"),
    }
}
