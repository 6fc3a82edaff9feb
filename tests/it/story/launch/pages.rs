//! An app that is a page in a browser: it reads what its person lets it read, and no other page does.
//! Ids are those of the requirement table (SD, AL) and the attack table (AH).

use http::Method;
use mylife::domain::theme::Theme::Housing;

use crate::world::{
    Node, World,
    browser::{BACK, Browser, VERIFIER, encoded, parameter, wish},
    page::{Page, Sent},
};

const APP: &str = "https://app.example";
const FORM: &str = "application/x-www-form-urlencoded";

fn town() -> (Node, String) {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    let patient = aino.patient().to_owned();
    (kuopio, patient)
}

fn exchange(code: &str) -> Sent<'static> {
    let form = encoded(&[
        ("grant_type", "authorization_code"),
        ("client_id", "my-days"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("code", code),
    ]);
    Sent { kind: Some(FORM), body: form, ..Sent::default() }
}

fn bearing(node: &Node, token: &str) -> Sent<'static> {
    let headers = vec![
        ("authorization", format!("Bearer {token}")),
        ("mylife-nodes", node.code().to_owned()),
    ];
    Sent { headers, ..Sent::default() }
}

#[test]
fn a_page_finds_its_way_logs_somebody_in_and_reads() {
    // SD-12; SMART @16, @17
    let (kuopio, aino) = town();
    let page = Page::at(&kuopio, APP);
    let (get, post) = (Method::GET, Method::POST);
    let found = page.fetch(&get, "/fhir/.well-known/smart-configuration", Sent::default()).unwrap();
    assert!(found.reply().json()["token_endpoint"].as_str().unwrap().ends_with("/oauth/token"));
    page.fetch(&get, "/fhir/metadata", Sent::default()).unwrap();
    let browser = Browser::at(&kuopio);
    let sent = browser.allows(&browser.logs_in(&browser.launch(&wish(&kuopio, &[])), "aino"));
    let token = page.fetch(&post, "/oauth/token", exchange(&parameter(&sent, "code"))).unwrap();
    let token = token.reply().json()["access_token"].as_str().unwrap().to_owned();
    let path = format!("/fhir/QuestionnaireResponse?patient={aino}");
    let read = page.fetch(&get, &path, bearing(&kuopio, &token)).unwrap();
    read.reply().shows([Housing]);
    assert!(read.header("x-request-id").is_some() && read.header("mylife-receipt").is_some());
    assert_eq!(read.header("x-content-type-options"), None, "a page need not read everything");
    let form =
        Sent { kind: Some(FORM), body: format!("patient={aino}"), ..bearing(&kuopio, &token) };
    let posted = page.fetch(&post, "/fhir/QuestionnaireResponse/_search", form).unwrap();
    posted.reply().shows([Housing]);
    let patient =
        page.fetch(&get, &format!("/fhir/Patient/{aino}"), bearing(&kuopio, &token)).unwrap();
    assert!(patient.header("etag").is_some());
    let known = ("if-none-match", patient.header("etag").unwrap().to_owned());
    let mut again = bearing(&kuopio, &token);
    again.headers.push(known);
    let again = page.fetch(&get, &format!("/fhir/Patient/{aino}"), again).unwrap();
    assert_eq!(again.reply().status(), 304);
    // A page learns of a refusal too.
    let refused = page.fetch(&get, &path, bearing(&kuopio, "nonsense")).unwrap();
    refused.reply().refused(401, "login");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    let refused = page.fetch(&post, "/oauth/token", exchange("nonsense")).unwrap();
    assert_eq!(refused.reply().json()["error"], "invalid_grant");
    let revoked = encoded(&[("client_id", "my-days"), ("token", &token)]);
    let revoked = Sent { kind: Some(FORM), body: revoked, ..Sent::default() };
    page.fetch(&post, "/oauth/revoke", revoked).unwrap();
    page.fetch(&get, &path, bearing(&kuopio, &token)).unwrap().reply().refused(401, "login");
}

#[test]
fn a_page_of_nobodys_reads_what_is_for_everybody_alone() {
    // SD-12, AH-30
    let (kuopio, aino) = town();
    let browser = Browser::at(&kuopio);
    let token = browser.tokens("aino", "patient/*.rs")["access_token"].as_str().unwrap().to_owned();
    let origins = [
        "null",
        "https://evil.example",
        "https://evil-app.example",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "https://app.example/",
        "https://sub.app.example",
        "http://app.example",
        "HTTPS://APP.EXAMPLE",
        "https://app.example, https://evil.example",
        "*",
    ];
    for origin in origins {
        let page = Page::at(&kuopio, origin);
        let open =
            ["/fhir/metadata", "/fhir/.well-known/smart-configuration", "/.well-known/jwks.json"];
        for path in open {
            assert!(page.fetch(&Method::GET, path, Sent::default()).is_ok(), "{origin} {path}");
        }
        let path = format!("/fhir/Patient/{aino}");
        let read = page.fetch(&Method::GET, &path, bearing(&kuopio, &token)).err();
        assert_eq!(read, Some("not allowed beforehand"), "{origin}");
        assert!(page.fetch(&Method::GET, &path, Sent::default()).is_err(), "{origin}");
        let token = page.fetch(&Method::POST, "/oauth/token", exchange("none")).err();
        assert_eq!(token, Some("kept from the page"), "{origin}");
    }
}

#[test]
fn no_page_asks_where_people_log_in_and_systems_push() {
    // AL-15
    let (kuopio, _) = town();
    let page = Page::at(&kuopio, APP);
    for path in [
        "/oauth/authorize",
        "/oauth/login",
        "/oauth/consent",
        "/oauth/introspect",
        "/native/people/1",
        "/none",
    ] {
        for method in [Method::GET, Method::POST, Method::PUT] {
            let asked = page.beforehand(&method, path, "authorization");
            assert_eq!(asked.header("access-control-allow-origin"), None, "{method} {path}");
            assert!(page.fetch(&method, path, Sent::default()).is_err(), "{method} {path}");
        }
    }
}

#[test]
fn what_a_browser_asks_beforehand_tells_nothing_of_what_is_held() {
    let (kuopio, aino) = town();
    let page = Page::at(&kuopio, APP);
    let of = |path: &str| {
        let reply = page.beforehand(&Method::GET, path, "authorization");
        reply.bytes()
    };
    let held = of(&format!("/fhir/Patient/{aino}"));
    assert_eq!(held.0, 204);
    assert_eq!(held, of("/fhir/Patient/297.nobody"));
    assert_eq!(held, of("/fhir/Unknown/$nothing"));
    // Without an origin it is no question of a browser's.
    let plain = kuopio.world.actor("north-savo").raw(
        &kuopio,
        Method::OPTIONS,
        "/fhir/Patient",
        crate::world::actor::Ask::default(),
    );
    plain.refused(405, "not-supported");
}
