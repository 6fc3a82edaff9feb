//! The roads of the directory: what belongs to no person and is public to any authenticated caller.
//!
//! Organisations, professionals, services, places and questionnaires, made at start-up. Nothing of it
//! is released or recorded, as it says nothing of anybody. Source: FHIR R4 search.

use std::cmp::Ordering;

use http::Response;
use serde_json::{Value, json};

use crate::{
    bundle::include,
    domain::moment::Moment,
    error::{Error, Result},
    export::order::Order,
    fhir::{path, segment::RowValue, types::ResourceType},
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    query::{self, Filter, How, Query, Sort, order::Key, page::Cursor, param, shape::Shape},
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
        shape: &Shape,
    ) -> Result<Response<Body>> {
        let all = self.documents.directory.get(&kind).map_or(&[][..], Vec::as_slice);
        let found = all.iter().find(|value| id_of(value) == id).ok_or_else(Error::not_found)?;
        Ok(respond::directory(&shaped(kind, found, shape), &asked.request_id))
    }

    /// A search of the directory, in order of id or as asked.
    pub(crate) fn directory_search(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: ResourceType,
    ) -> Result<Response<Body>> {
        let terms = self.query_terms(grant, asked.now);
        let query = query::parse(grant, asked.parameters(), terms)?;
        let all = self.documents.directory.get(&kind).map_or(&[][..], Vec::as_slice);
        let mut matches: Vec<&Value> = all.iter().filter(|value| holds(value, &query)).collect();
        matches.sort_by(|a, b| {
            let keys = query.sort.iter().map(|by| {
                let ordering = key(kind, a, *by).cmp(&key(kind, b, *by));
                if by.descending { ordering.reverse() } else { ordering }
            });
            keys.fold(Ordering::Equal, Ordering::then).then_with(|| id_of(a).cmp(id_of(b)))
        });
        let after = query.cursor.as_ref().and_then(|cursor| cursor.after.as_ref());
        // Nothing of the directory goes while the gateway runs, so the last page's end is found.
        let last = after.and_then(|(_, id)| matches.iter().position(|v| id_of(v) == id.as_str()));
        let rest = matches.get(last.map_or(0, |last| last + 1)..).unwrap_or_default();
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
            "link": link,
        });
        let entry = |(kind, value): &(ResourceType, &Value), mode: &str, shape: &Shape| {
            json!({
                "fullUrl": format!("{}/{}/{}", self.base, kind.name(), id_of(value)),
                "resource": shaped(*kind, value, shape),
                "search": { "mode": mode },
            })
        };
        let page: Vec<(ResourceType, &Value)> = page.iter().map(|value| (kind, *value)).collect();
        let mut entries: Vec<Value> =
            page.iter().map(|one| entry(one, "match", &query.shape)).collect();
        let whole = matches!(query.shape, Shape::Elements(_));
        let of_included = if whole { &Shape::Whole } else { &query.shape };
        let included = include::of_directory(&query.includes, &page, &self.documents.directory)?;
        entries.extend(included.iter().map(|one| entry(one, "include", of_included)));
        if let Some(object) = bundle.as_object_mut() {
            if query.total {
                object.insert("total".to_owned(), json!(matches.len()));
            }
            if !entries.is_empty() {
                object.insert("entry".to_owned(), entries.into());
            }
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
        let shape = order.shape_of(kind);
        let mut lines = Vec::new();
        for value in all.iter().filter(is_meant) {
            serde_json::to_writer(&mut lines, &shaped(kind, value, &shape))
                .map_err(Error::internal)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

pub(super) fn id_of(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

/// A resource in the form that is wanted.
fn shaped(kind: ResourceType, value: &Value, shape: &Shape) -> Value {
    let cut = shape.cut(kind, value.to_string().as_bytes());
    cut.and_then(|cut| serde_json::from_slice(&cut).ok()).unwrap_or_else(|| value.clone())
}

fn key(kind: ResourceType, value: &Value, by: Sort) -> Key {
    let found = param::find(kind, by.param).map(|param| path::values(kind, param, value));
    Key::of(found.unwrap_or_default().into_iter(), by.descending)
}

/// Does a resource of the directory meet every filter?
fn holds(value: &Value, query: &Query) -> bool {
    query.filters.iter().all(|filter| meets(value, query.kind, filter))
}

fn meets(value: &Value, kind: ResourceType, filter: &Filter) -> bool {
    let Some(param) = param::find(kind, filter.param) else { return false };
    let implied = param::system(kind, filter.param);
    let values = path::values(kind, param, value).into_iter().map(|value| match value {
        RowValue::Token { system: None, code } => RowValue::Token { system: implied, code },
        other @ (RowValue::Token { .. }
        | RowValue::Date(..)
        | RowValue::Reference(..)
        | RowValue::Uri(_)
        | RowValue::Text(_)
        | RowValue::Computed(_)) => other,
    });
    let values: Vec<RowValue<&str>> = values.collect();
    let found = || values.iter().any(|value| filter.any.iter().any(|test| test.holds(value)));
    match filter.how {
        How::Any => found(),
        How::None => !found(),
        How::Missing(missing) => values.is_empty() == missing,
    }
}
