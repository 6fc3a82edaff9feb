//! A case system takes parts out of a plan, and says by a condition which one it means: what is then there,
//! what was before, and what is refused in which words.

use std::time::Duration;

use http::Method;
use mylife::audit::record::{Interaction, Outcome, Resources};
use serde_json::{Value, json};

use super::plans_are_written::{
    THEME, goal, known, post, put, read, task, transact, versions, write,
};
use crate::world::{Person, Reply, World, actor::Ask, municipality::At};

fn delete(keeper: &At, at: &str, headers: Vec<(&'static str, String)>) -> Reply {
    let ask = Ask { headers, ..Ask::default() };
    keeper.actor.send(&keeper.node, Method::DELETE, &format!("/fhir/{at}"), ask)
}

fn deleted(keeper: &At, at: &str) -> Reply {
    delete(keeper, at, Vec::new())
}

fn status(keeper: &At, at: &str) -> u16 {
    keeper.get(&format!("/fhir/{at}")).status()
}

/// Another Task of the plan.
fn another(aino: &Person, plan: &str, about: &str) -> Value {
    let mut task = task(aino);
    task["basedOn"] = json!([{ "reference": plan }]);
    task["description"] = json!(about);
    task.as_object_mut().unwrap().remove("focus");
    task
}

fn matching(keeper: &At, method: Method, query: &str, body: &Value) -> Reply {
    write(keeper, method, &format!("/fhir/{query}"), body, None)
}

#[test]
fn what_is_deleted_is_gone_and_its_history_stays() {
    let world = World::new();
    let (keeper, aino, [key, todo, service, members, plan]) = known(&world);
    let first = read(&keeper, &todo).1;
    world.pass(Duration::from_mins(1));
    let stale = vec![("if-match", "W/\"another\"".to_owned())];
    delete(&keeper, &service, stale).refused(412, "conflict");
    let done = deleted(&keeper, &service);
    assert_eq!(done.status(), 200, "{done:?}");
    assert_eq!(done.json()["issue"][0]["severity"], "information");
    assert_eq!(status(&keeper, &service), 410);
    assert!(keeper.search("ServiceRequest", &aino).ids().is_empty());
    let history = keeper.get(&format!("/fhir/{service}/_history"));
    let methods = history.json()["entry"].as_array().unwrap().iter();
    let methods: Vec<_> = methods.map(|one| one["request"]["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["DELETE", "PUT"]);
    // Again, or of what never was, it is done already.
    let again = deleted(&keeper, &service);
    assert!(again.status() == 200 && again.text().contains("nothing is deleted"), "{again:?}");
    assert_eq!(again.bytes(), deleted(&keeper, "Goal/297.nothing").bytes());
    let quietly = vec![("prefer", "return=minimal".to_owned())];
    let quietly = delete(&keeper, &service, quietly);
    assert_eq!((quietly.status(), &*quietly.text()), (204, ""));
    // What pointed at it points at it no longer, and else nothing of that changes.
    assert_eq!(read(&keeper, &todo).0["focus"]["reference"], *key);
    assert_eq!(deleted(&keeper, &key).status(), 200);
    let (task, now) = read(&keeper, &todo);
    assert!(task["focus"].is_null(), "{task}");
    assert_ne!(now, first);
    assert!(read(&keeper, &plan).0.get("goal").is_none());
    assert_eq!(versions(&keeper, &members), 1);
    let was = first.trim_start_matches("W/").trim_matches('"');
    let before = keeper.get(&format!("/fhir/{todo}/_history/{was}"));
    assert_eq!(before.status(), 200, "{before:?}");
    // Who did so is written down by the name it had.
    let records = keeper.node.audit();
    let of = |at: &str| {
        let name = Resources::Listed(vec![at.to_owned().into()]);
        let deletions = records.iter().filter(|one| one.interaction == Interaction::Delete);
        deletions.filter(|one| one.resources == name).map(|one| &one.outcome).collect::<Vec<_>>()
    };
    let [late, done] = [Outcome::Failed("conflict".into()), Outcome::Success];
    assert_eq!([of(&service), of(&key)], [vec![&late, &done], vec![&done]]);
}

#[test]
fn a_plan_ends_and_is_not_deleted() {
    let world = World::new();
    let (keeper, _, [_, _, _, members, plan]) = known(&world);
    let never = deleted(&keeper, &plan);
    assert!(never.refused(405, "not-supported").text().contains("revoked"), "{never:?}");
    assert_eq!(never.header("allow"), Some("GET, HEAD, PUT"));
    let entry = json!({ "request": { "method": "DELETE", "url": plan } });
    transact(&keeper, &[entry]).refused(400, "invalid");
    let manager = deleted(&keeper, &members);
    assert!(manager.refused(409, "conflict").text().contains("case manager"), "{manager:?}");
    let (mut ended, version) = read(&keeper, &plan);
    ended["status"] = json!("completed");
    assert_eq!(put(&keeper, &plan, &ended, &version).status(), 200);
    let done = deleted(&keeper, &members);
    assert_eq!(done.status(), 200, "{done:?}");
    assert_eq!([status(&keeper, &members), status(&keeper, &plan)], [410, 200]);
    assert!(read(&keeper, &plan).0.get("careTeam").is_none());
}

#[test]
fn a_condition_says_which_one_is_meant() {
    let world = World::new();
    let (keeper, aino, [_, todo, _, _, plan]) = known(&world);
    let whose = format!("patient=Patient/{}", aino.patient());
    let more = another(&aino, &plan, "Call the landlord");
    let unless = |condition: &str| {
        let ask = Ask {
            headers: vec![("if-none-exist", condition.to_owned())],
            kind: Some("application/fhir+json"),
            nodes: None,
            body: more.to_string().into(),
        };
        keeper.actor.send(&keeper.node, Method::POST, "/fhir/Task", ask)
    };
    let there = unless("status=requested");
    assert_eq!(there.status(), 200, "{there:?}");
    assert!(there.header("location").unwrap().ends_with(&todo));
    assert_eq!(there.header("etag"), Some(&*read(&keeper, &todo).1));
    assert!(there.text().contains("already"), "{there:?}");
    assert_eq!(unless("patient=Patient/297.somebody&status=requested").status(), 201);
    unless("status=requested").refused(412, "conflict");
    unless("shoes=42").refused(400, "not-supported");
    // Of two none is meant; by its owner or its code one may be.
    let mut next = more.clone();
    next["status"] = json!("in-progress");
    let change = |query: &str| matching(&keeper, Method::PUT, &format!("Task?{query}"), &next);
    change("status=requested").refused(412, "conflict");
    change("").refused(400, "invalid");
    let (_, id) = todo.split_once('/').unwrap();
    let changed = change(&format!("_id={id}"));
    assert_eq!(changed.status(), 200, "{changed:?}");
    assert_eq!(read(&keeper, &todo).0["description"], "Call the landlord");
    assert_eq!(change("status=on-hold").status(), 201, "there is none, so it is made");
    let mut named = next.clone();
    named["id"] = json!("297.own");
    let named = matching(&keeper, Method::PUT, "Task?status=on-hold", &named);
    assert_eq!(named.refused(422, "business-rule").expression(), ["Task.id"]);
    // What is to be gone is of somebody.
    let nothing = json!({});
    let gone = |query: &str| matching(&keeper, Method::DELETE, &format!("Task?{query}"), &nothing);
    gone("status=in-progress").refused(422, "business-rule");
    gone(&format!("{whose}&status=in-progress")).refused(412, "conflict");
    gone("patient.identifier=urn:oid:1.2.246.21%7C010101A900X").refused(400, "invalid");
    assert_eq!(gone(&format!("{whose}&status=requested")).status(), 200);
    let nobody = gone(&format!("{whose}&status=requested"));
    assert!(nobody.status() == 200 && nobody.text().contains("nothing is deleted"));
    assert_eq!(keeper.search("Task", &aino).ids().len(), 2);
    matching(&keeper, Method::DELETE, "CarePlan?status=active", &nothing)
        .refused(405, "not-supported");
}

#[test]
fn a_transaction_takes_out_and_puts_in_at_once() {
    let world = World::new();
    let (keeper, aino, [key, todo, service, _, plan]) = known(&world);
    let (mut next, version) = read(&keeper, &plan);
    next["goal"] = json!([{ "reference": "urn:uuid:second" }]);
    let is_kept = |one: &Value| one["reference"]["reference"] != *service;
    next["activity"].as_array_mut().unwrap().retain(is_kept);
    let mut known = post("known", &another(&aino, &plan, "Never sent twice"));
    known["request"]["ifNoneExist"] = json!("status=requested");
    let whose = format!("patient=Patient/{}", aino.patient());
    let entries = [
        json!({ "request": { "method": "DELETE", "url": key } }),
        post("second", &goal(&aino)),
        json!({ "resource": next, "request": { "method": "PUT", "url": plan, "ifMatch": version } }),
        json!({ "request": { "method": "DELETE", "url": format!("ServiceRequest?{whose}&intent=order") } }),
        known,
        json!({ "request": { "method": "DELETE", "url": "Goal/297.nothing" } }),
    ];
    let before = versions(&keeper, &plan);
    let reply = transact(&keeper, &entries);
    assert_eq!(reply.status(), 200, "{reply:?}");
    let of = |at: usize| &reply.json()["entry"][at]["response"];
    let all: Vec<_> = (0..6).map(|at| of(at)["status"].as_str().unwrap()).collect();
    let gone = "204 No Content";
    assert_eq!(all, [gone, "201 Created", "200 OK", gone, "200 OK", gone]);
    assert!(of(4)["location"].as_str().unwrap().ends_with(&todo));
    assert_eq!([status(&keeper, &key), status(&keeper, &service)], [410, 410]);
    assert_eq!(read(&keeper, &plan).0["goal"].as_array().unwrap().len(), 1);
    assert_eq!(versions(&keeper, &plan), before + 1, "all of it is one version");
    // If one of it cannot be, none is.
    let entries = [
        json!({ "request": { "method": "DELETE", "url": todo } }),
        post("more", &another(&aino, "CarePlan/297.nothing", "Of another plan")),
    ];
    assert!(transact(&keeper, &entries).status() >= 400);
    assert_eq!(status(&keeper, &todo), 200);
}

#[test]
fn a_write_that_changes_nothing_is_written_down_too() {
    let world = World::new();
    let (keeper, aino, [key, ..]) = known(&world);
    let records = || {
        let all = keeper.node.audit().into_iter();
        all.filter(|one| one.patient.as_deref() == Some(aino.patient())).count()
    };
    let (resource, version) = read(&keeper, &key);
    let before = records();
    assert_eq!(put(&keeper, &key, &resource, &version).status(), 200);
    assert_eq!(records(), before + 1, "sent back as it was read");
    let body = json!({ "schema": "mylife/person/1", "id": "onni", "language": "fi",
        "name": { "given": ["Onni"], "family": "Testi" }, "birth_date": "2001-05-17" });
    let push = || {
        let ask =
            Ask { kind: Some("application/json"), body: body.to_string().into(), ..Ask::default() };
        let source = keeper.node.client("source");
        let reply = source.actor.send(&source.node, Method::PUT, "/native/people/onni", ask);
        let of = reply.accepted().json()["patient"].as_str().unwrap().to_owned();
        let all = keeper.node.audit().into_iter();
        all.filter(|one| one.patient.as_deref() == Some(&*of)).count()
    };
    assert_eq!([push(), push()], [1, 2], "and what is pushed again");
    // What a condition found is told of, so it is written down as well.
    let before = records();
    let ask = Ask {
        headers: vec![("if-none-exist", format!("category={THEME}|housing"))],
        kind: Some("application/fhir+json"),
        nodes: None,
        body: goal(&aino).to_string().into(),
    };
    let found = keeper.actor.send(&keeper.node, Method::POST, "/fhir/Goal", ask);
    assert_eq!(found.status(), 200, "{found:?}");
    assert_eq!(records(), before + 1);
}
