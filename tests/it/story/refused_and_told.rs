//! Who is refused a write in words that tell of somebody's data, that it is there, or another by now, is on
//! record as that person's. Refusals that would be the same whoever there is are on record of nobody.

use std::borrow::Cow;

use http::Method;
use mylife::{
    audit::record::{Outcome, Resources},
    domain::theme::Theme::{Health, Housing},
};
use serde_json::{Value, json};

use super::{
    answers_are_handed_in::{answers, own, post as hand_in},
    consent_as_fhir::{patient, place, post as consents},
    plans_are_written::{known, put, read, write},
    proposed::{Scene, answer},
};
use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At};

const UUID: &str = "urn:uuid:00000000-0000-4000-8000-0000000000aa";

/// Something that is refused.
type Asks<'a> = Box<dyn Fn() -> Reply + 'a>;

/// What is on record of a person that shows nothing: how it ended, and what it was about.
fn refusals(of: &Person) -> Vec<(String, Vec<String>)> {
    let is_theirs =
        |entry: &mylife::audit::record::Entry<'_>| entry.patient.as_deref() == Some(of.patient());
    let told = |entry: mylife::audit::record::Entry<'_>| match (entry.outcome, entry.resources) {
        (Outcome::Failed(code) | Outcome::Refused(code), Resources::Listed(names)) => {
            Some((code.into_owned(), names.into_iter().map(Cow::into_owned).collect()))
        }
        (_, _) => None,
    };
    of.node().audit().into_iter().filter(is_theirs).filter_map(told).collect()
}

/// Each refusal is on record of the person once more, with what it was about.
fn tells(of: &Person, rows: Vec<(&str, Asks<'_>, u16, Option<&str>)>) {
    for (why, refused, status, about) in rows {
        let before = refusals(of).len();
        let reply = refused();
        assert_eq!(reply.status(), status, "{why}: {reply:?}");
        let all = refusals(of);
        assert_eq!(all.len(), before + 1, "{why}");
        let (code, names) = &all[before];
        assert_eq!(*code, reply.json()["issue"][0]["code"], "{why}");
        assert_eq!(names.first().map(String::as_str), about, "{why}");
    }
}

/// None of these is on record of anybody.
fn tells_nothing(of: &Person, rows: Vec<(&str, Asks<'_>, u16)>) {
    for (why, refused, status) in rows {
        let before = refusals(of).len();
        let reply = refused();
        assert_eq!(reply.status(), status, "{why}: {reply:?}");
        assert_eq!(refusals(of).len(), before, "{why}");
    }
}

fn delete(keeper: &At, at: &str, version: Option<&str>) -> Reply {
    let headers = version.map(|version| ("if-match", version.to_owned())).into_iter().collect();
    let ask = Ask { headers, ..Ask::default() };
    keeper.actor.send(&keeper.node, Method::DELETE, &format!("/fhir/{at}"), ask)
}

#[test]
fn of_a_plan() {
    let world = World::new();
    let (keeper, aino, [key, todo, _, team, plan]) = known(&world);
    let stranger = keeper.node.client("consent-book");
    let (goal, version) = read(&keeper, &key);
    let mut other = goal.clone();
    other["subject"] = json!({ "reference": "Patient/297.aaaaaaaaaaaaaaaaaaaaaaaaaa" });
    let mut more = super::plans_are_written::task(&aino);
    more["basedOn"] = json!([{ "reference": plan }]);
    more.as_object_mut().unwrap().remove("focus");
    let another = write(&keeper, Method::POST, "/fhir/Task", &more, None);
    assert_eq!(another.status(), 201, "{another:?}");
    let whose = format!("Task?patient=Patient/{}&status=requested", aino.patient());
    tells(
        &aino,
        vec![
            ("another by now", Box::new(|| put(&keeper, &key, &goal, "W/\"x\"")), 412, Some(&key)),
            (
                "not read",
                Box::new(|| write(&keeper, Method::PUT, &format!("/fhir/{key}"), &goal, None)),
                412,
                Some(&key),
            ),
            ("of another", Box::new(|| put(&keeper, &key, &other, &version)), 422, Some(&key)),
            (
                "another to be gone",
                Box::new(|| delete(&keeper, &todo, Some("W/\"x\""))),
                412,
                Some(&todo),
            ),
            ("who leads it", Box::new(|| delete(&keeper, &team, None)), 409, Some(&team)),
            ("several", Box::new(|| delete(&keeper, &whose, None)), 412, None),
        ],
    );
    let absent = format!("{key}x");
    tells_nothing(
        &aino,
        vec![
            (
                "not there",
                Box::new(|| put(&keeper, &absent, &with_id(&goal, &absent), &version)),
                404,
            ),
            ("not its to see", Box::new(|| put(&stranger, &key, &goal, &version)), 403),
            ("no plan", Box::new(|| put(&keeper, &key, &json!({}), &version)), 422),
        ],
    );
}

fn with_id(resource: &Value, at: &str) -> Value {
    let mut resource = resource.clone();
    resource["id"] = at.rsplit('/').next().into();
    resource
}

#[test]
fn of_a_consent() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (book, portal) = (kuopio.client("consent-book"), kuopio.client("national-portal"));
    let (aino, eero) = (kuopio.person("aino"), kuopio.person("eero"));
    let terms = Terms::grant(&portal.actor).themes(&[Housing]);
    let body = terms.consent(&patient(&aino), UUID, "active");
    let at = place(&consents(&book, &body, &[]));
    let name = at.trim_start_matches("/fhir/").to_owned();
    let wider = Terms::grant(&portal.actor).themes(&[Housing, Health]);
    let next = |of: &Person| with_id(&wider.consent(&patient(of), UUID, "active"), &at);
    let (hers, his) = (next(&aino), next(&eero));
    tells(
        &aino,
        vec![
            ("there already", Box::new(|| consents(&book, &body, &[])), 409, None),
            (
                "another by now",
                Box::new(|| write(&book, Method::PUT, &at, &hers, Some("W/\"x\""))),
                412,
                Some(&name),
            ),
            (
                "of another",
                Box::new(|| write(&book, Method::PUT, &at, &his, Some("W/\"x\""))),
                422,
                Some(&name),
            ),
        ],
    );
    let absent = format!("{at}x");
    tells_nothing(
        &aino,
        vec![
            ("not read", Box::new(|| write(&book, Method::PUT, &at, &hers, None)), 412),
            (
                "not there",
                Box::new(|| {
                    write(&book, Method::PUT, &absent, &with_id(&hers, &absent), Some("W/\"x\""))
                }),
                404,
            ),
        ],
    );
    assert!(refusals(&eero).is_empty());
}

#[test]
fn of_answers() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let app = kuopio.client("survey-portal");
    let (aino, eero) = (kuopio.person("aino"), kuopio.person("eero"));
    let (hers, his) = (own(&app, &aino), own(&app, &eero));
    assert_eq!(hand_in(&app, &hers, &answers(&aino), &[]).status(), 201);
    let mut others = answers(&aino);
    others["item"][0]["item"][0]["answer"][0]["valueInteger"] = json!(8);
    let twice = Box::new(|| hand_in(&app, &hers, &others, &[]));
    // Whose answers they are that the identifier stands for: of nobody else something is told.
    let taken = Box::new(|| hand_in(&app, &his, &answers(&eero), &[]));
    tells(&aino, vec![("other answers", twice, 409, None), ("of another", taken, 409, None)]);
    assert!(refusals(&eero).is_empty());
}

#[test]
fn of_a_proposal() {
    let scene = Scene::new();
    let task = scene.change(&scene.goal, "A quieter flat");
    let at = scene.county.proposes(&task);
    let read = scene.county.get(&format!("/{at}"));
    let stale = || {
        scene.county.send(Method::PUT, &format!("/{at}"), read.json(), &[("if-match", "W/\"x\"")])
    };
    assert_eq!(stale().status(), 200, "the same again is no change");
    let mut changed = read.json().clone();
    changed["description"] = json!("Two rooms");
    let stale =
        || scene.county.send(Method::PUT, &format!("/{at}"), &changed, &[("if-match", "W/\"x\"")]);
    tells(
        &scene.aino,
        vec![
            ("another by now", Box::new(stale), 412, Some(&at)),
            (
                "no such step",
                Box::new(|| scene.county.answers(&at, &answer("completed", "Done"))),
                422,
                Some(&at),
            ),
        ],
    );
}

#[test]
fn of_whom_it_is_told_finds_it() {
    let world = World::new();
    let (keeper, aino, [key, ..]) = known(&world);
    let goal = read(&keeper, &key).0;
    put(&keeper, &key, &goal, "W/\"x\"").refused(412, "conflict");
    let all = super::told_without_showing::found(&aino, "plan-keeper");
    let [(how, what, about)] = &all[..] else { panic!("one: {all:?}") };
    assert_eq!((how, what), (&json!("conflict"), &json!("update")));
    assert_eq!(*about, [format!("Patient/{}", aino.patient()), key]);
}
