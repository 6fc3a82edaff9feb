//! Files, permissions, disk and clock of this machine.
//!
//! Part of `mylife doctor`. Files of secrets are those that the settings name as such.

use std::{
    fs::{self, Metadata},
    io::ErrorKind,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use rustix::{
    fs::{Access, access},
    process::{Gid, getegid, geteuid, getgroups},
};

use super::finding::Findings;
use crate::{
    config::{
        asked::{Asked, Want},
        tree::Place,
    },
    gateway::open::Setup,
    store::sqlite::FILE,
};

/// Room below which something is said, in mebibytes.
const LITTLE: u64 = 5 * 1024;
/// Room below which a gateway may stop any day, in mebibytes.
const NONE: u64 = 512;

/// Those that the settings name: can they be read, and by whom else?
pub(super) fn files(keys: &[Asked], findings: &mut Findings) {
    let own = Own::of_process();
    let secret = |key: &str| keys.iter().any(|one| one.is_secret() && one.key == key);
    let mut shared = 0;
    for asked in keys {
        // The environment is how orchestrators hand secrets over.
        if let (true, Some((place @ Place::File(..), _))) = (asked.is_secret(), &asked.written) {
            findings.doubtful(
                "secrets",
                format!("{} stands itself in {place}", asked.key),
                format!("put it into a file of its own and name that under {}_file", asked.key),
            );
        }
        let Some(path) = asked.file.as_deref().filter(|_| asked.want == Want::File) else {
            continue;
        };
        let is_secret = asked.key.strip_suffix("_file").is_some_and(secret);
        match fs::metadata(path) {
            Err(error) => findings.wrong(
                "files",
                format!("{} ({}) cannot be read: {}", path.display(), asked.key, error.kind()),
                "make it readable to the user the gateway runs as, or name another",
            ),
            Ok(metadata) if is_secret && own.sees_open(&metadata, 0o040) => {
                shared += 1;
                findings.wrong(
                    "files",
                    format!("{} holds a secret and others may read it", path.display()),
                    format!("chmod 600 {}", path.display()),
                );
            }
            Ok(_) => {}
        }
    }
    if shared == 0 {
        findings.fine("files", "no file of a secret is readable to others");
    }
}

/// Whoever owns the data is whom the gateway runs as: can that user read the files too? Who runs this as
/// another can read more, or less.
pub(super) fn of_owner(keys: &[Asked], setup: &Setup, findings: &mut Findings) {
    let Ok(data) = fs::metadata(&setup.directory_path) else { return };
    let user = data.uid();
    if [0, geteuid().as_raw()].contains(&user) {
        return;
    }
    for asked in keys.iter().filter(|asked| asked.want == Want::File) {
        let Some(path) = asked.file.as_deref() else { continue };
        // What is not there was told.
        let Ok(file) = fs::metadata(path) else { continue };
        let reads = match (file.uid() == user, file.gid() == data.gid()) {
            (true, _) => 0o400,
            (false, true) => 0o040,
            (false, false) => 0o004,
        };
        if file.permissions().mode() & reads == 0 {
            let (path, data) = (path.display(), setup.directory_path.display());
            findings.doubtful(
                "files",
                format!(
                    "user {user}, whose {data} is, may not be able to read {path} ({})",
                    asked.key
                ),
                format!("chown {user} {path}; then run this as that user"),
            );
        }
    }
}

/// Who runs this.
struct Own {
    user: u32,
    groups: Vec<u32>,
}

impl Own {
    fn of_process() -> Self {
        let mut groups = getgroups().unwrap_or_default();
        groups.push(getegid());
        let groups = groups.into_iter().map(Gid::as_raw).collect();
        Self { user: geteuid().as_raw(), groups }
    }

    /// Is it another's, and handed to this user by its group? So orchestrators hand out secrets and volumes.
    fn has_by_group(&self, metadata: &Metadata) -> bool {
        metadata.uid() != self.user && self.groups.contains(&metadata.gid())
    }

    /// May anybody but its owner do anything with it, or this user more than `handed`, where it has it by
    /// its group?
    fn sees_open(&self, metadata: &Metadata, handed: u32) -> bool {
        let allowed = if self.has_by_group(metadata) { handed } else { 0 };
        metadata.permissions().mode() & 0o077 & !allowed != 0
    }
}

/// The data directory: whose it is, and how much room there is.
pub(super) fn directory(setup: &Setup, findings: &mut Findings) {
    let path = &setup.directory_path;
    let shown = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        let above = path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/"));
        findings.fine("data", format!("{shown} is not there yet and will be made"));
        writable(above, findings);
        room(above, findings);
        return;
    };
    let own = Own::of_process();
    if own.sees_open(&metadata, 0o070) {
        findings.doubtful(
            "data",
            format!("others may look into {shown}"),
            format!("chmod 700 {shown}"),
        );
    } else {
        findings.fine("data", format!("{shown} is its owner's alone"));
    }
    if ![0, metadata.uid()].contains(&own.user) && !own.has_by_group(&metadata) {
        findings.wrong(
            "data",
            format!("{shown} belongs to another user"),
            "run this as the user the gateway runs as, or chown the directory to that user",
        );
    }
    writable(path, findings);
    if setup.suspended() {
        findings.wrong(
            "data",
            "no grant counts, since a restore could not know which were withdrawn",
            "ask who withdrew, write it again, then `mylife restore CONFIG --reconciled`",
        );
    }
    if setup.database.is_none() && !path.join(FILE).exists() {
        findings.fine("data", "there is no store yet; the first start makes one");
    }
    room(path, findings);
}

/// May anything be written there?
fn writable(directory: &Path, findings: &mut Findings) {
    let Err(error) = access(directory, Access::WRITE_OK | Access::EXEC_OK) else { return };
    let shown = directory.display();
    let mend = if error.kind() == ErrorKind::ReadOnlyFilesystem {
        "mount it writable; the kernel makes it read-only when the disk fails, and its log (dmesg) has that"
    } else {
        "have it owned by the user the gateway runs as, and run this as that user"
    };
    findings.wrong("data", format!("{shown} cannot be written to: {}", error.kind()), mend);
}

/// What systemd says of the clock; where there is none nothing is said.
pub(super) fn clock(findings: &mut Findings) {
    let asked = ["show", "--property=NTPSynchronized", "--value"];
    let Ok(said) = Command::new("timedatectl").args(asked).output() else { return };
    match said.stdout.trim_ascii() {
        b"yes" => findings.fine("clock", "it follows NTP"),
        b"no" => findings.doubtful(
            "clock",
            "it follows no other: tokens and assertions of a minute are refused once it is off",
            "have this machine follow NTP: `timedatectl set-ntp true`, or chrony",
        ),
        _ => {}
    }
}

/// What `df` says; where there is none nothing is said.
fn room(path: &Path, findings: &mut Findings) {
    let Ok(said) = Command::new("df").args(["-Pk", "--"]).arg(path).output() else { return };
    let text = String::from_utf8_lossy(&said.stdout);
    let free =
        text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    let Some(free) = free.map(|kibibytes| kibibytes / 1024) else { return };
    let say = format!("{free} MiB are free where {} is", path.display());
    match free {
        0..NONE => findings.wrong("disk", say, "make room now: without it nothing can be answered"),
        NONE..LITTLE => findings.doubtful("disk", say, "make room, or give it a larger disk"),
        LITTLE.. => findings.fine("disk", say),
    }
}
