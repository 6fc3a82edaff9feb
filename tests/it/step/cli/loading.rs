//! Many documents of many people in one load: what is stored is what one after another would store.

use mylife::{
    cli::exit::Exit,
    config,
    domain::{day::Day, identity::IdentityCode},
    gateway::Gateway,
    store::{Document, DocumentKind, Stored},
};
use serde_json::{Value, json};

use super::{
    super::config::{Dir, around, run},
    town,
};

/// More than go side by side.
const PEOPLE: usize = 70;
const ROUNDS: usize = 3;
const OWNER: &str = "kuopio-source";

/// The n-th of many, as pushed in a round; the last two are one person under two ids.
fn person(number: usize, round: usize) -> Value {
    let born = Day::new(2001, 5, i8::try_from(1 + number.min(PEOPLE - 2) % 28).unwrap()).unwrap();
    let serial = 900 + u16::try_from(number.min(PEOPLE - 2) / 28).unwrap();
    json!({
        "schema": "mylife/person/1", "id": format!("p-{number}"),
        "name": { "given": [format!("Nimi{round}")], "family": "Esimerkki" },
        "birth_date": born.to_string(),
        "identity_code": IdentityCode::invent(born, serial).unwrap().reveal(),
    })
}

fn assessment(number: usize, round: usize) -> Value {
    json!({
        "schema": "mylife/assessment/1", "id": format!("a-{number}"), "person": format!("p-{number}"),
        "form": "3x10d-10", "status": "completed", "authored": "2026-03-01T07:30:00.250Z",
        "answered_by": "person", "language": "fi",
        "answers": [{ "theme": "housing", "satisfaction": round }],
    })
}

/// Round by round, and all of one person together: both are ways in which files come.
fn lines() -> Vec<String> {
    let turns = |about: fn(usize, usize) -> Value| {
        let by_round = (0..ROUNDS).flat_map(move |round| (0..PEOPLE).map(move |n| about(n, round)));
        let by_person =
            (0..PEOPLE).flat_map(move |n| (0..ROUNDS).map(move |r| about(n, r + ROUNDS)));
        by_round.chain(by_person)
    };
    let strangers = [PEOPLE, PEOPLE + 1].map(|number| assessment(number, 1));
    let all = strangers[..1].iter().cloned().chain(turns(assessment)).chain(turns(person));
    all.chain(strangers[1..].iter().cloned()).map(|document| document.to_string()).collect()
}

/// What the store holds of somebody.
fn stored(path: &str) -> Vec<Stored> {
    let surroundings = around();
    let said = config::Said::default();
    let read = config::read(path.as_ref(), &said, &surroundings.clock, &surroundings.chance);
    let Ok(config) = read else { panic!("the settings were read before") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let gateway = Gateway::open(config.setup).await.unwrap();
        let store = gateway.reach.sources.local.as_ref().unwrap().store();
        let mut all = Vec::new();
        for number in 0..PEOPLE {
            let id = format!("p-{number}");
            let place = store.local(OWNER, DocumentKind::Person, &id).await.unwrap().unwrap();
            all.push(store.load(&place.patient).await.unwrap().unwrap());
        }
        all
    })
}

fn document<'a>(stored: &'a Stored, id: &str) -> &'a Document {
    stored.documents.iter().find(|document| *document.local_id == *id).unwrap()
}

#[test]
fn what_goes_abreast_is_stored_as_if_it_went_one_after_another() {
    let dir = Dir::new("cli-load-many");
    let config = town(&dir, 8443);
    let lines = lines();
    let file = dir.write("all.ndjson", &lines.join("\n")).display().to_string();
    let (exit, said, complaint) = run(&around(), &["load", &config, &file, "--owner", OWNER]);
    assert_eq!(exit, Exit::Findings, "{said}{complaint}");
    let told: Vec<&str> = said.lines().collect();
    let known = 2 * PEOPLE * (2 * ROUNDS - 1);
    let tally = format!("{} new, {known} known before, 2 refused", 2 * PEOPLE);
    assert_eq!(told.len(), 3, "{said}");
    assert!(told[0].contains("all.ndjson:1: $.person: "), "{said}");
    assert!(told[1].contains(&format!("all.ndjson:{}: $.person: ", lines.len())), "{said}");
    assert_eq!(told[2], tally);

    let all = stored(&config);
    let versions = u64::try_from(2 * ROUNDS).unwrap();
    for (number, stored) in all.iter().enumerate() {
        for expected in [person(number, 2 * ROUNDS - 1), assessment(number, 2 * ROUNDS - 1)] {
            let found = document(stored, expected["id"].as_str().unwrap());
            assert_eq!(found.version, versions, "{expected}");
            assert_eq!(serde_json::from_slice::<Value>(&found.body).unwrap(), expected);
        }
    }
    assert_eq!(all[PEOPLE - 2].patient, all[PEOPLE - 1].patient, "one code is one person");
    assert_ne!(all[0].patient, all[1].patient);
}
