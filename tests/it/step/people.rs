//! The demo's people: valid, repeatable, and each story there.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use mylife::{
    demo::{
        directory::{Directory, MUNICIPALITIES},
        people::{Home, Somebody, Story, people},
    },
    domain::{
        assessment::Form,
        class::{Class, ClassSet},
        day::Day,
        identity::{TestRange, WrongCheck},
        moment::Moment,
        theme::Theme,
    },
    json::Limits,
    native::{Rules, references::Target, schemas::Schemas, validate},
};

fn now() -> Moment {
    Moment::parse("2026-06-01T12:00:00Z").unwrap()
}

fn cast() -> Vec<Somebody> {
    people(7, now()).unwrap()
}

fn homes(all: &[Somebody]) -> impl Iterator<Item = (Story, &Home)> {
    all.iter().flat_map(|one| one.homes.iter().map(move |home| (one.story, home)))
}

#[test]
fn every_document_is_valid_and_names_only_what_is_there() {
    let schemas = Schemas::compile().unwrap();
    let rules = Rules {
        schemas: &schemas,
        now: now(),
        test_range: TestRange::Allow(WrongCheck::Refuse),
        limits: Limits::default(),
    };
    let directories: Vec<Directory> =
        MUNICIPALITIES.iter().map(|one| one.directory().unwrap()).collect();
    let all = cast();
    for (_, home) in homes(&all) {
        let mut known = HashSet::new();
        for (kind, id, body) in home.documents().unwrap() {
            let native = validate(&body, &rules).unwrap_or_else(|faults| panic!("{faults:?}"));
            assert_eq!(native.canonical().as_ref(), body);
            for reference in native.references() {
                let there = match &reference.target {
                    Target::Person(id) | Target::Assessment(id) => known.contains(id),
                    Target::Service(id) => {
                        directories.iter().any(|d| d.services.iter().any(|s| s.id == *id))
                    }
                    Target::Practitioner(id) => {
                        directories.iter().any(|d| d.practitioners.iter().any(|p| p.id == *id))
                    }
                    Target::Organization(id) => {
                        directories.iter().any(|d| d.organizations.iter().any(|o| o.id == *id))
                    }
                };
                assert!(there, "{} {kind:?}", reference.path);
            }
            assert!(known.insert(id), "a local id stands for one thing");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |seed| -> Vec<Vec<u8>> {
        let all = people(seed, now()).unwrap();
        homes(&all)
            .flat_map(|(_, home)| home.documents().unwrap())
            .map(|(_, _, body)| body)
            .collect()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn every_municipality_has_every_story_and_there_are_at_least_forty_people() {
    let all = cast();
    assert!(all.len() >= 40, "{}", all.len());
    let mut seen: BTreeMap<&str, BTreeSet<Story>> = BTreeMap::new();
    for one in &all {
        assert_eq!(one.homes.len(), 1 + usize::from(one.story == Story::TwoMunicipalities));
        seen.entry(one.homes[0].municipality.code).or_default().insert(one.story);
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.values().all(|stories| stories.len() == Story::ALL.len()));
}

#[test]
fn identity_codes_are_test_codes_and_nobody_shares_one() {
    let all = cast();
    let mut codes = HashSet::new();
    for one in &all {
        let own: Vec<_> = one.homes.iter().filter_map(|h| h.person.identity_code.clone()).collect();
        assert!(own.iter().all(|code| code.is_test() && *code == own[0]));
        assert!(codes.insert(own[0].clone()));
        for part in one.homes.iter().flat_map(|home| &home.person.representation) {
            assert!(codes.insert(part.who.identity_code.clone().unwrap()));
        }
    }
}

#[test]
fn the_stories_hold_what_they_are_told_for() {
    let all = cast();
    let today = Day::in_finland(now()).unwrap();
    for (story, home) in homes(&all) {
        let born = home.person.birth_date.unwrap();
        let minor = born.plus_years(15) > today;
        assert_eq!(minor, story == Story::Child);
        assert_eq!(born.plus_years(18) > today, story == Story::Child);
        assert_eq!(!home.person.representation.is_empty(), story == Story::Child);
        assert_eq!(home.person.non_disclosure, story == Story::NonDisclosure);
        if story != Story::Ordinary {
            let newest = home.assessments.last().unwrap();
            assert_eq!(newest.answers.len(), Theme::ALL.len());
            assert!(newest.answers.iter().all(|a| a.future.is_some() || a.comment.is_some()));
            assert!(home.plan.is_some());
        }
    }
}

#[test]
fn forms_repetitions_gaps_and_sensitive_services_all_occur() {
    let all = cast();
    let every: Vec<_> = homes(&all).flat_map(|(_, home)| &home.assessments).collect();
    assert!(every.iter().any(|one| one.form == Form::Thirty));
    assert!(every.iter().any(|one| one.form == Form::Ten));
    assert!(every.iter().any(|one| one.answers.len() < Theme::ALL.len()));
    assert!(every.iter().any(|one| one.language.as_str() == "sv"));
    assert!(homes(&all).any(|(_, home)| home.assessments.len() == 3));
    assert!(homes(&all).any(|(_, home)| home.plan.is_none()));
    for municipality in MUNICIPALITIES {
        let services = municipality.directory().unwrap().services;
        let used: ClassSet = homes(&all)
            .filter(|(_, home)| home.municipality.code == municipality.code)
            .filter_map(|(_, home)| home.plan.as_ref())
            .flat_map(|plan| &plan.services)
            .filter_map(|part| services.iter().find(|s| s.id == part.service).and_then(|s| s.class))
            .collect();
        let expected = [Class::MentalHealth, Class::SubstanceUse, Class::ChildProtection];
        assert_eq!(used, ClassSet::from_iter(expected), "{}", municipality.slug);
    }
}
