//! Sealed values open in their place only, and the master key is looked after.

use std::{fs, path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose as base64_with};
use mylife::{
    chance::{Chance, SeededChance, SystemChance, base32},
    error::{Kind, Result},
    seal::{Forged, Keys, master},
};
use proptest::{collection::vec, prelude::*};

fn bytes(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    SeededChance::new(seed).fill(&mut bytes);
    bytes
}

fn keys(seed: u64) -> Keys {
    Keys::from_master(&bytes(seed), Arc::new(SystemChance)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_was_sealed_opens_in_its_place_and_nowhere_else(
        plain in vec(any::<u8>(), 0..300),
        row in vec("[a-c]{0,3}", 1..4),
        other in vec("[a-c]{0,3}", 1..4),
    ) {
        let keys = keys(1);
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        let other: Vec<&str> = other.iter().map(String::as_str).collect();
        let sealed = keys.seal("note", &row, &plain).unwrap();
        let fixed = keys.seal_fixed("note", &row, &plain).unwrap();
        prop_assert_eq!((sealed.len(), fixed.len()), (plain.len() + 29, plain.len() + 17));
        prop_assert_eq!(keys.open("note", &row, &sealed).unwrap(), plain.clone());
        prop_assert_eq!(keys.open_fixed("note", &row, &fixed).unwrap(), plain);
        if row != other {
            prop_assert_eq!(keys.open("note", &other, &sealed), Err(Forged));
            prop_assert_eq!(keys.open_fixed("note", &other, &fixed), Err(Forged));
        }
        prop_assert_eq!(keys.open("page", &row, &sealed), Err(Forged));
        prop_assert_eq!(keys.open_fixed("page", &row, &fixed), Err(Forged));
        prop_assert_eq!(keys.open_fixed("note", &row, &sealed), Err(Forged));
        prop_assert_eq!(keys.open("note", &row, &fixed), Err(Forged));
    }

    #[test]
    fn a_changed_byte_anywhere_does_not_open(at in any::<prop::sample::Index>(), by in 1_u8..) {
        let keys = keys(1);
        let mut sealed = keys.seal("note", &["1"], b"a sentence of mine").unwrap();
        *at.get_mut(&mut sealed) ^= by;
        prop_assert_eq!(keys.open("note", &["1"], &sealed), Err(Forged));
        let mut fixed = keys.seal_fixed("note", &["1"], b"a sentence of mine").unwrap();
        *at.get_mut(&mut fixed) ^= by;
        prop_assert_eq!(keys.open_fixed("note", &["1"], &fixed), Err(Forged));
    }

    #[test]
    fn no_bytes_of_others_open(bytes in vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(keys(1).open("note", &["1"], &bytes), Err(Forged));
        prop_assert_eq!(keys(1).open_fixed("note", &["1"], &bytes), Err(Forged));
    }
}

#[test]
fn a_label_does_not_run_into_its_row() {
    let keys = keys(1);
    let sealed = keys.seal("a", &["bc"], b"x").unwrap();
    assert_eq!(keys.open("ab", &["c"], &sealed), Err(Forged));
    assert_eq!(keys.open("a", &["b", "c"], &sealed), Err(Forged));
    assert_ne!(keys.mac("a", b"bc"), keys.mac("ab", b"c"));
}

#[test]
fn equal_values_are_sealed_differently_at_random_and_equally_when_fixed() {
    let keys = keys(1);
    let random = || keys.seal("note", &["1"], b"x").unwrap();
    assert_ne!(random(), random());
    let fixed = |plain| keys.seal_fixed("note", &["1"], plain).unwrap();
    assert_eq!(fixed(b"x"), fixed(b"x"));
    assert_ne!(fixed(b"x"), fixed(b"y"));
}

/// Under a nonce that repeats, GCM would give both the same beginning; GCM-SIV does not.
#[test]
fn fixed_seals_show_that_whole_values_are_equal_and_nothing_else() {
    let keys = keys(1);
    let begins = |end: u8| {
        let plain = [&[7; 64][..], &[end]].concat();
        keys.seal_fixed("note", &["1"], &plain).unwrap()[1..9].to_vec()
    };
    assert_eq!(begins(1), begins(1));
    assert_ne!(begins(1), begins(2));
}

#[test]
fn another_master_key_opens_nothing_and_names_nobody() {
    let (ours, theirs) = (keys(1), keys(2));
    let sealed = ours.seal("note", &["1"], b"x").unwrap();
    assert_eq!(theirs.open("note", &["1"], &sealed), Err(Forged));
    assert_ne!(ours.identity_mac("131052-9085"), theirs.identity_mac("131052-9085"));
    assert_eq!(ours.identity_mac("131052-9085"), keys(1).identity_mac("131052-9085"));
    assert_ne!(ours.mac("cursor", b"x"), theirs.mac("cursor", b"x"));
}

#[test]
fn the_century_sign_makes_another_person() {
    let keys = keys(1);
    assert_ne!(keys.identity_mac("131052-9085"), keys.identity_mac("131052A9085"));
    assert_ne!(keys.identity_mac("131052-9085").0, keys.mac("identity code", b"131052-9085"));
}

/// Known answers, computed by another implementation (Python's hmac and hashlib) from RFC 5869 and
/// the labels: what was stored must be found again by every later version.
#[test]
fn look_up_values_stay_what_they_are() {
    let master: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
    let keys = Keys::from_master(&master, Arc::new(SystemChance)).unwrap();
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(
        hex(keys.identity_mac("131052-9085").0),
        "f809be144305617ecadf9fe230bf490987babee5571f93889730431738b035a1"
    );
    assert_eq!(
        hex(keys.mac("cursor", b"page 2")),
        "0f548c23d7b09859452592f76642e06013b6d11b7bc782ef9dd750b1907ab185"
    );
}

#[test]
fn keys_that_are_not_random_are_refused() {
    let few: [u8; 32] = std::array::from_fn(|n| u8::try_from(n % 15).unwrap());
    for weak in [[0; 32], [255; 32], few] {
        let refused = Keys::from_master(&weak, Arc::new(SystemChance));
        assert_eq!(refused.unwrap_err().kind(), Kind::Invalid);
    }
}

/// A key file of a test's own, gone when the test is over.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str) -> Self {
        let own = format!("{name}-{}.key", base32(&SystemChance, 12));
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(own))
    }

    fn holding(name: &str, text: &str) -> Self {
        let file = Self::new(name);
        fs::write(&file.0, text).unwrap();
        file.permit(0o600);
        file
    }

    #[cfg(unix)]
    fn permit(&self, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&self.0, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    fn permit(&self, _: u32) {}

    fn read(&self) -> Result<Keys> {
        master::read(&self.0, Arc::new(SystemChance))
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

#[test]
fn a_new_key_file_is_read_back_and_never_replaced() {
    let file = KeyFile::new("new");
    assert_eq!(file.read().unwrap_err().kind(), Kind::Unavailable);
    master::create(&file.0, &SeededChance::new(5)).unwrap();
    let sealed = keys(5).seal("note", &["1"], b"x").unwrap();
    assert_eq!(file.read().unwrap().open("note", &["1"], &sealed).unwrap(), b"x");
    let again = master::create(&file.0, &SeededChance::new(6));
    assert_eq!(again.unwrap_err().kind(), Kind::Conflict);
    assert!(file.read().unwrap().open("note", &["1"], &sealed).is_ok());
}

#[test]
fn a_key_may_be_written_as_hex_or_base64() {
    let key = bytes(5);
    let hex = key.map(|byte| format!("{byte:02x}")).concat();
    let sealed = keys(5).seal("note", &["1"], b"x").unwrap();
    for text in [
        hex.to_uppercase(),
        format!("  {hex}\r\n"),
        base64_with::STANDARD.encode(key),
        base64_with::STANDARD_NO_PAD.encode(key),
        base64_with::URL_SAFE.encode(key),
        base64_with::URL_SAFE_NO_PAD.encode(key),
    ] {
        let file = KeyFile::holding("form", &text);
        assert!(file.read().unwrap().open("note", &["1"], &sealed).is_ok(), "{text}");
    }
}

#[test]
fn a_key_file_that_holds_anything_else_is_refused_without_being_quoted() {
    let hex = bytes(5).map(|byte| format!("{byte:02x}")).concat();
    let few = "ab".repeat(31);
    let short = base64_with::STANDARD.encode(&bytes(5)[..31]);
    let long = format!("{hex}00");
    for text in ["", "\n", &few, &long, &short, "correct horse battery staple", &"ab".repeat(32)] {
        let file = KeyFile::holding("wrong", text);
        let error = file.read().unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{text}");
        let text = text.trim();
        assert!(text.is_empty() || !format!("{error:?} {error}").contains(text), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let file = KeyFile::new("shared");
    master::create(&file.0, &SeededChance::new(5)).unwrap();
    assert_eq!(fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
    for (mode, fine) in
        [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o660, false)]
    {
        file.permit(mode);
        let outcome = file.read();
        assert_eq!(outcome.is_ok(), fine, "{mode:o}");
        if let Err(error) = outcome {
            assert!(error.say().contains("chmod 600"));
        }
    }
}
