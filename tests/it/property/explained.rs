//! What `$explain` says of a class is what `release` does with the data of that class.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use http::{HeaderMap, HeaderValue, header};
use mylife::{
    consent::{
        explain::{self, about::About, question::Question, row_of},
        release,
    },
    fhir::{
        segment::{KindId, Permitted},
        types::ResourceType,
    },
    mapping::{self, kinds::Kind},
    route::Call,
    scope::{self, Grant},
    unit::Sort,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    MANY, SOME,
    lab::{Lab, now, token},
    reader::{Reader, whole},
    world::{patient, worlds},
};

/// The call of somebody at the gateway, proven by their token.
fn grant(lab: &Lab, reader: &Reader, call: Call) -> Grant {
    let mut headers = HeaderMap::new();
    let bearer = HeaderValue::from_str(&format!("Bearer {}", token(reader))).unwrap();
    headers.insert(header::AUTHORIZATION, bearer);
    let caller = lab.gateway().authenticator.verify(&headers, None, None, now()).unwrap();
    scope::grant(caller, call).unwrap()
}

/// The reader, as somebody asks about them.
fn question(reader: &Reader, purpose: &str) -> Question {
    Question {
        organization: reader.organization.to_owned(),
        purpose: purpose.to_owned(),
        roles: if reader.officer { vec!["officer".to_owned()] } else { Vec::new() },
        user: reader.subject.clone(),
        client: Some("reader".to_owned()),
        register: reader.register.map(str::to_owned),
        ..Question::default()
    }
}

fn person(who: Option<String>, officer: bool) -> Reader {
    Reader {
        organization: super::world::OTHER,
        purpose: Some("TREAT"),
        scope: "system/*.rs".to_owned(),
        register: None,
        subject: who,
        officer,
    }
}

/// All kinds of the first person, and those of them that are released to the reader.
fn kinds(lab: &Lab, reader: &Reader) -> (Vec<Kind>, BTreeSet<usize>) {
    let gateway = lab.gateway();
    let local = gateway.reach.sources.local.as_ref().unwrap();
    let held = || lab.block_on(local.load(&patient(0))).unwrap().unwrap();
    let (compartment, chart) = mapping::to_fhir(held(), &gateway.terms.directory).into_parts();
    let mapped = mapping::to_fhir(held(), &gateway.terms.directory);
    let grant = grant(lab, reader, Call::Read(ResourceType::Patient, patient(0)));
    let view = release::release(mapped, &grant, &gateway.terms, now());
    let resource = Arc::clone(&chart.resources(&compartment, ResourceType::Patient)[0]);
    let lens = view.lens(&resource).unwrap();
    let all = chart.kinds().to_vec();
    let seen = (0..all.len()).filter(|n| lens.since(KindId::try_from(*n).unwrap()).is_some());
    (all.clone(), seen.collect())
}

/// What is to be compared, and how much of it there was.
struct Compared {
    permitted: usize,
    denied: usize,
}

#[test]
fn a_class_is_permitted_if_and_only_if_something_of_it_is_released() {
    let lab = RefCell::new(Lab::new());
    let compared = RefCell::new(Compared { permitted: 0, denied: 0 });
    let config = Config { cases: MANY, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(worlds(), whole()), |(world, reader)| {
        let Some(purpose) = reader.purpose else { return Ok(()) };
        let mut lab = lab.borrow_mut();
        lab.hold(&world);
        let gateway = lab.gateway();
        let local = gateway.reach.sources.local.as_ref().unwrap();
        let (kinds, released) = kinds(&lab, &reader);
        let held = lab.block_on(local.load(&patient(0))).unwrap().unwrap();
        let mapped = mapping::to_fhir(held, &gateway.terms.directory);
        let own = person(Some(format!("Patient/{}", patient(0))), false);
        let asks = grant(&lab, &own, Call::Explain(patient(0)));
        let question = question(&reader, purpose);
        let told = explain::explain(mapped, &asks, &question, &gateway.terms, now()).unwrap();
        let every = About::PLAIN.into_iter().flat_map(|a| a.withheld().chain([a]));
        for about in every.chain([About::Records]) {
            let is = |k: &Kind| about.is_of(k) && (k.sort == Sort::Item || about == About::Records);
            let there: Vec<usize> = (0..kinds.len()).filter(|n| is(&kinds[*n])).collect();
            if there.is_empty() {
                continue;
            }
            let count = there.iter().filter(|n| released.contains(n)).count();
            let row = row_of(told.rows(), about).unwrap();
            prop_assert_eq!(row.permitted, count > 0, "{}: {:?}", about.code(), row);
            prop_assert_eq!(row.partly, count > 0 && count < there.len(), "{:?}", row);
            let mut compared = compared.borrow_mut();
            if row.permitted { compared.permitted += 1 } else { compared.denied += 1 }
        }
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    let Compared { permitted, denied } = compared.into_inner();
    assert!(permitted > 50 && denied > 50, "{permitted} permitted, {denied} denied");
}

#[test]
fn nobody_but_the_person_and_officers_is_told_anything() {
    let lab = RefCell::new(Lab::new());
    let config = Config { cases: SOME, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(worlds(), whole()), |(world, reader)| {
        let mut lab = lab.borrow_mut();
        lab.hold(&world);
        let gateway = lab.gateway();
        let local = gateway.reach.sources.local.as_ref().unwrap();
        let held = lab.block_on(local.load(&patient(0))).unwrap().unwrap();
        let mapped = mapping::to_fhir(held, &gateway.terms.directory);
        let asks = grant(&lab, &reader, Call::Explain(patient(0)));
        let question = question(&person(None, false), "TREAT");
        let told = explain::explain(mapped, &asks, &question, &gateway.terms, now());
        let may = reader.subject.is_some() || reader.officer;
        // Whom a bar hides from an officer is hidden from this question too.
        prop_assert!(may || told.is_none());
        prop_assert!(reader.subject.is_none() || told.is_some());
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
}
