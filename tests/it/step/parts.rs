//! The parts of a document as they are stored: the short form, and the one that older stores still have.

use mylife::{
    chance::SeededChance,
    domain::{
        moment::Moment,
        part::{Content, Parts},
    },
    json,
};
use serde_json::json;

const KEYS: [&str; 3] = ["goal:\"x\"", "health.comment", "health.importance"];

fn content(said: [&str; 3], authored: &str) -> Content {
    let parts = KEYS.iter().zip(said).map(|(key, said)| ((*key).to_owned(), said.to_owned()));
    Content { parts: parts.collect(), status: "completed", authored: authored.to_owned() }
}

/// Parts of which one has changed since.
fn parts() -> Parts {
    let at = |text| Moment::parse(text).unwrap();
    let chance = SeededChance::new(1);
    let first = content(["1", "2", "3"], "2026-01-01");
    let before = Parts::next(None, &first, at("2026-01-02T00:00:00Z"), &chance);
    let second = content(["1", "new", "3"], "2026-02-01");
    Parts::next(Some((&before, &first)), &second, at("2026-02-02T00:00:00Z"), &chance)
}

#[test]
fn what_is_stored_is_read_again_and_says_each_change_once() {
    let parts = parts();
    let text = serde_json::to_vec(&parts).unwrap();
    assert!(json::stored::<Parts>(&text).unwrap() == parts);
    let stored: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(stored[0].as_array().unwrap().len(), 2);
    assert_eq!(stored[1].as_array().unwrap().len(), KEYS.len());
}

#[test]
fn what_an_older_release_stored_is_read_alike() {
    let parts = parts();
    let former = |key: &str| {
        let part = parts.of(key).unwrap();
        let change = part.change;
        let changed = change.changed.to_string();
        json!({ "suffix": part.suffix, "changed": changed, "status": &*change.status, "authored": &*change.authored })
    };
    let all: serde_json::Map<_, _> =
        KEYS.iter().map(|key| ((*key).to_owned(), former(key))).collect();
    let read: Parts = json::stored(&serde_json::to_vec(&all).unwrap()).unwrap();
    for key in KEYS {
        assert_eq!(read.of(key), parts.of(key), "{key}");
    }
    assert_eq!(read.of("health"), None);
}

#[test]
fn what_nobody_stored_is_refused() {
    let change = json!(["2026-01-01T00:00:00.000Z", "completed", "2026-01-01"]);
    for (what, stored) in [
        ("no parts", json!([[change]])),
        ("a change that is not there", json!([[change], [["a", "b", 1]]])),
        ("out of order", json!([[change], [["b", "x", 0], ["a", "x", 0]]])),
        ("twice", json!([[change], [["a", "x", 0], ["a", "y", 0]]])),
        ("more than two lists", json!([[change], [["a", "x", 0]], []])),
        ("a part that says more", json!([[change], [["a", "x", 0, 1]]])),
        ("an unknown member", json!({ "a": { "suffix": "x", "more": 1 } })),
    ] {
        let text = serde_json::to_vec(&stored).unwrap();
        assert!(json::stored::<Parts>(&text).is_err(), "{what}");
    }
}
