//! What left the gateways of the tests: a resource of each shape, for a validator that others wrote.
//!
//! `tests/judges/fhir.mjs` reads the file when the tests are done.

use std::{
    collections::{BTreeSet, HashSet},
    fs::File,
    io::Write as _,
    sync::{LazyLock, Mutex},
};

use serde_json::Value;

const PLACE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/emitted.ndjson");

/// The file of this run, and the shapes that are in it.
static KEPT: LazyLock<Mutex<(File, HashSet<String>)>> = LazyLock::new(|| {
    File::create(PLACE).unwrap();
    // Whole lines at its end, though another run should begin meanwhile.
    Mutex::new((File::options().append(true).open(PLACE).unwrap(), HashSet::new()))
});

/// Keeps a resource, unless one of its shape is kept.
pub(crate) fn keep(resource: &Value) {
    let Some(kind) = resource["resourceType"].as_str() else { return };
    let mut names = BTreeSet::new();
    shape(resource, "", &mut names);
    let shape = names.into_iter().fold(kind.to_owned(), |all, name| all + "\n" + &name);
    let mut kept = KEPT.lock().unwrap();
    if kept.1.insert(shape) {
        kept.0.write_all(format!("{resource}\n").as_bytes()).unwrap();
    }
}

/// The elements that are there; of a status, which.
fn shape(value: &Value, path: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                shape(member, &format!("{path}.{name}"), names);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| shape(one, path, names)),
        Value::String(text) if path.ends_with("tatus") => {
            names.insert(format!("{path}={text}"));
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            names.insert(path.to_owned());
        }
    }
}
