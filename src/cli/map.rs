//! `mylife map`: the FHIR resources of native documents, with the labels of their segments.
//!
//! Part of `cli`. Nothing is decided, stored or recorded: it shows what the mapping makes of
//! documents that whoever runs it has already. Ids are made from a fixed seed, so that two runs can
//! be compared.

mod explained;
mod tried;

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::{Value, json};

use super::{exit::Exit, output::Output, people, validate::Range};
use crate::{
    chance::SeededChance,
    domain::id::NodeCode,
    error::{Error, Result},
    fhir::{segment::Resource, types::ResourceType},
    json::Limits,
    mapping::{chart::Chart, kinds::Kind},
    native::{Rules, schemas::Schemas},
    unit::Sort,
};

/// What is to be mapped.
#[derive(Args, Debug)]
pub struct Map {
    /// JSON, NDJSON or a directory: a person and their documents, or documents alone
    pub file: PathBuf,
    /// The directory of units, services and professionals, TOML or JSON
    #[arg(long)]
    pub directory: Option<PathBuf>,
    /// Node code in the ids that are made
    #[arg(long, default_value = "0")]
    pub node: String,
    /// Identity codes that are issued to nobody (900-999)
    #[arg(long, value_enum, default_value_t = Range::Allow)]
    pub test_range: Range,
    /// Value by value: which element of FHIR each one makes, how, and with which labels
    #[arg(long)]
    pub explain: bool,
    /// One JSON object a line: resource and kinds, or native value and elements
    #[arg(long)]
    pub json: bool,
}

/// Maps and prints.
pub fn run(asked: &Map, output: &mut Output<'_>) -> Result<Exit> {
    let wrong = || Error::invalid("A node code is 1 to 8 small letters and digits.");
    let node = NodeCode::parse(&asked.node).ok_or_else(wrong)?;
    let Some(directory) = people::directory(asked.directory.as_deref(), output)? else {
        return Ok(Exit::Usage);
    };
    let now = output.around.clock.now();
    let (people, bad) = people::read(&asked.file, asked.test_range.into(), now, output)?;
    let chance = SeededChance::new(0);
    let custodian: Arc<str> = format!("urn:mylife:node:{node}").into();
    if asked.explain {
        let (schemas, test_range) = (Schemas::compile()?, asked.test_range.into());
        let rules = Rules { schemas: &schemas, now, test_range, limits: Limits::default() };
        let (directory, node, custodian) = (&directory, &node, &custodian);
        let trial = tried::Trial { rules, directory, node, custodian };
        for documents in people.values() {
            explained::explain(documents, &trial, asked.json, output)?;
        }
        return Ok(Exit::findings(bad));
    }
    for documents in people.into_values() {
        let compartment = people::compartment(&documents, &[], (&node, &custodian), now, &chance)?;
        let chart = Chart::new(&compartment, &directory);
        for kind in ResourceType::ALL {
            for resource in chart.resources(&compartment, *kind) {
                print(resource, &chart, asked.json, output)?;
            }
        }
    }
    Ok(Exit::findings(bad))
}

fn print(resource: &Resource, chart: &Chart, as_json: bool, output: &mut Output<'_>) -> Result<()> {
    let Some((json, kinds)) = chart.whole(resource)? else { return Ok(()) };
    let kinds = kinds.iter().filter_map(|kind| chart.kinds().get(usize::from(*kind)));
    if as_json {
        let shown = |kind: &Kind| json!({ "sort": sort(kind), "themes": themes(kind), "classes": classes(kind) });
        let kinds: Vec<Value> = kinds.map(shown).collect();
        output.line(json!({ "resource": json, "kinds": kinds }));
        return Ok(());
    }
    output.line(serde_json::to_string_pretty(&json).map_err(Error::internal)?);
    for kind in kinds {
        let list =
            |codes: Vec<&str>| if codes.is_empty() { "-".to_owned() } else { codes.join(" ") };
        let (themes, classes) = (list(themes(kind)), list(classes(kind)));
        output.line(format_args!("# {}: themes {themes}; classes {classes}", sort(kind)));
    }
    Ok(())
}

fn themes(kind: &Kind) -> Vec<&'static str> {
    kind.themes.iter().map(crate::domain::theme::Theme::code).collect()
}

fn classes(kind: &Kind) -> Vec<&'static str> {
    kind.classes.iter().map(crate::domain::class::Class::code).collect()
}

const fn sort(kind: &Kind) -> &'static str {
    match kind.sort {
        Sort::Identity => "identity",
        Sort::Item => "item",
        Sort::Mention => "mention",
        Sort::Plan => "plan",
        Sort::Records => "records",
    }
}
