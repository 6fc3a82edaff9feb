//! The roads by which a Consent is written: parse, check, commit, record, respond.
//!
//! A new one, by its writer's uuid or without; the next version of one that the writer can read; never
//! gone, only revoked. What replaces a consent, and a prohibition, are acknowledged when no answer decided
//! before them can still start. At a gateway without the data it goes to the nodes the person names, a
//! prohibition to every peer (`forward`). Sources: design 5; FHIR R4 http.html#create, #update, #cond-update.

use std::sync::Arc;

use http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use crate::{
    authenticate::jose::claims::SKEW,
    bundle,
    chance::base32,
    commit::{self, Known, Written},
    compartment::Recorded,
    consent::{
        name::URI,
        profile::{self, Accepted, Status, authority},
    },
    domain::{id::node_of, moment::Moment},
    error::{Error, Kind, Result},
    federation::{ask::WRITTEN, outbox::letter::rename_person},
    fhir::types::ResourceType,
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        passed_on,
        request::Asked,
        writing::several,
    },
    json,
    listen::body::Body,
    respond::condition::Versions,
    scope::Grant,
    search,
    source::{Held, local::Local},
    store::Document,
};

/// Where the person is named.
pub(super) const PATIENT: &str = "Consent.patient";

/// A Consent that follows the form, and the way it is named.
struct Draft<'a> {
    accepted: Accepted,
    body: Value,
    known: Known<'a>,
}

impl Gateway {
    /// `PUT /fhir/Consent?identifier=urn:ietf:rfc:3986|urn:uuid:...`.
    pub(crate) async fn write_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
    ) -> Result<Response<Body>> {
        let uuid = identifier(asked.query)?;
        let (accepted, body) = self.accepted(asked)?;
        if own_uuids(&accepted).all(|own| own != uuid) {
            let say = "The Consent must carry the identifier that the address names.";
            return Err(Error::new(Kind::Unprocessable, say).at("Consent.identifier"));
        }
        let Some(local) = &self.reach.sources.local else {
            self.may_pass_on(grant)?;
            return self.forward_consent(asked, grant, &uuid, accepted.kind, body).await;
        };
        let known = Known::Uuid(&uuid);
        self.keep_consent(asked, grant, local, &Draft { accepted, body, known }).await
    }

    /// `POST /fhir/Consent`, with `If-None-Exist` only if there is none such that the writer can see.
    pub(crate) async fn create_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
    ) -> Result<Response<Body>> {
        let (accepted, body) = self.accepted(asked)?;
        let uuid = own_uuids(&accepted).next().map(str::to_owned);
        let Some(local) = &self.reach.sources.local else {
            self.may_pass_on(grant)?;
            let uuid = uuid.ok_or_else(|| {
                let say = "Give it an identifier urn:uuid:..., by which each node keeps it once.";
                Error::new(Kind::Unprocessable, say).at("Consent.identifier")
            })?;
            return self.forward_consent(asked, grant, &uuid, accepted.kind, body).await;
        };
        if let Some(condition) = asked.headers.get("if-none-exist") {
            let meant = self.meant(asked, grant, local, &accepted.patient, PATIENT).await?;
            let whose = self.resolved(local, meant).await?;
            let found = match &whose {
                Some(whose) => self.seen_like(asked, grant, local, whose, condition).await?,
                None => None,
            };
            if let (Some(patient), Some((view, ids))) = (whose, found) {
                let mut known = ids.into_iter().filter_map(|id| {
                    let version = view.consent_version(&id)?;
                    Some(Written { id, version, created: false, patient: Arc::clone(&patient) })
                });
                match (known.next(), known.next()) {
                    (Some(one), None) => {
                        let name = format!("{}/{}", ResourceType::Consent, one.id);
                        self.found_there(asked, grant, local, (&view, &name)).await?;
                        return Ok(self.acknowledged(asked, &one));
                    }
                    (Some(_), Some(_)) => return Err(several(&view)),
                    (None, _) => {}
                }
            }
        }
        let local_id = uuid.unwrap_or_else(|| format!("new:{}", base32(&*self.chance, 26)));
        let known = Known::New(&local_id);
        self.keep_consent(asked, grant, local, &Draft { accepted, body, known }).await
    }

    /// `PUT /fhir/Consent/{id}`: the next version of one that the writer has read.
    pub(crate) async fn update_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        let (accepted, body) = self.accepted(asked)?;
        if body.get("id").and_then(Value::as_str) != Some(id) {
            let say = "The id in the Consent and the id in the address must be the same.";
            return Err(Error::invalid(say).at("Consent.id"));
        }
        let here = node_of(id).as_ref() == Some(&self.node);
        let Some(local) = self.reach.sources.local.as_ref().filter(|_| here) else {
            let say =
                "Write it at the gateway that holds it: its code stands at the start of the id.";
            return Err(Error::new(Kind::NotSupported, say));
        };
        if !asked.headers.contains_key(header::IF_MATCH) {
            let say = "Name in If-Match the version that was read.";
            return Err(Error::new(Kind::PreconditionFailed, say));
        }
        // What the writer cannot see is not there, and nothing comes to be under an id of its choice.
        let place = local.place(id).await?.ok_or_else(Error::not_found)?;
        let view = self.seen_now(asked, grant, local, &place).await?;
        let seen = view.and_then(|view| search::read(&view, ResourceType::Consent, id));
        seen.ok_or_else(Error::not_found)?;
        let meant = self.meant(asked, grant, local, &accepted.patient, PATIENT).await?;
        let whose = self.resolved(local, meant).await?;
        if whose.as_deref() != Some(&*place) {
            let say = "A Consent stays that of its person; write another for another.";
            return Err(Error::new(Kind::Unprocessable, say).at("Consent.patient").about(&place));
        }
        let known = Known::Id(id);
        self.keep_consent(asked, grant, local, &Draft { accepted, body, known }).await
    }

    /// The Consent in the body, if it follows the form.
    fn accepted(&self, asked: &Asked<'_>) -> Result<(Accepted, Value)> {
        content_type(asked.headers, FHIR_JSON)?;
        let body = json::parse(&asked.body, &self.limits.document)?;
        profile::bounded(&body)?;
        self.fhir.demand(&body, Kind::Unprocessable)?;
        let accepted = profile::check(&body)?;
        profile::check_time(&body, asked.now)?;
        if !names_documents(&body) {
            let say =
                "Limit a consent to whole documents: name a QuestionnaireResponse or a CarePlan.";
            return Err(Error::new(Kind::Unprocessable, say).at("Consent.provision.data"));
        }
        Ok((accepted, body))
    }

    /// Nothing is known here of those whose consent is passed on, so a user who is no officer cannot be
    /// told from anybody else.
    pub(super) fn may_pass_on(&self, grant: &Grant) -> Result<()> {
        let caller = grant.caller();
        if caller.subject().is_none() || self.is_officer(grant) {
            return Ok(());
        }
        Err(authority::forbidden())
    }

    /// The Consent belongs here: to the gateway that holds the data.
    async fn keep_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        draft: &Draft<'_>,
    ) -> Result<Response<Body>> {
        let Draft { accepted, body, known } = draft;
        if accepted.recipients.iter().any(|who| who.is_unlisted(&self.terms.directory)) {
            let say =
                "Name an organisation by its OID, or one of this gateway's directory by reference.";
            return Err(Error::new(Kind::Unprocessable, say).at("Consent.provision.actor"));
        }
        let (patient, identity) =
            self.meant(asked, grant, local, &accepted.patient, PATIENT).await?;
        let whose = self.resolved(local, (patient.clone(), identity)).await?;
        self.may_keep(asked, grant, local, whose.as_deref(), (accepted, body)).await?;
        let own = whose.as_ref().map(|id| format!("Patient/{id}"));
        let provenance = self.provenance(asked, grant, own.as_deref())?;
        let kept = without_code(body, patient.as_deref());
        let versions = Versions::of(asked.headers, header::IF_MATCH);
        let read = match (&versions, &whose) {
            (Some(versions), Some(whose)) => {
                self.read_before(asked, grant, local, whose, versions).await?
            }
            (_, _) => None,
        };
        let is = |versions: &Versions, kept: &Document| {
            versions.name(&kept.version.to_string())
                || read.as_ref().is_some_and(|(id, v)| *id == kept.id && *v == kept.version)
        };
        let expects = |kept: Option<&Document>| {
            versions.as_ref().is_none_or(|versions| kept.is_some_and(|kept| is(versions, kept)))
        };
        let request = asked.request_alone();
        let desk = self.desk(local, grant, &request, asked);
        let is_grant = accepted.kind == profile::Kind::Grant;
        let consent = commit::Consent {
            known: *known,
            body: &kept,
            written: written_at(asked, grant),
            provenance,
            loosens: is_grant == (accepted.status == Status::Active),
        };
        let written = commit::consent(&desk, patient, identity, expects, &consent).await?;
        // What replaces an earlier version may take away a part of it.
        let takes = !written.created || accepted.status != Status::Active;
        if takes || !is_grant {
            let sees_to = passed_on::sees_to(asked, grant);
            self.nothing_earlier_starts(local, &written.patient, sees_to).await;
        }
        let acknowledged = self.acknowledged(asked, &written);
        let what = (ResourceType::Consent, &*written.id);
        Ok(self.shown_back(asked, grant, what, acknowledged).await)
    }

    /// May the writer write this Consent of this person?
    async fn may_keep(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        whose: Option<&str>,
        (accepted, body): (&Accepted, &Value),
    ) -> Result<()> {
        let caller = grant.caller();
        if caller.confined_to().is_some_and(|one| one.is_none() || one != whose) {
            return Err(authority::forbidden());
        }
        let held = match whose {
            Some(whose) => local.load_now(whose).await?,
            None => None,
        };
        let held = held.map(Held::into_compartment);
        let (subject, is_officer) = (caller.subject(), self.is_officer(grant));
        let writer = authority::Writer { subject, is_officer, now: asked.now };
        authority::check(&writer, accepted, body, held.as_deref())
    }

    /// The Consent that the writer read before, by the version it was read under, and that version's
    /// own number.
    async fn read_before(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        patient: &str,
        known: &Versions,
    ) -> Result<Option<(Arc<str>, u64)>> {
        let Some(view) = self.seen_now(asked, grant, local, patient).await? else {
            return Ok(None);
        };
        let seen = view.resources(ResourceType::Consent).iter().find_map(|resource| {
            let hit = search::read(&view, ResourceType::Consent, &resource.id)?;
            let answer = bundle::one(&hit, &self.node, &*self.sealer, self.clock.elapsed());
            known.name(answer.version()?.id()).then(|| Arc::clone(&resource.id))
        });
        Ok(seen.and_then(|id| Some((Arc::clone(&id), view.consent_version(&id)?))))
    }

    pub(super) fn acknowledged(&self, asked: &Asked<'_>, written: &Written) -> Response<Body> {
        let at = format!("Consent/{}", written.id);
        let say = "The consent is in force as written.";
        let mut response = self.written(asked, written.created, &at, say);
        let etag = format!("W/\"{}\"", written.version);
        let etag = HeaderValue::from_str(&etag).ok();
        response.headers_mut().extend(etag.map(|etag| (header::ETAG, etag)));
        response
    }
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
    if name == "identifier" && is_uuid(uuid) && given.next().is_none() {
        Ok(uuid.to_owned())
    } else {
        Err(wrong())
    }
}

/// The uuids a Consent carries.
fn own_uuids(accepted: &Accepted) -> impl Iterator<Item = &str> {
    let own = accepted.identifiers.iter().filter(|one| *one.system == *URI);
    own.map(|one| &*one.value).filter(|value| is_uuid(value))
}

/// Is it `urn:uuid:` and a uuid?
fn is_uuid(value: &str) -> bool {
    value
        .strip_prefix("urn:uuid:")
        .is_some_and(|u| u.len() == 36 && u.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
}

/// The Consent as it is kept: the person by reference, never by identity code.
pub(super) fn without_code(body: &Value, patient: Option<&str>) -> Value {
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

/// When a Consent was written: another gateway that passes it on says so. What it wrote earlier stays earlier
/// though its clock is ahead, by no more than a gateway's clock may be that is listened to.
fn written_at(asked: &Asked<'_>, grant: &Grant) -> Moment {
    let told = asked.headers.get(WRITTEN).filter(|_| grant.caller().node().is_some());
    let told = told.and_then(|value| Moment::parse(value.to_str().ok()?));
    told.map_or(asked.now, |told| told.min(asked.now.plus(SKEW)))
}
