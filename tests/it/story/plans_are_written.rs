//! A case system writes a welfare plan in FHIR: it is kept as one version, and comes out as it went in; who
//! may do so, and what is refused in which words.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At};

pub(crate) const THEME: &str = "https://mylife.example/fhir/CodeSystem/theme";
const PLAN: &str = "https://mylife.example/fhir/CodeSystem/plan";

fn about(theme: &str) -> Value {
    json!([{ "coding": [{ "system": THEME, "code": theme }] }])
}

fn subject(person: &Person) -> Value {
    json!({ "reference": format!("Patient/{}", person.patient()) })
}

fn care_plan(person: &Person) -> Value {
    json!({ "resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": subject(person),
        "period": { "start": "2026-02-10", "end": "2027-02-10" },
        "extension": [{ "url": "https://mylife.example/fhir/StructureDefinition/plan-title",
            "valueString": "Towards a home" }],
        "description": "I want to live alone",
        "careTeam": [{ "reference": "urn:uuid:team" }],
        "goal": [{ "reference": "urn:uuid:key" }],
        "activity": [{ "reference": { "reference": "urn:uuid:task" } },
            { "reference": { "reference": "urn:uuid:visits" } }] })
}

pub(super) fn goal(person: &Person) -> Value {
    json!({ "resourceType": "Goal", "lifecycleStatus": "active", "category": about("housing"),
        "description": { "text": "My own key" }, "subject": subject(person), "startDate": "2026-02-11",
        "target": [{ "measure": { "coding": [{
            "system": "https://mylife.example/fhir/CodeSystem/3x10d", "code": "housing.satisfaction" }] },
            "detailInteger": 8, "dueDate": "2026-12-31" }],
        "expressedBy": subject(person) })
}

fn visits(person: &Person) -> Value {
    json!({ "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "basedOn": [{ "reference": "urn:uuid:plan" }], "category": about("housing"),
        "code": { "coding": [{ "system": "https://mylife.example/fhir/CodeSystem/healthcare-service",
            "code": "297.svc.youth" }] },
        "subject": subject(person), "quantityQuantity": { "value": 10, "unit": "visits" },
        "authoredOn": "2026-02-12", "note": [{ "text": "Mornings suit best" }] })
}

pub(super) fn task(person: &Person) -> Value {
    json!({ "resourceType": "Task", "status": "requested", "intent": "plan",
        "basedOn": [{ "reference": "urn:uuid:plan" }], "focus": { "reference": "urn:uuid:key" },
        "code": { "coding": [{ "system": PLAN, "code": "action" }, { "system": THEME, "code": "housing" }] },
        "description": "Look at two flats", "for": subject(person),
        "owner": { "reference": "Practitioner/297.prac.youth1" },
        "restriction": { "period": { "end": "2026-03-31" } } })
}

fn team(person: &Person) -> Value {
    json!({ "resourceType": "CareTeam", "status": "active", "subject": subject(person),
        "participant": [{ "role": [{ "coding": [{ "system": PLAN, "code": "case-manager" }] }],
            "member": { "reference": "Practitioner/297.prac.youth1" },
            "onBehalfOf": { "reference": "Organization/297.org.youth" } }] })
}

pub(super) fn post(name: &str, resource: &Value) -> Value {
    let url = &resource["resourceType"];
    json!({ "fullUrl": format!("urn:uuid:{name}"), "resource": resource,
        "request": { "method": "POST", "url": url } })
}

/// All of a plan at once.
pub(super) fn whole(person: &Person) -> Vec<Value> {
    vec![
        post("key", &goal(person)),
        post("task", &task(person)),
        post("visits", &visits(person)),
        post("team", &team(person)),
        post("plan", &care_plan(person)),
    ]
}

pub(super) fn transact(keeper: &At, entries: &[Value]) -> Reply {
    let body = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    write(keeper, Method::POST, "/fhir", &body, None)
}

pub(super) fn write(
    keeper: &At,
    method: Method,
    path: &str,
    body: &Value,
    read: Option<&str>,
) -> Reply {
    let headers: Vec<_> =
        read.map(|version| ("if-match", version.to_owned())).into_iter().collect();
    let kind = Some("application/fhir+json");
    let ask = Ask { headers, kind, nodes: None, body: body.to_string().into() };
    keeper.actor.send(&keeper.node, method, path, ask)
}

/// Where each entry is now, under the base.
fn places(reply: &Reply) -> Vec<String> {
    let entries = reply.json()["entry"].as_array().unwrap_or_else(|| panic!("{reply:?}"));
    let location = |one: &Value| one["response"]["location"].as_str().unwrap().to_owned();
    entries.iter().map(|one| location(one).split_once("/fhir/").unwrap().1.to_owned()).collect()
}

/// A plan that is kept, and where its goal, task, service, team and the plan itself are.
fn kept(keeper: &At, person: &Person) -> [String; 5] {
    places(&transact(keeper, &whole(person))).try_into().unwrap()
}

#[test]
fn a_plan_is_kept_as_one_version_and_comes_out_as_it_went_in() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (keeper, region) = (kuopio.client("plan-keeper"), kuopio.client("north-savo"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.gives(Terms::grant(&keeper.actor).themes(&[Housing]).class("free-text"));
    let reply = transact(&keeper, &whole(&aino));
    assert_eq!(reply.status(), 200, "{reply:?}");
    let at = places(&reply);
    let [key, todo, service, members, plan] = [0, 1, 2, 3, 4].map(|n| &at[n]);
    let read = |at: &String| keeper.get(&format!("/fhir/{at}")).json().clone();
    let named = |sent: Value| {
        let mut text = sent.to_string();
        for (name, at) in
            [("key", key), ("task", todo), ("visits", service), ("team", members), ("plan", plan)]
        {
            text = text.replace(&format!("urn:uuid:{name}\""), &format!("{at}\""));
        }
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(read(key)["description"]["text"], "My own key");
    assert_eq!(read(key)["target"], goal(&aino)["target"]);
    assert_eq!(read(todo)["focus"], json!({ "reference": key }));
    assert_eq!(read(todo)["owner"], task(&aino)["owner"]);
    assert_eq!(read(service)["quantityQuantity"], visits(&aino)["quantityQuantity"]);
    assert_eq!(read(service)["note"], visits(&aino)["note"]);
    assert_eq!(read(members)["participant"][0]["role"], team(&aino)["participant"][0]["role"]);
    assert_eq!(read(plan)["goal"], named(care_plan(&aino))["goal"]);
    assert_eq!(read(plan)["description"], "I want to live alone");
    assert_eq!(read(plan)["careTeam"], json!([{ "reference": members }]));
    // Others see of it what the person grants.
    assert!(region.search("Goal", &aino).ids().is_empty());
    aino.gives(Terms::grant(&region.actor).themes(&[Housing]));
    region.search("Goal", &aino).hides([Health]).keeps_quiet("My own key");
    assert_eq!(region.search("ServiceRequest", &aino).ids().len(), 1);
    // The version of an entry is the one it is read under.
    let told = reply.json()["entry"][0]["response"]["etag"].as_str().unwrap().to_owned();
    assert_eq!(keeper.get(&format!("/fhir/{key}")).header("etag"), Some(&*told));
}

/// Aino, who lets the keeper see housing and her own words, and where her plan is.
pub(super) fn known(world: &World) -> (At, Person, [String; 5]) {
    let kuopio = world.municipality("297");
    let keeper = kuopio.client("plan-keeper");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.gives(Terms::grant(&keeper.actor).themes(&[Housing]).class("free-text"));
    let at = kept(&keeper, &aino);
    (keeper, aino, at)
}

pub(super) fn read(keeper: &At, at: &str) -> (Value, String) {
    let reply = keeper.get(&format!("/fhir/{at}"));
    assert_eq!(reply.status(), 200, "{reply:?}");
    (reply.json().clone(), reply.header("etag").unwrap().to_owned())
}

pub(super) fn put(keeper: &At, at: &str, resource: &Value, version: &str) -> Reply {
    write(keeper, Method::PUT, &format!("/fhir/{at}"), resource, Some(version))
}

pub(super) fn versions(keeper: &At, at: &str) -> usize {
    keeper.get(&format!("/fhir/{at}/_history")).json()["entry"].as_array().unwrap().len()
}

#[test]
fn a_change_of_a_part_is_a_version_of_that_part_alone() {
    let world = World::new();
    let (keeper, _, [key, todo, service, members, plan]) = known(&world);
    let (mut goal, first) = read(&keeper, &key);
    world.pass(Duration::from_mins(1));
    goal["lifecycleStatus"] = json!("completed");
    goal["achievementStatus"] = json!({ "coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/goal-achievement", "code": "achieved" }] });
    goal["description"]["text"] = json!("My own key, and it turns");
    let reply = put(&keeper, &key, &goal, &first);
    assert_eq!(reply.status(), 200, "{reply:?}");
    let (now, second) = read(&keeper, &key);
    assert_eq!(reply.header("etag"), Some(&*second));
    assert_ne!(first, second);
    for member in ["lifecycleStatus", "achievementStatus", "description", "target", "expressedBy"] {
        assert_eq!(now[member], goal[member], "{member}");
    }
    assert_eq!(versions(&keeper, &key), 2);
    for other in [&todo, &service, &members, &plan] {
        assert_eq!(versions(&keeper, other), 1, "{other}");
    }
    // Who has read what is no longer there has to read again.
    put(&keeper, &key, &goal, &first).refused(412, "conflict");
    let blind = write(&keeper, Method::PUT, &format!("/fhir/{key}"), &goal, None);
    assert!(blind.refused(412, "conflict").text().contains("If-Match"));
    assert_eq!(versions(&keeper, &key), 2);
}

#[test]
fn what_was_read_and_is_sent_back_changes_nothing() {
    let world = World::new();
    let (keeper, _, places) = known(&world);
    world.pass(Duration::from_mins(1));
    for at in &places {
        let (resource, version) = read(&keeper, at);
        let reply = put(&keeper, at, &resource, &version);
        assert_eq!(reply.status(), 200, "{at}: {reply:?}");
        assert_eq!(reply.header("etag"), Some(&*version), "{at}");
        assert_eq!(versions(&keeper, at), 1, "{at}");
    }
}

#[test]
fn parts_are_added_to_a_plan_that_is_kept() {
    let world = World::new();
    let (keeper, aino, [key, _, _, members, plan]) = known(&world);
    let of_plan = |mut resource: Value| {
        resource["basedOn"] = json!([{ "reference": plan }]);
        resource
    };
    let mut more = of_plan(task(&aino));
    more["focus"] = json!({ "reference": key });
    more["owner"] = subject(&aino);
    let made = write(&keeper, Method::POST, "/fhir/Task", &more, None);
    assert_eq!(made.status(), 201, "{made:?}");
    let at = made.header("location").unwrap().split_once("/fhir/").unwrap().1.to_owned();
    assert_eq!(read(&keeper, &at).0["owner"], subject(&aino));
    let day = json!({ "resourceType": "Task", "status": "requested", "intent": "plan",
        "basedOn": [{ "reference": plan }], "for": subject(&aino),
        "code": { "coding": [{ "system": PLAN, "code": "follow-up" }] },
        "restriction": { "period": { "end": "2026-06-01" } } });
    assert_eq!(write(&keeper, Method::POST, "/fhir/Task", &day, None).status(), 201);
    assert_eq!(keeper.search("Task", &aino).ids().len(), 3);
    // A goal comes with the plan that names it.
    let alone = write(&keeper, Method::POST, "/fhir/Goal", &goal(&aino), None);
    assert!(alone.refused(422, "business-rule").text().contains("CarePlan.goal"));
    let (mut next, version) = read(&keeper, &plan);
    next["goal"].as_array_mut().unwrap().push(json!({ "reference": "urn:uuid:second" }));
    let update = json!({ "resource": next,
        "request": { "method": "PUT", "url": plan, "ifMatch": version } });
    let both = transact(&keeper, &[post("second", &goal(&aino)), update]);
    assert_eq!(both.status(), 200, "{both:?}");
    assert_eq!(both.json()["entry"][0]["response"]["status"], "201 Created");
    assert_eq!(read(&keeper, &plan).0["goal"].as_array().unwrap().len(), 2);
    // Who is no longer named has left the team; what they were to do is theirs still.
    let (mut changed, version) = read(&keeper, &members);
    changed["participant"][0]["member"] = json!({ "reference": "Practitioner/297.prac.youth2" });
    let reply = put(&keeper, &members, &changed, &version);
    assert_eq!(reply.status(), 200, "{reply:?}");
    let now = read(&keeper, &members).0;
    assert_eq!(now["participant"].as_array().unwrap().len(), 1);
    assert_eq!(now["participant"][0]["member"]["reference"], "Practitioner/297.prac.youth2");
}

#[test]
fn who_keeps_a_plan_changes_it_and_nobody_else() {
    let world = World::new();
    let (keeper, aino, [key, ..]) = known(&world);
    // Of a plan that another system keeps, who sees it reads it.
    let theirs = json!({ "schema": "mylife/plan/1", "id": "p-1", "person": "aino", "status": "draft",
        "period": { "start": "2026-02-10" }, "created": "2026-02-10T08:00:00Z",
        "goals": [{ "id": "g-1", "themes": ["housing"], "words": "A home", "set_by": "person",
            "status": "active" },
            { "id": "g-2", "themes": ["health"], "words": "Sleep", "set_by": "person", "status": "active" }] });
    let aino = aino.planned(&theirs);
    let of_others =
        keeper.search("Goal", &aino).ids().into_iter().find(|id| !key.ends_with(id)).unwrap();
    let at = format!("Goal/{of_others}");
    let (resource, version) = read(&keeper, &at);
    put(&keeper, &at, &resource, &version).refused(403, "forbidden");
    // What is withheld is as what is absent.
    let health = aino.node().client("officer-desk");
    let hidden = health.search("Goal", &aino);
    assert!(hidden.ids().is_empty());
    let mut absent = goal(&aino);
    absent["id"] = json!("297.nothing.g0000000000");
    let nowhere = put(&keeper, "Goal/297.nothing.g0000000000", &absent, &version);
    nowhere.refused(404, "not-found");
    let mut task = task(&aino);
    task["basedOn"] = json!([{ "reference": "CarePlan/297.nothing" }]);
    task["focus"].take();
    let task: Value =
        serde_json::from_str(&task.to_string().replace("\"focus\":null,", "")).unwrap();
    write(&keeper, Method::POST, "/fhir/Task", &task, None).refused(422, "business-rule");
    // A scope that is for reading, or that leaves some out, is none for writing.
    let own = |scope: &str| {
        let token = keeper.actor.token(&keeper.node, scope);
        let (resource, version) = read(&keeper, &key);
        let headers = vec![("if-match", version), ("authorization", format!("Bearer {token}"))];
        let ask = Ask {
            headers,
            kind: Some("application/fhir+json"),
            nodes: None,
            body: resource.to_string().into(),
        };
        keeper.actor.raw(&keeper.node, Method::PUT, &format!("/fhir/{key}"), ask)
    };
    own("system/Goal.rs").refused(403, "forbidden");
    own(&format!("system/Goal.rus?category={THEME}|housing")).refused(403, "forbidden");
    assert_eq!(own("system/Goal.rus system/CarePlan.rs system/Patient.r").status(), 200);
    // Nor does the person make a plan alone: what people write of themselves is their answers.
    let patient = aino.patient();
    let who = json!({ "subject": format!("Patient/{patient}"), "patient": patient });
    let token = keeper.token("patient/CarePlan.cru patient/Patient.r", &who);
    let body = json!({ "resourceType": "CarePlan", "status": "draft", "intent": "plan",
        "subject": subject(&aino), "period": { "start": "2026-02-10" } });
    let ask = Ask {
        headers: vec![("authorization", format!("Bearer {token}"))],
        kind: Some("application/fhir+json"),
        nodes: None,
        body: body.to_string().into(),
    };
    let reply = keeper.actor.raw(&keeper.node, Method::POST, "/fhir/CarePlan", ask);
    reply.refused(403, "forbidden");
    assert!(reply.text().contains("system of those"), "{reply:?}");
}

#[test]
fn who_sees_a_part_of_it_loses_nothing_of_the_rest() {
    let world = World::new();
    let (keeper, aino, [_, _, _, members, _]) = known(&world);
    let more = |mut team: Value| {
        team["participant"].as_array_mut().unwrap().push(json!({
            "role": [{ "coding": [{ "system": PLAN, "code": "professional" }] }],
            "member": { "reference": "Practitioner/297.prac.psychiatry1" },
            "onBehalfOf": { "reference": "Organization/297.org.psychiatry" } }));
        team
    };
    // Nobody writes what they could not read.
    let (team, version) = read(&keeper, &members);
    let refused = put(&keeper, &members, &more(team), &version);
    assert!(refused.refused(403, "forbidden").text().contains("may not read"), "{refused:?}");
    let all =
        || Terms::grant(&keeper.actor).themes(&[Housing]).class("free-text").class("mental-health");
    let given = aino.gives(all());
    let (team, version) = read(&keeper, &members);
    assert_eq!(put(&keeper, &members, &more(team), &version).status(), 200);
    // What is withheld from it now stays beside what it writes.
    given.revoke();
    let (mut seen, version) = read(&keeper, &members);
    assert_eq!(seen["participant"].as_array().unwrap().len(), 1);
    seen["participant"][0]["period"] = json!({ "start": "2026-03-01" });
    assert_eq!(put(&keeper, &members, &seen, &version).status(), 200);
    aino.gives(all());
    let both = read(&keeper, &members).0;
    assert_eq!(both["participant"].as_array().unwrap().len(), 2);
    assert_eq!(both["participant"][0]["period"]["start"], "2026-03-01");
}

#[test]
fn what_cannot_be_kept_is_refused_where_it_stands() {
    let world = World::new();
    let (keeper, _, [key, todo, service, members, plan]) = known(&world);
    let none = json!(null);
    let cases = [
        (&key, "/note", json!([{ "text": "aside" }]), "Goal.note", "cannot be kept"),
        (&key, "/priority", json!({ "text": "high" }), "Goal.priority", "cannot be kept"),
        (&key, "/startDate", json!("2026-02"), "Goal.startDate", "YYYY-MM-DD"),
        (&key, "/category", about("wealth"), "Goal.category[0]", "housing"),
        (&key, "/description/text", none.clone(), "Goal.description.text", "required"),
        (&key, "/target/0/detailInteger", json!(11), "Goal.target[0].detail", "0 to 10"),
        (&key, "/lifecycleStatus", json!("entered-in-error"), "Goal.lifecycleStatus", "must be"),
        (
            &key,
            "/meta/security",
            json!([{ "system": "urn:x", "code": "private" }]),
            "Goal.meta.security[0]",
            "cannot be kept",
        ),
        (&key, "/meta/profile", json!(["urn:x"]), "Goal.meta.profile[0]", "cannot be kept"),
        (&key, "/meta/tag", json!([{ "code": "x" }]), "Goal.meta.tag", "cannot be kept"),
        (&key, "/text/status", json!("additional"), "Goal.text", "narrative"),
        (&todo, "/priority", json!("urgent"), "Task.priority", "cannot be kept"),
        (
            &todo,
            "/owner",
            json!({ "reference": "Practitioner/297.prac.nobody" }),
            "Task.owner",
            "team",
        ),
        (&todo, "/focus", json!({ "reference": "Goal/297.nothing.g0" }), "Task.focus", "same plan"),
        (&todo, "/code", json!({ "text": "call" }), "Task.code", "follow-up"),
        (&service, "/status", json!("revoked"), "ServiceRequest.status", "active"),
        (
            &service,
            "/quantityQuantity/value",
            json!(1.5),
            "ServiceRequest.quantity",
            "whole number",
        ),
        (&service, "/authoredOn", none.clone(), "ServiceRequest", "decision"),
        (
            &members,
            "/participant/0/role/0/coding/0/code",
            json!("chief"),
            "CareTeam.participant[0].role[0]",
            "case-manager",
        ),
        (&members, "/participant", none.clone(), "CareTeam", "case manager"),
        (&plan, "/goal", none.clone(), "CarePlan.goal", "would stay"),
        (&plan, "/period", none.clone(), "CarePlan.period", "required"),
        (&plan, "/status", json!("unknown"), "CarePlan.status", "must be"),
        (
            &plan,
            "/supportingInfo",
            json!([{ "reference": "QuestionnaireResponse/297.x" }]),
            "CarePlan.supportingInfo[0]",
            "Questionnaire",
        ),
        (
            &plan,
            "/subject/reference",
            json!("Patient/297.somebody"),
            "CarePlan.subject.reference",
            "something else",
        ),
    ];
    for (at, pointer, value, place, say) in cases {
        let (mut resource, version) = read(&keeper, at);
        let before = resource.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let of = resource.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            of.remove(name)
        } else {
            of.insert(name.to_owned(), value.clone())
        };
        let reply = put(&keeper, at, &resource, &version);
        reply.refused(422, "business-rule");
        assert_eq!(reply.expression(), [place], "{pointer} {value}: {reply:?}");
        assert!(reply.text().contains(say), "{pointer} {value}: {reply:?}");
        assert_eq!(read(&keeper, at), (before, version), "{pointer}: nothing is kept of it");
    }
}
