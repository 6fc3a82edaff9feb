//! Access tokens that others issue, read strictly: what one says itself, or its issuer when asked.
//!
//! Part of `jose`. Sources: RFC 9068 sections 2.2 and 4, RFC 7662 section 2.2, RFC 8725 sections 3.8 to 3.12.
//! It is looser than for our own kind only where issuers in use differ: `aud` may be a list with ours in it,
//! and where the operator lets a plain `JWT` be an access token, `jti` may be absent. What the rest means
//! is for the rules of the issuer.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Refusal,
    claims::{Audience, SKEW, is_name},
    compact::Compact,
    key::KeySet,
};
use crate::{
    domain::{identity, moment::Moment},
    json,
};

/// What stands in ID tokens and logout tokens alone, which a plain `typ` does not tell from access tokens.
const OTHERS: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

/// What a token of another issuer must say.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedForeign<'a> {
    /// Who made it, letter by letter.
    pub issuer: &'a str,
    /// What it calls this gateway.
    pub audience: &'a str,
    /// Is a token with `typ` `JWT` an access token too?
    pub plain: bool,
    /// Longest life of one that is believed by its signature alone.
    pub longest: Duration,
    /// The instant.
    pub now: Moment,
}

/// What is said of a good token.
#[derive(Debug)]
pub struct Said {
    /// About whom; an issuer that is asked may not say.
    pub sub: Option<String>,
    /// Its own name, never given to another token of the same issuer.
    pub jti: Option<String>,
    /// Good until, in seconds since the epoch.
    pub exp: i64,
    /// Made at.
    pub iat: Option<i64>,
    /// All claims.
    pub all: Map<String, Value>,
}

/// The claims that are the same everywhere.
#[derive(Deserialize)]
struct Registered {
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    jti: Option<String>,
}

/// Reads and checks a token by the keys of its issuer.
///
/// # Errors
/// Why it is not believed, for the log.
pub fn verify_foreign(
    token: &str,
    keys: &KeySet,
    expected: &ExpectedForeign<'_>,
) -> Result<Said, Refusal> {
    let compact = Compact::split(token)?;
    let header = compact.header(keys.address())?;
    let typ = header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_profiled = typ.strip_prefix("application/").unwrap_or(&typ) == "at+jwt";
    let is_plain = expected.plain && typ == "jwt";
    if !is_profiled && !is_plain {
        return Err(Refusal::Invalid("another kind of token"));
    }
    let kid = header.kid.as_deref().ok_or(Refusal::Invalid("no kid"))?;
    let key = keys.find(kid, header.alg).ok_or(Refusal::Invalid("no such key"))?;
    compact.check_signature(key)?;
    let payload = json::parse(&compact.payload()?, &json::Limits::default());
    let payload = payload.map_err(|_| Refusal::Invalid("claims or header"))?;
    let (registered, all) = registered(payload)?;
    if registered.iss.as_deref() != Some(expected.issuer) {
        return Err(Refusal::Invalid("issuer"));
    }
    if OTHERS.iter().any(|claim| all.contains_key(*claim)) {
        return Err(Refusal::Invalid("another kind of token, by its claims"));
    }
    if registered.sub.is_none() || registered.iat.is_none() {
        return Err(Refusal::Invalid("no sub or no iat"));
    }
    if is_profiled && registered.jti.is_none() {
        return Err(Refusal::Invalid("no jti"));
    }
    let whole = registered.iat.map(|iat| registered.exp.saturating_sub(iat));
    let longest = i64::try_from(expected.longest.as_secs()).unwrap_or(i64::MAX);
    if whole.is_none_or(|whole| whole > longest) {
        return Err(Refusal::Invalid("lives longer than longest_minutes of its issuer"));
    }
    checked(registered, all, expected)
}

/// Checks what an issuer answered about a token that is active.
///
/// # Errors
/// Why it is not believed, for the log.
pub fn answered_foreign(
    answer: &Map<String, Value>,
    expected: &ExpectedForeign<'_>,
) -> Result<Said, Refusal> {
    let (registered, all) = registered(answer.clone().into())?;
    if registered.iss.as_deref().is_some_and(|issuer| issuer != expected.issuer) {
        return Err(Refusal::Invalid("issuer"));
    }
    checked(registered, all, expected)
}

fn registered(payload: Value) -> Result<(Registered, Map<String, Value>), Refusal> {
    let refused = Refusal::Invalid("claims or header");
    let registered = Registered::deserialize(&payload).map_err(|_| refused)?;
    match payload {
        Value::Object(all) => Ok((registered, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(refused)
        }
    }
}

fn checked(
    registered: Registered,
    all: Map<String, Value>,
    expected: &ExpectedForeign<'_>,
) -> Result<Said, Refusal> {
    let Registered { iss: _, sub, aud, exp, iat, nbf, jti } = registered;
    if !aud.has(expected.audience) {
        return Err(Refusal::Invalid("audience"));
    }
    if !sub.iter().chain(&jti).all(|name| is_name(name)) {
        return Err(Refusal::Invalid("sub or jti empty, too long or unprintable"));
    }
    if sub.as_deref().is_some_and(identity::resembles) {
        return Err(Refusal::Invalid("sub is like an identity code"));
    }
    let ahead = expected.now.plus(SKEW).seconds();
    if [iat, nbf].into_iter().flatten().any(|at| at < 0 || at > ahead) {
        return Err(Refusal::Invalid("iat or nbf is ahead"));
    }
    if exp <= expected.now.seconds() {
        return Err(Refusal::Expired);
    }
    Ok(Said { sub, jti, exp, iat, all })
}
