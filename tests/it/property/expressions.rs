//! Search finds exactly what R4's own expression of the parameter yields: each parameter of each mapped
//! resource, by HL7's `FHIRPath` and a reading of values written here from R4's search.html.

use std::{collections::BTreeSet, fmt::Write, fs};

use mylife::{
    fhir::{
        date,
        param::{self, Type},
        path,
        schema::Validator,
        segment::RowValue,
        types::ResourceType,
    },
    fhirpath::{
        Expression, Scope,
        item::{Item, Node},
        model::Model,
    },
};
use proptest::prelude::*;
use serde_json::Value;

use super::{MANY, validity::Mapped, world::somebody};

const SEARCH: &str = include_str!("../../../schemas/fhir/search.txt");
/// Parameters that look deeper than R4's expression does: a Consent's rules within rules, and the items
/// within items of a Questionnaire. What the expression yields is found all the same.
const DEEPER: [(&str, &str); 8] = [
    ("Consent", "action"),
    ("Consent", "actor"),
    ("Consent", "data"),
    ("Consent", "period"),
    ("Consent", "purpose"),
    ("Consent", "security-label"),
    ("Questionnaire", "code"),
    ("Consent", "organization"),
];

/// R4's expression of a parameter.
fn expression(kind: ResourceType, name: &str) -> &'static str {
    let rows = || SEARCH.lines().map(|row| row.splitn(4, ' ').collect::<Vec<_>>());
    let of = |base: &str| rows().find(|row| row[0] == base && row[1] == name);
    if name == "_id" {
        return "Resource.id";
    }
    let found = of(kind.name()).or_else(|| of("Resource"));
    found.unwrap_or_else(|| panic!("{kind} has no parameter {name} in R4"))[3]
}

/// The values that a place has for a parameter of this type.
fn values(node: &Node<'_>, of: Type, model: &Model<'_>) -> Vec<String> {
    let value = node.value.unwrap();
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let token = |system: Option<&str>, code: &str| format!("{system:?}|{code}");
    let coding = |coding: &Value| {
        let part = |name: &str| coding.get(name).and_then(Value::as_str);
        part("code").map(|code| token(part("system"), code))
    };
    match (of, model.name(node.kind)) {
        (Type::Date, "Period") => {
            let edge = |name: &str| text(name).map(|at| date::range(at).unwrap());
            vec![format!("{:?} {:?}", edge("start").map(|r| r.0), edge("end").map(|r| r.1))]
        }
        (Type::Date, "date" | "dateTime" | "instant") => {
            let (first, last) = date::range(value.as_str().unwrap()).unwrap();
            vec![format!("{:?} {:?}", Some(first), Some(last))]
        }
        (Type::Reference, "Reference") => {
            let to = text("reference").map(|to| to.split("/_history").next().unwrap().to_owned());
            to.into_iter().collect()
        }
        (Type::Canonical | Type::Uri, "canonical" | "uri") => {
            vec![value.as_str().unwrap().to_owned()]
        }
        (Type::Text, "string") => vec![value.as_str().unwrap().to_owned()],
        (Type::Text, "HumanName" | "Address") => ["text", "family", "given", "line", "city"]
            .iter()
            .flat_map(|name| match value.get(name) {
                Some(Value::Array(all)) => all.clone(),
                Some(one) => vec![one.clone()],
                None => Vec::new(),
            })
            .map(|text| text.as_str().unwrap().to_owned())
            .collect(),
        (Type::Token, "CodeableConcept") => {
            let all = value.get("coding").and_then(Value::as_array);
            all.into_iter().flatten().filter_map(coding).collect()
        }
        (Type::Token, "Coding") => coding(value).into_iter().collect(),
        (Type::Token, "Identifier") => {
            text("value").map(|code| token(text("system"), code)).into_iter().collect()
        }
        (Type::Token, "ContactPoint") => {
            text("value").map(|code| token(None, code)).into_iter().collect()
        }
        (Type::Token, "code" | "id" | "string" | "boolean") => {
            let code = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            vec![token(None, &code)]
        }
        (of, kind) => panic!("no values of {of:?} in {kind}"),
    }
}

/// The same of a row of ours.
fn shown(value: &RowValue<&str>) -> String {
    use mylife::domain::moment::Moment;
    match value {
        RowValue::Token { system, code } => format!("{system:?}|{code}"),
        RowValue::Date(first, last) => {
            let (first, last) = (Some(*first), Some(*last));
            let first = first.filter(|at| *at != Moment::MIN);
            format!("{first:?} {:?}", last.filter(|at| *at != Moment::MAX))
        }
        RowValue::Reference(kind, id) => format!("{kind}/{id}"),
        RowValue::Uri(text) | RowValue::Text(text) => (*text).to_owned(),
        RowValue::Computed(slot) => format!("{slot:?}"),
    }
}

/// Compares every parameter of a resource; says how many values were compared.
pub(super) fn compare(resource: &Value, validator: &Validator) -> usize {
    let model = validator.model();
    let kind = ResourceType::parse(resource["resourceType"].as_str().unwrap()).unwrap();
    let scope = Scope::of(model, resource).unwrap();
    let mut count = 0;
    for param @ (name, of) in param::COMMON.iter().chain(param::of(kind)).copied() {
        let text = expression(kind, name);
        let read = Expression::parse(text, model).unwrap();
        let items = read.evaluate(&scope, &[Item::Node(scope.resource)]).unwrap();
        // When a Timing is, we do not say; nothing of ours has one.
        let nodes = items.iter().map(|item| item.node().unwrap());
        let nodes = nodes.filter(|node| model.name(node.kind) != "Timing");
        let said: BTreeSet<String> = nodes.flat_map(|node| values(node, of, model)).collect();
        let found: BTreeSet<String> =
            path::values(kind, param, resource).iter().map(shown).collect();
        count += said.len();
        if DEEPER.contains(&(kind.name(), name)) {
            assert!(said.is_subset(&found), "{kind} {name}: {said:?} {found:?}");
        } else {
            assert_eq!(said, found, "{kind} {name} {text}");
        }
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: MANY / 10, failure_persistence: None, max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn search_finds_exactly_what_hl7s_expression_yields(one in somebody()) {
        let mapped = Mapped::of(&one);
        let all = mapped.everything();
        for resource in mapped.resources() {
            let Some(text) = mapped.write(resource, &all) else { continue };
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert!(compare(&value, &super::validity::VALIDATOR) > 2);
        }
    }
}

/// What ours says of each resource by each expression of its type, for another evaluator to be asked
/// (`tests/judges/fhirpath.py`).
#[test]
fn what_ours_says_is_written_down_for_another_judge() {
    let mut all: Vec<Value> =
        serde_json::from_str(include_str!("../../fixtures/fhir/good.json")).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..30 {
        let one =
            proptest::strategy::ValueTree::current(&somebody().new_tree(&mut runner).unwrap());
        let mapped = Mapped::of(&one);
        let everything = mapped.everything();
        let texts = mapped.resources().filter_map(|resource| mapped.write(resource, &everything));
        all.extend(texts.map(|text| serde_json::from_str::<Value>(&text).unwrap()));
    }
    let model = super::validity::VALIDATOR.model();
    let mut said = String::new();
    for resource in &all {
        let scope = Scope::of(model, resource).unwrap();
        let rows = SEARCH.lines().map(|row| row.splitn(4, ' ').collect::<Vec<_>>());
        for row in rows.filter(|row| resource["resourceType"] == row[0]) {
            let read = Expression::parse(row[3], model).unwrap();
            let found = read.evaluate(&scope, &[Item::Node(scope.resource)]).unwrap();
            let found: Vec<Value> = found
                .iter()
                .map(|item| {
                    if let Item::Boolean(value) = item {
                        return (*value).into();
                    }
                    let Item::Node(node) = item else { panic!("{item:?}") };
                    node.value.cloned().unwrap()
                })
                .collect();
            let line =
                serde_json::json!({ "expression": row[3], "resource": resource, "found": found });
            writeln!(said, "{line}").unwrap();
        }
    }
    assert!(said.lines().count() > 1000);
    fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/fhirpath-said.ndjson"), said).unwrap();
}

#[test]
fn so_it_does_in_a_resource_of_each_type() {
    let all: Vec<Value> =
        serde_json::from_str(include_str!("../../fixtures/fhir/good.json")).unwrap();
    let served = all.iter().filter(|one| {
        one["resourceType"].as_str().is_some_and(|kind| ResourceType::parse(kind).is_some())
    });
    assert!(served.map(|one| compare(one, &super::validity::VALIDATOR)).sum::<usize>() > 40);
}
