//! Whatever a `QuestionnaireResponse` says, picture, table and numbers say the same of it, each theme
//! once, and nobody's words become markup.

use std::collections::BTreeMap;

use mylife::{
    circle::{Circle, Shown, draw, numbers, page},
    domain::theme::Theme,
    fhir::schema::Validator,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{MANY, world::THEMES};

type Scores = BTreeMap<&'static str, (Option<u64>, Option<u64>)>;

/// Satisfaction, importance, own words.
type Said = (Option<u64>, Option<u64>, Option<&'static str>);

/// Items of an assessment, with some that are none of the survey's.
fn responses() -> impl Strategy<Value = Value> {
    let words = option::of(select(vec![
        "</text><script>alert(1)</script>",
        "\" onload=\"x",
        "Oma koti & 'rauha'\u{1}\u{fffe}",
        "]]>",
        "🙂\n\u{202e}abc",
    ]));
    let score = || option::of(0..13_u64);
    let of_theme = (select(THEMES.to_vec()), score(), score(), words);
    let strange = option::of(select(vec![
        json!({ "linkId": "total", "item": [{ "linkId": "total.satisfaction", "answer": [{ "valueInteger": 7 }] }] }),
        json!({ "linkId": "housing", "answer": 3 }),
        json!([1, 2]),
        json!({ "item": [{}] }),
    ]));
    (vec(of_theme, 0..8), strange).prop_map(|(themes, strange)| {
        let mut once = BTreeMap::new();
        for (theme, satisfaction, importance, words) in themes {
            once.entry(theme).or_insert((satisfaction, importance, words));
        }
        let group = |(theme, (satisfaction, importance, words)): (&Theme, &Said)| {
            let item = |from: &str, answer: Value| {
                json!({ "linkId": format!("{}.{from}", theme.code()), "answer": [answer] })
            };
            let mut items = Vec::new();
            items.extend(satisfaction.map(|n| item("satisfaction", json!({ "valueInteger": n }))));
            items.extend(importance.map(|n| item("importance", json!({ "valueInteger": n }))));
            items.extend(words.map(|said| item("future", json!({ "valueString": said }))));
            json!({ "linkId": theme.code(), "item": items })
        };
        let items: Vec<Value> = once.iter().map(group).chain(strange).collect();
        json!({ "resourceType": "QuestionnaireResponse", "id": "297.a", "language": "fi",
            "authored": "2026-02-01T10:00:00Z", "status": "completed", "item": items })
    })
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(from).skip(1).map(move |rest| rest.split(to).next().unwrap())
}

fn of_picture(svg: &str) -> Scores {
    let sectors: Vec<&str> = svg.split("<g data-theme=\"").skip(1).collect();
    let of = |sector: &&str| {
        let code = sector.split('"').next().unwrap();
        let sector = sector.split("</g>").next().unwrap();
        let number = between(sector, "class=\"ml-number\"", "</text>").next();
        let number = number.map(|text| text.rsplit('>').next().unwrap());
        let both = number.map(|text| text.split_once(" / ").unwrap());
        let (is, matters) = both.unwrap_or(("–", "–"));
        (Theme::from_code(code).unwrap().code(), (is.parse().ok(), matters.parse().ok()))
    };
    let all: Scores = sectors.iter().map(of).collect();
    assert_eq!((sectors.len(), all.len()), (10, 10), "each theme once");
    all
}

fn of_table(html: &str) -> Scores {
    let rows: Vec<&str> = between(html, "<tr data-theme=\"", "</tr>").collect();
    let of = |row: &&str| {
        let code = row.split('"').next().unwrap();
        let cells: Vec<Option<u64>> = row
            .split("<td")
            .skip(1)
            .map(|cell| {
                cell.split('>').nth(1).unwrap().split('<').next().unwrap().trim().parse().ok()
            })
            .collect();
        // One cell for both says that there is neither.
        let neither = row.split("<td").nth(1).unwrap().contains("colspan");
        let scores = if neither { (None, None) } else { (cells[0], cells[1]) };
        (Theme::from_code(code).unwrap().code(), scores)
    };
    let all: Scores = rows.iter().map(of).collect();
    assert_eq!((rows.len(), all.len()), (10, 10), "each theme once");
    all
}

fn of_numbers(parameters: &Value) -> Scores {
    let themes =
        parameters["parameter"].as_array().unwrap().iter().filter(|p| p["name"] == "theme");
    let of = |theme: &Value| {
        let parts = theme["part"].as_array().unwrap();
        let part = |name: &str| parts.iter().find(|part| part["name"] == name);
        let code = part("about").unwrap()["valueCoding"]["code"].as_str().unwrap();
        let score = |name| part(name).map(|part| part["valueInteger"].as_u64().unwrap());
        let scores = (score("satisfaction"), score("importance"));
        (Theme::from_code(code).unwrap().code(), scores)
    };
    themes.map(of).collect()
}

/// Every tag that opens closes, in order; nothing else stands between angle brackets.
fn is_well_formed(markup: &str, is_void: impl Fn(&str) -> bool) -> bool {
    let mut open = Vec::new();
    for tag in between(markup, "<", ">") {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('!') || tag.ends_with('/') || is_void(name) {
            continue;
        }
        if !tag.starts_with('/') {
            open.push(name);
        } else if open.pop() != Some(name) {
            return false;
        }
    }
    open.is_empty()
}

#[test]
fn picture_table_and_numbers_say_the_same_each_theme_once() {
    let schema = Validator::new().unwrap();
    let languages = || select(vec!["fi", "sv", "en"]);
    proptest!(ProptestConfig { cases: MANY, failure_persistence: None, ..ProptestConfig::default() },
        |(response in responses(), earlier in option::of(responses()), language in languages())| {
        let now = Circle::of(&response);
        let before = earlier.as_ref().map(Circle::of);
        let asked = [("297".to_owned(), "complete"), ("205".to_owned(), "not-reached")];
        let shown = Shown { now: &now, before: before.as_ref(), asked: &asked, language };
        let svg = draw::svg(&shown, draw::Place::Alone);
        let html = page::html(&shown);
        let parameters = numbers::parameters(&shown);
        prop_assert_eq!(schema.faults(&parameters), vec![]);
        let (of_svg, of_html) = (of_picture(&svg), of_table(&html));
        prop_assert_eq!(&of_svg, &of_html);
        prop_assert_eq!(&of_svg, &of_numbers(&parameters));
        prop_assert_eq!(&of_svg, &of_picture(&html));
        for (theme, sector) in now.sectors() {
            let both = (sector.satisfaction.map(u64::from), sector.importance.map(u64::from));
            prop_assert_eq!(of_svg[theme.code()], both);
        }
        let style = |text: &str| text.replace(draw::STYLE, "").replace(page::PAGE_STYLE, "");
        prop_assert!(is_well_formed(&style(&svg), |_| false), "{}", svg);
        let void = |name: &str| ["meta", "br"].contains(&name);
        prop_assert!(is_well_formed(&style(&html), void), "{}", html);
        for text in [&svg, &html] {
            prop_assert!(!text.contains("<script"), "{}", text);
            prop_assert!(!text.contains('\u{1}'), "{}", text);
        }
    });
}

#[test]
fn a_theme_looks_one_way_whether_it_was_left_out_or_its_group_is_empty() {
    let with = |group: Value| {
        let housing = json!({ "linkId": "housing", "item": [
            { "linkId": "housing.satisfaction", "answer": [{ "valueInteger": 0 }] },
        ] });
        Circle::of(&json!({ "id": "297.a", "item": [housing, group] }))
    };
    let drawn = |circle: &Circle| {
        let shown = Shown { now: circle, before: None, asked: &[], language: "en" };
        draw::svg(&shown, draw::Place::Alone)
    };
    let left_out = with(json!({ "linkId": "other" }));
    let svg = drawn(&left_out);
    assert_eq!(svg, drawn(&with(json!({ "linkId": "health" }))));
    assert_eq!(svg, drawn(&with(json!({ "linkId": "health", "item": [] }))));
    // And zero is something else.
    assert!(svg.contains(">0 / –</text>"), "{svg}");
    assert_eq!(svg.matches("class=\"ml-none\" d=").count(), 9, "{svg}");
}
