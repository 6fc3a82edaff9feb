//! Functions on numbers.
//!
//! Part of `fhirpath`. `FHIRPath` 5.7. All are exact but `sqrt`, `exp`, `ln`, `log` and `power` with a
//! broken exponent, which no decimal can hold: these are right to eight places.

use super::{Function, Items, On, one_whole, single_value};
use crate::{
    error::Result,
    fhirpath::{decimal::Decimal, item::Item, refuse},
};

/// The greatest exponent that is worked out digit by digit.
const POWER: i64 = 64;

pub(super) const ALL: &[Function] = &[
    Function::new("abs", 0..=0, |on, items| match single_value(on.scope, items)? {
        Some(Item::Quantity(mut quantity)) => {
            quantity.value = quantity.value.absolute();
            Ok(vec![Item::Quantity(quantity)])
        }
        _ => same(on, items, |value| Some(value.absolute())),
    }),
    Function::new("ceiling", 0..=0, |on, items| to_whole(on, items, Decimal::ceiling)),
    Function::new("floor", 0..=0, |on, items| to_whole(on, items, Decimal::floor)),
    Function::new("truncate", 0..=0, |on, items| to_whole(on, items, Decimal::truncated)),
    Function::new("round", 0..=1, |on, items| {
        let places = one_whole(on.scope, &on.argument(0)?)?.unwrap_or(0);
        let places = u32::try_from(places).map_err(|_| refuse("places are counted from 0"))?;
        decimal(on, items, |value| value.rounded(places))
    }),
    Function::new("sqrt", 0..=0, |on, items| decimal(on, items, |x| near(x, f64::sqrt))),
    Function::new("exp", 0..=0, |on, items| decimal(on, items, |x| near(x, f64::exp))),
    Function::new("ln", 0..=0, |on, items| decimal(on, items, |x| near(x, f64::ln))),
    Function::new("log", 1..=1, |on, items| {
        let Some(base) = value(on, &on.argument(0)?)? else { return Ok(Vec::new()) };
        let Some(base) = float(base) else { return Ok(Vec::new()) };
        decimal(on, items, |x| near(x, |x| x.ln() / base.ln()))
    }),
    Function::new("power", 1..=1, |on, items| {
        let Some(exponent) = value(on, &on.argument(0)?)? else { return Ok(Vec::new()) };
        same(on, items, |x| power(x, exponent))
    }),
];

fn value(on: &On<'_, '_>, items: &[Item<'_>]) -> Result<Option<Decimal>> {
    let Some(one) = super::single(items)? else { return Ok(None) };
    let value = one.system(on.scope.model)?.as_ref().and_then(Item::number);
    value.map(Some).ok_or_else(|| refuse("a number is asked for"))
}

fn decimal<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    how: impl FnOnce(Decimal) -> Option<Decimal>,
) -> Result<Items<'a>> {
    Ok(value(on, items)?.and_then(how).map(Item::Decimal).into_iter().collect())
}

/// A whole number stays one where it can.
fn same<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    how: impl FnOnce(Decimal) -> Option<Decimal>,
) -> Result<Items<'a>> {
    let whole = matches!(single_value(on.scope, items)?, Some(Item::Integer(_)));
    let found = value(on, items)?.and_then(how);
    let item = |value: Decimal| match value.whole().filter(|_| whole) {
        Some(whole) => Item::Integer(whole),
        None => Item::Decimal(value),
    };
    Ok(found.map(item).into_iter().collect())
}

fn to_whole<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    how: fn(Decimal) -> Option<Decimal>,
) -> Result<Items<'a>> {
    let found = value(on, items)?.and_then(how).and_then(Decimal::whole);
    Ok(found.map(Item::Integer).into_iter().collect())
}

fn power(value: Decimal, exponent: Decimal) -> Option<Decimal> {
    if let Some(whole) = exponent.whole().filter(|whole| (0..=POWER).contains(whole)) {
        return (0..whole).try_fold(Decimal::ONE, |all, _| all.times(value));
    }
    let exponent = float(exponent)?;
    near(value, |value| value.powf(exponent))
}

fn float(value: Decimal) -> Option<f64> {
    value.to_string().parse().ok()
}

/// To eight places; what is no number is nothing.
fn near(value: Decimal, how: impl FnOnce(f64) -> f64) -> Option<Decimal> {
    let found = how(float(value)?);
    found.is_finite().then(|| Decimal::parse(&format!("{found:.8}")))?
}
