//! A Provenance that comes with a Consent: how an officer came to write down what somebody said.
//!
//! Part of `profile`, read by the roads of writes. It comes in the header `X-Provenance`, without a
//! target: that is the version which is written. It is checked as a Consent is and kept beside it, as
//! much to be seen as the Consent, and no more. Source: FHIR R4 provenance.html, 5.1.7 (the header).

use serde_json::{Map, Value, json};

use super::{SKEW, broken, nothing_modified};
use crate::{
    consent::name::Name,
    domain::{identity, moment::Moment},
    error::{Error, Result},
    json::{list, text},
};

/// What of a Provenance is kept; the rest of its elements is refused.
const ELEMENTS: [&str; 11] = [
    "activity",
    "agent",
    "entity",
    "extension",
    "location",
    "occurredDateTime",
    "occurredPeriod",
    "policy",
    "reason",
    "recorded",
    "signature",
];

/// The Provenance as it may be kept. `writer` is the user who writes the Consent, who must stand in it
/// as an agent; none for a system by itself.
///
/// # Errors
/// `Unprocessable` with the rule that is broken and its place.
pub fn check(provenance: &Value, writer: Option<&str>, now: Moment) -> Result<Map<String, Value>> {
    let is_one = text(provenance, "resourceType") == Some("Provenance");
    let members = provenance.as_object().filter(|_| is_one);
    let members =
        members.ok_or_else(|| broken("Provenance", "Send one Provenance in X-Provenance."))?;
    nothing_modified(provenance, "Provenance")?;
    names_no_code(provenance, "Provenance")?;
    let mut kept = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "resourceType" | "id" | "meta" | "language" | "text" => {}
            "target" => {
                let say = "Leave target out: it is the Consent that is written.";
                return Err(broken("Provenance.target", say));
            }
            known if ELEMENTS.contains(&known) => {
                kept.insert(name.clone(), value.clone());
            }
            other => {
                let say = "Leave this element out: it is none that is kept of a Provenance.";
                return Err(broken(&format!("Provenance.{other}"), say));
            }
        }
    }
    let recorded = text(provenance, "recorded").and_then(Moment::parse);
    if recorded.is_none_or(|recorded| recorded > now.plus(SKEW)) {
        let say = "recorded is when it was written down: an instant with a zone, not ahead.";
        return Err(broken("Provenance.recorded", say));
    }
    let is_writer = |agent: &Value| {
        let who = agent.get("who").map(Name::parse).unwrap_or_default();
        writer.is_none_or(|writer| who.equals(writer))
    };
    if !list(provenance, "agent").iter().any(is_writer) {
        let say = "Name as an agent, by reference, the user who writes the Consent.";
        return Err(broken("Provenance.agent.who", say));
    }
    Ok(kept)
}

/// The same with a target, for the check of its form.
pub fn targeted(provenance: &Value) -> Value {
    let mut whole = provenance.clone();
    if let Some(members) = whole.as_object_mut() {
        let target = json!([{ "reference": "Consent/the-one-that-is-written" }]);
        members.entry("target").or_insert(target);
    }
    whole
}

/// What an officer lacks who writes a Consent without saying how it came to be.
pub fn missing() -> Error {
    let say = "Who writes down a consent for another says how it came to be: send a Provenance in \
               X-Provenance.";
    broken("Provenance", say)
}

/// A person is named by reference here: an identity code would stay in the clear.
fn names_no_code(value: &Value, place: &str) -> Result<()> {
    match value {
        Value::Object(members) => {
            if text(value, "system") == Some(identity::SYSTEM) {
                return Err(broken(place, "Name people by reference, never by identity code."));
            }
            members.iter().try_for_each(|(key, one)| names_no_code(one, &format!("{place}.{key}")))
        }
        Value::Array(all) => all
            .iter()
            .enumerate()
            .try_for_each(|(at, one)| names_no_code(one, &format!("{place}[{at}]"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
