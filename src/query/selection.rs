//! What an export asks for of one type: a search that selects, and shapes nothing.
//!
//! Part of `query`. The parameters and values are those of a search; what would order, cut or widen an
//! answer is refused, as a file has all there is. Source: Bulk Data Access 2.0,
//! `export.html#_typefilter-query-parameter`.

use super::{Query, Raw, Terms, param, query};
use crate::{
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    scope::Grant,
};

/// Reads the search of a `_typeFilter`.
///
/// # Errors
/// As a search's that is strict; `NotSupported` for what shapes an answer.
pub fn selection(grant: &Grant, kind: ResourceType, text: &str, terms: Terms<'_>) -> Result<Query> {
    let names = form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name);
    let shapes =
        |name: &str| name.starts_with('_') && !param::COMMON.iter().any(|(n, _)| *n == name);
    if names.into_iter().any(|name| shapes(&name)) {
        let say = "A _typeFilter selects; leave out _include, _sort, _elements and the like.";
        return Err(Error::new(Kind::NotSupported, say).at("_typeFilter"));
    }
    let raw = Raw { url: Some(text), body: None, strict: true };
    query(grant, kind, None, raw, terms).map_err(|error| error.at("_typeFilter"))
}

/// The pairs of a URL's query, decoded strictly.
///
/// # Errors
/// `Invalid` for what is not well-formed, `TooCostly` for too many.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>> {
    super::pairs(text.as_bytes()).collect()
}
