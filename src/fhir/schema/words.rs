//! Turns a schema error into a place and a sentence of our own.
//!
//! Part of [`super`]: the only file that knows the schema library's kinds of errors, so that its
//! next version changes no word that a caller reads. Says what must be so, never what was found.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Broken},
    paths::LocationSegment,
};
use serde_json::Value;

use super::{Fault, calendar, coded, element};
use crate::{
    domain::near::nearest,
    fhirpath::model::{Model, Type},
};

/// The longest list of codes worth reading.
pub(super) const MOST_CODES: usize = 20;
/// The longest name of an unknown member that is repeated to the caller.
const LONGEST_NAME: usize = 40;

/// The first word of every expression: the resource's type, or `Resource` if it tells none we know.
pub(super) fn root(resource: &Value) -> &str {
    let named = resource.get("resourceType").and_then(Value::as_str);
    named.filter(|name| is_name(name)).unwrap_or("Resource")
}

/// The faults of one schema error: one, or one for each unknown member.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the schema uses a dozen of the library's rules; a thirteenth is told by its name"
)]
pub(super) fn tell(root: &str, error: &ValidationError<'_>, model: &Model<'_>) -> Vec<Fault> {
    let place = place(root, error);
    let parent = |say: String| vec![Fault { expression: place.clone(), say }];
    let child = |name: &str, say: &str| {
        vec![Fault { expression: format!("{place}.{name}"), say: say.to_owned() }]
    };
    match error.kind() {
        Broken::AdditionalProperties { unexpected } => {
            let of = of_definition(definition(error), model);
            unexpected.iter().map(|name| unknown(&place, name, of)).collect()
        }
        Broken::Custom { message, .. } => match message.split_once(' ') {
            Some((element::TWICE, name)) => child(name, "may have one type only"),
            Some((coded::UNBOUND, systems)) => parent(format!("must have a coding of {systems}")),
            Some((_, name)) => child(name, "is required"),
            None => parent(message.clone()),
        },
        Broken::Required { property } => {
            child(property.as_str().unwrap_or_default(), "is required")
        }
        Broken::MinItems { .. } => parent("must not be an empty list".to_owned()),
        Broken::MinLength { .. } => parent("must not be empty".to_owned()),
        Broken::MinProperties { .. } => parent("must not be an empty object".to_owned()),
        Broken::Format { format } if format == calendar::FORMAT => {
            parent("must be a day of the calendar".to_owned())
        }
        Broken::Enum { options } => parent(one_of(options, &place, error.instance())),
        Broken::Pattern { .. } => parent(form(definition(error))),
        Broken::Type { kind: TypeKind::Single(kind) } => {
            let kind = kind.as_str();
            let like = form_of(definition(error)).filter(|_| kind == "string");
            // As if it said nothing: FHIR has no null but in lists.
            let absent =
                if error.instance().is_null() { ", or be left out: null says nothing" } else { "" };
            parent(format!("must be {}{absent}", like.unwrap_or_else(|| json(kind))))
        }
        Broken::Maximum { limit } => parent(format!("must be at most {limit}")),
        Broken::Minimum { limit } => parent(format!("must be at least {limit}")),
        other => parent(format!("breaks the rule `{}` of its type", other.keyword())),
    }
}

/// `/item/0/linkId` as `QuestionnaireResponse.item[0].linkId`.
fn place(root: &str, error: &ValidationError<'_>) -> String {
    error.instance_path().iter().fold(root.to_owned(), |place, step| match step {
        LocationSegment::Property(name) => format!("{place}.{name}"),
        LocationSegment::Index(index) => format!("{place}[{index}]"),
    })
}

/// A member FHIR does not know. Its name is the caller's own text: repeated only if it is a name.
fn unknown(place: &str, name: &str, of: Option<&Type<'_>>) -> Fault {
    let bare = name.strip_prefix('_').unwrap_or(name);
    if is_name(bare) {
        let expression = format!("{place}.{name}");
        let forms = of.into_iter().flat_map(|of| &of.elements).flat_map(|element| &element.forms);
        let meant = nearest(bare, forms.map(|form| &*form.member));
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        Fault { expression, say: format!("is not an element of FHIR R4 here{meant}") }
    } else {
        let say = "has a member that is not an element of FHIR R4".to_owned();
        Fault { expression: place.to_owned(), say }
    }
}

fn is_name(text: &str) -> bool {
    let letters = text.chars().all(|letter| letter.is_ascii_alphabetic());
    letters && (1..=LONGEST_NAME).contains(&text.len())
}

fn one_of(options: &Value, place: &str, found: &Value) -> String {
    let codes: Vec<_> =
        options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if codes.len() <= MOST_CODES {
        return format!("must be one of {}", codes.join(" | "));
    }
    let what = if place.ends_with(".resourceType") {
        "types of FHIR R4 that are known here"
    } else {
        "codes of its value set"
    };
    let meant = found.as_str().and_then(|code| nearest(code, codes.iter().copied()));
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    format!("must be one of the {} {what}{meant}", codes.len())
}

/// The name of the definition that broke: the schema path is `/definitions/<name>/<keyword>`.
fn definition<'e>(error: &'e ValidationError<'_>) -> &'e str {
    error.schema_path().as_str().rsplit('/').nth(1).unwrap_or_default()
}

/// The type of a definition: of `Questionnaire_EnableWhen` that of the element of that name.
fn of_definition<'m>(name: &str, model: &'m Model<'m>) -> Option<&'m Type<'m>> {
    let Some((root, part)) = name.split_once('_') else { return model.of(model.find(name)?) };
    let is_it = |of: &&Type<'_>| {
        let mut path = of.name.split('.');
        path.next() == Some(root)
            && path.next_back().is_some_and(|last| last.eq_ignore_ascii_case(part))
    };
    model.known().map(|(_, of)| of).find(is_it)
}

fn form(primitive: &str) -> String {
    format!("must be {}", form_of(primitive).unwrap_or("text that is not empty"))
}

/// How values of a type are written, where that is more than text.
fn form_of(primitive: &str) -> Option<&'static str> {
    Some(match primitive {
        "base64Binary" => "bytes in base64",
        "canonical" | "uri" | "url" => "a URI without spaces",
        "code" => "a code: no space at either end, none doubled",
        "currency" => "a currency, three capital letters: EUR",
        "date" => "a date: 2026, 2026-11 or 2026-11-21",
        "dateTime" => "a date, or a time with seconds and zone: 2026-11-21T09:30:00+02:00",
        "format" => "a format: json, or a media type such as application/fhir+json",
        "id" => "an id: 1 to 64 letters, digits, hyphens and dots",
        "instant" => "a time with seconds and zone: 2026-11-21T09:30:00+02:00",
        "language-tag" => "a language tag: fi, sv-FI",
        "media-type" => "a media type: text/plain, application/pdf",
        "oid" => "an OID: urn:oid:1.2.3",
        "time" => "a time of day with seconds: 09:30:00",
        "uuid" => "a UUID in lower case: urn:uuid:...",
        _ => return None,
    })
}

fn json(kind: &str) -> &str {
    match kind {
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "object" => "an object",
        "string" => "a string",
        other => other,
    }
}
