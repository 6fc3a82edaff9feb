//! `mylife restore`: makes a gateway's data directory anew from a backup.
//!
//! Part of `cli`. Every file is compared with the backup's list, the store is checked page by page and the
//! log verified. Then every Consent that the log tells of and the store lacks is written again, so that
//! what was withdrawn or forbidden after the snapshot is in force before anybody is served. Where it is
//! not certain that the log reaches the loss, no grant counts until somebody says `--reconciled`. It must
//! not replace data that are there. Design 8.

mod replay;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::json;

pub use self::replay::Replayed;
use super::{
    Settings,
    backup::{
        copy,
        manifest::{self, Manifest},
        private,
    },
    documents::unwritable,
    exit::Exit,
    output::Output,
};
use crate::{
    audit::{checkpoint, read, segment, verify},
    error::{Error, Kind, Result},
    gateway::{
        Gateway,
        open::{AUDIT, SUSPENDED, Setup, log_keys},
    },
    store::{
        lock::Lock,
        sqlite::{FILE, Sqlite},
    },
};

/// Of which gateway, and from where.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the command line")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["from", "suspend", "reconciled"]))]
pub struct Restore {
    /// The gateway's settings, and what is said beside them
    #[command(flatten)]
    pub settings: Settings,
    /// The backup: what is there is restored into an empty data directory
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// The audit log that outlived the loss, in place of the backup's
    #[arg(long, value_name = "DIR", requires = "from")]
    pub log: Option<PathBuf>,
    /// That log is whole: nothing was acknowledged after its last record
    #[arg(long, requires = "log")]
    pub whole: bool,
    /// Let no grant count, after a database was restored with its own tools
    #[arg(long)]
    pub suspend: bool,
    /// Let grants count again, once people who withdrew theirs after the backup have been asked
    #[arg(long)]
    pub reconciled: bool,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Restores, or ends the suspension.
pub fn run(asked: &Restore, output: &mut Output<'_>) -> Result<Exit> {
    let Some(config) = asked.settings.read(output) else { return Ok(Exit::Usage) };
    let setup = config.setup;
    let Some(backup) = &asked.from else {
        return if asked.suspend { suspend(&setup, output) } else { reconciled(&setup, output) };
    };
    let source = Source { backup: backup.clone(), log: asked.log.clone(), whole: asked.whole };
    let restored = restore(setup, &source, output)?;
    tell(&restored, asked.json, output);
    Ok(Exit::findings(restored.suspended || restored.replayed.unreadable > 0))
}

/// From what is restored.
pub struct Source {
    /// The backup.
    pub backup: PathBuf,
    /// The log that outlived the loss.
    pub log: Option<PathBuf>,
    /// Was nothing acknowledged after its last record?
    pub whole: bool,
}

/// What a restore came to.
pub struct Restored {
    /// What was written again.
    pub replayed: Replayed,
    /// Does no grant count now?
    pub suspended: bool,
}

/// Restores into the data directory of a gateway that does not run.
///
/// # Errors
/// `Invalid` if the backup is not whole or not this gateway's; `Conflict` if the directory holds data;
/// `Unavailable` if something cannot be read or written, or does not verify.
pub fn restore(setup: Setup, source: &Source, output: &Output<'_>) -> Result<Restored> {
    let Source { backup, log, whole } = source;
    if setup.database.is_some() {
        let say =
            "The store is a database: restore it with its own tools, then say --suspend here.";
        return Err(Error::invalid(say));
    }
    let manifest = Manifest::verified(backup)?;
    if manifest.node != setup.node.as_str() {
        let say =
            format!("The backup is of node {}, the settings of {}.", manifest.node, setup.node);
        return Err(Error::new(Kind::Invalid, say));
    }
    let suspended = !whole || manifest.files.iter().any(|held| held.name == SUSPENDED);
    let log = log.as_deref().map(audit_of);
    if let Some(log) = &log {
        continues(log, &backup.join(AUDIT), &manifest)?;
    }
    lay_out(&setup, backup, log.as_deref(), suspended)?;
    let replayed = replay(setup, manifest.log.floor, output)?;
    Ok(Restored { replayed, suspended })
}

/// A data directory's log, or the directory itself.
fn audit_of(path: &Path) -> PathBuf {
    let inside = path.join(AUDIT);
    if inside.is_dir() { inside } else { path.to_path_buf() }
}

/// Does a log go on from that of the backup?
fn continues(log: &Path, of_backup: &Path, manifest: &Manifest) -> Result<()> {
    let mut newer = read::read(log, &|_| None)?;
    for found in read::read(of_backup, &|_| None)? {
        let leaf = found?.leaf;
        if newer.next().transpose()?.is_none_or(|found| found.leaf != leaf) {
            let size = manifest.log.size;
            let say = format!("The log does not go on from the {size} records of the backup.");
            return Err(Error::new(Kind::Invalid, say));
        }
    }
    Ok(())
}

/// Copies the files, the suspension first of all, and checks what came of it.
fn lay_out(setup: &Setup, backup: &Path, log: Option<&Path>, suspends: bool) -> Result<()> {
    let directory = &setup.directory_path;
    let (audit, store) = (directory.join(AUDIT), directory.join(FILE));
    if store.exists() || !segment::numbers(&audit)?.is_empty() {
        let say = format!(
            "{} holds data: move it away and keep it, since its log may be the only one that tells what \
             was withdrawn (--log).",
            directory.display()
        );
        return Err(Error::new(Kind::Conflict, say));
    }
    private(&audit)?;
    let held = Lock::take(directory)?;
    if suspends {
        mark(directory)?;
    }
    let of_backup = backup.join(AUDIT);
    let from = log.unwrap_or(&of_backup);
    for number in segment::numbers(from)? {
        copy(&segment::path(from, number), &segment::path(&audit, number))?;
    }
    let notes = from.join(checkpoint::FILE);
    if notes.exists() {
        copy(&notes, &audit.join(checkpoint::FILE))?;
    }
    let verifier = log_keys(&setup.node, &setup.keys)?.signer.verifier();
    let report = verify::verify(&audit, Some(&verifier), &|_| None)?;
    if let Some(fault) = report.fault.filter(|_| log.is_none()) {
        let say = format!("The audit log does not verify: {fault}");
        return Err(Error::new(Kind::Unavailable, say));
    }
    // The store comes last: without it nothing is served.
    copy(&backup.join(FILE), &store)?;
    Sqlite::check(&store)?;
    manifest::settle(directory)?;
    drop(held);
    Ok(())
}

fn mark(directory: &Path) -> Result<()> {
    let say = b"No grant counts here until `mylife restore CONFIG --reconciled`.\n";
    let path = directory.join(SUSPENDED);
    crate::pki::write_secret(&path, say).map_err(|error| unwritable(&path, error))?;
    manifest::settle(directory)
}

/// Writes again what the log tells of and the store lacks.
fn replay(setup: Setup, floor: u64, output: &Output<'_>) -> Result<Replayed> {
    let now = output.around.clock.now();
    let (organization, audit) = (setup.organization.clone(), setup.directory_path.join(AUDIT));
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let gateway = Arc::new(Gateway::open(setup).await?);
        let replayed = match &gateway.reach.sources.local {
            Some(local) => replay::run(&gateway, local, &audit, (floor, &organization), now).await,
            None => Ok(Replayed::default()),
        };
        gateway.gather_records().await?;
        gateway.log.close()?;
        replayed
    })
}

fn tell(restored: &Restored, as_json: bool, output: &mut Output<'_>) {
    let Restored { replayed: Replayed { consents, unreadable }, suspended } = restored;
    if as_json {
        output.line(
            json!({ "consents": consents, "unreadable": unreadable, "suspended": suspended }),
        );
        return;
    }
    output.line(format_args!(
        "restored and verified; {consents} versions of consents written again from the audit log"
    ));
    if *unreadable > 0 {
        output.line(format_args!(
            "{unreadable} records are of people who are not in the backup: have their systems push them \
             again, and ask them for their prohibitions before that"
        ));
    }
    if *suspended {
        output.line(
            "NO GRANT COUNTS NOW: what was withdrawn after the last record of the log is not known. Ask \
             who withdrew, write it again, then: mylife restore CONFIG --reconciled",
        );
    }
}

fn suspend(setup: &Setup, output: &mut Output<'_>) -> Result<Exit> {
    let _held = Lock::take(&setup.directory_path)?;
    mark(&setup.directory_path)?;
    output.line("No grant counts from the next start on; say this for every replica.");
    Ok(Exit::Fine)
}

fn reconciled(setup: &Setup, output: &mut Output<'_>) -> Result<Exit> {
    let _held = Lock::take(&setup.directory_path)?;
    let path = setup.directory_path.join(SUSPENDED);
    if !setup.suspended() {
        output.line("Grants count already.");
        return Ok(Exit::Fine);
    }
    fs::remove_file(&path).map_err(|error| unwritable(&path, error))?;
    manifest::settle(&setup.directory_path)?;
    output.line("Grants count again from the next start on.");
    Ok(Exit::Fine)
}
