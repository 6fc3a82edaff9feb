//! Functions that choose from what there is, and that put together.
//!
//! Part of `fhirpath`. `FHIRPath` 5.2 to 5.4, 5.9 (`iif`), 7.

use super::{Frame, Function, Items, On, among, decide, eval, one_whole, single, unique};
use crate::{
    error::Result,
    fhirpath::{item::Item, refuse},
};

pub(super) const ALL: &[Function] = &[
    Function::new("where", 1..=1, |on, items| {
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if on.holds(0, item, index)? {
                found.push(item.clone());
            }
        }
        Ok(found)
    }),
    Function::new("select", 1..=1, |on, items| {
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            found.append(&mut on.each(0, item, index)?);
        }
        Ok(found)
    }),
    Function::new("repeat", 1..=1, repeat),
    Function::new("single", 0..=0, |_, items| {
        if items.len() > 1 {
            return Err(refuse("single() stands where several things are"));
        }
        Ok(items.to_vec())
    }),
    Function::new("first", 0..=0, |_, items| Ok(items.first().cloned().into_iter().collect())),
    Function::new("last", 0..=0, |_, items| Ok(items.last().cloned().into_iter().collect())),
    Function::new("tail", 0..=0, |_, items| Ok(items.iter().skip(1).cloned().collect())),
    Function::new("skip", 1..=1, |on, items| {
        let Some(count) = one_whole(on.scope, &on.argument(0)?)? else { return Ok(Vec::new()) };
        Ok(items.iter().skip(usize::try_from(count).unwrap_or(0)).cloned().collect())
    }),
    Function::new("take", 1..=1, |on, items| {
        let Some(count) = one_whole(on.scope, &on.argument(0)?)? else { return Ok(Vec::new()) };
        Ok(items.iter().take(usize::try_from(count).unwrap_or(0)).cloned().collect())
    }),
    Function::new("intersect", 1..=1, |on, items| {
        unique(on.scope, &chosen(on, items, &on.argument(0)?, true)?)
    }),
    Function::new("exclude", 1..=1, |on, items| chosen(on, items, &on.argument(0)?, false)),
    Function::new("union", 1..=1, |on, items| {
        unique(on.scope, &[items, &on.argument(0)?].concat())
    }),
    Function::new("combine", 1..=1, |on, items| Ok([items, &on.argument(0)?].concat())),
    Function::new("aggregate", 1..=2, aggregate),
    Function::new("iif", 2..=3, iif),
    Function::new("trace", 1..=2, |_, items| Ok(items.to_vec())),
];

fn chosen<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    others: &[Item<'a>],
    with: bool,
) -> Result<Items<'a>> {
    let mut found = Vec::new();
    for item in items {
        if among(on.scope, item, others)? == with {
            found.push(item.clone());
        }
    }
    Ok(found)
}

/// What an argument gives, what it gives of that, and so on, until nothing new comes.
fn repeat<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    let mut found: Items<'a> = Vec::new();
    let mut open: Items<'a> = items.to_vec();
    while !open.is_empty() {
        let mut next = Vec::new();
        for (index, item) in open.iter().enumerate() {
            on.scope.step(1)?;
            for new in on.each(0, item, index)? {
                if !among(on.scope, &new, &found)? {
                    found.push(new.clone());
                    next.push(new);
                }
            }
        }
        open = next;
    }
    Ok(found)
}

fn aggregate<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    let Some(step) = on.call.arguments.first() else { return Ok(Vec::new()) };
    let mut total = on.argument(1)?;
    for (index, item) in items.iter().enumerate() {
        let focus = std::slice::from_ref(item);
        total = eval(step, on.scope, &Frame { focus, index, total: &total })?;
    }
    Ok(total)
}

/// Only the branch that is taken is asked. Called on something, its arguments speak of that.
fn iif<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    single(items)?;
    let frame = Frame { focus: items, ..on.frame };
    let argument = |at: usize| match on.call.arguments.get(at) {
        Some(argument) => eval(argument, on.scope, &frame),
        None => Ok(Vec::new()),
    };
    let taken = match on.call.arguments.first() {
        Some(condition) => decide(condition, on.scope, &frame)? == Some(true),
        None => false,
    };
    argument(if taken { 1 } else { 2 })
}
