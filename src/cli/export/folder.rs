//! The directory of an export: what was begun, and the files that are there whole.
//!
//! Part of `cli::export`. A file is written beside its place, checked line by line, synced and renamed, so
//! that one that is there is whole. The files are their owner's alone to read.

use std::{
    fs::{self, File as Disk, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cli::{documents::unreadable, https::silent},
    error::{Error, Kind, Result},
    export::GONE,
    fhir::types::ResourceType,
};

/// Longest line.
const LINE: usize = 16 * 1024 * 1024;
/// The file that says what was begun; it goes when all is done.
const BEGUN: &str = "export.json";
const MANIFEST: &str = "manifest.json";

/// What was begun.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// The URL that says how far it is.
    pub(super) status: String,
}

/// A file of the manifest.
pub(super) struct Output {
    pub(super) number: usize,
    pub(super) kind: String,
    pub(super) url: String,
}

pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the directory if it is absent. One in which all is done is refused.
    pub(super) fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| unreadable(path, error))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let own = fs::Permissions::from_mode(0o700);
            fs::set_permissions(path, own).map_err(|error| unreadable(path, error))?;
        }
        let folder = Self(path.to_owned());
        if folder.0.join(MANIFEST).exists() && !folder.0.join(BEGUN).exists() {
            return Err(Error::invalid("An export is in this directory already: name another."));
        }
        Ok(folder)
    }

    /// What was begun here and not done.
    pub(super) fn begun(&self) -> Result<Option<Kept>> {
        self.json(BEGUN)
    }

    /// Keeps what was begun.
    pub(super) fn begin(&self, kept: &Kept) -> Result<Kept> {
        let text = serde_json::to_vec(kept).map_err(Error::internal)?;
        self.write(BEGUN, &text)?;
        Ok(Kept { status: kept.status.clone() })
    }

    /// The manifest, if it was there.
    pub(super) fn manifest(&self) -> Result<Option<Value>> {
        self.json(MANIFEST)
    }

    /// Keeps the manifest.
    pub(super) fn keep_manifest(&self, manifest: Value) -> Result<Value> {
        self.write(MANIFEST, manifest.to_string().as_bytes())?;
        Ok(manifest)
    }

    /// How many resources a file has that is there already.
    pub(super) fn counted(&self, file: &Output) -> Result<Option<u64>> {
        let path = self.0.join(file.name());
        if !path.exists() {
            return Ok(None);
        }
        let text = Disk::open(&path).map_err(|error| unreadable(&path, error))?;
        let mut count = 0;
        for line in BufReader::new(text).split(b'\n') {
            check(&line.map_err(|error| unreadable(&path, error))?, &file.kind)?;
            count += 1;
        }
        Ok(Some(count))
    }

    /// Takes a file, all of it or nothing; gives how many resources it has.
    pub(super) async fn take(&self, file: &Output, mut body: Incoming) -> Result<u64> {
        let draft = self.0.join(format!("{}.part", file.name()));
        let mut out = BufWriter::new(own(&draft)?);
        let (mut line, mut count) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            // A file that breaks off is cut by the gateway: it is asked for again.
            let Ok(bytes) = frame.map_err(silent)?.into_data() else { continue };
            for part in bytes.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(part);
                if line.len() > LINE {
                    return Err(wrong("has a line without an end"));
                }
                if line.last() == Some(&b'\n') {
                    line.pop();
                    check(&line, &file.kind)?;
                    count += 1;
                    line.clear();
                }
            }
            out.write_all(&bytes).map_err(|error| unreadable(&draft, error))?;
        }
        if !line.is_empty() {
            return Err(wrong("ends within a line"));
        }
        let written = out.into_inner().map_err(|error| unreadable(&draft, error.into_error()))?;
        written.sync_all().map_err(|error| unreadable(&draft, error))?;
        let place = self.0.join(file.name());
        fs::rename(&draft, &place).map_err(|error| unreadable(&place, error))?;
        Ok(count)
    }

    /// All is done.
    pub(super) fn done(&self) -> Result<()> {
        let path = self.0.join(BEGUN);
        fs::remove_file(&path).map_err(|error| unreadable(&path, error))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.0.join(name);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read(&path).map_err(|error| unreadable(&path, error))?;
        let read = serde_json::from_slice(&text).map_err(|error| {
            Error::invalid("The directory is not that of an export: name another.").because(error)
        });
        read.map(Some)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let draft = self.0.join(format!("{name}.part"));
        let mut out = own(&draft)?;
        out.write_all(bytes).map_err(|error| unreadable(&draft, error))?;
        out.sync_all().map_err(|error| unreadable(&draft, error))?;
        fs::rename(&draft, self.0.join(name)).map_err(|error| unreadable(&draft, error))
    }
}

/// The files of a manifest, in its order, those of what is gone and of errors last.
pub(super) fn files(manifest: &Value) -> Result<Vec<Output>> {
    let of = |name: &str| manifest.get(name).and_then(Value::as_array).into_iter().flatten();
    let one = |(number, file): (usize, &Value)| {
        let text = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = text("type").filter(|kind| is_kind(kind));
        kind.zip(text("url")).map(|(kind, url)| Output { number, kind, url })
    };
    let all = of("output").chain(of("deleted")).chain(of("error")).enumerate().map(one);
    all.collect::<Option<Vec<_>>>().ok_or_else(|| wrong("is not of a type or place that is known"))
}

/// A type is part of a file's name.
fn is_kind(kind: &str) -> bool {
    ResourceType::parse(kind).is_some() || [GONE, "OperationOutcome"].contains(&kind)
}

fn check(line: &[u8], kind: &str) -> Result<()> {
    let value: Value =
        serde_json::from_slice(line).map_err(|_| wrong("has a line that is no JSON"))?;
    if value.get("resourceType").and_then(Value::as_str) == Some(kind) {
        return Ok(());
    }
    Err(wrong("has a resource of another type"))
}

fn own(path: &Path) -> Result<Disk> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| unreadable(path, error))
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::SourceFailed, format!("A file of the export {what}; run the command again."))
}
