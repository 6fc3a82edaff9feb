//! How a receiver knows that a notification is the gateway's, and the one that was sent to it.
//!
//! Part of `notify`. The header `MyLife-Signature` is one of
//!
//! - `<header>..<signature>`: a JWS (RFC 7515, appendix F: detached) over the bytes of the body, by the key
//!   of the gateway's tokens, which `/.well-known/jwks.json` publishes; its header names `alg`, `kid`,
//!   `typ` (`mylife-notification`), `iat` (seconds) and `aud` (the place it is sent to);
//! - `t=<seconds>, hmac-sha256=<base64url>`: where a secret is shared, HMAC-SHA-256 with it over
//!   `<seconds>.<place>.<body>`.
//!
//! A receiver refuses one whose time is not about now or whose place is not its own: so none can be sent
//! again later or elsewhere.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue};
use serde_json::json;

use crate::{
    authenticate::jose::sign::Signer,
    domain::moment::Moment,
    error::{Error, Result},
};

/// The header.
pub const SIGNATURE: HeaderName = HeaderName::from_static("mylife-signature");
/// What the signed header says it is, so that it is no token of any kind.
const TYP: &str = "mylife-notification";

/// By what it is signed.
pub enum Key<'a> {
    /// The key of the gateway's tokens.
    Own(&'a Signer),
    /// A secret shared with the client.
    Shared(&'a str),
}

/// The header's value for a body that is sent to a place.
///
/// # Errors
/// `Internal` if it cannot be signed.
pub fn signature(key: &Key<'_>, place: &str, body: &[u8], now: Moment) -> Result<HeaderValue> {
    let text = match key {
        Key::Own(signer) => {
            let (alg, kid, iat) = (signer.algorithm(), signer.kid(), now.seconds());
            let header = json!({ "alg": alg, "kid": kid, "typ": TYP, "iat": iat, "aud": place });
            let whole = signer.sign_raw(header.to_string().as_bytes(), body)?;
            let mut parts = whole.splitn(3, '.');
            let (header, _, signature) = (parts.next(), parts.next(), parts.next());
            let (Some(header), Some(signature)) = (header, signature) else {
                return Err(Error::internal("a signature has three parts"));
            };
            format!("{header}..{signature}")
        }
        Key::Shared(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let mut context = hmac::Context::with_key(&key);
            context.update(format!("{}.{place}.", now.seconds()).as_bytes());
            context.update(body);
            let tag = URL_SAFE_NO_PAD.encode(context.sign());
            format!("t={}, hmac-sha256={tag}", now.seconds())
        }
    };
    HeaderValue::try_from(text).map_err(Error::internal)
}
