//! Native documents: what is taken, what is refused and in which words.

use mylife::{
    domain::{
        class::Class,
        identity::{TestRange, WrongCheck},
        moment::Moment,
        theme::Theme,
        words::{DirectoryId, LocalId},
    },
    error::Kind,
    json::Limits,
    native::{
        Fault, Native, NativeKind, Rules, Typed, canonical,
        references::Target,
        schemas::{FILES, Schemas},
        validate,
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

const DOCUMENTS: [(&str, &str); 4] = [
    ("person", include_str!("../../fixtures/native/person.json")),
    ("assessment-30", include_str!("../../fixtures/native/assessment-30.json")),
    ("assessment-10", include_str!("../../fixtures/native/assessment-10.json")),
    ("plan", include_str!("../../fixtures/native/plan.json")),
];

fn fixture(name: &str) -> Value {
    let (_, text) = DOCUMENTS.iter().find(|(known, _)| *known == name).unwrap();
    serde_json::from_str(text).unwrap()
}

fn rules(schemas: &Schemas) -> Rules<'_> {
    Rules {
        schemas,
        now: Moment::parse("2026-05-01T12:00:00Z").unwrap(),
        test_range: TestRange::Allow(WrongCheck::Refuse),
        limits: Limits::default(),
    }
}

fn judge(document: &Value) -> Result<Native, Vec<Fault>> {
    let schemas = Schemas::compile().unwrap();
    validate(document.to_string().as_bytes(), &rules(&schemas))
}

fn lines(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// Sets (or adds) what a pointer names.
fn set(document: &mut Value, pointer: &str, value: &Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(index) => parent[index] = value.clone(),
        Err(_) => parent[name] = value.clone(),
    }
}

fn drop_member(document: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
}

#[test]
fn every_schema_is_a_schema_of_draft_2020_12() {
    for (file, text) in FILES {
        let schema: Value = serde_json::from_str(text).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        assert!(schema["$id"].as_str().unwrap().ends_with(file));
    }
}

#[test]
fn every_object_of_the_schemas_is_closed_and_every_text_and_list_bounded() {
    fn walk(node: &Value, place: &str) {
        if let Some(members) = node.as_object() {
            let is = |name: &str| node["type"] == name;
            let has = |name: &str| members.contains_key(name);
            let closed = !has("properties") || node["additionalProperties"] == false;
            assert!(closed, "{place} is open");
            let bounded = has("maxLength") || has("enum") || !is("string");
            assert!(bounded, "{place} is unbounded");
            // The `if` of a schema only looks.
            let listed = has("maxItems") || !is("array") || place.ends_with("/if");
            assert!(listed, "{place} is endless");
            assert!(has("maximum") || !is("integer"), "{place} is unbounded");
        }
        let inner: Vec<(String, &Value)> = match node {
            Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
            Value::Array(items) => items.iter().map(|v| (String::new(), v)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        for (name, value) in inner {
            walk(value, &format!("{place}/{name}"));
        }
    }
    for (file, text) in FILES {
        walk(&serde_json::from_str(text).unwrap(), file);
    }
}

#[test]
fn the_fixtures_are_taken_as_they_are() {
    for (name, _) in DOCUMENTS {
        let native = judge(&fixture(name)).map_err(|f| lines(&f)).unwrap();
        assert!(native.warnings().is_empty(), "{name}");
        let stored: Value = serde_json::from_slice(native.canonical()).unwrap();
        assert_eq!(stored, fixture(name));
    }
}

#[test]
fn every_bad_document_is_refused_in_exactly_these_words() {
    let schemas = Schemas::compile().unwrap();
    let cases: Value =
        serde_json::from_str(include_str!("../../fixtures/native/faults.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let mut document = fixture(case["of"].as_str().unwrap());
        for (pointer, value) in case["set"].as_object().into_iter().flatten() {
            set(&mut document, pointer, value);
        }
        for pointer in case["drop"].as_array().into_iter().flatten() {
            drop_member(&mut document, pointer.as_str().unwrap());
        }
        let faults = validate(document.to_string().as_bytes(), &rules(&schemas)).unwrap_err();
        assert_eq!(json!(lines(&faults)), case["faults"], "{}", case["name"]);
        assert!(faults.iter().all(|fault| fault.kind == Kind::Unprocessable));
    }
}

#[test]
fn no_fault_repeats_what_was_sent() {
    let secret = "Salainen Sana 010203A9013";
    for (name, text) in DOCUMENTS {
        let document: Value = serde_json::from_str(text).unwrap();
        for pointer in leaves(&document, String::new()) {
            for value in [json!(secret), json!({ secret: secret }), json!([secret]), json!(1.5e300)]
            {
                let mut bent = document.clone();
                *bent.pointer_mut(&pointer).unwrap() = value;
                let faults = judge_all(&bent);
                let said = lines(&faults).join("\n");
                assert!(!said.contains("Salainen") && !said.contains("010203"), "{name} {said}");
                assert!(faults.iter().all(|fault| !fault.say.contains('\n')));
            }
        }
    }
}

fn judge_all(document: &Value) -> Vec<Fault> {
    thread_local!(static SCHEMAS: Schemas = Schemas::compile().unwrap());
    SCHEMAS.with(|schemas| {
        validate(document.to_string().as_bytes(), &rules(schemas)).err().unwrap_or_default()
    })
}

fn leaves(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(members) => {
            members.iter().flat_map(|(name, v)| leaves(v, format!("{at}/{name}"))).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, v)| leaves(v, format!("{at}/{index}")))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![at],
    }
}

#[test]
fn what_is_no_json_or_too_large_is_one_fault_of_its_kind() {
    let schemas = Schemas::compile().unwrap();
    let mut rules = rules(&schemas);
    let twice = br#"{"schema": "mylife/plan/1", "id": "a", "id": "b"}"#;
    let faults = validate(twice, &rules).unwrap_err();
    assert_eq!((faults[0].path.as_str(), faults[0].kind), ("$.id", Kind::Invalid));
    rules.limits.bytes = 10;
    let faults = validate(twice, &rules).unwrap_err();
    assert_eq!(faults[0].kind, Kind::TooLarge);
    assert_eq!(
        lines(&judge(&json!([1])).unwrap_err()),
        ["$: expected an object; send one document"]
    );
}

#[test]
fn a_wrong_check_character_of_a_test_code_is_told_and_taken() {
    let mut document = fixture("person");
    document["identity_code"] = json!("010190-999X");
    document["birth_date"] = json!("1990-01-01");
    let schemas = Schemas::compile().unwrap();
    let mut rules = rules(&schemas);
    rules.test_range = TestRange::Allow(WrongCheck::Warn);
    let native = validate(document.to_string().as_bytes(), &rules).unwrap();
    let odd = "$.identity_code: the check character of this test code is wrong; correct it";
    assert_eq!(lines(native.warnings()), [odd]);
}

#[test]
fn a_plan_tells_what_it_points_at() {
    let native = judge(&fixture("plan")).unwrap();
    let found = native.references();
    let at = |path: &str| found.iter().find(|r| r.path == path).map(|r| r.target.clone()).unwrap();
    let local = |id: &str| LocalId::parse(id).expect("a local id");
    let directory = |id: &str| DirectoryId::parse(id).unwrap();
    assert_eq!(found.len(), 1 + 2 + 2 + 6);
    assert_eq!(at("$.person"), Target::Person(local("p-1")));
    assert_eq!(at("$.assessments[1]"), Target::Assessment(local("a-2")));
    assert_eq!(at("$.services[1].service"), Target::Service(directory("297.svc.psychiatry")));
    assert_eq!(at("$.team[2].practitioner"), Target::Practitioner(directory("297.prac.c")));
    assert_eq!(at("$.team[0].organization"), Target::Organization(directory("297.org.city")));
}

#[test]
fn no_document_prints_what_it_says() {
    for (name, _) in DOCUMENTS {
        let native = judge(&fixture(name)).unwrap();
        let printed = match native.typed() {
            Typed::Person(person) => format!("{person:?} {:?} {:?}", person.name, person.contact),
            Typed::Assessment(one) => format!("{one:?} {:?}", one.answers),
            Typed::Plan(plan) => format!("{plan:?} {:?} {:?}", plan.goals, plan.services),
        };
        let printed = format!("{printed} {native:?}");
        for word in ["Aino", "Esimerkki", "2010", "nukkua", "koti", "p-1", "psychiatry", "9", "123"]
        {
            assert!(!printed.contains(word), "{name}: {printed}");
        }
    }
}

fn words() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-zåäö][ a-zåäö\"\\\\\u{1f600}]{0,30}")
}

fn any_assessment() -> impl Strategy<Value = Value> {
    let score = || prop::option::of(0_u8..=10);
    let answer = (score(), score(), words());
    (prop::collection::vec(answer, 10), any::<bool>(), 0_i64..2_000_000_000_000).prop_map(
        |(answers, thirty, at)| {
            let answers: Vec<Value> = Theme::ALL
                .iter()
                .zip(answers)
                .filter_map(|(theme, (first, second, said))| {
                    let mut answer = json!({ "theme": theme.code() });
                    let mut put = |name: &str, value: Option<Value>| {
                        if let Some(value) = value {
                            answer[name] = value;
                        }
                    };
                    put("satisfaction", first.map(Value::from));
                    if thirty {
                        put("importance", second.map(Value::from));
                    }
                    put(if thirty { "future" } else { "comment" }, said.map(Value::from));
                    (answer.as_object().unwrap().len() > 1).then_some(answer)
                })
                .collect();
            json!({
                "schema": "mylife/assessment/1", "id": "a", "person": "p",
                "form": if thirty { "3x10d-30" } else { "3x10d-10" }, "age_group": "18+",
                "status": "completed", "authored": Moment::from_millis(at).to_string(),
                "answered_by": "person", "language": "fi", "answers": answers,
            })
        },
    )
}

fn any_plan() -> impl Strategy<Value = Value> {
    let themes = prop::sample::subsequence(Theme::ALL.to_vec(), 1..=10);
    let goal = (themes, words(), 0_u8..=10);
    (prop::collection::vec(goal, 0..6), words()).prop_map(|(goals, view)| {
        let mut plan = fixture("plan");
        plan["goals"] = goals
            .into_iter()
            .enumerate()
            .map(|(at, (themes, said, score))| {
                let codes: Vec<&str> = themes.iter().map(|theme| theme.code()).collect();
                json!({
                    "id": format!("g-{}", at + 1), "themes": codes, "set_by": "together",
                    "words": said.unwrap_or_else(|| "x".to_owned()), "status": "active",
                    "target": { "theme": codes[0], "satisfaction": score },
                })
            })
            .collect();
        plan["actions"] = json!([]);
        if let Some(view) = view {
            plan["views"]["person"] = json!(view);
        }
        plan
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_canonical_form_is_a_fixed_point_and_types_lose_nothing(
        document in prop_oneof![any_assessment(), any_plan()],
    ) {
        let native = judge(&document).map_err(|f| TestCaseError::fail(lines(&f).join("\n")))?;
        let pretty = serde_json::to_vec_pretty(&document).unwrap();
        let schemas = Schemas::compile().unwrap();
        let again = validate(native.canonical(), &rules(&schemas)).unwrap();
        let spaced = validate(&pretty, &rules(&schemas)).unwrap();
        prop_assert_eq!(again.canonical(), native.canonical());
        prop_assert_eq!(spaced.canonical(), native.canonical());

        let written = canonical(&match native.typed() {
            Typed::Person(person) => serde_json::to_value(person).unwrap(),
            Typed::Assessment(assessment) => serde_json::to_value(assessment).unwrap(),
            Typed::Plan(plan) => serde_json::to_value(plan).unwrap(),
        })
        .unwrap();
        let kind: NativeKind = native.typed().kind();
        prop_assert_eq!(&Typed::read(kind, &written).unwrap(), native.typed());
    }
}

#[test]
fn the_typed_person_holds_what_was_sent() {
    let native = judge(&fixture("person")).unwrap();
    let Typed::Person(person) = native.typed() else { panic!("a person") };
    assert!(person.non_disclosure);
    assert_eq!(person.representation.len(), 2);
    assert!(person.representation[0].classes.contains(Class::FreeText));
    let again = Typed::read(NativeKind::Person, &canonical(person).unwrap()).unwrap();
    assert_eq!(&again, native.typed());
}
