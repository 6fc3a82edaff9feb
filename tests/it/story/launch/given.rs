//! People see what they have let apps do, and end it. Ids are those of the requirement table (SD, AL).

use std::time::Duration;

use mylife::{
    audit::record::Outcome,
    domain::theme::Theme::{Health, Housing},
};
use serde_json::{Value, json};

use crate::world::{
    Node, Person, Reply, World,
    browser::{Browser, name_of, parameter, refreshes, wish},
    person,
};

const SCOPE: &str =
    "launch/patient patient/Observation.rs patient/Consent.crus openid offline_access";
const PATH: &str = "/oauth/permissions";

fn town() -> (Node, Person) {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    (kuopio, aino)
}

/// The buttons of a page that end something, by what they send.
fn ends(page: &Reply) -> Vec<String> {
    let text = page.text();
    let buttons = text.split("name=\"end\" value=\"").skip(1);
    buttons.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// Presses the one button that ends something.
fn presses(browser: &Browser, page: &Reply) -> Reply {
    let [name] = ends(page).try_into().unwrap_or_else(|_| panic!("{}", page.text()));
    browser.post(PATH, &[("page", &name_of(page)), ("end", &name)])
}

fn is_over(browser: &Browser, node: &Node, token: &Value) {
    browser.reads(token, "/fhir/Organization").refused(401, "login");
    let refused = refreshes(node, token, &[]);
    assert_eq!((refused.status(), &refused.json()["error"]), (400, &"invalid_grant".into()));
}

#[test]
fn a_person_sees_what_an_app_may_do_and_ends_it() {
    // SD-11; RFC 9700 section 4.14
    let (kuopio, aino) = town();
    let browser = Browser::at(&kuopio);
    let token = browser.tokens("aino", SCOPE);
    kuopio.world.pass(Duration::from_mins(30));
    let second = refreshes(&kuopio, &token, &[]).json().clone();
    let page = browser.get(PATH);
    assert_eq!(page.status(), 200, "{page:?}");
    page.says("My &lt;Days&gt; &amp; I").says("signed in as aino").says("Your own information");
    page.says("See: the score of each area of life").says("See, add and change: permissions and");
    page.says("Know who signed in").says("Given: ").says("Last used: ").says("Ends by itself: ");
    page.keeps_quiet("<script").keeps_quiet(aino.patient());
    browser.reads(&second, "/fhir/Organization");
    let after = presses(&browser, &page);
    after.says("role=\"status\"").says("The permission has been ended.");
    after.says("no app may get information about you").keeps_quiet("name=\"end\"");
    is_over(&browser, &kuopio, &second);
    // Nothing of it comes back with the process; and pressing again ends nothing else.
    let subject = format!("Patient/{}", aino.patient());
    drop((browser, aino));
    let kuopio = kuopio.restart();
    let browser = Browser::at(&kuopio);
    is_over(&browser, &kuopio, &second);
    let other = browser.tokens("aino", SCOPE);
    let told = kuopio.audit();
    let ended = told.iter().filter(|one| one.types.iter().any(|kind| kind == "end-permission"));
    let [ended] = ended.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((&*ended.caller.client, &ended.outcome), ("my-days", &Outcome::Success));
    assert_eq!(ended.caller.subject.as_deref(), Some(&*subject));
    assert_eq!(browser.reads(&other, "/fhir/Organization").status(), 200);
}

#[test]
fn who_ended_a_permission_finds_that_among_what_was_done_about_them() {
    let (kuopio, aino) = town();
    kuopio.person("eino");
    let browser = Browser::at(&kuopio);
    browser.tokens("aino", SCOPE);
    presses(&browser, &browser.get(PATH));
    let scope = "launch/patient patient/AuditEvent.rs";
    let events = |name: &str, patient: &str| {
        let browser = Browser::at(&kuopio);
        let own = browser.tokens(name, scope);
        let found = browser.reads(&own, &format!("/fhir/AuditEvent?patient={patient}"));
        let all = found.json()["entry"].as_array().cloned().unwrap_or_default();
        let all = all.into_iter().map(|entry| entry["resource"].clone());
        let told = |event: &Value| event["entity"][0]["description"].as_str().map(str::to_owned);
        all.filter(|event| event["subtype"][0]["code"] == "ITI-71")
            .map(|event| (event["agent"][0]["who"]["identifier"]["value"].clone(), told(&event)))
            .collect::<Vec<_>>()
    };
    let withheld = "withheld=launch%2Fpatient+openid+offline_access+patient%2FObservation.rs+\
                    patient%2FConsent.crus";
    assert_eq!(events("aino", aino.patient()), [(json!("my-days"), Some(withheld.to_owned()))]);
    // Somebody else finds nothing of it.
    assert_eq!(events("eino", aino.patient()), []);
}

#[test]
fn who_wants_to_see_it_logs_in_first_in_their_language() {
    let (kuopio, _) = town();
    let browser = Browser::speaking(&kuopio, "fi");
    browser.tokens("aino", "patient/Observation.rs?_security=housing offline_access");
    let fresh = Browser::speaking(&kuopio, "fi");
    let page = fresh.get(PATH);
    page.says("Kirjaudu nähdäksesi, mitkä sovellukset saavat").keeps_quiet("Työssä");
    let page = fresh.post("/oauth/login", &[("page", &name_of(&page)), ("language", "sv")]);
    page.says("Logga in för att se vilka appar");
    let sent = fresh.logs_in(&page, "aino");
    assert_eq!(sent.status(), 303, "{sent:?}");
    let page = fresh.get(sent.header("location").unwrap());
    page.says("<html lang=\"sv\">").says("Se: poäng för varje del av livet (bara: Boende)");
    let page = fresh.post(PATH, &[("page", &name_of(&page)), ("language", "en")]);
    page.says("<html lang=\"en\">").says("See: the score of each area of life (only: Housing)");
    // Somebody else, at the same browser.
    let page = fresh.post(PATH, &[("page", &name_of(&page)), ("do", "other")]);
    page.says("Sign in to see which apps");
    assert_eq!(ends(&fresh.get(PATH)), [""; 0]);
}

#[test]
fn nobody_ends_or_sees_what_is_anothers() {
    let (kuopio, _) = town();
    kuopio.person("eino").answered([(Housing, 3, 3, "")]);
    let aino = Browser::at(&kuopio);
    let token = aino.tokens("aino", SCOPE);
    let page = aino.get(PATH);
    let [name] = ends(&page).try_into().unwrap();
    let eino = Browser::at(&kuopio);
    eino.tokens("eino", "patient/Patient.r");
    let own = eino.get(PATH);
    assert_eq!(ends(&own).len(), 1, "eino's own alone");
    own.keeps_quiet(&name);
    let tried = eino.post(PATH, &[("page", &name_of(&own)), ("end", &name)]);
    tried.keeps_quiet("has been ended");
    // Another's page, no page, and the page of an app end nothing (cross-site request forgery).
    let consent = aino.launch(&wish(&kuopio, &[]));
    for form in [name_of(&page), String::new(), "x".repeat(26), name_of(&consent)] {
        for browser in [&eino, &Browser::at(&kuopio)] {
            let sent = browser.post(PATH, &[("page", &form), ("end", &name)]);
            assert_eq!((sent.status(), sent.header("location")), (303, Some(PATH)), "{sent:?}");
        }
    }
    let sent = aino.post(PATH, &[("page", &name_of(&consent)), ("end", &name)]);
    assert_eq!(sent.status(), 303, "{sent:?}");
    assert_eq!(aino.reads(&token, "/fhir/Organization").status(), 200);
    assert_eq!(ends(&aino.get(PATH)), [name]);
    // Nor does the page of what apps may do let one do something.
    let sent = aino.post("/oauth/consent", &[("page", &name_of(&page)), ("do", "allow")]);
    sent.says("This page is no longer good");
}

#[test]
fn whose_data_it_is_and_who_acts_for_them_both_see_it() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (guardian, period) = (person::code("guardian"), json!({ "start": "2026-01-01" }));
    let representation = json!([{
        "id": "r-1", "who": { "name": "Guardian Testi", "identity_code": guardian.reveal() },
        "relation": "authorised", "themes": ["housing"], "classes": [], "period": period,
    }]);
    let aino = Person::with(&kuopio, "aino", &json!({ "representation": representation }));
    let aino = aino.answered([(Housing, 2, 1, "")]);
    let browser = Browser::at(&kuopio);
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &[("scope", SCOPE)])), "guardian");
    let code = [("do", "allow"), ("whose", "others"), ("code", aino.code())];
    let sent = browser.answers(&page, &[], &code);
    let token = browser.redeem(&[("code", &parameter(&sent, "code"))]).json().clone();
    browser.get(PATH).says("Information of somebody you act for");
    let own = Browser::at(&kuopio);
    own.tokens("aino", "patient/Patient.r");
    let page = own.get(PATH);
    page.says("Somebody who acts for you has let the app have it.").says("Your own information");
    // The one with the longer time comes last.
    let [_, by_other] = ends(&page).try_into().unwrap();
    own.post(PATH, &[("page", &name_of(&page)), ("end", &by_other)]).says("has been ended");
    is_over(&browser, &kuopio, &token);
    browser.get(PATH).says("no app may get information");
}

#[test]
fn what_is_over_is_not_shown() {
    let (kuopio, _) = town();
    let browser = Browser::at(&kuopio);
    // The app gives it up, or shows an old token.
    let token = browser.tokens("aino", SCOPE);
    let refresh = token["refresh_token"].as_str().unwrap();
    browser.post("/oauth/revoke", &[("client_id", "my-days"), ("token", refresh)]);
    let token = Browser::at(&kuopio).tokens("aino", SCOPE);
    refreshes(&kuopio, &token, &[]);
    refreshes(&kuopio, &token, &[]);
    assert_eq!(ends(&browser.get(PATH)), [""; 0]);
    // Not used for a token yet, and over by itself.
    let page = browser.launch(&wish(&kuopio, &[]));
    let code = parameter(&browser.allows(&page), "code");
    assert_eq!(ends(&browser.get(PATH)), [""; 0]);
    assert_eq!(browser.redeem(&[("code", &code)]).status(), 200);
    assert_eq!(ends(&browser.get(PATH)).len(), 1);
    kuopio.world.pass(Duration::from_mins(10));
    assert_eq!(ends(&browser.get(PATH)), [""; 0]);
}
