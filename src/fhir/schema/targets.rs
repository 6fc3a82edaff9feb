//! Does a reference lead to a type that its element takes?
//!
//! Part of [`super`]: what JSON Schema has no word for. The table is made of the `StructureDefinition`s of
//! HL7 FHIR R4 4.0.1 (CC0-1.0) by `schemas/build.py`: an element, and the types it may refer to; an element
//! that is not in it takes any. Source: FHIR R4 references.html.

use serde_json::Value;

use super::Fault;

const TABLE: &str = include_str!("../../../schemas/fhir/targets.txt");
/// The deepest nesting that is looked at; the schema refuses what is nested deeper long before.
const DEEP: usize = 64;

/// Every reference of a resource, or of the resources of a Bundle, that leads to what it may not.
pub(super) fn faults(root: &str, resource: &Value) -> Vec<Fault> {
    let mut all = Vec::new();
    walk(resource, root, root, 0, &mut all);
    all
}

/// `element` is the path in definitions, `place` that in the resource.
fn walk(value: &Value, element: &str, place: &str, depth: usize, all: &mut Vec<Fault>) {
    if depth > DEEP {
        return;
    }
    match value {
        Value::Array(list) => {
            for (at, one) in list.iter().enumerate() {
                walk(one, element, &format!("{place}[{at}]"), depth + 1, all);
            }
        }
        Value::Object(members) => {
            let named = members.get("resourceType").and_then(Value::as_str);
            let element = named.filter(|_| depth > 0).unwrap_or(element);
            if let Some(fault) = wrong(value, element) {
                all.push(Fault { expression: format!("{place}.reference"), say: fault });
            }
            for (name, inner) in members {
                // A rule of a Consent may hold others like it.
                let nested = name == "provision" && element.ends_with(".provision");
                let inside = if nested { element.to_owned() } else { format!("{element}.{name}") };
                walk(inner, &inside, &format!("{place}.{name}"), depth + 1, all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a reference must lead to, if it does not.
fn wrong(value: &Value, element: &str) -> Option<String> {
    let reference = value.get("reference")?.as_str()?;
    let mut parts = reference.split("/_history/").next()?.rsplit('/');
    let (id, kind) = (parts.next()?, parts.next()?);
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase());
    if id.is_empty() || !is_name(kind) || !kind.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let mut lines = TABLE.lines().filter_map(|line| line.split_once(' '));
    let (_, targets) = lines.find(|(of, _)| *of == element)?;
    let takes = targets.split(' ').any(|target| target == kind);
    (!takes).then(|| format!("must refer to one of {}", targets.replace(' ', " | ")))
}
