//! `$extract` of an assessment that is sent: the Observations that this gateway would make of it.
//!
//! Part of `extract`. Looks at what the caller sent and at nothing that is held, so nothing is released and
//! nothing is recorded, as for `$validate`. They are those of an assessment that is kept, by the same
//! mapping; versions are for whoever keeps them to give. Source: Structured Data Capture 3.0,
//! `QuestionnaireResponse-extract`.

use std::sync::Arc;

use http::Response;
use serde_json::{Value, json};

use super::told;
use crate::{
    chance::SeededChance,
    compartment::Compartment,
    domain::{
        assessment::Assessment,
        id::{MAX_ID, may_be_id},
        part::{self, Parts},
    },
    error::{Error, Kind, Result},
    fhir::types::ResourceType::{Observation, QuestionnaireResponse},
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
        write,
        writing::faulty,
    },
    json,
    listen::body::Body,
    mapping::{answered, chart::Chart},
    native::{self, Native, Typed},
    respond,
    store::{Document, DocumentKind, Stored},
};

/// The parameter of the assessment.
const GIVEN: &str = "questionnaire-response";
/// What says nothing of the answers: who keeps them says it.
const ASIDE: [&str; 3] = ["identifier", "meta", "text"];
/// Stands for an id where none is sent.
const NAMELESS: &str = "nameless";
const NOTHING: &str = "Nothing of this assessment is a number: there is no Observation of it.";

impl Gateway {
    /// `POST /fhir/QuestionnaireResponse/$extract`.
    pub(crate) fn extract_given(&self, asked: &Asked<'_>) -> Result<Response<Body>> {
        content_type(asked.headers, FHIR_JSON)?;
        let body = json::parse(&asked.body, &self.limits.document)?;
        let mut given = given(body)?;
        let faults = self.fhir.faults(&given);
        if !faults.is_empty() {
            return Err(faulty(&faults));
        }
        let id = given.get("id").and_then(Value::as_str).unwrap_or(NAMELESS);
        let id: Arc<str> = id.into();
        let is_named = *id != *NAMELESS;
        if let Some(members) = given.as_object_mut() {
            members.retain(|name, _| !ASIDE.contains(&name.as_str()));
        }
        let patient = self.patient_of(&given)?;
        let read = answered::response(&given, &self.documents.forms);
        let mut document = read.map_err(|faults| faulty(&faults))?.document;
        document.insert("id".to_owned(), "given".into());
        document.insert("person".to_owned(), (*patient).into());
        let bytes = serde_json::to_vec(&document).map_err(Error::internal)?;
        let native = native::validate(&bytes, &self.rules(asked));
        let native = native.map_err(|faults| write::refused(&faults))?;
        let entry = |mut one: Value| {
            if let (Some(id), true) = (text(&one, "id"), is_named) {
                return self.put_elsewhere(&id, &one);
            }
            // Whoever makes it new there gives it an id, and nothing is there that it came from.
            if let Some(members) = one.as_object_mut() {
                members.retain(|name, _| name != "id" && name != "derivedFrom");
            }
            json!({ "resource": one, "request": { "method": "POST", "url": Observation.name() } })
        };
        let all = self.observations(&native, &id, patient)?.into_iter().map(entry);
        let all: Vec<Value> = all.collect();
        Ok(respond::directory(&told(&all, NOTHING), &asked.request_id))
    }

    /// The id of the person whose answers they are.
    fn patient_of(&self, given: &Value) -> Result<Arc<str>> {
        let subject = given.pointer("/subject/reference").and_then(Value::as_str);
        let own = format!("{}/", self.base);
        let subject = subject.map(|text| text.strip_prefix(&own).unwrap_or(text));
        let id = subject.and_then(|text| text.strip_prefix("Patient/"));
        let id = id.filter(|id| id.len() <= MAX_ID && may_be_id(id)).ok_or_else(|| {
            let say = "Name the person by reference: Patient/{id}.";
            Error::new(Kind::Unprocessable, say).at("QuestionnaireResponse.subject")
        })?;
        Ok(id.into())
    }

    /// What the mapping makes of a document, as if it were kept under this id.
    fn observations(
        &self,
        native: &Native,
        id: &Arc<str>,
        patient: Arc<str>,
    ) -> Result<Vec<Value>> {
        let Typed::Assessment(assessment) = native.typed() else {
            return Err(Error::internal("answers are an assessment"));
        };
        let stored = stored(native, assessment, id, patient)?;
        let compartment = Compartment::decode(&stored, &"".into())?;
        let chart = Chart::new(&compartment, &self.terms.directory);
        let mut all = Vec::new();
        for resource in chart.resources(&compartment, Observation) {
            let Some((mut one, _)) = chart.whole(resource)? else { continue };
            if let Some(meta) = one.get_mut("meta").and_then(Value::as_object_mut) {
                meta.retain(|name, _| name != "versionId" && name != "lastUpdated");
            }
            all.push(one);
        }
        Ok(all)
    }
}

/// The document as the first version of the only one of its person.
fn stored(
    native: &Native,
    assessment: &Assessment,
    id: &Arc<str>,
    patient: Arc<str>,
) -> Result<Stored> {
    let content = part::of_assessment(assessment);
    let at = assessment.authored;
    let parts = Parts::next(None, &content, at, &SeededChance::new(0));
    let document = Document {
        id: Arc::clone(id),
        kind: DocumentKind::Assessment,
        owner: "".into(),
        local_id: assessment.id.shared(),
        version: 1,
        recorded: at,
        parts: serde_json::to_vec(&parts).map_err(Error::internal)?.into(),
        body: Arc::clone(native.canonical()),
    };
    Ok(Stored { patient, version: 1, changed: at, audit_key: [0; 32], documents: vec![document] })
}

/// The assessment, sent alone or as `questionnaire-response` of Parameters.
fn given(body: Value) -> Result<Value> {
    let is = |value: &Value, kind: &str| value.get("resourceType").is_some_and(|of| of == kind);
    let named = |one: &Value| one.get("name").is_some_and(|name| name == GIVEN);
    let resource = if is(&body, "Parameters") {
        let all = json::list(&body, "parameter");
        match all {
            [one] if named(one) => one.get("resource").cloned(),
            _ => None,
        }
    } else {
        Some(body)
    };
    resource.filter(|one| is(one, QuestionnaireResponse.name())).ok_or_else(|| {
        let say =
            "Send one QuestionnaireResponse, alone or as the one parameter questionnaire-response.";
        Error::new(Kind::Unprocessable, say).at(QuestionnaireResponse.name())
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}
