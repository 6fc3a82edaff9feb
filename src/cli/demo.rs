//! `mylife demo`: a federation on this machine, to try out.
//!
//! Part of `cli`.

use std::path::PathBuf;

use clap::Args;

use super::{exit::Exit, output::Output};
use crate::{
    demo::{self, Options, servers::Named},
    error::Result,
};

/// How the demo runs.
#[derive(Args, Debug)]
pub struct Demo {
    /// Keep everything there; else it goes when the demo ends
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// The first of five ports; 0 takes free ones
    #[arg(long, default_value_t = 8443)]
    pub port: u16,
    /// The same people for the same seed
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// postgres://USER@HOST:PORT/DATABASE: two processes of every node on databases made there
    #[arg(long, value_name = "URL", requires = "redis")]
    pub store: Option<String>,
    /// redis://HOST:PORT, for what the processes of a node share and may lose
    #[arg(long, value_name = "URL", requires = "store")]
    pub redis: Option<String>,
    /// Stop after the table; the exit code is 0 only if every answer was right
    #[arg(long)]
    pub once: bool,
}

/// Runs it.
pub fn run(asked: &Demo, output: &mut Output<'_>) -> Result<Exit> {
    let Demo { dir, port, seed, store, redis, once } = asked;
    let named = store.clone().zip(redis.clone());
    let servers = named.map(|(store, redis)| Named { store, redis });
    let options = Options { dir: dir.clone(), port: *port, seed: *seed, servers, once: *once };
    Ok(Exit::findings(!demo::run(&options, output.out)?))
}
