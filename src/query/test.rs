//! One condition of a query: what a value must be to match.
//!
//! Pure. The lens over a compartment and the property tests use the same words. Source: FHIR R4
//! search.html, sections date, string, token, reference, uri.

use crate::{
    domain::{id, moment::Moment},
    error::{Error, Result},
    fhir::{date, segment::RowValue},
    query::param::Type,
};

/// How a date is compared (FHIR prefix).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prefix {
    /// Within the range asked for.
    Eq,
    /// Not within it.
    Ne,
    /// Reaches beyond it.
    Gt,
    /// Reaches before it.
    Lt,
    /// Within or beyond.
    Ge,
    /// Within or before.
    Le,
    /// Starts after it.
    Sa,
    /// Ends before it.
    Eb,
}

/// One alternative of a parameter's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Test {
    /// A time.
    Date(Prefix, Moment, Moment),
    /// `Type/id`, or an id of any type.
    Reference(Option<String>, String),
    /// `system` is `None` for any, `Some("")` for none.
    Token(Option<String>, Option<String>),
    /// The exact uri.
    Uri(String),
    /// Words: their beginning, all of them, or some within.
    Text(Part, String),
    /// A code of this system, whichever.
    Within(&'static str),
}

/// Which part of some words must be as asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// Anything within, whatever the case and the marks on letters.
    Any,
    /// The whole, letter by letter.
    Exact,
    /// The beginning, whatever the case and the marks on letters.
    Start,
}

/// Where value sets stand; each is all codes of the code system of the same name.
const SETS: &str = "https://mylife.example/fhir/ValueSet/";
/// The code systems that have one.
const SYSTEMS: [&str; 5] = [
    "https://mylife.example/fhir/CodeSystem/3x10d",
    "https://mylife.example/fhir/CodeSystem/class",
    "https://mylife.example/fhir/CodeSystem/healthcare-service",
    "https://mylife.example/fhir/CodeSystem/plan",
    "https://mylife.example/fhir/CodeSystem/theme",
];

impl Test {
    /// Reads one alternative. `base` is the gateway's own FHIR base, for absolute references.
    ///
    /// # Errors
    /// `Invalid`, saying what the value must look like; the value itself is not repeated.
    pub fn parse(kind: Type, text: &str, base: &str) -> Result<Self> {
        match kind {
            Type::Date => Self::date(text),
            Type::Token => Self::token(text),
            Type::Reference => Self::reference(text, base),
            Type::Text => Ok(Self::Text(Part::Start, folded(&plain(text)))),
            Type::Uri | Type::Canonical => {
                let uri = plain(text);
                if uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
                    return Err(Error::invalid("A URI has no spaces."));
                }
                Ok(Self::Uri(uri))
            }
        }
    }

    /// The words of `:exact` and `:contains`.
    pub fn words(text: &str, exact: bool) -> Self {
        let words = plain(text);
        if exact { Self::Text(Part::Exact, words) } else { Self::Text(Part::Any, folded(&words)) }
    }

    /// The codes of a value set, by its canonical.
    ///
    /// # Errors
    /// `Invalid` for one that is not known here.
    pub fn within(set: &str) -> Result<Self> {
        let of = |system: &&str| {
            set.strip_prefix(SETS).is_some_and(|name| system.rsplit('/').next() == Some(name))
        };
        SYSTEMS.into_iter().find(of).map(Self::Within).ok_or_else(|| {
            Error::invalid(
                "This value set is not known here; those of the gateway's code systems are.",
            )
        })
    }

    fn token(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("A token is code, system|code, |code or system|.");
        let mut halves = split(text, '|').map(plain);
        match (halves.next(), halves.next(), halves.next()) {
            (Some(code), None, _) => Ok(Self::Token(None, Some(code))),
            (Some(system), Some(code), None) if !(system.is_empty() && code.is_empty()) => {
                Ok(Self::Token(Some(system), Some(code).filter(|code| !code.is_empty())))
            }
            (_, _, _) => Err(wrong()),
        }
    }

    fn reference(text: &str, base: &str) -> Result<Self> {
        let local = text.strip_prefix(base).and_then(|t| t.strip_prefix('/')).unwrap_or(text);
        let (kind, id) =
            local.split_once('/').map_or((None, local), |(kind, id)| (Some(kind.to_owned()), id));
        if id::may_be_id(id) {
            Ok(Self::Reference(kind, id.to_owned()))
        } else {
            Err(Error::invalid("A reference is Type/id at this gateway."))
        }
    }

    fn date(text: &str) -> Result<Self> {
        let (prefix, rest) = match text.get(..2) {
            Some("eq") => (Prefix::Eq, text.get(2..)),
            Some("ne") => (Prefix::Ne, text.get(2..)),
            Some("gt") => (Prefix::Gt, text.get(2..)),
            Some("lt") => (Prefix::Lt, text.get(2..)),
            Some("ge") => (Prefix::Ge, text.get(2..)),
            Some("le") => (Prefix::Le, text.get(2..)),
            Some("sa") => (Prefix::Sa, text.get(2..)),
            Some("eb") => (Prefix::Eb, text.get(2..)),
            _ => (Prefix::Eq, Some(text)),
        };
        // A '+' that was not encoded arrives as a space.
        let (lo, hi) = rest.and_then(date::range).ok_or_else(|| {
            Error::invalid(
                "A date is YYYY, YYYY-MM, YYYY-MM-DD or a time with a zone, with an optional \
                 prefix eq ne gt lt ge le sa eb; write '+' as %2B.",
            )
        })?;
        Ok(Self::Date(prefix, lo, hi))
    }

    /// Does the value match?
    pub fn holds(&self, value: &RowValue<&str>) -> bool {
        match (self, value) {
            (Self::Date(prefix, a, b), RowValue::Date(lo, hi)) => {
                let within = a <= lo && hi <= b;
                match prefix {
                    Prefix::Eq => within,
                    Prefix::Ne => !within,
                    Prefix::Gt => hi > b,
                    Prefix::Lt => lo < a,
                    Prefix::Ge => within || hi > b,
                    Prefix::Le => within || lo < a,
                    Prefix::Sa => lo > b,
                    Prefix::Eb => hi < a,
                }
            }
            (Self::Reference(kind, id), RowValue::Reference(to_kind, to_id)) => {
                to_id == id && kind.as_deref().is_none_or(|k| k == *to_kind)
            }
            (Self::Token(system, code), RowValue::Token { system: s, code: c }) => {
                system.as_deref().is_none_or(|x| x == s.unwrap_or(""))
                    && code.as_deref().is_none_or(|x| x == *c)
            }
            // A canonical may name a version; without one any version is meant.
            (Self::Uri(uri), RowValue::Uri(to)) => {
                *to == &**uri || to.split_once('|').is_some_and(|(url, _)| url == uri)
            }
            (Self::Within(system), RowValue::Token { system: s, .. }) => *s == Some(*system),
            (Self::Text(part, asked), RowValue::Text(words)) => match part {
                Part::Start => folded(words).starts_with(asked),
                Part::Any => folded(words).contains(asked),
                Part::Exact => words == asked,
            },
            (
                Self::Date(..)
                | Self::Reference(..)
                | Self::Token(..)
                | Self::Uri(_)
                | Self::Text(..)
                | Self::Within(_),
                RowValue::Date(..)
                | RowValue::Reference(..)
                | RowValue::Token { .. }
                | RowValue::Uri(_)
                | RowValue::Text(_)
                | RowValue::Computed(_),
            ) => false,
        }
    }
}

/// Words without their case and the marks on their letters, as people look for names.
pub fn folded(words: &str) -> String {
    let plain = |c: char| match c {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'š' => 's',
        'ž' => 'z',
        other => other,
    };
    words.chars().flat_map(char::to_lowercase).map(plain).collect()
}

/// Splits where the mark is not escaped; the parts keep their escapes.
pub fn split(text: &str, mark: char) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c| {
        let here = c == mark && !escaped;
        escaped = c == '\\' && !escaped;
        here
    })
}

/// Reads `\,` `\|` `\$` `\\` (FHIR R4 search.html#escaping).
fn plain(text: &str) -> String {
    let mut escaped = false;
    let shown = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    text.chars().filter(shown).collect()
}
