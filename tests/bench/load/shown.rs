//! What an answer shows: of which documents, which themes and own words, and who is named.
//!
//! Beside the way; of the load driver. Whatever an answer is made of, it is looked through byte by byte: a
//! theme counts as shown wherever its code or its own words stand.

use std::sync::LazyLock;

use mylife::domain::theme::{Theme, ThemeSet};
use regex::bytes::Regex;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Opens the own words about a theme; its code follows, a dot, and the number of the push.
pub(crate) const MARK: &str = "toive-";

/// What is shown of one resource.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Themes that are named.
    pub(crate) themes: ThemeSet,
    /// Themes about which own words stand there.
    pub(crate) words: ThemeSet,
    /// Numbers of the pushes that these are of, each time they stand there.
    pub(crate) numbers: Vec<u32>,
    /// Ids of the Patients that are named.
    pub(crate) patients: Vec<String>,
}

/// A searchset, as far as it matters here.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Each resource, by its id.
    pub(crate) entries: Vec<(String, Shown)>,
    /// Where it goes on, from the path on.
    pub(crate) next: Option<String>,
    /// Node codes of the sources that were not reached, or in part.
    pub(crate) missing: Vec<String>,
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(borrow, default)]
    entry: Vec<Entry<'a>>,
    #[serde(default)]
    link: Vec<Link>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    full_url: Option<String>,
    #[serde(borrow)]
    resource: &'a RawValue,
    search: Option<Search>,
}

#[derive(Deserialize)]
struct Search {
    mode: String,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
    url: String,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    issue: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    diagnostics: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    code: String,
}

impl Shown {
    /// What these bytes show.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        static TELLING: LazyLock<Regex> = LazyLock::new(telling);
        let mut shown = Self::default();
        for found in TELLING.find_iter(bytes) {
            let text = String::from_utf8_lossy(found.as_bytes());
            if let Some(id) = text.strip_prefix("Patient/") {
                shown.patients.push(id.to_owned());
            } else if let Some(words) = text.strip_prefix(MARK) {
                let (code, number) = words.split_once('.').unwrap_or((words, ""));
                shown.words = Theme::from_code(code).map_or(shown.words, |t| shown.words.with(t));
                shown.numbers.extend(number.parse::<u32>());
            } else if bytes.get(found.end()) != Some(&b':') {
                // In quotes; what a colon follows is the name of an element.
                let theme = Theme::from_code(text.trim_matches('"'));
                shown.themes = theme.map_or(shown.themes, |theme| shown.themes.with(theme));
            }
        }
        shown
    }

    /// Takes in what is shown beside it.
    pub(crate) fn add(&mut self, other: &Self) {
        self.themes = self.themes.union(other.themes);
        self.words = self.words.union(other.words);
        self.numbers.extend(&other.numbers);
        self.patients.extend(other.patients.iter().cloned());
    }
}

fn telling() -> Regex {
    let codes: Vec<&str> = Theme::ALL.iter().map(|theme| theme.code()).collect();
    let codes = codes.join("|");
    let patient = r"Patient/[0-9a-z]+\.[0-9a-z]+";
    let text = format!("{patient}|{MARK}(?:{codes})\\.[0-9]*|\"(?:{codes})\"");
    Regex::new(&text).unwrap()
}

impl Found {
    /// What a Bundle shows; what is wrong with it if it is none.
    pub(crate) fn of(body: &[u8]) -> Result<Self, String> {
        let bundle: Bundle<'_> = serde_json::from_slice(body).map_err(|why| why.to_string())?;
        let mut found = Self::default();
        for Entry { full_url, resource, search } in bundle.entry {
            let text = resource.get();
            if search.is_some_and(|search| search.mode == "outcome") {
                let outcome: Outcome = serde_json::from_str(text).map_err(|why| why.to_string())?;
                found.missing.extend(outcome.issue.into_iter().filter_map(missing));
            } else {
                let url = full_url.ok_or("an entry without an address")?;
                let id = url.rsplit('/').next().unwrap_or_default();
                found.entries.push((id.to_owned(), Shown::of(text.as_bytes())));
            }
        }
        let next = bundle.link.into_iter().find(|link| link.relation == "next");
        found.next =
            next.and_then(|link| link.url.find("/fhir").map(|at| link.url[at..].to_owned()));
        Ok(found)
    }
}

/// The source that an issue says is not whole.
fn missing(issue: Issue) -> Option<String> {
    let details = issue.details?;
    let whole = details.coding.iter().any(|coding| coding.code == "complete");
    issue.diagnostics.filter(|_| !whole)
}
