//! The road of handles, and what every question to a peer says.
//!
//! One person has a Patient at each gateway, and others know them by the identity code alone. It leaves sealed to
//! one peer, and only for a Patient that the caller sees here. Source: design 7.

use std::sync::Arc;

use http::Response;
use zeroize::Zeroizing;

use crate::{
    audit,
    bundle::said,
    consent::{release, view::View},
    domain::id::node_of,
    error::{Error, Result},
    federation::ask::Asking,
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked},
    handle::Route,
    listen::body::Body,
    mapping,
    mutant::{self, Mutant},
    query::Person,
    respond,
    route::Call,
    scope::Grant,
    search,
    source::local::Local,
};

impl Gateway {
    /// Handles for a person held here, for the peer that asks to widen its question.
    pub(crate) async fn handles(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        let (Call::Handles(id), Some(from)) = (grant.call(), grant.caller().node()) else {
            return Err(Error::not_found());
        };
        let local = self.reach.sources.local.as_ref().ok_or_else(Error::not_found)?;
        let in_flight = self.flights.take();
        let known_current = self.known_current()?;
        let found = self.sees_of(asked, grant, local, id).await?;
        let (view, is_seen) = found.ok_or_else(Error::not_found)?;
        if !is_seen && !mutant::on(Mutant::HandlesForHidden) {
            return Err(Error::not_found());
        }
        let code = view.identity_code().ok_or_else(Error::not_found)?;
        let mut handles = serde_json::Map::new();
        for peer in &self.reach.sources.peers {
            let route = Route { from: from.as_str(), to: peer.node().as_str() };
            let handle = peer.handle.seal(code.reveal(), route, asked.now, &*self.chance)?;
            handles.insert(peer.node().to_string(), handle.into());
        }
        let request = asked.request_alone();
        let told_of = said::named(&view, (ResourceType::Patient, view.audit_key().0), &self.node);
        let answer = said::of_people(&handles.into(), vec![told_of], known_current);
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }

    /// What every question to a peer says. A person known here by id is known to peers by code, if
    /// the caller sees the Patient here.
    pub(super) async fn asking(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        person: Option<&Person>,
    ) -> Result<Asking> {
        let kind = grant.call().resource().ok_or_else(Error::not_found)?;
        self.asking_for(asked, grant, kind, person).await
    }

    /// The same about a type that the call does not name.
    pub(super) async fn asking_for(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        asked_for: ResourceType,
        person: Option<&Person>,
    ) -> Result<Asking> {
        let mut known = None;
        let mut holder = None;
        if let Some(Person::Id(id)) = person {
            let node = node_of(id);
            holder =
                self.reach.sources.peers.iter().find(|p| Some(p.node()) == node.as_ref()).cloned();
            if let (true, Some(local)) =
                (node.as_ref() == Some(&self.node), &self.reach.sources.local)
                && let Some((view, true)) = self.sees_of(asked, grant, local, id).await?
            {
                let code = view.identity_code();
                known = code.map(|code| Zeroizing::new(code.reveal().to_owned()));
            }
        }
        Ok(Asking {
            node: self.node.clone(),
            issuer: self.tokens.issuer.clone(),
            caller: Arc::clone(grant.caller()),
            kind: asked_for,
            signer: Arc::clone(&self.tokens.signer),
            chance: Arc::clone(&self.chance),
            clock: Arc::clone(&self.clock),
            request_id: Arc::clone(&asked.request_id),
            trace: asked.trace(),
            within: asked.within.clone(),
            handles: Arc::default(),
            holder,
            known,
        })
    }

    /// What the caller sees of a person held here, and whether the Patient is among it, who may then be
    /// looked for elsewhere; nothing if there is nobody of this id.
    async fn sees_of(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        id: &str,
    ) -> Result<Option<(Arc<View>, bool)>> {
        let Some(held) = local.load(id).await? else { return Ok(None) };
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let view = release::release(mapped, grant, &self.terms, asked.now);
        let is_seen = search::read(&view, ResourceType::Patient, id).is_some();
        Ok(Some((view, is_seen)))
    }
}
