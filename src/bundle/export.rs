//! The lines of an export's file, piece by piece, and what is said of a job.
//!
//! Part of `bundle`. A line is a resource as the reader sees it. With `_elements` it is cut from those
//! bytes, never from more, and says so by `SUBSETTED`. Source: Bulk Data Access 2.0, `export.html#file-request`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Answer, Disclosure, Said, disclosure, note, peers_disclosure};
use crate::{
    domain::id::NodeCode,
    error::{Error, Result},
    federation::Entry,
    fhir::types::ResourceType,
    query::page::Sealer,
    search::Hit,
};

/// Lines in the making.
pub struct Lines<'a> {
    node: &'a NodeCode,
    sealer: &'a dyn Sealer,
    /// The elements asked for; `None` for all.
    elements: Option<&'a [String]>,
    body: Vec<u8>,
    disclosures: Vec<Disclosure>,
}

impl<'a> Lines<'a> {
    /// No line yet.
    pub fn new(node: &'a NodeCode, sealer: &'a dyn Sealer, elements: Option<&'a [String]>) -> Self {
        Self { node, sealer, elements, body: Vec::new(), disclosures: Vec::new() }
    }

    /// Adds what is seen of a resource.
    ///
    /// # Errors
    /// `Internal` if what was released is no JSON.
    pub fn add(&mut self, hit: &Hit) -> Result<()> {
        let written = hit.view.written(&hit.resource, &hit.sight, self.sealer);
        match self.elements {
            None => self.body.extend_from_slice(&written.text),
            Some(elements) => {
                let cut = subset(&written.text, hit.resource.kind, elements)?;
                serde_json::to_writer(&mut self.body, &cut).map_err(Error::internal)?;
            }
        }
        self.body.push(b'\n');
        note(&mut self.disclosures, disclosure(hit, self.node));
        Ok(())
    }

    /// Adds what a peer released.
    ///
    /// # Errors
    /// As [`Lines::add`].
    pub fn pass(&mut self, entry: &Entry) -> Result<()> {
        let released = entry.resource.get().as_bytes();
        match self.elements {
            // A line has no line break of its own.
            None if !released.contains(&b'\n') => self.body.extend_from_slice(released),
            None => {
                let value: Value = serde_json::from_slice(released).map_err(Error::internal)?;
                serde_json::to_writer(&mut self.body, &value).map_err(Error::internal)?;
            }
            Some(elements) => {
                let cut = subset(released, entry.kind, elements)?;
                serde_json::to_writer(&mut self.body, &cut).map_err(Error::internal)?;
            }
        }
        self.body.push(b'\n');
        note(&mut self.disclosures, peers_disclosure(entry));
        Ok(())
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Is there no line?
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The finished page of another gateway: a Bundle of the lines, and where it goes on.
    pub fn close_page(mut self, next: Option<&str>, known_current: Duration) -> Answer {
        let mut body = br#"{"resourceType":"Bundle","type":"collection""#.to_vec();
        if let Some(url) = next {
            let link = json!([{ "relation": "next", "url": url }]);
            body.extend_from_slice(format!(",\"link\":{link}").as_bytes());
        }
        let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (number, line) in lines.enumerate() {
            let before: &[u8] = if number == 0 { b",\"entry\":[" } else { b"," };
            body.extend_from_slice(before);
            body.extend_from_slice(b"{\"resource\":");
            body.extend_from_slice(line);
            body.push(b'}');
        }
        if !self.body.is_empty() {
            body.push(b']');
        }
        body.push(b'}');
        self.body = body;
        self.close(known_current)
    }

    /// The finished piece.
    pub fn close(self, known_current: Duration) -> Answer {
        let said = Said::new(self.body.into(), None, self.disclosures);
        Answer::new(Arc::new(Said { lasts: false, ..said }), known_current)
    }
}

/// What is said of a job: nothing of anybody.
pub fn about_job(said: &Value, known_current: Duration) -> Answer {
    let said = Said::new(said.to_string().into(), None, Vec::new());
    Answer::new(Arc::new(Said { lasts: false, ..said }), known_current)
}

/// Root elements that a resource cannot be without.
const fn required(kind: ResourceType) -> &'static [&'static str] {
    match kind {
        ResourceType::QuestionnaireResponse | ResourceType::Questionnaire => &["status"],
        ResourceType::Observation => &["status", "code"],
        ResourceType::CarePlan | ResourceType::ServiceRequest => &["status", "intent", "subject"],
        ResourceType::Goal => &["lifecycleStatus", "description", "subject"],
        ResourceType::Task => &["status", "intent"],
        ResourceType::Consent => &["status", "scope", "category", "policy", "policyRule"],
        ResourceType::Provenance => &["target", "recorded", "agent"],
        ResourceType::RelatedPerson => &["patient"],
        ResourceType::AuditEvent => &["type", "recorded", "agent", "source"],
        ResourceType::Organization => &["identifier", "name"],
        ResourceType::CareTeam
        | ResourceType::HealthcareService
        | ResourceType::Location
        | ResourceType::Patient
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole => &[],
    }
}

/// A released resource with these root elements alone, and those it cannot be without.
///
/// # Errors
/// `Internal` if it is no JSON object.
pub fn subset(released: &[u8], kind: ResourceType, elements: &[String]) -> Result<Value> {
    let mut value: Value = serde_json::from_slice(released).map_err(Error::internal)?;
    let members =
        value.as_object_mut().ok_or_else(|| Error::internal("a resource is an object"))?;
    let always = ["resourceType", "id", "meta"];
    members.retain(|name, _| {
        let name = name.as_str();
        always.contains(&name)
            || required(kind).contains(&name)
            || elements.iter().any(|element| element == name)
    });
    let tag = json!({
        "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
        "code": "SUBSETTED",
    });
    if let Some(meta) = members.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("tag".to_owned(), json!([tag]));
    }
    Ok(value)
}
