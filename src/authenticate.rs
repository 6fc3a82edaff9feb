//! Who asks: from the headers of a request to a [`Caller`], or a refusal.
//!
//! The second step of the way of a request, after `route`. Access tokens are those that this gateway
//! issued itself, and those of the issuers its operator lists, which somebody who may ask them has looked
//! at. Sources: RFC 6750, RFC 9068, RFC 8705 section 3, RFC 9449 section 7. Never tells a
//! caller why a token is bad, never writes a token anywhere, never outlives a token by its cache.

pub mod jose;
pub mod registry;
pub mod peer;
pub mod statement;
pub mod issuer;
pub mod caller;
pub(crate) mod coded;
pub mod revoked;
pub mod bearer;
pub mod behalf;
pub mod standing;

use std::sync::Arc;

use ahash::RandomState;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

use self::{
    bearer::Scheme,
    caller::{AccessClaims, Bound},
    issuer::Elsewhere,
    jose::{
        Expected, Refusal, TokenKind,
        claims::Registered,
        key::KeySet,
        proof::{self, Flaw, Proof, Target},
    },
    peer::Peers,
    registry::Registry,
    revoked::Revoked,
};
pub use self::{bearer::challenge, caller::Caller};
use crate::{
    digest::sha256,
    domain::{id::NodeCode, moment::Moment},
    error::{Error, Kind, Result},
    seal::Keys,
};

/// Tokens whose callers are kept.
const MAX_SEEN: usize = 10_000;

/// Verifies access tokens.
pub struct Authenticator {
    issuer: String,
    audience: String,
    keys: KeySet,
    registry: Arc<Registry>,
    peers: Arc<Peers>,
    revoked: Arc<Revoked>,
    /// Callers by their whole token, in memory alone; each carries its own end.
    seen: Cache<Box<str>, Arc<Caller>, UnitWeighter, RandomState>,
}

impl Authenticator {
    /// Accepts tokens of `issuer`, signed with one of `keys`, for the FHIR base `audience`. Replace
    /// the whole when clients or peers change: what it has seen goes with it.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: KeySet,
        registry: Arc<Registry>,
        peers: Arc<Peers>,
    ) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        let (hasher, lifecycle) = (RandomState::new(), DefaultLifecycle::default());
        let seen = Cache::with(MAX_SEEN, MAX_SEEN as u64, UnitWeighter, hasher, lifecycle);
        Self { issuer, audience, keys, registry, peers, revoked: Arc::default(), seen }
    }

    /// The same that goes on with what another knows to be revoked.
    #[must_use]
    pub fn with_revoked(self, revoked: Arc<Revoked>) -> Self {
        Self { revoked, ..self }
    }

    /// May a peer be told numbers of people as they are?
    pub fn trusts_with_counts(&self, node: &NodeCode) -> bool {
        self.peers.of_code(node).is_some_and(|peer| peer.limits.counts)
    }

    /// The tokens that are not accepted any more, whatever they say.
    pub fn revoked(&self) -> &Arc<Revoked> {
        &self.revoked
    }

    /// The token of these headers, if another may have issued it and it is to be looked at before
    /// [`Authenticator::verify_looked_at`]; nothing is said of headers that hold none.
    pub fn stranger<'a>(
        &self,
        headers: &'a HeaderMap,
        query: Option<&str>,
        now: Moment,
    ) -> Option<Stranger<'a>> {
        let proven = bearer::is_proven(headers);
        let scheme = if proven { Scheme::Proven } else { Scheme::Bearer };
        let token = bearer::token(headers, query, scheme).ok()?;
        let seen = self.seen.get(token);
        if seen.as_ref().is_some_and(|caller| caller.is_known(now) || caller.expires() <= now) {
            return None;
        }
        let is_own = || jose::claimed_issuer(token).is_ok_and(|issuer| issuer == self.issuer);
        let stranger = Stranger { token, is_met: seen.is_some() };
        (bearer::well_formed(token).is_ok() && !is_own()).then_some(stranger)
    }

    /// Who bears a token of another issuer that was looked at.
    ///
    /// # Errors
    /// `InvalidToken` if it is bound to what nobody here can check.
    pub(crate) fn looked_at(
        &self,
        token: &str,
        (examined, elsewhere): (Examined, Elsewhere),
    ) -> Result<Arc<Caller>> {
        let caller = self.caller(examined, Some(elsewhere)).map_err(refuse)?;
        let caller = Arc::new(caller);
        self.seen.insert(token.into(), Arc::clone(&caller));
        Ok(caller)
    }

    /// Who sends these headers? `peer_certificate` is the SHA-256 of the client certificate of the
    /// connection, `query` what stands behind the question mark.
    ///
    /// # Errors
    /// `Unauthenticated` without a token, `Invalid` for headers that do not hold one alone, `Expired`, and
    /// `InvalidToken` for one that is not good here: revoked, or bound to what is not shown.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        peer_certificate: Option<&[u8; 32]>,
        query: Option<&str>,
        now: Moment,
    ) -> Result<Arc<Caller>> {
        self.verify_looked_at(None, headers, peer_certificate, query, now)
    }

    /// The same where the token was looked at, and who bears it is known from that.
    ///
    /// # Errors
    /// Those of [`Authenticator::verify`].
    pub fn verify_looked_at(
        &self,
        looked_at: Option<Arc<Caller>>,
        headers: &HeaderMap,
        peer_certificate: Option<&[u8; 32]>,
        query: Option<&str>,
        now: Moment,
    ) -> Result<Arc<Caller>> {
        let token = bearer::token(headers, query, Scheme::Bearer)?;
        let caller = self.of_token((token, looked_at), peer_certificate, now)?;
        if caller.bound().key.is_some() {
            return Err(refuse(Refusal::Invalid("bound to a key, and shown without a proof")));
        }
        Ok(caller)
    }

    /// The same of a request whose token is shown with a proof ([`bearer::is_proven`]). Whoever calls
    /// still has to see that the proof was not shown before.
    ///
    /// # Errors
    /// `NumberNeeded`, `UnprovenKey`, and those of [`Authenticator::verify`].
    pub fn verify_proven(
        &self,
        headers: &HeaderMap,
        peer_certificate: Option<&[u8; 32]>,
        query: Option<&str>,
        (target, keys, looked_at): (Target<'_>, &Keys, Option<Arc<Caller>>),
        now: Moment,
    ) -> Result<(Arc<Caller>, Proof)> {
        let token = bearer::token(headers, query, Scheme::Proven)?;
        let caller = self.of_token((token, looked_at), peer_certificate, now)?;
        let target = Target { token: Some(token), ..target };
        let proof = match proof::read(headers, &target, keys, now) {
            Ok(Some(proof)) if caller.bound().key == Some(proof.key) => proof,
            Ok(Some(_)) => return Err(refuse(Refusal::Invalid("bound to another key, or none"))),
            Ok(None) => return Err(unproven(Refusal::Invalid("no proof"))),
            Err(Flaw::Bad(why)) => return Err(unproven(why)),
            Err(Flaw::Number) => {
                let say = "Make the proof again with the number of the header DPoP-Nonce.";
                return Err(Error::new(Kind::NumberNeeded, say));
            }
        };
        Ok((caller, proof))
    }

    /// Whose token it is, if it is good and, where it is bound to one, comes with its certificate.
    fn of_token(
        &self,
        (token, looked_at): (&str, Option<Arc<Caller>>),
        peer_certificate: Option<&[u8; 32]>,
        now: Moment,
    ) -> Result<Arc<Caller>> {
        let seen = looked_at.or_else(|| self.seen.get(token));
        let caller = match seen {
            Some(caller) if caller.expires() <= now => {
                self.seen.remove(token);
                return Err(refuse(Refusal::Expired));
            }
            Some(caller) if caller.is_known(now) => caller,
            Some(_) | None => {
                bearer::well_formed(token)?;
                let caller = Arc::new(self.read(token, now).map_err(refuse)?);
                self.seen.insert(token.into(), Arc::clone(&caller));
                caller
            }
        };
        if self.is_revoked(&caller) {
            return Err(refuse(Refusal::Invalid("revoked")));
        }
        match &caller.bound().certificate {
            Some(bound) if peer_certificate != Some(bound) => {
                Err(refuse(Refusal::Invalid("bound to another certificate")))
            }
            Some(_) | None => Ok(caller),
        }
    }

    /// Was their token revoked, or the launch ended that it comes of?
    pub fn is_revoked(&self, caller: &Caller) -> bool {
        let launch_is_over = caller.family().is_some_and(|family| self.revoked.has(family));
        launch_is_over || self.revoked.has(caller.token_id())
    }

    /// What an access token says, if it would open the door to whom it is bound.
    pub(crate) fn examine(
        &self,
        token: &str,
        now: Moment,
    ) -> std::result::Result<Examined, Refusal> {
        let examined = self.claims(token, now)?;
        let family = examined.claims.family_id();
        let launch_is_over = family.is_some_and(|family| self.revoked.has(&family));
        if launch_is_over || self.revoked.has(&examined.id) {
            return Err(Refusal::Invalid("revoked"));
        }
        Ok(examined)
    }

    fn claims(&self, token: &str, now: Moment) -> std::result::Result<Examined, Refusal> {
        let audience = [self.audience.as_str()];
        let kind = TokenKind::AccessToken;
        let expected = Expected { kind, issuer: &self.issuer, audience: &audience, now };
        let verified = jose::verify::<AccessClaims>(token, &self.keys, &expected)?;
        let (claims, registered) = (verified.claims, verified.registered);
        let known = match &claims.node {
            Some(code) => self.peers.of_code(code).is_some(),
            None => self.registry.client(&claims.statement.client_id).is_some(),
        };
        if !known {
            return Err(Refusal::Invalid("client or peer is not configured any more"));
        }
        Ok(Examined { id: sha256(registered.jti.as_bytes()), registered, claims })
    }

    fn read(&self, token: &str, now: Moment) -> std::result::Result<Caller, Refusal> {
        self.caller(self.claims(token, now)?, None)
    }

    /// Who bears a token that was examined; whoever calls still has to see that what it is bound to is shown.
    pub(crate) fn caller(
        &self,
        examined: Examined,
        elsewhere: Option<Elsewhere>,
    ) -> std::result::Result<Caller, Refusal> {
        let named = |text: &Option<String>| text.as_deref().map(thumbprint).transpose();
        let bound = match &examined.claims.cnf {
            Some(cnf) => {
                let bound = Bound { certificate: named(&cnf.certificate)?, key: named(&cnf.key)? };
                let whole = bound.certificate.is_some() || bound.key.is_some();
                whole.then_some(bound).ok_or(Refusal::Invalid("bound to nothing that is known"))?
            }
            None => Bound::default(),
        };
        Caller::new(examined, bound, elsewhere, &self.peers)
    }
}

/// A token that another may have issued.
#[derive(Clone, Copy)]
pub struct Stranger<'a> {
    /// The token.
    pub token: &'a str,
    /// Was it good when it was last looked at?
    pub is_met: bool,
}

/// An access token that is good.
pub(crate) struct Examined {
    /// SHA-256 of its name.
    pub(crate) id: [u8; 32],
    /// What every token says.
    pub(crate) registered: Registered,
    /// What access tokens say.
    pub(crate) claims: AccessClaims,
}

fn thumbprint(text: &str) -> std::result::Result<[u8; 32], Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes.and_then(|b| b.try_into().ok()).ok_or(Refusal::Invalid("cnf"))
}

/// A proof of possession that is none for this request.
pub fn unproven(why: Refusal) -> Error {
    let say = "The DPoP proof is none for this request and token; make another for each request.";
    Error::new(Kind::UnprovenKey, say).because(why)
}

/// A token that is not believed; why is for the log.
pub(crate) fn refuse(why: Refusal) -> Error {
    match why {
        Refusal::Expired => Error::new(Kind::Expired, "The access token has expired; get another."),
        Refusal::Invalid(_) => {
            Error::new(Kind::InvalidToken, "The access token is not valid here; get another.")
        }
    }
    .because(why)
}
