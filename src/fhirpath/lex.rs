//! Words of an expression.
//!
//! Part of `fhirpath`. Grammar: `FHIRPath` 2.0.0, appendix B. What is no word of it is refused.

use std::borrow::Cow;

use super::{decimal::Decimal, item::Item, refuse, temporal::Temporal};
use crate::error::Result;

/// One word.
#[derive(Clone, Debug)]
pub(super) enum Token<'t> {
    /// A name or a keyword.
    Word(&'t str),
    /// A name between backticks.
    Quoted(String),
    /// `$this`, without the sign.
    Dollar(&'t str),
    /// `%resource`, without the sign.
    Percent(String),
    /// Text, a number, a date or a time.
    Literal(Item<'static>),
    /// An operator or a bracket.
    Sign(&'static str),
}

const SIGNS: [&str; 24] = [
    "!=", "!~", "<=", ">=", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "&", "|",
    "<", ">", "=", "~", "$", "%",
];

/// All words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>> {
    let mut all = Vec::new();
    let mut rest = blank(text)?;
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                let (word, after) = word(rest);
                (Token::Word(word), after)
            }
            '0'..='9' => number(rest)?,
            '@' => moment(rest)?,
            '\'' => {
                let (text, after) = quoted(rest, '\'')?;
                (Token::Literal(Item::Text(Cow::Owned(text))), after)
            }
            '`' => {
                let (name, after) = quoted(rest, '`')?;
                (Token::Quoted(name), after)
            }
            _ => sign(rest)?,
        };
        all.push(token);
        rest = blank(after)?;
    }
    Ok(all)
}

fn blank(text: &str) -> Result<&str> {
    let mut rest = text.trim_start();
    loop {
        if let Some(remark) = rest.strip_prefix("//") {
            rest = remark.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(remark) = rest.strip_prefix("/*") {
            let end = remark.split_once("*/");
            rest = end.ok_or_else(|| refuse("a remark has no end"))?.1.trim_start();
        } else {
            return Ok(rest);
        }
    }
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn number(text: &str) -> Result<(Token<'_>, &str)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(text);
    let after = text.get(whole..).unwrap_or_default();
    let part = after.strip_prefix('.').map_or(0, digits);
    let end = if part > 0 { whole + 1 + part } else { whole };
    let (number, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let value = if part > 0 {
        Decimal::parse(number).map(Item::Decimal)
    } else {
        number.parse().ok().filter(|n| *n <= i64::from(u32::MAX)).map(Item::Integer)
    };
    let value = value.ok_or_else(|| refuse("a number has too many digits"))?;
    Ok((Token::Literal(value), rest))
}

/// `@2026-11-22`, `@2026T`, `@T09:30`.
fn moment(text: &str) -> Result<(Token<'_>, &str)> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let digits = |text: &str| {
        let after = |c: char| !c.is_ascii_digit() && c != '-';
        text.find(after).unwrap_or(text.len())
    };
    let date = digits(text);
    let (day, after) = text.split_at_checked(date).unwrap_or((text, ""));
    let Some(time) = after.strip_prefix('T') else {
        return read(day, after, Temporal::date);
    };
    let end =
        time.find(|c: char| !c.is_ascii_digit() && !":.Z+-".contains(c)).unwrap_or(time.len());
    // A point behind it is that of an invocation, unless digits follow.
    let clock = time.get(..end).unwrap_or(time);
    let point = clock.rfind('.').filter(|at| {
        let after = clock.get(at + 1..).and_then(|rest| rest.chars().next());
        !after.is_some_and(|c| c.is_ascii_digit())
    });
    let end = point.unwrap_or(end);
    if day.is_empty() {
        let (clock, rest) = time.split_at_checked(end).unwrap_or((time, ""));
        return read(clock, rest, Temporal::time);
    }
    let (whole, rest) = text.split_at_checked(date + 1 + end).unwrap_or((text, ""));
    read(whole, rest, Temporal::date_time)
}

fn read<'t>(
    text: &str,
    rest: &'t str,
    read: fn(&str) -> Option<Temporal>,
) -> Result<(Token<'t>, &'t str)> {
    let found = read(text).ok_or_else(|| refuse("a date or time is none"))?;
    Ok((Token::Literal(Item::Temporal(found)), rest))
}

/// Text between quotes, with its escapes undone.
fn quoted(text: &str, quote: char) -> Result<(String, &str)> {
    let mut letters = text.char_indices().skip(1);
    let mut found = String::new();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            let after = text.get(at + letter.len_utf8()..).unwrap_or_default();
            return Ok((found, after));
        }
        if letter != '\\' {
            found.push(letter);
            continue;
        }
        found.push(match letters.next() {
            Some((_, 'f')) => '\u{c}',
            Some((_, 'n')) => '\n',
            Some((_, 'r')) => '\r',
            Some((_, 't')) => '\t',
            Some((_, same @ ('\\' | '/' | '"' | '\'' | '`'))) => same,
            Some((at, 'u')) => {
                let digits = text.get(at + 1..at + 5).unwrap_or_default();
                let hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                let code = hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
                letters.by_ref().take(4).for_each(drop);
                let found = code.and_then(char::from_u32);
                found.ok_or_else(|| refuse("an escape is not \\u and four digits"))?
            }
            _ => return Err(refuse("an escape is unknown")),
        });
    }
    Err(refuse("a text has no end"))
}

fn sign(text: &str) -> Result<(Token<'_>, &str)> {
    let found = SIGNS.iter().find(|sign| text.starts_with(**sign));
    let sign = *found.ok_or_else(|| refuse("a sign is unknown"))?;
    let rest = text.get(sign.len()..).unwrap_or_default();
    match sign {
        "$" => {
            let (name, rest) = word(rest);
            Ok((Token::Dollar(name), rest))
        }
        "%" => {
            let quote = rest.chars().next().filter(|quote| matches!(quote, '`' | '\''));
            let (name, rest) = if let Some(quote) = quote {
                quoted(rest, quote)?
            } else {
                let (name, rest) = word(rest);
                (name.to_owned(), rest)
            };
            Ok((Token::Percent(name), rest))
        }
        _ => Ok((Token::Sign(sign), rest)),
    }
}
