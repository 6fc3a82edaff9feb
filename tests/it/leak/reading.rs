//! Reads: versions, times, labels, absence, references, narrative, provenance.

use http::{Method, header};
use mylife::domain::theme::Theme::{Health, Housing};

use super::stage::{HIDDEN, Stage};
use crate::world::{Reply, actor::Ask};

#[test]
pub(super) fn version_time_status_and_labels_are_of_what_is_seen() {
    let stage = Stage::new();
    let kinds = ["QuestionnaireResponse", "CarePlan", "CareTeam", "Goal", "Provenance"];
    let mut paths: Vec<String> = kinds.iter().map(|kind| stage.of_aino(kind, "")).collect();
    for kind in ["QuestionnaireResponse", "CarePlan"] {
        let all = stage.reader.get(&stage.of_aino(kind, "")).ids();
        paths.extend(all.iter().map(|id| format!("/fhir/{kind}/{id}")));
    }
    paths.push(format!("/fhir/Patient/{}", stage.aino.patient()));
    let found = stage.finds_the_same(&paths);
    found[0].shows([Housing]).hides([Health]);
    let read = &found[5];
    let know = |tag: &str| {
        let headers = vec![("if-none-match", tag.to_owned())];
        stage.asks(Method::GET, &paths[5], Ask { headers, ..Ask::default() })
    };
    assert_eq!(know(read.header(header::ETAG.as_str().to_owned().leak()).unwrap()).status(), 304);
}

#[test]
pub(super) fn hidden_and_absent_are_the_same_bytes() {
    let stage = Stage::new();
    stage.hide();
    let survey = push_again(&stage);
    let eetu = stage.kuopio.person(HIDDEN).patient().to_owned();
    let seen = stage.first("QuestionnaireResponse");
    let hidden = [
        ("Patient", eetu.clone()),
        ("QuestionnaireResponse", survey.clone()),
        ("Observation", format!("{survey}.he.s")),
        ("Observation", format!("{seen}.he.s")),
        ("Provenance", format!("{survey}.pv")),
        ("Consent", seen.clone()),
    ];
    let absent = format!("297.{}", "q".repeat(26));
    for (kind, id) in hidden {
        for method in [Method::GET, Method::HEAD] {
            let ask = |id: &str, tag: &str| {
                let headers = vec![("if-none-match", tag.to_owned())];
                let path = format!("/fhir/{kind}/{id}");
                stage.asks(method.clone(), &path, Ask { headers, ..Ask::default() })
            };
            for tag in ["*", "W/\"1\""] {
                let (is, none) = (ask(&id, tag), ask(&absent, tag));
                assert_eq!(none.status(), 404);
                assert_eq!(is.bytes(), none.bytes(), "{kind}/{id}");
            }
        }
    }
    // A search for nobody differs from one for somebody hidden in the words asked alone.
    let of = |id: &str| {
        let (status, headers, body) =
            stage.reader.get(&format!("/fhir/Observation?patient={id}")).bytes();
        (status, headers, body.replace(id, "X"))
    };
    assert_eq!(of(&eetu), of(&absent));
}

/// Id of the survey that is hidden whole.
fn push_again(stage: &Stage) -> String {
    let region = stage.kuopio.client("north-savo");
    let all = region.get(&stage.of_aino("QuestionnaireResponse", "")).ids();
    let seen = stage.reader.get(&stage.of_aino("QuestionnaireResponse", "")).ids();
    all.into_iter().find(|id| !seen.contains(id)).expect("the region sees it")
}

#[test]
pub(super) fn a_head_tells_of_what_its_body_would() {
    let stage = Stage::new();
    let survey = format!("/fhir/QuestionnaireResponse/{}", stage.first("QuestionnaireResponse"));
    let search = stage.of_aino("Observation", "");
    let packed = || vec![("accept-encoding", "gzip, br, zstd".to_owned())];
    let found = stage.tells_nothing(|| {
        let ask = |method, path: &String| {
            stage.asks(method, path, Ask { headers: packed(), ..Ask::default() })
        };
        let paths = [&survey, &search];
        paths.iter().flat_map(|p| [ask(Method::HEAD, p), ask(Method::GET, p)]).collect()
    });
    for pair in found.chunks(2) {
        let [head, get] = pair else { panic!("a pair") };
        assert_eq!(head.text(), "");
        assert_eq!(head.bytes().1, get.bytes().1, "the same headers, the length too");
    }
}

fn says_nothing_of(found: &[Reply], words: &[&str]) {
    for reply in found {
        for words in words {
            reply.keeps_quiet(words);
        }
    }
}

#[test]
pub(super) fn a_reference_to_what_is_hidden_is_not_there() {
    let stage = Stage::new();
    let kinds = ["CarePlan", "CareTeam", "ServiceRequest", "Task", "Goal", "Provenance"];
    let all = [
        kinds.map(|kind| stage.of_aino(kind, "")).to_vec(),
        vec![format!("/fhir/CarePlan/{}", stage.first("CarePlan"))],
        kinds
            .map(|kind| {
                stage.of_aino(
                    kind,
                    "&_revinclude:iterate=Task:based-on&_include:iterate=CarePlan:goal",
                )
            })
            .to_vec(),
    ];
    let found = stage.finds_the_same(&all.concat());
    for reply in &found {
        reply.hides([Health]);
    }
    says_nothing_of(&found, &["psychiatry"]);
}

#[test]
pub(super) fn the_narrative_says_what_is_seen() {
    let stage = Stage::new();
    let kinds = ["QuestionnaireResponse", "CarePlan", "CareTeam", "Goal", "Patient"];
    let paths = kinds.map(|kind| match kind {
        "Patient" => format!("/fhir/Patient?_id={}", stage.aino.patient()),
        _ => stage.of_aino(kind, ""),
    });
    let found = stage.finds_the_same(&paths);
    assert!(found[0].matches()[0]["text"]["div"].as_str().unwrap().starts_with("<div"));
    says_nothing_of(&found, &["Unohda se", "Oma avain", "Kohti kotia", "Uni"]);
}

#[test]
pub(super) fn a_provenance_is_as_old_as_what_is_seen() {
    let stage = Stage::new();
    let ids = stage.reader.get(&stage.of_aino("Provenance", "")).ids();
    assert_eq!(ids.len(), 3);
    let mut paths: Vec<String> = ids.iter().map(|id| format!("/fhir/Provenance/{id}")).collect();
    paths.push(stage.of_aino("Provenance", "&recorded=ge2026-03-02T10:30:00Z"));
    paths.push(stage.of_aino("Provenance", "&_sort=recorded"));
    let found = stage.finds_the_same(&paths);
    says_nothing_of(&found, &["signature", "hash"]);
}
