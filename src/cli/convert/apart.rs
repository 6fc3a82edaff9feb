//! A filter in a process of its own: asked document by document, and started again after one that it did
//! not survive.
//!
//! Part of `convert`; the other end is `inside`.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use super::inside::{Bounds, Told};
use crate::{
    error::{Error, Result},
    json::{self, Limits},
};

/// A filter, and the process in which it runs.
pub(super) struct Apart {
    filter: PathBuf,
    bounds: Bounds,
    running: Running,
}

struct Running {
    child: Child,
    asked: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
}

impl Apart {
    /// Starts it.
    ///
    /// # Errors
    /// `Invalid` with what is wrong with the filter.
    pub(super) fn new(filter: &Path, bounds: Bounds) -> Result<Self> {
        let running = Running::start(filter, bounds)?;
        Ok(Self { filter: filter.to_path_buf(), bounds, running })
    }

    /// What it makes of a document.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be started again.
    pub(super) fn convert(&mut self, document: &[u8]) -> Result<Told> {
        // Strict, and on one line.
        let document = match json::parse(document, &Limits::default()) {
            Ok(document) => document.to_string(),
            Err(error) => return Ok(Told::Failed(error.say().to_owned())),
        };
        if let Some(told) = self.running.ask(&document) {
            return Ok(told);
        }
        let Bounds { seconds, mebibytes } = self.bounds;
        let ended = self.running.child.wait().map_err(Error::unavailable)?;
        self.running = Running::start(&self.filter, self.bounds)?;
        Ok(Told::Failed(if ended.signal() == Some(rustix::process::Signal::XCPU.as_raw()) {
            format!("the filter took more than {seconds} seconds of a processor")
        } else {
            format!("the filter ended on it; it may have needed more than {mebibytes} mebibytes")
        }))
    }
}

impl Running {
    fn start(filter: &Path, bounds: Bounds) -> Result<Self> {
        let program = std::env::current_exe().map_err(Error::unavailable)?;
        let mut child = Command::new(program)
            .arg("filter")
            .arg(filter)
            .args(["--seconds", &bounds.seconds.to_string()])
            .args(["--mebibytes", &bounds.mebibytes.to_string()])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::unavailable)?;
        let told = child.stdout.take().ok_or_else(|| Error::internal("it has an output"))?;
        let asked = child.stdin.take();
        let mut running = Self { child, asked, told: BufReader::new(told) };
        match running.told() {
            Some(Told::Made(_)) => Ok(running),
            Some(Told::Failed(reason)) => {
                Err(Error::invalid(format!("{}: {reason}.", filter.display())))
            }
            None => Err(Error::invalid(format!("{} cannot be read.", filter.display()))),
        }
    }

    /// `None` when it has ended.
    fn ask(&mut self, document: &str) -> Option<Told> {
        writeln!(self.asked.as_mut()?, "{document}").ok()?;
        self.told()
    }

    fn told(&mut self) -> Option<Told> {
        let mut line = String::new();
        self.told.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It ends when nothing more can come.
        self.asked = None;
        self.child.wait().ok();
    }
}
