//! The roads of a bulk export: it begins, says how far it is, gives its files, ends.
//!
//! A kick-off walks as every request does to `parse` and is then kept as what to read; a file walks the
//! rest for each person, see `crate::export`. What is no client's own is absent, in the same words as
//! what never was. Source: FHIR Bulk Data Access 2.0, `export.html`.

mod files;
mod listed;
mod parts;

use std::{sync::Arc, time::Duration};

use crate::{
    audit::{self, record::Query},
    bundle::{Disclosure, said},
    chance::base32,
    domain::{id::node_of, moment::Moment},
    error::{Error, Kind, Result},
    export::{
        LIFE, MOST, NDJSON, SETTLES,
        link::Link,
        order::{self, Order},
    },
    federation::{self, choose::Plan, export::Progress},
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked},
    json,
    listen::body::Body,
    mapping,
    mutant::{self, Mutant},
    query::selection,
    respond,
    route::{Call, Level},
    scope::Grant,
    search,
    store::Job,
};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// How far an export is, in words of fixed size: nothing of what is held.
const PROGRESS: HeaderName = HeaderName::from_static("x-progress");
/// How long peers' parts are waited for.
const PARTS: Duration = Duration::from_mins(1);

impl Gateway {
    /// `$export`: an export begins.
    pub(crate) async fn export(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        let Call::Export(level) = grant.call() else {
            return Err(Error::internal("only an export begins"));
        };
        let in_flight = self.flights.take();
        let known_current = self.known_current()?;
        let plan = self.holders(asked, grant, level)?;
        let mut order = self.order(asked, grant, level)?;
        let mut told = self.know_patients(&order, grant, asked.now).await?;
        let (parts, known) = self.begin_parts(asked, grant, &plan, &order).await?;
        order.parts = parts;
        told.extend(parts::known_at_peers(&order));
        let known_current = known_current.min(known);
        let client = grant.caller().client_id();
        let job = Job {
            id: base32(&*self.chance, 26).into(),
            owner: client.into(),
            until: asked.now.plus(LIFE),
            body: serde_json::to_vec(&order).map_err(Error::internal)?.into(),
        };
        let link = Link::Job(job.id.to_string()).seal(client, &self.keys)?;
        let location = format!("{}/$export-status/{link}", self.base);
        if !self.tokens.store.begin_job(job, MOST, asked.now).await? {
            self.end_parts(asked, grant, &order.parts).await?;
            return Err(Error::throttled(SETTLES));
        }
        let say = "The export has begun; Content-Location says how far it is.";
        let answer = said::of_people(&respond::information(say), told, known_current);
        let request = recorded_export(asked, &order, None);
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        if let Some(gateway) = grant.caller().node() {
            // That it begins tells another gateway that whoever it names is there for it.
            let people: Vec<Arc<str>> =
                order.patients.iter().flatten().map(|id| id.as_str().into()).collect();
            self.flights.passes_on(gateway, &people, receipt.deadline());
        }
        let sending = self.sending(asked, &receipt, in_flight)?;
        let mut response = respond::bundle(answer, &receipt, sending);
        *response.status_mut() = StatusCode::ACCEPTED;
        let location = HeaderValue::from_str(&location).map_err(Error::internal)?;
        response.headers_mut().insert(header::CONTENT_LOCATION, location);
        Ok(response)
    }

    /// How far it is, and what there is when it is done.
    pub(crate) async fn export_status(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        link: &str,
    ) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let known_current = self.known_current()?;
        let (job, order) = self.linked_job(link, grant, asked.now).await?;
        self.pace.poll(&job.id, asked.now).await?;
        let parts = self.progress(asked, grant, &order.parts).await?;
        let waits = parts.values().any(|part| *part == Progress::Waits);
        let is_slow = waits && asked.now < order.at.plus(PARTS);
        if asked.now < order.at.plus(SETTLES) || is_slow {
            let wait = SETTLES.as_secs();
            let mut response = respond::free(StatusCode::ACCEPTED, &asked.request_id);
            let headers = response.headers_mut();
            headers.insert(PROGRESS, HeaderValue::from_static("waiting for writes under way"));
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
            return Ok(response);
        }
        let manifest = self.manifest(&job.id, &order, grant, parts).await?;
        let answer = said::of_nobody(&manifest, known_current);
        let request = recorded_export(asked, &order, None);
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        let mut response = respond::plain(answer, &receipt, sending);
        let expires = respond::date(job.until);
        response.headers_mut().extend(expires.map(|value| (header::EXPIRES, value)));
        Ok(response)
    }

    /// It ends: nothing of it is there from now on, and another may begin.
    pub(crate) async fn export_end(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        link: &str,
    ) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let known_current = self.known_current()?;
        let (job, order) = self.linked_job(link, grant, asked.now).await?;
        let answer = said::of_nobody(&respond::information("The export is ended."), known_current);
        let request = recorded_export(asked, &order, None);
        // Written down before it is done.
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        self.tokens.store.end_job(&job.id).await?;
        self.end_parts(asked, grant, &order.parts).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        let mut response = respond::bundle(answer, &receipt, sending);
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok(response)
    }

    /// What is asked for. Without `Prefer: respond-async` it is done as if that stood there (Bulk Data
    /// Access 2.0, kick-off headers): there is no other way.
    fn order(&self, asked: &Asked<'_>, grant: &Grant, level: &Level) -> Result<Order> {
        let in_body = *asked.method == http::Method::POST;
        let mut pairs = selection::pairs(asked.query.unwrap_or_default())?;
        let request = match asked.query {
            Some(query) if !query.is_empty() => format!("{}/{}?{query}", self.base, level.path()),
            Some(_) | None => format!("{}/{}", self.base, level.path()),
        };
        if in_body {
            pairs.extend(order::pairs(&self.resource(asked, Kind::Invalid)?)?);
        }
        let lenient = asked.prefers("handling=lenient");
        let now = asked.now;
        let said = order::Asked { pairs, in_body, lenient, request, now, level };
        order::read(&said, grant, self.query_terms(grant, now))
    }

    /// Who is asked; of a group, the node that it is all the people of.
    fn holders(&self, asked: &Asked<'_>, grant: &Grant, level: &Level) -> Result<Plan> {
        let sources = &self.reach.sources;
        let Level::Group(id) = level else {
            return federation::choose::choose(sources, grant, asked.nodes());
        };
        // Whoever names another node's group learns no more than that this gateway does not ask it.
        federation::choose::choose(sources, grant, Some(id)).map_err(|_| Error::not_found())
    }

    /// The people who are named and held here must be seen, each; who is not is as absent as who never was.
    /// That they are there is told by it: of each the first that is seen.
    async fn know_patients(
        &self,
        order: &Order,
        grant: &Grant,
        now: Moment,
    ) -> Result<Vec<Disclosure>> {
        let mut told = Vec::new();
        let Some(local) = &self.reach.sources.local else { return Ok(told) };
        let is_own = |id: &&String| node_of(id).as_ref() == Some(&self.node);
        for id in order.patients.iter().flatten().filter(is_own) {
            let unknown = || Error::not_found().at("Parameters.parameter");
            let held = local.load(id).await?.ok_or_else(unknown)?;
            let mapped = mapping::to_fhir(held, &self.terms.directory);
            let view = crate::consent::release::release(mapped, grant, &self.terms, now);
            let first = order.kinds().find_map(|kind| search::any(&view, kind, &[]).pop());
            told.extend(said::rested_on(&[first.ok_or_else(unknown)?], &self.node));
        }
        Ok(told)
    }

    /// The job of this client's that a link leads to.
    async fn linked_job(&self, link: &str, grant: &Grant, now: Moment) -> Result<(Job, Order)> {
        match Link::open(link, grant.caller().client_id(), &self.keys)? {
            Link::Job(id) => self.job(&id, grant, now).await,
            Link::File(_) => Err(Error::not_found()),
        }
    }

    /// A job of this client's.
    async fn job(&self, id: &str, grant: &Grant, now: Moment) -> Result<(Job, Order)> {
        let job = self.tokens.store.job(id, now).await?;
        let is_own = |job: &Job| {
            *job.owner == *grant.caller().client_id() || mutant::on(Mutant::ExportIsAnybodys)
        };
        let job = job.filter(is_own).ok_or_else(Error::not_found)?;
        let order = json::stored(&job.body)?;
        Ok((job, order))
    }
}

/// What the audit record says of the request.
fn recorded_export(
    asked: &Asked<'_>,
    order: &Order,
    kind: Option<ResourceType>,
) -> audit::step::Request {
    let types = kind.map_or_else(|| order.types.join(","), |kind| kind.name().to_owned());
    let since = order.since.map(|since| since.to_string());
    let since = since.as_deref().map(|since| ("_since", since));
    let filters = order.filters.iter().map(|(_, text)| ("_typeFilter", text.as_str()));
    let pairs = [("_type", types.as_str())].into_iter().chain(since).chain(filters);
    let sources = order.parts.iter().map(|part| part.node.as_str().into()).collect();
    let query = Some(Query::of(pairs));
    audit::step::Request { query, sources, ..asked.request_alone() }
}

/// May the caller read files of lines?
pub(super) fn takes_lines(kind: &str) -> bool {
    [NDJSON, "application/ndjson", "application/x-ndjson"].contains(&kind)
}
