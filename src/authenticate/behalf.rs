//! One gateway speaks for its caller to another.
//!
//! Part of the step `authenticate`: the other end of `oauth::grant`. What is stated can only be
//! narrower than what the caller had. Sources: RFC 7523 section 2.1, RFC 8693 section 4.1.

use crate::{
    authenticate::{
        Caller,
        jose::{TokenKind, claims::Registered, sign::Signer},
        statement::MAX_ACTORS,
    },
    chance::{Chance, base32},
    domain::moment::Moment,
    error::{Error, Kind, Result},
    smart::Scopes,
};

/// Writes the assertion with which the gateway `issuer` asks the gateway `audience` for its caller,
/// for no more than `scopes`. Good for 60 s, once, and never longer than the caller's own token.
pub fn on_behalf(
    caller: &Caller,
    scopes: &Scopes,
    issuer: &str,
    audience: &str,
    signer: &Signer,
    chance: &dyn Chance,
    now: Moment,
) -> Result<String> {
    let mut statement = caller.statement().clone();
    statement.scope = scopes.intersect(caller.scopes()).without_native().to_string();
    statement.spoken_by(issuer);
    // An emergency must reach its holder with the client's own proof; it does not travel by ours.
    statement.break_glass = None;
    if statement.actors().len() > MAX_ACTORS {
        let say = "The question has passed through too many gateways; ask one nearer to the data.";
        return Err(Error::new(Kind::Forbidden, say));
    }
    let expires = now.plus(TokenKind::AuthorizationGrant.longest()).min(caller.expires());
    let registered = Registered {
        iss: issuer.to_owned(),
        sub: statement.client_id.clone(),
        aud: audience.to_owned(),
        exp: expires.seconds(),
        iat: Some(now.seconds()),
        nbf: None,
        jti: base32(chance, 26),
    };
    signer.sign(TokenKind::AuthorizationGrant, &registered, &statement)
}
