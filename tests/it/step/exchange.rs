//! A client has its gateway speak for it to another. Ids are those of the requirement table (TX, AT).

use std::sync::Arc;

use http::StatusCode;
use mylife::{
    authenticate::{
        caller::Caller,
        jose::sign::Signer,
        peer::{Peer, PeerLimits},
        registry::ClientEntry,
    },
    domain::id::NodeCode,
    error::Kind,
    oauth::refused::Code,
    store::Store,
};
use serde_json::{Value, json};

use super::{
    asking::{
        CERTIFICATE, Desk, FHIR, ISSUER, PEER, PORTAL, assertion, body, claims, credentials, entry,
        form, peer, plain, single,
    },
    signed::{BROKER, ES384, OTHER, at, header, jwks, keys, noon, sign, with},
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const STATEMENT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The one client that may exchange: tokens of its own, and those of the portal, which lets it act.
pub(crate) fn broker() -> ClientEntry {
    entry(&json!({
        "client_id": "broker", "name": "Broker", "jwks": jwks(&[&BROKER]), "exchanges": true,
        "may_act": null, "purposes": ["TREAT"], "scopes": ["system/Goal.rs", "system/Task.rs"],
    }))
}

/// A gateway with such clients, and the portal's as its peer.
pub(crate) fn home() -> Desk {
    let portal = entry(&json!({ "may_act": "broker" }));
    Desk::of(ISSUER, vec![portal, plain(), broker()], vec![peer()])
}

/// The gateway it speaks to, which believes it and knows no clients of it.
pub(crate) fn away(home: &Desk, issuer: &str, limits: PeerLimits) -> Desk {
    let signer: &Signer = &home.endpoint.signer;
    let believed = Peer {
        code: NodeCode::parse("297").unwrap(),
        issuer: home.endpoint.issuer.clone(),
        keys: keys(&[signer]),
        limits,
        ..peer()
    };
    Desk::of(issuer, vec![plain()], vec![believed])
}

fn proof(jti: &str) -> String {
    let claims = with(claims(jti), &json!({ "iss": "broker", "sub": "broker" }));
    sign(&BROKER, &header(&BROKER, "JWT"), &claims)
}

/// A request to exchange; a pair replaces the one of its name, `-` leaves it out.
pub(crate) fn exchange(jti: &str, token: &str, changes: &[(&str, &str)]) -> String {
    let proof = proof(jti);
    let mut pairs = vec![
        ("grant_type", EXCHANGE),
        ("client_assertion_type", CLIENT),
        ("client_assertion", &*proof),
        ("subject_token", token),
        ("subject_token_type", ACCESS),
        ("audience", PEER),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    form(&pairs)
}

/// What the other gateway is sent.
pub(crate) fn present(statement: &str, scope: &str) -> String {
    form(&[("grant_type", BEARER), ("assertion", statement), ("scope", scope)])
}

/// A token of a client of its own.
pub(crate) async fn token(desk: &Desk, client: &str, jti: &str, scope: &str) -> String {
    let stated = json!({ "extensions": {
        "ihe_iua": { "purpose_of_use": "TREAT", "subject_role": "case-worker", "subject_id": "w" },
        "mylife": {
            "declared": [{ "id": "child-welfare-act", "reason": "section 25" }],
            "break_glass": { "reason": "fire", "until": "2026-06-01T12:30:00Z" },
        },
    }});
    let proof = match client {
        "portal" => assertion(jti, &stated),
        "broker" => {
            let claims = with(claims(jti), &json!({ "iss": "broker", "sub": "broker" }));
            sign(&BROKER, &header(&BROKER, "JWT"), &with(claims, &stated))
        }
        _ => single(jti, &json!({})),
    };
    let (response, refused) = desk.post(&credentials(&proof, scope)).await;
    assert!(refused.is_none(), "{refused:?}");
    body(&response)["access_token"].as_str().unwrap().to_owned()
}

/// A token as the gateway itself would sign it.
fn made(desk: &Desk, changes: &Value) -> String {
    let claims = json!({
        "iss": ISSUER, "sub": "broker", "aud": FHIR, "exp": at(300), "iat": at(0), "jti": "made",
        "client_id": "broker", "scope": "system/Goal.rs", "organization": PORTAL,
        "purpose": "TREAT",
    });
    let signer = &desk.endpoint.signer;
    sign(signer, &header(signer, "at+jwt"), &with(claims, changes))
}

async fn exchanged(desk: &Desk, request: &str) -> Value {
    let (response, refused) = desk.post(request).await;
    assert!(refused.is_none(), "{refused:?}");
    body(&response)
}

async fn refuses(desk: &Desk, name: &str, request: &str, code: Code) {
    let (response, refused) = desk.post(request).await;
    assert_eq!(refused.map(|refused| refused.code), Some(code), "{name}");
    let (status, error, words) = code.shape();
    assert_eq!(response.status(), status, "{name}");
    let expected = json!({ "error": error, "error_description": words }).to_string();
    assert_eq!(response.body(), &expected, "{name}: nothing else is told");
}

async fn arrives(away: &Desk, statement: &str) -> Arc<Caller> {
    let (response, refused) = away.post_from(&present(statement, "-"), Some(&CERTIFICATE)).await;
    assert!(refused.is_none(), "{refused:?}");
    let token = body(&response)["access_token"].as_str().unwrap().to_owned();
    away.caller(&token, Some(&CERTIFICATE)).unwrap()
}

#[tokio::test]
async fn a_token_becomes_a_statement_to_one_other_gateway() {
    // TX-04, TX-06, TX-08
    let home = home();
    let away = away(&home, PEER, peer().limits);
    let own = token(&home, "broker", "own", "system/Goal.rs system/Task.r").await;
    let said = exchanged(&home, &exchange("x", &own, &[("scope", "system/Goal.r")])).await;
    let statement = said["access_token"].as_str().unwrap();
    let expected = json!({
        "access_token": statement, "issued_token_type": STATEMENT, "token_type": "N_A",
        "expires_in": 60, "scope": "system/Goal.r",
    });
    assert_eq!(said, expected, "no refresh token");
    let there = arrives(&away, statement).await;
    assert_eq!((there.client_id(), there.actors()), ("297/broker", vec![ISSUER]));
    assert_eq!((there.organization(), there.purpose()), (PORTAL, Some("TREAT")));
    assert_eq!((there.subject(), there.roles()), (Some("w"), &["case-worker".to_owned()][..]));
    assert_eq!(there.scopes().to_string(), "system/Goal.r");
    assert_eq!(there.expires().seconds(), at(60));
    // Once, for nobody else, and without the certificate of the gateway that speaks for nothing.
    for (name, desk, certificate, code) in [
        ("again", &away, Some(&CERTIFICATE), Code::InvalidGrant),
        ("without the certificate", &away, None, Code::InvalidClient),
        ("with another", &away, Some(&[8; 32]), Code::InvalidClient),
        ("elsewhere", &home, Some(&CERTIFICATE), Code::InvalidGrant),
    ] {
        let (_, refused) = desk.post_from(&present(statement, "-"), certificate).await;
        assert_eq!(refused.map(|refused| refused.code), Some(code), "{name}");
    }
    // By its FHIR base it is the same gateway; with nothing asked the scope is that of the token.
    for (jti, changes) in [
        ("r1", vec![("audience", "-"), ("resource", PEER)]),
        ("r2", vec![("audience", "-"), ("resource", "https://portal.example/fhir")]),
        ("r3", vec![("resource", "https://portal.example/fhir")]),
        ("r4", vec![("requested_token_type", STATEMENT)]),
        ("r5", vec![("actor_token", &*own), ("actor_token_type", ACCESS)]),
    ] {
        let said = exchanged(&home, &exchange(jti, &own, &changes)).await;
        assert_eq!(said["scope"], "system/Goal.rs system/Task.r", "{changes:?}");
        let there = arrives(&away, said["access_token"].as_str().unwrap()).await;
        assert_eq!(there.actors(), [ISSUER], "{changes:?}");
    }
}

#[tokio::test]
async fn who_acts_for_another_was_let_by_the_token_and_stands_in_the_chain() {
    // TX-10
    let home = home();
    let away = away(&home, PEER, peer().limits);
    let theirs = token(&home, "portal", "theirs", "system/*.rs system/Consent.cu").await;
    let said = exchanged(&home, &exchange("x", &theirs, &[])).await;
    // What the one who acts is not registered for it does not get for another.
    assert_eq!(said["scope"], "system/Goal.rs system/Task.rs");
    let there = arrives(&away, said["access_token"].as_str().unwrap()).await;
    assert_eq!((there.client_id(), there.actors()), ("297/portal", vec![ISSUER, "broker"]));
    assert_eq!(there.subject(), Some("w"), "who acts is still the portal's user");
    // Of whom nothing is known there each could be of any organisation: what is forbidden to one is to them.
    assert_eq!(there.through(), [Some(PORTAL.to_owned()), None]);
    let own = token(&home, "broker", "own", "system/Goal.rs").await;
    let both = [("actor_token", &*own), ("actor_token_type", ACCESS)];
    let said = exchanged(&home, &exchange("y", &theirs, &both)).await;
    let there = arrives(&away, said["access_token"].as_str().unwrap()).await;
    assert_eq!(there.actors(), [ISSUER, "broker"]);
    // Somebody who lets nobody, or somebody else.
    let rows = [
        ("lets nobody", json!({ "client_id": "portal" })),
        ("another", json!({ "client_id": "portal", "may_act": { "sub": "single" } })),
        (
            "one so called elsewhere",
            json!({ "client_id": "portal", "may_act": { "iss": PEER, "sub": "broker" } }),
        ),
        (
            "on a condition",
            json!({ "client_id": "portal", "may_act": { "sub": "broker", "email": "a" } }),
        ),
    ];
    for (name, changes) in rows {
        let request = exchange(name, &made(&home, &changes), &[]);
        refuses(&home, name, &request, Code::InvalidRequest).await;
    }
    let lets = json!({ "client_id": "portal", "may_act": { "iss": ISSUER, "sub": "broker" } });
    exchanged(&home, &exchange("named whole", &made(&home, &lets), &[])).await;
}

#[tokio::test]
async fn every_token_that_is_not_believed_is_answered_with_the_same_bytes() {
    // TX-02, TX-13, AT-09
    let home = home();
    let own = token(&home, "broker", "own", "system/Goal.rs").await;
    let single = token(&home, "single", "single", "system/Goal.rs").await;
    let said = exchanged(&home, &exchange("x", &own, &[])).await;
    let statement = said["access_token"].as_str().unwrap().to_owned();
    let signer = &home.endpoint.signer;
    let typed = |typ: &str, changes: &Value| {
        let claims = json!({
            "iss": ISSUER, "sub": "broker", "aud": FHIR, "exp": at(60), "iat": at(0), "jti": "t",
            "client_id": "broker", "scope": "system/Goal.rs", "organization": PORTAL,
        });
        sign(signer, &header(signer, typ), &with(claims, changes))
    };
    let grant = json!({
        "iss": PEER, "sub": "broker", "aud": ISSUER, "exp": at(60), "iat": at(0), "jti": "peer",
        "client_id": "broker", "scope": "system/Goal.rs", "organization": PORTAL,
        "may_act": { "iss": ISSUER, "sub": "broker" },
    });
    let grant = sign(&OTHER, &header(&OTHER, "mylife-grant+jwt"), &grant);
    let (peers, _) = home.post_from(&present(&grant, "-"), Some(&CERTIFICATE)).await;
    let peers = body(&peers)["access_token"].as_str().unwrap().to_owned();
    let rows = [
        ("nothing", String::new()),
        ("no token", "x".to_owned()),
        ("over", made(&home, &json!({ "exp": at(0), "iat": at(-300) }))),
        ("not yet", made(&home, &json!({ "iat": at(31) }))),
        ("for another base", made(&home, &json!({ "aud": "https://portal.example/fhir" }))),
        ("of nobody who is known", made(&home, &json!({ "iss": "https://nobody.example" }))),
        ("of a client that is gone", made(&home, &json!({ "client_id": "gone" }))),
        ("of another signer", {
            let claims = json!({ "iss": ISSUER, "sub": "broker", "aud": FHIR, "exp": at(60) });
            sign(&OTHER, &json!({ "alg": "ES384", "kid": signer.kid(), "typ": "at+jwt" }), &claims)
        }),
        ("of no signer", "eyJhbGciOiJub25lIn0.e30.".to_owned()),
        ("another client's, which lets nobody", single),
        ("a statement of this gateway", statement.clone()),
        ("a statement for this gateway", grant),
        ("what a peer was given", peers),
        ("a proof of a client", proof("as a token")),
        ("typ of a statement", typed("mylife-grant+jwt", &json!({}))),
        ("typ of an ID token", typed("JWT", &json!({ "nonce": "n" }))),
        ("typ of a proof of possession", typed("dpop+jwt", &json!({}))),
        ("bound to a certificate", {
            made(&home, &json!({ "cnf": { "x5t#S256": "A".repeat(43) } }))
        }),
        ("bound to a key", made(&home, &json!({ "cnf": { "jkt": "A".repeat(43) } }))),
        ("bound to nothing that is known", made(&home, &json!({ "cnf": { "x": "y" } }))),
        ("of somebody who acts", made(&home, &json!({ "subject": "Patient/297.a" }))),
        ("about one person", made(&home, &json!({ "patient": "297.a" }))),
        ("through three gateways", {
            let act = json!({ "sub": "a", "act": { "sub": "b", "act": { "sub": "c" } } });
            made(&home, &json!({ "act": act }))
        }),
    ];
    for (n, (name, subject)) in rows.iter().enumerate() {
        let request = exchange(&format!("row{n}"), subject, &[]);
        refuses(&home, name, &request, Code::InvalidRequest).await;
        // As the one who acts it is worth as little, even where what it acts for is good.
        if !name.starts_with("of somebody") && !name.starts_with("about") && n > 0 && n < 20 {
            let actor = [("actor_token", &**subject), ("actor_token_type", ACCESS)];
            let request = exchange(&format!("actor{n}"), &own, &actor);
            refuses(&home, name, &request, Code::InvalidRequest).await;
        }
    }
    let revoked = made(&home, &json!({ "jti": "revoked" }));
    exchanged(&home, &exchange("before", &revoked, &[])).await;
    let id = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"revoked");
    let id: [u8; 32] = id.as_ref().try_into().unwrap();
    let known = home.authenticator.revoked();
    known
        .revoke(&*home.memory, id, noon().plus(std::time::Duration::from_mins(5)), noon())
        .await
        .unwrap();
    refuses(&home, "revoked", &exchange("after", &revoked, &[]), Code::InvalidRequest).await;
    // Nor is a statement anything but a statement.
    assert_eq!(home.caller(&statement, None).unwrap_err().kind(), Kind::InvalidToken);
    let away = away(&home, PEER, peer().limits);
    assert_eq!(away.caller(&statement, Some(&CERTIFICATE)).unwrap_err().kind(), Kind::InvalidToken);
    for desk in [&home, &away] {
        let (_, refused) = desk.post(&credentials(&statement, "system/Goal.rs")).await;
        assert_eq!(refused.map(|refused| refused.code), Some(Code::InvalidClient));
    }
    // An access token of one gateway is no statement to another.
    let (_, refused) = away.post_from(&present(&own, "-"), Some(&CERTIFICATE)).await;
    assert_eq!(refused.map(|refused| refused.code), Some(Code::InvalidGrant), "TX-13");
}

#[tokio::test]
async fn a_token_that_is_bound_is_exchanged_by_whoever_holds_what_it_is_bound_to() {
    // MT-01, AT-33
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let home = home();
    let named = URL_SAFE_NO_PAD.encode(CERTIFICATE);
    let bound = made(&home, &json!({ "cnf": { "x5t#S256": named } }));
    for (n, certificate) in [None, Some(&[8; 32])].into_iter().enumerate() {
        let request = exchange(&format!("without{n}"), &bound, &[]);
        let (_, refused) = home.post_from(&request, certificate).await;
        assert_eq!(refused.map(|refused| refused.code), Some(Code::InvalidRequest));
    }
    let request = exchange("with", &bound, &[]);
    let (_, refused) = home.post_from(&request, Some(&CERTIFICATE)).await;
    assert!(refused.is_none(), "{refused:?}");
}

/// What it is called, what of the form is another (`-` is left out), and how it is refused.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Code);

#[tokio::test]
async fn a_request_that_is_none_is_told_apart_only_where_it_may_be() {
    // TX-01, TX-03, TX-05, AT-23, AT-26
    let home = home();
    let own = token(&home, "broker", "own", "system/Goal.rs system/Task.r").await;
    let other = "urn:ietf:params:oauth:token-type:id_token";
    let rows: [Row<'_>; 22] = [
        ("TX-01 no token", &[("subject_token", "-")], Code::InvalidRequest),
        ("TX-01 no type", &[("subject_token_type", "-")], Code::InvalidRequest),
        ("TX-01 another type", &[("subject_token_type", other)], Code::InvalidRequest),
        ("TX-01 type of a statement", &[("subject_token_type", STATEMENT)], Code::InvalidRequest),
        ("TX-01 an actor without type", &[("actor_token", &*own)], Code::InvalidRequest),
        ("TX-01 a type without actor", &[("actor_token_type", ACCESS)], Code::InvalidRequest),
        ("TX-01 no gateway", &[("audience", "-")], Code::InvalidRequest),
        ("another kind", &[("requested_token_type", ACCESS)], Code::InvalidRequest),
        ("TX-03 nobody", &[("audience", "https://nobody.example")], Code::InvalidTarget),
        ("TX-03 this gateway", &[("audience", ISSUER)], Code::InvalidTarget),
        (
            "TX-03 its token endpoint",
            &[("audience", "https://portal.example/oauth/token")],
            Code::InvalidTarget,
        ),
        ("TX-03 with a slash", &[("audience", "https://portal.example/")], Code::InvalidTarget),
        ("TX-03 by its node code", &[("audience", "900")], Code::InvalidTarget),
        ("TX-03 nobody's base", &[("audience", "-"), ("resource", FHIR)], Code::InvalidTarget),
        ("TX-06 two", &[("resource", "https://nobody.example/fhir")], Code::InvalidTarget),
        ("TX-05 more letters", &[("scope", "system/Task.rs")], Code::InvalidScope),
        ("TX-05 more types", &[("scope", "system/*.rs")], Code::InvalidScope),
        (
            "TX-05 one of two",
            &[("scope", "system/Goal.rs system/Plan.rs system/Consent.cu")],
            Code::InvalidScope,
        ),
        ("TX-05 another context", &[("scope", "system/Goal.rs user/Goal.rs")], Code::InvalidScope),
        ("TX-05 native", &[("scope", "system/Goal.rs mylife/native.write")], Code::InvalidScope),
        ("TX-05 nothing known", &[("scope", "openid")], Code::InvalidScope),
        ("AT-26 quote", &[("scope", "system/Goal.rs\"")], Code::InvalidScope),
    ];
    for (name, changes, code) in rows {
        refuses(&home, name, &exchange(name, &own, changes), code).await;
    }
    for (name, scope) in [
        ("in the words of version 1", "system/Goal.read"),
        ("less", "system/Goal.r"),
        ("of a theme", "system/Goal.rs?_security=housing"),
        ("what is not known beside", "system/Goal.rs openid"),
    ] {
        exchanged(&home, &exchange(name, &own, &[("scope", scope)])).await;
    }
    let twice = format!("{}&audience={PEER}", exchange("twice", &own, &[]));
    refuses(&home, "AT-23 two audiences", &twice, Code::InvalidRequest).await;
    let one = exchange("once", &own, &[]);
    exchanged(&home, &one).await;
    refuses(&home, "the proof of the client again", &one, Code::InvalidClient).await;
    let other = Peer {
        code: NodeCode::parse("205").unwrap(),
        issuer: "https://b.example".to_owned(),
        certificate: [9; 32],
        ..peer()
    };
    let two = Desk::of(ISSUER, vec![broker()], vec![peer(), other]);
    let own = token(&two, "broker", "own", "system/Goal.rs").await;
    let both = exchange("both", &own, &[("resource", "https://b.example/fhir")]);
    refuses(&two, "TX-06 two that are known", &both, Code::InvalidTarget).await;
    let alone = Desk::of(ISSUER, vec![broker()], Vec::new());
    let own = token(&alone, "broker", "own", "system/Goal.rs").await;
    refuses(&alone, "no peers", &exchange("x", &own, &[]), Code::UnsupportedGrantType).await;
}

#[tokio::test]
async fn a_client_exchanges_nothing_that_is_not_registered_to() {
    let home = home();
    let theirs = token(&home, "portal", "theirs", "system/Goal.rs").await;
    let own = assertion("as itself", &json!({}));
    let request = exchange("x", &theirs, &[("client_assertion", &*own)]);
    refuses(&home, "not registered", &request, Code::UnauthorizedClient).await;
    let forged = with(claims("forged"), &json!({ "iss": "broker", "sub": "broker" }));
    let forged = sign(&ES384, &header(&ES384, "JWT"), &forged);
    for (name, changes) in [
        ("nobody", vec![("client_assertion", "-"), ("client_assertion_type", "-")]),
        ("a name alone", vec![("client_assertion", "-"), ("client_id", "broker")]),
        ("a forged proof", vec![("client_assertion", &*forged)]),
        ("a token in place of a proof", vec![("client_assertion", &*theirs)]),
    ] {
        refuses(&home, name, &exchange(name, &theirs, &changes), Code::InvalidClient).await;
    }
    // A peer's certificate is no client's proof.
    let request =
        exchange("x", &theirs, &[("client_assertion", "-"), ("client_assertion_type", "-")]);
    let (_, refused) = home.post_from(&request, Some(&CERTIFICATE)).await;
    assert_eq!(refused.map(|refused| refused.code), Some(Code::InvalidClient));
}

#[tokio::test]
async fn a_statement_ends_with_the_token_it_was_made_of() {
    // TX-11
    let home = home();
    let short = made(&home, &json!({ "exp": at(20) }));
    let said = exchanged(&home, &exchange("x", &short, &[])).await;
    assert_eq!(said["expires_in"], 20);
    let away = away(&home, PEER, peer().limits);
    let there = arrives(&away, said["access_token"].as_str().unwrap()).await;
    assert_eq!(there.expires().seconds(), at(20));
}

#[tokio::test]
async fn of_all_replicas_one_takes_a_statement_once() {
    // TX-08, AT-19
    let home = home();
    let replica = away(&home, PEER, peer().limits);
    let mut other = away(&home, PEER, peer().limits);
    other.endpoint.store = Arc::clone(&replica.memory) as Arc<dyn Store>;
    let own = token(&home, "broker", "own", "system/Goal.rs").await;
    let said = exchanged(&home, &exchange("x", &own, &[])).await;
    let request = present(said["access_token"].as_str().unwrap(), "-");
    let mut given = 0;
    for desk in [&other, &replica, &other] {
        let (response, _) = desk.post_from(&request, Some(&CERTIFICATE)).await;
        given += usize::from(response.status() == StatusCode::OK);
    }
    assert_eq!(given, 1);
    // Where it cannot be known whether it was used it counts as used.
    let said = exchanged(&home, &exchange("y", &own, &[])).await;
    *replica.memory.away.lock().unwrap() = true;
    let request = present(said["access_token"].as_str().unwrap(), "-");
    let (response, _) = other.post_from(&request, Some(&CERTIFICATE)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}
