//! A consent written at the portal goes to the nodes the person names, a prohibition to all of them,
//! and the answer says of each how it went.

use std::collections::BTreeMap;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Node, Person, Reply, Terms, World, actor::Ask, person::path};

const UUID: &str = "urn:uuid:00000000-0000-4000-8000-00000000000d";

/// What the answer says of each node.
fn told(reply: &Reply) -> BTreeMap<&str, &str> {
    let issues = reply.json()["issue"].as_array().unwrap();
    let said = issues.iter().map(|issue| issue["diagnostics"].as_str().unwrap());
    // The first says how it went in all.
    said.filter_map(|said| said.split(';').next()?.split_once(": ")).collect()
}

fn by_code(person: &Person) -> Value {
    json!({ "identifier": { "system": "urn:oid:1.2.246.21", "value": person.code() } })
}

fn put(portal: &Node, body: &Value, nodes: Option<&str>) -> Reply {
    portal.world.actor("consent-desk").put(portal, &path(UUID), body, nodes)
}

/// The same person in two municipalities, and a portal.
struct Scene {
    kuopio: Node,
    portal: Node,
    here: Person,
    there: Person,
}

fn scene(world: &World) -> Scene {
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let answers = [(Housing, 2, 1, ""), (Health, 1, 1, "")];
    let here = kuopio.person("aino").answered(answers);
    let there = kajaani.person("aino").answered(answers);
    Scene { kuopio, portal: world.portal(), here, there }
}

impl Scene {
    /// What the national portal's client finds of a person where they are.
    fn found(&self, person: &Person) -> usize {
        let client = person.node().client("national-portal");
        client.search("Observation", person).ids().len()
    }

    fn grant(&self, status: &str) -> Value {
        let client = self.kuopio.client("national-portal");
        let terms = Terms::grant(&client.actor).themes(&[Housing]);
        terms.consent(&by_code(&self.here), UUID, status)
    }
}

#[test]
fn a_grant_and_its_withdrawal_reach_the_nodes_the_person_names() {
    let world = World::new();
    let scene = scene(&world);
    let reply = put(&scene.portal, &scene.grant("active"), Some("297")).accepted();
    assert_eq!(told(&reply), BTreeMap::from([("297", "acknowledged")]));
    assert_eq!((scene.found(&scene.here), scene.found(&scene.there)), (2, 0));
    // Named twice is asked once.
    let reply = put(&scene.portal, &scene.grant("active"), Some("205, 297,205")).accepted();
    assert_eq!(told(&reply), BTreeMap::from([("205", "acknowledged"), ("297", "acknowledged")]));
    assert_eq!(reply.json()["issue"].as_array().unwrap().len(), 3, "one of each, one of all");
    assert_eq!((scene.found(&scene.here), scene.found(&scene.there)), (2, 2));
    put(&scene.portal, &scene.grant("inactive"), Some("205,297")).accepted();
    assert_eq!((scene.found(&scene.here), scene.found(&scene.there)), (0, 0));
    reply.keeps_quiet(scene.here.code());
}

#[test]
fn what_was_written_is_read_and_written_again_as_it_was_read() {
    let world = World::new();
    let scene = scene(&world);
    let book = scene.portal.client("consent-book");
    let put =
        |body: &Value| book.actor.put(&scene.portal, &path(UUID), body, Some("297")).accepted();
    put(&scene.grant("active"));
    assert_eq!(scene.found(&scene.here), 2);
    let read = book.search("Consent", &scene.here);
    let mut consent = read.matches()[0].clone();
    let patient = format!("Patient/{}", scene.here.patient());
    assert_eq!(consent["performer"], json!([{ "reference": patient }]));
    consent["status"] = "inactive".into();
    consent["patient"] = by_code(&scene.here);
    put(&consent);
    assert_eq!(scene.found(&scene.here), 0);
}

#[test]
fn a_prohibition_reaches_every_peer_whatever_is_named() {
    let world = World::new();
    let scene = scene(&world);
    let espoo = world.municipality("049");
    for person in [&scene.here, &scene.there] {
        person.grants(&person.node().client("national-portal"), [Housing]);
    }
    let client = scene.kuopio.client("national-portal");
    let body = Terms::prohibition(&client.actor).consent(&by_code(&scene.here), UUID, "active");
    let reply = put(&scene.portal, &body, Some("297")).accepted();
    let all = ["049", "205", "297"].map(|code| (code, "acknowledged"));
    assert_eq!((reply.status(), told(&reply)), (200, BTreeMap::from(all)));
    assert_eq!((scene.found(&scene.here), scene.found(&scene.there)), (0, 0));
    // Espoo, which knew nothing of the person, keeps it for the day it does.
    let aino = espoo.person("aino").answered([(Housing, 1, 1, "")]);
    aino.grants(&espoo.client("national-portal"), [Housing]);
    assert_eq!(scene.found(&aino), 0);
}

#[test]
fn a_node_that_is_down_is_told_of_and_costs_the_others_nothing() {
    let world = World::new();
    let scene = scene(&world);
    let reply = put(&scene.portal, &scene.grant("active"), Some("049,297")).accepted();
    assert_eq!(reply.status(), 202, "done is said only when all is: {reply:?}");
    let said = told(&reply);
    assert_eq!(said["297"], "acknowledged");
    assert!(said["049"].starts_with("pending"), "{said:?}");
    assert_eq!(scene.found(&scene.here), 2);
    reply.keeps_quiet(scene.here.code());
}

#[test]
fn a_grant_must_say_whose_data_it_is_about() {
    let world = World::new();
    let scene = scene(&world);
    put(&scene.portal, &scene.grant("active"), None).refused(422, "business-rule");
    for unknown in ["111", "297,111", "297,", "", "Kuopio!", "900"] {
        put(&scene.portal, &scene.grant("active"), Some(unknown)).refused(400, "invalid");
    }
    // A version of which node? There is none here.
    let ask = Ask {
        headers: vec![("if-match", "W/\"1\"".to_owned())],
        kind: Some("application/fhir+json"),
        nodes: Some("297"),
        body: scene.grant("active").to_string().into(),
    };
    let desk = world.actor("consent-desk");
    desk.send(&scene.portal, Method::PUT, &path(UUID), ask).refused(412, "conflict");
    let mut by_id = scene.grant("active");
    by_id["patient"] = json!({ "reference": format!("Patient/{}", scene.here.patient()) });
    by_id["performer"] = json!([by_id["patient"]]);
    let reply = put(&scene.portal, &by_id, Some("297"));
    assert_eq!(reply.refused(422, "business-rule").expression(), ["Consent.patient.identifier"]);
    assert_eq!(scene.found(&scene.here), 0, "nothing that was refused was passed on");
}
