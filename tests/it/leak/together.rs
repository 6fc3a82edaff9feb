//! What belongs together: chains, `_has`, includes, elements, several questions in one request.

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::json;

use super::stage::{HIDDEN, Stage, plan, push};
use crate::world::{Reply, actor::Ask};

#[test]
pub(super) fn a_hidden_neighbour_fulfils_no_condition() {
    let stage = Stage::new();
    let paths = [
        ("Observation", "&derived-from.status=amended"),
        ("Observation", "&derived-from.authored=2026-02-20"),
        ("Task", "&focus.category=health"),
        ("Task", "&focus.lifecycle-status=active"),
        ("CarePlan", "&goal.category=health"),
        ("CarePlan", "&care-team.participant=Practitioner/297.prac.psychiatry1"),
        ("CarePlan", "&activity-reference:ServiceRequest.code=297.svc.psychiatry"),
        ("CarePlan", "&activity-reference:Task.status=requested"),
        ("CarePlan", "&goal.category=housing"),
    ];
    let paths = paths.map(|(kind, more)| stage.of_aino(kind, more));
    let found = stage.finds_the_same(&paths);
    let found: Vec<_> = found.iter().map(|reply| reply.ids().len()).collect();
    assert_eq!(found, [0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
pub(super) fn nothing_hidden_refers_to_what_is_found() {
    let stage = Stage::new();
    let paths = [
        ("QuestionnaireResponse", "&_has:Observation:derived-from:code=health.satisfaction"),
        ("Goal", "&_has:Task:focus:status=requested"),
        ("CarePlan", "&_has:ServiceRequest:based-on:code=297.svc.psychiatry"),
        ("CarePlan", "&_has:Task:based-on:status=requested"),
        ("CareTeam", "&_has:CarePlan:care-team:goal.category=health"),
        ("CarePlan", "&_has:ServiceRequest:based-on:code=297.svc.youth"),
    ];
    let mut paths = paths.map(|(kind, more)| stage.of_aino(kind, more)).to_vec();
    let has = "_has:Observation:patient:code=health.satisfaction";
    paths.push(format!("/fhir/Patient?_id={}&{has}", stage.aino.patient()));
    paths.push(format!("/fhir/Patient?{has}"));
    let found = stage.finds_the_same(&paths);
    let found: Vec<_> = found.iter().map(|reply| reply.ids().len()).collect();
    assert_eq!(found, [0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
pub(super) fn no_hidden_neighbour_comes_along() {
    let stage = Stage::new();
    let paths = [
        ("QuestionnaireResponse", "&_revinclude=Observation:derived-from"),
        ("CarePlan", "&_include=CarePlan:goal&_include=CarePlan:activity-reference"),
        ("CarePlan", "&_revinclude=Task:based-on&_revinclude=ServiceRequest:based-on"),
        ("CareTeam", "&_include=CareTeam:participant"),
        ("CarePlan", "&_include=CarePlan:care-team&_include:iterate=CareTeam:participant"),
        ("Observation", "&_include=Observation:derived-from&_count=1"),
    ];
    let paths = paths.map(|(kind, more)| stage.of_aino(kind, more));
    let found = stage.finds_the_same(&paths);
    let added = |reply: &Reply| {
        let entries = reply.json()["entry"].as_array().unwrap();
        entries.iter().filter(|entry| entry["search"]["mode"] == "include").count()
    };
    assert_eq!(found.iter().map(added).collect::<Vec<_>>(), [8, 2, 1, 1, 2, 1]);
}

#[test]
pub(super) fn a_shortened_form_is_of_what_is_seen() {
    let stage = Stage::new();
    let mut paths = Vec::new();
    for form in ["_elements=item,text", "_summary=true", "_summary=text", "_summary=data"] {
        let survey = stage.first("QuestionnaireResponse");
        paths.push(format!("/fhir/QuestionnaireResponse/{survey}?{form}"));
        for kind in ["QuestionnaireResponse", "CareTeam", "CarePlan"] {
            let form = form.replace("=item,", "=");
            paths.push(stage.of_aino(kind, &format!("&{form}")));
        }
    }
    paths.push(stage.of_aino("QuestionnaireResponse", "&_elements=item"));
    paths.push(stage.of_aino("CareTeam", "&_elements=participant"));
    paths.push(stage.of_aino("CarePlan", "&_elements=goal,activity,title,extension"));
    stage.finds_the_same(&paths);
}

#[test]
pub(super) fn everything_of_a_person_is_what_is_seen() {
    let stage = Stage::new();
    let of = |more: &str| format!("/fhir/Patient/{}/$everything{more}", stage.aino.patient());
    let pages = stage.tells_nothing(|| {
        let all = ["", "?_count=3", "?_type=Goal,Observation", "?_since=2026-03-02T09:30:00Z"];
        all.iter().flat_map(|more| stage.reader.pages(&of(more))).collect()
    });
    assert!(pages[0].ids().len() > 10, "{:?}", pages[0]);
    let absent = stage.reader.get(&format!("/fhir/Patient/297.{}/$everything", "q".repeat(26)));
    let eetu = stage.kuopio.person(HIDDEN).patient().to_owned();
    let hidden = stage.reader.get(&format!("/fhir/Patient/{eetu}/$everything"));
    let bare = |reply: &Reply, id: &str| reply.text().replace(id, "");
    assert_eq!(bare(&hidden, &eetu), bare(&absent, &format!("297.{}", "q".repeat(26))));
}

#[test]
pub(super) fn a_batch_is_as_its_entries_alone() {
    let stage = Stage::new();
    let survey = stage.first("QuestionnaireResponse");
    let ask = || {
        let of = |kind: &str, more: &str| stage.of_aino(kind, more)["/fhir/".len()..].to_owned();
        let urls = [
            of("Observation", ""),
            of("QuestionnaireResponse", "&_revinclude=Observation:derived-from"),
            format!("QuestionnaireResponse/{survey}"),
            format!("Patient/{}/CareTeam", stage.aino.patient()),
            "Observation?_count=2".to_owned(),
            "Goal/297.nothing".to_owned(),
        ];
        let entries = urls.map(|url| json!({ "request": { "method": "GET", "url": url } }));
        let body = json!({ "resourceType": "Bundle", "type": "batch", "entry": entries });
        let kind = Some("application/fhir+json");
        let ask = Ask { kind, body: body.to_string().into(), ..Ask::default() };
        vec![stage.asks(Method::POST, "/fhir", ask)]
    };
    let found = stage.tells_nothing(ask);
    assert_eq!(found[0].json()["entry"][0]["resource"]["total"], 8);
}

#[test]
pub(super) fn a_goal_about_others_is_absent_until_they_permit_it() {
    let stage = Stage::new();
    let everything =
        format!("/fhir/Patient/{}/$everything?_type=CarePlan,Goal", stage.aino.patient());
    let paths = [
        stage.of_aino("Goal", "&_total=accurate"),
        stage.of_aino("Goal", "&category=housing&_include=Goal:subject"),
        stage.of_aino("CarePlan", "&_include=CarePlan:goal"),
        "/fhir/Goal/_history?patient=".to_owned() + stage.aino.patient(),
        everything,
    ];
    let ask = || paths.each_ref().map(|path| stage.reader.get(path).bytes());
    let before = ask();
    assert!(before.iter().all(|(status, _, text)| *status == 200 && text.contains("Goal/")));
    let eetu = stage.kuopio.person(HIDDEN);
    names_eetu(&stage);
    for (one, other) in before.iter().zip(&ask()) {
        assert_eq!(one, other);
    }
    eetu.grants(&stage.kuopio.client("national-portal"), [Housing]);
    assert!(before.iter().zip(&ask()).all(|(one, other)| one != other));
}

/// Aino's plan has a goal that is about Eetu too.
fn names_eetu(stage: &Stage) {
    let goal = json!({ "id": "g-4", "themes": ["housing"], "concerns": [HIDDEN], "words": "Yhdess\u{e4}",
        "set_by": "together", "status": "active" });
    push(&stage.kuopio, "plans", &plan(&json!({ "goals": [goal] })));
}

#[test]
pub(super) fn whom_a_hidden_goal_names_does_not_find_it() {
    let stage = Stage::new();
    let eetu = stage.kuopio.person(HIDDEN);
    let id = eetu.patient();
    let paths = [
        format!("/fhir/Goal?patient={id}&_total=accurate"),
        format!("/fhir/Goal?subject:Patient={id}&category=housing&_include=Goal:subject"),
        format!("/fhir/Goal?patient={id}&_count=1&_revinclude=CarePlan:goal"),
        format!("/fhir/Patient/{id}/Goal?_summary=count"),
        format!("/fhir/Goal/_history?patient={id}"),
        format!("/fhir/Patient/{id}/$everything?_type=Goal"),
    ];
    let ask = || paths.each_ref().map(|path| stage.reader.get(path).bytes());
    let before = ask();
    assert!(before.iter().all(|(status, _, text)| *status == 200 && !text.contains("Goal/297")));
    names_eetu(&stage);
    for (one, other) in before.iter().zip(&ask()) {
        assert_eq!(one, other);
    }
    // It is found once he permits it.
    eetu.grants(&stage.kuopio.client("national-portal"), [Housing]);
    assert!(before.iter().zip(&ask()).all(|(one, other)| one != other));
}
