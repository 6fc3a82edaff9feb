//! Each key has one algorithm, and each client those of its registration. Ids are those of the
//! requirement and attack tables.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::{Value, json};

use super::super::{
    asking::claims,
    signed::{ES256, ES384, header, jwks, sign, with},
};
use super::host::{REFUSED, Says, Scene, seconds};

/// An RSA key that signs by RS256, as its JWK says or not.
struct Rsa256(KeyPair);

impl Rsa256 {
    fn jwk(&self, alg: Option<&str>) -> Value {
        let key = self.0.public_key();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let n = number(key.modulus().big_endian_without_leading_zero());
        with(json!({"kty": "RSA", "kid": "r", "n": n, "e": "AQAB"}), &json!({ "alg": alg }))
    }

    fn sign(&self, alg: &str, claims: &Value) -> String {
        let head = json!({"alg": alg, "kid": "r"}).to_string();
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(head),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        self.0.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test]
async fn an_algorithm_beyond_those_of_smart_counts_only_where_the_registration_says_so() {
    // PK-01, PK-13, AT-03
    let rsa = Rsa256(KeyPair::generate(KeySize::Rsa2048).unwrap());
    let rows = [
        ("RS256 not registered", json!({}), Some("RS256"), "RS256", false),
        ("RS256 registered", json!({"algorithms": ["RS256"]}), Some("RS256"), "RS256", true),
        ("its JWK does not say it", json!({"algorithms": ["RS256"]}), None, "RS256", false),
        ("bound to RS384", json!({}), Some("RS384"), "RS256", false),
        (
            "said to be RS384",
            json!({"algorithms": ["RS256", "RS384"]}),
            Some("RS256"),
            "RS384",
            false,
        ),
        ("PS256", json!({"algorithms": ["RS256"]}), Some("RS256"), "PS256", false),
        ("HS256", json!({"algorithms": ["RS256"]}), Some("RS256"), "HS256", false),
    ];
    for (name, changes, jwk, alg, counts) in rows {
        let scene = Scene::with(&changes, true);
        scene.say(Says::set(&json!({"keys": [rsa.jwk(jwk)]})));
        let answered = scene.ask(&rsa.sign(alg, &claims("r")), seconds(0)).await;
        assert_eq!(answered.response.status() == StatusCode::OK, counts, "{name}");
    }
    for (changes, counts) in [(json!({}), false), (json!({"algorithms": ["ES256"]}), true)] {
        let scene = Scene::with(&changes, true);
        scene.say(Says::set(&jwks(&[&ES256])));
        assert_eq!(scene.believes(&ES256, seconds(0)).await, counts, "ES256 {changes}");
    }
    // A set that is registered itself says it by its keys.
    let registered = json!({"jwks": {"keys": [rsa.jwk(Some("RS256"))]}, "jwks_uri": null});
    let scene = Scene::with(&registered, true);
    let answered = scene.ask(&rsa.sign("RS256", &claims("r")), seconds(0)).await;
    assert_eq!(answered.response.status(), StatusCode::OK);
    let elliptic = with(header(&ES384, "JWT"), &json!({"kid": "r"}));
    let answered = scene.ask(&sign(&ES384, &elliptic, &claims("e")), seconds(0)).await;
    assert_eq!(answered.response.body(), REFUSED, "AT-03 ES384 by the name of an RSA key");
    // AT-02: the public key as a secret.
    let secret = rsa.jwk(Some("RS256")).to_string();
    let head = json!({"alg": "HS256", "kid": "r"}).to_string();
    let message =
        [head, claims("h").to_string()].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()));
    let answered = scene.ask(&format!("{message}.{tag}"), seconds(0)).await;
    assert_eq!(answered.response.body(), REFUSED, "AT-02");
}
