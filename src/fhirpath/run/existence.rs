//! Functions that count and ask whether.
//!
//! Part of `fhirpath`. `FHIRPath` 5.1, 6.5; `hasValue` of FHIR R4 fhirpath.html.

use super::{Function, On, among, truth, unique, whole};
use crate::{
    error::Result,
    fhirpath::{item::Item, refuse},
};

pub(super) const ALL: &[Function] = &[
    Function::telling("empty", 0..=0, |_, items| Ok(Some(items.is_empty()))),
    Function::telling("exists", 0..=1, exists),
    Function::telling("all", 1..=1, |on, items| {
        for (index, item) in items.iter().enumerate() {
            if !on.holds(0, item, index)? {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }),
    Function::telling("allTrue", 0..=0, |on, items| every(on, items, true)),
    Function::telling("allFalse", 0..=0, |on, items| every(on, items, false)),
    Function::telling("anyTrue", 0..=0, |on, items| any(on, items, true)),
    Function::telling("anyFalse", 0..=0, |on, items| any(on, items, false)),
    Function::new("count", 0..=0, |_, items| Ok(vec![whole(items.len())])),
    Function::new("distinct", 0..=0, |on, items| unique(on.scope, items)),
    Function::telling("isDistinct", 0..=0, |on, items| {
        Ok(Some(unique(on.scope, items)?.len() == items.len()))
    }),
    Function::telling("subsetOf", 1..=1, |on, items| within(on, items, &on.argument(0)?)),
    Function::telling("supersetOf", 1..=1, |on, items| within(on, &on.argument(0)?, items)),
    Function::telling("not", 0..=0, |on, items| Ok(truth(on.scope, items)?.map(|value| !value))),
    Function::telling("hasValue", 0..=0, |_, items| {
        let one = matches!(items, [Item::Node(node)] if node.has_value());
        Ok(Some(one || matches!(items, [one] if one.system_type().is_some())))
    }),
];

fn exists<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Option<bool>> {
    if on.call.arguments.is_empty() {
        return Ok(Some(!items.is_empty()));
    }
    for (index, item) in items.iter().enumerate() {
        if on.holds(0, item, index)? {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

fn every(on: &On<'_, '_>, items: &[Item<'_>], is: bool) -> Result<Option<bool>> {
    Ok(Some(truths(on, items)?.iter().all(|value| *value == is)))
}

fn any(on: &On<'_, '_>, items: &[Item<'_>], is: bool) -> Result<Option<bool>> {
    Ok(Some(truths(on, items)?.contains(&is)))
}

fn truths(on: &On<'_, '_>, items: &[Item<'_>]) -> Result<Vec<bool>> {
    let read = |item: &Item<'_>| match item.system(on.scope.model)? {
        Some(Item::Boolean(value)) => Ok(value),
        _ => Err(refuse("truths are asked for")),
    };
    items.iter().map(read).collect()
}

fn within(on: &On<'_, '_>, items: &[Item<'_>], all: &[Item<'_>]) -> Result<Option<bool>> {
    for item in items {
        if !among(on.scope, item, all)? {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}
