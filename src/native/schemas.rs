//! The JSON Schemas of the native documents, compiled once, and their refusals in our own words.
//!
//! Part of `native`. Draft 2020-12 (json-schema.org/draft/2020-12); nothing is fetched, patterns run
//! in linear time. The words of the schema crate are never shown: they repeat values, and they change
//! with its version. Ours are made of the schema itself: the keyword, its value, and the `title`
//! beside it.

use jsonschema::{
    Draft, PatternOptions, Registry, ValidationError, Validator,
    error::ValidationErrorKind,
    paths::{Location, LocationSegment},
};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    json,
    native::{Fault, NativeKind},
};

/// The schemas as they are served, by file name.
pub const FILES: [(&str, &str); 4] = [
    ("person.schema.json", include_str!("../../schemas/native/person.schema.json")),
    ("assessment.schema.json", include_str!("../../schemas/native/assessment.schema.json")),
    ("plan.schema.json", include_str!("../../schemas/native/plan.schema.json")),
    ("vocabulary.schema.json", include_str!("../../schemas/native/vocabulary.schema.json")),
];

/// Where the schemas stand by name; never fetched from there.
const BASE: &str = "https://mylife.example/schemas/native/";

/// The compiled schemas; made once, when the gateway starts.
pub struct Schemas {
    sources: Vec<(String, Value)>,
    person: Validator,
    assessment: Validator,
    plan: Validator,
}

impl Schemas {
    /// Compiles all of them.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if one is no schema: a fault of the build.
    pub fn compile() -> Result<Self> {
        let mut sources = Vec::new();
        for (file, text) in FILES {
            let schema: Value = serde_json::from_str(text).map_err(Error::internal)?;
            sources.push((format!("{BASE}{file}"), schema));
        }
        let mut registry = Registry::new();
        for (uri, schema) in &sources {
            registry = registry.add(uri.as_str(), schema).map_err(Error::internal)?;
        }
        let registry = registry.prepare().map_err(Error::internal)?;
        let build = |file: &str| {
            jsonschema::options()
                .with_draft(Draft::Draft202012)
                .with_registry(&registry)
                .with_pattern_options(PatternOptions::regex())
                .should_validate_formats(true)
                .offline()
                .build(&serde_json::json!({ "$ref": format!("{BASE}{file}") }))
                .map_err(|e| Error::internal(e.to_string()))
        };
        let person = build("person.schema.json")?;
        let assessment = build("assessment.schema.json")?;
        let plan = build("plan.schema.json")?;
        drop(registry);
        Ok(Self { sources, person, assessment, plan })
    }

    /// Everything a document breaks of its schema, in order of place.
    pub(super) fn check(&self, kind: NativeKind, document: &Value) -> Vec<Fault> {
        let validator = match kind {
            NativeKind::Person => &self.person,
            NativeKind::Assessment => &self.assessment,
            NativeKind::Plan => &self.plan,
        };
        let mut found = Vec::new();
        for error in validator.iter_errors(document) {
            found.extend(self.explain(&error));
        }
        found.extend(not_whole(document, &Place::default()));
        found.sort();
        found.dedup();
        found.into_iter().map(|(place, say)| Fault::new(place.path(), say)).collect()
    }

    /// One refusal of the crate, in our words, at the places they are about.
    fn explain(&self, error: &ValidationError<'_>) -> Vec<(Place, String)> {
        let place = Place::of(error.instance_path());
        if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            return unexpected.iter().map(|name| (place.member(name), UNKNOWN.into())).collect();
        }
        if let ValidationErrorKind::Required { property } = error.kind() {
            return vec![(place.member(property.as_str().unwrap_or_default()), MISSING.into())];
        }
        let mut say = error
            .absolute_keyword_location()
            .map_or_else(|| UNFIT.to_owned(), |uri| self.words(uri.as_str()));
        if error.instance().is_null() {
            say.push_str("; leave the member out where there is nothing to say");
        }
        vec![(place, say)]
    }

    /// The sentence of one keyword, `<uri of the schema>#<pointer to the keyword>`.
    fn words(&self, uri: &str) -> String {
        let (schema, pointer) = uri.split_once('#').unwrap_or_default();
        let (parent, keyword) = pointer.rsplit_once('/').unwrap_or_default();
        let source = self.sources.iter().find(|(id, _)| id == schema).map(|(_, schema)| schema);
        let node = source.and_then(|source| source.pointer(parent));
        let limit = node.and_then(|node| node.get(keyword)).unwrap_or(&Value::Null);
        let title = node.and_then(|node| node.get("title")).and_then(Value::as_str);
        sentence(keyword, limit, title)
    }
}

pub(super) const UNKNOWN: &str = "this form has no such member; remove it or correct its name";
const UNFIT: &str = "the value does not fit the form; compare it with the schema";
const MISSING: &str = "the member is missing; add it";

fn sentence(keyword: &str, limit: &Value, title: Option<&str>) -> String {
    match (keyword, title) {
        ("type", _) => format!("expected {}", type_words(limit.as_str().unwrap_or_default())),
        ("const" | "format" | "maximum" | "minimum" | "pattern", Some(title)) => {
            format!("expected {title}")
        }
        ("const", None) => format!("expected {}", limit.as_str().unwrap_or("another value")),
        ("enum", _) => {
            let codes: Vec<&str> =
                limit.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!("expected one of {}", codes.join(", "))
        }
        ("maximum", None) => format!("expected at most {limit}"),
        ("minimum", None) => format!("expected at least {limit}"),
        ("maxLength", _) => format!("expected at most {limit} characters; shorten it"),
        ("minLength", _) => format!("expected at least {limit} characters; leave it out if empty"),
        ("maxItems", _) => format!("expected at most {limit} entries; send fewer"),
        ("minItems", _) => format!("expected at least {limit} entries; add what is missing"),
        ("minProperties", _) => {
            format!("expected at least {limit} members; leave out what says nothing")
        }
        ("uniqueItems", _) => "expected each entry once; remove the repetition".to_owned(),
        _ => UNFIT.to_owned(),
    }
}

fn type_words(name: &str) -> &'static str {
    match name {
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "object" => "an object",
        _ => "a text",
    }
}

/// JSON Schema takes 7.0 for an integer. The native forms know whole numbers only, and one way of
/// writing each, so that the canonical form is one.
fn not_whole(value: &Value, place: &Place) -> Vec<(Place, String)> {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0) => {
            let written_whole = number.is_i64() || number.is_u64();
            let say = "expected a whole number without decimal point, exponent or minus zero";
            if written_whole { Vec::new() } else { vec![(place.clone(), say.to_owned())] }
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| not_whole(item, &place.element(index)))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| not_whole(member, &place.member(name)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// A place in a document, in an order in which the tenth entry follows the ninth.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Place(Vec<Step>);

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Step {
    Element(usize),
    Member(String),
}

impl Place {
    fn of(location: &Location) -> Self {
        let step = |segment: LocationSegment<'_>| match segment {
            LocationSegment::Property(name) => Step::Member(name.into_owned()),
            LocationSegment::Index(index) => Step::Element(index),
        };
        Self(location.segments().map(step).collect())
    }

    fn with(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    fn member(&self, name: &str) -> Self {
        self.with(Step::Member(name.to_owned()))
    }

    fn element(&self, index: usize) -> Self {
        self.with(Step::Element(index))
    }

    fn path(&self) -> String {
        self.0.iter().fold("$".to_owned(), |path, step| match step {
            Step::Member(name) => json::member(&path, name),
            Step::Element(index) => json::element(&path, *index),
        })
    }
}
