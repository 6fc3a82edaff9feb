//! What is linked in: a stand-in for cargo-deny that reads the same `.deny.toml` and needs nothing.

use std::{collections::BTreeSet, process::Command};

use super::none;

#[test]
fn every_crate_has_an_allowed_licence_and_none_is_banned() {
    let rules = rules();
    let crates = crates();
    assert!(crates.len() > 100, "cargo names the crates of the program");
    none(&crates.iter().filter_map(|one| fault(one, &rules)).collect::<Vec<_>>());
}

#[test]
fn every_allowed_licence_is_needed() {
    let rules = rules();
    let crates = crates();
    let named: BTreeSet<_> = crates.iter().flat_map(|one| terms(&one.licence)).collect();
    let idle = rules.allowed.iter().filter(|licence| !named.contains(*licence));
    none(&idle.map(|licence| format!("{licence}: no crate has it")).collect::<Vec<_>>());
}

#[test]
fn the_rule_of_licences_catches_what_breaks_it() {
    let rules = Rules { allowed: set(&["MIT", "ISC"]), banned: set(&["ring"]) };
    let say = |name: &str, licence: &str| fault(&krate(name, licence), &rules);
    assert_eq!(say("a", "MIT"), None);
    assert_eq!(say("a", "GPL-3.0 OR MIT"), None);
    assert_eq!(say("a", "GPL-3.0/MIT"), None);
    assert_eq!(say("a", "ISC AND (GPL-3.0 OR MIT)"), None);
    assert_eq!(say("a", "MIT AND GPL-3.0").unwrap(), "a: `MIT AND GPL-3.0` is not allowed");
    assert_eq!(
        say("a", "MIT WITH some-exception").unwrap(),
        "a: `MIT WITH some-exception` is not allowed"
    );
    assert_eq!(say("a", "").unwrap(), "a: `` is not allowed");
    assert_eq!(say("ring", "MIT").unwrap(), "ring: is banned");
    let git = described("a v1.0.0 (https://example.org/a?rev=1#1)|MIT");
    assert_eq!(fault(&git, &rules).unwrap(), "a: does not come from the registry");
}

/// What `.deny.toml` says.
struct Rules {
    allowed: BTreeSet<String>,
    banned: BTreeSet<String>,
}

/// One crate that is compiled for this machine.
struct Crate {
    name: String,
    licence: String,
    place: String,
}

fn krate(name: &str, licence: &str) -> Crate {
    Crate { name: name.to_owned(), licence: licence.to_owned(), place: String::new() }
}

fn rules() -> Rules {
    let rules: toml::Table = include_str!("../../../.deny.toml").parse().unwrap();
    let strings = |value: &toml::Value| value.as_str().unwrap().to_owned();
    let deny = rules["bans"]["deny"].as_array().unwrap().iter();
    Rules {
        allowed: rules["licenses"]["allow"].as_array().unwrap().iter().map(strings).collect(),
        banned: deny.map(|ban| strings(&ban["crate"])).collect(),
    }
}

/// The crates this machine compiles, build scripts and tests included; asks no network.
///
/// `cargo tree` and not `cargo metadata`: the latter names optional crates that nobody switched on.
fn crates() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build,dev"])
        .args(["--prefix", "none", "--format", "{p}|{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: BTreeSet<_> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.into_iter().map(described).collect()
}

/// One line such as `serde v1.0.228|MIT OR Apache-2.0`; a place in brackets follows the version of
/// a crate that does not come from the registry.
fn described(line: &str) -> Crate {
    let (package, licence) = line.split_once('|').expect("a line is `package|licence`");
    let package = package.trim_end_matches(" (proc-macro)");
    let mut words = package.splitn(3, ' ');
    Crate {
        name: words.next().unwrap().to_owned(),
        licence: licence.trim_end_matches(" (*)").to_owned(),
        place: words.nth(1).unwrap_or_default().to_owned(),
    }
}

fn fault(one: &Crate, rules: &Rules) -> Option<String> {
    let Crate { name, licence, place } = one;
    if rules.banned.contains(name) {
        return Some(format!("{name}: is banned"));
    }
    if name != "mylife" && !place.is_empty() {
        return Some(format!("{name}: does not come from the registry"));
    }
    (!permits(licence, &rules.allowed)).then(|| format!("{name}: `{licence}` is not allowed"))
}

/// Is one choice of an SPDX expression allowed in full?
fn permits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.trim().replace('/', " OR ");
    if let Some(parts) = split(&expression, " OR ") {
        return parts.iter().any(|part| permits(part, allowed));
    }
    if let Some(parts) = split(&expression, " AND ") {
        return parts.iter().all(|part| permits(part, allowed));
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => permits(inner, allowed),
        None => allowed.contains(expression.trim()),
    }
}

/// The parts between an operator that stands outside brackets, if it does.
fn split(expression: &str, operator: &str) -> Option<Vec<String>> {
    let outside = |at: usize| {
        let before = &expression[..at];
        before.matches('(').count() == before.matches(')').count()
    };
    let (mut parts, mut start) = (Vec::new(), 0);
    for (at, _) in expression.match_indices(operator).filter(|(at, _)| outside(*at)) {
        parts.push(expression[start..at].to_owned());
        start = at + operator.len();
    }
    parts.push(expression[start..].to_owned());
    (parts.len() > 1).then_some(parts)
}

/// Every licence an expression names.
fn terms(expression: &str) -> Vec<String> {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ").replace(" AND ", " OR ");
    flat.split(" OR ").map(|term| term.trim().to_owned()).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
