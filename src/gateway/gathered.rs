//! The part of the way that operations about one person share: gather, map, release, find.
//!
//! Of the same shape as a search, for several types at once. Nothing that is not in a [`View`], and
//! nothing that a peer did not release, comes out of it.
//!
//! [`View`]: crate::consent::view::View

use std::sync::Arc;

use http::Response;

use crate::{
    audit::{self, record::Query, step},
    bundle::{Answer, gathered::Gathered},
    consent::release,
    domain::id::node_of,
    error::{Error, Result},
    federation::{self, choose::Plan, history::Left, several::Several},
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    mapping,
    mutant::{self, Mutant},
    query::Person,
    respond::{self, form::Form},
    route::Call,
    scope::Grant,
    search,
};

impl Gateway {
    /// Everything of these types that is released of one person, here and at peers.
    pub(super) async fn gathered(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        patient: &str,
        kinds: &[ResourceType],
    ) -> Result<(Gathered, Plan)> {
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let person = Person::Id(patient.to_owned());
        // Only peers are told who is meant, so alone nobody need be looked up.
        let named = Some(&person).filter(|_| plan.is_federated());
        let asking = self.asking(asked, grant, named).await?;
        let known_current = self.known_current()?;
        let several =
            federation::several::gather(&self.reach, &plan, patient, kinds, &asking).await?;
        let Several { held, answered, statements } = several;
        let mut gathered = Gathered::new(statements, known_current);
        if let Some(held) = held {
            let mapped = mapping::to_fhir(held, &self.terms.directory);
            let release = || release::release(mapped, grant, &self.terms, asked.now);
            let view = if matches!(grant.call(), Call::Populate(_) | Call::Extract(_)) {
                mutant::careless(Mutant::FormsSkipRelease, release)
            } else {
                release()
            };
            gathered.found(&view, kinds, (&self.node, &*self.sealer))?;
        }
        for page in &answered {
            gathered.answered(page)?;
        }
        Ok((gathered, plan))
    }

    /// One resource that is released, here or where it is held.
    pub(super) async fn gathered_one(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        (kind, id): (ResourceType, &str),
    ) -> Result<(Gathered, Plan)> {
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let mut gathered = Gathered::new(Vec::new(), self.known_current()?);
        let held = node_of(id).filter(|node| *node == self.node);
        if let (Some(node), Some(local)) = (held, &self.reach.sources.local) {
            let patient = local.person_of(id).await?;
            let held = local.load(&patient).await?.ok_or_else(Error::not_found)?;
            let mapped = mapping::to_fhir(held, &self.terms.directory);
            let view = release::release(mapped, grant, &self.terms, asked.now);
            let hit = search::read(&view, kind, id).ok_or_else(Error::not_found)?;
            gathered.hit(&hit, &node, &*self.sealer)?;
        } else {
            let source = plan.peer_of(id).ok_or_else(Error::not_found)?;
            let asking = Arc::new(self.asking(asked, grant, None).await?.about(kind));
            let read = source.read(&asking, id, None).await?;
            let (left, asked_at) = read.ok_or_else(Error::not_found)?;
            let Left::Entry(entry) = left else { return Err(Error::not_found()) };
            gathered.entry(&entry, asked_at)?;
        }
        Ok((gathered, plan))
    }

    /// Writes down what is told, and only then tells it.
    pub(super) async fn told_in_form(
        &self,
        (asked, grant, plan): (&Asked<'_>, &Grant, &Plan),
        answer: Answer,
        query: Query,
        form: (Form, &'static str),
        in_flight: respond::flight::InFlight,
    ) -> Result<Response<Body>> {
        let request = step::Request { query: Some(query), ..asked.request(None, plan) };
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::formed(answer, &receipt, form, sending))
    }
}
