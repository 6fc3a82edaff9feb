//! Proof that whoever shows a token holds the key that the token is bound to (`DPoP`).
//!
//! Part of `jose`. Source: RFC 9449 sections 4.2, 4.3, 8 and 11.1. A proof brings its own public key, so
//! by itself it proves nothing of anybody: a token names the key's thumbprint. Each says for which request
//! it was made and when, and repeats a number of ours that is a minute or two old, so that none can be
//! made long before it is used. That it is shown for the first time is settled by whoever calls.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, Method, Uri};
use serde::Deserialize;

use super::{
    Refusal, claims,
    compact::Compact,
    key::{Algorithm, Key},
};
use crate::{digest::sha256, domain::moment::Moment, seal::Keys};

/// The header of a proof.
pub const HEADER: HeaderName = HeaderName::from_static("dpop");
/// The header that names the number to be repeated.
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// How a proof may be signed.
pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Es384];
/// How a challenge says so.
pub const ALGS: &str = "ES256 ES384";
/// What stands in `typ`.
const TYP: &str = "dpop+jwt";
/// How old a proof may be.
const OLD: Duration = Duration::from_mins(1);
/// How long a number is named; it is good for as long again.
const EPOCH: i64 = 60;
/// Bytes of a number.
const NONCE_BYTES: usize = 16;

/// The request that a proof must be made for.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its address without query: the gateway's own base and the path as it came.
    pub url: &'a str,
    /// The token beside it, where there is one.
    pub token: Option<&'a str>,
}

/// A proof that is good, if it was not shown before.
#[derive(Clone, Copy, Debug)]
pub struct Proof {
    /// Thumbprint of its key (RFC 7638).
    pub key: [u8; 32],
    /// Its own name, of whatever length the name was that it came with.
    pub id: [u8; 32],
    /// From when on it is too old, whether it was shown or not.
    pub until: Moment,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// It is none, or for something else.
    Bad(Refusal),
    /// It repeats no number of ours, or an old one: it may be made again with the present one.
    Number,
}

impl From<Refusal> for Flaw {
    fn from(why: Refusal) -> Self {
        Self::Bad(why)
    }
}

/// The member of the header that only proofs have.
#[derive(Deserialize)]
struct Carried {
    jwk: serde_json::Value,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

/// The number that proofs are to repeat now: the same at every replica, and kept nowhere.
pub fn nonce(keys: &Keys, now: Moment) -> String {
    number(keys, now.seconds().div_euclid(EPOCH))
}

fn number(keys: &Keys, epoch: i64) -> String {
    let whole = keys.mac("DPoP nonce", &epoch.to_be_bytes());
    URL_SAFE_NO_PAD.encode(whole.get(..NONCE_BYTES).unwrap_or_default())
}

/// A thumbprint as claims have it.
pub fn thumbprint(key: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// The proof of a request; none where it has no such header.
///
/// # Errors
/// Why what it has is no proof for this request at this time.
pub fn read(
    headers: &HeaderMap,
    target: &Target<'_>,
    keys: &Keys,
    now: Moment,
) -> Result<Option<Proof>, Flaw> {
    let mut all = headers.get_all(HEADER).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let refused = |why| Flaw::Bad(Refusal::Invalid(why));
    if all.next().is_some() {
        return Err(refused("two proofs"));
    }
    let text = value.to_str().map_err(|_| refused("a proof that is no text"))?;
    let (key, claims) = signed(text)?;
    if claims.htm != target.method.as_str() || !is_address(&claims.htu, target.url) {
        return Err(refused("a proof for another request"));
    }
    if !claims::is_name(&claims.jti) {
        return Err(refused("jti"));
    }
    let made = Moment::from_millis(claims.iat.saturating_mul(1000));
    let until = made.plus(OLD);
    if claims.iat < 0 || made > now.plus(claims::SKEW) || until <= now {
        return Err(refused("a proof of another time"));
    }
    let hash = target.token.map(|token| URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())));
    if hash.is_some() && claims.ath != hash {
        return Err(refused("a proof beside another token"));
    }
    let epoch = now.seconds().div_euclid(EPOCH);
    let ours = [epoch, epoch.saturating_sub(1)].map(|epoch| number(keys, epoch));
    if !claims.nonce.is_some_and(|nonce| ours.contains(&nonce)) {
        return Err(Flaw::Number);
    }
    let id = sha256(&[key.as_slice(), claims.jti.as_bytes()].concat());
    Ok(Some(Proof { key, id, until }))
}

/// The thumbprint of the key that a text carries and is signed with, and what it says.
fn signed(text: &str) -> Result<([u8; 32], Claims), Refusal> {
    let compact = Compact::split(text)?;
    let header = compact.header(None)?;
    if !header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(TYP)) {
        return Err(Refusal::Invalid("another kind of token"));
    }
    let carried: Carried = compact.part_of_header()?;
    let (key, thumbprint) = Key::carried(&carried.jwk).map_err(Refusal::Invalid)?;
    if key.algorithm != header.alg || !ALGORITHMS.contains(&key.algorithm) {
        return Err(Refusal::Invalid("an algorithm that is not the key's"));
    }
    compact.check_signature(&key)?;
    Ok((thumbprint, claims::read(&compact.payload()?)?))
}

/// Is it this address, whatever stands behind it? Scheme and host are compared without letter case, and
/// a port that follows from the scheme may be said or not (RFC 9449 section 4.3).
fn is_address(said: &str, url: &str) -> bool {
    let parts = |text: &str| {
        let bare = text.split('#').next()?;
        let uri: Uri = bare.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let usual = if scheme == "https" { 443 } else { 80 };
        let port = authority.port_u16().unwrap_or(usual);
        Some((scheme, authority.host().to_ascii_lowercase(), port, uri.path().to_owned()))
    };
    parts(said).is_some_and(|said| Some(said) == parts(url))
}
