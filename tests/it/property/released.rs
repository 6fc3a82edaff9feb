//! What leaves is what `decide` permits, no more and no less; each resource says of itself only what
//! its visible parts say; and no reference leads to what is not there.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use mylife::domain::moment::Moment;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use super::{
    SOME,
    asked::TYPES,
    lab::{FHIR, Lab, token},
    oracle::{Visible, of_person},
    reader::{Reader, narrow, readers, whole},
    world::{World, patient, worlds},
};

/// Everything of the first person that a reader is given, by `Type/id`.
pub(super) fn released(lab: &Lab, token: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for kind in TYPES {
        let kind = kind.name();
        let who = if kind == "Patient" { "_id" } else { "patient" };
        let page = lab.fetch(token, &format!("{FHIR}/{kind}?{who}={}&_count=100", patient(0)));
        // A type that no scope reaches is refused as such.
        for entry in page.json()["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            if let Some(id) = resource["id"].as_str() {
                all.insert(format!("{kind}/{id}"), resource.clone());
            }
        }
    }
    all
}

/// What a resource holds, in the words of the yardstick.
fn holds(name: &str, resource: &Value) -> Vec<String> {
    let has = |what: &[(&str, &str)]| {
        let there = what.iter().filter(|(pointer, _)| resource.pointer(pointer).is_some());
        there.map(|(_, what)| (*what).to_owned()).collect::<Vec<_>>()
    };
    let kind = name.split('/').next().unwrap();
    let what = match kind {
        "QuestionnaireResponse" => {
            let groups = resource["item"].as_array().into_iter().flatten();
            let items = groups.flat_map(|g| g["item"].as_array().into_iter().flatten());
            items.map(|i| i["linkId"].as_str().unwrap().to_owned()).collect()
        }
        "Observation" => vec![resource["code"]["coding"][0]["code"].as_str().unwrap().to_owned()],
        "Patient" => {
            let mut what = has(&[("/name", "identity")]);
            let contact = has(&[("/telecom", "x"), ("/address", "x"), ("/extension", "x")]);
            what.extend(contact.first().map(|_| "contact".to_owned()));
            what
        }
        "CarePlan" => has(&[
            ("/title", "base"),
            ("/extension", "title"),
            ("/description", "person"),
            ("/note", "professional"),
        ]),
        "Goal" => has(&[("/description/coding", "base"), ("/description/text", "words")]),
        "ServiceRequest" => has(&[("/code", "base"), ("/note", "words")]),
        "Task" => {
            let mut what = has(&[("/code", "base"), ("/description", "words")]);
            let owner = resource.pointer("/owner/reference").and_then(Value::as_str);
            let mention = owner.filter(|o| o.starts_with("Practitioner/"));
            what.extend(mention.map(|_| "owner".to_owned()));
            what
        }
        "CareTeam" => {
            vec![format!("{} members", resource["participant"].as_array().unwrap().len())]
        }
        _ => vec!["there".to_owned()],
    };
    what.into_iter().map(|what| format!("{name}#{what}")).collect()
}

/// The same of the yardstick: members of a team counted, some types by existence alone.
fn permitted(visible: &Visible) -> BTreeSet<String> {
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for key in visible.keys().filter(|key| !key.contains("#to ")) {
        let (name, _) = key.split_once('#').unwrap();
        match name.split('/').next().unwrap() {
            "CareTeam" => *members.entry(name).or_default() += 1,
            "Consent" | "Provenance" => {
                all.insert(format!("{name}#there"));
            }
            _ => {
                all.insert(key.clone());
            }
        }
    }
    all.extend(members.into_iter().map(|(name, count)| format!("{name}#{count} members")));
    all
}

/// Time and status that follow from what is visible of a resource.
fn newest(visible: &Visible, name: &str) -> (Option<Moment>, String) {
    let start = format!("{name}#");
    let content = visible.iter().filter(|(key, _)| {
        key.starts_with(&start) && !key.contains("#to ") && !key.ends_with("#owner")
    });
    let (mut updated, mut stamp) = (None, String::new());
    for (_, sight) in content {
        updated = updated.max(sight.updated());
        stamp = stamp.max(sight.stamp.clone());
    }
    (updated, stamp.split_once(' ').map(|(_, s)| s.to_owned()).unwrap_or_default())
}

fn check(
    world: &World,
    reader: &Reader,
    all: &BTreeMap<String, Value>,
) -> Result<(), TestCaseError> {
    let visible = of_person(&world.people[0], 0, reader);
    let held: BTreeSet<String> = all.iter().flat_map(|(name, r)| holds(name, r)).collect();
    prop_assert_eq!(held, permitted(&visible));
    for (name, resource) in all {
        let (updated, status) = newest(&visible, name);
        let shown = resource["meta"]["lastUpdated"].as_str().and_then(Moment::parse);
        prop_assert_eq!(shown, updated, "{}", name);
        if name.starts_with("QuestionnaireResponse/") || name.starts_with("CarePlan/") {
            prop_assert_eq!(&resource["status"], &status, "{}", name);
        }
    }
    Ok(())
}

/// Every `reference` in a value.
fn references<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, all)),
        Value::Object(members) => {
            all.extend(members.get("reference").and_then(Value::as_str));
            members.values().for_each(|member| references(member, all));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn lead_somewhere(all: &BTreeMap<String, Value>) -> Result<(), TestCaseError> {
    // What a Consent names is its writer's own text.
    for (name, resource) in all.iter().filter(|(name, _)| !name.starts_with("Consent/")) {
        let mut found = Vec::new();
        references(resource, &mut found);
        for to in found {
            // The directory is open to all; the person a resource is about is in its frame.
            let kind = to.split('/').next().unwrap_or_default();
            let personal = TYPES.iter().any(|t| t.name() == kind) && kind != "Patient";
            prop_assert!(!personal || all.contains_key(to), "{name} leads to {to}");
        }
    }
    Ok(())
}

fn run(
    readers: impl Strategy<Value = Reader>,
    test: impl Fn(&World, &Reader, &BTreeMap<String, Value>) -> Result<(), TestCaseError>,
) {
    let lab = RefCell::new(Lab::new());
    let config = Config {
        cases: SOME,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(worlds(), readers), |(world, reader)| {
        let mut lab = lab.borrow_mut();
        lab.hold(&world);
        test(&world, &reader, &released(&lab, &token(&reader)))
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
}

#[test]
fn what_leaves_is_what_is_permitted_and_says_only_what_that_says() {
    run(whole(), check);
}

#[test]
fn no_reference_leads_to_what_the_reader_cannot_read() {
    run(prop_oneof![1 => readers(), 2 => narrow()], |_, _, all| lead_somewhere(all));
}
