//! Decisions: each of its own segment and its own caller, closed where nothing is known.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing, StudiesWork};
use serde_json::json;

use super::stage::Stage;
use crate::world::{Reply, Terms, actor::Ask, browser::Browser, person::path};

#[test]
pub(super) fn each_segment_has_its_own_decision() {
    let stage = Stage::new();
    let kinds = ["Observation", "QuestionnaireResponse", "Goal", "ServiceRequest", "CareTeam"];
    let found = stage.finds_the_same(&kinds.map(|kind| stage.of_aino(kind, "")));
    for reply in &found {
        reply.hides([Health]);
        for words in ["Unohda se", "Oma avain", "psychiatry"] {
            reply.keeps_quiet(words);
        }
    }
    found[0].shows([Housing, StudiesWork]);
}

#[test]
pub(super) fn what_cannot_be_decided_is_not_released() {
    let stage = Stage::new();
    let search = stage.of_aino("Observation", "");
    assert_eq!(stage.reader.get(&search).total(), Some(8));
    // What is recorded names no register, so it could be of this one.
    let given = stage.aino.means(Terms::prohibition(&stage.reader.actor));
    let mut body = given.body("active");
    body["provision"]["securityLabel"] = json!([
        { "system": "https://mylife.example/fhir/CodeSystem/register", "code": "youth-services" }]);
    let desk = stage.world.actor("consent-desk");
    desk.put(&stage.kuopio, &path(given.uuid()), &body, None).accepted();
    stage.reader.get(&search).is_empty();
    let id = stage.aino.patient();
    stage.reader.get(&format!("/fhir/Patient/{id}")).refused(404, "not-found");
}

#[test]
pub(super) fn an_answer_and_its_decisions_are_one_callers() {
    let stage = Stage::new();
    let first = format!("/fhir/QuestionnaireResponse/{}", stage.first("QuestionnaireResponse"));
    // The first words are the region's own too; the others it has not asked, but the decisions for it
    // were the last to be made.
    let paths = [stage.of_aino("Observation", ""), first, stage.of_aino("Goal", "")];
    for reply in stage.finds_the_same(&paths) {
        reply.hides([Health]);
    }
}

#[test]
pub(super) fn an_answer_is_not_given_again_after_what_permitted_it() {
    let stage = Stage::new();
    let onni = stage.kuopio.person("onni").answered([(Housing, 1, 1, "")]);
    let grant = onni.grants(&stage.reader, [Housing]);
    let read = format!("/fhir/Observation/{}.ho.s", onni.document(0));
    let search = format!("/fhir/Observation?patient={}", onni.patient());
    let ask = || [stage.reader.get(&read), stage.reader.get(&search)];
    for _ in 0..2 {
        assert_eq!(ask().map(|reply| reply.status()), [200, 200]);
    }
    let [_, found] = ask();
    found.shows([Housing]);
    grant.revoke();
    let [read, found] = ask();
    read.refused(404, "not-found");
    found.is_empty();
}

#[test]
pub(super) fn a_scope_chooses_resources_by_what_is_seen() {
    let stage = Stage::new();
    let ask = |scope: &str| {
        let token = stage.reader.actor.token(&stage.kuopio, scope);
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        let path = stage.of_aino("QuestionnaireResponse", "");
        stage.reader.actor.raw(&stage.kuopio, Method::GET, &path, ask)
    };
    let found = stage.tells_nothing(|| {
        let scopes = ["status=amended", "authored=2026-02-20", "status=completed"];
        scopes.map(|of| ask(&format!("system/QuestionnaireResponse.rs?{of}"))).into()
    });
    assert_eq!(found.iter().map(|r| r.ids().len()).collect::<Vec<_>>(), [0, 0, 2]);
}

#[test]
pub(super) fn a_receipt_counts_nothing() {
    let stage = Stage::new();
    let receipt = |reply: &Reply| reply.header("mylife-receipt").unwrap().to_owned();
    let ask = || receipt(&stage.reader.get(&stage.of_aino("Goal", "")));
    let before: Vec<String> = (0..4).map(|_| ask()).collect();
    stage.hide();
    let all: Vec<String> = before.into_iter().chain((0..4).map(|_| ask())).collect();
    for (at, one) in all.iter().enumerate() {
        assert_eq!(one.len(), 43, "one length");
        for other in &all[..at] {
            let same = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
            assert!(same < 12, "two receipts have no part of their own: {one} {other}");
        }
    }
    // A refusal has none, whatever it refuses.
    let absent = stage.reader.get(&format!("/fhir/Goal/297.{}", "q".repeat(26)));
    assert_eq!(absent.header("mylife-receipt"), None);
}

#[test]
pub(super) fn a_token_of_one_patient_is_about_nobody_else() {
    let stage = Stage::new();
    let onni = stage.kuopio.person("onni").answered([(Housing, 1, 1, "")]);
    // The app's own organisation may see this; who logged in to the app may not.
    let app = stage.kuopio.client("citizen-app");
    let given = onni.means(Terms::grant(&app.actor).themes(&[Housing]));
    let mut body = given.body("active");
    body["provision"]["provision"][0]["purpose"][0]["code"] = json!("PATRQT");
    let desk = stage.world.actor("consent-desk");
    desk.put(&stage.kuopio, &path(given.uuid()), &body, None).accepted();
    app.search("Observation", &onni).shows([Housing]);
    let browser = Browser::at(&stage.kuopio);
    let token = browser.tokens("aino", "launch/patient patient/*.rs");
    browser.reads(&token, &stage.of_aino("Observation", "")).shows([Housing]);
    browser.reads(&token, &format!("/fhir/Observation?patient={}", onni.patient())).is_empty();
    let read = format!("/fhir/Observation/{}.ho.s", onni.document(0));
    browser.reads(&token, &read).refused(404, "not-found");
    assert_eq!(browser.reads(&token, "/fhir/Patient").ids(), [stage.aino.patient()]);
}
