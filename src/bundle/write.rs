//! Bytes of pages.
//!
//! Part of `bundle`. Writes around resources, never inside them.

use std::io::Write as _;

use crate::{
    federation::{Completeness, Entry},
    fhir::labels,
    query::page::Sealer,
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
pub fn entry(hit: &Hit, base: &str, sealer: &dyn Sealer, out: &mut Vec<u8>) {
    full_url(out, base, hit.resource.kind.name(), &hit.resource.id);
    let written = hit.view.written(&hit.resource, &hit.sight, sealer);
    out.extend_from_slice(&written.text);
    out.extend_from_slice(b",\"search\":{\"mode\":\"match\"}}");
}

/// Writes an entry that a peer released.
pub fn peers_entry(entry: &Entry, base: &str, out: &mut Vec<u8>) {
    full_url(out, base, entry.kind.name(), &entry.id);
    out.extend_from_slice(entry.resource.get().as_bytes());
    out.extend_from_slice(b",\"search\":{\"mode\":\"match\"}}");
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
