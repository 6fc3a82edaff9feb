//! `mylife map`: the FHIR resources of native documents, with the labels of their segments.
//!
//! Part of `cli`. Nothing is decided, stored or recorded: it shows what the mapping makes of
//! documents that whoever runs it has already. Ids are made from a fixed seed, so that two runs can
//! be compared.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::{Value, json};

use super::{documents, exit::Exit, output::Output, validate::Range};
use crate::{
    chance::SeededChance,
    compartment::Compartment,
    config,
    directory::{Directory, Listing},
    domain::{id::NodeCode, moment::Moment, part},
    error::{Error, Result},
    fhir::{
        labels::{self, Labels},
        segment::{KindId, MetaText, Permitted, Resource},
        types::ResourceType,
    },
    json::Limits,
    mapping::{chart::Chart, kinds::Kind},
    native::{self, Native, Rules, Typed, schemas::Schemas},
    store::{Document, DocumentKind, Stored},
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
    /// One JSON object a line: resource and kinds
    #[arg(long)]
    pub json: bool,
}

/// Maps and prints.
pub fn run(asked: &Map, output: &mut Output<'_>) -> Result<Exit> {
    let wrong = || Error::invalid("A node code is 1 to 8 small letters and digits.");
    let node = NodeCode::parse(&asked.node).ok_or_else(wrong)?;
    let directory = match &asked.directory {
        Some(path) => listing(path, output),
        None => Some(Listing::default()),
    };
    let Some(directory) = directory else { return Ok(Exit::Usage) };
    let mistakes = |all: Vec<String>| Error::invalid(all.join("\n"));
    let directory = Arc::new(Directory::new(directory).map_err(mistakes)?);
    let now = output.around.clock.now();
    let (people, bad) = read(asked, now, output)?;
    let chance = SeededChance::new(0);
    for documents in people.into_values() {
        let compartment = compartment(&documents, &node, now, &chance)?;
        let chart = Chart::new(&compartment, &directory);
        for kind in ResourceType::ALL {
            for resource in chart.resources(&compartment, *kind) {
                print(resource, &chart, asked.json, output)?;
            }
        }
    }
    Ok(Exit::findings(bad))
}

fn listing(path: &Path, output: &mut Output<'_>) -> Option<Listing> {
    let read = config::directory::of_file(path);
    read.map_err(|all| all.iter().for_each(|mistake| output.complain(mistake))).ok()
}

type People = BTreeMap<String, Vec<Native>>;

/// The good documents, by the sender's id of the person; is there a bad one?
fn read(asked: &Map, now: Moment, output: &mut Output<'_>) -> Result<(People, bool)> {
    let schemas = Schemas::compile()?;
    let test_range = asked.test_range.into();
    let rules = Rules { schemas: &schemas, now, test_range, limits: Limits::default() };
    let (mut people, mut bad) = (People::new(), false);
    for file in documents::files(&asked.file)? {
        for found in documents::of_file(&file)? {
            match native::validate(&found.bytes, &rules) {
                Ok(document) => {
                    let person = document.typed().person().as_str().to_owned();
                    people.entry(person).or_default().push(document);
                }
                Err(faults) => {
                    bad = true;
                    faults.iter().for_each(|fault| {
                        output.complain(format_args!("{}: {fault}", found.place));
                    });
                }
            }
        }
    }
    Ok((people, bad))
}

/// What a store would hold of them.
fn compartment(
    documents: &[Native],
    node: &NodeCode,
    now: Moment,
    chance: &SeededChance,
) -> Result<Compartment> {
    let patient: Arc<str> = node.mint(chance).into();
    let mut stored = Stored {
        patient: Arc::clone(&patient),
        version: 1,
        changed: now,
        audit_key: [0; 32],
        documents: Vec::new(),
    };
    for document in documents {
        let (kind, content) = match document.typed() {
            Typed::Person(person) => (DocumentKind::Person, part::of_person(person)),
            Typed::Assessment(a) => (DocumentKind::Assessment, part::of_assessment(a)),
            Typed::Plan(plan) => (DocumentKind::Plan, part::of_plan(plan)),
        };
        let parts = part::Parts::next(None, &content, now, chance);
        let is_person = kind == DocumentKind::Person;
        stored.documents.push(Document {
            id: if is_person { Arc::clone(&patient) } else { node.mint(chance).into() },
            kind,
            owner: "map".into(),
            local_id: document.typed().id().as_str().into(),
            version: 1,
            recorded: now,
            parts: serde_json::to_vec(&parts).map_err(Error::internal)?.into(),
            body: Arc::clone(document.canonical()),
        });
    }
    Compartment::decode(&stored, &format!("urn:mylife:node:{node}").into())
}

/// A reader who may see everything: whoever holds the files.
struct Everything;

impl Permitted for Everything {
    fn since(&self, _: KindId) -> Option<Moment> {
        Some(Moment::MIN)
    }
}

fn print(resource: &Resource, chart: &Chart, as_json: bool, output: &mut Output<'_>) -> Result<()> {
    let Some(seen) = resource.look(&Everything) else { return Ok(()) };
    let labels = seen.kinds.iter().map(|kind| chart.labels(*kind));
    let labels = labels.fold(Labels::default(), Labels::union);
    let mut text = String::new();
    let meta = MetaText { version: "1", security: &labels::security(labels) };
    resource.write(&Everything, &seen, &meta, &mut text);
    let json: Value = serde_json::from_str(&text).map_err(Error::internal)?;
    let kinds = seen.kinds.iter().filter_map(|kind| chart.kinds().get(usize::from(*kind)));
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
