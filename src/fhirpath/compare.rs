//! Equal, alike, before and after.
//!
//! Part of `fhirpath`. What cannot be told is `None` and becomes an empty answer, as `FHIRPath` 6.1 and
//! 6.2 have it. Comparing many with many costs steps.

use std::{borrow::Cow, cmp::Ordering, collections::HashSet};

use serde_json::Value;

use super::{
    Scope,
    decimal::Decimal,
    item::Item,
    quantity::{self, Quantity},
    refuse,
};
use crate::error::Result;

/// A collection read as true or false: nothing is neither, one thing that is no boolean is true.
pub(super) fn truth(scope: &Scope<'_>, items: &[Item<'_>]) -> Result<Option<bool>> {
    match items {
        [] => Ok(None),
        [one] => Ok(match one.system(scope.model)? {
            Some(Item::Boolean(value)) => Some(value),
            Some(Item::Integer(value)) => Some(value != 0),
            Some(_) | None => Some(true),
        }),
        _ => Err(refuse("one truth is asked for where several things stand")),
    }
}

/// `=`, of collections.
pub(super) fn equal(
    scope: &Scope<'_>,
    left: &[Item<'_>],
    right: &[Item<'_>],
) -> Result<Option<bool>> {
    if left.is_empty() || right.is_empty() {
        return Ok(None);
    }
    if left.len() != right.len() {
        return Ok(Some(false));
    }
    let mut known = true;
    for (one, two) in left.iter().zip(right) {
        match same(scope, one, two)? {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => known = false,
        }
    }
    Ok(known.then_some(true))
}

/// `=`, of two.
pub(super) fn same(scope: &Scope<'_>, left: &Item<'_>, right: &Item<'_>) -> Result<Option<bool>> {
    scope.step(1)?;
    let (one, two) = (left.system(scope.model)?, right.system(scope.model)?);
    let (Some(one), Some(two)) = (one, two) else {
        return Ok(Some(match (left, right) {
            (Item::Node(one), Item::Node(two)) => {
                one.kind == two.kind
                    && deep(scope, one.value, two.value)?
                    && deep(scope, one.beside, two.beside)?
            }
            (_, _) => false,
        }));
    };
    Ok(match (&one, &two) {
        (Item::Temporal(one), Item::Temporal(two)) => {
            let time = |at: &super::temporal::Temporal| at.form() == super::temporal::Form::Time;
            if time(one) == time(two) {
                one.compare(*two).map(Ordering::is_eq)
            } else {
                Some(false)
            }
        }
        (Item::Quantity(one), Item::Quantity(two)) => one.compare(two).map(Ordering::is_eq),
        (Item::Quantity(one), _) => match two.number() {
            Some(two) => one.compare(&Quantity::ucum(two, "1")).map(Ordering::is_eq),
            None => Some(false),
        },
        (_, Item::Quantity(two)) => match one.number() {
            Some(one) => Quantity::ucum(one, "1").compare(two).map(Ordering::is_eq),
            None => Some(false),
        },
        (Item::Boolean(one), Item::Boolean(two)) => Some(one == two),
        (Item::Text(one), Item::Text(two)) => Some(one == two),
        (Item::Type(one, a), Item::Type(two, b)) => Some((one, a) == (two, b)),
        (one, two) => match (one.number(), two.number()) {
            (Some(one), Some(two)) => one.compare(two).map(Ordering::is_eq),
            (_, _) => Some(false),
        },
    })
}

fn deep(scope: &Scope<'_>, left: Option<&Value>, right: Option<&Value>) -> Result<bool> {
    scope.step(1)?;
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(left.is_none() == right.is_none());
    };
    match (left, right) {
        (Value::Array(one), Value::Array(two)) => {
            let mut same = one.len() == two.len();
            for (one, two) in one.iter().zip(two) {
                same = same && deep(scope, Some(one), Some(two))?;
            }
            Ok(same)
        }
        (Value::Object(one), Value::Object(two)) => {
            let mut same = one.len() == two.len();
            for (name, one) in one {
                same = same && deep(scope, Some(one), two.get(name))?;
            }
            Ok(same)
        }
        (Value::Number(one), Value::Number(two)) => {
            let read = |number: &serde_json::Number| Decimal::parse(&number.to_string());
            Ok(read(one)
                .zip(read(two))
                .and_then(|(a, b)| a.compare(b))
                .is_some_and(Ordering::is_eq))
        }
        (one, two) => Ok(one == two),
    }
}

/// `~`, of collections: in any order.
pub(super) fn alike(scope: &Scope<'_>, left: &[Item<'_>], right: &[Item<'_>]) -> Result<bool> {
    if left.len() != right.len() {
        return Ok(false);
    }
    let mut open: Vec<&Item<'_>> = right.iter().collect();
    for one in left {
        let mut found = None;
        for (at, two) in open.iter().enumerate() {
            if similar(scope, one, two)? {
                found = Some(at);
                break;
            }
        }
        let Some(at) = found else { return Ok(false) };
        open.swap_remove(at);
    }
    Ok(true)
}

/// `~`, of two.
fn similar(scope: &Scope<'_>, left: &Item<'_>, right: &Item<'_>) -> Result<bool> {
    scope.step(1)?;
    let (one, two) = (left.system(scope.model)?, right.system(scope.model)?);
    let (Some(one), Some(two)) = (one, two) else {
        let (Item::Node(one), Item::Node(two)) = (left, right) else { return Ok(false) };
        let (mut first, mut second) = (Vec::new(), Vec::new());
        one.children(scope.model, &mut first)?;
        two.children(scope.model, &mut second)?;
        return Ok(one.kind == two.kind && alike(scope, &first, &second)?);
    };
    Ok(match (&one, &two) {
        (Item::Text(one), Item::Text(two)) => plain(one) == plain(two),
        (Item::Temporal(one), Item::Temporal(two)) => one.equivalent(*two),
        (Item::Quantity(one), Item::Quantity(two)) => one.equivalent(two),
        (one, two) => match (one.number(), two.number()) {
            (Some(one), Some(two)) => quantity::alike(one, two).unwrap_or(false),
            (_, _) => same(scope, left, right)?.unwrap_or(false),
        },
    })
}

/// Without letter case, and with one blank for many.
fn plain(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// `<` and its like.
///
/// # Errors
/// `Invalid` where no order is between the two.
pub(super) fn order(
    scope: &Scope<'_>,
    left: &[Item<'_>],
    right: &[Item<'_>],
) -> Result<Option<Ordering>> {
    let (one, two) = match (left, right) {
        ([], _) | (_, []) => return Ok(None),
        ([one], [two]) => (one.system(scope.model)?, two.system(scope.model)?),
        (_, _) => return Err(refuse("two are compared where several stand")),
    };
    let (Some(one), Some(two)) = (one, two) else { return Ok(None) };
    match (&one, &two) {
        (Item::Text(one), Item::Text(two)) => Ok(Some(one.cmp(two))),
        (Item::Temporal(one), Item::Temporal(two)) => Ok(one.compare(*two)),
        (Item::Quantity(one), Item::Quantity(two)) => Ok(one.compare(two)),
        (one, two) => match (one.number(), two.number()) {
            (Some(one), Some(two)) => Ok(one.compare(two)),
            (_, _) => Err(refuse("things are compared that have no order")),
        },
    }
}

/// Is it among them?
pub(super) fn among(scope: &Scope<'_>, one: &Item<'_>, all: &[Item<'_>]) -> Result<bool> {
    for other in all {
        if same(scope, one, other)? == Some(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Each once, the first of it.
pub(super) fn unique<'a>(scope: &Scope<'a>, items: &[Item<'a>]) -> Result<Vec<Item<'a>>> {
    scope.step(items.len())?;
    let mut found: Vec<Item<'a>> = Vec::with_capacity(items.len());
    // Texts are most of what there is, and can be looked up.
    let mut texts: HashSet<Cow<'_, str>> = HashSet::new();
    for item in items {
        let new = match item.system(scope.model)? {
            Some(Item::Text(text)) => texts.insert(text),
            Some(_) | None => !among(scope, item, &found)?,
        };
        if new {
            found.push(item.clone());
        }
    }
    Ok(found)
}
