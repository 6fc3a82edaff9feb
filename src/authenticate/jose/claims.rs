//! The claims every token has, and when they hold.
//!
//! Part of `jose`. Source: RFC 7519 section 4.1, SMART App Launch 2.2. Times are whole seconds, names
//! are single strings, and every token lives for a bounded time and can be told from every other.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Expected, Refusal, TokenKind};
use crate::domain::moment::Moment;

/// How far the clock of another may be ahead of ours.
pub const SKEW: Duration = Duration::from_secs(30);
/// Longest `jti`, `iss` and `sub`, in bytes.
const MAX_NAME: usize = 255;

/// The registered claims of RFC 7519. `deny_unknown_fields` is absent on purpose: the claims of a
/// kind stand beside them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Registered {
    /// Who made it.
    pub iss: String,
    /// About whom.
    pub sub: String,
    /// For whom.
    pub aud: String,
    /// Good until, in seconds since the epoch; not at that second any more.
    pub exp: i64,
    /// Made at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Not good before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Its own name, never given to another token of the same issuer.
    pub jti: String,
}

/// Only who made it.
#[derive(Deserialize)]
pub(super) struct Issuer {
    pub(super) iss: String,
}

/// For whom, as others write it: one, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Is it for this one, and for nobody else?
    pub(super) fn is(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(all) => matches!(&**all, [one] if one == name),
        }
    }

    /// Is it for this one, whoever else it is for?
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(all) => all.iter().any(|one| one == name),
        }
    }
}

impl Registered {
    /// Checks every registered claim.
    pub(super) fn check(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        if self.iss != expected.issuer {
            return Err(Refusal::Invalid("issuer"));
        }
        if !expected.audience.contains(&self.aud.as_str()) {
            return Err(Refusal::Invalid("audience"));
        }
        if !is_name(&self.sub) || !is_name(&self.jti) {
            return Err(Refusal::Invalid("sub or jti empty, too long or unprintable"));
        }
        self.check_times(expected.kind, expected.now)
    }

    fn check_times(&self, kind: TokenKind, now: Moment) -> Result<(), Refusal> {
        let ahead = now.plus(SKEW).seconds();
        if [self.iat, self.nbf].into_iter().flatten().any(|at| at < 0 || at > ahead) {
            return Err(Refusal::Invalid("iat or nbf is ahead"));
        }
        if self.exp < 0 || self.exp > now.plus(kind.longest()).plus(SKEW).seconds() {
            return Err(Refusal::Invalid("exp out of bounds"));
        }
        // What gateways write themselves says when it was written, so its whole life is bounded.
        let whole = self.iat.map(|iat| Moment::from_millis(iat.saturating_mul(1000)));
        let bounded = whole.is_some_and(|iat| self.expires() <= iat.plus(kind.longest()));
        if kind != TokenKind::ClientAssertion && !bounded {
            return Err(Refusal::Invalid("lives too long"));
        }
        if self.exp <= now.seconds() { Err(Refusal::Expired) } else { Ok(()) }
    }

    /// The first instant at which it counts; [`Moment::MIN`] where it does not say when it was made.
    pub fn begins(&self) -> Moment {
        let made = |iat: i64| Moment::from_millis(iat.saturating_mul(1000)).minus(SKEW);
        self.iat.map_or(Moment::MIN, made)
    }

    /// The first instant at which it is not good any more.
    pub const fn expires(&self) -> Moment {
        Moment::from_millis(self.exp.saturating_mul(1000))
    }
}

/// Reads typed JSON: a member given twice, an array for a string, a fraction for a whole number are
/// errors.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(json).map_err(|_| Refusal::Invalid("claims or header"))
}

/// Is it one to 255 printable characters of ASCII? Look-alikes and control characters are not.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}
