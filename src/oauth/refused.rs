//! How the endpoints of authorization say no.
//!
//! Part of `oauth`. Source: RFC 6749 section 5.2, RFC 9110. The words of a code never change with the
//! cause, so a refusal tells an attacker nothing; the cause is for the audit record and the log.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::json;

use crate::error::{Error, whole_seconds};

/// How long to wait where nothing better is known.
const AWHILE: Duration = Duration::from_secs(5);

/// Why no token is issued, as far as the client may know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// A proven client may not do this.
    AccessDenied,
    /// The token to be revoked is another client's.
    ForeignToken,
    /// The client did not prove who it is.
    InvalidClient,
    /// What the client shows is no proof that it holds a key.
    InvalidDpopProof,
    /// What the client speaks for is not believed.
    InvalidGrant,
    /// The request is not one.
    InvalidRequest,
    /// Nothing of the scope asked for can be granted.
    InvalidScope,
    /// What is asked for is for nobody whom this gateway knows.
    InvalidTarget,
    /// Only POST exists here.
    MethodNotAllowed,
    /// The gateway failed.
    ServerError,
    /// Single use cannot be ensured at the moment.
    TemporarilyUnavailable,
    /// More requests than may be.
    Throttled,
    /// The client is not registered for what it does or states.
    UnauthorizedClient,
    /// Another grant type.
    UnsupportedGrantType,
    /// The proof has to repeat our number.
    UseDpopNonce,
}

impl Code {
    /// Status, code and fixed words.
    pub const fn shape(self) -> (StatusCode, &'static str, &'static str) {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        match self {
            Self::AccessDenied => {
                (StatusCode::FORBIDDEN, "access_denied", "The client may not ask about tokens.")
            }
            Self::ForeignToken => {
                (BAD, "invalid_grant", "The token was not issued to this client.")
            }
            Self::InvalidClient => {
                (StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed.")
            }
            Self::InvalidDpopProof => {
                (BAD, "invalid_dpop_proof", "The DPoP proof is not accepted.")
            }
            Self::InvalidGrant => {
                (BAD, "invalid_grant", "The assertion, code or token is not accepted.")
            }
            Self::InvalidRequest => (BAD, "invalid_request", "The request is malformed."),
            Self::InvalidScope => (BAD, "invalid_scope", "Nothing of this scope can be granted."),
            Self::InvalidTarget => {
                (BAD, "invalid_target", "The audience or resource is none of the known gateways.")
            }
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "Use POST.")
            }
            Self::ServerError => {
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The gateway failed.")
            }
            Self::TemporarilyUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "Try again later.")
            }
            // OAuth has no word for it; the status says which of the two it is.
            Self::Throttled => (
                StatusCode::TOO_MANY_REQUESTS,
                "temporarily_unavailable",
                "Too many requests; wait as long as Retry-After says.",
            ),
            Self::UnauthorizedClient => (
                BAD,
                "unauthorized_client",
                "The client is not registered for the grant, purpose, role or ground it states.",
            ),
            Self::UnsupportedGrantType => {
                (BAD, "unsupported_grant_type", "See grant_types_supported in the metadata.")
            }
            Self::UseDpopNonce => {
                (BAD, "use_dpop_nonce", "Make the proof again with the number of DPoP-Nonce.")
            }
        }
    }
}

/// A refusal and its cause.
#[derive(Debug)]
pub struct Refused {
    /// What the client is told.
    pub code: Code,
    /// What the operator is told; holds no token and no personal data.
    pub why: Cow<'static, str>,
    /// What the client is told that used the `Authorization` header.
    pub(super) challenge: Option<&'static str>,
    /// How long the client should wait.
    pub(super) retry_after: Duration,
}

impl Refused {
    pub(super) fn new(code: Code, why: impl Into<Cow<'static, str>>) -> Self {
        Self { code, why: why.into(), challenge: None, retry_after: AWHILE }
    }

    pub(super) const fn request(why: &'static str) -> Self {
        let why = Cow::Borrowed(why);
        Self { code: Code::InvalidRequest, why, challenge: None, retry_after: AWHILE }
    }

    /// A fault on our side.
    pub(super) fn fault(why: &Error) -> Self {
        Self::new(Code::ServerError, cause(why))
    }

    /// The store cannot say whether something was used before, so it counts as used.
    pub(super) fn unavailable(why: &Error) -> Self {
        Self::new(Code::TemporarilyUnavailable, cause(why))
    }

    /// The answer: the same bytes for the same code.
    pub fn response(&self) -> Response<Bytes> {
        let (status, code, words) = self.code.shape();
        let body = json!({ "error": code, "error_description": words }).to_string();
        let mut response = json_response(status, body);
        if self.code == Code::MethodNotAllowed {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if matches!(self.code, Code::TemporarilyUnavailable | Code::Throttled) {
            let seconds = HeaderValue::from(whole_seconds(self.retry_after));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        if let Some(challenge) = self.challenge {
            let challenge = HeaderValue::from_static(challenge);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn cause(why: &Error) -> String {
    std::error::Error::source(why).map_or_else(|| why.to_string(), ToString::to_string)
}

/// JSON that nobody keeps (RFC 6749 section 5.1).
pub(super) fn json_response(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
