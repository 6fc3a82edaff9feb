//! A case system's own names for the parts of a plan: kept as they are sent, given out again, found by, and
//! no way to anybody's identity code.

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use super::plans_are_written::{goal, post, task, transact, whole, write};
use crate::world::{Person, Terms, World, actor::Ask, municipality::At};

fn named(system: &str, value: &str) -> Value {
    json!([{ "system": system, "value": value }])
}

/// A system that keeps plans, and somebody whom it may see whole.
fn scene(world: &World) -> (At, Person) {
    let keeper = world.municipality("297").client("plan-keeper");
    let aino = keeper.node.person("aino").answered([(Housing, 2, 1, "a home")]);
    aino.gives(Terms::grant(&keeper.actor).themes(&[Housing]).class("free-text"));
    (keeper, aino)
}

#[test]
fn a_part_keeps_the_name_that_its_system_gave_it() {
    let world = World::new();
    let (keeper, aino) = scene(&world);
    let mut entries = whole(&aino);
    let names =
        [("Goal", "urn:x:goals"), ("Task", "urn:x:tasks"), ("ServiceRequest", "urn:x:orders")];
    for entry in &mut entries {
        let kind = entry["resource"]["resourceType"].clone();
        if let Some((_, system)) = names.iter().find(|(of, _)| kind == *of) {
            entry["resource"]["identifier"] = named(system, "1");
        }
    }
    transact(&keeper, &entries).accepted();
    for (kind, system) in names {
        let of_person = format!("/fhir/{kind}?patient={}&identifier=", aino.patient());
        let found = keeper.get(&format!("{of_person}{system}%7C1"));
        assert_eq!(found.total(), Some(1), "{found:?}");
        let resource = found.matches()[0].clone();
        assert_eq!(resource["identifier"], named(system, "1"));
        keeper.get(&format!("{of_person}{system}%7C2")).is_empty();
        // It is sent back as it was read, under another name, and without one.
        let path = format!("/fhir/{kind}/{}", resource["id"].as_str().unwrap());
        for identifier in [Some(named(system, "2")), None] {
            let mut next = keeper.get(&path).json().clone();
            match &identifier {
                Some(identifier) => next["identifier"] = identifier.clone(),
                None => drop(next.as_object_mut().unwrap().remove("identifier")),
            }
            let read = keeper.get(&path).header("etag").map(str::to_owned);
            write(&keeper, Method::PUT, &path, &next, read.as_deref()).accepted();
            assert_eq!(keeper.get(&path).json().get("identifier"), identifier.as_ref());
        }
    }
}

#[test]
fn what_is_there_under_its_name_is_not_made_again() {
    let world = World::new();
    let (keeper, aino) = scene(&world);
    let [_, plan] = kept(&keeper, &aino);
    let mut look = task(&aino);
    look["basedOn"][0]["reference"] = json!(plan);
    look.as_object_mut().unwrap().remove("focus");
    look["owner"] = json!({ "reference": format!("Patient/{}", aino.patient()) });
    look["identifier"] = named("urn:x:tasks", "7");
    let ask = || Ask {
        headers: vec![(
            "if-none-exist",
            format!("patient={}&identifier=urn:x:tasks%7C7", aino.patient()),
        )],
        kind: Some("application/fhir+json"),
        body: look.to_string().into(),
        nodes: None,
    };
    let send = || keeper.actor.send(&keeper.node, Method::POST, "/fhir/Task", ask());
    assert_eq!([send().status(), send().status()], [201, 200]);
}

/// Where its Goal and the plan itself are.
fn kept(keeper: &At, person: &Person) -> [String; 2] {
    let reply = transact(keeper, &whole(person)).accepted();
    let at = |n: usize| {
        let location = reply.json()["entry"][n]["response"]["location"].as_str().unwrap();
        location.split_once("/fhir/").unwrap().1.to_owned()
    };
    [at(0), at(4)]
}

#[test]
fn a_name_that_cannot_be_kept_is_refused_where_it_stands() {
    let world = World::new();
    let (keeper, aino) = scene(&world);
    let two = json!([{ "system": "urn:x", "value": "1" }, { "system": "urn:y", "value": "1" }]);
    for (identifier, place, say) in [
        (named("urn:x", aino.code()), "Goal.identifier[0].value", "no identity code"),
        (named("urn:oid:1.2.246.21", "1"), "Goal.identifier[0].system", "sender's own naming"),
        (named("urn:x", "two words"), "Goal.identifier[0].value", "visible ASCII"),
        (json!([{ "value": "1" }]), "Goal.identifier[0].system", "visible ASCII"),
        (
            json!([{ "system": "urn:x", "value": "1", "use": "official" }]),
            "Goal.identifier[0].use",
            "cannot be kept",
        ),
        (two, "Goal.identifier[1]", "cannot be kept"),
    ] {
        let mut entries = whole(&aino);
        let mut named = goal(&aino);
        named["identifier"] = identifier;
        entries[0] = post("key", &named);
        let reply = transact(&keeper, &entries);
        reply.refused(422, "business-rule").says(say);
        let places = reply.expression();
        assert!(
            places.iter().any(|one| one.ends_with(place.trim_start_matches("Goal"))),
            "{place}: {places:?}"
        );
        assert!(!reply.text().contains(aino.code()), "{reply:?}");
    }
}
