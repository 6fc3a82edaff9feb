//! `mylife audit`: verifies a log offline, and shows what it says of whom.
//!
//! Part of `cli`. Verifying needs the files and, for the signatures, the public key; no setting and no
//! secret. Showing opens the records with the gateway's keys, so the gateway must be stopped.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use super::{Settings, exit::Exit, output::Output};
use crate::{
    audit::{
        checkpoint::Verifier,
        event::{Observer, audit_event},
        frame::AuditKey,
        read::{self, Found},
        verify,
    },
    config::Config,
    error::{Error, Result},
    gateway::open::{log_keys, open_store},
    store::Store,
};

/// What is asked of the log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check every frame, the tree and every signed checkpoint
    Verify {
        /// The directory of the log (or of the data), or one segment
        path: PathBuf,
        /// The public key that signs checkpoints, as `mylife pki gateway` prints it
        #[arg(long)]
        vkey: Option<String>,
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
    },
    /// Show who was told what, and why
    Show {
        /// The gateway's settings, and what is said beside them
        #[command(flatten)]
        settings: Settings,
        /// The records of one person alone, by Patient id
        #[arg(long, value_name = "ID")]
        person: Option<String>,
        /// FHIR `AuditEvents`, one a line
        #[arg(long)]
        json: bool,
    },
}

/// Verifies or shows.
pub fn run(asked: &Audit, output: &mut Output<'_>) -> Result<Exit> {
    match asked {
        Audit::Verify { path, vkey, json } => check(path, vkey.as_deref(), *json, output),
        Audit::Show { settings, person, json } => show(settings, person.as_deref(), *json, output),
    }
}

fn check(path: &Path, vkey: Option<&str>, as_json: bool, output: &mut Output<'_>) -> Result<Exit> {
    let verifier = vkey.map(|text| {
        let wrong =
            || Error::invalid("A key is written NAME+HASH+KEY, as `mylife pki gateway` prints it.");
        Verifier::parse(text).ok_or_else(wrong)
    });
    let verifier = verifier.transpose()?;
    let inside = path.join("audit");
    let path = if inside.is_dir() { inside.as_path() } else { path };
    let report = verify::verify(path, verifier.as_ref(), &|_| None)?;
    let fault = report.fault.as_ref().map(ToString::to_string);
    if as_json {
        output.line(json!({
            "segments": report.segments, "records": report.records,
            "checkpoints": report.checkpoints, "fault": fault,
            "size": report.head.map(|head| head.size),
        }));
    } else {
        let verify::Report { segments, records, checkpoints, .. } = report;
        output.line(format_args!(
            "{records} records in {segments} segments, {checkpoints} checkpoints hold"
        ));
        if verifier.is_none() {
            output.line("signatures were not checked: name --vkey");
        }
        fault.iter().for_each(|fault| output.line(fault));
    }
    Ok(Exit::findings(fault.is_some()))
}

fn show(
    settings: &Settings,
    person: Option<&str>,
    as_json: bool,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let Some(config) = settings.read(output) else { return Ok(Exit::Usage) };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::unavailable)?;
    let setup = &config.setup;
    let store = runtime.block_on(open_store(setup))?;
    let dir = setup.directory_path.join("audit");
    let mut number = 0_u64;
    let mut print = |found: &Found, output: &mut Output<'_>| {
        number += 1;
        tell(found, number, &config, as_json, output);
    };
    if let Some(id) = person {
        let Some(key) = key(&runtime, &*store, id)? else {
            return Err(Error::invalid("Nobody of this Patient id is held here."));
        };
        for found in read::person(&dir, &AuditKey { id: id.into(), key })? {
            print(&found, output);
        }
        return Ok(Exit::Fine);
    }
    let own = log_keys(&setup.node, &setup.keys)?.node_key;
    let keys = |id: &str| {
        if id == AuditKey::NODE { Some(*own) } else { key(&runtime, &*store, id).ok().flatten() }
    };
    for found in read::read(&dir, &keys)? {
        print(&found?, output);
    }
    Ok(Exit::Fine)
}

/// The key of a person's records; none once it is forgotten.
fn key(runtime: &Runtime, store: &dyn Store, id: &str) -> Result<Option<[u8; 32]>> {
    Ok(runtime.block_on(store.load(id))?.map(|stored| stored.audit_key))
}

fn tell(found: &Found, number: u64, config: &Config, as_json: bool, output: &mut Output<'_>) {
    let Some(entry) = &found.entry else {
        if as_json {
            output.line(json!({ "forgotten": true }));
        } else {
            output.line("a record whose key is forgotten");
        }
        return;
    };
    if as_json {
        let observer = Observer {
            code: config.setup.node.as_str(),
            organization: &config.setup.organization,
            host: &config.host,
        };
        output.line(audit_event(entry, observer, &format!("{}.{number}", config.setup.node)));
        return;
    }
    let or = |text: Option<&std::borrow::Cow<'_, str>>| {
        text.map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    let labels: Vec<&str> = entry.labels.codes().collect();
    output.line(format_args!(
        "{} {} {} {:?} {} purpose {} labels [{}] {:?}",
        entry.at,
        entry.caller.client,
        or(entry.caller.organization.as_ref()),
        entry.interaction,
        or(entry.patient.as_ref()),
        or(entry.purpose.as_ref()),
        labels.join(" "),
        entry.outcome,
    ));
}
