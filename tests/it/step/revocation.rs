//! A token ended before its time, and what is told of tokens. Ids are those of the requirement and
//! attack tables.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use mylife::{
    authenticate::registry::Registry,
    oauth::token::{Answered, Asked},
};
use serde_json::{Value, json};

use super::{
    asking::{
        CERTIFICATE, Desk, FHIR, HOME, ISSUER, assertion, body, credentials, form, form_headers,
        single,
    },
    signed::{at, noon},
};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const INACTIVE: &str = r#"{"active":false}"#;
const REFUSED: &str =
    r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#;

fn about(proof: &str, token: &str) -> String {
    form(&[("client_assertion_type", TYPE), ("client_assertion", proof), ("token", token)])
}

fn asked<'a>(method: &'a Method, headers: &'a HeaderMap, body: &'a str) -> Asked<'a> {
    Asked {
        method,
        query: None,
        headers,
        body: body.as_bytes(),
        certificate: None,
        names: None,
        address: HOME,
    }
}

async fn revoke(desk: &Desk, body: &str) -> Answered {
    desk.endpoint.revoke(asked(&Method::POST, &form_headers(), body), noon()).await
}

async fn introspect(desk: &Desk, body: &str) -> Answered {
    desk.endpoint.introspect(asked(&Method::POST, &form_headers(), body), noon()).await
}

/// A token of the portal; `name` is the proof's.
async fn token(desk: &Desk, name: &str) -> String {
    let stated = json!({"extensions": {"ihe_iua": {"purpose_of_use": "TREAT"}}});
    let (response, _) = desk.post(&credentials(&assertion(name, &stated), "system/Goal.rs")).await;
    body(&response)["access_token"].as_str().unwrap().to_owned()
}

/// A token of the other client.
async fn other(desk: &Desk, name: &str) -> String {
    let (response, _) = desk.post(&credentials(&single(name, &json!({})), "system/Goal.rs")).await;
    body(&response)["access_token"].as_str().unwrap().to_owned()
}

/// A desk at which the portal may introspect.
fn desk() -> Desk {
    let mut desk = Desk::new();
    let entries = desk.endpoint.registry.clients().map(|client| {
        let mut entry = client.entry().clone();
        entry.introspects = entry.client_id == "portal";
        entry
    });
    desk.endpoint.registry = Registry::build(entries.collect()).unwrap().into();
    desk
}

#[tokio::test]
async fn a_token_that_its_client_revokes_opens_no_door_though_it_was_met_before() {
    // RFC 7009 section 2.1; AT-35
    let desk = desk();
    let (one, two) = (token(&desk, "1").await, token(&desk, "2").await);
    let caller = desk.caller(&one, None).unwrap();
    let answered = revoke(&desk, &about(&assertion("r", &json!({})), &one)).await;
    assert_eq!(answered.response.status(), StatusCode::OK, "{:?}", answered.refused);
    assert_eq!(answered.response.headers()["cache-control"], "no-store");
    assert_eq!(answered.client.as_deref(), Some("portal"));
    assert!(answered.token.is_some(), "the record says which");
    assert!(desk.caller(&one, None).is_err());
    assert!(desk.caller(&two, None).is_ok(), "no other is");
    let stored = desk.memory.revoked.lock().unwrap().clone();
    assert_eq!(stored, [(*caller.token_id(), caller.expires())], "durably, to its end");
    // Again, and what is none, is as good as revoked.
    for (n, token) in [&*one, "x", "a.b.c", ISSUER].into_iter().enumerate() {
        let proof = assertion(&format!("again{n}"), &json!({}));
        let answered = revoke(&desk, &about(&proof, token)).await;
        assert_eq!(answered.response.status(), StatusCode::OK, "{token}");
    }
    assert_eq!(desk.memory.revoked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_ends_the_token_of_another() {
    let desk = desk();
    let good = token(&desk, "1").await;
    let rows = [
        ("another client", about(&single("s", &json!({})), &good), StatusCode::BAD_REQUEST),
        ("nobody", form(&[("token", &good)]), StatusCode::UNAUTHORIZED),
        ("a forged proof", about("x.y.z", &good), StatusCode::UNAUTHORIZED),
        ("no token", about(&assertion("n", &json!({})), "-"), StatusCode::BAD_REQUEST),
        (
            "a token twice",
            about(&assertion("t", &json!({})), &good) + "&token=x",
            StatusCode::BAD_REQUEST,
        ),
    ];
    for (name, request, status) in rows {
        let answered = revoke(&desk, &request).await;
        assert_eq!(answered.response.status(), status, "{name}");
        if status == StatusCode::UNAUTHORIZED {
            assert_eq!(answered.response.body(), REFUSED, "{name}");
        }
    }
    let proof = assertion("used", &json!({}));
    assert_eq!(revoke(&desk, &about(&proof, "x")).await.response.status(), StatusCode::OK);
    let replayed = revoke(&desk, &about(&proof, &good)).await;
    assert_eq!(replayed.response.body(), REFUSED, "PK-06 at every endpoint");
    let get = desk.endpoint.revoke(asked(&Method::GET, &form_headers(), ""), noon()).await;
    assert_eq!(get.response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let (headers, query) = (form_headers(), Some("token=x"));
    let in_url = Asked { query, ..asked(&Method::POST, &headers, "") };
    let in_url = desk.endpoint.revoke(in_url, noon()).await;
    assert_eq!(in_url.response.status(), StatusCode::BAD_REQUEST, "IN-09");
    assert!(desk.caller(&good, None).is_ok());
}

#[tokio::test]
async fn what_cannot_be_written_is_not_acknowledged() {
    let desk = desk();
    let good = token(&desk, "1").await;
    *desk.memory.away.lock().unwrap() = true;
    let answered = revoke(&desk, &about(&assertion("r", &json!({})), &good)).await;
    assert_eq!(answered.response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(desk.caller(&good, None).is_ok());
}

#[tokio::test]
async fn a_client_that_may_ask_is_told_what_every_token_says() {
    // IN-02, IN-04, IN-05, IN-07
    let desk = desk();
    let good = token(&desk, "1").await;
    let answered = introspect(&desk, &about(&assertion("i", &json!({})), &good)).await;
    let said = body(&answered.response);
    let jti = said["jti"].as_str().unwrap();
    let expected = json!({
        "active": true, "token_type": "Bearer", "scope": "system/Goal.rs", "client_id": "portal",
        "iss": ISSUER, "sub": "portal", "aud": FHIR, "exp": at(300), "iat": at(0), "jti": jti,
        "extensions": {"ihe_iua": {
            "subject_organization_id": "urn:oid:1.2.246.10.1", "purpose_of_use": "TREAT",
        }},
    });
    assert_eq!(said, expected);
    let foreign = other(&desk, "o").await;
    let answered = introspect(&desk, &about(&assertion("i2", &json!({})), &foreign)).await;
    assert_eq!(body(&answered.response)["client_id"], "single", "@283");
    assert_eq!(answered.token.as_deref(), body(&answered.response)["jti"].as_str());
}

#[tokio::test]
async fn a_client_may_show_a_token_of_its_own_in_place_of_a_proof() {
    // IN-05, @282
    let desk = desk();
    let (own, foreign) = (token(&desk, "1").await, other(&desk, "o").await);
    let ask = async |bearer: &str, request: &str| {
        let mut headers = form_headers();
        headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {bearer}")).unwrap());
        let asked = asked(&Method::POST, &headers, request);
        desk.endpoint.introspect(asked, noon()).await.response
    };
    let about_it = form(&[("token", &foreign)]);
    assert_eq!(body(&ask(&own, &about_it).await)["client_id"], "single");
    let denied = ask(&foreign, &about_it).await;
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    let unknown = ask("x.y.z", &about_it).await;
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(unknown.headers()["www-authenticate"], "Bearer error=\"invalid_token\"");
    let twice = about(&assertion("t", &json!({})), &foreign);
    assert_eq!(ask(&own, &twice).await.status(), StatusCode::BAD_REQUEST, "AT-22");
    revoke(&desk, &about(&assertion("r", &json!({})), &own)).await;
    assert_eq!(ask(&own, &about_it).await.status(), StatusCode::UNAUTHORIZED, "revoked");
}

#[tokio::test]
async fn what_is_no_good_token_is_the_same_bytes_whatever_it_is() {
    // IN-06, AT-34
    let desk = desk();
    let elsewhere = Desk::new();
    let (revoked, foreign) = (token(&desk, "1").await, token(&elsewhere, "1").await);
    revoke(&desk, &about(&assertion("r", &json!({})), &revoked)).await;
    let proof = assertion("p", &json!({}));
    let mut forged = token(&desk, "2").await;
    forged.pop();
    let rows = ["x", "a.b.c", &revoked, &foreign, &proof, &forged, ISSUER];
    for (n, token) in rows.into_iter().enumerate() {
        let request = about(&assertion(&format!("i{n}"), &json!({})), token);
        let answered = introspect(&desk, &request).await;
        assert_eq!(answered.response.body(), INACTIVE, "{n}");
        assert_eq!(answered.response.status(), StatusCode::OK);
    }
    // One that is over.
    let old = token(&desk, "3").await;
    let later = noon().plus(std::time::Duration::from_mins(5));
    let late = json!({"exp": at(600), "iat": at(300)});
    let request = about(&assertion("late", &late), &old);
    let headers = form_headers();
    let answered = desk.endpoint.introspect(asked(&Method::POST, &headers, &request), later).await;
    assert_eq!(answered.response.body(), INACTIVE);
}

#[tokio::test]
async fn who_may_not_ask_learns_nothing() {
    let desk = desk();
    let good = token(&desk, "1").await;
    let rows = [
        ("IN-05 not registered to", about(&single("s", &json!({})), &good), StatusCode::FORBIDDEN),
        ("IN-05 about nothing", about(&single("s2", &json!({})), "x"), StatusCode::FORBIDDEN),
        ("nobody", form(&[("token", &good)]), StatusCode::UNAUTHORIZED),
        ("no token", about(&assertion("n", &json!({})), "-"), StatusCode::BAD_REQUEST),
    ];
    let mut denied: Vec<Value> = Vec::new();
    for (name, request, status) in rows {
        let answered = introspect(&desk, &request).await;
        assert_eq!(answered.response.status(), status, "{name}");
        if status == StatusCode::FORBIDDEN {
            denied.push(body(&answered.response));
        }
    }
    assert_eq!(denied[0], denied[1], "whether the token is good or not");
    let get = desk.endpoint.introspect(asked(&Method::GET, &form_headers(), ""), noon()).await;
    assert_eq!(get.response.status(), StatusCode::METHOD_NOT_ALLOWED, "IN-01");
    // A peer's certificate is no client's proof.
    let headers = form_headers();
    let request = form(&[("token", &good)]);
    let bound =
        Asked { certificate: Some(&CERTIFICATE), ..asked(&Method::POST, &headers, &request) };
    assert_eq!(desk.endpoint.introspect(bound, noon()).await.response.body(), REFUSED);
}
