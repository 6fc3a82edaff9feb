//! What differs between two resources, or two Bundles of them, in the terms of FHIR.
//!
//! Floor of the house, pure; `mylife diff` prints it. The order of a list says nothing unless FHIR says
//! that it does: what can be told by something of its own (items, codings, identifiers, references) is
//! compared with its like, wherever it stands. Two ways of writing one instant are one value. Sources: FHIR
//! R4 json.html, elementdefinition.html (`orderMeaning`), datatypes.html.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::json::text;

/// What happened to an element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is in the second alone.
    Added,
    /// It has another value.
    Changed,
    /// It is in the first alone.
    Removed,
}

impl Change {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// One element that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `Type/id`, or the type alone where there is no id.
    pub resource: String,
    /// The element, as a `FHIRPath`; a place in a list is that of the first, of what was added that of the
    /// second.
    pub path: String,
    /// What happened.
    pub change: Change,
    /// What stands in the first.
    pub first: Option<Value>,
    /// What stands in the second.
    pub second: Option<Value>,
}

/// Lists in which FHIR gives the order a meaning; parts of names and addresses, and arguments.
const ORDERED: [&str; 5] = ["given", "prefix", "suffix", "line", "coordinates"];
/// Members by which an entry of a list is told from the others, the first that it has.
const NAMES: [&[&str]; 6] =
    [&["linkId"], &["url"], &["system", "code"], &["system", "value"], &["reference"], &["name"]];

/// Everything that differs, resource by resource.
pub fn differences(first: &Value, second: &Value) -> Vec<Difference> {
    let (first, second) = (resources(first), resources(second));
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let mut all = Vec::new();
    for name in names {
        let mut found = Found { resource: name, all: &mut all };
        let root = name.split(['/', '#']).next().unwrap_or_default();
        found.member(root, first.get(name).copied(), second.get(name).copied());
    }
    all
}

/// The resources of a Bundle, or the one there is, by name. Of several of one name each has a number.
fn resources(value: &Value) -> BTreeMap<String, &Value> {
    let is_bundle = text(value, "resourceType") == Some("Bundle");
    let entries = value.get("entry").and_then(Value::as_array).filter(|_| is_bundle);
    let alone = [value];
    let held = entries.into_iter().flatten().filter_map(|entry| entry.get("resource"));
    let all = held.chain(alone.into_iter().filter(|_| !is_bundle));
    let mut named = BTreeMap::new();
    for resource in all {
        let kind = text(resource, "resourceType").unwrap_or("Resource");
        let name = text(resource, "id").map_or(kind.to_owned(), |id| format!("{kind}/{id}"));
        let free = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name}#{n}") });
        if let Some(name) = free.into_iter().find(|name| !named.contains_key(name)) {
            named.insert(name, resource);
        }
    }
    // What is compared with one resource is one too, whatever ids they have.
    if let ([(name, _)], false) = (named.iter().collect::<Vec<_>>().as_slice(), is_bundle) {
        let kind = name.split('/').next().unwrap_or_default().to_owned();
        return named.values().map(|one| (kind.clone(), *one)).collect();
    }
    named
}

/// What was found of one resource.
struct Found<'a> {
    resource: &'a str,
    all: &'a mut Vec<Difference>,
}

impl Found<'_> {
    fn tell(&mut self, path: &str, first: Option<&Value>, second: Option<&Value>) {
        let change = match (first, second) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            (Some(_), Some(_)) => Change::Changed,
        };
        self.all.push(Difference {
            resource: self.resource.to_owned(),
            path: path.to_owned(),
            change,
            first: first.cloned(),
            second: second.cloned(),
        });
    }

    fn member(&mut self, path: &str, first: Option<&Value>, second: Option<&Value>) {
        match (first, second) {
            (None, None) => {}
            (Some(Value::Object(first)), Some(Value::Object(second))) => {
                self.members(path, first, second);
            }
            (Some(Value::Array(first)), Some(Value::Array(second))) => {
                self.list(path, first, second);
            }
            (Some(first), Some(second)) if is_same(first, second) => {}
            (first, second) => self.tell(path, first, second),
        }
    }

    fn members(&mut self, path: &str, first: &Map<String, Value>, second: &Map<String, Value>) {
        let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
        for name in names {
            self.member(&format!("{path}.{name}"), first.get(name), second.get(name));
        }
    }

    fn list(&mut self, path: &str, first: &[Value], second: &[Value]) {
        let name = path.rsplit('.').next().unwrap_or_default();
        let pairs = if ORDERED.contains(&name) {
            let most = first.len().max(second.len());
            (0..most).map(|at| (first.get(at).map(|_| at), second.get(at).map(|_| at))).collect()
        } else {
            pairs(first, second)
        };
        for (one, other) in pairs {
            let at = one.or(other).unwrap_or_default();
            let of = |list: &[Value], at: Option<usize>| at.and_then(|at| list.get(at).cloned());
            let (one, other) = (of(first, one), of(second, other));
            self.member(&format!("{path}[{at}]"), one.as_ref(), other.as_ref());
        }
    }
}

/// Which entry of a list is which of the other: equal ones first, then those of one name, then in order.
fn pairs(first: &[Value], second: &[Value]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut found = Vec::new();
    let mut ones: Vec<usize> = (0..first.len()).collect();
    let mut others: Vec<usize> = (0..second.len()).collect();
    let rules: [fn(&Value) -> Option<String>; 2] = [|value| Some(normal(value).to_string()), named];
    for rule in rules {
        let mut of_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for at in others.iter().rev() {
            if let Some(name) = second.get(*at).and_then(rule) {
                of_name.entry(name).or_default().push(*at);
            }
        }
        ones.retain(|one| {
            let name = first.get(*one).and_then(rule);
            let other = name.and_then(|name| of_name.get_mut(&name)?.pop());
            found.extend(other.map(|other| (Some(*one), Some(other))));
            other.is_none()
        });
        let taken: BTreeSet<usize> = found.iter().filter_map(|(_, other)| *other).collect();
        others.retain(|other| !taken.contains(other));
    }
    // What has a name and no like is another thing; only what has none is told by its place.
    let has_name = |list: &[Value], at: &usize| list.get(*at).and_then(named).is_some();
    let (alone, ones): (Vec<_>, Vec<_>) = ones.into_iter().partition(|at| has_name(first, at));
    let (new, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|at| has_name(second, at));
    let most = ones.len().max(others.len());
    found.extend((0..most).map(|at| (ones.get(at).copied(), others.get(at).copied())));
    found.extend(alone.into_iter().map(|one| (Some(one), None)));
    found.extend(new.into_iter().map(|other| (None, Some(other))));
    found.sort_by_key(|(one, other)| (one.or(*other), one.is_none()));
    found
}

/// What tells an entry from the others of its list.
fn named(value: &Value) -> Option<String> {
    let members = value.as_object()?;
    let has = |names: &&&[&str]| names.iter().all(|name| members.contains_key(*name));
    let names = NAMES.iter().find(has)?;
    Some(names.iter().filter_map(|name| members.get(*name)).map(Value::to_string).collect())
}

/// The same value in one way of writing.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(all) => {
            let mut all: Vec<Value> = all.iter().map(normal).collect();
            all.sort_by_key(Value::to_string);
            Value::Array(all)
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| match (value, name.as_str()) {
                (Value::Array(all), name) if ORDERED.contains(&name) => {
                    (name.to_owned(), all.iter().map(normal).collect())
                }
                (value, name) => (name.to_owned(), normal(value)),
            });
            let mut sorted = Value::Object(members.collect());
            sorted.sort_all_objects();
            sorted
        }
        Value::String(text) => match instant(text) {
            Some(at) => at.to_string().into(),
            None => value.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn is_same(first: &Value, second: &Value) -> bool {
    first == second || normal(first) == normal(second)
}

/// An instant with a zone, whatever its zone.
fn instant(text: &str) -> Option<Timestamp> {
    let is_time = text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T');
    is_time.then(|| text.parse().ok()).flatten()
}
