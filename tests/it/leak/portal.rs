//! Through the federation: what a node hides shows nowhere at the gateway that asks.

use http::Method;
use mylife::domain::theme::Theme::Housing;

use super::stage::{HIDDEN, Stage};
use crate::world::{Reply, World, actor::Ask, municipality::At};

fn at_the_portal(kuopio: &crate::world::Node) -> At {
    let mut portal = kuopio.world.portal().client("national-portal");
    portal.nodes = Some("297".to_owned());
    portal
}

#[test]
pub(super) fn who_holds_somebody_shows_in_no_statement() {
    for place in [at_the_portal, |kuopio: &crate::world::Node| kuopio.client("national-portal")] {
        let stage = Stage::at(place);
        // Somebody of this name is known after, and before, to the portal's law: nobody.
        let code = code_of(HIDDEN);
        let found = stage.tells_nothing(|| {
            let kinds = ["Observation", "QuestionnaireResponse"];
            let named = [("patient.identifier", code.as_str())];
            let more = kinds.map(|kind| stage.reader.post(kind, &named));
            let patient = stage.reader.post("Patient", &[("identifier", &code)]);
            more.into_iter().chain([patient]).collect()
        });
        for reply in found {
            let states = reply.is_empty().completeness();
            assert_eq!(states.get("297").map(String::as_str), Some("complete"), "{reply:?}");
            assert_eq!(reply.total(), Some(0));
        }
        let unknown = Ask { nodes: Some("297, 049x"), ..Ask::default() };
        let path = stage.of_aino("Observation", "");
        stage.asks(Method::GET, &path, unknown).refused(400, "invalid");
    }
}

/// The identity code that a person of this name has in every municipality.
fn code_of(name: &str) -> String {
    let elsewhere = World::new();
    format!("urn:oid:1.2.246.21|{}", elsewhere.municipality("205").person(name).code())
}

#[test]
pub(super) fn a_question_about_who_is_hidden_is_not_widened() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let here = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let there = kajaani.person("aino").answered([(Housing, 3, 3, "")]);
    let grant = there.grants(&kajaani.client("national-portal"), [Housing]);
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("205,297".to_owned());
    let of = |id: &str| {
        let (status, headers, body) =
            portal.get(&format!("/fhir/Observation?patient=Patient/{id}")).bytes();
        (status, headers, body.replace(id, "X"))
    };
    portal.search("Observation", &there).shows([Housing]);
    // Kuopio hides Aino, so that she is the same as nobody, and Kajaani is not told who is meant.
    assert_eq!(of(here.patient()), of(&format!("297.{}", "q".repeat(26))));
    portal.search("Observation", &here).is_empty();
    grant.revoke();
    portal.search("Observation", &here).is_empty();
}

#[test]
pub(super) fn an_explanation_asked_of_others_is_of_nobody_for_who_may_not_ask() {
    let stage = Stage::at(at_the_portal);
    let organization = "urn:oid:1.2.246.10.99909002";
    let body = crate::story::explained::caller(organization, "TREAT", &[]);
    let absent = format!("297.{}", "q".repeat(26));
    let ids = [stage.aino.patient().to_owned(), absent.clone()];
    let found =
        stage.tells_nothing(|| ids.iter().map(|id| stage.reader.explains(id, &body)).collect());
    let hidden = stage.kuopio.person(HIDDEN).patient().to_owned();
    let of_hidden = stage.reader.explains(&hidden, &body);
    for reply in found.iter().chain([&of_hidden]) {
        reply.refused(404, "not-found");
        assert_eq!(reply.bytes(), found[1].bytes());
    }
}

#[test]
pub(super) fn what_a_node_hides_shows_nowhere_at_the_portal() {
    let stage = Stage::at(at_the_portal);
    let survey = stage.first("QuestionnaireResponse");
    let id = stage.aino.patient().to_owned();
    let code = format!("urn:oid:1.2.246.21|{}", stage.aino.code());
    let found = stage.tells_nothing(|| {
        let kinds = ["Observation", "QuestionnaireResponse", "CarePlan", "CareTeam", "Provenance"];
        let mut all: Vec<Reply> = kinds.map(|k| stage.reader.get(&stage.of_aino(k, ""))).into();
        all.extend(
            ["&_count=1", "&_sort=_lastUpdated&_count=3", "&_count=0"]
                .iter()
                .flat_map(|more| stage.reader.pages(&stage.of_aino("Observation", more))),
        );
        all.extend(stage.reader.pages("/fhir/Observation?_count=3"));
        all.push(stage.reader.post("Observation", &[("patient.identifier", &code)]));
        all.push(stage.reader.get(&format!("/fhir/QuestionnaireResponse/{survey}")));
        all.push(stage.reader.get(&format!("/fhir/QuestionnaireResponse/{survey}x")));
        all.push(stage.reader.get(&format!("/fhir/Patient/{id}")));
        all
    });
    assert_eq!(found[0].total(), Some(8));
    assert_eq!(found[1].total(), Some(2));
}
