//! `mylife export`: a bulk client: begins an export, waits, takes every file, checks it, ends.
//!
//! Part of `cli`. FHIR Bulk Data Access 2.0 over SMART backend services. A file is there whole or not at
//! all; what was interrupted goes on in the same directory with the files that are lacking, as long as the
//! gateway keeps the export. Files are their owner's alone to read; nothing of them is printed.

mod call;
mod folder;

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::{
    call::Gateway,
    folder::{Folder, Kept, Output as File},
};
use super::{
    exit::Exit,
    output::{Output, Progress},
    token::Credentials,
};
use crate::error::Result;

/// Of whom an export is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Level {
    /// Everybody, and the directory
    System,
    /// Everybody
    Patient,
}

/// What is exported by whom, and where to.
#[derive(Args, Debug)]
pub struct Export {
    /// Who asks, and the proof of it
    #[command(flatten)]
    pub credentials: Credentials,
    /// The gateway, `https://host:port/fhir`
    #[arg(long, value_name = "URL")]
    pub fhir: String,
    /// Where the files go; made if it is absent
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// Of whom
    #[arg(long, value_enum, default_value = "system", conflicts_with = "group")]
    pub level: Level,
    /// Of everybody held at one node, by its code
    #[arg(long, value_name = "CODE")]
    pub group: Option<String>,
    /// Resource types, with commas between them
    #[arg(long = "type", value_name = "TYPES")]
    pub types: Option<String>,
    /// Only what changed after this instant, as the manifest of the last export has it
    #[arg(long, value_name = "INSTANT")]
    pub since: Option<String>,
    /// A search that selects, `Observation?status=final`; any of several
    #[arg(long = "filter", value_name = "TYPE?SEARCH")]
    pub filters: Vec<String>,
    /// Nodes to ask, with commas between their codes; else all the gateway asks
    #[arg(long, value_name = "CODES")]
    pub nodes: Option<String>,
    /// The summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// What an export came to.
struct Summary {
    /// Resources of each type.
    counts: BTreeMap<String, u64>,
    /// State of each holder's part.
    sources: Vec<(String, String)>,
    /// `transactionTime`.
    at: String,
    /// Files of what went wrong.
    errors: usize,
}

/// Exports, and says what it came to; 1 if some holder's part is lacking.
pub fn run(asked: &Export, output: &mut Output<'_>) -> Result<Exit> {
    let folder = Folder::open(&asked.into)?;
    let runtime = super::runtime()?;
    let summary = runtime.block_on(take(asked, &folder, output))?;
    let is_whole =
        summary.errors == 0 && summary.sources.iter().all(|(_, state)| state == "complete");
    say(asked, &summary, output);
    Ok(Exit::findings(!is_whole))
}

async fn take(asked: &Export, folder: &Folder, output: &mut Output<'_>) -> Result<Summary> {
    let mut gateway = Gateway::new(&asked.credentials, &asked.fhir, output)?;
    let begun = if let Some(begun) = folder.begun()? {
        begun
    } else {
        let status = gateway.begin(&kick_off(asked), asked.nodes.as_deref(), output).await?;
        folder.begin(&Kept { status })?
    };
    let manifest = match folder.manifest()? {
        Some(manifest) => manifest,
        None => folder.keep_manifest(gateway.wait(&begun.status, output).await?)?,
    };
    let files = folder::files(&manifest)?;
    let progress = Progress::new(files.len() as u64, &output.around.clock);
    let mut counts = BTreeMap::new();
    for file in &files {
        let count = if let Some(count) = folder.counted(file)? {
            count
        } else {
            let body = gateway.file(&file.url, output).await?;
            folder.take(file, body).await?
        };
        *counts.entry(file.kind.clone()).or_default() += count;
        progress.step();
    }
    drop(progress);
    gateway.end(&begun.status, output).await?;
    folder.done()?;
    Ok(summary(&manifest, counts))
}

/// Path and query of the kick-off, under the FHIR base.
fn kick_off(asked: &Export) -> String {
    let place = match (&asked.group, asked.level) {
        (Some(group), _) => format!("Group/{group}/$export"),
        (None, Level::System) => "$export".to_owned(),
        (None, Level::Patient) => "Patient/$export".to_owned(),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(asked.types.iter().map(|types| ("_type", types)));
    query.extend_pairs(asked.since.iter().map(|since| ("_since", since)));
    query.extend_pairs(asked.filters.iter().map(|filter| ("_typeFilter", filter)));
    let query = query.finish();
    if query.is_empty() { place } else { format!("{place}?{query}") }
}

fn summary(manifest: &Value, counts: BTreeMap<String, u64>) -> Summary {
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let extension = manifest.get("extension").and_then(Value::as_object);
    let states =
        extension.and_then(|all| all.iter().find(|(url, _)| url.ends_with("completeness")));
    let states = states.and_then(|(_, states)| states.as_array()).into_iter().flatten();
    let errors = manifest.get("error").and_then(Value::as_array).map_or(0, Vec::len);
    Summary {
        counts,
        sources: states.map(|one| (text(one, "node"), text(one, "state"))).collect(),
        at: text(manifest, "transactionTime"),
        errors,
    }
}

fn say(asked: &Export, summary: &Summary, output: &mut Output<'_>) {
    let Summary { counts, sources, at, .. } = summary;
    if asked.json {
        let sources: BTreeMap<_, _> = sources.iter().cloned().collect();
        output.line(json!({ "transactionTime": at, "resources": counts, "sources": sources }));
        return;
    }
    for (kind, count) in counts {
        output.line(format!("{count:>9} {kind}"));
    }
    for (node, state) in sources {
        output.line(format!("{node}: {state}"));
    }
    output.line(format!("as of {at}; next time --since {at}"));
}

/// Files of what the gateway said went wrong are taken like the others.
impl File {
    /// The name of the file.
    fn name(&self) -> String {
        format!("{:04}-{}.ndjson", self.number, self.kind)
    }
}
