//! What belongs to no person: the documents anybody may read, tokens, and the directory.
//!
//! The directory is public to any authenticated caller; the documents need no token. All of them are
//! made at start-up from the structs that the roads themselves obey, so they cannot disagree.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use http::Response;
use serde_json::{Value, json};

use crate::{
    audit::{
        record::{Caller, Interaction, Outcome},
        step::{self, Done},
    },
    directory::Directory,
    domain::{moment::Moment, questionnaire::Questionnaires},
    error::{Error, Result},
    fhir::types::ResourceType,
    gateway::{Gateway, capability, request::Asked},
    listen::body::Body,
    mapping::questionnaire,
    oauth::{metadata::Metadata, refused::Code, token},
    query::{self, Query, param},
    respond,
    route::Public,
    scope::Grant,
};

/// Documents that are the same for everybody.
pub struct Documents {
    capability: Value,
    smart: Value,
    server: Value,
    keys: Value,
    schemas: BTreeMap<&'static str, Value>,
    directory: BTreeMap<ResourceType, Vec<Value>>,
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
            schemas.insert(name, serde_json::from_str(text).map_err(Error::internal)?);
        }
        let mut by_type = BTreeMap::new();
        for kind in ResourceType::ALL.iter().filter(|kind| !kind.is_personal()) {
            let mut all = directory.resources(*kind);
            if *kind == ResourceType::Questionnaire {
                all = questionnaire::resources(&Questionnaires::load()?);
            }
            let stamped = all.into_iter().map(|value| capability::stamped(value, published));
            by_type.insert(*kind, stamped.collect());
        }
        Ok(Self {
            capability: capability::statement(base, &metadata.capability_security(), published),
            smart: metadata.smart_configuration(),
            server: metadata.authorization_server(),
            keys: metadata.jwks(),
            schemas,
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
        let json = "application/json";
        let (value, kind) = match document {
            Public::AuthorizationServer => (&self.documents.server, json),
            Public::Capability => {
                (&self.documents.capability, "application/fhir+json; charset=utf-8")
            }
            Public::Keys => (&self.documents.keys, json),
            Public::SmartConfiguration => (&self.documents.smart, json),
            Public::Schema => {
                let schema = self.documents.schemas.get(name).ok_or_else(Error::not_found)?;
                (schema, "application/schema+json")
            }
        };
        Ok(respond::public(value, kind, &asked.request_id))
    }

    /// The token endpoint.
    pub(crate) async fn token(&self, asked: &Asked<'_>) -> Response<Body> {
        let question = token::Asked {
            method: asked.method,
            query: asked.query,
            headers: asked.headers,
            body: &asked.body,
            certificate: asked.peer_certificate.as_ref(),
            // The listener writes it; what is no address is counted with all others that are none.
            address: asked.address.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let answered = self.tokens.answer(question, asked.now).await;
        if let Some(refused) = &answered.refused {
            tracing::info!(reason = %refused.why, client = answered.client.as_deref(), "no token");
        }
        if answered.refused.as_ref().is_some_and(|refused| refused.code == Code::Throttled) {
            // Nothing was decided about anybody, and a record of each would make a flood dearer.
            return answered.response.map(Body::free);
        }
        let refused = || Outcome::Refused("token-refused".into());
        let done = Done {
            caller: Caller {
                client: answered.client.as_deref().unwrap_or_default().into(),
                ..Caller::default()
            },
            purpose: None,
            interaction: Interaction::Operation,
            types: Vec::new(),
            outcome: answered.refused.map_or(Outcome::Success, |_| refused()),
        };
        let request = asked.request_alone();
        let recorded = step::record_done(&self.log, done, &request, asked.now).await;
        match recorded {
            Ok(()) => answered.response.map(Body::free),
            Err(error) => respond::refusal(&error, None, None, &asked.request_id),
        }
    }

    /// One resource of the directory.
    pub(crate) fn directory_read(
        &self,
        asked: &Asked<'_>,
        kind: ResourceType,
        id: &str,
    ) -> Result<Response<Body>> {
        let all = self.documents.directory.get(&kind).map_or(&[][..], Vec::as_slice);
        let found = all.iter().find(|value| value["id"] == id).ok_or_else(Error::not_found)?;
        Ok(respond::directory(found, &asked.request_id))
    }

    /// A search of the directory.
    pub(crate) fn directory_search(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: ResourceType,
    ) -> Result<Response<Body>> {
        let terms = self.query_terms(grant, asked.now);
        let query = query::parse(grant, asked.parameters(), terms)?;
        let all = self.documents.directory.get(&kind).map_or(&[][..], Vec::as_slice);
        let matches: Vec<&Value> = all.iter().filter(|value| holds(value, &query)).collect();
        let link = query.link(None);
        let mark = if link.is_empty() { "" } else { "?" };
        let entries: Vec<Value> = matches
            .iter()
            .take(query.count)
            .map(|value| {
                let id = value["id"].as_str().unwrap_or_default();
                json!({
                    "fullUrl": format!("{}/{}/{id}", self.base, kind.name()),
                    "resource": value,
                    "search": { "mode": "match" },
                })
            })
            .collect();
        let mut bundle = json!({
            "resourceType": "Bundle",
            "type": "searchset",
            "total": matches.len(),
            "link": [{ "relation": "self", "url": format!("{}/{}{mark}{link}", self.base, kind.name()) }],
        });
        if let (Some(object), false) = (bundle.as_object_mut(), entries.is_empty()) {
            object.insert("entry".to_owned(), entries.into());
        }
        Ok(respond::directory(&bundle, &asked.request_id))
    }
}

/// Does a resource of the directory meet every filter?
fn holds(value: &Value, query: &Query) -> bool {
    use crate::fhir::segment::RowValue;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let code = |code| RowValue::Token { system: None, code };
    query.filters.iter().all(|filter| {
        let rows: Vec<RowValue<&str>> = match filter.param {
            "_id" => text("id").map(code).into_iter().collect(),
            "status" => {
                let system = param::system(query.kind, "status");
                let token = |code| RowValue::Token { system, code };
                text("status").map(token).into_iter().collect()
            }
            "url" => text("url").map(RowValue::Uri).into_iter().collect(),
            "identifier" => value["identifier"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|i| {
                    let (system, code) = (i["system"].as_str(), i["value"].as_str()?);
                    Some(RowValue::Token { system, code })
                })
                .collect(),
            "_lastUpdated" => value
                .pointer("/meta/lastUpdated")
                .and_then(Value::as_str)
                .and_then(Moment::parse)
                .map(|at| RowValue::Date(at, at))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        };
        rows.iter().any(|row| filter.any.iter().any(|test| test.holds(row)))
    })
}
