//! The table of the demo: who asked about whom, what left, what was withheld, and why.
//!
//! Beside the way of a request. *Why* is the operator's side of it; the caller never learns it. The
//! lines of curl at the end are for whoever wants to go on.

use std::io::Write;

use crate::{
    demo::{
        clients::{COUNTY, PORTAL},
        expected::{Lens, is_in_force, items},
        loading::Resident,
        nodes::Running,
        people::Story,
        receiver,
        rules::Rule,
        scenario::{Answer, Outcome},
    },
    domain::{
        class::{Class, ClassSet},
        moment::Moment,
        theme::{Theme, ThemeSet},
    },
    error::{Error, Result},
};

/// Prints the table.
///
/// # Errors
/// `Unavailable` if it cannot be written.
pub fn print(
    residents: &[Resident],
    outcome: &Outcome,
    now: Moment,
    out: &mut dyn Write,
) -> Result<()> {
    let mut rows =
        vec![["person", "at", "asked by", "released", "withheld, and why"].map(str::to_owned)];
    for answer in &outcome.answers {
        let Some(resident) = residents.get(answer.resident) else { continue };
        let person = resident.person()?;
        let given = person.name.given.first().map_or("", |name| name.as_str());
        rows.push([
            format!("{given} {}", person.name.family.as_str()),
            resident.records.iter().map(|r| r.node).collect::<Vec<_>>().join(", "),
            answer.client.to_owned(),
            released(answer),
            withheld(resident, answer, now),
        ]);
    }
    let mut widths = [0_usize; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let mut line = String::new();
        for (number, cell) in row.iter().enumerate() {
            let width = widths.get(number).copied().unwrap_or(0);
            line.extend([cell.as_str(), "  "]);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        writeln!(out, "{}", line.trim_end()).map_err(Error::unavailable)?;
    }
    Ok(())
}

fn released(answer: &Answer) -> String {
    if answer.got.is_empty() {
        return "nothing".to_owned();
    }
    let count = |prefix: &str| {
        answer.got.iter().filter(|p| p.starts_with(prefix) && !p.ends_with("own words")).count()
    };
    if answer.client == COUNTY {
        let words = answer.got.iter().any(|piece| piece.ends_with("own words"));
        let words = if words { ", own words" } else { "" };
        let (goals, services) = (count("Goal "), count("ServiceRequest "));
        return format!("plan, {goals} goals, {services} services{words}");
    }
    let part = |number: usize| {
        let parts = answer.got.iter().filter_map(move |piece| piece.split([' ', '.']).nth(number));
        parts.collect::<std::collections::BTreeSet<_>>()
    };
    let documents: std::collections::BTreeSet<_> =
        answer.got.iter().filter_map(|piece| piece.split(' ').next()).collect();
    let themes: std::collections::BTreeSet<_> =
        answer.got.iter().filter_map(|p| p.split(' ').nth(1)?.split('.').next()).collect();
    let words = part(3);
    let words =
        if words.contains("future") || words.contains("comment") { ", own words" } else { "" };
    let surveys = if documents.len() == 1 { "survey" } else { "surveys" };
    format!("{} {surveys}, {} themes{words}", documents.len(), themes.len())
}

/// Why something did not leave.
fn withheld(resident: &Resident, answer: &Answer, now: Moment) -> String {
    let all = whole(resident, answer.client);
    if all.is_empty() {
        return "nothing to withhold".to_owned();
    }
    if resident.somebody.story == Story::NonDisclosure {
        let granted = resident.grants.iter().any(|rule| rule.to.as_deref() == Some(answer.client));
        return if granted { "all: turvakielto, though granted" } else { "all: turvakielto" }
            .to_owned();
    }
    let mut reasons = Vec::new();
    for record in &resident.records {
        let lens = Lens::new(resident, answer.client, record.node, now);
        let given: Vec<&Rule> = lens.given().collect();
        let stands = given.iter().any(|rule| is_in_force(rule, now));
        let whole = lens.prohibitions().find(|rule| rule.labels.is_none());
        let reason = match (whole, stands) {
            (Some(rule), _) if rule.to.is_none() => "all: prohibited to everybody".to_owned(),
            (Some(_), _) => "all: prohibited to this reader".to_owned(),
            (None, false) => not_standing(&given, now),
            (None, true) => in_part(&lens, &all),
        };
        if !reason.is_empty() && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if reasons.is_empty() { "nothing".to_owned() } else { reasons.join("; ") }
}

fn not_standing(given: &[&Rule], now: Moment) -> String {
    let day = |at: Moment| at.to_string().get(..10).unwrap_or_default().to_owned();
    let ended = given.iter().filter_map(|rule| rule.end).find(|end| *end < now);
    let begins = given.iter().filter_map(|rule| rule.start).find(|start| *start > now);
    match (ended, begins) {
        (Some(end), _) => format!("all: the grant ended {}", day(end)),
        (None, Some(start)) => format!("all: the grant starts {}", day(start)),
        (None, None) => "all: no grant".to_owned(),
    }
}

/// Parts of what a reader could ask for: type, themes, withheld classes.
type Part = (&'static str, ThemeSet, ClassSet);

fn whole(resident: &Resident, client: &str) -> Vec<Part> {
    let mut all = Vec::new();
    for home in &resident.somebody.homes {
        if client == PORTAL {
            for (theme, _, classes) in home.assessments.iter().flat_map(items) {
                all.push(("QuestionnaireResponse", ThemeSet::EMPTY.with(theme), classes));
            }
            continue;
        }
        if let Some(plan) = &home.plan {
            all.extend(plan.goals.iter().map(|goal| ("Goal", goal.themes, ClassSet::EMPTY)));
            for service in &plan.services {
                let directory = home.municipality.directory();
                let listed = directory.and_then(|directory| {
                    directory.services.into_iter().find(|listed| listed.id == service.service)
                });
                let class = listed.and_then(|listed| listed.class);
                all.push(("ServiceRequest", service.themes, class.into_iter().collect()));
            }
            all.push(("CarePlan", ThemeSet::EMPTY, ClassSet::EMPTY.with(Class::FreeText)));
        }
    }
    all
}

fn in_part(lens: &Lens<'_>, all: &[Part]) -> String {
    let banned: ThemeSet = lens
        .prohibitions()
        .flat_map(|rule| rule.labels.iter().flatten())
        .filter_map(|code| Theme::from_code(code))
        .collect();
    let (mut themes, mut words, mut services) = (ThemeSet::EMPTY, false, 0);
    for (kind, of, classes) in all {
        if *kind == "CarePlan" {
            let every = Theme::ALL
                .iter()
                .any(|theme| lens.may(kind, ThemeSet::EMPTY.with(*theme), *classes));
            words |= !every;
            continue;
        }
        if lens.may(kind, *of, *classes) {
            continue;
        }
        let plain = lens.may(kind, *of, ClassSet::EMPTY);
        match (plain, classes.contains(Class::FreeText)) {
            (true, true) => words = true,
            (true, false) => services += 1,
            (false, _) => {
                let denied = of.iter().filter(|theme| {
                    !banned.contains(*theme)
                        && !lens.may(kind, ThemeSet::EMPTY.with(*theme), ClassSet::EMPTY)
                });
                themes = themes.union(denied.collect());
            }
        }
    }
    let mut reasons = Vec::new();
    if !banned.is_empty() {
        reasons.push(format!("prohibited: {}", codes(banned)));
    }
    if !themes.is_empty() {
        reasons.push(format!("not granted: {}", codes(themes)));
    }
    if words {
        reasons.push("own words not granted".to_owned());
    }
    if services > 0 {
        reasons.push(format!("{services} sensitive service not granted"));
    }
    reasons.join("; ")
}

fn codes(themes: ThemeSet) -> String {
    if themes.iter().count() > 4 {
        return format!("{} themes", themes.iter().count());
    }
    themes.iter().map(Theme::code).collect::<Vec<_>>().join(", ")
}

/// Prints what was wrong, or that nothing was.
///
/// # Errors
/// `Unavailable` if it cannot be written.
pub fn print_summary(outcome: &Outcome, out: &mut dyn Write) -> Result<()> {
    let Outcome { answers, pages, pulled, wrong } = outcome;
    let mut text = format!(
        "\n{} answers about one person each; {pulled} surveys in {pages} pages for the portal's \
         pull; nothing for the integrator; three grants revoked and given again.\n",
        answers.len()
    );
    if wrong.is_empty() {
        text.push_str("Every answer was right.\n");
    } else {
        let lines = wrong.join("\n  ");
        text = format!("{text}WRONG answers: {}\n  {lines}\n", wrong.len());
    }
    out.write_all(text.as_bytes()).map_err(Error::unavailable)
}

/// Prints commands to try.
///
/// # Errors
/// `Unavailable` if they cannot be written.
pub fn print_commands(
    dir: &std::path::Path,
    running: &Running,
    residents: &[Resident],
    out: &mut dyn Write,
) -> Result<()> {
    let (portal, dir) = (running.node("portal")?, dir.display());
    let (fhir, endpoint) = (portal.fhir(), portal.token_endpoint());
    let shared = residents.iter().find(|one| one.somebody.story == Story::FreeText);
    let code = shared.map_or(Ok(""), Resident::code)?;
    let text = format!(
        "\nTo try it yourself (everything is described in {dir}/sandbox.json):\n\n\
         TOKEN=$(mylife token --client-id {PORTAL} --key {dir}/keys/{PORTAL}.jwk \
         --token-endpoint {endpoint} --scope \"system/QuestionnaireResponse.rs system/Patient.rs\" \
         --ca {dir}/ca.pem)\n\
         curl --cacert {dir}/ca.pem {fhir}/metadata\n\
         curl --cacert {dir}/ca.pem -H \"Authorization: Bearer $TOKEN\" \
         \"{fhir}/QuestionnaireResponse?_count=5\"\n\
         curl --cacert {dir}/ca.pem -H \"Authorization: Bearer $TOKEN\" \
         --data-urlencode 'patient.identifier=urn:oid:1.2.246.21|{code}' \
         {fhir}/QuestionnaireResponse/_search\n\n\
         Who subscribes is told at {}, which writes what comes into {dir}/{}.\n",
        running.told.url(),
        receiver::FILE
    );
    out.write_all(text.as_bytes()).map_err(Error::unavailable)
}
