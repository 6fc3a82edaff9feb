//! What the load driver judges by: it must find what is wrong, and nothing that is right.
//!
//! The driver itself is a benchmark (`tests/bench/load.rs`); its judgement is the same code here.

#[path = "../bench/load/history.rs"]
pub(crate) mod history;
#[path = "../bench/load/judge.rs"]
pub(crate) mod judge;
#[path = "../bench/load/mix.rs"]
pub(crate) mod mix;
#[path = "../bench/load/shown.rs"]
mod shown;
#[path = "../bench/load/trend.rs"]
mod trend;

use std::time::Duration;

use mylife::domain::theme::{
    Theme::{self, Finance, Health, Housing},
    ThemeSet,
};

use self::{
    history::{At, History, Span},
    judge::{Known, Manner},
    mix::{Dice, Kind},
    shown::{Found, Shown},
    trend::Trend,
};

fn at(number: u64) -> At {
    (number, Duration::from_secs(number))
}

fn set(themes: &[Theme]) -> ThemeSet {
    themes.iter().copied().collect()
}

/// Housing and health are permitted; at 10 health is taken back, acknowledged at 20. At 30 finance is
/// granted beside, and nobody knows what became of it.
fn known() -> Known {
    let mut consents = History::of(set(&[Housing, Health]));
    let taken = consents.begins(set(&[Housing]), at(10));
    consents.acknowledged(taken, at(20));
    consents.begins(set(&[Housing, Finance]), at(30));
    let mut pushes = History::of(0);
    let pushed = pushes.begins(1, at(10));
    pushes.acknowledged(pushed, at(20));
    let refused = pushes.begins(2, at(30));
    pushes.refused(refused);
    Known { consents, pushes }
}

fn manner((sent, unstarted, ended): (u64, u64, u64)) -> Manner {
    let span = Span { sent: at(sent), unstarted: at(unstarted), ended: at(ended) };
    Manner { span, within: Duration::ZERO, complete: true, words: true }
}

fn shows(themes: &[Theme], numbers: &[u32]) -> Shown {
    let themes = set(themes);
    Shown { themes, words: themes, numbers: numbers.to_vec(), patients: Vec::new() }
}

/// Sent, without a byte until, whole at; themes and pushes shown; what is wrong.
type Row = ((u64, u64, u64), &'static [Theme], &'static [u32], Option<&'static str>);

#[test]
fn an_answer_is_judged_by_what_was_acknowledged_before_it_began() {
    let both: &'static [Theme] = &[Housing, Health];
    let rows: [Row; 20] = [
        ((5, 5, 9), both, &[0], None),
        ((5, 5, 9), &[Housing], &[0], Some("without all of [health housing]")),
        ((5, 5, 9), &[Housing, Finance], &[0], Some("LEAK")),
        ((5, 5, 9), both, &[1], Some("shows push 1 of [0]")),
        ((5, 5, 15), both, &[0], None),
        ((5, 5, 15), &[Housing], &[1], None),
        ((5, 5, 15), &[Housing], &[0, 1], Some("shows push 1 of [0, 1], all [0, 1]")),
        ((5, 5, 15), &[], &[], Some("without all of [housing]")),
        ((15, 15, 25), both, &[0], None),
        ((15, 15, 25), &[Housing], &[1], None),
        ((15, 20, 25), both, &[0], Some("LEAK")),
        ((15, 20, 25), &[Housing], &[0], None),
        ((21, 21, 25), both, &[1], Some("LEAK")),
        ((21, 21, 25), &[Housing], &[1], None),
        ((21, 21, 25), &[Housing], &[0], Some("shows push 0 of [1]")),
        ((21, 21, 29), &[Housing, Finance], &[1], Some("LEAK")),
        ((25, 25, 35), &[Housing, Finance], &[1], None),
        ((40, 40, 45), &[Housing, Finance], &[1], None),
        ((40, 40, 45), &[Housing], &[2], Some("shows push 2 of [1]")),
        ((40, 40, 45), &[Housing], &[1, 0], Some("shows push 0 of [1]")),
    ];
    for (span, themes, numbers, wrong) in rows {
        let fault = known().fault(&shows(themes, numbers), manner(span));
        let right = match (&fault, wrong) {
            (Some(fault), Some(wrong)) => fault.contains(wrong),
            (fault, wrong) => fault.is_none() && wrong.is_none(),
        };
        assert!(right, "{span:?} {themes:?} {numbers:?}: {fault:?}");
    }
}

#[test]
fn what_takes_a_while_to_be_in_force_elsewhere_may_be_missing_that_long() {
    let second = |within| Manner { within: Duration::from_secs(within), ..manner((25, 25, 27)) };
    let old = shows(&[Housing], &[0]);
    assert!(known().fault(&old, second(4)).is_some(), "it has been in force for five seconds");
    assert_eq!(known().fault(&old, second(6)), None);
    let first = Manner { within: Duration::from_secs(9), ..manner((5, 5, 9)) };
    assert_eq!(known().fault(&shows(&[Housing, Health], &[0]), first), None);
    assert!(known().fault(&shows(&[Housing], &[0]), first).is_some(), "it has been so always");
    // Nothing withdrawn leaves, however long that takes.
    assert!(known().fault(&shows(&[Health], &[0]), second(6)).is_some());
}

#[test]
fn what_lacks_a_source_may_lack_all_of_it_and_what_was_refused_counts_for_nothing() {
    let partial = Manner { complete: false, ..manner((5, 5, 9)) };
    assert_eq!(known().fault(&shows(&[], &[]), partial), None);
    assert!(known().fault(&shows(&[Finance], &[0]), partial).is_some());
    let mut known = known();
    let refused = known.consents.begins(ThemeSet::FULL, at(50));
    known.consents.refused(refused);
    let all = known.fault(&shows(&[Health], &[1]), manner((51, 51, 55)));
    assert!(all.unwrap().starts_with("LEAK"));
}

#[test]
fn what_nobody_was_told_of_may_be_made_late() {
    let mut known = known();
    let wide = known.consents.begins(set(&[Housing, Health, Finance]), at(50));
    known.consents.acknowledged(wide, at(60));
    // What was asked for at 30 has finance and no health.
    let less = shows(&[Housing, Finance], &[1]);
    assert_eq!(known.fault(&less, manner((65, 65, 70))), None);
    assert!(known.fault(&shows(&[Finance, Health], &[1]), manner((65, 65, 70))).is_some());
}

#[test]
fn own_words_go_with_their_theme_where_they_are_asked_for() {
    let shown = Shown { words: set(&[Housing]), ..shows(&[Housing, Health], &[0]) };
    assert!(known().fault(&shown, manner((5, 5, 9))).is_some());
    let scores = Manner { words: false, ..manner((5, 5, 9)) };
    assert_eq!(known().fault(&Shown { words: ThemeSet::EMPTY, ..shown }, scores), None);
    let words = Shown { words: set(&[Finance]), ..Shown::default() };
    assert!(known().fault(&words, scores).unwrap().starts_with("LEAK"), "own words alone");
}

#[test]
fn an_answer_is_looked_through_for_themes_own_words_and_names() {
    let body =
        br#"{"resourceType":"QuestionnaireResponse","subject":{"reference":"Patient/297.abc"},
        "meta":{"security":[{"code":"housing"}]},"name":{"family":"X"},
        "text":"toive-health.12","item":[{"linkId":"self-esteem"}]}"#;
    let shown = Shown::of(body);
    assert_eq!(shown.themes, set(&[Housing, Theme::SelfEsteem]));
    assert_eq!(shown.words, set(&[Health]));
    assert_eq!((&*shown.numbers, &*shown.patients), (&[12][..], &["297.abc".to_owned()][..]));
    let mut all = shows(&[Finance], &[3]);
    all.add(&shown);
    assert_eq!(all.themes, set(&[Finance, Housing, Theme::SelfEsteem]));
    assert_eq!((all.words, all.numbers), (set(&[Finance, Health]), vec![3, 12]));
    assert_eq!(all.patients, shown.patients);
}

#[test]
fn a_searchset_tells_entries_where_it_goes_on_and_which_source_is_missing() {
    let entry = |id: &str, code: &str| {
        format!(
            r#"{{"fullUrl":"https://h/fhir/Observation/{id}","resource":{{"code":"{code}"}},"search":{{"mode":"match"}}}}"#
        )
    };
    let issue = |code: &str, node: &str| {
        format!(r#"{{"details":{{"coding":[{{"code":"{code}"}}]}},"diagnostics":"{node}"}}"#)
    };
    let (reached, not) = (issue("complete", "205"), issue("not-reached", "297"));
    let body = format!(
        r#"{{"resourceType":"Bundle","link":[{{"relation":"next","url":"https://h/fhir?page=1"}}],"entry":[{},{},
           {{"resource":{{"resourceType":"OperationOutcome","issue":[{reached},{not}]}},"search":{{"mode":"outcome"}}}}]}}"#,
        entry("205.a.ho.s", "housing"),
        entry("297.b.he.s", "health"),
    );
    let found = Found::of(body.as_bytes()).unwrap();
    let ids: Vec<_> = found.entries.iter().map(|(id, one)| (id.as_str(), one.themes)).collect();
    assert_eq!(ids, [("205.a.ho.s", set(&[Housing])), ("297.b.he.s", set(&[Health]))]);
    assert_eq!(
        (found.next.as_deref(), found.missing),
        (Some("/fhir?page=1"), vec!["297".to_owned()])
    );
    assert!(Found::of(b"{").is_err());
}

#[test]
fn the_mix_has_its_shares_and_a_seed_draws_the_same_again() {
    let drawn = |seed| {
        let mut dice = Dice::new(seed);
        (0..100_000).map(|_| dice.kind()).collect::<Vec<Kind>>()
    };
    let (all, total) = (drawn(7), Kind::SHARES.iter().map(|(_, share)| share).sum::<u64>());
    assert_eq!(total, 100);
    assert_eq!(all, drawn(7));
    assert_ne!(all, drawn(8));
    for (kind, share) in Kind::SHARES {
        let count = all.iter().filter(|one| **one == kind).count();
        let wanted = usize::try_from(share).unwrap() * 1000;
        assert!(count.abs_diff(wanted) < 600, "{}: {count}", kind.name());
    }
}

#[test]
fn what_grows_is_told_from_what_only_wavers() {
    let noise = [0.3, -0.4, 0.1, 0.5, -0.2, -0.3, 0.4, -0.4];
    let samples = |slope: f64| -> Vec<(f64, f64)> {
        let times = (0..800_u32).map(f64::from).zip(noise.into_iter().cycle());
        times.map(|(time, noise)| (time, 50.0 + slope * time + noise)).collect()
    };
    let [still, grows] = [0.000_04, 0.01].map(|slope| Trend::of(&samples(slope)).unwrap());
    assert!(still.slope > 0.0 && still.is_flat(0.0), "{still:?}");
    assert!(!grows.is_flat(0.0) && !grows.is_flat(0.009), "{grows:?}");
    assert!(grows.is_flat(0.011), "a bound was stated");
    assert!((grows.slope - 0.01).abs() < 0.001 && grows.error < 0.001, "{grows:?}");
    assert!(Trend::of(&[(0.0, 1.0), (1.0, 2.0)]).is_none());
}

#[test]
fn samples_that_are_alike_for_a_while_make_no_growth_sure() {
    // Sixty after one another are the same; a line through all knows them as sixty.
    let samples = |seed: u64, slope: f64| -> Vec<(f64, f64)> {
        let mut dice = Dice::new(seed);
        let mut level = 0.0;
        let size = |time: u32| {
            if time.is_multiple_of(60) {
                level = f64::from(u32::try_from(dice.below(1000)).unwrap()) / 1000.0;
            }
            (f64::from(time), 50.0 + slope * f64::from(time) + level)
        };
        (0..4800).map(size).collect()
    };
    let grows = |slope, trend: fn(&[(f64, f64)]) -> Option<Trend>| {
        let all = (0..100).map(|seed| trend(&samples(seed, slope)).unwrap());
        all.filter(|trend| !trend.is_flat(0.0)).count()
    };
    let means = |samples: &[(f64, f64)]| Trend::of_means(samples, 40);
    assert!(grows(0.0, Trend::of) > 20, "each sample for itself: {}", grows(0.0, Trend::of));
    assert!(grows(0.0, means) < 10, "{}", grows(0.0, means));
    assert_eq!(grows(0.000_2, means), 100, "one in fifty in all");
    assert!(Trend::of_means(&[(0.0, 1.0), (1.0, 2.0)], 40).is_none());
}
