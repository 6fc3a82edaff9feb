//! Dates and times that may know only their first parts.
//!
//! Part of `fhirpath`. `2026`, `2026-11` and `2026-11-22` are dates; a time may end after the hour and
//! may have no zone. What the parts do not settle is `None`, never a guess. Source: `FHIRPath` 4.1.6,
//! 4.1.7, 6.1, 6.2, 6.6.7.

use std::{cmp::Ordering, fmt};

use super::{decimal::Decimal, quantity::Quantity};

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 24 * 60;
/// The farthest that a zone is from UTC.
const FARTHEST: i64 = 14 * 60;

/// Which of the three it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// `Date`.
    Date,
    /// `DateTime`.
    DateTime,
    /// `Time`.
    Time,
}

/// The last part that is known. The fraction is a part of the second.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// A date, a time or both, from where its known parts begin.
#[derive(Clone, Copy, Debug)]
pub struct Temporal {
    form: Form,
    last: Part,
    /// Digits of the fraction, as written.
    fraction: u8,
    /// Minutes from UTC, where a zone is told.
    zone: Option<i16>,
    /// Minutes from the beginning of 1970, on the clock of its place.
    minutes: i64,
    /// Nanoseconds of the minute.
    nanos: i64,
}

impl Temporal {
    /// Which of the three it is.
    pub fn form(self) -> Form {
        self.form
    }

    /// Reads `2026-11-22`.
    pub fn date(text: &str) -> Option<Self> {
        let (minutes, last) = days(text)?;
        Some(Self { form: Form::Date, last, fraction: 0, zone: None, minutes, nanos: 0 })
    }

    /// Reads `09:30:00.5`.
    pub fn time(text: &str) -> Option<Self> {
        let (minutes, nanos, last, fraction) = clock(text)?;
        Some(Self { form: Form::Time, last, fraction, zone: None, minutes, nanos })
    }

    /// Reads `2026-11-22T09:30:00+02:00`, or the beginning of it.
    pub fn date_time(text: &str) -> Option<Self> {
        let Some((date, rest)) = text.split_once('T') else {
            return Some(Self { form: Form::DateTime, ..Self::date(text)? });
        };
        let (day, last) = days(date)?;
        if rest.is_empty() {
            let from = Self::date(date)?;
            return Some(Self { form: Form::DateTime, ..from });
        }
        let (time, zone) = zone(rest)?;
        let (minutes, nanos, part, fraction) = clock(time)?;
        let whole = last == Part::Day;
        let minutes = day + minutes;
        whole.then_some(Self { form: Form::DateTime, last: part, fraction, zone, minutes, nanos })
    }

    /// The same as a date, or as a date with a time.
    pub fn to_form(self, form: Form) -> Option<Self> {
        match (self.form, form) {
            (Form::DateTime, Form::Date) => Some(Self {
                form,
                last: self.last.min(Part::Day),
                fraction: 0,
                zone: None,
                minutes: self.minutes - self.minutes.rem_euclid(DAY),
                nanos: 0,
            }),
            (Form::Date, Form::DateTime) => Some(Self { form, ..self }),
            (from, to) => (from == to).then_some(self),
        }
    }

    /// The time of day.
    pub fn of_day(self) -> Self {
        Self { form: Form::Time, zone: None, minutes: self.minutes.rem_euclid(DAY), ..self }
    }

    /// Which is later; `None` where the known parts do not tell.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        if (self.form == Form::Time) != (other.form == Form::Time) {
            return None;
        }
        match (self.zone, other.zone) {
            (Some(left), Some(right)) => parts(self.shifted(left), other.shifted(right)),
            (None, None) => parts(self, other),
            (Some(left), None) => apart(self.shifted(left), other),
            (None, Some(right)) => apart(other.shifted(right), self).map(Ordering::reverse),
        }
    }

    /// The same to the last part? Never unknown.
    pub fn equivalent(self, other: Self) -> bool {
        self.last == other.last && self.compare(other) == Some(Ordering::Equal)
    }

    fn shifted(self, zone: i16) -> Self {
        Self { minutes: self.minutes - i64::from(zone), ..self }
    }

    /// Year, month, day, hour, minute and nanosecond.
    fn fields(self) -> [i64; 6] {
        let [year, month, day] = civil(self.minutes.div_euclid(DAY));
        let of_day = self.minutes.rem_euclid(DAY);
        [year, month, day, of_day / 60, of_day % 60, self.nanos]
    }

    /// Later by a quantity of time, or earlier; `None` if its unit is no time or moves nothing known.
    pub fn plus(self, quantity: &Quantity<'_>, sign: i64) -> Option<Self> {
        let (unit, value) = (Span::of(quantity)?, quantity.value);
        // A fraction counts in seconds alone.
        let whole = value.truncated()?.whole()?.checked_mul(sign)?;
        let months = match unit {
            Span::Year => whole.checked_mul(12)?,
            Span::Month => whole,
            Span::Nanos(nanos) => {
                let value = if nanos >= MINUTE { value.truncated()? } else { value };
                let nanos = value.times(Decimal::from(nanos))?.truncated()?.whole()?;
                return self.later(nanos.checked_mul(sign)?);
            }
        };
        match self.last {
            Part::Year => self.moved(months / 12 * 12),
            Part::Month | Part::Day | Part::Hour | Part::Minute | Part::Second => {
                self.moved(months)
            }
        }
    }

    /// By months, on the last day of a month where that has fewer.
    fn moved(self, months: i64) -> Option<Self> {
        if self.form == Form::Time {
            return None;
        }
        let [year, month, day, ..] = self.fields();
        let count = (year * 12 + month - 1).checked_add(months)?;
        let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
        let day = day.min(length(year, month));
        let of_day = self.minutes.rem_euclid(DAY);
        in_calendar(year)
            .then_some(Self { minutes: since(year, month, day) * DAY + of_day, ..self })
    }

    /// By nanoseconds; only whole units of the last known part count.
    fn later(self, nanos: i64) -> Option<Self> {
        let unit = match self.last {
            Part::Year => return self.moved(nanos / (365 * DAY * MINUTE) * 12),
            Part::Month => return self.moved(nanos / (30 * DAY * MINUTE)),
            Part::Day => DAY * MINUTE,
            Part::Hour => 60 * MINUTE,
            Part::Minute => MINUTE,
            Part::Second => 1,
        };
        let nanos = self.nanos.checked_add(nanos / unit * unit)?;
        let minutes = self.minutes.checked_add(nanos.div_euclid(MINUTE))?;
        let minutes = if self.form == Form::Time { minutes.rem_euclid(DAY) } else { minutes };
        let later = Self { minutes, nanos: nanos.rem_euclid(MINUTE), ..self };
        let [year, ..] = later.fields();
        (self.form == Form::Time || in_calendar(year)).then_some(later)
    }
}

impl fmt::Display for Temporal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day, hour, minute, nanos] = self.fields();
        if self.form != Form::Time {
            write!(f, "{year:04}")?;
            if self.last >= Part::Month {
                write!(f, "-{month:02}")?;
            }
            if self.last >= Part::Day {
                write!(f, "-{day:02}")?;
            }
            if self.last >= Part::Hour {
                f.write_str("T")?;
            }
        }
        if self.last >= Part::Hour {
            write!(f, "{hour:02}")?;
        }
        if self.last >= Part::Minute {
            write!(f, ":{minute:02}")?;
        }
        if self.last >= Part::Second {
            write!(f, ":{:02}", nanos / 1_000_000_000)?;
        }
        if self.fraction > 0 {
            let digits = format!("{:09}", nanos % 1_000_000_000);
            write!(f, ".{}", digits.get(..usize::from(self.fraction)).unwrap_or(&digits))?;
        }
        match self.zone {
            Some(0) => f.write_str("Z"),
            Some(zone) => {
                let (sign, zone) = if zone < 0 { ('-', -zone) } else { ('+', zone) };
                write!(f, "{sign}{:02}:{:02}", zone / 60, zone % 60)
            }
            None => Ok(()),
        }
    }
}

/// What a unit of time moves.
enum Span {
    Year,
    Month,
    Nanos(i64),
}

impl Span {
    fn of(quantity: &Quantity<'_>) -> Option<Self> {
        let second = 1_000_000_000;
        Some(match (quantity.calendar, &*quantity.unit) {
            (true, "year") => Self::Year,
            (true, "month") => Self::Month,
            (true, "week") | (false, "wk") => Self::Nanos(7 * DAY * MINUTE),
            (true, "day") | (false, "d") => Self::Nanos(DAY * MINUTE),
            (true, "hour") | (false, "h") => Self::Nanos(60 * MINUTE),
            (true, "minute") | (false, "min") => Self::Nanos(MINUTE),
            (true, "second") | (false, "s") => Self::Nanos(second),
            (true, "millisecond") | (false, "ms") => Self::Nanos(second / 1000),
            (_, _) => return None,
        })
    }
}

/// Part by part, as far as both know.
fn parts(left: Temporal, right: Temporal) -> Option<Ordering> {
    let known = left.last.min(right.last);
    let all = [Part::Year, Part::Month, Part::Day, Part::Hour, Part::Minute, Part::Second];
    let pairs = all.into_iter().zip(left.fields().into_iter().zip(right.fields()));
    for (_, (one, two)) in pairs.filter(|(part, _)| *part <= known) {
        if one != two {
            return Some(one.cmp(&two));
        }
    }
    (left.last == right.last).then_some(Ordering::Equal)
}

/// A moment in UTC beside one of an unknown zone: told only if no zone could turn it round.
fn apart(left: Temporal, right: Temporal) -> Option<Ordering> {
    let (from, to) = (right.minutes - FARTHEST, right.minutes + FARTHEST + right.span());
    if left.minutes + left.span() < from {
        Some(Ordering::Less)
    } else if left.minutes > to {
        Some(Ordering::Greater)
    } else {
        None
    }
}

impl Temporal {
    /// Minutes that its unknown parts may add.
    fn span(self) -> i64 {
        match self.last {
            Part::Year => 366 * DAY,
            Part::Month => 31 * DAY,
            Part::Day => DAY,
            Part::Hour => 60,
            Part::Minute | Part::Second => 1,
        }
    }
}

/// Minutes from 1970 to the beginning of a date, and its last part.
fn days(text: &str) -> Option<(i64, Part)> {
    let mut all = text.split('-');
    let year = number(all.next()?, 4)?;
    let month = all.next().map_or(Some(None), |text| number(text, 2).map(Some))?;
    let day = all.next().map_or(Some(None), |text| number(text, 2).map(Some))?;
    let (first, first_day) = (month.unwrap_or(1), day.unwrap_or(1));
    let real = in_calendar(year)
        && (1..=12).contains(&first)
        && (1..=length(year, first)).contains(&first_day)
        && all.next().is_none();
    let last = match (month, day) {
        (None, _) => Part::Year,
        (Some(_), None) => Part::Month,
        (Some(_), Some(_)) => Part::Day,
    };
    real.then(|| (since(year, first, first_day) * DAY, last))
}

/// Minutes of the day, nanoseconds of the minute, the last part and the digits of the fraction.
fn clock(text: &str) -> Option<(i64, i64, Part, u8)> {
    let mut all = text.split(':');
    let hour = number(all.next()?, 2)?;
    let minute = all.next().map_or(Some(None), |text| number(text, 2).map(Some))?;
    let second = all.next();
    let (seconds, fraction) = match second {
        Some(text) => {
            text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)))
        }
        None => ("00", None),
    };
    let whole = number(seconds, 2)?;
    let nanos = fraction.map_or(Some(0), |part| {
        let short = part.len() <= 9 && !part.is_empty();
        short.then(|| number(&format!("{part:0<9}"), 9))?
    })?;
    let real = hour < 24 && minute.unwrap_or(0) < 60 && whole < 60 && all.next().is_none();
    let last = match (minute, second) {
        (None, _) => Part::Hour,
        (Some(_), None) => Part::Minute,
        (Some(_), Some(_)) => Part::Second,
    };
    let digits = u8::try_from(fraction.map_or(0, str::len)).ok()?;
    let minutes = hour * 60 + minute.unwrap_or(0);
    real.then_some((minutes, whole * 1_000_000_000 + nanos, last, digits))
}

/// The time, and the minutes of its zone from UTC.
fn zone(text: &str) -> Option<(&str, Option<i16>)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (time, zone) = text.split_at_checked(at)?;
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let away = hours * 60 + minutes;
    let away = if zone.starts_with('-') { -away } else { away };
    let real = minutes < 60 && away.abs() <= FARTHEST;
    real.then(|| Some((time, Some(i16::try_from(away).ok()?))))?
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn in_calendar(year: i64) -> bool {
    (1..=9999).contains(&year)
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar; years are counted from March, so that a leap day is
/// the last of its year.
fn since(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + of_year - 719_468
}

/// The other way.
fn civil(days: i64) -> [i64; 3] {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let turned = (5 * of_year + 2) / 153;
    let day = of_year - (153 * turned + 2) / 5 + 1;
    let month = if turned < 10 { turned + 3 } else { turned - 9 };
    [year + era * 400 + i64::from(month <= 2), month, day]
}
