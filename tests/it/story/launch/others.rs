//! Somebody acts for another person, or at work: both are told apart and written down.

use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{
    Node, Person, Reply, Terms, World,
    browser::{Browser, parameter, wish},
    person,
};

/// Aino, whom `guardian` may act for in housing, until `end`.
fn represented(kuopio: &Node, end: &str) -> Person {
    let code = person::code("guardian");
    let representation = json!([{
        "id": "r-1", "who": { "name": "Guardian Testi", "identity_code": code.reveal() },
        "relation": "authorised", "themes": ["housing"], "classes": [],
        "period": { "start": "2026-01-01", "end": end },
    }]);
    let members = json!({ "representation": representation });
    let aino = Person::with(kuopio, "aino", &members);
    aino.answered([(Housing, 2, 1, ""), (Health, 1, 1, "")])
}

fn acts_for(browser: &Browser, page: &Reply, code: &str) -> Reply {
    browser.answers(page, &[], &[("do", "allow"), ("whose", "others"), ("code", code)])
}

#[test]
fn a_representative_sees_what_the_representation_covers_and_nothing_else() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = represented(&kuopio, "2026-12-31");
    // The app's organisation may see more; that is not the representative's to see.
    let app = kuopio.client("citizen-app");
    let given = aino.means(Terms::grant(&app.actor).themes(&[Health]));
    let mut body = given.body("active");
    body["provision"]["provision"][0]["purpose"][0]["code"] = json!("PATRQT");
    let desk = world.actor("consent-desk");
    desk.put(&kuopio, &person::path(given.uuid()), &body, None).accepted();
    app.search("Observation", &aino).shows([Health]);
    let browser = Browser::at(&kuopio);
    let scope = "launch/patient patient/*.rs openid fhirUser";
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &[("scope", scope)])), "guardian");
    let sent = acts_for(&browser, &page, &aino.code().to_lowercase());
    let token = browser.redeem(&[("code", &parameter(&sent, "code"))]);
    let token = token.json();
    assert_eq!(token["patient"], aino.patient(), "{token}");
    assert_eq!(token["need_patient_banner"], true);
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    browser.reads(token, &search).shows([Housing]).hides([Health]);
    // Both stand in the log.
    let told = kuopio.disclosures(aino.patient());
    let told = told.iter().rev().find(|entry| entry.caller.client == "my-days").unwrap();
    assert!(told.caller.subject.as_deref().unwrap().starts_with("RelatedPerson/"), "{told:?}");
    assert_eq!(told.patient.as_deref(), Some(aino.patient()));
}

#[test]
fn who_does_not_represent_a_person_learns_nothing_of_them() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = represented(&kuopio, "2026-12-31");
    let over = Person::with(&kuopio, "olli", &json!({}));
    let nobody = person::code("nobody");
    let browser = Browser::at(&kuopio);
    let say = |name: &str, code: &str| {
        let page = browser.launch(&wish(&kuopio, &[("prompt", "login")]));
        let page = browser.logs_in(&page, name);
        let text = acts_for(&browser, &page, code).text();
        assert!(text.contains("It is not recorded here that you act for this person"), "{text}");
        // But for the name of the page every answer is the same.
        text.split("name=\"page\"")
            .map(|part| part[part.len().min(40)..].to_owned())
            .collect::<Vec<_>>()
    };
    let known = say("eino", aino.code());
    for code in [over.code(), nobody.reveal(), "131052-308T", "", "<b>"] {
        assert_eq!(say("eino", code), known, "{code}");
    }
    say("guardian", over.code());
}

#[test]
fn a_representation_that_is_over_lets_nobody_act() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = represented(&kuopio, "2026-03-01");
    let browser = Browser::at(&kuopio);
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &[])), "guardian");
    acts_for(&browser, &page, aino.code()).says("It is not recorded here");
}

#[test]
fn somebody_at_work_says_as_what_and_why_and_sees_what_consents_give_them() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&kuopio.client("north-savo"), [Housing]);
    let browser = Browser::at(&kuopio);
    let work = [("client_id", "worker-app"), ("scope", "user/*.rs patient/*.rs offline_access")];
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &work)), "worker");
    page.says("case-worker (urn:oid:1.2.246.10.99900139)").says("Planning care and services");
    // Neither a role the app is not made for, nor an organisation it is not of.
    page.keeps_quiet("gardener").keeps_quiet("99909002");
    browser.answers(&page, &[], &[("do", "allow")]).says("Choose as what you act, and why.");
    let page = browser.launch(&wish(&kuopio, &work));
    let sent = browser.answers(&page, &[], &[("do", "allow"), ("post", "0"), ("purpose", "0")]);
    let code = parameter(&sent, "code");
    let reply = browser.redeem(&[("code", &code), ("client_id", "worker-app")]);
    let token: &Value = reply.json();
    assert_eq!(token["scope"], "offline_access user/*.rs", "{reply:?}");
    assert!(token.get("patient").is_none());
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    browser.reads(token, &search).shows([Housing]).hides([Health]);
    let told = kuopio.disclosures(aino.patient());
    let told = told.iter().rev().find(|entry| entry.caller.client == "worker-app").unwrap();
    assert_eq!(told.caller.subject.as_deref(), Some("Practitioner/297.worker"));
    assert_eq!(told.caller.role.as_deref(), Some("case-worker"));
    assert_eq!(told.purpose.as_deref(), Some("TREAT"));
}

#[test]
fn logins_and_permissions_are_written_down_without_secrets() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino");
    let browser = Browser::at(&kuopio);
    let scope = "launch/patient patient/Observation.rs patient/Goal.rs?_id=x offline_access";
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &[("scope", scope)])), "aino");
    let sent = browser.answers(&page, &["scope1"], &[("do", "allow"), ("whose", "own")]);
    let code = parameter(&sent, "code");
    let token = browser.redeem(&[("code", &code)]);
    let log = kuopio.audit();
    let person = format!("Patient/{}", aino.patient());
    for kind in ["login", "consent"] {
        let entry = log.iter().find(|entry| entry.types == [kind]).expect(kind);
        assert_eq!(entry.caller.client, "my-days");
        assert_eq!(entry.caller.subject.as_deref(), Some(&*person));
    }
    let consent = log.iter().find(|entry| entry.types == ["consent"]).unwrap();
    let said = consent.query.as_ref().unwrap().as_str();
    let granted = "granted=launch%2Fpatient+offline_access+patient%2FObservation.rs";
    assert_eq!(said, format!("{granted}&withheld=patient%2FGoal.rs"));
    let given = log.iter().find(|entry| entry.caller.subject.is_some() && entry.types == ["token"]);
    assert_eq!(given.expect("the token").caller.client, "my-days");
    let all = format!("{log:?}");
    let cookie = browser.cookie.borrow().clone().unwrap();
    let json = token.json();
    let secrets = [
        code.as_str(),
        cookie.split('=').nth(1).unwrap(),
        json["access_token"].as_str().unwrap(),
        json["refresh_token"].as_str().unwrap(),
        aino.code(),
        crate::world::browser::VERIFIER,
    ];
    for secret in secrets {
        assert!(!all.contains(secret), "{secret}");
    }
}
