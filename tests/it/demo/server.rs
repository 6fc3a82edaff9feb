//! The demo on a real `PostgreSQL` and a real Redis: two processes of every node, the same answers.

use std::{fs, path::Path, sync::Arc};

use mylife::{
    audit::{chain::LinkKey, verify::rows},
    chance::{SystemChance, base32},
    demo::{self, Options, servers::Named},
    domain::id::NodeCode,
    gateway::open::log_keys,
    seal::master,
    store::postgres::{self as database, Postgres},
};

use super::slow::described;
use crate::{
    shared::server::fixture::Server,
    step::audit::block_on,
    store::server::{self as postgres, cluster::shared},
};

/// The databases of demos on the tests' server.
fn databases() -> Vec<String> {
    let sql = "SELECT datname FROM pg_database WHERE datname LIKE 'mylife\\_demo\\_%'";
    postgres::run("postgres", sql)
}

fn on_servers(redis: String) -> Options {
    let servers = Some(Named { store: postgres::address("postgres"), redis });
    Options { dir: None, port: 0, seed: 7, servers, once: true }
}

/// How many chains and records the log of a node holds, which verifies.
fn whole_log(dir: &Path, code: &str, name: &str) -> (u64, u64) {
    let node = NodeCode::parse(code).unwrap();
    let chance = Arc::new(SystemChance);
    let keys = master::read(&dir.join("master.key"), chance.clone()).unwrap();
    let own = log_keys(&node, &keys).unwrap();
    let database = postgres::database(shared(), "", name);
    let directory = dir.join("data");
    let options = database::Options { directory, database, node, keys: Arc::new(keys), chance };
    let ledger = block_on(Postgres::beside(options)).unwrap().ledger();
    let (verifier, links) = (own.signer.verifier(), LinkKey::of_node(&own.node_key));
    let report = rows::verify(&ledger, Some(&verifier), Some(&links), &|_| None).unwrap();
    assert_eq!(report.fault, None, "{code}");
    (report.chains, report.records)
}

/// One test: what demos leave on a server is counted there.
#[test]
fn two_processes_of_every_node_answer_as_one_and_databases_are_made_and_removed_by_name() {
    let redis = Server::start(&[]);
    redis.cli(&["SET", "of-others", "stays"]);
    let dir = std::env::temp_dir().join(format!("mylife-it-demo-{}", base32(&SystemChance, 10)));
    let options = Options { dir: Some(dir.clone()), ..on_servers(redis.url()) };
    let mut told = Vec::new();
    let right = demo::run(&options, &mut told);
    let told = String::from_utf8(told).unwrap();
    assert!(right.unwrap(), "{told}");
    assert!(told.contains("Every answer was right."), "{told}");
    described(&dir);
    let made = databases();
    let mut most = 0;
    for (slug, code) in
        [("kuopio", "297"), ("kajaani", "205"), ("espoo", "049"), ("portal", "portal")]
    {
        let name = made.iter().find(|name| name.ends_with(slug)).unwrap();
        let (chains, records) = whole_log(&dir.join(slug), code, name);
        assert!(records > 0, "{code}");
        most = chains.max(most);
    }
    assert!(most > 2, "the balancer gives both their turn, and writes have a chain of their own");
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(made.len(), 4, "what is kept is kept: {made:?}");
    assert!(made.iter().all(|name| told.contains(name)), "{told}");
    let keys = redis.cli(&["--scan"]);
    let ours = keys.lines().filter(|key| key.starts_with("mylife:"));
    assert!(ours.clone().any(|key| key.starts_with("mylife:portal:")), "{keys}");
    assert_eq!(keys.lines().count(), ours.count() + 1);

    // It gives up after the databases are made.
    let no_port = Options { port: u16::MAX, ..on_servers(redis.url()) };
    demo::run(&no_port, &mut Vec::new()).unwrap_err();
    let nowhere = on_servers("redis://127.0.0.1:1".to_owned());
    let error = demo::run(&nowhere, &mut Vec::new()).unwrap_err();
    assert!(error.say().contains("--redis"), "{error}");
    assert_eq!(databases(), made, "its own are gone, those of the other run are there");
}

#[test]
fn servers_that_a_demo_cannot_use_are_refused_in_one_line() {
    let here = || "redis://127.0.0.1:1".to_owned();
    for (store, redis, why) in [
        ("postgres://u@db.example/d", here(), "--store must name a server on this machine"),
        ("postgres://u:secret@127.0.0.1/d", here(), "--store holds a password"),
        ("sqlite:x", here(), "--store must be postgresql://"),
        ("postgres://u@127.0.0.1/d", "rediss://127.0.0.1:1".to_owned(), "--redis must be redis://"),
    ] {
        let servers = Some(Named { store: store.to_owned(), redis });
        let options = Options { dir: None, port: 0, seed: 7, servers, once: true };
        let error = demo::run(&options, &mut Vec::new()).unwrap_err();
        assert!(error.say().contains(why) && !error.say().contains("secret"), "{error}");
    }
}
