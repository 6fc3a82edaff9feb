//! A cell, and how many people of one source are in each.
//!
//! Part of `indicator`. Between gateways counts travel as they are, as `Parameters`, to a gateway that the
//! holder's configuration trusts with them; nobody else is ever given any.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    measure::{Age, Class},
    question::Question,
};
use crate::domain::theme::Theme;

/// Most people that a source can have in a cell; who says more is not believed.
const MOST: u64 = 100_000_000;

/// A cell of one place.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Cell {
    /// The theme.
    pub theme: Theme,
    /// How old.
    pub age: Age,
    /// How it is.
    pub class: Class,
}

/// How many people are in each cell of one source; exact, so never to be shown.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts(BTreeMap<Cell, u64>);

impl Counts {
    /// Adds somebody, who is in each of these.
    pub fn add(&mut self, cells: &[Cell]) {
        for cell in cells {
            *self.0.entry(*cell).or_default() += 1;
        }
    }

    /// How many are in a cell.
    pub fn of(&self, cell: Cell) -> u64 {
        self.0.get(&cell).copied().unwrap_or_default()
    }

    /// As it is told to a gateway that is trusted with it.
    pub fn parameters(&self, question: Question) -> Value {
        let code = |name: &str, code: &str| json!({ "name": name, "valueCode": code });
        let cell = |(cell, count): (&Cell, &u64)| {
            let part = json!([
                code("theme", cell.theme.code()),
                code("age-group", cell.age.code()),
                code("class", cell.class.code()),
                { "name": "count", "valueUnsignedInt": count },
            ]);
            json!({ "name": "cell", "part": part })
        };
        let head = [
            code("measure", question.measure.code()),
            json!({ "name": "year", "valueInteger": question.year }),
        ];
        let all: Vec<Value> = head.into_iter().chain(self.0.iter().map(cell)).collect();
        json!({ "resourceType": "Parameters", "parameter": all })
    }

    /// What a gateway says to a question; `None` for what is no answer to it.
    pub fn of_parameters(said: &Value, question: Question) -> Option<Self> {
        let is_kind = said.get("resourceType")? == "Parameters";
        let [measure, year, cells @ ..] = said.get("parameter")?.as_array()?.as_slice() else {
            return None;
        };
        let is_it = coded(measure, "measure")? == question.measure.code()
            && year.get("name")? == "year"
            && year.get("valueInteger")?.as_i64()? == i64::from(question.year);
        let mut counts = BTreeMap::new();
        for one in cells {
            let [theme, age, class, count] = one.get("part")?.as_array()?.as_slice() else {
                return None;
            };
            let cell = Cell {
                theme: Theme::from_code(coded(theme, "theme")?)?,
                age: Age::from_code(coded(age, "age-group")?)?,
                class: question.measure.class(coded(class, "class")?)?,
            };
            let count = count.get("valueUnsignedInt")?.as_u64().filter(|count| *count <= MOST)?;
            if counts.insert(cell, count).is_some() {
                return None;
            }
        }
        (is_kind && is_it).then_some(Self(counts))
    }
}

fn coded<'a>(parameter: &'a Value, name: &str) -> Option<&'a str> {
    (parameter.get("name")? == name).then(|| parameter.get("valueCode")?.as_str()).flatten()
}
