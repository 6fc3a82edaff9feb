//! What is to be reviewed: which review is of which use, and of whom something may wait.

use std::time::Duration;

use mylife::{
    audit::{
        log::Log,
        record::{Emergency, Entry, Review},
        review::{operator, people, record_review, uses},
    },
    seal::audit::AuditKey,
};

use super::{Dir, NOW, aino, block_on, eero, entry};

fn at(minute: u64) -> mylife::domain::moment::Moment {
    NOW.plus(Duration::from_mins(minute))
}

/// What a request told in an emergency.
fn told(request: &'static str, minute: u64) -> Entry<'static> {
    let emergency = Emergency { reason: "fire".into(), until: at(60) };
    Entry { at: at(minute), emergency: Some(emergency), ..entry(request) }
}

fn review(request: &'static str, minute: u64, justified: bool) -> Entry<'static> {
    let found = Review { by: "Riitta".into(), justified, note: None };
    Entry { at: at(minute), review: Some(found), ..entry(request) }
}

/// Every order of these.
fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let first = |one: &usize| {
        let rest: Vec<usize> = of.iter().copied().filter(|other| other != one).collect();
        let all = orders(&rest).into_iter();
        all.map(|rest| [vec![*one], rest].concat()).collect::<Vec<_>>()
    };
    of.iter().flat_map(first).collect()
}

#[test]
fn a_review_is_of_what_its_request_had_told_whatever_was_written_down_first() {
    let records = [
        told("r", 1),
        told("r", 2),
        review("r", 3, false),
        // Somebody came later, or names another request as the first was named.
        review("r", 4, true),
        told("r", 5),
        told("other", 1),
    ];
    for order in orders(&[0, 1, 2, 3, 4, 5]) {
        let named =
            |number: &usize| Ok(([u8::try_from(*number).unwrap(); 32], records[*number].clone()));
        let mut found: Vec<_> = uses(order.iter().map(named)).unwrap();
        found.sort_by_key(|one| one.leaf);
        let found: Vec<_> = found.iter().map(|one| (one.leaf[0], one.justified())).collect();
        let wanted = [(0, Some(false)), (1, Some(false)), (4, None), (5, None)];
        assert_eq!(found, wanted, "{order:?}");
    }
    let somebody_elses = Entry { patient: Some("297.eero".into()), ..review("other", 9, true) };
    let both = [told("other", 1), somebody_elses].map(|entry| Ok(([0; 32], entry)));
    assert_eq!(uses(both).unwrap()[0].justified(), None);
}

/// Whoever is on the list, of everybody or of those of whom something waits.
fn listed(log: &Log, all: bool) -> Vec<String> {
    block_on(people(log, all)).unwrap().iter().map(ToString::to_string).collect()
}

/// As an answer does, or a write before it is made.
fn marks(log: &Log, person: &AuditKey) {
    let mark = Entry {
        patient: Some(person.id.to_string().into()),
        emergency: None,
        resources: mylife::audit::record::Resources::default(),
        ..entry("r")
    };
    block_on(log.append(log.review_key(), &mark.to_payload().unwrap())).unwrap();
}

#[test]
fn whoever_has_something_to_review_is_listed_until_all_of_it_was() {
    let dir = Dir::new();
    let log = dir.open();
    assert!(listed(&log, true).is_empty());
    let tells = |person: &AuditKey, minute: u64| {
        let patient = Some(person.id.to_string().into());
        let used = Entry { patient, ..told("r", minute) };
        block_on(log.append(person, &used.to_payload().unwrap())).unwrap();
    };
    let reviews = |person: &AuditKey, minute: u64| {
        let found = Review { by: "Riitta".into(), justified: true, note: None };
        let used = Entry { patient: Some(person.id.to_string().into()), ..told("r", 0) };
        block_on(record_review(&log, person, &used, (found, operator()), at(minute))).unwrap();
    };
    for person in [aino(), eero()] {
        marks(&log, &person);
        tells(&person, 1);
    }
    assert_eq!(listed(&log, false), ["297.aino", "297.eero"]);
    reviews(&aino(), 2);
    assert_eq!(listed(&log, false), ["297.eero"]);
    assert_eq!(listed(&log, true), ["297.aino", "297.eero"]);
    // A write is marked before it is made: a review in between does not see to it.
    marks(&log, &eero());
    reviews(&eero(), 3);
    assert_eq!(listed(&log, false), ["297.eero"]);
    tells(&eero(), 4);
    assert_eq!(listed(&log, false), ["297.eero"]);
    reviews(&eero(), 5);
    assert!(listed(&log, false).is_empty());
    // The same request once more.
    marks(&log, &aino());
    tells(&aino(), 6);
    assert_eq!(listed(&log, false), ["297.aino"]);
}
