//! Functions that go through a resource, and what FHIR adds.
//!
//! Part of `fhirpath`. `FHIRPath` 5.8, 5.9, 6.3; FHIR R4 fhirpath.html. A reference is followed only to
//! what the resource itself contains; of anything else its type is told and no more.

use serde_json::Value;

use super::{Function, Items, On, text};
use crate::{
    error::Result,
    fhirpath::{
        item::{Item, Node},
        model::Model,
        refuse,
        temporal::Form,
    },
};

pub(super) const ALL: &[Function] = &[
    Function::new("children", 0..=0, below),
    Function::new("descendants", 0..=0, |on, items| {
        let mut all = Vec::new();
        let mut open = below(on, items)?;
        while !open.is_empty() {
            let next = below(on, &open)?;
            all.append(&mut open);
            open = next;
        }
        Ok(all)
    }),
    Function::new("type", 0..=0, |on, items| {
        Ok(items.iter().map(|item| class(on, item)).collect())
    }),
    Function::new("extension", 1..=1, extensions),
    Function::telling("hasExtension", 1..=1, |on, items| {
        Ok(Some(!extensions(on, items)?.is_empty()))
    }),
    Function::new("resolve", 0..=0, |on, items| {
        on.scope.step(items.len())?;
        items.iter().filter_map(|item| resolve(on, item).transpose()).collect()
    }),
    Function::new("now", 0..=0, |on, _| now(on, Form::DateTime)),
    Function::new("today", 0..=0, |on, _| now(on, Form::Date)),
    Function::new("timeOfDay", 0..=0, |on, _| now(on, Form::Time)),
];

fn below<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    let mut all = Vec::new();
    for item in items {
        match item {
            Item::Node(node) => node.children(on.scope.model, &mut all)?,
            Item::Elsewhere(_) => {
                return Err(refuse("of what is not at hand only the type is known"));
            }
            Item::Boolean(_)
            | Item::Integer(_)
            | Item::Decimal(_)
            | Item::Text(_)
            | Item::Temporal(_)
            | Item::Quantity(_)
            | Item::Type(..) => {}
        }
    }
    on.scope.step(items.len() + all.len())?;
    Ok(all)
}

fn class<'a>(on: &On<'_, 'a>, item: &Item<'a>) -> Item<'a> {
    let model: &'a Model<'a> = on.scope.model;
    match item {
        Item::Node(Node { kind, .. }) | Item::Elsewhere(kind) => {
            let name = model.name(*kind);
            // A part of a resource has no name of its own.
            let parent = model.of(*kind).and_then(|of| of.parent).filter(|_| name.contains('.'));
            Item::Type("FHIR", parent.map_or(name, |parent| model.name(parent)))
        }
        Item::Boolean(_)
        | Item::Integer(_)
        | Item::Decimal(_)
        | Item::Text(_)
        | Item::Temporal(_)
        | Item::Quantity(_)
        | Item::Type(..) => {
            Item::Type("System", item.system_type().map_or("Any", super::System::name))
        }
    }
}

fn extensions<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    let Some(url) = text::one(on.scope, &on.argument(0)?)? else { return Ok(Vec::new()) };
    let mut all = super::member(on.scope, items, "extension", on.scope.model.named("extension"))?;
    all.retain(|item| {
        let value = item.node().and_then(|node| node.value);
        value.and_then(|value| value.get("url")).and_then(Value::as_str) == Some(&*url)
    });
    Ok(all)
}

fn resolve<'a>(on: &On<'_, 'a>, item: &Item<'a>) -> Result<Option<Item<'a>>> {
    let Item::Node(node) = item else {
        return Err(refuse("what is no reference cannot be followed"));
    };
    let member = |name: &str| node.value.and_then(|value| value.get(name)).and_then(Value::as_str);
    let reference = node.text().or_else(|| member("reference"));
    let scope = on.scope;
    if let Some(id) = reference.and_then(|reference| reference.strip_prefix('#')) {
        if id.is_empty() {
            return Ok(Some(Item::Node(scope.root)));
        }
        let contained = scope.root.value.and_then(|root| root.get("contained"));
        let mut all = contained.and_then(Value::as_array).into_iter().flatten();
        let found = all.find(|one| one.get("id").and_then(Value::as_str) == Some(id));
        return Ok(found.and_then(|one| Node::resource(scope.model, one)).map(Item::Node));
    }
    let named = reference.and_then(kind_of).or_else(|| member("type"));
    Ok(named.and_then(|name| scope.model.find(name)).map(Item::Elsewhere))
}

/// `Patient` of `https://example.org/fhir/Patient/1/_history/2`.
fn kind_of(reference: &str) -> Option<&str> {
    let bare = reference.split_once("/_history/").map_or(reference, |(bare, _)| bare);
    let (kind, id) = bare.rsplit_once('/')?;
    let kind = kind.rsplit('/').next()?;
    let named = kind.starts_with(|c: char| c.is_ascii_uppercase()) && !id.is_empty();
    named.then_some(kind)
}

fn now<'a>(on: &On<'_, 'a>, form: Form) -> Result<Items<'a>> {
    let at = on.scope.now.ok_or_else(|| refuse("it may not ask what time it is"))?;
    let at = if form == Form::Time { Some(at.of_day()) } else { at.to_form(form) };
    Ok(at.map(Item::Temporal).into_iter().collect())
}
