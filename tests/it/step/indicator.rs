//! What can be asked of an outcome indicator, who counts where, and what is told of the sums.

use mylife::{
    domain::{id::NodeCode, moment::Moment, theme::Theme},
    indicator::{
        cell::{Cell, Counts},
        measure::{Age, Class, Measure},
        person::cells,
        question::Question,
        table::{Figure, Source, Table},
    },
};
use serde_json::{Value, json};

fn asked(measure: &str, query: &str) -> Result<Question, String> {
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>();
    let now = Moment::parse("2026-03-02T10:00:00Z").unwrap();
    Question::read(measure, &pairs, now).map_err(|error| {
        let code = error.kind().shape();
        format!("{} {} {}", code.status, code.code, error.expression().join(","))
    })
}

#[test]
fn a_year_that_has_ended_can_be_asked_for_and_nothing_else() {
    let wellbeing = Question { measure: Measure::Wellbeing, year: 2025 };
    for query in [
        "periodStart=2025-01-01&periodEnd=2025-12-31",
        "periodEnd=2025&periodStart=2025&reportType=summary&_format=json&_pretty=true",
        "periodStart=2025-01&periodEnd=2025-12&reportType=population",
    ] {
        assert_eq!(asked("wellbeing", query), Ok(wellbeing), "{query}");
    }
    let change = Question { measure: Measure::Change, year: 1999 };
    assert_eq!(asked("change", "periodStart=1999&periodEnd=1999"), Ok(change));
    for (measure, query, refusal) in [
        ("total", "periodStart=2025&periodEnd=2025", "404 not-found "),
        ("wellbeing", "", "400 invalid periodStart"),
        ("wellbeing", "periodStart=2025", "400 invalid periodEnd"),
        ("wellbeing", "periodStart=2025-01-02&periodEnd=2025-12-31", "400 invalid periodStart"),
        ("wellbeing", "periodStart=2025-01-01&periodEnd=2025-06-30", "400 invalid periodEnd"),
        ("wellbeing", "periodStart=2025-04-01&periodEnd=2025-06-30", "400 invalid periodStart"),
        ("wellbeing", "periodStart=2024-01-01&periodEnd=2025-12-31", "400 invalid periodEnd"),
        ("wellbeing", "periodStart=+025&periodEnd=+025", "400 invalid periodStart"),
        ("wellbeing", "periodStart=20é5&periodEnd=2025", "400 invalid periodStart"),
        ("wellbeing", "periodStart=2026&periodEnd=2026", "400 invalid periodEnd"),
        ("wellbeing", "periodStart=2030&periodEnd=2030", "400 invalid periodEnd"),
        (
            "wellbeing",
            "periodStart=2025&periodStart=2024&periodEnd=2025",
            "400 invalid periodStart",
        ),
        (
            "wellbeing",
            "periodStart=2025&periodEnd=2025&reportType=subject",
            "400 not-supported reportType",
        ),
        (
            "wellbeing",
            "periodStart=2025&periodEnd=2025&reportType=subject-list",
            "400 not-supported reportType",
        ),
        (
            "wellbeing",
            "periodStart=2025&periodEnd=2025&subject=Patient/297.x",
            "400 not-supported subject",
        ),
        ("wellbeing", "periodStart=2025&periodEnd=2025&gender=female", "400 not-supported gender"),
    ] {
        assert_eq!(asked(measure, query), Err(refusal.to_owned()), "{measure}?{query}");
    }
    // The year ends when it ends in Finland.
    let new_year = |at: &str| {
        let pairs = [("periodStart", "2025"), ("periodEnd", "2025")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Question::read("wellbeing", &pairs, Moment::parse(at).unwrap()).is_ok()
    };
    assert!(!new_year("2025-12-31T21:59:59Z"));
    assert!(new_year("2025-12-31T22:00:00Z"));
}

fn observation(id: &str, code: &str, at: &str, value: i64) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "code": { "coding": [{ "code": code }] },
        "effectiveDateTime": at, "valueInteger": value,
    })
}

#[test]
fn a_person_counts_once_for_each_theme_by_what_was_said_in_the_year() {
    let said = [
        observation("a", "housing.satisfaction", "2025-02-01T10:00:00Z", 7),
        observation("b", "housing.satisfaction", "2025-11-01T10:00:00Z", 3),
        observation("c", "housing.importance", "2025-11-01T10:00:00Z", 10),
        observation("d", "health.satisfaction", "2025-02-01T10:00:00Z", 4),
        // Already the next year in Finland, and still the one before.
        observation("e", "health.satisfaction", "2025-12-31T22:00:00Z", 10),
        observation("f", "friends.satisfaction", "2024-12-31T21:59:59Z", 10),
        observation("g", "finance.satisfaction", "2024-12-31T22:00:00Z", 7),
        observation("h", "total.satisfaction", "2025-02-01T10:00:00Z", 7),
        observation("i", "family.satisfaction", "2025-02-01T10:00:00Z", 11),
        json!({ "resourceType": "Observation", "id": "j" }),
    ];
    let of = |measure, born: Value| {
        let patient = json!({ "resourceType": "Patient", "birthDate": born });
        cells(Question { measure, year: 2025 }, &patient, &said)
    };
    let cell = |theme, class| Cell { theme, age: Age::To29, class };
    let wellbeing = of(Measure::Wellbeing, json!("2001-05-17"));
    assert_eq!(
        wellbeing,
        [
            cell(Theme::Health, Class::Between),
            cell(Theme::Housing, Class::Unsatisfied),
            cell(Theme::Finance, Class::Satisfied),
        ]
    );
    let change = of(Measure::Change, json!("2001-05-17"));
    assert_eq!(change, [cell(Theme::Housing, Class::Worse)]);
    // Age is that of the last day of the year.
    for (born, age) in [
        ("2025-12-31", Age::To17),
        ("2008-01-01", Age::To17),
        ("2007-12-31", Age::To29),
        ("1996-01-01", Age::To29),
        ("1995-12-31", Age::To44),
        ("1980-12-31", Age::To64),
        ("1961-01-01", Age::To64),
        ("1960-12-31", Age::From65),
    ] {
        let all = of(Measure::Change, json!(born));
        assert_eq!(all.iter().map(|cell| cell.age).collect::<Vec<_>>(), [age], "{born}");
    }
    for born in [Value::Null, json!("2001"), json!("2026-01-01")] {
        assert_eq!(of(Measure::Wellbeing, born.clone()), [], "{born}");
    }
}

const HOUSING: Cell = Cell { theme: Theme::Housing, age: Age::To29, class: Class::Satisfied };

fn counts(of: u64) -> Counts {
    let mut counts = Counts::default();
    (0..of).for_each(|_| counts.add(&[HOUSING]));
    counts
}

/// What is told of municipalities with so many each, and of all of them together.
fn told(all: &[Option<u64>]) -> (Vec<Figure>, Figure) {
    let node = |n: usize| NodeCode::parse(&format!("n{n}")).unwrap();
    let source = |(n, of): (usize, &Option<u64>)| Source { node: node(n), counts: of.map(counts) };
    let table = Table::new(all.iter().enumerate().map(source).collect());
    let nodes: Vec<NodeCode> = (0..all.len()).map(node).collect();
    let each = nodes.iter().map(|node| table.of_source(node, HOUSING)).collect();
    (each, table.of_area(&nodes, HOUSING))
}

#[test]
fn small_numbers_are_withheld_and_with_them_each_sum_that_would_tell_them() {
    use Figure::{Told, Unknown, Withheld};
    for (of, figure) in [
        (0, Withheld),
        (1, Withheld),
        (4, Withheld),
        (5, Told(5)),
        (7, Told(5)),
        (8, Told(10)),
        (12, Told(10)),
        (13, Told(15)),
    ] {
        assert_eq!(told(&[Some(of)]).0, [figure], "{of}");
    }
    for (all, sum) in [
        // Nothing is withheld: what is told is added up, and nothing else is.
        (&[7, 7][..], Told(10)),
        (&[8, 13], Told(25)),
        // One, or two, could be worked out.
        (&[20, 4], Withheld),
        (&[20, 4, 4], Withheld),
        (&[4, 4], Withheld),
        // Three that could each be any number.
        (&[2, 2, 2], Told(5)),
        (&[20, 0, 4, 4], Told(30)),
        (&[4, 4, 0], Told(10)),
        // So few, or so many, that none could be 4, or 0.
        (&[0, 0, 4], Withheld),
        (&[4, 4, 1], Withheld),
        (&[0, 0, 0], Withheld),
        (&[4, 4, 4, 0], Told(10)),
        (&[4, 4, 4, 1], Withheld),
    ] {
        let all: Vec<Option<u64>> = all.iter().copied().map(Some).collect();
        assert_eq!(told(&all).1, sum, "{all:?}");
    }
    // Without one of them nothing is told of all; what another answer lacks could be worked out.
    assert_eq!(told(&[Some(8), None, Some(8)]), (vec![Told(10), Unknown, Told(10)], Unknown));
}

#[test]
fn what_a_gateway_says_is_believed_if_it_answers_the_question() {
    let question = Question { measure: Measure::Wellbeing, year: 2025 };
    let said = counts(3).parameters(question);
    assert_eq!(Counts::of_parameters(&said, question), Some(counts(3)));
    let nobody = Counts::default().parameters(question);
    assert_eq!(Counts::of_parameters(&nobody, question), Some(Counts::default()));
    for (what, place, value) in [
        ("another type", "/resourceType", json!("Bundle")),
        ("another measure", "/parameter/0/valueCode", json!("change")),
        ("another year", "/parameter/1/valueInteger", json!(2024)),
        ("no theme", "/parameter/2/part/0/valueCode", json!("total")),
        ("no age", "/parameter/2/part/1/valueCode", json!("18")),
        ("another measure's class", "/parameter/2/part/2/valueCode", json!("better")),
        ("fewer than nobody", "/parameter/2/part/3/valueUnsignedInt", json!(-1)),
        (
            "more than there are",
            "/parameter/2/part/3/valueUnsignedInt",
            json!(1_000_000_000_000_u64),
        ),
    ] {
        let mut lie = said.clone();
        *lie.pointer_mut(place).unwrap() = value;
        assert_eq!(Counts::of_parameters(&lie, question), None, "{what}");
    }
    let mut twice = said.clone();
    let cell = said["parameter"][2].clone();
    twice["parameter"].as_array_mut().unwrap().push(cell);
    assert_eq!(Counts::of_parameters(&twice, question), None, "a cell twice");
}
