//! What each operation of the gateway's own takes and gives: its `OperationDefinition`s.
//!
//! Made at start-up, for anybody to read; the `CapabilityStatement` names them. The parameters of
//! `$explain` are those that its reader knows. Source: FHIR R4 operationdefinition.html.

use serde_json::{Value, json};

use crate::{
    consent::explain::question::{KNOWN, REQUIRED},
    domain::moment::Moment,
    fhir::labels::CANONICAL,
};

/// One operation.
struct Operation {
    /// Type and code, as in the id of its definition.
    on: (&'static str, &'static str),
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// Of one resource, or of the type?
    of_one: bool,
    affects_state: bool,
    /// What it gives: a type, and what it is.
    gives: (&'static str, &'static str),
}

const ALL: [Operation; 6] = [
    Operation {
        on: ("Consent", "import"),
        name: "ImportConsent",
        title: "Write a Consent of another form",
        description: "Takes a Consent that does not have this gateway's form and keeps of it what it \
                      surely permits and all that it may forbid. Each narrowing is told with its place.",
        of_one: false,
        affects_state: true,
        gives: ("OperationOutcome", "What was narrowed, and where."),
    },
    Operation {
        on: ("Consent", "receipt"),
        name: "ConsentReceipt",
        title: "The receipt of a Consent",
        description: "What was agreed to and what became of it, with the fields of ISO/IEC TS 27560, \
                      for whoever may read the Consent.",
        of_one: true,
        affects_state: false,
        gives: ("Binary", "The receipt, as application/json."),
    },
    Operation {
        on: ("Patient", "explain"),
        name: "ExplainAccess",
        title: "What somebody would be permitted to see, and by what",
        description: "Class by class: permitted or not, by which consent or law, in one sentence in \
                      Finnish, Swedish or English (Accept-Language). For the person, for whoever acts \
                      for the person, and for the officers of the law table. A gateway without data \
                      asks those it is told of and gives each answer with its node.",
        of_one: true,
        affects_state: false,
        gives: (
            "Parameters",
            "One part `class` for each class, one `use` for each declared ground.",
        ),
    },
    Operation {
        on: ("Patient", "circle-of-life"),
        name: "CircleOfLife",
        title: "The Circle of Life of a person",
        description: "The person's latest assessment up to a day, beside that of another day where \
                      one is named: numbers (Parameters), a page (text/html) or a picture \
                      (image/svg+xml), by Accept or _format.",
        of_one: true,
        affects_state: false,
        gives: ("Parameters", "The numbers of each theme, and how complete each source is."),
    },
    Operation {
        on: ("QuestionnaireResponse", "circle-of-life"),
        name: "CircleOfLifeOfOne",
        title: "The Circle of Life of an assessment",
        description: "One assessment as numbers (Parameters), a page (text/html) or a picture \
                      (image/svg+xml), by Accept or _format.",
        of_one: true,
        affects_state: false,
        gives: ("Parameters", "The numbers of each theme."),
    },
    Operation {
        on: ("Patient", "collective-plan"),
        name: "CollectivePlan",
        title: "All plans of a person as one",
        description: "Everything that is planned with the person, from every gateway, with what in it \
                      does not fit together: a Bundle, or a page (text/html).",
        of_one: true,
        affects_state: false,
        gives: ("Bundle", "A collection: the plan and what it was put together of."),
    },
];

/// Each with its id, `{type}-{code}`.
pub(super) fn definitions(published: Moment) -> impl Iterator<Item = (String, Value)> {
    ALL.iter().map(move |operation| {
        let (kind, code) = operation.on;
        let id = format!("{kind}-{code}");
        let value = json!({
            "resourceType": "OperationDefinition",
            "id": id,
            "url": format!("{CANONICAL}/OperationDefinition/{id}"),
            "version": env!("CARGO_PKG_VERSION"),
            "name": operation.name,
            "title": operation.title,
            "status": "active",
            "kind": "operation",
            "date": published.to_string(),
            "description": operation.description,
            "affectsState": operation.affects_state,
            "code": code,
            "resource": [kind],
            "system": false,
            "type": !operation.of_one,
            "instance": operation.of_one,
            "parameter": parameters(operation),
        });
        (id, value)
    })
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let mut all: Vec<Value> = match operation.on {
        ("Patient", "explain") => KNOWN.iter().map(asked).collect(),
        ("Patient", "circle-of-life") => vec![
            taken("date", "date", "Of the assessments up to this day, the last."),
            taken("compare", "date", "The day of the one it is compared with."),
        ],
        ("Consent", "import") => vec![json!({
            "name": "resource", "use": "in", "min": 1, "max": "1", "type": "Consent",
            "documentation": "The Consent, as the body.",
        })],
        _ => Vec::new(),
    };
    let (kind, documentation) = operation.gives;
    all.push(json!({
        "name": "return", "use": "out", "min": 1, "max": "1", "type": kind,
        "documentation": documentation,
    }));
    all
}

fn taken(name: &str, kind: &str, documentation: &str) -> Value {
    json!({
        "name": name, "use": "in", "min": 0, "max": "1", "type": kind,
        "documentation": documentation,
    })
}

/// A parameter that names the caller who is asked about.
fn asked((name, member, most): &(&str, &str, usize)) -> Value {
    let kind = match member.strip_prefix("value").unwrap_or(member) {
        complex @ ("Identifier" | "Reference") => complex.to_owned(),
        primitive => primitive.to_ascii_lowercase(),
    };
    let least = u8::from(REQUIRED.contains(name));
    json!({ "name": name, "use": "in", "min": least, "max": most.to_string(), "type": kind })
}
