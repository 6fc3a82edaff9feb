//! What was asked for: the parameters of a kick-off to an [`Order`].
//!
//! First step of an export. Reads names and values only, so it can refuse but never answer. What a
//! gateway does not know is refused, unless the caller said `Prefer: handling=lenient`. Source: Bulk Data
//! Access 2.0, `export.html#query-parameters`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{id, moment::Moment},
    error::{Error, Kind, Result},
    export::FORMATS,
    fhir::types::ResourceType,
    query::{self, Query, Terms, shape::Shape},
    route::Level,
    scope::Grant,
    smart,
};

/// Most values of one parameter.
const MANY: usize = 100;

/// An export as it is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The URL of the kick-off.
    pub request: String,
    /// `transactionTime`: what is given is of what was held then.
    pub at: Moment,
    /// Names of the types, in order.
    pub types: Vec<String>,
    /// Only what changed after.
    pub since: Option<Moment>,
    /// Only what changed until then.
    pub until: Option<Moment>,
    /// Type and search of each `_typeFilter`.
    pub filters: Vec<(String, String)>,
    /// Elements, of one type or of all.
    pub elements: Vec<(Option<String>, String)>,
    /// These people alone, by id, sorted.
    pub patients: Option<Vec<String>>,
    /// Who holds it, in order of node code.
    pub parts: Vec<Part>,
}

/// What one holder gives of an export.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The holder.
    pub node: String,
    /// Where a peer tells of its export; `None` of the gateway itself, and where it was not reached.
    pub status: Option<String>,
}

/// What a kick-off said: pairs in order, and how strictly they are read.
pub struct Asked<'a> {
    /// Of the URL or of a Parameters resource.
    pub pairs: Vec<(String, String)>,
    /// Did they stand in a body?
    pub in_body: bool,
    /// `Prefer: handling=lenient`.
    pub lenient: bool,
    /// Its URL.
    pub request: String,
    /// The instant of the kick-off.
    pub now: Moment,
    /// Of all people, of patients, of a group.
    pub level: &'a Level,
}

impl Part {
    /// Of a holder that has not been asked.
    pub fn of(node: &id::NodeCode) -> Self {
        Self { node: node.to_string(), status: None }
    }
}

impl Order {
    /// The types, as names of ours.
    pub fn kinds(&self) -> impl Iterator<Item = ResourceType> {
        self.types.iter().filter_map(|name| ResourceType::parse(name))
    }

    /// Is the type part of it?
    pub fn has(&self, kind: ResourceType) -> bool {
        self.types.iter().any(|name| name == kind.name())
    }

    /// What is asked of one type: any of these.
    ///
    /// # Errors
    /// As [`query::selection::selection`]; none where the kick-off was taken.
    pub fn queries(
        &self,
        kind: ResourceType,
        grant: &Grant,
        terms: Terms<'_>,
    ) -> Result<Vec<Query>> {
        let of_it = self.filters.iter().filter(|(name, _)| name == kind.name());
        of_it.map(|(_, text)| query::selection::selection(grant, kind, text, terms)).collect()
    }

    /// The form that resources of one type are asked for in.
    pub fn shape_of(&self, kind: ResourceType) -> Shape {
        let is_of_it = |of: &Option<String>| of.as_deref().is_none_or(|of| of == kind.name());
        let named = self.elements.iter().filter(|(of, _)| is_of_it(of));
        let named: Vec<&str> = named.map(|(_, element)| element.as_str()).collect();
        if named.is_empty() { Shape::Whole } else { Shape::of_elements(kind, named) }
    }
}

/// Reads a kick-off. Who holds it is not known yet.
///
/// # Errors
/// `Invalid` or `NotSupported` with the parameter's name; `Forbidden` for a type that no scope reaches.
pub fn read(asked: &Asked<'_>, grant: &Grant, terms: Terms<'_>) -> Result<Order> {
    let mut order = Order {
        request: asked.request.clone(),
        at: asked.now,
        types: Vec::new(),
        since: None,
        until: None,
        filters: Vec::new(),
        elements: Vec::new(),
        patients: None,
        parts: Vec::new(),
    };
    let mut named = Vec::new();
    for (name, value) in &asked.pairs {
        order.take(name, value, asked, terms, &mut named)?;
    }
    let offered = |kind: &ResourceType| is_exported(*kind, asked.level, grant);
    let kinds: Vec<ResourceType> = if named.is_empty() {
        ResourceType::ALL.iter().copied().filter(offered).filter(|k| reaches(grant, *k)).collect()
    } else {
        named.sort_unstable();
        named.dedup();
        for kind in &named {
            if !offered(kind) && !asked.lenient {
                return Err(unsupported("_type", "This type is not exported; see /fhir/metadata."));
            }
        }
        named.retain(offered);
        if named.iter().any(|kind| !reaches(grant, *kind)) {
            return Err(smart::decide::insufficient());
        }
        named
    };
    if kinds.is_empty() {
        return Err(smart::decide::insufficient());
    }
    order.types = kinds.iter().map(|kind| kind.name().to_owned()).collect();
    order.keep_filters(&kinds, grant, terms, asked.lenient)?;
    Ok(order)
}

/// May the caller have anything of the type?
pub fn reaches(grant: &Grant, kind: ResourceType) -> bool {
    !kind.is_personal() || grant.reaches(kind)
}

/// Is the type part of such an export? The log of who saw what is told of one person at a time, and the
/// directory, which is everybody's, to no other gateway.
fn is_exported(kind: ResourceType, level: &Level, grant: &Grant) -> bool {
    let of_people = kind.is_personal() && kind != ResourceType::AuditEvent;
    let is_system = matches!(level, Level::System) && grant.caller().node().is_none();
    let of_directory = !kind.is_personal() && kind != ResourceType::Subscription;
    of_people || (is_system && of_directory)
}

impl Order {
    fn take(
        &mut self,
        name: &str,
        value: &str,
        asked: &Asked<'_>,
        terms: Terms<'_>,
        named: &mut Vec<ResourceType>,
    ) -> Result<()> {
        match name {
            _ if value.is_empty() => {}
            "_outputFormat" if FORMATS.contains(&value) => {}
            "_outputFormat" => {
                let say = "Files are application/fhir+ndjson alone.";
                return Err(unsupported("_outputFormat", say));
            }
            "_since" => self.since = Some(instant("_since", value)?),
            "_until" => self.until = Some(instant("_until", value)?),
            "_type" => {
                for kind in value.split(',').map(str::trim) {
                    match ResourceType::parse(kind) {
                        Some(kind) => named.push(kind),
                        None if asked.lenient => {}
                        None => {
                            let say = "This gateway has no such resource type; see /fhir/metadata.";
                            return Err(unsupported("_type", say));
                        }
                    }
                }
                if named.is_empty() {
                    return Err(unsupported("_type", "None of these types is exported."));
                }
            }
            "_typeFilter" => self.filters.push(filter(value)?),
            "_elements" => {
                for element in value.split(',').map(str::trim) {
                    self.elements.push(self::element(element)?);
                }
            }
            "patient" if asked.in_body && !matches!(asked.level, Level::System) => {
                let id = patient(value, terms.base)?;
                let all = self.patients.get_or_insert_default();
                if let Err(at) = all.binary_search(&id) {
                    all.insert(at, id);
                }
            }
            "patient" => {
                let say = "Name patients in the Parameters of POST /fhir/Patient/$export.";
                return Err(unsupported("patient", say));
            }
            "_format" => {}
            _ if asked.lenient => {}
            _ => {
                let say = "This parameter is not known here; leave it out, or say Prefer: \
                           handling=lenient.";
                return Err(unsupported(name, say));
            }
        }
        let many = [self.filters.len(), self.elements.len(), named.len()];
        let people = self.patients.as_ref().map_or(0, Vec::len);
        if many.into_iter().chain([people]).any(|count| count > MANY) {
            return Err(Error::new(Kind::TooCostly, "Too many values; ask for less at once."));
        }
        Ok(())
    }

    /// Filters of types that are exported; the rest is refused, or left out for who is lenient.
    fn keep_filters(
        &mut self,
        kinds: &[ResourceType],
        grant: &Grant,
        terms: Terms<'_>,
        lenient: bool,
    ) -> Result<()> {
        let is_part = |(name, _): &(String, String)| kinds.iter().any(|kind| kind.name() == name);
        if !lenient && !self.filters.iter().all(is_part) {
            let say = "A _typeFilter is of a type that is exported: Type?parameter=value.";
            return Err(unsupported("_typeFilter", say));
        }
        self.filters.retain(is_part);
        for kind in kinds {
            self.queries(*kind, grant, terms)?;
        }
        Ok(())
    }
}

/// The pairs of a `Parameters` resource: a name and the one value of each.
///
/// # Errors
/// `Invalid` for what is no `Parameters`, or a parameter that has no simple value.
pub fn pairs(parameters: &Value) -> Result<Vec<(String, String)>> {
    if parameters.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
        return Err(Error::invalid("The body of a kick-off is a Parameters resource."));
    }
    let all = parameters.get("parameter").and_then(Value::as_array);
    all.into_iter().flatten().map(pair).collect()
}

fn pair(parameter: &Value) -> Result<(String, String)> {
    let wrong = || {
        Error::invalid("Each parameter has a name and one simple value or reference.")
            .at("Parameters.parameter")
    };
    let members = parameter.as_object().ok_or_else(wrong)?;
    let name = parameter.get("name").and_then(Value::as_str).ok_or_else(wrong)?;
    let mut values = members.iter().filter(|(member, _)| member.starts_with("value"));
    let value = match (values.next(), values.next()) {
        (Some((_, Value::String(text))), None) => text.clone(),
        (Some((_, Value::Bool(flag))), None) => flag.to_string(),
        (Some((_, value)), None) => {
            let reference = value.get("reference").and_then(Value::as_str);
            reference.ok_or_else(wrong)?.to_owned()
        }
        (_, _) => return Err(wrong()),
    };
    Ok((name.to_owned(), value))
}

fn instant(name: &'static str, value: &str) -> Result<Moment> {
    Moment::parse(value).ok_or_else(|| {
        let say = if value.contains(' ') {
            "An instant has no space; in a URL write '+' as %2B."
        } else {
            "It is an instant with a time zone, as 2026-03-02T12:00:00Z."
        };
        Error::invalid(say).at(name)
    })
}

/// `Type?search`.
fn filter(value: &str) -> Result<(String, String)> {
    let is_type = |name: &&str| ResourceType::parse(name).is_some();
    let halves = value.split_once('?').filter(|(kind, search)| is_type(kind) && !search.is_empty());
    let (kind, search) = halves.ok_or_else(|| {
        Error::invalid("A _typeFilter is Type?parameter=value, of one type.").at("_typeFilter")
    })?;
    Ok((kind.to_owned(), search.to_owned()))
}

/// `element` or `Type.element`, an element of the root.
fn element(value: &str) -> Result<(Option<String>, String)> {
    let (of, name) = match value.split_once('.') {
        Some((of, name)) => (Some(of), name),
        None => (None, value),
    };
    let is_known = of.is_none_or(|of| ResourceType::parse(of).is_some());
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic());
    if is_known && is_name {
        return Ok((of.map(str::to_owned), name.to_owned()));
    }
    Err(Error::invalid("It is a root element, name or Patient.name.").at("_elements"))
}

fn patient(value: &str, base: &str) -> Result<String> {
    let local = value.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(value);
    let named = local.strip_prefix("Patient/").filter(|named| id::is_id(named));
    named
        .map(str::to_owned)
        .ok_or_else(|| Error::invalid("It is a reference, Patient/id.").at("Parameters.parameter"))
}

fn unsupported(name: &str, say: &'static str) -> Error {
    let name = name.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.:".contains(*c));
    Error::new(Kind::NotSupported, say).at(name.take(40).collect::<String>())
}
