//! Writes: what others wrote changes neither whether a write succeeds nor how it is numbered.

use http::Method;
use mylife::{domain::theme::Theme::Housing, shared::pace::Rates};
use serde_json::{Value, json};

use super::stage::{HIDDEN, Stage, push};
use crate::world::{Reply, Terms, World, actor::Ask, person::path};

/// A Consent by another client than the one that wrote those there are.
fn writes(stage: &Stage, uuid: &str, headers: Vec<(&'static str, String)>) -> Reply {
    let terms = Terms::grant(&stage.reader.actor).themes(&[Housing]);
    let patient = json!({ "reference": format!("Patient/{}", stage.aino.patient()) });
    let body = terms.consent(&patient, uuid, "active").to_string();
    let kind = Some("application/fhir+json");
    let ask = Ask { headers, kind, body: body.into(), nodes: None };
    stage.world.actor("consent-book").send(&stage.kuopio, Method::PUT, &path(uuid), ask)
}

/// All that is seen of a write's answer but the id that chance made.
fn seen(reply: &Reply) -> Value {
    let (status, mut headers, body) = reply.bytes();
    let location = headers.remove("location").map(|at| at.len());
    json!([status, headers, body, location])
}

#[test]
pub(super) fn a_consent_of_another_writer_changes_no_write() {
    let stage = Stage::new();
    let desk = stage.aino.gives(Terms::grant(&stage.reader.actor).themes(&[Housing]));
    let fresh = |last: char| format!("urn:uuid:00000000-0000-4000-8000-00000000000{last}");
    let alone = writes(&stage, &fresh('1'), Vec::new());
    stage.hide();
    let beside = writes(&stage, &fresh('2'), Vec::new());
    assert_eq!(seen(&alone), seen(&beside), "numbered by itself");
    assert_eq!(alone.status(), 201);
    let same_uuid = writes(&stage, desk.uuid(), Vec::new());
    assert_eq!(seen(&alone), seen(&same_uuid), "as if the desk had written none");
    let matching = |uuid: &str, tag: &str| {
        seen(&writes(&stage, uuid, vec![("if-match", format!("W/\"{tag}\""))]))
    };
    stage.aino.gives(Terms::prohibition_of("urn:oid:1.2.246.10.1"));
    let other = stage.aino.gives(Terms::grant(&stage.reader.actor).themes(&[Housing]));
    for tag in ["1", "2", "*"] {
        assert_eq!(matching(other.uuid(), tag), matching(&fresh('3'), tag), "{tag}");
    }
    // Of documents pushed, too: each is numbered by itself.
    let person = |name: &str| {
        let body = json!({ "schema": "mylife/person/1", "id": name, "language": "fi",
            "name": { "given": [name], "family": "Testi" }, "birth_date": "2001-05-17" });
        push(&stage.kuopio, "people", &body).json()["version"].clone()
    };
    assert_eq!(person("onni"), 1);
    let survey = |name: &str| {
        let answers = [json!({ "theme": "housing", "importance": 1, "satisfaction": 1 })];
        let body = json!({ "schema": "mylife/assessment/1", "id": format!("{name}-x"),
            "person": name, "form": "3x10d-30", "status": "completed",
            "authored": "2026-02-01T10:00:00Z", "answered_by": "person", "language": "fi",
            "answers": answers });
        push(&stage.kuopio, "assessments", &body).json()["version"].clone()
    };
    assert_eq!([survey("onni"), survey("aino"), survey(HIDDEN)], [1, 1, 1]);
}

#[test]
pub(super) fn a_consent_of_another_writer_is_not_found() {
    let stage = Stage::new();
    let uuid = "urn:uuid:00000000-0000-4000-8000-000000000001";
    writes(&stage, uuid, Vec::new()).accepted();
    let book = stage.kuopio.client("consent-book");
    let found = stage.tells_nothing(|| {
        let own = format!("&identifier=urn:ietf:rfc:3986%7C{uuid}");
        let more = ["", "&status=active", "&category=prohibition", &own];
        more.iter().map(|more| book.get(&stage.of_aino("Consent", more))).collect()
    });
    assert_eq!(found.iter().map(|r| r.ids().len()).collect::<Vec<_>>(), [1, 1, 0, 1]);
}

#[test]
pub(super) fn what_others_ask_slows_nobody_down() {
    let world = World::with_rates(Rates { client: 2, ..Rates::default() });
    let kuopio = world.municipality("297");
    let (reader, region) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let ask = |at: &crate::world::municipality::At| at.get("/fhir/Organization");
    let alone: Vec<_> = (0..4).map(|_| ask(&reader).bytes()).collect();
    world.pass(std::time::Duration::from_mins(1));
    (0..20).for_each(|_| drop(ask(&region)));
    ask(&region).refused(429, "throttled");
    let beside: Vec<_> = (0..4).map(|_| ask(&reader).bytes()).collect();
    assert_eq!(alone, beside);
    // How long to wait is counted in whole seconds of the caller's own.
    (0..20).for_each(|_| drop(ask(&reader)));
    assert_eq!(ask(&reader).refused(429, "throttled").header("retry-after"), Some("1"));
}

#[test]
pub(super) fn answers_for_who_is_hidden_are_refused_as_for_who_is_absent() {
    let stage = Stage::new();
    let eetu = stage.kuopio.person(HIDDEN);
    let portal = stage.world.actor("survey-portal");
    let answers = |patient: &str, headers: Vec<(&'static str, String)>| {
        let item = json!({ "linkId": "housing", "item": [
            { "linkId": "housing.satisfaction", "answer": [{ "valueInteger": 1 }] }] });
        let body = json!({
            "resourceType": "QuestionnaireResponse", "status": "completed",
            "questionnaire": "https://mylife.example/fhir/Questionnaire/3x10d-10-18plus",
            "subject": { "reference": format!("Patient/{patient}") },
            "authored": "2026-03-01T10:00:00Z", "item": [item],
        });
        let (kind, body) = (Some("application/fhir+json"), body.to_string().into());
        let ask = Ask { headers, kind, body, nodes: None };
        portal.send(&stage.kuopio, Method::POST, "/fhir/QuestionnaireResponse", ask)
    };
    let absent = format!("297.{}", "a".repeat(26));
    let unlike = vec![("if-none-exist", "status=completed".to_owned())];
    stage.hide();
    for headers in [Vec::new(), unlike] {
        let hidden = answers(eetu.patient(), headers.clone());
        assert_eq!(seen(&hidden), seen(&answers(&absent, headers)));
        assert_eq!(hidden.status(), 422);
    }
}

#[test]
pub(super) fn a_plan_that_is_hidden_is_written_to_as_one_that_is_absent() {
    let stage = Stage::new();
    let plan = json!({ "schema": "mylife/plan/1", "id": "p-1", "person": HIDDEN, "status": "draft",
        "period": { "start": "2026-02-10" }, "created": "2026-02-10T08:00:00Z",
        "goals": [{ "id": "g-1", "themes": ["housing"], "words": "A home", "set_by": "person",
            "status": "active" }] });
    let eetu = stage.kuopio.person(HIDDEN).planned(&plan);
    let keeper = stage.kuopio.client("plan-keeper");
    let given = eetu.gives(Terms::grant(&keeper.actor).themes(&[Housing]));
    let found = |kind: &str| format!("{kind}/{}", keeper.search(kind, &eetu).ids()[0]);
    let (plan, goal) = (found("CarePlan"), found("Goal"));
    given.revoke();
    assert!(keeper.search("Goal", &eetu).ids().is_empty());
    let write = |method: Method, path: &str, body: &Value| {
        let headers = vec![("if-match", "W/\"1\"".to_owned())];
        let ask = Ask {
            headers,
            kind: Some("application/fhir+json"),
            nodes: None,
            body: body.to_string().into(),
        };
        seen(&keeper.actor.send(&stage.kuopio, method, path, ask))
    };
    let about = |patient: &str| json!({ "reference": format!("Patient/{patient}") });
    let nobody = format!("297.{}", "a".repeat(26));
    let care_plan = |patient: &str| {
        let body = json!({ "resourceType": "CarePlan", "status": "draft", "intent": "plan",
            "subject": about(patient), "period": { "start": "2026-02-10" } });
        write(Method::POST, "/fhir/CarePlan", &body)
    };
    assert_eq!(care_plan(eetu.patient()), care_plan(&nobody));
    let task = |plan: &str| {
        let body = json!({ "resourceType": "Task", "status": "requested", "intent": "plan",
            "basedOn": [{ "reference": plan }], "for": about(eetu.patient()),
            "description": "Call", "owner": about(eetu.patient()), "code": { "coding": [{
                "system": "https://mylife.example/fhir/CodeSystem/plan", "code": "action" }] } });
        write(Method::POST, "/fhir/Task", &body)
    };
    assert_eq!(task(&plan), task(&format!("CarePlan/{nobody}")));
    let update = |goal: &str| {
        let body = json!({ "resourceType": "Goal", "id": goal.strip_prefix("Goal/"),
            "lifecycleStatus": "active", "subject": about(eetu.patient()),
            "category": [{ "coding": [{ "system": "https://mylife.example/fhir/CodeSystem/theme",
                "code": "housing" }] }],
            "description": { "text": "A home" } });
        write(Method::PUT, &format!("/fhir/{goal}"), &body)
    };
    let hidden = update(&goal);
    assert_eq!(hidden, update(&format!("Goal/{nobody}.g0000000000")));
    assert_eq!(hidden[0], 404);
}
