//! What may be written: one row for each rule of the form that is broken.

use mylife::{
    consent::{
        policy::{Origin, Policy},
        profile::{Accepted, Kind, Status, check},
    },
    error,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{consent, grant_roots, rules};

const SYSTEMS: &str = "https://mylife.example/fhir/CodeSystem";

fn label(system: &str, code: &str) -> Value {
    json!([{"system": format!("{SYSTEMS}/{system}"), "code": code}])
}

fn actor(role: &str) -> Value {
    let system = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
    let county = json!({"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.246.10.1"});
    json!([{"role": {"coding": [{"system": system, "code": role}]},
            "reference": {"identifier": county}}])
}

fn purpose(code: &str) -> Value {
    json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code}])
}

fn grant() -> Value {
    let again = json!({"type": "permit", "actor": actor("PRCP")});
    let except = json!({"type": "deny", "securityLabel": label("theme", "health"),
        "provision": [again]});
    let permit = json!({"type": "permit", "actor": actor("IRCP"), "purpose": purpose("TREAT"),
        "securityLabel": label("theme", "housing"), "period": {"end": "2027-01-01"},
        "provision": [except]});
    signed(consent("grant", &json!({"type": "deny", "provision": [permit]})))
}

fn prohibition() -> Value {
    let root = json!({"type": "deny", "securityLabel": label("class", "free-text"),
        "actor": actor("CST"), "data": [{"meaning": "instance",
        "reference": {"reference": "Goal/297.x"}}], "dataPeriod": {"start": "2026"}});
    signed(consent("prohibition", &root))
}

fn signed(mut consent: Value) -> Value {
    consent["performer"] = json!([{"reference": "Patient/p1"}]);
    consent
}

/// Puts a value at a JSON pointer, or takes away what is there.
fn put(consent: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = consent.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(key.to_owned(), value),
        None => parent.remove(key),
    };
}

fn refused(consent: &Value) -> (error::Kind, String) {
    let error = check(consent).err().unwrap_or_else(|| panic!("accepted: {consent}"));
    (error.kind(), error.expression().join(" "))
}

#[test]
fn a_grant_and_a_prohibition_of_the_form_are_accepted() {
    let mut grant = grant();
    grant["identifier"] = json!([{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}]);
    grant["category"].as_array_mut().unwrap().push(json!({"coding": [
        {"system": "http://loinc.org", "code": "59284-0"}]}));
    let Accepted { kind, status, identifiers, patient, recipients, performers } =
        check(&grant).unwrap();
    assert_eq!((kind, status), (Kind::Grant, Status::Active));
    assert_eq!(&*identifiers[0].value, "urn:uuid:1");
    assert_eq!(patient.reference.as_deref(), Some("Patient/p1"));
    assert_eq!(performers[0].kind(), Some("Patient"));
    let recipients: Vec<_> = recipients.iter().map(|name| name.identifier().unwrap()).collect();
    assert_eq!(recipients, [&std::sync::Arc::<str>::from("urn:oid:1.2.246.10.1"); 2]);

    let mut prohibition = prohibition();
    let person = json!({"identifier": {"system": "urn:oid:1.2.246.21", "value": "x"}});
    put(&mut prohibition, "/patient", Some(person));
    put(&mut prohibition, "/status", Some(json!("inactive")));
    put(&mut prohibition, "/performer", Some(json!([{"reference": "RelatedPerson/m"}])));
    let accepted = check(&prohibition).unwrap();
    assert_eq!((accepted.kind, accepted.status), (Kind::Prohibition, Status::Inactive));
    assert!(accepted.recipients.is_empty());
    assert_eq!(&*accepted.patient.identifier.unwrap().value, "x");
    put(&mut prohibition, "/provision", Some(json!({"type": "deny"})));
    assert!(check(&prohibition).is_ok(), "everything is forbidden");
}

#[test]
fn each_broken_rule_of_a_consent_is_refused_where_it_is_broken() {
    let other = json!({"coding": [{"system": "urn:mylife:consent-kind", "code": "prohibition"}]});
    let own = grant()["category"][0].clone();
    let rows = [
        ("/resourceType", Some(json!("Contract")), "Consent"),
        ("/modifierExtension", Some(json!([{"url": "x"}])), "Consent.modifierExtension"),
        ("/meta", Some(json!({"implicitRules": "x"})), "Consent.meta.implicitRules"),
        ("/decision", Some(json!("permit")), "Consent.decision"),
        ("/_performer_ok", Some(json!(true)), "Consent._performer_ok"),
        ("/_recorded", Some(json!("2026-01-01T00:00:00Z")), "Consent._recorded"),
        ("/policyRule", Some(json!({"text": "x"})), "Consent.policyRule"),
        ("/status", None, "Consent.status"),
        ("/status", Some(json!("revoked")), "Consent.status"),
        ("/scope", None, "Consent.scope"),
        ("/scope/coding/0/code", Some(json!("research")), "Consent.scope"),
        ("/scope/coding/0/system", None, "Consent.scope"),
        ("/category", None, "Consent.category"),
        ("/category", Some(json!([own, other])), "Consent.category"),
        ("/category/0/coding/0/code", Some(json!("wish")), "Consent.category"),
        ("/category/0/coding/0/system", Some(json!("http://loinc.org")), "Consent.category"),
        ("/patient", None, "Consent.patient"),
        ("/patient", Some(json!({"display": "x"})), "Consent.patient"),
        ("/patient", Some(json!({"reference": "Group/1"})), "Consent.patient"),
        ("/patient", Some(json!({"identifier": {"value": "x"}})), "Consent.patient"),
        ("/performer", None, "Consent.performer"),
        ("/performer", Some(json!([])), "Consent.performer"),
        ("/performer", Some(json!([{"reference": "#me"}])), "Consent.performer"),
        ("/performer", Some(json!([{"identifier": {"value": "x"}}])), "Consent.performer"),
        ("/policy", None, "Consent.policy.uri"),
        ("/policy/0/uri", Some(json!("urn:mylife:policy:2")), "Consent.policy.uri"),
        ("/identifier", Some(json!([{"value": "x"}])), "Consent.identifier[0]"),
        ("/identifier", Some(json!("x")), "Consent.identifier"),
        ("/provision", None, "Consent.provision"),
    ];
    for (pointer, value, place) in rows {
        let mut consent = grant();
        put(&mut consent, pointer, value);
        let expected = (error::Kind::Unprocessable, place.to_owned());
        assert_eq!(refused(&consent), expected, "{pointer}");
    }
}

#[test]
fn each_broken_rule_of_a_grant_is_refused_where_it_is_broken() {
    let one = "/provision/provision/0";
    let two = "/provision/provision/0/provision/0";
    let three = "/provision/provision/0/provision/0/provision/0";
    let rows = [
        ("/provision", "type", Some(json!("permit"))),
        ("/provision", "type", None),
        ("/provision", "provision", None),
        ("/provision", "provision", Some(json!([]))),
        ("/provision", "period", Some(json!({"end": "2027"}))),
        ("/provision", "securityLabel", Some(label("theme", "housing"))),
        (one, "type", Some(json!("deny"))),
        (one, "type", None),
        (one, "actor", None),
        (one, "actor", Some(json!([]))),
        (one, "actor", Some(actor("CST"))),
        (one, "purpose", None),
        (one, "provision", Some(json!([]))),
        (two, "type", Some(json!("permit"))),
        (three, "type", Some(json!("deny"))),
        (three, "provision", Some(json!([{"type": "deny"}]))),
    ];
    for (parent, key, value) in rows {
        let mut consent = grant();
        put(&mut consent, &format!("{parent}/{key}"), value);
        let place = path(parent);
        let expected = (error::Kind::Unprocessable, format!("{place}.{key}"));
        assert_eq!(refused(&consent), expected, "{parent}/{key}");
    }
    let mut nested = prohibition();
    put(&mut nested, "/provision/provision", Some(json!([{"type": "permit"}])));
    assert_eq!(refused(&nested).1, "Consent.provision.provision");
    let mut permitting = prohibition();
    put(&mut permitting, "/provision/type", Some(json!("permit")));
    assert_eq!(refused(&permitting).1, "Consent.provision.type");
}

#[test]
fn each_condition_no_decision_understands_is_refused_where_it_stands() {
    let code = json!([{"coding": [{"system": format!("{SYSTEMS}/theme"), "code": "housing"}]}]);
    let many = json!([label("theme", "housing")[0], label("theme", "wealth")[0]]);
    let nobody = json!([{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"display": "x"}}]);
    let nothing = json!([{"meaning": "near", "reference": {"reference": "Goal/1"}}]);
    let rows = [
        ("code", code, ""),
        ("frobnicate", json!(true), ""),
        ("securityLabel", label("theme", "wealth"), "[0]"),
        ("securityLabel", many, "[1]"),
        ("securityLabel", label("class", "secret"), "[0]"),
        ("securityLabel", label("register", ""), "[0]"),
        ("securityLabel", label("genre", "x"), "[0]"),
        ("securityLabel", json!([{"code": "housing"}]), "[0]"),
        ("securityLabel", json!([]), ""),
        ("period", json!({"end": "soon"}), ""),
        ("period", json!({"start": "2027-01-01", "end": "2026-01-01"}), ""),
        ("period", json!({"end": "2026-01-01T12:00:00"}), ""),
        ("dataPeriod", json!({}), ""),
        ("purpose", purpose("CURIOSITY"), "[0]"),
        ("purpose", json!([{"system": "urn:other", "code": "TREAT"}]), "[0]"),
        ("actor", actor("INF"), "[0]"),
        ("actor", nobody, "[0]"),
        ("action", json!([{"coding": [{"code": "peek"}]}]), "[0]"),
        ("class", json!([{"system": "urn:ietf:bcp:13", "code": "text/plain"}]), "[0]"),
        ("data", nothing, "[0]"),
        ("data", json!([{"meaning": "instance"}]), "[0]"),
    ];
    for (key, value, index) in rows {
        for (parent, whole) in [
            ("/provision", prohibition()),
            ("/provision/provision/0", grant()),
            ("/provision/provision/0/provision/0/provision/0", grant()),
        ] {
            let mut consent = whole;
            put(&mut consent, &format!("{parent}/{key}"), Some(value.clone()));
            let expected = format!("{}.{key}{index}", path(parent));
            assert_eq!(refused(&consent), (error::Kind::Unprocessable, expected), "{value}");
        }
    }
}

/// A JSON pointer to a provision as a `FHIRPath`.
fn path(pointer: &str) -> String {
    pointer.split('/').skip(1).fold("Consent".to_owned(), |path, step| {
        match step.parse::<usize>() {
            Ok(index) => format!("{path}[{index}]"),
            Err(_) => format!("{path}.{step}"),
        }
    })
}

proptest! {
    #[test]
    fn what_is_accepted_holds_nothing_a_decision_cannot_be_certain_of(
        root in prop_oneof![grant_roots(), rules(0, Some("deny"))],
        kind in prop::sample::select(vec!["grant", "prohibition"]),
    ) {
        let consent = signed(consent(kind, &root));
        let accepted = check(&consent).is_ok();
        let policy = Policy::parse(&consent, Origin::default());
        prop_assert!(!accepted || policy.is_certain());
    }
}
