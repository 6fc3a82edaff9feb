//! What a law table or consents would change, told before they are in force.

use mylife::cli::exit::Exit;
use serde_json::{Value, json};

use super::super::config::{Dir, around, run};

const LAW: &str = r#"officer_roles = ["officer"]
[[grounds]]
id = "study"
purposes = ["HRESCH"]
themes = ["housing"]
reference = { fi = "laki", sv = "lag", en = "act" }
"#;
const PORTAL: &str = "urn:oid:1.2.246.10.99909002";

fn simulate(arguments: &[&str]) -> (Exit, String, String) {
    run(&around(), &[&["consent", "simulate"], arguments].concat())
}

/// A person with two themes answered, one of them in own words too.
fn people(dir: &Dir) -> String {
    let person = json!({ "schema": "mylife/person/1", "id": "aino",
        "name": { "given": ["Aino"], "family": "Testi" }, "birth_date": "2001-05-17" });
    let assessment = json!({ "schema": "mylife/assessment/1", "id": "a-1", "person": "aino",
        "form": "3x10d-30", "status": "completed", "authored": "2026-02-01T10:00:00Z",
        "answered_by": "person", "language": "fi", "answers": [
            { "theme": "housing", "importance": 2, "satisfaction": 3, "future": "a home" },
            { "theme": "health", "importance": 2, "satisfaction": 3 }] });
    dir.write("people.ndjson", &format!("{person}\n{assessment}\n")).display().to_string()
}

fn grant(uuid: char, themes: &[&str], patient: &Value) -> Value {
    let hl7 = |name: &str| format!("http://terminology.hl7.org/CodeSystem/{name}");
    let labels = themes.iter().map(
        |theme| json!({ "system": "https://mylife.example/fhir/CodeSystem/theme", "code": theme }),
    );
    json!({
        "resourceType": "Consent", "status": "active", "patient": patient, "performer": [patient],
        "identifier": [{ "system": "urn:ietf:rfc:3986",
            "value": format!("urn:uuid:{0}0000000-0000-4000-8000-000000000000", uuid) }],
        "scope": { "coding": [{ "system": hl7("consentscope"), "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "urn:mylife:consent-kind", "code": "grant" }] }],
        "policy": [{ "uri": "urn:mylife:policy:1" }],
        "provision": { "type": "deny", "provision": [{
            "type": "permit", "securityLabel": labels.collect::<Vec<_>>(),
            "purpose": [{ "system": hl7("v3-ActReason"), "code": "TREAT" }],
            "actor": [{ "role": { "coding": [{ "system": hl7("v3-ParticipationType"), "code": "IRCP" }] },
                "reference": { "identifier": { "system": "urn:ietf:rfc:3986", "value": PORTAL } } }],
        }] },
    })
}

fn aino() -> Value {
    json!({ "reference": "Patient/aino" })
}

#[test]
fn a_law_to_come_is_tried_on_the_demos_people() {
    let dir = Dir::new("simulate-demo");
    let law = dir.write("law.toml", LAW).display().to_string();
    let (exit, said, complaint) = simulate(&["--law", &law, "--json"]);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert!(report["people"].as_u64().unwrap() >= 40, "{report}");
    assert_eq!(report["callers"], 1);
    let all = report["differences"].as_array().unwrap();
    assert!(!all.is_empty());
    for one in all {
        assert!(one["class"].as_str().unwrap().starts_with("housing"), "{one}");
        assert_eq!(one["caller"], "anybody for HRESCH");
        if one["class"] == "housing" {
            assert_eq!(one["today"]["permitted"], false);
            assert_eq!(one["tomorrow"]["by"][0], "law study");
        }
    }
    // Who has a turvakielto stays hidden under the new law too.
    let people: std::collections::BTreeSet<&str> =
        all.iter().map(|one| one["person"].as_str().unwrap()).collect();
    assert!((people.len() as u64) < report["people"].as_u64().unwrap(), "{people:?}");
}

#[test]
fn consents_to_come_are_compared_with_those_of_today() {
    let dir = Dir::new("simulate-consents");
    let people = people(&dir);
    let today = grant('1', &["housing"], &aino()).to_string();
    let today = dir.write("today.json", &today).display().to_string();
    // The same consent, for another theme.
    let tomorrow = grant('1', &["health"], &aino()).to_string();
    let tomorrow = dir.write("tomorrow.json", &tomorrow).display().to_string();
    let (exit, said, complaint) =
        simulate(&[&people, "--consents-today", &today, "--consents", &tomorrow]);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    let who = format!("aino | {PORTAL} for TREAT");
    let uuid = "Consent/urn:uuid:10000000-0000-4000-8000-000000000000";
    assert!(
        said.contains(&format!(
            "{who} | housing: permitted (allowed) by {uuid} -> denied (default)"
        )),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "{who} | health: denied (default) -> permitted (allowed) by {uuid}"
        )),
        "{said}"
    );
    assert!(
        said.ends_with(
            "1 people, 1 callers: 1 more permitted, 1 less, 0 otherwise; 0 expected, 0 not so\n"
        ),
        "{said}"
    );
    let (_, same, _) = simulate(&[&people, "--consents-today", &today]);
    assert_eq!(
        same,
        "1 people, 1 callers: 0 more permitted, 0 less, 0 otherwise; 0 expected, 0 not so\n"
    );
}

#[test]
fn an_expectation_that_is_not_met_ends_it_with_findings() {
    let dir = Dir::new("simulate-expect");
    let people = people(&dir);
    let consents = grant('2', &["housing"], &aino()).to_string();
    let consents = dir.write("consents.json", &consents).display().to_string();
    let expect = |permit: bool| {
        format!(
            "[[callers]]\nname = \"portal\"\norganization = \"{PORTAL}\"\npurpose = \"TREAT\"\n\
             [[expect]]\nperson = \"*\"\ncaller = \"portal\"\nclass = [\"housing\"]\npermit = true\n\
             [[expect]]\nperson = \"aino\"\ncaller = \"portal\"\nclass = [\"housing+free-text\", \"health\", \
             \"records\"]\npermit = {permit}\n"
        )
    };
    let file = dir.write("good.toml", &expect(false)).display().to_string();
    let (exit, said, complaint) = simulate(&[&people, "--consents", &consents, "--expect", &file]);
    assert_eq!(exit, Exit::Fine, "{said}{complaint}");
    assert!(said.ends_with("4 expected, 0 not so\n"), "{said}");
    let file = dir.write("bad.toml", &expect(true)).display().to_string();
    let (exit, said, _) = simulate(&[&people, "--consents", &consents, "--expect", &file]);
    assert_eq!(exit, Exit::Findings);
    assert!(
        said.contains("aino | portal | housing+free-text: expected permitted, is denied (default)"),
        "{said}"
    );
    assert!(said.ends_with("4 expected, 3 not so\n"), "{said}");
    let (exit, said, _) = simulate(&[&people, "--expect", &file, "--json"]);
    assert_eq!(exit, Exit::Findings);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["unmet"].as_array().unwrap().len(), 4, "{report}");
    assert_eq!(report["unmet"][0]["got"]["step"], "default");
}

#[test]
fn what_cannot_be_tried_is_told_with_what_to_write() {
    let dir = Dir::new("simulate-wrong");
    let people = people(&dir);
    let callers = format!(
        "[[callers]]\nname = \"portal\"\norganization = \"{PORTAL}\"\npurpose = \"TREAT\"\n"
    );
    let expect = |rest: &str| format!("{callers}[[expect]]\n{rest}\npermit = true\n");
    let rows = [
        (
            "x.toml",
            expect("person = \"eetu\"\ncaller = \"portal\"\nclass = [\"health\"]"),
            "nobody's id",
        ),
        (
            "x.toml",
            expect("person = \"*\"\ncaller = \"county\"\nclass = [\"health\"]"),
            "none of the callers",
        ),
        (
            "x.toml",
            expect("person = \"*\"\ncaller = \"portal\"\nclass = [\"wealth\"]"),
            "housing+free-text",
        ),
        ("x.toml", callers.replace("TREAT", "treat"), "callers \"portal\": Give a purpose"),
        ("x.toml", callers.replace("purpose", "purposes"), "unknown field `purposes`"),
    ];
    for (name, text, says) in rows {
        let file = dir.write(name, &text).display().to_string();
        let (exit, _, complaint) = simulate(&[&people, "--expect", &file]);
        assert_eq!(exit, Exit::Usage, "{text}");
        assert!(complaint.contains(says), "{says}: {complaint}");
    }
    let stranger = grant('3', &["housing"], &json!({ "reference": "Patient/eetu" })).to_string();
    let mut odd = grant('3', &["housing"], &aino());
    odd["provision"]["type"] = json!("permit");
    for (consent, says) in
        [(stranger, "by the sender's id"), (odd.to_string(), "Consent.provision")]
    {
        let file = dir.write("consent.json", &consent).display().to_string();
        let (exit, _, complaint) = simulate(&[&people, "--consents", &file]);
        assert_eq!(exit, Exit::Usage);
        assert!(
            complaint.contains("consent.json") && complaint.contains(says),
            "{says}: {complaint}"
        );
    }
    let law = dir.write("law.toml", &LAW.replace("HRESCH", "RESEARCH")).display().to_string();
    let (exit, _, complaint) = simulate(&[&people, "--law", &law]);
    assert_eq!(exit, Exit::Usage);
    assert!(complaint.contains("law.toml:4: grounds[0].purposes"), "{complaint}");
}
