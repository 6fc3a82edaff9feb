//! A person lets an app see what is theirs, and no more than they ticked. Ids are those of the
//! requirement table (AL, SC).

use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{
    Node, Person, World,
    browser::{BACK, Browser, parameter, wish},
};

fn town() -> (Node, Person) {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    (kuopio, aino)
}

/// The claims of a token, whoever signed it.
pub(super) fn claims(token: &Value) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn an_app_reads_all_of_who_logged_in_and_nothing_of_anybody_else() {
    // AL-01 to AL-06, AL-13, AL-14, SC-13
    let (kuopio, aino) = town();
    let eino = kuopio.person("eino").answered([(Housing, 3, 3, "a garden")]);
    let browser = Browser::at(&kuopio);
    let page = browser.launch(&wish(&kuopio, &[]));
    assert_eq!(page.status(), 200, "{page:?}");
    let page = browser.logs_in(&page, "aino");
    assert_eq!(page.status(), 200, "{page:?}");
    page.says("signed in as aino").says("What may My &lt;Days&gt; &amp; I do?");
    let sent = browser.allows(&page);
    assert_eq!(sent.status(), 303, "{sent:?}");
    assert!(sent.header("location").unwrap().starts_with(&format!("{BACK}?code=")));
    assert_eq!(parameter(&sent, "state"), "a state & more", "AL-04");
    assert_eq!(parameter(&sent, "iss"), kuopio.identity.url, "AL-13");
    let reply = browser.redeem(&[("code", &parameter(&sent, "code"))]);
    assert_eq!(reply.status(), 200, "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "AL-07");
    let token = reply.json();
    let expected = json!({
        "access_token": token["access_token"], "token_type": "bearer", "expires_in": 300,
        "scope": "launch/patient patient/*.rs", "patient": aino.patient(),
        "need_patient_banner": false,
    });
    assert_eq!(*token, expected);
    let own =
        browser.reads(token, &format!("/fhir/QuestionnaireResponse?patient={}", aino.patient()));
    own.shows([Housing, Health]).says("a home").says("sleep");
    browser.reads(token, &format!("/fhir/Patient/{}", aino.patient())).says("aino");
    // Though it would be granted, if the person asked for were this one.
    for kind in ["QuestionnaireResponse", "Observation", "Consent", "AuditEvent", "Patient"] {
        let key = if kind == "Patient" { "_id" } else { "patient" };
        let path = format!("/fhir/{kind}?{key}={}", eino.patient());
        browser.reads(token, &path).is_empty();
    }
    browser.reads(token, &format!("/fhir/Patient/{}", eino.patient())).refused(404, "not-found");
    // A search across people finds one.
    assert_eq!(browser.reads(token, "/fhir/Patient").ids(), [aino.patient()]);
}

#[test]
fn what_is_not_ticked_is_not_granted() {
    let (kuopio, aino) = town();
    let browser = Browser::at(&kuopio);
    let scope = "patient/Observation.rs patient/Patient.r patient/*.read openid fhirUser";
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &[("scope", scope)])), "aino");
    page.says("the score of each area of life");
    let without = ["scope1", "scope2", "identity"];
    let sent = browser.answers(&page, &without, &[("do", "allow"), ("whose", "own")]);
    let reply = browser.redeem(&[("code", &parameter(&sent, "code"))]);
    assert_eq!(reply.json()["scope"], "patient/Observation.rs", "{reply:?}");
    assert!(reply.json().get("id_token").is_none());
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    browser.reads(reply.json(), &search).shows([Housing]);
    let other = format!("/fhir/QuestionnaireResponse?patient={}", aino.patient());
    browser.reads(reply.json(), &other).refused(403, "forbidden");
}

#[test]
fn who_says_no_is_sent_back_without_a_code() {
    let (kuopio, _) = town();
    let browser = Browser::at(&kuopio);
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &[])), "aino");
    let sent = browser.answers(&page, &[], &[("do", "deny"), ("whose", "own")]);
    assert_eq!((sent.status(), &*parameter(&sent, "error")), (303, "access_denied"));
    assert_eq!(parameter(&sent, "state"), "a state & more");
    assert_eq!(parameter(&sent, "code"), "");
}

#[test]
fn an_app_learns_who_logged_in_by_a_name_of_its_own() {
    let (kuopio, aino) = town();
    let browser = Browser::at(&kuopio);
    let page = wish(&kuopio, &[("scope", "openid fhirUser patient/*.rs"), ("nonce", "n-1")]);
    let page = browser.logs_in(&browser.launch(&page), "aino");
    let code = parameter(&browser.allows(&page), "code");
    let reply = browser.redeem(&[("code", &code)]);
    let said = claims(&reply.json()["id_token"]);
    assert_eq!((&said["nonce"], &said["aud"]), (&json!("n-1"), &json!("my-days")));
    assert_eq!(said["iss"], kuopio.identity.url);
    let user = format!("{}/fhir/Patient/{}", kuopio.identity.url, aino.patient());
    assert_eq!(said["fhirUser"], user);
    assert_eq!(said["sub"], claims(&reply.json()["access_token"])["sub"]);
    assert!(said["sub"].as_str().unwrap().starts_with("user:"), "AT-30");
    // It opens no door here, and proves nothing at the token endpoint.
    let id_token = json!({ "access_token": reply.json()["id_token"] });
    browser.reads(&id_token, "/fhir/Organization").refused(401, "login");
}

#[test]
fn who_is_logged_in_chooses_at_once_and_can_be_somebody_else() {
    let (kuopio, _) = town();
    let browser = Browser::at(&kuopio);
    browser.tokens("aino", "launch/patient patient/*.rs");
    let page = browser.launch(&wish(&kuopio, &[]));
    page.says("signed in as aino");
    let other = browser.answers(&page, &[], &[("do", "other")]);
    other.says("Sign in").keeps_quiet("signed in as");
    // Nobody is logged in any more, whichever page is sent.
    browser.allows(&page).says("Sign in");
    let asked = browser.launch(&wish(&kuopio, &[("prompt", "none")]));
    assert_eq!(parameter(&asked, "error"), "login_required");
}

#[test]
fn the_pages_speak_three_languages() {
    let (kuopio, _) = town();
    let fi = Browser::speaking(&kuopio, "fi-FI,en;q=0.5");
    let page = fi.launch(&wish(&kuopio, &[]));
    page.says("<html lang=\"fi\">").says("Kirjaudu");
    let name = crate::world::browser::name_of(&page);
    let page = fi.post("/oauth/login", &[("page", &name), ("language", "sv")]);
    page.says("<html lang=\"sv\">").says("Logga in");
    fi.logs_in(&page, "aino").says("Vad får").says("allt som är sparat här");
    let page = fi.launch(&wish(&kuopio, &[("ui_locales", "de en"), ("prompt", "login")]));
    page.says("<html lang=\"en\">");
}

#[test]
fn who_is_not_known_here_has_nothing_to_permit() {
    let (kuopio, _) = town();
    let browser = Browser::at(&kuopio);
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &[])), "eino");
    let again = browser.allows(&page);
    assert_eq!(again.status(), 200);
    again.says("There is no information about you here.").says("role=\"alert\"");
}
