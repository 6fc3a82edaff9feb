//! A peer's page of a history, checked before it is passed on.
//!
//! Part of the step `federation`. An entry that is not the peer's own, not of the person or not of the
//! type costs the peer its whole page. Versions pass as they were released.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Entry, Gone,
    page::{Link, MOST, about, cursor, lying, resource},
};
use crate::{
    domain::{
        id::{NodeCode, is_id, node_of},
        moment::Moment,
    },
    error::Result,
    query::history::Asked,
};

/// A page that passed.
pub struct Page {
    /// Its entries, in the peer's order.
    pub entries: Vec<Then>,
    /// Its total.
    pub total: Option<usize>,
    /// The peer's cursor for the next page.
    pub next: Option<String>,
}

/// One version, or that there was none any more.
pub struct Then {
    /// FHIR id.
    pub id: String,
    /// Was there none before it?
    pub is_new: bool,
    /// When it came to be.
    pub at: Moment,
    /// The version, or that nothing was left.
    pub left: Left,
}

/// What was left of a resource.
pub enum Left {
    /// A version.
    Entry(Entry),
    /// Nothing.
    Nothing(Gone),
}

impl Left {
    /// Id of the Patient whose it is, or was.
    pub fn patient(&self) -> &Arc<str> {
        match self {
            Self::Entry(entry) => &entry.patient,
            Self::Nothing(gone) => &gone.patient,
        }
    }
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "resourceType")]
    kind: &'a str,
    #[serde(rename = "type")]
    of: &'a str,
    total: Option<usize>,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(borrow, default)]
    entry: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(default)]
    link: Vec<Link>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    url: String,
}

#[derive(Deserialize)]
struct Response {
    status: String,
    #[serde(rename = "lastModified")]
    at: Moment,
}

/// Reads a peer's page.
///
/// # Errors
/// `SourceFailed` for anything that a gateway would not answer.
pub fn read(body: &[u8], node: &NodeCode, asked: &Asked) -> Result<Page> {
    let bundle: Bundle<'_> = serde_json::from_slice(body).map_err(|_| lying())?;
    if bundle.kind != "Bundle" || bundle.of != "history" || bundle.entry.len() > MOST {
        return Err(lying());
    }
    let entries = bundle.entry.into_iter().map(|part| then(part, node, asked));
    let next = bundle.link.iter().find(|l| l.relation == "next").and_then(|l| cursor(&l.url));
    Ok(Page { entries: entries.collect::<Result<_>>()?, total: bundle.total, next })
}

fn then(part: Part<'_>, node: &NodeCode, asked: &Asked) -> Result<Then> {
    let Part { link, resource: shown, request, response } = part;
    let named = request.url.split_once('/').filter(|(kind, _)| *kind == asked.kind.name());
    let (_, id) = named.ok_or_else(lying)?;
    let left = if let Some(shown) = shown {
        Left::Entry(resource(shown.get().as_bytes(), node, asked.kind, &[])?)
    } else {
        let patient = about(&link, node).ok_or_else(lying)?;
        let resources = vec![(asked.kind, id.into())];
        Left::Nothing(Gone { node: node.clone(), patient, resources })
    };
    let owned = is_id(id)
        && node_of(id).as_ref() == Some(node)
        && asked.id.as_deref().is_none_or(|only| only == id)
        && !matches!(&left, Left::Entry(entry) if entry.id != id)
        && asked.patient.as_deref().is_none_or(|who| **left.patient() == *who);
    if !owned {
        return Err(lying());
    }
    let is_new = response.status.starts_with("201");
    Ok(Then { id: id.to_owned(), is_new, at: response.at, left })
}
