//! A search finds what its parameter says of the released bytes, and nothing else.

use std::cell::RefCell;

use mylife::{
    domain::moment::Moment,
    fhir::{date::range, segment::RowValue, types::ResourceType},
    query::{param, test::Test},
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use super::{
    SOME,
    asked::{Question, questions},
    lab::{FHIR, Lab, token},
    reader::{Reader, readers},
    released::released,
    world::{Somebody, World, patient, worlds},
};

/// Where a parameter looks, as in R4's list of search parameters; `*` is each element, `**` a rule of a
/// Consent and those nested in it.
fn path(kind: ResourceType, name: &str) -> &'static str {
    match (kind.name(), name) {
        (_, "_id") => "id",
        (_, "_lastUpdated") => "meta/lastUpdated",
        (_, "_profile") => "meta/profile/*",
        (_, "_security") => "meta/security/*",
        ("CarePlan" | "Consent" | "Goal" | "ServiceRequest" | "Task", "identifier") => {
            "identifier/*"
        }
        (_, "identifier") => "identifier",
        (_, "status") => "status",
        (_, "intent") => "intent",
        (_, "questionnaire") => "questionnaire",
        (_, "lifecycle-status") => "lifecycleStatus",
        ("Observation", "date") => "effectiveDateTime",
        ("CarePlan", "date") => "period",
        ("Consent", "date") => "dateTime",
        ("Consent", "period") => "provision/**/period",
        ("Consent", "actor") => "provision/**/actor/*/reference/reference",
        (_, "start-date") => "startDate",
        ("QuestionnaireResponse", "source") => "source/reference",
        ("CarePlan", "goal") => "goal/*/reference",
        ("CarePlan", "activity-reference") => "activity/*/reference/reference",
        ("Goal", "achievement-status") => "achievementStatus/coding/*",
        ("Goal", "target-date") => "target/*/dueDate",
        ("ServiceRequest", "occurrence") => "occurrencePeriod",
        ("Task", "focus") => "focus/reference",
        ("Task", "owner") => "owner/reference",
        ("Consent", "scope") => "scope/coding/*",
        ("ServiceRequest", "performer") | ("Consent", "consentor") => "performer/*/reference",
        ("Consent", "organization") => "organization/*/reference",
        ("Consent", "data") => "provision/**/data/*/reference/reference",
        ("Consent", "action") => "provision/**/action/*/coding/*",
        ("Consent", "purpose") => "provision/**/purpose/*",
        ("Consent", "security-label") => "provision/**/securityLabel/*",
        ("Provenance", "agent") => "agent/*/who/reference",
        ("Provenance", "agent-type") => "agent/*/type/coding/*",
        ("RelatedPerson", "relationship") => "relationship/*/coding/*",
        ("RelatedPerson", "name") => "name/*/text",
        ("QuestionnaireResponse", "authored") => "authored",
        (_, "authored" | "authored-on") => "authoredOn",
        (_, "recorded") => "recorded",
        (_, "code" | "combo-code") => "code/coding/*",
        (_, "category") => "category/*/coding/*",
        (_, "derived-from") => "derivedFrom/*/reference",
        (_, "care-team") => "careTeam/*/reference",
        (_, "based-on") => "basedOn/*/reference",
        (_, "participant") => "participant/*/member/reference",
        (_, "target") => "target/*/reference",
        _ => panic!("{kind} has no {name}"),
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let Some((first, rest)) = path.split_once('/') else {
        return step(value, path);
    };
    step(value, first).into_iter().flat_map(|next| at(next, rest)).collect()
}

fn step<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match name {
        "*" => value.as_array().into_iter().flatten().collect(),
        "**" => {
            let nested = value["provision"].as_array().into_iter().flatten();
            [value].into_iter().chain(nested.flat_map(|rule| step(rule, "**"))).collect()
        }
        _ => value.get(name).into_iter().collect(),
    }
}

/// A value of a resource as its parameter reads it.
fn read(value: &Value, of: param::Type) -> Option<RowValue<&str>> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    Some(match of {
        param::Type::Date if value.is_object() => {
            let edge = |name| text(name).map(|t| range(t).unwrap());
            let start = edge("start").map_or(Moment::MIN, |(first, _)| first);
            RowValue::Date(start, edge("end").map_or(Moment::MAX, |(_, last)| last))
        }
        param::Type::Date => range(value.as_str()?).map(|(a, b)| RowValue::Date(a, b))?,
        param::Type::Reference => {
            let (kind, id) = value.as_str()?.split_once('/')?;
            RowValue::Reference(kind, id)
        }
        param::Type::Text => RowValue::Text(value.as_str()?),
        param::Type::Uri | param::Type::Canonical => RowValue::Uri(value.as_str()?),
        param::Type::Token if value.is_object() => {
            let code = text("code").or_else(|| text("value"))?;
            RowValue::Token { system: text("system"), code }
        }
        param::Type::Token => RowValue::Token { system: None, code: value.as_str()? },
    })
}

fn fits(resource: &Value, kind: ResourceType, name: &str, value: &str) -> bool {
    let (name, modifier) = name.split_once(':').map_or((name, None), |(n, m)| (n, Some(m)));
    let Some((_, of)) = param::find(kind, name) else { return true };
    let found = at(resource, path(kind, name));
    let mut values = found.into_iter().filter_map(|v| read(v, of));
    if modifier == Some("missing") {
        return values.next().is_none() == (value == "true");
    }
    let tests: Vec<Test> = value.split(',').map(|v| Test::parse(of, v, FHIR).unwrap()).collect();
    values.any(|v| tests.iter().any(|test| test.holds(&v))) == modifier.is_none()
}

/// Is it about the values of the resource itself?
fn is_own(name: &str) -> bool {
    let control = ["_count", "_total", "_sort", "_summary", "_elements", "_pretty"];
    let person = ["patient", "patient.identifier", "patient.name", "subject:Patient.active"];
    let plain = name.split_once(':').is_none_or(|(_, m)| ["not", "missing"].contains(&m));
    plain
        && !name.contains('.')
        && !name.contains("include")
        && !control.contains(&name)
        && !person.contains(&name)
}

#[test]
fn a_search_finds_what_the_released_bytes_say() {
    let lab = RefCell::new(Lab::new());
    let config = Config {
        cases: SOME,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let cases = (worlds(), readers(), vec(questions(), 12));
    let outcome = TestRunner::new(config).run(&cases, |(world, reader, questions)| {
        let mut lab = lab.borrow_mut();
        lab.hold(&world);
        let token = token(&reader);
        let all = released(&lab, &token);
        for question in &questions {
            let Question::Search { kind, pairs, .. } = question else { continue };
            if *kind == ResourceType::Patient {
                continue;
            }
            let filters: Vec<_> = pairs.iter().filter(|(n, _)| is_own(n)).collect();
            let mut pairs: Vec<(&str, &str)> =
                filters.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let whose = patient(0);
            pairs.extend([("patient", whose.as_str()), ("_sort", "_id"), ("_count", "100")]);
            let mut text = form_urlencoded::Serializer::new(String::new());
            text.extend_pairs(pairs);
            let page = lab.fetch(&token, &format!("{FHIR}/{kind}?{}", text.finish()));
            if page.status != 200 {
                continue;
            }
            let page = page.json();
            let entries = page["entry"].as_array().unwrap().iter();
            let found: Vec<&str> = entries.filter_map(|e| e["resource"]["id"].as_str()).collect();
            let start = format!("{kind}/");
            let of_kind = all.iter().filter(|(name, _)| name.starts_with(&start));
            let fit =
                of_kind.filter(|(_, r)| filters.iter().all(|(name, v)| fits(r, *kind, name, v)));
            let expected: Vec<&str> = fit.map(|(name, _)| &name[start.len()..]).collect();
            prop_assert_eq!(&found, &expected, "{:?}", question);
            prop_assert_eq!(&page["total"], found.len());
        }
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
}

#[test]
fn a_service_is_found_by_everybody_who_performs_it() {
    let person = r#"[{"schema": "mylife/person/1", "id": "p", "identity_code": "290200A900B",
        "birth_date": "2000-02-29", "name": {"family": "Testinen", "given": ["Eino"]},
        "language": "fi"}]"#;
    let plan = r#"[[{"schema": "mylife/plan/1", "id": "w", "person": "p", "status": "active",
        "created": "2026-01-10T08:00:00.000Z", "period": {"start": "2026-01-10"}, "services":
        [{"id": "s0", "service": "297.svc.youth", "state": "planned", "themes": []}]}]]"#;
    let (person, plans) = (serde_json::from_str(person), serde_json::from_str(plan));
    let (person, plans) = (person.unwrap(), plans.unwrap());
    let somebody = Somebody { person, plans, assessments: Vec::new(), consents: Vec::new() };
    let mut lab = Lab::new();
    lab.hold(&World { people: vec![somebody] });
    let reader = Reader {
        organization: "urn:oid:1.2.246.10.1",
        purpose: Some("TREAT"),
        scope: "system/*.rs".to_owned(),
        register: None,
        subject: Some(format!("Patient/{}", patient(0))),
        officer: false,
    };
    let token = token(&reader);
    let found = |more: &str| {
        let url = format!("{FHIR}/ServiceRequest?patient={}{more}", patient(0));
        lab.fetch(&token, &url).json()["entry"][0]["resource"]["performer"].clone()
    };
    let all = found("");
    let performers = all.as_array().unwrap();
    assert_eq!(performers.len(), 2, "{all}");
    for one in performers {
        let reference = one["reference"].as_str().unwrap();
        assert_eq!(found(&format!("&performer={reference}")), all, "{reference}");
    }
}
