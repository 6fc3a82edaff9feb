//! A proposal on its way to the gateway that holds the plan it is about, and what that gateway says to it.
//!
//! Part of asking peers. It is decided there; here its answer is read as far as it is told on: where the
//! proposal is and its version, or which refusal it is and where in the Task. Nothing is told on in that
//! gateway's words: what they say nobody here has looked at. Who sends the same twice under one
//! request id has one proposal there, so a question whose answer is lost may be put again. It must not
//! decide. Source: FHIR R4 http.html#create, #update.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{self, CONTENT_TYPE},
};
use serde_json::Value;

use super::{
    ask::{Asking, Source},
    outcome::Outcome,
};
use crate::{
    domain::id::{MAX_ID, may_be_id, node_of},
    error::{Error, Kind, Result},
    fhir::{elements::element, types::ResourceType::Task},
    json,
};

/// What may be done there: that, and reading what it is about.
const SCOPES: &str = "system/*.rs system/Task.cu";
/// Refusals that are told on, each in words of our own; with any other the gateway could not be asked.
const TOLD: [(Kind, &str); 8] = [
    (Kind::Conflict, "Where the plan is kept this is not as it was: read it again, then write."),
    (Kind::Forbidden, "The gateway that keeps the plan does not let this caller do that."),
    (Kind::Invalid, "The gateway that keeps the plan cannot read it: correct what is named."),
    (Kind::NotSupported, "The gateway that keeps the plan does not do what this asks for."),
    (Kind::PreconditionFailed, "There is another version by now: read it, and send its ETag."),
    (Kind::TooCostly, "It would cost the gateway that keeps the plan too much: ask for less."),
    (Kind::TooLarge, "It is larger than the gateway that keeps the plan takes: send less."),
    (
        Kind::Unprocessable,
        "The gateway that keeps the plan does not take it: correct what is named.",
    ),
];
/// Most places that are told on.
const PLACES: usize = 50;

/// A new proposal, or the next version of one.
pub struct Sent<'a> {
    /// Its id there; a new one has none.
    pub id: Option<&'a str>,
    /// Under which conditions: `If-Match`, `If-None-Exist`.
    pub conditions: HeaderMap,
    /// The Task.
    pub task: &'a Value,
}

/// What became of it.
pub struct Kept {
    /// Its id there.
    pub id: String,
    /// Was it not there before?
    pub is_new: bool,
    /// The version under which its writer reads it.
    pub version: Option<HeaderValue>,
}

impl Source {
    /// Takes a proposal to the gateway that keeps the plan.
    ///
    /// # Errors
    /// What that gateway refuses it with; `SourceFailed` or `SourceTimeout` when it cannot be asked.
    pub async fn propose(&self, asking: &Arc<Asking>, sent: Sent<'_>) -> Result<Kept> {
        let (method, path) = match sent.id {
            Some(id) => (Method::PUT, format!("/fhir/{Task}/{id}")),
            None => (Method::POST, format!("/fhir/{Task}")),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/fhir+json");
        if let Some(headers) = request.headers_mut() {
            headers.extend(sent.conditions);
        }
        let body = Bytes::from(sent.task.to_string());
        match self.send_under(SCOPES, asking, request, body).await {
            Outcome::Answered(reply) if reply.status().is_success() => self.kept(&reply, sent.id),
            Outcome::Answered(reply) => Err(refused(&reply, sent.task)),
            Outcome::TimedOut => Err(unanswered(Kind::SourceTimeout)),
            Outcome::Failed(_) | Outcome::Refused(_) => Err(unanswered(Kind::SourceFailed)),
        }
    }

    /// Where it is, as the gateway says; it is its own, and the one that was meant.
    fn kept(&self, reply: &Response<Bytes>, meant: Option<&str>) -> Result<Kept> {
        let text = |name| reply.headers().get(name)?.to_str().ok();
        let of_type = format!("/{Task}/");
        let at = text(header::LOCATION).and_then(|at| at.rsplit_once(of_type.as_str()));
        let is_its = |id: &&str| {
            id.len() <= MAX_ID
                && may_be_id(id)
                && node_of(id).as_ref() == Some(self.node())
                && meant.is_none_or(|meant| meant == *id)
        };
        let id = at.map(|(_, id)| id).filter(is_its);
        let id = id.ok_or_else(|| unanswered(Kind::SourceFailed))?.to_owned();
        let version = reply.headers().get(header::ETAG).cloned();
        Ok(Kept { id, is_new: reply.status() == StatusCode::CREATED, version })
    }
}

/// A refusal by the gateway that keeps the plan; what is hidden there is as absent here too, and so is what
/// is gone, as nothing says whose it was.
fn refused(reply: &Response<Bytes>, task: &Value) -> Error {
    let limits = json::Limits::default();
    let Ok(outcome) = json::parse(reply.body(), &limits) else {
        return unanswered(Kind::SourceFailed);
    };
    let issue = outcome.pointer("/issue/0").unwrap_or(&Value::Null);
    let code = issue.get("code").and_then(Value::as_str);
    let is = |kind: Kind| {
        let shape = kind.shape();
        shape.status == reply.status().as_u16() && Some(shape.code) == code
    };
    if is(Kind::NotFound) || is(Kind::Gone) {
        return Error::not_found();
    }
    let Some((kind, say)) = TOLD.into_iter().find(|(kind, _)| is(*kind)) else {
        return unanswered(Kind::SourceFailed);
    };
    let places = issue.get("expression").and_then(Value::as_array).into_iter().flatten();
    let places = places.filter_map(|place| known_place(place.as_str()?, task)).take(PLACES);
    places.fold(Error::new(kind, say), Error::at)
}

/// A place in a Task, as far as it is one: an element that every Task may have, and below it what the one
/// that was sent has.
fn known_place(said: &str, task: &Value) -> Option<String> {
    let mut parts = said.split('.');
    let mut place = parts.next().filter(|first| *first == Task.name())?.to_owned();
    let mut at = Some(task);
    for (depth, part) in parts.enumerate() {
        let (name, number) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
            Some((name, number)) => (name, Some(number.parse::<u16>().ok()?)),
            None => (part, None),
        };
        let below = at.and_then(|at| at.get(name));
        if below.is_none() && (depth > 0 || element(Task, name).is_none_or(|of| of.name != name)) {
            break;
        }
        place = format!("{place}.{name}");
        at = below;
        if let Some(number) = number {
            place = format!("{place}[{number}]");
            at = at.and_then(|at| at.get(usize::from(number)));
        }
    }
    Some(place)
}

/// Whether it was kept is not known.
fn unanswered(kind: Kind) -> Error {
    let say = "The gateway that keeps the plan did not say what became of it: send the same again with the \
               same X-Request-Id, and it is kept once.";
    Error::new(kind, say)
}
