//! `mylife audit`: verifies a log offline, and shows what it says of whom.
//!
//! Part of `cli`. Verifying files needs them and, for the signatures, the public key; no setting and no
//! secret. A log in a database is found by the gateway's settings, and its keys check all there is to
//! check. Showing opens the records with these keys. Beside a gateway that runs both may be done where
//! the log is in a database; files are verified beside it, and shown when it is stopped.

mod notices;
mod opening;
mod reviews;
mod trace;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use tokio::runtime::Runtime;

use self::{opening::Opening, reviews::Listing};
use super::{Settings, exit::Exit, output::Output};
use crate::{
    audit::{
        chain::LinkKey,
        checkpoint::Verifier,
        event::{Observer, audit_event},
        frame::AuditKey,
        read::{self, Found},
        record::{Basis, Notice, Review},
        verify,
    },
    config::Config,
    error::{Error, Result},
    gateway::open::{AUDIT, Opened, log_keys, look_at_store},
    store::Store,
};

/// What is asked of the log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check every frame, the tree and every signed checkpoint
    Verify {
        /// The directory of the log (or of the data), one segment, or the gateway's settings (TOML)
        path: PathBuf,
        /// The public key that signs checkpoints, as `mylife pki gateway` prints it; with settings it
        /// is known
        #[arg(long)]
        vkey: Option<String>,
        /// One setting, above environment and file
        #[arg(long, value_name = "SECTION.KEY=VALUE")]
        set: Vec<String>,
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
    /// Show what one request was told, on which basis, and what was withheld and why
    Trace {
        /// The gateway's settings
        config: PathBuf,
        /// Its `X-Request-Id`
        request: String,
        /// One setting, above environment and file
        #[arg(long, value_name = "SECTION.KEY=VALUE")]
        set: Vec<String>,
        /// One JSON object for each record
        #[arg(long)]
        json: bool,
    },
    /// List what was told by a declared ground and waits for a second person's review
    Reviews {
        /// The gateway's settings, and what is said beside them
        #[command(flatten)]
        settings: Settings,
        /// What was reviewed too
        #[arg(long)]
        all: bool,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List whom to tell what was told of them by a declared ground
    Notices {
        /// The gateway's settings, and what is said beside them
        #[command(flatten)]
        settings: Settings,
        /// Those who were told too
        #[arg(long)]
        all: bool,
        /// One JSON object a line, for whatever sends the messages
        #[arg(long)]
        json: bool,
    },
    /// Write down that those a request was about were told
    Notified {
        /// The gateway's settings
        config: PathBuf,
        /// Its `X-Request-Id`
        request: String,
        /// Who told them
        #[arg(long)]
        by: String,
        /// How: a letter, a message
        #[arg(long)]
        way: String,
        /// One setting, above environment and file
        #[arg(long, value_name = "SECTION.KEY=VALUE")]
        set: Vec<String>,
    },
    /// Write down what a second person found of what a request was told
    Review {
        /// The gateway's settings
        config: PathBuf,
        /// Its `X-Request-Id`
        request: String,
        /// Who reviewed
        #[arg(long)]
        by: String,
        /// Was it justified?
        #[arg(long, value_enum)]
        found: Finding,
        /// What they wrote of it; who reviews reads it, in 1 to 2000 characters
        #[arg(long)]
        note: Option<String>,
        /// One setting, above environment and file
        #[arg(long, value_name = "SECTION.KEY=VALUE")]
        set: Vec<String>,
    },
}

/// What a review came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Finding {
    /// There was reason for it.
    Justified,
    /// There was none.
    Unjustified,
}

/// Verifies or shows.
pub fn run(asked: &Audit, output: &mut Output<'_>) -> Result<Exit> {
    match asked {
        Audit::Verify { path, vkey, set, json } => {
            let verifier = vkey.as_deref().map(parsed).transpose()?;
            if path.extension().is_some_and(|ending| ending == "toml") {
                let settings = Settings { config: path.clone(), set: set.clone() };
                return check_settings(&settings, verifier, *json, output);
            }
            check(path, verifier.as_ref(), *json, output)
        }
        Audit::Show { settings, person, json } => show(settings, person.as_deref(), *json, output),
        Audit::Trace { config, request, set, json } => {
            let settings = Settings { config: config.clone(), set: set.clone() };
            trace::run(&settings, request, *json, output)
        }
        Audit::Reviews { settings, all, json } => {
            reviews::list(settings, Listing { all: *all, as_json: *json }, output)
        }
        Audit::Notices { settings, all, json } => {
            notices::list(settings, Listing { all: *all, as_json: *json }, output)
        }
        Audit::Notified { config, request, by, way, set } => {
            let settings = Settings { config: config.clone(), set: set.clone() };
            let notice = Notice { by: by.into(), way: way.into() };
            notices::told(&settings, request, &notice, output)
        }
        Audit::Review { config, request, by, found, note, set } => {
            let settings = Settings { config: config.clone(), set: set.clone() };
            let (by, justified) = (by.into(), *found == Finding::Justified);
            let found = Review { by, justified, note: note.as_ref().map(Into::into) };
            reviews::review(&settings, request, &found, output)
        }
    }
}

/// What a disclosure rested on, in a few words.
pub(super) fn basis(basis: &Basis<'_>) -> String {
    match basis {
        Basis::Consent { id, version } => format!("Consent/{id} version {version}"),
        Basis::Person => "the person".to_owned(),
        Basis::Register => "same-register".to_owned(),
        Basis::Representation { id } => id.to_string(),
        Basis::Law { id, reason, overrode } => {
            let over = if *overrode { ", in spite of a prohibition" } else { "" };
            let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("law {id}{over}{why}")
        }
    }
}

fn parsed(vkey: &str) -> Result<Verifier> {
    let wrong = "A key is written NAME+HASH+KEY, as `mylife pki gateway` prints it.";
    Verifier::parse(vkey).ok_or_else(|| Error::invalid(wrong))
}

/// Verifies the log of the gateway of these settings, wherever it is.
fn check_settings(
    settings: &Settings,
    verifier: Option<Verifier>,
    as_json: bool,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let Some(config) = settings.read(output) else { return Ok(Exit::Usage) };
    let setup = &config.setup;
    let own = log_keys(&setup.node, &setup.keys)?;
    let verifier = verifier.unwrap_or_else(|| own.signer.verifier());
    if setup.database.is_none() {
        return check(&setup.directory_path, Some(&verifier), as_json, output);
    }
    let runtime = super::runtime()?;
    let Opened { store, ledger } = runtime.block_on(look_at_store(setup))?;
    let ledger = ledger.ok_or_else(|| Error::internal("a database without a log"))?;
    let keys = keys(&runtime, &*store, *own.node_key);
    let links = LinkKey::of_node(&own.node_key);
    let report = verify::rows::verify(&ledger, Some(&verifier), Some(&links), &keys)?;
    let fault = report.fault.as_ref().map(ToString::to_string);
    if as_json {
        output.line(json!({
            "chains": report.chains, "records": report.records, "waiting": report.waiting,
            "opened": report.opened, "checkpoints": report.checkpoints, "fault": fault,
            "size": report.head.map(|head| head.size),
        }));
    } else {
        let verify::rows::Report { chains, records, waiting, checkpoints, .. } = report;
        output.line(format_args!(
            "{records} records in {chains} chains, {checkpoints} checkpoints hold; {waiting} records \
             wait for the tree"
        ));
        fault.iter().for_each(|fault| output.line(fault));
    }
    Ok(Exit::findings(fault.is_some()))
}

fn check(
    path: &Path,
    verifier: Option<&Verifier>,
    as_json: bool,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let inside = path.join(AUDIT);
    let path = if inside.is_dir() { inside.as_path() } else { path };
    let report = verify::verify(path, verifier, &|_| None)?;
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
    let Some(opening) = Opening::of(settings, output)? else { return Ok(Exit::Usage) };
    let Opening { config, runtime, store, ledger } = opening;
    let setup = &config.setup;
    let dir = setup.directory_path.join(AUDIT);
    let mut number = 0_u64;
    let mut print = |found: &Found, output: &mut Output<'_>| {
        number += 1;
        if found.key_id == AuditKey::REVIEWS {
            return;
        }
        tell(found, number, &config, as_json, output);
    };
    if let Some(id) = person {
        let Some(key) = key(&runtime, &*store, id)? else {
            return Err(Error::invalid("Nobody of this Patient id is held here."));
        };
        let key = AuditKey::new(id, key);
        let found = match &ledger {
            Some(ledger) => read::rows::person(ledger, &key)?,
            None => read::person(&dir, &key)?,
        };
        found.iter().for_each(|found| print(found, output));
        return Ok(Exit::Fine);
    }
    let own = log_keys(&setup.node, &setup.keys)?.node_key;
    let keys = keys(&runtime, &*store, *own);
    if let Some(ledger) = ledger {
        for found in read::rows::read(ledger, &keys) {
            print(&found?, output);
        }
        return Ok(Exit::Fine);
    }
    for found in read::read(&dir, &keys)? {
        print(&found?, output);
    }
    Ok(Exit::Fine)
}

/// Finds the keys of records that are not forgotten.
fn keys(
    runtime: &Runtime,
    store: &dyn Store,
    of_node: [u8; 32],
) -> impl Fn(&str) -> Option<[u8; 32]> {
    let own = [AuditKey::NODE, AuditKey::REVIEWS].map(|id| (id.to_owned(), Some(of_node)));
    let known = RefCell::new(BTreeMap::from(own));
    move |id| {
        let mut known = known.borrow_mut();
        let find = || key(runtime, store, id).ok().flatten();
        *known.entry(id.to_owned()).or_insert_with(find)
    }
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
