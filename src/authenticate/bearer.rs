//! Where a token may stand, and how a refusal is told in HTTP.
//!
//! Part of the step `authenticate`. Source: RFC 6750 sections 2.1 and 3. A token is read from the
//! one `Authorization` header and from nowhere else; in a URL it would end in logs.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::jose::proof::ALGS;
use crate::error::{Error, Kind, Result};

/// How a token is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scheme {
    /// By itself.
    Bearer,
    /// With a proof that its bearer holds the key it is bound to.
    Proven,
}

/// Is the token of this request shown with a proof? Says nothing of whether it is one.
pub fn is_proven(headers: &HeaderMap) -> bool {
    let value = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    value.and_then(|value| value.get(..4)).is_some_and(|bytes| bytes.eq_ignore_ascii_case(b"dpop"))
}

/// The token of a request, as it was sent: one that was never seen must be [`well_formed`].
pub(super) fn token<'a>(
    headers: &'a HeaderMap,
    query: Option<&str>,
    scheme: Scheme,
) -> Result<&'a str> {
    if query.is_some_and(names_a_token) {
        return Err(Error::invalid(
            "A token goes into the Authorization header, never into a URL.",
        ));
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let absent =
        || Error::new(Kind::Unauthenticated, "Send an access token: Authorization: Bearer.");
    let value = values.next().ok_or_else(absent)?;
    if values.next().is_some() {
        return Err(Error::invalid("Send one Authorization header."));
    }
    let value = value.to_str().map_err(|_| malformed())?;
    let (said, rest) = value.split_once(' ').unwrap_or((value, ""));
    let name = match scheme {
        Scheme::Bearer => "bearer",
        Scheme::Proven => "dpop",
    };
    if !said.eq_ignore_ascii_case(name) {
        return Err(absent());
    }
    Ok(rest.trim_start_matches(' '))
}

/// The token of a request that was let in by it.
pub fn shown(headers: &HeaderMap) -> Option<&str> {
    let scheme = if is_proven(headers) { Scheme::Proven } else { Scheme::Bearer };
    token(headers, None, scheme).ok()
}

/// Is this one token in the alphabet of tokens?
pub(super) fn well_formed(token: &str) -> Result<()> {
    if is_token68(token) { Ok(()) } else { Err(malformed()) }
}

fn malformed() -> Error {
    Error::invalid("The Authorization header is not Bearer and one token.")
}

/// The `WWW-Authenticate` of a refusal; `scope` is what the call would have needed. No error is
/// named where no token was sent (RFC 6750 section 3.1).
pub fn challenge(kind: Kind, scope: Option<&str>) -> Option<HeaderValue> {
    if kind == Kind::Unauthenticated {
        return Some(HeaderValue::from_static("Bearer"));
    }
    if kind == Kind::InvalidToken || kind == Kind::Expired {
        return Some(HeaderValue::from_static("Bearer error=\"invalid_token\""));
    }
    if kind == Kind::UnprovenKey || kind == Kind::NumberNeeded {
        let number = kind == Kind::NumberNeeded;
        let error = if number { "use_dpop_nonce" } else { "invalid_dpop_proof" };
        return HeaderValue::try_from(format!("DPoP error=\"{error}\", algs=\"{ALGS}\"")).ok();
    }
    if kind != Kind::Forbidden {
        return None;
    }
    let scope = scope.map(|scope| format!(", scope=\"{scope}\"")).unwrap_or_default();
    HeaderValue::try_from(format!("Bearer error=\"insufficient_scope\"{scope}")).ok()
}

fn names_a_token(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
}

/// RFC 7235 section 2.1.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let fits =
        |b| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-'..=b'/' | b'_' | b'~' | b'+');
    !body.is_empty() && body.bytes().all(fits)
}
