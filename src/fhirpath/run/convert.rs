//! Functions that make one kind of value from another.
//!
//! Part of `fhirpath`. `FHIRPath` 5.5. What cannot become the other is nothing, as the language has it.

use std::borrow::Cow;

use super::{Function, Items, On, boolean, single_value};
use crate::{
    error::Result,
    fhirpath::{
        decimal::Decimal,
        item::Item,
        quantity::Quantity,
        refuse,
        temporal::{Form, Temporal},
    },
};

type Made<'a> = Option<Item<'a>>;

pub(super) const ALL: &[Function] = &[
    Function::new("toBoolean", 0..=0, |on, items| made(on, items, to_boolean)),
    Function::new("convertsToBoolean", 0..=0, |on, items| can(on, items, to_boolean)),
    Function::new("toInteger", 0..=0, |on, items| made(on, items, to_integer)),
    Function::new("convertsToInteger", 0..=0, |on, items| can(on, items, to_integer)),
    Function::new("toDecimal", 0..=0, |on, items| made(on, items, to_decimal)),
    Function::new("convertsToDecimal", 0..=0, |on, items| can(on, items, to_decimal)),
    Function::new("toString", 0..=0, |on, items| {
        if items.len() == 1 && single_value(on.scope, items)?.is_none() {
            return Err(refuse("what has elements cannot become a text"));
        }
        made(on, items, to_text)
    }),
    Function::new("convertsToString", 0..=0, |on, items| can(on, items, to_text)),
    Function::new("toDate", 0..=0, |on, items| made(on, items, to_date)),
    Function::new("convertsToDate", 0..=0, |on, items| can(on, items, to_date)),
    Function::new("toDateTime", 0..=0, |on, items| made(on, items, to_date_time)),
    Function::new("convertsToDateTime", 0..=0, |on, items| can(on, items, to_date_time)),
    Function::new("toTime", 0..=0, |on, items| made(on, items, to_time)),
    Function::new("convertsToTime", 0..=0, |on, items| can(on, items, to_time)),
    Function::new("toQuantity", 0..=0, |on, items| made(on, items, to_quantity)),
    Function::new("convertsToQuantity", 0..=0, |on, items| can(on, items, to_quantity)),
    Function::new("getValue", 0..=0, |on, items| {
        Ok(single_value(on.scope, items)?.into_iter().collect())
    }),
];

fn made<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    how: fn(&Item<'a>) -> Made<'a>,
) -> Result<Items<'a>> {
    Ok(single_value(on.scope, items)?.as_ref().and_then(how).into_iter().collect())
}

fn can<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    how: fn(&Item<'a>) -> Made<'a>,
) -> Result<Items<'a>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    boolean(single_value(on.scope, items)?.as_ref().and_then(how).is_some())
}

fn to_boolean<'a>(item: &Item<'a>) -> Made<'a> {
    let value = match &item {
        Item::Boolean(value) => *value,
        Item::Text(text) => match text.to_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => true,
            "false" | "f" | "no" | "n" | "0" | "0.0" => false,
            _ => return None,
        },
        Item::Integer(_) | Item::Decimal(_) => match item.number()?.whole()? {
            1 => true,
            0 => false,
            _ => return None,
        },
        Item::Node(_)
        | Item::Temporal(_)
        | Item::Quantity(_)
        | Item::Type(..)
        | Item::Elsewhere(_) => {
            return None;
        }
    };
    Some(Item::Boolean(value))
}

fn to_integer<'a>(item: &Item<'a>) -> Made<'a> {
    if let Item::Text(text) = item {
        return text.parse::<i32>().ok().map(|whole| Item::Integer(whole.into()));
    }
    if let Item::Boolean(value) = item {
        return Some(Item::Integer(i64::from(*value)));
    }
    matches!(item, Item::Integer(_)).then(|| item.clone())
}

fn to_decimal<'a>(item: &Item<'a>) -> Made<'a> {
    if let Item::Boolean(value) = item {
        return Some(Item::Decimal(i64::from(*value).into()));
    }
    if let Item::Text(text) = item {
        let plain = !text.contains(['e', 'E']);
        return plain.then(|| Decimal::parse(text))?.map(Item::Decimal);
    }
    item.number().map(Item::Decimal)
}

fn to_text<'a>(item: &Item<'a>) -> Made<'a> {
    let text = match item {
        Item::Text(_) => return Some(item.clone()),
        Item::Boolean(value) => value.to_string(),
        Item::Integer(whole) => whole.to_string(),
        Item::Decimal(number) => number.to_string(),
        Item::Temporal(at) => at.to_string(),
        Item::Quantity(quantity) if quantity.calendar => {
            let many = if quantity.value.whole() == Some(1) { "" } else { "s" };
            format!("{} {}{many}", quantity.value, quantity.unit)
        }
        Item::Quantity(quantity) => format!("{} '{}'", quantity.value, quantity.unit),
        Item::Node(_) | Item::Type(..) | Item::Elsewhere(_) => return None,
    };
    Some(Item::Text(Cow::Owned(text)))
}

fn to_date<'a>(item: &Item<'a>) -> Made<'a> {
    moment(item, Form::Date, |text| {
        Temporal::date(text).or_else(|| Temporal::date_time(text)?.to_form(Form::Date))
    })
}

fn to_date_time<'a>(item: &Item<'a>) -> Made<'a> {
    moment(item, Form::DateTime, Temporal::date_time)
}

fn to_time<'a>(item: &Item<'a>) -> Made<'a> {
    moment(item, Form::Time, Temporal::time)
}

fn moment<'a>(item: &Item<'_>, form: Form, read: fn(&str) -> Option<Temporal>) -> Made<'a> {
    if let Item::Text(text) = item {
        return read(text).map(Item::Temporal);
    }
    let Item::Temporal(at) = item else { return None };
    at.to_form(form).map(Item::Temporal)
}

fn to_quantity<'a>(item: &Item<'a>) -> Made<'a> {
    let quantity = match item {
        Item::Quantity(_) => return Some(item.clone()),
        Item::Text(text) => Quantity::parse(text)?,
        Item::Boolean(value) => Quantity::ucum(i64::from(*value).into(), "1"),
        Item::Integer(_) | Item::Decimal(_) => Quantity::ucum(item.number()?, "1"),
        Item::Node(_) | Item::Temporal(_) | Item::Type(..) | Item::Elsewhere(_) => return None,
    };
    Some(Item::Quantity(Box::new(quantity)))
}
