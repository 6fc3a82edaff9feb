//! What a peer's answer must be before it is passed on: owner, person, type and shape.
//!
//! Part of the step `federation`. A peer may lie: an entry of another node's, of another type or with
//! no person costs the peer its whole page. The resource itself is passed on byte for byte.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderName, Response};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    domain::{
        class::{Class, ClassSet},
        id::{NodeCode, is_id, node_of},
        moment::Moment,
        theme::{Theme, ThemeSet},
    },
    error::{Error, Kind, Result},
    federation::Entry,
    fhir::{
        labels::{CLASS, Labels, THEME},
        path,
        types::ResourceType,
    },
    json,
    query::{Query, Sort, order::Key, param},
};

/// Most entries of one page.
pub(super) const MOST: usize = 1000;
/// `Bundle.link.relation` to the Patient whose something was that is gone. Source: IANA link relations, RFC 6903.
pub const ABOUT: &str = "about";

/// Id of the Patient whose it was that is gone, where no Bundle says it.
pub const WHOSE: HeaderName = HeaderName::from_static("mylife-about");

/// A page that passed.
pub struct Page {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// What it added to them.
    pub included: Vec<Entry>,
    /// Its total.
    pub total: Option<usize>,
    /// The peer's cursor for the next page.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "resourceType")]
    kind: &'a str,
    total: Option<usize>,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(borrow, default)]
    entry: Vec<BundleEntry<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) relation: String,
    pub(super) url: String,
}

#[derive(Deserialize)]
struct BundleEntry<'a> {
    #[serde(borrow)]
    resource: &'a RawValue,
    search: Option<Mode>,
}

#[derive(Deserialize)]
struct Mode {
    mode: String,
}

/// Reads a peer's searchset.
///
/// # Errors
/// `SourceFailed` for anything that a gateway would not answer.
pub fn read(body: &[u8], node: &NodeCode, query: &Query) -> Result<Page> {
    let bundle: Bundle<'_> = serde_json::from_slice(body).map_err(|_| lying())?;
    if bundle.kind != "Bundle" || bundle.entry.len() > 2 * MOST + 1 {
        return Err(lying());
    }
    let matches = bundle
        .entry
        .iter()
        .filter(|e| e.search.as_ref().is_none_or(|search| search.mode == "match"));
    let included = bundle
        .entry
        .iter()
        .filter(|e| e.search.as_ref().is_some_and(|search| search.mode == "include"));
    let included = included
        .map(|e| {
            let body = e.resource.get().as_bytes();
            resource(body, node, added(body, query)?, &[])
        })
        .collect::<Result<Vec<_>>>()?;
    let entries = matches
        .map(|e| resource(e.resource.get().as_bytes(), node, query.kind, &query.sort))
        .collect::<Result<Vec<_>>>()?;
    let next = bundle.link.iter().find(|l| l.relation == "next").and_then(|l| cursor(&l.url));
    Ok(Page { entries, included, total: bundle.total, next })
}

/// The type of what a peer added, which the question must have asked for.
fn added(body: &[u8], query: &Query) -> Result<ResourceType> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(rename = "resourceType")]
        kind: &'a str,
    }
    let named: Named<'_> = serde_json::from_slice(body).map_err(|_| lying())?;
    let kind = ResourceType::parse(named.kind).ok_or_else(lying)?;
    let is_asked = query.includes.iter().any(|include| {
        if include.reverse {
            include.from == kind
        } else {
            let targets = param::targets(include.from, include.param.0);
            include.to.map_or_else(|| targets.contains(&kind), |to| to == kind)
        }
    });
    if is_asked { Ok(kind) } else { Err(lying()) }
}

/// Whose it was that is gone, by its link; `None` if that is nobody of this peer's.
pub(super) fn about(links: &[Link], node: &NodeCode) -> Option<Arc<str>> {
    let link = links.iter().find(|link| link.relation == ABOUT)?;
    whose(link.url.strip_prefix("Patient/")?, node)
}

/// The same by the header of a reply that is no Bundle.
pub(super) fn told_of<B>(reply: &Response<B>, node: &NodeCode) -> Option<Arc<str>> {
    whose(reply.headers().get(WHOSE)?.to_str().ok()?, node)
}

fn whose(id: &str, node: &NodeCode) -> Option<Arc<str>> {
    (is_id(id) && node_of(id).as_ref() == Some(node)).then(|| id.into())
}

/// Reads one resource of a peer.
///
/// # Errors
/// `SourceFailed` if it is not one of this peer's, of this type, about a person of this peer's.
pub fn resource(body: &[u8], node: &NodeCode, kind: ResourceType, sort: &[Sort]) -> Result<Entry> {
    let text = str::from_utf8(body).map_err(|_| lying())?;
    // Strict: two readers must not see two persons in one resource.
    let value = json::parse(body, &json::Limits { bytes: body.len(), ..json::Limits::default() })
        .map_err(|_| lying())?;
    let id = value.get("id").and_then(Value::as_str).filter(|id| is_id(id)).ok_or_else(lying)?;
    // The directory is nobody's.
    let patient = if kind.is_personal() { subject(&value, kind, id) } else { Some("".into()) };
    let patient = patient.ok_or_else(lying)?;
    let named = value.get("resourceType").and_then(Value::as_str);
    let is_theirs = !kind.is_personal() || node_of(&patient).as_ref() == Some(node);
    let owned = node_of(id).as_ref() == Some(node) && is_theirs;
    if named != Some(kind.name()) || !owned {
        return Err(lying());
    }
    let updated = value.pointer("/meta/lastUpdated").and_then(Value::as_str);
    let last_updated = updated.and_then(Moment::parse).ok_or_else(lying)?;
    Ok(Entry {
        node: node.clone(),
        kind,
        id: id.to_owned(),
        patient,
        last_updated,
        version: value.pointer("/meta/versionId").and_then(Value::as_str).map(str::to_owned),
        keys: sort.iter().map(|by| key(&value, kind, *by, last_updated)).collect(),
        labels: labels(&value),
        resource: RawValue::from_string(text.to_owned()).map_err(|_| lying())?,
    })
}

/// Reads the handles a peer made, by node code.
///
/// # Errors
/// `SourceFailed` if it is no map of texts.
pub fn handles(body: &[u8]) -> Result<BTreeMap<String, String>> {
    serde_json::from_slice(body).map_err(|_| lying())
}

/// The refusal of a peer's answer.
pub fn lying() -> Error {
    Error::new(Kind::SourceFailed, "A source answered what is not its own; its part is left out.")
}

/// Id of the Patient a resource is about.
fn subject(value: &Value, kind: ResourceType, id: &str) -> Option<Arc<str>> {
    if kind == ResourceType::Patient {
        return Some(id.into());
    }
    let direct = ["subject", "patient", "for"].iter().find_map(|name| {
        value.get(name)?.get("reference")?.as_str()?.strip_prefix("Patient/").map(Arc::from)
    });
    direct.or_else(|| {
        let targets = value.get("target")?.as_array()?;
        targets
            .iter()
            .find_map(|t| t.get("reference")?.as_str()?.strip_prefix("Patient/").map(Arc::from))
    })
}

/// What a resource is sorted by, where the reader can see it.
fn key(value: &Value, kind: ResourceType, by: Sort, last_updated: Moment) -> Key {
    if by.param == "_lastUpdated" {
        return Key::At(last_updated);
    }
    let Some(param) = param::find(kind, by.param) else { return Key::At(Moment::MIN) };
    Key::of(path::values(kind, param, value).into_iter(), by.descending)
}

fn labels(value: &Value) -> Labels {
    let mut labels = Labels::default();
    for coding in value.pointer("/meta/security").and_then(Value::as_array).into_iter().flatten() {
        let part = |name| coding.get(name).and_then(Value::as_str);
        match (part("system"), part("code")) {
            (Some(THEME), Some(code)) => {
                labels.themes =
                    Theme::from_code(code).into_iter().fold(labels.themes, ThemeSet::with);
            }
            (Some(CLASS), Some(code)) => {
                labels.classes =
                    Class::from_code(code).into_iter().fold(labels.classes, ClassSet::with);
            }
            _ => {}
        }
    }
    labels
}

/// The `_cursor` of a page link.
pub(super) fn cursor(url: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "_cursor")
        .map(|(_, value)| value.into_owned())
}
