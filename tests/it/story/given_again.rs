//! What is asked again in the same words is answered as before, while nothing behind it has changed.

use std::time::Duration;

use http::Method;
use mylife::{
    audit::record::Entry,
    domain::theme::Theme::{Health, Housing},
};

use crate::world::{Terms, World, actor::Ask, municipality::At};

const DAY: Duration = Duration::from_hours(24);

fn ids(portal: &At, path: &str) -> Vec<String> {
    portal.get(path).ids()
}

#[test]
fn the_second_answer_is_the_first_and_has_a_record_of_its_own() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing]);
    let read = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    for path in [read, search] {
        let before = kuopio.disclosures(aino.patient()).len();
        let (first, second) = (portal.get(&path), portal.get(&path));
        assert_eq!(first.bytes(), second.bytes());
        second.shows([Housing]).hides([Health]);
        let records = kuopio.disclosures(aino.patient()).split_off(before);
        let [one, two] = &records[..] else { panic!("{} records of {path}", records.len()) };
        assert_ne!(one.request, two.request);
        for (record, reply) in [(one, &first), (two, &second)] {
            assert_eq!(Some(&*record.request), reply.header("x-request-id"));
        }
        let blank = |entry: &Entry<'static>| Entry { request: "".into(), ..entry.clone() };
        assert_eq!(blank(one), blank(two), "nothing else differs: no time has passed");
    }
}

#[test]
fn what_changes_behind_an_answer_changes_the_next() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let grant = aino.grants(&portal, [Housing]);
    let path = format!("/fhir/QuestionnaireResponse?patient={}", aino.patient());
    assert_eq!(ids(&portal, &path).len(), 1);
    assert_eq!(ids(&portal, &path).len(), 1);
    let aino = aino.answered([(Housing, 3, 3, "")]);
    assert_eq!(ids(&portal, &path).len(), 2, "a document that came between");
    grant.revoke();
    assert_eq!(ids(&portal, &path).len(), 0, "a withdrawal");
    aino.grants(&portal, [Housing]);
    assert_eq!(ids(&portal, &path).len(), 2, "a new grant");
}

#[test]
fn an_answer_is_not_given_past_the_end_of_what_permits_it() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.gives(
        Terms::grant(&portal.actor).themes(&[Housing]).from("2026-03-01").until("2026-03-20"),
    );
    aino.grants(&portal, [Health]);
    let read = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    portal.get(&read).shows([Housing, Health]);
    portal.get(&read).shows([Housing, Health]);
    world.pass(DAY * 40);
    portal.get(&read).shows([Health]).hides([Housing]);
}

#[test]
fn one_readers_answer_is_not_another_readers() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, county) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing]);
    aino.grants(&county, [Health]);
    let path = format!("/fhir/Observation?patient={}", aino.patient());
    for _ in 0..2 {
        portal.get(&path).shows([Housing]).hides([Health]);
        county.get(&path).shows([Health]).hides([Housing]);
    }
    // Nor one way of asking another.
    let odd = format!("{path}&shoe-size=42");
    let headers = vec![("prefer", "handling=strict".to_owned())];
    let asked = |headers| {
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        portal.actor.send(&portal.node, Method::GET, &odd, ask)
    };
    asked(Vec::new()).shows([Housing]);
    asked(headers).refused(400, "not-supported");
}
