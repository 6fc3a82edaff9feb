//! What the roads of writes share: whose it is that is written, what its writer sees, what is told back.
//!
//! Part of the roads `consent`, `import`, `answered` and `planned`. A writer knows of what is here by what it may see
//! and by nothing else. Source: FHIR R4 http.html#create.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    audit::record::Interaction,
    commit,
    consent::{name::Name, profile, release, view::View},
    digest::hex,
    domain::{id::node_of, identity},
    error::{Error, Kind, Result},
    fhir::{schema::Fault, types::ResourceType},
    gateway::{Gateway, request::Asked},
    handle::{self, Route},
    listen::body::Body,
    mapping,
    mutant::{self, Mutant},
    query::{Person, Query, Raw},
    respond,
    route::Call,
    scope::{self, Grant},
    search,
    source::local::Local,
    store::IdentityMac,
};

/// Who is meant: an existing compartment, or the look-up value of an identity code.
pub(super) type Meant = (Option<Arc<str>>, Option<IdentityMac>);

impl Gateway {
    /// Who is meant by an element, whose place is named in the refusal.
    pub(super) async fn meant(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        named: &profile::Patient,
        place: &str,
    ) -> Result<Meant> {
        let unknown = || unknown(place);
        if let Some(reference) = &named.reference {
            let id = reference.strip_prefix("Patient/").ok_or_else(unknown)?;
            let ours = node_of(id).as_ref() == Some(&self.node);
            let held = if ours { local.load_now(id).await? } else { None };
            return held.map(|_| (Some(id.into()), None)).ok_or_else(unknown);
        }
        let identifier = named.identifier.as_ref().ok_or_else(unknown)?;
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

    /// How an element names the person; a Patient of another gateway has their data there.
    pub(super) fn named(&self, subject: &Value, place: &str) -> Result<profile::Patient> {
        let reference = subject.get("reference").and_then(Value::as_str);
        let own = format!("{}/", self.base);
        let reference = reference.map(|text| text.strip_prefix(&own).unwrap_or(text));
        if let Some(id) = reference.and_then(|text| text.strip_prefix("Patient/")) {
            let node = node_of(id).ok_or_else(|| unknown(place))?;
            if node != self.node {
                return Err(elsewhere(place));
            }
        } else if reference.is_some() {
            return Err(unknown(place));
        }
        let part = |name: &str| subject.pointer(&format!("/identifier/{name}"))?.as_str();
        let identifier = part("system").zip(part("value"));
        let identifier = identifier.map(|(system, value)| profile::Identifier {
            system: system.into(),
            value: value.into(),
        });
        if reference.is_some() && identifier.is_some() {
            let say = "Name the person in one way: by reference or by identifier.";
            return Err(Error::new(Kind::Unprocessable, say).at(place));
        }
        let name = Name::parse(&json!({ "reference": reference }));
        Ok(profile::Patient { reference: name.reference().cloned(), identifier })
    }

    /// Does the writer see the Patient?
    pub(super) async fn sees_person(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        patient: &str,
    ) -> Result<bool> {
        let read = Call::Read(ResourceType::Patient, patient.to_owned());
        let Ok(reader) = scope::grant(Arc::clone(grant.caller()), read) else { return Ok(false) };
        let seen = self.seen_now(asked, &reader, local, patient).await?;
        Ok(seen.is_some_and(|view| search::read(&view, ResourceType::Patient, patient).is_some()))
    }

    /// The Patient here who is meant, if there is one.
    pub(super) async fn resolved(
        &self,
        local: &Local,
        (patient, identity): Meant,
    ) -> Result<Option<Arc<str>>> {
        match (patient, identity) {
            (Some(patient), _) => Ok(Some(patient)),
            (None, Some(identity)) => local.find(identity).await,
            (None, None) => Ok(None),
        }
    }

    /// What the writer sees of a person now.
    pub(super) async fn seen_now(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        patient: &str,
    ) -> Result<Option<Arc<View>>> {
        let Some(held) = local.load_now(patient).await? else { return Ok(None) };
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        Ok(Some(release::release(mapped, grant, &self.terms, asked.now)))
    }

    /// Writes down that what was to be made is there, before its writer is told so.
    pub(super) async fn found_there(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        (view, name): (&View, &str),
    ) -> Result<()> {
        let request = asked.request_alone();
        let desk = self.desk(local, grant, &request, asked);
        commit::unchanged::record(&desk, view.audit_key(), (name, Interaction::Create)).await
    }

    /// What of a person the writer can see and is as the condition `If-None-Exist` says, and the view it
    /// was found in.
    pub(super) async fn seen_like(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        patient: &str,
        condition: &HeaderValue,
    ) -> Result<Option<(Arc<View>, Vec<Arc<str>>)>> {
        let condition = condition.to_str().unwrap_or_default();
        let query = self.condition(asked, grant, condition, "If-None-Exist")?;
        self.seen_matching(asked, grant, local, patient, &query).await
    }

    /// The condition of a write, which stands at a place.
    pub(super) fn condition(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        condition: &str,
        place: &str,
    ) -> Result<Query> {
        let raw = Raw { url: Some(condition), body: None, strict: true };
        let terms = self.query_terms(grant, asked.now);
        crate::query::condition(grant, raw, terms).map_err(|e| e.at(place.to_owned()))
    }

    /// What of a person the writer can see and is as a condition says, and the view it was found in. If the
    /// condition names somebody, it is of nobody else.
    pub(super) async fn seen_matching(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        patient: &str,
        query: &Query,
    ) -> Result<Option<(Arc<View>, Vec<Arc<str>>)>> {
        let is_about = match &query.person {
            None => true,
            Some(Person::Id(id)) => *id == *patient,
            Some(Person::Identifier(system, code)) => {
                let known = local.find(self.keys.identity_mac(code)).await?;
                *system == identity::SYSTEM && known.as_deref() == Some(patient)
            }
        };
        let seen = if is_about { self.seen_now(asked, grant, local, patient).await? } else { None };
        let Some(view) = seen else { return Ok(None) };
        let found = mutant::careless(Mutant::ConditionsSeeHidden, || search::find(&view, query))
            .into_hits();
        let found = found.iter().map(|hit| Arc::clone(&hit.resource.id)).collect();
        Ok(Some((view, found)))
    }

    /// Does the user have a role that may write for others?
    pub(super) fn is_officer(&self, grant: &Grant) -> bool {
        let known = &self.terms.law.officer_roles;
        grant.caller().roles().iter().any(|role| known.iter().any(|known| **known == **role))
    }

    /// A name for what its sender has said: the same for the same. As a sender's id it stands unsealed in
    /// the store, where it is looked up, so it is made with a key: what was said is not to be guessed
    /// from it.
    pub(super) fn made_name(&self, of: &'static str, said: &impl Serialize) -> Result<String> {
        let said = serde_json::to_vec(said).map_err(Error::internal)?;
        let name = hex(&self.keys.mac(of, &said));
        Ok(name.get(..32).unwrap_or(&name).to_owned())
    }

    /// The acknowledgement of a write, with where it is and what is said of it.
    pub(super) fn written(
        &self,
        asked: &Asked<'_>,
        created: bool,
        at: &str,
        say: &str,
    ) -> Response<Body> {
        let status = if created { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = respond::written(status, &respond::information(say), &asked.request_id);
        if asked.prefers("return=minimal") {
            response = response.map(Body::without_bytes);
        }
        let location = HeaderValue::from_str(&format!("{}/{at}", self.base)).ok();
        response.headers_mut().extend(location.map(|at| (header::LOCATION, at)));
        response
    }
}

/// The refusal of a person who is not here, or not for this writer.
pub(super) fn unknown(place: &str) -> Error {
    let say = "Name the person by a Patient held here, or by identity code.";
    Error::new(Kind::Unprocessable, say).at(place)
}

/// The refusal of what is kept at another gateway.
pub(super) fn elsewhere(place: &str) -> Error {
    let say = "Write it at the gateway that holds the person's data: its code stands at the start of \
               the Patient's id. Nothing is passed on.";
    Error::new(Kind::NotSupported, say).at(place)
}

/// Every fault of what was sent, in one refusal.
pub(super) fn faulty(faults: &[Fault]) -> Error {
    let said: Vec<String> =
        faults.iter().map(|fault| format!("{} {}", fault.expression, fault.say)).collect();
    let error = Error::new(Kind::Unprocessable, format!("{}.", said.join("; ")));
    faults.iter().fold(error, |error, fault| error.at(fault.expression.clone()))
}

/// Several that the writer can see are as the condition says.
pub(super) fn several(view: &View) -> Error {
    let say = "Several resources are as the condition says; say more of the one.";
    Error::new(Kind::PreconditionFailed, say).about(view.audit_key().0)
}
