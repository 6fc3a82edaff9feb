//! What the gateway can do, in FHIR: the `CapabilityStatement`, from the tables the roads obey.
//!
//! Made at start-up. Lists exactly the resource types, interactions and search parameters that work. Source:
//! FHIR R4 capabilitystatement.html.

use serde_json::{Value, json};

use crate::{
    domain::moment::Moment,
    fhir::{labels::CANONICAL, types::ResourceType},
    query::param,
};

/// What `$circle-of-life` gives.
const CIRCLE: &str = "The Circle of Life of an assessment, of a person the latest (date, compare: days): \
                      a picture (image/svg+xml), a page (text/html) or numbers (Parameters).";

/// The `CapabilityStatement` of a gateway at `base`.
pub fn statement(base: &str, security: &Value, published: Moment) -> Value {
    let group = json!({ "type": "Group", "operation": [export("group-export")] });
    let known = ResourceType::ALL.iter().copied().map(resource);
    let resources: Vec<Value> = known.chain([group]).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "url": format!("{CANONICAL}/CapabilityStatement/gateway"),
        "version": env!("CARGO_PKG_VERSION"),
        "name": "MyLifeGateway",
        "title": "My Life gateway",
        "status": "active",
        "date": published.to_string(),
        "kind": "instance",
        "instantiates": ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"],
        "software": { "name": "mylife", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "My Life gateway", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{
            "mode": "server",
            "security": security,
            "resource": resources,
            "operation": [export("export")],
        }],
    })
}

/// A bulk export; the group of a node's code is everybody of whom that node releases something.
fn export(of: &str) -> Value {
    let definition = format!("http://hl7.org/fhir/uv/bulkdata/OperationDefinition/{of}");
    json!({ "name": "export", "definition": definition })
}

/// A resource of the directory with its `meta`.
pub fn stamped(mut value: Value, published: Moment) -> Value {
    let kind = value.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    let profile = format!("{CANONICAL}/StructureDefinition/mylife-{}", kind.to_ascii_lowercase());
    let meta = json!({
        "versionId": published.seconds().to_string(),
        "lastUpdated": published.to_string(),
        "profile": [profile],
    });
    if let Some(object) = value.as_object_mut() {
        object.insert("meta".to_owned(), meta);
    }
    value
}

fn resource(kind: ResourceType) -> Value {
    let params = param::COMMON
        .iter()
        .chain(param::of(kind))
        .map(|(name, of)| json!({ "name": name, "type": of.code() }));
    let mut interactions = vec![json!({ "code": "read" }), json!({ "code": "search-type" })];
    if kind.has_history() {
        let more = ["vread", "history-instance", "history-type"];
        interactions.extend(more.map(|code| json!({ "code": code })));
    }
    if kind == ResourceType::Consent {
        interactions.extend(["create", "update"].map(|code| json!({ "code": code })));
    }
    let mut value = json!({
        "type": kind.name(),
        "profile": format!(
            "{CANONICAL}/StructureDefinition/mylife-{}",
            kind.name().to_ascii_lowercase()
        ),
        "interaction": interactions,
        "versioning": if kind.has_history() { "versioned" } else { "no-version" },
        "readHistory": kind.has_history(),
        "conditionalRead": if kind.has_history() { "full-support" } else { "not-supported" },
        "searchParam": params.collect::<Vec<_>>(),
    });
    if let (Some(object), ResourceType::Consent) = (value.as_object_mut(), kind) {
        let operation = |name: &str| {
            let definition = format!("{CANONICAL}/OperationDefinition/consent-{name}");
            json!({ "name": name, "definition": definition })
        };
        object.insert("operation".to_owned(), json!([operation("import"), operation("receipt")]));
        object.insert("conditionalCreate".to_owned(), json!(true));
        object.insert("conditionalUpdate".to_owned(), json!(true));
        object.insert("updateCreate".to_owned(), json!(false));
    }
    let operations = operations(kind);
    if let (Some(object), false) = (value.as_object_mut(), operations.is_empty()) {
        let operation = |(name, documentation): &(&str, &str)| {
            let of = format!("{}-{name}", kind.name());
            let definition = format!("{CANONICAL}/OperationDefinition/{of}");
            json!({ "name": name, "definition": definition, "documentation": documentation })
        };
        let mut all: Vec<Value> = operations.iter().map(operation).collect();
        all.extend((kind == ResourceType::Patient).then(|| export("patient-export")));
        object.insert("operation".to_owned(), all.into());
    }
    value
}

/// Operations beside those on Consents: name, and what it is for.
fn operations(kind: ResourceType) -> &'static [(&'static str, &'static str)] {
    if kind == ResourceType::QuestionnaireResponse {
        return &[("circle-of-life", CIRCLE)];
    }
    if kind != ResourceType::Patient {
        return &[];
    }
    &[
        (
            "explain",
            "What a caller would be permitted to see of this person, class by class, and by which \
             consent or law. For the person, for whoever acts for the person, and for the officers \
             of the law table.",
        ),
        ("circle-of-life", CIRCLE),
        (
            "collective-plan",
            "Everything that is planned with the person, from every gateway, as one plan with what in \
             it does not fit together: a Bundle, or a page (text/html).",
        ),
    ]
}
