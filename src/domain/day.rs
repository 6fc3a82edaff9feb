//! Calendar days and periods, as the native documents write them.
//!
//! Floor of the house. A day has no time zone; where it meets an instant, Europe/Helsinki decides.
//! Text is `YYYY-MM-DD` (ISO 8601-1, 5.2.2.1) and nothing laxer.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::moment::Moment;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day of the calendar.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(Date);

impl Day {
    /// Reads `YYYY-MM-DD`; `None` for any other text and for a day that does not exist.
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, b)| match at {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        shaped.then(|| Date::from_str(text).ok().map(Self)).flatten()
    }

    /// The day of year, month (from 1) and day (from 1); `None` if there is none.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }

    /// The day it is in Finland at an instant; `None` beyond the year 9999.
    pub fn in_finland(at: Moment) -> Option<Self> {
        let zone = TimeZone::get("Europe/Helsinki").ok()?;
        let instant = Timestamp::from_millisecond(at.millis()).ok()?;
        Some(Self(instant.to_zoned(zone).date()))
    }

    /// The instant a day begins in Finland.
    pub fn begins(self) -> Option<Moment> {
        let zone = TimeZone::get("Europe/Helsinki").ok()?;
        let start = self.0.to_zoned(zone).ok()?;
        Some(Moment::from_millis(start.timestamp().as_millisecond()))
    }

    /// Year, month (from 1), day (from 1).
    pub fn parts(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }

    /// As people write it in a language: `23 Nov 2026` in English, else `23.11.2026`.
    pub fn for_people(self, language: &str) -> String {
        let (year, month, day) = self.parts();
        if language == "en" {
            let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month - 1));
            return format!("{day} {} {year}", month.unwrap_or(&""));
        }
        format!("{day}.{month}.{year}")
    }

    /// Later by whole years; 29 February becomes the 28th where it must.
    pub fn plus_years(self, years: i16) -> Self {
        let later =
            jiff::Span::new().try_years(years).ok().and_then(|s| self.0.checked_add(s).ok());
        Self(later.unwrap_or(Date::MAX))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a day as YYYY-MM-DD"))
    }
}

/// From the beginning of one day to the end of another; an open end where one is absent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Day>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Day>,
}
