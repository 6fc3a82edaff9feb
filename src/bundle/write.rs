//! Bytes of resources and of searchset pages.
//!
//! Part of `bundle`. `versionId` is a keyed digest of exactly the bytes that are visible, so it says
//! nothing of what is not.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    consent::release::Heading,
    federation::{Completeness, Entry},
    fhir::{labels, segment::MetaText},
    query::page::Sealer,
    search::Hit,
};

/// As long as a version: 16 bytes in base64.
const BLANK: &str = "0000000000000000000000";

/// Writes a resource as its reader sees it; returns its `versionId`.
pub fn resource(hit: &Hit, sealer: &dyn Sealer, out: &mut String) -> Arc<str> {
    let heading = hit.view.heading(&hit.resource);
    let Heading { version, security } = heading.unwrap_or_else(|| heading_of(hit, sealer));
    let meta = MetaText { version: &version, security: &security };
    hit.view.write(&hit.resource, &hit.seen, &meta, out);
    version
}

/// Writes it once without a version, to learn the version.
fn heading_of(hit: &Hit, sealer: &dyn Sealer) -> Heading {
    let security = labels::security(hit.view.labels(&hit.seen));
    let mut text = String::with_capacity(4096);
    let meta = MetaText { version: BLANK, security: &security };
    hit.view.write(&hit.resource, &hit.seen, &meta, &mut text);
    let digest = sealer.digest(&[text.as_bytes()]);
    // `-` and `.` are FHIR id characters, `_` is not.
    let version = URL_SAFE_NO_PAD.encode(digest).replace('_', ".");
    let heading = Heading { version: version.into(), security: security.into() };
    hit.view.keep_heading(&hit.resource, &heading);
    heading
}

/// Begins a searchset.
pub fn open(out: &mut String, total: Option<usize>, links: &[(&'static str, String)]) {
    out.push_str("{\"resourceType\":\"Bundle\",\"type\":\"searchset\"");
    if let Some(total) = total {
        // Writing to a String cannot fail.
        write!(out, ",\"total\":{total}").ok();
    }
    out.push_str(",\"link\":[");
    let mut first = true;
    for (relation, url) in links {
        comma(out, &mut first);
        out.push_str("{\"relation\":\"");
        out.push_str(relation);
        out.push_str("\",\"url\":");
        out.push_str(&serde_json::Value::from(url.as_str()).to_string());
        out.push('}');
    }
    out.push_str("],\"entry\":[");
}

/// Separates entries.
pub fn comma(out: &mut String, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(',');
    }
}

/// Writes an entry of this gateway's own.
pub fn entry(hit: &Hit, base: &str, sealer: &dyn Sealer, out: &mut String) {
    full_url(out, base, hit.resource.kind.name(), &hit.resource.id);
    resource(hit, sealer, out);
    out.push_str(",\"search\":{\"mode\":\"match\"}}");
}

/// Writes an entry that a peer released.
pub fn peers_entry(entry: &Entry, base: &str, out: &mut String) {
    full_url(out, base, entry.kind.name(), &entry.id);
    out.push_str(entry.resource.get());
    out.push_str(",\"search\":{\"mode\":\"match\"}}");
}

/// Writes for which sources the page is complete.
pub fn completeness(statements: &[Completeness], out: &mut String) {
    out.push_str("{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[");
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
    out.push_str("]},\"search\":{\"mode\":\"outcome\"}}");
}

/// Ends a searchset.
pub fn close(out: &mut String) {
    out.push_str("]}");
}

fn full_url(out: &mut String, base: &str, kind: &str, id: &str) {
    out.push_str("{\"fullUrl\":\"");
    out.push_str(base);
    out.push('/');
    out.push_str(kind);
    out.push('/');
    out.push_str(id);
    out.push_str("\",\"resource\":");
}
