//! `mylife map --explain`: a native document beside the FHIR that is made of it, value by value.
//!
//! Part of `cli`. Each element stands under every value it was made of, with how and with the labels
//! that show it; at the end stands what is there whatever the documents say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    classes, themes,
    tried::{Element, Elements, Place, Trial},
};
use crate::{cli::output::Output, error::Result, mapping::kinds::Kind, native::Native};

/// Longest value that is shown whole to people, in characters.
const LONG: usize = 60;

/// Explains all documents of one person.
pub(super) fn explain(
    documents: &[Native],
    trial: &Trial<'_>,
    as_json: bool,
    output: &mut Output<'_>,
) -> Result<()> {
    let made = trial.elements(documents)?;
    let mut explained = BTreeSet::new();
    for (index, document) in documents.iter().enumerate() {
        let typed = document.typed();
        let (schema, id) = (typed.kind().schema(), typed.id().as_str());
        if !as_json {
            output.line(format_args!("{schema} {id}"));
        }
        for origin in trial.origins(documents, index, &made)? {
            if as_json {
                let listed = |place: &Place| listed(place, made.get(place), Some(&origin.value));
                let elements = origin.makes.as_ref().map(|all| all.iter().map(listed).collect());
                let native = json!({ "schema": schema, "id": id, "path": origin.path, "value": origin.value });
                output.line(json!({ "native": native, "fhir": elements.unwrap_or(Value::Null) }));
            } else {
                output.line(format_args!("{}: {}", origin.path, short(&origin.value)));
                match origin.makes.as_deref() {
                    None => output.line("    (no other value was found that fits here, to try)"),
                    Some([]) => output.line("    (makes no difference in FHIR)"),
                    Some(all) => all.iter().for_each(|place| {
                        tell(place, made.get(place), Some(&origin.value), output);
                    }),
                }
            }
            explained.extend(origin.makes.into_iter().flatten());
        }
    }
    tell_fixed(&made, &explained, as_json, output);
    Ok(())
}

/// What no value of the documents makes different.
fn tell_fixed(
    made: &Elements,
    explained: &BTreeSet<Place>,
    as_json: bool,
    output: &mut Output<'_>,
) {
    let fixed: Vec<_> = made.iter().filter(|(place, _)| !explained.contains(*place)).collect();
    if as_json {
        let listed = |(place, element)| listed(place, Some(element), None);
        let fixed: Vec<Value> = fixed.into_iter().map(listed).collect();
        output.line(json!({ "native": null, "fhir": fixed }));
        return;
    }
    output.line("always, whatever the documents say");
    for (place, element) in fixed {
        tell(place, Some(element), None, output);
    }
}

/// A line about an element, or about a whole resource.
fn tell(
    (resource, path): &Place,
    element: Option<&Element>,
    of: Option<&Value>,
    output: &mut Output<'_>,
) {
    let Some(element) = element else {
        output.line(format_args!("    {resource}  (whether and as which resource it is there)"));
        return;
    };
    let (value, labels) = (short(&element.value), said(element));
    let how = of.map(|value| format!("{}; ", how(element, value))).unwrap_or_default();
    output.line(format_args!("    {resource} {path}: {value}  ({how}{labels})"));
}

fn listed((resource, path): &Place, element: Option<&Element>, of: Option<&Value>) -> Value {
    let Some(element) = element else { return json!({ "resource": resource }) };
    let labels = |kind: &Kind| json!({ "themes": themes(kind), "classes": classes(kind) });
    let kinds: Vec<Value> = element.kinds.iter().map(labels).collect();
    let how = of.map(|value| how(element, value));
    json!({ "resource": resource, "path": path, "value": element.value, "how": how, "shown_by": kinds })
}

/// Does the element say the same as the value it was made of?
fn how(element: &Element, native: &Value) -> &'static str {
    if element.value == *native { "copied" } else { "made of it" }
}

/// The labels that show an element, for people.
fn said(element: &Element) -> String {
    let labels = |kind: &Kind| {
        let all: Vec<&str> = [themes(kind), classes(kind)].concat();
        if all.is_empty() { "no label".to_owned() } else { all.join(" + ") }
    };
    let all: BTreeSet<String> = element.kinds.iter().map(labels).collect();
    if all.is_empty() {
        return "with the rest".to_owned();
    }
    all.into_iter().collect::<Vec<_>>().join(", or ")
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
