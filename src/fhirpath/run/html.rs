//! What a narrative may be made of.
//!
//! Part of `fhirpath`: `htmlChecks()` of FHIR R4, for the invariants `txt-1` and `txt-2`. The narrative is
//! well-formed XHTML of formatting alone: no script, form, frame, style sheet or event, and it says
//! something. Source: FHIR R4 narrative.html.

use super::{Function, text};

/// Elements of HTML 4.0, chapters 7 to 11 and 15, without those for frames; `a` and `img`.
const ELEMENTS: [&str; 62] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "area",
    "menu",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
];
const ATTRIBUTES: [&str; 45] = [
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellhalign",
    "cellpadding",
    "cellspacing",
    "cellvalign",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "colspan",
    "compact",
    "coords",
    "dir",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "lang",
    "longdesc",
    "name",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "title",
    "type",
];
const MORE: [&str; 6] = ["valign", "value", "vspace", "width", "xml:lang", "xmlns"];
const XHTML: &str = "http://www.w3.org/1999/xhtml";
/// Elements within one another.
const DEEPEST: usize = 200;

pub(super) const ALL: &[Function] = &[Function::telling("htmlChecks", 0..=0, |on, items| {
    let Some(text) = text::one(on.scope, items)? else { return Ok(None) };
    on.scope.step(text.len() / 64)?;
    Ok(Some(checks(&text).is_some()))
})];

/// Reads all of it; `None` at the first thing that may not be.
fn checks(text: &str) -> Option<()> {
    let mut open: Vec<&str> = Vec::new();
    let mut says = false;
    let mut rest = text.trim();
    let mut first = true;
    while !rest.is_empty() {
        let (words, tag) = rest.split_once('<')?;
        says |= !words.trim().is_empty();
        if !references(words) || (open.is_empty() && !words.trim().is_empty()) {
            return None;
        }
        if let Some(remark) = tag.strip_prefix("!--") {
            rest = remark.split_once("-->")?.1;
            continue;
        }
        let (inner, after) = tag_end(tag)?;
        rest = after;
        if let Some(name) = inner.strip_prefix('/') {
            if open.pop()? != name.trim_end() {
                return None;
            }
            if open.is_empty() && !rest.is_empty() {
                return None;
            }
            continue;
        }
        let (inner, closed) = inner.strip_suffix('/').map_or((inner, false), |inner| (inner, true));
        let (name, attributes) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let root = !first || (name == "div" && attributes.contains(XHTML));
        if !ELEMENTS.contains(&name) || !root || open.len() > DEEPEST {
            return None;
        }
        attributes_of(attributes)?;
        says |= name == "img";
        first = false;
        if !closed {
            open.push(name);
        }
    }
    (open.is_empty() && says && !first).then_some(())
}

/// Up to the `>` that is in no attribute.
fn tag_end(tag: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, letter) in tag.char_indices() {
        match (quote, letter) {
            (None, '>') => return Some((tag.get(..at)?, tag.get(at + 1..)?)),
            (None, '"' | '\'') => quote = Some(letter),
            (None, '<') => return None,
            (Some(open), _) if open == letter => quote = None,
            (_, _) => {}
        }
    }
    None
}

fn attributes_of(text: &str) -> Option<()> {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=')?;
        let (name, value) = (name.trim(), value.trim_start());
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value.get(1..)?.split_once(quote)?;
        let known = ATTRIBUTES.contains(&name) || MORE.contains(&name);
        let runs = value.trim_start().to_ascii_lowercase().starts_with("javascript:");
        if !known || runs || !references(value) || value.contains('<') {
            return None;
        }
        rest = after.trim_start();
    }
    Some(())
}

/// Is each `&` the beginning of a reference?
fn references(text: &str) -> bool {
    text.split('&').skip(1).all(|after| {
        let name = after.split_once(';').map_or("", |(name, _)| name);
        let name = name.strip_prefix('#').unwrap_or(name);
        !name.is_empty() && name.len() <= 10 && name.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}
