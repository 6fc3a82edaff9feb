//! The grammar of one SMART scope token, read to its end or not at all.
//!
//! Part of `smart`. Source: SMART App Launch 2.2, `scopes-and-launch-context`; characters
//! are those of RFC 6749 section 3.3. Knows neither which types the gateway serves nor which filters
//! it can enforce.

use std::fmt;

use super::{Context, Filter, Permissions};
use crate::percent;

/// A token in parts, not yet judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token<'a> {
    /// Before the slash.
    pub context: Context,
    /// `*` or something written like a type.
    pub resource: &'a str,
    /// After the dot.
    pub permissions: Permissions,
    /// Were they in the words of version 1?
    pub v1: bool,
    /// What stands after the question mark, as written.
    pub filters: Vec<(&'a str, &'a str)>,
}

impl<'a> Token<'a> {
    /// Reads `("patient"|"user"|"system") "/" (Type|"*") "." perm ["?" param=value ("&" param=value)*]`.
    pub fn parse(token: &'a str) -> Option<Self> {
        let (head, query) = match token.split_once('?') {
            Some((head, query)) => (head, Some(query)),
            None => (token, None),
        };
        let (context, rest) = head.split_once('/')?;
        let (resource, letters) = rest.split_once('.')?;
        let (permissions, v1) = match letters {
            "read" => (Permissions::READ, true),
            "write" => (Permissions::WRITE, true),
            "*" => (Permissions::ALL, true),
            letters => (Permissions::parse(letters)?, false),
        };
        let context = match context {
            "patient" => Context::Patient,
            "system" => Context::System,
            "user" => Context::User,
            _ => return None,
        };
        let filters = query.map_or(Some(Vec::new()), |q| q.split('&').map(pair).collect())?;
        let fits = resource == "*" || is_type(resource);
        fits.then_some(Self { context, resource, permissions, v1, filters })
    }
}

/// Is every character one that a scope parameter may have (RFC 6749 section 3.3)?
pub fn is_scope_text(text: &str) -> bool {
    text.bytes().all(|b| b == b' ' || is_scope_byte(b))
}

/// Can the gateway enforce a filter on this parameter? Modifiers (`code:in`), chains
/// (`patient.birthdate`) and parameters about the result (`_include`) are experimental in SMART.
pub(super) fn is_plain(param: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    param == "_security" || param == "_id" || param.bytes().all(plain)
}

/// The values between the commas of a filter, percent decoded; `None` if they are no UTF-8.
pub(super) fn values(value: &str) -> Option<Vec<Box<str>>> {
    let text = |v| String::from_utf8(percent::decode(v)?).ok().map(String::into_boxed_str);
    value.split(',').map(text).collect()
}

/// Writes a filter as a scope has it: one way of writing for each meaning.
pub(super) fn write_filter(f: &mut fmt::Formatter<'_>, filter: &Filter) -> fmt::Result {
    write!(f, "{}=", filter.param)?;
    for (n, value) in filter.values.iter().enumerate() {
        if n > 0 {
            f.write_str(",")?;
        }
        for byte in value.bytes() {
            if is_scope_byte(byte) && !matches!(byte, b'%' | b'&' | b',' | b'+') {
                fmt::Write::write_char(f, char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
    }
    Ok(())
}

const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphabetic())
}

fn pair(text: &str) -> Option<(&str, &str)> {
    let (param, value) = text.split_once('=')?;
    let param_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
    let fits = !param.is_empty()
        && param.bytes().all(param_byte)
        && value.bytes().all(is_scope_byte)
        && value.split(',').all(|v| !v.is_empty() && percent::decode(v).is_some());
    fits.then_some((param, value))
}
