//! Security labels: the gateway's themes and withheld classes as FHIR codings.
//!
//! Source: FHIR R4 security-labels.html; the code systems are the gateway's own.

use crate::domain::{class::ClassSet, theme::ThemeSet};

/// Namespace of everything the gateway defines.
pub const CANONICAL: &str = "https://mylife.example/fhir";
/// The ten themes.
pub const THEME: &str = "https://mylife.example/fhir/CodeSystem/theme";
/// The withheld classes.
pub const CLASS: &str = "https://mylife.example/fhir/CodeSystem/class";

/// Labels of something released: the union over its visible segments.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Labels {
    /// Themes.
    pub themes: ThemeSet,
    /// Withheld classes.
    pub classes: ClassSet,
}

impl Labels {
    /// Both together.
    pub const fn union(self, other: Self) -> Self {
        Self { themes: self.themes.union(other.themes), classes: self.classes.union(other.classes) }
    }
}

/// System and code of each label, themes first.
pub fn codings(labels: Labels) -> impl Iterator<Item = (&'static str, &'static str)> {
    let themes = labels.themes.iter().map(|t| (THEME, t.code()));
    themes.chain(labels.classes.iter().map(|c| (CLASS, c.code())))
}

/// The members of `meta.security`, without the brackets.
pub fn security(labels: Labels) -> String {
    let mut text = String::new();
    for (system, code) in codings(labels) {
        if !text.is_empty() {
            text.push(',');
        }
        // Neither text needs escaping.
        for piece in ["{\"system\":\"", system, "\",\"code\":\"", code, "\"}"] {
            text.push_str(piece);
        }
    }
    text
}
