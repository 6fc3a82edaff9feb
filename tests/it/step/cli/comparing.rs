//! The integrator's bench: invented people, and what differs between two resources.

use std::collections::BTreeSet;

use mylife::{
    cli::exit::Exit,
    fhir::difference::{Change, differences},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::config::{Dir, around, run};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_sandbox_is_the_same_for_the_same_arguments_and_all_of_it_is_good() {
    let make = |arguments: &[&str]| {
        let (exit, said, wrong) = run(&around(), &[&["sandbox"], arguments].concat());
        assert_eq!((exit, wrong.as_str()), (Exit::Fine, ""));
        said
    };
    let many = make(&["--people", "230", "--seed", "7"]);
    assert_eq!(many, make(&["--people", "230", "--seed", "7"]));
    assert_ne!(many, make(&["--people", "230", "--seed", "8"]));
    assert_ne!(many, make(&["--people", "230", "--seed", "7", "--today", "2025-01-31"]));
    let few = make(&["--people", "20", "--seed", "7"]);
    assert!(many.starts_with(&few), "the first of many are those of few");
    let all = lines(&many);
    let of = |schema: &'static str| all.iter().filter(move |one| one["schema"] == schema);
    let people: Vec<&Value> = of("mylife/person/1").collect();
    let codes: BTreeSet<&str> =
        people.iter().map(|one| one["identity_code"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), 230, "nobody has the code of another");
    assert!(codes.iter().all(|code| &code[7..8] == "9"), "codes that are issued to nobody");
    let texts = |name: &str, of: &[&Value]| -> BTreeSet<String> {
        of.iter().map(|one| one[name].as_str().unwrap_or("18+").to_owned()).collect()
    };
    assert_eq!(texts("language", &people), ["fi", "sv"].map(str::to_owned).into());
    let assessments: Vec<&Value> = of("mylife/assessment/1").collect();
    let groups = ["10-13", "14-17", "18+", "7-9", "families"].map(str::to_owned);
    assert_eq!(texts("age_group", &assessments), groups.into());
    assert!(of("mylife/plan/1").next().is_some());
    let dir = Dir::new("cli-sandbox");
    let file = dir.write("people.ndjson", &many).display().to_string();
    let (exit, said, _) = run(&around(), &["validate", &file]);
    assert_eq!((exit, said.as_str()), (Exit::Fine, &*format!("{} good, 0 refused\n", all.len())));
    // Of one municipality there are only its own documents.
    let kuopio = make(&["--people", "30", "--municipality", "297"]);
    let kuopio = lines(&kuopio);
    assert!(
        !kuopio.is_empty()
            && kuopio.iter().all(|one| one["id"].as_str().unwrap().starts_with("kuopio"))
    );
    for wrong in [["--municipality", "999"], ["--today", "2026-13-01"]] {
        let (exit, _, said) = run(&around(), &["sandbox", wrong[0], wrong[1]]);
        assert_eq!(exit, Exit::Usage, "{said}");
        assert!(said.contains(wrong[0]), "{said}");
    }
}

fn response() -> Value {
    json!({
        "resourceType": "QuestionnaireResponse", "id": "297.a", "meta": { "versionId": "1" },
        "status": "completed", "authored": "2026-02-01T10:00:00Z",
        "item": [
            { "linkId": "housing", "item": [
                { "linkId": "housing.satisfaction", "answer": [{ "valueInteger": 7 }] },
                { "linkId": "housing.comment", "answer": [{ "valueString": "ok" }] } ] },
            { "linkId": "health", "item": [
                { "linkId": "health.satisfaction", "answer": [{ "valueInteger": 3 }] }] },
        ],
    })
}

fn told(first: &Value, second: &Value) -> Vec<String> {
    let mark = |change| match change {
        Change::Added => '+',
        Change::Changed => '~',
        Change::Removed => '-',
    };
    let all = differences(first, second);
    all.iter().map(|one| format!("{} {}", mark(one.change), one.path)).collect()
}

#[test]
fn what_differs_is_told_by_element_and_order_says_nothing_where_fhir_gives_it_none() {
    let first = response();
    // Items, times and lists written in another way are the same.
    let mut second = response();
    second["item"].as_array_mut().unwrap().reverse();
    second["item"][1]["item"].as_array_mut().unwrap().reverse();
    second["authored"] = json!("2026-02-01T12:00:00.000+02:00");
    assert_eq!(told(&first, &second), Vec::<String>::new());
    second["item"][1]["item"][1]["answer"][0]["valueInteger"] = json!(8);
    second["item"][0]["linkId"] = json!("finance");
    second["language"] = json!("fi");
    second.as_object_mut().unwrap().remove("status");
    assert_eq!(
        told(&first, &second),
        [
            "~ QuestionnaireResponse.item[0].item[0].answer[0].valueInteger",
            "+ QuestionnaireResponse.item[0]",
            "- QuestionnaireResponse.item[1]",
            "+ QuestionnaireResponse.language",
            "- QuestionnaireResponse.status",
        ]
    );
    // Names have an order; codings and identifiers have none.
    let person = |given: [&str; 2], codes: [&str; 2]| {
        let coding = codes.map(|code| json!({ "system": "urn:x", "code": code }));
        json!({ "resourceType": "Patient", "name": [{ "given": given }],
            "maritalStatus": { "coding": coding } })
    };
    let aino = person(["Aino", "Maria"], ["a", "b"]);
    assert_eq!(told(&aino, &person(["Aino", "Maria"], ["b", "a"])), Vec::<String>::new());
    let swapped = told(&aino, &person(["Maria", "Aino"], ["a", "b"]));
    assert_eq!(swapped, ["~ Patient.name[0].given[0]", "~ Patient.name[0].given[1]"]);
    // In a Bundle each resource is compared with its like, wherever it stands.
    let bundle = |all: Vec<Value>| {
        let entries: Vec<Value> = all.into_iter().map(|one| json!({ "resource": one })).collect();
        json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries })
    };
    let goal = |id: &str, status: &str| json!({ "resourceType": "Goal", "id": id, "lifecycleStatus": status });
    let one = bundle(vec![goal("1", "active"), goal("2", "active")]);
    let other = bundle(vec![goal("3", "active"), goal("2", "completed"), goal("1", "active")]);
    let all = differences(&one, &other);
    let all: Vec<_> = all.iter().map(|d| (&*d.resource, &*d.path, d.change)).collect();
    assert_eq!(
        all,
        [("Goal/2", "Goal.lifecycleStatus", Change::Changed), ("Goal/3", "Goal", Change::Added),]
    );
}

#[test]
fn diff_tells_people_and_machines_and_ends_with_one_where_something_differs() {
    let dir = Dir::new("cli-diff");
    let first = dir.write("first.json", &response().to_string()).display().to_string();
    let mut other = response();
    other["meta"]["versionId"] = json!("2");
    other["item"][1]["item"][0]["answer"][0]["valueInteger"] = json!(4);
    let second = dir.write("second.json", &other.to_string()).display().to_string();
    let (exit, said, _) = run(&around(), &["diff", &first, &second]);
    assert_eq!(exit, Exit::Findings);
    assert!(said.contains("~ QuestionnaireResponse: QuestionnaireResponse.item[1].item[0].answer[0].valueInteger: 3 -> 4\n"), "{said}");
    assert!(
        said.contains("meta.versionId: \"1\" -> \"2\"\n") && said.ends_with("2 differ\n"),
        "{said}"
    );
    let (exit, said, _) = run(&around(), &["diff", "--content", "--json", &first, &second]);
    assert_eq!(exit, Exit::Findings);
    assert_eq!(
        lines(&said),
        [json!({
        "resource": "QuestionnaireResponse", "change": "changed", "first": 3, "second": 4,
        "path": "QuestionnaireResponse.item[1].item[0].answer[0].valueInteger" })]
    );
    let (exit, said, _) = run(&around(), &["diff", &first, &first]);
    assert_eq!((exit, said.as_str()), (Exit::Fine, "0 differ\n"));
    let bad = dir.write("bad.json", "{\"a\": 1}").display().to_string();
    let (exit, _, said) = run(&around(), &["diff", &first, &bad]);
    assert_eq!(exit, Exit::Usage);
    assert!(said.contains("bad.json is no FHIR resource"), "{said}");
}

/// Any small JSON.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0..3_u8).prop_map(|n| json!(n)),
        "[ab]".prop_map(|text| json!(text)),
        Just(json!("2026-02-01T10:00:00Z")),
        Just(json!("2026-02-01T11:00:00+01:00")),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let names = prop_oneof![Just("linkId"), Just("url"), Just("given"), Just("x")];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(names.prop_map(str::to_owned), inner, 0..3)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_differs_from_itself_and_both_ways_tell_as_much(one in value(), other in value()) {
        let of = |value: &Value| json!({ "resourceType": "Basic", "x": value });
        let (one, other) = (of(&one), of(&other));
        prop_assert_eq!(differences(&one, &one), Vec::new());
        let (there, back) = (differences(&one, &other), differences(&other, &one));
        prop_assert_eq!(there.is_empty(), back.is_empty());
        let count = |all: &[mylife::fhir::difference::Difference], change| {
            all.iter().filter(|one| one.change == change).count()
        };
        prop_assert_eq!(count(&there, Change::Added), count(&back, Change::Removed));
        prop_assert_eq!(count(&there, Change::Removed), count(&back, Change::Added));
    }
}
