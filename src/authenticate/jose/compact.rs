//! The compact form: three parts, sized before anything is decoded.
//!
//! Part of `jose`. Source: RFC 7515 section 7.1, RFC 8725 section 3. Headers that change how a token
//! is to be read (`crit`, `b64`, `zip`) or where its key is to be fetched (`jku`, `x5u`) refuse it,
//! unless a `jku` names the very address its owner is registered with; keys carried by the token itself
//! (`jwk`, `x5c`) are never looked at.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;

use super::{
    Refusal, claims,
    key::{Algorithm, Key},
};

/// Longest token that is read, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;
/// Longest header part.
const MAX_HEADER: usize = 2 * 1024;
/// Longest signature part: RSA with 4096 bits.
const MAX_SIGNATURE: usize = 684;

/// A token in its three parts.
pub(super) struct Compact<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// Header and payload with the dot between: what is signed.
    message: &'a str,
}

/// The header members that decide anything.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: Algorithm,
    /// Compared with registered names and nothing else; those are short.
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
    #[serde(default)]
    zip: Present,
    #[serde(default)]
    jku: Address,
    #[serde(default)]
    x5u: Present,
}

/// Was there a member of this name, whatever it held?
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self(true))
    }
}

/// An address of keys, whatever it is written as.
#[derive(Default)]
struct Address(Option<Value>);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Value::deserialize(from).map(|value| Self(Some(value)))
    }
}

impl<'a> Compact<'a> {
    /// Splits and sizes; decodes nothing.
    pub(super) fn split(token: &'a str) -> Result<Self, Refusal> {
        let refused = Refusal::Invalid("not a compact JWS of bearable size");
        if token.len() > MAX_TOKEN {
            return Err(refused);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(refused)?;
        let (header, payload) = message.split_once('.').ok_or(refused)?;
        let fits = (1..=MAX_HEADER).contains(&header.len())
            && !payload.is_empty()
            && !payload.contains('.')
            && (1..=MAX_SIGNATURE).contains(&signature.len());
        if fits { Ok(Self { header, payload, signature, message }) } else { Err(refused) }
    }

    /// The header, if nothing in it asks for more than this module does. Of addresses it may hold
    /// that at which the maker's keys are registered to be.
    pub(super) fn header(&self, address: Option<&str>) -> Result<Header, Refusal> {
        let header: Header = part(self.header)?;
        if header.crit.0 || header.b64.0 || header.zip.0 {
            return Err(Refusal::Invalid("a header extension"));
        }
        let registered = |jku: &Value| jku.as_str().is_some_and(|jku| Some(jku) == address);
        if header.x5u.0 || !header.jku.0.as_ref().is_none_or(registered) {
            return Err(Refusal::Invalid("a key address that is not registered"));
        }
        Ok(header)
    }

    /// Further members of the header.
    pub(super) fn part_of_header<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        part(self.header)
    }

    /// The payload's JSON, as it was signed.
    pub(super) fn payload(&self) -> Result<Vec<u8>, Refusal> {
        decoded(self.payload)
    }

    /// Is it signed with this key, by the one algorithm this key has?
    pub(super) fn check_signature(&self, key: &Key) -> Result<(), Refusal> {
        decoded(self.signature)?;
        let checked = jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            &key.verifying,
            key.algorithm.library(),
        );
        match checked {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Refusal::Invalid("signature")),
        }
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    claims::read(&decoded(text)?)
}

/// Decodes base64url without padding; anything not in its one canonical form is refused.
fn decoded(text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::Invalid("not base64url"))
}
