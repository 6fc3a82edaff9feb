//! Tokens between gateways. Ids are those of the requirement table (TX, MT).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use mylife::{
    authenticate::{
        behalf::on_behalf,
        caller::Caller,
        peer::{Peer, Peers},
    },
    chance::SeededChance,
    error::Kind,
    oauth::refused::Code,
    smart::Scopes,
};
use serde_json::{Value, json};

use super::{
    asking::{
        CERTIFICATE, Desk, ISSUER, PEER, PORTAL, assertion, body, credentials, form, peer, single,
    },
    signed::{ES384, OTHER, at, elliptic, header, keys, noon, sign, with},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn claims(jti: &str) -> Value {
    json!({
        "iss": PEER, "sub": "desk", "aud": ISSUER, "exp": at(60), "iat": at(0), "jti": jti,
        "client_id": "desk", "scope": "system/*.rs", "organization": PORTAL, "purpose": "TREAT",
        "roles": ["case-worker"], "subject": "worker-1", "register": "social", "sector": "social",
        "declared": [{"id": "child-welfare-act", "reason": "section 25"}],
        "act": {"sub": PEER},
    })
}

fn grant(jti: &str, changes: &Value) -> String {
    sign(&OTHER, &header(&OTHER, "mylife-grant+jwt"), &with(claims(jti), changes))
}

fn request(assertion: &str, scope: &str) -> String {
    form(&[("grant_type", GRANT), ("assertion", assertion), ("scope", scope)])
}

#[tokio::test]
async fn a_peer_gets_a_token_bound_to_its_certificate() {
    // TX-08, TX-10, MT-01
    let desk = Desk::new();
    let request = request(&grant("a", &json!({})), "system/Goal.rs");
    let (response, refused) = desk.post_from(&request, Some(&CERTIFICATE)).await;
    assert!(refused.is_none(), "{refused:?}");
    let answer = body(&response);
    assert_eq!((&answer["scope"], &answer["expires_in"]), (&json!("system/Goal.rs"), &json!(60)));
    let token = answer["access_token"].as_str().unwrap();
    let caller = desk.caller(token, Some(&CERTIFICATE)).unwrap();
    assert_eq!(caller.client_id(), "900/desk");
    assert_eq!(caller.node().map(ToString::to_string).as_deref(), Some("900"));
    assert_eq!(caller.actors(), [PEER]);
    assert_eq!((caller.organization(), caller.purpose()), (PORTAL, Some("TREAT")));
    assert_eq!((caller.subject(), caller.roles().len()), (Some("worker-1"), 1));
    assert_eq!(caller.declared().len(), 1);
    for certificate in [None, Some(&[8; 32])] {
        let refused = desk.caller(token, certificate).unwrap_err();
        assert_eq!(refused.kind(), Kind::InvalidToken, "AT-33");
    }
}

#[tokio::test]
async fn every_assertion_that_is_not_believed_is_answered_with_the_same_bytes() {
    // TX-07, TX-09
    let desk = Desk::new();
    let used = grant("used", &json!({}));
    let ok = desk.post_from(&request(&used, "-"), Some(&CERTIFICATE)).await.0.status();
    assert_eq!(ok, StatusCode::OK);
    let actors = |n: usize| {
        (0..n).fold(Value::Null, |act, n| {
            let actor = json!({"sub": format!("https://{n}.example")});
            if act.is_null() { actor } else { with(actor, &json!({"act": act})) }
        })
    };
    let rows = [
        ("TX-08 used before", used),
        ("TX-06 two audiences", grant("x1", &json!({"aud": [ISSUER, "x"]}))),
        ("TX-06 another audience", grant("x2", &json!({"aud": "https://other.example"}))),
        ("another issuer", grant("x3", &json!({"iss": "https://other.example"}))),
        ("too long", grant("x4", &json!({"exp": at(61)}))),
        ("over", grant("x5", &json!({"exp": at(0), "iat": at(-60)}))),
        ("no iat", grant("x6", &json!({"iat": null}))),
        ("no jti", grant("x7", &json!({"jti": null}))),
        ("no organization", grant("x8", &json!({"organization": null}))),
        ("another organization", grant("x9", &json!({"organization": "urn:oid:1.2"}))),
        ("another purpose", grant("x10", &json!({"purpose": "HMARKT"}))),
        ("another role", grant("x11", &json!({"roles": ["case-worker", "chief"]}))),
        ("another register", grant("x12", &json!({"register": "health"}))),
        ("another sector", grant("x13", &json!({"sector": "health"}))),
        ("another ground", grant("x14", &json!({"declared": [{"id": "x", "reason": "x"}]}))),
        (
            "an emergency",
            grant("x15", &json!({"break_glass": {"reason": "x", "until": "2027-01-01T00:00:00Z"}})),
        ),
        ("a person acts", grant("x16", &json!({"subject": "Patient/297.a"}))),
        ("a relative acts", grant("x17", &json!({"subject": "https://a/RelatedPerson/297.a"}))),
        ("TX-14 identity code", grant("x18", &json!({"subject": "010190-999P"}))),
        ("TX-10 four gateways", grant("x19", &json!({"act": actors(4)}))),
        ("TX-10 three others and the peer", grant("x20", &json!({"act": actors(3)}))),
        ("a client id that is none", grant("x21", &json!({"client_id": "a\u{0}"}))),
        ("TX-13 typ of an access token", sign(&OTHER, &header(&OTHER, "at+jwt"), &claims("x22"))),
        ("TX-13 typ of a client", sign(&OTHER, &header(&OTHER, "JWT"), &claims("x23"))),
        ("key of a client", sign(&ES384, &header(&ES384, "mylife-grant+jwt"), &claims("x24"))),
        ("no token", "x".to_owned()),
    ];
    let expected = r#"{"error":"invalid_grant","error_description":"The assertion, code or token is not accepted."}"#;
    for (name, assertion) in rows {
        let (response, refused) =
            desk.post_from(&request(&assertion, "-"), Some(&CERTIFICATE)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}: {refused:?}");
        assert_eq!(response.body(), expected, "{name}");
        let replay = refused.is_some_and(|refused| refused.why == "jti used before");
        assert_eq!(replay, name == "TX-08 used before", "{name} is refused for its own reason");
    }
}

#[tokio::test]
async fn a_peer_proves_itself_by_its_certificate_alone() {
    // TX-09: what fails about the client stays invalid_client.
    let desk = Desk::new();
    let good = request(&grant("x", &json!({})), "-");
    let rows = [
        ("no certificate", good.clone(), None, Code::InvalidClient),
        ("another certificate", good.clone(), Some(&[8; 32]), Code::InvalidClient),
        (
            "another client_id",
            format!("{good}&client_id=x"),
            Some(&CERTIFICATE),
            Code::InvalidClient,
        ),
        (
            "two proofs",
            format!("{good}&client_assertion=x"),
            Some(&CERTIFICATE),
            Code::InvalidRequest,
        ),
        ("no assertion", request("-", "-"), Some(&CERTIFICATE), Code::InvalidRequest),
        (
            "TX-05 wider scope",
            request(&grant("w", &json!({"scope": "system/Goal.r"})), "system/Task.r"),
            Some(&CERTIFICATE),
            Code::InvalidScope,
        ),
        (
            "no scope at all",
            request(&grant("n", &json!({"scope": ""})), "-"),
            Some(&CERTIFICATE),
            Code::InvalidScope,
        ),
        (
            "SC-16 another context",
            request(&grant("u", &json!({"scope": "user/*.rs"})), "-"),
            Some(&CERTIFICATE),
            Code::InvalidScope,
        ),
        (
            "native",
            request(&grant("v", &json!({"scope": "mylife/native.write"})), "-"),
            Some(&CERTIFICATE),
            Code::InvalidScope,
        ),
    ];
    for (name, request, certificate, code) in rows {
        let (_, refused) = desk.post_from(&request, certificate).await;
        assert_eq!(refused.map(|r| r.code), Some(code), "{name}");
    }
    let own = format!("{good}&client_id={PEER}");
    assert!(desk.post_from(&own, Some(&CERTIFICATE)).await.1.is_none());
}

/// A caller of the portal's own desk, as it is known there.
async fn caller_at_home(desk: &Desk, scope: &str) -> std::sync::Arc<Caller> {
    let stated = json!({"extensions": {
        "ihe_iua": {"purpose_of_use": "TREAT", "subject_role": "case-worker", "subject_id": "w"},
        "mylife": {"break_glass": {"reason": "fire", "until": "2026-06-01T13:00:00Z"}},
    }});
    let (response, _) = desk.post(&credentials(&assertion("home", &stated), scope)).await;
    desk.caller(body(&response)["access_token"].as_str().unwrap(), None).unwrap()
}

#[tokio::test]
async fn what_one_gateway_writes_another_reads_and_nothing_grows() {
    // TX-10, TX-11
    let home = Desk::new();
    let caller = caller_at_home(&home, "system/Goal.rs system/Task.r").await;
    let wide = Scopes::parse("system/*.cruds mylife/native.write");
    let write = |audience: &str| {
        on_behalf(&caller, &wide, PEER, audience, &OTHER, &SeededChance::new(5), noon()).unwrap()
    };
    let away = Desk::new();
    let sent = request(&write(ISSUER), "-");
    let (response, refused) = away.post_from(&sent, Some(&CERTIFICATE)).await;
    assert!(refused.is_none(), "{refused:?}");
    let answer = body(&response);
    assert_eq!(answer["scope"], "system/Goal.rs system/Task.r");
    let there = away.caller(answer["access_token"].as_str().unwrap(), Some(&CERTIFICATE)).unwrap();
    assert_eq!(there.client_id(), "900/portal");
    assert_eq!(there.actors(), [PEER]);
    assert_eq!((there.purpose(), there.roles()), (caller.purpose(), caller.roles()));
    assert_eq!((there.subject(), there.register()), (caller.subject(), caller.register()));
    assert!(caller.break_glass().is_some() && there.break_glass().is_none());
    assert_ne!(there.fingerprint(), caller.fingerprint());
    let (_, refused) =
        away.post_from(&request(&write("https://third.example"), "-"), Some(&CERTIFICATE)).await;
    assert_eq!(refused.unwrap().code, Code::InvalidGrant, "for another gateway");
}

#[tokio::test]
async fn the_right_to_push_native_documents_does_not_travel() {
    let home = Desk::new();
    let proof = single("home", &json!({}));
    let asked = "system/Goal.rs mylife/native.write";
    let (response, _) = home.post(&credentials(&proof, asked)).await;
    let caller = home.caller(body(&response)["access_token"].as_str().unwrap(), None).unwrap();
    assert!(caller.scopes().native_write());
    let chance = SeededChance::new(5);
    let sent = on_behalf(&caller, caller.scopes(), PEER, ISSUER, &OTHER, &chance, noon()).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(sent.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["scope"], "system/Goal.rs");
}

#[tokio::test]
async fn a_question_passes_through_three_gateways_and_no_fourth() {
    // TX-10: each hop is a desk that believes the one before it under the same certificate.
    let mut caller = caller_at_home(&Desk::new(), "system/Goal.rs").await;
    let mut names = Vec::new();
    for hop in 0..3 {
        let issuer = format!("https://hop{hop}.example");
        let signer = elliptic(mylife::authenticate::jose::key::Algorithm::Es256);
        let scopes = caller.scopes().clone();
        let chance = SeededChance::new(hop);
        let sent = on_behalf(&caller, &scopes, &issuer, ISSUER, &signer, &chance, noon()).unwrap();
        let mut desk = Desk::new();
        let believed = Peer { issuer: issuer.clone(), keys: keys(&[&signer]), ..peer() };
        desk.endpoint.peers = std::sync::Arc::new(Peers::build(vec![believed]).unwrap());
        let (response, refused) = desk.post_from(&request(&sent, "-"), Some(&CERTIFICATE)).await;
        assert!(refused.is_none(), "{refused:?}");
        let token = body(&response)["access_token"].as_str().unwrap().to_owned();
        caller = desk.caller(&token, Some(&CERTIFICATE)).unwrap();
        names.insert(0, issuer);
        assert_eq!(caller.actors(), names);
    }
    assert_eq!(caller.client_id(), "900/900/900/portal");
    let scopes = caller.scopes().clone();
    let chance = SeededChance::new(9);
    let fourth = on_behalf(&caller, &scopes, PEER, ISSUER, &OTHER, &chance, noon());
    assert_eq!(fourth.unwrap_err().kind(), Kind::Forbidden);
}

#[test]
fn peers_that_cannot_be_told_apart_are_a_mistake() {
    let other = Peer { issuer: "https://b.example".to_owned(), ..peer() };
    let mistakes = Peers::build(vec![peer(), other]).unwrap_err();
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
}
