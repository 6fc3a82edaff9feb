//! What the asker states, signed: everything a decision reads of who asks.
//!
//! Part of the step `authenticate`. The same statement stands in access tokens and in what one
//! gateway says to another on behalf of its caller, so nothing is lost or gained between the two.
//! Source: RFC 8693 section 4.1 (`act`), IHE IUA, design of this gateway. It has no `Debug`: `subject`
//! can point to a person.

use serde::{Deserialize, Serialize};

use crate::{
    authenticate::jose::claims::is_name,
    domain::{identity, moment::Moment},
};

/// Most gateways that may stand between the client and the one that is asked.
pub const MAX_ACTORS: usize = 3;

/// Who asks, for whom and why.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Statement {
    /// The client; behind the codes of the gateways it came through, `297/portal`.
    pub client_id: String,
    /// Granted scopes.
    pub scope: String,
    /// The organisation the client belongs to, `urn:oid:...`.
    pub organization: String,
    /// The one purpose, a code of v3-ActReason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Roles of the person who acts; none where a system acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The person who acts, as the client names them; never an identity code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The launch context, id of a Patient: scopes `patient/` are about this person and nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// The register the client works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// The sector the client works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// Grounds in law that the client declares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<Declared>,
    /// A declared emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// The gateways it came through, nearest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// A ground in law, declared with its reason.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// The row of the law table.
    pub id: String,
    /// Why it applies; audited, and told to the person.
    pub reason: String,
}

/// An emergency, declared with its reason.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Why; audited, and told to the person.
    pub reason: String,
    /// When it ends.
    pub until: Moment,
}

/// A gateway that speaks for somebody (RFC 8693 section 4.1).
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Its issuer.
    pub sub: String,
    /// For whom it spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Statement {
    /// The issuers of the gateways it came through, nearest first.
    pub fn actors(&self) -> Vec<&str> {
        let mut next = self.act.as_deref();
        std::iter::from_fn(|| {
            let actor = next?;
            next = actor.act.as_deref();
            Some(actor.sub.as_str())
        })
        .collect()
    }

    /// Says that `issuer` speaks for whoever spoke so far.
    pub fn spoken_by(&mut self, issuer: &str) {
        if self.act.as_ref().is_none_or(|actor| actor.sub != issuer) {
            self.act = Some(Box::new(Actor { sub: issuer.to_owned(), act: self.act.take() }));
        }
    }

    /// Does it say that a person acts, for themselves or for another?
    pub fn people_act(&self) -> bool {
        let person = |subject: &str| {
            ["Patient/", "RelatedPerson/"].iter().any(|kind| subject.contains(kind))
        };
        self.subject.as_deref().is_some_and(person)
    }

    /// Is every text in it one that can be stored, logged and compared?
    pub fn is_wholesome(&self) -> bool {
        let Self { client_id, scope: _, organization, purpose, roles, .. } = self;
        let Self { subject, patient, register, sector, declared, break_glass, act: _, .. } = self;
        let mut names = [Some(client_id), Some(organization), purpose.as_ref(), subject.as_ref()]
            .into_iter()
            .chain([patient.as_ref(), register.as_ref(), sector.as_ref()])
            .flatten()
            .chain(roles)
            .chain(declared.iter().map(|d| &d.id));
        let mut reasons = declared.iter().map(|d| &d.reason);
        names.all(|name| is_name(name))
            && reasons.all(|reason| is_reason(reason))
            && break_glass.as_ref().is_none_or(|b| is_reason(&b.reason))
            && !subject.as_deref().is_some_and(identity::resembles)
            && self.actors().into_iter().all(is_name)
    }
}

/// Is it a reason somebody can read: 1 to 500 characters, none of them a control character?
fn is_reason(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 500 && !text.chars().any(char::is_control)
}
