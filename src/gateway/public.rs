//! What needs no token: the documents anybody may read, and the endpoints that give, end and explain
//! tokens.
//!
//! Documents, and the directory with them, are made at start-up from the structs that the roads
//! themselves obey, so they cannot disagree.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use http::{HeaderMap, Response};
use serde_json::Value;

use crate::{
    audit::{
        record::{Caller, Interaction, Outcome, Query},
        step::{self, Done, Request},
    },
    directory::Directory,
    domain::{moment::Moment, questionnaire::Questionnaires},
    error::{Error, Result},
    fhir::{guide, types::ResourceType},
    gateway::{
        Gateway, accept, capability, directory::id_of, forward::spoken_for, openapi, request::Asked,
    },
    listen::body::Body,
    mapping::questionnaire,
    oauth::{
        metadata::Metadata,
        refused::Code,
        token::{self, Answered},
    },
    respond::{self, packed::Document},
    route::{Endpoint, Public},
};

/// Documents that are the same for everybody.
pub struct Documents {
    capability: Document,
    openapi: Document,
    smart: Document,
    server: Document,
    keys: Document,
    resource: Document,
    /// Where people log in.
    openid: Option<Document>,
    schemas: BTreeMap<&'static str, Document>,
    /// By `{type}/{id}`.
    guide: BTreeMap<String, Document>,
    /// By the id of their profile.
    examples: BTreeMap<String, Document>,
    /// The forms of the survey.
    pub(super) forms: Questionnaires,
    /// In order of id.
    pub(super) directory: BTreeMap<ResourceType, Vec<Value>>,
}

impl Documents {
    /// Makes all of them.
    ///
    /// # Errors
    /// `Internal` if a built-in document cannot be read.
    pub fn new(
        base: &str,
        metadata: &Metadata,
        directory: &Directory,
        published: Moment,
    ) -> Result<Self> {
        let mut schemas = BTreeMap::new();
        for (name, text) in crate::native::schemas::FILES {
            let schema: Value = serde_json::from_str(text).map_err(Error::internal)?;
            schemas.insert(name, Document::new(&schema));
        }
        let mut guide = BTreeMap::new();
        for resource in guide::resources()? {
            let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
            guide.insert(format!("{kind}/{}", id_of(&resource)), Document::new(&resource));
        }
        let mut examples = BTreeMap::new();
        for example in guide::examples()? {
            let profile = example.pointer("/meta/profile/0").and_then(Value::as_str);
            let id = profile.and_then(|url| url.rsplit('/').next()).unwrap_or_default();
            examples.insert(id.to_owned(), Document::new(&example));
        }
        let forms = Questionnaires::load()?;
        let mut by_type = BTreeMap::new();
        for kind in ResourceType::ALL.iter().filter(|kind| !kind.is_personal()) {
            let mut all = directory.resources(*kind);
            if *kind == ResourceType::Questionnaire {
                all = questionnaire::resources(&forms);
            }
            let stamped = all.into_iter().map(|value| capability::stamped(value, published));
            let mut all: Vec<Value> = stamped.collect();
            all.sort_by(|a, b| id_of(a).cmp(id_of(b)));
            by_type.insert(*kind, all);
        }
        let security = metadata.capability_security();
        Ok(Self {
            capability: Document::new(&capability::statement(base, &security, published)),
            openapi: Document::new(&openapi::document(base, &metadata.grants())),
            smart: Document::new(&metadata.smart_configuration()),
            server: Document::new(&metadata.authorization_server()),
            keys: Document::new(&metadata.jwks()),
            resource: Document::new(&metadata.protected_resource()),
            openid: metadata.openid_configuration().as_ref().map(Document::new),
            schemas,
            guide,
            examples,
            forms,
            directory: by_type,
        })
    }
}

impl Gateway {
    /// A document that needs no token.
    pub(crate) fn public(
        &self,
        asked: &Asked<'_>,
        document: Public,
        name: &str,
    ) -> Result<Response<Body>> {
        // Documents that are no FHIR are JSON, whatever is asked for.
        if document == Public::Capability {
            accept::acceptable(asked, false)?;
        }
        let json = "application/json";
        let (value, kind) = match document {
            Public::AuthorizationServer => (&self.documents.server, json),
            Public::Capability => {
                (&self.documents.capability, "application/fhir+json; charset=utf-8")
            }
            Public::Guide => {
                let resource = self.documents.guide.get(name).ok_or_else(Error::not_found)?;
                (resource, "application/fhir+json; charset=utf-8")
            }
            Public::Example => {
                let id = name.strip_suffix(".json").unwrap_or(name);
                let example = self.documents.examples.get(id).ok_or_else(Error::not_found)?;
                (example, "application/fhir+json; charset=utf-8")
            }
            Public::OpenApi => (&self.documents.openapi, json),
            Public::Keys => (&self.documents.keys, json),
            Public::OpenIdConfiguration => {
                let document = self.documents.openid.as_ref();
                (document.ok_or_else(Error::not_found)?, json)
            }
            Public::ProtectedResource => (&self.documents.resource, json),
            Public::SmartConfiguration => (&self.documents.smart, json),
            Public::Schema => {
                // By the name of the file, or of the document: `native/plan.json`.
                let name = name.strip_prefix("native/").unwrap_or(name);
                let file = match name.strip_suffix(".json") {
                    Some(of) if !name.ends_with(".schema.json") => format!("{of}.schema.json"),
                    Some(_) | None => name.to_owned(),
                };
                let schema = self.documents.schemas.get(&*file).ok_or_else(Error::not_found)?;
                (schema, "application/schema+json")
            }
        };
        // What is to be read by people is not packed.
        let none = HeaderMap::new();
        let headers = if asked.is_pretty() { &none } else { asked.headers };
        Ok(respond::public(value, kind, headers, &asked.request_id))
    }

    /// The endpoints of authorization.
    ///
    /// # Errors
    /// `Unavailable` if it is not known what other processes revoked.
    pub(crate) async fn oauth(
        &self,
        asked: &Asked<'_>,
        endpoint: Endpoint,
        path: &str,
    ) -> Result<Response<Body>> {
        let question = token::Asked {
            method: asked.method,
            query: asked.query,
            headers: asked.headers,
            body: &asked.body,
            certificate: asked.peer_certificate.as_ref(),
            names: asked.peer_names.as_deref(),
            // The listener writes it; what is no address is counted with all others that are none.
            address: asked.address.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let answered = match endpoint {
            Endpoint::Authorize
            | Endpoint::Consent
            | Endpoint::Login
            | Endpoint::Permissions
            | Endpoint::Return => {
                return Ok(self.launch(asked, question, (endpoint, path)).await);
            }
            Endpoint::Token => {
                // Whether a launch was ended is asked of what was revoked, and that may be read late.
                self.authenticator.revoked().current(self.clock.elapsed())?;
                self.tokens.answer(question, asked.now).await
            }
            Endpoint::Revoke => self.tokens.revoke(question, asked.now).await,
            Endpoint::Introspect => {
                self.authenticator.revoked().current(self.clock.elapsed())?;
                self.tokens.introspect(question, asked.now).await
            }
            Endpoint::Launch => Box::pin(self.tokens.opens(question, asked.now)).await,
        };
        let (road, client) = (endpoint.name(), answered.client.as_deref());
        if let Some(refused) = &answered.refused {
            tracing::info!(reason = %refused.why, client, road, "refused");
        }
        if answered.refused.as_ref().is_some_and(|refused| refused.code == Code::Throttled) {
            // Nothing was decided about anybody, and a record of each would make a flood dearer.
            return Ok(answered.response.map(Body::free));
        }
        let (done, request) = told(&answered, endpoint, asked);
        let recorded = step::record_done(&self.log, done, &request, asked.now).await;
        Ok(match recorded {
            Ok(()) => answered.response.map(Body::free),
            Err(error) => respond::refusal(&error, None, None, &asked.request_id),
        })
    }
}

/// What the record of a request for a token, or about one, says.
fn told<'a>(answered: &'a Answered, endpoint: Endpoint, asked: &Asked<'_>) -> (Done<'a>, Request) {
    let jti = answered.token.as_deref().map(Into::into);
    let mut request = asked.request_alone();
    let (caller, purpose) = if let Some(exchanged) = &answered.exchanged {
        let statement = exchanged.errand.statement();
        request.sources = vec![exchanged.node.as_str().into()];
        request.query = Some(Query::of([("granted", &*exchanged.granted())]));
        (spoken_for(statement), statement.purpose.as_deref().map(Into::into))
    } else {
        let client = answered.client.as_deref().unwrap_or_default().into();
        let subject = answered.subject.as_deref().map(Into::into);
        (Caller { client, subject, ..Caller::default() }, None)
    };
    let done = Done {
        caller: Caller { jti, ..caller },
        purpose,
        interaction: Interaction::Operation,
        types: vec![endpoint.name().into()],
        outcome: answered
            .refused
            .as_ref()
            .map_or(Outcome::Success, |_| Outcome::Refused(refusal(endpoint).into())),
        about: None,
    };
    (done, request)
}

/// The stable code of a refusal at an endpoint.
const fn refusal(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Revoke => "revocation-refused",
        Endpoint::Introspect => "introspection-refused",
        Endpoint::Launch => "launch-refused",
        Endpoint::Authorize
        | Endpoint::Consent
        | Endpoint::Login
        | Endpoint::Permissions
        | Endpoint::Return
        | Endpoint::Token => "token-refused",
    }
}
