//! One gateway speaks for its caller to another.
//!
//! Part of the step `authenticate`: the other end of `oauth::grant`, for what the gateway asks itself and for
//! what a client exchanges. What is stated can only be narrower than what the caller had. Sources: RFC 7523
//! section 2.1, RFC 8693 section 4.1.

use serde::{Deserialize, Serialize};

use crate::{
    authenticate::{
        Caller,
        jose::{TokenKind, claims::Registered, sign::Signer},
        statement::{MAX_ACTORS, Statement},
    },
    chance::{Chance, base32},
    domain::moment::Moment,
    error::{Error, Kind, Result},
    smart::Scopes,
};

/// What a gateway states when it does for a caller what the caller asked while their token was good:
/// the caller's statement, narrowed, with the gateway as the one who speaks. The outbox keeps it.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Errand {
    issuer: String,
    statement: Statement,
}

impl Errand {
    /// For no more than `scopes`, spoken by the gateway `issuer`.
    ///
    /// # Errors
    /// `Forbidden` if it has come through too many gateways.
    pub fn of(caller: &Caller, scopes: &Scopes, issuer: &str) -> Result<Self> {
        Self::through(caller, scopes, None, issuer)
    }

    /// The same where a client of the gateway acts for the caller.
    ///
    /// # Errors
    /// As [`Errand::of`].
    pub fn through(
        caller: &Caller,
        scopes: &Scopes,
        client: Option<&str>,
        issuer: &str,
    ) -> Result<Self> {
        let mut statement = caller.statement().clone();
        statement.scope = scopes.intersect(caller.scopes()).without_ours().to_string();
        for speaker in client.into_iter().chain([issuer]) {
            statement.spoken_by(speaker);
        }
        // An emergency must reach its holder with the client's own proof; it does not travel by ours.
        statement.break_glass = None;
        if statement.actors().len() > MAX_ACTORS {
            let say =
                "The question has passed through too many gateways; ask one nearer to the data.";
            return Err(Error::new(Kind::Forbidden, say));
        }
        Ok(Self { issuer: issuer.to_owned(), statement })
    }

    /// What it says of who asks.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The assertion for the gateway `audience`: good for 60 s, once, and not after `until`.
    ///
    /// # Errors
    /// `Internal` if it cannot be signed.
    pub fn assertion(
        &self,
        audience: &str,
        signer: &Signer,
        chance: &dyn Chance,
        now: Moment,
        until: Moment,
    ) -> Result<String> {
        let registered = Registered {
            iss: self.issuer.clone(),
            sub: self.statement.client_id.clone(),
            aud: audience.to_owned(),
            exp: now.plus(TokenKind::AuthorizationGrant.longest()).min(until).seconds(),
            iat: Some(now.seconds()),
            nbf: None,
            jti: base32(chance, 26),
        };
        signer.sign(TokenKind::AuthorizationGrant, &registered, &self.statement)
    }
}

/// Writes the assertion with which the gateway `issuer` asks the gateway `audience` for its caller,
/// for no more than `scopes`. Good for 60 s, once, and never longer than the caller's own token.
///
/// # Errors
/// As [`Errand`].
pub fn on_behalf(
    caller: &Caller,
    scopes: &Scopes,
    issuer: &str,
    audience: &str,
    signer: &Signer,
    chance: &dyn Chance,
    now: Moment,
) -> Result<String> {
    let errand = Errand::of(caller, scopes, issuer)?;
    errand.assertion(audience, signer, chance, now, caller.expires())
}
