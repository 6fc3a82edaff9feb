//! The commands of the audit log where it is in a database, beside a process that uses it.

use mylife::{
    cli::exit::Exit,
    config,
    gateway::{Gateway, open::open_store},
};

use super::super::{
    super::config::{Dir, around, run},
    documents, town,
};
use crate::{step::audit::block_on, store::server::cluster::shared};

#[test]
fn the_log_in_a_database_is_verified_and_shown_by_the_settings_while_a_gateway_runs() {
    let (dir, name) = (Dir::new("cli-audit"), shared().database());
    let config = town(&dir, 8443);
    let url = format!("store.url={}", shared().url("", "mylife", &name));
    let set = ["--set", "store.kind=postgres", "--set", &url];
    let said = |line: &[&str]| run(&around(), &[line, &set].concat());
    let good = documents();
    let file = dir.write("all.ndjson", &good.join("\n")).display().to_string();
    let (exit, loaded, complaint) = said(&["load", &config, &file, "--owner", "kuopio-source"]);
    assert_eq!(exit, Exit::Fine, "{loaded}{complaint}");

    let surroundings = around();
    let set_by = config::Said {
        set: vec!["store.kind=postgres".to_owned(), url.clone()],
        ..config::Said::default()
    };
    let read = config::read(config.as_ref(), &set_by, &surroundings.clock, &surroundings.chance);
    let setup = read.map_err(|all| all.len()).unwrap().setup;
    let running = block_on(open_store(&setup)).unwrap();

    let (exit, verified, complaint) = said(&["audit", "verify", &config]);
    assert_eq!(exit, Exit::Fine, "{verified}{complaint}");
    let whole = format!("{} records in 1 chains, 1 checkpoints hold; 0 records wait", good.len());
    assert!(verified.starts_with(&whole), "{verified}");
    let (exit, shown, complaint) = said(&["audit", "show", &config]);
    assert_eq!((exit, shown.lines().count()), (Exit::Fine, good.len()), "{complaint}");
    assert!(shown.lines().all(|line| line.contains(" kuopio-source urn:oid:")), "{shown}");
    let patient = shown.lines().next().unwrap().split(' ').nth(4).unwrap().to_owned();
    let (_, of_one, _) = said(&["audit", "show", &config, "--person", &patient, "--json"]);
    assert!(of_one.lines().count() < good.len() && of_one.contains("\"AuditEvent\""), "{of_one}");
    assert!(of_one.lines().count() > 0, "{of_one}");
    drop(running);

    // What was brought in at once is one row.
    assert_eq!(shared().run(&name, "SELECT count(*) FROM audit_batch"), ["1"]);
    shared().run(&name, "DELETE FROM audit_batch");
    let (exit, verified, _) = said(&["audit", "verify", &config, "--json"]);
    assert_eq!(exit, Exit::Findings);
    assert!(
        verified.contains("record 1 of chain writes: it is in the tree, and gone"),
        "{verified}"
    );
    assert!(block_on(Gateway::open(setup)).is_ok(), "who was told what goes on being written down");
}
