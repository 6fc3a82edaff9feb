//! What an integrator really sends at first, and the one line by which the mistake is found: where it is,
//! what was expected, what to do.

use std::fs;

use mylife::cli::exit::Exit;

use super::super::config::{Dir, around, run};

/// A Goal with a member in place of one of its own; each stands on a line of its own.
fn goal(of: &str, instead: &str) -> String {
    let lines = [
        r#""resourceType": "Goal""#,
        r#""meta": { "profile": ["https://mylife.example/fhir/StructureDefinition/mylife-goal"] }"#,
        r#""language": "fi""#,
        r#""lifecycleStatus": "active""#,
        r#""category": [{ "coding": [{ "system": "https://mylife.example/fhir/CodeSystem/theme", "code": "housing" }] }]"#,
        r#""description": { "text": "Oma koti" }"#,
        r#""subject": { "reference": "Patient/297.aino" }"#,
        r#""startDate": "2026-03-01""#,
    ];
    let is_it = |line: &str| line.starts_with(&format!("\"{of}\":"));
    let lines = lines.map(|line| if is_it(line) { instead } else { line });
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    format!("{{\n  {}\n}}\n", lines.join(",\n  "))
}

/// Answers to the form of thirty questions, with these about housing.
fn answers(items: &str) -> String {
    format!(
        r#"{{
  "resourceType": "QuestionnaireResponse",
  "questionnaire": "https://mylife.example/fhir/Questionnaire/3x10d-30-18plus",
  "status": "completed",
  "subject": {{ "reference": "Patient/297.aino" }},
  "authored": "2026-03-01T10:00:00+02:00",
  "item": [{{
    "linkId": "housing",
    "item": [
      {items}
    ]
  }}]
}}
"#
    )
}

/// Names, documents, and what is said of each after the name of its file.
fn rows() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let satisfaction = |value: &str| {
        answers(&format!(r#"{{ "linkId": "housing.satisfaction", "answer": [{{ {value} }}] }}"#))
    };
    let row = |name, document: String, said| (name, document.into_bytes(), said);
    vec![
        row("a number for a date", goal("startDate", r#""startDate": 20260301"#),
            "Goal.startDate: must be a date: 2026, 2026-11 or 2026-11-21 (line 9, column 16)"),
        row("a date as Finns write it", goal("startDate", r#""startDate": "1.3.2026""#),
            "Goal.startDate: must be a date: 2026, 2026-11 or 2026-11-21 (line 9, column 16)"),
        row("a day that no month has", goal("startDate", r#""startDate": "2026-02-30""#),
            "Goal.startDate: must be a day of the calendar (line 9, column 16)"),
        row("a misspelt element", goal("startDate", r#""startDat": "2026-03-01""#),
            "Goal.startDat: is not an element of FHIR R4 here; did you mean startDate? (line 9, column 15)"),
        row("an element of another resource", goal("startDate", r#""status": "active""#),
            "Goal.status: is not an element of FHIR R4 here; did you mean statusDate? (line 9, column 13)"),
        row("a code in Finnish", goal("lifecycleStatus", r#""lifecycleStatus": "aktiivinen""#),
            "Goal.lifecycleStatus: must be one of proposed | planned | accepted | active | on-hold | completed | cancelled | entered-in-error | rejected (line 5, column 22)"),
        row("a theme that there is not", goal("category",
            r#""category": [{ "coding": [{ "system": "https://mylife.example/fhir/CodeSystem/theme", "code": "asuminen" }] }]"#),
            "Goal.category[0]: must have a coding of https://mylife.example/fhir/CodeSystem/theme by the profile: family | finance | friends | health | housing | life-satisfaction | personal-development | resilience | self-esteem | studies-work (line 6, column 16)"),
        row("two types of one choice", goal("startDate",
            r#""startDate": "2026-03-01", "startCodeableConcept": { "text": "now" }"#),
            "Goal.start: may have one type only (line 9, column 16)"),
        row("what must stand, left out", goal("subject", ""),
            "Goal.subject: is required (line 1, column 1)"),
        row("a reference to what cannot have a goal", goal("subject", r#""subject": { "reference": "Practitioner/297.a" }"#),
            "Goal.subject.reference: must refer to one of Group | Organization | Patient (line 8, column 29)"),
        row("one object for a list", goal("category", r#""category": { "text": "housing" }"#),
            "Goal.category: must be a list (line 6, column 15)"),
        row("null for nothing", goal("startDate", r#""startDate": null"#),
            "Goal.startDate: must be a date: 2026, 2026-11 or 2026-11-21, or be left out: null says nothing (line 9, column 16)"),
        row("a profile that there is not", goal("meta",
            r#""meta": { "profile": ["https://mylife.example/fhir/StructureDefinition/mylife-goals"] }"#),
            "Goal.meta.profile[0]: is no profile of ours for this type: name one that is (https://mylife.example/fhir/StructureDefinition/mylife-goal), or leave it out (line 3, column 25)"),
        row("the profile of another type", goal("meta",
            r#""meta": { "profile": ["https://mylife.example/fhir/StructureDefinition/mylife-task"] }"#),
            "Goal.meta.profile[0]: is no profile of ours for this type: name one that is (https://mylife.example/fhir/StructureDefinition/mylife-goal), or leave it out (line 3, column 25)"),
        row("a language as systems name it", goal("language", r#""language": "fi_FI""#),
            "Goal.language: must be a language tag: fi, sv-FI (line 4, column 15)"),
        row("a misspelt type", goal("resourceType", r#""resourceType": "Gaol""#),
            "Gaol.resourceType: must be one of the 35 types of FHIR R4 that are known here; did you mean Goal? (line 2, column 19)"),
        row("no type at all", goal("resourceType", r#""resourcetype": "Goal""#),
            "$: says not what it is: a FHIR resource has resourceType, a native document schema (mylife/person/1, mylife/assessment/1, mylife/plan/1) (line 1, column 1)"),
        row("a member twice", goal("startDate", r#""startDate": "2026-03-01", "startDate": "2026-03-02""#),
            "$.startDate: Line 9, column 40: $.startDate stands there twice; send each member once."),
        row("a comma at the end", goal("startDate", r#""startDate": "2026-03-01","#),
            "$: Line 10, column 1: this is not JSON (trailing comma); correct it."),
        row("a number that nothing can hold", goal("startDate", r#""startDate": 1e400"#),
            "$: Line 9, column 20: the number is larger than can be read; write a smaller one."),
        ("a byte order mark", [b"\xef\xbb\xbf", goal("", "").as_bytes()].concat(),
            "$: Line 1, column 1: the text starts with a byte order mark; leave it out."),
        ("another encoding", goal("description", "\"description\": { \"text\": \"Y\u{1}\" }")
                .into_bytes().into_iter().map(|byte| if byte == 1 { 0xe4 } else { byte }).collect(),
            "$: Line 7, column 30: the text is not UTF-8; encode it as UTF-8."),
        row("XML", "<Goal xmlns=\"http://hl7.org/fhir\"/>".to_owned(),
            "$: Line 1, column 1: this is not JSON (expected value); correct it."),
        row("a score beyond the scale", satisfaction(r#""valueInteger": 11"#),
            "QuestionnaireResponse.item[0].item[0].answer[0].value: must be valueInteger: a whole number from 0 to 10 (line 10, column 72)"),
        row("a score as text", satisfaction(r#""valueString": "7""#),
            "QuestionnaireResponse.item[0].item[0].answer[0].value: must be valueInteger: a whole number from 0 to 10 (line 10, column 71)"),
        row("an answer of two types", satisfaction(r#""valueInteger": 7, "valueString": "7""#),
            "QuestionnaireResponse.item[0].item[0].answer[0].value: may have one type only (line 10, column 72)"),
        row("a question that there is not", answers(r#"{ "linkId": "housing.happiness", "answer": [{ "valueInteger": 7 }] }"#),
            "QuestionnaireResponse.item[0].item[0].linkId: must be one of those in this Questionnaire: housing.importance, housing.satisfaction, housing.future (line 10, column 19)"),
        row("a form that there is not", satisfaction(r#""valueInteger": 7"#).replace("3x10d-30-18plus", "3x10d"),
            "QuestionnaireResponse.questionnaire: must be one of those published here: see /fhir/Questionnaire (line 3, column 20)"),
        row("a misspelt member of a native document", r#"{ "schema": "mylife/person/1", "id": "p-1",
  "name": { "given": ["Aino"], "familyname": "Testi" } }"#.to_owned(),
            "$.name.family: the member is missing; add it (line 2, column 11)\n$.name.familyname: this form has no such member; remove it or correct its name (line 2, column 46)"),
        row("an instant without a zone in a native document",
            r#"{ "schema": "mylife/plan/1", "id": "w-1", "person": "p-1", "status": "draft", "period": {},
  "created": "2026-03-01T10:00:00" }"#.to_owned(),
            "$.created: expected an instant with a time zone, as 2026-03-01T09:30:00+02:00 (line 2, column 14)"),
    ]
}

#[test]
fn each_mistake_is_found_from_its_line_alone() {
    let dir = Dir::new("cli-newcomer");
    for (name, document, expected) in rows() {
        let file = dir.path().join("sent.json");
        fs::write(&file, document).unwrap();
        let file = file.display().to_string();
        let (exit, said, complaint) = run(&around(), &["validate", &file]);
        assert_eq!(exit, Exit::Findings, "{name}: {said}{complaint}");
        let lines: Vec<&str> =
            said.lines().filter_map(|line| line.strip_prefix(&*file)?.strip_prefix(": ")).collect();
        assert_eq!(lines.join("\n"), expected, "{name}");
    }
    let good = dir.write("good.json", &goal("", ""));
    let (exit, said, _) = run(&around(), &["validate", &good.display().to_string()]);
    assert_eq!(exit, Exit::Fine, "{said}");
}

/// Where several stand in one file, the line is that of the file.
#[test]
fn a_mistake_among_several_documents_has_its_line_in_the_file() {
    let dir = Dir::new("cli-several");
    let (good, bad) = (goal("", ""), goal("startDate", r#""startDate": "1.3.2026""#));
    let list = dir.write("goals.json", &format!("[\n{good},\n{bad}]\n"));
    let (_, said, _) = run(&around(), &["validate", &list.display().to_string()]);
    assert!(
        said.contains("goals.json[1]: Goal.startDate: ") && said.contains("(line 21, column 16)"),
        "{said}"
    );
    let on_one = |text: &str| text.replace('\n', " ");
    let lines = dir.write("goals.ndjson", &format!("{}\n{}\n", on_one(&good), on_one(&bad)));
    let (_, said, _) = run(&around(), &["validate", &lines.display().to_string()]);
    assert!(
        said.contains("goals.ndjson:2: Goal.startDate: ") && said.contains("(line 2, column "),
        "{said}"
    );
}
