//! The page for the meeting of the person and the case manager: circle, what to talk about, the plan
//! theme by theme, team, reviews. Prints on A4.
//!
//! Part of `collective`. It needs no script and loads nothing. Source: WCAG 2.2 (1.3.1, 1.4.10).

use std::fmt::Write;

use super::{Line, Member, Plan, Table, bundle::Terms, findings::Finding, texts};
use crate::{
    circle::{
        self, Asked, Shown,
        page::{missing, page, section},
        texts as circle_texts,
    },
    domain::{day::Day, theme::Theme},
    mapping::text,
    markup::escape,
};

/// The whole page.
pub fn html(table: &Table, findings: &[Finding], asked: &[Asked], terms: &Terms<'_>) -> String {
    let language = terms.language;
    let mut body = String::with_capacity(64 * 1024);
    head(&mut body, table, terms);
    missing(&mut body, &circle::missing(asked), language);
    if !findings.is_empty() {
        write!(body, "<section><h2>{}</h2><ul>", texts::TALK.of(language)).ok();
        for finding in findings {
            write!(body, "<li>{}</li>", escape(&texts::sentence(finding, language))).ok();
        }
        body.push_str("</ul></section>");
    }
    body.push_str("<div class=\"beside\">");
    if let Some(circle) = &table.circle {
        write!(body, "<section><h2>{}</h2>", circle_texts::TITLE.of(language)).ok();
        let shown = Shown { now: circle, before: None, asked: &[], language };
        section(&mut body, &shown, "h3");
        body.push_str("</section>");
    }
    themes(&mut body, table, language);
    body.push_str("</div>");
    team(&mut body, table, language);
    reviews(&mut body, table, language);
    sources(&mut body, table, language);
    page(texts::TITLE.of(language), language, &body)
}

fn head(out: &mut String, table: &Table, terms: &Terms<'_>) {
    let language = terms.language;
    write!(out, "<h1>{}</h1><p>", texts::TITLE.of(language)).ok();
    if let Some((name, born)) = &table.person {
        write!(out, "<strong>{}</strong>", escape(name)).ok();
        if let Some(born) = born {
            let (said, day) = (texts::BORN.of(language), circle_texts::day(born, language));
            write!(out, ", {} {}", said.to_lowercase(), escape(&day)).ok();
        }
        out.push_str("<br>");
    }
    let today = Day::in_finland(terms.now).map(|day| day.to_string()).unwrap_or_default();
    let today = circle_texts::day(&today, language);
    write!(out, "{} {}</p>", texts::MADE.of(language), escape(&today)).ok();
}

fn themes(out: &mut String, table: &Table, language: &str) {
    write!(out, "<section><h2>{}</h2>", texts::TITLE.of(language)).ok();
    for theme in Theme::ALL {
        let about: Vec<&Line> =
            table.lines.iter().filter(|line| line.themes.contains(theme)).collect();
        rows(out, text::theme(theme, language), &about, table, language);
    }
    let other: Vec<&Line> = table.lines.iter().filter(|line| line.themes.is_empty()).collect();
    rows(out, texts::OTHER.of(language), &other, table, language);
    out.push_str("</section>");
}

fn rows(out: &mut String, heading: &str, lines: &[&Line], table: &Table, language: &str) {
    if lines.is_empty() {
        return;
    }
    write!(out, "<table class=\"lines\"><caption>{heading}</caption><thead><tr>").ok();
    for column in [&texts::WHAT, &texts::WHO, &texts::STATE] {
        write!(out, "<th scope=\"col\">{}</th>", column.of(language)).ok();
    }
    out.push_str("</tr></thead><tbody>");
    for line in lines {
        row(out, line, table, language);
    }
    out.push_str("</tbody></table>");
}

fn row(out: &mut String, line: &Line, table: &Table, language: &str) {
    let sort = texts::sort(line.sort, language);
    write!(out, "<tr><th scope=\"row\"><span class=\"soft\">{sort}</span>").ok();
    if let Some(said) = &line.text {
        write!(out, "<br><span lang=\"{}\">{}</span>", escape(&line.language), escape(said)).ok();
    }
    if let Some(target) = &line.target {
        let aim = texts::AIM.of(language);
        write!(out, "<br><span class=\"soft\">{aim} {}</span>", target.satisfaction).ok();
    }
    write!(out, "</th><td>{}", escape(&table.giver(line))).ok();
    write!(out, "</td><td>{}", escape(texts::state(line, language))).ok();
    if let Some(until) = &line.until {
        let (by, day) = (texts::UNTIL.of(language), circle_texts::day(until, language));
        write!(out, "<br><span class=\"soft\">{by} {}</span>", escape(&day)).ok();
    }
    out.push_str("</td></tr>");
}

fn team(out: &mut String, table: &Table, language: &str) {
    if table.team.is_empty() {
        return;
    }
    write!(out, "<section><h2>{}</h2><ul>", texts::TEAM.of(language)).ok();
    let mut all: Vec<&Member> = table.team.iter().collect();
    all.sort_by_key(|member| (member.role != "case-manager", &member.plan, &member.reference));
    for member in all {
        let (role, who) = (texts::role(&member.role, language), table.member(member));
        write!(out, "<li>{}: {}</li>", escape(role), escape(&who)).ok();
    }
    out.push_str("</ul></section>");
}

fn reviews(out: &mut String, table: &Table, language: &str) {
    if table.reviews.is_empty() {
        return;
    }
    write!(out, "<section><h2>{}</h2><ul>", texts::REVIEWS.of(language)).ok();
    for review in &table.reviews {
        let day = circle_texts::day(&review.date, language);
        let said = review.text.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
        let owner = table.owner(&review.plan);
        write!(out, "<li>{}{} ({})</li>", escape(&day), escape(&said), escape(&owner)).ok();
    }
    out.push_str("</ul></section>");
}

fn sources(out: &mut String, table: &Table, language: &str) {
    if table.plans.is_empty() {
        return;
    }
    write!(out, "<section><h2>{}</h2>", texts::SOURCES.of(language)).ok();
    for (id, plan) in &table.plans {
        let owner = table.owner(id);
        let spoken = escape(&plan.language);
        write!(out, "<h3>{}</h3>", escape(&owner)).ok();
        if let Some(title) = &plan.title {
            write!(out, "<p lang=\"{spoken}\">{}</p>", escape(title)).ok();
        }
        write!(out, "<p class=\"soft\">{}</p><dl class=\"words\">", escape(&span(plan, language)))
            .ok();
        let views = [(&texts::VIEW, &plan.view), (&texts::REMARK, &plan.remark)];
        for (name, said) in views {
            if let Some(said) = said {
                let name = name.of(language);
                write!(
                    out,
                    "<div><dt>{name}</dt><dd lang=\"{spoken}\">{}</dd></div>",
                    escape(said)
                )
                .ok();
            }
        }
        out.push_str("</dl>");
    }
    out.push_str("</section>");
}

/// From when to when.
fn span(plan: &Plan, language: &str) -> String {
    let day = |day: &Option<String>| {
        day.as_deref().map(|day| circle_texts::day(day, language)).unwrap_or_default()
    };
    let (start, end) = &plan.period;
    format!("{}–{}", day(start), day(end))
}
