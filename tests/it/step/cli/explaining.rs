//! A native document beside the FHIR that is made of it.

use std::collections::{BTreeMap, BTreeSet};

use mylife::cli::exit::Exit;
use serde_json::{Value, json};

use super::super::config::{Dir, around, run};

/// A person, a survey with own words and a plan.
fn documents(dir: &Dir) -> String {
    let person = json!({ "schema": "mylife/person/1", "id": "aino",
        "name": { "given": ["Aino"], "family": "Testi" }, "birth_date": "2001-05-17" });
    let assessment = json!({ "schema": "mylife/assessment/1", "id": "a-1", "person": "aino",
        "form": "3x10d-30", "status": "completed", "authored": "2026-02-01T12:00:00+02:00",
        "answered_by": "person", "language": "fi", "answers": [
            { "theme": "housing", "importance": 2, "satisfaction": 7, "future": "a home" },
            { "theme": "health", "importance": 3, "satisfaction": 7 }] });
    let plan = json!({ "schema": "mylife/plan/1", "id": "w-1", "person": "aino",
        "status": "active", "title": "Plan", "created": "2026-03-01T10:00:00Z",
        "period": { "start": "2026-03-01" }, "views": { "professional": "Home first." },
        "goals": [{ "id": "g-1", "themes": ["housing"], "words": "Own home.",
            "set_by": "person", "status": "active" }],
        "services": [], "team": [{ "id": "m-1", "practitioner": "297.prac.a",
            "role": "case-manager", "organization": "297.org.city", "active": true }] });
    dir.write("aino.ndjson", &format!("{person}\n{assessment}\n{plan}\n")).display().to_string()
}

fn lines(arguments: &[&str]) -> Vec<Value> {
    let (exit, said, complaints) = run(&around(), &[&["map", "--json"], arguments].concat());
    assert_eq!((exit, complaints.as_str()), (Exit::Fine, ""));
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `Type path` of each element that is made of a native value, without ids.
fn made_of<'a>(lines: &'a [Value], schema: &str, path: &str) -> BTreeMap<String, &'a Value> {
    let of = |line: &&Value| line["native"]["schema"] == schema && line["native"]["path"] == path;
    let line = lines.iter().find(of).unwrap_or_else(|| panic!("{path} is not told of"));
    let elements = line["fhir"].as_array().unwrap_or_else(|| panic!("{line}")).iter();
    let name = |element: &Value| {
        let (kind, _) = element["resource"].as_str().unwrap().split_once('/').unwrap();
        let path = element["path"].as_str().unwrap_or("itself");
        format!("{kind} {path}")
    };
    elements.map(|element| (name(element), element)).collect()
}

#[test]
fn each_value_stands_beside_what_is_made_of_it_with_its_labels() {
    let dir = Dir::new("map-explain");
    let told = lines(&["--explain", &documents(&dir)]);
    let survey = |path| made_of(&told, "mylife/assessment/1", path);
    let plan = |path| made_of(&told, "mylife/plan/1", path);

    // Both answers say 7; each has its own label.
    for (answer, theme) in
        [("$.answers[0].satisfaction", "housing"), ("$.answers[1].satisfaction", "health")]
    {
        let all = survey(answer);
        let value = all["Observation valueInteger"];
        assert_eq!((&value["how"], &value["value"]), (&json!("copied"), &json!(7)));
        assert_eq!(value["shown_by"], json!([{ "themes": [theme], "classes": [] }]));
        let is_item = |name: &str| name.contains(" item") && name.ends_with("valueInteger");
        let (_, item) = all.iter().find(|(name, _)| is_item(name)).unwrap();
        assert_eq!(item["shown_by"], value["shown_by"], "{all:?}");
    }
    let words = survey("$.answers[0].future");
    let words = words.values().find(|element| element["how"] == "copied").unwrap();
    assert_eq!(
        words["shown_by"],
        json!([{ "themes": ["housing"], "classes": ["free-text"] }]),
        "{words}"
    );
    let authored = survey("$.authored");
    assert_eq!(authored["QuestionnaireResponse authored"]["how"], "made of it");
    assert_eq!(
        authored["QuestionnaireResponse authored"]["value"], "2026-02-01T10:00:00.000Z",
        "the same instant in UTC"
    );
    assert_eq!(
        plan("$.goals[0].words")["Goal description.text"]["shown_by"],
        json!([{ "themes": ["housing"], "classes": ["free-text"] }])
    );
    assert!(plan("$.goals[0].status").contains_key("Goal lifecycleStatus"));
    assert_eq!(plan("$.views.professional")["CarePlan note[0].text"]["how"], "copied");

    // With another theme the Observation is another one; the answer is looked for under its new name.
    assert!(survey("$.answers[0].theme").contains_key("Observation itself"));
}

#[test]
fn every_element_is_explained_or_always_there() {
    let dir = Dir::new("map-explain-all");
    let file = documents(&dir);
    let mut mapped = BTreeSet::new();
    for line in lines(&[&file]) {
        let resource = line["resource"].as_object().unwrap();
        let name = format!("{}/{}", line["resource"]["resourceType"], line["resource"]["id"]);
        for (member, value) in resource {
            if !["id", "meta", "resourceType"].contains(&member.as_str()) {
                leaves(value, member.clone(), &mut |path| {
                    mapped.insert((name.replace('"', ""), path));
                });
            }
        }
    }
    let told = lines(&["--explain", &file]);
    let place = |element: &Value| {
        let path = element["path"].as_str()?.to_owned();
        Some((element["resource"].as_str().unwrap().to_owned(), path))
    };
    let elements = told.iter().flat_map(|line| line["fhir"].as_array().into_iter().flatten());
    let explained: BTreeSet<_> = elements.filter_map(place).collect();
    assert!(mapped.len() > 100, "{}", mapped.len());
    assert_eq!(explained, mapped);
    // What depends on a value is not told as fixed, and the other way round.
    let fixed = told.iter().find(|line| line["native"].is_null()).unwrap();
    let fixed: BTreeSet<_> =
        fixed["fhir"].as_array().unwrap().iter().filter_map(place).map(|(_, path)| path).collect();
    assert!(fixed.contains("intent") && !fixed.contains("valueInteger"), "{fixed:?}");
}

fn leaves(value: &Value, path: String, tell: &mut dyn FnMut(String)) {
    match value {
        Value::Object(all) => {
            all.iter().for_each(|(name, value)| leaves(value, format!("{path}.{name}"), tell));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(n, one)| leaves(one, format!("{path}[{n}]"), tell));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => tell(path),
    }
}

#[test]
fn people_read_it_line_by_line() {
    let dir = Dir::new("map-explain-people");
    let (exit, said, _) = run(&around(), &["map", "--explain", &documents(&dir)]);
    assert_eq!(exit, Exit::Fine);
    let (_, after) = said.split_once("$.answers[0].importance: 2\n").unwrap();
    let (of_it, _) = after.split_once("\n$.").unwrap();
    assert!(of_it.contains("valueInteger: 2  (copied; housing)"), "{of_it}");
    let (_, after) = said.split_once("$.form: ").unwrap();
    assert!(after.lines().nth(1).unwrap().contains("no other value was found"), "{after}");
    assert!(said.contains("\nalways, whatever the documents say\n"), "{said}");
}
