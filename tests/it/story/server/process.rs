//! The program as an operator starts it: one process that serves, is stopped, killed, started again.

use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Runs the program to its end; gives what it says.
pub(super) fn mylife(line: &[&str]) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_mylife")).args(line).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&done.stderr);
    (done.status.success(), if said.is_empty() { complaint.into_owned() } else { said })
}

/// The same of what must end well.
pub(super) fn must(line: &[&str]) -> String {
    let (good, said) = mylife(line);
    assert!(good, "{line:?}: {said}");
    said
}

/// What a gateway complains of that does not start.
pub(super) fn refuses(said: &[String]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mylife"))
        .arg("serve")
        .args(said)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    // It ends by itself; one that serves does not.
    if !first.is_empty() {
        child.kill().unwrap();
    }
    let ended = child.wait_with_output().unwrap();
    assert!(first.is_empty() && !ended.status.success(), "it starts: {first}");
    String::from_utf8(ended.stderr).unwrap()
}

/// One that may run; it ends with the test.
#[derive(Default)]
pub(super) struct Process(RefCell<Option<Child>>);

impl Process {
    /// Starts one that does not run, and waits until it serves. `said` names its settings; what it
    /// complains of goes to the end of the log.
    pub(super) async fn start(&self, said: Vec<String>, log: &Path) {
        let file = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        // Where a file may grow no further it is told so, as on a full disk, and not killed.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" serve \"$@\"", env!("CARGO_BIN_EXE_mylife")])
            .args(said)
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .unwrap();
        let told = child.stdout.take().unwrap();
        let first = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(told).read_line(&mut line).unwrap();
            line
        });
        let first = first.await.unwrap();
        let complaint = || fs::read_to_string(log).unwrap();
        assert!(first.starts_with("Serving "), "{}: {}", log.display(), complaint());
        self.0.replace(Some(child));
    }

    pub(super) fn runs(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Its number on this machine.
    pub(super) fn id(&self) -> u32 {
        self.0.borrow().as_ref().expect("it runs").id()
    }

    /// Kills it: nothing is written, told or closed any more.
    pub(super) fn kill(&self) {
        let mut child = self.0.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Tells it to stop, and waits until it has; it must end well.
    pub(super) async fn stop(&self) {
        self.signal("-TERM");
        let mut child = self.0.take().expect("it runs");
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
        let ended = ended.await.unwrap();
        assert!(ended.success(), "{ended}");
    }

    /// From now on none of its files can be written beyond so many bytes; none lifts that.
    pub(super) fn files_end_at(&self, bytes: Option<usize>) {
        let id = self.id().to_string();
        let end = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let limit = format!("--fsize={end}:");
        assert!(Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap().success());
    }

    /// Stops it between any two steps, or lets it go on.
    pub(super) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
