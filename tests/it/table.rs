//! The tables that say which test holds which requirement, and which attack which test fends off.
//!
//! A table names every row of its source once, and a test that is there; what does not apply says why.

use std::collections::BTreeSet;

/// A row: number, place or attack, and test.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) test: String,
}

/// SMART App Launch 2.2.0.
pub(crate) fn smart() -> Vec<Row> {
    read(include_str!("../tables/smart.txt"))
}

/// Bulk Data Access 2.0.0.
fn bulk() -> Vec<Row> {
    read(include_str!("../tables/bulk.txt"))
}

/// Between gateways.
fn exchange() -> Vec<Row> {
    read(include_str!("../tables/exchange.txt"))
}

fn attacks() -> Vec<Row> {
    read(include_str!("../tables/attacks.txt"))
}

fn read(text: &str) -> Vec<Row> {
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    rows.map(|line| {
        let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [id, _, test] = cells[..] else { panic!("not three cells: {line}") };
        Row { id: id.to_owned(), test: test.to_owned() }
    })
    .collect()
}

/// Numbers of the public list that are SHALL or SHALL NOT.
const SMART: &str = "14-18 24 30 31 48 49 53 54 56 57 59 73-75 77 78 84-89 94-96 100 101 103 104 109-115 \
    119 123 130 136 139 140 142 144 149 164 168-178 188 194 197 198 200 205 207 209 210 228 231 240 241 \
    247 249-251 253-256 258 259 261 265 266 271-279 282 283 285-289 296 297 305 310 316 335-342 344 \
    348-374 377 378 380-385 393 394 396 398 400 402 403 405 409 410 412 417-419 421 423 430-432 436";

/// The same of the list of Bulk Data Access.
const BULK: &str = "2 5 9 12-14 19-25 27-29 32 47 49 51-53 59 62 63 77 85 92 96-99 103 109-112 117 122 132 136 \
    137 142-145 147 148 150-152 154-162 164-166 168-170 175 178 180 181 186-193 196 198 199 202 204 \
    206-210 213-216 223-227 229 231 234 249-251 254 272-274 297-301 303-306 308-310";

fn numbers(text: &str) -> Vec<String> {
    let span = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        from.parse::<u32>().unwrap()..=to.parse().unwrap()
    };
    text.split_whitespace().flat_map(span).map(|number| number.to_string()).collect()
}

/// Why a row does not hold, if it does not.
fn fault(row: &Row) -> Option<String> {
    if let Some(reason) = row.test.strip_prefix("n/a: ") {
        return (reason.len() < 15).then(|| format!("{}: says not why", row.id));
    }
    let strange = row.test.split(' ').filter(|test| !is_there(test));
    strange.map(|test| format!("{}: {test} is no test", row.id)).next()
}

/// Is there a test of this path?
fn is_there(path: &str) -> bool {
    let Some((modules, name)) = path.rsplit_once("::") else { return false };
    let mut file = modules.replace("::", "/");
    loop {
        let path = format!("{}/tests/it/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        if let Ok(text) = std::fs::read_to_string(path) {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let head = format!("fn {name}(");
            let at = lines.iter().position(|line| {
                line.split_once(&head).is_some_and(|(before, _)| !before.contains("//"))
            });
            return at.is_some_and(|at| {
                let above = &lines[at.saturating_sub(4)..at];
                above
                    .iter()
                    .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
            });
        }
        // A module within the file of another.
        let Some((outer, _)) = file.rsplit_once('/') else { return false };
        file = outer.to_owned();
    }
}

fn once_each(rows: &[Row], ids: &[String]) {
    let named: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(named, ids.iter().map(String::as_str).collect::<Vec<_>>());
    let faults: Vec<String> = rows.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_requirement_of_smart_has_its_test_or_says_why_not() {
    let ids = numbers(SMART);
    assert_eq!(ids.len(), 172);
    once_each(&smart(), &ids);
}

#[test]
fn every_requirement_of_bulk_data_has_its_test_or_says_why_not() {
    let ids = numbers(BULK);
    assert_eq!(ids.len(), 119);
    once_each(&bulk(), &ids);
}

#[test]
fn every_requirement_between_gateways_has_its_test_or_says_why_not() {
    let all = |of: &'static str, last| (1..=last).map(move |number| format!("{of}-{number:02}"));
    let ids: Vec<String> = all("TX", 14).chain(all("MT", 6)).collect();
    once_each(&exchange(), &ids);
}

#[test]
fn every_attack_has_its_test_or_says_why_not() {
    let rows = attacks();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "one line each");
    let faults: Vec<String> = rows.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(rows.len() >= 100);
}

#[test]
fn a_row_whose_test_is_not_there_is_noticed() {
    let fault = |test: &str| fault(&Row { id: "1".to_owned(), test: test.to_owned() }).is_some();
    assert!(!fault("table::a_row_whose_test_is_not_there_is_noticed"));
    assert!(!fault("n/a: nobody has ever asked for it here"));
    for wrong in
        ["n/a: no", "", "nowhere::at_all", "table::numbers", "table::nothing", "world::smart"]
    {
        assert!(fault(wrong), "{wrong}");
    }
}
