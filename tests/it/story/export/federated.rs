//! Through the portal: the whole federation in one export, each holder's part its own.

use std::collections::BTreeSet;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use super::{SETTLES, begin, begin_with, export, files, ids, lines, manifest, status};
use crate::world::{Node, Person, World, actor::Ask, municipality::At};

/// Some people who share housing with the portal, and somebody who does not.
fn sharing(node: &Node, names: &[&str]) -> Vec<Person> {
    let people = names.iter().map(|name| {
        let one = node.person(name).answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
        one.grants(&node.client("national-portal"), [Housing]);
        one
    });
    let people = people.collect();
    drop(node.person("onni").answered([(Housing, 3, 3, "")]));
    people
}

fn portal(world: &World, nodes: &str) -> At {
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some(nodes.to_owned());
    portal
}

fn sources(manifest: &Value) -> Vec<(String, String)> {
    let extension = manifest["extension"].as_object().unwrap();
    let (_, states) = extension.iter().next().unwrap();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let states = states.as_array().unwrap().iter();
    states.map(|one| (text(&one["node"]), text(&one["state"]))).collect()
}

#[test]
fn the_portal_exports_what_every_node_releases_byte_for_byte() {
    for stride in [0, 1] {
        let world = World::with_stride(stride);
        let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
        let people = [sharing(&kajaani, &["aino", "iida"]), sharing(&kuopio, &["aino", "eetu"])];
        let portal = portal(&world, "205, 297");
        let kinds = "QuestionnaireResponse,Patient,Provenance";
        let path = format!("/fhir/Patient/$export?_type={kinds}");
        let whole = manifest(&portal, &begin(&portal, &path));
        let complete = |node: &str| (node.to_owned(), "complete".to_owned());
        assert_eq!(sources(&whole), [complete("205"), complete("297")]);
        assert_eq!(whole["error"], json!([]));
        for kind in kinds.split(',') {
            let mut direct = Vec::new();
            for node in [&kajaani, &kuopio] {
                direct.extend(export(&node.client("national-portal"), &path, kind));
            }
            assert!(!direct.is_empty());
            assert_eq!(lines(&portal, &whole, kind), direct, "stride {stride}, {kind}");
        }
        let told: BTreeSet<String> = ids(&lines(&portal, &whole, "Patient")).into_iter().collect();
        let all = people.iter().flatten().map(|one| one.patient().to_owned());
        assert_eq!(told, all.collect());
    }
}

#[test]
fn bx_21_a_node_that_is_not_reached_costs_its_own_part_and_that_is_said() {
    let world = World::new();
    let kuopio = world.municipality("297");
    sharing(&kuopio, &["aino"]);
    let portal = portal(&world, "049,297");
    let manifest = manifest(&portal, &begin(&portal, "/fhir/$export?_type=Observation"));
    let state = |node: &str, state: &str| (node.to_owned(), state.to_owned());
    let expected = [state("049", "not-reached"), state("297", "complete")];
    assert_eq!(sources(&manifest), expected);
    assert!(!lines(&portal, &manifest, "Observation").is_empty());
    let error = &manifest["error"][0];
    assert_eq!(error["type"], "OperationOutcome");
    let url = error["url"].as_str().unwrap();
    let said = portal.get(&url[url.find("/fhir").unwrap()..]).accepted();
    said.says("not-reached").says("049");
    assert_eq!(said.text().lines().count(), 1);
}

#[test]
fn what_is_withdrawn_at_a_node_is_in_no_file_of_the_portal() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let direct = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let given = aino.grants(&direct, [Housing]);
    let portal = portal(&world, "297");
    let manifest = manifest(&portal, &begin(&portal, "/fhir/$export?_type=Observation"));
    assert_eq!(lines(&portal, &manifest, "Observation").len(), 2);
    given.revoke();
    assert!(lines(&portal, &manifest, "Observation").is_empty());
    // Both gateways wrote down what left.
    let told = kuopio.disclosures(aino.patient());
    assert!(told.iter().any(|entry| !entry.caller.act.is_empty()), "on whose behalf");
    let passed = portal.node.audit();
    assert!(passed.iter().any(|entry| entry.patient.as_deref() == Some(aino.patient())));
}

#[test]
fn an_export_that_is_ended_at_the_portal_is_ended_everywhere() {
    let world = World::new();
    let kuopio = world.municipality("297");
    sharing(&kuopio, &["aino"]);
    let portal = portal(&world, "297");
    for _ in 0..2 * mylife::export::MOST {
        let begun = begin(&portal, "/fhir/$export?_type=Observation");
        let place = status(&begun);
        world.pass(SETTLES);
        let manifest = portal.get(&place).accepted();
        let manifest = manifest.json().clone();
        assert_eq!(sources(&manifest)[0].1, "complete", "there is room at the node again");
        let ended = portal.actor.send(&portal.node, Method::DELETE, &place, Ask::default());
        assert_eq!(ended.status(), 202);
        portal.get(&files(&manifest, "Observation")[0]).refused(404, "not-found");
    }
}

#[test]
fn people_who_are_named_are_asked_for_where_they_are_and_a_group_is_one_node() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let here = sharing(&kajaani, &["aino", "iida"]);
    let there = sharing(&kuopio, &["aino", "eetu"]);
    let portal = portal(&world, "205,297");
    let named = |ids: &[&str]| -> Value {
        let one = |id: &&str| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
        ids.iter().map(one).collect()
    };
    let both = named(&[here[0].patient(), there[1].patient()]);
    let of_both = manifest(&portal, &begin_with(&portal, "/fhir/Patient/$export", &both));
    let told = ids(&lines(&portal, &of_both, "Patient"));
    assert_eq!(told, [here[0].patient(), there[1].patient()]);
    let hidden = kuopio.person("onni").patient().to_owned();
    for id in [hidden, format!("297.{}", "q".repeat(26))] {
        let begun = begin_with(&portal, "/fhir/Patient/$export", &named(&[&id]));
        begun.refused(404, "not-found");
    }
    let of_one = manifest(&portal, &begin(&portal, "/fhir/Group/205/$export"));
    assert_eq!(sources(&of_one), [("205".to_owned(), "complete".to_owned())]);
    let told: BTreeSet<String> = ids(&lines(&portal, &of_one, "Patient")).into_iter().collect();
    assert_eq!(told, here.iter().map(|one| one.patient().to_owned()).collect());
}

#[test]
fn who_is_named_and_there_is_on_record_at_the_gateway_that_was_asked_too() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let (here, there) = (sharing(&kajaani, &["aino"]), sharing(&kuopio, &["eetu", "iida"]));
    let portal = portal(&world, "049,205,297");
    let nobody = format!("049.{}", "q".repeat(26));
    let hidden = kuopio.person("onni").patient().to_owned();
    let begin = |ids: &[&str]| {
        let named = ids.iter().map(|id| {
            json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } })
        });
        begin_with(&portal, "/fhir/Patient/$export", &named.collect())
    };
    let told = |id: &str| portal.node.disclosures(id);
    // One who is not there for the caller, and it is told of nobody that they are.
    begin(&[here[0].patient(), &hidden]).refused(404, "not-found");
    assert!(told(here[0].patient()).is_empty() && told(&hidden).is_empty());
    // What is not reached tells nothing either.
    let begun = begin(&[here[0].patient(), there[0].patient(), &nobody]);
    assert_eq!(begun.status(), 202, "{begun:?}");
    assert!(told(&nobody).is_empty() && told(there[1].patient()).is_empty());
    for (one, node) in [(&here[0], "205"), (&there[0], "297")] {
        let [record] = &told(one.patient())[..] else { panic!("one record of {node}") };
        assert!(format!("{:?}", record.resources).contains(one.patient()), "{record:?}");
        assert!(record.sources.iter().any(|source| *source == node), "{record:?}");
        // And where they are held, where they find it.
        let at_home = one.node().disclosures(one.patient());
        assert!(at_home.iter().any(|entry| entry.request == record.request), "{at_home:?}");
    }
}
