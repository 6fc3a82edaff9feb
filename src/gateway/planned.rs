//! The road by which a case system writes a welfare plan in FHIR: parse, map, check, commit, record, respond.
//!
//! `POST` and `PUT` of what a plan consists of, one by one or, as a transaction, all that is of one plan at
//! once: then it is one new version or none. It is kept as the native document, owned by the system that
//! sent it; only the owner of a plan changes it, and only what it sees whole, so that nothing is lost which
//! is withheld from it. All of what is sent is kept or none: what would not come out again as it went in is
//! refused before anything is stored. Sources: FHIR R4 http.html#create, #update, #transaction; design 4, 5.

mod sent;

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    authenticate::Caller,
    bundle,
    chance::base32,
    commit::{self, Written},
    compartment::{Compartment, Held},
    domain::{
        id::{document_of, node_of},
        plan::Plan,
        words::LocalId,
    },
    error::{Error, Kind, Result},
    fhir::types::{Planned, ResourceType},
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
        writing::{elsewhere, faulty, unknown},
    },
    json,
    listen::body::Body,
    mapping::{
        chart::Chart,
        kept,
        planned::{self, Names},
    },
    mutant::{self, Mutant},
    native::{self, Native},
    respond::{self, condition::Versions},
    route::Call,
    scope::{self, Grant},
    search::{self, Hit},
    source::local::Local,
    store::Stored,
};

use sent::{Sent, at_place, in_order, places, read, rename};

const SAY: &str = "The plan is kept as it was sent.";

/// A plan that is to be changed, as it was found.
struct Ground {
    patient: Arc<str>,
    stored: Stored,
    compartment: Compartment,
    /// The plan that is there.
    id: Option<Arc<str>>,
}

impl Ground {
    fn plan(&self) -> Option<&Held<Plan>> {
        let id = self.id.as_ref()?;
        self.compartment.plans.iter().find(|plan| plan.id == *id)
    }
}

impl Gateway {
    /// `POST /fhir/{type}` and `PUT /fhir/{type}/{id}`.
    pub(crate) async fn write_planned(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: ResourceType,
    ) -> Result<Response<Body>> {
        content_type(asked.headers, FHIR_JSON)?;
        let sent = Sent {
            kind,
            id: grant.call().id().map(str::to_owned),
            name: None,
            read: Versions::of(asked.headers, header::IF_MATCH),
            resource: json::parse(&asked.body, &self.limits.document)?,
            place: kind.name().to_owned(),
        };
        let created = sent.id.is_none();
        let kept = self.keep_planned(asked, grant, &[sent]).await?;
        let at = kept.first().ok_or_else(|| Error::internal("one was kept"))?;
        let mut acknowledged = self.written(asked, created, at, SAY);
        let (_, id) = at.split_once('/').unwrap_or_default();
        let version = self.version_now(asked, grant, (kind, id)).await;
        acknowledged.headers_mut().extend(version.map(|version| (header::ETAG, version)));
        Ok(self.shown_back(asked, grant, (kind, id), acknowledged).await)
    }

    /// A transaction of what is of one plan.
    pub(super) async fn write_plan(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        entries: &[Value],
    ) -> Result<Response<Body>> {
        let sent = entries.iter().enumerate().map(|(index, entry)| read(index, entry));
        let sent: Vec<Sent> = sent.collect::<Result<_>>()?;
        let created: Vec<bool> = sent.iter().map(|one| one.id.is_none()).collect();
        let kept = self.keep_planned(asked, grant, &sent).await?;
        let mut told = Vec::with_capacity(kept.len());
        for (at, created) in kept.iter().zip(created) {
            let status = if created { "201 Created" } else { "200 OK" };
            let mut response =
                json!({ "status": status, "location": format!("{}/{at}", self.base) });
            let (kind, id) = at.split_once('/').unwrap_or_default();
            let version = match ResourceType::parse(kind) {
                Some(kind) => self.version_now(asked, grant, (kind, id)).await,
                None => None,
            };
            let version = version.as_ref().and_then(|version| version.to_str().ok());
            if let (Some(response), Some(version)) = (response.as_object_mut(), version) {
                response.insert("etag".to_owned(), version.into());
            }
            told.push(json!({ "response": response }));
        }
        let bundle =
            json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": told });
        Ok(respond::written(StatusCode::OK, &bundle, &asked.request_id))
    }

    /// Keeps all of it as one version of one plan; where each is now, in order.
    async fn keep_planned(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        sent: &[Sent],
    ) -> Result<Vec<String>> {
        let caller = grant.caller();
        if caller.node().is_some() {
            let say = "Plans are written by clients of this gateway, through no other gateway.";
            return Err(Error::new(Kind::Forbidden, say));
        }
        let is_worker = |who: &str| who.starts_with("Practitioner/");
        if caller.confined_to().is_some() || !caller.subject().is_none_or(is_worker) {
            let say = "A plan is written by the system of those who make it with the person.";
            return Err(Error::new(Kind::Forbidden, say));
        }
        for one in sent {
            may_write(caller, one)?;
            self.well_formed(one)?;
        }
        let Some(local) = &self.reach.sources.local else {
            return Err(elsewhere("CarePlan.subject"));
        };
        let ground = self.ground(asked, grant, local, sent).await?;
        let request = asked.request_alone();
        let desk = self.desk(local, grant, &request, asked);
        let (document, parts) = self.draft(asked, caller, &ground, sent)?;
        let preview = commit::preview(&desk, &document, ground.stored.clone()).await?;
        self.nothing_lost(&preview, &document, sent, &parts)?;
        if let Some(plan) = ground.plan()
            && native::canonical(&plan.native)? == **document.canonical()
        {
            return Ok(places(plan, sent, &parts));
        }
        let patient = Arc::clone(&ground.patient);
        let base =
            ground.id.as_ref().and_then(|id| ground.stored.documents.iter().find(|d| d.id == *id));
        let Written { id, .. } = match base {
            Some(base) => commit::changed(&desk, &document, patient, &base.body).await?,
            None => commit::created(&desk, &document, patient).await?,
        };
        let stored = local.store().load(&ground.patient).await?.ok_or_else(Error::not_found)?;
        let now = Compartment::decode(&stored, &"".into())?;
        let plan = now.plans.iter().find(|plan| plan.id == id).ok_or_else(Error::not_found)?;
        Ok(places(plan, sent, &parts))
    }

    /// Is it a resource of FHIR, of the type and id that the address names?
    fn well_formed(&self, one: &Sent) -> Result<()> {
        let text = |name: &str| one.resource.get(name).and_then(Value::as_str);
        if text("resourceType") != Some(one.kind.name()) {
            let say = format!("Send one {}.", one.kind);
            return Err(Error::new(Kind::Unprocessable, say).at(one.place.clone()));
        }
        if one.id.is_some() && text("id") != one.id.as_deref() {
            let say = "The id in the resource and the id in the address must be the same.";
            return Err(Error::invalid(say).at(format!("{}.id", one.place)));
        }
        let faults = self.fhir.faults(&one.resource);
        if faults.is_empty() { Ok(()) } else { Err(faulty(&at_place(faults, one))) }
    }

    /// The plan that is meant, if this writer may change it; or the person of a new one.
    async fn ground(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        sent: &[Sent],
    ) -> Result<Ground> {
        let Some(id) = self.plan_of(sent)? else {
            let new = sent.iter().find(|one| one.kind == ResourceType::CarePlan);
            let subject = new.and_then(|one| one.resource.get("subject"));
            let place = "CarePlan.subject";
            let named = self.named(subject.unwrap_or(&Value::Null), place)?;
            let meant = self.meant(asked, grant, local, &named, place).await?;
            let whose = self.resolved(local, meant).await?.ok_or_else(|| unknown(place))?;
            let careless = mutant::on(Mutant::PlansOfHidden);
            if !careless && !self.sees_person(asked, grant, local, &whose).await? {
                return Err(unknown(place));
            }
            let (stored, compartment) = held(local, &whose).await?.ok_or_else(|| unknown(place))?;
            return Ok(Ground { patient: whose, stored, compartment, id: None });
        };
        let is_change = sent.iter().any(|one| one.id.is_some());
        let absent = || if is_change { Error::not_found() } else { unknown_plan() };
        let patient = local.place(&id).await?.ok_or_else(absent)?;
        let read = reader(grant, ResourceType::CarePlan, &id)?;
        // Before what is seen of it, so that nothing committed meanwhile passes for what was read.
        let (stored, compartment) = held(local, &patient).await?.ok_or_else(absent)?;
        let mut seen = Vec::with_capacity(sent.len());
        for one in sent {
            // What the writer cannot see is not there.
            let (by, what) = match &one.id {
                Some(id) => (reader(grant, one.kind, id)?, (one.kind, &**id)),
                None => (read.clone(), (ResourceType::CarePlan, &*id)),
            };
            let view = self.seen_now(asked, &by, local, &patient).await?.ok_or_else(absent)?;
            let hit = search::read(&view, what.0, what.1);
            if hit.is_none() && !mutant::on(Mutant::PlansOfHidden) {
                return Err(absent());
            }
            seen.push(hit);
        }
        let ground = Ground { patient, stored, compartment, id: Some(id) };
        let plan = ground.plan().ok_or_else(absent)?;
        if *plan.owner != *grant.caller().client_id() {
            let say = "A plan is changed by the system that keeps it; tell its case manager.";
            return Err(Error::new(Kind::Forbidden, say));
        }
        for (one, hit) in sent.iter().zip(seen).filter(|(one, _)| one.id.is_some()) {
            self.may_follow(&hit.ok_or_else(absent)?, one)?;
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

    /// Has the writer read what it changes, and sees it whole?
    fn may_follow(&self, hit: &Hit, one: &Sent) -> Result<()> {
        let Some(versions) = &one.read else {
            let say = "Name in If-Match the version that was read.";
            return Err(Error::new(Kind::PreconditionFailed, say).at(one.place.clone()));
        };
        let answer = bundle::one(hit, &self.node, &*self.sealer, self.clock.elapsed());
        if !answer.version().is_some_and(|version| versions.name(version.id())) {
            return Err(commit::another().at(one.place.clone()));
        }
        let seen = hit.view.written(&hit.resource, &hit.sight, &*self.sealer).text;
        let mut seen: Value = serde_json::from_slice(&seen).map_err(Error::internal)?;
        let mut whole = kept::whole(&hit.resource)?;
        for resource in [&mut seen, &mut whole] {
            resource.as_object_mut().map(|members| members.remove("meta"));
        }
        if seen != whole {
            let say = "You see a part of it, and the rest would be lost: push the native document.";
            return Err(Error::new(Kind::Forbidden, say).at(one.place.clone()));
        }
        Ok(())
    }

    /// The next version of the plan as a native document, judged as one that was pushed; and the sender's
    /// ids of the parts, in order of what was sent.
    fn draft(
        &self,
        asked: &Asked<'_>,
        caller: &Caller,
        ground: &Ground,
        sent: &[Sent],
    ) -> Result<(Native, Vec<LocalId>)> {
        let named = || {
            planned::local(&base32(&*self.chance, 26)).ok_or_else(|| Error::internal("a local id"))
        };
        let mut names = Names::of(&ground.compartment, caller.client_id());
        let before = ground.plan().map(|held| held.native.clone());
        let mut plan = match &before {
            Some(plan) => plan.clone(),
            None => planned::empty(named()?, &ground.patient, asked.now)
                .ok_or_else(|| Error::internal("the person's id is no local id"))?,
        };
        ground.plan().into_iter().for_each(|held| names.add_parts(held));
        let mut parts = Vec::with_capacity(sent.len());
        for one in sent {
            let part = match &one.id {
                Some(_) if one.kind.planned().is_some_and(Planned::is_whole) => plan.id.clone(),
                Some(id) => {
                    let name = format!("{}/{id}", one.kind);
                    names.part(&name).cloned().ok_or_else(Error::not_found)?
                }
                None => named()?,
            };
            if let Some(name) = &one.name {
                names.add(name.clone(), part.clone());
            }
            if one.kind == ResourceType::CareTeam {
                if one.id.is_none() && plan.team.iter().any(|member| member.active) {
                    let say = "The plan has a CareTeam; write the next version of that.";
                    return Err(Error::new(Kind::Conflict, say).at(one.place.clone()));
                }
                let new = (0..planned::members(&one.resource)).map(|_| named());
                names.add_members(new.collect::<Result<_>>()?);
            }
            parts.push(part);
        }
        let mut faults = Vec::new();
        for at in in_order(sent) {
            let (Some(one), Some(part)) = (sent.get(at), parts.get(at)) else { continue };
            if let Err(found) = planned::put(&mut plan, one.kind, part, &one.resource, &names) {
                faults.extend(at_place(found, one));
            }
        }
        if !faults.is_empty() {
            return Err(faulty(&faults));
        }
        if before.as_ref().is_some_and(|before| *before != plan) {
            plan.updated = Some(asked.now);
        }
        let bytes = native::canonical(&plan)?;
        let document = native::validate(&bytes, &self.rules(asked)).map_err(|faults| {
            let said: Vec<String> = faults.iter().map(|fault| fault.say.clone()).collect();
            let place = sent.first().map_or_else(String::new, |one| one.place.clone());
            Error::new(Kind::Unprocessable, said.join("; ")).at(place)
        })?;
        Ok((document, parts))
    }

    /// Does all that was sent come out again?
    fn nothing_lost(
        &self,
        preview: &Stored,
        document: &Native,
        sent: &[Sent],
        parts: &[LocalId],
    ) -> Result<()> {
        let after = Compartment::decode(preview, &"".into())?;
        let chart = Chart::new(&after, &self.terms.directory);
        let of = document.typed().id();
        let plan = after.plans.iter().find(|plan| plan.native.id == *of);
        let plan = plan.ok_or_else(|| Error::internal("the plan is in what would be stored"))?;
        let places = places(plan, sent, parts);
        let known = sent.iter().zip(&places);
        let known: BTreeMap<&str, &str> =
            known.filter_map(|(one, place)| Some((one.name.as_deref()?, &**place))).collect();
        let own = format!("{}/", self.base);
        let begins = |one: &&Sent| one.kind == ResourceType::CarePlan && one.id.is_none();
        let subject = sent.iter().find(begins).and_then(|one| one.resource.get("subject"));
        let person = json!({ "reference": format!("Patient/{}", after.patient) });
        let mut faults = Vec::new();
        for (one, place) in sent.iter().zip(&places) {
            let id = place.split_once('/').map_or("", |(_, id)| id);
            let made = chart.resources(&after, one.kind).iter().find(|made| *made.id == *id);
            let made = made.ok_or_else(|| Error::internal("what was put is mapped"))?;
            let mut resource = one.resource.clone();
            rename(&mut resource, &known, &own);
            for name in ["subject", "for", "owner", "expressedBy"] {
                // However the person was named where the plan begins.
                if let Some(named) =
                    resource.get_mut(name).filter(|named| Some(&**named) == subject)
                {
                    *named = person.clone();
                }
            }
            let found = kept::differences(&resource, &kept::whole(made)?);
            faults.extend(at_place(found, one));
        }
        if faults.is_empty() { Ok(()) } else { Err(faulty(&faults)) }
    }

    /// The version under which its writer reads it now.
    async fn version_now(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        (kind, id): (ResourceType, &str),
    ) -> Option<HeaderValue> {
        let local = self.reach.sources.local.as_ref()?;
        let read = reader(grant, kind, id).ok()?;
        let patient = local.place(document_of(id)).await.ok()??;
        let view = self.seen_now(asked, &read, local, &patient).await.ok()??;
        let hit = search::read(&view, kind, id)?;
        let answer = bundle::one(&hit, &self.node, &*self.sealer, self.clock.elapsed());
        HeaderValue::from_str(&format!("W/\"{}\"", answer.version()?.id())).ok()
    }
}

/// May the caller write it, and see what it writes?
fn may_write(caller: &Arc<Caller>, one: &Sent) -> Result<()> {
    let call = match &one.id {
        Some(id) => Call::UpdatePlanned(one.kind, id.clone()),
        None => Call::CreatePlanned(one.kind),
    };
    scope::grant(Arc::clone(caller), call).map(|_| ())
}

/// The grant by which a writer sees what it writes.
fn reader(grant: &Grant, kind: ResourceType, id: &str) -> Result<Grant> {
    scope::grant(Arc::clone(grant.caller()), Call::Read(kind, id.to_owned()))
}

/// Everything about a person, as stored and decoded.
async fn held(local: &Local, patient: &str) -> Result<Option<(Stored, Compartment)>> {
    let Some(stored) = local.store().load(patient).await? else { return Ok(None) };
    // Who holds it enters decisions alone, of which there are none here.
    let compartment = Compartment::decode(&stored, &"".into())?;
    Ok(Some((stored, compartment)))
}

fn unknown_plan() -> Error {
    let say = "Name a CarePlan that is held here, by basedOn.";
    Error::new(Kind::Unprocessable, say).at("basedOn")
}
