//! Public keys: JSON Web Keys, each bound to one algorithm.
//!
//! Part of `jose`. Source: RFC 7517, RFC 7518 section 6, SMART App Launch 2.2. A key has exactly one
//! algorithm, so a token cannot choose how it is checked. A set is registered, then every mistake in
//! it is told, or published by its owner, then what this gateway cannot use is left out; one with a
//! private key in it is refused whole. It must not fetch one.

use std::{fmt, sync::Arc};

use aws_lc_rs::signature;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::sha256;

/// Most keys of a set.
const MAX_KEYS: usize = 20;
/// 65537, the only public exponent of RSA that is accepted.
const EXPONENT: &str = "AQAB";

/// How a token is signed. Nothing else exists for the gateway: no HMAC, no `none`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// RSA PKCS#1 v1.5 with SHA-256: for keys whose JWK names it.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
}

impl Algorithm {
    /// What SMART App Launch 2.2 names: all that a client may use which publishes its keys and is
    /// registered for nothing else.
    pub const SMART: [Self; 2] = [Self::Es384, Self::Rs384];

    /// The name in JOSE.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
        }
    }

    /// The only key type that has it.
    const fn kty(self) -> &'static str {
        match self {
            Self::Es256 | Self::Es384 => "EC",
            Self::Rs256 | Self::Rs384 => "RSA",
        }
    }

    pub(super) const fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Rs384 => jsonwebtoken::Algorithm::RS384,
        }
    }
}

/// A public key as JSON: the members that are published and no others.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PublicKey {
    /// `EC` or `RSA`.
    pub kty: String,
    /// The key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The algorithm; follows from the key when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// `P-256` or `P-384`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// Coordinate of a point, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Coordinate of a point, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

impl PublicKey {
    /// The key's thumbprint (RFC 7638): a name that nobody has to think of.
    pub fn thumbprint(&self) -> String {
        let text = |member: &Option<String>| member.clone().unwrap_or_default();
        let canonical = if self.kty == "RSA" {
            format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(&self.e), text(&self.n))
        } else {
            let (crv, x, y) = (text(&self.crv), text(&self.x), text(&self.y));
            format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        };
        URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes()))
    }
}

/// A key that can check signatures.
#[derive(Clone)]
pub struct Key {
    kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) verifying: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    /// Where its owner publishes it.
    address: Option<Arc<str>>,
}

impl KeySet {
    /// Reads a JWK Set, `{"keys": [...]}`; gives back every mistake in it.
    pub fn parse(set: &Value) -> Result<Self, Vec<String>> {
        let Some(keys) = set.get("keys").and_then(Value::as_array) else {
            return Err(vec!["is not a JWK Set: it has no array `keys`".to_owned()]);
        };
        if keys.is_empty() || keys.len() > MAX_KEYS {
            return Err(vec![format!("must have 1 to {MAX_KEYS} keys")]);
        }
        let mut set = Self::default();
        let mut mistakes = Vec::new();
        for (n, key) in keys.iter().enumerate() {
            match Key::parse(key) {
                Ok(key) if set.named(&key.kid, key.algorithm.kty()).is_some() => {
                    mistakes.push(format!("key {n} has the kid and type of an earlier one"));
                }
                Ok(key) => set.keys.push(key),
                Err(why) => mistakes.push(format!("key {n} {why}")),
            }
        }
        if mistakes.is_empty() { Ok(set) } else { Err(mistakes) }
    }

    /// Reads a JWK Set that its owner publishes at `address`. Keys of other kinds than `algorithms`
    /// are left out (RFC 7517 section 5), as the owner may have others to deal with.
    ///
    /// # Errors
    /// Why nothing in it can be believed: it holds a private key, has a name twice, or is none.
    pub fn published(
        set: &Value,
        address: Arc<str>,
        algorithms: &[Algorithm],
    ) -> Result<Self, &'static str> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or("it is no JWK Set")?;
        if keys.len() > MAX_KEYS {
            return Err("it has too many keys");
        }
        if keys.iter().any(is_private) {
            return Err("it has private members");
        }
        let mut set = Self { keys: Vec::new(), address: Some(address) };
        let readable = keys.iter().filter_map(|key| Key::parse(key).ok());
        for key in readable.filter(|key| algorithms.contains(&key.algorithm)) {
            if set.named(&key.kid, key.algorithm.kty()).is_some() {
                return Err("it has a kid twice");
            }
            set.keys.push(key);
        }
        Ok(set)
    }

    /// Where its owner publishes it, if it was read there.
    pub(super) fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Is there a key of this name?
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid == kid)
    }

    /// The set of these public keys.
    ///
    /// # Errors
    /// As [`KeySet::parse`].
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> Result<Self, Vec<String>> {
        let keys: Vec<&PublicKey> = keys.into_iter().collect();
        Self::parse(&serde_json::json!({ "keys": keys }))
    }

    /// The one key of a name that has this algorithm.
    pub(super) fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&Key> {
        self.named(kid, algorithm.kty()).filter(|key| key.algorithm == algorithm)
    }

    /// A kid may stand for one key of each type; the set has no two of the same.
    fn named(&self, kid: &str, kty: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid && key.algorithm.kty() == kty)
    }

    /// The algorithms of its keys, each once.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut found = Vec::new();
        for key in &self.keys {
            if !found.contains(&key.algorithm) {
                found.push(key.algorithm);
            }
        }
        found
    }
}

impl Key {
    fn parse(key: &Value) -> Result<Self, &'static str> {
        if is_private(key) {
            return Err("has private members: treat it as leaked and make another");
        }
        let key: PublicKey = serde_json::from_value(key.clone()).map_err(|_| "is not a JWK")?;
        let kid = key.kid.clone().filter(|kid| super::claims::is_name(kid));
        let kid = kid.ok_or("needs a kid of 1 to 255 printable characters")?;
        if key.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err("is not for signatures");
        }
        let (algorithm, verifying) = match key.kty.as_str() {
            "EC" => elliptic(&key)?,
            "RSA" => rsa(&key)?,
            _ => return Err("must be EC or RSA"),
        };
        if key.alg.as_deref().is_some_and(|alg| alg != algorithm.name()) {
            return Err("has an alg that is not one of its type (ES256, ES384, RS384 or RS256)");
        }
        Ok(Self { kid, algorithm, verifying })
    }
}

impl Key {
    /// A key on a curve that a proof of possession carries, and its thumbprint: it has no other name.
    pub(super) fn carried(key: &Value) -> Result<(Self, [u8; 32]), &'static str> {
        if is_private(key) {
            return Err("has private members: treat it as leaked and make another");
        }
        let key: PublicKey = serde_json::from_value(key.clone()).map_err(|_| "is not a JWK")?;
        if key.kty != "EC" {
            return Err("must be EC");
        }
        let (algorithm, verifying) = elliptic(&key)?;
        let digest = URL_SAFE_NO_PAD.decode(key.thumbprint()).ok();
        let thumbprint = digest.and_then(|digest| digest.try_into().ok()).ok_or("is not a JWK")?;
        Ok((Self { kid: String::new(), algorithm, verifying }, thumbprint))
    }
}

/// The same set, in which keys of RSA that name no algorithm have the only one of `algorithms` that is of
/// their type, where there is one only: some who publish keys leave it out (RFC 7517 section 4.4).
pub fn with_algorithm(set: Value, algorithms: &[Algorithm]) -> Value {
    let mut rsa = algorithms.iter().filter(|algorithm| algorithm.kty() == Algorithm::Rs256.kty());
    let (Some(only), None) = (rsa.next(), rsa.next()) else { return set };
    let mut set = set;
    for key in set.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_rsa = key.get("kty").is_some_and(|kty| kty == Algorithm::Rs256.kty());
        if let Some(members) = key.as_object_mut().filter(|_| is_rsa) {
            members.entry("alg").or_insert_with(|| only.name().into());
        }
    }
    set
}

/// Has it members that its owner alone may know?
fn is_private(key: &Value) -> bool {
    const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    PRIVATE.iter().any(|member| key.get(member).is_some())
}

fn elliptic(key: &PublicKey) -> Result<(Algorithm, DecodingKey), &'static str> {
    let (algorithm, check, size) = match key.crv.as_deref() {
        Some("P-256") => (Algorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED, 32),
        Some("P-384") => (Algorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED, 48),
        _ => return Err("must be on P-256 or P-384"),
    };
    let (x, y) = (member(key.x.as_ref())?, member(key.y.as_ref())?);
    if x.len() != size || y.len() != size {
        return Err("has a coordinate of the wrong length");
    }
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    signature::UnparsedPublicKey::new(check, &point)
        .parse()
        .map_err(|_| "is not a point on its curve")?;
    Ok((algorithm, DecodingKey::from_ec_der(&point)))
}

fn rsa(key: &PublicKey) -> Result<(Algorithm, DecodingKey), &'static str> {
    if key.e.as_deref() != Some(EXPONENT) {
        return Err("must have the public exponent 65537");
    }
    let (n, e) = (member(key.n.as_ref())?, member(key.e.as_ref())?);
    let zeros = n.first().map_or(8, |first| first.leading_zeros() as usize);
    if zeros == 8 || !(2048..=4096).contains(&(n.len() * 8 - zeros)) {
        return Err("must have a modulus of 2048 to 4096 bits");
    }
    let named = key.alg.as_deref() == Some(Algorithm::Rs256.name());
    let algorithm = if named { Algorithm::Rs256 } else { Algorithm::Rs384 };
    Ok((algorithm, DecodingKey::from_rsa_raw_components(&n, &e)))
}

fn member(text: Option<&String>) -> Result<Vec<u8>, &'static str> {
    let text = text.ok_or("lacks a public member")?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "has a member that is not base64url")
}
