//! The personal identity code, against the synthetic vectors of `tests/fixtures/hetu.json`.

use mylife::domain::{
    day::Day,
    identity::{
        Flaw, IdentityCode, TestRange, Warning, WrongCheck, mentions_identity_code as mentions,
    },
};
use proptest::prelude::*;
use serde_json::Value;

const STRICT: TestRange = TestRange::Allow(WrongCheck::Refuse);
const LENIENT: TestRange = TestRange::Allow(WrongCheck::Warn);

fn vectors(list: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../fixtures/hetu.json")).unwrap();
    all[list].as_array().unwrap().clone()
}

fn code(vector: &Value) -> &str {
    vector["hetu"].as_str().unwrap()
}

#[test]
fn every_valid_vector_is_read_with_its_day_of_birth() {
    for vector in vectors("valid") {
        let (read, warnings) = IdentityCode::parse(code(&vector), STRICT).unwrap();
        assert_eq!(read.birth(), Day::parse(vector["birth"].as_str().unwrap()), "{vector}");
        assert_eq!(read.reveal(), code(&vector));
        assert!(read.is_test() && warnings.is_empty());
    }
}

#[test]
fn every_invalid_vector_is_refused_for_its_own_reason() {
    let flaws = [
        Flaw::Check,
        Flaw::Check,
        Flaw::Sign,
        Flaw::Sign,
        Flaw::Birth,
        Flaw::Birth,
        Flaw::Individual,
        Flaw::Individual,
        Flaw::Check,
        Flaw::Check,
        Flaw::Length,
        Flaw::Length,
        Flaw::Length,
    ];
    let found = vectors("invalid");
    assert_eq!(found.len(), flaws.len());
    for (vector, flaw) in found.iter().zip(flaws) {
        assert_eq!(IdentityCode::parse(code(vector), STRICT).err(), Some(flaw), "{vector}");
    }
}

#[test]
fn production_takes_no_test_code() {
    for vector in vectors("valid") {
        let refused = IdentityCode::parse(code(&vector), TestRange::Refuse).err();
        assert_eq!(refused, Some(Flaw::TestRange), "{vector}");
    }
}

#[test]
fn a_wrong_check_character_is_only_a_warning_in_the_test_range_when_so_configured() {
    for text in ["010190-999X", "010190-999Y"] {
        let (_, warnings) = IdentityCode::parse(text, LENIENT).unwrap();
        assert_eq!(warnings, [Warning::Check]);
    }
    // The population register's own specimen, put together here because no code outside the test
    // range stands anywhere in the project.
    let specimen = |check: &str| ["131052-", "308", check].concat();
    for range in [LENIENT, TestRange::Refuse] {
        assert!(IdentityCode::parse(&specimen("T"), range).is_ok());
        assert_eq!(IdentityCode::parse(&specimen("U"), range).err(), Some(Flaw::Check));
    }
}

#[test]
fn the_sign_tells_people_apart() {
    let [one, other] =
        ["100190-999P", "100190Y999P"].map(|text| IdentityCode::parse(text, STRICT).unwrap().0);
    assert_ne!(one, other);
    assert_eq!(one.birth(), other.birth());
}

#[test]
fn a_code_never_prints_itself() {
    let (read, _) = IdentityCode::parse("010203A9013", STRICT).unwrap();
    assert_eq!(format!("{read:?}"), "IdentityCode { .. }");
    for flaw in [Flaw::Birth, Flaw::Check, Flaw::Digit, Flaw::Sign, Flaw::Length] {
        assert!(!mentions(flaw.say()));
    }
}

#[test]
fn a_code_that_stands_by_itself_in_a_text_is_noticed() {
    for text in ["010203A9013", "010203-901a", "x:010203A9013", "p/010203A901Z?", "010203A0013"] {
        assert!(mentions(text), "{text}");
    }
    for text in ["", "p-1", "ab010203-9013-4e5f", "010203a90131", "991399-9013", "p010203A9013"] {
        assert!(!mentions(text), "{text}");
    }
}

proptest! {
    #[test]
    fn an_invented_code_is_right_and_one_wrong_character_is_noticed(
        year in 1900_i16..=2099, month in 1_i8..=12, day in 1_i8..=28, number in 900_u16..=999,
        place in 0_usize..11, letter in "[0-9A-Z+-]",
    ) {
        let birth = Day::new(year, month, day).unwrap();
        let code = IdentityCode::invent(birth, number).unwrap();
        let (read, _) = IdentityCode::parse(code.reveal(), STRICT).unwrap();
        prop_assert_eq!(read.birth(), Some(birth));
        let mut bent = code.reveal().to_owned();
        bent.replace_range(place..=place, &letter);
        // The sign is not part of the sum: another century sign is another person, not an error.
        if place != 6 && bent != code.reveal() {
            prop_assert!(IdentityCode::parse(&bent, STRICT).is_err(), "{}", bent);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,14}") {
        let read = IdentityCode::parse(&text, LENIENT);
        prop_assert!(read.is_err() || text.len() == 11);
    }
}
