//! FHIR's partial dates as ranges of milliseconds.
//!
//! Floor of the house. A date without a time is that whole day in Europe/Helsinki; a time has a
//! zone. Source: FHIR R4 datatypes.html#dateTime, search.html#date.

use jiff::{ToSpan, civil::Date, tz::TimeZone};

use crate::domain::moment::Moment;

/// First and last millisecond of `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or a full time with a zone
/// (seconds optional, as in search). `None` for anything else, also for days that do not exist.
pub fn range(text: &str) -> Option<(Moment, Moment)> {
    if !text.is_ascii() {
        return None;
    }
    if text.contains('T') {
        return instant(text);
    }
    let mut parts = text.splitn(3, '-');
    let year = number(parts.next()?, 4)?;
    let (month, day) = (parts.next(), parts.next());
    let first = Date::new(
        i16::try_from(year).ok()?,
        month.map_or(Some(1), |m| number(m, 2).and_then(|m| i8::try_from(m).ok()))?,
        day.map_or(Some(1), |d| number(d, 2).and_then(|d| i8::try_from(d).ok()))?,
    )
    .ok()?;
    let next = match (month, day) {
        (None, _) => first.checked_add(1.year()),
        (Some(_), None) => first.checked_add(1.month()),
        (Some(_), Some(_)) => first.checked_add(1.day()),
    };
    Some((start(first)?, before(start(next.ok()?)?)))
}

/// The day of an instant in Europe/Helsinki.
pub fn day(at: Moment) -> Option<Date> {
    let zone = TimeZone::get("Europe/Helsinki").ok()?;
    Some(zone.to_datetime(jiff::Timestamp::from_millisecond(at.millis()).ok()?).date())
}

/// First millisecond of a day in Europe/Helsinki.
fn start(day: Date) -> Option<Moment> {
    let zone = TimeZone::get("Europe/Helsinki").ok()?;
    let at = day.to_zoned(zone).ok()?.timestamp();
    Some(Moment::from_millis(at.as_millisecond()))
}

fn instant(text: &str) -> Option<(Moment, Moment)> {
    let time = text.split_once('T')?.1;
    let zone_at = time.find(['Z', '+', '-'])?;
    let clock = time.get(..zone_at)?;
    let width = match clock.len() {
        5 => 60_000,
        8 => 1_000,
        _ => 1,
    };
    let full = if clock.len() == 5 {
        let at = text.len() - (time.len() - zone_at);
        format!("{}:00{}", text.get(..at)?, text.get(at..)?)
    } else {
        text.to_owned()
    };
    let lo = Moment::parse(&full)?;
    Some((lo, Moment::from_millis(lo.millis().checked_add(width - 1)?)))
}

fn before(at: Moment) -> Moment {
    Moment::from_millis(at.millis() - 1)
}

fn number(text: &str, digits: usize) -> Option<u16> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}
