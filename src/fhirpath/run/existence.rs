//! Functions that count and ask whether.
//!
//! Part of `fhirpath`. `FHIRPath` 5.1, 6.5; `hasValue` of FHIR R4 fhirpath.html.

use super::{Function, Items, On, among, boolean, truth, unique, whole};
use crate::{
    error::Result,
    fhirpath::{item::Item, refuse},
};

pub(super) const ALL: &[Function] = &[
    Function::new("empty", 0..=0, |_, items| boolean(items.is_empty())),
    Function::new("exists", 0..=1, exists),
    Function::new("all", 1..=1, |on, items| {
        for (index, item) in items.iter().enumerate() {
            if truth(on.scope, &on.each(0, item, index)?)? != Some(true) {
                return boolean(false);
            }
        }
        boolean(true)
    }),
    Function::new("allTrue", 0..=0, |on, items| every(on, items, true)),
    Function::new("allFalse", 0..=0, |on, items| every(on, items, false)),
    Function::new("anyTrue", 0..=0, |on, items| any(on, items, true)),
    Function::new("anyFalse", 0..=0, |on, items| any(on, items, false)),
    Function::new("count", 0..=0, |_, items| Ok(vec![whole(items.len())])),
    Function::new("distinct", 0..=0, |on, items| unique(on.scope, items)),
    Function::new("isDistinct", 0..=0, |on, items| {
        boolean(unique(on.scope, items)?.len() == items.len())
    }),
    Function::new("subsetOf", 1..=1, |on, items| within(on, items, &on.argument(0)?)),
    Function::new("supersetOf", 1..=1, |on, items| within(on, &on.argument(0)?, items)),
    Function::new("not", 0..=0, |on, items| {
        Ok(truth(on.scope, items)?.map(|value| Item::Boolean(!value)).into_iter().collect())
    }),
    Function::new("hasValue", 0..=0, |_, items| {
        let one = matches!(items, [Item::Node(node)] if node.has_value());
        boolean(one || matches!(items, [one] if one.system_type().is_some()))
    }),
];

fn exists<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    if on.call.arguments.is_empty() {
        return boolean(!items.is_empty());
    }
    for (index, item) in items.iter().enumerate() {
        if truth(on.scope, &on.each(0, item, index)?)? == Some(true) {
            return boolean(true);
        }
    }
    boolean(false)
}

fn every<'a>(on: &On<'_, 'a>, items: &[Item<'a>], is: bool) -> Result<Items<'a>> {
    boolean(truths(on, items)?.iter().all(|value| *value == is))
}

fn any<'a>(on: &On<'_, 'a>, items: &[Item<'a>], is: bool) -> Result<Items<'a>> {
    boolean(truths(on, items)?.contains(&is))
}

fn truths(on: &On<'_, '_>, items: &[Item<'_>]) -> Result<Vec<bool>> {
    let read = |item: &Item<'_>| match item.system(on.scope.model)? {
        Some(Item::Boolean(value)) => Ok(value),
        _ => Err(refuse("truths are asked for")),
    };
    items.iter().map(read).collect()
}

fn within<'a>(on: &On<'_, 'a>, items: &[Item<'a>], all: &[Item<'a>]) -> Result<Items<'a>> {
    for item in items {
        if !among(on.scope, item, all)? {
            return boolean(false);
        }
    }
    boolean(true)
}
