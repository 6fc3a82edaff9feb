//! In which form an answer is wanted: `Accept`, `_format`, `_pretty`, and the type of a body that comes.
//!
//! Around the way of a request. JSON is the one form there is; another is refused with what to ask for.
//! Source: FHIR R4 http.html#mime-type, #parameters; RFC 9110 section 12.5.1.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};
use serde_json::Value;

use crate::{
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    gateway::{Gateway, export, request::Asked},
    json::{self, pretty},
    listen::body::Body,
    route::Call,
    scope::{self, Grant},
};

/// The types of a body that is JSON.
pub(crate) const FHIR_JSON: &[&str] = &["application/json", "application/fhir+json", "text/json"];

/// What `Accept` and `_format` may say.
const WRITTEN: [&str; 8] = [
    "*/*",
    "application/*",
    "application/json",
    "application/fhir+json",
    // A plus sign that was not encoded.
    "application/fhir json",
    "text/json",
    "text/*",
    "json",
];

/// Is the body of a type the road reads?
pub(crate) fn content_type(headers: &HeaderMap, known: &[&str]) -> Result<()> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let mut parts = given.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    if known.iter().any(|k| k.eq_ignore_ascii_case(kind)) && parts.all(is_version) {
        Ok(())
    } else {
        let say = "Send the body as the type this address reads: JSON (FHIR 4.0) for documents, \
                   application/x-www-form-urlencoded for _search.";
        Err(Error::new(Kind::UnsupportedMedia, say))
    }
}

/// Can the caller read what this gateway writes? The files of an export have lines.
pub(crate) fn acceptable(asked: &Asked<'_>, takes_lines: bool) -> Result<()> {
    let is_written = |range: &str| {
        let kind = range.split(';').next().unwrap_or_default().trim();
        is_written(range) || (takes_lines && export::takes_lines(kind))
    };
    let refused = || {
        let say = "This gateway writes JSON alone: ask with Accept: application/fhir+json or with \
                   _format=json, of FHIR 4.0.";
        Error::new(Kind::NotAcceptable, say)
    };
    if named(asked, "_pretty").is_some_and(|pretty| !["true", "false"].contains(&&*pretty)) {
        return Err(Error::invalid("It is true or false.").at("_pretty"));
    }
    if let Some(format) = named(asked, "_format") {
        return if is_written(&format) { Ok(()) } else { Err(refused().at("_format")) };
    }
    let accepts = asked.headers.get_all(header::ACCEPT);
    let mut given = accepts.iter().filter_map(|v| v.to_str().ok()).peekable();
    let fits = given.peek().is_none() || given.any(|v| v.split(',').any(is_written));
    if fits { Ok(()) } else { Err(refused()) }
}

/// The answer with line breaks, where the caller wants to read it.
pub(crate) fn prettied(asked: &Asked<'_>, response: Response<Body>) -> Response<Body> {
    if !asked.is_pretty() {
        return response;
    }
    let mut response = response.map(|body| body.rewritten(|bytes| pretty::lines(&bytes)));
    if asked.is_head {
        // What stands there is the length of the other form.
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

impl Asked<'_> {
    /// Is the answer for people to read?
    pub(super) fn is_pretty(&self) -> bool {
        let is_named = self.query.is_some_and(|query| query.contains("_pretty"));
        is_named && named(self, "_pretty").as_deref() == Some("true")
    }
}

impl Gateway {
    /// The resource that is the body.
    ///
    /// # Errors
    /// `UnsupportedMedia` for another type, `Invalid` for no JSON, and of this kind for the first that is not
    /// as FHIR R4 has it.
    pub(super) fn resource(&self, asked: &Asked<'_>, kind: Kind) -> Result<Value> {
        content_type(asked.headers, FHIR_JSON)?;
        let body = json::parse(&asked.body, &self.limits.document)?;
        self.fhir.demand(&body, kind).map(|()| body)
    }

    /// The acknowledgement of a write, in the form that `Prefer` names. What is written itself is a read,
    /// recorded as any other, and only for whom it is there.
    pub(super) async fn shown_back(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        (kind, id): (ResourceType, &str),
        acknowledged: Response<Body>,
    ) -> Response<Body> {
        let read = Call::Read(kind, id.to_owned());
        let reader = asked
            .prefers("return=representation")
            .then(|| scope::grant(Arc::clone(grant.caller()), read).ok())
            .flatten();
        let Some(reader) = reader else { return acknowledged };
        let headers = HeaderMap::new();
        let alone = Asked {
            headers: &headers,
            method: &Method::GET,
            query: None,
            body: Bytes::new(),
            address: Arc::clone(&asked.address),
            peer_certificate: asked.peer_certificate,
            peer_names: asked.peer_names.clone(),
            request_id: Arc::clone(&asked.request_id),
            within: asked.within.clone(),
            now: asked.now,
            is_head: false,
        };
        // Written it is, whether it can be shown or not.
        let Ok(mut shown) = Box::pin(self.read(&alone, &reader)).await else { return acknowledged };
        *shown.status_mut() = acknowledged.status();
        let location = acknowledged.headers().get(header::LOCATION).cloned();
        shown.headers_mut().extend(location.map(|at| (header::LOCATION, at)));
        shown
    }
}

/// A parameter of the URL.
fn named(asked: &Asked<'_>, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(asked.query?.as_bytes());
    pairs.into_iter().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

fn is_written(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let known = WRITTEN.iter().any(|known| known.eq_ignore_ascii_case(kind));
    known && parts.all(|part| is_version(part) && !is_none(part))
}

/// Of all parameters of a type one matters: the version of FHIR, if it is named.
fn is_version(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let value = value.trim_matches('"');
    !name.trim().eq_ignore_ascii_case("fhirVersion") || ["4.0", "4.0.1"].contains(&value)
}

/// `q=0`: anything but this.
fn is_none(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    weight.and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
}
