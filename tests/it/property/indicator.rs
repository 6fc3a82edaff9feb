//! One person's presence does not show: whatever a report withholds could be any number, and one person
//! more or less changes a report at an edge alone.

use std::sync::LazyLock;

use mylife::{
    directory::{Area, Directory, Listing, Name},
    domain::{id::NodeCode, moment::Moment, theme::Theme},
    fhir::schema::Validator,
    indicator::{
        cell::{Cell, Counts},
        measure::{Age, Measure},
        question::Question,
        report::{Terms, report},
        table::{BASE, Figure, LEAST, Source, Table},
    },
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::MANY;

/// Cases of a property that writes whole reports.
const FEW: u32 = 8;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new().unwrap());

/// How many are in one cell of each municipality.
type Numbers = Vec<u64>;

fn node(number: usize) -> NodeCode {
    NodeCode::parse(&format!("n{number:02}")).unwrap()
}

/// Municipalities of two counties: the first `cut` of them, and the rest.
fn directory(many: usize, cut: usize) -> Directory {
    let area = |code: &str, nodes: std::ops::Range<usize>| Area {
        code: code.to_owned(),
        name: Name { fi: code.to_owned(), sv: code.to_owned(), en: code.to_owned() },
        nodes: nodes.map(node).collect(),
    };
    let mut areas = vec![area("one", 0..cut), area("two", cut..many)];
    areas.retain(|area| !area.nodes.is_empty());
    Directory::new(Listing { areas, ..Listing::default() }).unwrap()
}

fn table(numbers: &Numbers, cell: Cell) -> Table {
    let source = |(at, number): (usize, &u64)| {
        let mut counts = Counts::default();
        (0..*number).for_each(|_| counts.add(&[cell]));
        Source { node: node(at), counts: Some(counts) }
    };
    Table::new(numbers.iter().enumerate().map(source).collect())
}

fn written(numbers: &Numbers, cell: Cell, directory: &Directory) -> Value {
    let question = Question { measure: Measure::Wellbeing, year: 2025 };
    let now = Moment::parse("2026-03-02T10:00:00Z").unwrap();
    let sources = vec![json!({ "severity": "information", "code": "informational" })];
    report(&table(numbers, cell), &Terms { question, directory, sources, now })
}

/// All that is told of the numbers: of each municipality and of each county.
fn told(numbers: &Numbers, cell: Cell, directory: &Directory) -> Vec<Figure> {
    let table = table(numbers, cell);
    let each = (0..numbers.len()).map(|at| table.of_source(&node(at), cell));
    let all = directory.areas().iter().map(|area| table.of_area(&area.nodes, cell));
    each.chain(all).collect()
}

fn cells() -> impl Strategy<Value = Cell> {
    let class = select(Measure::Wellbeing.classes().to_vec());
    let of = (select(Theme::ALL.to_vec()), select(Age::ALL.to_vec()), class);
    of.prop_map(|(theme, age, class)| Cell { theme, age, class })
}

/// Mostly at the edges.
fn numbers() -> impl Strategy<Value = Numbers> {
    vec(prop_oneof![6 => 0..6_u64, 2 => 5..14_u64, 1 => 0..1000_u64], 1..9)
}

/// Another table with the same report in which one number is `wanted`: what changes is made up for by the
/// others of its county that are withheld.
fn another(numbers: &Numbers, cut: usize, at: usize, wanted: u64, sum: Option<u64>) -> Numbers {
    let county = if at < cut { 0..cut } else { cut..numbers.len() };
    let mut other = numbers.clone();
    let mut left = sum.map(|sum| sum - wanted);
    for place in county.filter(|place| numbers[*place] < LEAST) {
        other[place] = if place == at {
            wanted
        } else {
            // Where the sum is not told the rest may be nobody.
            let some = left.unwrap_or_default().min(LEAST - 1);
            left = left.map(|left| left - some);
            some
        };
    }
    assert_eq!(left.unwrap_or_default(), 0, "there is room for all of it");
    other
}

/// Numbers in two counties, and another world of which no report tells it: one number that is withheld is
/// any other in it.
fn worlds() -> impl Strategy<Value = (Numbers, usize, Vec<Numbers>)> {
    (numbers(), 0..9_usize).prop_map(|(numbers, cut)| {
        let cut = cut.min(numbers.len());
        let mut others = Vec::new();
        for at in (0..numbers.len()).filter(|at| numbers[*at] < LEAST) {
            let county = if at < cut { &numbers[..cut] } else { &numbers[cut..] };
            let sum = told_sum(county);
            others.extend((0..LEAST).map(|wanted| another(&numbers, cut, at, wanted, sum)));
        }
        (numbers, cut, others)
    })
}

/// The sum of what is withheld of a county, where it is told in what is told of the county.
fn told_sum(county: &[u64]) -> Option<u64> {
    let small: Numbers = county.iter().copied().filter(|n| *n < LEAST).collect();
    let (many, sum) = (small.len() as u64, small.iter().sum::<u64>());
    (many == 0 || (many >= 3 && sum >= LEAST && sum <= (LEAST - 1) * (many - 1))).then_some(sum)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: MANY, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// For each number that is withheld, and each that it could be, there is a world with that number of
    /// which the same is told.
    #[test]
    fn whatever_is_withheld_could_be_anything((numbers, cut, others) in worlds(), cell in cells()) {
        let directory = directory(numbers.len(), cut);
        let all = told(&numbers, cell, &directory);
        for other in others {
            prop_assert_eq!(&told(&other, cell, &directory), &all, "{:?} and {:?}", numbers, other);
        }
    }

    /// One person more changes what is told only if the number of the place passes from one that is told,
    /// or withheld, to the next, or the sum of what is withheld does.
    #[test]
    fn one_person_more_shows_at_an_edge_alone(
        numbers in numbers(), cut in 0..9_usize, at in 0..9_usize, cell in cells(),
    ) {
        let (cut, at) = (cut.min(numbers.len()), at % numbers.len());
        let directory = directory(numbers.len(), cut);
        let mut more = numbers.clone();
        more[at] += 1;
        let is_same = told(&numbers, cell, &directory) == told(&more, cell, &directory);
        let step = |number: u64| (number + BASE / 2) / BASE;
        let own = |of: &Numbers| Some(of[at]).filter(|number| *number >= LEAST).map(step);
        let county = |of: &Numbers| {
            let county = if at < cut { &of[..cut] } else { &of[cut..] };
            told_sum(county).map(step)
        };
        let is_edge = own(&numbers) != own(&more) || county(&numbers) != county(&more);
        prop_assert_eq!(is_same, !is_edge, "{:?}, one more at {}", numbers, at);
    }

    /// Every number that is told is a multiple of the base and no less than the least; a county's is never
    /// less than those of its municipalities together.
    #[test]
    fn numbers_are_multiples_and_add_up(numbers in numbers(), cut in 0..9_usize, cell in cells()) {
        let cut = cut.min(numbers.len());
        let directory = directory(numbers.len(), cut);
        for figure in told(&numbers, cell, &directory) {
            if let Figure::Told(count) = figure {
                prop_assert!(count >= LEAST && count % BASE == 0);
            }
        }
        let table = table(&numbers, cell);
        for area in directory.areas() {
            let told = |figure| if let Figure::Told(count) = figure { count } else { 0 };
            let sum: u64 = area.nodes.iter().map(|n| told(table.of_source(n, cell))).sum();
            let all = table.of_area(&area.nodes, cell);
            prop_assert!(all == Figure::Withheld || told(all) >= sum);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: FEW, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Where the same is told of two worlds their reports are the same bytes, and FHIR.
    #[test]
    fn a_report_says_what_is_told_and_no_more((numbers, cut, others) in worlds(), cell in cells()) {
        let directory = directory(numbers.len(), cut);
        let report = written(&numbers, cell, &directory);
        prop_assert_eq!(VALIDATOR.faults(&report), vec![]);
        if let Some(other) = others.last() {
            let same = written(other, cell, &directory);
            prop_assert_eq!(same.to_string(), report.to_string(), "{:?} and {:?}", numbers, other);
        }
    }
}
