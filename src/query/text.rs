//! Names and values of parameters as they come: percent-encoded, of any length, of any kind.
//!
//! Part of the step `query`. Reads strictly, and says where without repeating what was sent.

use super::{HANDLE, MANY, test};
use crate::{
    domain::identity,
    error::{Error, Kind, Result},
};

pub(super) fn count(value: &str) -> Option<usize> {
    // A number too large to hold is a number above the most a page may have.
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(usize::MAX))
}

pub(super) fn single<T>(name: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| bad(name, "It is a whole number, 0 or more."))
}

/// The pairs of a text, in order; one too many is refused.
pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = Result<(String, String)>> {
    let given = text.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
    given.enumerate().map(|(at, pair)| if at < MANY { decode(pair) } else { Err(too_many()) })
}

/// The refusal of more parameters than are read.
pub(super) fn too_many() -> Error {
    Error::new(Kind::TooCostly, "Too many parameters; ask less at once.")
}

fn decode(pair: &[u8]) -> Result<(String, String)> {
    let mut halves = pair.splitn(2, |b| *b == b'=');
    let name = percent(halves.next().unwrap_or(&[]))?;
    let value = percent(halves.next().unwrap_or(&[])).map_err(|e| e.at(printable(&name)))?;
    Ok((name, value))
}

/// Decodes strictly: what is not UTF-8 or not an escape is refused, not replaced.
fn percent(text: &[u8]) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let escaped = high.zip(low).and_then(|(h, l)| u8::try_from(h * 16 + l).ok());
                escaped.filter(|b| *b != 0).ok_or_else(malformed)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

fn malformed() -> Error {
    Error::invalid("The parameters are not well-formed percent-encoded UTF-8.")
}

pub(super) fn bad(name: &str, say: &'static str) -> Error {
    Error::invalid(say).at(printable(name))
}

/// A caller's own parameter name, cut to what cannot carry anything else.
pub(super) fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.:".contains(*c)).take(40).collect()
}

/// `subject:Patient.identifier` without what follows the parameter.
pub(super) fn base_of(name: &str) -> &str {
    name.split([':', '.']).next().unwrap_or_default()
}

/// `system|code|value` of an identifier, by its type: an identity code is the one that people here have.
pub(super) fn of_type(name: &str, value: &str) -> Result<String> {
    let mut parts = test::split(value, '|');
    let say = "It is http://terminology.hl7.org/CodeSystem/v2-0203|NNFIN|value.";
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (
            Some("http://terminology.hl7.org/CodeSystem/v2-0203"),
            Some("NNFIN"),
            Some(code),
            None,
        ) => Ok(format!("{}|{code}", identity::SYSTEM)),
        (Some(HANDLE), Some(sealed), None, None) => Ok(format!("{HANDLE}|{sealed}")),
        (_, _, _, _) => Err(bad(name, say)),
    }
}
