//! The road by which a case system writes a welfare plan in FHIR: parse, find, map, check, commit, record,
//! respond.
//!
//! `POST`, `PUT` and `DELETE` of what a plan consists of, by id or by a condition, one by one or, as a
//! transaction, all that is of one plan at once: then it is one new version or none. It is kept as the native
//! document, owned by the system that sent it, and only the owner of a plan changes it. Whether a write
//! succeeds follows from what its writer sees; what is hidden from it stays as it is. All of what is sent is
//! kept or none: what would not come out again as it went in is refused before anything is stored. A plan
//! itself is never deleted: it ends. What others propose about it stands beside it ([`proposed`]). A Task
//! may also be the review of an access, which is of no plan ([`reviewed`]). Sources:
//! FHIR R4 http.html#create, #update, #delete, #transaction; design 4, 5; `consent` 2.3 (NI-3).

mod draft;
mod found;
mod ground;
mod lost;
mod proposed;
mod reviewed;
mod sent;
mod unseen;

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    authenticate::Caller,
    bundle,
    commit::{self, Written},
    compartment::Compartment,
    consent::view::View,
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
        writing::{elsewhere, faulty},
    },
    json,
    listen::body::Body,
    respond,
    route::Call,
    scope::{self, Grant},
    search,
    source::local::Local,
};

use found::Met;
use ground::Ground;
use sent::{Deed, Sent, at_place, places, read, rename};

const SAY: &str = "It is kept as it was sent.";
const THERE: &str = "It is there already, and stays as it is.";
const PASSED_ON: &str = "It is kept as it was sent, by the gateway that holds the plan.";
const DELETED: &str = "It is deleted; its history stays.";
const NOTHING: &str = "There is no such resource for this writer, so nothing is deleted.";

/// What became of one that was sent.
enum End {
    /// It is new, here: `Type/id`.
    Created(String),
    /// It is the next version of what is here.
    Updated(String),
    /// It was here already.
    There(String),
    /// It is gone.
    Deleted,
    /// There was nothing to be gone.
    Nothing,
    /// It is kept at another gateway.
    Elsewhere {
        /// `Type/id`.
        at: String,
        /// Is it new there?
        is_new: bool,
        /// The version under which its writer reads it.
        version: Option<HeaderValue>,
    },
}

impl End {
    /// Where it is.
    fn at(&self) -> Option<&str> {
        match self {
            Self::Created(at)
            | Self::Updated(at)
            | Self::There(at)
            | Self::Elsewhere { at, .. } => Some(at),
            Self::Deleted | Self::Nothing => None,
        }
    }

    const fn say(&self) -> &'static str {
        match self {
            Self::Created(_) | Self::Updated(_) => SAY,
            Self::There(_) => THERE,
            Self::Elsewhere { .. } => PASSED_ON,
            Self::Deleted => DELETED,
            Self::Nothing => NOTHING,
        }
    }

    /// The status of an entry of a transaction.
    const fn status(&self) -> &'static str {
        match self {
            Self::Created(_) | Self::Elsewhere { is_new: true, .. } => "201 Created",
            Self::Updated(_) | Self::There(_) | Self::Elsewhere { .. } => "200 OK",
            Self::Deleted | Self::Nothing => "204 No Content",
        }
    }
}

impl Gateway {
    /// `POST`, `PUT` and `DELETE` of `/fhir/{type}`, with an id or a condition.
    pub(crate) async fn write_planned(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: ResourceType,
    ) -> Result<Response<Body>> {
        let resource =
            if grant.call().interaction() == Some(crate::fhir::types::Interaction::Delete) {
                Value::Null
            } else {
                content_type(asked.headers, FHIR_JSON)?;
                json::parse(&asked.body, &self.limits.document)?
            };
        let sent = Sent::alone(asked, grant.call(), kind, resource);
        let kept = if sent.review().is_some() {
            vec![self.keep_review(asked, grant, sent).await?]
        } else if sent.is_proposal() {
            vec![self.keep_proposal(asked, grant, sent).await?]
        } else {
            self.keep_planned(asked, grant, vec![sent]).await?
        };
        let end = kept.first().ok_or_else(|| Error::internal("one was kept"))?;
        let Some((_, id)) = end.at().and_then(|at| at.split_once('/')) else {
            return Ok(deleted(asked, end));
        };
        let at = format!("{kind}/{id}");
        let created = matches!(end, End::Created(_) | End::Elsewhere { is_new: true, .. });
        let mut acknowledged = self.written(asked, created, &at, end.say());
        let version = if let End::Elsewhere { version, .. } = end {
            version.clone()
        } else {
            let view = self.seen_of(asked, grant, &kept).await;
            view.and_then(|view| self.version_now(grant, &view, (kind, id)))
        };
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
        let kept = self.keep_planned(asked, grant, sent).await?;
        let view = self.seen_of(asked, grant, &kept).await;
        let mut told = Vec::with_capacity(kept.len());
        for end in &kept {
            let mut response = json!({ "status": end.status() });
            let Some(members) = response.as_object_mut() else { continue };
            if let Some((at, (kind, id))) = end.at().and_then(|at| Some((at, at.split_once('/')?)))
            {
                members.insert("location".to_owned(), format!("{}/{at}", self.base).into());
                let what = ResourceType::parse(kind).zip(Some(id));
                let version = view.as_ref().zip(what);
                let version = version.and_then(|(view, what)| self.version_now(grant, view, what));
                let version = version.as_ref().and_then(|version| version.to_str().ok());
                members.extend(version.map(|version| ("etag".to_owned(), version.into())));
            }
            told.push(json!({ "response": response }));
        }
        let bundle =
            json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": told });
        Ok(respond::written(StatusCode::OK, &bundle, &asked.request_id))
    }

    /// Does all of it, as one version of one plan; what became of each, in order.
    async fn keep_planned(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        mut sent: Vec<Sent>,
    ) -> Result<Vec<End>> {
        writes_plans(grant.caller())?;
        for one in &sent {
            scope::grant(Arc::clone(grant.caller()), one.call())?;
            // What it writes it sees.
            reader(grant, one.kind, "")?;
        }
        let Some(local) = &self.reach.sources.local else {
            return Err(elsewhere("CarePlan.subject"));
        };
        let mut met = Vec::with_capacity(sent.len());
        for one in &mut sent {
            met.push(self.met(asked, grant, local, one).await?);
        }
        let named = sent.iter().zip(&met).filter_map(|(one, met)| match met {
            Met::There(at) => Some((one.name.clone()?, at.clone())),
            Met::Open | Met::Nothing => None,
        });
        let there: BTreeMap<String, String> = named.collect();
        let open = sent.into_iter().zip(&met).filter(|(_, met)| matches!(met, Met::Open));
        let mut open: Vec<Sent> = open.map(|(one, _)| one).collect();
        for one in &mut open {
            rename(&mut one.resource, &|to| there.get(to).cloned());
        }
        if met.iter().any(|met| matches!(met, Met::Nothing)) {
            // Of whom, nobody knows: who asked is what there is to tell.
            self.record_refused(asked, Some(grant), true, &Error::not_found()).await?;
        }
        let mut done = Vec::new();
        if !open.is_empty() {
            done = self.keep(asked, grant, local, &open).await?;
        }
        let mut done = done.into_iter();
        let end = |met| match met {
            Met::Open => done.next().ok_or_else(|| Error::internal("each has its end")),
            Met::There(at) => Ok(End::There(at)),
            Met::Nothing => Ok(End::Nothing),
        };
        met.into_iter().map(end).collect()
    }

    /// Keeps what is to be done.
    async fn keep(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        sent: &[Sent],
    ) -> Result<Vec<End>> {
        for one in sent.iter().filter(|one| one.deed != Deed::Delete) {
            self.well_formed(one)?;
        }
        let ground = self.ground(asked, grant, local, sent).await?;
        // It is there for its writer to see: what is wrong with the change tells of it.
        let kept = self.keep_beside(asked, grant, local, &ground, sent).await;
        kept.map_err(|error| error.about(&ground.patient))
    }

    /// The same of the plan that was found.
    async fn keep_beside(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        ground: &Ground,
        sent: &[Sent],
    ) -> Result<Vec<End>> {
        let request = asked.request_alone();
        // What is deleted alone is recorded as that, by the name it had.
        let by = match sent {
            [one] if one.deed == Deed::Delete => {
                scope::grant(Arc::clone(grant.caller()), one.call())?
            }
            _ => grant.clone(),
        };
        let desk = self.desk(local, &by, &request, asked);
        self.may_delete(asked, &desk, ground, sent).await?;
        let draft = self.draft(asked, grant.caller(), ground, sent)?;
        let preview = commit::preview(&desk, &draft.document, ground.stored.clone()).await?;
        self.nothing_lost(asked, local, ground, (&preview, &draft), sent).await?;
        let patient = Arc::clone(&ground.patient);
        let base =
            ground.id.as_ref().and_then(|id| ground.stored.documents.iter().find(|d| d.id == *id));
        let Written { id, .. } = match base {
            Some(base) => commit::changed(&desk, &draft.document, patient, &base.body).await?,
            None => commit::created(&desk, &draft.document, patient).await?,
        };
        let stored = local.store().load(&ground.patient).await?.ok_or_else(Error::not_found)?;
        let now = Compartment::decode(&stored, &"".into())?;
        let plan = now.plans.iter().find(|plan| plan.id == id).ok_or_else(Error::not_found)?;
        let end = |(at, one): (String, &Sent)| match one.deed {
            Deed::Create => End::Created(at),
            Deed::Update => End::Updated(at),
            Deed::Delete => End::Deleted,
        };
        Ok(places(plan, sent, &draft.parts).into_iter().zip(sent).map(end).collect())
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

    /// What its writer sees now of the one person of whom all of this is: looked at once for all.
    async fn seen_of(&self, asked: &Asked<'_>, grant: &Grant, ends: &[End]) -> Option<Arc<View>> {
        let local = self.reach.sources.local.as_ref()?;
        let (kind, id) = ends.iter().find_map(End::at)?.split_once('/')?;
        let by = reader(grant, ResourceType::parse(kind)?, id).ok()?;
        let patient = local.person_of(id).await.ok()?;
        let view = self.seen_now(asked, &by, local, &patient).await.ok()??;
        self.with_told_of(view, (ResourceType::parse(kind)?, id), &by).await.ok()
    }

    /// The version under which its writer reads it now.
    fn version_now(
        &self,
        grant: &Grant,
        view: &Arc<View>,
        (kind, id): (ResourceType, &str),
    ) -> Option<HeaderValue> {
        reader(grant, kind, id).ok()?;
        let hit = search::read(view, kind, id)?;
        let answer = bundle::one(&hit, &self.node, &*self.sealer, self.clock.elapsed());
        HeaderValue::from_str(&format!("W/\"{}\"", answer.version()?.id())).ok()
    }
}

/// Does the caller write plans at all?
fn writes_plans(caller: &Caller) -> Result<()> {
    if caller.node().is_some() {
        let say = "Plans are written by clients of this gateway, through no other gateway.";
        return Err(Error::new(Kind::Forbidden, say));
    }
    works_on_plans(caller)
}

/// Is it one of those who make plans with people, or a system of theirs?
fn works_on_plans(caller: &Caller) -> Result<()> {
    let is_worker = |who: &str| who.starts_with("Practitioner/");
    if caller.confined_to().is_some() || !caller.subject().is_none_or(is_worker) {
        let say = "A plan is written by the system of those who make it with the person.";
        return Err(Error::new(Kind::Forbidden, say));
    }
    Ok(())
}

/// The acknowledgement that something is gone.
fn deleted(asked: &Asked<'_>, end: &End) -> Response<Body> {
    if asked.prefers("return=minimal") {
        return respond::free(StatusCode::NO_CONTENT, &asked.request_id);
    }
    respond::written(StatusCode::OK, &respond::information(end.say()), &asked.request_id)
}

/// The grant by which a writer sees what it writes.
fn reader(grant: &Grant, kind: ResourceType, id: &str) -> Result<Grant> {
    scope::grant(Arc::clone(grant.caller()), Call::Read(kind, id.to_owned()))
}
