//! `mylife consent`: `simulate` has a file of its own; `cases` runs worked cases of the consent decision and tells each that differs.
//!
//! Part of `cli`; the decision is the same function that every request walks.

use std::{fs, path::PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{documents::unreadable, exit::Exit, output::Output, simulate};
use crate::{consent::cases, error::Result};

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
    /// Show what a law table or consents would change before they are in force
    Simulate(simulate::Simulate),
}

/// Runs the cases.
pub fn run(asked: &Consent, output: &mut Output<'_>) -> Result<Exit> {
    let (file, json) = match asked {
        Consent::Simulate(asked) => return simulate::run(asked, output),
        Consent::Cases { file, json } => (file, json),
    };
    let bytes = fs::read(file).map_err(|error| unreadable(file, error))?;
    let report = cases::run(&bytes)?;
    let differ = report.mismatches.len();
    if *json {
        let row = |m: &cases::Mismatch| json!({ "name": m.name, "expected": m.expected.to_string(), "got": m.got.to_string() });
        let rows: Vec<Value> = report.mismatches.iter().map(row).collect();
        output.line(json!({ "run": report.run, "mismatches": rows }));
    } else {
        report.mismatches.iter().for_each(|mismatch| output.line(mismatch));
        output.line(format_args!("{} cases, {differ} differ", report.run));
    }
    Ok(Exit::findings(differ > 0))
}
