//! What does not go together does not start, and says in one line why and what to do: the program itself,
//! as an operator starts it.

use tokio::task::LocalSet;

use super::{
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
    // Alone and with its own it starts.
    town.start(0).await;
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

fn on_one_thread(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, story);
}

#[test]
fn on_a_file_a_second_process_another_node_and_replicas_are_refused() {
    on_one_thread(on_a_file());
}

#[test]
fn on_a_database_who_has_other_or_older_settings_than_the_rest_is_refused() {
    on_one_thread(on_a_database());
}
