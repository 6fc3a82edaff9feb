//! Commands as an operator runs them: what they say, what they leave, how they end.

mod comparing;
mod converting;
mod doctoring;
mod drawing;
mod explaining;
mod filtering;
mod living;
mod loading;
mod newcomer;
mod operating;
mod server;
mod serving;
mod simulating;
#[cfg(feature = "otlp")]
mod telling;
mod tracing;

use std::{fs, path::Path};

use mylife::{cli::exit::Exit, demo::people, native::NativeKind};
use serde_json::Value;

use super::config::{Dir, NOW, around, gateway, run};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    path.display().to_string()
}

#[test]
fn validate_says_exactly_what_is_wrong_in_one_line_each() {
    let dir = Dir::new("cli-validate");
    let good = fs::read_to_string(fixture("native/person.json")).unwrap();
    let bad = good.replace("2010-03-04\",\n  \"identity", "2010-13-04\",\n  \"identity");
    let bad = dir.write("bad.json", &bad.replace("\"language\"", "\"langage\""));
    let bad = bad.display().to_string();
    let (exit, said, _) = run(&around(), &["validate", &fixture("native/person.json"), &bad]);
    assert_eq!(exit, Exit::Findings, "{said}");
    assert!(said.contains("bad.json: $.birth_date: "), "{said}");
    assert!(said.contains("$.langage: ") || said.contains("bad.json: $: "), "{said}");
    assert!(said.ends_with("1 good, 1 refused\n"), "{said}");
    let (exit, said, _) =
        run(&around(), &["validate", "--test-range", "refuse", &fixture("native/person.json")]);
    assert_eq!(exit, Exit::Findings, "{said}");
    assert!(said.contains("$.identity_code: test codes"), "{said}");
}

#[test]
fn validate_reads_lines_lists_and_fhir() {
    let dir = Dir::new("cli-forms");
    let person = fs::read_to_string(fixture("native/person.json")).unwrap();
    let person: Value = serde_json::from_str(&person).unwrap();
    let lines =
        dir.write("people.ndjson", &format!("{person}\n\n{{\"schema\":\"mylife/plan/9\"}}\n"));
    let (_, said, _) = run(&around(), &["validate", &lines.display().to_string()]);
    assert!(said.contains("people.ndjson:3: $.schema: "), "{said}");
    let list = dir.write("people.json", &format!("[{person}, 7]"));
    let (_, said, _) = run(&around(), &["validate", &list.display().to_string()]);
    assert!(said.contains("people.json[1]: $: "), "{said}");
    let fhir = dir.write("goal.json", r#"{"resourceType":"Goal","subject":{"reference":7}}"#);
    let (exit, said, _) = run(&around(), &["validate", "--json", &fhir.display().to_string()]);
    assert_eq!(exit, Exit::Findings);
    assert!(said.contains("Goal.subject.reference"), "{said}");
}

#[test]
fn map_prints_every_resource_with_the_labels_of_its_segments() {
    let file = fixture("native/assessment-30.json");
    let (exit, said, complaint) = run(&around(), &["map", "--json", &file]);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    let rows: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let response =
        rows.iter().find(|row| row["resource"]["resourceType"] == "QuestionnaireResponse");
    let kinds = response.unwrap()["kinds"].as_array().unwrap();
    assert!(kinds.iter().any(|kind| kind["classes"][0] == "free-text"), "{kinds:?}");
    assert!(rows.iter().any(|row| row["resource"]["resourceType"] == "Observation"));
    let (_, again, _) = run(&around(), &["map", "--json", &file]);
    assert_eq!(said, again, "two runs can be compared");
    let (_, text, _) = run(&around(), &["map", &file]);
    assert!(text.contains("# item: themes housing; classes -"), "{text}");
}

#[test]
fn the_golden_cases_hold_and_a_changed_one_is_told() {
    let golden = fixture("consent-decisions.json");
    let (exit, said, _) = run(&around(), &["consent", "cases", &golden]);
    assert_eq!(exit, Exit::Fine, "{said}");
    let mut file: Value = serde_json::from_str(&fs::read_to_string(golden).unwrap()).unwrap();
    let first = &mut file["cases"][0];
    let turned = if first["expect"] == "permit" { "deny" } else { "permit" };
    first["expect"] = turned.into();
    let name = first["name"].as_str().unwrap().to_owned();
    let dir = Dir::new("cli-cases");
    let path = dir.write("cases.json", &file.to_string());
    let (exit, said, _) = run(&around(), &["consent", "cases", &path.display().to_string()]);
    assert_eq!(exit, Exit::Findings);
    assert!(said.starts_with(&format!("{name}: expected {turned}")), "{said}");
}

/// A gateway that has one client that owns documents, and the demo's units.
pub(super) fn town(dir: &Dir, port: u16) -> String {
    let client = dir.path().join("source.jwk").display().to_string();
    let (exit, jwks, complaint) = run(&around(), &["pki", "client", &client]);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    let mut text = gateway(dir, port).replacen("[node]\n", "[node]\ntest_range = \"allow\"\n", 1);
    text.push_str(&format!(
        "\n[[clients]]\nclient_id = \"kuopio-source\"\nname = \"Kuopio\"\norganization = \
         \"urn:oid:1.2.246.10.99902978\"\nscopes = [\"mylife/native.write\"]\nnative_owner = true\n{jwks}\n"
    ));
    let directory = people_directory();
    dir.write("directory.json", &directory.to_string());
    text.push_str("[directory]\nfile = \"directory.json\"\n");
    dir.write("gateway.toml", &text).display().to_string()
}

fn people_directory() -> Value {
    let all = mylife::demo::directory::MUNICIPALITIES[0].directory().unwrap();
    let name = |n: &mylife::demo::directory::Names| serde_json::json!({"fi": n.fi, "sv": n.sv, "en": n.en});
    let organizations = all.organizations.iter().map(|o| {
        serde_json::json!({ "id": o.id.as_str(), "name": name(&o.name), "oid": format!("urn:oid:{}", o.oid) })
    });
    let services = all.services.iter().map(|s| {
        serde_json::json!({ "id": s.id.as_str(), "name": name(&s.name), "organization": s.organization.as_str() })
    });
    let practitioners = all.practitioners.iter().map(|p| {
        let (name, unit) = (format!("{} {}", p.given, p.family), p.organization.as_str());
        serde_json::json!({ "id": p.id.as_str(), "name": name, "organization": unit })
    });
    serde_json::json!({
        "organizations": organizations.collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
        "practitioners": practitioners.collect::<Vec<_>>(),
    })
}

/// Documents of Kuopio's people, plans first, so that their order in the file does not matter.
fn documents() -> Vec<String> {
    let people = people::people(7, NOW).unwrap();
    let homes = people.iter().flat_map(|person| &person.homes);
    let kuopio = homes.filter(|home| home.municipality.code == "297").take(2);
    let mut all: Vec<_> = kuopio.flat_map(|home| home.documents().unwrap()).collect();
    all.sort_by_key(|(kind, ..)| {
        std::cmp::Reverse(match kind {
            NativeKind::Person => 0,
            NativeKind::Assessment => 1,
            NativeKind::Plan => 2,
        })
    });
    all.into_iter().map(|(_, _, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

#[test]
fn what_is_good_is_loaded_once_and_what_is_bad_is_listed() {
    let dir = Dir::new("cli-load");
    let config = town(&dir, 8443);
    let good = documents();
    let mut lines = good.clone();
    lines.insert(1, "{\"schema\":\"mylife/plan/1\"}".to_owned());
    lines.push("nonsense".to_owned());
    let file = dir.write("all.ndjson", &lines.join("\n")).display().to_string();
    let load = ["load", &config, &file, "--owner", "kuopio-source"];
    let (exit, said, complaint) = run(&around(), &load);
    assert_eq!(exit, Exit::Findings, "{said}{complaint}");
    assert!(said.contains("all.ndjson:2: $.id: ") || said.contains("all.ndjson:2: $: "), "{said}");
    assert!(said.contains(&format!("all.ndjson:{}: $: ", lines.len())), "{said}");
    let tally = |new, known| format!("{new} new, {known} known before, 2 refused\n");
    assert!(said.ends_with(&tally(good.len(), 0)), "{said}");
    let (_, again, _) = run(&around(), &load);
    assert!(again.ends_with(&tally(0, good.len())), "{again}");

    let data = dir.path().join("keys/297/data").display().to_string();
    let (exit, said, _) = run(&around(), &["audit", "verify", &data]);
    assert_eq!(exit, Exit::Fine, "{said}");
    // Known or new, each document that is taken is written down.
    assert!(said.starts_with(&format!("{} records in", 2 * good.len())), "{said}");
    let (exit, said, complaint) = run(&around(), &["audit", "show", &config]);
    assert_eq!((exit, said.lines().count()), (Exit::Fine, 2 * good.len()), "{complaint}");
    assert!(said.lines().all(|line| line.contains(" kuopio-source urn:oid:")), "{said}");
    let patient = said.lines().next().unwrap().split(' ').nth(4).unwrap().to_owned();
    let (_, of_one, _) =
        run(&around(), &["audit", "show", &config, "--person", &patient, "--json"]);
    assert!(
        of_one.lines().count() < 2 * good.len() && of_one.contains("\"AuditEvent\""),
        "{of_one}"
    );

    let (exit, _, complaint) = run(&around(), &["load", &config, &file, "--owner", "nobody"]);
    assert_eq!(exit, Exit::Usage, "{complaint}");
}
