//! What peers say of who would be permitted to see a person, each about its own data.
//!
//! Part of the step `federation`, for `$explain`. A peer finds the person as in every other question, and
//! decides by itself whether the caller may be told. Its answer is checked for whose it is and passes
//! unchanged.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::Value;

use crate::{
    domain::id::{NodeCode, node_of},
    federation::{
        State,
        age::known,
        ask::{Asking, Source},
        outcome::Outcome,
        page::lying,
    },
    fhir::types::ResourceType,
    json,
    query::{Person, Query},
};

/// A peer's part of an explanation.
pub struct Explained {
    /// The peer.
    pub node: NodeCode,
    /// Was it reached?
    pub state: State,
    /// The person's Patient there, and what is said of it; none where there is nobody for the caller.
    pub said: Option<(Arc<str>, Value)>,
    /// From when its life counts, as a page's does.
    pub asked_at: Duration,
}

impl Source {
    /// What it says of the person, asked in these words and this language.
    pub async fn explained(
        &self,
        asking: &Arc<Asking>,
        person: &Person,
        (body, language): (Bytes, &str),
    ) -> Explained {
        let mut since = asking.clock.elapsed();
        let part =
            |state, said, asked_at| Explained { node: self.code.clone(), state, said, asked_at };
        let id = match person {
            Person::Id(id) if node_of(id).as_ref() == Some(&self.code) => id.clone(),
            Person::Id(id) => {
                let of_patient = Arc::new(asking.about(ResourceType::Patient));
                let query = Query::everything(ResourceType::Patient, id);
                let reply = self.about_one(&of_patient, &query, person).await;
                let Some(answered) = reply.answered else {
                    return part(reply.state, None, since);
                };
                since = answered.asked_at;
                let Some(patient) = answered.entries.into_iter().next() else {
                    return part(reply.state, None, since);
                };
                patient.id
            }
            Person::Identifier(..) => return part(State::NotReached, None, since),
        };
        let asked_at = asking.clock.elapsed();
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/fhir/Patient/{id}/$explain"))
            .header(header::CONTENT_TYPE, "application/fhir+json")
            .header(header::ACCEPT_LANGUAGE, language);
        match self.send(asking, request, body).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                if let Some(said) = checked(reply.body(), &id) {
                    let since = since.min(known(&reply, asked_at));
                    return part(State::Complete, Some((id.into(), said)), since);
                }
                tracing::warn!(source.name = %self.code, reason = %lying(), "source lied");
                part(State::NotReached, None, since)
            }
            Outcome::Answered(reply) if reply.status() == StatusCode::NOT_FOUND => {
                part(State::Complete, None, since)
            }
            Outcome::Answered(_) | Outcome::Failed(_) | Outcome::Refused(_) | Outcome::TimedOut => {
                part(State::NotReached, None, since)
            }
        }
    }
}

/// A `Parameters` about this Patient.
fn checked(body: &[u8], patient: &str) -> Option<Value> {
    let limits = json::Limits { bytes: body.len(), ..json::Limits::default() };
    let value = json::parse(body, &limits).ok()?;
    let parameters = value.get("parameter")?.as_array()?;
    let mut of = parameters.iter().filter(|one| one.get("name").is_some_and(|n| n == "patient"));
    let reference = of.next()?.pointer("/valueReference/reference")?.as_str()?;
    let is_one = value.get("resourceType")? == "Parameters" && of.next().is_none();
    (is_one && reference.strip_prefix("Patient/") == Some(patient)).then_some(value)
}
