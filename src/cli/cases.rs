//! `mylife consent`: runs worked cases of the decision, and tells what is kept of a Consent of another
//! form; `simulate` has a file of its own.
//!
//! Part of `cli`; the functions are those that every request walks. Needs no settings and no store.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{documents::unreadable, exit::Exit, output::Output, simulate};
use crate::{
    consent::{
        cases,
        import::{self, Imported, Narrowed},
    },
    error::{Error, Result},
    fhir::schema::Validator,
    json::{self as strict, Limits},
};

/// What is asked of consent.
#[derive(Debug, Subcommand)]
pub enum Consent {
    /// Run a file of worked cases and tell each that differs
    Cases {
        /// The file, JSON
        file: PathBuf,
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
    },
    /// Tell what a gateway would keep of a Consent of another form, and what it would narrow
    Import {
        /// The Consent, JSON
        file: PathBuf,
        /// One JSON object, with the Consent as it would be kept
        #[arg(long)]
        json: bool,
    },
    /// Show what a law table or consents would change before they are in force
    Simulate(simulate::Simulate),
}

/// Runs what is asked.
pub fn run(asked: &Consent, output: &mut Output<'_>) -> Result<Exit> {
    match asked {
        Consent::Cases { file, json } => of_cases(file, *json, output),
        Consent::Simulate(asked) => simulate::run(asked, output),
        Consent::Import { file, json } => of_import(file, *json, output),
    }
}

fn of_cases(file: &Path, as_json: bool, output: &mut Output<'_>) -> Result<Exit> {
    let bytes = fs::read(file).map_err(|error| unreadable(file, error))?;
    let report = cases::run(&bytes)?;
    let differ = report.mismatches.len();
    if as_json {
        let row = |m: &cases::Mismatch| json!({ "name": m.name, "expected": m.expected.to_string(), "got": m.got.to_string() });
        let rows: Vec<Value> = report.mismatches.iter().map(row).collect();
        output.line(json!({ "run": report.run, "mismatches": rows }));
    } else {
        report.mismatches.iter().for_each(|mismatch| output.line(mismatch));
        output.line(format_args!("{} cases, {differ} differ", report.run));
    }
    Ok(Exit::findings(differ > 0))
}

fn of_import(file: &Path, as_json: bool, output: &mut Output<'_>) -> Result<Exit> {
    let bytes = fs::read(file).map_err(|error| unreadable(file, error))?;
    let text = strict::parse(&bytes, &Limits::default())?;
    let now = output.around.clock.now();
    let placed = |error: Error| match error.expression() {
        [] => error,
        places => Error::new(error.kind(), format!("{}: {}", places.join(", "), error.say())),
    };
    let taken = import::taken(&text, &Validator::new()?, now).map_err(placed);
    let Imported { consent, report } = taken?;
    if as_json {
        let row = |n: &Narrowed| json!({ "path": n.path, "said": n.said, "kept": n.kept });
        let rows: Vec<Value> = report.iter().map(row).collect();
        output.line(json!({ "narrowed": rows, "consent": consent }));
    } else {
        for Narrowed { path, said, kept } in &report {
            output.line(format_args!("{path}: {said}; kept: {kept}"));
        }
        output.line(format_args!("{} narrowed", report.len()));
    }
    Ok(Exit::findings(!report.is_empty()))
}
