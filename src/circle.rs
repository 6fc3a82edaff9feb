//! The Circle of Life (3X10D Elämänpyörä): one life assessment as a picture, a table and numbers.
//!
//! Between `search` and `bundle`. Pure: it reads a released `QuestionnaireResponse` and nothing else,
//! so it can show no more than that shows. There is no total and no grade; a theme of which nothing is
//! there to show looks one way, whether it was skipped or is not for this reader. Source: the
//! method's description (three viewpoints, no total score).

pub mod draw;
mod geometry;
pub mod numbers;
pub mod page;
pub mod texts;

use serde_json::Value;

use crate::{
    domain::{
        moment::Moment,
        theme::{Theme, Viewpoint},
    },
    json::{list, text},
};

/// From here on a theme counts as important to the person, of 10.
const IMPORTANT: u8 = 7;
/// Satisfaction so far below importance is not yet well.
const APART: u8 = 3;

/// What is there to show of one theme.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sector {
    /// How content the person is, 0 to 10.
    pub satisfaction: Option<u8>,
    /// How much it matters, 0 to 10.
    pub importance: Option<u8>,
    /// What the person says of it.
    pub words: Vec<String>,
}

impl Sector {
    /// Is there a number to show?
    pub const fn has_number(&self) -> bool {
        self.satisfaction.is_some() || self.importance.is_some()
    }

    /// Important to the person, but not yet well?
    pub fn is_wanting(&self) -> bool {
        let both = self.importance.zip(self.satisfaction);
        both.is_some_and(|(matters, is)| {
            matters >= IMPORTANT && matters.saturating_sub(is) >= APART
        })
    }
}

/// One assessment, as far as it is there to show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Circle {
    /// Id of the `QuestionnaireResponse`.
    pub response: String,
    /// When it was answered, as the resource has it.
    pub authored: String,
    /// The language of the person's own words.
    pub language: String,
    sectors: [Sector; 10],
}

impl Circle {
    /// What a `QuestionnaireResponse` shows. What is no item of the survey is passed over.
    pub fn of(response: &Value) -> Self {
        let said = |name: &str| text(response, name).unwrap_or_default().to_owned();
        let of_theme = |theme: Theme| {
            let groups =
                list(response, "item").iter().filter(move |item| link(item) == theme.code());
            let mut sector = Sector::default();
            groups.flat_map(|group| list(group, "item")).for_each(|item| sector.take(item, theme));
            sector
        };
        Self {
            response: said("id"),
            authored: said("authored"),
            language: said("language"),
            sectors: Theme::ALL.map(of_theme),
        }
    }

    /// Nothing is there to show.
    pub fn empty() -> Self {
        Self::of(&Value::Null)
    }

    /// Each theme once, in the order of the method.
    pub fn sectors(&self) -> impl Iterator<Item = (Theme, &Sector)> {
        Theme::ALL.into_iter().zip(&self.sectors)
    }

    /// What is there of a theme.
    pub fn sector(&self, theme: Theme) -> Option<&Sector> {
        self.sectors().find(|(of, _)| *of == theme).map(|(_, sector)| sector)
    }

    /// When it was answered.
    pub fn at(&self) -> Option<Moment> {
        Moment::parse(&self.authored)
    }

    /// The day, as it stands in the resource.
    pub fn day(&self) -> &str {
        self.authored.get(..10).unwrap_or(&self.authored)
    }
}

impl Sector {
    fn take(&mut self, item: &Value, theme: Theme) {
        let from = link(item).strip_prefix(theme.code()).and_then(|rest| rest.strip_prefix('.'));
        let answers = || list(item, "answer").iter();
        let score = || {
            let number = answers().find_map(|answer| answer.get("valueInteger")?.as_u64());
            number.and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 10)
        };
        match from {
            Some(of) if of == Viewpoint::Importance.code() => self.importance = score(),
            Some(of) if of == Viewpoint::Satisfaction.code() => self.satisfaction = score(),
            Some(of) if of == Viewpoint::Future.code() || of == "comment" => {
                let said = answers().filter_map(|answer| answer.get("valueString")?.as_str());
                self.words.extend(said.map(str::to_owned));
            }
            Some(_) | None => {}
        }
    }
}

fn link(item: &Value) -> &str {
    text(item, "linkId").unwrap_or_default()
}

/// A source that was asked, and how complete its part is: node code and code of the completeness
/// system.
pub type Asked = (String, &'static str);

/// Node codes of those whose part is missing, whole or in part.
pub fn missing(asked: &[Asked]) -> Vec<&str> {
    let is_missing = |(_, state): &&Asked| *state != "complete";
    asked.iter().filter(is_missing).map(|(node, _)| node.as_str()).collect()
}

/// What is shown: one assessment, what it is compared with, and what it is complete for.
pub struct Shown<'a> {
    /// The assessment.
    pub now: &'a Circle,
    /// An earlier one, drawn as an outline.
    pub before: Option<&'a Circle>,
    /// Who was asked.
    pub asked: &'a [Asked],
    /// `fi`, `sv` or `en`.
    pub language: &'static str,
}

impl Shown<'_> {
    /// Node codes of those whose part is missing, whole or in part.
    pub fn missing(&self) -> Vec<&str> {
        missing(self.asked)
    }
}
