//! Consents that are withdrawn, begin, end, or are outweighed.

use std::time::Duration;

use mylife::domain::theme::Theme::{Health, Housing};

use crate::world::{Terms, World};

const DAY: Duration = Duration::from_hours(24);

#[test]
fn what_is_withdrawn_is_not_in_the_next_answer() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let housing = aino.grants(&portal, [Housing]);
    aino.grants(&portal, [Health]);
    portal.search("Observation", &aino).shows([Housing, Health]);
    housing.revoke();
    portal.search("Observation", &aino).shows([Health]).hides([Housing]);
    let id = format!("/fhir/Observation/{}.ho.s", aino.document(0));
    portal.get(&id).refused(404, "not-found");
}

#[test]
fn a_consent_withdrawn_between_pages_ends_the_pages() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let housing = aino.grants(&portal, [Housing]);
    let health = aino.grants(&portal, [Health]);
    let path = format!("/fhir/Observation?patient={}&_count=1", aino.patient());
    let first = portal.get(&path);
    assert_eq!(first.total(), Some(4));
    health.revoke();
    let second = portal.get(&first.next().expect("there is more"));
    second.hides([Health]);
    housing.revoke();
    let third = second.next().map_or_else(|| portal.get(&path), |next| portal.get(&next));
    third.is_empty().hides([Health, Housing]);
    assert_eq!((third.total(), third.next()), (Some(0), None));
}

#[test]
fn the_person_in_whose_middle_a_page_ended_is_not_shown_again_from_the_start() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let housing = aino.grants(&portal, [Housing]);
    aino.grants(&portal, [Health]);
    let sorted = portal.pages("/fhir/Observation?_count=1");
    let ids: Vec<String> = sorted.iter().flat_map(super::super::world::reply::Reply::ids).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    // The page that ends at an Observation which is gone when the next is asked for.
    let at = ids.iter().position(|id| id.contains(".ho.")).unwrap();
    assert!(at > 0, "somebody's other Observation comes first: {ids:?}");
    let next = sorted[at].next().unwrap();
    housing.revoke();
    let left: Vec<String> =
        portal.pages(&next).iter().flat_map(super::super::world::reply::Reply::ids).collect();
    assert!(left.iter().all(|id| !ids[..=at].contains(id)), "{left:?} again, of {ids:?}");
}

#[test]
fn a_grant_holds_from_its_first_day_to_its_last() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.gives(
        Terms::grant(&portal.actor).themes(&[Housing]).from("2026-03-10").until("2026-03-20"),
    );
    portal.search("Observation", &aino).is_empty();
    world.pass(DAY * 10);
    portal.search("Observation", &aino).shows([Housing]);
    world.pass(DAY * 10);
    portal.search("Observation", &aino).is_empty();
}

#[test]
fn a_prohibition_outweighs_a_grant_whichever_came_first() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let never = aino.gives(Terms::prohibition(&portal.actor).themes(&[Health]));
    aino.grants(&portal, [Housing, Health]);
    portal.search("Observation", &aino).shows([Housing]).hides([Health]);
    never.revoke();
    portal.search("Observation", &aino).shows([Housing, Health]);
    aino.gives(Terms::prohibition(&portal.actor));
    portal.search("Observation", &aino).is_empty();
}
