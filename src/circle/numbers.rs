//! The same as numbers: FHIR `Parameters`, one part a theme.
//!
//! Part of `circle`. A theme of which nothing is there to show has its code alone. Source: FHIR R4
//! parameters.html.

use serde_json::{Value, json};

use super::{Asked, Circle, Sector, Shown};
use crate::{
    domain::theme::Theme,
    fhir::labels::{CANONICAL, THEME},
    mapping::text,
};

/// The numbers of what is shown.
pub fn parameters(shown: &Shown<'_>) -> Value {
    let mut parts = circle("", shown.now);
    parts.extend(shown.before.map(|before| circle("before-", before)).unwrap_or_default());
    parts.extend(shown.now.sectors().map(|(theme, of)| {
        let before = shown.before.and_then(|circle| circle.sector(theme));
        of_theme(theme, of, before, shown.language)
    }));
    parts.extend(shown.asked.iter().map(source));
    json!({
        "resourceType": "Parameters",
        "language": shown.language,
        "meta": { "profile": [format!("{CANONICAL}/StructureDefinition/mylife-circle-of-life")] },
        "parameter": parts,
    })
}

/// Which assessment it is, and of when.
fn circle(prefix: &str, of: &Circle) -> Vec<Value> {
    if of.response.is_empty() {
        return Vec::new();
    }
    let reference = format!("QuestionnaireResponse/{}", of.response);
    let named = |name: &str| format!("{prefix}{name}");
    let mut parts =
        vec![json!({ "name": named("response"), "valueReference": { "reference": reference } })];
    if !of.authored.is_empty() {
        parts.push(json!({ "name": named("authored"), "valueDateTime": of.authored }));
    }
    parts
}

fn of_theme(theme: Theme, of: &Sector, before: Option<&Sector>, language: &str) -> Value {
    let name = text::theme(theme, language);
    let coding = json!({ "system": THEME, "code": theme.code(), "display": name });
    let mut parts = vec![json!({ "name": "about", "valueCoding": coding })];
    parts.extend(scores("", of));
    if of.is_wanting() {
        parts.push(json!({ "name": "important-not-yet-well", "valueBoolean": true }));
    }
    parts.extend(of.words.iter().map(|said| json!({ "name": "words", "valueString": said })));
    parts.extend(before.into_iter().flat_map(|before| scores("before-", before)));
    json!({ "name": "theme", "part": parts })
}

fn scores(prefix: &str, of: &Sector) -> Vec<Value> {
    let both = [("satisfaction", of.satisfaction), ("importance", of.importance)];
    let part = |(name, score): (&str, Option<u8>)| {
        Some(json!({ "name": format!("{prefix}{name}"), "valueInteger": score? }))
    };
    both.into_iter().filter_map(part).collect()
}

/// A source that was asked, and how complete its part is.
fn source((node, state): &Asked) -> Value {
    let system = format!("{CANONICAL}/CodeSystem/completeness");
    json!({ "name": "source", "part": [
        { "name": "node", "valueCode": node },
        { "name": "completeness", "valueCoding": { "system": system, "code": state } },
    ] })
}
