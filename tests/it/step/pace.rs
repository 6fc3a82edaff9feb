//! How often somebody may ask for a token: counted before a signature is checked (AT-37).

use std::{net::IpAddr, sync::Arc};

use http::{Method, StatusCode};
use mylife::{
    oauth::{refused::Code, token::Asked},
    shared::pace::Rates,
};
use serde_json::json;

use super::{
    asking::{Desk, HOME, assertion, body, credentials, form_headers, pace},
    signed::{ES384, OTHER, header, sign},
};

fn desk(rates: Rates) -> Desk {
    let mut desk = Desk::new();
    desk.endpoint.pace = Arc::new(pace(rates));
    desk
}

async fn from(desk: &Desk, body: &str, address: IpAddr) -> (StatusCode, Option<String>) {
    let (headers, method) = (form_headers(), Method::POST);
    let (query, certificate) = (None, None);
    let body = body.as_bytes();
    let asked = Asked {
        method: &method,
        query,
        headers: &headers,
        body,
        certificate,
        names: None,
        address,
    };
    let (response, refused) = desk.ask(asked).await;
    if refused.is_some_and(|refused| refused.code == Code::Throttled) {
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(super::asking::body(&response)["error"], "temporarily_unavailable");
    }
    let wait = response.headers().get("retry-after");
    (response.status(), wait.map(|wait| wait.to_str().unwrap().to_owned()))
}

fn good(jti: &str) -> String {
    credentials(&assertion(jti, &json!({})), "system/*.rs")
}

#[tokio::test]
async fn forgeries_use_up_what_their_own_address_has_and_not_the_clients() {
    let desk = desk(Rates { client_tokens: 1, ..Rates::default() });
    let forged = sign(&OTHER, &header(&ES384, "JWT"), &super::asking::claims("forged"));
    let forged = credentials(&forged, "system/*.rs");
    for _ in 0..4 {
        assert_eq!(from(&desk, &forged, HOME).await.0, StatusCode::UNAUTHORIZED);
    }
    let refused = (StatusCode::TOO_MANY_REQUESTS, Some("1".to_owned()));
    assert_eq!(from(&desk, &forged, HOME).await, refused);
    assert_eq!(from(&desk, &good("a"), HOME).await, refused, "before the signature is checked");
    let elsewhere = "192.0.2.1".parse().unwrap();
    assert_eq!(from(&desk, &good("a"), elsewhere).await.0, StatusCode::OK);
    let other = credentials(&super::asking::single("b", &json!({})), "system/Goal.rs");
    assert_eq!(from(&desk, &other, HOME).await.0, StatusCode::OK, "another client goes on");
}

#[tokio::test]
async fn who_is_no_client_waits_as_one_who_is() {
    let nobody = json!({ "iss": "nobody", "sub": "nobody" });
    let forged = |changes: &serde_json::Value| {
        let mut claims = super::asking::claims("forged");
        let names = changes.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(names);
        credentials(&sign(&OTHER, &header(&ES384, "JWT"), &claims), "system/*.rs")
    };
    let app = |id: &str| {
        super::asking::form(&[
            ("grant_type", "client_credentials"),
            ("scope", "system/*.rs"),
            ("client_id", id),
        ])
    };
    for (known, unknown) in [(forged(&json!({})), forged(&nobody)), (app("portal"), app("nobody"))]
    {
        let mut told = Vec::new();
        for body in [known, unknown] {
            let desk = desk(Rates { client_tokens: 1, ..Rates::default() });
            let mut all = Vec::new();
            for _ in 0..6 {
                all.push(from(&desk, &body, HOME).await);
            }
            assert_eq!(all[5].0, StatusCode::TOO_MANY_REQUESTS, "{all:?}");
            told.push(all);
        }
        assert_eq!(told[0], told[1]);
    }
}

#[tokio::test]
async fn forgeries_from_everywhere_do_not_hold_a_client_back_where_it_is_known() {
    let desk = desk(Rates { client_tokens: 1, ..Rates::default() });
    assert_eq!(from(&desk, &good("a"), HOME).await.0, StatusCode::OK);
    let forged = sign(&OTHER, &header(&ES384, "JWT"), &super::asking::claims("forged"));
    let forged = credentials(&forged, "system/*.rs");
    let stranger = |number: u8| IpAddr::from([198, 51, 100, number]);
    for number in 0..15 {
        assert_eq!(from(&desk, &forged, stranger(number)).await.0, StatusCode::UNAUTHORIZED);
    }
    let refused = (StatusCode::TOO_MANY_REQUESTS, Some("1".to_owned()));
    assert_eq!(
        from(&desk, &forged, stranger(16)).await,
        refused,
        "before the signature is checked"
    );
    assert_eq!(from(&desk, &good("b"), stranger(17)).await, refused, "where it never was");
    assert_eq!(from(&desk, &good("b"), HOME).await.0, StatusCode::OK);
    let other = credentials(&super::asking::single("c", &json!({})), "system/Goal.rs");
    assert_eq!(from(&desk, &other, stranger(18)).await.0, StatusCode::OK, "another client goes on");
}

#[tokio::test]
async fn an_address_has_so_many_whatever_it_sends_and_its_neighbours_have_theirs() {
    let rows = [
        ("198.51.100.7", "198.51.100.7", true),
        ("198.51.100.7", "198.51.100.8", false),
        ("198.51.100.7", "::ffff:198.51.100.7", true),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
    ];
    for (first, second, same) in rows {
        let desk = desk(Rates { address_tokens: 2, ..Rates::default() });
        for _ in 0..8 {
            let (status, _) = from(&desk, "nonsense", first.parse().unwrap()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
        }
        let (status, _) = from(&desk, &good("a"), second.parse().unwrap()).await;
        assert_eq!(status == StatusCode::TOO_MANY_REQUESTS, same, "{first} {second}");
    }
}

#[tokio::test]
async fn a_peer_is_limited_as_the_one_its_certificate_shows() {
    let desk = desk(Rates { client_tokens: 1, ..Rates::default() });
    let form = super::asking::form(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", "nonsense"),
    ]);
    let certificate = Some(&super::asking::CERTIFICATE);
    for _ in 0..4 {
        let (response, _) = desk.post_from(&form, certificate).await;
        assert_eq!(body(&response)["error"], "invalid_grant");
    }
    let (response, refused) = desk.post_from(&form, certificate).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.unwrap().code, Code::Throttled);
}
