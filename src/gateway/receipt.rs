//! The road of a Consent's receipt: as a read of the Consent, with its history.
//!
//! For whoever may read the Consent, and nobody else; on record as a read. It is asked where the Consent
//! is held.

use http::Response;

use crate::{
    audit, bundle,
    consent::release,
    domain::id::node_of,
    error::{Error, Kind, Result},
    federation,
    fhir::types::ResourceType::Consent,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    mapping, respond,
    scope::Grant,
    search::{self, history::History},
};

impl Gateway {
    /// `GET /fhir/Consent/{id}/$receipt`.
    pub(crate) async fn receipt(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let here = node_of(id).as_ref() == Some(&self.node);
        let Some(local) = self.reach.sources.local.as_deref().filter(|_| here) else {
            let say = "Ask the gateway that holds it: its code stands at the start of the id.";
            return Err(Error::new(Kind::NotSupported, say));
        };
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let known_current = self.known_current()?;
        let patient = local.place(id).await?.ok_or_else(Error::not_found)?;
        let held = local.load(&patient).await?.ok_or_else(Error::not_found)?;
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let view = release::release(mapped, grant, &self.terms, asked.now);
        let hit = search::read(&view, Consent, id).ok_or_else(Error::not_found)?;
        let reader = self.looking_back(asked, grant, local);
        let history = reader.history(&patient, History::new(Consent, Some(id))).await?;
        let frame = self.frame(&plan, asked);
        let custodian = local.custodian();
        let answer = bundle::receipt::receipt(&hit, history, custodian, &frame, known_current)?;
        let request = asked.request_alone();
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::plain(answer, &receipt, sending))
    }
}
