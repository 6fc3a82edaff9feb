//! What a file may be called, how it opens, how long it is, what it may not say.

use super::{File, files, none, rust};

/// Every name that may stand at the top of the repository.
const TOP: [&str; 17] = [
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".deny.toml",
    ".gitignore",
    ".rustfmt.toml",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "config",
    "deploy",
    "rust-toolchain.toml",
    "schemas",
    "src",
];

const LONGEST: usize = 500;
/// Characters of a line of documentation; a row of a table may have more.
const WIDEST: usize = 120;

#[test]
fn every_rust_file_says_first_what_it_is_for_and_is_short() {
    none(&rust().iter().filter_map(shape).collect::<Vec<_>>());
}

#[test]
fn documentation_is_read_without_turning_the_page() {
    none(&rust().iter().flat_map(wide).collect::<Vec<_>>());
}

#[test]
fn nothing_else_stands_at_the_top() {
    let files = files();
    let tops = files.iter().map(|file| file.path.split('/').next().unwrap());
    let strange = tops.filter(|top| !TOP.contains(top) && *top != "tests");
    none(&strange.map(|top| format!("{top}: the top level is full")).collect::<Vec<_>>());
}

#[test]
fn tests_neither_sleep_nor_hide() {
    let words = [concat!("todo", "!("), concat!("#[", "ignore"), concat!("#[", "should_panic")];
    none(&rust().iter().flat_map(|file| says(file, &words)).collect::<Vec<_>>());
    // A measurement lasts as long as it says.
    let measures = |file: &&File| !file.path.starts_with("tests/bench/");
    let stop = [concat!("thread::", "sleep")];
    none(&rust().iter().filter(measures).flat_map(|file| says(file, &stop)).collect::<Vec<_>>());
    // Where time stands still a sleep only moves it.
    let moves_it =
        |file: &&File| !file.text.contains("start_paused") && file.path.starts_with("tests/it/");
    let sleep = [concat!("time::", "sleep")];
    let awake = rust();
    none(&awake.iter().filter(moves_it).flat_map(|file| says(file, &sleep)).collect::<Vec<_>>());
}

#[test]
fn no_file_names_the_place_it_was_written_at() {
    let words = [
        concat!(" /wo", "rk/"),
        concat!("\"/wo", "rk/"),
        concat!("`/wo", "rk/"),
        concat!("=/wo", "rk/"),
        concat!("../sha", "red"),
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("registry.npm", "js"),
        concat!("pythonhos", "ted"),
        concat!("pypi", ".org"),
        concat!("proxy.go", "lang"),
        concat!("repo.ma", "ven"),
        concat!("deb.deb", "ian"),
    ];
    none(&files().iter().flat_map(|file| says(file, &words)).collect::<Vec<_>>());
}

#[test]
fn the_rules_of_files_catch_what_breaks_them() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let bare = file("src/a.rs", "fn a() {}\n");
    assert_eq!(shape(&bare).unwrap(), "src/a.rs: does not open with `//!`");
    let long = file("src/a.rs", &"//! A.\n".repeat(LONGEST + 1));
    assert_eq!(shape(&long).unwrap(), "src/a.rs: has 501 lines, 500 are enough");
    let module = file("src/a/mod.rs", "//! A.\n");
    assert_eq!(shape(&module).unwrap(), "src/a/mod.rs: is called src/a.rs here");
    let wider = format!("//! {}", "a".repeat(WIDEST));
    assert_eq!(
        wide(&file("src/a.rs", &wider)),
        ["src/a.rs:1: has 124 characters of documentation, 120 are enough"]
    );
    assert!(wide(&file("src/a.rs", &wider.replace("//! ", "//! | "))).is_empty());
    assert_eq!(says(&file("a", "x\nto sleep"), &["sleep"]), ["a:2: says `sleep`"]);
}

/// What is wrong with the shape of a Rust file.
fn shape(file: &File) -> Option<String> {
    let File { path, text } = file;
    let lines = text.lines().count();
    if let Some(folder) = path.strip_suffix("/mod.rs") {
        return Some(format!("{path}: is called {folder}.rs here"));
    }
    if !text.starts_with("//!") {
        return Some(format!("{path}: does not open with `//!`"));
    }
    (lines > LONGEST).then(|| format!("{path}: has {lines} lines, {LONGEST} are enough"))
}

/// Where a file's documentation is wider than it may be.
fn wide(file: &File) -> Vec<String> {
    let is_text = |line: &str| {
        let said = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"));
        said.is_some_and(|said| !said.trim_start().starts_with('|'))
    };
    let lines = file.text.lines().enumerate().filter(|(_, line)| is_text(line.trim_start()));
    let found = lines.filter_map(|(number, line)| {
        let width = line.chars().count();
        let place = format!("{}:{}", file.path, number + 1);
        (width > WIDEST).then(|| {
            format!("{place}: has {width} characters of documentation, {WIDEST} are enough")
        })
    });
    found.collect()
}

/// Where a file says one of the words.
fn says(file: &File, words: &[&str]) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let found = lines.flat_map(|(number, line)| {
        let hits = words.iter().filter(move |word| line.contains(**word));
        hits.map(move |word| format!("{}:{}: says `{}`", file.path, number + 1, word.trim()))
    });
    found.collect()
}
