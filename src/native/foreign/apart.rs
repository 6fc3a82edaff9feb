//! A filter in a process of its own: asked document by document, and started again after one that it did
//! not survive.
//!
//! Part of `foreign`; the other end is `inside`. The process has no surroundings: no environment, no files,
//! nothing but the two pipes to here. The kernel ends it at its bounds; it is not waited for without end even if
//! it should take nothing, neither of a processor nor of what it is asked.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::Signal,
};

use super::{
    Bounds, Failure, Program,
    inside::{LARGEST, Told},
};
use crate::{
    error::{Error, Kind, Result},
    json::{self, Limits},
};

/// Bytes that are written at once: an input that takes any takes so many without a wait (`PIPE_BUF`, pipe(7)).
const AT_ONCE: usize = 4096;
/// Most bytes that are read of one answer: what may be made of a document, with all that is escaped.
const LONGEST: u64 = 4 * LARGEST as u64;

/// A filter, and the process in which it runs.
pub struct Apart {
    program: Program,
    running: Running,
    /// Has the process answered before?
    is_used: bool,
}

struct Running {
    child: Child,
    asked: Patient<ChildStdin>,
    told: BufReader<Patient<ChildStdout>>,
}

/// What became of a question.
enum Heard {
    Told(Told),
    /// It has ended.
    Nothing,
    /// It has not said anything for too long.
    Late,
}

impl Apart {
    /// Starts it.
    ///
    /// # Errors
    /// `Invalid` with what is wrong with the filter; `Unavailable` if it cannot be started.
    pub fn new(program: Program) -> Result<Self> {
        let running = Running::start(&program)?;
        Ok(Self { program, running, is_used: false })
    }

    /// Does it run this filter, within the same bounds?
    pub fn runs(&self, program: &Program) -> bool {
        self.program.code == program.code && self.program.bounds == program.bounds
    }

    /// What it makes of a document; why it makes nothing.
    ///
    /// # Errors
    /// `Invalid` and `TooLarge` for what is not strict JSON within `limits`; `Unavailable` when it cannot
    /// be started again, or does not answer in time.
    pub fn convert(
        &mut self,
        document: &[u8],
        limits: &Limits,
    ) -> Result<std::result::Result<Vec<String>, Failure>> {
        // Strict, and on one line.
        let document = json::parse(document, limits)?.to_string();
        loop {
            let was_used = std::mem::replace(&mut self.is_used, true);
            match self.running.ask(&document) {
                Heard::Told(Told::Made(all)) => return Ok(Ok(all)),
                Heard::Told(Told::Failed(failure)) => return Ok(Err(failure)),
                Heard::Late => {
                    self.again()?;
                    let say = "The filter did not get the time it needs; send the document again.";
                    return Err(Error::new(Kind::Unavailable, say));
                }
                Heard::Nothing => {
                    let failure = self.running.ended(self.program.bounds)?;
                    self.again()?;
                    // What earlier documents left behind may have been what was too much.
                    if !was_used {
                        return Ok(Err(failure));
                    }
                }
            }
        }
    }

    fn again(&mut self) -> Result<()> {
        self.running = Running::start(&self.program)?;
        self.is_used = false;
        Ok(())
    }
}

impl Running {
    fn start(program: &Program) -> Result<Self> {
        let Program { mylife, code, bounds, patience } = program;
        let mut child = Command::new(mylife)
            .arg("filter")
            .args(["--seconds", &bounds.seconds.to_string()])
            .args(["--mebibytes", &bounds.mebibytes.to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(not_started)?;
        let told = child.stdout.take().ok_or_else(|| Error::internal("it has an output"))?;
        let asked = child.stdin.take().ok_or_else(|| Error::internal("it has an input"))?;
        let most = Timespec::try_from(*patience).map_err(Error::internal)?;
        let asked = Patient { end: asked, most };
        let told = BufReader::new(Patient { end: told, most });
        let mut running = Self { child, asked, told };
        let code = serde_json::to_string(code).map_err(Error::internal)?;
        match running.ask(&code) {
            Heard::Told(Told::Made(_)) => Ok(running),
            Heard::Told(Told::Failed(failure)) => Err(Error::invalid(failure.aloud)),
            Heard::Nothing => {
                let failure = running.ended(*bounds)?;
                Err(Error::invalid(failure.aloud))
            }
            Heard::Late => Err(not_started(io::Error::from(io::ErrorKind::TimedOut))),
        }
    }

    fn ask(&mut self, line: &str) -> Heard {
        let mut told = Vec::new();
        let heard = writeln!(self.asked, "{line}")
            .and_then(|()| self.told.by_ref().take(LONGEST).read_until(b'\n', &mut told));
        match heard {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Heard::Late,
            Err(_) => Heard::Nothing,
            Ok(_) => serde_json::from_slice(&told).map_or(Heard::Nothing, Heard::Told),
        }
    }

    /// Why it ended, for the document that it ended on.
    fn ended(&mut self, bounds: Bounds) -> Result<Failure> {
        // It has closed its output, so it ends of itself; if not it was never to.
        self.child.kill().ok();
        let ended = self.child.wait().map_err(Error::unavailable)?;
        let Bounds { seconds, mebibytes } = bounds;
        Ok(if ended.signal() == Some(Signal::XCPU.as_raw()) {
            Failure::new(true, format!("it takes more than {seconds} seconds of a processor"))
        } else if ended.signal().is_none() {
            Failure::new(false, "it halts, and a filter goes on to the next document")
        } else {
            let say = format!("it ends on it; it may need more than {mebibytes} mebibytes");
            Failure::new(true, say)
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whatever it is at, nobody waits for it any more.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn not_started(error: io::Error) -> Error {
    let say = "No process can be started for the filter at present; try again later.";
    Error::new(Kind::Unavailable, say).because(error)
}

/// An end of a pipe that is waited for so long at a time.
struct Patient<T> {
    end: T,
    most: Timespec,
}

impl<T: AsFd> Patient<T> {
    /// Waits until there is something to read, or room for [`AT_ONCE`] bytes.
    fn wait(&self, what: PollFlags) -> io::Result<()> {
        loop {
            let mut only = [PollFd::new(&self.end, what)];
            match poll(&mut only, Some(&self.most)) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Patient<ChildStdout> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait(PollFlags::IN)?;
        self.end.read(into)
    }
}

impl Write for Patient<ChildStdin> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.wait(PollFlags::OUT)?;
        self.end.write(from.get(..AT_ONCE).unwrap_or(from))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end.flush()
    }
}
