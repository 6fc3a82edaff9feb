//! The roads of the directory: what belongs to no person and is public to any authenticated caller.
//!
//! Organisations, professionals, services, places and questionnaires, made at start-up. Nothing of it
//! is released or recorded, as it says nothing of anybody. Source: FHIR R4 search.

use http::Response;
use serde_json::{Value, json};

use crate::{
    bundle::export::subset,
    domain::moment::Moment,
    error::{Error, Result},
    export::order::Order,
    fhir::{segment::RowValue, types::ResourceType},
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    query::{self, Query, page::Cursor, param},
    respond,
    scope::Grant,
};

impl Gateway {
    /// One resource of the directory.
    pub(crate) fn directory_read(
        &self,
        asked: &Asked<'_>,
        kind: ResourceType,
        id: &str,
    ) -> Result<Response<Body>> {
        let all = self.documents.directory.get(&kind).map_or(&[][..], Vec::as_slice);
        let found = all.iter().find(|value| id_of(value) == id).ok_or_else(Error::not_found)?;
        Ok(respond::directory(found, &asked.request_id))
    }

    /// A search of the directory, in order of id.
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
        let after = query.cursor.as_ref().and_then(|cursor| cursor.after.as_ref());
        let done = after.map_or(0, |(_, id)| matches.partition_point(|v| id_of(v) <= id.as_str()));
        let rest = matches.get(done..).unwrap_or_default();
        let page = rest.get(..query.count).unwrap_or(rest);
        let next = page.last().filter(|_| page.len() < rest.len()).and_then(|last| {
            let after = Some((0, id_of(last).to_owned()));
            let cursor = Cursor { source: 0, after, peer: None };
            cursor.seal(&query.binding, false, &*self.sealer, asked.now)
        });
        let mut link = vec![json!({ "relation": "self", "url": query.url(&self.base, None) })];
        if let Some(next) = next {
            link.push(json!({ "relation": "next", "url": query.url(&self.base, Some(&next)) }));
        }
        let mut bundle = json!({
            "resourceType": "Bundle",
            "type": "searchset",
            "total": matches.len(),
            "link": link,
        });
        let entry = |value: &&Value| {
            json!({
                "fullUrl": format!("{}/{}/{}", self.base, kind.name(), id_of(value)),
                "resource": value,
                "search": { "mode": "match" },
            })
        };
        if let (Some(object), false) = (bundle.as_object_mut(), page.is_empty()) {
            object.insert("entry".to_owned(), page.iter().map(entry).collect());
        }
        Ok(respond::directory(&bundle, &asked.request_id))
    }

    /// What an export has of a type of the directory, in order of id, a line each.
    pub(super) fn directory_lines(
        &self,
        kind: ResourceType,
        queries: &[Query],
        order: &Order,
    ) -> Result<Vec<u8>> {
        let all = self.documents.directory.get(&kind).map_or(&[][..], Vec::as_slice);
        let updated = |value: &Value| {
            let text = value.pointer("/meta/lastUpdated").and_then(Value::as_str);
            text.and_then(Moment::parse).unwrap_or(Moment::MIN)
        };
        let is_meant = |value: &&Value| {
            let at = updated(value);
            (queries.is_empty() || queries.iter().any(|query| holds(value, query)))
                && order.since.is_none_or(|since| at > since)
                && order.until.is_none_or(|until| at <= until)
        };
        let elements = order.elements_of(kind);
        let mut lines = Vec::new();
        for value in all.iter().filter(is_meant) {
            let whole = serde_json::to_vec(value).map_err(Error::internal)?;
            match &elements {
                None => lines.extend_from_slice(&whole),
                Some(elements) => {
                    let cut = subset(&whole, kind, elements)?;
                    serde_json::to_writer(&mut lines, &cut).map_err(Error::internal)?;
                }
            }
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

pub(super) fn id_of(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

/// Does a resource of the directory meet every filter?
fn holds(value: &Value, query: &Query) -> bool {
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
