//! The Consents that HL7 and IHE publish are taken as they are: none permits anything here, whoever it is
//! read to name; what each forbids, and every place that is narrowed, stand in a table.

use std::{collections::BTreeMap, fs, path::Path};

use mylife::{
    consent::import::{Imported, import},
    fhir::schema::Validator,
};
use serde_json::{Value, json};

use super::{
    import::{granted, permits},
    world::{World, consent},
};

const HL7: [&str; 12] = [
    "basic",
    "Emergency",
    "grantor",
    "notAuthor",
    "notOrg",
    "notThem",
    "notThis",
    "notTime",
    "Out",
    "pkb",
    "signature",
    "smartonfhir",
];

/// What is published, by a name for each.
pub(crate) fn published() -> Vec<(String, Value)> {
    let of_hl7 = HL7.iter().map(|name| {
        let text = read(&format!("hl7-r4/{name}.json"));
        (format!("hl7 {name}"), serde_json::from_str(&text).unwrap())
    });
    let of_ihe: Vec<Value> = serde_json::from_str(&read("ihe-pcf.json")).unwrap();
    let of_ihe = of_ihe.into_iter().map(|one| {
        let name = one["id"].as_str().unwrap().trim_start_matches("ex-");
        (format!("pcf {name}"), one)
    });
    of_hl7.chain(of_ihe).collect()
}

/// What is expected of one.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Expected {
    /// Is the recipient it is read to name let past it, beside a grant of everything? Is anybody, where
    /// it is read to name the holder?
    pub(crate) past: [bool; 2],
    /// The places that are narrowed.
    pub(crate) narrowed: Vec<String>,
}

/// The table: name, past it as recipient, past it of a holder, places.
pub(crate) fn expected() -> BTreeMap<String, Expected> {
    let text = read("expected.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, recipient, holder, places] = columns[..] else { panic!("4 columns: {line}") };
        let past = [recipient, holder].map(|word| word == "past");
        let narrowed = places.split_whitespace().map(str::to_owned).collect();
        (name.to_owned(), Expected { past, narrowed })
    };
    lines.map(row).collect()
}

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/consents");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The same about a person, and whoever it names is somebody else.
pub(crate) fn named(text: &Value, [patient, organization, practitioner]: [&str; 3]) -> Value {
    let own = text["patient"]["reference"].as_str().unwrap().to_owned();
    let mut text = text.clone();
    rename(&mut text, &|reference| match reference.split_once('/')? {
        ("Patient", _) if reference == own => Some(patient.to_owned()),
        ("Organization", _) => Some(organization.to_owned()),
        ("Practitioner", _) => Some(practitioner.to_owned()),
        _ => None,
    });
    text
}

fn rename(value: &mut Value, to: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("reference").and_then(Value::as_str);
            if let Some(other) = reference.and_then(to) {
                members.insert("reference".to_owned(), other.into());
            }
            members.values_mut().for_each(|one| rename(one, to));
        }
        Value::Array(all) => all.iter_mut().for_each(|one| rename(one, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What comes of one that is read to name these.
fn outcome(text: &Value, organization: &str, practitioner: &str) -> (bool, bool, Vec<String>) {
    let world = World::of(Vec::new());
    let all = granted(json!({ "type": "permit" }));
    let all = consent("grant", &json!({ "type": "deny", "provision": [all] }));
    let Imported { consent: mut kept, report } =
        import(&named(text, ["Patient/p1", organization, practitioner])).unwrap();
    kept["id"] = json!("c");
    let alone = permits(&world, std::slice::from_ref(&kept));
    let past = permits(&world, &[all, kept]);
    (alone, past, report.into_iter().map(|one| one.path).collect())
}

#[test]
fn what_hl7_and_ihe_publish_permits_nothing_by_itself_and_forbids_what_the_table_says() {
    let (schema, table) = (Validator::new().unwrap(), expected());
    let mut wrong = Vec::new();
    for (name, text) in published() {
        assert_eq!(schema.faults(&text), vec![], "{name}");
        let as_recipient = outcome(&text, "Organization/county", "Practitioner/cm1");
        let as_holder = outcome(&text, "Organization/kuopio", "Practitioner/other");
        assert!(!as_recipient.0 && !as_holder.0, "{name} permits");
        assert_eq!(as_recipient.2, as_holder.2, "{name}");
        let found = Expected { past: [as_recipient.1, as_holder.1], narrowed: as_holder.2 };
        if table.get(&name) != Some(&found) {
            let word = |past| if past { "past" } else { "stopped" };
            let [recipient, holder] = found.past.map(word);
            wrong.push(format!("{name} | {recipient} | {holder} | {}", found.narrowed.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "not as in the table:\n{}", wrong.join("\n"));
    assert_eq!(table.len(), published().len());
}
