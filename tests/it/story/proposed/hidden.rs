//! A proposal is as hidden as what it is about: to its readers, and to its writers.

use http::Method;
use mylife::domain::theme::Theme::{Family, Health, Housing};
use serde_json::{Value, json};

use super::{READS_AND_PROPOSES, Scene, Writer, answer, themes};
use crate::{
    story::plans_are_written::{put, read},
    world::Terms,
};

impl Scene {
    /// Aino has another plan, which another system keeps: this client may see health, and proposes.
    fn doctor(&self) -> (Writer, String) {
        let plan = json!({ "schema": "mylife/plan/1", "id": "p-1", "person": "aino", "status": "active",
            "period": { "start": "2026-02-10" }, "created": "2026-02-10T08:00:00Z",
            "goals": [{ "id": "g-1", "themes": ["health"], "words": "Sleep", "set_by": "person",
                "status": "active" },
                { "id": "g-2", "themes": ["housing"], "words": "A garden", "set_by": "person",
                "status": "active" }],
            "team": [{ "id": "m-1", "practitioner": "297.prac.youth1", "role": "case-manager",
                "organization": "297.org.youth", "active": true }] });
        let aino = self.aino.clone().planned(&plan);
        let portal = self.keeper.node.client("national-portal");
        aino.gives(Terms::grant(&portal.actor).themes(&[Housing, Health]).class("free-text"));
        let doctor = Writer::new(&portal, READS_AND_PROPOSES, &json!({}));
        let goals = doctor.get(&format!("/Goal?patient={}&category=health", aino.patient()));
        let [goal] = &goals.ids()[..] else { panic!("{goals:?}") };
        (doctor, format!("Goal/{goal}"))
    }
}

/// All that somebody reads of Aino and her plans.
fn all(writer: &Writer, patient: &str) -> Vec<Value> {
    let paths = [
        format!("/Task?patient={patient}"),
        format!("/Task/_history?patient={patient}"),
        format!("/CarePlan?patient={patient}&_revinclude=Task:based-on"),
        format!("/Task?patient={patient}&_summary=count"),
        format!("/Task?patient={patient}&code:not=action"),
        format!("/Patient/{patient}/$everything"),
        format!("/Patient/{patient}/$collective-plan"),
    ];
    paths.iter().map(|path| json!(writer.get(path).accepted().bytes())).collect()
}

#[test]
fn who_may_not_see_what_it_is_about_sees_nothing_of_it() {
    let scene = Scene::new();
    let (doctor, goal) = scene.doctor();
    let patient = scene.aino.patient();
    let before = all(&scene.county, patient);
    let at = doctor.proposes(&scene.change(&goal, "A sleep diary"));
    let mine = doctor.get(&format!("/{at}")).json().clone();
    assert_eq!(themes(&mine), ["health"]);
    assert_eq!(all(&scene.county, patient), before);
    let read_it = scene.county.get(&format!("/{at}"));
    let nothing = scene.county.get("/Task/297.aaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(read_it.bytes(), nothing.bytes());
    assert_eq!(read_it.status(), 404);
    // What is withheld of it is as what is absent to writers, whatever they say.
    for status in ["accepted", "rejected", "cancelled", "completed"] {
        let put = |at: &str| {
            let mut task = mine.clone();
            task["id"] = json!(at.split_once('/').unwrap().1);
            for (name, value) in answer(status, "so it is").as_object().unwrap() {
                task[name] = value.clone();
            }
            scene.county.send(Method::PUT, &format!("/{at}"), &task, &[("if-match", "*")]).bytes()
        };
        assert_eq!(put(&at), put("Task/297.aaaaaaaaaaaaaaaaaaaaaaaaaa"));
    }
    let delete = |at: &str| {
        let keeps = Writer::new(&scene.county.at, "system/*.cruds", &json!({}));
        keeps.send(Method::DELETE, &format!("/{at}"), &Value::Null, &[]).bytes()
    };
    assert_eq!(delete(&at), delete("Task/297.aaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_eq!(doctor.status(&at), "requested");
}

#[test]
fn nobody_proposes_about_what_they_do_not_see() {
    let scene = Scene::new();
    let (doctor, goal) = scene.doctor();
    let send = |about: &str| {
        scene.county.send(Method::POST, "/Task", &scene.change(about, "Think of it"), &[])
    };
    let hidden = send(&goal);
    hidden.refused(422, "business-rule");
    assert_eq!(hidden.expression(), ["Task.focus"]);
    assert_eq!(hidden.bytes(), send("Goal/297.aaaaaaaaaaaaaaaaaaaaaaaaaa.g0000000000").bytes());
    send("Goal/205.aaaaaaaaaaaaaaaaaaaaaaaaaa.g0000000000").refused(400, "not-supported");
    // Nor under a label under which they could not read it.
    let mut labelled = scene.change(&scene.goal, "And sleep");
    let health = json!({ "system": super::THEME, "code": "health" });
    labelled["code"]["coding"].as_array_mut().unwrap().push(health);
    let reply = scene.county.send(Method::POST, "/Task", &labelled, &[]);
    reply.refused(403, "forbidden");
    let at = doctor.proposes(&labelled);
    let mine = doctor.get(&format!("/{at}")).json().clone();
    let mut both = themes(&mine);
    both.sort_unstable();
    assert_eq!(both, ["health", "housing"], "its own, and that of what it is about");
    assert_eq!(scene.county.get(&format!("/{at}")).status(), 404, "all of them");
}

#[test]
fn it_stays_as_it_was_labelled_whatever_becomes_of_what_it_is_about() {
    let scene = Scene::new();
    let at = scene.county.proposes(&scene.change(&scene.goal, "A flat of the county's"));
    let portal = scene.keeper.node.client("national-portal");
    scene.aino.gives(Terms::grant(&portal.actor).themes(&[Family]).class("free-text"));
    scene
        .aino
        .gives(Terms::grant(&scene.keeper.actor).themes(&[Family, Housing]).class("free-text"));
    let (mut goal, version) = read(&scene.keeper, &scene.goal);
    goal["category"][0]["coding"][0]["code"] = json!("family");
    goal["description"].as_object_mut().unwrap().remove("coding");
    goal.as_object_mut().unwrap().remove("target");
    let reply = put(&scene.keeper, &scene.goal, &goal, &version);
    assert_eq!(reply.status(), 200, "{reply:?}");
    assert_eq!(portal.get(&format!("/fhir/{}", scene.goal)).status(), 200);
    assert_eq!(portal.get(&format!("/fhir/{at}")).status(), 404);
    let seen = scene.county.get(&format!("/{at}")).json().clone();
    assert_eq!(themes(&seen), ["housing"]);
    assert!(seen.get("focus").is_none(), "what it is about is not for the county any more");
}

#[test]
fn what_is_about_several_needs_the_permission_of_each() {
    let scene = Scene::new();
    let eetu = scene.keeper.node.person("eetu");
    let plan = json!({ "schema": "mylife/plan/1", "id": "p-2", "person": "aino", "status": "draft",
        "period": { "start": "2026-02-10" }, "created": "2026-02-10T08:00:00Z",
        "goals": [{ "id": "g-1", "themes": ["family"], "concerns": ["eetu"], "words": "Supper together",
            "set_by": "together", "status": "active" }] });
    let aino = scene.aino.clone().planned(&plan);
    let county = &scene.county;
    let terms = || Terms::grant(&county.at.actor).themes(&[Housing, Family]).class("free-text");
    aino.gives(terms());
    let given = eetu.gives(terms());
    let goals = county.get(&format!("/Goal?patient={}&category=family", aino.patient()));
    let [goal] = &goals.ids()[..] else { panic!("{goals:?}") };
    let at = county.proposes(&scene.change(&format!("Goal/{goal}"), "Cook for them"));
    assert_eq!(county.get(&format!("/{at}")).status(), 200);
    given.revoke();
    assert_eq!(county.get(&format!("/{at}")).status(), 404);
    // Though the goal is there no longer.
    let mut without = plan.clone();
    without["goals"] = json!([]);
    aino.clone().planned(&without);
    assert_eq!(county.get(&format!("/{at}")).status(), 404);
    eetu.gives(terms());
    let seen = county.get(&format!("/{at}"));
    assert_eq!(seen.status(), 200, "{seen:?}");
    seen.keeps_quiet("focus");
    given.revoke();
}

#[test]
fn a_hand_over_is_as_sensitive_as_the_units_it_names() {
    let scene = Scene::new();
    let node = &scene.keeper.node;
    // Who may not see psychiatry does not hand over to it either.
    let task = scene.hand_over("297.prac.psychiatry1");
    scene.keeper().send(Method::POST, "/Task", &task, &[]).refused(403, "forbidden");
    let terms = Terms::grant(&scene.keeper.actor).themes(&[Housing]).class("free-text");
    scene.aino.gives(terms.class("mental-health"));
    let at = scene.keeper().proposes(&task);
    assert_eq!(scene.county.get(&format!("/{at}")).status(), 404);
    let list = format!("/Task?patient={}", scene.aino.patient());
    scene.county.get(&list).keeps_quiet("hand-over");
    let portal = node.client("national-portal");
    scene.aino.gives(Terms::grant(&portal.actor).themes(&[Housing]).class("mental-health"));
    assert_eq!(portal.get(&format!("/fhir/{at}")).status(), 200);
}
