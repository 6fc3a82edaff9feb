//! The page: the picture, a table of the same numbers, and the person's own words; prints on A4.
//!
//! Part of `circle`. It needs no script and loads nothing. Source: WCAG 2.2 (1.3.1, 1.4.10, 3.1.2).

use std::fmt::Write;

use super::{
    Sector, Shown,
    draw::{self, Place, STYLE, svg},
    texts::{self, Text},
};
use crate::{domain::theme::Theme, mapping::text, markup::escape};

/// How pages look.
pub const PAGE_STYLE: &str = include_str!("page.css");

/// The whole page.
pub fn html(shown: &Shown<'_>) -> String {
    let mut body = String::with_capacity(24 * 1024);
    write!(body, "<h1>{}</h1>", texts::TITLE.of(shown.language)).ok();
    section(&mut body, shown, "h2");
    page(texts::TITLE.of(shown.language), shown.language, &body)
}

/// A page of ours around what stands in it.
pub fn page(title: &str, language: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">\
         <title>{}</title><style>{PAGE_STYLE}{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        escape(title)
    )
}

/// Picture, table and own words, to stand in a page.
pub fn section(out: &mut String, shown: &Shown<'_>, heading: &str) {
    let language = shown.language;
    if let Some(said) = draw::dates(shown) {
        write!(out, "<p>{}</p>", escape(&said)).ok();
    }
    missing(out, &shown.missing(), language);
    write!(out, "<figure>{}</figure>", svg(shown, Place::BesideTable)).ok();
    table(out, shown);
    words(out, shown, heading);
}

/// Says whose part is missing.
pub fn missing(out: &mut String, nodes: &[&str], language: &str) {
    if !nodes.is_empty() {
        let said = texts::MISSING.of(language);
        write!(out, "<p class=\"missing\">{said} {}</p>", escape(&nodes.join(", "))).ok();
    }
}

fn table(out: &mut String, shown: &Shown<'_>) {
    let language = shown.language;
    let head = |out: &mut String, said: &str| {
        write!(out, "<th scope=\"col\">{said}</th>").ok();
    };
    let caption = texts::CAPTION.of(language);
    write!(out, "<table class=\"numbers\"><caption>{caption}</caption><thead><tr>").ok();
    head(out, texts::THEME.of(language));
    head(out, texts::SATISFACTION_SHORT.of(language));
    head(out, texts::IMPORTANCE.of(language));
    out.push_str("</tr></thead><tbody>");
    for (theme, of) in shown.now.sectors() {
        write!(
            out,
            "<tr data-theme=\"{}\"><th scope=\"row\">{}",
            theme.code(),
            text::theme(theme, language)
        )
        .ok();
        if of.is_wanting() {
            write!(out, " <span class=\"wanting\">{}</span>", texts::WANTING.of(language)).ok();
        }
        out.push_str("</th>");
        cells(out, of, shown.before.and_then(|circle| circle.sector(theme)), language);
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

/// The two numbers, each with what it was before.
fn cells(out: &mut String, of: &Sector, before: Option<&Sector>, language: &str) {
    let nothing = texts::NOTHING.of(language);
    if !of.has_number() && !before.is_some_and(Sector::has_number) {
        write!(out, "<td colspan=\"2\" class=\"none\">{nothing}</td>").ok();
        return;
    }
    let importance = before.map(|before| before.importance);
    let satisfaction = before.map(|before| before.satisfaction);
    for (score, before) in [(of.satisfaction, satisfaction), (of.importance, importance)] {
        match score {
            Some(score) => write!(out, "<td>{score}").ok(),
            None => write!(out, "<td class=\"none\">{nothing}").ok(),
        };
        if let Some(before) = before {
            let before = before.map_or_else(|| "–".to_owned(), |n| n.to_string());
            let word = texts::BEFORE.of(language).to_lowercase();
            write!(out, " <span class=\"before\">{word} {before}</span>").ok();
        }
        out.push_str("</td>");
    }
}

/// What the person says, theme by theme; in the language it was said in.
fn words(out: &mut String, shown: &Shown<'_>, heading: &str) {
    let said: Vec<(Theme, &Sector)> =
        shown.now.sectors().filter(|(_, of)| !of.words.is_empty()).collect();
    if said.is_empty() {
        return;
    }
    let language = shown.language;
    let title: &Text = &texts::WORDS;
    write!(out, "<{heading}>{}</{heading}><dl class=\"words\">", title.of(language)).ok();
    for (theme, of) in said {
        write!(out, "<div><dt>{}</dt>", text::theme(theme, language)).ok();
        for words in &of.words {
            let spoken = escape(&shown.now.language);
            write!(out, "<dd lang=\"{spoken}\">{}</dd>", escape(words)).ok();
        }
        out.push_str("</div>");
    }
    out.push_str("</dl>");
}
