//! `fhir::schema`: a small good resource of each type, and one fault each with its exact words.

use std::sync::LazyLock;

use mylife::fhir::schema::{MOST_FAULTS, Validator};
use serde_json::{Value, json};

/// Compiled once for all tests of this file, as a gateway does.
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new().unwrap());

#[test]
fn a_good_resource_of_each_type_has_no_fault() {
    let resources = good();
    for resource in &resources {
        assert_eq!(VALIDATOR.faults(resource), [], "{resource}");
        assert!(VALIDATOR.accepts(resource));
    }
    let bundle = json!({
        "resourceType": "Bundle", "type": "collection",
        "entry": resources.iter().map(|r| json!({"resource": r})).collect::<Vec<_>>(),
    });
    assert_eq!(VALIDATOR.faults(&bundle), []);
}

#[test]
fn every_type_the_schema_serves_has_a_good_resource_here() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../schemas/fhir/fhir.schema.json")).unwrap();
    let served = &schema["definitions"]["ResourceList"]["properties"]["resourceType"]["enum"];
    let mut shown: Vec<_> = good().iter().map(|r| r["resourceType"].clone()).collect();
    shown.sort_by_key(ToString::to_string);
    assert_eq!(&Value::from(shown), served);
}

/// Rows of type, patch, expression and words; the patch laid over the good resource is one fault.
#[test]
fn each_fault_is_told_at_its_place_in_our_words() {
    let rows: Vec<(String, Value, String, String)> =
        serde_json::from_str(include_str!("../../tables/fhir-faults.json")).unwrap();
    for (kind, patch, expression, say) in rows {
        let mut resource = sample(&kind);
        lay(&mut resource, &patch);
        let faults = VALIDATOR.faults(&resource);
        let [fault] = faults.as_slice() else { panic!("{kind} {patch}: {faults:?}") };
        assert_eq!((&fault.expression, &fault.say), (&expression, &say), "{kind} {patch}");
        assert!(!VALIDATOR.accepts(&resource));
    }
}

/// Rows of type and patch; what is bound to a system with a grammar may be all that the grammar has.
#[test]
fn codes_of_systems_without_a_list_are_taken_in_every_form_they_have() {
    let in_system =
        |code: &str| json!({ "coding": [{ "system": "urn:ietf:bcp:47", "code": code }] });
    let spoken = |language: Value| json!({ "communication": [{ "language": language }] });
    let mut rows = vec![
        ("Patient", spoken(in_system("fi-FI"))),
        // The largest set there may be says nothing of a language that has no code at hand.
        ("Patient", spoken(json!({ "text": "karjala" }))),
        ("HealthcareService", json!({ "communication": [in_system("sv")] })),
        (
            "CapabilityStatement",
            json!({ "format": ["json", "application/fhir+json;fhirVersion=4.0"] }),
        ),
        ("Subscription", json!({ "channel": { "payload": "application/fhir+json" } })),
        (
            "Measure",
            json!({ "group": { "population": { "criteria": { "language": "text/cql" } } } }),
        ),
    ];
    let tags = ["se", "smn", "sv-FI", "fi-x-selko", "zh-min-nan", "sr-Latn-RS", "de-CH-1901"];
    let more = ["es-419", "en-US-u-ca-gregory", "i-klingon", "sgn-BE-FR", "und", "FI"];
    rows.extend(tags.into_iter().chain(more).map(|tag| ("Consent", json!({ "language": tag }))));
    let sources = ["application/pdf", "text/html; charset=utf-8", "text/plain;x=\"a b\""];
    rows.extend(sources.map(|of| {
        let attached = json!({ "contentType": of, "title": "Form" });
        ("Consent", json!({ "sourceAttachment": attached, "sourceReference": null }))
    }));
    for (kind, patch) in rows {
        let mut resource = sample(kind);
        lay(&mut resource, &patch);
        assert_eq!(VALIDATOR.faults(&resource), [], "{kind} {patch}");
        assert!(VALIDATOR.accepts(&resource));
    }
}

#[test]
fn what_is_no_resource_of_ours_is_told_at_its_root() {
    let say = |value: Value| {
        let faults = VALIDATOR.faults(&value);
        assert_eq!(faults.len(), 1, "{faults:?}");
        (faults[0].expression.clone(), faults[0].say.clone())
    };
    let row = |expression: &str, say: &str| (expression.to_owned(), say.to_owned());
    assert_eq!(say(json!([])), row("Resource", "must be an object"));
    assert_eq!(say(json!({})), row("Resource.resourceType", "is required"));
    assert_eq!(
        say(json!({"resourceType": "Medication"})),
        row(
            "Medication.resourceType",
            "must be one of the 35 types of FHIR R4 that are known here"
        )
    );
    assert_eq!(
        say(json!({"resourceType": "131052-308T"})),
        row("Resource.resourceType", "must be one of the 35 types of FHIR R4 that are known here")
    );
}

#[test]
fn nothing_of_the_input_but_a_plain_name_is_repeated() {
    let mut consent = sample("Consent");
    consent["131052-308T"] = json!("010190-999X");
    consent["status"] = json!("010190-999X");
    consent["dateTime"] = json!("010190-999X");
    let told = format!("{:?}", VALIDATOR.faults(&consent));
    assert!(!told.contains("010190-999X") && !told.contains("131052-308T"), "{told}");
    assert!(told.contains("has a member that is not an element of FHIR R4"), "{told}");
}

#[test]
fn a_flood_of_faults_is_cut() {
    let mut consent = sample("Consent");
    consent["category"] = Value::from(vec![json!({"text": 1}); 500]);
    assert_eq!(VALIDATOR.faults(&consent).len(), MOST_FAULTS);
}

#[test]
fn a_primitive_may_be_given_by_its_extension_alone() {
    let mut response = sample("QuestionnaireResponse");
    response.as_object_mut().unwrap().remove("status");
    response["_status"] = json!({"extension": [{
        "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown",
    }]});
    response["item"][0]["answer"][0]["_valueInteger"] = json!({"id": "a1"});
    assert_eq!(VALIDATOR.faults(&response), []);
}

/// JSON Merge Patch (RFC 7396), and an object laid over a list changes its first item.
fn lay(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object().filter(|members| !members.is_empty()) else {
        *target = patch.clone();
        return;
    };
    let target = if target.is_array() { &mut target[0] } else { target };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            lay(&mut target[name], value);
        }
    }
}

/// One hand-written resource of each type.
fn good() -> Vec<Value> {
    serde_json::from_str(include_str!("../../fixtures/fhir/good.json")).unwrap()
}

fn sample(kind: &str) -> Value {
    good().into_iter().find(|resource| resource["resourceType"] == kind).unwrap()
}
