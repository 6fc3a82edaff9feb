//! `mylife migrate`: brings the store of a gateway to the form this program knows.
//!
//! Part of `cli`. Forward only, each step whole or not at all. A file is brought forward whenever it
//! is opened; a database several processes share only here, by a user who may change tables, when
//! no gateway of an older version is left at work on it.

use std::time::Duration;

use clap::Args;

use super::{Settings, exit::Exit, output::Output};
use crate::{
    error::Result,
    gateway::open::{Setup, open_store},
    store::{
        postgres::{Database, Patience, Postgres},
        sqlite::Sqlite,
    },
};

/// A step is as long as the tables are large.
const STEP: Duration = Duration::from_hours(24);

/// Which store, and whether it is only looked at.
#[derive(Args, Debug)]
pub struct Migrate {
    /// The gateway's settings, and what is said beside them
    #[command(flatten)]
    pub settings: Settings,
    /// Say which steps are lacking, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Takes the steps that are lacking, or names them.
pub fn run(asked: &Migrate, output: &mut Output<'_>) -> Result<Exit> {
    let Some(config) = asked.settings.read(output) else { return Ok(Exit::Usage) };
    let runtime = super::runtime()?;
    let steps = runtime.block_on(steps(&config.setup, asked.dry_run))?;
    let (done, none) = if asked.dry_run {
        ("lacking", "no step is lacking")
    } else {
        ("taken", "no step was lacking")
    };
    for step in &steps {
        output.line(format_args!("step {step}: {done}"));
    }
    if steps.is_empty() {
        output.line(none);
    }
    Ok(Exit::Fine)
}

async fn steps(setup: &Setup, dry_run: bool) -> Result<Vec<i64>> {
    let Some(database) = &setup.database else {
        let lacking = Sqlite::pending(&setup.directory_path)?;
        if !dry_run {
            drop(open_store(setup).await?);
        }
        return Ok(lacking);
    };
    if dry_run {
        return Postgres::pending(database).await;
    }
    let patience = Patience { answer: STEP, ..database.patience };
    let taken = Postgres::migrate(&Database { patience, ..database.clone() }).await?;
    // Whose it is is settled, or found out, at once.
    drop(open_store(setup).await?);
    Ok(taken)
}
