//! What of a resource its writer does not see: it stays beside what is sent, and is as nothing to it.
//!
//! Pure; part of `planned`. What is there is compared with what the writer sees of it, so nothing here knows
//! why something is withheld. Source: `consent` 2.3 (NI-3: hidden fragments are preserved).

use serde_json::{Map, Value, json};

use crate::mapping::kept::SERVERS;

/// What a reference to something hidden is for its writer: one to nothing.
pub(super) const NOTHING: &str = "urn:mylife:nothing";
/// Members that say nothing but what else there is; each shows where that does.
const LINKS: [&str; 7] =
    ["addresses", "basedOn", "expressedBy", "focus", "for", "owner", "subject"];

/// What was sent, with what is there and not seen by its sender.
pub(super) fn beside(sent: &mut Value, seen: &Value, whole: &Value) {
    let (Some(sent), Some(whole)) = (sent.as_object_mut(), whole.as_object()) else { return };
    let content = whole.iter().filter(|(name, _)| !SERVERS.contains(&name.as_str()));
    content.for_each(|(name, held)| in_member(sent, name, seen.get(name.as_str()), held));
}

/// The same of a member.
fn in_member(sent: &mut Map<String, Value>, name: &str, seen: Option<&Value>, held: &Value) {
    match held {
        _ if seen == Some(held) => {}
        Value::Object(held) => {
            let mut given = sent.remove(name).unwrap_or_else(|| json!({}));
            if let Some(given) = given.as_object_mut() {
                let part = |name: &str| seen.and_then(|seen| seen.get(name));
                held.iter().for_each(|(name, held)| in_member(given, name, part(name), held));
            }
            if given.as_object().is_none_or(|given| !given.is_empty()) {
                sent.insert(name.to_owned(), given);
            }
        }
        Value::Array(held) => in_list(sent, name, seen, held),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            if seen.is_none() {
                sent.entry(name.to_owned()).or_insert_with(|| held.clone());
            }
        }
    }
}

/// The same of a list: its entries show or do not, each whole.
fn in_list(sent: &mut Map<String, Value>, name: &str, seen: Option<&Value>, held: &[Value]) {
    let mut shown: Vec<&Value> = seen.and_then(Value::as_array).into_iter().flatten().collect();
    let mut hidden = Vec::new();
    for one in held {
        match shown.iter().position(|other| *other == one) {
            Some(at) => drop(shown.remove(at)),
            None => hidden.push(one.clone()),
        }
    }
    if hidden.is_empty() {
        return;
    }
    let given = sent.entry(name.to_owned()).or_insert_with(|| json!([]));
    if seen == Some(given) {
        // Where nothing of it changes, its order does not either.
        *given = held.into();
    } else if let Some(given) = given.as_array_mut() {
        given.extend(hidden);
    }
}

/// Is it sent back as it was seen? What is the server's to say may be left out.
pub(super) fn is_as_seen(sent: &Value, seen: &Value) -> bool {
    is_as_seen_but(sent, seen, &[])
}

/// The same beside members that may be others.
pub(super) fn is_as_seen_but(sent: &Value, seen: &Value, members: &[&str]) -> bool {
    let is_left = |name: &&str| sent.get(*name).is_none_or(|said| Some(said) == seen.get(*name));
    let aside: Vec<&str> = SERVERS.iter().chain(members).copied().collect();
    SERVERS.iter().all(is_left) && without(sent, &aside) == without(seen, &aside)
}

/// Is all content of it seen, whatever else shows?
pub(super) fn is_whole(seen: &Value, whole: &Value) -> bool {
    let aside: Vec<&str> = SERVERS.into_iter().chain(LINKS).collect();
    without(seen, &aside) == without(whole, &aside)
}

fn without(resource: &Value, names: &[&str]) -> Map<String, Value> {
    let members = resource.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| !names.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
