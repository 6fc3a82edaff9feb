//! Amounts with a unit: of the calendar, or of UCUM as far as it is written in powers of ten and a few
//! well-known units.
//!
//! Part of `fhirpath`. Two amounts compare if their units measure the same; what cannot be converted
//! exactly does not compare at all. A year and a month measure nothing but themselves, since no number
//! of days is theirs. Source: `FHIRPath` 4.1.8, 6.1, 6.2; UCUM.

use std::{borrow::Cow, cmp::Ordering, fmt::Write};

use super::decimal::Decimal;

/// What units measure: metre, gram, second, mole, kelvin, ampere, candela, calendar year and month.
const BASES: [&str; 9] = ["m", "g", "s", "mol", "K", "A", "cd", "year", "month"];
/// Units with what they are of one base: numerator, denominator, base, exponent.
const UNITS: &[(&str, Decimal, i64, usize, i8)] = &[
    ("m", Decimal::ONE, 1, 0, 1),
    ("g", Decimal::ONE, 1, 1, 1),
    ("s", Decimal::ONE, 1, 2, 1),
    ("mol", Decimal::ONE, 1, 3, 1),
    ("K", Decimal::ONE, 1, 4, 1),
    ("A", Decimal::ONE, 1, 5, 1),
    ("cd", Decimal::ONE, 1, 6, 1),
    ("L", Decimal::ONE, 1000, 0, 3),
    ("l", Decimal::ONE, 1000, 0, 3),
    ("min", Decimal::new(60, 0), 1, 2, 1),
    ("h", Decimal::new(3600, 0), 1, 2, 1),
    ("d", Decimal::new(86_400, 0), 1, 2, 1),
    ("wk", Decimal::new(604_800, 0), 1, 2, 1),
    ("mo", Decimal::new(2_629_800, 0), 1, 2, 1),
    ("a", Decimal::new(31_557_600, 0), 1, 2, 1),
    ("[lb_av]", Decimal::new(45_359_237, 5), 1, 1, 1),
    ("[oz_av]", Decimal::new(28_349_523_125, 9), 1, 1, 1),
    ("[in_i]", Decimal::new(254, 4), 1, 0, 1),
    ("[ft_i]", Decimal::new(3048, 4), 1, 0, 1),
    ("%", Decimal::ONE, 100, 0, 0),
    ("1", Decimal::ONE, 1, 0, 0),
];
/// Prefixes of the units of the metric system.
const PREFIXES: &[(char, i64, i64)] = &[
    ('k', 1000, 1),
    ('M', 1_000_000, 1),
    ('h', 100, 1),
    ('d', 1, 10),
    ('c', 1, 100),
    ('m', 1, 1000),
    ('u', 1, 1_000_000),
    ('n', 1, 1_000_000_000),
];
const METRIC: [&str; 9] = ["m", "g", "s", "mol", "K", "A", "cd", "L", "l"];
/// Words of the calendar, one of them and many.
const CALENDAR: &[(&str, &str, &str)] = &[
    ("year", "years", "year"),
    ("month", "months", "month"),
    ("week", "weeks", "wk"),
    ("day", "days", "d"),
    ("hour", "hours", "h"),
    ("minute", "minutes", "min"),
    ("second", "seconds", "s"),
    ("millisecond", "milliseconds", "ms"),
];

/// An amount.
#[derive(Clone, Debug)]
pub struct Quantity<'a> {
    /// How many.
    pub value: Decimal,
    /// Of what: a UCUM code, or a word of the calendar in the singular.
    pub unit: Cow<'a, str>,
    /// Is the unit a word of the calendar?
    pub calendar: bool,
}

/// The singular of a word of the calendar.
pub(super) fn calendar(word: &str) -> Option<&'static str> {
    let found = CALENDAR.iter().find(|(one, many, _)| word == *one || word == *many);
    found.map(|(one, _, _)| *one)
}

/// What a unit is in bases: a factor and the exponent of each base.
struct Measure {
    times: Decimal,
    over: Decimal,
    bases: [i8; 9],
}

impl<'a> Quantity<'a> {
    /// An amount of a UCUM unit.
    pub fn ucum(value: Decimal, unit: impl Into<Cow<'a, str>>) -> Self {
        let unit = unit.into();
        // What stands in braces is a remark; the calendar's words are taken at their word.
        let word = unit.strip_prefix('{').and_then(|unit| unit.strip_suffix('}'));
        match word.and_then(calendar) {
            Some(word) => Self { value, unit: Cow::Borrowed(word), calendar: true },
            None => Self { value, unit, calendar: false },
        }
    }

    /// Reads `4 days`, `10.1 'mg'` or `1`.
    pub fn parse(text: &str) -> Option<Quantity<'static>> {
        let end = text.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c));
        let (number, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
        let (value, unit) = (Decimal::parse(number)?, rest.trim_start());
        if unit.is_empty() {
            return rest.is_empty().then(|| Quantity::ucum(value, "1"));
        }
        if let Some(unit) = unit.strip_prefix('\'').and_then(|unit| unit.strip_suffix('\'')) {
            return Some(Quantity::ucum(value, unit.to_owned()));
        }
        let unit = calendar(unit)?;
        (rest != unit).then_some(Quantity { value, unit: Cow::Borrowed(unit), calendar: true })
    }

    fn measure(&self) -> Option<Measure> {
        if self.calendar {
            let (_, _, code) = CALENDAR.iter().find(|(one, _, _)| *one == self.unit)?;
            if let Some(base) = BASES.iter().position(|base| base == code && code.len() > 3) {
                let mut bases = [0; 9];
                *bases.get_mut(base)? = 1;
                return Some(Measure { times: Decimal::ONE, over: Decimal::ONE, bases });
            }
            return measure(code);
        }
        measure(&self.unit)
    }

    /// Both in bases, made comparable by multiplying crosswise; `None` if they measure different things.
    fn alike(&self, other: &Self) -> Option<(Decimal, Decimal)> {
        if self.calendar == other.calendar && self.unit == other.unit {
            return Some((self.value, other.value));
        }
        let (left, right) = (self.measure()?, other.measure()?);
        let cross =
            |value: Decimal, one: &Measure, two: &Measure| value.times(one.times)?.times(two.over);
        (left.bases == right.bases).then(|| {
            Some((cross(self.value, &left, &right)?, cross(other.value, &right, &left)?))
        })?
    }

    /// Which is more; `None` if their units measure different things.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        let (left, right) = self.alike(other)?;
        left.compare(right)
    }

    /// The same, as far as the one with fewer digits tells?
    pub fn equivalent(&self, other: &Self) -> bool {
        let same = || {
            if self.calendar == other.calendar && self.unit == other.unit {
                return alike(self.value, other.value);
            }
            let (left, right) = (self.measure()?, other.measure()?);
            if left.bases != right.bases {
                return None;
            }
            let up = other.value.times(right.times)?.times(left.over)?;
            alike(self.value, up.over(right.over.times(left.times)?)?)
        };
        same().unwrap_or(false)
    }

    /// The product, in bases.
    pub fn times(&self, other: &Self) -> Option<Quantity<'static>> {
        self.combined(other, 1)
    }

    /// The quotient, in bases.
    pub fn over(&self, other: &Self) -> Option<Quantity<'static>> {
        self.combined(other, -1)
    }

    fn combined(&self, other: &Self, sign: i8) -> Option<Quantity<'static>> {
        let (left, right) = (self.measure()?, other.measure()?);
        let mut bases = left.bases;
        for (base, more) in bases.iter_mut().zip(right.bases) {
            *base = base.checked_add(more.checked_mul(sign)?)?;
        }
        let (one, two) = (self.value.times(left.times)?, other.value.times(right.times)?);
        let value = if sign > 0 {
            one.times(two)?.over(left.over.times(right.over)?)?
        } else {
            one.times(right.over)?.over(two.times(left.over)?)?
        };
        let mut unit = String::new();
        for (name, power) in BASES.iter().zip(bases).filter(|(_, power)| *power != 0) {
            let point = if unit.is_empty() { "" } else { "." };
            let power = if power == 1 { String::new() } else { power.to_string() };
            write!(unit, "{point}{name}{power}").ok()?;
        }
        let unit = if unit.is_empty() { "1".to_owned() } else { unit };
        Some(Quantity { value, unit: Cow::Owned(unit), calendar: false })
    }
}

/// The same, rounded to the fewer places of the two?
pub(super) fn alike(left: Decimal, right: Decimal) -> Option<bool> {
    let places = left.places().min(right.places());
    Some(left.rounded(places)?.compare(right.rounded(places)?)? == Ordering::Equal)
}

/// Reads a UCUM unit: terms, each with an exponent, between points and strokes.
fn measure(unit: &str) -> Option<Measure> {
    let mut all = Measure { times: Decimal::ONE, over: Decimal::ONE, bases: [0; 9] };
    let mut sign = 1_i8;
    for (at, part) in unit.split('/').enumerate() {
        if at > 0 {
            sign = -1;
        }
        for term in part.split('.').filter(|term| at > 0 || !term.is_empty()) {
            all.apply(term, sign)?;
        }
    }
    Some(all)
}

impl Measure {
    fn apply(&mut self, term: &str, sign: i8) -> Option<()> {
        let term = term.split_once('{').map_or(term, |(term, _)| term);
        if term.is_empty() {
            return Some(());
        }
        let digits = term.rfind(|c: char| !c.is_ascii_digit() && c != '-' && c != '+');
        let at = digits.map_or(0, |at| {
            at + term.get(at..).and_then(|c| c.chars().next()).map_or(1, char::len_utf8)
        });
        let (name, power) = term.split_at_checked(at)?;
        let (name, power) = if name.is_empty() {
            (power, 1)
        } else if power.is_empty() {
            (name, 1)
        } else {
            (name, power.parse::<i8>().ok()?)
        };
        let power = power.checked_mul(sign)?;
        if power.unsigned_abs() > 6 {
            return None;
        }
        let (times, over, base, exponent) = single(name)?;
        for _ in 0..power.unsigned_abs() {
            let (up, down) = if power > 0 { (times, over) } else { (over, times) };
            self.times = self.times.times(up)?;
            self.over = self.over.times(down)?;
        }
        let slot = self.bases.get_mut(base)?;
        *slot = slot.checked_add(exponent.checked_mul(power)?)?;
        Some(())
    }
}

fn single(name: &str) -> Option<(Decimal, Decimal, usize, i8)> {
    if let Some((_, times, over, base, power)) = UNITS.iter().find(|(unit, ..)| *unit == name) {
        return Some((*times, Decimal::from(*over), *base, *power));
    }
    let (_, up, down) = PREFIXES.iter().find(|(prefix, ..)| name.starts_with(*prefix))?;
    let bare = name.get(1..).filter(|bare| METRIC.contains(bare))?;
    let (times, over, base, power) = single(bare)?;
    Some((times.times(Decimal::from(*up))?, over.times(Decimal::from(*down))?, base, power))
}
