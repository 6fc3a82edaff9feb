//! Others whose access tokens count here, and how much any of them may ever give.
//!
//! Part of the step `authenticate`. What a token says is read by the rules of its issuer and becomes the same
//! statement that our own tokens hold; what the operator did not list for the issuer it cannot say, as with
//! peers. A client of it is known by the issuer's short name and its own, `id:client`, which no client
//! and no peer of ours is called. Sources: RFC 9068 section 2.2, SMART App Launch 2.2
//! `token-introspection`, IHE IUA; design 6.

mod claims;

use std::{pin::Pin, sync::Arc, time::Duration};

pub use self::claims::ClaimRules;
use super::{
    Examined,
    caller::{AccessClaims, Confirmation, MayAct},
    jose::{
        Refusal,
        claims::Registered,
        foreign::{ExpectedForeign, Said},
    },
    statement::Statement,
};
use crate::{
    digest::{hex, sha256},
    domain::moment::Moment,
    error::Result,
    smart::{self, Scopes},
};

/// How long it counts what is known of another issuer's token; then it is looked at anew. With the 1.8
/// seconds within which an answer leaves, a token that is withdrawn there is dead here within five; where
/// replicas share what they know, by clocks that follow the same time.
pub const KNOWN: Duration = Duration::from_secs(3);
/// Requests of one moment may be handled in another order than they came.
const ORDER: Duration = Duration::from_secs(1);
/// Most roles of one token.
const MAX_ROLES: usize = 16;

/// Somebody who issues access tokens for this gateway.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its short name here: small letters, digits, `-`.
    pub id: String,
    /// Its issuer identifier, letter by letter.
    pub issuer: Arc<str>,
    /// What it calls this gateway.
    pub audience: String,
    /// Is a token with `typ` `JWT` an access token too?
    pub plain: bool,
    /// Longest life of a token that is believed by its signature alone.
    pub longest: Duration,
    /// Which of its claims say what.
    pub claims: ClaimRules,
    /// How much it may give.
    pub limits: IssuerLimits,
}

/// How much an issuer may give. What is not listed it may not.
#[derive(Clone, Debug, Default)]
pub struct IssuerLimits {
    /// FHIR scopes; of what a token says, the part that is in here counts.
    pub scopes: Scopes,
    /// Organisations, `urn:oid:...`.
    pub organizations: Vec<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// Purposes, codes of v3-ActReason.
    pub purposes: Vec<String>,
    /// May it say that a person acts for themselves or for another?
    pub people_act: bool,
}

/// By whom a token was issued, and since when that is known.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    /// Its issuer.
    pub(crate) issuer: Arc<str>,
    /// The instant at which it was last looked at.
    pub(crate) since: Moment,
}

impl Elsewhere {
    /// Does what was known then count now?
    pub(crate) fn counts(&self, now: Moment) -> bool {
        still_known(self.since, now)
    }
}

/// Looks again at the token of somebody who is let in for longer than it counts what is known of it.
pub trait Again: Send + Sync {
    /// Is it still good?
    ///
    /// # Errors
    /// `InvalidToken` if not, `Unavailable` if that cannot be known.
    fn still(&self, now: Moment) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

/// Does what was known of a token at one instant count at another? Not by a clock that was put back.
pub(crate) fn still_known(since: Moment, now: Moment) -> bool {
    since <= now.plus(ORDER) && now < since.plus(KNOWN)
}

impl Issuer {
    /// What its tokens must say.
    pub fn expected(&self, now: Moment) -> ExpectedForeign<'_> {
        let Self { issuer, audience, plain, longest, .. } = self;
        ExpectedForeign { issuer, audience, plain: *plain, longest: *longest, now }
    }

    /// A good token in our words; `base` is our FHIR base.
    pub(crate) fn examined(
        &self,
        said: Said,
        token: &str,
        base: &str,
    ) -> std::result::Result<Examined, Refusal> {
        let statement = self.statement(&said, base)?;
        let cnf = confirmation(&said)?;
        let may_act = may_act(&said);
        let jti = said.jti.unwrap_or_else(|| hex(&sha256(token.as_bytes())));
        let id = sha256([&*self.issuer, "\0", &jti].concat().as_bytes());
        let registered = Registered {
            iss: self.issuer.to_string(),
            sub: said.sub.unwrap_or_else(|| statement.client_id.clone()),
            aud: self.audience.clone(),
            exp: said.exp,
            iat: said.iat,
            nbf: None,
            jti,
        };
        let claims = AccessClaims {
            statement,
            node: None,
            cnf,
            may_act,
            family: None,
            launched: serde_json::Map::new(),
        };
        Ok(Examined { id, registered, claims })
    }

    /// Who asks, as far as this issuer may say so.
    fn statement(&self, said: &Said, base: &str) -> std::result::Result<Statement, Refusal> {
        let read = self.claims.read(&said.all, base)?;
        let refused = |why| Err(Refusal::Invalid(why));
        if read.scope.len() > smart::MAX_TEXT {
            return refused("its scope is too long");
        }
        let scopes = Scopes::parse(&read.scope).intersect(&self.limits.scopes).without_ours();
        let limits = &self.limits;
        let organization = match (read.organization, &*limits.organizations) {
            (Some(said), all) if all.contains(&said) => said,
            (None, [only]) if self.claims.organization.is_none() => only.clone(),
            (Some(_), _) => return refused("an organisation it may not speak for"),
            (None, _) => return refused("no organisation"),
        };
        let purpose = match (read.purpose, &*limits.purposes) {
            (Some(said), all) if all.contains(&said) => Some(said),
            (Some(_), _) => return refused("a purpose it may not state"),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        };
        if read.roles.len() > MAX_ROLES || !read.roles.iter().all(|r| limits.roles.contains(r)) {
            return refused("a role it may not give");
        }
        let mut statement = Statement {
            client_id: format!("{}:{}", self.id, read.client),
            scope: scopes.to_string(),
            organization,
            purpose,
            roles: read.roles,
            subject: read.user,
            patient: read.patient,
            register: None,
            sector: None,
            declared: Vec::new(),
            break_glass: None,
            act: None,
        };
        if statement.people_act() {
            if !limits.people_act {
                return refused("a person who acts");
            }
            // People have no role in what is their own.
            statement.roles.clear();
        }
        if !statement.is_wholesome() {
            return refused("a claim empty, too long, unprintable or like an identity code");
        }
        Ok(statement)
    }
}

/// The key or certificate without which the token is worthless. What nobody here can check is worthless.
fn confirmation(said: &Said) -> std::result::Result<Option<Confirmation>, Refusal> {
    let cnf = said.all.get("cnf").filter(|cnf| !cnf.is_null());
    let cnf: Option<Confirmation> = cnf
        .map(|cnf| serde_json::from_value(cnf.clone()))
        .transpose()
        .map_err(|_| Refusal::Invalid("cnf"))?;
    let is_proven = said.all.get("token_type").and_then(serde_json::Value::as_str);
    let names_key = cnf.as_ref().is_some_and(|cnf| cnf.key.is_some());
    if is_proven.is_some_and(|kind| kind.eq_ignore_ascii_case("DPoP")) && !names_key {
        return Err(Refusal::Invalid("bound to a key that is not named"));
    }
    Ok(cnf)
}

/// Who may act for whoever the token speaks of. Nobody where somebody acts already: whom the issuer calls so
/// is not known here, and would be lost on the way.
fn may_act(said: &Said) -> Option<MayAct> {
    let named = said.all.get("may_act").filter(|_| !said.all.contains_key("act"));
    named.and_then(|named| serde_json::from_value(named.clone()).ok())
}
