//! What is put together for people: pictures, and the collective plan.

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::json;

use super::stage::{Stage, answer, hidden_documents, hidden_parts, plan, push, survey};
use crate::world::{Reply, actor::Ask};

/// Asks for each of these in every form, whole and by its head.
fn in_every_form(stage: &Stage, paths: &[String], forms: &[&str]) -> Vec<Reply> {
    let ask = |path: &String, form: &str, method| {
        let headers = vec![("accept", form.to_owned()), ("accept-language", "en".to_owned())];
        stage.asks(method, path, Ask { headers, ..Ask::default() })
    };
    let each = |path: &String| {
        let of_form = |form: &&str| [ask(path, form, Method::GET), ask(path, form, Method::HEAD)];
        forms.iter().flat_map(of_form).collect::<Vec<_>>()
    };
    paths.iter().flat_map(each).collect()
}

fn same(before: &[Reply], after: &[Reply]) {
    assert_eq!(before.len(), after.len());
    for (one, other) in before.iter().zip(after) {
        assert_eq!(one.status(), 200, "{one:?}");
        assert_eq!(one.bytes(), other.bytes(), "{one:?}\nand\n{other:?}");
    }
}

#[test]
pub(super) fn a_hidden_theme_is_drawn_as_one_that_was_skipped() {
    let stage = Stage::new();
    let found = stage.reader.get(&stage.of_aino("QuestionnaireResponse", "")).ids();
    let mut paths: Vec<String> = found
        .iter()
        .map(|id| format!("/fhir/QuestionnaireResponse/{id}/$circle-of-life"))
        .collect();
    let patient = format!("/fhir/Patient/{}/$circle-of-life", stage.aino.patient());
    let asked = ["", "?date=2026-02-01", "?compare=2026-02-01"];
    paths.extend(asked.map(|asked| format!("{patient}{asked}")));
    let forms = ["application/fhir+json", "text/html", "image/svg+xml"];
    let ask = || in_every_form(&stage, &paths, &forms);
    let before = ask();
    stage.hide();
    same(&before, &ask());
    for reply in before.iter().filter(|reply| !reply.text().is_empty()) {
        reply.keeps_quiet("Unohda se").says("housing");
    }
    // Of somebody hidden there is no more than of nobody.
    let eetu = stage.kuopio.person(super::stage::HIDDEN).patient().to_owned();
    let absent = format!("297.{}", "q".repeat(26));
    for operation in ["$circle-of-life", "$collective-plan"] {
        let of = |id: &str| stage.reader.get(&format!("/fhir/Patient/{id}/{operation}"));
        of(&absent).refused(404, "not-found");
        assert_eq!(of(&eetu).bytes(), of(&absent).bytes());
    }
}

#[test]
pub(super) fn a_form_is_filled_with_what_is_seen_and_numbers_are_extracted_of_that() {
    let stage = Stage::new();
    let found = stage.reader.get(&stage.of_aino("QuestionnaireResponse", "")).ids();
    let mut paths: Vec<String> =
        found.iter().map(|id| format!("/fhir/QuestionnaireResponse/{id}/$extract")).collect();
    let form =
        |id: &str| format!("/fhir/Questionnaire/3x10d-30-18plus/$populate?subject=Patient/{id}");
    paths.push(form(stage.aino.patient()));
    let ask = || paths.iter().map(|path| stage.reader.get(path)).collect::<Vec<_>>();
    let before = ask();
    stage.hide();
    same(&before, &ask());
    for reply in &before {
        reply.keeps_quiet("Unohda se").says("housing");
    }
    let eetu = stage.kuopio.person(super::stage::HIDDEN).patient().to_owned();
    let absent = format!("297.{}", "q".repeat(26));
    let of = |id: &str| stage.reader.get(&form(id)).text().replace(id, "");
    assert_eq!(of(&eetu), of(&absent));
}

#[test]
pub(super) fn a_collective_plan_is_put_together_of_what_is_seen() {
    let stage = Stage::new();
    let wanting = [answer("studies-work", 9, 2, ""), answer("housing", 9, 1, "")];
    push(&stage.kuopio, "assessments", &survey("aino", 5, "completed", &wanting));
    stage.world.pass(std::time::Duration::from_hours(1));
    let paths = [format!("/fhir/Patient/{}/$collective-plan", stage.aino.patient())];
    let ask = || in_every_form(&stage, &paths, &["application/fhir+json", "text/html"]);
    let before = ask();
    // A goal about studies and health may not be seen by who may see studies alone.
    for (kind, body) in hidden_documents() {
        push(&stage.kuopio, kind, &body);
    }
    let mut parts = hidden_parts();
    let goal = json!({ "id": "g-3", "themes": ["studies-work", "health"], "words": "Koulu",
        "set_by": "person", "status": "active" });
    parts["goals"].as_array_mut().unwrap().push(goal);
    push(&stage.kuopio, "plans", &plan(&parts));
    same(&before, &ask());
    let [bundle, _, page, _] = &before[..] else { panic!("four replies") };
    bundle.shows([Housing]);
    for reply in [bundle, page] {
        reply.says("Studies and work: important but not yet well, and no goal that you may see.");
        reply.keeps_quiet("Housing: important").keeps_quiet("Koulu").keeps_quiet("sychiatr");
    }
}
