//! Dates and periods as a decision reads them: resolved once, compared as instants.
//!
//! A date without a time is that whole day in Europe/Helsinki; a time needs a zone; `YYYY` and
//! `YYYY-MM` leave open when exactly, so a permit takes the narrow reading and a denial the wide
//! one. Everything is half open: at its end a period is over. Source: FHIR R4 `Period`, `dateTime`;
//! the profile `MyLifeConsent`. It must not ask what time it is.

use std::time::Duration;

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::tri::Tri;
use crate::domain::moment::Moment;

const TICK: Duration = Duration::from_millis(1);

/// The longest time an emergency may be declared for.
pub const LONGEST_EMERGENCY: Duration = Duration::from_hours(1);

/// A stretch of time, end excluded.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Span {
    from: Moment,
    until: Moment,
    precision: Precision,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Precision {
    Instant,
    Day,
    Vague,
}

impl Span {
    /// One instant.
    pub fn instant(at: Moment) -> Self {
        Self { from: at, until: at.plus(TICK), precision: Precision::Instant }
    }

    /// Reads a FHIR `dateTime`; `None` if it is not one or has a time without a zone.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('T') {
            return is_date_time(text).then(|| Moment::parse(text).map(Self::instant))?;
        }
        let (first, last) = days(text)?;
        let precision = if first == last { Precision::Day } else { Precision::Vague };
        let until = last.tomorrow().ok().and_then(midnight).unwrap_or(Moment::MAX);
        Some(Self { from: midnight(first)?, until, precision })
    }
}

/// From which side a period with vague ends is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// Of a denial: earliest start, latest end.
    Wide,
    /// Of a permit: latest start, earliest end.
    Narrow,
    /// Of a rule without a type: unknown where the two differ.
    Both,
}

/// A period with both its readings, or one that cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Window {
    /// Readable.
    Open {
        /// From the earliest start to the latest end.
        wide: (Moment, Moment),
        /// From the latest start to the earliest end; empty if that is before.
        narrow: (Moment, Moment),
    },
    /// No date at all, one that cannot be read, or an end before the start.
    Bad,
}

impl Window {
    /// Reads a FHIR `Period`.
    pub fn parse(period: &Value) -> Self {
        let Some(members) = period.as_object() else { return Self::Bad };
        let known = |key: &String| matches!(key.as_str(), "start" | "end" | "id" | "extension");
        let end_of = |key| match members.get(key) {
            None => Some(None),
            Some(value) => value.as_str().map(Some),
        };
        match (end_of("start"), end_of("end")) {
            (Some(start), Some(end)) if members.keys().all(known) => Self::of(start, end),
            _ => Self::Bad,
        }
    }

    /// From the texts of start and end; at least one must be there.
    pub fn of(start: Option<&str>, end: Option<&str>) -> Self {
        let read = |text: Option<&str>| text.map_or(Some(None), |t| Span::parse(t).map(Some));
        match (read(start), read(end)) {
            (Some(None), Some(None)) | (None, _) | (_, None) => Self::Bad,
            (Some(Some(start)), Some(Some(end))) if start.from >= end.until => Self::Bad,
            (Some(start), Some(end)) => {
                let (early, late) =
                    start.map_or((Moment::MIN, Moment::MIN), |s| match s.precision {
                        Precision::Instant | Precision::Day => (s.from, s.from),
                        Precision::Vague => (s.from, s.until),
                    });
                let (first, last) = end.map_or((Moment::MAX, Moment::MAX), |e| match e.precision {
                    Precision::Instant => (e.from, e.from),
                    Precision::Day => (e.until, e.until),
                    Precision::Vague => (e.from, e.until),
                });
                Self::Open { wide: (early, last), narrow: (late, first) }
            }
        }
    }

    /// Does the span lie inside (true), outside (false), or across an end (unknown)?
    pub fn holds(self, span: Span, reading: Reading) -> Tri {
        let Self::Open { wide, narrow } = self else { return Tri::Unknown };
        match reading {
            Reading::Wide => inside(wide, span),
            Reading::Narrow => inside(narrow, span),
            Reading::Both => {
                let (most, least) = (inside(wide, span), inside(narrow, span));
                if most == least { most } else { Tri::Unknown }
            }
        }
    }

    /// Is a permit with this period certainly in force?
    pub fn permits_at(self, now: Moment) -> bool {
        self.holds(Span::instant(now), Reading::Narrow).is_true()
    }

    /// Can it hold at any instant?
    pub fn is_possible(self) -> bool {
        match self {
            Self::Open { narrow: (from, until), .. } => from < until,
            Self::Bad => false,
        }
    }

    /// Every instant at which an answer of [`Window::holds`] about an instant can change.
    pub fn ends(self) -> impl Iterator<Item = Moment> {
        let ends = match self {
            Self::Open { wide, narrow } => [wide.0, wide.1, narrow.0, narrow.1],
            Self::Bad => [Moment::MIN; 4],
        };
        ends.into_iter().filter(|at| *at != Moment::MIN && *at != Moment::MAX)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Period {
            start: Option<String>,
            end: Option<String>,
        }
        let period = Period::deserialize(from)?;
        Ok(Self::of(period.start.as_deref(), period.end.as_deref()))
    }
}

fn inside((from, until): (Moment, Moment), span: Span) -> Tri {
    if from >= until || span.until <= from || span.from >= until {
        Tri::False
    } else {
        Tri::Unknown.max((span.from >= from && span.until <= until).into())
    }
}

/// When the person comes of age: the start of the 18th birthday in Europe/Helsinki.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Majority {
    earliest: Moment,
    latest: Moment,
}

impl Majority {
    /// Nobody knows when.
    pub const UNKNOWN: Self = Self { earliest: Moment::MIN, latest: Moment::MAX };

    /// From a FHIR `date`; one that is absent, vague or unreadable leaves it open. Who is born on
    /// 29 February comes of age on the 28th of a common year.
    pub fn of(birth_date: Option<&str>) -> Self {
        let adult = |born: Date| born.checked_add(18.years()).ok().and_then(midnight);
        birth_date
            .and_then(days)
            .and_then(|(first, last)| Some(Self { earliest: adult(first)?, latest: adult(last)? }))
            .unwrap_or(Self::UNKNOWN)
    }

    /// Is the person of age at `at`?
    pub fn reached(self, at: Moment) -> Tri {
        if self == Self::UNKNOWN {
            return Tri::Unknown;
        }
        Tri::any([(at >= self.latest).into(), Tri::Unknown.min((at >= self.earliest).into())])
    }

    /// The instants at which [`Majority::reached`] changes.
    pub fn ends(self) -> impl Iterator<Item = Moment> {
        [self.earliest, self.latest]
            .into_iter()
            .filter(|at| *at != Moment::MIN && *at != Moment::MAX)
    }
}

/// First and last day of `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
fn days(text: &str) -> Option<(Date, Date)> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map(|part| digits(part, 2));
    let day = parts.next().map(|part| digits(part, 2));
    if parts.next().is_some() {
        return None;
    }
    let date = |month: i16, day: i16| {
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    match (month, day) {
        (None, _) => Some((date(1, 1)?, date(12, 31)?)),
        (Some(month), None) => date(month?, 1).map(|first| (first, first.last_of_month())),
        (Some(month), Some(day)) => date(month?, day?).map(|only| (only, only)),
    }
}

fn digits(text: &str, length: usize) -> Option<i16> {
    let plain = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// The start of a day in Finland.
fn midnight(day: Date) -> Option<Moment> {
    let finland = TimeZone::get("Europe/Helsinki").ok()?;
    let start = day.to_zoned(finland).ok()?.timestamp();
    Some(Moment::from_millis(start.as_millisecond()))
}

/// `YYYY-MM-DDThh:mm:ss[.f]` and `Z` or `+hh:mm`: nothing the parser would take besides.
fn is_date_time(text: &str) -> bool {
    let shape = |part: &str, like: &str| {
        part.len() == like.len()
            && part.bytes().zip(like.bytes()).all(|(b, l)| match l {
                b'0' => b.is_ascii_digit(),
                b'+' => matches!(b, b'+' | b'-'),
                _ => b == l,
            })
    };
    let Some((head, tail)) = text.split_at_checked(19) else { return false };
    let zone = match tail.strip_prefix('.') {
        None => tail,
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
    };
    let empty_fraction = zone.len() + 1 == tail.len();
    shape(head, "0000-00-00T00:00:00") && !empty_fraction && (zone == "Z" || shape(zone, "+00:00"))
}
