//! Clients are named by each gateway: the same name at two of them need not be the same client.

use mylife::domain::theme::Theme::Housing;

use crate::world::{Terms, World, actor::ORGANIZATIONS};

#[test]
fn who_granted_straight_can_withdraw_through_the_portal() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let given = aino.grants(&portal, [Housing]);
    portal.search("Observation", &aino).shows([Housing]);
    given.through(&world.portal(), Some("297"), "inactive").accepted().says("297: acknowledged");
    portal.search("Observation", &aino).is_empty();
}

#[test]
fn a_namesake_of_another_organisation_touches_no_consent() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let given = aino.gives(Terms::grant(&portal.actor).themes(&[Housing]));
    let [_, county, _] = ORGANIZATIONS;
    world.replace("consent-desk", county);
    given.through(&world.portal(), Some("297"), "inactive").accepted().says("297: acknowledged");
    portal.search("Observation", &aino).shows([Housing]);
}
