//! A portal hands in somebody's life assessment in FHIR: it is kept where the person's data is, once, and
//! comes out as it went in; who may do so, and what is refused in which words.

use http::Method;
use mylife::{
    audit::record::Interaction,
    domain::theme::Theme::{Health, Housing},
};
use serde_json::{Value, json};

use super::consent_as_fhir::place;
use crate::world::{Person, Reply, World, actor::Ask, municipality::At};

const PATH: &str = "/fhir/QuestionnaireResponse";

/// Answers about housing and health in the form of ten items.
pub(super) fn answers(person: &Person) -> Value {
    let theme = |theme: &str, satisfaction: u8, comment: &str| {
        json!({ "linkId": theme, "item": [
            { "linkId": format!("{theme}.satisfaction"), "answer": [{ "valueInteger": satisfaction }] },
            { "linkId": format!("{theme}.comment"), "answer": [{ "valueString": comment }] } ] })
    };
    let subject = json!({ "reference": format!("Patient/{}", person.patient()) });
    json!({
        "resourceType": "QuestionnaireResponse", "language": "sv", "status": "completed",
        "identifier": { "system": "urn:ietf:rfc:3986", "value": "urn:uuid:00000000-0000-4000-8000-000000000001" },
        "questionnaire": "https://mylife.example/fhir/Questionnaire/3x10d-10-18plus|1.0.0",
        "subject": subject, "authored": "2026-03-01T10:00:00.000Z", "source": subject,
        "item": [theme("health", 7, "Trött"), theme("housing", 0, "För trångt")],
    })
}

/// The token of an app that the person uses.
pub(super) fn own(client: &At, person: &Person) -> String {
    let patient = person.patient();
    let who = json!({ "subject": format!("Patient/{patient}"), "patient": patient });
    client.token("patient/QuestionnaireResponse.crs patient/Patient.r", &who)
}

fn send(
    client: &At,
    token: &str,
    (method, path): (Method, &str),
    body: &Value,
    more: &[(&'static str, &str)],
) -> Reply {
    let mut headers = vec![("authorization", format!("Bearer {token}"))];
    headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let kind = Some("application/fhir+json");
    let ask = Ask { headers, kind, nodes: None, body: body.into() };
    client.actor.raw(&client.node, method, path, ask)
}

pub(super) fn post(client: &At, token: &str, body: &Value, more: &[(&'static str, &str)]) -> Reply {
    send(client, token, (Method::POST, PATH), body, more)
}

/// Without what the gateway gives.
fn as_sent(read: &Reply) -> Value {
    let mut read = read.json().clone();
    read.as_object_mut()
        .unwrap()
        .retain(|name, _| !["id", "meta", "text"].contains(&name.as_str()));
    read
}

#[test]
fn answers_are_kept_where_the_person_is_and_come_out_as_they_went_in() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (app, region) = (kuopio.client("survey-portal"), kuopio.client("north-savo"));
    // Nothing else is known of her yet: the first survey comes from the portal.
    let aino = kuopio.person("aino");
    let token = own(&app, &aino);
    let made = post(&app, &token, &answers(&aino), &[]);
    assert_eq!(made.status(), 201, "{made:?}");
    let at = place(&made);
    let get = || send(&app, &token, (Method::GET, &at), &Value::Null, &[]);
    assert_eq!(as_sent(&get()), answers(&aino));
    assert_eq!(get().json()["identifier"], answers(&aino)["identifier"]);
    // Others see what she grants of it, and its Observations.
    region.get(&at).refused(404, "not-found");
    aino.grants(&region, [Housing]);
    region.get(&at).shows([Housing]).hides([Health]).keeps_quiet("trångt");
    let found = region.search("Observation", &aino);
    assert_eq!(found.matches()[0]["valueInteger"], 0);
    let by_identifier = format!(
        "{PATH}?patient={}&identifier=urn:ietf:rfc:3986%7Curn:uuid:00000000-0000-4000-8000-000000000001",
        aino.patient()
    );
    assert_eq!(region.get(&by_identifier).ids().len(), 1);
    // Written down as the portal's, about her.
    let id = at.rsplit('/').next().unwrap();
    let log = kuopio.audit();
    let mut written = log.iter().filter(|entry| entry.interaction == Interaction::Create);
    let entry =
        written.find(|entry| format!("{entry:?}").contains(id)).expect("it is written down");
    assert_eq!(
        (&*entry.caller.client, entry.patient.as_deref()),
        ("survey-portal", Some(aino.patient()))
    );
    // And shown back to whom wants it so.
    let mut other = answers(&aino);
    other.as_object_mut().unwrap().remove("identifier");
    let shown = post(&app, &token, &other, &[("prefer", "return=representation")]);
    assert_eq!((shown.status(), &shown.json()["item"]), (201, &other["item"]));
    let quiet = post(&app, &token, &other, &[("prefer", "return=minimal")]);
    assert_eq!((quiet.status(), quiet.text()), (201, String::new()));
}

#[test]
fn of_an_identifier_there_is_one() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let app = kuopio.client("survey-portal");
    let (aino, eero) = (kuopio.person("aino"), kuopio.person("eero"));
    let token = own(&app, &aino);
    let made = post(&app, &token, &answers(&aino), &[]);
    let again = post(&app, &token, &answers(&aino), &[]);
    assert_eq!((made.status(), again.status(), place(&again)), (201, 200, place(&made)));
    let mut other = answers(&aino);
    other["item"][0]["item"][0]["answer"][0]["valueInteger"] = json!(8);
    let reply = post(&app, &token, &other, &[]);
    assert_eq!(reply.refused(409, "conflict").expression(), ["QuestionnaireResponse.identifier"]);
    // What is asked for is asked of what she sees, and not made when it is there.
    let same = "identifier=urn:ietf:rfc:3986%7Curn:uuid:00000000-0000-4000-8000-000000000001";
    let at = place(&made);
    let id = at.rsplit('/').next().unwrap();
    let told = || format!("{:?}", kuopio.audit()).matches(id).count();
    let before = told();
    let found = post(&app, &token, &other, &[("if-none-exist", same)]);
    assert_eq!((found.status(), place(&found)), (200, place(&made)));
    assert!(told() > before, "that it is there is told, and written down");
    other.as_object_mut().unwrap().remove("identifier");
    let absent = "identifier=urn:ietf:rfc:3986%7Curn:uuid:9";
    let second = post(&app, &token, &other, &[("if-none-exist", absent)]);
    assert_eq!(second.status(), 201, "{second:?}");
    assert_ne!(place(&second), place(&made));
    let reply = post(&app, &token, &other, &[("if-none-exist", "status=completed")]);
    reply.refused(412, "conflict");
    post(&app, &token, &other, &[("if-none-exist", "shoe-size=42")]).refused(400, "not-supported");
    // Nor for two people.
    let reply = post(&app, &own(&app, &eero), &answers(&eero), &[]);
    assert_eq!(reply.refused(409, "conflict").expression(), ["QuestionnaireResponse.identifier"]);
    let all = format!("{PATH}?patient={}", aino.patient());
    let all = send(&app, &token, (Method::GET, &all), &Value::Null, &[]);
    assert_eq!(all.ids().len(), 2);
}

#[test]
fn what_an_identifier_says_is_not_to_be_guessed_from_what_is_stored() {
    let world = World::new();
    let kept = ["297", "205"].map(|code| {
        let node = world.municipality(code);
        let (app, aino) = (node.client("survey-portal"), node.person("aino"));
        let made = post(&app, &own(&app, &aino), &answers(&aino), &[]);
        assert_eq!(made.status(), 201, "{made:?}");
        let store = node.gateway.reach.sources.local.as_ref().unwrap().store();
        let stored = world.runtime.block_on(store.load(aino.patient())).unwrap().unwrap();
        let mut ids = stored.documents.iter().map(|one| one.local_id.to_string());
        ids.find(|id| id.starts_with("fhir:")).expect("it is kept")
    });
    // The same words of the same sender: only who has a gateway's key knows under which name it has them.
    assert_ne!(kept[0], kept[1]);
    assert!(kept.iter().all(|id| id.len() == "fhir:".len() + 32), "{kept:?}");
}

#[test]
fn the_person_a_representative_and_a_system_for_whom_it_sees_hand_in() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let app = kuopio.client("survey-portal");
    let guardian = |id: &str, themes: &Value, classes: &Value| {
        json!({ "id": id, "who": { "name": "Maija Testi" }, "relation": "guardian",
            "themes": themes, "classes": classes, "period": { "start": "2025-01-01" } })
    };
    let aino = Person::with(
        &kuopio,
        "aino",
        &json!({ "representation": [
            guardian("r1", &json!("*"), &json!(["free-text"])),
            guardian("r2", &json!(["health"]), &json!(["free-text"])),
            guardian("r3", &json!("*"), &json!([])),
        ] }),
    );
    let eero = kuopio.person("eero").answered([(Housing, 1, 1, "")]);
    let create = "user/QuestionnaireResponse.c user/Patient.r";
    let mut number = 0;
    let mut hand_in = |scope: &str, who: &Value, by: Option<&str>, change: &dyn Fn(&mut Value)| {
        number += 1;
        let mut body = answers(&aino);
        body["identifier"]["value"] = json!(format!("urn:uuid:{number}"));
        if let Some(by) = by {
            body["extension"] = json!([{ "url": "https://mylife.example/fhir/StructureDefinition/answered-by",
                "valueCode": by }]);
            body.as_object_mut().unwrap().remove("source");
        }
        change(&mut body);
        post(&app, &app.token(scope, who), &body, &[])
    };
    let none = |_: &mut Value| {};
    let user = |reference: String| json!({ "subject": reference });
    let related = |id: &str| {
        user(format!("RelatedPerson/{}", super::consent_as_fhir::related(aino.patient(), id)))
    };
    let herself = user(format!("Patient/{}", aino.patient()));
    assert_eq!(hand_in(create, &herself, None, &none).status(), 201);
    let by_code = |body: &mut Value| {
        body["subject"] = json!({ "identifier": {
            "system": "urn:oid:1.2.246.21", "value": aino.code() } });
        body.as_object_mut().unwrap().remove("source");
    };
    assert_eq!(hand_in(create, &herself, None, &by_code).status(), 201);
    let absolute = |body: &mut Value| {
        let url = format!("{}/fhir/Patient/{}", kuopio.identity.url, aino.patient());
        body["subject"] = json!({ "reference": url, "type": "Patient" });
        body["source"] = body["subject"].clone();
    };
    assert_eq!(hand_in(create, &herself, None, &absolute).status(), 201);
    let reply = hand_in(create, &related("r1"), Some("representative"), &none);
    assert_eq!(reply.status(), 201, "{reply:?}");
    // As whom somebody answers is said as it is.
    for (who, by) in [(&related("r1"), None), (&herself, Some("representative"))] {
        let reply = hand_in(create, who, by, &none);
        let reply = reply.refused(422, "business-rule").expression().join("");
        assert_eq!(reply, "QuestionnaireResponse.extension");
    }
    // Beyond what a representation covers, for others, and for professionals: alike for whoever is held.
    let absent = |body: &mut Value| {
        body["subject"] = json!({ "reference": format!("Patient/297.{}", "a".repeat(26)) });
        body["source"] = body["subject"].clone();
    };
    let others = |body: &mut Value| {
        body["subject"] = json!({ "reference": format!("Patient/{}", eero.patient()) });
        body["source"] = body["subject"].clone();
    };
    let professional = user("Practitioner/297.worker".to_owned());
    for (who, by, change) in [
        (&related("r2"), Some("representative"), &none as &dyn Fn(&mut Value)),
        (&related("r3"), Some("representative"), &none),
        (&herself, None, &others),
        (&herself, None, &absent),
        (&professional, Some("professional"), &none),
        (&professional, Some("professional"), &absent),
    ] {
        hand_in(create, who, by, change).refused(403, "forbidden").says("representative");
    }
    // A system writes about whom it can see; whom it cannot is not there.
    let system = "system/QuestionnaireResponse.c system/Patient.r";
    let treats = json!({ "purpose": "TREAT" });
    for change in [&none as &dyn Fn(&mut Value), &absent, &others] {
        let reply = hand_in(system, &treats, None, change);
        let reply = reply.refused(422, "business-rule").says("Name the person");
        assert_eq!(reply.expression(), ["QuestionnaireResponse.subject"]);
    }
    eero.grants(&app, [Housing]);
    assert_eq!(hand_in(system, &treats, None, &others).status(), 201);
    hand_in("system/QuestionnaireResponse.c", &treats, None, &others).refused(422, "business-rule");
    // A token about one person is about nobody else, and takes the right to create, whole.
    let mut about = user(format!("Patient/{}", eero.patient()));
    about["patient"] = json!(eero.patient());
    hand_in("patient/QuestionnaireResponse.c", &about, None, &none).refused(403, "forbidden");
    for scope in [
        "user/QuestionnaireResponse.rs",
        "user/Patient.crus",
        "user/QuestionnaireResponse.c?_security=https://mylife.example/fhir/CodeSystem/theme|housing",
    ] {
        hand_in(scope, &herself, None, &none).refused(403, "forbidden");
    }
}

#[test]
fn what_cannot_be_kept_is_refused_item_by_item() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let app = kuopio.client("survey-portal");
    let aino = kuopio.person("aino");
    let token = own(&app, &aino);
    let thirty = "https://mylife.example/fhir/Questionnaire/3x10d-30-18plus";
    let item = "item[0].item[0]";
    let rows: [(&str, Value, String, &str); 20] = [
        (
            "/item/0/item/0/answer/0/valueInteger",
            json!(11),
            format!("{item}.answer[0].value"),
            "0 to 10",
        ),
        (
            "/item/0/item/0/answer/0/valueInteger",
            json!(-1),
            format!("{item}.answer[0].value"),
            "0 to 10",
        ),
        (
            "/item/0/item/0/answer/0",
            json!({ "valueDecimal": 7.5 }),
            format!("{item}.answer[0].value"),
            "whole number",
        ),
        (
            "/item/0/item/1/answer/0",
            json!({ "valueInteger": 1 }),
            "item[0].item[1].answer[0].value".into(),
            "valueString",
        ),
        (
            "/item/0/item/1/answer/0/valueString",
            json!("x".repeat(2001)),
            "item[0].item[1].answer[0].value".into(),
            "2000",
        ),
        (
            "/item/0/item/0/linkId",
            json!("health.shoes"),
            format!("{item}.linkId"),
            "health.satisfaction, health.comment",
        ),
        (
            "/item/0/item/0/linkId",
            json!("housing.satisfaction"),
            format!("{item}.linkId"),
            "one of",
        ),
        ("/item/0/linkId", json!("shoes"), "item[0].linkId".into(), "theme"),
        ("/item/0/linkId", json!("health.comment"), "item[0].linkId".into(), "health"),
        ("/item/1/linkId", json!("health"), "item[1].linkId".into(), "twice"),
        (
            "/item/0/item/1/linkId",
            json!("health.satisfaction"),
            "item[0].item[1].linkId".into(),
            "twice",
        ),
        ("/item", json!([{ "linkId": "health" }]), "item".into(), "once something is answered"),
        ("/questionnaire", json!(thirty), "item[0].item[1].linkId".into(), "health.future"),
        (
            "/questionnaire",
            json!("https://example.org/Questionnaire/x"),
            "questionnaire".into(),
            "published",
        ),
        (
            "/questionnaire",
            json!("https://mylife.example/fhir/Questionnaire/3x10d-10-18plus|9"),
            "questionnaire".into(),
            "1.0.0",
        ),
        ("/questionnaire", Value::Null, "questionnaire".into(), "required"),
        ("/authored", Value::Null, "authored".into(), "required"),
        ("/authored", json!("2026-03"), "authored".into(), "zone"),
        ("/subject", Value::Null, "subject".into(), "required"),
        ("/identifier/value", json!("010594-9032"), "identifier.value".into(), "identity code"),
    ];
    for (pointer, value, expression, words) in rows {
        let mut body = answers(&aino);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap();
        match (name.parse::<usize>(), value) {
            (Ok(at), value) => parent[at] = value,
            (Err(_), Value::Null) => drop(parent.as_object_mut().unwrap().remove(name)),
            (Err(_), value) => parent[name] = value,
        }
        let reply = post(&app, &token, &body, &[]);
        let reply = reply.refused(422, "business-rule").says(words);
        let place = format!("QuestionnaireResponse.{expression}");
        assert!(reply.expression().contains(&&*place), "{place}: {reply:?}");
        reply.keeps_quiet("010594");
    }
    // All faults at once, so that one round tells everything.
    let mut body = answers(&aino);
    body["encounter"] = json!({ "reference": "Encounter/1" });
    body["item"][0]["item"][0]["answer"][0]["valueInteger"] = json!(12);
    let reply = post(&app, &token, &body, &[]);
    assert_eq!(reply.refused(422, "business-rule").expression().len(), 2, "{reply:?}");
    // Nothing of all that was kept.
    let all = format!("{PATH}?patient={}", aino.patient());
    let all = send(&app, &token, (Method::GET, &all), &Value::Null, &[]);
    assert_eq!(all.ids().len(), 0);
    let other = json!({ "resourceType": "Observation" });
    post(&app, &token, &other, &[]).refused(422, "business-rule");
    let at = format!("{PATH}/{}", aino.patient());
    send(&app, &token, (Method::PUT, &at), &answers(&aino), &[]).refused(405, "not-supported");
}

#[test]
fn a_portal_passes_no_answers_on() {
    let world = World::new();
    let (kuopio, portal) = (world.municipality("297"), world.portal());
    let aino = kuopio.person("aino");
    let at_portal = portal.client("survey-portal");
    let treats = json!({ "purpose": "TREAT" });
    let scope = "system/QuestionnaireResponse.c";
    let reply = post(&at_portal, &at_portal.token(scope, &treats), &answers(&aino), &[]);
    reply.refused(400, "not-supported").says("the gateway that holds the person's data");
    let app = kuopio.client("survey-portal");
    let mut elsewhere = answers(&aino);
    elsewhere["subject"] = json!({ "reference": format!("Patient/205.{}", "a".repeat(26)) });
    elsewhere["source"] = elsewhere["subject"].clone();
    let reply = post(&app, &own(&app, &aino), &elsewhere, &[]);
    reply.refused(400, "not-supported").says("at the start of the Patient's id");
}

#[test]
fn in_a_batch_answers_are_handed_in_as_alone() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let app = kuopio.client("survey-portal");
    let aino = kuopio.person("aino");
    let entry = |resource: Value| {
        json!({ "resource": resource,
        "request": { "method": "POST", "url": "QuestionnaireResponse" } })
    };
    let mut bad = answers(&aino);
    bad["status"] = json!("stopped");
    let bundle = json!({ "resourceType": "Bundle", "type": "batch",
        "entry": [entry(answers(&aino)), entry(bad), entry(answers(&aino))] });
    let reply = send(&app, &own(&app, &aino), (Method::POST, "/fhir"), &bundle, &[]);
    let entries = reply.json()["entry"].as_array().unwrap();
    let statuses: Vec<&str> =
        entries.iter().map(|entry| &entry["response"]["status"].as_str().unwrap()[..3]).collect();
    assert_eq!(statuses, ["201", "422", "200"]);
    assert_eq!(entries[0]["response"]["location"], entries[2]["response"]["location"]);
}
