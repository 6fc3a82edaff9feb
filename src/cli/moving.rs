//! `mylife move`: takes a gateway's store and audit log from one place to another.
//!
//! Part of `cli`. Two settings files say from where and to where: a file to a database, or back. The
//! gateway stands still meanwhile. Every record, place in the tree and signed checkpoint of the log goes
//! along, from files to rows too. What was interrupted goes on where it stopped when the same command
//! is given again; at the end every row of the two is compared, and the log verified. The source keeps
//! what it has: only the records of writes that still waited are brought into its log, as at every start.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use super::{
    Settings,
    exit::Exit,
    output::{Output, Progress},
};
use crate::{
    audit::log::moving as log,
    commit,
    error::{Error, Kind, Result},
    gateway::open::{AUDIT, Opened, Setup, log_keys, open_log, open_store},
    source::local::Local,
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
    let runtime = super::runtime()?;
    let (Moved { before, alike }, logged) = runtime.block_on(both(&from, &to, output))?;
    let before = before + logged.before;
    if before > 0 {
        output.line(format_args!("{before} rows had arrived before"));
    }
    for (table, count) in alike {
        output.line(format_args!("{table}: {count} alike"));
    }
    let log::Moved { head, checkpoints, .. } = logged;
    let size = head.size;
    output.line(format_args!(
        "audit log: {size} records alike under one root, {checkpoints} checkpoints hold there"
    ));
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
    let same_store = match (&from.database, &to.database) {
        (None, None) => same(&from.directory_path, &to.directory_path),
        (Some(from), Some(to)) => from.address == to.address,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if same_store {
        return Err(Error::new(Kind::Invalid, "Both settings name the same store."));
    }
    Ok(())
}

/// The store, then its log; the target is shut until both are there.
async fn both(from: &Setup, to: &Setup, output: &Output<'_>) -> Result<(Moved, log::Moved)> {
    rest(from).await?;
    // Of two settings with one directory it is taken once.
    let held = Lock::take(&from.directory_path)?;
    let apart = same(&from.directory_path, &to.directory_path)
        .then_some(())
        .map_or_else(|| Lock::take(&to.directory_path).map(Some), |()| Ok(None))?;
    let source = side(from, &held).await?;
    let target = side(to, apart.as_ref().unwrap_or(&held)).await?;
    let whose = (&from.node, &from.keys);
    // Each row is moved, then compared.
    let total = moving::rows(&source).await?.saturating_mul(2);
    let progress = Progress::new(total, &output.around.clock);
    let mut step = |rows| (0..rows).for_each(|_| progress.step());
    let moved = moving::run(&source, &target, whose, &mut step).await?;
    drop(progress);
    let (old, new) = (log_side(from, &source).await?, log_side(to, &target).await?);
    let progress = Progress::new(old.size().saturating_mul(2), &output.around.clock);
    let mut step = |records| (0..records).for_each(|_| progress.step());
    let logged = log::run(&old, &new, &mut step)?;
    moving::finish(&source, &target, whose).await?;
    drop((old, new, source, target, held, apart));
    // Opened as a gateway would.
    let opened = open_store(to).await?.store;
    if let Some(first) = opened.walk(None, 1).await?.first() {
        opened.load(&first.patient).await?;
    }
    Ok((moved, logged))
}

/// Brings what is to be moved to rest, as a start and a stop of the gateway do: the records of writes
/// that wait, whichever process made them, are brought into the log, each once, and the log is signed.
/// So none travels beside the log, where a database could not tell that it is in it already.
async fn rest(from: &Setup) -> Result<()> {
    {
        let held = Lock::take(&from.directory_path)?;
        moving::look(&side(from, &held).await?, (&from.node, &from.keys)).await?;
    }
    let Opened { store, ledger } = open_store(from).await?;
    let log = open_log(from, ledger).await?;
    let local = Local::new(Arc::clone(&store), from.organization.as_str().into(), 0);
    commit::missing::append_missing(&local, &log).await?;
    if !store.unrecorded().await?.is_empty() {
        let say = "Records of writes come to wait for the audit log: stop every process of the \
                   gateway first.";
        return Err(Error::new(Kind::Unavailable, say));
    }
    log.close()
}

async fn side(setup: &Setup, held: &Lock) -> Result<Side> {
    match &setup.database {
        Some(database) => {
            Postgres::side(database, &setup.directory_path, &*setup.chance, held).await
        }
        None => Sqlite::side(&setup.directory_path),
    }
}

fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    one == other || (real(one).is_some() && real(one) == real(other))
}

/// One side of the move of the log, as of the store.
async fn log_side(setup: &Setup, side: &Side) -> Result<log::Side> {
    let (keys, clock) = (log_keys(&setup.node, &setup.keys)?, Arc::clone(&setup.clock));
    match side.ledger() {
        Some(ledger) => log::Side::rows(ledger, &keys, clock).await,
        None => log::Side::files(&setup.directory_path.join(AUDIT), &keys, clock),
    }
}
