//! Signed tokens, read strictly: the only file that decides whether a JWT is what it says.
//!
//! Part of the step `authenticate` and of the token endpoint. `jsonwebtoken` does the signature and
//! nothing else: sizes, header, type, key, times and names are checked here, with no leeway taken
//! from a library, because the crate lets through `crit`, foreign `typ`, arrays and fractions.
//! Sources: RFC 7515, RFC 7519, RFC 8725, RFC 9068, SMART App Launch 2.2
//! `client-confidential-asymmetric`. Never reads the clock, never fetches a key itself, never says why it
//! refused to anyone but the operator.

pub mod compact;
pub mod address;
pub mod key;
pub mod claims;
pub mod foreign;
pub mod login;
pub mod proof;
pub mod ring;
pub mod sign;

use std::{fmt, time::Duration};

use serde::de::DeserializeOwned;

use self::{claims::Registered, compact::Compact, key::KeySet};
use crate::domain::moment::Moment;

/// What a token is for. Each kind has a `typ` of its own, so none can be used as another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenKind {
    /// Access to this gateway (RFC 9068).
    AccessToken,
    /// One gateway speaking for its caller to another (RFC 7523).
    AuthorizationGrant,
    /// Who logged in, told to an app (`OpenID` Connect Core); this gateway takes none of its own.
    IdToken,
    /// A client proving who it is at the token endpoint (RFC 7523 section 3).
    ClientAssertion,
}

impl TokenKind {
    /// The `typ` that is written, and the one that separates this kind from the others.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::AuthorizationGrant => "mylife-grant+jwt",
            Self::ClientAssertion | Self::IdToken => "JWT",
        }
    }

    /// Longest life, counted from now.
    pub const fn longest(self) -> Duration {
        match self {
            Self::AccessToken | Self::ClientAssertion | Self::IdToken => Duration::from_mins(5),
            Self::AuthorizationGrant => Duration::from_mins(1),
        }
    }

    /// Media types are compared without letter case and without `application/` (RFC 7515 section
    /// 4.1.9). Clients in use send no `typ` in an assertion; every other kind must have its own.
    fn admits(self, typ: Option<&str>) -> bool {
        let Some(typ) = typ else { return self == Self::ClientAssertion };
        let is = |name: &str| {
            let bare = typ
                .split_at_checked(12)
                .filter(|(head, _)| head.eq_ignore_ascii_case("application/"));
            bare.map_or(typ, |(_, rest)| rest).eq_ignore_ascii_case(name)
        };
        match self {
            Self::AccessToken | Self::AuthorizationGrant | Self::IdToken => is(self.typ()),
            Self::ClientAssertion => is(self.typ()) || is("client-authentication+jwt"),
        }
    }
}

/// Why a token is refused: for the log and the audit record, never for the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It was good until its time was over.
    Expired,
    /// It was never good.
    Invalid(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("token expired"),
            Self::Invalid(why) => write!(f, "token invalid: {why}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What it is for.
    pub kind: TokenKind,
    /// Who made it.
    pub issuer: &'a str,
    /// For whom: one of these, as a single string.
    pub audience: &'a [&'a str],
    /// The instant.
    pub now: Moment,
}

/// A token that is what it says.
#[derive(Debug)]
pub struct Verified<C> {
    /// The claims every token has.
    pub registered: Registered,
    /// The claims of its kind.
    pub claims: C,
}

/// Reads and checks a token in compact form.
///
/// # Errors
/// [`Refusal`], for the log alone.
pub fn verify<C: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<Verified<C>, Refusal> {
    let compact = Compact::split(token)?;
    let header = compact.header(keys.address())?;
    if !expected.kind.admits(header.typ.as_deref()) {
        return Err(Refusal::Invalid("another kind of token"));
    }
    let kid = header.kid.as_deref().ok_or(Refusal::Invalid("no kid"))?;
    let key = keys.find(kid, header.alg).ok_or(Refusal::Invalid("no such key"))?;
    compact.check_signature(key)?;
    let payload = compact.payload()?;
    let registered: Registered = claims::read(&payload)?;
    registered.check(expected)?;
    Ok(Verified { registered, claims: claims::read(&payload)? })
}

/// Who says to have made a token: to choose the keys that will tell, and for nothing else.
///
/// # Errors
/// [`Refusal`] for what is no token.
pub fn claimed_issuer(token: &str) -> Result<String, Refusal> {
    claims::read::<claims::Issuer>(&Compact::split(token)?.payload()?).map(|claims| claims.iss)
}

/// Which key of those published at `address`, if it is known yet, is said to have signed a token: to
/// look whether it is there, and for nothing else.
///
/// # Errors
/// [`Refusal`] for what is no token, or names no key.
pub fn claimed_key(token: &str, address: Option<&str>) -> Result<String, Refusal> {
    let header = Compact::split(token)?.header(address)?;
    header.kid.filter(|kid| claims::is_name(kid)).ok_or(Refusal::Invalid("no kid"))
}
