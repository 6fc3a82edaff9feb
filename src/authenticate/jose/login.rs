//! Who logged in elsewhere: the ID token of a login provider, read strictly.
//!
//! Part of `jose`. Source: `OpenID` Connect Core 3.1.3.7, RFC 8725. It is looser than for our own kinds only
//! where providers in use differ: `typ` and `jti` may be absent, `aud` may be a list of one.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Refusal,
    claims::{self, Audience, SKEW, is_name},
    compact::Compact,
    key::KeySet,
};
use crate::domain::moment::Moment;

/// How long ago it may have been made: it is fetched as soon as it is made.
const FRESH: Duration = Duration::from_mins(5);

/// What an ID token must say.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedLogin<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// For whom: what the provider calls this gateway.
    pub client_id: &'a str,
    /// For which login.
    pub nonce: &'a str,
    /// The instant.
    pub now: Moment,
}

#[derive(Deserialize)]
struct Said {
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(default)]
    azp: Option<String>,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    nonce: String,
}

/// Reads and checks an ID token; gives all its claims.
///
/// # Errors
/// Why it is not believed, for the log.
pub fn verify_login(
    token: &str,
    keys: &KeySet,
    expected: &ExpectedLogin<'_>,
) -> Result<Map<String, Value>, Refusal> {
    let compact = Compact::split(token)?;
    let header = compact.header(keys.address())?;
    let typ = header.typ.as_deref();
    if typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(Refusal::Invalid("another kind of token"));
    }
    let kid = header.kid.as_deref().ok_or(Refusal::Invalid("no kid"))?;
    let key = keys.find(kid, header.alg).ok_or(Refusal::Invalid("no such key"))?;
    compact.check_signature(key)?;
    let payload = compact.payload()?;
    claims::read::<Said>(&payload)?.check(expected)?;
    claims::read(&payload)
}

impl Said {
    fn check(&self, expected: &ExpectedLogin<'_>) -> Result<(), Refusal> {
        let ExpectedLogin { issuer, client_id, nonce, now } = *expected;
        if self.iss != issuer {
            return Err(Refusal::Invalid("issuer"));
        }
        if !self.aud.is(client_id) || self.azp.as_deref().is_some_and(|azp| azp != client_id) {
            return Err(Refusal::Invalid("audience"));
        }
        if self.nonce != nonce {
            return Err(Refusal::Invalid("nonce"));
        }
        if !is_name(&self.sub) {
            return Err(Refusal::Invalid("sub empty, too long or unprintable"));
        }
        let ahead = now.plus(SKEW).seconds();
        if self.iat > ahead || self.nbf.is_some_and(|nbf| nbf > ahead) {
            return Err(Refusal::Invalid("iat or nbf is ahead"));
        }
        if self.iat < now.minus(FRESH).seconds() {
            return Err(Refusal::Invalid("made long ago"));
        }
        if self.exp <= now.seconds() { Err(Refusal::Expired) } else { Ok(()) }
    }
}
