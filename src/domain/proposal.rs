//! What somebody proposes about a plan that another keeps: a change of it, or the hand-over of its case
//! management. `mylife/proposal/1`.
//!
//! Floor of the house. It stands beside the plan and never in it: the plan is its keeper's, and changes
//! by its keeper's own writes, or by the hand-over that both sides agreed to. What it is about decided, at
//! the time, who may see it; that stays with it whatever becomes of the plan. Codes of states: R4
//! `task-status`. Source: the method's description (one plan, several services).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{
    coded::coded,
    moment::Moment,
    person::Named,
    theme::ThemeSet,
    words::{DirectoryId, LocalId, Words, redacted},
};

coded! {
    /// The name and version of the form.
    ProposalSchema {
        /// The first.
        V1 = "mylife/proposal/1",
    }
}

coded! {
    /// How far it came.
    ProposalStatus {
        /// Proposed, not answered.
        Requested = "requested",
        /// Agreed to; for a hand-over that is the end of it.
        Accepted = "accepted",
        /// Not agreed to.
        Rejected = "rejected",
        /// Taken back.
        Cancelled = "cancelled",
        /// Agreed to, and in the plan by now.
        Completed = "completed",
    }
}

/// Whose it is to take a proposal a step further.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Whoever made it.
    Proposer,
    /// Whoever keeps the plan.
    Keeper,
    /// Whoever is to take over.
    Successor,
}

/// One step: from, to, and whose it is.
type Step = (ProposalStatus, ProposalStatus, Side);

/// The steps of a proposed change; there are no others.
const CHANGE: [Step; 6] = [
    (ProposalStatus::Requested, ProposalStatus::Accepted, Side::Keeper),
    (ProposalStatus::Requested, ProposalStatus::Rejected, Side::Keeper),
    (ProposalStatus::Requested, ProposalStatus::Cancelled, Side::Proposer),
    (ProposalStatus::Accepted, ProposalStatus::Completed, Side::Keeper),
    (ProposalStatus::Accepted, ProposalStatus::Rejected, Side::Keeper),
    (ProposalStatus::Accepted, ProposalStatus::Cancelled, Side::Proposer),
];
/// The steps of a hand-over; there are no others.
const HAND_OVER: [Step; 3] = [
    (ProposalStatus::Requested, ProposalStatus::Accepted, Side::Successor),
    (ProposalStatus::Requested, ProposalStatus::Rejected, Side::Successor),
    (ProposalStatus::Requested, ProposalStatus::Cancelled, Side::Proposer),
];

/// Who proposed.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proposer {
    /// For which organisation, `urn:oid:...`.
    pub organization: String,
    /// The person who did, `Type/id`; a system that asks by itself names nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// A professional at work for an organisation.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// Which Practitioner of the directory.
    pub practitioner: DirectoryId,
    /// For which Organization of the directory.
    pub organization: DirectoryId,
}

/// A hand-over of case management.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// Who answers for the plan until then.
    pub from: Post,
    /// Who is to answer for it.
    pub to: Post,
}

/// Somebody whom it is about beside the person, as the keeper of the plan names them.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Concerned {
    /// The keeper.
    pub owner: String,
    /// The keeper's id of them.
    pub id: LocalId,
}

/// A proposal.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Name and version of the form.
    pub schema: ProposalSchema,
    /// Its own id beside the proposer's others.
    pub id: LocalId,
    /// Document id of the plan.
    pub plan: String,
    /// What of the plan it is about: `Type/id`.
    pub about: String,
    /// How far it came.
    pub status: ProposalStatus,
    /// When it was made.
    pub created: Moment,
    /// Who made it.
    pub by: Proposer,
    /// Its themes: those of what it is about, and those it names itself.
    pub themes: ThemeSet,
    /// Does it go with the plan as a whole? Then it has no theme.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_whole: bool,
    /// Units and services of the directory that it speaks of: it is as sensitive as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<DirectoryId>,
    /// Whom it is about beside the person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<Concerned>,
    /// What is proposed, in own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Words>,
    /// Which `HealthcareService` of the directory is proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<DirectoryId>,
    /// The hand-over, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<HandOver>,
    /// What was said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Words>,
    /// What of the plan came of it: `Type/id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<String>,
}

redacted!(Proposal, Proposer, Post, HandOver, Concerned);

impl Proposal {
    /// The steps it can take from where it is, and whose each is.
    pub fn steps(&self) -> impl Iterator<Item = (ProposalStatus, Side)> {
        let all: &[Step] = if self.hand_over.is_some() { &HAND_OVER } else { &CHANGE };
        let from = self.status;
        all.iter().filter(move |(at, ..)| *at == from).map(|(_, to, whose)| (*to, *whose))
    }

    /// Whom it is about beside the person.
    pub fn others(&self) -> impl Iterator<Item = Named> {
        let named = |one: &Concerned| Named {
            owner: Arc::from(one.owner.as_str()),
            local: one.id.shared(),
        };
        self.concerns.iter().map(named)
    }
}
