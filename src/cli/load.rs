//! `mylife load`: pushes documents straight into the store of a gateway that is not running.
//!
//! Part of `cli`. Each document walks the same check, commit and record as what is pushed over the
//! wire: all of it or nothing, audited in the name of its owner. People go first, then assessments,
//! then plans, whatever their order in the files; those of different people go together. A running
//! gateway holds the lock; push to it.

mod abreast;

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::{Value, json};

use self::abreast::{Abreast, Loader};
use super::{
    Settings, documents,
    exit::Exit,
    output::{Output, Progress},
};
use crate::{
    error::{Error, Kind, Result},
    gateway::Gateway,
    native::{
        NativeKind,
        foreign::{Filter, Form},
    },
};

/// What is to be loaded, and in whose name.
#[derive(Args, Debug)]
pub struct Load {
    /// The gateway's settings, and what is said beside them
    #[command(flatten)]
    pub settings: Settings,
    /// JSON, NDJSON or a directory of them; CSV too where a filter reads it
    pub path: PathBuf,
    /// The client that owns the documents
    #[arg(long, value_name = "CLIENT")]
    pub owner: String,
    /// The filter of the settings that makes native documents of these
    #[arg(long, value_name = "NAME")]
    pub filter: Option<String>,
    /// One JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

/// What loading came to.
#[derive(Default)]
struct Tally {
    new: u64,
    known: u64,
    refused: Vec<(String, Vec<(String, String)>)>,
}

/// Loads and tells what was refused.
pub fn run(asked: &Load, output: &mut Output<'_>) -> Result<Exit> {
    let Some(config) = asked.settings.read(output) else { return Ok(Exit::Usage) };
    let owner = config.setup.clients.iter().find(|client| client.client_id == asked.owner);
    let Some(owner) = owner.filter(|client| client.native_owner) else {
        let say = "No client of this name with native_owner = true is in the settings.";
        return Err(Error::invalid(say));
    };
    let organization = owner.organization.clone();
    let named = |name: &String| {
        let filter = config.setup.filters.named(&asked.owner, name).cloned();
        filter.ok_or_else(|| {
            let say = format!("No filter {name} for {} is in the settings.", asked.owner);
            Error::invalid(say)
        })
    };
    let filter = asked.filter.as_ref().map(named).transpose()?;
    let form = filter.as_ref().map_or(Form::Json, |filter| filter.form);
    let files = documents::files_of_form(&asked.path, form)?;
    let runtime = super::runtime()?;
    let tally = runtime.block_on(async {
        let gateway = Arc::new(Gateway::open(config.setup).await.map_err(running)?);
        let client = asked.owner.clone();
        let loader = Loader { gateway: Arc::clone(&gateway), client, organization };
        let tally = match &filter {
            None => load(loader, &files, output).await,
            Some(filter) => load_converted(loader, filter, &files, output).await,
        };
        gateway.gather_records().await?;
        gateway.log.close()?;
        tally
    })?;
    let refused = !tally.refused.is_empty();
    tell(&tally, asked.json, output);
    Ok(Exit::findings(refused))
}

/// A store in use is a gateway that runs.
fn running(error: Error) -> Error {
    if error.kind() == Kind::Unavailable {
        let say = format!(
            "{} If the gateway is running, stop it first or push to it: PUT /native/people/ID, \
             /native/assessments/ID, /native/plans/ID.",
            error.say()
        );
        return Error::new(Kind::Unavailable, say).because(error);
    }
    error
}

async fn load(loader: Loader, files: &[PathBuf], output: &mut Output<'_>) -> Result<Tally> {
    let progress = Progress::new(count(files, Form::Json)?, &output.around.clock);
    let mut tally = Tally::default();
    let mut abreast = Abreast::new(loader, &progress);
    let turns = NativeKind::ALL.map(Some).into_iter().chain([None]);
    for turn in turns {
        for file in files {
            for found in documents::of_file(file)? {
                if NativeKind::named(&found.bytes) == turn {
                    abreast.take(found, &mut tally).await?;
                }
            }
        }
        abreast.land(&mut tally).await?;
    }
    Ok(tally)
}

/// The same of documents of another form, of which each goes through a filter first.
async fn load_converted(
    loader: Loader,
    filter: &Arc<Filter>,
    files: &[PathBuf],
    output: &mut Output<'_>,
) -> Result<Tally> {
    let progress = Progress::new(count(files, filter.form)?, &output.around.clock);
    let mut tally = Tally::default();
    let gateway = Arc::clone(&loader.gateway);
    let mut abreast = Abreast::new(loader, &progress);
    for file in files {
        for found in documents::of_form(file, filter.form)? {
            let made = gateway.conversions.convert(filter, found.bytes).await;
            abreast.take_made(found.place, made, &mut tally).await?;
        }
    }
    abreast.land(&mut tally).await?;
    Ok(tally)
}

fn count(files: &[PathBuf], form: Form) -> Result<u64> {
    let of_file = |path: &PathBuf| documents::of_form(path, form).map(|all| all.len());
    let counts = files.iter().map(of_file).collect::<Result<Vec<_>>>()?;
    Ok(u64::try_from(counts.into_iter().sum::<usize>()).unwrap_or(u64::MAX))
}

fn tell(tally: &Tally, as_json: bool, output: &mut Output<'_>) {
    let Tally { new, known, refused } = tally;
    if as_json {
        let fault = |(path, say): &(String, String)| json!({ "path": path, "say": say });
        let row = |(place, faults): &(String, Vec<(String, String)>)| json!({ "document": place, "faults": faults.iter().map(fault).collect::<Vec<_>>() });
        let refused: Vec<Value> = refused.iter().map(row).collect();
        output.line(json!({ "new": new, "known": known, "refused": refused }));
        return;
    }
    for (place, faults) in refused {
        for (path, say) in faults {
            output.line(format_args!("{place}: {path}: {say}"));
        }
    }
    let count = refused.len();
    output.line(format_args!("{new} new, {known} known before, {count} refused"));
}
