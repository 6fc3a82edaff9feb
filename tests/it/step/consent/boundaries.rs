//! Boundaries in time, against looking at every hour.
//!
//! Every instant in these worlds is a whole hour, so a decision is the same from one hour to the
//! next, and an hourly grid sees all there is.

use mylife::{
    consent::{
        boundary::{Course, boundaries},
        decide::decide_at,
    },
    domain::moment::Moment,
};
use proptest::prelude::*;

use super::world::{World, at, hour, worlds};

/// From well before the first instant to after the end of January.
const HOURS: std::ops::Range<i64> = -60..820;

fn is_permitted(world: &World) -> impl Fn(Moment) -> bool {
    let (snapshot, asker, unit) = (world.snapshot(), world.asker(), world.thing.unit());
    move |now| decide_at(&snapshot, &asker, &unit, now).permit
}

fn since(world: &World, now: Moment) -> Option<Moment> {
    let (snapshot, asker, unit) = (world.snapshot(), world.asker(), world.thing.unit());
    let found = Course::new(&snapshot, &asker, now).standing(&unit)?;
    assert_eq!(found.basis, decide_at(&snapshot, &asker, &unit, now).basis);
    Some(found.since)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_decision_changes_but_at_a_boundary(world in worlds(), into in 1..3_600_000_i64) {
        let boundaries = boundaries(&world.snapshot(), &world.asker());
        prop_assert!(boundaries.is_sorted_by(|a, b| a < b));
        let (snapshot, asker, unit) = (world.snapshot(), world.asker(), world.thing.unit());
        let verdict = |now| decide_at(&snapshot, &asker, &unit, now);
        for hours in HOURS {
            let (now, later) = (hour(hours), hour(hours + 1));
            let within = Moment::from_millis(now.millis() + into);
            prop_assert_eq!(verdict(now), verdict(within), "inside hour {}", hours);
            if verdict(now) != verdict(later) {
                prop_assert!(boundaries.contains(&later), "at hour {}", hours + 1);
            }
        }
    }

    #[test]
    fn the_start_of_a_permit_is_the_first_hour_of_it(world in worlds(), hours in 60..200_i64) {
        let is_permitted = is_permitted(&world);
        let found = since(&world, hour(hours));
        let denied = (HOURS.start..=hours).rev().find(|h| !is_permitted(hour(*h)));
        match denied {
            Some(h) if h == hours => prop_assert_eq!(found, None),
            Some(h) => prop_assert_eq!(found, Some(hour(h + 1))),
            None => prop_assert!(found.is_some_and(|at| at <= hour(HOURS.start))),
        }
    }

    #[test]
    fn until_the_next_change_every_decision_stays(world in worlds(), hours in 60..200_i64) {
        let is_permitted = is_permitted(&world);
        let (snapshot, asker) = (world.snapshot(), world.asker());
        let next = Course::new(&snapshot, &asker, hour(hours)).next_change();
        prop_assert!(next > hour(hours));
        let until = (hours..HOURS.end).take_while(|h| hour(*h) < next);
        for h in until {
            prop_assert_eq!(is_permitted(hour(h)), is_permitted(hour(hours)));
        }
    }
}

#[test]
fn a_version_that_was_replaced_permits_the_past_it_was_in_force_in() {
    use super::world::{Held, consent};
    let root = serde_json::json!({"type": "deny", "provision": [{"type": "permit"}]});
    let mut revoked = consent("grant", &root);
    revoked["status"] = serde_json::json!("inactive");
    let first =
        Held { consent: consent("grant", &root), recorded: None, force: (Some(10), Some(20)) };
    let second = Held { consent: revoked, recorded: None, force: (Some(20), None) };
    let world = World::of(vec![first, second]);
    let (snapshot, asker) = (world.snapshot(), world.asker());
    assert_eq!(boundaries(&snapshot, &asker), [hour(10), hour(20)]);
    assert_eq!(since(&world, hour(15)), Some(hour(10)));
    assert_eq!(since(&world, hour(20)), None);
    let next = |now| Course::new(&snapshot, &asker, now).next_change();
    assert_eq!(next(hour(10)), hour(20));
    assert_eq!(next(at("2026-02-01T00:00:00Z")), Moment::MAX);
}
