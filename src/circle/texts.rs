//! What picture and page say, in Finnish, Swedish and English.
//!
//! Part of `circle`. Data: plain words, no verdict; "no answer to show" says nothing of why.

use crate::{
    domain::{day::Day, theme::Theme},
    mapping::text::{self, pick},
};

/// One text in the three languages.
pub struct Text(&'static str, &'static str, &'static str);

impl Text {
    /// In Finnish, Swedish and English.
    pub const fn new(fi: &'static str, sv: &'static str, en: &'static str) -> Self {
        Self(fi, sv, en)
    }

    /// In one of them; Finnish where it is none of the others.
    pub fn of(&self, language: &str) -> &'static str {
        pick(language, self.0, self.1, self.2)
    }
}

/// Name of the picture.
pub const TITLE: Text = Text::new("Elämänpyörä", "Livscirkeln", "Circle of Life");
/// How content one is.
pub const SATISFACTION: Text = Text::new("Tyytyväisyys nyt", "Nöjd nu", "Satisfaction now");
/// The same as the head of a column.
pub const SATISFACTION_SHORT: Text = Text::new("Tyytyväisyys", "Nöjdhet", "Satisfaction");
/// How much it matters.
pub const IMPORTANCE: Text = Text::new("Tärkeys", "Betydelse", "Importance");
/// What is hatched.
pub const WANTING: Text = Text::new(
    "Tärkeää, mutta ei vielä hyvin",
    "Viktigt, men inte bra ännu",
    "Important, but not yet well",
);
/// What the pencil stands for.
pub const WORDS: Text = Text::new("Omin sanoin", "Med egna ord", "In own words");
/// What the numbers are.
pub const NUMBERS: Text = Text::new(
    "Luvut: tyytyväisyys / tärkeys (0–10)",
    "Siffror: nöjdhet / betydelse (0–10)",
    "Numbers: satisfaction / importance (0–10)",
);
/// Nothing is there to show of a theme.
pub const NOTHING: Text =
    Text::new("ei näytettävää vastausta", "inget svar att visa", "no answer to show");
/// What the dashed outline stands for.
pub const BEFORE: Text = Text::new("Aiemmin", "Tidigare", "Earlier");
/// Before a day.
pub const ANSWERED: Text = Text::new("Vastattu", "Besvarad", "Answered");
/// Before node codes.
pub const MISSING: Text = Text::new(
    "Kaikkea ei saatu. Puuttuu:",
    "Allt kunde inte hämtas. Saknas:",
    "Not everything could be fetched. Missing:",
);
/// Head of the column of themes.
pub const THEME: Text = Text::new("Elämänalue", "Livsområde", "Area of life");
/// Where the numbers of the picture stand in words.
pub const IN_TABLE: Text = Text::new(
    "Kuvan kaikki luvut ovat sivun taulukossa.",
    "Alla siffror i bilden finns i tabellen på sidan.",
    "All numbers of the picture are in the table of this page.",
);
/// Caption of the table.
pub const CAPTION: Text = Text::new(
    "Elämänpyörän luvut, 0–10",
    "Livscirkelns siffror, 0–10",
    "The numbers of the circle, 0–10",
);

/// A theme's name in lines short enough for the picture; joined they are its name.
pub fn label(theme: Theme, language: &str) -> Vec<&'static str> {
    let name = text::theme(theme, language);
    match name.rsplit_once(' ') {
        Some((first, last)) if name.chars().count() > 14 => vec![first, last],
        Some(_) | None => vec![name],
    }
}

/// A day for people; as it stands where it is none.
pub fn day(text: &str, language: &str) -> String {
    Day::parse(text).map_or_else(|| text.to_owned(), |day| day.for_people(language))
}
