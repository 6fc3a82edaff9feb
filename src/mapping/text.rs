//! The small FHIR values and words that every mapping writes.
//!
//! Pure. Words are in fi, sv or en by the document's language.

use std::sync::Arc;

use crate::{
    domain::{
        class::{Class, ClassSet},
        part::Change,
        theme::{Theme, Viewpoint},
    },
    fhir::{
        date::range,
        segment::{RowValue, Stamp},
    },
    mapping::survey::Given,
};

/// System of document ids as business identifiers.
pub const DOCUMENT: &str = "https://mylife.example/fhir/sid/document";
/// System of directory ids as service codes.
pub const SERVICE: &str = "https://mylife.example/fhir/CodeSystem/healthcare-service";
/// HL7's observation categories.
pub const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// A token row.
pub const fn token<'a>(system: Option<&'a str>, code: &'a str) -> RowValue<&'a str> {
    RowValue::Token { system, code }
}

/// A reference row.
pub const fn reference<'a>(kind: &'a str, id: &'a str) -> RowValue<&'a str> {
    RowValue::Reference(kind, id)
}

/// A date row.
pub fn date(text: &str) -> Option<RowValue<&'static str>> {
    range(text).map(|(lo, hi)| RowValue::Date(lo, hi))
}

/// The stamp of what a commit changed.
pub fn stamped(change: &Change) -> Stamp {
    let Change { changed, status, authored } = change;
    Stamp { changed: *changed, status: Arc::clone(status), authored: Arc::clone(authored) }
}

/// The class of own words.
pub const fn own_words() -> ClassSet {
    ClassSet::EMPTY.with(Class::FreeText)
}

/// A theme's name.
pub fn theme(theme: Theme, language: &str) -> &'static str {
    let [fi, sv, en] = theme.names();
    pick(language, fi, sv, en)
}

/// A viewpoint's name.
fn viewpoint(code: &str, language: &str) -> &'static str {
    let [fi, sv, en] = match code {
        "importance" => ["tärkeys", "betydelse", "importance"],
        "satisfaction" => ["tyytyväisyys", "nöjdhet", "satisfaction"],
        "future" => ["tulevaisuus", "framtid", "future"],
        _ => ["omin sanoin", "med egna ord", "in own words"],
    };
    pick(language, fi, sv, en)
}

/// Name of a scored item.
pub fn score(of: Theme, from: Viewpoint, language: &str) -> String {
    format!("{}: {}", theme(of, language), viewpoint(from.code(), language))
}

/// One answer as a line of the narrative.
pub fn answer(of: Theme, from: &str, given: Given<'_>, language: &str) -> String {
    let (theme, viewpoint) = (theme(of, language), viewpoint(from, language));
    match given {
        Given::Score(score) => format!("{theme}, {viewpoint}: {score}"),
        Given::Words(words) => format!("{theme}, {viewpoint}: {words}"),
    }
}

/// The word of a language; Finnish where it is neither Swedish nor English.
pub fn pick<'a>(language: &str, fi: &'a str, sv: &'a str, en: &'a str) -> &'a str {
    match language.split('-').next() {
        Some("sv") => sv,
        Some("en") => en,
        _ => fi,
    }
}
