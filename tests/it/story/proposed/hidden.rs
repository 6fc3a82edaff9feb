//! A proposal stays as hidden as what it was about, and as the units that it speaks of.

use http::Method;
use mylife::domain::theme::Theme::{Family, Housing};
use serde_json::json;

use super::{Scene, themes};
use crate::{
    story::plans_are_written::{put, read},
    world::Terms,
};

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
