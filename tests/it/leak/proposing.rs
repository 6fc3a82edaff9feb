//! Proposals about plans: as hidden as what they are about, to their readers and to their writers.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::{
    story::{
        plans_are_written::THEME,
        proposed::{READS_AND_PROPOSES, Scene, Writer, answer, themes},
    },
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
pub(super) fn a_proposal_is_as_hidden_as_what_it_is_about() {
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
pub(super) fn nobody_proposes_about_what_they_do_not_see() {
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
    let health = json!({ "system": THEME, "code": "health" });
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
