//! Of what was before a reader learns what reading after each change would have told under today's
//! policy, and nothing of what may not be seen.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use mylife::domain::moment::Moment;
use proptest::{
    collection::vec,
    prelude::*,
    sample::subsequence,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use super::{
    asked_of_past::{Question, entries, questions},
    edit::{Edit, apply_to, edits},
    interference::granting,
    lab::{FHIR, Lab, token},
    oracle::{ended_then, of_person_then},
    reader::{Reader, readers, whole},
    released::released,
    shelf::committed,
    world::{Somebody, THEMES, Wish, World, YOUTH, wish, worlds},
};

/// Cases where each asks for everything after each change.
const FEW: u32 = 80;

/// The instants at which somebody's documents changed.
fn moments(one: &Somebody) -> BTreeSet<Moment> {
    let of = |letter, number, count| (0..count).map(move |v| committed(letter, number, v));
    let mut all: BTreeSet<Moment> = of('p', 0, one.person.len()).collect();
    for (number, versions) in one.assessments.iter().enumerate() {
        all.extend(of('a', number, versions.len()));
    }
    for (number, versions) in one.plans.iter().enumerate() {
        all.extend(of('w', number, versions.len()));
    }
    all
}

/// Somebody's documents as they were; consents as they are.
fn then(one: &Somebody, at: Moment) -> Somebody {
    fn cut<T: Clone>(letter: char, number: usize, versions: &[T], at: Moment) -> Vec<T> {
        let until = |v: &usize| committed(letter, number, *v) <= at;
        let count = (0..versions.len()).take_while(until).count();
        versions[..count].to_vec()
    }
    let mut then = one.clone();
    then.person = cut('p', 0, &one.person, at);
    let surveys = one.assessments.iter().enumerate();
    then.assessments =
        surveys.map(|(n, all)| cut('a', n, all, at)).take_while(|v| !v.is_empty()).collect();
    let plans = one.plans.iter().enumerate();
    then.plans = plans.map(|(n, all)| cut('w', n, all, at)).take_while(|v| !v.is_empty()).collect();
    then
}

/// What is so of everybody for a reader today, given each as they were at these instants and are now.
fn of_each_then<T>(
    world: &World,
    reader: &Reader,
    at: &BTreeSet<Moment>,
    of: fn(&Somebody, &Somebody, usize, &Reader) -> BTreeMap<String, T>,
) -> Vec<BTreeMap<String, T>> {
    let then = |at: &Moment| {
        let people = world.people.iter().enumerate();
        people
            .filter(|(_, one)| moments(one).first().is_some_and(|first| first <= at))
            .flat_map(|(whose, one)| of(&then(one, *at), one, whose, reader))
            .collect()
    };
    at.iter().map(then).collect()
}

/// Do two worlds show a reader the same at every instant, and had it the same that it has no more?
pub(super) fn alike(one: &World, other: &World, reader: &Reader) -> bool {
    let people = one.people.iter().chain(&other.people);
    let at: BTreeSet<Moment> = people.flat_map(moments).collect();
    let visible = |world| of_each_then(world, reader, &at, of_person_then);
    let ended = |world| of_each_then(world, reader, &at, ended_then);
    let consents =
        |world: &World| world.people.iter().map(|p| p.consents.clone()).collect::<Vec<_>>();
    // Consents alone end what was permitted.
    visible(one) == visible(other)
        && (consents(one) == consents(other) || ended(one) == ended(other))
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() }
}

/// Of the person the policy of the last version holds for all.
fn with_one_policy(mut world: World) -> World {
    for one in &mut world.people {
        let last = one.person.last().unwrap().clone();
        for version in &mut one.person {
            version.birth_date = last.birth_date;
            version.non_disclosure = last.non_disclosure;
            version.minor_stance = last.minor_stance;
            version.representation.clone_from(&last.representation);
        }
    }
    world
}

/// What reading everything after each change gives, by `Type/id`, equal neighbours as one.
fn read_on_the_way(lab: &mut Lab, world: &World, token: &str) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for at in moments(&world.people[0]) {
        let mut then = world.clone();
        then.people = vec![self::then(&world.people[0], at)];
        lab.hold(&then);
        let now = released(lab, token);
        for name in now.keys() {
            all.entry(name.clone()).or_default();
        }
        for (name, versions) in &mut all {
            let next = now.get(name).cloned().unwrap_or_default();
            if versions.last() != Some(&next) {
                versions.push(next);
            }
        }
    }
    // A Consent as it was is not what is read under today's.
    all.retain(|name, _| !name.starts_with("Consent/"));
    all
}

#[test]
fn a_history_is_what_reading_after_each_change_would_have_given() {
    let lab = RefCell::new(Lab::new());
    let several = Cell::new(0);
    // Whether a care relation holds follows from the plan of today.
    let reader = whole().prop_filter("no care relation", |r| r.organization != YOUTH);
    let outcome = TestRunner::new(config(FEW)).run(&(worlds(), reader), |(world, reader)| {
        let (mut lab, token) = (lab.borrow_mut(), token(&reader));
        let world = with_one_policy(world);
        let expected = read_on_the_way(&mut lab, &world, &token);
        lab.hold(&world);
        for (name, versions) in expected {
            let seen = lab.fetch(&token, &format!("{FHIR}/{name}/_history?_count=100"));
            prop_assert_eq!(seen.status, 200, "{}: {}", name, seen.body);
            let told: Vec<Value> =
                entries(&seen).iter().rev().map(|e| e["resource"].clone()).collect();
            several.set(several.get() + usize::from(versions.len() > 1));
            prop_assert_eq!(told, versions, "{}", name);
        }
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    assert!(several.get() > 4, "too few had a history: {}", several.get());
}

#[derive(Clone, Debug)]
struct Case {
    world: World,
    reader: Reader,
    edits: Vec<Edit>,
    questions: Vec<Question>,
}

fn cases() -> impl Strategy<Value = Case> {
    // What is stored by chance alone seldom lets this one reader see anything.
    let granted = subsequence(THEMES.to_vec(), 2..=4);
    let asked = vec(questions(), 4..7);
    (worlds(), readers(), vec(edits(), 6..14), wish(), (asked, granted)).prop_map(
        |(mut world, reader, mut edits, once, (questions, granted))| {
            let purpose = reader.purpose.unwrap_or("TREAT");
            let grant = granting(reader.organization, granted, purpose);
            // The end of a permit is known to who had it, and to nobody else.
            let period = Some(("2026-01-20", "2026-03-01"));
            let over = Wish { to: once.to, period, recorded: 0, ..grant.clone() };
            edits.push(Edit::Consent(Wish { themes: once.themes, classes: once.classes, ..over }));
            world.people[0].consents.splice(..0, [grant]);
            Case { world, reader, edits, questions }
        },
    )
}

#[test]
fn what_a_reader_may_not_see_changes_no_byte_of_any_history() {
    let labs = RefCell::new((Lab::new(), Lab::new()));
    let pairs = Cell::new(0);
    let outcome = TestRunner::new(config(FEW)).run(&cases(), |case| {
        let (left, right) = &mut *labs.borrow_mut();
        let Case { world, reader, edits, questions } = &case;
        let (other, kept) = apply_to(world, edits, |next| alike(world, next, reader));
        pairs.set(pairs.get() + u32::from(kept > 0));
        left.hold(world);
        right.hold(&other);
        let token = token(reader);
        for question in questions {
            let (ours, theirs) = (question.ask(left, &token), question.ask(right, &token));
            prop_assert!(ours == theirs, "{question:?}: {ours:#?} and {theirs:#?}");
        }
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    assert!(pairs.get() * 10 >= FEW * 8, "too few stores differed: {}", pairs.get());
}
