//! The leak table: each row is a channel through which hidden data could show, a test over HTTPS on a
//! running gateway, and the seeded mistakes that test must notice.
//!
//! The table is `tests/tables/leaks.txt`. The mistakes exist in a build with the feature `mutants`
//! alone, where [`mutants`] makes each of them in turn; every other test of the binary runs without.

mod absent;
mod changing;
mod counting;
mod deciding;
mod exporting;
mod fhir_ni;
mod notifying;
#[cfg(feature = "mutants")]
mod mutants;
mod past;
mod portal;
mod proposing;
mod reading;
mod reviewing;
mod searching;
mod shown;
pub(crate) mod stage;
mod together;
mod writing;

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../tables/leaks.txt");
const MISTAKES: &str = include_str!("../../src/mutant.rs");

/// One row of the table.
struct Row {
    number: usize,
    test: &'static str,
    mutants: Vec<&'static str>,
    state: &'static str,
}

/// A test by its name, for the table and for those who run it with a mistake.
macro_rules! tests {
    ($($group:ident::{$($name:ident),* $(,)?}),* $(,)?) => {
        const TESTS: &[(&str, fn())] =
            &[$($((concat!(stringify!($group), "::", stringify!($name)), $group::$name)),*),*];
    };
}

tests! {
    searching::{
        the_total_counts_what_is_seen,
        pages_are_as_long_and_as_many_as_what_is_seen_fills,
        a_page_link_works_for_who_got_it_alone,
        a_search_value_that_is_hidden_matches_nothing,
        what_is_hidden_moves_nothing_in_the_order,
        a_walk_over_people_goes_on_past_who_is_hidden,
        a_form_finds_what_a_url_finds,
    },
    reading::{
        version_time_status_and_labels_are_of_what_is_seen,
        hidden_and_absent_are_the_same_bytes,
        a_head_tells_of_what_its_body_would,
        a_reference_to_what_is_hidden_is_not_there,
        the_narrative_says_what_is_seen,
        a_provenance_is_as_old_as_what_is_seen,
    },
    writing::{
        answers_for_who_is_hidden_are_refused_as_for_who_is_absent,
        a_consent_of_another_writer_changes_no_write,
        a_consent_of_another_writer_is_not_found,
        a_plan_that_is_hidden_is_written_to_as_one_that_is_absent,
        what_others_ask_slows_nobody_down,
    },
    changing::{
        a_part_that_is_hidden_is_deleted_as_one_that_is_absent,
        nobody_deletes_what_may_hold_more_than_they_see,
        a_part_that_is_hidden_is_named_as_one_that_is_absent,
        what_is_hidden_of_a_resource_outlives_its_change,
        a_condition_is_fulfilled_by_what_is_seen,
    },
    proposing::{
        a_proposal_is_as_hidden_as_what_it_is_about,
        nobody_proposes_about_what_they_do_not_see,
    },
    reviewing::{ what_is_to_be_reviewed_is_found_by_who_reviews_it_alone },
    deciding::{
        each_segment_has_its_own_decision,
        what_cannot_be_decided_is_not_released,
        an_answer_and_its_decisions_are_one_callers,
        an_answer_is_not_given_again_after_what_permitted_it,
        a_scope_chooses_resources_by_what_is_seen,
        a_receipt_counts_nothing,
        a_token_of_one_patient_is_about_nobody_else,
    },
    portal::{
        who_holds_somebody_shows_in_no_statement,
        a_question_about_who_is_hidden_is_not_widened,
        what_a_node_hides_shows_nowhere_at_the_portal,
        an_explanation_asked_of_others_is_of_nobody_for_who_may_not_ask,
    },
    shown::{
        a_hidden_theme_is_drawn_as_one_that_was_skipped,
        a_form_is_filled_with_what_is_seen_and_numbers_are_extracted_of_that,
        a_collective_plan_is_put_together_of_what_is_seen,
    },
    counting::{
        whoever_is_not_seen_is_counted_nowhere,
        one_person_more_does_not_show,
        who_withdraws_while_others_are_counted_is_not_counted,
    },
    exporting::{
        a_file_has_what_is_seen_whatever_else_is_stored,
        what_was_hidden_when_it_was_deleted_is_told_of_by_no_file,
        there_are_as_many_files_whoever_is_held,
        an_export_is_of_the_client_that_began_it,
    },
    notifying::{
        what_is_hidden_is_told_by_no_notification,
        a_subscription_is_taken_whoever_it_is_about,
        a_subscription_of_another_client_is_not_found,
    },
    past::{ a_history_has_the_versions_that_are_seen },
    together::{
        a_hidden_neighbour_fulfils_no_condition,
        nothing_hidden_refers_to_what_is_found,
        no_hidden_neighbour_comes_along,
        a_shortened_form_is_of_what_is_seen,
        everything_of_a_person_is_what_is_seen,
        a_batch_is_as_its_entries_alone,
        a_goal_about_others_is_absent_until_they_permit_it,
        whom_a_hidden_goal_names_does_not_find_it,
    },
    absent::{
        parameters_that_are_not_served_tell_nothing,
        addresses_that_are_not_served_tell_nothing,
        methods_that_are_not_served_tell_nothing,
        documents_for_anybody_tell_nothing,
    },
}

fn rows() -> impl Iterator<Item = Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [number, _, test, mutants, state] = columns[..] else { panic!("a row of 5: {line}") };
        let mutants = mutants.split(' ').filter(|name| *name != "-").collect();
        Row { number: number.parse().unwrap(), test, mutants, state }
    })
}

fn test(name: &str) -> fn() {
    TESTS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no test {name}")).1
}

#[test]
fn the_table_has_every_row_a_test_for_each_and_every_mistake_once() {
    let numbers: Vec<usize> = rows().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    assert!(numbers.len() >= 26, "rows 1 to 26 are those of the catalogue");
    let mut named = BTreeSet::new();
    for row in rows() {
        test(row.test);
        assert!(["closed", "no road"].contains(&row.state), "{}: {}", row.number, row.state);
        for mutant in row.mutants {
            assert!(named.insert(mutant), "{mutant} stands in two rows");
        }
    }
    let begin = MISTAKES.find("pub enum Mutant {").unwrap();
    let list = MISTAKES[begin..].split_once('}').unwrap().0.lines().map(str::trim);
    let known = list.filter_map(|line| line.strip_suffix(',')).filter(|line| !line.contains(' '));
    assert_eq!(named, known.collect(), "the table and the list of mistakes name the same");
    let used: BTreeSet<&str> = rows().map(|row| row.test).collect();
    assert_eq!(used, TESTS.iter().map(|(name, _)| *name).collect(), "every test has a row");
}
