//! Starts the command line and says why it stopped.

use std::{
    io::{stderr, stdout},
    process::ExitCode,
};

use mylife::cli::{self, Surroundings};

fn main() -> ExitCode {
    let surroundings = Surroundings::of_process();
    let exit = cli::run(std::env::args_os(), &surroundings, &mut stdout(), &mut stderr());
    ExitCode::from(exit.code())
}
