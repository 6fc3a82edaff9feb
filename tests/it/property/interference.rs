//! Two stores that differ only in what a reader may not see give that reader the same bytes: first
//! form of non-interference, over reads and searches of every parameter.

use std::cell::{Cell, RefCell};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    SOME,
    asked::{Question, questions},
    edit::{Edit, apply, edits},
    lab::{Lab, Seen, token},
    reader::{Reader, readers},
    world::{World, worlds},
};

#[derive(Clone, Debug)]
struct Case {
    world: World,
    reader: Reader,
    edits: Vec<Edit>,
    questions: Vec<Question>,
    stride: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let edits = vec(edits(), 8..20);
    // Most walks are over the whole id space at once; blocks make many pages.
    let stride = prop_oneof![30 => Just(0_usize), 1 => Just(1)];
    (worlds(), readers(), edits, vec(questions(), 6..10), stride).prop_map(
        |(world, reader, edits, questions, stride)| Case {
            world,
            reader,
            edits,
            questions,
            stride,
        },
    )
}

/// Runs so many cases; returns how many of them were pairs of stores that differ.
fn run(count: u32) -> u32 {
    let labs = RefCell::new((Lab::new(), Lab::new()));
    let pairs = Cell::new(0);
    let config = Config {
        cases: count,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&cases(), |case| {
        let (left, right) = &mut *labs.borrow_mut();
        let (other, kept) = apply(&case.world, &case.reader, &case.edits);
        pairs.set(pairs.get() + u32::from(kept > 0));
        for (lab, world) in [(&mut *left, &case.world), (&mut *right, &other)] {
            lab.hold(world);
            lab.stride(case.stride);
        }
        let token = token(&case.reader);
        for question in &case.questions {
            let (ours, theirs) = (question.ask(left, &token), question.ask(right, &token));
            prop_assert!(ours == theirs, "{:?}: {}", question, difference(&ours, &theirs));
        }
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    pairs.get()
}

/// Where two walks first differ, and what stands around it.
fn difference(ours: &[Seen], theirs: &[Seen]) -> String {
    let text = |pages: &[Seen]| {
        let page = |p: &Seen| format!("{} {:?} {}\n", p.status, p.headers, p.body);
        pages.iter().map(page).collect::<String>()
    };
    let (ours, theirs) = (text(ours), text(theirs));
    let same = ours.chars().zip(theirs.chars()).take_while(|(a, b)| a == b).count();
    let near = |of: &str| of.chars().skip(same.saturating_sub(160)).take(320).collect::<String>();
    format!("{}\nand\n{}", near(&ours), near(&theirs))
}

#[test]
fn what_a_reader_may_not_see_changes_no_byte_of_any_answer() {
    let pairs = run(2 * SOME);
    assert!(pairs * 10 >= 2 * SOME * 9, "too few stores differed: {pairs}");
}

mod long {
    #[test]
    fn what_a_reader_may_not_see_changes_no_byte_of_ten_thousand_answers() {
        assert!(super::run(11_000) >= 10_000);
    }
}
