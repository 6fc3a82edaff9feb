//! What a gateway of each version wrote opens in this one.
//!
//! `tests/fixtures/data-<version>` is a small gateway as that version left it: settings, throw-away keys,
//! store and audit log. It was made once, by that version's `mylife load` of `fixtures/native/person.json`
//! and `assessment-30.json`, and is never made anew; each release adds its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use mylife::cli::exit::Exit;

use super::Directory;
use crate::step::config::{around, run};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Copies a directory, its owner's alone.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let to = to.join(name);
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

#[test]
fn what_an_earlier_version_wrote_opens_verifies_and_is_known_again() {
    let mut met = 0;
    for entry in fs::read_dir(fixtures()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if !name.starts_with("data-") {
            continue;
        }
        met += 1;
        let dir = Directory::new(&name);
        copy(&entry.path(), dir.path());
        let settings = dir.path().join("gateway.toml").display().to_string();
        let fine = |line: &[&str]| {
            let (exit, said, complaint) = run(&around(), line);
            assert_eq!(exit, Exit::Fine, "{name}: {line:?}: {said}{complaint}");
            said
        };
        let steps = fine(&["migrate", &settings, "--dry-run"]);
        fine(&["migrate", &settings]);
        assert_eq!(fine(&["migrate", &settings, "--dry-run"]), "no step is lacking\n", "{steps}");
        let verified = fine(&["audit", "verify", &settings]);
        assert!(verified.starts_with("2 records in 1 segments, 2 checkpoints hold"), "{verified}");
        let shown = fine(&["audit", "show", &settings]);
        assert_eq!(shown.matches(" source urn:oid:1.2.246.10.0 Create ").count(), 2, "{shown}");
        for document in ["person", "assessment-30"] {
            let path = fixtures().join(format!("native/{document}.json")).display().to_string();
            let loaded = fine(&["load", &settings, &path, "--owner", "source"]);
            assert_eq!(loaded, "0 new, 1 known before, 0 refused\n", "{name}: {document}");
        }
        let into = dir.path().join("backup").display().to_string();
        fine(&["backup", &settings, "--into", &into]);
    }
    assert!(met > 0, "each release leaves one");
}
