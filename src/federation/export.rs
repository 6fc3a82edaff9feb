//! A peer's part of an export: begun there, asked how far it is, taken piece by piece, ended.
//!
//! Part of the step `federation`. The peer releases for the caller on whose behalf it is asked, and each
//! piece is a question of its own, so that it is as fresh as any answer. What it sends is checked as a
//! page is, before a line of it is passed on.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    Entry,
    age::known,
    ask::{Asking, Source, trouble},
    outcome::Outcome,
    page::{Link, lying, resource},
};
use crate::{domain::moment::Moment, error::Result, fhir::types::ResourceType};

/// Longest link of a peer's.
const LONGEST: usize = 1024;
/// Most files of a peer's part.
const FILES: usize = 20_000;

/// What came of a kick-off.
#[derive(Debug, Eq, PartialEq)]
pub enum Begun {
    /// The link that says how far it is; and since when what that tells is known, as a page's.
    There(String, Duration),
    /// Who is named there is not there for the caller.
    Nobody,
    /// The peer was not reached, or did not answer as a gateway does.
    Lost,
}

/// How far a peer's part is.
#[derive(Debug, Eq, PartialEq)]
pub enum Progress {
    /// Not done.
    Waits,
    /// Of this instant, with these files: type and link of each.
    Done(Moment, Vec<(ResourceType, String)>),
    /// The peer was not reached, or has it no more.
    Lost,
}

/// A piece of a file.
pub struct Piece {
    /// What the peer released.
    pub entries: Vec<Entry>,
    /// The link of the next piece.
    pub next: Option<String>,
    /// From when its life counts, as a page's does.
    pub asked_at: Duration,
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "resourceType")]
    kind: &'a str,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(borrow, default)]
    entry: Vec<One<'a>>,
}

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    resource: &'a RawValue,
}

impl Source {
    /// Begins its part, by this `Parameters` resource.
    pub async fn begin_export(&self, asking: &Arc<Asking>, parameters: &Value) -> Begun {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/fhir/Patient/$export")
            .header(header::CONTENT_TYPE, "application/fhir+json")
            .header("prefer", "respond-async");
        let asked_at = asking.clock.elapsed();
        match self.send(asking, request, parameters.to_string().into()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::ACCEPTED => {
                let place = reply.headers().get(header::CONTENT_LOCATION);
                let link = place.and_then(|place| place.to_str().ok());
                let link = link.and_then(|url| sealed(url, "/fhir/$export-status/"));
                link.map_or(Begun::Lost, |link| Begun::There(link, known(&reply, asked_at)))
            }
            Outcome::Answered(reply) if reply.status() == StatusCode::NOT_FOUND => Begun::Nobody,
            other @ (Outcome::Answered(_)
            | Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::TimedOut) => {
                tracing::warn!(source.name = %self.code, reason = %trouble(&other), "source failed");
                Begun::Lost
            }
        }
    }

    /// How far its part is.
    pub async fn export_progress(&self, asking: &Arc<Asking>, link: &str) -> Progress {
        let request =
            Request::builder().method(Method::GET).uri(format!("/fhir/$export-status/{link}"));
        match self.send(asking, request, Bytes::new()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                done(reply.body()).unwrap_or(Progress::Lost)
            }
            Outcome::Answered(reply)
                if [StatusCode::ACCEPTED, StatusCode::TOO_MANY_REQUESTS]
                    .contains(&reply.status()) =>
            {
                Progress::Waits
            }
            other @ (Outcome::Answered(_)
            | Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::TimedOut) => {
                tracing::warn!(source.name = %self.code, reason = %trouble(&other), "source failed");
                Progress::Lost
            }
        }
    }

    /// A piece of one of its files.
    ///
    /// # Errors
    /// `SourceFailed` or `SourceTimeout` when the peer cannot be asked or answers what is not its own.
    pub async fn export_piece(
        &self,
        asking: &Arc<Asking>,
        link: &str,
        kind: ResourceType,
    ) -> Result<Piece> {
        let asked_at = asking.clock.elapsed();
        let request =
            Request::builder().method(Method::GET).uri(format!("/fhir/$export-file/{link}"));
        match self.send(asking, request, Bytes::new()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                let bundle: Bundle<'_> =
                    serde_json::from_slice(reply.body()).map_err(|_| lying())?;
                if bundle.kind != "Bundle" {
                    return Err(lying());
                }
                let entries = bundle.entry.iter();
                let entries = entries
                    .map(|one| resource(one.resource.get().as_bytes(), &self.code, kind, &[]))
                    .collect::<Result<Vec<_>>>()?;
                let next = bundle.link.iter().find(|link| link.relation == "next");
                let next = match next {
                    None => None,
                    Some(next) => {
                        let link = sealed(&next.url, "/fhir/$export-file/");
                        Some(link.ok_or_else(lying)?)
                    }
                };
                Ok(Piece { entries, next, asked_at: known(&reply, asked_at) })
            }
            other @ (Outcome::Answered(_)
            | Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::TimedOut) => Err(trouble(&other)),
        }
    }

    /// Ends its part; if it is not reached, it ends by itself.
    pub async fn end_export(&self, asking: &Arc<Asking>, link: &str) {
        let request =
            Request::builder().method(Method::DELETE).uri(format!("/fhir/$export-status/{link}"));
        drop(self.send(asking, request, Bytes::new()).await);
    }
}

/// What a finished manifest says.
fn done(body: &[u8]) -> Option<Progress> {
    let manifest: Value = serde_json::from_slice(body).ok()?;
    let at = manifest.get("transactionTime").and_then(Value::as_str).and_then(Moment::parse)?;
    let output = manifest.get("output").and_then(Value::as_array).filter(|o| o.len() <= FILES)?;
    let file = |one: &Value| {
        let kind = ResourceType::parse(one.get("type")?.as_str()?)?;
        Some((kind, sealed(one.get("url")?.as_str()?, "/fhir/$export-file/")?))
    };
    output.iter().map(file).collect::<Option<Vec<_>>>().map(|files| Progress::Done(at, files))
}

/// The sealed end of a link of a peer's; where the rest of it points is not followed.
fn sealed(url: &str, place: &str) -> Option<String> {
    let (_, link) = url.split_once(place)?;
    let fits = (1..=LONGEST).contains(&link.len())
        && link.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    fits.then(|| link.to_owned())
}
