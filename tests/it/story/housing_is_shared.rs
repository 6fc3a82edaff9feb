//! Housing is shared and health is not.

use mylife::domain::theme::Theme::{Health, Housing};

use crate::world::{Terms, World};

#[test]
fn housing_is_shared_and_health_is_not() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    aino.grants(&portal, [Housing]);
    let reply = portal.search("QuestionnaireResponse", &aino);
    reply.shows([Housing]).hides([Health]).keeps_quiet("a home").keeps_quiet("sleep");
    assert_eq!(reply.total(), Some(1));
    portal.search("Observation", &aino).shows([Housing]).hides([Health]);
    kuopio.client("north-savo").search("QuestionnaireResponse", &aino).is_empty();
}

#[test]
fn own_words_are_shared_only_where_they_are_named() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    aino.gives(Terms::grant(&portal.actor).themes(&[Housing]).class("free-text"));
    aino.grants(&portal, [Health]);
    // Two grants do not add up to the words about health.
    let reply = portal.search("QuestionnaireResponse", &aino);
    reply.shows([Housing, Health]).says("a home").keeps_quiet("sleep");
}
