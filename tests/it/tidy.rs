//! The house rules, as tests. Each looks at the files git knows of or would take.

mod deployed;
mod directions;
mod files;
mod licences;
mod names;

use std::{fs, path::Path, process::Command};

/// One file of the repository.
struct File {
    /// From the root, with slashes.
    path: String,
    /// Its text; empty if it is no text.
    text: String,
}

/// Every file of the repository, tracked or new, but not what `.gitignore` names.
fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let paths = String::from_utf8(listed.stdout).unwrap();
    let present = paths.split_terminator('\0').filter(|path| root.join(path).is_file());
    present
        .map(|path| File {
            path: path.to_owned(),
            text: fs::read_to_string(root.join(path)).unwrap_or_default(),
        })
        .collect()
}

/// Every Rust file of the repository.
fn rust() -> Vec<File> {
    let rust = |file: &File| Path::new(&file.path).extension().is_some_and(|end| end == "rs");
    files().into_iter().filter(rust).collect()
}

/// Fails with one line a fault.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
