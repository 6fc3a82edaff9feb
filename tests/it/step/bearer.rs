//! From the headers of a request to a caller. Ids are those of the requirement and attack tables.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use mylife::{
    authenticate::{Authenticator, challenge, jose::key::KeySet, peer::Peers, registry::Registry},
    error::Kind,
};
use serde_json::{Value, json};

use super::{
    asking::{Desk, FHIR, ISSUER, assertion, bearing, body, credentials, entry},
    signed::{ES256, ES384, at, header, keys, noon, sign, with},
};

/// Believes what the tests sign with `ES256`.
fn authenticator() -> Authenticator {
    let registry = Registry::build(vec![entry(&json!({}))]).unwrap();
    let peers = Arc::new(Peers::default());
    Authenticator::new(ISSUER, FHIR, keys(&[&ES256]), Arc::new(registry), peers)
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "portal", "aud": FHIR, "exp": at(300), "iat": at(0), "jti": "t",
        "client_id": "portal", "scope": "system/*.rs", "organization": "urn:oid:1.2",
    })
}

fn token(changes: &Value) -> String {
    sign(&ES256, &header(&ES256, "at+jwt"), &with(claims(), changes))
}

#[test]
fn a_token_stands_in_one_header_and_nowhere_else() {
    let authenticator = authenticator();
    let good = token(&json!({}));
    let one = |value: &str| {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(value).unwrap())])
    };
    let mut two = bearing(&good);
    two.append(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {good}")).unwrap());
    let in_url = format!("_count=1&access_token={good}");
    let rows = [
        ("BS-08 none", HeaderMap::new(), None, Some(Kind::Unauthenticated)),
        ("another scheme", one("Basic eDp5"), None, Some(Kind::Unauthenticated)),
        ("AT-31 in the URL", HeaderMap::new(), Some(in_url.as_str()), Some(Kind::Invalid)),
        ("BS-08 in both", bearing(&good), Some("access_token=x"), Some(Kind::Invalid)),
        ("AT-31 escaped name", bearing(&good), Some("access%5Ftoken=x"), Some(Kind::Invalid)),
        ("AT-32 two headers", two, None, Some(Kind::Invalid)),
        (
            "AT-32 two in one",
            one(&format!("Bearer {good}, Bearer {good}")),
            None,
            Some(Kind::Invalid),
        ),
        ("no token", one("Bearer"), None, Some(Kind::Invalid)),
        ("empty token", one("Bearer  "), None, Some(Kind::Invalid)),
        ("AT-32 scheme in small letters", one(&format!("bearer {good}")), None, None),
        ("AT-32 two spaces", one(&format!("BEARER  {good}")), Some("_count=1"), None),
        ("AT-32 one megabyte", bearing(&"a".repeat(1 << 20)), None, Some(Kind::InvalidToken)),
    ];
    for (name, headers, query, kind) in rows {
        let outcome = authenticator.verify(&headers, None, query, noon());
        assert_eq!(outcome.err().map(|e| e.kind()), kind, "{name}");
    }
}

#[test]
fn only_own_tokens_for_this_base_are_believed() {
    let authenticator = authenticator();
    let good = token(&json!({}));
    let rows = [
        ("another issuer", token(&json!({"iss": "https://other.example"}))),
        ("AL-08 another base", token(&json!({"aud": "https://other.example/fhir"}))),
        ("AL-08 two audiences", token(&json!({"aud": [FHIR]}))),
        ("another client", token(&json!({"client_id": "gone"}))),
        ("a peer nobody knows", token(&json!({"node": "900"}))),
        ("a binding nobody can check", token(&json!({"cnf": {"jkt": "x"}}))),
        ("a binding that is none", token(&json!({"cnf": {"x5t#S256": "AAAA"}}))),
        ("too long a life", token(&json!({"exp": at(301)}))),
        ("another key", sign(&ES384, &header(&ES384, "at+jwt"), &claims())),
        ("AT-09 typ", sign(&ES256, &header(&ES256, "JWT"), &claims())),
        ("no organization", token(&json!({"organization": null}))),
        ("cut", good[..good.len() - 2].to_owned()),
    ];
    let expected = "The access token is not valid here; get another.";
    for (name, token) in rows {
        let refused = authenticator.verify(&bearing(&token), None, None, noon()).unwrap_err();
        assert_eq!((refused.kind(), refused.say()), (Kind::InvalidToken, expected), "{name}");
    }
    assert!(authenticator.verify(&bearing(&good), None, None, noon()).is_ok());
}

#[test]
fn a_token_kept_in_the_cache_ends_when_it_ends() {
    // AL-08, BS-06
    let authenticator = authenticator();
    let headers = bearing(&token(&json!({})));
    let verify = |after| {
        let now = noon().plus(Duration::from_millis(after));
        authenticator.verify(&headers, None, None, now).map_err(|e| e.kind())
    };
    let (first, second) = (verify(0).unwrap(), verify(299_999).unwrap());
    assert!(Arc::ptr_eq(&first, &second), "read once");
    assert_eq!(verify(300_000).unwrap_err(), Kind::Expired);
    assert_eq!(verify(300_001).unwrap_err(), Kind::Expired);
}

#[test]
fn the_fingerprint_tells_apart_whom_a_decision_tells_apart() {
    let authenticator = authenticator();
    let fingerprint = |changes: Value| {
        let headers = bearing(&token(&changes));
        authenticator.verify(&headers, None, None, noon()).unwrap().fingerprint()
    };
    let first = fingerprint(json!({}));
    assert_eq!(first, fingerprint(json!({"jti": "u", "exp": at(200)})));
    let a = json!({"roles": ["a", "b"], "declared": [{"id": "x", "reason": "one"}]});
    let b = json!({"roles": ["b", "a"], "declared": [{"id": "x", "reason": "two"}]});
    assert_eq!(fingerprint(a), fingerprint(b));
    let rows = [
        json!({"scope": "system/*.r"}),
        json!({"organization": "urn:oid:1.3"}),
        json!({"purpose": "TREAT"}),
        json!({"roles": ["a"]}),
        json!({"subject": "w"}),
        json!({"register": "social"}),
        json!({"sector": "social"}),
        json!({"declared": [{"id": "x", "reason": "one"}]}),
        json!({"break_glass": {"reason": "x", "until": "2027-01-01T00:00:00Z"}}),
        json!({"act": {"sub": "https://other.example"}}),
    ];
    for changes in rows {
        assert_ne!(fingerprint(changes.clone()), first, "{changes}");
    }
}

#[test]
fn a_refusal_carries_its_challenge() {
    // BS-08
    let rows = [
        (Kind::Unauthenticated, None, Some("Bearer")),
        (Kind::InvalidToken, None, Some("Bearer error=\"invalid_token\"")),
        (Kind::Expired, None, Some("Bearer error=\"invalid_token\"")),
        (Kind::Forbidden, None, Some("Bearer error=\"insufficient_scope\"")),
        (
            Kind::Forbidden,
            Some("system/Goal.r"),
            Some("Bearer error=\"insufficient_scope\", scope=\"system/Goal.r\""),
        ),
        (Kind::NotFound, None, None),
        (Kind::Invalid, None, None),
    ];
    for (kind, scope, expected) in rows {
        let value = challenge(kind, scope);
        assert_eq!(value.as_ref().map(|v| v.to_str().unwrap()), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn nothing_secret_is_in_a_refusal() {
    // AT-39
    let desk = Desk::new();
    let (response, _) = desk.post(&credentials(&assertion("x", &json!({})), "system/*.rs")).await;
    let token = body(&response)["access_token"].as_str().unwrap().to_owned();
    let stranger = Authenticator::new(
        "https://other.example",
        FHIR,
        KeySet::of([ES256.public()]).unwrap(),
        Arc::new(Registry::default()),
        Arc::new(Peers::default()),
    );
    let refused = stranger.verify(&bearing(&token), None, None, noon()).unwrap_err();
    let told = format!("{refused} {refused:?}");
    assert!(token.split('.').all(|part| !told.contains(part)));
}
