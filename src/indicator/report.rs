//! The `MeasureReport`: every cell there is, each with its number or the reason that there is none.
//!
//! Part of `indicator`. It has the same cells whoever is held. What is computed of numbers, a share, is
//! computed of those that are told. Source: FHIR R4 measurereport.html.

use serde_json::{Map, Value, json};

use super::{
    cell::Cell,
    measure::{Age, Class},
    question::Question,
    table::{BASE, Figure, LEAST, Table},
};
use crate::{
    directory::{Area, Directory},
    domain::{id::NodeCode, moment::Moment, theme::Theme},
    fhir::{coding::concept, labels::CANONICAL},
};

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const UNITS: &str = "http://unitsofmeasure.org";

/// What a report is made of beside the numbers.
pub struct Terms<'a> {
    /// What was asked.
    pub question: Question,
    /// Which counties there are.
    pub directory: &'a Directory,
    /// How complete each source's part is, as issues.
    pub sources: Vec<Value>,
    /// Instant of the answer.
    pub now: Moment,
}

/// Where people are counted.
#[derive(Clone, Copy)]
enum Place<'a> {
    Source(&'a NodeCode),
    Area(&'a Area),
}

/// The report of a table.
pub fn report(table: &Table, terms: &Terms<'_>) -> Value {
    let Terms { question, directory, sources, now } = terms;
    let nodes: Vec<&NodeCode> = table.nodes().collect();
    let is_asked = |area: &&Area| area.nodes.iter().all(|node| nodes.contains(&node));
    let municipalities: Vec<Place<'_>> = nodes.iter().map(|node| Place::Source(node)).collect();
    let counties: Vec<Place<'_>> =
        directory.areas().iter().filter(is_asked).map(Place::Area).collect();
    let group = |theme: Theme| {
        let all = [("municipality", &municipalities), ("county", &counties)];
        let all = all.into_iter().filter(|(_, places)| !places.is_empty());
        let stratifiers: Vec<Value> =
            all.map(|(name, places)| stratifier(table, *question, theme, (name, places))).collect();
        let mut group = json!({ "code": of_ours("theme", theme.code()) });
        if let (Some(group), false) = (group.as_object_mut(), stratifiers.is_empty()) {
            group.insert("stratifier".to_owned(), stratifiers.into());
        }
        group
    };
    let title = question.measure.title();
    let say = format!(
        "{title}, {}. Numbers of people, rounded to multiples of {BASE}; fewer than {LEAST} are not told.",
        question.year
    );
    let [start, end] = question.days();
    json!({
        "resourceType": "MeasureReport",
        "meta": { "profile": [format!("{CANONICAL}/StructureDefinition/mylife-measurereport")] },
        "language": "en",
        "text": {
            "status": "generated",
            "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{say}</p></div>"),
        },
        "contained": [{ "resourceType": "OperationOutcome", "id": "sources", "issue": sources }],
        "extension": [{
            "url": format!("{CANONICAL}/StructureDefinition/report-sources"),
            "valueReference": { "reference": "#sources" },
        }],
        "status": "complete",
        "type": "summary",
        "measure": format!("{CANONICAL}/Measure/{}", question.measure.code()),
        "date": now.to_string(),
        "period": { "start": start, "end": end },
        "improvementNotation": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/measure-improvement-notation",
            "code": "increase",
        }] },
        "group": Theme::ALL.map(group),
    })
}

/// One theme by places of one sort, and by age.
fn stratifier(
    table: &Table,
    question: Question,
    theme: Theme,
    (name, places): (&str, &[Place<'_>]),
) -> Value {
    let strata = places.iter().flat_map(|place| Age::ALL.map(|age| (*place, age)));
    let stratum = |(place, age): (Place<'_>, Age)| {
        let figures = question.measure.classes().map(|class| {
            let cell = Cell { theme, age, class };
            let figure = match place {
                Place::Source(node) => table.of_source(node, cell),
                Place::Area(area) => table.of_area(&area.nodes, cell),
            };
            (class, figure)
        });
        let value = match place {
            Place::Source(node) => json!({ "coding": [{
                "system": format!("{CANONICAL}/sid/node"), "code": node.as_str() }] }),
            Place::Area(area) => json!({
                "coding": [{ "system": format!("{CANONICAL}/sid/area"), "code": area.code }],
                "text": area.name.en,
            }),
        };
        let mut stratum = json!({
            "component": [
                { "code": of_ours("indicator", name), "value": value },
                { "code": of_ours("indicator", "age-group"), "value": of_ours("age-group", age.code()) },
            ],
            "population": figures.map(population),
        });
        if let (Some(stratum), Some(share)) = (stratum.as_object_mut(), share(figures)) {
            let score = json!({ "value": share, "unit": "%", "system": UNITS, "code": "%" });
            stratum.insert("measureScore".to_owned(), score);
        }
        stratum
    };
    json!({
        "code": [of_ours("indicator", name), of_ours("indicator", "age-group")],
        "stratum": strata.map(stratum).collect::<Vec<_>>(),
    })
}

/// How many are of a class, or why that is not told.
fn population((class, figure): (Class, Figure)) -> Value {
    let mut population = Map::new();
    population.insert("code".to_owned(), of_ours("indicator", class.code()));
    let absent = |reason: &str| json!({ "extension": [{ "url": ABSENT, "valueCode": reason }] });
    let (name, value) = match figure {
        Figure::Told(count) => ("count", json!(count)),
        Figure::Withheld => ("_count", absent("masked")),
        Figure::Unknown => ("_count", absent("unknown")),
    };
    population.insert(name.to_owned(), value);
    population.into()
}

/// The share, in percent, of the class to be wished for; of numbers that are told alone.
fn share(figures: [(Class, Figure); 3]) -> Option<u64> {
    let told = figures.map(|(_, figure)| match figure {
        Figure::Told(count) => Some(count),
        Figure::Withheld | Figure::Unknown => None,
    });
    let [Some(low), Some(middle), Some(high)] = told else { return None };
    (200 * high + low + middle + high).checked_div(2 * (low + middle + high))
}

fn of_ours(system: &str, code: &str) -> Value {
    concept(&format!("{CANONICAL}/CodeSystem/{system}"), code)
}
