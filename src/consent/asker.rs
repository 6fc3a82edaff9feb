//! Who asks, for what, under which claims: the request as a decision reads it.
//!
//! Made by the way of a request from the verified token and the holder's own records. Source:
//! `consent` 1.4, `q`. What stands here was checked before; it must not be filled from a header
//! or parameter that no signature covers.

use std::sync::Arc;

use super::{
    cover::{Interaction, ScopeCover},
    purpose::Purpose,
};
use crate::domain::moment::Moment;

pub use super::period::LONGEST_EMERGENCY;

/// An emergency as declared by the requester, in signed claims.
#[derive(Clone)]
pub struct BreakGlass {
    /// In words; an empty one is none.
    pub reason: Arc<str>,
    /// When it ends.
    pub until: Moment,
}

impl BreakGlass {
    /// From when to before when it can count.
    pub fn valid(&self) -> (Moment, Moment) {
        (self.until.minus(LONGEST_EMERGENCY), self.until)
    }

    /// Is it reasoned, not over and not too long?
    pub fn counts_at(&self, now: Moment) -> bool {
        let (from, until) = self.valid();
        !self.reason.trim().is_empty() && from <= now && now < until
    }
}

/// A gateway between the client and the one that decides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gateway {
    /// Its organisation and those that is part of, in the forms of [`Asker::orgs`]; `None` if it is
    /// not known here, so that it could be of any.
    pub orgs: Option<Vec<Arc<str>>>,
}

/// One request.
#[derive(Clone)]
pub struct Asker {
    /// Instant of the request.
    pub now: Moment,
    /// `Type/id` of the requester: a person, or the Device or Organization that asks by itself.
    pub subject: Option<Arc<str>>,
    /// The requester's organisations, the unit first and then its parents: each as `Type/id` and,
    /// where it has one, also as `urn:oid:...`, so that either form in a consent is found.
    pub orgs: Vec<Arc<str>>,
    /// The gateways the request came through, nearest first. Each is a recipient for what is
    /// forbidden, and for nothing else: none of them makes a permit.
    pub through: Vec<Gateway>,
    /// The requester's roles.
    pub roles: Vec<Arc<str>>,
    /// Id of the client.
    pub client: Option<Arc<str>>,
    /// The register the requester acts in.
    pub register: Option<Arc<str>>,
    /// The sector the requester acts in.
    pub sector: Option<Arc<str>>,
    /// Ids of the overriding grounds declared with a reason, by a caller registered to do so.
    pub declared: Vec<Arc<str>>,
    /// The one stated purpose.
    pub purpose: Option<Purpose>,
    /// Code of the consent action.
    pub action: Option<Arc<str>>,
    /// Is a care or customer relation established?
    pub care_relation: bool,
    /// What the token's scopes cover.
    pub scopes: ScopeCover,
    /// What is to be done.
    pub interaction: Interaction,
    /// A declared emergency.
    pub break_glass: Option<BreakGlass>,
}

impl Asker {
    /// The same where a person asks through an app: what the app's organisation or the app itself may
    /// see is not theirs to see, while what is forbidden to that organisation stays forbidden.
    pub fn as_a_person(mut self) -> Self {
        self.through.push(Gateway { orgs: Some(std::mem::take(&mut self.orgs)) });
        Self { client: None, care_relation: false, ..self }
    }

    /// Does the requester hold one of these roles?
    pub fn has_role(&self, roles: &[Arc<str>]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }

    /// Is this one of the requester's organisations? Nobody is in an unknown one.
    pub fn is_of(&self, org: Option<&Arc<str>>) -> bool {
        org.is_some_and(|org| self.orgs.contains(org))
    }
}
