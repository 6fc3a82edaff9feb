//! Processes whose calls of the system do not go as they should: strace changes what comes of them.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

/// As long as this is held, calls of some processes do not go as they should.
pub(super) struct Disturbed {
    tracer: Child,
    /// It is not to end because nobody hears it.
    _says: BufReader<ChildStderr>,
}

impl Disturbed {
    /// From now on these calls by these processes, their threads and whoever they start go so (strace's
    /// `inject`).
    pub(super) fn of(processes: &[u32], calls: &str, how: &str) -> Self {
        let all: Vec<String> = processes.iter().map(ToString::to_string).collect();
        let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{how}"));
        let mut tracer = Command::new("strace")
            .args(["-f", "-p", &all.join(","), "-o", "/dev/null", "-e", &trace, "-e", &inject])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut says = BufReader::new(tracer.stderr.take().unwrap());
        // A line for each, once all its threads are in hand; of those that the first started one may have ended.
        let mut lines = Vec::new();
        for _ in processes {
            let mut line = String::new();
            says.read_line(&mut line).unwrap();
            lines.push(line);
        }
        assert!(lines.first().is_some_and(|line| line.contains("attached")), "{lines:?}");
        Self { tracer, _says: says }
    }
}

impl Drop for Disturbed {
    fn drop(&mut self) {
        // Told so, it lets go of all before it ends.
        let id = self.tracer.id().to_string();
        drop(Command::new("kill").args(["-INT", &id]).status());
        drop(self.tracer.wait());
    }
}

/// A process and those it has started.
pub(super) fn family(parent: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let children = children.split_whitespace().map(|id| id.parse().unwrap());
    std::iter::once(parent).chain(children).collect()
}
