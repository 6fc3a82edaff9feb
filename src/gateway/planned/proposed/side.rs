//! Whose it is to propose a hand-over, and to take a proposal a step further.
//!
//! Part of `proposed`. A plan's keeper is the client that sent it, and whoever asks for the organisation
//! that holds the data, or for a unit of it. A person who acts speaks for themselves; a system that asks by
//! itself speaks for its organisation.

use serde_json::Value;

use super::{
    super::{
        draft::{leads, participants},
        reader, works_on_plans,
    },
    FOCUS, Ground,
};
use crate::{
    authenticate::Caller,
    compartment::Held,
    domain::{
        plan::{Member, Plan},
        proposal::{HandOver, Post, Proposal, Side},
        words::DirectoryId,
    },
    error::{Error, Kind, Result},
    fhir::types::ResourceType::CareTeam,
    gateway::Gateway,
    mapping::plan::team_id,
    scope::Grant,
};

impl Gateway {
    /// Who answers for a plan, as far as the writer sees its team.
    pub(super) fn leader(
        &self,
        grant: &Grant,
        ground: &Ground,
        plan: &Held<Plan>,
    ) -> Result<Option<Post>> {
        let id = team_id(&plan.id);
        reader(grant, CareTeam, &id)?;
        let (team, _) = self.seen_and_whole(&ground.view, CareTeam, &id)?;
        let shown = team.iter().flat_map(participants).filter(|one| leads(one));
        let shown: Vec<&str> = shown
            .filter_map(|one| one.pointer("/member/reference").and_then(Value::as_str))
            .collect();
        let is_shown = |member: &&Member| {
            let name = format!("Practitioner/{}", member.practitioner);
            shown.contains(&name.as_str())
        };
        let leader = plan.native.leader().filter(is_shown);
        Ok(leader.map(|member| Post {
            practitioner: member.practitioner.clone(),
            organization: member.organization.clone(),
        }))
    }

    /// The hand-over, if it is this writer's to propose.
    pub(super) fn hands_over(
        &self,
        grant: &Grant,
        ground: &Ground,
        plan: &Held<Plan>,
        to: DirectoryId,
    ) -> Result<HandOver> {
        let caller = grant.caller();
        works_on_plans(caller)?;
        let from = self.leader(grant, ground, plan)?.ok_or_else(|| {
            let say = "The team, as far as you see it, has no case manager: there is nobody to hand over.";
            Error::new(Kind::Unprocessable, say).at(FOCUS)
        })?;
        if *plan.owner != *caller.client_id() && !self.speaks_for(caller, &from) {
            let say = "A case manager, their organisation or the system that keeps the plan hands it over.";
            return Err(Error::new(Kind::Forbidden, say));
        }
        let wrong = |say| Error::new(Kind::Unprocessable, say).at("Task.owner");
        let unit = self.terms.directory.employer(to.as_str()).and_then(DirectoryId::parse);
        let unit = unit.ok_or_else(|| wrong("Name a PractitionerRole of the directory."))?;
        let to = Post { practitioner: to, organization: unit };
        if to == from {
            return Err(wrong("They lead the plan already: name who is to take over."));
        }
        Ok(HandOver { from, to })
    }

    /// May the caller take a proposal a step that is one side's?
    pub(super) fn takes_side(
        &self,
        caller: &Caller,
        side: Side,
        held: &Held<Proposal>,
        plan: &Held<Plan>,
    ) -> Result<()> {
        if side != Side::Proposer {
            works_on_plans(caller)?;
        }
        let proposed = is_proposer(caller, held);
        let over = held.native.hand_over.as_ref();
        let (is_theirs, say) = match side {
            Side::Proposer => (proposed, "Only who made a proposal takes it back."),
            // Nobody agrees to what they propose themselves.
            Side::Keeper => (
                !proposed && self.keeps(caller, plan),
                "A proposal is answered by who keeps the plan, and not by who made it.",
            ),
            Side::Successor => (
                over.is_some_and(|over| self.speaks_for(caller, &over.to)),
                "A hand-over is answered by who is to take over, or by their organisation.",
            ),
        };
        if is_theirs { Ok(()) } else { Err(Error::new(Kind::Forbidden, say)) }
    }

    /// Is the caller this professional, or a system of the organisation for which they work? Who logged in
    /// here is whom they say. Systems and other gateways only state who acts: they do so for organisations
    /// that they may speak for, and for no other's professionals.
    fn speaks_for(&self, caller: &Caller, post: &Post) -> bool {
        let named = caller.subject().map(|subject| {
            subject.strip_prefix("Practitioner/") == Some(post.practitioner.as_str())
        });
        match named {
            Some(false) => return false,
            Some(true) if caller.logged_in() => return true,
            Some(true) | None => {}
        }
        let directory = &self.terms.directory;
        let Some(unit) = directory.oid(post.organization.as_str()) else { return false };
        let is_within = |one: &str, other: &str| directory.names(one).iter().any(|n| **n == *other);
        let own = caller.organization();
        is_within(own, unit) || is_within(unit, own)
    }

    /// Does the caller keep the plan?
    fn keeps(&self, caller: &Caller, plan: &Held<Plan>) -> bool {
        let custodian = self.reach.sources.local.as_ref().map(|local| local.custodian());
        let names = self.terms.directory.names(caller.organization());
        *plan.owner == *caller.client_id()
            || custodian.is_some_and(|custodian| names.iter().any(|name| **name == *custodian))
    }
}

/// Did the caller make it? A citizen may take it back by any app, whoever else for the same organisation.
fn is_proposer(caller: &Caller, held: &Held<Proposal>) -> bool {
    let by = &held.native.by;
    match by.subject.as_deref() {
        None => *held.owner == *caller.client_id(),
        same if same != caller.subject() => false,
        Some(subject) => is_citizen(subject) || *by.organization == *caller.organization(),
    }
}

fn is_citizen(subject: &str) -> bool {
    ["Patient/", "RelatedPerson/"].iter().any(|kind| subject.starts_with(kind))
}
