//! The readable face: one `AuditEvent` per record, in the shape of BALP, nothing invented.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mylife::audit::{
    event::{Observer, audit_event},
    record::{Basis, Entry, Interaction, Outcome, Resources},
};
use serde_json::{Value, json};

use super::{entry, search};

const KUOPIO: Observer<'static> =
    Observer { code: "297", organization: "urn:oid:1.2.246.10.3", host: "kuopio.example" };
const BALP: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";

fn event(entry: &Entry<'_>) -> Value {
    audit_event(entry, KUOPIO, "297.e1")
}

fn agent<'a>(event: &'a Value, code: &str) -> &'a Value {
    let agents = event["agent"].as_array().unwrap();
    agents.iter().find(|a| a["type"]["coding"][0]["code"] == code).unwrap()
}

fn entities<'a>(event: &'a Value, code: &'a str) -> Vec<&'a Value> {
    let all = event["entity"].as_array().unwrap().iter();
    all.filter(|e| e["type"]["code"] == code).collect()
}

#[test]
fn in_a_read_the_server_is_the_source() {
    let event = event(&entry("r1"));
    assert_eq!(event["meta"]["profile"], json!([format!("{BALP}PatientRead")]));
    assert_eq!((&event["action"], &event["outcome"]), (&json!("R"), &json!("0")));
    assert_eq!(event["subtype"][0]["code"], "read");
    assert_eq!(event["recorded"], "2026-09-21T14:13:20.000Z");
    assert_eq!(event["purposeOfEvent"][0]["coding"][0]["code"], "CAREMGT");
    assert_eq!(agent(&event, "110152")["who"]["identifier"]["value"], "national-portal");
    assert_eq!(agent(&event, "110153")["network"]["address"], "kuopio.example");
    assert_eq!(agent(&event, "110152")["policy"], json!(["urn:ietf:params:oauth:jti:j-1"]));
    assert_eq!(agent(&event, "IRCP")["requestor"], true);
    assert_eq!(agent(&event, "DIST")["who"]["identifier"]["value"], "urn:oid:1.2.246.10.2");
    assert_eq!(entities(&event, "1")[0]["what"]["reference"], "Patient/297.aino");
    let data = entities(&event, "2");
    assert_eq!(data.len(), 1);
    assert_eq!(data[0]["what"]["reference"], "QuestionnaireResponse/297.a");
    let consent = entities(&event, "Consent")[0];
    assert_eq!(consent["what"]["reference"], "Consent/297.consent/_history/2");
    let transaction = entities(&event, "XrequestId")[0];
    assert_eq!(transaction["what"]["identifier"]["value"], "r1");
    let details = transaction["detail"].as_array().unwrap();
    for (name, value) in [("label", "housing"), ("label", "free-text"), ("source", "297")] {
        assert!(details.contains(&json!({ "type": name, "valueString": value })));
    }
}

#[test]
fn in_a_query_the_client_is_the_source_and_no_identity_code_is_written() {
    let event = event(&search("r2"));
    assert_eq!(event["meta"]["profile"], json!([format!("{BALP}PatientQuery")]));
    assert_eq!(event["action"], "E");
    assert_eq!(agent(&event, "110153")["who"]["identifier"]["value"], "national-portal");
    let query = entities(&event, "2");
    assert_eq!((query.len(), &query[0]["role"]["code"]), (1, &json!("24")));
    let raw = STANDARD.decode(query[0]["query"].as_str().unwrap()).unwrap();
    let raw = String::from_utf8(raw).unwrap();
    assert_eq!(raw, "QuestionnaireResponse?patient.identifier=*&status=active");
    assert!(!search("r2").to_payload().unwrap().windows(4).any(|w| w == b"900A"));
}

#[test]
fn each_write_has_its_action_and_profile() {
    for (interaction, action, profile) in [
        (Interaction::Create, "C", Some("PatientCreate")),
        (Interaction::Update, "U", Some("PatientUpdate")),
        (Interaction::Delete, "D", None),
        (Interaction::Operation, "E", None),
        (Interaction::History, "R", None),
    ] {
        let event = event(&Entry { interaction, ..entry("w") });
        assert_eq!(event["action"], action);
        let expected = profile.map(|name| json!(format!("{BALP}{name}")));
        assert_eq!(event.pointer("/meta/profile/0").cloned(), expected);
    }
}

#[test]
fn without_a_person_the_plain_profile_stands_and_no_patient() {
    let event = event(&Entry { patient: None, ..search("r3") });
    assert_eq!(event["meta"]["profile"], json!([format!("{BALP}Query")]));
    assert!(entities(&event, "1").is_empty());
}

#[test]
fn a_refusal_by_consent_is_a_decision_with_closed_entities() {
    let refused = Outcome::Refused("prohibited".into());
    let event = event(&Entry { outcome: refused.clone(), ..entry("r4") });
    assert_eq!(event["meta"]["profile"], json!([format!("{BALP}AuthZconsent")]));
    assert_eq!((&event["type"]["code"], &event["outcome"]), (&json!("110113"), &json!("8")));
    assert_eq!(event["outcomeDesc"], "prohibited");
    for role in ["110150", "IRCP", "PROV", "authserver"] {
        agent(&event, role);
    }
    let types: Vec<_> =
        event["entity"].as_array().unwrap().iter().map(|e| e["type"]["code"].clone()).collect();
    assert_eq!(types, ["1", "Consent", "UserOauthAgent"]);

    let without = self::event(&Entry { outcome: refused, basis: vec![], ..entry("r5") });
    assert_eq!(without.get("meta"), None);
    assert_eq!(without["subtype"][0]["code"], "read");
    let failed = Entry { outcome: Outcome::Failed("too-costly".into()), ..entry("r6") };
    assert_eq!(self::event(&failed)["outcome"], "4");
}

#[test]
fn a_law_that_overrode_a_prohibition_is_told_with_its_reason() {
    let law =
        Basis::Law { id: "child-welfare-25".into(), reason: Some("urgent".into()), overrode: true };
    let event =
        event(&Entry { basis: vec![law], resources: Resources::Counted(12), ..entry("r7") });
    let details = entities(&event, "XrequestId")[0]["detail"].as_array().unwrap();
    for (name, value) in [
        ("law", "child-welfare-25"),
        ("reason", "urgent"),
        ("overrode", "prohibition"),
        ("count", "12"),
    ] {
        assert!(details.contains(&json!({ "type": name, "valueString": value })), "{name}");
    }
}

#[test]
fn an_entry_survives_its_payload_and_refuses_what_it_does_not_know() {
    for entry in [entry("a"), search("b")] {
        let payload = entry.to_payload().unwrap();
        assert_eq!(Entry::from_payload(&payload).unwrap(), entry);
        let mut value: Value = serde_json::from_slice(&payload).unwrap();
        value["extra"] = json!(1);
        assert!(Entry::from_payload(value.to_string().as_bytes()).is_err());
    }
}
