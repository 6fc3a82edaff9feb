//! A sealed handle opens for one peer, on one route, within its minute, and looks alike always.

use std::time::Duration;

use mylife::{
    chance::{SeededChance, SystemChance},
    domain::moment::Moment,
    handle::{HandleKey, LIFE, LONGEST, PublicKey, Route},
};
use proptest::prelude::*;

const NOW: Moment = Moment::from_millis(1_780_000_000_000);
const ROUTE: Route<'static> = Route { from: "portal", to: "205" };

fn key(seed: u64) -> HandleKey {
    HandleKey::generate(&SeededChance::new(seed)).unwrap().0
}

#[test]
fn a_handle_opens_for_its_audience_alone() {
    let handle = key(1).public().seal("010190-900X", ROUTE, NOW, &SeededChance::new(9)).unwrap();
    let soon = NOW.plus(Duration::from_secs(1));
    assert_eq!(*key(1).open(&handle, ROUTE, soon).unwrap(), "010190-900X");
    for (why, with, route, at) in [
        ("another peer's key", 2, ROUTE, soon),
        ("carried by another", 1, Route { from: "049", ..ROUTE }, soon),
        ("meant for another", 1, Route { to: "297", ..ROUTE }, soon),
        ("names run together", 1, Route { from: "portal2", to: "05" }, soon),
        ("a minute later", 1, ROUTE, NOW.plus(LIFE)),
        ("from the future", 1, ROUTE, NOW.minus(LIFE + LIFE)),
    ] {
        let refused = key(with).open(&handle, route, at).expect_err(why);
        assert_eq!(refused.say(), "The handle is not valid here and now; ask for a new one.");
        assert!(std::error::Error::source(&refused).is_none(), "{why}: the cause is told");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_not_cut() {
    let long = "x".repeat(LONGEST + 1);
    assert!(key(1).public().seal(&long, ROUTE, NOW, &SystemChance).is_err());
}

#[test]
fn keys_survive_their_text() {
    let (made, text) = HandleKey::generate(&SystemChance).unwrap();
    assert_eq!(HandleKey::parse(&text).unwrap().public(), made.public());
    assert_eq!(PublicKey::parse(&made.public().to_string()).unwrap(), made.public());
    assert!(PublicKey::parse("c2hvcnQ").is_err());
}

proptest! {
    #[test]
    fn every_secret_comes_back_and_every_handle_has_one_length(secret in "\\PC{0,15}", seed: u64) {
        let handle = key(1).public().seal(&secret, ROUTE, NOW, &SeededChance::new(seed)).unwrap();
        let empty = key(1).public().seal("", ROUTE, NOW, &SeededChance::new(seed)).unwrap();
        prop_assert_eq!(handle.len(), empty.len());
        let opened = key(1).open(&handle, ROUTE, NOW).unwrap();
        prop_assert_eq!(opened.as_str(), &secret);
    }

    #[test]
    fn a_handle_altered_anywhere_does_not_open(at in 0_usize..160, with in "[A-Za-z0-9_-]") {
        let handle = key(1).public().seal("010190-900X", ROUTE, NOW, &SeededChance::new(7)).unwrap();
        let mut altered = handle.clone();
        altered.replace_range(at..=at, &with);
        prop_assume!(altered != handle);
        prop_assert!(key(1).open(&altered, ROUTE, NOW).is_err());
    }
}
