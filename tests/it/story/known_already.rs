//! Who knows a version already, and who wants the head alone, is sent no body; who writes on what is
//! no longer so is told.

use http::Method;
use mylife::domain::theme::Theme::{Finance, Health, Housing};
use serde_json::json;

use crate::world::{Reply, Terms, World, actor::Ask, municipality::At, person::path};

const UUID: &str = "urn:uuid:00000000-0000-4000-8000-00000000000b";

fn ask(client: &At, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Reply {
    let headers = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
    client.actor.send(&client.node, method, path, Ask { headers, ..Ask::default() })
}

#[test]
fn a_head_is_a_get_without_its_body() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&client, [Housing]);
    let organization = client.get("/fhir/Organization").ids()[0].clone();
    for path in [
        format!("/fhir/QuestionnaireResponse/{}", aino.document(0)),
        format!("/fhir/QuestionnaireResponse/{}.x", aino.document(0)),
        format!("/fhir/Observation?patient={}", aino.patient()),
        "/fhir/Observation?_count=1".to_owned(),
        "/fhir/Observation?_count=x".to_owned(),
        format!("/fhir/Organization/{organization}"),
        "/fhir/Organization".to_owned(),
        "/fhir/metadata".to_owned(),
        "/fhir/.well-known/smart-configuration".to_owned(),
        "/.well-known/jwks.json".to_owned(),
    ] {
        let (whole, head) =
            (ask(&client, Method::GET, &path, &[]), ask(&client, Method::HEAD, &path, &[]));
        let ((status, mut headers, body), (head_status, head_headers, nothing)) =
            (whole.bytes(), head.bytes());
        assert_eq!((head_status, &*nothing), (status, ""), "{path}");
        headers.entry("content-length".to_owned()).or_insert_with(|| body.len().to_string());
        assert_eq!(head_headers, headers, "{path}");
        let is = |reply: &Reply| reply.header("mylife-receipt").is_some();
        assert_eq!(is(&head), is(&whole), "{path}: a head is recorded like the whole");
    }
}

#[test]
fn the_version_a_reader_knows_is_not_sent_again() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let housing = aino.grants(&client, [Housing]);
    aino.grants(&client, [Health]);
    let portal = world.portal().client("national-portal");
    let path = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    for at in [&client, &portal] {
        let first = at.get(&path);
        let etag = first.header("etag").unwrap().to_owned();
        let bare = etag.strip_prefix("W/").unwrap();
        for known in [&*etag, bare, "*", &format!("W/\"x\", {etag}")] {
            for method in [Method::GET, Method::HEAD] {
                let reply = ask(at, method, &path, &[("if-none-match", known)]);
                assert_eq!((reply.status(), &*reply.text()), (304, ""), "{known}: {reply:?}");
                assert_eq!(reply.header("etag"), Some(&*etag), "{known}");
                assert!(reply.header("mylife-receipt").is_some(), "{known}");
            }
        }
        for other in ["W/\"x\"", "\"\"", "x"] {
            let reply = ask(at, Method::GET, &path, &[("if-none-match", other)]);
            assert_eq!(reply.text(), first.text(), "{other}");
        }
    }
    let before = client.get(&path);
    let (etag, date) =
        (before.header("etag").unwrap(), before.header("last-modified").unwrap().to_owned());
    housing.revoke();
    // What is withdrawn leaves no later date: who asks by date is told anew, and so loses it.
    for condition in [("if-none-match", etag), ("if-modified-since", &*date)] {
        let reply = ask(&client, Method::GET, &path, &[condition]);
        reply.shows([Health]).hides([Housing]);
    }
    // What does not exist is not an unchanged one.
    ask(&client, Method::GET, &format!("{path}x"), &[("if-none-match", "*")])
        .refused(404, "not-found");
}

#[test]
fn a_consent_is_changed_only_by_who_knows_its_version() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let book = kuopio.client("consent-book");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    let consent =
        |theme| Terms::grant(&portal.actor).themes(&[theme]).consent(&patient, UUID, "active");
    let put = |theme, known: &str| {
        let headers = vec![("if-match", known.to_owned())];
        let (kind, body) = (Some("application/fhir+json"), consent(theme).to_string().into());
        book.actor.send(
            &kuopio,
            Method::PUT,
            &path(UUID),
            Ask { headers, kind, body, ..Ask::default() },
        )
    };
    for nothing in ["*", "W/\"1\"", "W/\"0\"", "x"] {
        put(Housing, nothing).refused(412, "conflict");
    }
    let made = book.actor.put(&kuopio, &path(UUID), &consent(Housing), None);
    assert_eq!(made.status(), 201, "{made:?}");
    let place = made.header("location").unwrap();
    let place = place[place.find("/fhir").unwrap()..].to_owned();
    let read = |path: &str| book.get(path).header("etag").unwrap().to_owned();
    let first = (made.header("etag").unwrap().to_owned(), read(&place));
    // Either the version that the write gave or the one that a read gave names it.
    assert_eq!(put(Health, &first.0).status(), 200);
    let second = read(&place);
    assert_ne!(first.1, second);
    for stale in [&first.0, &first.1, "W/\"7\"", "x", ""] {
        put(Finance, stale).refused(412, "conflict");
    }
    assert_eq!(read(&place), second, "a refused write changes nothing");
    assert_eq!(put(Finance, &format!("\"x\", {second}")).status(), 200);
    let third = read(&place);
    assert_eq!(put(Housing, "*").status(), 200);
    put(Health, &third).refused(412, "conflict");
    // Another Consent's version, of the same number, is not this one's.
    let other = UUID.replace("00b", "00c");
    let body = Terms::grant(&portal.actor).consent(&patient, &other, "active");
    let made = book.actor.put(&kuopio, &path(&other), &body, None);
    let at = made.header("location").unwrap();
    let foreign = read(&at[at.find("/fhir").unwrap()..]);
    put(Health, &foreign).refused(412, "conflict");
}

#[test]
fn who_prefers_no_body_of_a_write_gets_none() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let book = kuopio.client("consent-book");
    let aino = kuopio.person("aino");
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    let body =
        Terms::grant(&kuopio.client("national-portal").actor).consent(&patient, UUID, "active");
    for (prefer, has) in [
        (None, true),
        (Some("return=minimal"), false),
        (Some("return=OperationOutcome"), true),
        (Some("respond-async, return=minimal; x=1"), false),
    ] {
        let headers = prefer.map(|p| ("prefer", p.to_owned())).into_iter().collect();
        let (kind, body) = (Some("application/fhir+json"), body.to_string().into());
        let ask = Ask { headers, kind, body, ..Ask::default() };
        let reply = book.actor.send(&kuopio, Method::PUT, &path(UUID), ask).accepted();
        assert_eq!(!reply.text().is_empty(), has, "{prefer:?}: {reply:?}");
        assert!(reply.header("location").is_some() && reply.header("etag").is_some(), "{reply:?}");
        assert_eq!(reply.json()["resourceType"] == "OperationOutcome", has);
    }
}
