//! The answer that is an explanation: `Parameters`, one part a class.
//!
//! Part of `bundle`. It names consents and laws by reference and says the rest in one sentence; its
//! record says which consents were named. Source: FHIR R4 parameters.html, operations.html.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Answer, Disclosure, said};
use crate::{
    consent::explain::{
        By, Explanation, Row,
        about::About,
        words::{class, sentence},
    },
    domain::{id::NodeCode, moment::Moment},
    federation::State,
    fhir::{
        coding,
        labels::{CANONICAL, CLASS, Labels, THEME},
        types::ResourceType,
    },
};

/// Somebody was told of the person by a ground that was declared: in an emergency, or in spite of a
/// prohibition.
pub struct Use {
    /// When.
    pub at: Moment,
    /// The organisation, `urn:oid:...`.
    pub organization: String,
    /// The role of who asked.
    pub role: Option<String>,
    /// The ground.
    pub ground: Option<String>,
    /// Why, as it was declared.
    pub reason: String,
    /// What a second person found, once somebody did.
    pub reviewed: Option<Reviewed>,
    /// When the person was told of it, once somebody did.
    pub notified: Option<Moment>,
}

/// What a second person found of it.
pub struct Reviewed {
    /// When.
    pub at: Moment,
    /// Who, as they are named.
    pub by: String,
    /// Was it justified?
    pub justified: bool,
}

/// What one gateway has to say.
pub struct Part {
    /// The gateway.
    pub node: NodeCode,
    /// Was it reached?
    pub state: State,
    /// What it says, and what its record is; none where there is nobody for the caller.
    pub said: Option<(Value, Disclosure)>,
}

impl Part {
    /// What a peer says of its Patient: on whom the record here is, and no more.
    pub fn of_peer(node: &NodeCode, patient: Arc<str>, said: Value) -> (Value, Disclosure) {
        let told_of = Disclosure {
            patient,
            audit_key: None,
            resources: Vec::new(),
            labels: Labels::default(),
            basis: Vec::new(),
            source: node.clone(),
        };
        (said, told_of)
    }
}

/// The answer to `$explain`, in one of the three languages.
pub fn explained(
    explanation: &Explanation,
    uses: &[Use],
    language: &str,
    here: (&NodeCode, Moment),
    known_current: Duration,
) -> Answer {
    let (body, told_of) = told(explanation, uses, language, here);
    said::of_people(&body, vec![told_of], known_current)
}

/// The answer of several gateways: the part of each, with its node and whether it was reached.
pub fn everywhere(
    parts: Vec<Part>,
    language: &str,
    now: Moment,
    known_current: Duration,
) -> Answer {
    let mut disclosures = Vec::new();
    let mut all = vec![json!({ "name": "at", "valueInstant": now })];
    for Part { node, state, said } in parts {
        let mut part = vec![
            json!({ "name": "code", "valueCode": node.as_str() }),
            json!({ "name": "completeness", "valueCode": state.code() }),
        ];
        if let Some((said, told_of)) = said {
            part.push(json!({ "name": "explanation", "resource": said }));
            disclosures.push(told_of);
        }
        all.push(json!({ "name": "node", "part": part }));
    }
    let body = json!({
        "resourceType": "Parameters",
        "language": language,
        "meta": { "profile": [format!("{CANONICAL}/StructureDefinition/mylife-explanations")] },
        "parameter": all,
    });
    said::of_people(&body, disclosures, known_current)
}

/// What is told of the gateway's own data, and its record.
pub fn told(
    explanation: &Explanation,
    uses: &[Use],
    language: &str,
    (node, now): (&NodeCode, Moment),
) -> (Value, Disclosure) {
    let (patient, key) = explanation.audit_key();
    let told_of = Disclosure {
        patient: Arc::clone(patient),
        audit_key: Some(key),
        resources: named(explanation.rows()),
        labels: Labels::default(),
        basis: Vec::new(),
        source: node.clone(),
    };
    let part = |row| part(row, explanation, language);
    let parts: Vec<Value> = explanation.rows().iter().map(part).collect();
    let uses = uses.iter().map(|used| use_of(used, explanation, language));
    let head = [
        json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{patient}") } }),
        json!({ "name": "at", "valueInstant": now }),
    ];
    let body = json!({
        "resourceType": "Parameters",
        "language": language,
        "meta": { "profile": [format!("{CANONICAL}/StructureDefinition/mylife-explanation")] },
        "parameter": head.into_iter().chain(parts).chain(uses).collect::<Vec<_>>(),
    });
    (body, told_of)
}

/// The Consents that are named, each once.
fn named(rows: &[Row]) -> Vec<(ResourceType, Arc<str>)> {
    let mut all = Vec::new();
    for by in rows.iter().flat_map(|row| row.basis.iter().chain(&row.against)) {
        if let By::Consent(id) = by {
            let one = (ResourceType::Consent, Arc::clone(id));
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

fn part(row: &Row, explanation: &Explanation, language: &str) -> Value {
    let mut parts = vec![json!({ "name": "about", "valueCoding": coding(row.about, language) })];
    if let Some(withheld) = row.about.class() {
        let withheld = coding::coding(CLASS, withheld.code());
        parts.push(json!({ "name": "withheld", "valueCoding": withheld }));
    }
    parts.push(json!({ "name": "permitted", "valueBoolean": row.permitted }));
    if row.partly {
        parts.push(json!({ "name": "partly", "valueBoolean": true }));
    }
    parts.push(json!({ "name": "step", "valueCode": row.why.code() }));
    parts.extend(row.basis.iter().map(|by| basis("permitted-by", by, language)));
    parts.extend(row.against.iter().map(|by| basis("forbidden-by", by, language)));
    let sentence = sentence(row, explanation.caller(), language);
    parts.push(json!({ "name": "sentence", "valueString": sentence }));
    json!({ "name": "class", "part": parts })
}

fn use_of(used: &Use, explanation: &Explanation, language: &str) -> Value {
    let organization = json!({ "system": "urn:ietf:rfc:3986", "value": used.organization });
    let mut parts = vec![
        json!({ "name": "at", "valueInstant": used.at }),
        json!({ "name": "organization", "valueIdentifier": organization }),
    ];
    parts.extend(used.role.iter().map(|role| json!({ "name": "role", "valueString": role })));
    let ground = used.ground.as_deref();
    parts.extend(ground.map(|id| json!({ "name": "law", "valueString": id })));
    let title = ground.and_then(|id| explanation.title(id)).map(|title| title.of(language));
    parts.extend(title.map(|title| json!({ "name": "title", "valueString": title })));
    parts.push(json!({ "name": "reason", "valueString": used.reason }));
    if let Some(Reviewed { at, by, justified }) = &used.reviewed {
        parts.push(json!({ "name": "justified", "valueBoolean": justified }));
        parts.push(json!({ "name": "reviewed", "valueInstant": at }));
        parts.push(json!({ "name": "reviewer", "valueString": by }));
    }
    let notified = |at: Moment| json!({ "name": "notified", "valueInstant": at });
    parts.extend(used.notified.map(notified));
    json!({ "name": "use", "part": parts })
}

fn coding(about: About, language: &str) -> Value {
    let (system, code) = match about {
        About::Theme(theme, _) => (THEME.to_owned(), theme.code()),
        About::Unclassified(_) => (format!("{CANONICAL}/CodeSystem/explained"), "unclassified"),
        About::Records => (format!("{CANONICAL}/CodeSystem/explained"), "records"),
    };
    json!({ "system": system, "code": code, "display": class(about, language) })
}

fn basis(name: &str, by: &By, language: &str) -> Value {
    let reference = |to: String| json!({ "name": name, "valueReference": { "reference": to } });
    let word = |code: &str| json!({ "name": name, "valueCode": code });
    match by {
        By::Consent(id) => reference(format!("Consent/{id}")),
        By::Representation(who) => reference(who.to_string()),
        By::Register => word("same-register"),
        By::Officer => word("officer"),
        By::Writer => word("writer"),
        By::Law { id, reference, .. } => {
            let mut part = vec![json!({ "name": "law", "valueString": &**id })];
            let title = reference.as_ref().map(|title| title.of(language));
            part.extend(title.map(|title| json!({ "name": "title", "valueString": title })));
            json!({ "name": name, "part": part })
        }
    }
}
