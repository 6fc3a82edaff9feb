//! Another is to answer for a plan: who does proposes it, who is to agrees, and then it is so.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use super::{PLAN, READS_AND_PROPOSES, Scene, Writer, answer};
use crate::{
    story::{
        notified,
        plans_are_written::{put, read, versions},
    },
    world::Terms,
};

pub(super) const SUCCESSOR: &str = "297.prac.social1";

/// Who answers for a plan, in each version of its team, newest first, with the days.
pub(super) fn leaders(scene: &Scene) -> Vec<Vec<(String, Value)>> {
    let history = scene.keeper.get(&format!("/fhir/{}/_history", scene.team));
    let teams = history.json()["entry"].as_array().unwrap().iter().map(|one| &one["resource"]);
    let of = |team: &Value| {
        let all = team["participant"].as_array().unwrap().iter();
        let leads = |one: &&Value| one["role"][0]["coding"][0]["code"] == "case-manager";
        let who = |one: &Value| {
            let reference = one["member"]["reference"].as_str().unwrap();
            (reference.to_owned(), one["period"].clone())
        };
        all.filter(leads).map(who).collect()
    };
    teams.map(of).collect()
}

pub(super) fn practitioner(id: &str) -> String {
    format!("Practitioner/{id}")
}

#[test]
fn who_is_to_answer_for_a_plan_agrees_and_does_so_from_that_day_on() {
    let scene = Scene::new();
    let keeper = scene.keeper();
    let at = keeper.proposes(&scene.hand_over(SUCCESSOR));
    // Nothing has changed yet.
    let before = vec![(practitioner("297.prac.youth1"), Value::Null)];
    assert_eq!(leaders(&scene), std::slice::from_ref(&before));
    let task = scene.county.get(&format!("/{at}")).json().clone();
    assert_eq!((&task["status"], &task["intent"]), (&json!("requested"), &json!("proposal")));
    assert_eq!(task["owner"]["reference"], format!("PractitionerRole/{SUCCESSOR}.role"));
    let from = &task["input"][0]["valueReference"]["reference"];
    assert_eq!(*from, practitioner("297.prac.youth1"), "{task}");
    assert_eq!(task["basedOn"][0]["reference"], scene.plan);
    let waiting =
        format!("/Task?owner=PractitionerRole/{SUCCESSOR}.role&status=requested&patient=");
    let waiting = scene.county.get(&format!("{waiting}{}", scene.aino.patient()));
    assert_eq!(waiting.ids(), [at.split_once('/').unwrap().1]);
    let recorded = scene.keeper.node.disclosures(scene.aino.patient()).len();
    scene.world.pass(Duration::from_mins(1));
    let reply = scene.county.answers(&at, &json!({ "status": "accepted" }));
    assert_eq!(reply.status(), 200, "{reply:?}");
    let today = json!({ "start": "2026-03-02" });
    assert_eq!(leaders(&scene), [vec![(practitioner(SUCCESSOR), today)], before]);
    assert_eq!(keeper.status(&at), "accepted");
    assert_eq!(versions(&scene.keeper, &at), 2);
    // One record tells of both.
    let records = scene.keeper.node.disclosures(scene.aino.patient());
    let written: Vec<_> = records[recorded..]
        .iter()
        .filter(|entry| entry.interaction == mylife::audit::record::Interaction::Update)
        .collect();
    let [one] = &written[..] else { panic!("one record of the write: {}", written.len()) };
    assert_eq!(one.caller.client, "north-savo");
    let told = format!("{:?}", one.resources);
    assert!(told.contains(&at) && told.contains(&scene.plan), "{told}");
    // That is the end of it.
    let again = scene.county.answers(&at, &answer("rejected", "no"));
    again.refused(422, "business-rule");
    assert!(again.text().contains("It is accepted, and stays so"), "{again:?}");
    keeper.answers(&at, &json!({ "status": "cancelled" })).refused(422, "business-rule");
    // It goes on from who answers for it now.
    let back = keeper.proposes(&scene.hand_over("297.prac.youth2"));
    let by_city = keeper.answers(&back, &json!({ "status": "accepted" }));
    assert_eq!(by_city.status(), 200, "{by_city:?}");
    let now = leaders(&scene);
    assert!(now.iter().all(|version| version.len() == 1), "exactly one in each: {now:?}");
    assert_eq!(now[0][0].0, practitioner("297.prac.youth2"));
    assert_eq!(now.len(), 3);
}

#[test]
fn what_is_declined_or_taken_back_changes_nothing() {
    let scene = Scene::new();
    let keeper = scene.keeper();
    let at = keeper.proposes(&scene.hand_over(SUCCESSOR));
    // Who declines says why.
    let silent = scene.county.answers(&at, &json!({ "status": "rejected" }));
    silent.refused(422, "business-rule");
    assert_eq!(silent.expression(), ["Task.statusReason"]);
    assert_eq!(scene.county.answers(&at, &answer("rejected", "Too many people")).status(), 200);
    assert_eq!(keeper.status(&at), "rejected");
    let task = keeper.get(&format!("/{at}")).json().clone();
    assert_eq!(task["statusReason"]["text"], "Too many people");
    let other = keeper.proposes(&scene.hand_over(SUCCESSOR));
    scene.county.answers(&other, &json!({ "status": "cancelled" })).refused(403, "forbidden");
    assert_eq!(keeper.answers(&other, &json!({ "status": "cancelled" })).status(), 200);
    scene.county.answers(&other, &json!({ "status": "accepted" })).refused(422, "business-rule");
    assert_eq!(leaders(&scene), [[(practitioner("297.prac.youth1"), Value::Null)]]);
}

#[test]
fn who_acts_answers_for_themselves() {
    let scene = Scene::new();
    let at = scene.keeper().proposes(&scene.hand_over(SUCCESSOR));
    let county = &scene.county.at;
    let acts = |who: &str| {
        Writer::new(county, READS_AND_PROPOSES, &json!({ "subject": practitioner(who) }))
    };
    let accepted = json!({ "status": "accepted" });
    acts("297.prac.social2").answers(&at, &accepted).refused(403, "forbidden");
    let stranger = scene.keeper.node.client("national-portal");
    scene.aino.gives(Terms::grant(&stranger.actor).themes(&[Housing]).class("free-text"));
    let stranger = Writer::new(&stranger, READS_AND_PROPOSES, &json!({}));
    stranger.answers(&at, &accepted).refused(403, "forbidden");
    // Nor for saying that it is they who act.
    let named = json!({ "subject": practitioner(SUCCESSOR) });
    let elsewhere = scene.keeper.node.client("national-portal");
    Writer::new(&elsewhere, READS_AND_PROPOSES, &named)
        .answers(&at, &accepted)
        .refused(403, "forbidden");
    assert_eq!(acts(SUCCESSOR).answers(&at, &accepted).status(), 200);
    // Who has nothing to hand over proposes nothing of the kind.
    let refused = |writer: &Writer, task: &Value| writer.send(Method::POST, "/Task", task, &[]);
    refused(&stranger, &scene.hand_over("297.prac.youth2")).refused(403, "forbidden");
    let own = acts(SUCCESSOR);
    own.proposes(&scene.hand_over("297.prac.youth2"));
    // To whom, and of what.
    let wrong = |to: &str, place: &str| {
        let reply = refused(&scene.keeper(), &scene.hand_over(to));
        reply.refused(422, "business-rule");
        assert_eq!(reply.expression(), [place]);
    };
    wrong(SUCCESSOR, "Task.owner");
    wrong("297.prac.nobody", "Task.owner");
    let mut about_plan = scene.hand_over("297.prac.youth2");
    about_plan["focus"] = json!({ "reference": scene.plan });
    let reply = refused(&scene.keeper(), &about_plan);
    reply.refused(422, "business-rule");
    assert_eq!(reply.expression(), ["Task.focus"]);
    let mut themed = scene.hand_over("297.prac.youth2");
    themed["code"]["coding"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "system": PLAN, "code": "proposal" }));
    refused(&scene.keeper(), &themed).refused(422, "business-rule");
}

#[test]
fn who_does_not_answer_for_it_any_more_hands_nothing_over() {
    let scene = Scene::new();
    let at = scene.keeper().proposes(&scene.hand_over(SUCCESSOR));
    let (mut team, version) = read(&scene.keeper, &scene.team);
    team["participant"][0]["member"] = json!({ "reference": practitioner("297.prac.youth2") });
    assert_eq!(put(&scene.keeper, &scene.team, &team, &version).status(), 200);
    let reply = scene.county.answers(&at, &json!({ "status": "accepted" }));
    reply.refused(409, "conflict");
    assert_eq!(leaders(&scene)[0][0].0, practitioner("297.prac.youth2"));
    assert_eq!(scene.county.answers(&at, &answer("rejected", "Somebody else does")).status(), 200);
}

#[test]
fn who_watches_is_told_when_it_is_so() {
    let mut told = notified::Scene::new([Housing]);
    let aino = told.aino.clone().planned(&crate::leak::stage::plan(&json!({})));
    told.subscribed("case-manager-changed", &json!({}));
    let keeper = told.kuopio.client("plan-keeper");
    let county = told.kuopio.client("north-savo");
    for at in [&keeper, &county] {
        aino.grants(at, [Housing]);
    }
    let (keeper, county) = (
        Writer::new(&keeper, "system/*.cruds", &json!({})),
        Writer::new(&county, READS_AND_PROPOSES, &json!({})),
    );
    // Another system keeps the plan; this one speaks for the organisation of the case manager.
    let (plan, patient) = (aino.document(1), aino.patient());
    let task = json!({ "resourceType": "Task", "status": "requested", "intent": "proposal",
        "code": { "coding": [{ "system": PLAN, "code": "hand-over" }] },
        "focus": { "reference": format!("CareTeam/{plan}.ct") },
        "for": { "reference": format!("Patient/{patient}") },
        "owner": { "reference": format!("PractitionerRole/{SUCCESSOR}.role") } });
    let at = keeper.proposes(&task);
    told.round();
    assert!(told.receiver.got().is_empty(), "nothing is so yet");
    told.world.pass(Duration::from_mins(1));
    assert_eq!(county.answers(&at, &json!({ "status": "accepted" })).status(), 200);
    told.round();
    let [one] = &told.receiver.got()[..] else { panic!("one notification") };
    assert!(one.says("topic").as_str().unwrap().ends_with("case-manager-changed"), "{one:?}");
    assert!(one.focuses()[0].ends_with(&format!("CareTeam/{plan}.ct")), "{one:?}");
}
