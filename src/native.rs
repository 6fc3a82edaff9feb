//! What a municipality's system pushes, checked: bytes in, a typed document and its canonical form
//! out, or every fault of it, each in one line.
//!
//! Step `validate` of the write road, between `parse` and `commit`; `mylife validate` and `load` walk
//! it too. Strict JSON, then JSON Schema (2020-12, `schemas/native/`), then the rules between members
//! that a schema cannot say. Knows neither the store nor FHIR: whether a referenced document exists
//! is asked by whoever holds the store, from [`Native::references`]. Never repeats a value.

pub mod foreign;
pub mod schemas;
mod rules;
pub mod references;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{
        assessment::Assessment,
        identity::TestRange,
        moment::Moment,
        person::Person,
        plan::Plan,
        words::{LocalId, redacted},
    },
    error::{Error, Kind, Result},
    json::{self, Limits},
    native::{references::Reference, schemas::Schemas},
};

/// What a native document is about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NativeKind {
    /// `mylife/person/1`.
    Person,
    /// `mylife/assessment/1`.
    Assessment,
    /// `mylife/plan/1`.
    Plan,
}

impl NativeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Person, Self::Assessment, Self::Plan];

    /// The value of the member `schema`.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Person => "mylife/person/1",
            Self::Assessment => "mylife/assessment/1",
            Self::Plan => "mylife/plan/1",
        }
    }

    /// What addresses call documents of this kind: `/native/people`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Person => "people",
            Self::Assessment => "assessments",
            Self::Plan => "plans",
        }
    }

    /// What a text says that it is, if it can be read so far; it need not be good.
    pub fn named(document: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Named {
            schema: String,
        }
        let named: Named = serde_json::from_slice(document).ok()?;
        Self::by_schema(&named.schema)
    }

    fn of(document: &Value) -> Option<Self> {
        Self::by_schema(document.get("schema")?.as_str()?)
    }

    fn by_schema(schema: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.schema() == schema)
    }
}

/// One thing that is wrong with a document, or odd about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Where: a JSON path, `$.answers[3].theme`.
    pub path: String,
    /// What was expected and what to do, in one line, without any value of the document.
    pub say: String,
    /// `Invalid` or `TooLarge` for what is not JSON, else `Unprocessable`.
    pub kind: Kind,
}

impl Fault {
    fn new(path: impl Into<String>, say: impl Into<String>) -> Self {
        Self { path: path.into(), say: say.into(), kind: Kind::Unprocessable }
    }

    /// The same faults where members may have been named after what a person said: of a member that the
    /// form does not have only its place is told, and nothing of what is in it.
    pub fn without_names(faults: Vec<Self>) -> Vec<Self> {
        let is_stray = |fault: &&Self| fault.say == schemas::UNKNOWN;
        let strays: Vec<String> =
            faults.iter().filter(is_stray).map(|fault| fault.path.clone()).collect();
        let beneath = |path: &str| {
            let rest = strays.iter().filter_map(|stray| path.strip_prefix(&**stray));
            rest.into_iter().any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let (strange, mut known): (Vec<_>, Vec<_>) =
            faults.into_iter().partition(|fault| beneath(&fault.path));
        let strange = strange.into_iter().filter(|fault| fault.say == schemas::UNKNOWN);
        let place = |path: &str| path.rsplit_once('.').map_or("$", |(place, _)| place).to_owned();
        known.extend(strange.map(|fault| Self { path: place(&fault.path), ..fault }));
        known.dedup();
        known
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.say)
    }
}

/// By what a document is judged.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The compiled schemas.
    pub schemas: &'a Schemas,
    /// The instant of the request; nobody is born after it.
    pub now: Moment,
    /// What becomes of identity codes that are issued to nobody.
    pub test_range: TestRange,
    /// What one document may cost.
    pub limits: Limits,
}

/// A document as types.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Typed {
    /// A person.
    Person(Person),
    /// A filled-in survey.
    Assessment(Assessment),
    /// A welfare plan.
    Plan(Plan),
}

impl Typed {
    /// Reads what this gateway stored; nothing is judged again.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the bytes are not a document of that kind.
    pub fn read(kind: NativeKind, canonical: &[u8]) -> Result<Self> {
        Ok(match kind {
            NativeKind::Person => Self::Person(json::stored(canonical)?),
            NativeKind::Assessment => Self::Assessment(json::stored(canonical)?),
            NativeKind::Plan => Self::Plan(json::stored(canonical)?),
        })
    }

    /// What it is.
    pub const fn kind(&self) -> NativeKind {
        match self {
            Self::Person(_) => NativeKind::Person,
            Self::Assessment(_) => NativeKind::Assessment,
            Self::Plan(_) => NativeKind::Plan,
        }
    }

    /// The sender's id of the document.
    pub const fn id(&self) -> &LocalId {
        match self {
            Self::Person(person) => &person.id,
            Self::Assessment(assessment) => &assessment.id,
            Self::Plan(plan) => &plan.id,
        }
    }

    /// The sender's id of the person it is about.
    pub const fn person(&self) -> &LocalId {
        match self {
            Self::Person(person) => &person.id,
            Self::Assessment(assessment) => &assessment.person,
            Self::Plan(plan) => &plan.person,
        }
    }
}

/// A document that was found good; made by [`validate`] alone.
#[derive(Clone)]
pub struct Native {
    typed: Typed,
    canonical: Arc<[u8]>,
    warnings: Vec<Fault>,
}

redacted!(Native);

impl Native {
    /// The document as types.
    pub const fn typed(&self) -> &Typed {
        &self.typed
    }

    /// The document as it is stored: names sorted, no white space, values as they were sent.
    pub const fn canonical(&self) -> &Arc<[u8]> {
        &self.canonical
    }

    /// What is odd, but taken.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The documents and entries of the directory it names, each with its place.
    pub fn references(&self) -> Vec<Reference> {
        references::of(&self.typed)
    }
}

/// Judges one document.
///
/// # Errors
/// Every fault found. What is not strict JSON, or not one of the three forms, has one fault.
pub fn validate(bytes: &[u8], rules: &Rules<'_>) -> std::result::Result<Native, Vec<Fault>> {
    let mut document = json::parse(bytes, &rules.limits).map_err(|error| vec![broken(&error)])?;
    let kind = NativeKind::of(&document).ok_or_else(|| vec![unknown_form(&document)])?;
    let mut faults = rules.schemas.check(kind, &document);
    let rules::Report { faults: between, warnings } = rules::check(kind, &document, rules);
    faults.extend(between);
    if !faults.is_empty() {
        return Err(faults);
    }
    document.sort_all_objects();
    let canonical: Arc<[u8]> = canonical(&document).map_err(|e| vec![broken(&e)])?.into();
    let typed = Typed::read(kind, &canonical).map_err(|_| {
        vec![Fault::new("$", "the document does not fit its form; compare it with the schema")]
    })?;
    Ok(Native { typed, canonical, warnings })
}

/// The canonical form of anything that can be written as JSON: names sorted, no white space.
///
/// # Errors
/// [`Kind::Internal`] if it cannot be written as JSON.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut value = serde_json::to_value(value).map_err(Error::internal)?;
    value.sort_all_objects();
    serde_json::to_vec(&value).map_err(Error::internal)
}

fn broken(error: &Error) -> Fault {
    let path = error.expression().first().map_or("$", String::as_str);
    Fault { path: path.to_owned(), say: error.say().to_owned(), kind: error.kind() }
}

fn unknown_form(document: &Value) -> Fault {
    if document.is_object() {
        let forms = NativeKind::ALL.map(NativeKind::schema).join(", ");
        Fault::new("$.schema", format!("expected one of {forms}; say which form this is"))
    } else {
        Fault::new("$", "expected an object; send one document")
    }
}
