//! The picture: SVG that stands alone, in light, dark, forced colours and on paper.
//!
//! Part of `circle`. Equal sectors whose area says satisfaction, importance as an arc, hatched where
//! something is important but not yet well, every number printed, a pencil for own words. Nothing is
//! said by colour alone. A theme of which nothing is there to show is a dotted outline. An earlier
//! assessment is a dashed outline, not a grade. Sources: SVG 1.1; WCAG 2.2 (1.1.1, 1.4.1, 1.4.11).

use std::fmt::Write;

use super::{
    Circle, Sector, Shown,
    geometry::{INNER, MIDDLE, OUTER, arc, bearing, point, radius, sector},
    texts::{self, Text},
};
use crate::{domain::theme::Theme, mapping::text, markup::escape};

/// Height of a line of a label.
const LINE: f64 = 24.0;
/// Where labels begin.
const LABELS: f64 = OUTER + 16.0;

/// How it looks; in a page it holds for the picture in it.
pub const STYLE: &str = include_str!("picture.css");

/// Does something beside the picture say its numbers in words?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// It stands alone, so its description says them.
    Alone,
    /// It stands beside the table.
    BesideTable,
}

/// Draws what is shown.
pub fn svg(shown: &Shown<'_>, place: Place) -> String {
    let language = shown.language;
    let mut out = String::with_capacity(16 * 1024);
    let legend = legend(shown);
    let height = 640.0 + LINE * f64::from(legend.rows);
    let name = format!("{} 3X10D", texts::TITLE.of(language));
    let described = match place {
        Place::Alone => escape(&in_words(shown)).into_owned(),
        Place::BesideTable => texts::IN_TABLE.of(language).to_owned(),
    };
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ml\" viewBox=\"0 0 720 {height}\" \
         role=\"img\" aria-labelledby=\"ml-t ml-d\" lang=\"{language}\">\
         <title id=\"ml-t\">{name}</title><desc id=\"ml-d\">{described}</desc>"
    )
    .ok();
    if place == Place::Alone {
        write!(out, "<style>{STYLE}</style>").ok();
    }
    out.push_str(
        "<defs><pattern id=\"ml-hatch\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect class=\"ml-under\" width=\"8\" height=\"8\"/>\
         <path class=\"ml-hatching\" d=\"M0 0V8\"/></pattern></defs>",
    );
    write!(out, "<rect class=\"ml-paper\" width=\"720\" height=\"{height}\"/>").ok();
    out.push_str("<g aria-hidden=\"true\">");
    for score in [2, 4, 6, 8, 10] {
        let (x, y) = MIDDLE;
        let r = radius(score);
        write!(out, "<circle class=\"ml-ring\" cx=\"{x}\" cy=\"{y}\" r=\"{r:.1}\"/>").ok();
    }
    for ((number, (theme, of)), before) in (0..).zip(shown.now.sectors()).zip(befores(shown)) {
        write!(out, "<g data-theme=\"{}\">", theme.code()).ok();
        shape(&mut out, number, of, before);
        label(&mut out, (number, theme), (of, before), language);
        out.push_str("</g>");
    }
    out.push_str(&legend.drawn);
    out.push_str("</g></svg>");
    out
}

/// The sector before, of each theme; `None` where nothing is compared.
fn befores<'a>(shown: &Shown<'a>) -> impl Iterator<Item = Option<&'a Sector>> {
    let before: Option<&'a Circle> = shown.before;
    Theme::ALL.into_iter().map(move |theme| before.and_then(|circle| circle.sector(theme)))
}

fn shape(out: &mut String, number: u8, of: &Sector, before: Option<&Sector>) {
    if !of.has_number() {
        path(out, "ml-none", &sector(number, INNER, OUTER));
    }
    if let (true, Some(is), Some(matters)) = (of.is_wanting(), of.satisfaction, of.importance) {
        path(out, "ml-wanting", &sector(number, radius(is), radius(matters)));
    }
    if let Some(score) = of.satisfaction.filter(|score| *score > 0) {
        path(out, "ml-satisfaction", &sector(number, INNER, radius(score)));
    }
    if of.satisfaction == Some(0) {
        path(out, "ml-zero", &arc(number, INNER));
    }
    if let Some(score) = before.and_then(|before| before.satisfaction) {
        let outline = sector(number, INNER, radius(score.max(1)));
        let outline = if score == 0 { arc(number, INNER) } else { outline };
        path(out, "ml-halo", &outline);
        path(out, "ml-before", &outline);
    }
    if let Some(score) = before.and_then(|before| before.importance) {
        path(out, "ml-before-importance", &arc(number, radius(score)));
    }
    if let Some(score) = of.importance {
        path(out, "ml-halo-wide", &arc(number, radius(score)));
        path(out, "ml-importance", &arc(number, radius(score)));
    }
}

fn path(out: &mut String, class: &str, d: &str) {
    write!(out, "<path class=\"{class}\" d=\"{d}\"/>").ok();
}

/// The two numbers of a theme; a dash stands where one is not there.
fn numbers(of: &Sector) -> String {
    let number = |score: Option<u8>| score.map_or_else(|| "–".to_owned(), |n| n.to_string());
    format!("{} / {}", number(of.satisfaction), number(of.importance))
}

fn label(
    out: &mut String,
    (number, theme): (u8, Theme),
    (of, before): (&Sector, Option<&Sector>),
    language: &str,
) {
    let degrees = bearing(number);
    let (x, y) = point(LABELS, degrees);
    let is_right = degrees < 180.0;
    let anchor = if is_right { "start" } else { "end" };
    let names = texts::label(theme, language);
    let mut lines: Vec<(&str, String)> =
        names.into_iter().map(|name| ("ml-name", name.to_owned())).collect();
    let pencil_at = lines.len();
    if of.has_number() {
        lines.push(("ml-number", numbers(of)));
    } else {
        let nothing = texts::NOTHING.of(language);
        let (first, last) = nothing.rsplit_once(' ').unwrap_or((nothing, ""));
        lines.extend([first, last].map(|line| ("ml-small", line.to_owned())));
    }
    if let Some(before) = before {
        let before = if before.has_number() { numbers(before) } else { "–".to_owned() };
        lines.push(("ml-small", format!("{} {before}", texts::BEFORE.of(language))));
    }
    let rows: f64 = lines.iter().map(|_| LINE).sum();
    let top = rows.mul_add(-(1.0 + (degrees.to_radians()).cos()) / 2.0, y);
    for ((line, (class, said)), at) in lines.iter().enumerate().zip(rising()) {
        let has_pencil = line == pencil_at && !of.words.is_empty();
        let base = LINE.mul_add(at, top + 19.0);
        let aside = match (has_pencil, is_right) {
            (false, _) => 0.0,
            (true, true) => 24.0,
            (true, false) => -24.0,
        };
        let start = x + aside;
        write!(
            out,
            "<text class=\"{class}\" x=\"{start:.1}\" y=\"{base:.1}\" \
             text-anchor=\"{anchor}\">{}</text>",
            escape(said)
        )
        .ok();
        if has_pencil {
            pencil(out, if is_right { x } else { x - 18.0 }, base - 16.0);
        }
    }
}

/// 0, 1, 2 and so on, as lengths.
fn rising() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(0.0), |n| Some(n + 1.0))
}

fn pencil(out: &mut String, x: f64, y: f64) {
    write!(
        out,
        "<path class=\"ml-pencil\" transform=\"translate({x:.1} {y:.1})\" \
         d=\"M1 17L2.5 11.5L12 2L16 6L6.5 15.5ZM10 4L14 8\"/>"
    )
    .ok();
}

/// What the signs mean.
struct Legend {
    drawn: String,
    rows: u8,
}

fn legend(shown: &Shown<'_>) -> Legend {
    let language = shown.language;
    let mut signs: Vec<(&str, &Text)> = vec![
        ("ml-satisfaction", &texts::SATISFACTION),
        ("ml-importance", &texts::IMPORTANCE),
        ("ml-wanting", &texts::WANTING),
        ("ml-none", &texts::NOTHING),
        ("ml-pencil", &texts::WORDS),
    ];
    if shown.before.is_some() {
        signs.push(("ml-before", &texts::BEFORE));
    }
    let mut drawn = String::new();
    let mut at = 630.0;
    for pair in signs.chunks(2) {
        for ((class, said), x) in pair.iter().zip([36.0, 400.0]) {
            sign(&mut drawn, class, x, at);
            let (text_x, base) = (x + 36.0, at + 14.0);
            let said = said.of(language);
            write!(drawn, "<text class=\"ml-legend\" x=\"{text_x}\" y=\"{base:.1}\">{said}</text>")
                .ok();
        }
        at += LINE + 3.0;
    }
    let mut notes = vec![texts::NUMBERS.of(language).to_owned()];
    notes.extend(dates(shown));
    let missing = shown.missing();
    if !missing.is_empty() {
        notes.push(format!("{} {}", texts::MISSING.of(language), missing.join(", ")));
    }
    let mut rows = 4;
    for note in notes {
        let base = at + 14.0;
        write!(
            drawn,
            "<text class=\"ml-legend\" x=\"36\" y=\"{base:.1}\">{}</text>",
            escape(&note)
        )
        .ok();
        at += LINE;
        rows += 1;
    }
    Legend { drawn, rows }
}

fn sign(out: &mut String, class: &str, x: f64, y: f64) {
    let middle = y + 8.0;
    match class {
        "ml-importance" => {
            write!(out, "<path class=\"{class}\" d=\"M{x} {middle}h26\"/>").ok();
        }
        "ml-pencil" => pencil(out, x + 4.0, y - 1.0),
        _ => {
            write!(out, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"26\" height=\"16\"/>")
                .ok();
        }
    }
}

/// When it was answered, and what it is compared with.
pub fn dates(shown: &Shown<'_>) -> Option<String> {
    let language = shown.language;
    let day = |circle: &Circle| texts::day(circle.day(), language);
    let now = Some(shown.now).filter(|circle| !circle.authored.is_empty())?;
    let mut said = format!("{} {}", texts::ANSWERED.of(language), day(now));
    if let Some(before) = shown.before {
        write!(said, "; {}: {}", texts::BEFORE.of(language).to_lowercase(), day(before)).ok();
    }
    Some(said)
}

/// The picture in words, theme by theme.
fn in_words(shown: &Shown<'_>) -> String {
    let language = shown.language;
    let score = |name: &Text, score: Option<u8>| {
        score.map(|n| format!("{} {n}", name.of(language).to_lowercase()))
    };
    let of_theme = |(theme, of): (Theme, &Sector)| {
        let mut said: Vec<String> = [
            score(&texts::SATISFACTION_SHORT, of.satisfaction),
            score(&texts::IMPORTANCE, of.importance),
        ]
        .into_iter()
        .flatten()
        .collect();
        if said.is_empty() {
            said.push(texts::NOTHING.of(language).to_owned());
        }
        if of.is_wanting() {
            said.push(texts::WANTING.of(language).to_lowercase());
        }
        if !of.words.is_empty() {
            said.push(texts::WORDS.of(language).to_lowercase());
        }
        if let Some(before) = shown.before.and_then(|circle| circle.sector(theme)) {
            let before = if before.has_number() { numbers(before) } else { "–".to_owned() };
            said.push(format!("{} {before}", texts::BEFORE.of(language).to_lowercase()));
        }
        format!("{}: {}.", text::theme(theme, language), said.join(", "))
    };
    let all: Vec<String> = shown.now.sectors().map(of_theme).collect();
    all.join(" ")
}
