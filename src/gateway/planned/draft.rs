//! The next version of a plan, made of what was sent and of what its writer does not see.
//!
//! Part of `planned`. What a writer is told here rests on what it sees alone: a reference to what is hidden
//! is one to nothing, what is hidden stays as it is, and nobody writes what they could not read. Sources:
//! design 3.3, 4; `consent` 2.3 (NI-3).

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    ground::Ground,
    sent::{Deed, Sent, at_place, in_order, rename},
    unseen::{self, NOTHING},
};
use crate::{
    authenticate::Caller,
    chance::base32,
    commit::{self, Desk},
    consent::{release, view::View},
    domain::{
        plan::{Plan, PlanStatus, Role},
        words::LocalId,
    },
    error::{Error, Kind, Result},
    fhir::types::{Planned, ResourceType},
    gateway::{Gateway, request::Asked, writing::faulty},
    json::list,
    mapping::{
        self, kept,
        plan::team_id,
        planned::{self, Names},
    },
    mutant::{self, Mutant},
    native::{self, Native},
    scope::Grant,
    source::local::Local,
    store::Stored,
};

/// What is put in the place of each that was sent.
pub(super) struct Draft {
    pub(super) document: Native,
    /// The sender's ids of the parts, in order of what was sent.
    pub(super) parts: Vec<LocalId>,
    /// Each with what its sender does not see; none for what is gone, or stays as it is.
    pub(super) meant: Vec<Option<Value>>,
}

impl Gateway {
    /// The next version of the plan as a native document, judged as one that was pushed.
    pub(super) fn draft(
        &self,
        asked: &Asked<'_>,
        caller: &Caller,
        ground: &Ground,
        sent: &[Sent],
    ) -> Result<Draft> {
        let mut names = Names::of(&ground.compartment, caller.client_id());
        let before = ground.plan().map(|held| &held.native);
        let mut plan = match before {
            Some(plan) => plan.clone(),
            None => planned::empty(self.random_id()?, &ground.patient, asked.now)
                .ok_or_else(|| Error::internal("the person's id is no local id"))?,
        };
        ground.plan().into_iter().for_each(|held| names.add_parts(held));
        let hidden: BTreeSet<String> =
            names.known().filter(|name| !ground.sees(name)).map(str::to_owned).collect();
        let (mut parts, mut meant) =
            (Vec::with_capacity(sent.len()), Vec::with_capacity(sent.len()));
        for (at, one) in sent.iter().enumerate() {
            let part = match &one.id {
                Some(_) if one.kind.planned().is_some_and(Planned::is_whole) => plan.id.clone(),
                Some(id) => {
                    let name = format!("{}/{id}", one.kind);
                    names.part(&name).cloned().ok_or_else(Error::not_found)?
                }
                None => self.random_id()?,
            };
            if one.deed == Deed::Delete {
                planned::remove(&mut plan, one.kind, one.id.as_deref().unwrap_or_default(), &part);
                names.forget(&format!("{}/{}", one.kind, one.id.as_deref().unwrap_or_default()));
            }
            if let Some(name) = &one.name {
                names.add(name.clone(), part.clone());
            }
            let of = self.with_hidden(ground, &hidden, sent, at)?;
            if let (ResourceType::CareTeam, Some(team)) = (one.kind, &of) {
                let new = (0..planned::members(team)).map(|_| self.random_id());
                names.add_members(new.collect::<Result<_>>()?);
            }
            meant.push(of);
            parts.push(part);
        }
        put(&mut plan, sent, &parts, &meant, &names)?;
        self.is_led(ground, sent, before, &plan)?;
        has_somebody(sent)?;
        if before.is_some_and(|before| *before != plan) {
            plan.updated = Some(asked.now);
        }
        let document = self.judged(asked, &plan, sent)?;
        Ok(Draft { document, parts, meant })
    }

    /// A sender's id for what comes without one.
    pub(super) fn random_id(&self) -> Result<LocalId> {
        let id = planned::local(&base32(&*self.chance, 26));
        id.ok_or_else(|| Error::internal("a local id"))
    }

    /// The plan as a document that was found good.
    fn judged(&self, asked: &Asked<'_>, plan: &Plan, sent: &[Sent]) -> Result<Native> {
        let bytes = native::canonical(plan)?;
        native::validate(&bytes, &self.rules(asked)).map_err(|faults| {
            let said: Vec<String> = faults.iter().map(|fault| fault.say.clone()).collect();
            let place = sent.first().map_or_else(String::new, |one| one.place.clone());
            Error::new(Kind::Unprocessable, said.join("; ")).at(place)
        })
    }

    /// What one is to be, with what is there of it and not seen by its sender.
    fn with_hidden(
        &self,
        ground: &Ground,
        hidden: &BTreeSet<String>,
        sent: &[Sent],
        at: usize,
    ) -> Result<Option<Value>> {
        let Some(one) = sent.get(at) else { return Ok(None) };
        let team = ground.id.as_deref().filter(|_| one.kind == ResourceType::CareTeam).map(team_id);
        let (mut seen, mut whole) = (None, None);
        if let Some(hit) = ground.hits.get(at).and_then(Option::as_ref) {
            seen = Some(self.as_seen(hit)?);
            whole = Some(kept::whole(&hit.resource)?);
        } else if let Some(team) = team {
            (seen, whole) = self.seen_and_whole(&ground.view, one.kind, &team)?;
            if seen.is_some() && one.deed == Deed::Create {
                let say = "The plan has a CareTeam; write the next version of that.";
                return Err(Error::new(Kind::Conflict, say).at(one.place.clone()));
            }
        }
        let seen = seen.unwrap_or_default();
        let mut resource = match one.deed {
            // Of a team those go who are seen in it.
            Deed::Delete if one.kind == ResourceType::CareTeam => json!({}),
            Deed::Delete => return Ok(None),
            Deed::Update if unseen::is_as_seen(&one.resource, &seen) => return Ok(None),
            Deed::Update | Deed::Create => one.resource.clone(),
        };
        let strangers = self.strangers(ground, sent, one, &seen)?;
        rename(&mut resource, &|to| {
            (hidden.contains(to) || strangers.contains(to)).then(|| NOTHING.to_owned())
        });
        let own = participants(&resource).len();
        if let Some(whole) = whole.filter(|_| !mutant::on(Mutant::WritesDropHidden)) {
            unseen::beside(&mut resource, &seen, &whole);
        }
        if one.kind == ResourceType::CareTeam {
            one_leads(&mut resource, own);
        }
        Ok(Some(resource))
    }

    /// Who is of the team, which the writer of a Task does not see: nobody to whom it can be given.
    fn strangers(
        &self,
        ground: &Ground,
        sent: &[Sent],
        one: &Sent,
        seen: &Value,
    ) -> Result<BTreeSet<String>> {
        let (Some(plan), ResourceType::Task) = (ground.plan(), one.kind) else {
            return Ok(BTreeSet::new());
        };
        let (team, _) =
            self.seen_and_whole(&ground.view, ResourceType::CareTeam, &team_id(&plan.id))?;
        let of = sent.iter().filter(|one| one.kind == ResourceType::CareTeam);
        let teams = team.iter().chain(of.map(|one| &one.resource));
        let members = teams.flat_map(participants);
        let known = members.filter_map(|one| one.pointer("/member/reference")?.as_str());
        let owner = seen.pointer("/owner/reference").and_then(Value::as_str);
        let known: BTreeSet<&str> = known.chain(owner).collect();
        let all = plan.native.team.iter().map(|one| format!("Practitioner/{}", one.practitioner));
        let is_hidden =
            |one: &String| !known.contains(&**one) && !mutant::on(Mutant::HiddenPartsAreNamed);
        Ok(all.filter(is_hidden).collect())
    }

    /// Does the team of an active plan, as the writer sees it, have a case manager? Asked of whoever writes a
    /// team or begins a plan.
    fn is_led(
        &self,
        ground: &Ground,
        sent: &[Sent],
        before: Option<&Plan>,
        plan: &Plan,
    ) -> Result<()> {
        let team = sent.iter().find(|one| one.kind == ResourceType::CareTeam);
        let begins = before.is_none_or(|before| before.status != PlanStatus::Active);
        if plan.status != PlanStatus::Active || team.is_none() && !begins {
            return Ok(());
        }
        let shown = match (team, &ground.id) {
            (Some(team), _) if team.deed == Deed::Delete => {
                let say = "An active plan has a case manager: write the next version of its CareTeam, or \
                           end the plan first.";
                return Err(Error::new(Kind::Conflict, say).at(team.place.clone()));
            }
            (Some(team), _) => Some(team.resource.clone()),
            (None, Some(plan)) => {
                self.seen_and_whole(&ground.view, ResourceType::CareTeam, &team_id(plan))?.0
            }
            (None, None) => None,
        };
        let shown = shown.unwrap_or_default();
        if participants(&shown).iter().any(leads) {
            return Ok(());
        }
        let say = "an active plan needs an active case manager; add one";
        let place = sent.first().map_or_else(String::new, |one| one.place.clone());
        Err(Error::new(Kind::Unprocessable, say).at(place))
    }

    /// What the writer would see of what would be stored.
    pub(super) async fn supposed(
        &self,
        asked: &Asked<'_>,
        local: &Local,
        by: &Grant,
        preview: &Stored,
    ) -> Result<Arc<View>> {
        let mapped = mapping::to_fhir(local.supposed(preview).await?, &self.terms.directory);
        Ok(release::release(mapped, by, &self.terms, asked.now))
    }

    /// May the writer take away what it wants gone? Only where it sees all that such a part may hold, be it
    /// there or not: what is withheld is not for it to end.
    pub(super) async fn may_delete(
        &self,
        asked: &Asked<'_>,
        desk: &Desk<'_>,
        ground: &Ground,
        sent: &[Sent],
    ) -> Result<()> {
        let of_parts = |one: &&Sent| {
            one.deed == Deed::Delete && one.kind.planned().is_some_and(|kind| !kind.is_whole())
        };
        let Some(held) = ground.plan().filter(|_| sent.iter().any(|one| of_parts(&one))) else {
            return Ok(());
        };
        let mut plan = held.native.clone();
        planned::fill(&mut plan);
        let document = self.judged(asked, &plan, sent)?;
        let preview = commit::preview(desk, &document, ground.stored.clone()).await?;
        let view = self.supposed(asked, desk.local, &ground.by, &preview).await?;
        for one in sent.iter().filter(of_parts) {
            let id = one.id.as_deref().unwrap_or_default();
            let (seen, whole) = self.seen_and_whole(&view, one.kind, id)?;
            let sees_all =
                seen.zip(whole).is_some_and(|(seen, whole)| unseen::is_whole(&seen, &whole));
            if !sees_all && !mutant::on(Mutant::DeletesWhatIsWithheld) {
                let say = "Who deletes a part of a plan must be permitted to see all that such a part may \
                           hold, own words too: write it with a status that ends it.";
                return Err(Error::new(Kind::Forbidden, say).at(one.place.clone()));
            }
        }
        Ok(())
    }
}

/// Puts each that was sent into the plan, in the order in which the plan can take them.
fn put(
    plan: &mut Plan,
    sent: &[Sent],
    parts: &[LocalId],
    meant: &[Option<Value>],
    names: &Names,
) -> Result<()> {
    let mut faults = Vec::new();
    for at in in_order(sent) {
        let (Some(one), Some(part)) = (sent.get(at), parts.get(at)) else { continue };
        let Some(Some(resource)) = meant.get(at) else { continue };
        if let Err(found) = planned::put(plan, one.kind, part, resource, names) {
            faults.extend(at_place(found, one));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faulty(&faults)) }
}

/// Of a team the writer names the case manager; who was, and is not seen, works on in it.
fn one_leads(team: &mut Value, own: usize) {
    let Some(all) = team.get_mut("participant").and_then(Value::as_array_mut) else { return };
    let own = own.min(all.len());
    let (named, rest) = all.split_at_mut(own);
    if !named.iter().any(leads) {
        return;
    }
    for one in rest.iter_mut().filter(|one| leads(one)) {
        if let Some(code) = one.pointer_mut("/role/0/coding/0/code") {
            *code = Role::Professional.code().into();
        }
    }
}

/// A team of nobody is none.
fn has_somebody(sent: &[Sent]) -> Result<()> {
    let is_empty =
        |one: &&Sent| one.kind == ResourceType::CareTeam && participants(&one.resource).is_empty();
    if let Some(one) = sent.iter().find(|one| is_empty(one) && one.deed != Deed::Delete) {
        let say = "A CareTeam has somebody in it; delete it when everybody has left.";
        return Err(Error::new(Kind::Unprocessable, say).at(one.place.clone()));
    }
    Ok(())
}

pub(super) fn participants(team: &Value) -> &[Value] {
    list(team, "participant")
}

pub(super) fn leads(participant: &Value) -> bool {
    let role = participant.pointer("/role/0/coding/0/code").and_then(Value::as_str);
    role == Some(Role::CaseManager.code())
}
