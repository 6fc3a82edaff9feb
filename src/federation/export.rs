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
    Entry, Gone,
    age::known,
    ask::{Asking, Source, trouble},
    outcome::Outcome,
    page::{Link, about, lying, resource},
};
use crate::{
    domain::{
        id::{NodeCode, is_id, node_of},
        moment::Moment,
    },
    error::Result,
    fhir::types::ResourceType,
};

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
    /// There it is.
    Done(Done),
    /// The peer was not reached, or has it no more.
    Lost,
}

/// A part that is ready to be taken.
#[derive(Debug, Eq, PartialEq)]
pub struct Done {
    /// Of what instant it is.
    pub at: Moment,
    /// Its files: type and link of each.
    pub files: Vec<(ResourceType, String)>,
    /// Links of the files of what is there no more.
    pub gone: Vec<String>,
}

/// A piece of a file.
pub struct Piece<T> {
    /// What the peer released.
    pub lines: Vec<T>,
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

/// That something is there no more.
#[derive(Deserialize)]
struct Transaction {
    #[serde(rename = "resourceType")]
    kind: String,
    #[serde(rename = "type")]
    sort: String,
    link: Vec<Link>,
    entry: Vec<Deletion>,
}

#[derive(Deserialize)]
struct Deletion {
    request: Deleted,
}

#[derive(Deserialize)]
struct Deleted {
    method: String,
    url: String,
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
                tracing::warn!(source.name = %self.code, reason = %other, "source failed");
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
                done(reply.body()).map_or(Progress::Lost, Progress::Done)
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
                tracing::warn!(source.name = %self.code, reason = %other, "source failed");
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
    ) -> Result<Piece<Entry>> {
        let checked = |line: &RawValue| resource(line.get().as_bytes(), &self.code, kind, &[]);
        self.piece(asking, link, checked).await
    }

    /// A piece of one of its files of what of these types is there no more: of each person, which.
    ///
    /// # Errors
    /// As [`Source::export_piece`].
    pub async fn export_gone(
        &self,
        asking: &Arc<Asking>,
        link: &str,
        kinds: &[ResourceType],
    ) -> Result<Piece<Gone>> {
        let checked = |line: &RawValue| gone(line.get(), &self.code, kinds).ok_or_else(lying);
        self.piece(asking, link, checked).await
    }

    async fn piece<T>(
        &self,
        asking: &Arc<Asking>,
        link: &str,
        checked: impl Fn(&RawValue) -> Result<T>,
    ) -> Result<Piece<T>> {
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
                let lines = bundle.entry.iter().map(|one| checked(one.resource));
                let lines = lines.collect::<Result<Vec<_>>>()?;
                let next = bundle.link.iter().find(|link| link.relation == "next");
                let next = match next {
                    None => None,
                    Some(next) => {
                        let link = sealed(&next.url, "/fhir/$export-file/");
                        Some(link.ok_or_else(lying)?)
                    }
                };
                Ok(Piece { lines, next, asked_at: known(&reply, asked_at) })
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
fn done(body: &[u8]) -> Option<Done> {
    let manifest: Value = serde_json::from_slice(body).ok()?;
    let at = manifest.get("transactionTime").and_then(Value::as_str).and_then(Moment::parse)?;
    let few = |all: &&Vec<Value>| all.len() <= FILES;
    let output = manifest.get("output").and_then(Value::as_array).filter(few)?;
    let place = |one: &Value| sealed(one.get("url")?.as_str()?, "/fhir/$export-file/");
    let file = |one: &Value| {
        let kind = ResourceType::parse(one.get("type")?.as_str()?)?;
        Some((kind, place(one)?))
    };
    let files = output.iter().map(file).collect::<Option<Vec<_>>>()?;
    let deleted = manifest.get("deleted").map(|all| all.as_array().filter(few));
    let deleted = deleted.map_or(Some([].as_slice()), |all| all.map(Vec::as_slice))?;
    let gone = deleted.iter().map(place).collect::<Option<Vec<_>>>()?;
    Some(Done { at, files, gone })
}

/// What a line of a peer's says is there no more; `None` if it says anything else, or it of another's.
fn gone(line: &str, node: &NodeCode, kinds: &[ResourceType]) -> Option<Gone> {
    let said: Transaction = serde_json::from_str(line).ok()?;
    if (&*said.kind, &*said.sort) != ("Bundle", "transaction") {
        return None;
    }
    let one = |Deletion { request }: &Deletion| {
        let (kind, id) = request.url.split_once('/')?;
        let kind = ResourceType::parse(kind).filter(|kind| kinds.contains(kind))?;
        let is_own = request.method == "DELETE" && is_id(id) && node_of(id).as_ref() == Some(node);
        is_own.then(|| (kind, id.into()))
    };
    let resources = said.entry.iter().map(one).collect::<Option<_>>()?;
    Some(Gone { node: node.clone(), patient: about(&said.link, node)?, resources })
}

/// The sealed end of a link of a peer's; where the rest of it points is not followed.
fn sealed(url: &str, place: &str) -> Option<String> {
    let (_, link) = url.split_once(place)?;
    let fits = (1..=LONGEST).contains(&link.len())
        && link.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    fits.then(|| link.to_owned())
}
