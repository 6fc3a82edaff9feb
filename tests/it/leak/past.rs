//! What was before: versions that differ in nothing that is seen are one, and say nothing of the others.

use super::stage::{HIDDEN, Stage};
use crate::world::Reply;

#[test]
pub(super) fn a_history_has_the_versions_that_are_seen() {
    let stage = Stage::new();
    let mut paths = Vec::new();
    for kind in ["QuestionnaireResponse", "Observation", "CarePlan", "CareTeam", "Provenance"] {
        let id = stage.first(kind);
        paths.push(format!("/fhir/{kind}/{id}/_history"));
        paths.push(format!("/fhir/{kind}/{id}/_history?_count=1&_since=2026-03-02T09:00:00Z"));
        paths.push(format!("/fhir/{kind}/_history?patient={}", stage.aino.patient()));
        let read = stage.reader.get(&format!("/fhir/{kind}/{id}"));
        let version = read.json()["meta"]["versionId"].as_str().unwrap();
        paths.push(format!("/fhir/{kind}/{id}/_history/{version}"));
    }
    let found = stage.finds_the_same(&paths);
    let totals: Vec<_> = found.chunks(4).map(|of| of[0].total()).collect();
    assert_eq!(totals, [Some(1); 5], "one version of each");
    let eetu = stage.kuopio.person(HIDDEN).patient().to_owned();
    let absent = format!("297.{}", "q".repeat(26));
    let of = |id: &str, path: &str| -> Reply { stage.reader.get(&path.replace("{}", id)) };
    for path in ["/fhir/Patient/{}/_history", "/fhir/Patient/{}/_history/1"] {
        assert_eq!(of(&eetu, path).bytes(), of(&absent, path).refused(404, "not-found").bytes());
    }
    let (hidden, none) = ("/fhir/Goal/_history?patient={}", |reply: Reply, id: &str| {
        let (status, headers, body) = reply.bytes();
        (status, headers, body.replace(id, "X"))
    });
    assert_eq!(none(of(&eetu, hidden), &eetu), none(of(&absent, hidden), &absent));
}
