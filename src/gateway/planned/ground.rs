//! The plan that a write is of, as it was found, and what its writer sees of it.
//!
//! Part of `planned`. All of what is written at once is of one plan, which is the writer's own; what the
//! writer does not see is not there. One view serves all of it.

use std::sync::Arc;

use serde_json::Value;

use super::{
    reader,
    sent::{Deed, Sent},
};
use crate::{
    bundle, commit,
    compartment::{Compartment, Held},
    consent::view::View,
    domain::{
        id::{document_of, node_of},
        plan::Plan,
    },
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked, writing::elsewhere},
    mapping::{kept, planned},
    mutant::{self, Mutant},
    route::Call,
    scope::{self, Grant},
    search::{self, Hit},
    source::local::Local,
    store::Stored,
};

/// A plan that is to be changed, as it was found.
pub(super) struct Ground {
    pub(super) patient: Arc<str>,
    pub(super) stored: Stored,
    pub(super) compartment: Compartment,
    /// The plan that is there.
    pub(super) id: Option<Arc<str>>,
    /// By what the writer sees anything of the person.
    pub(super) by: Grant,
    /// What the writer sees.
    pub(super) view: Arc<View>,
    /// What there is of each that was sent.
    pub(super) hits: Vec<Option<Hit>>,
}

impl Ground {
    pub(super) fn plan(&self) -> Option<&Held<Plan>> {
        let id = self.id.as_ref()?;
        self.compartment.plans.iter().find(|plan| plan.id == *id)
    }

    /// Does the writer see what is named, `Type/id`?
    pub(super) fn sees(&self, name: &str) -> bool {
        let Some((kind, id)) = name.split_once('/') else { return false };
        let seen = |kind| search::read(&self.view, kind, id).is_some();
        ResourceType::parse(kind).is_some_and(seen) || mutant::on(Mutant::HiddenPartsAreNamed)
    }
}

impl Gateway {
    /// The plan that is meant, if this writer may change it; or the person of a new one.
    pub(super) async fn ground(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        sent: &[Sent],
    ) -> Result<Ground> {
        let Some(id) = self.plan_of(sent)? else {
            let new = sent.iter().find(|one| one.kind == ResourceType::CarePlan);
            let new = new.ok_or_else(|| Error::internal("a new plan is sent"))?;
            let whose = self.person_of(asked, grant, local, new).await?;
            let person = Call::Read(ResourceType::Patient, whose.to_string());
            let by = scope::grant(Arc::clone(grant.caller()), person)?;
            let (stored, compartment) = held(local, &whose).await?.ok_or_else(Error::not_found)?;
            let view = self.seen_now(asked, &by, local, &whose).await?;
            let view = view.ok_or_else(Error::not_found)?;
            let hits = sent.iter().map(|_| None).collect();
            return Ok(Ground { patient: whose, stored, compartment, id: None, by, view, hits });
        };
        let is_change = sent.iter().any(|one| one.id.is_some());
        let absent = || if is_change { Error::not_found() } else { unknown_plan() };
        let patient = local.place(&id).await?.ok_or_else(absent)?;
        let by = reader(grant, ResourceType::CarePlan, &id)?;
        // Before what is seen of it, so that nothing committed meanwhile passes for what was read.
        let (stored, compartment) = held(local, &patient).await?.ok_or_else(absent)?;
        let view = self.seen_now(asked, &by, local, &patient).await?.ok_or_else(absent)?;
        let mut hits = Vec::with_capacity(sent.len());
        for one in sent {
            // What the writer cannot see is not there.
            let (kind, id) =
                one.id.as_deref().map_or((ResourceType::CarePlan, &*id), |id| (one.kind, id));
            reader(grant, kind, id)?;
            let hit = search::read(&view, kind, id);
            if hit.is_none() && !mutant::on(Mutant::PlansOfHidden) {
                return Err(absent());
            }
            hits.push(hit.filter(|_| one.id.is_some()));
        }
        let ground = Ground { patient, stored, compartment, id: Some(id), by, view, hits };
        let plan = ground.plan().ok_or_else(absent)?;
        if *plan.owner != *grant.caller().client_id() {
            let say = "A plan is changed by the system that keeps it: propose the change by a Task of \
                       code proposal.";
            return Err(Error::new(Kind::Forbidden, say).about(&ground.patient));
        }
        for (one, hit) in sent.iter().zip(&ground.hits).filter(|(one, _)| one.id.is_some()) {
            let followed = self.may_follow(hit.as_ref().ok_or_else(absent)?, one);
            followed.map_err(|error| error.about(&ground.patient))?;
        }
        Ok(ground)
    }

    /// Of which plan all of it is; `None` is a new one.
    fn plan_of(&self, sent: &[Sent]) -> Result<Option<Arc<str>>> {
        let new = sent.iter().filter(|one| one.kind == ResourceType::CarePlan && one.id.is_none());
        let new: Vec<&Sent> = new.collect();
        let mut plans: Vec<&str> = Vec::new();
        for one in sent {
            if let Some(id) = &one.id {
                plans.push(document_of(id));
            } else if let Some(named) = planned::plan_of(&one.resource)
                && new.iter().all(|new| new.name.as_deref() != Some(named))
            {
                let own = format!("{}/", self.base);
                let named = named.strip_prefix(&own).unwrap_or(named);
                plans.push(named.strip_prefix("CarePlan/").ok_or_else(unknown_plan)?);
            }
        }
        plans.sort_unstable();
        plans.dedup();
        match (plans[..].split_first(), &new[..]) {
            (Some((id, [])), []) => {
                if node_of(id).as_ref() == Some(&self.node) {
                    Ok(Some((*id).into()))
                } else {
                    Err(elsewhere("CarePlan"))
                }
            }
            (None, [_]) => Ok(None),
            (None, []) => {
                let say = "Say of which plan it is: by basedOn, or by CarePlan.goal of the CarePlan that \
                           is sent in the same transaction.";
                Err(Error::new(Kind::Unprocessable, say))
            }
            (_, _) => {
                let say = "Write one plan at a time: all of a transaction is of one.";
                Err(Error::new(Kind::Unprocessable, say))
            }
        }
    }

    /// Has the writer read what it changes? Who says by a condition which one it is knows it by that, and
    /// who wants it gone need not have read it.
    pub(super) fn may_follow(&self, hit: &Hit, one: &Sent) -> Result<()> {
        let Some(versions) = &one.read else {
            if one.condition.is_some() || one.deed == Deed::Delete {
                return Ok(());
            }
            let say = "Name in If-Match the version that was read.";
            return Err(Error::new(Kind::PreconditionFailed, say).at(one.place.clone()));
        };
        let answer = bundle::one(hit, &self.node, &*self.sealer, self.clock.elapsed());
        if answer.version().is_some_and(|version| versions.name(version.id())) {
            Ok(())
        } else {
            Err(commit::another().at(one.place.clone()))
        }
    }

    /// A resource as its reader sees it.
    pub(super) fn as_seen(&self, hit: &Hit) -> Result<Value> {
        let seen = hit.view.written(&hit.resource, &hit.sight, &*self.sealer).text;
        serde_json::from_slice(&seen).map_err(Error::internal)
    }

    /// A resource as the writer sees it, and all of it; if there is any of it, each.
    pub(super) fn seen_and_whole(
        &self,
        view: &Arc<View>,
        kind: ResourceType,
        id: &str,
    ) -> Result<(Option<Value>, Option<Value>)> {
        let hit = search::read(view, kind, id);
        let seen = hit.map(|hit| self.as_seen(&hit)).transpose()?;
        let resource = view.resources(kind).iter().find(|one| *one.id == *id);
        // Of what has no content there is nothing.
        let whole = resource.and_then(|resource| kept::whole(resource).ok());
        Ok((seen, whole))
    }
}

/// Everything about a person, as stored and decoded.
pub(super) async fn held(local: &Local, patient: &str) -> Result<Option<(Stored, Compartment)>> {
    let Some(stored) = local.store().load(patient).await? else { return Ok(None) };
    // Who holds it enters decisions alone, of which there are none here.
    let compartment = Compartment::decode(&stored, &"".into())?;
    Ok(Some((stored, compartment)))
}

fn unknown_plan() -> Error {
    let say = "Name a CarePlan that is held here, by basedOn.";
    Error::new(Kind::Unprocessable, say).at("basedOn")
}
