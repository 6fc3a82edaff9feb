//! Whatever happens in whatever order: numbers have no gap and no other order than their own, and are
//! the same where all that is hidden never happened.

use std::time::Duration;

use mylife::domain::theme::Theme::{Health, Housing};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use super::{Scene, rounds};
use crate::{
    story::explained::{citizen, law},
    world::{
        provider::HOST,
        receiver::{Mood, parameter},
    },
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// Something is written that the subscriber may see.
    Seen,
    /// Something that it may not see.
    Hidden,
    /// The receiver takes nothing from now on, or takes it again.
    Away(bool),
    /// More time than the longest pause.
    Waits,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        3 => Just(Step::Seen),
        3 => Just(Step::Hidden),
        2 => any::<bool>().prop_map(Step::Away),
        2 => Just(Step::Waits),
    ];
    vec(one, 1..10)
}

/// What came of a step: kind and numbers of each notification.
type Sent = Vec<(Value, Vec<String>)>;

/// What was sent at each step that is not hidden, and what was counted at the end.
fn run(steps: &[Step]) -> (Vec<Sent>, Value) {
    let mut scene = Scene::new([Housing]);
    let at = scene.subscribed("assessment-completed", &json!({}));
    let mut sent = Vec::new();
    for step in steps.iter().chain(&[Step::Away(false), Step::Waits]) {
        match step {
            Step::Seen => scene.answers(Housing),
            Step::Hidden => scene.answers(Health),
            Step::Away(away) => scene.receiver.is(Mood::Says(if *away { 503 } else { 200 })),
            Step::Waits => scene.world.pass(Duration::from_hours(2)),
        }
        scene.round();
        let got = scene.receiver.got();
        let got: Sent = got.iter().map(|one| (one.says("type"), one.numbers())).collect();
        if *step == Step::Hidden {
            assert!(got.is_empty(), "{step:?} was told of: {got:?}");
        } else {
            sent.push(got);
        }
    }
    let counted = parameter(&scene.status(&at), "events-since-subscription-start");
    (sent, counted)
}

#[test]
fn numbers_count_what_is_seen_and_nothing_else() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config { cases: 6, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new_with_rng(config, rng).run(&steps(), |steps| {
        let purged: Vec<Step> = steps.iter().copied().filter(|s| *s != Step::Hidden).collect();
        let (whole, without) = (run(&steps), run(&purged));
        prop_assert_eq!(&whole, &without);
        let (sent, counted) = whole;
        let seen = steps.iter().filter(|step| **step == Step::Seen).count();
        prop_assert_eq!(counted, seen.to_string());
        let mut numbers: Vec<u64> = sent
            .concat()
            .iter()
            .flat_map(|(_, numbers)| numbers.iter().map(|number| number.parse().unwrap()))
            .collect();
        prop_assert!(numbers.is_sorted(), "{:?}", numbers);
        numbers.dedup();
        prop_assert_eq!(numbers, (1..=u64::try_from(seen).unwrap()).collect::<Vec<_>>());
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_number_that_nobody_was_sent_tells_of_nothing() {
    // What was tried in vain and withdrawn, or what never happened: nobody can tell.
    let told = [true, false].map(|happens| {
        let mut scene = Scene::new([]);
        let given = scene.aino.grants(&scene.watcher, [Housing]);
        scene.world.pass(Duration::from_mins(1));
        let at = scene.subscribed("assessment-completed", &json!({}));
        scene.world.wires.lose(HOST, true);
        if happens {
            scene.answers(Housing);
        }
        scene.round();
        let counted = |scene: &Scene| {
            let events = scene.watcher.get(&format!("{at}/$events")).accepted();
            assert!(!events.text().contains("notification-event"), "{events:?}");
            parameter(&scene.status(&at), "events-since-subscription-start")
        };
        let mut seen = vec![counted(&scene)];
        assert!(scene.after(Duration::from_mins(1)).is_empty(), "it cannot be reached");
        seen.push(counted(&scene));
        given.revoke();
        scene.world.wires.lose(HOST, false);
        assert!(scene.after(Duration::from_mins(10)).is_empty(), "it was withdrawn");
        seen.push(counted(&scene));
        scene.aino.grants(&scene.watcher, [Housing]);
        scene.round();
        let got = scene.receiver.got();
        let first = got.first().and_then(|one| one.numbers().first().cloned());
        (seen, first)
    });
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].1.as_deref(), Some("1"));
}

#[test]
fn that_something_happened_is_on_record_of_whom_it_happened_to_also_where_no_more_is_told() {
    let mut scene = Scene::new([]);
    scene.world.legislate(law());
    let given = scene.aino.grants(&scene.watcher, [Housing]);
    let at = scene.subscribed("assessment-completed", &json!({}));
    let herself = citizen(&scene.kuopio, &format!("Patient/{}", scene.aino.patient()));
    let told = || {
        let of = format!("/fhir/AuditEvent?patient={}&_sort=date", scene.aino.patient());
        let log = herself.get(&of);
        let by = |event: &&&Value| event["agent"][0]["who"]["identifier"]["value"] == "watcher";
        let of = |event: &&Value| event["subtype"][0]["code"].as_str().unwrap().to_owned();
        log.matches().iter().filter(by).map(of).collect::<Vec<_>>()
    };
    let asks = || scene.watcher.get(&format!("{at}/$events")).accepted();
    asks();
    assert!(told().is_empty(), "where nothing happened it is told of nobody");
    scene.answers(Housing);
    rounds(&scene.kuopio, &mut scene.notifier);
    assert_eq!(scene.receiver.got().len(), 1);
    assert_eq!(told().len(), 1);
    let seen = asks();
    assert!(seen.text().contains("/QuestionnaireResponse/"), "{seen:?}");
    assert_eq!(told().len(), 2);
    given.revoke();
    let unseen = asks();
    assert!(!unseen.text().contains("/QuestionnaireResponse/"), "{unseen:?}");
    assert!(unseen.text().contains("event-number"), "{unseen:?}");
    assert_eq!(told(), vec!["operation"; 3]);
}
