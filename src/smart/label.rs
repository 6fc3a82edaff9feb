//! Granular scopes on our own labels: `_security=<theme or class>`.
//!
//! Part of `smart`. A filter on a theme or a withheld class does not select resources, it
//! limits the segments that matching, counting and including may see, so that "only housing" stays
//! true for a response that speaks of ten themes. Other label systems select whole resources.

use super::Filter;
use crate::{
    domain::{
        class::{Class, ClassSet},
        theme::{Theme, ThemeSet},
    },
    fhir::labels::{CLASS, THEME},
};

/// One `_security` filter on our labels.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LabelLimit {
    /// Themes it names.
    pub themes: ThemeSet,
    /// Withheld classes it names.
    pub classes: ClassSet,
}

impl LabelLimit {
    /// May a segment with these labels be seen? It must have a label the filter names, and no other
    /// of that sort: a comment on housing and health is not for one who may see housing only. A
    /// segment without labels passes no limit.
    pub fn admits(self, themes: ThemeSet, classes: ClassSet) -> bool {
        let by_theme = !themes.is_empty() && self.themes.contains_all(themes);
        let by_class = !classes.is_empty() && self.classes.contains_all(classes);
        by_theme || by_class
    }

    /// The filter it came from, in one way of writing.
    pub(super) fn filter(self) -> Filter {
        let themes = self.themes.iter().map(|t| format!("{THEME}|{}", t.code()));
        let classes = self.classes.iter().map(|c| format!("{CLASS}|{}", c.code()));
        let mut values: Vec<Box<str>> = themes.chain(classes).map(String::into_boxed_str).collect();
        if values.is_empty() {
            values.push(format!("{THEME}|none").into());
        }
        Filter { param: "_security".into(), values }
    }
}

/// What a filter turned out to be.
pub(super) enum Reading {
    /// On our labels only.
    Labels(LabelLimit),
    /// On our labels and on others at once: neither a limit on segments nor a choice of resources.
    Mixed,
    /// Not on our labels.
    Plain,
}

/// Reads a filter.
pub(super) fn limit(filter: &Filter) -> Reading {
    if &*filter.param != "_security" {
        return Reading::Plain;
    }
    let read: Vec<LabelLimit> = filter.values.iter().filter_map(|v| label(v)).collect();
    if read.is_empty() {
        Reading::Plain
    } else if read.len() == filter.values.len() {
        Reading::Labels(read.into_iter().fold(LabelLimit::default(), |all, one| LabelLimit {
            themes: all.themes.union(one.themes),
            classes: all.classes.union(one.classes),
        }))
    } else {
        Reading::Mixed
    }
}

/// Our labels that a token value means; `None` if it is of another system. A code that our system
/// does not have means no label at all.
fn label(value: &str) -> Option<LabelLimit> {
    let themes = |code| Theme::from_code(code).into_iter().collect();
    let classes = |code| Class::from_code(code).into_iter().collect();
    let none = LabelLimit::default();
    match value.split_once('|') {
        Some((THEME, "")) => Some(LabelLimit { themes: ThemeSet::FULL, ..none }),
        Some((CLASS, "")) => Some(LabelLimit { classes: ClassSet::FULL, ..none }),
        Some((THEME, code)) => Some(LabelLimit { themes: themes(code), ..none }),
        Some((CLASS, code)) => Some(LabelLimit { classes: classes(code), ..none }),
        Some(_) => None,
        None => {
            let bare = LabelLimit { themes: themes(value), classes: classes(value) };
            (bare != none).then_some(bare)
        }
    }
}
