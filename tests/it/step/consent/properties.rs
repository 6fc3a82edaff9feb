//! What must hold of every decision, whatever is stored.

use mylife::consent::decide::{Verdict, Why, decide};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::world::{Held, World, consent, grant_roots, helds, rules, worlds};

fn verdict(world: &World) -> Verdict {
    decide(&world.snapshot(), &world.asker(), &world.thing.unit())
}

fn shuffled<T: Clone>(list: &[T], turns: usize) -> Vec<T> {
    let mut list: Vec<T> = list.to_vec();
    list.reverse();
    let middle = turns % list.len().max(1);
    list.rotate_left(middle);
    list
}

fn in_force(consent: Value) -> Held {
    Held { consent, recorded: None, force: (None, None) }
}

/// Rules of one level that are over before the decision.
fn over(root: &mut Value) {
    root["period"] = json!({"end": "2026-01-05T12:00:00Z"});
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn nothing_stored_permits_nothing(mut world in worlds()) {
        world.consents.clear();
        world.grounds.clear();
        world.representation.clear();
        world.who.care = false;
        world.who.role = "clerk";
        let verdict = verdict(&world);
        prop_assert!(!verdict.permit || verdict.why == Why::SelfAccess);
        prop_assert_eq!(verdict.basis, Vec::<std::sync::Arc<str>>::new());
    }

    #[test]
    fn the_order_and_the_number_of_copies_of_what_is_stored_are_nothing(
        world in worlds(),
        turns in 0..7_usize,
    ) {
        let mut other = world.clone();
        other.consents = shuffled(&world.consents, turns);
        other.consents.extend(world.consents.clone());
        other.grounds = shuffled(&world.grounds, turns);
        other.grounds.extend(world.grounds.clone());
        other.bars = shuffled(&world.bars, turns);
        other.representation = shuffled(&world.representation, turns);
        other.others = shuffled(&world.others, turns);
        prop_assert_eq!(verdict(&world), verdict(&other));
        prop_assert_eq!(verdict(&world), verdict(&world));
    }

    #[test]
    fn one_more_prohibition_never_permits_more(world in worlds(), root in rules(0, Some("deny"))) {
        let mut more = world.clone();
        more.consents.push(in_force(consent("prohibition", &root)));
        prop_assert!(verdict(&world).permit || !verdict(&more).permit);
    }

    #[test]
    fn one_more_grant_never_permits_less(world in worlds(), root in grant_roots()) {
        let mut more = world.clone();
        more.consents.push(in_force(consent("grant", &root)));
        prop_assert!(verdict(&more).permit || !verdict(&world).permit);
    }

    #[test]
    fn a_grant_whatever_its_form_never_forbids_and_a_prohibition_never_permits(
        world in worlds(),
        held in helds(),
    ) {
        let mut more = world.clone();
        let kind = held.consent["category"][0]["coding"][0]["code"].clone();
        more.consents.push(held);
        let (before, after) = (verdict(&world), verdict(&more));
        if kind == "grant" {
            prop_assert!(after.permit || !before.permit);
        }
        if kind == "prohibition" {
            prop_assert!(before.permit || !after.permit);
        }
    }

    #[test]
    fn what_is_not_known_never_permits_more(world in worlds(), which in any::<Index>()) {
        let mut less = world.clone();
        forget(&mut less, which.index(FORGETTABLE));
        let (before, after) = (verdict(&world), verdict(&less));
        prop_assert!(before.permit || !after.permit, "{:?} became {:?}", before, after);
    }

    #[test]
    fn from_its_end_on_a_grant_is_as_absent(world in worlds(), mut root in grant_roots()) {
        for rule in root["provision"].as_array_mut().unwrap() {
            over(rule);
        }
        let mut more = world.clone();
        more.consents.push(in_force(consent("grant", &root)));
        prop_assert_eq!(verdict(&world), verdict(&more));
    }

    #[test]
    fn from_its_end_on_a_prohibition_is_as_absent(
        world in worlds(),
        mut root in rules(0, Some("deny")),
    ) {
        over(&mut root);
        let mut more = world.clone();
        more.consents.push(in_force(consent("prohibition", &root)));
        prop_assert_eq!(verdict(&world), verdict(&more));
    }

    #[test]
    fn the_basis_names_nothing_but_what_is_stored_and_is_sorted(world in worlds()) {
        let Verdict { permit, why, basis, against } = verdict(&world);
        let of = |list: &[Value]| list.iter().map(|v| v["id"].clone()).collect::<Vec<_>>();
        let consents: Vec<Value> = world.consents.iter().map(|h| h.consent.clone()).collect();
        let words = ["same-register", "officer", "writer"].map(Value::from);
        let ids = [of(&consents), of(&world.grounds), of(&world.representation), words.into()];
        prop_assert!(basis.iter().all(|id| ids.concat().contains(&json!(**id))));
        prop_assert!(basis.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(basis.is_empty(), why != Why::Allowed);
        prop_assert_eq!(permit, matches!(why, Why::Allowed | Why::SelfAccess));
        let forbids = [of(&consents), of(&world.bars)].concat();
        prop_assert!(against.iter().all(|id| forbids.contains(&json!(**id))));
        prop_assert!(against.is_sorted_by(|a, b| a < b));
        prop_assert!(against.is_empty() || matches!(why, Why::Bar | Why::Prohibition));
        prop_assert!(why != Why::Prohibition || !against.is_empty());
    }
}

const FORGETTABLE: usize = 15;

/// Turns one thing that is known into one that is not.
fn forget(world: &mut World, which: usize) {
    let World { who, thing, .. } = world;
    match which {
        0 => thing.conf = None,
        1 => thing.date = None,
        2 => thing.author = None,
        3 => thing.custodian = None,
        4 => thing.register = None,
        5 => thing.stance = None,
        6 => thing.given_by = None,
        7 => thing.themes.iter_mut().take(1).for_each(|theme| *theme = "wealth"),
        8 => who.purpose = None,
        9 => who.action = None,
        10 => who.register = None,
        11 => who.glass = None,
        12 => world.born = None,
        13 => who.subject = None,
        // A bar by label knows its label by name, so only without one is this a loss.
        _ if world.bars.iter().all(|bar| bar.get("labels").is_none()) => {
            if thing.classes.pop().is_some() {
                thing.labels.push("unheard-of");
            }
        }
        _ => thing.date = Some("2026"),
    }
}
