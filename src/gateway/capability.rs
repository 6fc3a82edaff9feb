//! What the gateway can do, in FHIR: the `CapabilityStatement`, from the tables the roads obey.
//!
//! Made at start-up. Lists exactly the resource types, interactions and search parameters that work. Source:
//! FHIR R4 capabilitystatement.html.

use serde_json::{Value, json};

use crate::{
    bundle::notification::BACKPORT,
    domain::moment::Moment,
    fhir::{guide, labels::CANONICAL, types::ResourceType},
    notify::topic::Topic,
    query::{linked, param},
};

/// What holds of all types.
const SAY: &str = "Every read and search takes _format (json), _pretty, _summary or _elements; every \
    search _count, _sort by any of its parameters but _profile and _security, _total, _include, \
    _revinclude (both with :iterate, at most 10), conditions on neighbours by chains and _has (at most \
    10, each over three references). All of it sees what the caller may see and nothing else. Across \
    people the order is that of Patient ids. What is included lives at the same gateway as its match; \
    references to other gateways are not followed. Of the directory, whose resources are nobody's, \
    there are no chains and no _has. MyLife-Nodes names the nodes to ask. Documents for \
    everybody and files of exports are packed with gzip where that is asked for; another answer about \
    somebody never is.";
/// What `$circle-of-life` gives.
const CIRCLE: &str = "The Circle of Life of an assessment, of a person the latest (date, compare: days): \
                      a picture (image/svg+xml), a page (text/html) or numbers (Parameters).";

/// What `$populate` gives.
const POPULATE: &str =
    "For subject: the form with the answers of the latest assessment, to be answered anew.";
/// What `$explain` gives.
const EXPLANATION: &str = "What a caller would be permitted to see of this person, class by class, and by \
    which consent or law. For the person, for whoever acts for the person, and for the officers of the law \
    table.";
/// What `$collective-plan` gives.
const COLLECTIVE: &str = "Everything that is planned with the person, from every gateway, as one plan with \
    what in it does not fit together: a Bundle, or a page (text/html).";

/// What `$extract` gives.
const EXTRACT: &str = "The Observations of an assessment, as a transaction for another server: of one that \
    is held here, what the caller may see; of one that is sent (questionnaire-response), all that this \
    gateway would make of it.";

/// Operations of our own, by type, with what of each R4 has no element for.
const OPERATIONS: [(ResourceType, &str, &str); 8] = [
    (ResourceType::Consent, "import", "Writes a Consent of another form."),
    (ResourceType::Consent, "receipt", "The citizen's receipt."),
    (ResourceType::QuestionnaireResponse, "circle-of-life", CIRCLE),
    (ResourceType::QuestionnaireResponse, "extract", EXTRACT),
    (ResourceType::Questionnaire, "populate", POPULATE),
    (ResourceType::Patient, "explain", EXPLANATION),
    (ResourceType::Patient, "circle-of-life", CIRCLE),
    (ResourceType::Patient, "collective-plan", COLLECTIVE),
];

/// What of answers is taken.
const ANSWERS: &str = "By the person, a representative, or a system for whom it can see; answers to a     Questionnaire published here, all of them kept or none. Of an identifier of its sender's there is one.";

/// What of a plan is taken.
const PLANNED: &str = "By the system that keeps the plan, with If-Match of the version it read or by a \
    condition on what it sees; all of a resource is kept or none, and what its writer does not see of it \
    stays. What is sent in one transaction is one version of one plan; a Goal is created with the CarePlan \
    that names it, and what points at a Goal that is deleted does so no longer.";
/// The same of a Task, which may stand beside a plan too.
const PROPOSED: &str = "Also by whoever sees a plan and does not keep it, as a proposal (code proposal): who \
    keeps the plan goes on to accepted, rejected and completed, who made it to cancelled, with If-Match. A \
    hand-over of case management (code hand-over) is accepted by the successor. Each is sent alone, here or to \
    any gateway that asks the one that keeps the plan, which decides; the same sent again under one \
    X-Request-Id is one proposal.";

/// The same of a Task, which may be of no plan.
const REVIEWED: &str = "Who reviews accesses in an emergency for the organisation that holds the data finds them \
    by code=emergency-review alone, also across people, and completes each with If-Match, a finding and at \
    most one note.";

/// What `$evaluate-measure` gives.
const EVALUATION: &str = "How many people are in each cell of an outcome indicator in a calendar year \
    that has ended (periodStart, periodEnd; reportType=summary): by municipality, county, age group and \
    theme. For systems with the purpose HOUTCOMS, of those whose consent or a law permits it for that. \
    Numbers are rounded, small ones and what would let them be worked out are masked.";

/// How a type of which plans consist is written, in words.
fn how_planned(kind: ResourceType) -> String {
    if kind == ResourceType::Task {
        format!("{PLANNED} {PROPOSED} {REVIEWED}")
    } else {
        PLANNED.to_owned()
    }
}

/// How what is of a plan is written.
const WRITES: [&str; 3] = ["create", "update", "delete"];

/// Can it be deleted? A plan itself ends and stays.
fn is_deleted(kind: ResourceType) -> bool {
    kind.is_planned() && kind != ResourceType::CarePlan
}

/// What of a subscription is taken.
const SUBSCRIPTIONS: &str = "Topic-based, in the R4 form of the Subscriptions R5 Backport: criteria is the \
    canonical of a topic, backport-filter-criteria names up to 100 people (Type?patient=Patient/id,...), \
    the channel is a rest-hook to a place that is registered for the client, \
    backport-payload-content empty, id-only or full-resource. Whoever a filter names need not exist. \
    A subscriber is told of what differs in what it may see at the moment of sending, and numbers count \
    that alone. Each notification is signed: header MyLife-Signature.";
const SUBSCRIPTION: ResourceType = ResourceType::Subscription;

/// The `CapabilityStatement` of a gateway at `base`.
pub fn statement(base: &str, security: &Value, published: Moment) -> Value {
    let group = json!({ "type": "Group", "operation": [export("group-export")] });
    let of_resources = ResourceType::ALL.iter().filter(|kind| **kind != SUBSCRIPTION);
    let known = of_resources.copied().map(resource).chain([subscription()]);
    let guide = guide::TYPES.map(|kind| {
        let say = "Our profiles and terminology, without a token.";
        let interaction = json!([{ "code": "read" }]);
        let mut of_guide =
            json!({ "type": kind, "interaction": interaction, "documentation": say });
        if let (Some(of_guide), "Measure") = (of_guide.as_object_mut(), kind) {
            of_guide.insert("operation".to_owned(), json!([evaluation()]));
        }
        of_guide
    });
    let resources: Vec<Value> = known.chain([group]).chain(guide).collect();
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
            "documentation": SAY,
            "security": security,
            "resource": resources,
            "interaction": [
                { "code": "batch" },
                { "code": "transaction", "documentation": "Of reads, or of what is of one plan." },
            ],
            "compartment": ["http://hl7.org/fhir/CompartmentDefinition/patient"],
            "operation": [export("export")],
        }],
    })
}

/// A bulk export; the group of a node's code is everybody of whom that node releases something.
fn export(of: &str) -> Value {
    let definition = format!("http://hl7.org/fhir/uv/bulkdata/OperationDefinition/{of}");
    json!({ "name": "export", "definition": definition })
}

/// An outcome indicator is counted.
fn evaluation() -> Value {
    let definition = format!("{CANONICAL}/OperationDefinition/Measure-evaluate-measure");
    json!({ "name": "evaluate-measure", "definition": definition, "documentation": EVALUATION })
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
    let mut interactions = vec![json!({ "code": "read" }), json!({ "code": "search-type" })];
    if kind.has_history() {
        let more = ["vread", "history-instance", "history-type"];
        interactions.extend(more.map(|code| json!({ "code": code })));
    }
    if kind == ResourceType::QuestionnaireResponse {
        interactions.push(json!({ "code": "create", "documentation": ANSWERS }));
    }
    if kind.is_planned() {
        let taken = if is_deleted(kind) { &WRITES[..] } else { &WRITES[..2] };
        let say = how_planned(kind);
        let of = |code: &&str| json!({ "code": code, "documentation": say });
        interactions.extend(taken.iter().map(of));
    }
    if kind == ResourceType::Consent {
        interactions.extend(["create", "update"].map(|code| json!({ "code": code })));
    }
    let params = param::COMMON.iter().chain(param::of(kind));
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
        "searchParam": params.map(|param| search_param(kind, *param)).collect::<Vec<_>>(),
    });
    let Some(object) = value.as_object_mut() else { return value };
    for (name, all) in [("searchInclude", includes(kind)), ("searchRevInclude", back(kind))] {
        if !all.is_empty() {
            object.insert(name.to_owned(), json!(all));
        }
    }
    let mut operations = operations(kind);
    operations.push(json!({
        "name": "validate",
        "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate",
        "documentation": "Against FHIR R4 and the profiles it names; a Consent and answers against \
                          this gateway's forms too. Without mode and profile.",
    }));
    object.insert("operation".to_owned(), operations.into());
    if kind.is_planned() {
        object.insert("conditionalCreate".to_owned(), json!(true));
        object.insert("conditionalUpdate".to_owned(), json!(true));
        object.insert("updateCreate".to_owned(), json!(false));
        let deleted = if is_deleted(kind) { "single" } else { "not-supported" };
        object.insert("conditionalDelete".to_owned(), json!(deleted));
    }
    if kind == ResourceType::QuestionnaireResponse {
        object.insert("conditionalCreate".to_owned(), json!(true));
    }
    if kind == ResourceType::Consent {
        object.insert("conditionalCreate".to_owned(), json!(true));
        object.insert("conditionalUpdate".to_owned(), json!(true));
        object.insert("updateCreate".to_owned(), json!(false));
    }
    value
}

/// Subscriptions, which belong to clients.
fn subscription() -> Value {
    let topics = Topic::ALL.map(|topic| {
        json!({
            "url": format!("{BACKPORT}/capabilitystatement-subscriptiontopic-canonical"),
            "valueCanonical": topic.canonical(),
        })
    });
    let about = Topic::ALL.map(|topic| format!("{}: {}", topic.canonical(), topic.say()));
    let interactions = ["create", "read", "update", "delete", "search-type"];
    let params = [("_id", "token"), ("status", "token"), ("criteria", "string"), ("url", "uri")];
    let operation = |name: &str| {
        let of = format!("backport-subscription-{name}");
        let definition =
            format!("http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/{of}");
        json!({ "name": name, "definition": definition })
    };
    let operations = ["status", "events"].map(operation);
    json!({
        "extension": topics,
        "type": SUBSCRIPTION.name(),
        "supportedProfile": [format!("{BACKPORT}/backport-subscription")],
        "documentation": format!("{SUBSCRIPTIONS} Topics: {}", about.join(" ")),
        "interaction": interactions.map(|code| json!({ "code": code })),
        "versioning": "no-version",
        "readHistory": false,
        "updateCreate": false,
        "searchParam": params.map(|(name, kind)| json!({ "name": name, "type": kind })),
        "operation": operations,
    })
}

/// A parameter, with what of it R4 has no element for.
fn search_param(kind: ResourceType, (name, of): param::Param) -> Value {
    let mut value = json!({ "name": name, "type": of.code() });
    let mut say = Vec::new();
    let modifiers = param::modifiers(kind, name);
    if !modifiers.is_empty() {
        say.push(format!("Modifiers: {}.", modifiers.join(", ")));
    }
    let chained = param::targets(kind, name).iter().filter(|to| linked::is_linked(**to));
    let chained: Vec<&str> = chained.map(|to| to.name()).collect();
    if of == param::Type::Reference && kind.is_personal() && !chained.is_empty() {
        say.push(format!("Chained to {}.", chained.join(", ")));
    }
    if param::is_private(kind, name) {
        say.push("In a body alone: POST _search.".to_owned());
    }
    if let (Some(object), false) = (value.as_object_mut(), say.is_empty()) {
        object.insert("documentation".to_owned(), say.join(" ").into());
    }
    value
}

/// What `_include` takes for a type.
fn includes(kind: ResourceType) -> Vec<String> {
    let of = |(name, _): &&param::Param| !param::targets(kind, name).is_empty();
    param::of(kind).iter().filter(of).map(|(name, _)| format!("{kind}:{name}")).collect()
}

/// What `_revinclude` takes for a type.
fn back(kind: ResourceType) -> Vec<String> {
    let others = ResourceType::ALL.iter().filter(|from| linked::may_come_back(**from, kind));
    let named = others.flat_map(|from| {
        let of = move |(name, _): &&param::Param| param::targets(*from, name).contains(&kind);
        param::of(*from).iter().filter(of).map(move |(name, _)| format!("{from}:{name}"))
    });
    named.collect()
}

/// The operations of a type, with what of each R4 has no element for.
fn operations(kind: ResourceType) -> Vec<Value> {
    let operation = |(_, name, documentation): &(ResourceType, &str, &str)| {
        let of = format!("{}-{name}", kind.name());
        let definition = format!("{CANONICAL}/OperationDefinition/{of}");
        json!({ "name": name, "definition": definition, "documentation": documentation })
    };
    let own = OPERATIONS.iter().filter(|(of, ..)| *of == kind);
    let mut all: Vec<Value> = own.map(operation).collect();
    if kind == ResourceType::Patient {
        all.push(export("patient-export"));
        all.push(json!({
            "name": "everything",
            "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
            "documentation": "With _type, _since and _count; without start and end. What the log says \
                              is searched by itself.",
        }));
    }
    all
}
