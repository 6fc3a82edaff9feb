//! One provision of a Consent as a typed rule: type, conditions, nested rules.
//!
//! Parsed once when a person's data is loaded, so that deciding touches no JSON. What the parser
//! does not know, or cannot read, becomes a condition or value that is *unknown*; nothing is
//! dropped. Source: FHIR R4 `Consent.provision`, profile `MyLifeConsent`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    label::{self, Classes, Confidentiality, Themes},
    name::Name,
    period::{Reading, Window},
    purpose::{self, Purpose},
    unit::Code,
};
use crate::{
    domain::class::ClassSet,
    fhir::labels,
    json::{list, text},
};

/// Whether a rule gives or takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// `deny`
    Deny,
    /// `permit`
    Permit,
}

/// Some values of which one is enough, and whether there were others that say nothing.
#[derive(Clone)]
pub struct Values<T> {
    /// Those that could be read.
    pub known: Vec<T>,
    /// Was there a value that could not?
    pub unknown: bool,
}

/// The actor a condition speaks of.
#[derive(Clone)]
pub struct Actor {
    /// In what part.
    pub part: Part,
    /// Who.
    pub who: Name,
}

/// The part an actor plays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// `AUT`, of the data.
    Author,
    /// `CST`, of the data.
    Custodian,
    /// `IRCP` or `PRCP`: who asks.
    Requester,
}

/// How a unit may stand to the instance a condition names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// Written by it.
    AuthoredBy,
    /// It, or what refers to it.
    Dependents,
    /// It.
    Instance,
    /// It, or what it refers to.
    Related,
}

/// One value of `provision.code`.
#[derive(Clone)]
pub enum Content {
    /// A clinical code.
    Clinical(Code),
    /// A theme, as an imported consent may name it.
    Themes(Themes),
}

/// One condition; a rule applies if all of them hold.
#[derive(Clone)]
pub enum Condition {
    /// `action`
    Action(Values<Arc<str>>),
    /// `actor`
    Actor(Values<Actor>),
    /// Withheld classes in `securityLabel`.
    Class(Classes),
    /// `code`
    Code(Values<Content>),
    /// Confidentiality in `securityLabel`.
    Confidentiality(Values<Confidentiality>),
    /// `dataPeriod`
    DataPeriod(Window),
    /// `data`
    Instance(Values<(Meaning, Name)>),
    /// `period`
    Period(Window),
    /// `purpose`
    Purpose(Values<Purpose>),
    /// Registers in `securityLabel`.
    Register(Values<Arc<str>>),
    /// Resource types in `class`.
    Resource(Values<Arc<str>>),
    /// Service tasks in `securityLabel`.
    ServiceTask(Values<Arc<str>>),
    /// Themes in `securityLabel`.
    Theme(Themes),
    /// An element this gateway does not know or cannot read.
    Unknown,
}

impl Condition {
    /// Does it hold something that says nothing?
    pub fn is_open(&self) -> bool {
        match self {
            Self::Action(values)
            | Self::Register(values)
            | Self::Resource(values)
            | Self::ServiceTask(values) => values.unknown,
            Self::Actor(values) => values.unknown,
            Self::Class(classes) => classes.unknown,
            Self::Code(values) => values.unknown,
            Self::Confidentiality(values) => values.unknown,
            Self::DataPeriod(window) | Self::Period(window) => *window == Window::Bad,
            Self::Instance(values) => values.unknown,
            Self::Purpose(values) => values.unknown,
            Self::Theme(themes) => themes.unknown,
            Self::Unknown => true,
        }
    }
}

/// One rule with those nested in it.
#[derive(Clone)]
pub struct Rule {
    /// Its type; `None` if it is missing or unknown.
    pub effect: Option<Effect>,
    /// What must hold.
    pub conditions: Vec<Condition>,
    /// The withheld classes it names.
    pub names: ClassSet,
    /// The nested rules.
    pub children: Vec<Self>,
}

impl Rule {
    /// Reads a provision. `imported` consents may name themes in `code`.
    pub fn parse(provision: Option<&Value>, imported: bool) -> Self {
        let mut rule =
            Self { effect: None, conditions: Vec::new(), names: ClassSet::EMPTY, children: vec![] };
        let Some(members) = provision.and_then(Value::as_object) else {
            rule.conditions.push(Condition::Unknown);
            return rule;
        };
        for (key, value) in members {
            rule.read(key, value, imported);
        }
        rule
    }

    /// From which side the vague ends of its periods are read.
    pub fn reading(&self) -> Reading {
        match self.effect {
            Some(Effect::Deny) => Reading::Wide,
            Some(Effect::Permit) => Reading::Narrow,
            None => Reading::Both,
        }
    }

    /// This rule and all below it.
    pub fn each(&self, see: &mut impl FnMut(&Self)) {
        see(self);
        for child in &self.children {
            child.each(see);
        }
    }

    fn read(&mut self, key: &str, value: &Value, imported: bool) {
        let condition = match key {
            "type" => {
                self.effect = effect(value);
                return;
            }
            "id" | "extension" => return,
            "provision" => match value.as_array() {
                Some(nested) if !nested.is_empty() => {
                    self.children = nested.iter().map(|p| Self::parse(Some(p), imported)).collect();
                    return;
                }
                Some(_) | None => Condition::Unknown,
            },
            "securityLabel" => return self.read_labels(value),
            "action" => values(value, &action, Condition::Action),
            "actor" => values(value, &|a| one(actor(a)), Condition::Actor),
            "class" => values(value, &|c| one(resource_type(c)), Condition::Resource),
            "code" => values(value, &|c| content(c, imported), Condition::Code),
            "data" => values(value, &|d| one(instance(d)), Condition::Instance),
            "dataPeriod" => Condition::DataPeriod(Window::parse(value)),
            "period" => Condition::Period(Window::parse(value)),
            "purpose" => values(value, &|p| one(stated(p)), Condition::Purpose),
            _ => Condition::Unknown,
        };
        self.conditions.push(condition);
    }

    /// One condition for each system that is named.
    fn read_labels(&mut self, value: &Value) {
        let labels = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let unreadable =
            |label| !matches!(coding(label), (Some(system), Some(_)) if is_label(system));
        if labels.is_empty() || labels.iter().any(unreadable) {
            self.conditions.push(Condition::Unknown);
        }
        let of = |system| {
            let codes: Vec<&str> = labels
                .iter()
                .filter_map(|label| match coding(label) {
                    (Some(own), Some(code)) if own == system => Some(code),
                    _ => None,
                })
                .collect();
            (!codes.is_empty()).then_some(codes)
        };
        let texts = |codes: Vec<&str>| Values {
            known: codes.into_iter().map(Arc::from).collect(),
            unknown: false,
        };
        let classes =
            of(labels::CLASS).map(|c| c.into_iter().fold(Classes::default(), Classes::with));
        self.names = classes.map_or(ClassSet::EMPTY, |classes| classes.known);
        self.conditions.extend(
            [
                of(labels::THEME).map(|codes| Condition::Theme(codes.into_iter().collect())),
                of(label::CONFIDENTIALITY).map(|codes| Condition::Confidentiality(ranks(&codes))),
                classes.map(Condition::Class),
                of(label::REGISTER).map(texts).map(Condition::Register),
                of(label::SERVICE_TASK).map(texts).map(Condition::ServiceTask),
            ]
            .into_iter()
            .flatten(),
        );
    }
}

/// Type of a rule.
pub fn effect(value: &Value) -> Option<Effect> {
    match value.as_str() {
        Some("deny") => Some(Effect::Deny),
        Some("permit") => Some(Effect::Permit),
        Some(_) | None => None,
    }
}

/// Is it one of the systems a label of a rule may have?
pub fn is_label(system: &str) -> bool {
    matches!(
        system,
        labels::THEME
            | labels::CLASS
            | label::CONFIDENTIALITY
            | label::REGISTER
            | label::SERVICE_TASK
    )
}

/// System and code of a Coding.
pub fn coding(value: &Value) -> (Option<&str>, Option<&str>) {
    (text(value, "system"), text(value, "code"))
}

/// The codings of a `CodeableConcept`.
pub fn codings(concept: &Value) -> &[Value] {
    list(concept, "coding")
}

/// The code of a coding of this system, or of one that names no system.
fn code_in<'a>(system: &str, value: &'a Value) -> Option<&'a str> {
    match coding(value) {
        (own, Some(code)) if own.is_none_or(|own| own == system) => Some(code),
        _ => None,
    }
}

/// Each element of an array is one or more values; an element without any is an unknown value.
fn values<T>(
    array: &Value,
    read: &dyn Fn(&Value) -> Vec<T>,
    condition: impl FnOnce(Values<T>) -> Condition,
) -> Condition {
    let elements = array.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut values = Values { known: Vec::new(), unknown: elements.is_empty() };
    for element in elements {
        let mut read = read(element);
        values.unknown |= read.is_empty();
        values.known.append(&mut read);
    }
    condition(values)
}

fn one<T>(value: Option<T>) -> Vec<T> {
    value.into_iter().collect()
}

fn ranks(codes: &[&str]) -> Values<Confidentiality> {
    let known: Vec<_> = codes.iter().filter_map(|c| Confidentiality::from_code(c)).collect();
    let unknown = known.len() < codes.len();
    Values { known, unknown }
}

/// The action codes of a concept.
pub fn action(concept: &Value) -> Vec<Arc<str>> {
    let known =
        |coding| code_in(label::ACTION, coding).filter(|code| label::ACTIONS.contains(code));
    codings(concept).iter().filter_map(known).map(Arc::from).collect()
}

/// Who in which part; `None` if either cannot be told.
pub fn actor(value: &Value) -> Option<Actor> {
    let members = only(value, &["role", "reference"])?;
    let part = codings(members.get("role")?).iter().find_map(|coding| {
        match code_in(label::PARTICIPATION, coding)? {
            "AUT" => Some(Part::Author),
            "CST" => Some(Part::Custodian),
            "IRCP" | "PRCP" => Some(Part::Requester),
            _ => None,
        }
    })?;
    let who = Name::parse(members.get("reference")?);
    (!who.is_unresolvable()).then_some(Actor { part, who })
}

/// The resource type a class names.
pub fn resource_type(value: &Value) -> Option<Arc<str>> {
    let code = code_in(label::RESOURCE_TYPE, value)?;
    let type_like = code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.bytes().all(|b| b.is_ascii_alphabetic());
    type_like.then(|| code.into())
}

fn content(concept: &Value, imported: bool) -> Vec<Content> {
    let read = |value| match coding(value) {
        (Some(labels::THEME), Some(code)) if imported => {
            Some(Content::Themes(Themes::default().with(code)))
        }
        (Some(labels::THEME), _) | (_, None) => None,
        (system, Some(code)) => {
            Some(Content::Clinical(Code { system: system.map(Arc::from), code: code.into() }))
        }
    };
    let codings = codings(concept);
    let values: Vec<_> = codings.iter().filter_map(read).collect();
    if values.len() < codings.len() { Vec::new() } else { values }
}

/// Which instance in which sense; `None` if either cannot be told.
pub fn instance(value: &Value) -> Option<(Meaning, Name)> {
    let members = only(value, &["meaning", "reference"])?;
    let meaning = match members.get("meaning")?.as_str()? {
        "authoredby" => Meaning::AuthoredBy,
        "dependents" => Meaning::Dependents,
        "instance" => Meaning::Instance,
        "related" => Meaning::Related,
        _ => return None,
    };
    let what = Name::parse(members.get("reference")?);
    (!what.is_unresolvable()).then_some((meaning, what))
}

/// The purpose a coding names, if the table has it.
pub fn stated(value: &Value) -> Option<Purpose> {
    code_in(purpose::SYSTEM, value).map(Purpose::of).filter(Purpose::is_known)
}

/// The members of an object that has no others than these.
fn only<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Map<String, Value>> {
    let plain = |key: &String| keys.contains(&key.as_str()) || key == "id" || key == "extension";
    value.as_object().filter(|members| members.keys().all(plain))
}
