//! Is what an answer shows of somebody's document right, by what is known of consents and pushes?
//!
//! Beside the way; of the load driver. Pure: it looks at histories and at one answer, and says what is wrong.

use std::time::Duration;

use mylife::domain::theme::{Theme, ThemeSet};

use super::{
    history::{History, Span},
    shown::Shown,
};

/// What the driver itself did to one document and its person.
pub(crate) struct Known {
    /// Themes that the reader may see, own words included.
    pub(crate) consents: History<ThemeSet>,
    /// The number that stands behind each theme's own words.
    pub(crate) pushes: History<u32>,
}

/// How an answer came about.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// When.
    pub(crate) span: Span,
    /// How long after its acknowledgement a change is in force wherever one may ask.
    pub(crate) within: Duration,
    /// Is all there that should be? Not where a source was not reached.
    pub(crate) complete: bool,
    /// Are own words asked for?
    pub(crate) words: bool,
}

impl Known {
    /// What is wrong with what an answer shows of the document; nothing shown is shown too.
    pub(crate) fn fault(&self, shown: &Shown, manner: Manner) -> Option<String> {
        let Manner { span, within, complete, words } = manner;
        let all = shown.themes.union(shown.words);
        let fault = fault_of(&self.consents, all, span, Some(within).filter(|_| complete));
        if fault.is_some() {
            return fault;
        }
        if words && shown.words != shown.themes {
            let (words, themes) = (list(shown.words), list(shown.themes));
            return Some(format!("own words about {words} where {themes} are shown"));
        }
        let pushed: Vec<u32> = self.pushes.holds(span, within).collect();
        let strange = shown.numbers.iter().find(|number| !pushed.contains(number));
        let strange = strange.or(shown.numbers.iter().find(|n| shown.numbers.first() != Some(n)));
        strange.map(|number| format!("shows push {number} of {pushed:?}, all {:?}", shown.numbers))
    }
}

/// What is wrong with the themes that an answer shows. What is permitted has to be there if it has been in
/// force for so long; with none said nothing has to be.
pub(crate) fn fault_of(
    consents: &History<ThemeSet>,
    shown: ThemeSet,
    span: Span,
    within: Option<Duration>,
) -> Option<String> {
    let may = consents.may(span).fold(ThemeSet::EMPTY, ThemeSet::union);
    if !may.contains_all(shown) {
        return Some(format!("LEAK: shows {} of {} permitted", list(shown), list(may)));
    }
    let must = consents.holds(span, within?).reduce(both).unwrap_or_default();
    (!shown.contains_all(must))
        .then(|| format!("shows {} without all of {}", list(shown), list(must)))
}

fn both(a: ThemeSet, b: ThemeSet) -> ThemeSet {
    a.iter().filter(|theme| b.contains(*theme)).collect()
}

fn list(themes: ThemeSet) -> String {
    let codes: Vec<&str> = themes.iter().map(Theme::code).collect();
    format!("[{}]", codes.join(" "))
}
