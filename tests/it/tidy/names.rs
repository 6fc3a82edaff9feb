//! Names that say nothing are not names: neither modules nor types nor functions may have them.

use super::{none, rust};

/// Words that no name may hold.
const NOWHERE: [&str; 10] = [
    "common", "handler", "helper", "helpers", "impl", "manager", "misc", "util", "utils", "wrapper",
];
/// Words that no type, trait or module may hold.
const NOT_IN_TYPES: [&str; 4] = ["base", "data", "info", "service"];
/// Names of FHIR, which are exact, of what a plan consists of, and of a trait that is not ours.
const FHIR: [&str; 8] = [
    "ConsentData",
    "Data",
    "Service",
    "HealthcareService",
    "SampledData",
    "ServiceRequest",
    "healthcare_service",
    "service_request",
];

#[test]
fn every_name_says_something() {
    let faults = rust().into_iter().flat_map(|file| {
        let stem = file.path.rsplit('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let declared = declared(&file.text).into_iter().chain([("mod".to_owned(), stem)]);
        let bad = declared.filter_map(|(kind, name)| fault(&kind, &name));
        bad.map(|fault| format!("{}: {fault}", file.path)).collect::<Vec<_>>()
    });
    none(&faults.collect::<Vec<_>>());
}

#[test]
fn the_rule_of_names_catches_what_breaks_it() {
    let rows = [
        ("struct", "PlanManager", Some("manager")),
        ("fn", "get_plan", Some("get")),
        ("mod", "helpers", Some("helpers")),
        ("enum", "CallInfo", Some("info")),
        ("struct", "HealthcareService", None),
        ("fn", "service_of", None),
        ("fn", "base64_of", None),
        ("fn", "target", None),
    ];
    for (kind, name, word) in rows {
        let say = word.map(|word| format!("`{name}` says nothing by `{word}`"));
        assert_eq!(fault(kind, name), say);
    }
    let source = "pub(crate) async fn find<T>() {} // fn lost()\nstruct Plan;";
    let found = [("fn", "find"), ("struct", "Plan")].map(|(k, n)| (k.to_owned(), n.to_owned()));
    assert_eq!(declared(source), found);
}

/// What a source declares, as keyword and name.
fn declared(source: &str) -> Vec<(String, String)> {
    let kinds = ["enum", "fn", "mod", "struct", "trait", "type"];
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words: Vec<_> = code.flat_map(str::split_whitespace).collect();
    let pairs = words.windows(2).filter(|pair| kinds.contains(&pair[0]));
    pairs.map(|pair| (pair[0].to_owned(), name(pair[1]).to_owned())).collect()
}

/// The name a word opens with: `find` of `find<T>(`.
fn name(word: &str) -> &str {
    let end = word.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    &word[..end.unwrap_or(word.len())]
}

fn fault(kind: &str, name: &str) -> Option<String> {
    let exact = FHIR.contains(&name);
    let bare = FHIR.iter().filter(|f| f.len() > 7).fold(name.to_owned(), |n, f| n.replace(f, ""));
    let bare = if exact { String::new() } else { bare };
    let words = words(&bare);
    let first = words.first().filter(|word| *word == "get" && words.len() > 1);
    let nowhere = words.iter().find(|word| NOWHERE.contains(&word.as_str()));
    let in_types = words.iter().find(|w| kind != "fn" && NOT_IN_TYPES.contains(&w.as_str()));
    let bad = first.or(nowhere).or(in_types)?;
    Some(format!("`{name}` says nothing by `{bad}`"))
}

/// `PlanManager` and `plan_manager` as `plan`, `manager`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().unwrap().extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
