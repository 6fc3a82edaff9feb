//! The collective plan in FHIR: one `CarePlan` over all plans, and a `DetectedIssue` for each finding.
//!
//! Part of `collective`. What is made here stands in no store and has no address: its `fullUrl` is a
//! `urn:uuid`, so it names what is released by absolute address. It is no `document`: nobody attests
//! it. Source: FHIR R4 careplan.html, detectedissue.html, bundle.html (collection).

use serde_json::{Value, json};

use super::{Line, Sort, Table, findings::Finding, texts};
use crate::{
    domain::{id, moment::Moment, theme::Theme},
    fhir::{
        coding::coding,
        labels::{CANONICAL, THEME},
    },
    mapping::text,
    markup::escape,
};

/// What making it reads beside the plan.
pub struct Terms<'a> {
    /// Id of the Patient who is asked about.
    pub patient: &'a str,
    /// Own FHIR base, without a slash at the end.
    pub base: &'a str,
    /// Instant of the answer.
    pub now: Moment,
    /// `fi`, `sv` or `en`.
    pub language: &'static str,
}

/// The resources that are made, each with its `fullUrl`; `sources` has an issue for each that was asked, which
/// says how complete its part is.
pub fn made(
    table: &Table,
    findings: &[Finding],
    sources: &[Value],
    terms: &Terms<'_>,
) -> Vec<(String, Value)> {
    let mut all = vec![(urn(terms, "plan"), care_plan(table, terms))];
    all.extend(findings.iter().map(|finding| {
        let name = format!("{:?}", (finding.cause, finding.theme, &finding.lines));
        (urn(terms, &name), issue(finding, terms))
    }));
    let completeness = json!({ "resourceType": "OperationOutcome", "issue": sources });
    all.push((urn(terms, "completeness"), completeness));
    all
}

fn urn(terms: &Terms<'_>, name: &str) -> String {
    id::urn_of(&format!("collective/{}/{name}", terms.patient))
}

fn reference(to: &str, terms: &Terms<'_>) -> Value {
    json!({ "reference": format!("{}/{to}", terms.base) })
}

fn care_plan(table: &Table, terms: &Terms<'_>) -> Value {
    let language = terms.language;
    let mut plan = json!({
        "resourceType": "CarePlan",
        "meta": { "profile": [format!("{CANONICAL}/StructureDefinition/mylife-collective-plan")] },
        "language": language,
        "text": narrative(&lines_in_words(table, language)),
        "status": "active",
        "intent": "plan",
        "category": [{ "coding": [
            { "system": format!("{CANONICAL}/CodeSystem/plan"), "code": "collective-plan" },
        ] }],
        "title": texts::TITLE.of(language),
        "subject": reference(&format!("Patient/{}", terms.patient), terms),
        "created": terms.now.to_string(),
    });
    let members = [
        ("basedOn", plans(table, terms)),
        ("careTeam", teams(table, terms)),
        (
            "supportingInfo",
            table
                .circle
                .iter()
                .map(|circle| {
                    reference(&format!("QuestionnaireResponse/{}", circle.response), terms)
                })
                .collect(),
        ),
        ("goal", lines(table, terms, &[Sort::Goal])),
        ("activity", activities(table, terms)),
    ];
    if let Some(object) = plan.as_object_mut() {
        for (name, value) in members {
            if !value.is_empty() {
                object.insert(name.to_owned(), Value::Array(value));
            }
        }
    }
    plan
}

/// The plans that are there to show themselves, not only by a part.
fn plans(table: &Table, terms: &Terms<'_>) -> Vec<Value> {
    let shown = table.plans.iter().filter(|(_, plan)| plan.status.is_some());
    shown.map(|(id, _)| reference(&format!("CarePlan/{id}"), terms)).collect()
}

fn teams(table: &Table, terms: &Terms<'_>) -> Vec<Value> {
    let mut ids: Vec<&str> = table.team.iter().map(|member| member.plan.as_str()).collect();
    ids.dedup();
    ids.iter().map(|id| reference(&format!("CareTeam/{id}.ct"), terms)).collect()
}

/// Lines in order of theme, each once, with theme, owner and status beside the reference.
fn lines(table: &Table, terms: &Terms<'_>, sorts: &[Sort]) -> Vec<Value> {
    let mut all: Vec<&Line> =
        table.lines.iter().filter(|line| sorts.contains(&line.sort)).collect();
    all.sort_by_key(|line| (line.themes.iter().next().is_none(), line.themes.iter().next()));
    let one = |line: &Line| {
        let mut value = reference(&line.reference, terms);
        if let Some(object) = value.as_object_mut() {
            object.insert("extension".to_owned(), beside(table, line, terms));
        }
        value
    };
    all.into_iter().map(one).collect()
}

fn activities(table: &Table, terms: &Terms<'_>) -> Vec<Value> {
    let mut all = lines(table, terms, &[Sort::Service, Sort::Action, Sort::Proposal]);
    let reviews = table.reviews.iter().map(|review| reference(&review.reference, terms));
    all.extend(reviews);
    all.into_iter().map(|line| json!({ "reference": line })).collect()
}

/// What stands beside a line.
fn beside(table: &Table, line: &Line, terms: &Terms<'_>) -> Value {
    let url = |name: &str| format!("{CANONICAL}/StructureDefinition/collective-plan-{name}");
    let theme = |theme: Theme| {
        let name = text::theme(theme, terms.language);
        let coding = json!({ "system": THEME, "code": theme.code(), "display": name });
        json!({ "url": url("theme"), "valueCoding": coding })
    };
    let mut all: Vec<Value> = line.themes.iter().map(theme).collect();
    let mut owner = json!({ "display": table.owner(&line.plan) });
    let identifier = table.plans.get(&line.plan).and_then(|plan| plan.owner.0.as_ref());
    if let (Some(object), Some(value)) = (owner.as_object_mut(), identifier) {
        let identifier = json!({ "system": "urn:ietf:rfc:3986", "value": value });
        object.insert("identifier".to_owned(), identifier);
    }
    all.push(json!({ "url": url("owner"), "valueReference": owner }));
    if !line.status.is_empty() {
        all.push(json!({ "url": url("status"), "valueCode": line.status }));
    }
    Value::Array(all)
}

fn issue(finding: &Finding, terms: &Terms<'_>) -> Value {
    let sentence = texts::sentence(finding, terms.language);
    let system = format!("{CANONICAL}/CodeSystem/collective-plan-finding");
    let mut codings = vec![coding(&system, finding.cause.code())];
    codings.extend(finding.theme.map(|theme| coding(THEME, theme.code())));
    let implicated: Vec<Value> = finding.lines.iter().map(|line| reference(line, terms)).collect();
    json!({
        "resourceType": "DetectedIssue",
        "meta": { "profile": [format!("{CANONICAL}/StructureDefinition/mylife-collective-plan-finding")] },
        "language": terms.language,
        "text": narrative(std::slice::from_ref(&sentence)),
        "status": "preliminary",
        "code": { "coding": codings, "text": sentence.clone() },
        "severity": finding.cause.severity(),
        "patient": reference(&format!("Patient/{}", terms.patient), terms),
        "identifiedDateTime": terms.now.to_string(),
        "implicated": implicated,
        "detail": sentence,
    })
}

fn lines_in_words(table: &Table, language: &str) -> Vec<String> {
    let line = |line: &Line| {
        let themes: Vec<&str> =
            line.themes.iter().map(|theme| text::theme(theme, language)).collect();
        let said = line.text.as_deref().unwrap_or_else(|| texts::sort(line.sort, language));
        let state = texts::state(line, language);
        format!("{}: {said} ({}, {state})", themes.join(", "), table.owner(&line.plan))
    };
    let title = texts::TITLE.of(language).to_owned();
    std::iter::once(title).chain(table.lines.iter().map(line)).collect()
}

fn narrative(lines: &[String]) -> Value {
    let lines: String = lines.iter().map(|line| format!("<p>{}</p>", escape(line))).collect();
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{lines}</div>");
    json!({ "status": "generated", "div": div })
}
