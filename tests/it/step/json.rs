//! Strict reading of JSON.

use mylife::{
    error::Kind,
    json::{Limits, parse},
};
use proptest::prelude::*;
use serde_json::Value;

fn refused(text: impl AsRef<[u8]>) -> (String, Vec<String>) {
    let error = parse(text.as_ref(), &Limits::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    (error.say().to_owned(), error.expression().to_vec())
}

#[test]
fn what_is_not_strict_json_is_refused_with_line_and_column() {
    let table: &[(&[u8], &str)] = &[
        (b"", "Line 1, column 0: this is not JSON (EOF while parsing a value); correct it."),
        (
            b"\xef\xbb\xbf{}",
            "Line 1, column 1: the text starts with a byte order mark; leave it out.",
        ),
        (b"{\n \"a\": \"\xff\"}", "Line 2, column 8: the text is not UTF-8; encode it as UTF-8."),
        (b"{} x", "Line 1, column 4: this is not JSON (trailing characters); correct it."),
        (b"[1,]", "Line 1, column 4: this is not JSON (trailing comma); correct it."),
        (b"[NaN]", "Line 1, column 2: this is not JSON (expected value); correct it."),
        (
            b"[1e999]",
            "Line 1, column 6: the number is larger than can be read; write a smaller one.",
        ),
        (b"[01]", "Line 1, column 3: this is not JSON (invalid number); correct it."),
        (b"{'a': 1}", "Line 1, column 2: this is not JSON (key must be a string); correct it."),
    ];
    for (text, say) in table {
        assert_eq!(refused(text).0, *say, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_lone_surrogate_is_refused_and_a_pair_is_read() {
    for text in [r#""\ud800""#, r#""\udc00""#, r#"{"\ud83d": 1}"#, r#""\ud800\ud800""#] {
        assert!(refused(text).0.starts_with("Line 1, column "), "{text}");
    }
    assert_eq!(parse(br#""\ud83d\ude00""#, &Limits::default()).unwrap(), "\u{1f600}");
}

#[test]
fn a_repeated_name_is_refused_with_its_path() {
    let (say, path) = refused("{\"a\": [{\"b\": 1,\n \"b\": \"secret\"}]}");
    assert_eq!(say, "Line 2, column 4: $.a[0].b stands there twice; send each member once.");
    assert_eq!(path, ["$.a[0].b"]);
    // Written in two ways, it is the same name.
    assert_eq!(refused(r#"{"a": 1, "\u0061": 2}"#).1, ["$.a"]);
}

#[test]
fn a_name_that_could_be_a_secret_is_not_repeated() {
    let (say, path) = refused(r#"{"010203A9013": 1, "010203A9013": 2}"#);
    assert_eq!(path, ["$.*"]);
    assert!(!say.contains("010203A9013"));
}

#[test]
fn nesting_ends_at_the_limit_however_deep_the_text_is() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(nested(64).as_bytes(), &Limits::default()).is_ok());
    let (say, _) = refused(nested(65));
    assert!(say.ends_with("the text nests deeper than 64 levels; flatten it."), "{say}");
    refused(nested(10_000));
    refused("{\"a\":".repeat(10_000));
    let wide = Limits { depth: usize::MAX, ..Limits::default() };
    assert!(parse(nested(127).as_bytes(), &wide).is_ok());
    assert_eq!(parse(nested(128).as_bytes(), &wide).unwrap_err().kind(), Kind::Invalid);
    assert_eq!(parse(nested(10_000).as_bytes(), &wide).unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn a_text_above_the_limit_is_too_large() {
    let limits = Limits { bytes: 10, ..Limits::default() };
    assert!(parse(b"[1,2,3,45]", &limits).is_ok());
    assert_eq!(parse(b"[1,2,3,456]", &limits).unwrap_err().kind(), Kind::TooLarge);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,8}", inner, 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(value in any_json()) {
        let text = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(parse(&text, &Limits::default()).unwrap(), value);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let error = parse(&bytes, &Limits::default()).err();
        prop_assert!(error.is_none_or(|e| e.kind() == Kind::Invalid));
    }
}

#[test]
fn what_was_stored_and_is_not_what_it_should_be_is_refused_without_its_words() {
    let error = mylife::json::stored::<u8>(br#""Aino Virtanen""#).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("column") && !cause.contains("Aino"), "{cause}");
}
