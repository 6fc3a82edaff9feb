//! `mylife move`: takes a gateway's store and audit log from one place to another.
//!
//! Part of `cli`. Two settings files say from where and to where: a file to a database, or back. The
//! gateway stands still meanwhile. What was interrupted goes on where it stopped when the same command
//! is given again; at the end every row of the two is compared. The source is left as it is.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use tokio::runtime::Builder;

use super::{
    Settings,
    exit::Exit,
    output::{Output, Progress},
};
use crate::{
    error::{Error, Kind, Result},
    gateway::open::{Setup, open_store},
    store::{
        lock::Lock,
        moving::{self, Moved, Side},
        postgres::Postgres,
        sqlite::Sqlite,
    },
};

/// From where, and to where.
#[derive(Args, Debug)]
pub struct Move {
    /// Settings of the gateway with the store it has now
    #[arg(long, value_name = "CONFIG")]
    pub from: PathBuf,
    /// Settings of the same gateway with the store it shall have
    #[arg(long, value_name = "CONFIG")]
    pub to: PathBuf,
}

/// Moves, compares and tells.
pub fn run(asked: &Move, output: &mut Output<'_>) -> Result<Exit> {
    let read = |path: &PathBuf, output: &mut Output<'_>| {
        Settings { config: path.clone(), set: Vec::new() }.read(output)
    };
    let (Some(from), Some(to)) = (read(&asked.from, output), read(&asked.to, output)) else {
        return Ok(Exit::Usage);
    };
    let (from, to) = (from.setup, to.setup);
    one_gateway(&from, &to)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::unavailable)?;
    let Moved { before, alike } = runtime.block_on(store(&from, &to, output))?;
    if before > 0 {
        output.line(format_args!("{before} rows had arrived before"));
    }
    for (table, count) in alike {
        output.line(format_args!("{table}: {count} alike"));
    }
    let log = move_log(&from.directory_path, &to.directory_path)?;
    output.line(format_args!("audit log: {log}"));
    output.line("The old store is as it was: start the gateway on the new one, then remove it.");
    Ok(Exit::Fine)
}

/// Both settings must be of one gateway, and under one key, as the values stay sealed.
fn one_gateway(from: &Setup, to: &Setup) -> Result<()> {
    if from.node != to.node {
        let say = format!(
            "The settings are of two nodes, {} and {}: a store stays with its node.",
            from.node, to.node
        );
        return Err(Error::new(Kind::Invalid, say));
    }
    let of = |setup: &Setup| setup.keys.mac("names of what is shared", b"same key");
    if of(from) != of(to) {
        let say = "The settings name two master keys: values stay sealed on the way, so name the one \
                   key in both.";
        return Err(Error::new(Kind::Invalid, say));
    }
    let same_place = from.directory_path == to.directory_path;
    if same_place && from.database.is_none() && to.database.is_none() {
        return Err(Error::new(Kind::Invalid, "Both settings name the same store."));
    }
    Ok(())
}

async fn store(from: &Setup, to: &Setup, output: &Output<'_>) -> Result<Moved> {
    // Of two settings with one directory it is taken once.
    let held = Lock::take(&from.directory_path)?;
    let apart = same(&from.directory_path, &to.directory_path)
        .then_some(())
        .map_or_else(|| Lock::take(&to.directory_path).map(Some), |()| Ok(None))?;
    let source = side(from, &held).await?;
    let target = side(to, apart.as_ref().unwrap_or(&held)).await?;
    // Each row is moved, then compared.
    let total = moving::rows(&source).await?.saturating_mul(2);
    let progress = Progress::new(total, &output.around.clock);
    let mut step = |rows| (0..rows).for_each(|_| progress.step());
    let moved = moving::run(&source, &target, (&from.node, &from.keys), &mut step).await?;
    drop((source, target, held, apart));
    // Opened as a gateway would.
    let opened = open_store(to).await?.store;
    if let Some(first) = opened.walk(None, 1).await?.first() {
        opened.load(&first.patient).await?;
    }
    Ok(moved)
}

async fn side(setup: &Setup, held: &Lock) -> Result<Side> {
    match &setup.database {
        Some(database) => Postgres::side(database, held).await,
        None => Sqlite::side(&setup.directory_path),
    }
}

fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    one == other || (real(one).is_some() && real(one) == real(other))
}

/// Copies the audit log, file by file, and compares what arrived; says what it did.
fn move_log(from: &Path, to: &Path) -> Result<String> {
    let (from, to) = (from.join("audit"), to.join("audit"));
    if same(&from, &to) {
        return Ok("stays where it is".to_owned());
    }
    if !from.exists() {
        return Ok("there is none".to_owned());
    }
    fs::create_dir_all(&to).map_err(Error::unavailable)?;
    let mut count = 0_u64;
    for entry in fs::read_dir(&from).map_err(Error::unavailable)? {
        let entry = entry.map_err(Error::unavailable)?;
        let target = to.join(entry.file_name());
        if target.exists() && !alike(&entry.path(), &target)? && !begins(&target, &entry.path())? {
            let say = "The new directory holds another audit log: name an empty one.";
            return Err(Error::new(Kind::Conflict, say));
        }
        fs::copy(entry.path(), &target).map_err(Error::unavailable)?;
        fs::File::open(&target).and_then(|file| file.sync_all()).map_err(Error::unavailable)?;
        if !alike(&entry.path(), &target)? {
            return Err(Error::unavailable("a file of the audit log did not arrive whole"));
        }
        count += 1;
    }
    fs::File::open(&to).and_then(|file| file.sync_all()).map_err(Error::unavailable)?;
    Ok(format!("{count} files copied and compared"))
}

fn alike(one: &Path, other: &Path) -> Result<bool> {
    let length =
        |path: &Path| fs::metadata(path).map(|file| file.len()).map_err(Error::unavailable);
    Ok(length(one)? == length(other)? && begins(one, other)?)
}

/// Is one file the beginning of another, as after an interruption?
fn begins(one: &Path, other: &Path) -> Result<bool> {
    let open = |path| fs::File::open(path).map(std::io::BufReader::new).map_err(Error::unavailable);
    let mut other = open(other)?.bytes();
    for byte in open(one)?.bytes() {
        let next = other.next().transpose().map_err(Error::unavailable)?;
        if Some(byte.map_err(Error::unavailable)?) != next {
            return Ok(false);
        }
    }
    Ok(true)
}
