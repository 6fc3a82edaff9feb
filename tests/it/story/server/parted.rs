//! Real processes of a portal and two holders, one of which cannot be reached for a while: each answer says
//! so and has all of the other, what is owed waits, and all goes on by itself when the way is open again.

use std::{collections::BTreeMap, time::Duration};

use mylife::domain::theme::{
    Theme::{Health, Housing},
    ThemeSet,
};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    land::{CODES, HERE, Land},
    on_one_thread,
    proxy::Way,
    through::{HOLDERS, READER, Somebody, themes},
};

/// The one that is cut off, and the one that is not.
const OFF: usize = 1;
const NEAR: usize = 0;
/// Longer than a peer that failed again and again is left in peace, and a letter waits to be tried again,
/// on a busy machine.
const RECOVERED: Duration = Duration::from_mins(1);

struct Told {
    bundle: Value,
    /// What the answer says of each holder.
    states: BTreeMap<String, String>,
    themes: [ThemeSet; HOLDERS],
}

impl Told {
    fn state(&self, holder: usize) -> &str {
        &self.states[CODES[holder]]
    }
}

async fn asks(land: &Land, person: &Somebody) -> Told {
    land.renew();
    let mut line = land.line(HERE).await.expect("the portal is there");
    let told = land.asks(&mut line, READER, person.question()).await;
    let (status, bundle) = told.expect("the portal answers");
    assert_eq!(status, 200, "{bundle}");
    let last = bundle["entry"].as_array().unwrap().last().unwrap();
    let issues = last["resource"]["issue"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let states = issues
        .iter()
        .map(|one| (text(&one["diagnostics"]), text(&one["details"]["coding"][0]["code"])))
        .collect();
    let themes = [0, 1].map(|holder| themes(&bundle, CODES[holder]));
    Told { bundle, states, themes }
}

/// Everything of both is there, and the answer says so.
fn is_whole(told: &Told, allowed: ThemeSet) -> bool {
    let is_complete = (0..HOLDERS).all(|holder| told.state(holder) == "complete");
    assert_eq!(is_complete, told.bundle["total"].is_number(), "{}", told.bundle);
    for holder in (0..HOLDERS).filter(|holder| told.state(*holder) == "complete") {
        assert_eq!(told.themes[holder], allowed, "{} is said to be complete", CODES[holder]);
    }
    is_complete
}

async fn parted() {
    let land = Land::new().await;
    let person = Somebody::new(&land).await;
    let all: ThemeSet = [Housing, Health].into_iter().collect();
    let less = ThemeSet::EMPTY.with(Housing);
    for way in [Way::Cut, Way::Held] {
        assert_eq!(person.permits(&land, &[Housing, Health]).await, [NEAR, OFF]);
        assert!(is_whole(&asks(&land, &person).await, all));
        land.way(OFF, way);
        while land.peers().await[CODES[OFF]]["breaker"] != "open" {
            let told = asks(&land, &person).await;
            assert!(!is_whole(&told, all), "{way:?}");
            assert_eq!([told.state(NEAR), told.state(OFF)], ["complete", "not-reached"]);
            assert!(told.themes[OFF].is_empty(), "{}", told.bundle);
        }
        assert_eq!(land.peers().await[CODES[NEAR]]["breaker"], "closed");
        // It is told at once that one of them has it, and that the other will have it.
        assert_eq!(person.permits(&land, &[Housing]).await, [NEAR], "{way:?}");
        assert_eq!(asks(&land, &person).await.themes, [less, ThemeSet::EMPTY]);
        land.way(OFF, Way::Open);
        let recovered = async {
            while land.peers().await[CODES[OFF]]["owed"] != 0 {
                // Asked meanwhile it shows what it knows.
                let told = asks(&land, &person).await;
                assert!(told.themes[NEAR] == less && all.contains_all(told.themes[OFF]));
            }
            while !is_whole(&asks(&land, &person).await, less) {}
        };
        timeout(RECOVERED, recovered).await.expect("it does not recover by itself");
        assert_eq!(land.peers().await[CODES[OFF]]["breaker"], "closed");
    }
}

#[test]
fn a_peer_that_cannot_be_reached_is_said_not_to_be_and_all_goes_on_when_it_can() {
    on_one_thread(parted());
}
