//! Whoever works at another gateway proposes there: the gateway that keeps the plan decides, and is heard.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use http::Method;
use mylife::{
    audit::record::{Entry, Interaction, Outcome, Resources},
    domain::theme::Theme::{Health, Housing},
};
use serde_json::{Value, json};

use super::{
    READS_AND_PROPOSES, Scene, Writer, answer,
    hand_over::{SUCCESSOR, leaders, practitioner},
};
use crate::{
    story::plans_are_written::{put, read, versions},
    world::{Lie, Node, Terms},
};

/// A client of the portal.
fn at_portal(portal: &Node, client: &str, more: &Value) -> Writer {
    Writer::new(&portal.client(client), READS_AND_PROPOSES, more)
}

/// Records of what was written, by whom, in the log of a gateway.
fn written<'a>(log: &'a [Entry<'static>], of: &str) -> Vec<(&'a str, Interaction, Vec<&'a str>)> {
    let is = |entry: &&Entry<'_>| {
        let Resources::Listed(all) = &entry.resources else { return false };
        all.iter().any(|one| *one == *of)
    };
    let writes = [Interaction::Create, Interaction::Update];
    let told = log.iter().filter(is).filter(|entry| writes.contains(&entry.interaction));
    let told = told.filter(|entry| entry.outcome == Outcome::Success);
    let row = |entry: &'a Entry<'static>| {
        let sources = entry.sources.iter().map(Cow::as_ref).collect();
        (&*entry.caller.client, entry.interaction, sources)
    };
    told.map(row).collect()
}

#[test]
fn what_is_proposed_at_the_portal_is_answered_where_the_plan_is() {
    let scene = Scene::new();
    let (keeper, portal) = (scene.keeper(), scene.world.portal());
    let county = at_portal(&portal, "north-savo", &json!({}));
    let at = county.proposes(&scene.change(&scene.goal, "A flat of the county's"));
    let task = keeper.get(&format!("/{at}")).json().clone();
    assert_eq!(task["description"], "A flat of the county's");
    assert_eq!(task["requester"]["reference"], "Organization/297.org.county", "{task}");
    // The same client elsewhere is another: only who made it takes it back.
    scene.county.answers(&at, &json!({ "status": "cancelled" })).refused(403, "forbidden");
    county.answers(&at, &json!({ "status": "accepted" })).refused(403, "forbidden");
    let late = county.get(&format!("/{at}"));
    assert_eq!(keeper.answers(&at, &answer("accepted", "From May on")).status(), 200);
    assert_eq!(county.status(&at), "accepted");
    // What it read before is another by now.
    let mut task = late.json().clone();
    task["status"] = json!("cancelled");
    let version = [("if-match", late.header("etag").unwrap())];
    county.send(Method::PUT, &format!("/{at}"), &task, &version).refused(412, "conflict");
    let reply = county.answers(&at, &json!({ "status": "cancelled" }));
    assert_eq!(reply.status(), 200, "{reply:?}");
    assert_eq!(reply.header("etag"), county.get(&format!("/{at}")).header("etag"));
    assert_eq!(keeper.status(&at), "cancelled");
    // It is written down at both, by the same request.
    let (here, there) = (portal.audit(), scene.keeper.node.audit());
    let expected =
        [Interaction::Create, Interaction::Update].map(|deed| ("north-savo", deed, vec!["297"]));
    assert_eq!(written(&here, &at), expected);
    let by_county: Vec<_> =
        written(&there, &at).into_iter().filter(|one| one.0 == "900/north-savo").collect();
    assert_eq!(by_county.len(), 2, "{by_county:?}");
    let requests = |log: &[Entry<'_>], client: &str| -> Vec<String> {
        let of = log.iter().filter(|entry| *entry.caller.client == *client);
        let writes = of.filter(|entry| entry.interaction == Interaction::Create);
        writes.map(|entry| entry.request.to_string()).collect()
    };
    assert_eq!(requests(&here, "north-savo"), requests(&there, "900/north-savo"));
}

#[test]
fn a_successor_agrees_at_the_portal() {
    let scene = Scene::new();
    let portal = scene.world.portal();
    let at = scene.keeper().proposes(&scene.hand_over(SUCCESSOR));
    let accepted = json!({ "status": "accepted" });
    // A gateway speaks for professionals of the organisations it may speak for, and no client of it for
    // those of another.
    let stranger = portal.client("national-portal");
    scene.aino.gives(Terms::grant(&stranger.actor).themes(&[Housing]).class("free-text"));
    let acts = json!({ "subject": practitioner(SUCCESSOR) });
    let stranger = at_portal(&portal, "national-portal", &acts);
    stranger.answers(&at, &accepted).refused(403, "forbidden");
    let another = json!({ "subject": practitioner("297.prac.social2") });
    at_portal(&portal, "north-savo", &another).answers(&at, &accepted).refused(403, "forbidden");
    let successor = at_portal(&portal, "north-savo", &acts);
    assert_eq!(successor.answers(&at, &accepted).status(), 200);
    assert_eq!(leaders(&scene)[0][0].0, practitioner(SUCCESSOR));
    // And hands over from there.
    let back = successor.proposes(&scene.hand_over("297.prac.youth2"));
    assert_eq!(scene.keeper().answers(&back, &accepted).status(), 200);
    assert_eq!(leaders(&scene)[0][0].0, practitioner("297.prac.youth2"));
}

#[test]
fn what_is_sent_again_is_there_once() {
    let scene = Scene::new();
    let portal = scene.world.portal();
    let task = scene.change(&scene.goal, "A flat of the county's");
    let list = format!("/Task?patient={}&code=proposal", scene.aino.patient());
    let mut there = 0;
    // At the portal, and where the plan is: who hears no answer asks in the same words.
    for county in [at_portal(&portal, "north-savo", &json!({})), scene.county] {
        let same = [("x-request-id", "a-lost-answer")];
        let first = county.send(Method::POST, "/Task", &task, &same);
        assert_eq!(first.status(), 201, "{first:?}");
        let again = county.send(Method::POST, "/Task", &task, &same);
        assert_eq!(again.status(), 200, "{again:?}");
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("etag"), first.header("etag"));
        there += 1;
        assert_eq!(county.get(&list).ids().len(), there, "one of each");
        // Other words, or another request, are another proposal.
        let other = with_words(&task, "A house");
        assert_eq!(county.send(Method::POST, "/Task", &other, &same).status(), 201);
        assert_eq!(county.send(Method::POST, "/Task", &task, &[]).status(), 201);
        there += 2;
        assert_eq!(county.get(&list).ids().len(), there);
        // A step is taken once too.
        let at = first.header("location").unwrap().split_once("/fhir/").unwrap().1.to_owned();
        let read = county.get(&format!("/{at}"));
        let mut task = read.json().clone();
        task["status"] = json!("cancelled");
        task["statusReason"] = json!({ "text": "Never mind" });
        let version = [("if-match", read.header("etag").unwrap())];
        let step = || county.send(Method::PUT, &format!("/{at}"), &task, &version);
        let (first, again) = (step(), step());
        assert_eq!((first.status(), again.status()), (200, 200), "{again:?}");
        assert_eq!(first.header("etag"), again.header("etag"));
        assert_eq!(versions(&scene.keeper, &at), 2);
    }
}

fn with_words(task: &Value, words: &str) -> Value {
    let mut other = task.clone();
    other["description"] = json!(words);
    other
}

#[test]
fn what_is_hidden_there_is_as_what_is_not_there() {
    let scene = Scene::new();
    let portal = scene.world.portal();
    let county = at_portal(&portal, "north-savo", &json!({}));
    scene
        .aino
        .gives(Terms::grant(&scene.keeper.actor).themes(&[Housing, Health]).class("free-text"));
    let (mut goal, version) = read(&scene.keeper, &scene.goal);
    goal["category"][0]["coding"][0]["code"] = json!("health");
    goal["description"].as_object_mut().unwrap().remove("coding");
    goal.as_object_mut().unwrap().remove("target");
    let written = put(&scene.keeper, &scene.goal, &goal, &version);
    assert_eq!(written.status(), 200, "{written:?}");
    let send =
        |about: &str| county.send(Method::POST, "/Task", &scene.change(about, "Think of it"), &[]);
    let hidden = send(&scene.goal);
    hidden.refused(422, "business-rule");
    assert_eq!(hidden.expression(), ["Task.focus"]);
    assert_eq!(hidden.bytes(), send("Goal/297.aaaaaaaaaaaaaaaaaaaaaaaaaa.g0000000000").bytes());
    let there =
        scene.county.send(Method::POST, "/Task", &scene.change(&scene.goal, "Think of it"), &[]);
    assert_eq!((there.status(), there.issue()), (422, "business-rule"));
    assert_eq!(there.expression(), hidden.expression());
    let mut task = scene.change(&scene.goal, "Think of it");
    task["id"] = json!("297.aaaaaaaaaaaaaaaaaaaaaaaaaa");
    let path = "/Task/297.aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let written = |by: &Writer| by.send(Method::PUT, path, &task, &[("if-match", "*")]);
    written(&county).refused(404, "not-found");
    assert_eq!(written(&county).bytes(), written(&scene.county).bytes());
    // Nothing goes to who is not asked.
    send("Goal/111.aaaaaaaaaaaaaaaaaaaaaaaaaa.g0000000000").refused(400, "not-supported");
}

#[test]
fn an_identity_code_goes_nowhere_wherever_it_stands() {
    let scene = Scene::new();
    let portal = scene.world.portal();
    let county = at_portal(&portal, "north-savo", &json!({}));
    let code = scene.aino.code();
    let task = || scene.change(&scene.goal, "Think of it");
    let mut named = task();
    named["for"] =
        json!({ "identifier": { "system": "urn:oid:1.2.246.21", "value": scene.aino.code() } });
    let mut noted = task();
    noted["note"] = json!([{ "text": format!("See {}.", code.to_lowercase()) }]);
    let in_words = [format!("Ask {code} first"), format!("({code})"), format!("hetu:{code}")];
    let in_words = in_words.iter().map(|words| with_words(&task(), words));
    for one in in_words.chain([named, noted]) {
        let reply = county.send(Method::POST, "/Task", &one, &[]);
        reply.refused(422, "business-rule").keeps_quiet(code);
        assert!(reply.text().contains("is not passed on"), "{reply:?}");
    }
}

#[test]
fn what_another_gateway_says_of_a_refusal_is_not_told_on() {
    let scene = Scene::new();
    let portal = scene.world.portal();
    let county = at_portal(&portal, "north-savo", &json!({}));
    let task = scene.change("Goal/049.aaaaaaaaaaaaaaaaaaaaaaaaaa.g0000000000", "Think of it");
    let secret = format!("Aino {} is ill", scene.aino.code());
    let places = [
        "Task.focus.reference",
        "Task.status.AinoIsIll",
        "Task.AinoIsIll",
        "Task.input[7].AinoIsIll",
        "Task.input[Aino]",
        &secret,
    ];
    let refusals = [
        (400, "invalid"),
        (400, "not-supported"),
        (403, "forbidden"),
        (404, "not-found"),
        (409, "conflict"),
        (410, "deleted"),
        (412, "conflict"),
        (413, "too-long"),
        (422, "business-rule"),
        (422, "too-costly"),
    ];
    let told = refusals.iter().map(|(status, code)| {
        let issue = json!({ "severity": "error", "code": code, "diagnostics": secret,
            "details": { "text": secret }, "expression": places });
        let outcome = json!({ "resourceType": "OperationOutcome", "issue": [issue] });
        (*status, outcome.to_string())
    });
    scene.world.impostor("049", Lie::Refuses(Arc::new(Mutex::new(told.collect()))));
    let known = ["Task.focus.reference", "Task.status", "Task", "Task.input[7]"];
    let mut seen = BTreeSet::new();
    for (status, code) in refusals {
        // Nothing says whose it was that is gone.
        let (status, code) = if status == 410 { (404, "not-found") } else { (status, code) };
        let reply = county.send(Method::POST, "/Task", &task, &[]);
        reply.refused(status, code).keeps_quiet(scene.aino.code()).keeps_quiet("Aino");
        assert_eq!(reply.expression(), if status == 404 { &[][..] } else { &known });
        seen.insert(reply.json()["issue"][0]["diagnostics"].to_string());
    }
    assert_eq!(seen.len(), refusals.len() - 1, "each says what to do, and gone is absent");
}

#[test]
fn a_keeper_that_cannot_be_reached_is_told_of_and_keeps_nothing() {
    let scene = Scene::new();
    let portal = scene.world.portal();
    let county = at_portal(&portal, "north-savo", &json!({}));
    let task = scene.change("Goal/049.aaaaaaaaaaaaaaaaaaaaaaaaaa.g0000000000", "Think of it");
    let send = || county.send(Method::POST, "/Task", &task, &[]);
    let silent = send();
    silent.refused(502, "transient");
    assert!(silent.text().contains("the same X-Request-Id"), "{silent:?}");
    // Nor is one that lies believed.
    for lie in [Lie::Fails(500), Lie::Fails(403), Lie::Says("{}".to_owned())] {
        scene.world.impostor("049", lie);
        send().refused(502, "transient");
    }
    let log = portal.audit();
    assert!(
        log.iter()
            .all(|entry| entry.interaction != Interaction::Create
                || entry.outcome != Outcome::Success),
        "nothing was passed on"
    );
}
