//! Modules point downwards only: `tests/tables/directions.txt` says who may use whom.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, none, rust};

const TABLE: &str = include_str!("../../tables/directions.txt");

/// In `src/lib.rs` the modules stand in this order: the way of a request, its roads, the floor.
const ORDER: [&str; 49] = [
    "cli",
    "config",
    "serve",
    "gateway",
    "listen",
    "route",
    "authenticate",
    "scope",
    "query",
    "federation",
    "source",
    "mapping",
    "consent",
    "search",
    "circle",
    "collective",
    "indicator",
    "bundle",
    "audit",
    "respond",
    "former",
    "commit",
    "oauth",
    "native",
    "export",
    "notify",
    "demo",
    "compartment",
    "directory",
    "domain",
    "fhir",
    "fhirpath",
    "smart",
    "unit",
    "handle",
    "shared",
    "store",
    "json",
    "percent",
    "markup",
    "digest",
    "seal",
    "transport",
    "pki",
    "telemetry",
    "error",
    "clock",
    "mutant",
    "memory",
];

/// Which modules each may use.
type Table = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_point_downwards_only() {
    let table = table(TABLE);
    none(&rust().iter().flat_map(|file| strays(file, &table)).collect::<Vec<_>>());
}

#[test]
fn the_table_itself_points_downwards_only() {
    let (table, order) = (table(TABLE), lines(TABLE).map(|(name, _)| name).collect::<Vec<_>>());
    let below = |name: &str| order.iter().position(|n| *n == name);
    let upward = |(name, uses): (&String, &BTreeSet<String>)| {
        let bad = uses.iter().filter(|used| below(used) <= below(name));
        bad.map(|used| format!("{name} uses {used}, which is not below it")).collect::<Vec<_>>()
    };
    none(&table.iter().flat_map(upward).collect::<Vec<_>>());
    let known: BTreeSet<_> = ORDER.into_iter().chain(["chance", "main"]).collect();
    assert_eq!(known, order.into_iter().collect(), "the order and the table name the same modules");
}

#[test]
fn every_line_of_the_table_has_a_module() {
    let paths: BTreeSet<_> = rust().into_iter().map(|file| file.path).collect();
    let without = |name: &&str| !paths.contains(&format!("src/{name}.rs"));
    let ghosts = lines(TABLE).map(|(name, _)| name).filter(without);
    none(&ghosts.map(|name| format!("{name}: there is no src/{name}.rs")).collect::<Vec<_>>());
}

#[test]
fn the_map_lists_modules_in_the_order_of_the_way() {
    let map = include_str!("../../../src/lib.rs");
    let listed: Vec<_> = map.lines().filter_map(|line| line.strip_prefix("pub mod ")).collect();
    let listed: Vec<_> = listed.iter().map(|line| line.trim_end_matches(';')).collect();
    let all = ORDER.into_iter().chain(["chance"]);
    let expected: Vec<_> = all.filter(|name| listed.contains(name)).collect();
    assert_eq!(listed, expected);
}

/// What may be lost says nothing of consent, of revocation or of what was used before.
#[test]
fn no_truth_rests_on_what_may_be_lost() {
    let table = table(TABLE);
    let users = table.iter().filter(|(_, uses)| uses.contains("shared"));
    let users: Vec<_> = users.map(|(name, _)| name.as_str()).collect();
    assert_eq!(users, ["cli", "config", "demo", "gateway", "oauth", "serve"]);
    // In `oauth` proofs are spent too, so there one file alone may take a limit from it, and one keep
    // what a page waits for.
    let names = |file: &&File| named(&code(&file.text), "crate::").contains(&"shared".to_owned());
    let files = rust();
    let road = files.iter().filter(|file| file.path.starts_with("src/oauth/")).filter(names);
    let paths: Vec<_> = road.map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["src/oauth/launch/fleeting.rs", "src/oauth/token.rs"]);
    let token = &files.iter().find(|file| file.path == "src/oauth/token.rs").unwrap().text;
    assert!(token.contains("shared::pace::Pace") && token.matches("shared").count() == 1);
    let paces = files.iter().filter(|file| file.path.starts_with("src/oauth/"));
    let paces = paces.filter(|file| code(&file.text).contains("self.pace"));
    let paces: Vec<_> = paces.map(|file| file.path.as_str()).collect();
    assert_eq!(paces, ["src/oauth/pace.rs"]);
}

#[test]
fn a_step_that_points_upwards_is_caught() {
    let table = table("# -- @way\nconsent: fhir\n# -- @floor\nfhir: error\nerror:\n");
    let strays = |path: &str, text: &str| {
        strays(&File { path: path.to_owned(), text: text.to_owned() }, &table)
    };
    let upward = "src/fhir/goal.rs: fhir uses consent, which tests/tables/directions.txt forbids";
    assert_eq!(strays("src/fhir/goal.rs", "use crate::consent::release;"), [upward]);
    assert_eq!(
        strays("src/fhir/goal.rs", "use crate::{error::{Error, Kind},\n consent};"),
        [upward]
    );
    assert_eq!(strays("src/fhir/goal.rs", "fn a(b: &crate :: consent::View) {}"), [upward]);
    assert_eq!(strays("src/fhir/goal.rs", "use super::super::consent;"), [upward]);
    assert_eq!(strays("src/fhir.rs", "use super::consent;").len(), 1);
    assert_eq!(strays("src/fhir/goal.rs", "use super::consent; use crate::fhir::plan;").len(), 0);
    assert_eq!(
        strays("src/fhir/goal.rs", "//! Not [`crate::consent`].\nuse crate::error;").len(),
        0
    );
    assert_eq!(strays("src/consent.rs", "use crate::{fhir, error::Error};").len(), 1);
    assert_eq!(strays("src/lib.rs", "pub use crate::consent;").len(), 0);
    assert_eq!(
        strays("src/cache.rs", ""),
        ["src/cache.rs: cache has no line in tests/tables/directions.txt"]
    );
}

/// The lines of the table: a module and the words after it.
fn lines(table: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| {
        let (name, uses) = line.split_once(':').expect("a line is `module: uses`");
        (name, uses.split_whitespace().collect())
    })
}

/// The table with its headings written out.
fn table(text: &str) -> Table {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut heading = "";
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("# -- ") {
            heading = title.split([':', ' ']).next().unwrap();
        } else if let Some((name, _)) = line.split_once(':').filter(|_| !line.starts_with('#')) {
            groups.entry(heading).or_default().push(name);
        }
    }
    let expand = |word: &str| groups.get(word).cloned().unwrap_or_default();
    lines(text)
        .map(|(name, uses)| {
            let uses = uses
                .into_iter()
                .flat_map(|word| if word.starts_with('@') { expand(word) } else { vec![word] });
            (name.to_owned(), uses.map(str::to_owned).collect())
        })
        .collect()
}

/// What a file of `src/` names that its module may not.
fn strays(file: &File, table: &Table) -> Vec<String> {
    let File { path, text } = file;
    let Some(inside) = path.strip_prefix("src/").and_then(|p| p.strip_suffix(".rs")) else {
        return Vec::new();
    };
    let steps: Vec<_> = inside.split('/').collect();
    let module = steps[0];
    if module == "lib" {
        return Vec::new();
    }
    let Some(allowed) = table.get(module) else {
        return vec![format!("{path}: {module} has no line in tests/tables/directions.txt")];
    };
    let root = vec!["super::"; steps.len()].concat();
    let code = code(text);
    let named = [named(&code, "crate::"), named(&code, "mylife::"), named(&code, &root)].concat();
    let named = named.into_iter().filter(|name| table.contains_key(name)).collect::<BTreeSet<_>>();
    let strays = named.into_iter().filter(|name| name != module && !allowed.contains(name));
    let say =
        |name| format!("{path}: {module} uses {name}, which tests/tables/directions.txt forbids");
    strays.map(say).collect()
}

/// The source without comments and white space.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(str::chars).filter(|letter| !letter.is_whitespace()).collect()
}

/// The first segment of every path that opens with `root`, in groups too.
fn named(code: &str, root: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(root) {
        let before = &code[..at];
        if before.ends_with("super::") || (root == "mylife::" && before.ends_with('"')) {
            continue;
        }
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group_of(group)),
            None => names.push(segment(rest)),
        }
    }
    names
}

/// The first segments of a group such as `error::{Error,Kind},consent}`.
fn group_of(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(segment(&group[start..at]));
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn segment(path: &str) -> String {
    path.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}
