//! What does not go together does not start, and says in one line why and what to do: the program itself,
//! as an operator starts it.

use std::fs;

use mylife::{
    authenticate::jose::{key::Algorithm, sign},
    clock::{Clock, SystemClock},
    pki::{Ca, THROW_AWAY},
};

use super::{
    on_one_thread,
    process::{Process, refuses},
    town::{Town, free_port},
};

/// A further process with the settings of the first of a town, but at ports of its own and with these.
fn further(town: &Town, set: &[String]) -> Vec<String> {
    let ports =
        ["public", "management"].map(|name| format!("listen.{name}=127.0.0.1:{}", free_port()));
    let set = ports.iter().chain(set).flat_map(|one| ["--set".to_owned(), one.clone()]);
    town.said(0).into_iter().chain(set).collect()
}

fn is_refused(town: &Town, set: &[String], why: &str) {
    let said = refuses(&further(town, set));
    assert!(said.contains(why), "{set:?}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
}

fn set(all: &[&str]) -> Vec<String> {
    all.iter().map(|&one| one.to_owned()).collect()
}

async fn on_a_file() {
    let town = Town::alone().await;
    is_refused(&town, &[], "in use by another process");
    town.kill(0);
    is_refused(&town, &set(&["node.code=205"]), "belongs to node 297, not 205");
    let redis = ["shared.kind=redis", "shared.url=redis://127.0.0.1:1", "shared.replicas=2"];
    is_refused(&town, &set(&redis), "is a file");
    let why =
        "needs kind = \"redis\" and url: in one process each replica would grant every limit anew";
    // Two lines: on a file there are none at all.
    let said = refuses(&further(&town, &set(&["shared.replicas=2"])));
    assert!(said.contains(why), "{said}");
    demos_keys(&town);
    // Alone and with its own it starts.
    town.start(0).await;
}

/// The certificate of a demo, and the key that signs its tokens.
fn demos_keys(town: &Town) {
    let (demo, now) = (town.place("demo"), SystemClock::default().now());
    let host = Ca::new(THROW_AWAY, now).unwrap().gateway(&["127.0.0.1"], now).unwrap();
    fs::create_dir_all(&demo).unwrap();
    host.write(&demo, "demo").unwrap();
    fs::write(demo.join("token.jwk"), &*sign::throw_away(Algorithm::Es256).unwrap()).unwrap();
    let file = |key: &str, name: &str| format!("{key}={}", demo.join(name).display());
    let certificate = [file("listen.certificate", "demo.pem"), file("listen.key_file", "demo.key")];
    let signs = [file("tokens.key_file", "token.jwk")];
    let mend = "of the demo: make keys of your own with `mylife pki`";
    for (keys, why) in [
        (
            &certificate[..],
            "a certificate of the demo's throw-away authority: make keys of your own",
        ),
        (&signs[..], &format!("signs with a key {mend}")),
    ] {
        is_refused(town, &[keys, &set(&["node.test_range=refuse"])].concat(), why);
    }
}

async fn on_a_database() {
    let town = Town::of(1).await;
    let dir = |name: &str| format!("store.directory={}", town.place(name).display());
    let other = "node.activated=2026-01-02T00:00:00Z";
    is_refused(&town, &[dir("other"), other.to_owned()], "node.settings = 1:");
    let newer = Process::default();
    let log = town.place("newer.log");
    let said = set(&["node.settings=2", other]);
    newer.start(further(&town, &[&[dir("newer")][..], &said].concat()), &log).await;
    is_refused(&town, &[dir("older")], "node.settings = 2 and these are of 1");
    newer.kill();
}

#[test]
fn on_a_file_a_second_process_another_node_replicas_and_a_demos_keys_are_refused() {
    on_one_thread(on_a_file());
}

#[test]
fn on_a_database_who_has_other_or_older_settings_than_the_rest_is_refused() {
    on_one_thread(on_a_database());
}
