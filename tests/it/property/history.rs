//! What others do that a reader may not see changes no byte of what the reader gets, writes and bulk
//! exports included: the second and third form of non-interference, over histories on a real store, asked
//! where it is and through a portal.
//!
//! A history is run whole, and once more without all that others did out of the reader's sight. Time
//! and chance are those of the place in the history, so that both runs have the same.

mod deed;

use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
    time::Duration,
};

use mylife::{
    chance::{Chance, SeededChance},
    clock::{Clock, FixedClock},
    domain::moment::Moment,
    gateway::open::{Setup, jwks},
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use self::deed::{Deed, Town, deeds};
use super::{
    asked::operated::{files, kick_off, place, taken},
    lab::{FHIR, ISSUER, Lab, Seen, Sent, now, signer, token_with},
    world::{OTHER, READER},
};

/// Seconds in which an export settles, and may be asked about again.
const SETTLES: u64 = 3;

/// Chance that is dealt anew at each place of a history.
#[derive(Clone)]
struct Dealt(Arc<Mutex<SeededChance>>);

impl Dealt {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(SeededChance::new(0))))
    }
}

impl Chance for Dealt {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

/// A gateway with a store of its own, on which histories are run.
struct Place {
    lab: Lab,
    clock: Arc<FixedClock>,
    /// Of each gateway its own.
    chances: Vec<Dealt>,
    /// Seconds since it was opened.
    at: u64,
    /// Seconds from one place of a history to the next.
    pace: u64,
}

/// What the reader does.
#[derive(Clone, Debug)]
enum Ask {
    /// A search about the person, with more parameters, and its pages.
    Search(&'static str, &'static str),
    /// The history of the person's resources of a type.
    Past(&'static str),
    /// Goals about somebody of whom the reader sees nothing, searched or in history.
    GoalsOfCompanion(&'static str),
    /// A page of a walk over all people.
    Walk(&'static str),
    /// One of the resources found last, by its head and whole.
    Read(usize),
    /// A Consent of the reader's own: which, does it stand, and the version it replaces.
    Write(u8, bool, Option<&'static str>),
    /// A Consent for somebody by identity code, whether held or not.
    WriteByCode(u8),
    /// An export begins: of what, from which place of the history on, and of the person alone or not.
    Export(&'static str, Option<u64>, bool),
    /// How far one of the exports is, and its files if it has settled; it goes on being there.
    Take(usize),
    /// What is refused.
    Refused(&'static str, &'static str),
}

#[derive(Clone, Debug)]
enum Step {
    /// Of the reader.
    Reader(Ask),
    /// Of others.
    Others(Deed),
}

const KINDS: [&str; 10] = [
    "QuestionnaireResponse",
    "QuestionnaireResponse",
    "Observation",
    "Observation",
    "CarePlan",
    "CareTeam",
    "Goal",
    "ServiceRequest",
    "Provenance",
    "Consent",
];

/// Types that are exported together.
const TAKEN: [&str; 3] =
    ["Patient,QuestionnaireResponse,Observation", "CarePlan,Goal,Task,CareTeam", RECORDS];

/// Of one person alone: whoever wrote by an identity code has a Consent with somebody whose id was drawn
/// when they were first met, and that is not the same place in both runs.
const RECORDS: &str = "Provenance,Consent";

/// Exports of one history at most: a client has so many under way, and no more.
const EXPORTS: usize = 12;

fn asks() -> impl Strategy<Value = Ask> {
    let more = vec!["", "", "&_count=1", "&_sort=_lastUpdated", "&_count=0", "&_security=housing"];
    let refused = vec![
        ("PUT", "/native/people/p"),
        ("DELETE", "/fhir/Patient/297.x"),
        ("GET", "/fhir/Patient/297.x/$everything"),
        ("GET", "/fhir/Observation?_cursor=x"),
    ];
    let tag = select(vec![None, None, Some("W/\"1\""), Some("W/\"2\""), Some("*")]);
    prop_oneof![
        6 => (select(KINDS.to_vec()), select(more)).prop_map(|(kind, more)| Ask::Search(kind, more)),
        2 => select(KINDS.to_vec()).prop_map(Ask::Past),
        2 => select(vec!["?", "/_history?"]).prop_map(Ask::GoalsOfCompanion),
        1 => select(vec!["Observation", "Patient", "CarePlan"]).prop_map(Ask::Walk),
        3 => (0..6_usize).prop_map(Ask::Read),
        3 => (0..2_u8, any::<bool>(), tag).prop_map(|(n, stands, tag)| Ask::Write(n, stands, tag)),
        1 => (0..2_u8).prop_map(Ask::WriteByCode),
        2 => (select(TAKEN.to_vec()), option::weighted(0.3, 0..20_u64), any::<bool>())
            .prop_map(|(kinds, since, alone)| Ask::Export(kinds, since, alone || kinds == RECORDS)),
        2 => (0..4_usize).prop_map(Ask::Take),
        1 => select(refused).prop_map(|(method, at)| Ask::Refused(method, at)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => asks().prop_map(Step::Reader),
        3 => deeds().prop_map(Step::Others),
    ];
    vec(step, 8..24)
}

/// Sets up a gateway that histories are run on.
fn set_up(setup: &mut Setup, clock: &Arc<FixedClock>, chance: &Dealt) {
    let rows = [
        ("pusher", "mylife/native.write", true),
        ("desk", "system/Consent.cu", false),
        ("other", "system/*.rs", false),
    ];
    for (id, scope, owns) in rows {
        let client = json!({ "client_id": id, "name": id, "organization": OTHER,
            "jwks": jwks(signer()), "scopes": [scope], "native_owner": owns });
        setup.clients.push(serde_json::from_value(client).unwrap());
    }
    setup.clock = clock.clone();
    setup.chance = Arc::new(chance.clone());
}

impl Place {
    /// One gateway.
    fn here() -> Self {
        let (clock, chance) = (Arc::new(FixedClock::new(now())), Dealt::new());
        let lab = Lab::with(|setup| set_up(setup, &clock, &chance));
        Self { lab, clock, chances: vec![chance], at: 0, pace: 1 }
    }

    /// A portal, and the gateway that holds the data: what that told a while ago no withdrawal waits for.
    fn portal() -> Self {
        let clock = Arc::new(FixedClock::new(now()));
        let chances = [Dealt::new(), Dealt::new()];
        let [here, there] = chances.each_ref();
        let lab = Lab::portal_with(|s| set_up(s, &clock, here), |s| set_up(s, &clock, there));
        Self { lab, clock, chances: chances.into(), at: 0, pace: 3 }
    }

    /// Moves to a place of a history.
    fn reach(&mut self, at: u64) {
        self.clock.advance(Duration::from_secs(at - self.at));
        self.at = at;
        for chance in &self.chances {
            *chance.0.lock().unwrap() = SeededChance::new(at);
        }
    }

    /// Runs a history; what the reader gets.
    fn run(&mut self, number: u64, steps: &[Step], all: bool) -> Vec<Seen> {
        let mut town = Town::new(number);
        let (start, pace) = (number * 100 * self.pace, self.pace);
        self.reach(start);
        let tokens = Tokens::new(&self.lab, self.clock.now());
        town.begin(&self.lab, &tokens);
        let (mut seen, mut found, mut exports) = (Vec::new(), Vec::new(), Vec::new());
        for (at, step) in steps.iter().enumerate() {
            self.reach(start + pace * (1 + at as u64));
            match step {
                Step::Others(deed) if all || deed.shows() => {
                    deed.done(&mut town, &self.lab, &tokens);
                }
                Step::Others(_) => {}
                Step::Reader(Ask::Export(kinds, since, alone)) if exports.len() < EXPORTS => {
                    let since = since.map(|at| now().plus(Duration::from_secs(start + pace * at)));
                    let (path, body) = town.export(kinds, since, *alone);
                    let begun = kick_off(&self.lab, &tokens.reader, &path, &body);
                    exports.extend(place(&begun));
                    seen.push(begun);
                }
                Step::Reader(Ask::Take(which)) => {
                    let place = exports.iter().rev().nth(*which);
                    seen.extend(place.iter().flat_map(|p| files(&self.lab, &tokens.reader, p)));
                }
                Step::Reader(ask) => {
                    let got = ask.made(&self.lab, &tokens.reader, &town);
                    found.extend(got.iter().flat_map(ids));
                    if let Ask::Read(which) = ask {
                        let from = found.len().saturating_sub(6);
                        let id = found[from..].iter().rev().nth(*which);
                        let read = |method, past| {
                            let id = id.map_or("Goal/297.x", |id| id);
                            let target = &format!("{FHIR}/{id}{past}");
                            let sent = Sent { method, target, ..Sent::default() };
                            self.lab.send(&tokens.reader, &sent)
                        };
                        // A failure says what was read.
                        let body = id.cloned().unwrap_or_default();
                        seen.push(Seen { status: 0, headers: Vec::new(), body });
                        seen.extend([read("HEAD", ""), read("GET", ""), read("GET", "/_history")]);
                    }
                    seen.extend(got);
                }
            }
        }
        // Whatever is under way is taken to its end.
        self.reach(start + pace * (1 + steps.len() as u64) + SETTLES);
        for place in &exports {
            seen.extend(taken(&self.lab, &tokens.reader, place));
        }
        seen
    }
}

/// Tokens of all who act.
struct Tokens {
    reader: String,
    source: String,
    desk: String,
    other: String,
}

impl Tokens {
    fn new(lab: &Lab, at: Moment) -> Self {
        let of = |url: &str, client: &str, organization: &str, scope: &str| {
            let claims =
                json!({ "organization": organization, "scope": scope, "purpose": "TREAT" });
            token_with(client, &claims, url, at)
        };
        Self {
            reader: of(lab.url(), "reader", READER, "system/*.rs system/Consent.cu"),
            source: of(ISSUER, "pusher", OTHER, "mylife/native.write"),
            desk: of(ISSUER, "desk", OTHER, "system/Consent.cu"),
            other: of(ISSUER, "other", OTHER, "system/*.rs"),
        }
    }
}

/// `Type/id` of what a page shows.
fn ids(page: &Seen) -> Vec<String> {
    let Ok(body) = serde_json::from_str::<Value>(&page.body) else { return Vec::new() };
    let entries = body["entry"].as_array().into_iter().flatten();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let named = entries.filter(|entry| entry["search"]["mode"] == "match");
    named
        .map(|e| format!("{}/{}", text(&e["resource"]["resourceType"]), text(&e["resource"]["id"])))
        .collect()
}

impl Ask {
    fn made(&self, lab: &Lab, token: &str, town: &Town) -> Vec<Seen> {
        let write = |n: u8, patient: Value, status: &str, tag: Option<&str>| {
            let uuid = format!("urn:uuid:00000000-0000-4000-9000-{:010}{n:02}", town.number);
            let body = deed::consent(&uuid, &patient, OTHER, "grant", &["housing"], status);
            let mut headers = vec![("content-type", "application/fhir+json".to_owned())];
            headers.extend(tag.map(|tag| ("if-match", tag.to_owned())));
            headers.extend(lab.is_portal().then(|| ("mylife-nodes", "297".to_owned())));
            let target = &format!("{FHIR}/Consent?identifier=urn:ietf:rfc:3986%7C{uuid}");
            let sent = Sent { method: "PUT", target, headers, body: &body.to_string() };
            let mut answer = lab.send(token, &sent);
            // Chance made its id.
            answer.headers.retain(|(name, _)| name != "location");
            vec![answer]
        };
        match self {
            Self::Search(kind, more) => {
                let first = format!("{FHIR}/{kind}?patient={}{more}", town.patient);
                super::asked::walk(lab, token, lab.fetch(token, &first))
            }
            Self::Past(kind) => {
                let first = format!("{FHIR}/{kind}/_history?patient={}", town.patient);
                super::asked::walk(lab, token, lab.fetch(token, &first))
            }
            Self::GoalsOfCompanion(way) => {
                let first = format!("{FHIR}/Goal{way}patient={}", town.companion);
                super::asked::walk(lab, token, lab.fetch(token, &first))
            }
            Self::Walk(kind) => vec![lab.fetch(token, &format!("{FHIR}/{kind}?_count=2"))],
            Self::Read(_) | Self::Export(..) | Self::Take(_) => Vec::new(),
            Self::Write(n, stands, tag) => {
                let status = if *stands { "active" } else { "inactive" };
                let patient = json!({ "reference": format!("Patient/{}", town.patient) });
                write(*n, patient, status, *tag)
            }
            Self::WriteByCode(n) => {
                let identifier = json!({ "system": "urn:oid:1.2.246.21", "value": town.code(*n) });
                write(10 + n, json!({ "identifier": identifier }), "active", None)
            }
            Self::Refused(method, at) => {
                let target = &format!("{}{at}", FHIR.trim_end_matches("/fhir"));
                let headers = vec![("content-type", "application/json".to_owned())];
                vec![lab.send(token, &Sent { method, target, headers, body: "{}" })]
            }
        }
    }
}

/// Histories that share a pair of gateways; each has people of its own.
const TOGETHER: u64 = 20;

/// Runs so many histories, the same each time or others; returns how many showed the reader something.
fn run(count: u32, rng: TestRng, place: fn() -> Place) -> u32 {
    let places = RefCell::new((place(), place(), 0));
    let shown = std::cell::Cell::new(0);
    let config = Config {
        cases: count,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let outcome = TestRunner::new_with_rng(config, rng).run(&steps(), |steps| {
        let mut places = places.borrow_mut();
        if places.2 == TOGETHER {
            *places = (place(), place(), 0);
        }
        let (whole, purged, number) = &mut *places;
        *number += 1;
        let (ours, theirs) = (whole.run(*number, &steps, true), purged.run(*number, &steps, false));
        shown.set(shown.get() + u32::from(ours.iter().any(|page| !ids(page).is_empty())));
        for (one, other) in ours.iter().zip(&theirs) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(ours.len(), theirs.len());
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    shown.get()
}

#[test]
fn what_others_do_out_of_sight_changes_no_byte_of_what_a_reader_gets() {
    let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    assert!(run(60, same, Place::here) > 30);
}

#[test]
fn what_others_do_out_of_sight_changes_no_byte_of_what_a_reader_gets_through_a_portal() {
    let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    assert!(run(20, same, Place::portal) > 10);
}

mod long {
    use mylife::chance::{Chance, SystemChance};
    use proptest::test_runner::{RngAlgorithm, TestRng};

    fn seed() -> [u8; 32] {
        let mut seed = [0; 32];
        SystemChance.fill(&mut seed);
        seed
    }

    #[test]
    fn what_others_do_out_of_sight_changes_no_byte_of_two_thousand_histories() {
        let anew = TestRng::from_seed(RngAlgorithm::ChaCha, &seed());
        assert!(super::run(2000, anew, super::Place::here) > 1000);
    }

    #[test]
    fn what_others_do_out_of_sight_changes_no_byte_of_three_hundred_histories_through_a_portal() {
        let anew = TestRng::from_seed(RngAlgorithm::ChaCha, &seed());
        assert!(super::run(300, anew, super::Place::portal) > 150);
    }
}
