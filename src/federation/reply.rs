//! What a peer's answer must look like before anybody reads it.
//!
//! Part of asking peers; between `client` and the wire. A peer may be broken into: its answer is
//! bounded, framed in one way (RFC 9112 section 6.3), uncompressed JSON, and no redirect. It must not
//! interpret the body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, header, response::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::outcome::Failure;

/// Fields that belong to one connection (RFC 9110 section 7.6.1), and cookies.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Reads an answer whole.
pub(super) async fn read(
    method: &Method,
    response: Response<Incoming>,
    cap: usize,
) -> Result<Response<Bytes>, Failure> {
    let (mut parts, body) = response.into_parts();
    head(method, &parts)?;
    let body = collect(body, cap).await?;
    if !body.is_empty() && !is_json(&parts.headers) {
        return Err(Failure::NotJson);
    }
    strip(&mut parts.headers);
    Ok(Response::from_parts(parts, body))
}

fn head(method: &Method, parts: &Parts) -> Result<(), Failure> {
    let headers = &parts.headers;
    if parts.status.is_redirection() && parts.status != StatusCode::NOT_MODIFIED {
        return Err(Failure::Redirected);
    }
    if parts.status.is_informational() {
        return Err(Failure::Framing);
    }
    framing(method, parts)?;
    let plain = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|value| !plain(value)) {
        return Err(Failure::Compressed);
    }
    Ok(())
}

/// One length, and one only: an answer that ends where the connection ends may be half of one.
fn framing(method: &Method, Parts { status, headers, .. }: &Parts) -> Result<(), Failure> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let sized = headers.contains_key(header::CONTENT_LENGTH);
    let empty = *method == Method::HEAD
        || matches!(*status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    match (codings.next(), codings.next()) {
        (None, _) if sized || empty => Ok(()),
        (Some(one), None) if !sized && one.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        (None | Some(_), _) => Err(Failure::Framing),
    }
}

async fn collect(mut body: Incoming, cap: usize) -> Result<Bytes, Failure> {
    if http_body::Body::size_hint(&body).lower() > cap as u64 {
        return Err(Failure::TooLarge);
    }
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(Failure::Broken)?.into_data() else { continue };
        if all.len().saturating_add(bytes.len()) > cap {
            return Err(Failure::TooLarge);
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.into())
}

/// `application/json`, or a format with the suffix `+json` (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return false };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Takes away what belongs to the connection, with whatever `Connection` names.
pub(super) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.into_iter().chain(OF_THE_CONNECTION) {
        headers.remove(name);
    }
}
