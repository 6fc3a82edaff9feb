//! Functions on text.
//!
//! Part of `fhirpath`. `FHIRPath` 5.6; places are counted in characters. Patterns run in linear time.

use std::borrow::Cow;

use regex::Regex;

use super::{Function, Items, On, Scope, boolean, one_whole, single, whole};
use crate::{
    error::Result,
    fhirpath::{item::Item, parse::pattern, refuse},
};

/// Steps that the reading of a pattern costs.
const PATTERN: usize = 1000;

pub(super) const ALL: &[Function] = &[
    Function::new("indexOf", 1..=1, |on, items| {
        let found = |text: &str, part: &str| {
            let before = text.find(part).and_then(|at| text.get(..at));
            before.map_or(Item::Integer(-1), |before| whole(before.chars().count()))
        };
        pair(on, items, found)
    }),
    Function::new("substring", 1..=2, substring),
    Function::new("startsWith", 1..=1, |on, items| {
        pair(on, items, |text, part| Item::Boolean(text.starts_with(part)))
    }),
    Function::new("endsWith", 1..=1, |on, items| {
        pair(on, items, |text, part| Item::Boolean(text.ends_with(part)))
    }),
    Function::new("contains", 1..=1, |on, items| {
        pair(on, items, |text, part| Item::Boolean(text.contains(part)))
    }),
    Function::new("upper", 0..=0, |on, items| {
        changed(on, items, |text| Ok(Cow::Owned(text.to_uppercase())))
    }),
    Function::new("lower", 0..=0, |on, items| {
        changed(on, items, |text| Ok(Cow::Owned(text.to_lowercase())))
    }),
    Function::new("trim", 0..=0, |on, items| {
        changed(on, items, |text| Ok(Cow::Owned(text.trim().to_owned())))
    }),
    Function::new("length", 0..=0, |on, items| {
        let text = one(on.scope, items)?;
        Ok(text.map(|text| whole(text.chars().count())).into_iter().collect())
    }),
    Function::new("toChars", 0..=0, |on, items| {
        let text = one(on.scope, items)?.unwrap_or_default();
        on.scope.step(text.len())?;
        Ok(text.chars().map(|c| Item::Text(Cow::Owned(c.to_string()))).collect())
    }),
    Function::new("replace", 2..=2, replace),
    Function::new("matches", 1..=1, |on, items| {
        let Some(text) = one(on.scope, items)? else { return Ok(Vec::new()) };
        on.scope.step(text.len() / 64)?;
        with_pattern(on, |pattern| boolean(pattern.is_match(&text)))
    }),
    Function::new("replaceMatches", 2..=2, |on, items| {
        let Some(text) = one(on.scope, items)? else { return Ok(Vec::new()) };
        let Some(with) = one(on.scope, &on.argument(1)?)? else { return Ok(Vec::new()) };
        with_pattern(on, |pattern| {
            let replaced = pattern.replace_all(&text, &*with).into_owned();
            on.scope.step(replaced.len() / 64)?;
            Ok(vec![Item::Text(Cow::Owned(replaced))])
        })
    }),
    Function::new("join", 0..=1, |on, items| {
        let between = one(on.scope, &on.argument(0)?)?.unwrap_or_default();
        let texts = items.iter().map(|item| of(on.scope, item)).collect::<Result<Vec<_>>>()?;
        on.scope.step(items.len() * (1 + between.len() / 64))?;
        Ok(vec![Item::Text(Cow::Owned(texts.join(&*between)))])
    }),
    Function::new("split", 1..=1, |on, items| {
        let Some(text) = one(on.scope, items)? else { return Ok(Vec::new()) };
        let Some(between) = one(on.scope, &on.argument(0)?)? else { return Ok(Vec::new()) };
        on.scope.step(text.len())?;
        Ok(text.split(&*between).map(|part| Item::Text(Cow::Owned(part.to_owned()))).collect())
    }),
    Function::new("escape", 1..=1, |on, items| coded(on, items, escape)),
    Function::new("unescape", 1..=1, |on, items| coded(on, items, unescape)),
];

/// Nothing or one text.
pub(super) fn one<'a>(scope: &Scope<'_>, items: &[Item<'a>]) -> Result<Option<Cow<'a, str>>> {
    single(items)?.map(|item| of(scope, item)).transpose()
}

fn of<'a>(scope: &Scope<'_>, item: &Item<'a>) -> Result<Cow<'a, str>> {
    match item.system(scope.model)? {
        Some(Item::Text(text)) => Ok(text),
        _ => Err(refuse("a text is asked for")),
    }
}

/// Of a text and another; nothing, if one of them is.
fn pair<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    found: impl FnOnce(&str, &str) -> Item<'a>,
) -> Result<Items<'a>> {
    let (text, part) = (one(on.scope, items)?, one(on.scope, &on.argument(0)?)?);
    Ok(text.zip(part).map(|(text, part)| found(&text, &part)).into_iter().collect())
}

fn changed<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    how: impl FnOnce(&str) -> Result<Cow<'a, str>>,
) -> Result<Items<'a>> {
    let Some(text) = one(on.scope, items)? else { return Ok(Vec::new()) };
    on.scope.step(text.len() / 64)?;
    Ok(vec![Item::Text(how(&text)?)])
}

fn substring<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    let Some(text) = one(on.scope, items)? else { return Ok(Vec::new()) };
    let Some(start) = one_whole(on.scope, &on.argument(0)?)? else { return Ok(Vec::new()) };
    let length = one_whole(on.scope, &on.argument(1)?)?;
    let Some(start) = usize::try_from(start).ok().filter(|at| *at < text.chars().count()) else {
        return Ok(Vec::new());
    };
    let length = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(0));
    let found: String = text.chars().skip(start).take(length).collect();
    Ok(vec![Item::Text(Cow::Owned(found))])
}

fn replace<'a>(on: &On<'_, 'a>, items: &[Item<'a>]) -> Result<Items<'a>> {
    let text = one(on.scope, items)?;
    let (part, with) = (one(on.scope, &on.argument(0)?)?, one(on.scope, &on.argument(1)?)?);
    let Some(((text, part), with)) = text.zip(part).zip(with) else { return Ok(Vec::new()) };
    on.scope.step((text.len() + 1) * (1 + with.len() / 64))?;
    Ok(vec![Item::Text(Cow::Owned(text.replace(&*part, &with)))])
}

fn with_pattern<'a>(
    on: &On<'_, 'a>,
    ask: impl FnOnce(&Regex) -> Result<Items<'a>>,
) -> Result<Items<'a>> {
    if let Some(known) = &on.call.pattern {
        return ask(known);
    }
    let Some(text) = one(on.scope, &on.argument(0)?)? else { return Ok(Vec::new()) };
    on.scope.step(PATTERN + text.len())?;
    ask(&pattern(&text)?)
}

fn coded<'a>(
    on: &On<'_, 'a>,
    items: &[Item<'a>],
    how: fn(&str, &str) -> Option<String>,
) -> Result<Items<'a>> {
    let Some(code) = one(on.scope, &on.argument(0)?)? else { return Ok(Vec::new()) };
    changed(on, items, |text| {
        let found = how(text, &code).ok_or_else(|| refuse("an escape is unknown"))?;
        Ok(Cow::Owned(found))
    })
}

const HTML: [(&str, &str); 5] =
    [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];

fn escape(text: &str, code: &str) -> Option<String> {
    match code {
        "json" => {
            let quoted = serde_json::to_string(text).ok()?;
            Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned())
        }
        "html" => {
            Some(HTML.iter().fold(text.to_owned(), |text, (sign, name)| text.replace(sign, name)))
        }
        _ => None,
    }
}

fn unescape(text: &str, code: &str) -> Option<String> {
    match code {
        "json" => serde_json::from_str(&format!("\"{text}\"")).ok(),
        "html" => Some(
            HTML.iter().rev().fold(text.to_owned(), |text, (sign, name)| text.replace(name, sign)),
        ),
        _ => None,
    }
}
