//! What a writer may not see decides no write: two stores that differ only in that answer it in the same
//! bytes, and what it can read after each write is the same.
//!
//! The writer keeps the plans there are, as whoever keeps a plan may no longer see all of it.

use std::{
    cell::{Cell, RefCell},
    sync::LazyLock,
};

use mylife::{
    domain::{
        class::Class,
        identity::{TestRange, WrongCheck},
        plan::{Performer, Plan, PlanStatus, Role},
        words::LocalId,
    },
    fhir::types::ResourceType,
    json::Limits,
    native::{self, Rules, schemas::Schemas},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
    test_runner::{Config, TestRunner},
};

use super::{
    SOME,
    asked::{Question, questions},
    edit::{Edit, apply_to, edits},
    interference::{difference, granting},
    lab::{FHIR, Lab, Seen, now, signer},
    oracle::{ground, visible},
    past::alike,
    reader::{Reader, whole},
    world::{READER, Somebody, THEMES, Wish, World, local, patient, plan, words, worlds},
    writes_by_chance::{KINDS, Write, writes},
};

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::compile().unwrap());

#[derive(Clone, Debug)]
struct Case {
    world: World,
    writer: Reader,
    edits: Vec<Edit>,
    writes: Vec<Write>,
    questions: Vec<Question>,
}

fn cases() -> impl Strategy<Value = Case> {
    // What a Consent permitted once stands in histories as an end, though it permits nothing now.
    let edits = edits().prop_filter("of documents", |edit| !matches!(edit, Edit::Consent(_)));
    let asked = (vec(edits, 12..24), vec(writes(), 3..7), vec(questions(), 0..2));
    // With own words and without, and with what is of a sensitive unit and without.
    let words = vec![Class::FreeText];
    let classes =
        vec![Vec::new(), words.clone(), words, vec![Class::FreeText, Class::MentalHealth]];
    let granted = (subsequence(THEMES.to_vec(), 2..=3), select(classes));
    (worlds(), whole(), asked, granted, plan()).prop_map(
        |(mut world, reader, (edits, writes, questions), (themes, classes), plan)| {
            if world.people[0].plans.is_empty() {
                world.people[0].plans.push(plan);
            }
            let purpose = Some("TREAT");
            let writer =
                Reader { organization: READER, purpose, subject: None, officer: false, ..reader };
            let grant = granting(READER, themes, "TREAT");
            // Of what is there by chance hardly anything would let anybody write.
            world.people[0].consents = vec![Wish { classes, ..grant }];
            tidy(&mut world);
            assert!(is_tidy(&world), "{world:?}");
            Case { world, writer, edits, writes, questions }
        },
    )
}

/// Makes the plans such that they could have been taken in.
fn tidy(world: &mut World) {
    for one in &mut world.people {
        let assessments = one.assessments.len();
        for (number, versions) in one.plans.iter_mut().enumerate() {
            for plan in versions {
                plan.id = local(format!("w{number}"));
                tidy_plan(plan, assessments);
            }
        }
    }
}

fn tidy_plan(plan: &mut Plan, assessments: usize) {
    plan.assessments.retain(|one| (0..assessments).any(|n| one.as_str() == format!("a{n}")));
    for goal in &mut plan.goals {
        goal.assessment = goal.assessment.take().filter(|one| plan.assessments.contains(one));
    }
    let goals: Vec<LocalId> = plan.goals.iter().map(|goal| goal.id.clone()).collect();
    for action in &mut plan.actions {
        action.goal = action.goal.take().filter(|goal| goals.contains(goal));
        let is_there = |id: &LocalId| plan.team.iter().any(|member| member.id == *id);
        if matches!(&action.performer, Performer::Member(id) if !is_there(id)) {
            action.performer = Performer::Person;
        }
    }
    let lines = plan.services.iter_mut().filter_map(|one| Some(&mut one.quantity.as_mut()?.unit));
    let lines =
        lines.chain(&mut plan.title).chain(plan.actions.iter_mut().map(|one| &mut one.text));
    for line in lines.chain(plan.follow_up.iter_mut().filter_map(|one| one.text.as_mut())) {
        if line.as_str().contains('\n') {
            *line = words(2);
        }
    }
    let is_led = plan.team.iter().any(|one| one.active && one.role == Role::CaseManager);
    if plan.status == PlanStatus::Active && !is_led {
        plan.status = PlanStatus::Completed;
    }
}

/// Could the plans have been taken in as they are?
fn is_tidy(world: &World) -> bool {
    let rules = Rules {
        schemas: &SCHEMAS,
        now: now(),
        test_range: TestRange::Allow(WrongCheck::Refuse),
        limits: Limits::default(),
    };
    let plans = world.people.iter().flat_map(|one| one.plans.iter().flatten());
    let is_good = |plan: &Plan| native::validate(&native::canonical(plan).unwrap(), &rules).is_ok();
    if !plans.into_iter().all(is_good) {
        return false;
    }
    let mut tidied = world.clone();
    tidy(&mut tidied);
    let text = |world: &World| {
        world.people.iter().map(|one: &Somebody| format!("{one:?}")).collect::<String>()
    };
    text(world) == text(&tidied)
}

/// All that the writer finds of plans, or of their histories.
fn everything(lab: &Lab, token: &str, at: &str) -> Vec<Seen> {
    let of = |kind: &ResourceType| {
        format!("{FHIR}/{}{at}?patient=Patient/{}&_count=100", kind.name(), patient(0))
    };
    KINDS.iter().map(|kind| lab.fetch(token, &of(kind))).collect()
}

/// Runs so many cases on two gateways. Most must be pairs of stores that differ, and some writes must be
/// done: of 75 cases about 28 are, as most of what is written at random is refused.
fn run(count: u32) {
    let labs = RefCell::new((Lab::new(), Lab::new()));
    let (pairs, done) = (Cell::new(0), Cell::new(0));
    let config = Config {
        cases: count,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&cases(), |case| {
        let (left, right) = &mut *labs.borrow_mut();
        let (reader, world) = (&case.writer, &case.world);
        let (before, rests_on) = (visible(world, reader), ground(world, reader));
        let (other, kept) = apply_to(world, &case.edits, |next| {
            is_tidy(next)
                && ground(next, reader) == rests_on
                && visible(next, reader) == before
                && alike(world, next, reader)
        });
        pairs.set(pairs.get() + u32::from(kept > 0));
        left.hold(world);
        right.hold(&other);
        let token = reader.writing(signer(), left.url(), now());
        for (number, write) in (1..).zip(&case.writes) {
            left.draw(number);
            right.draw(number);
            let (ours, theirs) = (write.ask(left, &token), write.ask(right, &token));
            let is_done = ours.last().is_some_and(|last| last.status < 300);
            done.set(done.get() + u32::from(is_done && ours.len() > 1));
            prop_assert!(ours == theirs, "{:?}: {}", write, difference(&ours, &theirs));
            let seen = |lab| everything(lab, &token, "");
            let (ours, theirs) = (seen(left), seen(right));
            prop_assert!(ours == theirs, "after {:?}: {}", write, difference(&ours, &theirs));
        }
        let past = |lab| everything(lab, &token, "/_history");
        let (ours, theirs) = (past(left), past(right));
        prop_assert!(ours == theirs, "histories: {}", difference(&ours, &theirs));
        for question in &case.questions {
            let (ours, theirs) = (question.ask(left, &token), question.ask(right, &token));
            prop_assert!(ours == theirs, "{:?}: {}", question, difference(&ours, &theirs));
        }
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    let (pairs, done) = (pairs.get(), done.get());
    assert!(pairs * 2 >= count, "too few stores differed: {pairs}");
    assert!(done * 10 >= count, "too few writes were done: {done}");
}

#[test]
fn what_a_writer_may_not_see_decides_no_write() {
    run(SOME / 2);
}

mod long {
    #[test]
    fn what_a_writer_may_not_see_decides_none_of_fifty_thousand_writes() {
        super::run(8000);
    }
}
