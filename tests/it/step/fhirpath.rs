//! `fhirpath`: HL7's test suite but for the rows of `tests/tables/fhirpath.txt`, and the bounds.

mod suite;

use std::sync::LazyLock;

use mylife::{
    fhir::schema::Validator,
    fhirpath::{Expression, Scope, decimal::Decimal, item::Item, temporal::Temporal},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const UNSUPPORTED: &str = include_str!("../../tables/fhirpath.txt");
const SEARCH: &str = include_str!("../../../schemas/fhir/search.txt");

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new().unwrap());

/// What an expression says of a resource, as text; or why it says nothing.
fn said(expression: &str, resource: &Value) -> Result<Vec<String>, String> {
    let model = VALIDATOR.model();
    let why = |error: mylife::error::Error| error.say().to_owned();
    let read = Expression::parse(expression, model).map_err(why)?;
    let mut scope = Scope::of(model, resource).unwrap();
    scope.now = Temporal::date_time("2026-11-22T09:30:00+02:00");
    let scope = scope.within(20_000);
    let found = read.evaluate(&scope, &[Item::Node(scope.resource)]).map_err(why)?;
    Ok(found.iter().map(|item| suite::shown(item, model).1).collect())
}

/// The unsupported rows.
fn unsupported() -> Vec<&'static str> {
    let rows = UNSUPPORTED.lines().filter(|row| !row.is_empty() && !row.starts_with('#'));
    rows.map(|row| row.split_once(": ").unwrap().0).collect()
}

#[test]
fn hl7s_suite_passes_but_for_what_the_table_lists() {
    let mut failed: Vec<String> = suite::all()
        .iter()
        .filter(|test| !test.passes(VALIDATOR.model()))
        .map(|test| format!("{}/{}", test.group, test.name))
        .collect();
    failed.dedup();
    assert_eq!(suite::all().len(), 762);
    assert_eq!(failed, unsupported());
}

#[test]
fn every_invariant_and_search_parameter_of_our_types_can_be_read() {
    assert!(VALIDATOR.unread().is_empty(), "{:?}", VALIDATOR.unread());
    let mut read = 0;
    for row in SEARCH.lines() {
        let mut words = row.splitn(4, ' ');
        // `_id` is `id` alone in R4's own list, and so are both rows of it here.
        let (base, code, _, expression) = (
            words.next().unwrap(),
            words.next().unwrap(),
            words.next().unwrap(),
            words.next().unwrap(),
        );
        let resource = json!({ "resourceType": base, "id": "a" });
        if base != "Resource" && base != "DomainResource" {
            assert!(said(expression, &resource).is_ok(), "{base} {code} {expression}");
            read += 1;
        }
    }
    assert!(read > 250, "{read}");
}

#[test]
fn what_is_not_supported_is_an_error_and_never_empty() {
    let patient = json!({ "resourceType": "Patient", "active": true });
    for expression in [
        "Patient.memberOf('http://hl7.org/fhir/ValueSet/x')",
        "Patient.conformsTo('x')",
        "Patient.elementDefinition()",
        "Patient.lowBoundary()",
        "Patient.nonsense",
        "Patient.active.is(Nonsense)",
        "%nonsense",
        "Patient.active +",
        "iif(true)",
    ] {
        assert!(said(expression, &patient).is_err(), "{expression}");
    }
}

#[test]
fn a_reference_that_is_not_at_hand_tells_its_type_and_nothing_else() {
    let goal = json!({ "resourceType": "Goal", "subject": { "reference": "Patient/1" } });
    let told = |expression: &str| said(expression, &goal);
    assert_eq!(told("Goal.subject.resolve() is Patient"), Ok(vec!["true".to_owned()]));
    assert_eq!(told("Goal.subject.resolve() is Group"), Ok(vec!["false".to_owned()]));
    assert!(told("Goal.subject.resolve().name").is_err());
}

#[test]
fn without_a_clock_nobody_asks_the_time() {
    let model = VALIDATOR.model();
    let patient = json!({ "resourceType": "Patient" });
    let scope = Scope::of(model, &patient).unwrap();
    let asked = Expression::parse("now()", model).unwrap();
    assert!(asked.evaluate(&scope, &[Item::Node(scope.resource)]).is_err());
}

#[test]
fn the_worst_expressions_end_within_their_steps() {
    let many: Vec<Value> = (0..2000).map(|at| json!({ "given": [format!("a{at}")] })).collect();
    let patient = json!({ "resourceType": "Patient", "name": many });
    let deep = format!("{}1{}", "(".repeat(200), ")".repeat(200));
    let signs = format!("{}1", "-".repeat(4000));
    let long = format!("1{}", "+1".repeat(4000));
    for expression in [
        "name.where(%resource.name.where(%resource.name.exists()).exists())",
        "name.select(%resource.descendants()).select(%resource.descendants())",
        "name.repeat($this | %resource.name)",
        "name.aggregate($total | $total | $this | %resource.descendants().combine($total))",
        &deep,
        &signs,
        &long,
    ] {
        assert!(said(expression, &patient).is_err(), "{expression:.80}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written, it is read or refused, and ends.
    #[test]
    fn no_text_breaks_the_reader(text in "[a-z0-9.()'@%$\\[\\]{}|=<>~!,+*/ `T:-]{0,60}") {
        let patient = json!({ "resourceType": "Patient", "active": true });
        let told = said(&text, &patient);
        prop_assert!(told.is_ok() || told.is_err());
    }

    /// Whatever is put together of its words, it is read or refused, and ends.
    #[test]
    fn no_row_of_words_breaks_the_evaluator(words in proptest::collection::vec(proptest::sample::select(vec![
        "Patient", "name", "given", ".", "(", ")", "where", "select", "repeat", "$this", "descendants()",
        "children()", "[", "]", "0", "1.5", "'a'", "|", "=", "~", "and", "implies", "is", "Patient", "+",
        "-", "*", "/", "div", "@2026-11", "3 days", "{}", "count()", "first()", "not()", "resolve()",
        "toString()", "iif(true,1,2)", "exists()", "type()", ",", "%resource", "combine", "union",
    ]), 0..20)) {
        let patient = json!({ "resourceType": "Patient", "name": [{ "given": ["a", "b"] }] });
        let told = said(&words.concat(), &patient);
        let spaced = said(&words.join(" "), &patient);
        prop_assert!(told.is_ok() || spaced.is_ok() || spaced.is_err());
    }

    /// Decimals keep every digit, and add up as in a school book.
    #[test]
    fn decimals_are_exact(a in -1_000_000_000_i64..1_000_000_000, b in -1_000_000_000_i64..1_000_000_000) {
        let cents = |n: i64| {
            let sign = if n < 0 { "-" } else { "" };
            format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100)
        };
        let read = |n: i64| Decimal::parse(&cents(n)).unwrap();
        prop_assert_eq!(read(a).to_string(), cents(a));
        prop_assert_eq!(read(a).plus(read(b)).unwrap().to_string(), cents(a + b));
        let product = i128::from(a) * i128::from(b);
        let sign = if product < 0 { "-" } else { "" };
        let shown = format!("{sign}{}.{:04}", product.abs() / 10_000, product.abs() % 10_000);
        prop_assert_eq!(read(a).times(read(b)).unwrap().to_string(), shown);
    }

    /// A day later and a day earlier is the same day, over every month and leap year.
    #[test]
    fn time_goes_there_and_back(days in 0_i64..800_000, count in 0_i64..100_000) {
        let start = jiff::civil::date(1, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        let later = start.checked_add(jiff::Span::new().days(count)).unwrap();
        let patient = json!({ "resourceType": "Patient" });
        let told = said(&format!("(@{start} + {count} days).toString() & ' ' & ((@{start} + {count} days) - {count} days).toString()"), &patient);
        prop_assert_eq!(told, Ok(vec![format!("{later} {start}")]));
    }
}
