//! In which form resources are wanted: whole, or some of their elements.
//!
//! Part of the step `query`; what it asks for is cut by `bundle` from the bytes that were released, so
//! a shortened form tells nothing that the whole does not. What is not whole says so (`SUBSETTED`).
//! Source: FHIR R4 search.html#summary, #elements.

use serde_json::{Value, json};

use super::{MANY, Raw, bad, pairs, printable};
use crate::{
    error::{Error, Kind, Result},
    fhir::{coding::coding, elements::element, types::ResourceType},
    json::members::Members,
};

/// The system of what `meta.tag` says of a shortened form.
const OBSERVATION_VALUE: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";

/// The form that is wanted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Shape {
    /// All that may be seen.
    #[default]
    Whole,
    /// `_summary=true`: what R4 marks as summary, and what must stand.
    Summary,
    /// `_summary=text`: the narrative, and what must stand.
    Text,
    /// `_summary=data`: all but the narrative.
    Data,
    /// `_elements`: these, and what must stand.
    Elements(Vec<&'static str>),
}

impl Shape {
    /// Reads the parameters of a read.
    ///
    /// # Errors
    /// `Invalid` for a value that cannot be read; `NotSupported` for a parameter that is not known, if
    /// the caller is strict.
    pub fn of_read(kind: ResourceType, raw: Raw<'_>) -> Result<Self> {
        let mut shape = Self::Whole;
        for pair in pairs(raw.url.unwrap_or("").as_bytes()) {
            let (name, value) = pair?;
            match name.as_str() {
                "_format" | "_pretty" => {}
                "_summary" if value == "count" => {
                    return Err(bad("_summary", "Only a search is counted."));
                }
                _ if shape.take(kind, &name, &value)? => {}
                _ if raw.strict => {
                    let say = "This parameter is not known here; see /fhir/metadata.";
                    return Err(Error::new(Kind::NotSupported, say).at(printable(&name)));
                }
                _ => {}
            }
        }
        Ok(shape)
    }

    /// These elements, of those that the type has.
    pub fn of_elements<'a>(kind: ResourceType, names: impl IntoIterator<Item = &'a str>) -> Self {
        let named = names.into_iter().filter_map(|name| element(kind, name));
        Self::Elements(named.map(|element| element.name).collect())
    }

    /// Takes a parameter that asks for a form; `false` if it is another one.
    pub(super) fn take(&mut self, kind: ResourceType, name: &str, value: &str) -> Result<bool> {
        let asked = match (name, value) {
            ("_summary", "false") => Self::Whole,
            ("_summary", "true") => Self::Summary,
            ("_summary", "text") => Self::Text,
            ("_summary", "data") => Self::Data,
            ("_summary", _) => {
                return Err(bad("_summary", "It is true, text, data, count or false."));
            }
            ("_elements", names) => Self::Elements(elements(kind, names)?),
            (_, _) => return Ok(false),
        };
        match (&mut *self, asked) {
            (Self::Elements(all), Self::Elements(more)) => all.extend(more),
            (_, Self::Whole) => {}
            (Self::Whole, asked) => *self = asked,
            (_, _) => {
                let say = "Ask for one form: _summary once, or _elements.";
                return Err(Error::invalid(say).at(printable(name)));
            }
        }
        Ok(true)
    }

    /// Does it leave a member of a resource in place?
    fn keeps(&self, kind: ResourceType, member: &str) -> bool {
        if member == "resourceType" {
            return true;
        }
        let Some(element) = element(kind, member) else { return matches!(self, Self::Data) };
        match self {
            Self::Whole => true,
            Self::Data => element.name != "text",
            Self::Text => element.mandatory || element.name == "text",
            Self::Summary => element.mandatory || element.summary,
            Self::Elements(names) => element.mandatory || names.contains(&element.name),
        }
    }

    /// The form of a resource that was released; `None` if it is the whole of it.
    pub fn cut(&self, kind: ResourceType, resource: &[u8]) -> Option<Vec<u8>> {
        if *self == Self::Whole {
            return None;
        }
        let Members(members) = serde_json::from_slice(resource).ok()?;
        let mut out = Vec::with_capacity(resource.len() / 2);
        out.push(b'{');
        for (name, value) in members.iter().filter(|(name, _)| self.keeps(kind, name)) {
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(Value::from(&**name).to_string().as_bytes());
            out.push(b':');
            if name == "meta" {
                out.extend_from_slice(subsetted(value.get()).to_string().as_bytes());
            } else {
                out.extend_from_slice(value.get().as_bytes());
            }
        }
        out.push(b'}');
        Some(out)
    }
}

/// The `meta` of a resource of which not all is there.
fn subsetted(meta: &str) -> Value {
    let mut meta: Value = serde_json::from_str(meta).unwrap_or_else(|_| json!({}));
    let tag = coding(OBSERVATION_VALUE, "SUBSETTED");
    match meta.get_mut("tag").and_then(Value::as_array_mut) {
        Some(tags) if tags.contains(&tag) => {}
        Some(tags) => tags.push(tag),
        None => {
            if let Some(object) = meta.as_object_mut() {
                object.insert("tag".to_owned(), json!([tag]));
            }
        }
    }
    meta
}

/// The elements that `_elements` names: `status`, `value`, `Observation.value`.
fn elements(kind: ResourceType, names: &str) -> Result<Vec<&'static str>> {
    let named = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let named: Vec<&str> = named.collect();
    if named.len() > MANY {
        return Err(Error::new(Kind::TooCostly, "Too many elements.").at("_elements"));
    }
    named
        .into_iter()
        .map(|name| {
            let own = name.split_once('.').filter(|(of, _)| *of == kind.name());
            let name = own.map_or(name, |(_, name)| name);
            let name = name.strip_suffix("[x]").unwrap_or(name);
            element(kind, name).filter(|_| !name.starts_with('_')).map(|e| e.name).ok_or_else(
                || {
                    let say = "Name elements of the type itself, as R4 does: status,subject,value.";
                    bad("_elements", say)
                },
            )
        })
        .collect()
}
