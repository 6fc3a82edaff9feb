//! What expressions speak of: places in a resource, and values.
//!
//! Part of `fhirpath`. A place knows its type by the model, never by how its JSON looks; its value is
//! taken out only where one is needed. Source: `FHIRPath` 4.1, FHIR R4 json.html, fhirpath.html.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    decimal::Decimal,
    model::{Element, Form, Model, Name, Simple, TypeId},
    quantity::Quantity,
    refuse,
    temporal::Temporal,
    tree::System,
};
use crate::error::Result;

/// One of what an expression speaks of.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// A place in a resource.
    Node(Node<'a>),
    /// `Boolean`.
    Boolean(bool),
    /// `Integer`.
    Integer(i64),
    /// `Decimal`.
    Decimal(Decimal),
    /// `String`.
    Text(Cow<'a, str>),
    /// `Date`, `DateTime`, `Time`.
    Temporal(Temporal),
    /// `Quantity`.
    Quantity(Box<Quantity<'a>>),
    /// What `type()` says: whose type, and its name.
    Type(&'static str, &'a str),
    /// The target of a reference that is not at hand: its type is known, and nothing else.
    Elsewhere(TypeId),
}

/// A place in a resource.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// What stands there; nothing, if only extensions do.
    pub value: Option<&'a Value>,
    /// Of a primitive what stands beside it: its id and extensions.
    pub beside: Option<&'a Value>,
    /// Its type.
    pub kind: TypeId,
}

impl<'a> Node<'a> {
    /// A whole resource, by the type it names.
    pub fn resource(model: &Model<'_>, value: &'a Value) -> Option<Self> {
        let kind = model.find(value.get("resourceType")?.as_str()?)?;
        Some(Self { value: Some(value), beside: None, kind })
    }

    /// A place of an element's type; a resource is of the type that it names.
    fn at(
        model: &Model<'_>,
        form: &Form<'_>,
        value: Option<&'a Value>,
        beside: Option<&'a Value>,
    ) -> Self {
        let named = value.filter(|_| model.is_any_resource(form.kind));
        let own = named.and_then(|value| Self::resource(model, value));
        own.unwrap_or(Self { value, beside, kind: form.kind })
    }

    /// The object that holds its elements.
    fn object(&self) -> Option<&'a serde_json::Map<String, Value>> {
        match self.value {
            Some(Value::Object(members)) => Some(members),
            _ => self.beside.and_then(Value::as_object),
        }
    }

    /// What stands at an element.
    ///
    /// # Errors
    /// `Invalid` if nothing is known of what its type holds.
    pub(super) fn member(
        &self,
        model: &Model<'_>,
        name: Option<Name>,
        all: &mut Vec<Item<'a>>,
    ) -> Result<()> {
        let Some(element) = name.and_then(|name| model.element(self.kind, name)) else {
            return self.known(model);
        };
        if let Some(members) = self.object() {
            spread(model, element, members, all);
        }
        Ok(())
    }

    /// Every element's, in the order of the names.
    ///
    /// # Errors
    /// `Invalid` if nothing is known of what its type holds.
    pub(super) fn children(&self, model: &Model<'_>, all: &mut Vec<Item<'a>>) -> Result<()> {
        self.known(model)?;
        let Some(members) = self.object() else { return Ok(()) };
        let mut last: Option<&str> = None;
        for name in members.keys() {
            let member = name.strip_prefix('_').unwrap_or(name);
            let Some((element, form)) = model.member(self.kind, member) else { continue };
            // `_name` stands apart from `name`, which is told with it.
            if name.len() > member.len() && members.contains_key(member) || last == Some(member) {
                continue;
            }
            last = Some(member);
            form_of(model, element, form, members, all);
        }
        Ok(())
    }

    fn known(&self, model: &Model<'_>) -> Result<()> {
        let known = model.of(self.kind).is_some_and(|of| of.known);
        if known { Ok(()) } else { Err(refuse("a type's elements are not known")) }
    }

    /// Does something stand there, beside extensions?
    pub(super) fn has_value(&self) -> bool {
        self.value.is_some_and(|value| !value.is_object())
    }

    /// The text there, if it is one.
    pub fn text(&self) -> Option<&'a str> {
        self.value.and_then(Value::as_str)
    }

    /// The value as `FHIRPath` has it: of a primitive or an amount.
    fn system(&self, simple: Simple) -> Option<Result<Item<'a>>> {
        let value = self.value?;
        let read = match (simple, value) {
            (Simple::Boolean, Value::Bool(value)) => Some(Item::Boolean(*value)),
            (Simple::Integer, Value::Number(number)) => number.as_i64().map(Item::Integer),
            (Simple::Decimal, Value::Number(number)) => {
                Decimal::parse(&number.to_string()).map(Item::Decimal)
            }
            (Simple::Text, Value::String(text)) => Some(Item::Text(Cow::Borrowed(text))),
            (Simple::Date, Value::String(text)) => Temporal::date(text).map(Item::Temporal),
            (Simple::DateTime, Value::String(text)) => {
                Temporal::date_time(text).map(Item::Temporal)
            }
            (Simple::Time, Value::String(text)) => Temporal::time(text).map(Item::Temporal),
            (Simple::Quantity, Value::Object(members)) => {
                let number = members.get("value").and_then(Value::as_number)?;
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                let unit = text("code").or_else(|| text("unit")).unwrap_or("1");
                let value = Decimal::parse(&number.to_string());
                value.map(|value| Item::Quantity(Box::new(Quantity::ucum(value, unit))))
            }
            (_, _) => None,
        };
        Some(read.ok_or_else(|| refuse("a value is not what its type says")))
    }
}

/// All that stands at an element, of whichever type.
fn spread<'a>(
    model: &Model<'_>,
    element: &Element<'_>,
    members: &'a serde_json::Map<String, Value>,
    all: &mut Vec<Item<'a>>,
) {
    if !element.is_choice {
        if let Some(form) = element.forms.first() {
            form_of(model, element, form, members, all);
        }
        return;
    }
    // Few members stand in an object, many types in a choice.
    for name in members.keys() {
        let member = name.strip_prefix('_').unwrap_or(name);
        let apart = name.len() > member.len() && members.contains_key(member);
        if member.starts_with(element.name)
            && !apart
            && let Some(form) = element.forms.iter().find(|form| form.member == member)
        {
            form_of(model, element, form, members, all);
        }
    }
}

/// All that stands at an element under one name.
fn form_of<'a>(
    model: &Model<'_>,
    element: &Element<'_>,
    form: &Form<'_>,
    members: &'a serde_json::Map<String, Value>,
    all: &mut Vec<Item<'a>>,
) {
    let value = members.get(&*form.member);
    let beside = form.beside.as_ref().and_then(|beside| members.get(&**beside));
    let mut push = |value: Option<&'a Value>, beside: Option<&'a Value>| {
        let (value, beside) = (value.filter(|v| !v.is_null()), beside.filter(|v| !v.is_null()));
        if value.is_some() || beside.is_some() {
            all.push(Item::Node(Node::at(model, form, value, beside)));
        }
    };
    match (value, beside) {
        (Some(Value::Array(list)), beside) if element.many => {
            let beside = beside.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let mut beside = beside.iter();
            for value in list {
                push(Some(value), beside.next());
            }
            beside.for_each(|one| push(None, Some(one)));
        }
        (None, Some(Value::Array(list))) if element.many => {
            list.iter().for_each(|one| push(None, Some(one)));
        }
        (value, beside) => push(value, beside),
    }
}

impl Item<'_> {
    /// The place in a resource, if it is one.
    pub fn node(&self) -> Option<&Node<'_>> {
        if let Self::Node(node) = self { Some(node) } else { None }
    }

    /// The number, whole or not, if it is one.
    pub fn number(&self) -> Option<Decimal> {
        if let Self::Integer(whole) = self {
            return Some((*whole).into());
        }
        if let Self::Decimal(number) = self { Some(*number) } else { None }
    }

    /// The value as `FHIRPath` has it; nothing for a place that has none.
    ///
    /// # Errors
    /// `Invalid` if what stands there is not what its type says.
    pub fn system(&self, model: &Model<'_>) -> Result<Option<Self>> {
        match self {
            Self::Node(node) => match model.of(node.kind).and_then(|of| of.simple) {
                Some(simple) => node.system(simple).transpose(),
                None => Ok(None),
            },
            Self::Elsewhere(_) => Ok(None),
            Self::Boolean(_)
            | Self::Integer(_)
            | Self::Decimal(_)
            | Self::Text(_)
            | Self::Temporal(_)
            | Self::Quantity(_)
            | Self::Type(..) => Ok(Some(self.clone())),
        }
    }

    /// Its type among those of `FHIRPath` itself; a place in a resource has none.
    pub(super) fn system_type(&self) -> Option<System> {
        use super::temporal::Form as T;
        Some(match self {
            Self::Boolean(_) => System::Boolean,
            Self::Integer(_) => System::Integer,
            Self::Decimal(_) => System::Decimal,
            Self::Text(_) => System::String,
            Self::Quantity(_) => System::Quantity,
            Self::Temporal(at) => match at.form() {
                T::Date => System::Date,
                T::DateTime => System::DateTime,
                T::Time => System::Time,
            },
            Self::Node(_) | Self::Type(..) | Self::Elsewhere(_) => return None,
        })
    }
}
