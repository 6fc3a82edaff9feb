//! Recorded answers, and refusals, to HTTP responses; the only writer of bodies.
//!
//! Last step of the way. It takes an [`Answer`] only together with its [`Receipt`], checks the
//! receipt's deadline when the first byte is handed over, and is the only maker of `OperationOutcome`.
//! Sources: FHIR R4 http.html, operationoutcome.html; RFC 6750; RFC 9110.

pub mod condition;
pub mod flight;
pub mod form;
pub mod packed;
mod packing;
mod passed_on;
pub mod stream;

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    audit::Receipt,
    authenticate::challenge,
    bundle::Answer,
    clock::Clock,
    domain::moment::Moment,
    error::{Error, Kind, whole_seconds},
    fhir::version::Version,
    listen::body::Body,
    respond::{condition::Versions, flight::InFlight, form::Form, packed::Document},
};

const FHIR: HeaderValue = HeaderValue::from_static("application/fhir+json; charset=utf-8");
/// Room for all headers of an answer, so that they are not moved as they come.
const HEADERS: usize = 12;
/// Characters of 32 bytes in base64 without padding.
const MAC_LENGTH: usize = 43;
/// Name of the header that carries the caller's receipt.
pub const RECEIPT: HeaderName = HeaderName::from_static("mylife-receipt");
/// Name of the request's own id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a response needs beside the answer.
pub struct Sending<'a> {
    /// `X-Request-Id`.
    pub request_id: &'a str,
    /// The caller's receipt: HMAC of the leaf.
    pub mac: [u8; 32],
    /// Is only the head asked for?
    pub head: bool,
    /// For the deadline.
    pub clock: Arc<dyn Clock>,
    /// Counted until the first byte has left.
    pub in_flight: InFlight,
}

/// A searchset.
pub fn bundle(answer: Answer, receipt: &Receipt, sending: Sending<'_>) -> Response<Body> {
    hand_over(answer, receipt, sending)
}

/// JSON that is no FHIR resource.
pub fn plain(answer: Answer, receipt: &Receipt, sending: Sending<'_>) -> Response<Body> {
    let mut response = hand_over(answer, receipt, sending);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Something in the form that was asked for, in one of the three languages.
pub fn formed(
    answer: Answer,
    receipt: &Receipt,
    (form, language): (Form, &'static str),
    sending: Sending<'_>,
) -> Response<Body> {
    let mut response = hand_over(answer, receipt, sending);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, form.content_type());
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    let vary = "Authorization, Accept, Accept-Language, Prefer, Origin";
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    if form != Form::Fhir {
        // It is looked at in a browser, and has all it needs within itself.
        let alone = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                     form-action 'none'; frame-ancestors 'none'";
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(alone));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    response
}

/// One resource, with its version, or that it is there no more; `unchanged` if it is known that the asker has
/// it already.
pub fn resource(
    answer: Answer,
    receipt: &Receipt,
    asked: &HeaderMap,
    unchanged: bool,
    sending: Sending<'_>,
) -> Response<Body> {
    let version = answer.version().cloned();
    let known = Versions::of(asked, header::IF_NONE_MATCH);
    let known = known.zip(version.as_ref()).is_some_and(|(known, v)| known.name(v.id()));
    let not_modified = known || unchanged;
    let is_gone = answer.is_gone();
    let mut response = hand_over(answer, receipt, sending);
    if is_gone {
        *response.status_mut() = StatusCode::GONE;
    }
    if let Some(Version { etag, modified }) = version {
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag);
        headers.insert(header::LAST_MODIFIED, modified);
    }
    if not_modified {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response.map(Body::without_bytes);
    }
    response
}

/// What a subscriber is told, and before which instant of the monotonic clock it must start to leave.
pub fn notification(answer: Answer, receipt: &Receipt) -> (Bytes, Duration) {
    (answer.into_body(), receipt.deadline())
}

fn hand_over(answer: Answer, receipt: &Receipt, sending: Sending<'_>) -> Response<Body> {
    let deadline: Duration = receipt.deadline();
    let Sending { request_id, mac, head, clock, in_flight } = sending;
    in_flight.handed_over(receipt);
    let body = answer.into_body();
    let length = body.len();
    let check = move || {
        let in_time = clock.elapsed() < deadline;
        drop(in_flight);
        in_time
    };
    let bytes = if head { Bytes::new() } else { body };
    let mut response = Response::new(Body::checked(bytes, check));
    let headers = response.headers_mut();
    always(headers, request_id);
    if head {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.extend(mac_text(mac).map(|v| (RECEIPT, v)));
    response
}

/// The caller's receipt as a header has it.
fn mac_text(mac: [u8; 32]) -> Option<HeaderValue> {
    let mut text = [0; MAC_LENGTH];
    let written = URL_SAFE_NO_PAD.encode_slice(mac, &mut text);
    debug_assert_eq!(written, Ok(MAC_LENGTH), "32 bytes in base64");
    HeaderValue::from_bytes(&text).ok()
}

/// Something of the directory, for any caller with a token.
pub fn directory(value: &Value, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::free(value.to_string()));
    always(response.headers_mut(), request_id);
    response
}

/// Lines of the directory, for any caller with a token.
pub fn directory_lines(lines: Vec<u8>, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::free(lines));
    let headers = response.headers_mut();
    always(headers, request_id);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/fhir+ndjson"));
    response
}

/// A state that says nothing of anybody.
pub fn free(status: StatusCode, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::free(Bytes::new()));
    *response.status_mut() = status;
    always(response.headers_mut(), request_id);
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// An instant as HTTP writes it.
pub fn date(at: Moment) -> Option<HeaderValue> {
    let at = jiff::Timestamp::from_millisecond(at.millis()).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()?;
    HeaderValue::from_str(&text).ok()
}

/// A document that is the same for everybody; nothing to who has it already.
pub fn public(
    document: &Document,
    content_type: &'static str,
    asked: &HeaderMap,
    request_id: &str,
) -> Response<Body> {
    let given = document.given(asked);
    let known = Versions::of(asked, header::IF_NONE_MATCH);
    let known = known.is_some_and(|known| known.name(&given.tag));
    let mut response = Response::new(Body::free(if known { Bytes::new() } else { given.bytes }));
    let headers = response.headers_mut();
    always(headers, request_id);
    let vary = HeaderValue::from_static("Accept, Accept-Encoding, Origin");
    headers.insert(header::VARY, vary);
    if given.is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let etag = HeaderValue::try_from(format!("\"{}\"", given.tag)).ok();
    headers.extend(etag.map(|etag| (header::ETAG, etag)));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// A write that is done.
pub fn written(status: StatusCode, value: &Value, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::free(value.to_string()));
    *response.status_mut() = status;
    always(response.headers_mut(), request_id);
    response
}

/// Answers of several requests, each with its own receipt, as one.
pub fn together(body: Body, request_id: &str) -> Response<Body> {
    let mut response = Response::new(body);
    always(response.headers_mut(), request_id);
    response
}

/// A refusal: the caller reads `say`, never the cause.
pub fn refusal(
    error: &Error,
    allow: Option<&'static str>,
    scope: Option<&str>,
    request_id: &str,
) -> Response<Body> {
    let shape = error.kind().shape();
    let mut response = Response::new(Body::free(outcome(error).to_string()));
    *response.status_mut() =
        StatusCode::from_u16(shape.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    always(headers, request_id);
    headers.extend(challenge(error.kind(), scope).map(|v| (header::WWW_AUTHENTICATE, v)));
    if error.kind() == Kind::MethodNotAllowed {
        headers.extend(allow.map(|a| (header::ALLOW, HeaderValue::from_static(a))));
    }
    if matches!(error.kind(), Kind::Unavailable | Kind::Throttled) {
        let wait = whole_seconds(error.retry_after().unwrap_or_default());
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// The `OperationOutcome` of a refusal.
pub fn outcome(error: &Error) -> Value {
    let mut issue = json!({
        "severity": "error",
        "code": error.kind().shape().code,
        "diagnostics": error.say(),
    });
    if let (Some(object), false) = (issue.as_object_mut(), error.expression().is_empty()) {
        object.insert("expression".to_owned(), json!(error.expression()));
    }
    json!({ "resourceType": "OperationOutcome", "issue": [issue] })
}

/// An `OperationOutcome` that only tells something.
pub fn information(say: impl Into<String>) -> Value {
    issues(&[("information", "informational", say.into(), None)])
}

/// An `OperationOutcome` of several issues: severity, code, words, place.
pub fn issues(all: &[(&'static str, &'static str, String, Option<String>)]) -> Value {
    let issue = |(severity, code, say, place): &(&str, &str, String, Option<String>)| {
        let mut issue = json!({ "severity": severity, "code": code, "diagnostics": say });
        if let (Some(object), Some(place)) = (issue.as_object_mut(), place) {
            object.insert("expression".to_owned(), json!([place]));
        }
        issue
    };
    let issues: Vec<Value> = all.iter().map(issue).collect();
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

fn always(headers: &mut HeaderMap, request_id: &str) {
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, FHIR);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization, Accept, Prefer, Origin"));
    headers.extend(HeaderValue::from_str(request_id).ok().map(|v| (REQUEST_ID, v)));
}
