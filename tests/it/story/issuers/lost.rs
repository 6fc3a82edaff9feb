//! The name of an issuer's host is not found for a while: what was known of it counts for as long as it
//! says, nobody else is let in, and then it is asked again.

use mylife::{
    authenticate::issuer::KNOWN,
    domain::theme::Theme::{Health, Housing},
    oauth::keys::PAUSE,
};

use super::{Town, none};
use crate::world::provider;

#[test]
fn keys_that_are_kept_count_while_the_name_of_their_host_is_lost_and_others_come_when_it_is_found()
{
    let town = Town::by_keys();
    town.reads(&town.one.token(&town.world, &none())).shows([Housing]);
    town.world.wires.lose(provider::HOST, true);
    town.reads(&town.one.token(&town.world, &none())).shows([Housing]).hides([Health]);
    for _ in 0..3 {
        town.cannot_tell("never asked before", &town.two.token(&town.world, &none()));
    }
    town.world.wires.lose(provider::HOST, false);
    town.cannot_tell("asked a moment ago", &town.two.token(&town.world, &none()));
    town.world.pass(PAUSE);
    town.reads(&town.two.token(&town.world, &none())).shows([Housing]).hides([Health]);
}

#[test]
fn who_is_asked_about_each_token_is_asked_again_as_soon_as_the_name_is_found() {
    let town = Town::by_asking();
    let token = town.one.issues(&town.world, &none());
    town.reads(&token).shows([Housing]);
    town.world.wires.lose(provider::HOST, true);
    // What is known lasts for a moment.
    town.reads(&token).shows([Housing]);
    town.world.pass(KNOWN);
    town.cannot_tell("nobody is found", &token);
    town.world.wires.lose(provider::HOST, false);
    town.reads(&token).shows([Housing]).hides([Health]);
}
