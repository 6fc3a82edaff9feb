//! The consent decision: worked cases, properties, boundaries in time, and what may be written.

mod boundaries;
mod families;
mod import;
mod parts;
mod profile;
mod properties;
pub(crate) mod published;
mod twice;
mod twin;
mod world;

use mylife::{consent::cases, error::Kind};

const GOLDEN: &[u8] = include_bytes!("../../fixtures/consent-decisions.json");
const EDGES: &[u8] = include_bytes!("../../fixtures/consent-edges.json");

#[test]
fn every_golden_case_comes_out_as_written() {
    assert_eq!(wrong(GOLDEN), (78, Vec::new()));
}

#[test]
fn what_is_unknown_malformed_or_vague_takes_the_closed_side() {
    assert_eq!(wrong(EDGES), (165, Vec::new()));
}

#[test]
fn a_mismatch_says_what_was_expected_and_what_came_out() {
    let file = br#"{"defaults": {"store": {}, "unit": {"class": "item", "resource": "Goal"},
        "q": {"now": "2026-06-01T12:00:00Z", "patient": "Patient/p1", "scopes": ["user/*.rs"]}},
        "cases": [{"name": "a", "expect": "permit", "why": "allowed", "basis": ["c1"]},
                  {"name": "b", "expect": "deny", "why": "default"},
                  {"name": "c", "expect": "deny", "why": "bar"}]}"#;
    let said = [
        "a: expected permit (allowed) by [c1], got deny (default) by []",
        "c: expected deny (bar), got deny (default)",
    ];
    assert_eq!(wrong(file), (3, said.map(str::to_owned).to_vec()));
}

#[test]
fn a_file_that_cannot_be_read_says_which_case_and_what() {
    let rows = [
        ("[", "The file is not JSON"),
        ("{}", "`defaults` is not an object"),
        (r#"{"defaults": {}}"#, "The file needs an array `cases`."),
        (&with("3"), "Case 1 (without a name): it is not an object."),
        (&with(r#"{"name": "x"}"#), "Case 1 (x): `expect` is not permit or deny."),
        (
            &with(r#"{"name": "x", "expect": "deny", "why": "law"}"#),
            "Case 1 (x): `why` is not one of the six steps.",
        ),
        (&denied(r#""q": 1"#), "Case 1 (x): `q` is not an object."),
        (&denied(r#""stores": {}"#), "Case 1 (x): it has an unknown member `stores`."),
        (&denied(r#""q": {"now": "noon"}"#), "Case 1 (x): `q` cannot be read: an instant"),
        (&denied(r#""q": {"purposes": []}"#), "unknown field `purposes`"),
        (&denied(r#""unit": {"class": "x"}"#), "unit.class `x` is not a sort of unit."),
        (&denied(r#""store": {"grounds": [{"id": "l", "theme": "*"}]}"#), "unknown field `theme`"),
        (
            &denied(r#""store": {"grounds": [{"id": "l", "themes": "all"}]}"#),
            r#"a list of codes or "*""#,
        ),
    ];
    for (file, say) in rows {
        let error = cases::run(file.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.say().contains(say), "{} should hold {say}", error.say());
    }
}

fn wrong(file: &[u8]) -> (usize, Vec<String>) {
    let report = cases::run(file).unwrap_or_else(|error| panic!("{error}"));
    (report.run, report.mismatches.iter().map(ToString::to_string).collect())
}

fn with(case: &str) -> String {
    let q = r#"{"now": "2026-06-01T12:00:00Z", "patient": "Patient/p1"}"#;
    let unit = r#"{"class": "item", "resource": "Goal"}"#;
    format!(r#"{{"defaults": {{"store": {{}}, "q": {q}, "unit": {unit}}}, "cases": [{case}]}}"#)
}

fn denied(more: &str) -> String {
    with(&format!(r#"{{"name": "x", "expect": "deny", "why": "scope", {more}}}"#))
}
