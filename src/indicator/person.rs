//! In which cells one person is: from what is released of them and nothing else.
//!
//! Part of `indicator`. A theme that is not released has no Observation for the reader, so the person
//! counts in the other themes alone; without a birth date that is released, nowhere.

use serde_json::Value;

use super::{
    cell::Cell,
    measure::{Age, Class, Measure},
    question::Question,
};
use crate::domain::{
    day::Day,
    moment::Moment,
    theme::{Theme, Viewpoint},
};

/// What one Observation says.
struct Said<'a> {
    theme: Theme,
    at: Moment,
    id: &'a str,
    satisfaction: i64,
}

/// The cells of a person, from the Patient and the Observations as they are released. What is no
/// satisfaction with a theme, or not of the year, is passed over.
pub fn cells(question: Question, patient: &Value, observations: &[Value]) -> Vec<Cell> {
    let born = patient.get("birthDate").and_then(Value::as_str).and_then(Day::parse);
    // Everybody has had their birthday on the last day of a year.
    let years = born.map(|born| question.year.saturating_sub(born.parts().0));
    let Some(age) = years.and_then(Age::of) else { return Vec::new() };
    let mut said: Vec<Said<'_>> = observations.iter().filter_map(Said::of).collect();
    said.retain(|one| question.has(one.at));
    said.sort_by(|a, b| (a.at, a.id).cmp(&(b.at, b.id)));
    let of = |theme: Theme| {
        let mut all = said.iter().filter(|one| one.theme == theme);
        let first = all.next()?.satisfaction;
        let class = class(question.measure, first, all.next_back().map(|one| one.satisfaction))?;
        Some(Cell { theme, age, class })
    };
    Theme::ALL.into_iter().filter_map(of).collect()
}

/// The class of what was said first, and last where it was said again.
fn class(measure: Measure, first: i64, again: Option<i64>) -> Option<Class> {
    let [low, middle, high] = measure.classes();
    match measure {
        Measure::Wellbeing => match again.unwrap_or(first) {
            0..=3 => Some(low),
            4..=6 => Some(middle),
            7..=10 => Some(high),
            _ => None,
        },
        Measure::Change => Some(match again?.cmp(&first) {
            std::cmp::Ordering::Less => low,
            std::cmp::Ordering::Equal => middle,
            std::cmp::Ordering::Greater => high,
        }),
    }
}

impl<'a> Said<'a> {
    fn of(observation: &'a Value) -> Option<Self> {
        let text = |place: &str| observation.pointer(place).and_then(Value::as_str);
        let (theme, viewpoint) = text("/code/coding/0/code")?.split_once('.')?;
        let is_satisfaction = viewpoint == Viewpoint::Satisfaction.code();
        let satisfaction = observation.get("valueInteger")?.as_i64()?;
        is_satisfaction.then_some(Self {
            theme: Theme::from_code(theme)?,
            at: Moment::parse(text("/effectiveDateTime")?)?,
            id: text("/id")?,
            satisfaction,
        })
    }
}
