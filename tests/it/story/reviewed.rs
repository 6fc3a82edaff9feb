//! Whoever reviews finds each access in an emergency as a Task, writes down what they found, and nobody
//! else sees that there is anything.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use super::{
    emergency::{uses, ward},
    explained::{ask, caller, citizen, law},
    proposed::{PLAN, Writer},
};
use crate::world::{Node, Person, Reply, Terms, World, actor::Ask};

pub(crate) const OFFICER: &str = "data-protection-officer";
pub(crate) const LIST: &str = "/Task?code=emergency-review&status=requested";
const REVIEWS: &str = "system/Task.rus system/AuditEvent.rs system/QuestionnaireResponse.rs";

/// Somebody of an organisation, in a role.
pub(crate) fn somebody(node: &Node, organization: &str, role: &str, who: &str) -> Writer {
    let said = json!({ "purpose": "HLEGAL", "subject": who, "roles": [role],
        "organization": organization });
    Writer::new(&node.client("officer-desk"), REVIEWS, &said)
}

/// The officer of the municipality that holds the data.
pub(crate) fn reviewer(node: &Node) -> Writer {
    somebody(node, &node.identity.organization(), OFFICER, "Practitioner/297.prac.dpo")
}

/// What a Task is sent back with.
pub(crate) fn found(finding: &str, note: Option<&str>) -> Value {
    let concept = |code: &str| json!({ "coding": [{ "system": PLAN, "code": code }] });
    let mut members = json!({ "status": "completed", "output": [
        { "type": concept("finding"), "valueCodeableConcept": concept(finding) }] });
    if let Some(note) = note {
        members["note"] = json!([{ "text": note }]);
    }
    members
}

/// A world with a law table that says how soon a review is to be made.
pub(crate) fn legislated() -> World {
    let world = World::new();
    let mut law = law();
    law["grounds"][2]["review_days"] = json!(14);
    world.legislate(law);
    world
}

/// Somebody whose answers a ward reads in an emergency.
pub(crate) fn in_an_emergency(node: &Node, name: &str) -> Person {
    let person = node.person(name).answered([(Housing, 2, 1, "a home")]);
    rescues(node, &person);
    person
}

pub(crate) fn rescues(node: &Node, person: &Person) {
    let ward = ward(node, Some("fire"), Some(600));
    ward.search("QuestionnaireResponse", person).shows([Housing]);
}

fn the_one(list: &Reply) -> Value {
    let [task] = &list.matches()[..] else { panic!("one: {list:?}") };
    (*task).clone()
}

fn at(task: &Value) -> String {
    format!("Task/{}", task["id"].as_str().unwrap())
}

#[test]
fn an_access_in_an_emergency_waits_for_its_review_until_somebody_made_it() {
    let world = legislated();
    let kuopio = world.municipality("297");
    let officer = reviewer(&kuopio);
    assert!(officer.get(LIST).accepted().matches().is_empty());
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    aino.gives(Terms::prohibition(&kuopio.client("north-savo").actor));
    rescues(&kuopio, &aino);
    kuopio.person("eero").answered([(Housing, 3, 3, "")]);
    let list = officer.get(LIST).accepted();
    let task = the_one(&list);
    assert_eq!((&task["status"], &task["intent"]), (&json!("requested"), &json!("order")));
    assert_eq!(task["for"]["reference"], format!("Patient/{}", aino.patient()));
    assert_eq!(task["reasonCode"]["text"], "fire");
    assert_eq!(task["performerType"][0]["text"], OFFICER);
    assert_eq!(task["authoredOn"], world.now().to_string());
    let due = world.now().plus(Duration::from_hours(14 * 24)).to_string();
    assert_eq!(task["restriction"]["period"]["end"], due);
    list.keeps_quiet("a home").keeps_quiet("housing");
    // It is about what the log says, which the reviewer reads.
    let event = task["focus"]["reference"].as_str().unwrap();
    let event = officer.get(&format!("/{event}")).accepted().json().clone();
    assert!(event.to_string().contains("a burning house"), "{event}");
    let of_her = format!("/Task?patient={}&code={PLAN}|emergency-review", aino.patient());
    assert_eq!(the_one(&officer.get(&of_her)), task);
    let read = officer.get(&format!("/{}", at(&task)));
    assert_eq!(read.json(), &task);

    world.pass(Duration::from_mins(1));
    let done = officer.answers(&at(&task), &found("justified", Some("The house did burn.")));
    assert_eq!(done.status(), 200, "{done:?}");
    let now = officer.get(&format!("/{}", at(&task))).accepted();
    assert_eq!(done.header("etag"), now.header("etag"));
    let now = now.json();
    assert_eq!((&now["status"], &now["authoredOn"]), (&json!("completed"), &task["authoredOn"]));
    assert_eq!(now["output"], found("justified", None)["output"]);
    assert_eq!(now["note"][0]["text"], "The house did burn.");
    assert_eq!(now["note"][0]["time"], world.now().to_string());
    assert_ne!(now["meta"]["lastUpdated"], task["meta"]["lastUpdated"]);
    assert!(officer.get(LIST).accepted().matches().is_empty());
    assert_eq!(&the_one(&officer.get("/Task?code=emergency-review")), now);
    assert_eq!(&the_one(&officer.get("/Task?code=emergency-review&status=completed")), now);

    // The person reads that it was reviewed, by whom, and what was found.
    let herself = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let nobody = caller("urn:oid:1.2.246.10.99900139", "ETREAT", &[]);
    let told = uses(&ask(&herself, aino.patient(), &nobody, "fi"));
    let part = |name: &str| {
        let parts = told[0].as_array().unwrap();
        parts.iter().find(|part| part["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(part("justified")["valueBoolean"], true);
    assert_eq!(part("reviewed")["valueInstant"], world.now().to_string());
    assert_eq!(part("reviewer")["valueString"], now["owner"]["display"]);
    let saw = herself.search("AuditEvent", &aino);
    let event = saw.matches().into_iter().find(|one| one.to_string().contains("\"reviewer\""));
    let event = event.expect("an event of the review").to_string();
    assert!(event.contains("officer-desk") && event.contains("297.prac.dpo"), "{event}");
    saw.keeps_quiet("The house did burn.");
}

#[test]
fn a_review_is_made_once_by_a_second_person_of_what_they_read() {
    let world = legislated();
    let kuopio = world.municipality("297");
    let aino = in_an_emergency(&kuopio, "aino");
    let officer = reviewer(&kuopio);
    let task = the_one(&officer.get(LIST));
    let path = format!("/{}", at(&task));
    let etag = officer.get(&path).header("etag").unwrap().to_owned();
    let sends = |who: &Writer, changes: &Value, version: &str| {
        let mut body = task.clone();
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        who.send(Method::PUT, &path, &body, &[("if-match", version)])
    };
    let good = found("unjustified", None);
    let organization = kuopio.identity.organization();
    // Who asked reviews nothing of it, whatever else they are.
    let nurse = somebody(&kuopio, &organization, OFFICER, "Practitioner/h13.prac.1");
    sends(&nurse, &good, &etag).refused(403, "forbidden").says("second person");
    let machine = Writer::new(
        &officer.at,
        REVIEWS,
        &json!({ "purpose": "HLEGAL", "roles": [OFFICER], "organization": organization }),
    );
    sends(&machine, &good, &etag).refused(403, "forbidden").says("names who reviews");
    let mut rejected = good.clone();
    rejected["status"] = json!("rejected");
    let mut moved = good.clone();
    moved["for"] = json!({ "reference": "Patient/297.aaaaaaaaaaaaaaaaaaaaaaaaaa" });
    let mut wordy = found("justified", Some("So it was."));
    wordy["note"][0]["authorString"] = json!("somebody else");
    let rows = [
        (rejected, "Task.status"),
        (json!({ "status": "completed" }), "Task.output"),
        (found("understandable", None), "Task.output"),
        (found("justified", Some(" ")), "Task.note"),
        (found("justified", Some(&"x".repeat(2001))), "Task.note"),
        (wordy, "Task.note"),
        (moved, "Task"),
    ];
    for (changes, place) in rows {
        let reply = sends(&officer, &changes, &etag);
        assert_eq!(reply.status(), 422, "{changes}: {reply:?}");
        assert_eq!(reply.expression(), [place], "{reply:?}");
    }
    sends(&officer, &good, "W/\"other\"").refused(412, "conflict");
    let blind = officer.send(Method::PUT, &path, &task, &[]);
    assert_eq!(blind.status(), 412, "{blind:?}");
    assert_eq!(officer.get(&path).json()["status"], "requested", "nothing of it counted");
    assert_eq!(sends(&officer, &json!({}), &etag).status(), 200, "sent back as it was");
    assert_eq!(officer.get(&path).json()["status"], "requested");

    assert_eq!(sends(&officer, &good, &etag).status(), 200);
    assert_eq!(sends(&officer, &good, &etag).status(), 412, "it is another version by now");
    let again = officer.answers(&at(&task), &found("justified", None));
    assert_eq!(again.status(), 422, "{again:?}");
    let reviews = kuopio.disclosures(aino.patient());
    assert_eq!(reviews.iter().filter(|entry| entry.review.is_some()).count(), 1);
    // What comes later waits for a review of its own.
    world.pass(Duration::from_mins(1));
    rescues(&kuopio, &aino);
    let other = the_one(&officer.get(LIST));
    assert_ne!(other["id"], task["id"]);
    // The gateway is started again: all of it is there as it was.
    let listed = officer.get("/Task?code=emergency-review").matches().len();
    assert_eq!(listed, 2);
    drop((officer, nurse, machine, aino));
    let kuopio = kuopio.restart();
    let officer = reviewer(&kuopio);
    assert_eq!(the_one(&officer.get(LIST)), other);
    assert_eq!(officer.get("/Task?code=emergency-review").matches().len(), 2);
}

#[test]
fn a_list_of_many_has_pages_and_loses_none() {
    let world = legislated();
    let kuopio = world.municipality("297");
    for name in ["aino", "eetu", "eero"] {
        in_an_emergency(&kuopio, name);
    }
    for name in ["maija", "olavi"] {
        kuopio.person(name).answered([(Housing, 3, 3, "")]);
    }
    let officer = reviewer(&kuopio);
    let all = officer.get(LIST).accepted();
    assert_eq!((all.matches().len(), all.next()), (3, None), "in one page");
    let mut pages = vec![officer.get(&format!("{LIST}&_count=1")).accepted()];
    while let Some(next) = pages.last().unwrap().next() {
        assert!(pages.len() < 10, "pages without an end");
        pages.push(officer.get(next.strip_prefix("/fhir").unwrap()).accepted());
    }
    let ids: Vec<String> = pages.iter().flat_map(Reply::ids).collect();
    assert_eq!(ids, all.ids());
    let count = officer.get(&format!("{LIST}&_summary=count")).accepted();
    assert!(count.matches().is_empty());
}

#[test]
fn what_a_request_told_is_one_review_and_what_it_tells_later_is_another() {
    let world = legislated();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    let ward = ward(&kuopio, Some("fire"), Some(600));
    let asks = |kind: &str| {
        let headers = vec![("x-request-id", "fire-1".to_owned())];
        let path = format!("/fhir/{kind}?patient={}", aino.patient());
        ward.actor.send(&kuopio, Method::GET, &path, Ask { headers, ..Ask::default() }).accepted();
    };
    asks("Observation");
    asks("QuestionnaireResponse");
    let officer = reviewer(&kuopio);
    let task = the_one(&officer.get(LIST));
    assert_eq!(task["input"].as_array().unwrap().len(), 2, "{task}");
    assert_eq!(officer.answers(&at(&task), &found("justified", None)).status(), 200);
    assert!(officer.get(LIST).accepted().matches().is_empty());
    // Who asks says how a request is named: that hides nothing.
    world.pass(Duration::from_mins(1));
    asks("Observation");
    let other = the_one(&officer.get(LIST));
    assert_ne!(other["id"], task["id"]);
    assert_eq!(other["input"].as_array().unwrap().len(), 1, "{other}");
}
