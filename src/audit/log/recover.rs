//! What the log knows when it opens: how far it is durable, and the tree's frontier there.
//!
//! Before the writer. Starts from the frontier kept beside the last checkpoint, if a signed
//! checkpoint vouches for it, and scans only what follows; else everything. A torn tail is cut;
//! anything else amiss is an error that names the place, and nothing has been changed then.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::disk::{BLOCK, Disk};
use crate::{
    audit::{
        checkpoint::{self, Checkpoint, Verifier},
        segment::{self, End, HEAD},
        tree::{Frontier, Hash, Head},
    },
    digest::{sha256, sha256_of},
    error::{Error, Result},
};

/// How much of the end of the file of checkpoints is read.
const TAIL: u64 = 16 << 10;
const FRONTIER: &str = "frontier";

/// Up to where the log is durable.
#[derive(Clone, Debug, Default)]
pub(super) struct Reached {
    pub(super) tree: Frontier,
    /// 0 before the first.
    pub(super) segment: u64,
    pub(super) offset: u64,
}

impl Reached {
    pub(super) fn head(&self) -> Head {
        self.tree.head()
    }

    /// Its lines, the last a checksum of those before.
    fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.tree.size(), self.segment, self.offset);
        for peak in self.tree.peaks() {
            text.push_str(&STANDARD.encode(peak));
            text.push('\n');
        }
        let sum = STANDARD.encode(sha256(text.as_bytes()));
        text + &sum + "\n"
    }

    fn from_text(text: &str) -> Option<Self> {
        let (rest, sum) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        if STANDARD.decode(sum).ok()? != sha256_of(&[rest.as_bytes(), b"\n"]) {
            return None;
        }
        let mut lines = rest.lines();
        let mut number = || lines.next()?.parse::<u64>().ok();
        let (size, segment, offset) = (number()?, number()?, number()?);
        let peaks = lines.map(|line| STANDARD.decode(line).ok()?.try_into().ok());
        let tree = Frontier::of(size, peaks.collect::<Option<Vec<Hash>>>()?)?;
        Some(Self { tree, segment, offset })
    }
}

/// Finds the durable end of the log in `dir`, and the length of its file of checkpoints.
pub(super) fn recover(dir: &Path, disk: &dyn Disk, verifier: &Verifier) -> Result<(Reached, u64)> {
    fs::create_dir_all(dir).map_err(Error::unavailable)?;
    let (signed, checkpoints) = last_checkpoints(dir, verifier)?;
    let mut scan = Scan { dir, signed: signed.last().map(|c| c.head), reached: kept(dir, &signed) };
    scan.check()?;
    let mut numbers = segment::numbers(dir)?;
    numbers.retain(|number| *number >= scan.reached.segment.max(1));
    if let Some(unborn) = numbers.pop_if(|number| is_unborn(&segment::path(dir, *number))) {
        fs::remove_file(segment::path(dir, unborn)).map_err(Error::unavailable)?;
    }
    let last = numbers.last().copied();
    for number in numbers {
        let end = scan.segment(number)?;
        if end == End::Broken || (end == End::Torn && Some(number) != last) {
            return Err(scan.damaged());
        }
        if end == End::Torn {
            let path = segment::path(dir, number);
            scan.whole()?;
            drop(disk.resume(&path, scan.reached.offset).map_err(Error::unavailable)?);
        }
    }
    scan.whole()?;
    Ok((scan.reached, checkpoints))
}

/// Appends a signed checkpoint, then keeps the frontier it vouches for. `length` is that of the file
/// of checkpoints, beyond which lies what failed before.
pub(super) fn keep(
    dir: &Path,
    disk: &dyn Disk,
    reached: &Reached,
    note: &str,
    length: &mut u64,
) -> io::Result<()> {
    let path = dir.join(checkpoint::FILE);
    let mut tape = if *length == 0 { disk.create(&path)? } else { disk.resume(&path, *length)? };
    tape.append(note.as_bytes())?;
    *length += note.len() as u64;
    disk.replace(&dir.join(FRONTIER), reached.to_text().as_bytes())
}

/// The frontier kept at one of these checkpoints; else the beginning.
fn kept(dir: &Path, signed: &[Checkpoint]) -> Reached {
    fs::read_to_string(dir.join(FRONTIER))
        .ok()
        .and_then(|text| Reached::from_text(&text))
        .filter(|reached| reached.segment > 0 && signed.iter().any(|c| c.head == reached.head()))
        .unwrap_or_default()
}

/// The newest checkpoints, oldest first, and where the whole ones end.
fn last_checkpoints(dir: &Path, verifier: &Verifier) -> Result<(Vec<Checkpoint>, u64)> {
    let path = dir.join(checkpoint::FILE);
    if !path.exists() {
        return Ok((Vec::new(), 0));
    }
    let length = fs::metadata(&path).map_err(Error::unavailable)?.len();
    let mut from = length.saturating_sub(TAIL);
    let bytes = read_from(&path, from)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut text = &*text;
    if from > 0 {
        let begin = format!("\n{}\n", verifier.origin());
        let skip = text.find(&begin).map_or(text.len(), |at| at + 1);
        text = text.get(skip..).unwrap_or_default();
        from = length - text.len() as u64;
    }
    let text = checkpoint::written(text);
    let (mut signed, mut end) = (Vec::new(), from);
    for (at, note) in checkpoint::notes(text) {
        if !checkpoint::is_whole(note) && at + note.len() == text.len() {
            break;
        }
        let place = || format!("{}: no checkpoint of ours at byte {end}", path.display());
        signed.push(verifier.open(note).ok_or_else(|| Error::internal(place()))?);
        end += note.len() as u64;
    }
    Ok((signed, end))
}

/// A crash can leave the file of a segment that holds nothing yet.
fn is_unborn(path: &Path) -> bool {
    let holds_nothing = |bytes: Vec<u8>| {
        let is_cut = bytes.len() <= HEAD && segment::first_leaf(&bytes).is_none();
        is_cut || bytes.iter().all(|byte| *byte == 0)
    };
    fs::metadata(path).is_ok_and(|m| m.len() <= BLOCK as u64)
        && fs::read(path).is_ok_and(holds_nothing)
}

fn read_from(path: &Path, offset: u64) -> Result<Vec<u8>> {
    let read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    read().map_err(Error::unavailable)
}

struct Scan<'a> {
    dir: &'a Path,
    signed: Option<Head>,
    reached: Reached,
}

impl Scan<'_> {
    /// Reads a segment from where the log has been reached in it, else from its beginning.
    fn segment(&mut self, number: u64) -> Result<End> {
        let resumed = number == self.reached.segment;
        let path = segment::path(self.dir, number);
        let bytes = read_from(&path, if resumed { self.reached.offset } else { 0 })?;
        let mut frames = &*bytes;
        if resumed {
            let length = fs::metadata(&path).map_err(Error::unavailable)?.len();
            if length < self.reached.offset {
                return Err(self.damaged());
            }
        } else {
            let follows = number == self.reached.segment + 1;
            self.reached.segment = number;
            self.reached.offset = 0;
            if !follows || segment::first_leaf(&bytes) != Some(self.reached.tree.size()) {
                return Err(self.damaged());
            }
            frames = bytes.get(HEAD..).unwrap_or_default();
            self.reached.offset = HEAD as u64;
        }
        let (offset, end) = segment::walk(frames, self.reached.offset, |at, frame| {
            self.reached.offset = at;
            self.reached.tree.push(frame.leaf);
            self.check()
        })?;
        self.reached.offset = offset;
        Ok(end)
    }

    /// Does the tree have the signed root at the signed size?
    fn check(&self) -> Result<()> {
        match self.signed {
            Some(signed) if signed.size == self.reached.tree.size() => {
                if signed.root == self.reached.tree.root() { Ok(()) } else { Err(self.damaged()) }
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Is everything there that a checkpoint counted?
    fn whole(&self) -> Result<()> {
        match self.signed {
            Some(signed) if signed.size > self.reached.tree.size() => Err(self.damaged()),
            Some(_) | None => Ok(()),
        }
    }

    fn damaged(&self) -> Error {
        let path = segment::path(self.dir, self.reached.segment);
        Error::internal(format!("{}: damaged at byte {}", path.display(), self.reached.offset))
    }
}
