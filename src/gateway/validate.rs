//! `POST /fhir/{type}/$validate`: what of a resource is not as FHIR R4 has it, and where.
//!
//! Looks at what the caller sent and at nothing that is held, so nothing is released and nothing is
//! recorded. Each issue names element, line and column, and what must be so. Source: FHIR R4
//! resource-operation-validate.html, operationoutcome.html.

use http::Response;
use serde_json::{Value, json};

use crate::{
    consent::profile,
    domain::questionnaire::Questionnaires,
    error::{Error, Kind, Result},
    fhir::{
        schema::{Fault, Validator},
        types::ResourceType,
    },
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
    },
    json::{self, members},
    listen::body::Body,
    mapping::answered::misanswered,
    respond,
};

/// HL7's extensions for a place in the text.
const LINE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line";
const COLUMN: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col";

impl Gateway {
    /// Says what is wrong with a resource, given alone or as `resource` of Parameters.
    pub(crate) fn validate(&self, asked: &Asked<'_>, kind: ResourceType) -> Result<Response<Body>> {
        content_type(asked.headers, FHIR_JSON)?;
        let text = str::from_utf8(&asked.body)
            .map_err(|_| Error::invalid("The body is not UTF-8; save it so."))?;
        let value = match json::parse(&asked.body, &self.limits.document) {
            Ok(value) => value,
            Err(error) if error.kind() == Kind::TooLarge => return Err(error),
            // It was asked whether it is as it must be: it is not.
            Err(error) => {
                let outcome = respond::issues(&[(
                    "error",
                    "invalid",
                    error.say().to_owned(),
                    error.expression().first().cloned(),
                )]);
                return Ok(respond::directory(&outcome, &asked.request_id));
            }
        };
        let in_parameters = value.get("resourceType").is_some_and(|of| of == "Parameters");
        let (resource, prefix) = if in_parameters {
            let all = value.get("parameter").and_then(Value::as_array).into_iter().flatten();
            let mut named = all
                .enumerate()
                .filter(|(_, one)| one.get("name").and_then(Value::as_str) == Some("resource"));
            let found = named.next().and_then(|(at, one)| Some((at, one.get("resource")?)));
            let (at, resource) = found.ok_or_else(|| {
                Error::invalid("Name the resource: a parameter resource.")
                    .at("Parameters.parameter")
            })?;
            (resource, format!("Parameters.parameter[{at}].resource"))
        } else {
            (&value, String::new())
        };
        let faults = self.faults(resource, kind);
        let issues = faults.iter().map(|fault| issue(fault, "error", text, &prefix));
        let mut issues: Vec<Value> = issues.collect();
        if issues.is_empty() {
            issues.push(json!({
                "severity": "information",
                "code": "informational",
                "diagnostics": format!("This {kind} is as FHIR R4 has it."),
            }));
            let advice = self.fhir.advice(resource);
            issues.extend(advice.iter().map(|one| issue(one, "warning", text, &prefix)));
        }
        let outcome = json!({ "resourceType": "OperationOutcome", "issue": issues });
        Ok(respond::directory(&outcome, &asked.request_id))
    }

    fn faults(&self, resource: &Value, kind: ResourceType) -> Vec<Fault> {
        let of = resource.get("resourceType").and_then(Value::as_str);
        if of != Some(kind.name()) {
            let expression = format!("{kind}.resourceType");
            let say = format!("must be {kind}, as the address says");
            return vec![Fault { expression, say }];
        }
        judged(resource, &self.fhir, &self.documents.forms)
    }
}

/// What of a resource is not as FHIR R4 has it; of a Consent also what this gateway's form refuses, and of
/// answers to one of our forms what the form does not ask.
pub fn judged(resource: &Value, fhir: &Validator, forms: &Questionnaires) -> Vec<Fault> {
    let mut faults = fhir.faults(resource);
    if !faults.is_empty() {
        return faults;
    }
    match resource.get("resourceType").and_then(Value::as_str).and_then(ResourceType::parse) {
        Some(ResourceType::Consent) => {
            faults.extend(profile::check(resource).err().map(|error| Fault {
                expression: error.expression().first().map_or("Consent", String::as_str).to_owned(),
                say: error.say().to_owned(),
            }));
        }
        Some(ResourceType::QuestionnaireResponse) => faults = misanswered(resource, forms),
        Some(_) | None => {}
    }
    faults
}

fn issue(fault: &Fault, severity: &str, text: &str, prefix: &str) -> Value {
    let expression = &fault.expression;
    let inner = expression.split_once('.').map_or("", |(_, inner)| inner);
    let whole = if prefix.is_empty() { expression.clone() } else { format!("{prefix}.{inner}") };
    let (line, column) = members::place(text, &whole);
    let place = |url: &str, number: usize| json!({ "url": url, "valueInteger": number });
    json!({
        "extension": [place(LINE, line), place(COLUMN, column)],
        "severity": severity,
        "code": "invalid",
        "diagnostics": format!("Line {line}, column {column}: {expression} {}.", fault.say),
        "expression": [expression],
    })
}
