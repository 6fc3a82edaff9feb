//! Checks a log offline: every frame, the tree, every signed checkpoint.
//!
//! For `mylife audit verify`, run by anyone who has the files and the public key. Leaf hashes stand
//! outside the sealed payload, so no sealing key is needed; with keys the leaves are recomputed from
//! the payloads too. Trusts no derived file (`frontier`, `*.index`). Changes nothing.

pub mod rows;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str,
};

use super::{
    checkpoint::{self, Checkpoint, Verifier},
    frame::Frame,
    read::Keys,
    segment::{self, End, HEAD},
    tree::{Frontier, Head},
};
use crate::error::{Error, Result};

/// What a verification found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Segments read.
    pub segments: u64,
    /// Whole records.
    pub records: u64,
    /// Records whose leaf was recomputed from the payload.
    pub opened: u64,
    /// Checkpoints whose signature and root hold.
    pub checkpoints: u64,
    /// The tree; `None` if it could not be computed from its first leaf on.
    pub head: Option<Head>,
    /// The first thing amiss.
    pub fault: Option<Fault>,
}

/// Something amiss, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Byte in it.
    pub offset: u64,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {}: {}", self.file.display(), self.offset, self.what)
    }
}

/// Verifies the log in a directory, or one segment of it. Checkpoints are checked if a verifier is
/// given. A log that is being written may seem to have a torn end.
///
/// # Errors
/// `Unavailable` if the files cannot be read. What is wrong with them is told in the report.
pub fn verify(path: &Path, verifier: Option<&Verifier>, keys: Keys<'_>) -> Result<Report> {
    let mut audit = Audit { report: Report::default(), tree: None, signed: Vec::new(), keys };
    if path.is_dir() {
        audit.tree = Some(Frontier::default());
        audit.directory(path, verifier)?;
    } else {
        audit.segment(path, None)?;
    }
    let Audit { mut report, tree, .. } = audit;
    report.head = tree.as_ref().map(Frontier::head);
    Ok(report)
}

struct Audit<'a> {
    report: Report,
    tree: Option<Frontier>,
    /// Checkpoints still to be met, largest first, with their offsets.
    signed: Vec<(u64, Checkpoint)>,
    keys: Keys<'a>,
}

impl Audit<'_> {
    fn directory(&mut self, dir: &Path, verifier: Option<&Verifier>) -> Result<()> {
        let notes = dir.join(checkpoint::FILE);
        if let Some(verifier) = verifier.filter(|_| notes.exists()) {
            self.notes(&notes, verifier)?;
        }
        self.meet(dir);
        for (expected, number) in (1..).zip(segment::numbers(dir)?) {
            let path = segment::path(dir, number);
            if number != expected {
                self.fault(&path, 0, "a segment before this one is missing");
            }
            if self.report.fault.is_some() {
                return Ok(());
            }
            self.segment(&path, Some(dir))?;
        }
        if let Some((offset, _)) = self.signed.last().copied() {
            self.fault(&notes, offset, "the log is shorter than this checkpoint says");
        }
        Ok(())
    }

    /// Checks the signatures and that sizes never fall.
    fn notes(&mut self, path: &Path, verifier: &Verifier) -> Result<()> {
        let bytes = fs::read(path).map_err(Error::unavailable)?;
        let text = match str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let text = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = text.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
                self.fault(path, line as u64, "no text");
                return Ok(());
            }
        };
        let mut size = 0;
        for (offset, note) in checkpoint::notes(text) {
            match verifier.open(note) {
                Some(checkpoint) if checkpoint.head.size >= size => {
                    size = checkpoint.head.size;
                    self.signed.push((offset as u64, checkpoint));
                }
                Some(_) => self.fault(path, offset as u64, "a smaller tree than signed before"),
                None => self.fault(path, offset as u64, "not signed by this key"),
            }
        }
        self.signed.reverse();
        Ok(())
    }

    fn segment(&mut self, path: &Path, dir: Option<&Path>) -> Result<()> {
        let bytes = fs::read(path).map_err(Error::unavailable)?;
        self.report.segments += 1;
        let first = segment::first_leaf(&bytes);
        match (&self.tree, first) {
            (_, None) => self.fault(path, 0, "no segment of this format"),
            (Some(tree), Some(first)) if tree.size() != first => {
                self.fault(path, 0, "does not follow the segment before");
            }
            (None, Some(0)) => self.tree = Some(Frontier::default()),
            (Some(_) | None, Some(_)) => {}
        }
        let frames = bytes.get(HEAD..).unwrap_or_default();
        let (at, end) = segment::walk(frames, HEAD as u64, |at, frame| {
            self.record(path, at, &frame);
            if let Some(dir) = dir {
                self.meet(dir);
            }
            Ok(())
        })?;
        match end {
            End::Whole => {}
            End::Torn => self.fault(path, at, "torn or damaged here, nothing whole follows"),
            End::Broken => self.fault(path, at, "damaged here, more follows"),
        }
        Ok(())
    }

    fn record(&mut self, path: &Path, at: u64, frame: &Frame<'_>) {
        self.report.records += 1;
        if let Some(tree) = &mut self.tree {
            tree.push(frame.leaf);
        }
        match (self.keys)(frame.key_id).map(|key| frame.open(&key)) {
            None => {}
            Some(Ok(opened)) if opened.leaf() == frame.leaf => self.report.opened += 1,
            Some(Ok(_)) => self.fault(path, at, "the leaf is not that of the payload"),
            Some(Err(_)) => self.fault(path, at, "the key does not open this record"),
        }
    }

    /// Compares the tree with every checkpoint of its size.
    fn meet(&mut self, dir: &Path) {
        let Some(tree) = &self.tree else { return };
        let size = tree.size();
        while let Some((offset, checkpoint)) =
            self.signed.pop_if(|(_, checkpoint)| checkpoint.head.size == size)
        {
            if self.tree.as_ref().is_some_and(|tree| tree.root() == checkpoint.head.root) {
                self.report.checkpoints += 1;
            } else {
                self.fault(&dir.join(checkpoint::FILE), offset, "the tree has another root");
            }
        }
    }

    fn fault(&mut self, file: &Path, offset: u64, what: &'static str) {
        self.report.fault.get_or_insert_with(|| Fault { file: file.to_path_buf(), offset, what });
    }
}
