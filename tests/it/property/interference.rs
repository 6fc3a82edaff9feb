//! Two stores that differ only in what a reader may not see give that reader the same bytes: first
//! form of non-interference, over reads and searches of every parameter.

use std::cell::{Cell, RefCell};

use mylife::{domain::theme::Theme, fhir::types::ResourceType};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
    test_runner::{Config, TestRunner},
};

use super::{
    SOME,
    asked::{Question, questions},
    edit::{Edit, apply, edits},
    lab::{Lab, Seen},
    reader::{Reader, readers},
    world::{THEMES, Wish, World, patient, worlds},
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
    let asked = (vec(questions(), 6..10), stride);
    // Of what is asked at random much is refused, or finds nothing.
    let plain = select(vec![ResourceType::QuestionnaireResponse, ResourceType::Observation]);
    // What is stored by chance alone seldom lets this one reader see anything.
    let granted = option::weighted(0.9, subsequence(THEMES.to_vec(), 2..=4));
    (worlds(), readers(), edits, (asked, plain), granted).prop_map(
        |(mut world, reader, edits, ((mut questions, stride), plain), granted)| {
            let purpose = reader.purpose.unwrap_or("TREAT");
            let grant = granted.map(|themes| granting(reader.organization, themes, purpose));
            world.people[0].consents.splice(..0, grant);
            questions.push(all_of(plain));
            Case { world, reader, edits, questions, stride }
        },
    )
}

/// All of one type about the person to whom grants are given.
fn all_of(kind: ResourceType) -> Question {
    let pairs = vec![("patient", format!("Patient/{}", patient(0)))];
    Question::Search { kind, pairs, form: false }
}

/// A plain grant of themes to an organisation, for a purpose.
pub(super) fn granting(to: &'static str, themes: Vec<Theme>, purpose: &'static str) -> Wish {
    Wish {
        prohibits: false,
        to,
        themes,
        classes: Vec::new(),
        types: Vec::new(),
        purpose,
        period: None,
        data_period: None,
        instance: None,
        recorded: 1,
        revoked: None,
        writer: "desk",
    }
}

/// Runs so many cases on two gateways. Most must be pairs of stores that differ, and many must show
/// the reader something. Of fifty about 48 and 15 do, so that a right strategy is refused by chance
/// once in a million runs.
fn run(count: u32, gateway: fn() -> Lab) {
    let labs = RefCell::new((gateway(), gateway()));
    let (pairs, shown) = (Cell::new(0), Cell::new(0));
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
        let token = left.token(&case.reader);
        let mut shows = false;
        for question in &case.questions {
            let (ours, theirs) = (question.ask(left, &token), question.ask(right, &token));
            shows |= ours.iter().any(|page| page.body.contains(r#""lastUpdated""#));
            prop_assert!(ours == theirs, "{:?}: {}", question, difference(&ours, &theirs));
        }
        shown.set(shown.get() + u32::from(shows));
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    let (pairs, shown) = (pairs.get(), shown.get());
    assert!(pairs * 4 >= count * 3, "too few stores differed: {pairs}");
    assert!(shown * 25 >= count, "too few showed anything: {shown}");
}

/// Where two walks first differ, and what stands around it.
pub(super) fn difference(ours: &[Seen], theirs: &[Seen]) -> String {
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
    run(2 * SOME, Lab::new);
}

#[test]
fn what_a_node_hides_changes_no_byte_of_any_answer_of_the_portal() {
    run(SOME / 3, Lab::portal);
}

mod long {
    use super::{Lab, run};

    #[test]
    fn what_a_node_hides_changes_no_byte_of_a_thousand_answers_of_the_portal() {
        run(1100, Lab::portal);
    }

    #[test]
    fn what_a_reader_may_not_see_changes_no_byte_of_ten_thousand_answers() {
        run(11_000, Lab::new);
    }
}
