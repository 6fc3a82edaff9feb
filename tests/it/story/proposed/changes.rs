//! A change is proposed to who keeps a plan, who answers it; the plan changes by its keeper's hand alone.

use http::Method;
use mylife::domain::theme::Theme::{Finance, Health, Housing};
use serde_json::{Value, json};

use super::{READS_AND_PROPOSES, Scene, Writer, answer, themes};
use crate::{
    story::plans_are_written::{put, read, versions, write},
    world::{Terms, World},
};

#[test]
fn a_proposal_is_answered_carried_out_and_seen_by_who_made_it() {
    let scene = Scene::new();
    let keeper = scene.keeper();
    let at = scene.county.proposes(&scene.change(&scene.goal, "A flat of the county's"));
    let patient = scene.aino.patient();
    let open = keeper.get(&format!("/Task?patient={patient}&code=proposal&status=requested"));
    let [task] = &open.matches()[..] else { panic!("{open:?}") };
    assert_eq!(task["description"], "A flat of the county's");
    assert_eq!(themes(task), ["housing"], "as what it is about");
    assert_eq!(task["focus"]["reference"], scene.goal);
    assert_eq!(task["basedOn"][0]["reference"], scene.plan);
    assert_eq!(task["requester"]["reference"], "Organization/297.org.county", "{task}");
    let (before, _) = read(&scene.keeper, &scene.goal);
    // Nobody agrees to what they propose themselves, and who keeps the plan proposes nothing to itself.
    scene.county.answers(&at, &json!({ "status": "accepted" })).refused(403, "forbidden");
    let own = keeper.send(Method::POST, "/Task", &scene.change(&scene.goal, "Mine"), &[]);
    own.refused(422, "business-rule");
    assert_eq!(keeper.answers(&at, &answer("accepted", "From May on")).status(), 200);
    assert_eq!(scene.county.status(&at), "accepted");
    assert_eq!(read(&scene.keeper, &scene.goal).0, before, "the plan is its keeper's to write");
    // It is carried out with what is in the plan.
    keeper.answers(&at, &json!({ "status": "completed" })).refused(422, "business-rule");
    let (mut goal, version) = read(&scene.keeper, &scene.goal);
    goal["description"]["text"] = json!("A flat of the county's");
    assert_eq!(put(&scene.keeper, &scene.goal, &goal, &version).status(), 200);
    let output = |to: &str| {
        let kind = json!({ "coding": [{ "system": super::PLAN, "code": "carried-out" }] });
        json!([{ "type": kind, "valueReference": { "reference": to } }])
    };
    let done = |to: &str| json!({ "status": "completed", "output": output(to) });
    keeper.answers(&at, &done("Goal/297.nothing.g0")).refused(422, "business-rule");
    keeper.answers(&at, &done(&format!("Patient/{patient}"))).refused(422, "business-rule");
    assert_eq!(keeper.answers(&at, &done(&scene.goal)).status(), 200);
    let seen = scene.county.get(&format!("/{at}")).json().clone();
    assert_eq!(seen["output"], output(&scene.goal), "{seen}");
    assert_eq!(seen["statusReason"]["text"], "From May on");
    assert_eq!(versions(&scene.keeper, &at), 3);
    let late = scene.county.answers(&at, &json!({ "status": "cancelled" }));
    late.refused(422, "business-rule");
    assert!(late.text().contains("It is completed, and stays so"), "{late:?}");
}

/// From, how it comes there, and what its keeper and its proposer are answered with for each next status.
type Row = (&'static str, &'static [&'static str], [u16; 4], [u16; 4]);

#[test]
fn the_steps_are_these_and_no_others() {
    let scene = Scene::new();
    let keeper = scene.keeper();
    let output = json!([{ "type": { "coding": [{ "system": super::PLAN, "code": "carried-out" }] },
        "valueReference": { "reference": scene.goal } }]);
    let states = ["accepted", "rejected", "cancelled", "completed"];
    let table: [Row; 4] = [
        ("requested", &[], [200, 200, 403, 422], [403, 403, 200, 422]),
        ("accepted", &["accepted"], [422, 200, 403, 200], [422, 403, 200, 403]),
        ("rejected", &["rejected"], [422; 4], [422; 4]),
        ("completed", &["accepted", "completed"], [422; 4], [422; 4]),
    ];
    let member = |status: &str| {
        let mut members = answer(status, "so it is");
        if status == "completed" {
            members["output"] = output.clone();
        }
        members
    };
    for (from, way, by_keeper, by_proposer) in table {
        for (side, expected) in [(&keeper, by_keeper), (&scene.county, by_proposer)] {
            for (to, expected) in states.into_iter().zip(expected) {
                let at = scene.county.proposes(&scene.change(&scene.plan, "Think of it"));
                for step in way {
                    let reply = keeper.answers(&at, &member(step));
                    assert_eq!(reply.status(), 200, "{from}: {reply:?}");
                }
                // To stay is no step, but a change of what was said is none either.
                let mut members = member(to);
                members["statusReason"]["text"] = json!("or so");
                let reply = side.answers(&at, &members);
                assert_eq!(reply.status(), expected, "{from} to {to}: {reply:?}");
                let stays = expected != 200;
                assert_eq!(keeper.status(&at) == from, stays, "{from} to {to}");
            }
        }
    }
}

#[test]
fn a_proposal_is_the_same_but_for_its_answer() {
    let scene = Scene::new();
    let (keeper, county) = (scene.keeper(), &scene.county);
    let task = scene.change(&scene.goal, "A flat of the county's");
    let at = county.proposes(&task);
    let path = format!("/{at}");
    county.answers(&at, &json!({ "description": "Another" })).refused(422, "business-rule");
    keeper
        .answers(&at, &json!({ "status": "accepted", "priority": "urgent" }))
        .refused(422, "business-rule");
    let read_it = county.get(&path);
    let (read_it, version) = (read_it.json().clone(), read_it.header("etag").unwrap().to_owned());
    let unread = county.send(Method::PUT, &path, &read_it, &[]);
    unread.refused(412, "conflict");
    assert_eq!(keeper.answers(&at, &answer("accepted", "yes")).status(), 200);
    let mut late = read_it;
    late["status"] = json!("cancelled");
    county.send(Method::PUT, &path, &late, &[("if-match", &version)]).refused(412, "conflict");
    // What was read and is sent back is no new version, but is written down.
    let count = || scene.keeper.node.disclosures(scene.aino.patient()).len();
    let (before, versions_before) = (count(), versions(&scene.keeper, &at));
    assert_eq!(county.answers(&at, &json!({})).status(), 200);
    assert_eq!(versions(&scene.keeper, &at), versions_before);
    assert_eq!(count(), before + 4, "the read, the write, and twice the history");
    // It is not deleted, nor written by a condition or with others.
    let patient = scene.aino.patient();
    let delete = |path: &str| keeper.send(Method::DELETE, path, &Value::Null, &[]);
    delete(&path).refused(409, "conflict");
    delete(&format!("/Task?patient={patient}&code=proposal")).refused(409, "conflict");
    let by_condition =
        keeper.send(Method::PUT, &format!("/Task?patient={patient}&code=proposal"), &task, &[]);
    by_condition.refused(422, "business-rule");
    let entry = json!({ "resource": task, "request": { "method": "POST", "url": "Task" } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    let reply = write(&scene.keeper, Method::POST, "/fhir", &bundle, None);
    reply.refused(422, "business-rule");
    // Sent twice, it is there once.
    let exists = format!("patient={patient}&code=proposal");
    let again = county.send(Method::POST, "/Task", &task, &[("if-none-exist", &exists)]);
    assert_eq!(again.status(), 200, "{again:?}");
    assert!(again.header("location").unwrap().ends_with(&at));
}

#[test]
fn a_service_is_proposed_without_words() {
    let scene = Scene::new();
    let portal = scene.keeper.node.client("national-portal");
    scene.aino.grants(&portal, [Housing]);
    let portal = Writer::new(&portal, READS_AND_PROPOSES, &json!({}));
    let words = scene.change(&scene.goal, "I could not read this");
    let reply = portal.send(Method::POST, "/Task", &words, &[]);
    reply.refused(403, "forbidden");
    assert_eq!(reply.expression(), ["Task.description"]);
    let with = |service: &str| {
        let mut task = words.clone();
        task.as_object_mut().unwrap().remove("description");
        task["input"] = json!([{
            "type": { "coding": [{ "system": super::PLAN, "code": "service" }] },
            "valueReference": { "reference": format!("HealthcareService/{service}") } }]);
        task
    };
    let at = portal.proposes(&with("297.svc.social"));
    assert_eq!(scene.keeper().answers(&at, &answer("accepted", "yes")).status(), 200);
    let seen = portal.get(&format!("/{at}"));
    assert_eq!(seen.json()["status"], "accepted");
    seen.keeps_quiet("statusReason");
    // What a sensitive unit gives is not for everybody to propose, nor what there is not.
    portal.send(Method::POST, "/Task", &with("297.svc.psychiatry"), &[]).refused(403, "forbidden");
    portal.send(Method::POST, "/Task", &with("297.svc.nothing"), &[]).refused(422, "business-rule");
    let mut nothing = words;
    nothing.as_object_mut().unwrap().remove("description");
    let reply = portal.send(Method::POST, "/Task", &nothing, &[]);
    reply.refused(422, "business-rule");
    assert_eq!(reply.expression(), ["Task.description"]);
}

#[test]
fn who_asks_for_the_organisation_that_holds_a_plan_answers_too() {
    let world = World::new();
    // The system that pushes a plan need not be the one in which it is talked about.
    world.replace("plan-keeper", "1.2.246.10.9297");
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let aino = aino.planned(&crate::leak::stage::plan(&json!({})));
    let (keeper, county) = (kuopio.client("plan-keeper"), kuopio.client("north-savo"));
    for at in [&keeper, &county] {
        aino.gives(Terms::grant(&at.actor).themes(&[Housing]).class("free-text"));
    }
    let plan = format!("CarePlan/{}", aino.document(1));
    let task = json!({ "resourceType": "Task", "status": "requested", "intent": "proposal",
        "code": { "coding": [{ "system": super::PLAN, "code": "proposal" }] },
        "description": "Meet us too", "focus": { "reference": plan },
        "for": { "reference": format!("Patient/{}", aino.patient()) } });
    let county = Writer::new(&county, READS_AND_PROPOSES, &json!({}));
    let city = kuopio.client("officer-desk");
    aino.gives(Terms::grant(&city.actor).themes(&[Housing]).class("free-text"));
    let city = Writer::new(&city, READS_AND_PROPOSES, &json!({}));
    let keeper = Writer::new(&keeper, READS_AND_PROPOSES, &json!({}));
    let at = county.proposes(&task);
    city.answers(&at, &json!({ "status": "accepted" })).refused(403, "forbidden");
    assert_eq!(keeper.answers(&at, &json!({ "status": "accepted" })).status(), 200);
    // But what it proposes itself another answers.
    let own = keeper.proposes(&task);
    keeper.answers(&own, &json!({ "status": "accepted" })).refused(403, "forbidden");
}

#[test]
fn the_person_proposes_too_and_takes_it_back() {
    let scene = Scene::new();
    let patient = scene.aino.patient();
    let who =
        json!({ "subject": format!("Patient/{patient}"), "patient": patient, "purpose": "PATRQT" });
    let app = scene.keeper.node.client("server-app");
    let person = Writer::new(&app, "patient/*.rs patient/Task.cru", &who);
    let at = person.proposes(&scene.change(&scene.plan, "I want to meet in the evening"));
    let task = scene.keeper().get(&format!("/{at}")).json().clone();
    assert_eq!(task["requester"]["reference"], format!("Patient/{patient}"), "{task}");
    person.answers(&at, &json!({ "status": "accepted" })).refused(403, "forbidden");
    assert_eq!(person.answers(&at, &json!({ "status": "cancelled" })).status(), 200);
    // Who sees it is who sees the plan as a whole.
    let other = scene.keeper.node.client("national-portal");
    let look = || {
        let found = other.search("Task", &scene.aino);
        found.ids().iter().any(|id| at.ends_with(id))
    };
    assert!(!look());
    scene.aino.grants(&other, [Housing]);
    assert!(look());
}

#[test]
fn proposals_stand_in_the_collective_plan() {
    let scene = Scene::new();
    scene.county.proposes(&scene.change(&scene.goal, "A flat of the county's"));
    let path = format!("/Patient/{}/$collective-plan", scene.aino.patient());
    let reply = scene.keeper().get(&path);
    assert_eq!(reply.status(), 200, "{reply:?}");
    let over = &reply.json()["entry"][0]["resource"];
    let lines = over["activity"].as_array().unwrap().iter().map(|one| &one["reference"]);
    let value = |line: &Value, name: &str| {
        let all = line["extension"].as_array().unwrap().iter();
        let url = format!("https://mylife.example/fhir/StructureDefinition/collective-plan-{name}");
        all.filter(|one| one["url"] == *url).map(Value::to_string).collect::<String>()
    };
    let proposed: Vec<&Value> =
        lines.filter(|line| value(line, "status").contains("\"requested\"")).collect();
    assert!(!proposed.is_empty(), "{over}");
    assert!(proposed.iter().all(|line| value(line, "owner").contains("\"297\"")), "{over}");
    assert!(proposed.iter().all(|line| value(line, "theme").contains("housing")), "{over}");
    let headers = [("accept", "text/html"), ("accept-language", "en")];
    let page = scene.keeper().send(Method::GET, &path, &Value::Null, &headers);
    page.says("A flat of the county").says("Proposal").says("proposed");
    // Whoever may not see housing finds nothing of it there.
    let portal = scene.keeper.node.client("national-portal");
    scene.aino.clone().answered([(Health, 3, 3, ""), (Finance, 3, 3, "")]);
    scene.aino.gives(Terms::grant(&portal.actor).themes(&[Health]).class("free-text"));
    let portal = Writer::new(&portal, READS_AND_PROPOSES, &json!({}));
    portal.get(&path).keeps_quiet("A flat").keeps_quiet("proposal").keeps_quiet("requested");
}
