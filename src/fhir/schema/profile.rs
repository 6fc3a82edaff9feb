//! Does a resource keep to a profile that it names?
//!
//! Part of [`super`]: its second stage, for the profiles of [`crate::fhir::guide`]. Of a
//! `StructureDefinition`'s differential it reads how often an element may stand, fixed values and patterns,
//! types, required bindings to our value sets, and extensions sliced by their url; nothing else stands in
//! ours, as a test has it. Source: FHIR R4 profiling.html.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::Fault;
use crate::{error::Result, fhir::guide};

/// Our profiles by their url.
#[derive(Debug)]
pub(super) struct Profiles(HashMap<String, Vec<Demand>>);

/// What a profile asks of an element.
#[derive(Debug, Default)]
struct Demand {
    /// Names from the resource downwards.
    path: Vec<String>,
    least: usize,
    most: Option<usize>,
    /// The types that the members of a choice may have; any, if none.
    types: Vec<String>,
    /// What must stand in it.
    pattern: Option<Value>,
    /// What it must be.
    fixed: Option<Value>,
    /// The only codes it may have, with their systems.
    codes: Option<BTreeSet<(String, String)>>,
    /// The extension that it is about.
    extension: Option<String>,
}

/// One place of an element: its path and what stands there.
type Found<'v> = (String, &'v Value);

impl Profiles {
    /// Reads the profiles of the guide.
    ///
    /// # Errors
    /// `Internal` if the guide cannot be read.
    pub(super) fn new() -> Result<Self> {
        let guide = guide::resources()?;
        let structures = guide.iter().filter(|one| {
            one.get("resourceType").is_some_and(|kind| kind == "StructureDefinition")
                && one.get("kind").is_some_and(|kind| kind == "resource")
        });
        let read = |one: &Value| {
            let url = one.get("url").and_then(Value::as_str)?.to_owned();
            let all = one.pointer("/differential/element").and_then(Value::as_array)?;
            Some((url, all.iter().filter_map(|element| demand(element, &guide)).collect()))
        };
        Ok(Self(structures.filter_map(read).collect()))
    }

    /// What of a resource, and of those in a Bundle, is not as the profiles it names say.
    pub(super) fn faults(&self, root: &str, resource: &Value) -> Vec<Fault> {
        let mut all = Vec::new();
        let entries = resource.get("entry").and_then(Value::as_array);
        for (at, entry) in entries.into_iter().flatten().enumerate() {
            if let Some(inner) = entry.get("resource") {
                self.one(&format!("{root}.entry[{at}].resource"), inner, &mut all);
            }
        }
        self.one(root, resource, &mut all);
        all
    }

    fn one(&self, place: &str, resource: &Value, all: &mut Vec<Fault>) {
        // Of what is only a part of a resource, and says so, no profile holds.
        if is_part(resource) {
            return;
        }
        let named = resource.pointer("/meta/profile").and_then(Value::as_array);
        for url in named.into_iter().flatten().filter_map(Value::as_str) {
            let bare = url.split('|').next().unwrap_or(url);
            for demand in self.0.get(bare).into_iter().flatten() {
                demand.check(place, resource, all);
            }
        }
    }
}

/// Does it say that elements were left out of it?
pub(super) fn is_part(resource: &Value) -> bool {
    let tags = resource.pointer("/meta/tag").and_then(Value::as_array);
    let said = |tag: &Value| tag.get("code").is_some_and(|code| code == "SUBSETTED");
    tags.into_iter().flatten().any(said)
}

/// What an element of a differential asks, if it asks for anything.
fn demand(element: &Value, guide: &[Value]) -> Option<Demand> {
    let text = |name: &str| element.get(name).and_then(Value::as_str);
    let path: Vec<String> = text("path")?.split('.').skip(1).map(str::to_owned).collect();
    let by_name = |prefix: &str| {
        let mut members = element.as_object().into_iter().flatten();
        members.find(|(name, _)| name.starts_with(prefix)).map(|(_, value)| value.clone())
    };
    let types = || element.get("type").and_then(Value::as_array).into_iter().flatten();
    let set = element.pointer("/binding/valueSet").and_then(Value::as_str);
    let required = element.pointer("/binding/strength").is_some_and(|how| how == "required");
    let profile = |of: &Value| of.pointer("/profile/0").and_then(Value::as_str).map(str::to_owned);
    let least = element.get("min").and_then(Value::as_u64).unwrap_or(0);
    let demand = Demand {
        least: usize::try_from(least).ok()?,
        most: text("max").and_then(|most| most.parse().ok()),
        types: types().filter_map(|of| of.get("code")?.as_str().map(str::to_owned)).collect(),
        pattern: by_name("pattern"),
        fixed: by_name("fixed"),
        codes: set.filter(|_| required).map(|set| guide::codes(guide, set)),
        extension: text("sliceName").and_then(|_| types().find_map(profile)),
        path,
    };
    (!demand.path.is_empty()).then_some(demand)
}

impl Demand {
    fn check(&self, root: &str, resource: &Value, all: &mut Vec<Fault>) {
        let Some((last, above)) = self.path.split_last() else { return };
        let mut holders: Vec<Found<'_>> = vec![(root.to_owned(), resource)];
        for name in above {
            holders = holders.iter().flat_map(|(place, value)| below(place, value, name)).collect();
        }
        for (place, holder) in holders {
            let bare = last.strip_suffix("[x]").unwrap_or(last);
            let element = format!("{place}.{bare}");
            let mut found = below(&place, holder, last);
            if let Some(url) = &self.extension {
                found.retain(|(_, value)| value.get("url").is_some_and(|of| of == url.as_str()));
            }
            let mut tell = |say: String| all.push(Fault { expression: element.clone(), say });
            if found.len() < self.least {
                tell("is required by the profile".to_owned());
            }
            if let Some(most) = self.most.filter(|most| found.len() > *most) {
                tell(format!("may stand {most} times by the profile"));
            }
            if last.ends_with("[x]") && !self.types.is_empty() && !self.is_of_type(bare, holder) {
                tell(format!("must be {} by the profile", self.types.join(" | ")));
            }
            all.extend(found.iter().filter_map(|(place, value)| self.value(place, value)));
        }
    }

    /// Is a choice of one of the types?
    fn is_of_type(&self, bare: &str, holder: &Value) -> bool {
        let mut members = holder.as_object().into_iter().flatten().map(|(name, _)| name);
        members.all(|name| {
            let Some(of) = name.strip_prefix(bare).filter(|of| of.starts_with(char::is_uppercase))
            else {
                return true;
            };
            self.types.iter().any(|one| one.eq_ignore_ascii_case(of))
        })
    }

    /// What is wrong with one value.
    fn value(&self, place: &str, value: &Value) -> Option<Fault> {
        let told = |say: String| Some(Fault { expression: place.to_owned(), say });
        if let Some(fixed) = self.fixed.as_ref().filter(|fixed| *fixed != value) {
            return told(format!("must be {fixed} by the profile"));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !holds(value, pattern)) {
            return told(format!("must hold {pattern} by the profile"));
        }
        let codes = self.codes.as_ref()?;
        let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        let known = |coding: &Value| {
            text(coding, "system")
                .zip(text(coding, "code"))
                .is_some_and(|coding| codes.contains(&coding))
        };
        let fits = match (value.get("coding").and_then(Value::as_array), value.as_str()) {
            (Some(all), _) => all.iter().any(known),
            (None, Some(code)) => codes.iter().any(|(_, one)| one == code),
            (None, None) => known(value),
        };
        if fits { None } else { told("must have a code of the profile's value set".to_owned()) }
    }
}

/// What stands at a name, each with its place.
fn below<'v>(place: &str, value: &'v Value, name: &str) -> Vec<Found<'v>> {
    let Some(members) = value.as_object() else { return Vec::new() };
    let found = match name.strip_suffix("[x]") {
        Some(bare) => members.iter().find(|(member, _)| {
            member.strip_prefix(bare).is_some_and(|of| of.starts_with(char::is_uppercase))
        }),
        None => members.get_key_value(name),
    };
    let Some((member, value)) = found else { return Vec::new() };
    match value.as_array() {
        Some(all) => all
            .iter()
            .enumerate()
            .map(|(at, one)| (format!("{place}.{member}[{at}]"), one))
            .collect(),
        None => vec![(format!("{place}.{member}"), value)],
    }
}

/// Is everything of a pattern there? Of a list, each of the pattern's in one of the value's.
fn holds(value: &Value, pattern: &Value) -> bool {
    match (value, pattern) {
        (Value::Object(value), Value::Object(pattern)) => pattern
            .iter()
            .all(|(name, pattern)| value.get(name).is_some_and(|value| holds(value, pattern))),
        (Value::Array(values), Value::Array(patterns)) => {
            patterns.iter().all(|pattern| values.iter().any(|value| holds(value, pattern)))
        }
        (value, pattern) => value == pattern,
    }
}
