//! Who asks, proven.
//!
//! Part of the step `authenticate`, the only maker of [`Caller`]: every later step takes one and can
//! trust every word of it. Has no `Debug` that shows a person.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Examined,
    issuer::Elsewhere,
    jose::Refusal,
    peer::Peers,
    statement::{BreakGlass, Declared, Statement},
};
use crate::{
    digest::sha256,
    domain::{id::NodeCode, moment::Moment},
    smart::{Context, Scopes},
};

/// What an access token of this gateway says beside its registered claims.
#[derive(Deserialize, Serialize)]
pub(crate) struct AccessClaims {
    /// Who asks.
    #[serde(flatten)]
    pub(crate) statement: Statement,
    /// The peer through which it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<NodeCode>,
    /// The certificate or key without which it is worthless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cnf: Option<Confirmation>,
    /// Who may act for whom it speaks of (RFC 8693 section 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) may_act: Option<MayAct>,
    /// The launch it comes of: all tokens of one launch end together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) family: Option<String>,
    /// What the app was told of the launch beside the patient; nothing here reads it but who asks what
    /// the token says.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) launched: Map<String, Value>,
}

impl AccessClaims {
    /// Under what the whole launch is revoked.
    pub(crate) fn family_id(&self) -> Option<[u8; 32]> {
        self.family.as_deref().map(family_id)
    }
}

/// Under what the tokens of a launch are revoked together; no name of a token is like it.
pub(crate) fn family_id(family: &str) -> [u8; 32] {
    sha256(["family\0", family].concat().as_bytes())
}

/// Proof of possession.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    /// Base64url of the SHA-256 of the certificate (RFC 8705 section 3.1).
    #[serde(default, rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    /// Thumbprint of a key (RFC 9449 section 6.1).
    #[serde(default, rename = "jkt", skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

/// The one who may act (RFC 8693 section 4.4). Conditions that this gateway does not read make it nobody.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MayAct {
    /// By whom it is called so; without it by the issuer of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<String>,
    /// Its name there.
    pub(crate) sub: String,
}

/// What a token is bound to.
#[derive(Clone, Copy, Default)]
pub(super) struct Bound {
    /// SHA-256 of a certificate.
    pub(super) certificate: Option<[u8; 32]>,
    /// Thumbprint of a key.
    pub(super) key: Option<[u8; 32]>,
}

/// Who asks: made only from a verified access token. Cheap to share behind an `Arc`.
pub struct Caller {
    statement: Statement,
    scopes: Scopes,
    node: Option<NodeCode>,
    token_id: [u8; 32],
    family: Option<[u8; 32]>,
    begins: Moment,
    expires: Moment,
    bound: Bound,
    through: Vec<Option<String>>,
    fingerprint: [u8; 16],
    elsewhere: Option<Elsewhere>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("client_id", &self.statement.client_id)
            .finish_non_exhaustive()
    }
}

impl Caller {
    pub(super) fn new(
        examined: Examined,
        bound: Bound,
        elsewhere: Option<Elsewhere>,
        peers: &Peers,
    ) -> Result<Self, Refusal> {
        let Examined { id, registered, claims } = examined;
        let family = claims.family_id();
        let AccessClaims { mut statement, node, .. } = claims;
        statement.roles.sort_unstable();
        statement.roles.dedup();
        statement.declared.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let organization = |issuer| peers.organization(issuer).map(str::to_owned);
        let through: Vec<_> = statement.actors().into_iter().map(organization).collect();
        Ok(Self {
            scopes: Scopes::parse(&statement.scope),
            fingerprint: fingerprint(&statement, &through)?,
            token_id: id,
            statement,
            node,
            family,
            begins: registered.begins(),
            expires: registered.expires(),
            bound,
            through,
            elsewhere,
        })
    }

    /// The client; one that came through other gateways stands behind their codes, `297/portal`.
    pub fn client_id(&self) -> &str {
        &self.statement.client_id
    }

    /// The organisation it asks for, `urn:oid:...`.
    pub fn organization(&self) -> &str {
        &self.statement.organization
    }

    /// Its one purpose, a code of v3-ActReason.
    pub fn purpose(&self) -> Option<&str> {
        self.statement.purpose.as_deref()
    }

    /// Roles of the person who acts, sorted.
    pub fn roles(&self) -> &[String] {
        &self.statement.roles
    }

    /// The person who acts.
    pub fn subject(&self) -> Option<&str> {
        self.statement.subject.as_deref()
    }

    /// The one person whom the token is about, where it is about one: `Some(None)` for a token whose
    /// scopes speak of a patient that it does not name, which is about nobody.
    pub fn confined_to(&self) -> Option<Option<&str>> {
        let confined = self.scopes.speaks_of(Context::Patient);
        confined.then_some(self.statement.patient.as_deref())
    }

    /// What it may ask.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The register it works in.
    pub fn register(&self) -> Option<&str> {
        self.statement.register.as_deref()
    }

    /// The sector it works in.
    pub fn sector(&self) -> Option<&str> {
        self.statement.sector.as_deref()
    }

    /// Grounds in law it declares, with reasons.
    pub fn declared(&self) -> &[Declared] {
        &self.statement.declared
    }

    /// The emergency it declares.
    pub const fn break_glass(&self) -> Option<&BreakGlass> {
        self.statement.break_glass.as_ref()
    }

    /// Issuers of the gateways it came through, nearest first.
    pub fn actors(&self) -> Vec<&str> {
        self.statement.actors()
    }

    /// Organisations of those gateways, `urn:oid:...`, nearest first: each counts as a recipient
    /// for prohibitions. `None` for a gateway that is not configured here.
    pub fn through(&self) -> &[Option<String>] {
        &self.through
    }

    /// The peer that asks for it; `None` for a client of this gateway.
    pub const fn node(&self) -> Option<&NodeCode> {
        self.node.as_ref()
    }

    /// Who issued the token, if not this gateway.
    pub fn issuer(&self) -> Option<&str> {
        self.elsewhere.as_ref().map(|elsewhere| &*elsewhere.issuer)
    }

    /// Does it count without another look at the token? By a clock that was put back since it may not.
    pub(super) fn is_known(&self, now: Moment) -> bool {
        let counts = self.elsewhere.as_ref().is_none_or(|elsewhere| elsewhere.counts(now));
        counts && self.begins <= now
    }

    /// SHA-256 of the token's name: names the token in an audit record without being of use.
    pub const fn token_id(&self) -> &[u8; 32] {
        &self.token_id
    }

    /// Under what the launch is revoked that the token comes of.
    pub(super) const fn family(&self) -> Option<&[u8; 32]> {
        self.family.as_ref()
    }

    /// Does it come of a launch, in which whoever acts has logged in here?
    pub const fn logged_in(&self) -> bool {
        self.family.is_some()
    }

    /// The first instant at which the token is over.
    pub const fn expires(&self) -> Moment {
        self.expires
    }

    /// The same for any two callers about whom every decision is the same.
    pub const fn fingerprint(&self) -> [u8; 16] {
        self.fingerprint
    }

    pub(super) const fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Does whoever shows this certificate, and has proven to hold this key, show what the token is bound to?
    pub(crate) fn is_held(&self, certificate: Option<&[u8; 32]>, key: Option<&[u8; 32]>) -> bool {
        let shows = |bound: &Option<[u8; 32]>, shown| {
            bound.as_ref().is_none_or(|bound| shown == Some(bound))
        };
        shows(&self.bound.certificate, certificate) && shows(&self.bound.key, key)
    }

    pub(crate) const fn statement(&self) -> &Statement {
        &self.statement
    }
}

/// Hash over everything a decision reads. Reasons are audited, but decide nothing.
fn fingerprint(statement: &Statement, through: &[Option<String>]) -> Result<[u8; 16], Refusal> {
    let mut read = statement.clone();
    read.declared.iter_mut().for_each(|declared| declared.reason.clear());
    if let Some(glass) = &mut read.break_glass {
        glass.reason.clear();
    }
    let bytes = serde_json::to_vec(&(read, through)).map_err(|_| Refusal::Invalid("statement"))?;
    Ok(sha256(&bytes).first_chunk().copied().unwrap_or_default())
}
