//! The portal pulls the survey results of two municipalities, of all people and of one.

use std::collections::{BTreeMap, BTreeSet};

use mylife::domain::theme::Theme::{Finance, Health, Housing};

use crate::world::{Node, Person, World};

fn complete(codes: &[&str]) -> BTreeMap<String, String> {
    codes.iter().map(|code| ((*code).to_owned(), "complete".to_owned())).collect()
}

/// Three people here, each with two surveys, who share housing with the portal.
fn sharing(node: &Node) -> Vec<Person> {
    ["aino", "eetu", "iida"]
        .map(|name| {
            let one = node.person(name).answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
            let one = one.answered([(Housing, 3, 4, "")]);
            one.grants(&node.client("national-portal"), [Housing]);
            one
        })
        .into()
}

#[test]
fn every_page_size_gives_each_result_once_in_order_of_people() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let people = [sharing(&kajaani), sharing(&kuopio)].concat();
    kuopio.person("onni").answered([(Housing, 1, 1, "")]);
    let portal = world.portal().client("national-portal");
    let mut asked = portal.clone();
    asked.nodes = Some("205, 297".to_owned());
    for count in [1, 3, 4, 50] {
        let pages = asked.pages(&format!("/fhir/QuestionnaireResponse?_count={count}"));
        let mut patients = Vec::new();
        let mut seen = BTreeSet::new();
        for page in &pages {
            page.hides([Health]);
            assert!(page.matches().len() <= count, "{page:?}");
            assert_eq!(page.completeness().len(), 1, "a page is of one source: {page:?}");
            assert_eq!(page.total(), None);
            for hit in page.matches() {
                assert!(seen.insert(hit["id"].to_string()), "twice: {}", hit["id"]);
                patients.push(hit["subject"]["reference"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(seen.len(), 12, "_count={count}");
        assert!(patients.is_sorted(), "_count={count}: {patients:?}");
        let expected: BTreeSet<String> =
            people.iter().map(|p| format!("Patient/{}", p.patient())).collect();
        assert_eq!(patients.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

#[test]
fn one_person_in_two_municipalities_is_found_by_either_patient_and_by_identifier() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let here = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let there = kajaani.person("aino").answered([(Housing, 3, 3, ""), (Finance, 5, 5, "")]);
    here.grants(&kuopio.client("national-portal"), [Housing]);
    there.grants(&kajaani.client("national-portal"), [Finance]);
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("205,297".to_owned());
    let both = [here.document(0), there.document(0)];
    let code = format!("urn:oid:1.2.246.21|{}", here.code());
    for reply in [
        portal.search("QuestionnaireResponse", &here),
        portal.search("QuestionnaireResponse", &there),
        portal.post("QuestionnaireResponse", &[("patient.identifier", &code)]),
    ] {
        reply.shows([Housing, Finance]).hides([Health]);
        assert_eq!(reply.total(), Some(2), "{reply:?}");
        assert_eq!(reply.completeness(), complete(&["205", "297"]));
        assert_eq!(reply.ids().into_iter().collect::<BTreeSet<_>>(), both.clone().into());
        reply.keeps_quiet(here.code());
    }
    // Who asks for one Patient gets that one, from the node that can have it.
    let one = portal.get(&format!("/fhir/Patient?_id={}", here.patient()));
    assert_eq!((one.ids(), one.total()), (vec![here.patient().to_owned()], Some(1)), "{one:?}");
    assert_eq!(one.completeness(), complete(&["297"]));
    let all = portal.post("Patient", &[("identifier", &code)]);
    assert_eq!((all.ids().len(), all.completeness()), (2, complete(&["205", "297"])), "{all:?}");
    // Page by page the same.
    let path = format!("/fhir/QuestionnaireResponse?patient={}&_count=1", here.patient());
    let pages = portal.pages(&path);
    let ids: Vec<String> = pages.iter().flat_map(super::super::world::reply::Reply::ids).collect();
    assert_eq!(ids.len(), 2, "{pages:?}");
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), both.into());
    // The Patient of each municipality is one of its own.
    let patients = portal.post("Patient", &[("identifier", &code)]);
    assert_eq!(patients.ids().len(), 2, "{patients:?}");
}

#[test]
fn the_link_of_a_search_by_identity_code_holds_a_handle_in_its_place() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let aino =
        kuopio.person("aino").answered([(Housing, 2, 1, "")]).answered([(Housing, 3, 1, "")]);
    aino.grants(&client, [Housing]);
    let code = format!("urn:oid:1.2.246.21|{}", aino.code());
    let first =
        client.post("QuestionnaireResponse", &[("patient.identifier", &code), ("_count", "1")]);
    assert_eq!((first.ids().len(), first.total()), (1, Some(2)));
    first.keeps_quiet(aino.code());
    let second = client.get(&first.next().unwrap());
    assert_eq!(second.ids().len(), 1, "{second:?}");
    assert_ne!(first.ids(), second.ids());
}

#[test]
fn a_read_by_id_goes_to_the_node_in_the_id() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let client = kuopio.client("national-portal");
    aino.grants(&client, [Housing]);
    let portal = world.portal().client("national-portal");
    let path = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    let (there, here) = (client.get(&path), portal.get(&path));
    here.shows([Housing]).hides([Health]);
    assert_eq!((there.text(), there.header("etag")), (here.text(), here.header("etag")));
    for absent in ["297.aaaaaaaaaaaaaaaaaaaaaaaaaa", "111.aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        portal.get(&format!("/fhir/QuestionnaireResponse/{absent}")).refused(404, "not-found");
    }
    // What stands at a node that does not answer is not absent.
    portal
        .get("/fhir/QuestionnaireResponse/205.aaaaaaaaaaaaaaaaaaaaaaaaaa")
        .refused(502, "transient");
}
