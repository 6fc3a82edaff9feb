//! What is asked: a measure and a year.
//!
//! Part of `indicator`. Periods are calendar years in Finland that have ended, and nothing else: quarters
//! beside years could be subtracted from each other, and a year that goes on could be asked for twice, with
//! one person between. Nothing that a caller adds chooses who is counted. Source: FHIR R4
//! measure-operation-evaluate-measure.html.

use crate::{
    domain::{day::Day, moment::Moment},
    error::{Error, Kind, Result},
    indicator::measure::Measure,
};

/// Parameters of how an answer is written, which say nothing of what is asked.
const FORM: [&str; 2] = ["_format", "_pretty"];

/// A measure of a year.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Question {
    /// What is counted.
    pub measure: Measure,
    /// When.
    pub year: i16,
}

impl Question {
    /// Reads it from the id of the Measure and the parameters.
    ///
    /// # Errors
    /// `NotFound` for a measure that is none; `Invalid` for a period that is no calendar year that has
    /// ended; `NotSupported` for a report that names people and for any other parameter.
    pub fn read(measure: &str, pairs: &[(String, String)], now: Moment) -> Result<Self> {
        let measure = Measure::from_code(measure).ok_or_else(Error::not_found)?;
        let (mut start, mut end) = (None, None);
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            if seen.contains(&name.as_str()) {
                return Err(Error::invalid("Each parameter stands once.").at(name.clone()));
            }
            seen.push(name);
            match name.as_str() {
                "periodStart" => start = Some(year(name, value, ["-01", "-01-01"])?),
                "periodEnd" => end = Some(year(name, value, ["-12", "-12-31"])?),
                "reportType" if ["summary", "population"].contains(&value.as_str()) => {}
                "reportType" => {
                    let say = "Reports are summaries alone (reportType=summary): nobody is named, and \
                               nobody can be.";
                    return Err(Error::new(Kind::NotSupported, say).at("reportType"));
                }
                known if FORM.contains(&known) => {}
                _ => {
                    let say = "Who is counted cannot be chosen: periodStart, periodEnd and reportType \
                               are all there is to say.";
                    return Err(Error::new(Kind::NotSupported, say).at(place(name)));
                }
            }
        }
        let missing = |name: &str| Error::invalid("Say of which year.").at(name.to_owned());
        let year = start.ok_or_else(|| missing("periodStart"))?;
        if end.ok_or_else(|| missing("periodEnd"))? != year {
            let say = "A period is one calendar year: periodStart=2025-01-01&periodEnd=2025-12-31.";
            return Err(Error::invalid(say).at("periodEnd"));
        }
        let this = Day::in_finland(now).map(|today| today.parts().0);
        if this.is_none_or(|this| year >= this) {
            let say =
                "The year has not ended; until then its numbers would change from day to day.";
            return Err(Error::invalid(say).at("periodEnd"));
        }
        Ok(Self { measure, year })
    }

    /// Its first and last day.
    pub fn days(self) -> [String; 2] {
        let Self { year, .. } = self;
        [format!("{year:04}-01-01"), format!("{year:04}-12-31")]
    }

    /// The instants at which it begins, and the next year does, in Finland.
    pub fn instants(self) -> Option<[Moment; 2]> {
        let begins = |year| Day::new(year, 1, 1).and_then(Day::begins);
        Some([begins(self.year)?, begins(self.year.checked_add(1)?)?])
    }

    /// Was it then, by the calendar of Finland?
    pub fn has(self, at: Moment) -> bool {
        Day::in_finland(at).is_some_and(|day| day.parts().0 == self.year)
    }
}

/// The year of a period's day: given alone, with its month, or whole.
fn year(name: &str, value: &str, rest: [&str; 2]) -> Result<i16> {
    let fits = value.get(4..).is_some_and(|given| given.is_empty() || rest.contains(&given));
    let digits = value.get(..4).filter(|year| year.bytes().all(|b| b.is_ascii_digit()));
    digits.filter(|_| fits).and_then(|year| year.parse().ok()).ok_or_else(|| {
        let say =
            "A period begins with the first day of a year and ends with the last of the same.";
        Error::invalid(say).at(name.to_owned())
    })
}

/// The name of a parameter as it may be told back.
fn place(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.:".contains(*c)).take(40).collect()
}
