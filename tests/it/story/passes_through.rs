//! What a person forbids to a gateway's organisation does not pass through that gateway either.

use mylife::domain::theme::Theme::{Health, Housing};

use crate::world::{PORTAL, Terms, World};

#[test]
fn what_is_forbidden_to_the_portal_goes_straight_to_the_county_but_not_through_the_portal() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let straight = kuopio.client("north-savo");
    let mut through = world.portal().client("north-savo");
    through.nodes = Some("297".to_owned());
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&straight, [Housing, Health]);
    through.search("Observation", &aino).shows([Housing, Health]);
    let portal = world.identities[PORTAL].organization();
    let health = aino.gives(Terms::prohibition_of(&portal).themes(&[Health]));
    through.search("Observation", &aino).shows([Housing]).hides([Health]);
    straight.search("Observation", &aino).shows([Housing, Health]);
    aino.gives(Terms::prohibition_of(&portal));
    through.search("Observation", &aino).is_empty();
    health.revoke();
    straight.search("Observation", &aino).shows([Housing, Health]);
}
