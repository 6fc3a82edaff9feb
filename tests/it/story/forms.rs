//! A form renderer begins where the person's last assessment ended, and hands numbers on to a server that
//! knows Observations alone.

use http::Method;
use mylife::{
    audit::record::Interaction,
    domain::theme::Theme::{Health, Housing, StudiesWork},
};
use serde_json::{Value, json};

use crate::world::{Lie, Person, Reply, Terms, World, actor::Ask, municipality::At};

/// Asks for all three viewpoints of each theme.
const LONG: &str = "/fhir/Questionnaire/3x10d-30-18plus/$populate";
/// Asks for satisfaction and a comment.
const SHORT: &str = "/fhir/Questionnaire/3x10d-10-14-17/$populate";

fn post(who: &At, path: &str, body: &Value) -> Reply {
    let nodes = (who.node.code() != "900").then(|| who.node.code());
    let kind = Some("application/fhir+json");
    let ask = Ask { nodes, kind, body: body.to_string().into_bytes().into(), ..Ask::default() };
    who.actor.send(&who.node, Method::POST, path, ask)
}

fn subject(reference: &str) -> Value {
    json!({ "name": "subject", "valueReference": { "reference": reference } })
}

fn parameters(all: &[Value]) -> Value {
    json!({ "resourceType": "Parameters", "parameter": all })
}

fn get(who: &At, path: &str, person: &Person) -> Reply {
    who.get(&format!("{path}?subject=Patient/{}", person.patient()))
}

/// What a parameter of the answer is.
fn part<'a>(reply: &'a Reply, name: &str) -> Option<&'a Value> {
    assert_eq!(reply.status(), 200, "{reply:?}");
    let all = reply.json()["parameter"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).map(|one| &one["resource"])
}

/// Each answer of a response, by its question.
fn answers(response: &Value) -> Vec<(&str, &Value)> {
    let groups = response["item"].as_array().into_iter().flatten();
    let items = groups.flat_map(|group| group["item"].as_array().unwrap());
    items
        .map(|item| {
            let answer = item["answer"][0].as_object().unwrap();
            (item["linkId"].as_str().unwrap(), answer.values().next().unwrap())
        })
        .collect()
}

#[test]
fn a_form_begins_with_what_the_reader_may_see_of_the_latest_assessment() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio
        .person("aino")
        .answered([(StudiesWork, 1, 1, "Ennen")])
        .answered([(Housing, 9, 3, "Oma koti"), (Health, 8, 2, "Unohda")]);
    aino.gives(Terms::grant(&portal.actor).themes(&[Housing, StudiesWork]).class("free-text"));
    let long = get(&portal, LONG, &aino);
    let form = part(&long, "response").unwrap();
    let (nine, three, words) = (json!(9), json!(3), json!("Oma koti"));
    assert_eq!(
        answers(form),
        [
            ("housing.importance", &nine),
            ("housing.satisfaction", &three),
            ("housing.future", &words)
        ]
    );
    assert_eq!((&form["status"], &form["id"]), (&json!("in-progress"), &Value::Null));
    assert_eq!(
        form["questionnaire"],
        "https://mylife.example/fhir/Questionnaire/3x10d-30-18plus|0.1.0"
    );
    assert_eq!(form["subject"]["reference"], format!("Patient/{}", aino.patient()));
    assert!(part(&long, "issues").is_none());
    long.keeps_quiet("Unohda").keeps_quiet("Ennen");
    // A form that asks for less is filled with less.
    let short = get(&portal, SHORT, &aino);
    assert_eq!(answers(part(&short, "response").unwrap()), [("housing.satisfaction", &three)]);
    // The same by a body, with what else renderers send.
    let reference = format!("Patient/{}", aino.patient());
    let more = [subject(&reference), json!({ "name": "local", "valueBoolean": true })];
    assert_eq!(post(&portal, LONG, &parameters(&more)).bytes().1, long.bytes().1);
    // What is told is the latest assessment, and that is written down.
    let told = kuopio.disclosures(aino.patient());
    let text = format!("{told:?}");
    assert!(told.iter().all(|entry| entry.interaction == Interaction::Operation), "{text}");
    assert!(text.contains(&aino.document(1)) && !text.contains(&aino.document(0)), "{text}");
}

#[test]
fn the_form_of_somebody_hidden_is_that_of_nobody() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let eetu = kuopio.person("eetu").answered([(Housing, 9, 3, "")]);
    let hidden = get(&portal, LONG, &eetu);
    let nobody = format!("297.{}", "q".repeat(26));
    let absent = portal.get(&format!("{LONG}?subject=Patient/{nobody}"));
    let told = |reply: &Reply, id: &str| reply.text().replace(id, "somebody");
    assert_eq!(told(&hidden, eetu.patient()), told(&absent, &nobody));
    assert_eq!(answers(part(&hidden, "response").unwrap()), []);
    assert_eq!(kuopio.disclosures(eetu.patient()), []);
}

#[test]
fn a_form_that_was_filled_and_finished_can_be_handed_in() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("survey-portal");
    let aino = kuopio.person("aino").answered([(Housing, 9, 3, ""), (Health, 8, 2, "")]);
    aino.grants(&portal, [Housing]);
    let mut form = part(&get(&portal, LONG, &aino), "response").unwrap().clone();
    let members = form.as_object_mut().unwrap();
    members.insert("status".to_owned(), json!("completed"));
    members.insert("authored".to_owned(), json!("2026-03-01T10:00:00.000Z"));
    members["item"][0]["item"][1]["answer"][0]["valueInteger"] = json!(5);
    let made = post(&portal, "/fhir/QuestionnaireResponse", &form);
    assert_eq!(made.status(), 201, "{made:?}");
    // The next form begins with it.
    let again = get(&portal, LONG, &aino);
    let (nine, five) = (json!(9), json!(5));
    let expected = [("housing.importance", &nine), ("housing.satisfaction", &five)];
    assert_eq!(answers(part(&again, "response").unwrap()), expected);
}

#[test]
fn what_is_extracted_is_what_a_search_finds_of_the_assessment() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio
        .person("aino")
        .answered([(Housing, 1, 1, "")])
        .answered([(Housing, 9, 3, "Oma koti"), (Health, 8, 2, "")]);
    aino.grants(&portal, [Housing]);
    let path = format!("/fhir/QuestionnaireResponse/{}/$extract", aino.document(1));
    let extracted = portal.get(&path);
    let bundle = part(&extracted, "return").unwrap();
    assert_eq!(bundle["type"], "transaction");
    let found = portal.get(&format!(
        "/fhir/Observation?patient={}&derived-from=QuestionnaireResponse/{}",
        aino.patient(),
        aino.document(1)
    ));
    let entries = bundle["entry"].as_array().unwrap();
    let resources: Vec<&Value> = entries.iter().map(|entry| &entry["resource"]).collect();
    assert_eq!(resources, found.matches());
    assert_eq!(resources.len(), 2, "importance and satisfaction of one theme");
    for entry in entries {
        let at = format!("Observation/{}", entry["resource"]["id"].as_str().unwrap());
        assert_eq!(entry["request"], json!({ "method": "PUT", "url": at }));
        assert!(entry["fullUrl"].as_str().unwrap().ends_with(&at));
    }
    assert_eq!(post(&portal, &path, &parameters(&[])).bytes().1, extracted.bytes().1);
    // Neither an assessment that is hidden nor one that is not there is extracted.
    let eetu = kuopio.person("eetu").answered([(Housing, 9, 3, "")]);
    for id in [eetu.document(0), format!("297.{}", "q".repeat(26))] {
        let path = format!("/fhir/QuestionnaireResponse/{id}/$extract");
        portal.get(&path).refused(404, "not-found");
    }
    kuopio.client("survey-portal").get(&path).refused(403, "forbidden");
}

/// The Observations without what only who keeps them gives.
fn without_versions(extracted: &Reply) -> Vec<Value> {
    let mut all = part(extracted, "return").unwrap()["entry"].as_array().unwrap().clone();
    for one in &mut all {
        let meta = one["resource"]["meta"].as_object_mut().unwrap();
        meta.retain(|name, _| name != "versionId" && name != "lastUpdated");
    }
    all
}

#[test]
fn what_is_extracted_of_an_assessment_that_is_sent_is_what_is_made_of_one_that_is_kept() {
    const GIVEN: &str = "/fhir/QuestionnaireResponse/$extract";
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 9, 3, "Oma koti"), (Health, 8, 2, "")]);
    aino.gives(Terms::grant(&portal.actor).themes(&[Housing, Health]).class("free-text"));
    let path = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    let kept = portal.get(&path).json().clone();
    let here = without_versions(&portal.get(&format!("{path}/$extract")));
    assert_eq!(here.len(), 4);
    let sent = post(&portal, GIVEN, &kept);
    assert_eq!(without_versions(&sent), here);
    let in_parameters = json!({ "resourceType": "Parameters",
        "parameter": [{ "name": "questionnaire-response", "resource": kept }] });
    assert_eq!(post(&portal, GIVEN, &in_parameters).bytes().1, sent.bytes().1);
    // Whoever may see nothing of it is given what is in what they send, and so is who asks where it is not.
    let stranger = kuopio.client("goals-only");
    assert_eq!(post(&stranger, GIVEN, &kept).bytes().1, sent.bytes().1);
    let elsewhere = world.portal().client("goals-only");
    let there = post(&elsewhere, GIVEN, &kept);
    let resources = |all: Vec<Value>| -> Vec<Value> {
        all.into_iter().map(|one| one["resource"].clone()).collect()
    };
    assert_eq!(resources(without_versions(&there)), resources(here.clone()));
    let before = kuopio.disclosures(aino.patient()).len();
    post(&stranger, GIVEN, &kept);
    assert_eq!(kuopio.disclosures(aino.patient()).len(), before, "nothing is disclosed");
    // What has no id is made anew where it goes.
    let mut nameless = kept.clone();
    nameless.as_object_mut().unwrap().remove("id");
    for (new, old) in without_versions(&post(&portal, GIVEN, &nameless)).iter().zip(&here) {
        assert_eq!(new["request"], json!({ "method": "POST", "url": "Observation" }));
        let mut old = old["resource"].clone();
        old.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "derivedFrom");
        assert_eq!(new["resource"], old);
    }
    // An answer in words is no number.
    let mut words = kept.clone();
    words["item"] = json!([{ "linkId": "housing", "item": [
        { "linkId": "housing.future", "answer": [{ "valueString": "Oma koti" }] }] }]);
    let none = post(&portal, GIVEN, &words);
    assert_eq!(part(&none, "issues").unwrap()["issue"][0]["code"], "not-found");
    let mut eleven = kept.clone();
    eleven["item"][0]["item"][0]["answer"][0]["valueInteger"] = json!(11);
    let mut by_code = kept;
    by_code["subject"] = json!({ "identifier": { "system": "urn:x", "value": "1" } });
    let wrong = [
        (eleven, "a whole number from 0 to 10"),
        (by_code, "Patient/{id}"),
        (parameters(&[]), "questionnaire-response"),
        (json!({ "resourceType": "Patient" }), "questionnaire-response"),
    ];
    for (body, say) in wrong {
        post(&portal, GIVEN, &body).refused(422, "business-rule").says(say);
    }
}

#[test]
fn that_an_assessment_has_no_observation_to_show_is_told_and_written_down() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 9, 3, "")]);
    aino.grants(&portal, [Housing]);
    let scope = "system/QuestionnaireResponse.rs system/Observation.rs?status=registered";
    let token = portal.token(scope, &json!({ "purpose": "TREAT" }));
    let headers = vec![("authorization", format!("Bearer {token}"))];
    let path = format!("/fhir/QuestionnaireResponse/{}/$extract", aino.document(0));
    let nodes = Some(portal.node.code());
    let ask = Ask { headers, nodes, ..Ask::default() };
    let none = portal.actor.raw(&kuopio, Method::GET, &path, ask);
    assert_eq!(part(&none, "issues").unwrap()["issue"][0]["code"], "not-found");
    assert!(part(&none, "return").is_none());
    let told = format!("{:?}", kuopio.disclosures(aino.patient()));
    assert!(told.contains(&aino.document(0)), "{told}");
}

#[test]
fn at_the_portal_a_form_begins_with_the_latest_assessment_wherever_it_is() {
    let world = World::new();
    let (kuopio, kajaani) = (world.municipality("297"), world.municipality("205"));
    let portal = world.portal().client("national-portal");
    let here = kuopio.person("aino").answered([(Housing, 9, 3, "")]);
    let there =
        kajaani.person("aino").answered([(Health, 1, 1, "")]).answered([(Housing, 8, 6, "")]);
    for one in [&here, &there] {
        one.grants(&portal, [Housing]);
    }
    let (eight, six) = (json!(8), json!(6));
    let expected = [("housing.importance", &eight), ("housing.satisfaction", &six)];
    let form = get(&portal, LONG, &here);
    assert_eq!(answers(part(&form, "response").unwrap()), expected);
    let id = there.document(1);
    let extracted = portal.get(&format!("/fhir/QuestionnaireResponse/{id}/$extract"));
    assert_eq!(part(&extracted, "return").unwrap()["entry"].as_array().unwrap().len(), 2);
}

#[test]
fn what_could_not_be_asked_is_said_beside_the_form() {
    let world = World::new();
    let kuopio = world.municipality("297");
    world.impostor("049", Lie::Fails(500));
    let portal = world.portal().client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 9, 3, "")]);
    aino.grants(&portal, [Housing]);
    let form = get(&portal, LONG, &aino);
    let (nine, three) = (json!(9), json!(3));
    let expected = [("housing.importance", &nine), ("housing.satisfaction", &three)];
    assert_eq!(answers(part(&form, "response").unwrap()), expected);
    let issue = &part(&form, "issues").unwrap()["issue"][0];
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("warning"), &json!("incomplete")));
    assert!(issue["diagnostics"].as_str().unwrap().contains("049"), "{issue}");
}

#[test]
fn whoever_asks_wrongly_is_told_how_to_ask() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let one = "Patient/297.a";
    for path in ["", "?subject=297.a", "?subject=Group/1", "?subject=Patient/"] {
        portal.get(&format!("{LONG}{path}")).refused(422, "business-rule").says("Patient/{id}");
    }
    portal.get(&format!("{LONG}?subject={one}&subject={one}")).refused(422, "business-rule");
    let rows = [
        (json!({ "resourceType": "Patient" }), "Send a Parameters with subject"),
        (json!({ "resourceType": "Parameters" }), "Patient/{id}"),
        (parameters(&[subject("Patient/a b")]), "Patient/{id}"),
        (parameters(&[subject(one), subject(one)]), "Give subject once."),
        (parameters(&[json!({ "name": "canonical", "valueUri": "urn:x" })]), "Known are: subject"),
        (parameters(&[json!({ "name": "subject", "valueString": one })]), "Patient/{id}"),
    ];
    for (body, say) in rows {
        post(&portal, LONG, &body).refused(422, "business-rule").says(say);
    }
    let unknown = "/fhir/Questionnaire/3x10d-40-18plus/$populate?subject=Patient/297.a";
    portal.get(unknown).refused(404, "not-found");
    kuopio.client("goals-only").get(&format!("{LONG}?subject={one}")).refused(403, "forbidden");
}
