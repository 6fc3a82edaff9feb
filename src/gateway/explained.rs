//! `$explain` about a person who is held elsewhere, or at several gateways: each tells of its own data.
//!
//! Beside the road of `$explain`, and of the same shape. Nothing is decided here of what others hold; each
//! part stands with its node and with whether it was reached, and where nobody has anybody to tell of it
//! is the same 404 as for the absent.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use tokio::task::JoinSet;

use super::explain::recorded;
use crate::{
    audit::{self, step},
    bundle::explained::{Part, everywhere, told},
    consent::explain::{self, question::Question},
    domain::id::node_of,
    error::{Error, Result},
    federation::{self, State, choose::Party, explained::Explained},
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    mapping,
    query::Person,
    respond,
    scope::Grant,
};

impl Gateway {
    /// Asks everyone the caller names, or all that are asked of a person.
    pub(super) async fn explain_everywhere(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
        question: &Question,
    ) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let person = Person::Id(id.to_owned());
        let asking = self.asking_for(asked, grant, ResourceType::Consent, Some(&person)).await?;
        let asking = Arc::new(asking);
        let (language, body) = (asked.language(), Bytes::copy_from_slice(&asked.body));
        let mut known_current = self.known_current()?;
        let mut flights: JoinSet<Explained> = JoinSet::new();
        for party in plan.asked() {
            let Party::Peer(source) = party else { continue };
            let (source, asking) = (Arc::clone(source), Arc::clone(&asking));
            let (person, body) = (person.clone(), body.clone());
            flights
                .spawn(async move { source.explained(&asking, &person, (body, language)).await });
        }
        let mut parts = Vec::new();
        for party in plan.asked() {
            if matches!(party, Party::Own(_)) {
                let said = self.explained_here(asked, grant, id, question).await?;
                parts.push(Part { node: self.node.clone(), state: State::Complete, said });
            }
        }
        while let Some(landed) = flights.join_next().await {
            let Explained { node, state, said, asked_at } = landed.map_err(Error::internal)?;
            known_current = known_current.min(asked_at);
            let said = said.map(|(patient, said)| Part::of_peer(&node, patient, said));
            parts.push(Part { node, state, said });
        }
        parts.sort_by(|a, b| a.node.cmp(&b.node));
        let is_complete = parts.iter().all(|part| part.state == State::Complete);
        if is_complete && parts.iter().all(|part| part.said.is_none()) {
            return Err(Error::not_found());
        }
        let answer = everywhere(parts, language, asked.now, known_current);
        let of = plan.asked().iter().map(|party| party.node().as_str().into());
        let request = step::Request {
            query: Some(recorded(question)),
            sources: of.collect(),
            ..asked.request_alone()
        };
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }

    /// What is told of the gateway's own data.
    async fn explained_here(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
        question: &Question,
    ) -> Result<Option<(serde_json::Value, crate::bundle::Disclosure)>> {
        let here = node_of(id).as_ref() == Some(&self.node);
        let Some(local) = self.reach.sources.local.as_ref().filter(|_| here) else {
            return Ok(None);
        };
        let meant = grant.caller().confined_to().is_none_or(|one| one == Some(id));
        let Some(held) = local.load(id).await?.filter(|_| meant) else { return Ok(None) };
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let explained = explain::explain(mapped, grant, question, &self.terms, asked.now);
        let Some(explanation) = explained else { return Ok(None) };
        let uses = self.uses(&explanation).await?;
        Ok(Some(told(&explanation, &uses, asked.language(), (&self.node, asked.now))))
    }
}
