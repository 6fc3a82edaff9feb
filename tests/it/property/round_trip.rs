//! Native to FHIR and back is the identity, as far as FHIR carries it and all of it is seen.

use std::collections::BTreeMap;

use mylife::domain::{
    assessment::{Answer, Assessment, Score},
    plan::{Performer, Plan, ServiceState, SetBy},
    theme::Theme,
    words::Words,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    MANY,
    oracle::part,
    validity::Mapped,
    world::{document, somebody},
};

/// All resources by `Type/id`.
fn whole(mapped: &Mapped) -> BTreeMap<String, Value> {
    let all = mapped.everything();
    let written = mapped.resources().filter_map(|resource| {
        let text = mapped.write(resource, &all)?;
        let name = format!("{}/{}", resource.kind.name(), resource.id);
        Some((name, serde_json::from_str(&text).unwrap()))
    });
    written.collect()
}

/// The answers of a response, read as any FHIR client would.
fn answers(response: &Value) -> Vec<Answer> {
    let items = |of: &Value| of["item"].as_array().cloned().unwrap_or_default();
    let answer = |group: &Value| {
        let theme = Theme::from_code(group["linkId"].as_str().unwrap()).unwrap();
        let mut answer =
            Answer { theme, importance: None, satisfaction: None, future: None, comment: None };
        for item in items(group) {
            let value = &item["answer"][0];
            let score = || Score::new(u8::try_from(value["valueInteger"].as_u64()?).ok()?);
            let words = || Words::parse(value["valueString"].as_str()?);
            let link = item["linkId"].as_str().unwrap();
            match link.strip_prefix(theme.code()).unwrap() {
                ".importance" => answer.importance = score(),
                ".satisfaction" => answer.satisfaction = score(),
                ".future" => answer.future = words(),
                ".comment" => answer.comment = words(),
                other => panic!("{other}"),
            }
        }
        answer
    };
    items(response).iter().map(answer).collect()
}

fn check_assessment(
    all: &BTreeMap<String, Value>,
    id: &str,
    native: &Assessment,
) -> Result<(), TestCaseError> {
    let Some(response) = all.get(&format!("QuestionnaireResponse/{id}")) else {
        prop_assert!(native.answers.is_empty(), "only an empty survey is nothing");
        return Ok(());
    };
    let mut read = answers(response);
    let asked = |theme| Theme::ASKED.iter().position(|asked| *asked == theme);
    prop_assert!(read.is_sorted_by_key(|answer| asked(answer.theme)), "in the order of the form");
    read.sort_by_key(|answer| answer.theme);
    prop_assert_eq!(json!(read), json!(native.answers));
    prop_assert_eq!(&response["language"], native.language.as_str());
    for answer in &native.answers {
        for (from, score) in [("i", answer.importance), ("s", answer.satisfaction)] {
            let name = format!("Observation/{id}.{}.{from}", answer.theme.short());
            let value = all.get(&name).map(|o| o["valueInteger"].clone());
            prop_assert_eq!(value, score.map(|s| json!(s.value())));
        }
    }
    Ok(())
}

/// Theme codes of an array of codings.
fn themes(codings: &Value) -> Value {
    let system = "https://mylife.example/fhir/CodeSystem/theme";
    let all = codings.as_array().cloned().unwrap_or_default();
    all.iter().filter(|c| c["system"] == system).map(|c| c["code"].clone()).collect()
}

fn check_goals(all: &BTreeMap<String, Value>, id: &str, plan: &Plan) -> Result<(), TestCaseError> {
    for goal in &plan.goals {
        let name = part(id, &format!("goal:{}", goal.id.as_str()), 'g');
        let fhir = &all[&format!("Goal/{name}")];
        prop_assert_eq!(themes(&fhir["description"]["coding"]), json!(goal.themes));
        prop_assert_eq!(&fhir["identifier"][0], &json!(goal.identifier));
        prop_assert_eq!(&fhir["description"]["text"], goal.words.as_str());
        prop_assert_eq!(&fhir["lifecycleStatus"], goal.status.code());
        prop_assert_eq!(&fhir["startDate"], &json!(goal.start));
        let fares = &fhir["achievementStatus"]["coding"][0]["code"];
        prop_assert_eq!(
            fares,
            &json!(goal.achievement.map(mylife::domain::plan::Achievement::code))
        );
        let target = &fhir["target"][0]["detailInteger"];
        prop_assert_eq!(target, &json!(goal.target.as_ref().map(|t| t.satisfaction.value())));
        prop_assert_eq!(fhir.get("expressedBy").is_some(), goal.set_by != SetBy::Professional);
    }
    Ok(())
}

fn check_plan(all: &BTreeMap<String, Value>, id: &str, plan: &Plan) -> Result<(), TestCaseError> {
    check_goals(all, id, plan)?;
    let whole = &all[&format!("CarePlan/{id}")];
    let views = json!(plan.views);
    prop_assert_eq!(&whole["description"], &views["person"]);
    prop_assert_eq!(&whole["note"][0]["text"], &views["professional"]);
    prop_assert_eq!(&whole["extension"][0]["valueString"], &json!(plan.title));
    prop_assert_eq!(&whole["period"], &json!(plan.period));
    for service in &plan.services {
        let name = part(id, &format!("service:{}", service.id.as_str()), 's');
        let fhir = &all[&format!("ServiceRequest/{name}")];
        prop_assert_eq!(&fhir["identifier"][0], &json!(service.identifier));
        prop_assert_eq!(&fhir["code"]["coding"][0]["code"], service.service.as_str());
        prop_assert_eq!(themes(&fhir["category"][0]["coding"]), json!(service.themes));
        let state = match (fhir["status"].as_str().unwrap(), fhir["intent"].as_str().unwrap()) {
            ("active", "plan") => ServiceState::Planned,
            ("active", "order") => ServiceState::Granted,
            (_, _) => ServiceState::Ended,
        };
        prop_assert_eq!(state, service.state);
        prop_assert_eq!(&fhir["authoredOn"], &json!(service.decided));
        prop_assert_eq!(&fhir["note"][0]["text"], &json!(service.note));
        let amount = service.quantity.as_ref().map(|q| q.value);
        prop_assert_eq!(&fhir["quantityQuantity"]["value"], &json!(amount));
    }
    for action in &plan.actions {
        let name = part(id, &format!("action:{}", action.id.as_str()), 'a');
        let fhir = &all[&format!("Task/{name}")];
        prop_assert_eq!(themes(&fhir["code"]["coding"]), json!(action.themes));
        prop_assert_eq!(&fhir["identifier"][0], &json!(action.identifier));
        prop_assert_eq!(&fhir["description"], action.text.as_str());
        prop_assert_eq!(&fhir["restriction"]["period"]["end"], &json!(action.due));
        let owner = fhir["owner"]["reference"].as_str().unwrap_or_default();
        prop_assert_eq!(owner.starts_with("Patient/"), action.performer == Performer::Person);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: MANY, failure_persistence: None, max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_seen_whole_can_be_read_back(one in somebody()) {
        let all = whole(&Mapped::of(&one));
        for (number, versions) in one.assessments.iter().enumerate() {
            check_assessment(&all, &document('a', 0, number), versions.last().unwrap())?;
        }
        for (number, versions) in one.plans.iter().enumerate() {
            check_plan(&all, &document('w', 0, number), versions.last().unwrap())?;
        }
    }
}
