//! `mylife demo`: a federation on this machine, to try out.
//!
//! Part of `cli`.

use std::path::PathBuf;

use clap::Args;

use super::{exit::Exit, output::Output};
use crate::{
    demo::{self, Options},
    error::Result,
};

/// How the demo runs.
#[derive(Args, Debug)]
pub struct Demo {
    /// Keep everything there; else it goes when the demo ends
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// The first of four ports; 0 takes free ones
    #[arg(long, default_value_t = 8443)]
    pub port: u16,
    /// The same people for the same seed
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Stop after the table; the exit code is 0 only if every answer was right
    #[arg(long)]
    pub once: bool,
}

/// Runs it.
pub fn run(asked: &Demo, output: &mut Output<'_>) -> Result<Exit> {
    let Demo { dir, port, seed, once } = asked;
    let options = Options { dir: dir.clone(), port: *port, seed: *seed, once: *once };
    Ok(Exit::findings(!demo::run(&options, output.out)?))
}
