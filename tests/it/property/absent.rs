//! What is not found: what the reader would have read and would no more is gone, whatever else is absent,
//! and to tell them apart costs no more than what can hold the id, whatever else the person has.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use mylife::{fhir::types::ResourceType, mapping, source::past::Past};
use proptest::{
    prelude::*,
    sample::subsequence,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use super::{
    asked::TYPES,
    asked_of_past::entries,
    interference::granting,
    lab::{FHIR, Lab, token},
    reader::{Reader, readers, whole},
    world::{OTHER, THEMES, World, document, local, patient, worlds},
};

/// Everything that was ever held of the person, seen or not.
fn everything(lab: &Lab) -> BTreeSet<(ResourceType, String)> {
    let gateway = lab.gateway();
    let held = gateway.reach.sources.local.as_ref().unwrap();
    let mut past = lab.block_on(held.history(&patient(0))).unwrap().unwrap();
    past.today().unwrap();
    let mut all = BTreeSet::new();
    while let Some((_, held)) = past.advance().unwrap() {
        let (compartment, chart) = mapping::to_fhir(held, &gateway.terms.directory).into_parts();
        for kind in TYPES {
            let resources = chart.resources(&compartment, kind).iter();
            all.extend(resources.map(|resource| (kind, resource.id.to_string())));
        }
    }
    all
}

/// Of each resource of a type, is it there or no more? None of a type that the reader may not ask for.
fn told(lab: &Lab, token: &str, kind: ResourceType) -> Option<BTreeMap<String, u16>> {
    let path = format!("{FHIR}/{}/_history?patient={}&_count=100", kind.name(), patient(0));
    let seen = lab.fetch(token, &path);
    if seen.status != 200 {
        return None;
    }
    let mut all = BTreeMap::new();
    for entry in entries(&seen) {
        let url = entry["request"]["url"].as_str().unwrap();
        let id = url.rsplit('/').next().unwrap().to_owned();
        let is_gone = entry["request"]["method"] == "DELETE";
        all.entry(id).or_insert(if is_gone { 410 } else { 200 });
    }
    Some(all)
}

#[test]
fn what_the_history_tells_of_is_gone_and_nothing_else() {
    let lab = RefCell::new(Lab::new());
    let seen: Cell<[u32; 3]> = Cell::default();
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let readers = prop_oneof![readers(), whole()];
    // What is stored by chance alone seldom lets this one reader see anything.
    let granted = subsequence(THEMES.to_vec(), 2..=4);
    let cases = (worlds(), readers, granted);
    let outcome = TestRunner::new(config).run(&cases, |(mut world, reader, granted)| {
        let grant = granting(reader.organization, granted, reader.purpose.unwrap_or("TREAT"));
        world.people[0].consents.splice(..0, [grant]);
        let mut lab = lab.borrow_mut();
        lab.hold(&world);
        let (token, all) = (token(&reader), everything(&lab));
        // Of a type's history there is none of the Patient: that of the one says it.
        for kind in TYPES.into_iter().filter(|kind| *kind != ResourceType::Patient) {
            let Some(told) = told(&lab, &token, kind) else { continue };
            for (_, id) in all.iter().filter(|(of, _)| *of == kind) {
                let expected = told.get(id).copied().unwrap_or(404);
                let read = lab.fetch(&token, &format!("{FHIR}/{}/{id}", kind.name()));
                prop_assert_eq!(read.status, expected, "{:?} {}", kind, id);
                let past = lab.fetch(&token, &format!("{FHIR}/{}/{id}/_history", kind.name()));
                prop_assert_eq!(past.status == 404, expected == 404, "{:?} {}", kind, id);
                let mut counts = seen.get();
                counts[usize::from(expected != 200) + usize::from(expected == 410)] += 1;
                seen.set(counts);
            }
        }
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    assert!(seen.get().iter().all(|count| *count > 5), "{:?}", seen.get());
}

/// How many documents are decoded to look at every state.
fn decoded(mut past: Past) -> usize {
    let mut all = 0;
    while let Some((_, held)) = past.advance().unwrap() {
        let of = held.into_compartment();
        all += usize::from(of.person.is_some()) + of.consents.len();
        all += of.assessments.len() + of.plans.len() + of.proposals.len();
    }
    all
}

/// Somebody with so many more assessments, who permits nothing.
fn with_more(mut world: World, many: usize) -> World {
    let one = &mut world.people[0];
    one.consents.clear();
    let versions = one.assessments[0].clone();
    one.assessments.extend((0..many).map(|_| versions.clone()));
    for (at, versions) in one.assessments.iter_mut().enumerate() {
        versions.iter_mut().for_each(|one| one.id = local(format!("a{at}")));
    }
    world
}

#[test]
fn what_is_not_found_costs_what_can_hold_it_and_not_what_the_person_has() {
    let mut runner = TestRunner::deterministic();
    let is_meant = |world: &World| {
        let one = &world.people[0];
        one.assessments.len() > 1 && one.plans.first().is_some_and(|plan| plan.len() > 1)
    };
    let worlds = worlds().prop_filter("it has a plan that was changed", is_meant);
    let world = worlds.new_tree(&mut runner).unwrap().current();
    let token = token(&Reader {
        organization: OTHER,
        purpose: None,
        scope: "system/*.rs".to_owned(),
        register: None,
        subject: None,
        officer: false,
    });
    let (survey, plan) = (document('a', 0, 0), document('w', 0, 0));
    let paths = [
        format!("QuestionnaireResponse/{survey}"),
        format!("Observation/{survey}.none"),
        format!("Observation/{survey}.none/_history"),
        format!("CarePlan/{plan}"),
        format!("CarePlan/{plan}/_history"),
        format!("CarePlan/{plan}/_history/1"),
        format!("Goal/{plan}.none"),
        format!("RelatedPerson/{}.none", patient(0)),
    ];
    let mut lab = Lab::new();
    let costs = [10, 30].map(|many| {
        let world = with_more(world.clone(), many);
        lab.hold(&world);
        let looked_at = paths.each_ref().map(|path| {
            let read = lab.fetch(&token, &format!("{FHIR}/{path}"));
            assert_eq!(read.status, 404, "{path}: {}", read.body);
            lab.shelf().looked_at()
        });
        let held = lab.gateway().reach.sources.local.as_ref().unwrap();
        let one = |id: &str| lab.block_on(held.history_of(&patient(0), id)).unwrap().unwrap().1;
        let whole = lab.block_on(held.history(&patient(0))).unwrap().unwrap();
        assert!(decoded(whole) > many * many / 2, "states grow with what there is");
        let path = format!("{FHIR}/Patient/{}", patient(0));
        lab.shelf().looked_at();
        assert_eq!(lab.fetch(&token, &path).status, 404);
        let all = &world.people[0];
        let documents: usize = all.person.len()
            + all.assessments.iter().map(Vec::len).sum::<usize>()
            + all.plans.iter().map(Vec::len).sum::<usize>();
        assert_eq!(lab.shelf().looked_at(), documents, "of the person each version once");
        (looked_at, [&survey, &plan].map(|id| decoded(one(id))))
    });
    let one = &world.people[0];
    let most = one.person.len() + one.assessments[0].len().max(one.plans[0].len());
    assert!(costs[0].0.iter().all(|cost| (1..=most).contains(cost)), "{costs:?}");
    assert_eq!(costs[0], costs[1]);
}
