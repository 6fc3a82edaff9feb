//! One run of the whole demo and what it leaves behind; quick runs skip it by its name.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
};

use mylife::{
    audit::verify::verify,
    chance::{SystemChance, base32},
    clock::{Clock, SystemClock},
    demo::{self, Options, clients, nodes},
    domain::id::NodeCode,
    gateway::open::log_keys,
    pki::Ca,
    seal::master,
};
use serde_json::Value;

#[test]
fn the_demo_answers_everything_right_and_describes_itself() {
    let dir = std::env::temp_dir().join(format!("mylife-it-demo-{}", base32(&SystemChance, 10)));
    let options = Options { dir: Some(dir.clone()), port: 0, seed: 7, servers: None, once: true };
    let mut told = Vec::new();
    let right = demo::run(&options, &mut told);
    let told = String::from_utf8(told).unwrap();
    assert!(right.unwrap(), "{told}");
    assert!(told.contains("Every answer was right."), "{told}");
    assert!(told.contains("all: turvakielto, though granted"), "{told}");
    described(&dir);
    for (slug, code) in
        [("kuopio", "297"), ("kajaani", "205"), ("espoo", "049"), ("portal", "portal")]
    {
        assert!(whole_log(&dir.join(slug), "data", code) > 0, "{code}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn every_node_of_the_demo_has_the_management_face_of_a_gateway_that_serves() {
    let dir = std::env::temp_dir().join(format!("mylife-it-nodes-{}", base32(&SystemChance, 10)));
    fs::create_dir_all(&dir).unwrap();
    let clock = Arc::new(SystemClock::default());
    let now = clock.now();
    let ca = Ca::new("demo", now).unwrap();
    let world = nodes::World { ca, clock, chance: Arc::new(SystemChance), now, servers: None };
    let running = nodes::start(&dir, 0, &clients::clients(&dir).unwrap(), &[], &world).unwrap();
    for node in &running.nodes {
        let at = |path| {
            let mut link =
                TcpStream::connect(node.management.trim_start_matches("http://")).unwrap();
            let ask =
                format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            link.write_all(ask.as_bytes()).unwrap();
            let mut heard = String::new();
            link.read_to_string(&mut heard).unwrap();
            assert!(heard.starts_with("HTTP/1.1 200 "), "{path}: {heard}");
            heard
        };
        assert!(at("/readyz").ends_with("ready\n"));
        assert!(at("/health").contains("\"status\":\"UP\""));
        assert!(at("/metrics").contains("\nmylife_ready 1\n"));
        let others = running.nodes.iter().filter(|other| other.code != node.code);
        let peers = at("/peers");
        for other in others {
            assert!(peers.contains(&format!("\"node\":\"{}\"", other.code)), "{peers}");
        }
    }
    running.stop();
    fs::remove_dir_all(&dir).unwrap();
}

fn has(value: &Value, members: &[&str]) {
    for member in members {
        assert!(value.get(member).is_some(), "{member} is missing in {value}");
    }
}

pub(super) fn described(dir: &Path) {
    let sandbox: Value =
        serde_json::from_slice(&fs::read(dir.join("sandbox.json")).unwrap()).unwrap();
    assert!(dir.join(sandbox["ca"].as_str().unwrap()).exists());
    for slug in ["kuopio", "kajaani", "espoo", "portal"] {
        let node = &sandbox["nodes"][slug];
        has(
            node,
            &["code", "organization", "fhir", "native", "issuer", "token_endpoint", "management"],
        );
    }
    for client in [
        "national-portal",
        "north-savo",
        "integrator",
        "statistics-office",
        "kuopio-source",
        "consent-desk",
    ] {
        let client = &sandbox["clients"][client];
        let members =
            ["client_id", "organization", "key", "kid", "alg", "scope", "purpose", "nodes"];
        has(client, &members);
        assert_eq!(client["alg"], "ES384");
        assert!(dir.join(client["key"].as_str().unwrap()).exists());
    }
    let people = sandbox["people"].as_array().unwrap();
    assert!(people.len() >= 40, "{}", people.len());
    let (mut grants, mut prohibitions) = (0, 0);
    for person in people {
        has(person, &["name", "birth_date", "identifier", "records", "grants", "prohibitions"]);
        person["records"].as_array().unwrap().iter().for_each(|one| {
            has(one, &["node", "patient", "documents"]);
        });
        let all = [&person["grants"], &person["prohibitions"]];
        for rule in all.into_iter().flat_map(|list| list.as_array().unwrap()) {
            has(
                rule,
                &["to", "organization", "node", "consent", "identifier", "labels", "classes"],
            );
            has(rule, &["types", "purpose", "start", "end", "active"]);
            assert!(rule["consent"].as_str().unwrap().starts_with("Consent/"));
        }
        grants += person["grants"].as_array().unwrap().len();
        prohibitions += person["prohibitions"].as_array().unwrap().len();
    }
    assert!(grants >= 30 && prohibitions >= 3, "{grants} grants, {prohibitions} prohibitions");
    let absent = people.iter().filter(|person| person["non_disclosure"] == true);
    assert!(absent.clone().any(|person| person["grants"].as_array().unwrap().len() == 1));
    assert!(people.iter().any(|person| person["records"].as_array().unwrap().len() == 2));
}

/// How many records a log that verifies holds.
fn whole_log(dir: &Path, data: &str, code: &str) -> u64 {
    let keys = master::read(&dir.join("master.key"), Arc::new(SystemChance)).unwrap();
    let keys = log_keys(&NodeCode::parse(code).unwrap(), &keys).unwrap();
    let verifier = keys.signer.verifier();
    let report = verify(&dir.join(data).join("audit"), Some(&verifier), &|_| None).unwrap();
    assert_eq!(report.fault, None, "{code}");
    report.records
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = std::env::temp_dir().join(format!("mylife-it-demo-{}", base32(&SystemChance, 10)));
    fs::create_dir_all(dir.join("mine")).unwrap();
    let options = Options { dir: Some(dir.clone()), port: 0, seed: 7, servers: None, once: true };
    let error = demo::run(&options, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), mylife::error::Kind::Conflict);
    assert!(dir.join("mine").exists());
    fs::remove_dir_all(&dir).unwrap();
}
