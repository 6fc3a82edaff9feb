//! `mylife backup`: copies what a gateway holds into a directory, while it serves.
//!
//! Part of `cli`. First the store as of one instant, then the audit log, which so has at least every
//! record of what the store has. Values stay sealed: without the master key, which is not in it, a backup
//! tells nobody anything. It is there whole under its name or not at all. A database is backed up with
//! its own tools. Design 8.

pub mod manifest;

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::json;

use self::manifest::{Held, LogState, Manifest, VERSION};
use super::{
    Settings,
    documents::{unreadable, unwritable},
    exit::Exit,
    output::{Output, Progress},
};
use crate::{
    audit::{checkpoint, log::moving::Side, segment, verify},
    digest::hex,
    error::{Error, Kind, Result},
    gateway::open::{AUDIT, SUSPENDED, Setup, log_keys},
    store::sqlite::{FILE, Sqlite},
};

/// Of which gateway, and where to.
#[derive(Args, Debug)]
pub struct Backup {
    /// The gateway's settings, and what is said beside them
    #[command(flatten)]
    pub settings: Settings,
    /// A directory that is not there yet
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Copies, verifies the copy and tells.
pub fn run(asked: &Backup, output: &mut Output<'_>) -> Result<Exit> {
    let Some(config) = asked.settings.read(output) else { return Ok(Exit::Usage) };
    let setup = config.setup;
    let manifest = backup(&setup, &asked.into, output)?;
    let (into, LogState { size, .. }) = (asked.into.display(), manifest.log);
    let bytes: u64 = manifest.files.iter().map(|held| held.bytes).sum();
    if asked.json {
        output.line(json!({ "into": asked.into, "bytes": bytes, "records": size }));
    } else {
        output.line(format_args!(
            "{into}: {bytes} bytes, {size} audit records, verified. Keep the master key apart from it: \
             without that key it is of no use."
        ));
    }
    Ok(Exit::Fine)
}

/// Backs up a gateway, whether it runs or not, into a directory that is not there yet.
///
/// # Errors
/// `Invalid` if its store is a database, or a file cannot be read or written; `Unavailable` if something
/// does not verify.
pub fn backup(setup: &Setup, into: &Path, output: &Output<'_>) -> Result<Manifest> {
    if setup.database.is_some() {
        let say = "The store is a database: back it up with its own tools (base backups and the archive \
                   of its log); the audit log is in it. Keep the master key too, apart from it.";
        return Err(Error::invalid(say));
    }
    if into.exists() {
        return Err(exists(into));
    }
    let mut part = OsString::from(into);
    part.push(".part");
    let part = PathBuf::from(part);
    if part.exists() {
        // What an earlier run left behind when it was interrupted.
        fs::remove_dir_all(&part).map_err(|error| unwritable(&part, error))?;
    }
    let manifest = take(setup, &part, output)?;
    fs::rename(&part, into).map_err(|error| unwritable(into, error))?;
    manifest::settle(into)?;
    Ok(manifest)
}

fn exists(path: &Path) -> Error {
    let say = format!("{} is there already: name a directory that is not.", path.display());
    Error::new(Kind::Invalid, say)
}

/// A backup in a directory that is made for it.
fn take(setup: &Setup, part: &Path, output: &Output<'_>) -> Result<Manifest> {
    let clock = &output.around.clock;
    let began = clock.now();
    private(&part.join(AUDIT))?;
    let (from, to) = (setup.directory_path.join(AUDIT), part.join(AUDIT));
    let numbers = segment::numbers(&from)?;
    let progress = Progress::new(numbers.len() as u64 + 2, clock);
    // What is signed was there before the store is copied, so the copy has what it tells of.
    copy_checkpoints(&from, &to)?;
    let keys = log_keys(&setup.node, &setup.keys)?;
    let verifier = keys.signer.verifier();
    let signed = fs::read_to_string(to.join(checkpoint::FILE)).unwrap_or_default();
    let last = checkpoint::notes(&signed).filter_map(|(_, note)| verifier.open(note)).last();
    let floor = last.map_or(0, |checkpoint| checkpoint.head.size);
    Sqlite::snapshot(&setup.directory_path, &part.join(FILE))?;
    progress.step();
    // Segments only grow, and new ones may have come.
    for number in segment::numbers(&from)? {
        copy(&segment::path(&from, number), &segment::path(&to, number))?;
        progress.step();
    }
    // Opening it cuts what was half written when it was copied.
    drop(Side::files(&to, &keys, Arc::clone(clock))?);
    let report = verify::verify(&to, Some(&verifier), &|_| None)?;
    if let Some(fault) = report.fault {
        let say = format!("The audit log does not verify ({fault}): see `mylife audit verify`.");
        return Err(Error::new(Kind::Unavailable, say));
    }
    Sqlite::check(&part.join(FILE))?;
    if setup.suspended() {
        copy(&setup.directory_path.join(SUSPENDED), &part.join(SUSPENDED))?;
    }
    let head = report.head.ok_or_else(|| Error::internal("a log without a tree"))?;
    let manifest = Manifest {
        format: VERSION.to_owned(),
        node: setup.node.to_string(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        began,
        ended: clock.now(),
        log: LogState { floor, size: head.size, root: hex(&head.root) },
        files: held(part)?,
    };
    manifest.write(part)?;
    Ok(manifest)
}

/// Every file of a backup but the list itself.
fn held(part: &Path) -> Result<Vec<Held>> {
    let mut names = vec![FILE.to_owned()];
    names.extend(part.join(SUSPENDED).exists().then(|| SUSPENDED.to_owned()));
    for number in segment::numbers(&part.join(AUDIT))? {
        let name = segment::path(Path::new(AUDIT), number);
        names.push(name.to_string_lossy().into_owned());
    }
    let checkpoints = Path::new(AUDIT).join(checkpoint::FILE);
    if part.join(&checkpoints).exists() {
        names.push(checkpoints.to_string_lossy().into_owned());
    }
    names.into_iter().map(|name| Held::of(part, name)).collect()
}

/// Whole notes alone: the last may be half written.
fn copy_checkpoints(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.join(checkpoint::FILE), to.join(checkpoint::FILE));
    if !from.exists() {
        return Ok(());
    }
    let text = fs::read_to_string(&from).map_err(|error| unreadable(&from, error))?;
    let whole =
        checkpoint::notes(&text).map(|(_, note)| note).filter(|note| checkpoint::is_whole(note));
    write(&to, whole.collect::<String>().as_bytes())
}

/// Copies a file, its owner's alone, onto the disk.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    write(to, &fs::read(from).map_err(|error| unreadable(from, error))?)
}

fn write(to: &Path, bytes: &[u8]) -> Result<()> {
    crate::pki::write_secret(to, bytes).map_err(|error| unwritable(to, error))
}

/// Makes a directory that is its owner's alone, and those above it.
pub(super) fn private(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| unwritable(path, error))
}
