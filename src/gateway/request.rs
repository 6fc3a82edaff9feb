//! A request as the roads see it, and the door between them and the listener.
//!
//! Around the way: reads the body where a road needs it, records refusals before they leave, and
//! turns every error into one answer. A panic is caught by the listener.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response, header};

use crate::{
    audit::{
        frame::AuditKey,
        record::{self, Outcome},
        step,
    },
    authenticate::bearer,
    chance::base32,
    consent::explain::words,
    domain::{id::NodeCode, moment::Moment},
    error::{Error, Kind, Result},
    federation::choose::Plan,
    gateway::{Gateway, accept, collector::Collector, passed_on},
    listen::{
        Answer, Answering, Incoming,
        body::{Body, BodyReader},
    },
    mutant::{self, Mutant},
    pki::name::Names,
    query::{Query, Raw},
    respond,
    route::{self, Call, Endpoint},
    scope::Grant,
    smart,
    telemetry::{
        Stage,
        span::{End, Fact, Within},
        trace::{TRACEPARENT, Trace},
    },
};

/// One request, read.
pub struct Asked<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its method.
    pub method: &'a Method,
    /// After `?`.
    pub query: Option<&'a str>,
    /// Its body, where the road reads one.
    pub body: Bytes,
    /// Network address of the connection, without the port.
    pub address: Arc<str>,
    /// Thumbprint of the client certificate.
    pub peer_certificate: Option<[u8; 32]>,
    /// Who that certificate says its holder is.
    pub peer_names: Option<Arc<Names>>,
    /// `X-Request-Id`, given or made.
    pub request_id: Arc<str>,
    /// Where in a trace it stands that somebody wants to see.
    pub within: Within,
    /// Instant of the request.
    pub now: Moment,
    /// Is only the head asked for?
    pub is_head: bool,
}

impl Asked<'_> {
    /// Parameters of a search, from URL and form.
    pub(crate) fn parameters(&self) -> Raw<'_> {
        let body = (!self.body.is_empty()).then_some(&*self.body);
        Raw { url: self.query, body, strict: self.is_strict() }
    }

    /// The parameters in the URL that an operation knows; others are ignored, or refused if the caller asked
    /// to be strict.
    pub(crate) fn parameters_of(&self, known: &[&str]) -> Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        for (name, value) in form_urlencoded::parse(self.query.unwrap_or_default().as_bytes()) {
            if known.contains(&&*name) {
                all.push((name.into_owned(), value.into_owned()));
            } else if name != "_format" && self.is_strict() {
                let say = "This parameter is not known here; see /fhir/metadata.";
                return Err(Error::new(Kind::NotSupported, say));
            }
        }
        Ok(all)
    }

    /// The language of ours that the caller wants most.
    pub(crate) fn language(&self) -> &'static str {
        let accepted = self.headers.get(header::ACCEPT_LANGUAGE);
        words::language(accepted.and_then(|value| value.to_str().ok()))
    }

    /// Is a parameter that is not known to be refused?
    pub(crate) fn is_strict(&self) -> bool {
        self.prefers("handling=strict")
    }

    /// Does the header `Prefer` say so?
    pub(crate) fn prefers(&self, what: &str) -> bool {
        let all = self.headers.get_all(PREFER).iter().filter_map(|v| v.to_str().ok());
        all.flat_map(|text| text.split([',', ';'])).any(|one| one.trim() == what)
    }

    /// The header `MyLife-Nodes`.
    pub(crate) fn nodes(&self) -> Option<&str> {
        self.headers.get(NODES).and_then(|v| v.to_str().ok())
    }

    /// The trace it belongs to.
    pub(crate) fn trace(&self) -> Trace {
        let sampled = self.within.trace().or_else(|| given_trace(self.headers));
        sampled.unwrap_or_else(|| Trace::of_request(&self.request_id))
    }

    /// What the audit record says of the request.
    pub(crate) fn request(&self, query: Option<&Query>, plan: &Plan) -> step::Request {
        let sources = plan.asked().iter().map(|party| party.node().as_str().into()).collect();
        step::Request { query: query.map(recorded), sources, ..self.request_alone() }
    }

    /// The same for a request that asks no source.
    pub(crate) fn request_alone(&self) -> step::Request {
        step::Request::alone(Arc::clone(&self.request_id), Arc::clone(&self.address))
    }
}

impl Answer for Gateway {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(self.respond(request))
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        let id = base32(&*self.chance, 16);
        respond::refusal(&Error::new(kind, say), None, None, &id)
    }
}

impl Gateway {
    /// One request, from its head to its answer.
    async fn respond(&self, incoming: Incoming) -> Response<Body> {
        let Incoming { parts, body, peer_certificate, peer_names, address } = incoming;
        let now = self.clock.now();
        let request_id = request_id(&parts.headers).unwrap_or_else(|| base32(&*self.chance, 16));
        let mut asked = Asked {
            headers: &parts.headers,
            method: &parts.method,
            query: parts.uri.query(),
            body: Bytes::new(),
            address,
            peer_certificate,
            peer_names,
            within: self.within(&parts.headers, &request_id),
            request_id: request_id.into(),
            now,
            is_head: parts.method == Method::HEAD,
        };
        let path = parts.uri.path();
        if let Some(answer) =
            self.origins.beforehand(&parts.method, path, &parts.headers, &asked.request_id)
        {
            return answer;
        }
        let serving = asked.within.serve();
        let is_proven = bearer::is_proven(&parts.headers);
        let mut grant = None;
        let recognised = route::recognise(&parts.method, path);
        let called = recognised.as_ref().map_or("none", Call::name);
        let answered = match recognised {
            Err(error) => Err(error),
            Ok(Call::Public(public, name)) => self.public(&asked, public, &name),
            Ok(Call::OAuth(endpoint)) => {
                Box::pin(self.authorization(&mut asked, body, endpoint, path)).await
            }
            Ok(call) => match self.admitted(&asked, path, call, is_proven).await {
                Err(error) => Err(error),
                Ok((granted, begun)) => {
                    let outcome = self.walk_timed(&mut asked, body, &granted, begun).await;
                    grant = Some(granted);
                    outcome
                }
            },
        };
        let road = grant.as_ref().map_or("none", |g| g.call().name());
        let response = match answered {
            Ok(response) => {
                tracing::debug!(road, status = response.status().as_u16(), request.id = %asked.request_id, trace.id = %asked.trace().id(), "answered");
                response
            }
            Err(error) => {
                let error = Box::pin(self.looked_up(path, error)).await;
                Box::pin(self.refused(&asked, grant.as_ref(), path, error)).await
            }
        };
        let response = accept::prettied(&asked, response);
        let response = if is_proven { self.proven_told(now, response) } else { response };
        let response = self.origins.shown(path, &parts.headers, response);
        serving.end_as(|_| told(&parts.method, called, response.status().as_u16()));
        response
    }

    /// Walks the way of a request that was let in at an instant; tells how long that took, and another
    /// gateway how old what is known here was.
    async fn walk_timed(
        &self,
        asked: &mut Asked<'_>,
        body: BodyReader,
        granted: &Grant,
        begun: Duration,
    ) -> Result<Response<Body>> {
        let age = self.age(granted, begun);
        let answering = asked.within.answer();
        let outcome = self.walk(asked, body, granted).await;
        self.inside.took(Stage::Answer, self.clock.elapsed().saturating_sub(begun));
        answering.end();
        outcome.map(|response| passed_on::aged(response, age))
    }

    /// Where in a trace a request stands, if somebody wants to see that.
    fn within(&self, headers: &HeaderMap, request_id: &str) -> Within {
        let begin = |of: &Arc<Collector>| of.spans.begin(given_trace(headers), request_id);
        self.collector.as_ref().map(begin).unwrap_or_default()
    }

    /// Who asks, and may they? With a proof of possession where the token demands one. Also says when
    /// that was known.
    async fn admitted(
        &self,
        asked: &Asked<'_>,
        path: &str,
        call: Call,
        is_proven: bool,
    ) -> Result<(Grant, Duration)> {
        let begun = self.clock.elapsed();
        let granted = if is_proven {
            Box::pin(self.grant_proven(asked, path, call)).await
        } else {
            self.grant(asked, call).await
        };
        let known = self.took(asked, Stage::Authenticate, begun);
        Ok((granted?, known))
    }

    /// What is asked of authorization, which reads every body.
    async fn authorization(
        &self,
        asked: &mut Asked<'_>,
        body: BodyReader,
        endpoint: Endpoint,
        path: &str,
    ) -> Result<Response<Body>> {
        asked.body = body.whole().await?;
        self.oauth(asked, endpoint, path).await
    }

    /// An address that is not served is refused whatever is held.
    async fn looked_up(&self, path: &str, error: Error) -> Error {
        if !mutant::on(Mutant::RefusesAfterLooking) {
            return error;
        }
        let Some(id) = path.split('/').nth(3) else { return error };
        let Some(local) = &self.reach.sources.local else { return error };
        let document = crate::domain::id::document_of(id);
        let place = local.place(document).await.ok().flatten();
        match local.load(place.as_deref().unwrap_or(document)).await {
            Ok(Some(_)) => Error::new(error.kind(), "This is not served of what is held here."),
            Ok(None) | Err(_) => error,
        }
    }

    /// The road of a call that has a grant.
    async fn walk(
        &self,
        asked: &mut Asked<'_>,
        body: BodyReader,
        grant: &Grant,
    ) -> Result<Response<Body>> {
        self.pace.request(grant.caller().client_id(), asked.now).await?;
        // What is looked at in a browser has forms of its own.
        if !grant.call().is_shown() {
            accept::acceptable(asked, matches!(grant.call(), Call::ExportFile(_)))?;
        }
        if *asked.method != Method::GET && *asked.method != Method::HEAD {
            asked.body = Box::pin(body.whole()).await?;
            // What is written has the instant at which all of it was there.
            asked.now = self.clock.now();
        }
        match grant.call() {
            Call::Read(..) => self.read(asked, grant).await,
            Call::Vread(kind, id, version) => {
                Box::pin(self.vread(asked, grant, *kind, id, version)).await
            }
            Call::HistoryInstance(..) | Call::HistoryType(_) => {
                Box::pin(self.history(asked, grant)).await
            }
            Call::Search(kind) if !kind.is_personal() => self.directory_search(asked, grant, *kind),
            Call::Search(_) | Call::Compartment(..) => {
                if *asked.method == Method::POST {
                    accept::content_type(asked.headers, &["application/x-www-form-urlencoded"])?;
                }
                self.search(asked, grant).await
            }
            // What is asked seldom has a box of its own: the future of every request has room for what
            // is in it.
            Call::Handles(_) => Box::pin(self.handles(asked, grant)).await,
            Call::Explain(_) => Box::pin(self.explain(asked, grant)).await,
            Call::Everything(id) => Box::pin(self.everything(asked, grant, id)).await,
            Call::Batch => Box::pin(self.batch(asked, grant)).await,
            Call::Validate(kind) => self.validate(asked, *kind),
            Call::CircleOfResponse(id) => Box::pin(self.circle_of_one(asked, grant, id)).await,
            Call::CircleOfPatient(id) => Box::pin(self.circle_of_latest(asked, grant, id)).await,
            Call::CollectivePlan(id) => Box::pin(self.collective_plan(asked, grant, id)).await,
            Call::Populate(form) => Box::pin(self.populate(asked, grant, form)).await,
            Call::Extract(id) => Box::pin(self.extract(asked, grant, id)).await,
            Call::ExtractGiven => self.extract_given(asked),
            Call::Evaluate(id) => Box::pin(self.evaluate_measure(asked, grant, id)).await,
            Call::Export(_) => Box::pin(self.export(asked, grant)).await,
            Call::ExportStatus(link) => Box::pin(self.export_status(asked, grant, link)).await,
            Call::ExportEnd(link) => Box::pin(self.export_end(asked, grant, link)).await,
            Call::ExportFile(link) => Box::pin(self.export_file(asked, grant, link)).await,
            Call::CreateResponse => Box::pin(self.take_answers(asked, grant)).await,
            Call::CreatePlanned(kind)
            | Call::UpdatePlanned(kind, _)
            | Call::UpdateMatching(kind)
            | Call::DeletePlanned(kind, _)
            | Call::DeleteMatching(kind) => Box::pin(self.write_planned(asked, grant, *kind)).await,
            Call::CreateConsent => Box::pin(self.create_consent(asked, grant)).await,
            Call::ImportConsent => Box::pin(self.import_consent(asked, grant)).await,
            Call::Receipt(id) => Box::pin(self.receipt(asked, grant, id)).await,
            Call::UpdateConsent(id) => Box::pin(self.update_consent(asked, grant, id)).await,
            Call::WriteConsent => Box::pin(self.write_consent(asked, grant)).await,
            Call::Push(kind, local) => Box::pin(self.push(asked, grant, *kind, local)).await,
            Call::PushSeveral(kind) => Box::pin(self.push_several(asked, grant, *kind)).await,
            Call::Subscribing(what) => Box::pin(self.subscribing(asked, grant, what)).await,
            Call::Public(..) | Call::OAuth(_) | Call::Notification(_) => Err(Error::not_found()),
        }
    }

    /// A refusal, recorded before it leaves. If it cannot be recorded the answer is 503.
    async fn refused(
        &self,
        asked: &Asked<'_>,
        grant: Option<&Grant>,
        path: &str,
        error: Error,
    ) -> Response<Body> {
        let shape = error.kind().shape();
        let is_refusal = matches!(shape.status, 401 | 403 | 404);
        if shape.status >= 500 {
            let trace = asked.trace().id();
            tracing::error!(reason = chain(&error), request.id = %asked.request_id, trace.id = trace, "failed");
        }
        self.inside.refused(shape.status);
        let recorded = if error.kind() == Kind::Throttled {
            // Nothing was decided about anybody, and a record of each would make a flood dearer.
            Ok(())
        } else {
            self.record_refused(asked, grant, is_refusal, &error).await
        };
        let error = match recorded {
            Ok(()) => error,
            Err(unrecorded) => {
                tracing::error!(reason = chain(&unrecorded), "a refusal could not be recorded");
                unrecorded
            }
        };
        let scope = needed(asked.method, path);
        respond::refusal(&error, Some(route::allow(path)), scope.as_deref(), &asked.request_id)
    }

    /// Writes a refusal down: of the person of whom it tells something, so that they find it, else of nobody.
    pub(super) async fn record_refused(
        &self,
        asked: &Asked<'_>,
        grant: Option<&Grant>,
        is_refusal: bool,
        error: &Error,
    ) -> Result<()> {
        let about = match (error.whose(), &self.reach.sources.local) {
            (Some(patient), Some(local)) => {
                let keys = local.store().audit_keys(vec![Arc::clone(patient)]).await?;
                keys.into_iter().next().map(|(patient, key)| AuditKey::new(patient, key))
            }
            (_, _) => None,
        };
        let code = error.kind().shape().code;
        let ended = if is_refusal { Outcome::Refused } else { Outcome::Failed };
        let refused = step::Refused { outcome: ended(code.into()), about: about.as_ref() };
        step::record_refusal(&self.log, grant, refused, &asked.request_alone(), asked.now).await
    }
}

/// The header that says how a request is to be taken.
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The header that says which gateways are to be asked.
const NODES: HeaderName = HeaderName::from_static("mylife-nodes");

/// The trace that whoever asks says it belongs to.
fn given_trace(headers: &HeaderMap) -> Option<Trace> {
    Trace::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
}

/// What the span of a request says of it: its road, and nothing of its address.
fn told(method: &Method, road: &'static str, status: u16) -> End {
    // Methods that nobody serves are whatever a caller writes.
    let known = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let method = known.into_iter().find(|known| method == known).unwrap_or("_OTHER");
    let facts = vec![
        ("http.request.method", Fact::Word(method)),
        ("http.route", Fact::Word(road)),
        ("http.response.status_code", Fact::Number(status)),
    ];
    End { name: road, failed: status >= 500, facts }
}

/// The query as the audit record may hold it.
fn recorded(query: &Query) -> record::Query {
    record::Query::of(query.understood.iter().map(|(n, v)| (n.as_str(), v.as_str())))
}

/// The scope that a call would have needed.
fn needed(method: &Method, path: &str) -> Option<String> {
    let call = route::recognise(method, path).ok()?;
    let (kind, interaction) = (call.resource()?, call.interaction()?);
    Some(smart::decide::needed(smart::Context::System, kind, interaction))
}

/// The caller's own id for the request, if it is one that can be logged.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(respond::REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=64).contains(&given.len())
        && given.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    fits.then(|| given.to_owned())
}

/// An error and its causes, for the log alone.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The node codes of a header, each once.
pub(crate) fn node_codes(header: &str) -> Option<Vec<NodeCode>> {
    let codes: Option<BTreeSet<_>> =
        header.split(',').map(|code| NodeCode::parse(code.trim())).collect();
    codes.map(|codes| codes.into_iter().collect())
}
