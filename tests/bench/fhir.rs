//! What FHIR's definitions cost: validation beside reading the JSON, search expressions, and the start.
//!
//! `cargo bench --bench fhir`. Medians of interleaved rounds, in microseconds of one core. Of a
//! `QuestionnaireResponse` of thirty items: reading the text (as `serde_json` does, and strictly, as the
//! gateway does), stage one (the schema), and both stages with the profile that it names. The limit is twice
//! what `serde_json` takes. Of every search parameter of R4 for the types of the published examples: its
//! evaluation.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "stand/goal.rs"]
mod goal;
#[path = "stand/machine.rs"]
mod machine;
#[path = "stand/memory.rs"]
mod memory;

use std::{hint::black_box, time::Instant};

use mylife::{
    fhir::{guide, schema::Validator},
    fhirpath::{Expression, Scope, item::Item, model::Model},
    json::{self, Limits},
};
use serde_json::{Value, json};

use self::{goal::verdict, memory::memory};

const SEARCH: &str = include_str!("../../schemas/fhir/search.txt");
const MODEL: &str = include_str!("../../schemas/fhir/model.txt");
/// What the definitions may add to the start, in milliseconds and MB.
const START: (f64, f64) = (100.0, 15.0);
/// What validation may take, in readings of the same text.
const READINGS: f64 = 2.0;
/// What the evaluation of an expression may take on average, in microseconds.
const EXPRESSION: f64 = 1.0;
const ROUNDS: usize = 15;
const TURNS: u32 = 400;

fn main() {
    println!("{}", machine::line());
    let validator = start();
    validation(&validator);
    search(&validator);
}

/// What the definitions add to a gateway that starts; the first thing in the process, so that nothing that was
/// freed is taken again.
fn start() -> Validator {
    let (before, heap_before) = (memory("self", "VmRSS"), memory("self", "RssAnon"));
    let began = Instant::now();
    let validator = Validator::new().unwrap();
    let made = began.elapsed().as_secs_f64() * 1e3;
    let held = || (memory("self", "VmRSS") - before) / 1000.0;
    let (first, heap) = (held(), (memory("self", "RssAnon") - heap_before) / 1000.0);
    // Invariants are read when they are first asked.
    assert!(validator.unread().is_empty());
    let whole = held();
    println!(
        "types, schema and profiles: {made:.1} ms; {} {:.0}",
        verdict(made <= START.0),
        START.0
    );
    println!(
        "their memory: {first:.1} MB, of which {heap:.1} MB heap and the rest pages of the program's file; \
         {whole:.1} MB when every invariant was asked; {} {:.0}",
        verdict(first <= START.1),
        START.1
    );
    let began = Instant::now();
    drop(Model::read(MODEL).unwrap());
    println!("of which types: {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    validator
}

/// Thirty items, as a portal sends them.
fn response() -> Value {
    let kind = |one: &Value| one["resourceType"] == "QuestionnaireResponse";
    let mut response = guide::examples().unwrap().into_iter().find(kind).unwrap();
    let items: Vec<Value> = (0..10)
        .map(|at| {
            json!({
                "linkId": format!("theme-{at}"),
                "text": "Kuinka tyytyväinen olet nykyhetkeen tällä elämäsi alueella?",
                "item": [
                    { "linkId": format!("theme-{at}/importance"), "answer": [{ "valueInteger": at }] },
                    { "linkId": format!("theme-{at}/satisfaction"), "answer": [{ "valueInteger": at }] },
                    { "linkId": format!("theme-{at}/future"), "answer": [{ "valueString": "Toivon, että arki kevenee." }] },
                ],
            })
        })
        .collect();
    response["item"] = items.into();
    response
}

/// Microseconds of one turn.
fn time(mut turn: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..TURNS {
        turn();
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(TURNS)
}

fn median(all: &[f64]) -> f64 {
    let [_, median, _] = machine::quartiles(all.iter().copied());
    median
}

fn validation(validator: &Validator) {
    let value = response();
    let text = serde_json::to_vec(&value).unwrap();
    assert!(validator.accepts(&value), "{:?}", validator.faults(&value));
    let [mut plain, mut strict, mut schema, mut both] = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        plain.push(time(|| {
            black_box(serde_json::from_slice::<Value>(&text).unwrap());
        }));
        strict.push(time(|| {
            black_box(json::parse(&text, &Limits::default()).unwrap());
        }));
        schema.push(time(|| {
            black_box(validator.matches_schema(&value));
        }));
        both.push(time(|| {
            black_box(validator.accepts(&value));
        }));
    }
    let times = [&plain, &strict, &schema, &both];
    let [read, strictly, by_schema, in_both] =
        times.map(|all| machine::spread(all.iter().copied(), 1));
    let readings = median(&both) / median(&plain);
    println!(
        "QuestionnaireResponse, {} bytes: reading {read} us (strictly {strictly}), schema {by_schema}, \
         both stages {in_both}: {readings:.2} of reading, {:.2} of strict reading; {} {READINGS:.0}",
        text.len(),
        median(&both) / median(&strict),
        verdict(readings <= READINGS),
    );
}

/// Every search parameter that R4 has for a type, on what a gateway gave out of that type.
fn search(validator: &Validator) {
    let model = validator.model();
    let all = guide::examples().unwrap();
    let rows: Vec<Vec<&str>> = SEARCH.lines().map(|row| row.splitn(4, ' ').collect()).collect();
    let mut costs: Vec<(f64, String)> = Vec::new();
    for resource in &all {
        let kind = resource["resourceType"].as_str().unwrap();
        // What every type has counts for those that have something of their own.
        let own = rows.iter().any(|row| row[0] == kind);
        for row in rows.iter().filter(|row| row[0] == kind || own && row[0] == "Resource") {
            let expression = Expression::parse(row[3], model).unwrap();
            let once = || {
                let scope = Scope::of(model, resource).unwrap();
                let on = [Item::Node(scope.resource)];
                black_box(expression.evaluate(&scope, &on).unwrap());
            };
            costs.push((median(&[(); 5].map(|()| time(once))), format!("{kind} {}", row[1])));
        }
    }
    let (sum, count) = (costs.iter().map(|one| one.0).sum::<f64>(), costs.len() as f64);
    costs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let slowest: Vec<String> =
        costs.iter().take(5).map(|(cost, name)| format!("{name} {cost:.2}")).collect();
    println!(
        "search expressions: {:.2} us on average of {count}; {} {EXPRESSION:.0}; median {:.2}; slowest: {}",
        sum / count,
        verdict(sum / count <= EXPRESSION),
        median(&costs.iter().map(|one| one.0).collect::<Vec<_>>()),
        slowest.join(", "),
    );
}
