//! How this gateway proves who it is at somebody else's endpoint: `private_key_jwt` with the key of its tokens.
//!
//! Part of `oauth`, for login providers and for issuers that are asked about tokens. Sources: RFC 7523 section
//! 2.2, RFC 7521 section 4.2; for one audience, a minute and once.

use super::client::ASSERTION_TYPE;
use crate::{
    authenticate::jose::{TokenKind, claims::Registered, sign::Signer},
    chance::{Chance, base32},
    domain::moment::Moment,
    error::Result,
};

/// What goes into a form beside the question. `audience` is the issuer whose endpoint it is, not an
/// address that it names: another could name one of a third.
///
/// # Errors
/// `Internal` if it cannot be signed.
pub(super) fn own_proof(
    client_id: &str,
    audience: &str,
    signer: &Signer,
    chance: &dyn Chance,
    now: Moment,
) -> Result<[(&'static str, String); 3]> {
    let registered = Registered {
        iss: client_id.to_owned(),
        sub: client_id.to_owned(),
        aud: audience.to_owned(),
        exp: now.plus(TokenKind::AuthorizationGrant.longest()).seconds(),
        iat: Some(now.seconds()),
        nbf: None,
        jti: base32(chance, 26),
    };
    let proof = signer.sign(TokenKind::ClientAssertion, &registered, &serde_json::Map::new())?;
    Ok([
        ("client_id", client_id.to_owned()),
        ("client_assertion_type", ASSERTION_TYPE.to_owned()),
        ("client_assertion", proof),
    ])
}
