//! The roads of writes: parse, validate, commit, record, respond.
//!
//! A native document is pushed by its owner system; a Consent is written in the strict form, by the
//! writer's uuid. What replaces a consent, and a prohibition, are acknowledged when no answer decided
//! before them can still start. At a gateway without the data the same call goes to the nodes the
//! person names, a prohibition to every peer (`forward`). Source: design 5.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    audit::step::{Author, GOOD_FOR},
    bundle,
    commit::{self, Desk, Written},
    compartment::Recorded,
    consent::{
        profile::{self, Accepted, Status},
        release,
    },
    domain::{id::node_of, identity, moment::Moment},
    error::{Error, Kind, Result},
    federation::{ask::WRITTEN, outbox::letter::rename_person},
    fhir::types::ResourceType,
    gateway::{
        Gateway,
        request::{Asked, content_type},
    },
    handle::{self, Route},
    json,
    listen::body::Body,
    mapping,
    native::{self, NativeKind, Rules},
    respond::{self, condition::Versions},
    scope::Grant,
    search,
    source::local::Local,
    store::{Document, IdentityMac},
};

const JSON: &[&str] = &["application/json", "application/fhir+json", "text/json"];

impl Gateway {
    /// `PUT /native/{kind}/{id}`.
    pub(crate) async fn push(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: NativeKind,
        local: &str,
    ) -> Result<Response<Body>> {
        content_type(asked.headers, JSON)?;
        let source = self.own()?;
        let rules = Rules {
            schemas: &self.schemas,
            now: asked.now,
            test_range: self.limits.test_range,
            limits: self.limits.document,
        };
        let document = native::validate(&asked.body, &rules).map_err(|faults| refused(&faults))?;
        if document.typed().kind() != kind {
            let say = "Push this kind of document to its own address.";
            return Err(Error::new(Kind::Unprocessable, say).at("$.schema"));
        }
        if document.typed().id().as_str() != local {
            let say = "The id in the document and the id in the address must be the same.";
            return Err(Error::new(Kind::Unprocessable, say).at("$.id"));
        }
        let request = asked.request_alone();
        let desk = self.desk(source, grant, &request, asked);
        let written = commit::native(&desk, &document).await?;
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let body =
            json!({ "id": &*written.id, "version": written.version, "patient": &*written.patient });
        Ok(respond::written(status, &body, &asked.request_id))
    }

    /// `PUT /fhir/Consent?identifier=urn:ietf:rfc:3986|urn:uuid:...`.
    pub(crate) async fn write_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
    ) -> Result<Response<Body>> {
        content_type(asked.headers, JSON)?;
        let uuid = identifier(asked.query)?;
        let body = json::parse(&asked.body, &self.limits.document)?;
        if let Some(fault) = self.fhir.faults(&body).into_iter().next() {
            return Err(Error::new(Kind::Unprocessable, fault.say).at(fault.expression));
        }
        let accepted = profile::check(&body)?;
        if !names_documents(&body) {
            let say =
                "Limit a consent to whole documents: name a QuestionnaireResponse or a CarePlan.";
            return Err(Error::new(Kind::Unprocessable, say).at("Consent.provision.data"));
        }
        let named = accepted.identifiers.iter();
        if !named.clone().any(|i| *i.system == *crate::consent::name::URI && *i.value == *uuid) {
            let say = "The Consent must carry the identifier that the address names.";
            return Err(Error::new(Kind::Unprocessable, say).at("Consent.identifier"));
        }
        match &self.reach.sources.local {
            Some(local) => self.keep_consent(asked, grant, local, &uuid, &accepted, &body).await,
            None => self.forward_consent(asked, grant, &uuid, accepted.kind, body).await,
        }
    }

    /// The Consent belongs here: to the gateway that holds the data.
    async fn keep_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        uuid: &str,
        accepted: &Accepted,
        body: &Value,
    ) -> Result<Response<Body>> {
        let (patient, identity) = self.patient(asked, grant, local, accepted).await?;
        let kept = without_code(body, patient.as_deref());
        let known = Versions::of(asked.headers, header::IF_MATCH);
        let read = match &known {
            Some(known) => {
                let whose = match (&patient, identity) {
                    (Some(id), _) => Some(Arc::clone(id)),
                    (None, Some(identity)) => local.find(identity).await?,
                    (None, None) => None,
                };
                self.read_before(asked, grant, local, whose, known).await?
            }
            None => None,
        };
        let is = |known: &Versions, kept: &Document| {
            known.name(&kept.version.to_string())
                || read.as_ref().is_some_and(|(id, v)| *id == kept.id && *v == kept.version)
        };
        let expects = |kept: Option<&Document>| {
            known.as_ref().is_none_or(|known| kept.is_some_and(|kept| is(known, kept)))
        };
        let request = asked.request_alone();
        let desk = self.desk(local, grant, &request, asked);
        let is_grant = accepted.kind == profile::Kind::Grant;
        let consent = commit::Consent {
            uuid,
            body: &kept,
            written: written_at(asked, grant),
            loosens: is_grant == (accepted.status == Status::Active),
        };
        let written = commit::consent(&desk, patient, identity, expects, &consent).await?;
        // What replaces an earlier version may take away a part of it.
        let takes = !written.created || accepted.status != Status::Active;
        if takes || !is_grant {
            // Nothing that was decided before may start after the acknowledgement. What is under way
            // in other processes is not counted here, so there its time must pass.
            if local.store().is_shared() {
                tokio::time::sleep(GOOD_FOR).await;
            } else {
                self.flights.landed(GOOD_FOR).await;
            }
        }
        Ok(self.acknowledged(asked, &written))
    }

    /// The Consent that the writer read before, by the version it was read under, and that version's
    /// own number.
    async fn read_before(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        patient: Option<Arc<str>>,
        known: &Versions,
    ) -> Result<Option<(Arc<str>, u64)>> {
        let Some(patient) = patient else { return Ok(None) };
        let Some(held) = local.load_now(&patient).await? else { return Ok(None) };
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let view = release::release(mapped, grant, &self.terms, asked.now);
        let seen = view.resources(ResourceType::Consent).iter().find_map(|resource| {
            let hit = search::read(&view, ResourceType::Consent, &resource.id)?;
            let answer = bundle::one(&hit, &self.node, &*self.sealer, self.clock.elapsed());
            known.name(answer.version()?.id()).then(|| Arc::clone(&resource.id))
        });
        Ok(seen.and_then(|id| Some((Arc::clone(&id), view.consent_version(&id)?))))
    }

    fn acknowledged(&self, asked: &Asked<'_>, written: &Written) -> Response<Body> {
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let outcome = respond::issues(&[(
            "information",
            "informational",
            "The consent is in force as written.".to_owned(),
            None,
        )]);
        let minimal = asked.prefers("return=minimal");
        let mut response = respond::written(status, &outcome, &asked.request_id);
        if minimal {
            response = response.map(Body::without_bytes);
        }
        let headers = response.headers_mut();
        let location = format!("{}/Consent/{}", self.base, written.id);
        let etag = format!("W/\"{}\"", written.version);
        headers.extend(HeaderValue::from_str(&location).ok().map(|v| (header::LOCATION, v)));
        headers.extend(HeaderValue::from_str(&etag).ok().map(|v| (header::ETAG, v)));
        response
    }

    /// Whose consent it is: an existing compartment, or the look-up value of an identity code.
    async fn patient(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        accepted: &Accepted,
    ) -> Result<(Option<Arc<str>>, Option<IdentityMac>)> {
        let unknown = || {
            Error::new(
                Kind::Unprocessable,
                "Name the person by a Patient held here, or by identity code.",
            )
            .at("Consent.patient")
        };
        if let Some(reference) = &accepted.patient.reference {
            let id = reference.strip_prefix("Patient/").ok_or_else(unknown)?;
            let ours = node_of(id).as_ref() == Some(&self.node);
            let held = if ours { local.load_now(id).await? } else { None };
            return held.map(|_| (Some(id.into()), None)).ok_or_else(unknown);
        }
        let identifier = accepted.patient.identifier.as_ref().ok_or_else(unknown)?;
        let code = if &*identifier.system == handle::SYSTEM {
            let from = grant.caller().node().ok_or_else(unknown)?;
            let route = Route { from: from.as_str(), to: self.node.as_str() };
            self.handle.open(&identifier.value, route, asked.now)?
        } else if &*identifier.system == identity::SYSTEM {
            identifier.value.to_string().into()
        } else {
            return Err(unknown());
        };
        Ok((None, Some(self.keys.identity_mac(&code))))
    }

    fn desk<'a>(
        &'a self,
        local: &'a Local,
        grant: &'a Grant,
        request: &'a crate::audit::step::Request,
        asked: &Asked<'_>,
    ) -> Desk<'a> {
        Desk {
            node: &self.node,
            local,
            directory: &self.terms.directory,
            keys: &self.keys,
            chance: &*self.chance,
            log: &self.log,
            author: Author::Granted(grant),
            request,
            now: asked.now,
        }
    }

    fn own(&self) -> Result<&Local> {
        self.reach
            .sources
            .local
            .as_deref()
            .ok_or_else(|| Error::new(Kind::NotSupported, "This gateway holds no data of its own."))
    }
}

/// Every fault of a document, in one refusal.
fn refused(faults: &[native::Fault]) -> Error {
    let kind = faults.first().map_or(Kind::Unprocessable, |fault| fault.kind);
    let said: Vec<String> = faults.iter().map(|fault| fault.say.clone()).collect();
    let error = Error::new(kind, said.join("; "));
    faults.iter().fold(error, |error, fault| error.at(fault.path.clone()))
}

/// The writer's uuid of `identifier=urn:ietf:rfc:3986|urn:uuid:...`.
fn identifier(query: Option<&str>) -> Result<String> {
    let wrong = || {
        Error::invalid(
            "Write a Consent by PUT /fhir/Consent?identifier=urn:ietf:rfc:3986|urn:uuid:...",
        )
        .at("identifier")
    };
    let mut given = form_urlencoded::parse(query.unwrap_or("").as_bytes());
    let (name, value) = given.next().ok_or_else(wrong)?;
    let uuid = value.strip_prefix("urn:ietf:rfc:3986|").ok_or_else(wrong)?;
    let is_uuid = uuid
        .strip_prefix("urn:uuid:")
        .is_some_and(|u| u.len() == 36 && u.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
    if name == "identifier" && is_uuid && given.next().is_none() {
        Ok(uuid.to_owned())
    } else {
        Err(wrong())
    }
}

/// The Consent as it is kept: the person by reference, never by identity code.
fn without_code(body: &Value, patient: Option<&str>) -> Value {
    let mut kept = body.clone();
    if let Some(object) = kept.as_object_mut() {
        object.remove("id");
        object.remove("meta");
        if let Some(id) = patient {
            let person = json!({ "reference": format!("Patient/{id}") });
            rename_person(object, &person);
            object.insert("patient".to_owned(), person);
        } else {
            rename_person(object, &Recorded::the_person());
            object.remove("patient");
        }
    }
    kept
}

/// Instances are told apart by document, so a rule may name nothing smaller.
fn names_documents(consent: &Value) -> bool {
    let is_document = |one: &Value| {
        let to = one.pointer("/reference/reference").and_then(Value::as_str).unwrap_or_default();
        to.starts_with("QuestionnaireResponse/") || to.starts_with("CarePlan/")
    };
    match consent {
        Value::Object(members) => members.iter().all(|(name, value)| match value.as_array() {
            Some(named) if name == "data" => named.iter().all(is_document),
            Some(_) | None => names_documents(value),
        }),
        Value::Array(all) => all.iter().all(names_documents),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// When a Consent was written: another gateway that passes it on says so.
fn written_at(asked: &Asked<'_>, grant: &Grant) -> Moment {
    let told = asked.headers.get(WRITTEN).filter(|_| grant.caller().node().is_some());
    let told = told.and_then(|value| Moment::parse(value.to_str().ok()?));
    told.map_or(asked.now, |told| told.min(asked.now))
}
