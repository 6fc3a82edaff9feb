//! The roads of what was before: one version, the history of a resource, and that of a type.
//!
//! Each walks as a read does, from `source` to `respond`, but over every state there was, see `former`.
//! What another node holds is asked there, by the node code in the id. Source: FHIR R4 http.html#vread, #history.

use std::{sync::Arc, time::Duration};

use http::Response;
use serde_json::Value;

use crate::{
    audit::{self, record::Query},
    bundle::{self, Answer, said},
    domain::{id::node_of, moment::Moment},
    error::{Error, Kind, Result},
    federation::{self, choose::Plan, gather},
    fhir::types::ResourceType,
    former::Reader,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    mutant::{self, Mutant},
    query::{
        history::{self as query, Asked as Question},
        shape::Shape,
    },
    respond::{self, condition},
    scope::Grant,
    search::{Hit, history::History},
    source::local::{Local, Naming},
};

impl Gateway {
    /// One version.
    pub(crate) async fn vread(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: ResourceType,
        id: &str,
        version: &str,
    ) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let shape = Shape::of_read(kind, asked.parameters())?;
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let request = asked.request(None, &plan);
        let answer = match self.held_here(id) {
            Some(local) => {
                let known_current = self.known_current()?;
                let patient = local.person_of(id).await?;
                let reader = self.looking_back(asked, grant, local);
                let history = reader.history_of(&patient, kind, id).await?;
                let frame = self.frame(&plan, asked);
                bundle::history::version(history, version, &frame, known_current)?
            }
            None => self.peers_read(asked, grant, &plan, id, Some(version)).await?,
        };
        let answer = answer.shaped(kind, &shape);
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::resource(answer, &receipt, asked.headers, false, sending))
    }

    /// The history of a resource, or of a person's resources of a type.
    pub(crate) async fn history(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let question = query::parse(grant, asked.parameters(), self.query_terms(grant, asked.now))?;
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let pairs = question.understood.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let mut request = asked.request(None, &plan);
        request.query = Some(Query::of(pairs));
        let answer = self.history_anew(asked, grant, &plan, &question).await?;
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }

    async fn history_anew(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        plan: &Plan,
        question: &Question,
    ) -> Result<Answer> {
        let id = question.id.as_deref();
        let named = id.or(question.patient.as_deref()).ok_or_else(Error::not_found)?;
        let frame = self.frame(plan, asked);
        let Some(local) = self.held_here(named) else {
            let source = plan.peer_of(named).ok_or_else(Error::not_found)?;
            let asking = Arc::new(self.asking(asked, grant, None).await?);
            let found = source.history(&asking, question).await?.ok_or_else(Error::not_found)?;
            let (page, asked_at) = found;
            return Ok(bundle::history::peers_page(page, question, &frame, asked_at));
        };
        let known_current = self.known_current()?;
        let patient = match id {
            Some(id) => local.person_of(id).await?,
            None => named.into(),
        };
        let kind = question.kind;
        let reader = self.looking_back(asked, grant, local);
        let mut history = match id {
            Some(id) => reader.history_of(&patient, kind, id).await?,
            None => reader.history(&patient, History::new(kind, None)).await?,
        };
        if id.is_none() && gather::is_about_several(kind) {
            let Naming { patients, names } = local.naming(&patient).await?;
            for whose in patients {
                let about = History::new(kind, None).about(Arc::clone(&names));
                history.join(reader.history(&whose, about).await?);
            }
        }
        bundle::history::page(history, question, &frame, known_current)
    }

    /// Who looks back at what is held here.
    pub(super) fn looking_back<'a>(
        &'a self,
        asked: &Asked<'_>,
        grant: &'a Grant,
        local: &'a Local,
    ) -> Reader<'a> {
        let sealer = &*self.sealer;
        Reader { local, grant, terms: &self.terms, sealer, now: asked.now }
    }

    /// The answer where there is nothing to read, told of whose it was that was seen of it last.
    ///
    /// # Errors
    /// `NotFound`, the same for everybody and recorded of nobody, if the reader never saw it.
    pub(super) fn nothing(&self, gone: Option<Hit>, known_current: Duration) -> Result<Answer> {
        let people = match gone {
            Some(last) => said::rested_on(&[last], &self.node),
            None if mutant::on(Mutant::GoneIsToldOfHidden) => Vec::new(),
            None => return Err(hidden()),
        };
        Ok(said::gone(&is_gone(), people, known_current))
    }

    /// Has nothing changed for this reader since the date that `If-Modified-Since` names? Asked of the
    /// history, as what was taken away leaves no later date behind; not asked of other nodes.
    pub(super) async fn unchanged(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        answer: &Answer,
        since: Moment,
    ) -> Result<bool> {
        let Some(version) = answer.version() else { return Ok(false) };
        let written = condition::date(&version.modified);
        let (Some(kind), Some(id)) = (grant.call().resource(), grant.call().id()) else {
            return Ok(false);
        };
        // A second that is not over may still bring anything.
        let is_over = since.plus(Duration::from_secs(1)) <= asked.now;
        let is_known = is_over && written.is_some_and(|at| at <= since);
        let (Some(local), true) = (self.held_here(id), is_known) else {
            return Ok(false);
        };
        let patient = local.person_of(id).await?;
        let reader = self.looking_back(asked, grant, local);
        let history = reader.history(&patient, History::new(kind, Some(id))).await?;
        Ok(history.stood_still(since))
    }

    fn held_here(&self, id: &str) -> Option<&Local> {
        let local = self.reach.sources.local.as_deref()?;
        (node_of(id).as_ref() == Some(&self.node)).then_some(local)
    }
}

/// What is said of what was there and is no more.
pub(super) fn is_gone() -> Value {
    respond::outcome(&Error::gone())
}

/// What is hidden is as absent.
fn hidden() -> Error {
    if mutant::on(Mutant::HiddenIsForbidden) {
        return Error::new(Kind::Forbidden, "You may not see this.");
    }
    if mutant::on(Mutant::HiddenSaysOtherwise) {
        return Error::new(Kind::NotFound, "You may not see this.");
    }
    Error::not_found()
}
