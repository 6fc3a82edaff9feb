//! The roads of subscriptions: a client asks to be told of changes, looks how that stands, ends it.
//!
//! What a client asks for is kept whoever it is about, so nothing here tells whether somebody is held. A
//! subscription of another client is as absent as one that never was. What is told is the road of `notify`.
//! Sources: FHIR R4 subscription.html; Subscriptions R5 Backport 1.1.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    audit,
    authenticate::standing::Standing,
    bundle::{
        Answer,
        notification::{self, Content, Event, Of, Why},
        said,
    },
    domain::moment::Moment,
    error::{Error, Kind, Result},
    fhir::version::Version,
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
        writing::faulty,
    },
    json,
    listen::body::Body,
    mutant::{self, Mutant},
    notify::{
        record::{Broken, Record, Turn, status},
        wanted::Wanted,
    },
    respond::{self, condition::Versions, flight::InFlight},
    route::{Call, Subscribing},
    scope::{self, Grant},
    store::{Subscription, subscription::State},
};

/// Most subscriptions of a client.
const MOST: usize = 1000;
/// A condition that is not served.
const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");
/// How often a write begins anew when a notification came first.
const AGAIN: usize = 5;

impl Gateway {
    /// What is done with subscriptions.
    pub(crate) async fn subscribing(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        what: &Subscribing,
    ) -> Result<Response<Body>> {
        match what {
            Subscribing::Create => self.subscribe(asked, grant).await,
            Subscribing::Update(id) => self.subscribe_anew(asked, grant, id).await,
            Subscribing::Read(id) => {
                let (row, record) = self.subscription(grant, id).await?;
                let value = record.resource(&row.id, row.state);
                self.versioned(asked, grant, &value, record.revision, record.revised).await
            }
            Subscribing::Search => self.subscriptions(asked, grant).await,
            Subscribing::Delete(id) => {
                let (row, _) = self.subscription(grant, id).await?;
                let value = respond::information("The subscription is ended.");
                // Written down before it is done.
                let told = self.own_told(asked, grant, &value).await?;
                self.tokens.store.end_subscription(&row.id).await?;
                Ok(told)
            }
            Subscribing::Status(id) => {
                let (row, record) = self.subscription(grant, id).await?;
                let none = (&[][..], Content::Empty);
                let before = (self.flights.take(), self.known_current()?);
                let of = (&row, &record, asked.now);
                self.said(asked, grant, of, (Why::Status, none), before).await
            }
            Subscribing::Events(id) => self.events(asked, grant, id).await,
        }
    }

    /// `POST /fhir/Subscription`.
    async fn subscribe(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        if asked.headers.contains_key(IF_NONE_EXIST) {
            let say = "Each POST makes a Subscription: leave If-None-Exist out, and search before.";
            return Err(Error::new(Kind::NotSupported, say));
        }
        let (wanted, standing) = self.wanted(asked, grant).await?;
        let state = if wanted.is_off { State::Off } else { State::Requested };
        let record = Record::new(wanted, standing, asked.now);
        let row = Subscription {
            id: self.node.mint(&*self.chance).into(),
            owner: grant.caller().client_id().into(),
            version: 0,
            state,
            due: asked.now,
            ready: false,
            touched: 0,
            looked: 0,
            body: Arc::default(),
        };
        let row = record.row(&row, first(state, asked.now))?;
        let about = Some(record.wanted.patients.clone());
        let (id, store) = (Arc::clone(&row.id), &self.tokens.store);
        if !store.put_subscription(row, about, MOST).await? {
            let say = format!("A client has {MOST} subscriptions at most: end some first.");
            return Err(Error::new(Kind::TooCostly, say));
        }
        let value = record.resource(&id, state);
        let mut response =
            self.versioned(asked, grant, &value, record.revision, record.revised).await?;
        *response.status_mut() = StatusCode::CREATED;
        let location = format!("{}/Subscription/{id}", self.base);
        let location = HeaderValue::from_str(&location).map_err(Error::internal)?;
        response.headers_mut().insert(header::LOCATION, location);
        Ok(response)
    }

    /// `PUT /fhir/Subscription/{id}`: something else, or the same again where it had failed.
    async fn subscribe_anew(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        let (wanted, standing) = self.wanted(asked, grant).await?;
        for _ in 0..AGAIN {
            let (row, mut record) = self.subscription(grant, id).await?;
            let condition = Versions::of(asked.headers, header::IF_MATCH);
            if condition.is_some_and(|known| !known.name(&record.revision.to_string())) {
                let say = "If-Match names another version: read the Subscription again.";
                return Err(Error::new(Kind::PreconditionFailed, say));
            }
            if record.wanted.topic != wanted.topic {
                record.seen.clear();
                record.telling.clear();
            }
            record.seen.retain(|patient, _| wanted.patients.contains(patient));
            record.telling.retain(|noted| wanted.patients.contains(&noted.patient));
            record.wanted.clone_from(&wanted);
            record.standing = standing.clone();
            (record.broken, record.tries) = (None, 0);
            record.revise(asked.now);
            let state = if wanted.is_off { State::Off } else { State::Requested };
            let next = record.row(&row, first(state, asked.now))?;
            let about = Some(wanted.patients.clone());
            if self.tokens.store.put_subscription(next, about, MOST).await? {
                let value = record.resource(id, state);
                return self.versioned(asked, grant, &value, record.revision, record.revised).await;
            }
        }
        let say = "Notifications of it are on their way: write it again in a moment.";
        Err(Error::new(Kind::Conflict, say))
    }

    /// What a client asks for, and who it is: nothing of what is held is looked at.
    async fn wanted(&self, asked: &Asked<'_>, grant: &Grant) -> Result<(Wanted, Standing)> {
        content_type(asked.headers, FHIR_JSON)?;
        self.own()?;
        let caller = grant.caller();
        let standing = Standing::of(caller).ok_or_else(|| {
            let say = "A subscription is a system's own and stands by itself: ask with a token of \
                       backend services, without a user, a declared ground or an emergency, at the \
                       gateway that holds the data.";
            Error::new(Kind::Unprocessable, say)
        })?;
        let body = json::parse(&asked.body, &self.limits.document)?;
        if body.get("resourceType").and_then(Value::as_str) != Some("Subscription") {
            let say = "The body is a Subscription.";
            return Err(Error::new(Kind::Unprocessable, say).at("Subscription.resourceType"));
        }
        let faults = self.fhir.faults(&body);
        if !faults.is_empty() {
            return Err(faulty(&faults));
        }
        let client = self.tokens.registry.client(caller.client_id());
        let places = client.map_or(&[][..], |client| &client.entry().notify.urls);
        let wanted = Wanted::read(&body, &self.base, places)?;
        // May they ask for that at all? A scope says so, whatever is held.
        scope::grant(Arc::clone(caller), Call::Notification(wanted.topic.focus()))?;
        if mutant::on(Mutant::SubscribesToHeldAlone) {
            for patient in &wanted.patients {
                self.own()?.load(patient).await?.ok_or_else(Error::not_found)?;
            }
        }
        Ok((wanted, standing))
    }

    /// A subscription of this client's.
    async fn subscription(&self, grant: &Grant, id: &str) -> Result<(Subscription, Record)> {
        let row = self.tokens.store.subscription(id).await?;
        let is_own = |row: &Subscription| {
            *row.owner == *grant.caller().client_id() || mutant::on(Mutant::SubscriptionIsAnybodys)
        };
        let row = row.filter(is_own).ok_or_else(Error::not_found)?;
        let record = Record::of(&row)?;
        Ok((row, record))
    }

    /// `GET /fhir/Subscription`: the client's own, by id, status, topic and place.
    async fn subscriptions(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        let url = asked.query.unwrap_or_default().as_bytes();
        let pairs = form_urlencoded::parse(url).chain(form_urlencoded::parse(&asked.body));
        let mut wanted: HashMap<String, Vec<String>> = HashMap::new();
        for (name, values) in pairs {
            match &*name {
                "_id" | "status" | "criteria" | "url" => {
                    let values = values.split(',').map(str::to_owned).collect();
                    wanted.insert(name.into_owned(), values);
                }
                "_format" | "_pretty" => {}
                _ if asked.is_strict() => {
                    let say = "Search by _id, status, criteria or url.";
                    return Err(Error::new(Kind::NotSupported, say));
                }
                _ => {}
            }
        }
        let is = |name: &str, value: &str| {
            wanted.get(name).is_none_or(|values| values.iter().any(|one| one == value))
        };
        let mut entries = Vec::new();
        for row in self.tokens.store.subscriptions_of(grant.caller().client_id()).await? {
            let record = Record::of(&row)?;
            let meets = is("_id", &row.id)
                && is("status", status(row.state))
                && is("criteria", &record.wanted.topic.canonical())
                && is("url", &record.wanted.endpoint);
            if meets {
                entries.push(json!({
                    "fullUrl": format!("{}/Subscription/{}", self.base, row.id),
                    "resource": record.resource(&row.id, row.state),
                    "search": { "mode": "match" },
                }));
            }
        }
        let mut bundle =
            json!({ "resourceType": "Bundle", "type": "searchset", "total": entries.len() });
        if let (Some(bundle), false) = (bundle.as_object_mut(), entries.is_empty()) {
            bundle.insert("entry".to_owned(), entries.into());
        }
        self.own_told(asked, grant, &bundle).await
    }

    /// `$events`: what was told, as far as the client may see it now.
    async fn events(&self, asked: &Asked<'_>, grant: &Grant, id: &str) -> Result<Response<Body>> {
        let (row, record) = self.subscription(grant, id).await?;
        let (mut since, mut until, mut content) = (1, u64::MAX, record.wanted.content);
        for (name, value) in form_urlencoded::parse(asked.query.unwrap_or_default().as_bytes()) {
            let bad = |say: &'static str| Error::invalid(say).at(name.to_string());
            let number = || value.parse().map_err(|_| bad("It is a whole number."));
            match &*name {
                "eventsSinceNumber" => since = number()?,
                "eventsUntilNumber" => until = number()?,
                "content" => {
                    let say = "It is empty, id-only or full-resource.";
                    content = Content::parse(&value).ok_or_else(|| bad(say))?;
                }
                _ => {
                    let say = "Ask by eventsSinceNumber, eventsUntilNumber, content.";
                    return Err(Error::invalid(say));
                }
            }
        }
        let call = Call::Notification(record.wanted.topic.focus());
        let reader = scope::grant(Arc::clone(grant.caller()), call)?;
        let before = (self.flights.take(), self.known_current()?);
        let noted: Vec<_> =
            record.sent().filter(|one| (since..=until).contains(&one.number)).cloned().collect();
        let events = self.happened(&noted, &record.wanted, &reader, asked.now).await?;
        let of = (&row, &record, asked.now);
        self.said(asked, &reader, of, (Why::Events, (&events, content)), before).await
    }

    /// What is said of a subscription, to whoever asks.
    async fn said(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        of: (&Subscription, &Record, Moment),
        (why, told): (Why, (&[Event], Content)),
        (in_flight, known_current): (InFlight, Duration),
    ) -> Result<Response<Body>> {
        let answer = self.notification(of, why, told, known_current)?;
        let request = asked.request_alone();
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }

    /// What is said of a subscription.
    pub(super) fn notification(
        &self,
        (row, record, now): (&Subscription, &Record, Moment),
        why: Why,
        told: (&[Event], Content),
        known_current: Duration,
    ) -> Result<Answer> {
        let of = Of {
            base: &self.base,
            node: &self.node,
            sealer: &*self.sealer,
            id: &row.id,
            topic: &record.wanted.topic.canonical(),
            status: status(row.state),
            counted: if why == Why::Event { record.counted } else { record.counted_sent() },
            error: record.broken.map(Broken::say),
            now,
        };
        notification::notification(&of, why, told, known_current)
    }

    /// A subscription with its version.
    async fn versioned(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        value: &Value,
        revision: u64,
        revised: Moment,
    ) -> Result<Response<Body>> {
        let mut response = self.own_told(asked, grant, value).await?;
        if let Some(Version { etag, modified }) = Version::new(&revision.to_string(), revised) {
            let headers = response.headers_mut();
            headers.insert(header::ETAG, etag);
            headers.insert(header::LAST_MODIFIED, modified);
        }
        Ok(response)
    }

    /// Something that is nobody's but the client's own, recorded like everything that leaves.
    async fn own_told(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        value: &Value,
    ) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let answer = said::of_nobody(value, self.clock.elapsed());
        let request = asked.request_alone();
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }
}

/// The turn of what was just written.
const fn first(state: State, now: Moment) -> Turn {
    match state {
        State::Requested | State::Active => Turn::Greets(now),
        State::Failed | State::Off => Turn::Ends(state),
    }
}
