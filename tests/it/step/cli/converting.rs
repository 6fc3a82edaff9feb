//! Files of other systems become native documents by filters, and a filter that goes wrong costs what it went
//! wrong on.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use super::super::config::Dir;

/// The program, as an operator runs it: a filter needs a process of its own.
fn convert(line: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mylife"));
    command.arg("convert").args(line).env("SECRET", "planted").output().unwrap()
}

fn text(of: &[u8]) -> String {
    String::from_utf8(of.to_vec()).unwrap()
}

fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/foreign").join(name).display().to_string()
}

fn documents(done: &Output) -> Vec<Value> {
    text(&done.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_published_filters_make_good_documents_of_their_examples() {
    let cases = [
        (
            "other-names.jq",
            "other-names.json",
            vec![json!([
            { "theme": "housing", "importance": 10, "satisfaction": 3, "future": "Oma koti" },
            { "theme": "health", "importance": 5, "satisfaction": 8 }])],
        ),
        (
            "auroraai.jq",
            "auroraai.json",
            vec![json!([
            { "theme": "housing", "satisfaction": 2 }, { "theme": "health", "satisfaction": 8 },
            { "theme": "studies-work", "satisfaction": 3 }])],
        ),
        (
            "csv-export.jq",
            "csv-export.csv",
            vec![
                json!([{ "theme": "housing", "importance": 9, "satisfaction": 2, "future": "Oma \"koti\"; pian" }]),
                json!([{ "theme": "health", "satisfaction": 4 }, { "theme": "housing", "satisfaction": 10 }]),
            ],
        ),
    ];
    let by_theme = |answers: &Value| {
        let mut all = answers.as_array().unwrap().clone();
        all.sort_by_key(|answer| answer["theme"].to_string());
        all
    };
    for (filter, input, expected) in cases {
        let done = convert(&[&example(filter), &example(input)]);
        assert!(done.status.success(), "{filter}: {}", text(&done.stderr));
        let made = documents(&done);
        assert_eq!(made.len(), expected.len(), "{filter}");
        for (made, answers) in made.iter().zip(&expected) {
            assert_eq!(made["schema"], "mylife/assessment/1", "{filter}");
            assert_eq!(by_theme(&made["answers"]), by_theme(answers), "{filter}");
        }
    }
}

#[test]
fn what_cannot_be_made_is_told_of_and_the_rest_goes_on() {
    let dir = Dir::new("cli-convert");
    let person = r#"{schema: "mylife/person/1", id: .id, name: {given: ["A"], family: "T"}, birth_date: .born}"#;
    let filter = format!(
        "if .n == 1 then last(repeat(1)) elif .n == 2 then [range(1e12)] \
         elif .n == 3 then error(\"no such client\") elif .n == 4 then repeat(.) \
         elif .n == 5 then empty elif .n == 6 then (env | keys | error(tojson)) else {person} end"
    );
    let filter = dir.write("foreign.jq", &filter).display().to_string();
    let rows = [
        json!({ "n": 1 }),
        json!({ "n": 2 }),
        json!({ "n": 3 }),
        json!({ "n": 4 }),
        json!({ "n": 5 }),
        json!({ "n": 6 }),
        json!({ "id": "a-1", "born": "2001-05-17" }),
        json!({ "id": "a-2", "born": "2001-13-17" }),
    ];
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let file = dir.write("rows.ndjson", &format!("{lines}{{\"n\"\n")).display().to_string();
    let done = convert(&["--seconds", "1", "--mebibytes", "64", &filter, &file]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert_eq!(documents(&done).iter().map(|one| &one["id"]).collect::<Vec<_>>(), ["a-1"]);
    let complaints = text(&done.stderr);
    let of = |line: usize| {
        let start = format!("{file}:{line}: ");
        let told: Vec<&str> =
            complaints.lines().filter_map(|one| one.strip_prefix(&*start)).collect();
        told.join(" / ")
    };
    for (line, say) in [
        (1, "filter: it takes more than 1 seconds of a processor"),
        (3, "filter: the filter failed: \"no such client\""),
        (4, "filter: it makes more than 1000 documents of it"),
        (6, "filter: the filter failed: \"[]\""),
        (8, "$.birth_date: "),
        (9, "filter: Line 1, column"),
    ] {
        assert!(of(line).starts_with(say), "{line}: {complaints}");
    }
    assert_eq!((of(5), of(7)), (String::new(), String::new()), "{complaints}");
    let greedy = dir.write("greedy.json", r#"{"n":2}"#).display().to_string();
    let done = convert(&["--seconds", "60", "--mebibytes", "64", &filter, &greedy]);
    assert!(text(&done.stderr).contains("more than 64 mebibytes"), "{done:?}");
    // With nothing said it has what a filter of the settings has.
    let spared = convert(&["--seconds", "60", &filter, &greedy]);
    assert!(text(&spared.stderr).contains("more than 128 mebibytes"), "{spared:?}");
    let as_json = convert(&["--seconds", "1", "--json", &filter, &file]);
    let first: Value = serde_json::from_str(text(&as_json.stderr).lines().next().unwrap()).unwrap();
    assert_eq!(first["document"], format!("{file}:1"));
    assert_eq!(first["faults"][0]["path"], "filter");
}

#[test]
fn a_filter_or_a_table_that_is_wrong_is_refused_at_once() {
    let dir = Dir::new("cli-convert-wrong");
    let file = dir.write("row.json", "{}").display().to_string();
    let table = dir.write("short.csv", "a;b\n1\n").display().to_string();
    for (filter, file, say) in [
        (".a |\n  foo(1)", &file, "line 2, at foo: there is no such filter"),
        (".a | (", &file, "expected closing parenthesis"),
        ("$here", &file, "there is no such variable"),
        (".", &table, "is no CSV: "),
    ] {
        let filter = dir.write("wrong.jq", filter).display().to_string();
        let done = convert(&[&filter, file]);
        assert_eq!(done.status.code(), Some(64), "{done:?}");
        assert!(text(&done.stderr).contains(say), "{}", text(&done.stderr));
        assert!(done.stdout.is_empty());
    }
}
