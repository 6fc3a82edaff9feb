//! `GET /fhir/Patient/{id}/$everything`: all that the reader may see of a person, page by page.
//!
//! A row of searches, type by type, each under its own grant and as wide as it would be alone, and one
//! record of what they found. Types that no scope covers are left out. Source: FHIR R4
//! patient-operation-everything.html.

use std::sync::Arc;

use http::Response;

use crate::{
    audit,
    bundle::several::Several,
    error::Result,
    federation,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    mutant::{self, Mutant},
    query::everything,
    respond,
    route::Call,
    scope::{self, Grant},
};

impl Gateway {
    /// One page of it.
    pub(crate) async fn everything(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let terms = self.query_terms(grant, asked.now);
        let question = everything::parse(grant, id, asked.parameters(), terms)?;
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let frame = self.frame(&plan, asked);
        let mut all = Several::new(&question.whole, frame, self.known_current()?);
        let last = question.searches.len().saturating_sub(1);
        for (number, search) in question.searches.iter().enumerate().skip(question.first) {
            if all.is_full() {
                break;
            }
            let caller = Arc::clone(grant.caller());
            let Ok(granted) = scope::grant(caller, Call::Search(search.kind)) else { continue };
            let page = Box::pin(self.page(asked, &granted, search));
            let (page, ..) = mutant::carelessly(Mutant::EverythingSkipsRelease, page).await?;
            all.add(number, number == last, page);
        }
        let answer = all.close()?;
        let request = asked.request(Some(&question.whole), &plan);
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }
}
