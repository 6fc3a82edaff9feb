//! A case management system opens an app for its user, about one person. Ids are those of the
//! requirement table (AL, IN, SC) and the attack table (AT).

use std::time::Duration;

use http::Method;
use mylife::{audit::record::Outcome, domain::theme::Theme::Housing};
use serde_json::{Value, json};

use crate::world::{
    Node, Person, Reply, Terms, World,
    actor::Ask,
    browser::{Browser, encoded, name_of, parameter, wish},
};

const SCOPE: &str = "launch patient/*.rs openid fhirUser offline_access";
const APP: (&str, &str) = ("client_id", "worker-app");
const COUNTY: &str = "urn:oid:1.2.246.10.99900139";

fn town() -> (Node, Person) {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    (kuopio, aino)
}

/// What the system says, with changes.
fn opening(patient: &str, changes: &Value) -> Value {
    let mut said = json!({
        "client_id": "worker-app", "user": "Practitioner/297.worker", "patient": patient,
        "intent": "review-plan", "fhirContext": [{ "reference": "CarePlan/297.plan" }],
    });
    for (key, value) in changes.as_object().unwrap() {
        said[key] = value.clone();
    }
    said
}

fn opens(node: &Node, said: &Value) -> Reply {
    opens_as(node, "case-system", said.to_string())
}

fn opens_as(node: &Node, who: &str, body: String) -> Reply {
    let ask = Ask { kind: Some("application/json"), body: body.into(), ..Ask::default() };
    node.world.actor(who).send(node, Method::POST, "/oauth/launch", ask)
}

/// A value for aino's file.
fn opened(node: &Node, patient: &str) -> String {
    let reply = opens(node, &opening(patient, &json!({})));
    assert_eq!(reply.status(), 201, "{reply:?}");
    reply.json()["launch"].as_str().unwrap().to_owned()
}

fn comes(browser: &Browser, node: &Node, launch: &str, more: &[(&'static str, &str)]) -> Reply {
    let plain = [APP, ("scope", SCOPE), ("launch", launch)];
    let kept = plain.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    let changes: Vec<_> = kept.chain(more).copied().collect();
    browser.launch(&wish(node, &changes))
}

/// The page is answered at work.
fn allows(browser: &Browser, page: &Reply) -> Reply {
    browser.answers(page, &[], &[("do", "allow"), ("post", "0"), ("purpose", "0")])
}

fn tokens(browser: &Browser, sent: &Reply) -> Value {
    let reply = browser.redeem(&[("code", &parameter(sent, "code")), APP]);
    assert_eq!(reply.status(), 200, "{reply:?}");
    reply.json().clone()
}

fn refused(sent: &Reply, error: &str) {
    assert_eq!((sent.status(), &*parameter(sent, "error")), (303, error), "{sent:?}");
    assert_eq!(parameter(sent, "code"), "");
}

#[test]
fn an_app_opened_from_a_file_sees_the_person_of_that_file_alone() {
    // SMART @164, @172, @178; IN-03
    let (kuopio, aino) = town();
    let eino = kuopio.person("eino").answered([(Housing, 3, 3, "a garden")]);
    for person in [&aino, &eino] {
        person.gives(Terms::grant_to(COUNTY).themes(&[Housing]));
    }
    let browser = Browser::at(&kuopio);
    let given = opens(&kuopio, &opening(aino.patient(), &json!({})));
    assert_eq!(given.json()["iss"], format!("{}/fhir", kuopio.identity.url), "{given:?}");
    assert_eq!(given.header("cache-control"), Some("no-store"));
    let launch = given.json()["launch"].as_str().unwrap();
    let page = browser.logs_in(&comes(&browser, &kuopio, launch, &[]), "worker");
    page.says("The app was opened for one person").keeps_quiet(aino.patient());
    let token = tokens(&browser, &allows(&browser, &page));
    assert_eq!(token["scope"], "launch openid fhirUser offline_access patient/*.rs");
    assert_eq!(token["patient"], aino.patient());
    assert_eq!(token["need_patient_banner"], true);
    assert_eq!(token["intent"], "review-plan");
    assert_eq!(token["fhirContext"], json!([{ "reference": "CarePlan/297.plan" }]));
    let of = |who: &Person| format!("/fhir/Observation?patient={}", who.patient());
    browser.reads(&token, &of(&aino)).shows([Housing]);
    browser.reads(&token, &of(&eino)).is_empty();
    // It stays so while nobody is at the page, and is told to who may ask.
    let refresh = token["refresh_token"].as_str().unwrap();
    let form = encoded(&[("grant_type", "refresh_token"), APP, ("refresh_token", refresh)]);
    let again = kuopio.world.actor("north-savo").ask_token(&kuopio, &form);
    let said = kuopio.world.actor("north-savo").about_token(
        &kuopio,
        "/oauth/introspect",
        again.json()["access_token"].as_str().unwrap(),
    );
    for key in ["patient", "need_patient_banner", "intent", "fhirContext"] {
        assert_eq!(again.json()[key], token[key], "{again:?}");
        assert_eq!(said.json()[key], token[key], "{said:?}");
    }
    let log = kuopio.audit();
    let entry = log.iter().find(|entry| entry.types == ["launch"]).expect("it is written down");
    assert_eq!(entry.caller.client, "case-system");
    assert_eq!(entry.caller.subject.as_deref(), Some("Practitioner/297.worker"));
}

#[test]
fn a_file_that_is_open_permits_nothing_that_no_consent_does() {
    let (kuopio, aino) = town();
    let browser = Browser::at(&kuopio);
    let launch = opened(&kuopio, aino.patient());
    let page = browser.logs_in(&comes(&browser, &kuopio, &launch, &[]), "worker");
    let token = tokens(&browser, &allows(&browser, &page));
    assert_eq!(token["patient"], aino.patient());
    browser.reads(&token, &format!("/fhir/Observation?patient={}", aino.patient())).is_empty();
    let read = browser.reads(&token, &format!("/fhir/Patient/{}", aino.patient()));
    read.refused(404, "not-found");
    // Who is not known here is told of like who is.
    let unknown = opened(&kuopio, "297.aaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(unknown.len(), launch.len());
}

#[test]
fn what_was_given_out_is_for_one_app_once_and_for_minutes() {
    // AT-27
    let (kuopio, aino) = town();
    let browser = Browser::at(&kuopio);
    let launch = opened(&kuopio, aino.patient());
    refused(&comes(&browser, &kuopio, "aaaaaaaaaaaaaaaaaaaaaaaaaa", &[]), "invalid_request");
    refused(&comes(&browser, &kuopio, &launch, &[("scope", "patient/*.rs")]), "invalid_request");
    let other = [("client_id", "my-days"), ("scope", "launch launch/patient patient/*.rs")];
    refused(&comes(&browser, &kuopio, &launch, &other), "invalid_request");
    // What others tried did not use it up.
    comes(&browser, &kuopio, &launch, &[]).says("Sign in");
    refused(&comes(&browser, &kuopio, &launch, &[]), "invalid_request");
    refused(&comes(&Browser::at(&kuopio), &kuopio, &launch, &[]), "invalid_request");
    let late = opened(&kuopio, aino.patient());
    kuopio.world.pass(Duration::from_mins(5));
    refused(&comes(&browser, &kuopio, &late, &[]), "invalid_request");
    let silent = opened(&kuopio, aino.patient());
    refused(&comes(&browser, &kuopio, &silent, &[("prompt", "none")]), "login_required");
    comes(&browser, &kuopio, &silent, &[]).says("Sign in");
    // Without one, `launch` means nothing.
    let plain = [APP, ("scope", "launch user/*.rs")];
    let page = browser.logs_in(&browser.launch(&wish(&kuopio, &plain)), "worker");
    let token = tokens(&browser, &allows(&browser, &page));
    assert_eq!((&token["scope"], token.get("patient")), (&json!("user/*.rs"), None));
}

#[test]
fn an_app_opened_for_one_user_is_no_others() {
    let (kuopio, aino) = town();
    let browser = Browser::at(&kuopio);
    // Somebody else comes to log in.
    let launch = opened(&kuopio, aino.patient());
    let page = comes(&browser, &kuopio, &launch, &[]);
    refused(&browser.logs_in(&page, "eino"), "access_denied");
    // Somebody else is logged in: they are asked who they are, and cannot answer that page otherwise.
    let launch = opened(&kuopio, aino.patient());
    let page = comes(&browser, &kuopio, &launch, &[]);
    page.says("Sign in").keeps_quiet("signed in as eino");
    let name = name_of(&page);
    let forced = [("page", name.as_str()), ("do", "allow"), ("whose", "own"), ("scope0", "1")];
    let forced = browser.post("/oauth/consent", &forced);
    assert_eq!((forced.status(), forced.header("location")), (200, None), "{forced:?}");
    forced.says("Sign in");
    // Another at work.
    let said = opening(aino.patient(), &json!({ "user": "Practitioner/297.other" }));
    let launch = opens(&kuopio, &said).json()["launch"].as_str().unwrap().to_owned();
    let page = comes(&browser, &kuopio, &launch, &[]);
    refused(&browser.logs_in(&page, "worker"), "access_denied");
}

#[test]
fn a_system_that_is_not_registered_for_it_opens_nothing() {
    // BS-08
    let (kuopio, aino) = town();
    let good = opening(aino.patient(), &json!({}));
    let other = opens_as(&kuopio, "north-savo", good.to_string());
    assert_eq!((other.status(), &other.json()["error"]), (403, &json!("access_denied")));
    let wire = kuopio.world.actor("north-savo");
    let bare = wire.raw(&kuopio, Method::POST, "/oauth/launch", Ask::default());
    assert_eq!((bare.status(), &bare.json()["error"]), (401, &json!("invalid_client")));
    assert!(bare.challenge().is_some());
    let log = kuopio.audit();
    let reason = Outcome::Refused("launch-refused".into());
    assert_eq!(log.iter().filter(|entry| entry.outcome == reason).count(), 2);
    let rows = [
        json!({ "client_id": "nobody" }),
        json!({ "client_id": "my-days" }),
        json!({ "client_id": "north-savo" }),
        json!({ "user": "Patient/297.x" }),
        json!({ "user": "297.worker" }),
        json!({ "user": null }),
        json!({ "patient": "aino" }),
        json!({ "patient": "../297.x" }),
        json!({ "patient": 7 }),
        json!({ "intent": "x\ny" }),
        json!({ "intent": "x".repeat(65) }),
        json!({ "fhirContext": [{ "reference": "https://evil.example/CarePlan/1" }] }),
        json!({ "fhirContext": [{ "reference": "Patient/297.other" }] }),
        json!({ "fhirContext": [{ "reference": "CarePlan/1", "role": "plain" }] }),
        json!({ "fhirContext": [{}] }),
        json!({ "fhirContext": vec![json!({ "reference": "CarePlan/1" }); 6] }),
        json!({ "redirect_uri": "https://evil.example" }),
    ];
    for row in rows {
        kuopio.world.pass(Duration::from_secs(1));
        let reply = opens(&kuopio, &opening(aino.patient(), &row));
        let error = &reply.json()["error"];
        assert_eq!((reply.status(), error), (400, &json!("invalid_request")), "{row}");
    }
    for body in ["", "[]", "{", &" ".repeat(5000)] {
        assert_eq!(opens_as(&kuopio, "case-system", body.to_owned()).status(), 400);
    }
}
