//! Where a command writes: lines for people or JSON for machines, and complaints beside them.
//!
//! Part of `cli`. What nobody reads any more (a closed pipe) is no fault of the command.

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Surroundings;
use crate::clock::Clock;

/// Where a command writes.
pub struct Output<'a> {
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// Why it could not be given.
    pub err: &'a mut dyn Write,
    /// What a command has around it.
    pub around: &'a Surroundings,
}

impl Output<'_> {
    /// A line of what was asked for.
    pub fn line(&mut self, text: impl Display) {
        writeln!(self.out, "{text}").ok();
    }

    /// A line of complaint.
    pub fn complain(&mut self, text: impl Display) {
        writeln!(self.err, "{text}").ok();
    }
}

/// A bar on standard error, for what takes longer than a second on a terminal.
pub struct Progress {
    bar: ProgressBar,
    clock: Arc<dyn Clock>,
    begun: Duration,
}

impl Progress {
    /// Of `total` steps.
    pub fn new(total: u64, clock: &Arc<dyn Clock>) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}");
        let bar = style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style));
        Self { bar, clock: Arc::clone(clock), begun: clock.elapsed() }
    }

    /// One step more.
    pub fn step(&self) {
        let late = self.clock.elapsed().saturating_sub(self.begun) > Duration::from_secs(1);
        if late && self.bar.is_hidden() && std::io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
