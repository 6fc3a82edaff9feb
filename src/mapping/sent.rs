//! What every reader of a sent resource does: names a place, reads an identifier.
//!
//! Pure; part of the directions from FHIR to native.

use serde_json::Value;

use crate::{
    domain::{
        assessment::Identifier,
        identity::{self, mentions_identity_code},
        words::Plain,
    },
    json::text,
    mapping::text::DOCUMENT,
};

/// The place of a member.
pub(super) fn at(place: &str, name: &str) -> String {
    format!("{place}.{name}")
}

/// By what its sender knows it, if that can be kept; `tell` is told which member cannot, and why.
pub(super) fn identifier(one: &Value, mut tell: impl FnMut(&str, &str)) -> Option<Identifier> {
    let mut part = |name: &str| {
        let known = text(one, name).filter(|part| !mentions_identity_code(part));
        let known = known.and_then(Plain::parse);
        if known.is_none() {
            tell(name, "must be 1 to 200 visible ASCII characters, and no identity code");
        }
        known
    };
    let (system, value) = (part("system")?, part("value")?);
    if [DOCUMENT, identity::SYSTEM].contains(&system.as_str()) {
        tell("system", "must be of the sender's own naming; this one is not the sender's to give");
    }
    Some(Identifier { system, value })
}
