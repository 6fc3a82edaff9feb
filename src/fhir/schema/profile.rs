//! Does a resource keep to a profile that it names?
//!
//! Part of [`super`]: its second stage, for the profiles of [`crate::fhir::guide`]. Of a
//! `StructureDefinition`'s differential it reads how often an element may stand, fixed values and patterns,
//! types, required bindings to our value sets, and extensions sliced by their url; nothing else stands in
//! ours, as a test has it. Our extensions are held to their definitions wherever they stand. Source: FHIR R4
//! profiling.html.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Fault, place::Place, words::MOST_CODES};
use crate::{
    error::Result,
    fhir::{guide, labels::CANONICAL},
    json,
};

/// Our profiles and extensions by their url.
#[derive(Debug)]
pub(super) struct Profiles(HashMap<String, Profile>);

/// A profile of a type of resources, or an extension.
#[derive(Debug)]
struct Profile {
    /// Of which type it is.
    kind: String,
    demands: Vec<Demand>,
}

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
    /// The only codes it may have.
    bound: Option<Bound>,
    /// The extension that it is about.
    extension: Option<String>,
}

/// A value set of ours.
#[derive(Debug)]
struct Bound {
    url: String,
    /// Its codes, each with its system.
    codes: BTreeSet<(String, String)>,
}

impl Profiles {
    /// Reads the profiles of the guide.
    ///
    /// # Errors
    /// `Internal` if the guide cannot be read.
    pub(super) fn new() -> Result<Self> {
        let guide = guide::resources()?;
        let is_structure = |one: &&Value| {
            one.get("resourceType").is_some_and(|kind| kind == "StructureDefinition")
        };
        let read = |one: &Value| {
            let text = |name: &str| Some(one.get(name)?.as_str()?.to_owned());
            let all = one.pointer("/differential/element").and_then(Value::as_array)?;
            let demands = all.iter().filter_map(|element| demand(element, &guide)).collect();
            Some((text("url")?, Profile { kind: text("type")?, demands }))
        };
        Ok(Self(guide.iter().filter(is_structure).filter_map(read).collect()))
    }

    /// What of a resource, and of those in a Bundle, is not as the profiles it names say, and which of our
    /// extensions in it are not as they are defined.
    pub(super) fn faults(&self, root: &str, resource: &Value) -> Vec<Fault> {
        let mut all = Vec::new();
        let entries = resource.get("entry").and_then(Value::as_array);
        for (at, entry) in entries.into_iter().flatten().enumerate() {
            if let Some(inner) = entry.get("resource") {
                self.one(&format!("{root}.entry[{at}].resource"), inner, &mut all);
            }
        }
        self.one(root, resource, &mut all);
        self.extensions(&Place::Root(root), resource, &mut all);
        all
    }

    fn one(&self, place: &str, resource: &Value, all: &mut Vec<Fault>) {
        // Of what is only a part of a resource, and says so, no profile holds.
        if is_part(resource) {
            return;
        }
        let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
        let named = resource.get("meta").map_or(&[][..], |meta| json::list(meta, "profile"));
        let named = named.iter().enumerate();
        for (at, url) in named.filter_map(|(at, url)| Some((at, url.as_str()?))) {
            let bare = url.split('|').next().unwrap_or(url);
            let known = self.0.get(bare).filter(|profile| profile.kind == kind);
            if let Some(profile) = known {
                let root = Place::Root(place);
                profile.demands.iter().for_each(|demand| demand.check(&root, resource, all));
            } else if bare.strip_prefix(CANONICAL).is_some_and(|rest| rest.starts_with('/')) {
                all.push(Fault {
                    expression: format!("{place}.meta.profile[{at}]"),
                    say: self.instead(kind),
                });
            }
        }
    }

    /// What to name in place of what is no profile of ours for a type.
    fn instead(&self, kind: &str) -> String {
        let mut own: Vec<&str> =
            self.0.iter().filter(|(_, of)| of.kind == kind).map(|(url, _)| url.as_str()).collect();
        own.sort_unstable();
        let names = if own.is_empty() { "none".to_owned() } else { own.join(" | ") };
        format!("is no profile of ours for this type: name one that is ({names}), or leave it out")
    }

    /// Our extensions, wherever they stand.
    fn extensions(&self, place: &Place<'_>, value: &Value, all: &mut Vec<Fault>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let here = Place::Member(place, name.strip_prefix('_').unwrap_or(name));
                    let known = value.as_array().filter(|_| name == "extension");
                    for (at, one) in known.into_iter().flatten().enumerate() {
                        let url = one.get("url").and_then(Value::as_str);
                        let of = url.and_then(|url| self.0.get(url));
                        for demand in of.into_iter().flat_map(|of| &of.demands) {
                            demand.check(&Place::At(&here, at), one, all);
                        }
                    }
                    self.extensions(&here, value, all);
                }
            }
            Value::Array(list) => {
                for (at, one) in list.iter().enumerate() {
                    self.extensions(&Place::At(place, at), one, all);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Does it say that elements were left out of it?
pub(super) fn is_part(resource: &Value) -> bool {
    let said = |tag: &Value| json::text(tag, "code") == Some("SUBSETTED");
    resource.get("meta").is_some_and(|meta| json::list(meta, "tag").iter().any(said))
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
    let bound = |set: &str| Bound { url: set.to_owned(), codes: guide::codes(guide, set) };
    let profile = |of: &Value| of.pointer("/profile/0").and_then(Value::as_str).map(str::to_owned);
    let least = element.get("min").and_then(Value::as_u64).unwrap_or(0);
    let demand = Demand {
        least: usize::try_from(least).ok()?,
        most: text("max").and_then(|most| most.parse().ok()),
        types: types().filter_map(|of| of.get("code")?.as_str().map(str::to_owned)).collect(),
        pattern: by_name("pattern"),
        fixed: by_name("fixed"),
        bound: set.filter(|_| required).map(bound),
        extension: text("sliceName").and_then(|_| types().find_map(profile)),
        path,
    };
    (!demand.path.is_empty()).then_some(demand)
}

impl Bound {
    /// Is a code of the set there?
    fn holds(&self, value: &Value) -> bool {
        let known = |coding: &Value| {
            let part = |name: &str| coding.get(name).and_then(Value::as_str);
            let is_it = |(system, code): &(String, String)| {
                part("system") == Some(system.as_str()) && part("code") == Some(code.as_str())
            };
            self.codes.iter().any(is_it)
        };
        match (value.get("coding").and_then(Value::as_array), value.as_str()) {
            (Some(all), _) => all.iter().any(known),
            (None, Some(code)) => self.codes.iter().any(|(_, one)| one == code),
            (None, None) => known(value),
        }
    }

    /// What must be there, in words: the codes, if they are few.
    fn words(&self, is_code: bool) -> String {
        let codes: Vec<&str> = self.codes.iter().map(|(_, code)| code.as_str()).collect();
        let systems: BTreeSet<&str> =
            self.codes.iter().map(|(system, _)| system.as_str()).collect();
        let of: Vec<&str> = systems.into_iter().collect();
        let what = if is_code { "a code" } else { "a coding" };
        if codes.len() > MOST_CODES {
            return format!("must have {what} of {} by the profile", self.url);
        }
        format!("must have {what} of {} by the profile: {}", of.join(" or "), codes.join(" | "))
    }
}

impl Demand {
    /// Looks at each element that the path leads to.
    fn check(&self, place: &Place<'_>, resource: &Value, all: &mut Vec<Fault>) {
        self.below(&self.path, place, resource, all);
    }

    fn below(&self, path: &[String], place: &Place<'_>, value: &Value, all: &mut Vec<Fault>) {
        let Some((name, rest)) = path.split_first() else { return };
        if rest.is_empty() {
            return self.element(name, place, value, all);
        }
        each(value, name, |member, index, value| {
            let here = Place::Member(place, member);
            match index {
                Some(at) => self.below(rest, &Place::At(&here, at), value, all),
                None => self.below(rest, &here, value, all),
            }
        });
    }

    fn element(&self, name: &str, place: &Place<'_>, holder: &Value, all: &mut Vec<Fault>) {
        let bare = name.strip_suffix("[x]").unwrap_or(name);
        let url = self.extension.as_deref();
        let mut found = 0;
        each(holder, name, |member, index, value| {
            if url.is_some() && value.get("url").and_then(Value::as_str) != url {
                return;
            }
            found += 1;
            if let Some(say) = self.value(value) {
                let here = Place::Member(place, member);
                let expression =
                    index.map_or_else(|| here.text(), |at| Place::At(&here, at).text());
                all.push(Fault { expression, say });
            }
        });
        let expression = || Place::Member(place, bare).text();
        let mut tell = |say: String| all.push(Fault { expression: expression(), say });
        if found < self.least {
            tell("is required by the profile".to_owned());
        }
        if let Some(most) = self.most.filter(|most| found > *most) {
            let times = match most {
                0 => "nowhere here".to_owned(),
                1 => "once".to_owned(),
                most => format!("{most} times"),
            };
            tell(format!("may stand {times} by the profile"));
        }
        if name != bare && !self.types.is_empty() && !self.is_of_type(bare, holder) {
            tell(format!("must be {} by the profile", self.types.join(" | ")));
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
    fn value(&self, value: &Value) -> Option<String> {
        if let Some(fixed) = self.fixed.as_ref().filter(|fixed| *fixed != value) {
            return Some(format!("must be {fixed} by the profile"));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !holds(value, pattern)) {
            return Some(format!("must hold {pattern} by the profile"));
        }
        let bound = self.bound.as_ref().filter(|bound| !bound.holds(value))?;
        Some(bound.words(value.is_string()))
    }
}

/// What stands at a name: the member, its place in a list, itself.
fn each<'v>(
    value: &'v Value,
    name: &str,
    mut visit: impl FnMut(&'v str, Option<usize>, &'v Value),
) {
    let Some(members) = value.as_object() else { return };
    let found = match name.strip_suffix("[x]") {
        Some(bare) => members.iter().find(|(member, _)| {
            member.strip_prefix(bare).is_some_and(|of| of.starts_with(char::is_uppercase))
        }),
        None => members.get_key_value(name),
    };
    let Some((member, value)) = found else { return };
    match value.as_array() {
        Some(list) => {
            list.iter().enumerate().for_each(|(at, one)| visit(member, Some(at), one));
        }
        None => visit(member, None, value),
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
