//! Files of an export: what is hidden changes no byte of them, nor which there are.

use std::{collections::BTreeMap, time::Duration};

use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::json;

use super::stage::{Stage, plan, push};
use crate::{
    story::export::{begin, files, manifest, status},
    world::{Reply, World, municipality::At},
};

/// The bytes of every file, by type, in order.
fn taken(at: &At, paths: &[String]) -> Vec<String> {
    paths.iter().map(|path| at.get(path).accepted().text()).collect()
}

/// Types of the files, and how many there are of each.
fn listed(manifest: &serde_json::Value) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for file in manifest["output"].as_array().unwrap() {
        *all.entry(file["type"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    all
}

#[test]
pub(super) fn a_file_has_what_is_seen_whatever_else_is_stored() {
    let stage = Stage::new();
    let (reader, path) = (&stage.reader, "/fhir/Patient/$export");
    let first = manifest(reader, &begin(reader, path));
    let of_first = files(&first, "");
    let before = taken(reader, &of_first);
    assert!(before.iter().filter(|text| !text.is_empty()).count() > 5);
    stage.world.pass(Duration::from_secs(1));
    stage.hide();
    // The same export, now read from the history of who was changed since; and a new one.
    assert_eq!(before, taken(reader, &of_first));
    let second = manifest(reader, &begin(reader, path));
    assert_eq!(before, taken(reader, &files(&second, "")));
    for key in ["error", "extension", "requiresAccessToken"] {
        assert_eq!(first[key], second[key]);
    }
    // A filter on what is hidden finds nothing.
    let filtered = format!("{path}?_typeFilter=Observation%3Fcode%3Dhealth.satisfaction");
    let filtered = manifest(reader, &begin(reader, &filtered));
    assert_eq!(taken(reader, &files(&filtered, "Observation")).concat(), "");
}

#[test]
pub(super) fn what_was_hidden_when_it_was_deleted_is_told_of_by_no_file() {
    let stage = Stage::new();
    let path = "/fhir/Patient/$export?_since=2026-03-02T09:00:00Z";
    let told = || {
        let all = manifest(&stage.reader, &begin(&stage.reader, path));
        taken(&stage.reader, &files(&all, "Bundle")).concat()
    };
    assert_eq!(told(), "");
    stage.hide();
    push(&stage.kuopio, "plans", &plan(&json!({})));
    assert_eq!(told(), "");
    // What was seen is told of.
    let mut less = plan(&json!({}));
    less["services"] = json!([]);
    push(&stage.kuopio, "plans", &less);
    assert!(told().contains("\"DELETE\""));
}

#[test]
pub(super) fn there_are_as_many_files_whoever_is_held() {
    let stage = Stage::new();
    let list = || listed(&manifest(&stage.reader, &begin(&stage.reader, "/fhir/$export")));
    let before = list();
    stage.hide();
    assert_eq!(before, list());
}

#[test]
pub(super) fn an_export_is_of_the_client_that_began_it() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, county) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing]);
    let begun = begin(&portal, "/fhir/Patient/$export");
    let manifest = manifest(&portal, &begun);
    let place = status(&begun);
    let absent: Reply = county.get("/fhir/$export-status/x");
    for path in [&place].into_iter().chain(&files(&manifest, "")) {
        let foreign = county.get(path);
        foreign.refused(404, "not-found");
        assert_eq!(foreign.bytes(), absent.bytes());
    }
}
