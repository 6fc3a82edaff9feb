//! `mylife diff`: what differs between two resources or two Bundles, in the terms of FHIR.
//!
//! Part of `cli`. Nothing is asked of any gateway: it compares two files, of which whoever runs it has both.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{documents::unreadable, exit::Exit, output::Output};
use crate::{
    error::{Error, Result},
    fhir::difference::{Change, Difference, differences},
    json::{self as strict, Limits},
};

/// What is to be compared.
#[derive(Args, Debug)]
pub struct Diff {
    /// A resource or a Bundle, JSON
    pub first: PathBuf,
    /// What it is compared with
    pub second: PathBuf,
    /// Leave out what a server gives: meta and narrative
    #[arg(long)]
    pub content: bool,
    /// One JSON object for each element that differs
    #[arg(long)]
    pub json: bool,
}

/// Largest file that is read.
const MOST: Limits = Limits { bytes: 64 << 20, depth: 127 };

/// Compares and tells; 1 if anything differs.
pub fn run(asked: &Diff, output: &mut Output<'_>) -> Result<Exit> {
    let (first, second) = (read(&asked.first)?, read(&asked.second)?);
    let mut all = differences(&first, &second);
    if asked.content {
        all.retain(|one| !is_servers(&one.path));
    }
    for one in &all {
        if asked.json {
            output.line(row(one));
        } else {
            output.line(line(one));
        }
    }
    if !asked.json {
        output.line(format_args!("{} differ", all.len()));
    }
    Ok(Exit::findings(!all.is_empty()))
}

fn read(path: &Path) -> Result<Value> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, error))?;
    let value = strict::parse(&bytes, &MOST).map_err(|error| {
        Error::new(error.kind(), format!("{}: {}", path.display(), error.say()))
    })?;
    if value.get("resourceType").is_none() {
        let say = format!("{} is no FHIR resource: it has no resourceType.", path.display());
        return Err(Error::invalid(say));
    }
    Ok(value)
}

/// Is it of `meta` or `text` of a resource?
fn is_servers(path: &str) -> bool {
    let member = path.split('.').nth(1).unwrap_or_default();
    ["meta", "text"].contains(&member)
}

fn row(one: &Difference) -> Value {
    let Difference { resource, path, change, first, second } = one;
    json!({
        "resource": resource, "path": path, "change": change.name(),
        "first": first, "second": second,
    })
}

fn line(one: &Difference) -> String {
    let Difference { resource, path, change, first, second } = one;
    let told = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
    match change {
        Change::Added => format!("+ {resource}: {path}: {}", told(second)),
        Change::Removed => format!("- {resource}: {path}: {}", told(first)),
        Change::Changed => format!("~ {resource}: {path}: {} -> {}", told(first), told(second)),
    }
}
