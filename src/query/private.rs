//! Values that tell who somebody is: they come in bodies, and stand sealed in links.
//!
//! Part of the step `query`. Names, birth dates and addresses of people are searched like anything else
//! that is released, but no URL of ours holds one. Source: FHIR R4 http.html#security.

use std::borrow::Cow;

use super::{Terms, param};
use crate::{
    error::{Error, Result},
    fhir::types::ResourceType,
};

/// System of values that are sealed for links.
pub const SEALED: &str = "https://mylife.example/fhir/sid/sealed";

/// A value as it was meant, if it may stand where it does.
///
/// # Errors
/// `Invalid` for the value of a private parameter in a URL.
pub(super) fn plain<'a>(
    kind: ResourceType,
    name: &'static str,
    value: &'a str,
    in_url: bool,
    terms: Terms<'_>,
) -> Result<Cow<'a, str>> {
    if !param::is_private(kind, name) {
        return Ok(value.into());
    }
    if value.starts_with(SEALED) {
        return opened(value, terms).map(Cow::Owned).map_err(|e| e.at(name));
    }
    if in_url {
        let say = "What tells who somebody is must not stand in a URL; use POST _search.";
        return Err(Error::invalid(say).at(name));
    }
    Ok(value.into())
}

/// A value as a link holds it.
pub(super) fn sealed(value: &str, terms: Terms<'_>) -> String {
    if value.starts_with(SEALED) {
        return value.to_owned();
    }
    format!("{SEALED}|{}", terms.sealer.seal_link(value))
}

/// A private value as peers are told it, in a body.
pub(super) fn opened(value: &str, terms: Terms<'_>) -> Result<String> {
    match value.strip_prefix(SEALED).and_then(|text| text.strip_prefix('|')) {
        None => Ok(value.to_owned()),
        Some(sealed) => terms
            .sealer
            .open_link(sealed)
            .ok_or_else(|| Error::invalid("This value was not sealed by this gateway.")),
    }
}
