//! `mylife validate`: says exactly what is wrong with documents, one line each.
//!
//! Part of `cli`. Native documents walk the same check as what is pushed, a FHIR resource that of `$validate`.
//! Needs no settings and no store.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    documents::{self, Found},
    exit::Exit,
    output::Output,
};
use crate::{
    domain::{
        identity::{TestRange, WrongCheck},
        questionnaire::Questionnaires,
    },
    error::{Kind, Result},
    fhir::schema::Validator,
    gateway::validate::judged,
    json::{self as strict, Limits},
    native::{self, NativeKind, Rules, schemas::Schemas},
};

/// What is to be checked.
#[derive(Args, Debug)]
pub struct Validate {
    /// JSON, NDJSON or directories of them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Identity codes that are issued to nobody (900-999)
    #[arg(long, value_enum, default_value_t = Range::Allow)]
    pub test_range: Range,
    /// One JSON object for each document that is refused
    #[arg(long)]
    pub json: bool,
}

/// What becomes of identity codes that are issued to nobody.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Range {
    /// Read.
    Allow,
    /// Refused, as in production.
    Refuse,
    /// Read, and a wrong check character only warned of.
    Warn,
}

impl Range {
    /// By what documents of files are judged.
    pub(super) fn rules<'a>(self, schemas: &'a Schemas, output: &Output<'_>) -> Rules<'a> {
        Rules {
            schemas,
            now: output.around.clock.now(),
            test_range: self.into(),
            limits: Limits::default(),
        }
    }
}

impl From<Range> for TestRange {
    fn from(range: Range) -> Self {
        match range {
            Range::Allow => Self::Allow(WrongCheck::Refuse),
            Range::Refuse => Self::Refuse,
            Range::Warn => Self::Allow(WrongCheck::Warn),
        }
    }
}

/// Checks and tells.
pub fn run(asked: &Validate, output: &mut Output<'_>) -> Result<Exit> {
    let schemas = Schemas::compile()?;
    let rules = asked.test_range.rules(&schemas, output);
    let mut fhir = None;
    let (mut good, mut bad) = (0_u64, 0_u64);
    for path in &asked.files {
        for file in documents::files(path)? {
            for found in documents::of_file(&file)? {
                let told = match resource(&found.bytes) {
                    Some(resource) => {
                        if fhir.is_none() {
                            fhir = Some((Validator::new()?, Questionnaires::load()?));
                        }
                        let tell = |known| of_fhir(&resource, &found, known);
                        fhir.as_ref().map(tell).unwrap_or_default()
                    }
                    None => of_native(&found, &rules),
                };
                let wrong = told.iter().any(|told| !told.warning);
                if wrong {
                    bad += 1;
                } else {
                    good += 1;
                }
                tell(&found.place, &told, asked.json, output);
            }
        }
    }
    if !asked.json {
        output.line(format_args!("{good} good, {bad} refused"));
    }
    Ok(Exit::findings(bad > 0))
}

/// One line about a document.
struct Told {
    path: String,
    say: String,
    warning: bool,
}

fn tell(place: &str, told: &[Told], as_json: bool, output: &mut Output<'_>) {
    if as_json {
        let row =
            |told: &Told| json!({ "path": told.path, "say": told.say, "warning": told.warning });
        if !told.is_empty() {
            let rows: Vec<Value> = told.iter().map(row).collect();
            output.line(json!({ "document": place, "told": rows }));
        }
        return;
    }
    for Told { path, say, warning } in told {
        let mark = if *warning { "warning: " } else { "" };
        output.line(format_args!("{place}: {path}: {mark}{say}"));
    }
}

fn of_native(found: &Found, rules: &Rules<'_>) -> Vec<Told> {
    let told = |fault: &native::Fault, warning| {
        // What is no JSON is told with its place.
        let is_json = fault.kind == Kind::Unprocessable;
        let say = || found.placed(&fault.path, &fault.say);
        let say = if is_json { say() } else { fault.say.clone() };
        Told { path: fault.path.clone(), say, warning }
    };
    if says_nothing_of_itself(&found.bytes) {
        let forms = NativeKind::ALL.map(NativeKind::schema).join(", ");
        let say = format!(
            "says not what it is: a FHIR resource has resourceType, a native document schema ({forms})"
        );
        return vec![Told { path: "$".to_owned(), say: found.placed("$", &say), warning: false }];
    }
    match native::validate(&found.bytes, rules) {
        Ok(document) => document.warnings().iter().map(|fault| told(fault, true)).collect(),
        Err(faults) => faults.iter().map(|fault| told(fault, false)).collect(),
    }
}

fn of_fhir(
    resource: &Value,
    found: &Found,
    (fhir, forms): &(Validator, Questionnaires),
) -> Vec<Told> {
    let told = |path: String, say: &str, warning| {
        let say = found.placed(&path, say);
        Told { path, say, warning }
    };
    let faults = judged(resource, fhir, forms).into_iter();
    let mut all: Vec<Told> = faults.map(|f| told(f.expression, &f.say, false)).collect();
    if all.is_empty() {
        let advice = fhir.advice(resource).into_iter();
        all.extend(advice.map(|f| told(f.expression, &f.say, true)));
    }
    all
}

/// Is it an object that names neither a type of FHIR nor a form of ours?
fn says_nothing_of_itself(bytes: &[u8]) -> bool {
    let value = strict::parse(bytes, &Limits::default());
    value.is_ok_and(|value| value.is_object() && value.get("schema").is_none())
}

fn resource(bytes: &[u8]) -> Option<Value> {
    let value = strict::parse(bytes, &Limits::default()).ok()?;
    value.get("resourceType").is_some().then_some(value)
}
