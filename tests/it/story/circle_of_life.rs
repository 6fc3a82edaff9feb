//! A young person and their case manager lay the Circle of Life on the table between them.

use http::Method;
use mylife::{
    audit::record::Interaction,
    domain::theme::Theme::{Health, Housing, StudiesWork},
};
use serde_json::{Value, json};

use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At};

/// Asks for a form, in a language.
fn ask(who: &At, path: &str, form: &str, language: &str) -> Reply {
    send(who, Method::GET, path, form, language)
}

fn send(who: &At, method: Method, path: &str, form: &str, language: &str) -> Reply {
    let headers = vec![("accept", form.to_owned()), ("accept-language", language.to_owned())];
    let nodes = (who.node.code() != "900").then(|| who.node.code());
    who.actor.send(&who.node, method, path, Ask { headers, nodes, ..Ask::default() })
}

fn of_patient(person: &Person, more: &str) -> String {
    format!("/fhir/Patient/{}/$circle-of-life{more}", person.patient())
}

const FHIR: &str = "application/fhir+json";
const PAGE: &str = "text/html";
const PICTURE: &str = "image/svg+xml";

/// Value of a part of the theme's parameter.
fn part<'a>(numbers: &'a Reply, theme: &str, name: &str) -> Option<&'a Value> {
    let themes = numbers.json()["parameter"].as_array().unwrap();
    let parts = themes.iter().filter(|p| p["name"] == "theme").map(|p| p["part"].as_array());
    let mut parts = parts.map(Option::unwrap);
    let of = parts.find(|parts| parts[0]["valueCoding"]["code"] == theme).unwrap();
    of.iter().find(|part| part["name"] == name)
}

fn scored(numbers: &Reply, theme: &str) -> (Option<u64>, Option<u64>) {
    let score = |name| part(numbers, theme, name).map(|p| p["valueInteger"].as_u64().unwrap());
    (score("satisfaction"), score("importance"))
}

#[test]
fn picture_page_and_numbers_tell_the_same_of_what_was_granted() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([
        (Housing, 9, 3, "Oma koti & <rauha>"),
        (StudiesWork, 5, 6, ""),
        (Health, 8, 2, "Unohda"),
    ]);
    aino.gives(Terms::grant(&portal.actor).themes(&[Housing, StudiesWork]).class("free-text"));
    let response = format!("/fhir/QuestionnaireResponse/{}/$circle-of-life", aino.document(0));
    for path in [response, of_patient(&aino, "")] {
        let numbers = ask(&portal, &path, FHIR, "en");
        assert_eq!(scored(&numbers, "housing"), (Some(3), Some(9)), "{numbers:?}");
        assert_eq!(scored(&numbers, "studies-work"), (Some(6), Some(5)));
        assert_eq!(scored(&numbers, "health"), (None, None));
        assert!(part(&numbers, "housing", "important-not-yet-well").is_some());
        assert!(part(&numbers, "studies-work", "important-not-yet-well").is_none());
        let words = &part(&numbers, "housing", "words").unwrap()["valueString"];
        assert_eq!(words, "Oma koti & <rauha>");
        let picture = ask(&portal, &path, PICTURE, "en");
        assert_eq!(picture.header("content-type"), Some("image/svg+xml; charset=utf-8"));
        picture.says("<title id=\"ml-t\">Circle of Life 3X10D</title>").says("lang=\"en\"");
        picture.says("Housing: satisfaction 3, importance 9, important, but not yet well");
        picture.says("Health: no answer to show").says(">3 / 9</text>").says(">6 / 5</text>");
        let page = ask(&portal, &path, PAGE, "fi");
        assert_eq!(page.header("content-language"), Some("fi"));
        page.says("<html lang=\"fi\">").says("<td>3</td><td>9</td>");
        page.says("<td colspan=\"2\" class=\"none\">ei näytettävää vastausta</td>");
        page.says("<dd lang=\"fi\">Oma koti &amp; &lt;rauha&gt;</dd>");
        page.says("<th scope=\"col\">Tyytyväisyys</th>").says("<caption>");
        for reply in [&numbers, &picture, &page] {
            reply.keeps_quiet("Unohda").keeps_quiet("8 / 2");
        }
    }
}

#[test]
fn the_form_and_the_language_are_those_that_are_asked_for() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 9, 3, "")]);
    aino.grants(&portal, [Housing]);
    let path = of_patient(&aino, "");
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let image = "image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8";
    let rows = [
        (browser, "", "sv-FI, fi;q=0.5", "text/html; charset=utf-8", "sv"),
        (image, "", "de, en;q=0.3", "image/svg+xml; charset=utf-8", "en"),
        ("*/*", "", "", "application/fhir+json; charset=utf-8", "fi"),
        ("application/json", "", "fi", "application/fhir+json; charset=utf-8", "fi"),
        ("application/json", "?_format=svg", "fi", "image/svg+xml; charset=utf-8", "fi"),
        (browser, "?_format=image/svg%2Bxml", "fi", "image/svg+xml; charset=utf-8", "fi"),
        (browser, "?_format=json", "fi", "application/fhir+json; charset=utf-8", "fi"),
        ("text/html;q=0.2, image/svg+xml;q=0.3", "", "fi", "image/svg+xml; charset=utf-8", "fi"),
    ];
    for (accept, more, language, content_type, spoken) in rows {
        let reply = ask(&portal, &format!("{path}{more}"), accept, language);
        assert_eq!(reply.header("content-type"), Some(content_type), "{accept} {more}");
        assert_eq!(reply.header("content-language"), Some(spoken), "{language}");
    }
    ask(&portal, &path, "application/pdf", "fi").refused(406, "not-supported");
    ask(&portal, &format!("{path}?_format=pdf"), "*/*", "fi").refused(406, "not-supported");
    ask(&portal, &format!("{path}?date=soon"), FHIR, "fi").refused(400, "invalid");
    let plain = ask(&portal, &path, PICTURE, "fi");
    let head = send(&portal, Method::HEAD, &path, PICTURE, "fi");
    assert_eq!((head.text().as_str(), head.bytes().1), ("", plain.bytes().1));
    send(&portal, Method::POST, &path, FHIR, "fi").refused(405, "not-supported");
}

#[test]
fn a_change_is_shown_beside_what_was_before_and_not_as_a_grade() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio
        .person("aino")
        .answered([(Housing, 9, 3, ""), (Health, 4, 4, "")])
        .answered([(Housing, 8, 6, ""), (StudiesWork, 5, 5, "")]);
    aino.grants(&portal, [Housing, StudiesWork]);
    // Answered on the first and the second of February.
    let first = ask(&portal, &of_patient(&aino, "?date=2026-02-01"), FHIR, "fi");
    assert_eq!(scored(&first, "housing"), (Some(3), Some(9)), "{first:?}");
    let latest = ask(&portal, &of_patient(&aino, ""), FHIR, "fi");
    assert_eq!(scored(&latest, "housing"), (Some(6), Some(8)));
    assert!(part(&latest, "housing", "before-satisfaction").is_none());
    let both = ask(&portal, &of_patient(&aino, "?compare=2026-02-01"), FHIR, "fi");
    assert_eq!(scored(&both, "housing"), (Some(6), Some(8)));
    let before = |theme| part(&both, theme, "before-satisfaction").map(|p| &p["valueInteger"]);
    assert_eq!(before("housing"), Some(&json!(3)));
    assert_eq!((before("studies-work"), before("health")), (None, None));
    let picture = ask(&portal, &of_patient(&aino, "?compare=2026-02-01"), PICTURE, "fi");
    picture.says("class=\"ml-before\"").says("Aiemmin 3 / 9").says("aiemmin: 1.2.2026");
    let page = ask(&portal, &of_patient(&aino, "?compare=2026-02-01"), PAGE, "fi");
    page.says("<td>6 <span class=\"before\">aiemmin 3</span></td>");
    // Before there was any, there is nothing to show.
    ask(&portal, &of_patient(&aino, "?date=2026-01-01"), FHIR, "fi").refused(404, "not-found");
}

#[test]
fn at_the_portal_the_latest_is_found_wherever_it_is() {
    let world = World::new();
    let (kuopio, kajaani) = (world.municipality("297"), world.municipality("205"));
    let _third = world.municipality("049");
    let portal = world.portal().client("national-portal");
    let here = kuopio.person("aino").answered([(Housing, 9, 3, "")]);
    // Of the same person, answered a day later.
    let there = kajaani
        .person("aino")
        .answered([(Health, 1, 1, "")])
        .answered([(Housing, 8, 6, ""), (StudiesWork, 5, 5, "")]);
    for one in [&here, &there] {
        one.grants(&portal, [Housing]);
    }
    for patient in [&here, &there] {
        let latest = ask(&portal, &of_patient(patient, ""), FHIR, "fi");
        assert_eq!(scored(&latest, "housing"), (Some(6), Some(8)), "{latest:?}");
        assert_eq!(scored(&latest, "studies-work"), (None, None));
        let sources: Vec<&Value> = latest.json()["parameter"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|p| p["name"] == "source")
            .map(|p| &p["part"][1]["valueCoding"]["code"])
            .collect();
        assert_eq!(sources, ["complete"; 3], "{latest:?}");
    }
    let both = ask(&portal, &of_patient(&there, "?compare=2026-02-01"), PICTURE, "sv");
    both.says("Tidigare 3 / 9").keeps_quiet("Allt kunde inte");
    let one = format!("/fhir/QuestionnaireResponse/{}/$circle-of-life", here.document(0));
    ask(&portal, &one, PICTURE, "en").says(">3 / 9</text>");
    let absent = format!("/fhir/QuestionnaireResponse/297.{}/$circle-of-life", "q".repeat(26));
    ask(&portal, &absent, PICTURE, "en").refused(404, "not-found");
}

#[test]
fn each_picture_is_a_disclosure_on_record_before_it_leaves() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio
        .person("aino")
        .answered([(Housing, 9, 3, "")])
        .answered([(Housing, 8, 6, ""), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing]);
    ask(&portal, &of_patient(&aino, "?date=2026-02-01"), PICTURE, "fi").accepted();
    let told = kuopio.disclosures(aino.patient());
    let [entry] = &told[..] else { panic!("one record: {told:?}") };
    assert_eq!(entry.interaction, Interaction::Operation);
    let text = format!("{entry:?}");
    // Of the two assessments that were looked at, the one that is drawn.
    assert!(text.contains(&aino.document(0)) && !text.contains(&aino.document(1)), "{text}");
    // Refusals tell nothing of anybody.
    let goals = kuopio.client("goals-only");
    ask(&goals, &of_patient(&aino, ""), PICTURE, "fi").refused(403, "forbidden");
    assert_eq!(kuopio.disclosures(aino.patient()).len(), 1);
}
