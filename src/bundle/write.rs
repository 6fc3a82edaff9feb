//! Bytes of pages.
//!
//! Part of `bundle`. Writes around resources, never inside them.

use std::io::Write as _;

use super::{Frame, include::Included};
use crate::{
    federation::{Completeness, Entry},
    fhir::{labels, types::ResourceType},
    mutant::{self, Mutant},
    query::shape::Shape,
    search::Hit,
};

/// Begins a Bundle of this type.
pub fn open(
    out: &mut Vec<u8>,
    of: &'static str,
    total: Option<usize>,
    links: &[(&'static str, String)],
) {
    // Writing to memory cannot fail.
    write!(out, "{{\"resourceType\":\"Bundle\",\"type\":\"{of}\"").ok();
    if let Some(total) = total {
        write!(out, ",\"total\":{total}").ok();
    }
    out.extend_from_slice(b",\"link\":[");
    let mut first = true;
    for (relation, url) in links {
        comma(out, &mut first);
        out.extend_from_slice(b"{\"relation\":\"");
        out.extend_from_slice(relation.as_bytes());
        out.extend_from_slice(b"\",\"url\":");
        out.extend_from_slice(serde_json::Value::from(url.as_str()).to_string().as_bytes());
        out.push(b'}');
    }
    out.push(b']');
}

/// Begins the list of entries.
pub fn entries(out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"entry\":[");
}

/// Separates entries.
pub fn comma(out: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(b',');
    }
}

/// Writes an entry of this gateway's own.
pub fn entry(hit: &Hit, shape: &Shape, frame: &Frame<'_>, out: &mut Vec<u8>) {
    full_url(out, frame.base, hit.resource.kind.name(), &hit.resource.id);
    own(hit, shape, frame, out);
    out.extend_from_slice(b",\"search\":{\"mode\":\"match\"}}");
}

/// Writes an entry that a peer released.
pub fn peers_entry(entry: &Entry, shape: &Shape, base: &str, out: &mut Vec<u8>) {
    full_url(out, base, entry.kind.name(), &entry.id);
    shaped(entry.kind, entry.resource.get().as_bytes(), shape, out);
    out.extend_from_slice(b",\"search\":{\"mode\":\"match\"}}");
}

/// Writes what is added to the matches; elements are chosen of those alone.
pub(super) fn included(one: &Included<'_>, shape: &Shape, frame: &Frame<'_>, out: &mut Vec<u8>) {
    let shape = if matches!(shape, Shape::Elements(_)) { &Shape::Whole } else { shape };
    match one {
        Included::Own(hit) => {
            full_url(out, frame.base, hit.resource.kind.name(), &hit.resource.id);
            own(hit, shape, frame, out);
        }
        Included::Peers(entry) => {
            full_url(out, frame.base, entry.kind.name(), &entry.id);
            shaped(entry.kind, entry.resource.get().as_bytes(), shape, out);
        }
        Included::Directory(kind, value) => {
            let id = value.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
            full_url(out, frame.base, kind.name(), id);
            shaped(*kind, value.to_string().as_bytes(), shape, out);
        }
    }
    out.extend_from_slice(b",\"search\":{\"mode\":\"include\"}}");
}

fn own(hit: &Hit, shape: &Shape, frame: &Frame<'_>, out: &mut Vec<u8>) {
    let write = || hit.view.written(&hit.resource, &hit.sight, frame.sealer);
    if *shape == Shape::Whole {
        out.extend_from_slice(&write().text);
    } else {
        let written = mutant::careless(Mutant::ElementsAreOfTheWhole, write);
        shaped(hit.resource.kind, &written.text, shape, out);
    }
}

/// Writes a resource in the form that is wanted.
fn shaped(kind: ResourceType, resource: &[u8], shape: &Shape, out: &mut Vec<u8>) {
    match shape.cut(kind, resource) {
        Some(cut) => out.extend_from_slice(&cut),
        None => out.extend_from_slice(resource),
    }
}

/// Writes for which sources the page is complete.
pub fn completeness(statements: &[Completeness], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[");
    let mut first = true;
    for statement in statements {
        comma(out, &mut first);
        let (severity, code) = statement.state.issue();
        write!(
            out,
            "{{\"severity\":\"{severity}\",\"code\":\"{code}\",\"details\":{{\"coding\":[{{\
             \"system\":\"{}/CodeSystem/completeness\",\"code\":\"{}\"}}]}},\
             \"diagnostics\":\"{}\"}}",
            labels::CANONICAL,
            statement.state.code(),
            statement.node,
        )
        .ok();
    }
    out.extend_from_slice(b"]},\"search\":{\"mode\":\"outcome\"}}");
}

/// Ends a Bundle.
pub fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
}

fn full_url(out: &mut Vec<u8>, base: &str, kind: &str, id: &str) {
    out.extend_from_slice(b"{\"fullUrl\":\"");
    out.extend_from_slice(base.as_bytes());
    out.push(b'/');
    out.extend_from_slice(kind.as_bytes());
    out.push(b'/');
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b"\",\"resource\":");
}
