//! Programs that must not compile: each file of `tests/forbidden` tries to forge a proof type.
//!
//! Each is compiled against the library this test binary was linked with, and must be refused with
//! exactly the error its first line names, so that it cannot pass by a misspelt path.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The first words of every program; the error's code follows.
const EXPECTS: &str = "//! Expects ";

#[test]
fn every_forgery_is_refused_for_the_reason_it_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forbidden");
    let mut programs: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    assert!(!programs.is_empty());
    let failed: Vec<_> = programs.iter().filter_map(|program| fault(program).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_program_that_compiles_or_fails_for_another_reason_is_told() {
    let honest = "//! Expects E0423\nfn main() { drop(mylife::domain::theme::ThemeSet::EMPTY) }\n";
    assert_eq!(fault(&written("honest", honest)).unwrap_err(), "honest.rs: compiles");

    let misspelt = "//! Expects E0423\nfn main() { drop(mylife::domain::theme::Themes(0)) }\n";
    let told = fault(&written("misspelt", misspelt)).unwrap_err();
    assert!(told.starts_with("misspelt.rs: expects E0423, got E0425\n"), "{told}");

    let silent = fault(&written("silent", "fn main() {}\n")).unwrap_err();
    assert_eq!(silent, "silent.rs: its first line must be `//! Expects E....`");
}

/// Ok if the compiler refuses the program with the expected error and no other.
fn fault(program: &Path) -> Result<(), String> {
    let name = program.file_name().unwrap().to_string_lossy();
    let source = fs::read_to_string(program).unwrap();
    let Some(expected) = source.strip_prefix(EXPECTS).and_then(|rest| rest.get(..5)) else {
        return Err(format!("{name}: its first line must be `{EXPECTS}E....`"));
    };
    let told = compile(program).ok_or_else(|| format!("{name}: compiles"))?;
    let codes: BTreeSet<_> =
        told.split("error[").skip(1).filter_map(|rest| rest.split(']').next()).collect();
    if codes == BTreeSet::from([expected]) {
        return Ok(());
    }
    let codes = Vec::from_iter(codes).join(" ");
    Err(format!("{name}: expects {expected}, got {codes}\n{told}"))
}

/// What the compiler says of a program it refuses.
fn compile(program: &Path) -> Option<String> {
    let dependencies = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let mut library = std::ffi::OsString::from("mylife=");
    library.push(newest_library(&dependencies));
    let mut search = std::ffi::OsString::from("dependency=");
    search.push(&dependencies);
    let output = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--out-dir"])
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .arg("--extern")
        .arg(library)
        .arg("-L")
        .arg(search)
        .arg(program)
        .output()
        .unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Older builds may lie beside it; the one linked into this test is the last that was made.
fn newest_library(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let libraries = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libmylife-") && name.ends_with(".rlib")
    });
    libraries.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap()).unwrap().path()
}

fn written(name: &str, source: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.rs"));
    fs::write(&path, source).unwrap();
    path
}
