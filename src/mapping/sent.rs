//! What every reader of a sent resource does: takes a member, names a place.
//!
//! Pure; part of the directions from FHIR to native.

use serde_json::Value;

/// The place of a member.
pub(super) fn at(place: &str, name: &str) -> String {
    format!("{place}.{name}")
}

/// A member that is a text.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// A member that is a list; none is an empty one.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
