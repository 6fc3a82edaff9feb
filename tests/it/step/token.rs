//! The token endpoint for backend services. Ids are those of the requirement and attack tables.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use mylife::{
    authenticate::registry::{ClientKeys, Registry},
    oauth::{refused::Code, token::Asked},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    asking::{
        Desk, HOME, ISSUER, PORTAL, TOKEN_URL, assertion, body, claims, credentials, entry, form,
        form_headers, single,
    },
    signed::{ES256, ES384, OTHER, RS384, at, header, sign, with},
};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[tokio::test]
async fn a_backend_service_gets_a_token_that_opens_the_door() {
    // BS-02, BS-04, BS-05, AL-06
    let desk = Desk::new();
    let proof = assertion("a", &json!({"extensions": {"ihe_iua": {"purpose_of_use": "TREAT"}}}));
    let (response, _) = desk.post(&credentials(&proof, "system/*.rs openid")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer = body(&response);
    assert_eq!(answer["token_type"], "bearer");
    assert_eq!(answer["expires_in"], 300);
    assert_eq!(answer["scope"], "system/*.rs");
    assert_eq!(answer.as_object().unwrap().len(), 4, "no refresh token, no id token");
    let caller = desk.caller(answer["access_token"].as_str().unwrap(), None).unwrap();
    assert_eq!(caller.client_id(), "portal");
    assert_eq!(caller.organization(), PORTAL);
    assert_eq!(caller.purpose(), Some("TREAT"));
    assert_eq!((caller.register(), caller.sector()), (Some("social"), Some("social")));
    assert_eq!(caller.expires().seconds(), at(300));
    assert!(caller.roles().is_empty() && caller.subject().is_none() && caller.node().is_none());
}

#[tokio::test]
async fn what_real_clients_send_is_answered() {
    let desk = Desk::new();
    let rs384 = sign(&RS384, &header(&RS384, "JWT"), &claims("rs"));
    let bare = with(header(&ES384, ""), &json!({"typ": null}));
    let rows = [
        ("PK-01 RS384", rs384),
        ("PK-02 no typ", sign(&ES384, &bare, &claims("typ"))),
        ("C-2 aud is the issuer", assertion("issuer", &json!({"aud": ISSUER}))),
        ("PK-05 exp at the bound", assertion("bound", &json!({"exp": at(330)}))),
        ("another client with the same jti", single("bound", &json!({}))),
    ];
    for (name, proof) in rows {
        let (response, refused) = desk.post(&credentials(&proof, "system/Goal.rs")).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn every_failed_proof_is_answered_with_the_same_bytes() {
    // PK-14, BS-07 and the rows of PK and AT that end here.
    let desk = Desk::new();
    let used = assertion("used", &json!({}));
    assert_eq!(desk.post(&credentials(&used, "system/*.rs")).await.0.status(), StatusCode::OK);
    let again = sign(&ES384, &header(&ES384, "JWT"), &with(claims("used"), &json!({"exp": at(9)})));
    let stranger = with(claims("s"), &json!({"iss": "nobody", "sub": "nobody"}));
    let forged = with(header(&OTHER, "JWT"), &json!({"kid": ES384.kid()}));
    let with_type = |kind: &str, proof: &str, id: &str| {
        form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", proof),
            ("client_id", id),
            ("scope", "system/*.rs"),
        ])
    };
    let changed = |changes: Value| credentials(&assertion("x", &changes), "system/*.rs");
    let rows = [
        ("PK-06 the same again", credentials(&used, "system/*.rs")),
        ("PK-06 same jti, new signature", credentials(&again, "system/*.rs")),
        ("PK-02 no kid", {
            let head = with(header(&ES384, "JWT"), &json!({"kid": null}));
            credentials(&sign(&ES384, &head, &claims("x")), "system/*.rs")
        }),
        ("PK-03 sub another", changed(json!({"sub": "single"}))),
        ("PK-03 client_id another", with_type(TYPE, &assertion("x", &json!({})), "single")),
        ("PK-04 foreign audience", changed(json!({"aud": "https://other.example"}))),
        ("PK-04 two audiences", changed(json!({"aud": [TOKEN_URL, "https://other.example"]}))),
        ("PK-05 no exp", changed(json!({"exp": null}))),
        ("PK-05 far exp", changed(json!({"exp": at(331)}))),
        ("AT-10 past exp", changed(json!({"exp": at(-1)}))),
        ("PK-06 no jti", changed(json!({"jti": null}))),
        ("AT-20 long jti", changed(json!({"jti": "j".repeat(256)}))),
        ("AT-13 iss a list", changed(json!({"iss": ["portal"]}))),
        ("PK-07 jku", {
            let head = with(header(&ES384, "JWT"), &json!({"jku": "https://other.example/jwks"}));
            credentials(&sign(&ES384, &head, &claims("x")), "system/*.rs")
        }),
        ("PK-13 key of another client", {
            let head = header(&ES256, "JWT");
            credentials(&sign(&ES256, &head, &claims("x")), "system/*.rs")
        }),
        ("unknown client", credentials(&sign(&ES384, &header(&ES384, "JWT"), &stranger), "x")),
        ("forged", credentials(&sign(&OTHER, &forged, &claims("x")), "system/*.rs")),
        ("AT-01 none", credentials("eyJhbGciOiJub25lIn0.e30.", "system/*.rs")),
        ("AT-14 no token", credentials("x", "system/*.rs")),
        ("BS-02 bad assertion type", with_type("urn:other", &assertion("x", &json!({})), "-")),
        ("BS-02 no assertion type", with_type("-", &assertion("x", &json!({})), "-")),
        ("no assertion", with_type(TYPE, "-", "-")),
        ("AL-11 secret", form(&[("grant_type", "client_credentials"), ("client_secret", "x")])),
        ("AT-09 access token as assertion", {
            let (good, _) =
                desk.post(&credentials(&assertion("at", &json!({})), "system/*.rs")).await;
            credentials(body(&good)["access_token"].as_str().unwrap(), "system/*.rs")
        }),
    ];
    let expected =
        r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#;
    for (name, request) in rows {
        let (response, refused) = desk.post(&request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}: {refused:?}");
        assert_eq!(response.body(), expected, "{name}");
        assert!(!response.headers().contains_key("www-authenticate"), "{name}");
        let replay = refused.is_some_and(|refused| refused.why == "jti used before");
        assert_eq!(replay, name.starts_with("PK-06 ") && !name.contains("no jti"), "{name}");
    }
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_before_anybody_is_asked_who_they_are() {
    // AT-22 to AT-26
    let desk = Desk::new();
    let good = credentials(&assertion("x", &json!({})), "system/*.rs");
    let rows = [
        ("AT-23 scope twice", format!("{good}&scope=a")),
        ("AT-23 grant type twice", format!("{good}&grant_type=client_credentials")),
        ("AT-23 unknown twice", format!("{good}&x=1&x=2")),
        ("AT-24 broken escape", format!("{good}&x=%zz")),
        ("AT-24 cut escape", format!("{good}&x=%2")),
        ("AT-24 NUL", format!("{good}&x=%00")),
        ("AT-24 overlong UTF-8", format!("{good}&x=%C0%AF")),
        ("AT-24 line break", format!("{good}&x=%0D%0A")),
        ("AT-24 too large", format!("{good}&x={}", "a".repeat(70_000))),
        (
            "AT-24 too many",
            format!("{good}&{}", (0..40).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&")),
        ),
        ("AT-22 secret and assertion", format!("{good}&client_secret=x")),
        ("no grant type", "scope=a".to_owned()),
        ("empty grant type", "grant_type=&scope=a".to_owned()),
        ("empty", String::new()),
    ];
    let expected = r#"{"error":"invalid_request","error_description":"The request is malformed."}"#;
    for (name, request) in rows {
        let (response, _) = desk.post(&request).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(response.body(), expected, "{name}");
    }
    // Nothing was spent by them: the assertion is still good.
    assert_eq!(desk.post(&good).await.0.status(), StatusCode::OK);
}

fn head<'a>(
    method: &'a Method,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
    body: &'a str,
) -> Asked<'a> {
    Asked {
        method,
        query,
        headers,
        body: body.as_bytes(),
        certificate: None,
        names: None,
        address: HOME,
    }
}

#[tokio::test]
async fn the_head_of_a_request_is_judged_too() {
    let desk = Desk::new();
    let good = credentials(&assertion("x", &json!({})), "system/*.rs");
    let post = Method::POST;
    let plain = form_headers();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let (response, _) = desk.ask(head(&method, None, &plain, &good)).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "AT-25");
        assert_eq!(response.headers()["allow"], "POST", "AT-25");
    }
    let (response, _) = desk.ask(head(&post, Some("scope=a"), &plain, &good)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "AT-23 parameters in the URL");
    for kind in [
        "application/json",
        "multipart/form-data",
        "application/x-www-form-urlencoded; charset=utf-16",
        "x",
    ] {
        let mut headers = form_headers();
        headers.insert("content-type", HeaderValue::from_static(kind));
        let (response, _) = desk.ask(head(&post, None, &headers, &good)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "AT-24 {kind}");
    }
    let mut basic = form_headers();
    basic.insert(AUTHORIZATION, HeaderValue::from_static("Basic eDp5"));
    let (response, _) = desk.ask(head(&post, None, &basic, &good)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "AT-22");
    let (response, _) = desk.ask(head(&post, None, &basic, "grant_type=client_credentials")).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "BS-07");
    assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"token\"", "BS-07");
    let mut charset = form_headers();
    let utf8 = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
    charset.insert("content-type", utf8);
    let (response, _) = desk.ask(head(&post, Some(""), &charset, &good)).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_proven_client_is_told_what_was_wrong() {
    let desk = Desk::new();
    let iua = |acting: Value| json!({"extensions": {"ihe_iua": acting}});
    let ours = |ours: Value| json!({"extensions": {"mylife": ours}});
    let reason = |id: &str, reason: &str| ours(json!({"declared": [{"id": id, "reason": reason}]}));
    let glass = |until: &str| ours(json!({"break_glass": {"reason": "fire", "until": until}}));
    let system = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    let rows = [
        ("BS-02 no scope", "-", json!({}), Code::InvalidScope),
        ("SC-06 nothing left", "system/Goal.c", json!({}), Code::InvalidScope),
        ("AT-26 another context", "user/*.rs", json!({}), Code::InvalidScope),
        ("AT-26 quote", "system/*.rs\"", json!({}), Code::InvalidScope),
        ("AT-26 backslash", "system/*.rs \\", json!({}), Code::InvalidScope),
        ("AT-26 native not registered", "mylife/native.write", json!({}), Code::InvalidScope),
        (
            "two purposes",
            "system/*.rs",
            iua(json!({"purpose_of_use": ["TREAT", "PATRQT"]})),
            Code::InvalidRequest,
        ),
        (
            "purpose not registered",
            "system/*.rs",
            iua(json!({"purpose_of_use": ["HMARKT"]})),
            Code::UnauthorizedClient,
        ),
        (
            "purpose of another system",
            "system/*.rs",
            iua(json!({"purpose_of_use": [{"system": "urn:x", "code": "TREAT"}]})),
            Code::UnauthorizedClient,
        ),
        (
            "role not registered",
            "system/*.rs",
            iua(json!({"subject_role": ["chief"]})),
            Code::UnauthorizedClient,
        ),
        (
            "role of another system",
            "system/*.rs",
            iua(json!({"subject_role": [{"system": system, "code": "case-worker"}]})),
            Code::UnauthorizedClient,
        ),
        (
            "another organization",
            "system/*.rs",
            iua(json!({"subject_organization_id": "urn:oid:1.2"})),
            Code::UnauthorizedClient,
        ),
        (
            "a person acts",
            "system/*.rs",
            iua(json!({"subject_id": "Patient/297.a"})),
            Code::UnauthorizedClient,
        ),
        (
            "TX-14 identity code",
            "system/*.rs",
            iua(json!({"subject_id": "010190-999P"})),
            Code::InvalidRequest,
        ),
        ("ground not registered", "system/*.rs", reason("other", "x"), Code::UnauthorizedClient),
        (
            "ground without reason",
            "system/*.rs",
            reason("child-welfare-act", " "),
            Code::InvalidRequest,
        ),
        ("emergency over", "system/*.rs", glass("2026-06-01T12:00:00Z"), Code::InvalidRequest),
        ("emergency too long", "system/*.rs", glass("2026-06-01T13:00:01Z"), Code::InvalidRequest),
        (
            "emergency without end",
            "system/*.rs",
            ours(json!({"break_glass": {"reason": "x"}})),
            Code::InvalidRequest,
        ),
        ("our unknown member", "system/*.rs", ours(json!({"x": 1})), Code::InvalidRequest),
        ("extensions no object", "system/*.rs", json!({"extensions": 7}), Code::InvalidRequest),
    ];
    for (n, (name, scope, changes, code)) in rows.into_iter().enumerate() {
        let request = credentials(&assertion(&format!("row{n}"), &changes), scope);
        let request = if scope == "-" { request.replace("&scope=-", "") } else { request };
        let (response, refused) = desk.post(&request).await;
        assert_eq!(refused.map(|r| r.code), Some(code), "{name}");
        let (status, error, _) = code.shape();
        assert_eq!(response.status(), status, "{name}");
        assert_eq!(body(&response)["error"], error, "{name}");
    }
    let emergency = glass("2027-01-01T00:00:00Z");
    let rows = [
        ("emergency not registered", "system/*.rs", emergency, Code::UnauthorizedClient),
        ("SC-16 registered, but not for this grant", "user/*.rs", json!({}), Code::InvalidScope),
    ];
    for (name, scope, changes, code) in rows {
        let (_, refused) = desk.post(&credentials(&single(name, &changes), scope)).await;
        assert_eq!(refused.map(|r| r.code), Some(code), "{name}");
    }
    let (response, refused) = desk.post("grant_type=password&username=x&password=y").await;
    assert_eq!(refused.map(|r| r.code), Some(Code::UnsupportedGrantType), "BS-02");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_a_client_states_travels_in_its_token() {
    let desk = Desk::new();
    let stated = json!({"extensions": {
        "ihe_iua": {
            "purpose_of_use": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}],
            "subject_role": [{"system": "https://mylife.example/fhir/CodeSystem/role", "code": "case-worker"}],
            "subject_id": "worker-1", "subject_organization_id": PORTAL, "subject_name": "not read",
        },
        "mylife": {
            "declared": [{"id": "child-welfare-act", "reason": "section 25"}],
            "break_glass": {"reason": "fire", "until": "2026-06-01T12:02:00Z"},
        },
    }});
    let (response, refused) =
        desk.post(&credentials(&assertion("a", &stated), "system/*.rs")).await;
    assert!(refused.is_none(), "{refused:?}");
    let answer = body(&response);
    assert_eq!(answer["expires_in"], 120, "the token ends with the emergency");
    let caller = desk.caller(answer["access_token"].as_str().unwrap(), None).unwrap();
    assert_eq!(caller.subject(), Some("worker-1"));
    assert_eq!(caller.roles(), ["case-worker"]);
    assert_eq!(caller.declared()[0].reason, "section 25");
    assert_eq!(caller.break_glass().unwrap().until.seconds(), at(120));
    assert!(!format!("{caller:?}").contains("worker-1"));
}

#[tokio::test]
async fn the_only_registered_purpose_applies_and_of_two_none_does() {
    let desk = Desk::new();
    let rows = [(single("s", &json!({})), Some("TREAT")), (assertion("p", &json!({})), None)];
    for (proof, purpose) in rows {
        let (response, _) = desk.post(&credentials(&proof, "system/Goal.rs")).await;
        let token = body(&response)["access_token"].as_str().unwrap().to_owned();
        assert_eq!(desk.caller(&token, None).unwrap().purpose(), purpose);
    }
}

#[tokio::test]
async fn of_a_hundred_uses_at_once_one_wins() {
    // AT-19
    let desk = Arc::new(Desk::new());
    let request: Arc<str> = credentials(&assertion("once", &json!({})), "system/*.rs").into();
    let mut uses = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (desk, request) = (Arc::clone(&desk), Arc::clone(&request));
        uses.spawn(async move { desk.post(&request).await.0.status() });
    }
    let won = uses.join_all().await.into_iter().filter(|s| *s == StatusCode::OK).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn without_the_store_nobody_gets_a_token() {
    // AT-19: fail closed.
    let desk = Desk::new();
    *desk.memory.away.lock().unwrap() = true;
    let request = credentials(&assertion("x", &json!({})), "system/*.rs");
    let (response, _) = desk.post(&request).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body(&response)["error"], "temporarily_unavailable");
    *desk.memory.away.lock().unwrap() = false;
    assert_eq!(desk.post(&request).await.0.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_fits_into_a_header_or_is_not_issued() {
    // SC-11
    let desk = Desk::new();
    let many = |n| (0..n).map(|n| format!("system/Task.rs?code={n}")).collect::<Vec<_>>().join(" ");
    let (response, _) = desk.post(&credentials(&assertion("a", &json!({})), &many(150))).await;
    let token = body(&response)["access_token"].as_str().unwrap().to_owned();
    assert!(token.len() < 8 * 1024);
    assert_eq!(desk.caller(&token, None).unwrap().scopes().fhir().len(), 150);
    let (_, refused) = desk.post(&credentials(&assertion("b", &json!({})), &many(400))).await;
    assert_eq!(refused.unwrap().code, Code::InvalidScope);
}

#[test]
fn a_registry_tells_all_its_mistakes_at_once() {
    let wrong = json!({
        "client_id": "Portal 2", "name": " ", "organization": "1.2", "purposes": ["treat"],
        "roles": [""], "jwks": {"keys": []}, "scopes": ["system/Nothing.rs", "openid"],
        "native_owner": true,
    });
    let mistakes =
        Registry::build(vec![entry(&json!({})), entry(&json!({})), entry(&wrong)]).unwrap_err();
    let words = [
        "\"portal\": is there twice",
        "client_id",
        "name",
        "organization",
        "purposes",
        "roles",
        "jwks",
        "\"system/Nothing.rs\"",
        "\"openid\"",
        "granted nothing",
        "native_owner",
    ];
    for word in words {
        assert!(mistakes.iter().any(|m| m.contains(word)), "{word}: {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), words.len());
}

#[test]
fn a_client_is_written_in_toml_and_a_misspelt_member_is_an_error() {
    let key = ES384.public();
    let text = format!(
        "client_id = \"a\"\nname = \"A\"\norganization = \"urn:oid:1.2\"\nscopes = [\"system/*.rs\"]\n\
         [[jwks.keys]]\nkty = \"EC\"\nkid = \"k\"\ncrv = \"P-384\"\nx = \"{}\"\ny = \"{}\"\n",
        key.x.as_deref().unwrap(),
        key.y.as_deref().unwrap(),
    );
    let registry = Registry::build(vec![toml::from_str(&text).unwrap()]).unwrap();
    let ClientKeys::Registered(keys) = registry.client("a").unwrap().keys() else {
        panic!("its keys are in its registration")
    };
    assert_eq!(keys.algorithms(), [ES384.algorithm()]);
    let misspelt = text.replace("scopes", "scope");
    assert!(toml::from_str::<mylife::authenticate::registry::ClientEntry>(&misspelt).is_err());
}

proptest! {
    #[test]
    fn no_body_makes_the_endpoint_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let desk = Desk::new();
        let (headers, method) = (form_headers(), Method::POST);
        let asked =
            Asked { method: &method, query: None, headers: &headers, body: &body, certificate: None, names: None, address: HOME };
        let (response, _) = runtime.block_on(desk.ask(asked));
        prop_assert!(response.status().is_client_error());
    }
}
