//! What FHIR's definitions cost: validation beside reading the JSON, search expressions, and the start.
//!
//! `cargo bench --bench fhir`. Medians of interleaved rounds, in microseconds of one core. Of a
//! `QuestionnaireResponse` of thirty items: reading the text (as `serde_json` does, and strictly, as the
//! gateway does), stage one (the schema), and both stages. The limit is twice the reading.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "stand/machine.rs"]
mod machine;

use std::{fs, hint::black_box, time::Instant};

use mylife::{
    fhir::schema::Validator,
    fhirpath::{Expression, Scope, item::Item, model::Model},
    json::{self, Limits},
};
use serde_json::{Value, json};

const SEARCH: &str = include_str!("../../schemas/fhir/search.txt");
const MODEL: &str = include_str!("../../schemas/fhir/model.txt");
const GOOD: &str = include_str!("../fixtures/fhir/good.json");
const ROUNDS: usize = 15;
const TURNS: u32 = 400;

fn main() {
    println!("{}", machine::line());
    start();
    let validator = Validator::new().unwrap();
    validation(&validator);
    search(&validator);
}

/// Memory of this process, in kilobytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn start() {
    let before = resident();
    let began = Instant::now();
    let model = Model::read(MODEL).unwrap();
    let read = began.elapsed();
    println!("types: {:.1} ms, {} KB", read.as_secs_f64() * 1e3, resident() - before);
    drop(model);
    let before = resident();
    let began = Instant::now();
    let validator = Validator::new().unwrap();
    let made = began.elapsed();
    println!(
        "types and schema: {:.1} ms (at most 100), {:.1} MB (at most 15)",
        made.as_secs_f64() * 1e3,
        (resident() - before) as f64 / 1024.0
    );
    drop(validator);
}

/// Thirty items, as a portal sends them.
fn response() -> Value {
    let all: Vec<Value> = serde_json::from_str(include_str!("../fixtures/fhir/good.json")).unwrap();
    let kind = |one: &&Value| one["resourceType"] == "QuestionnaireResponse";
    let mut response = all.iter().find(kind).unwrap().clone();
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
    println!(
        "QuestionnaireResponse, {} bytes: reading {read} us (strictly {strictly}), schema {by_schema}, \
         both stages {in_both}: {:.2} of reading, {:.2} of strict reading (at most 2)",
        text.len(),
        median(&both) / median(&plain),
        median(&both) / median(&strict),
    );
}

fn search(validator: &Validator) {
    let model = validator.model();
    let mut all: Vec<Value> = serde_json::from_str(GOOD).unwrap();
    all.push(response());
    let (mut spent, mut count, mut slowest) = (0.0, 0.0, (0.0, ""));
    for resource in &all {
        let kind = resource["resourceType"].as_str().unwrap();
        for row in SEARCH.lines().filter(|row| row.split(' ').next() == Some(kind)) {
            let text = row.splitn(4, ' ').nth(3).unwrap();
            let expression = Expression::parse(text, model).unwrap();
            let once = || {
                let scope = Scope::of(model, resource).unwrap();
                let on = [Item::Node(scope.resource)];
                black_box(expression.evaluate(&scope, &on).unwrap());
            };
            let cost = median(&[(); 5].map(|()| time(once)));
            spent += cost;
            count += 1.0;
            if cost > slowest.0 {
                slowest = (cost, row);
            }
        }
    }
    println!(
        "search expressions: {:.2} us on average of {count} (at most 1); slowest {:.2}: {}",
        spent / count,
        slowest.0,
        slowest.1
    );
}
