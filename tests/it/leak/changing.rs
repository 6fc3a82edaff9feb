//! Changes of a plan by the system that keeps it, which does not see all of it any more: hidden parts are
//! written to, named, deleted and looked for as absent ones, and stay as they are.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At};

const THEME: &str = "https://mylife.example/fhir/CodeSystem/theme";
const PLAN: &str = "https://mylife.example/fhir/CodeSystem/plan";

/// Eetu's plan, as its keeper wrote it while it saw all of it: about housing and health, with somebody of a
/// psychiatric unit in the team.
struct Kept {
    keeper: At,
    eetu: Person,
    /// Where the plan, its team, its goals and Tasks about housing and health, and both its services are.
    at: [String; 8],
}

fn reference(to: &str) -> Value {
    json!({ "reference": to })
}

fn about(theme: &str) -> Value {
    json!([{ "coding": [{ "system": THEME, "code": theme }] }])
}

impl Kept {
    fn new() -> Self {
        let kuopio = World::new().municipality("297");
        let keeper = kuopio.client("plan-keeper");
        let eetu = kuopio.person("eetu").answered([(Housing, 2, 1, "")]);
        let all = Terms::grant(&keeper.actor).themes(&[Housing, Health]).class("free-text");
        let all = eetu.gives(all.class("mental-health"));
        let whose = reference(&format!("Patient/{}", eetu.patient()));
        let goal = |theme: &str| {
            json!({ "resourceType": "Goal", "lifecycleStatus": "active", "category": about(theme),
                "description": { "text": "Better" }, "subject": whose, "expressedBy": whose })
        };
        let task = |theme: &str| {
            json!({ "resourceType": "Task", "status": "requested", "intent": "plan", "for": whose,
                "basedOn": [reference("urn:uuid:plan")], "description": "Call", "owner": whose,
                "code": { "coding": [{ "system": PLAN, "code": "action" },
                    { "system": THEME, "code": theme }] } })
        };
        let service = |note: Option<&str>| {
            let mut service = json!({ "resourceType": "ServiceRequest", "status": "active",
                "intent": "plan", "basedOn": [reference("urn:uuid:plan")], "subject": whose,
                "category": about("housing"), "code": { "coding": [{
                    "system": "https://mylife.example/fhir/CodeSystem/healthcare-service",
                    "code": "297.svc.youth" }] } });
            if let Some(note) = note {
                service["note"] = json!([{ "text": note }]);
            }
            service
        };
        let member = |role: &str, who: &str, unit: &str| {
            json!({ "role": [{ "coding": [{ "system": PLAN, "code": role }] }],
                "member": reference(&format!("Practitioner/297.prac.{who}")),
                "onBehalfOf": reference(&format!("Organization/297.org.{unit}")) })
        };
        let team = json!({ "resourceType": "CareTeam", "status": "active", "subject": whose,
            "participant": [member("professional", "youth1", "youth"),
                member("case-manager", "psychiatry1", "psychiatry")] });
        let activity = ["s1", "s2", "t1", "t2"]
            .map(|one| json!({ "reference": reference(&format!("urn:uuid:{one}")) }));
        let plan = json!({ "resourceType": "CarePlan", "status": "active", "intent": "plan",
            "subject": whose, "period": { "start": "2026-02-10" },
            "careTeam": [reference("urn:uuid:team")],
            "goal": [reference("urn:uuid:g1"), reference("urn:uuid:g2")],
            "activity": activity });
        let entry = |(name, resource): (&str, Value)| {
            json!({ "fullUrl": format!("urn:uuid:{name}"), "resource": resource,
                "request": { "method": "POST", "url": resource["resourceType"] } })
        };
        let entries = [
            ("plan", plan),
            ("team", team),
            ("g1", goal("housing")),
            ("g2", goal("health")),
            ("t1", task("housing")),
            ("t2", task("health")),
            ("s1", service(Some("Mornings"))),
            ("s2", service(None)),
        ];
        let entries: Vec<Value> = entries.into_iter().map(entry).collect();
        let body = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        let kind = Some("application/fhir+json");
        let ask = Ask { kind, body: body.to_string().into(), ..Ask::default() };
        let reply = keeper.actor.send(&keeper.node, Method::POST, "/fhir", ask);
        assert_eq!(reply.status(), 200, "{reply:?}");
        let at: Vec<String> = reply.json()["entry"].as_array().unwrap().iter().map(place).collect();
        all.revoke();
        Self { keeper, eetu, at: at.try_into().unwrap() }
    }

    /// From now on the keeper sees what is about housing, and these classes.
    fn sees(&self, classes: &[&str]) {
        let housing = Terms::grant(&self.keeper.actor).themes(&[Housing]);
        let terms = classes.iter().fold(housing, |terms, class| terms.class(class));
        self.eetu.gives(terms);
    }

    /// From now on it sees everything again.
    fn sees_all(&self) {
        let all = Terms::grant(&self.keeper.actor).themes(&[Housing, Health]).class("free-text");
        self.eetu.gives(all.class("mental-health"));
    }

    fn write(
        &self,
        method: Method,
        at: &str,
        body: &Value,
        more: &[(&'static str, &str)],
    ) -> Reply {
        let headers = more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let kind = Some("application/fhir+json");
        let ask = Ask { headers, kind, body: body.to_string().into(), nodes: None };
        self.keeper.actor.send(&self.keeper.node, method, &format!("/fhir/{at}"), ask)
    }

    fn deletes(&self, at: &str) -> Reply {
        self.write(Method::DELETE, at, &json!({}), &[])
    }

    fn read(&self, at: &str) -> Reply {
        self.keeper.get(&format!("/fhir/{at}"))
    }

    /// What is read, changed, and written again.
    fn changes(&self, at: &str, change: impl Fn(&mut Value)) -> Reply {
        let read = self.read(at);
        let mut resource = read.json().clone();
        change(&mut resource);
        self.write(Method::PUT, at, &resource, &[("if-match", read.header("etag").unwrap())])
    }
}

fn place(entry: &Value) -> String {
    let at = entry["response"]["location"].as_str().unwrap();
    at.split_once("/fhir/").unwrap().1.to_owned()
}

#[test]
pub(super) fn a_part_that_is_hidden_is_deleted_as_one_that_is_absent() {
    let kept = Kept::new();
    kept.sees(&["free-text"]);
    let [plan, _, _, goal, _, task, ..] = &kept.at;
    let (_, id) = plan.split_once('/').unwrap();
    for (hidden, absent) in
        [(goal, format!("Goal/{id}.g000000000a")), (task, format!("Task/{id}.a000000000a"))]
    {
        let there = kept.deletes(hidden);
        assert_eq!(there.status(), 200, "{there:?}");
        assert_eq!(there.bytes(), kept.deletes(&absent).bytes());
        assert_eq!(there.bytes(), kept.deletes("Goal/297.nothing").bytes());
    }
    kept.sees_all();
    assert_eq!([goal, task].map(|at| kept.read(at).status()), [200, 200]);
}

#[test]
pub(super) fn nobody_deletes_what_may_hold_more_than_they_see() {
    let kept = Kept::new();
    kept.sees(&[]);
    let [.., noted, plain] = &kept.at;
    assert!(kept.read(noted).json()["note"].is_null());
    let refused = kept.deletes(noted);
    refused.refused(403, "forbidden");
    assert_eq!(refused.bytes(), kept.deletes(plain).bytes(), "be there words or not");
    kept.sees(&["free-text"]);
    assert_eq!([noted, plain].map(|at| kept.deletes(at).status()), [200, 200]);
    assert_eq!([noted, plain].map(|at| kept.read(at).status()), [410, 410]);
}

#[test]
pub(super) fn a_part_that_is_hidden_is_named_as_one_that_is_absent() {
    let kept = Kept::new();
    kept.sees(&["free-text"]);
    let [plan, _, _, hidden, seen, ..] = &kept.at;
    let (_, id) = plan.split_once('/').unwrap();
    let towards = |goal: &str| kept.changes(seen, |task| task["focus"] = reference(goal)).bytes();
    assert_eq!(towards(hidden), towards(&format!("Goal/{id}.g000000000a")));
    assert_eq!(towards(hidden).0, 422);
    let by = |who: &str| kept.changes(seen, |task| task["owner"] = reference(who)).bytes();
    let psychiatrist = by("Practitioner/297.prac.psychiatry1");
    assert_eq!(psychiatrist, by("Practitioner/297.prac.nobody"));
    assert_eq!(psychiatrist.0, 422);
    assert_eq!(by("Practitioner/297.prac.youth1").0, 200, "who is seen in the team");
    // In a new Task too.
    let more = |goal: &str| {
        let mut task = kept.read(seen).json().clone();
        task.as_object_mut().unwrap().retain(|name, _| !["id", "meta", "text"].contains(&&**name));
        task["focus"] = reference(goal);
        kept.write(Method::POST, "Task", &task, &[]).bytes()
    };
    assert_eq!(more(hidden), more("Goal/297.nothing"));
}

#[test]
pub(super) fn what_is_hidden_of_a_resource_outlives_its_change() {
    let kept = Kept::new();
    kept.sees(&[]);
    let [plan, team, goal, _, task, _, service, _] = &kept.at;
    assert_eq!(kept.changes(goal, |one| one["lifecycleStatus"] = json!("completed")).status(), 200);
    assert_eq!(kept.changes(task, |one| one["status"] = json!("completed")).status(), 200);
    assert_eq!(
        kept.changes(service, |one| one["quantityQuantity"] =
            json!({ "value": 2, "unit": "visits" }))
            .status(),
        200
    );
    let changed = kept.changes(plan, |one| one["period"]["end"] = json!("2027-01-01"));
    // Nobody is seen who could be its case manager, but nothing of that is asked.
    assert_eq!(changed.status(), 200, "{changed:?}");
    // Who is not seen to be the case manager is so no longer once another is named.
    let named = kept.changes(team, |one| {
        one["participant"][0]["role"][0]["coding"][0]["code"] = json!("case-manager");
    });
    assert_eq!(named.status(), 200, "{named:?}");
    // Nor does anybody write what they could not read.
    let told = kept.changes(service, |one| one["note"] = json!([{ "text": "Evenings" }]));
    told.refused(403, "forbidden");
    kept.sees_all();
    let read = |at: &str| kept.read(at).json().clone();
    assert_eq!(read(goal)["description"]["text"], "Better");
    assert_eq!(read(goal)["lifecycleStatus"], "completed");
    assert_eq!(read(task)["description"], "Call");
    assert_eq!(read(service)["note"], json!([{ "text": "Mornings" }]));
    assert_eq!(read(plan)["goal"].as_array().unwrap().len(), 2);
    assert_eq!(read(plan)["activity"].as_array().unwrap().len(), 4);
    let team = read(team);
    let members = team["participant"].as_array().unwrap().iter();
    let roles: Vec<_> = members.map(|one| &one["role"][0]["coding"][0]["code"]).collect();
    assert_eq!(roles, ["case-manager", "professional"]);
}

#[test]
pub(super) fn a_condition_is_fulfilled_by_what_is_seen() {
    let kept = Kept::new();
    kept.sees(&["free-text"]);
    let [_, _, _, goal, seen, hidden, ..] = &kept.at;
    let whose = kept.eetu.patient();
    let of_health = format!("patient=Patient/{whose}&code={THEME}|health");
    let of_housing = format!("patient=Patient/{whose}&code={THEME}|housing");
    let mut task = kept.read(seen).json().clone();
    task.as_object_mut().unwrap().retain(|name, _| !["id", "meta", "text"].contains(&&**name));
    let none = |condition: &str| {
        kept.write(Method::POST, "Task", &task, &[("if-none-exist", condition)]).status()
    };
    assert_eq!(none(&of_housing), 200, "it is there");
    let deleted = kept.deletes(&format!("Task?{of_health}"));
    let nothing = kept.deletes(&format!("Task?{of_health}&status=on-hold"));
    assert_eq!(deleted.bytes(), nothing.bytes());
    let changed = |condition: &str| {
        let mut next = task.clone();
        next["status"] = json!("in-progress");
        kept.write(Method::PUT, &format!("Task?{condition}"), &next, &[]).status()
    };
    assert_eq!(changed(&of_housing), 200, "the next version of the one that is seen");
    assert_eq!(none(&of_health), 201, "what is hidden is not there");
    kept.sees_all();
    assert_eq!([goal, hidden].map(|at| kept.read(at).status()), [200, 200]);
}
