//! Signed tokens: which are read, and every way in which one is not. Ids are those of the
//! requirement and attack tables (PK: client assertions, AT: attacks).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mylife::authenticate::jose::{
    Expected, Refusal, TokenKind, claimed_issuer,
    key::{Algorithm, KeySet},
    sign::{Signer, generate},
    verify,
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::signed::{ES256, ES384, OTHER, RS384, at, header, jwks, keys, noon, sign, with};

const TOKEN_URL: &str = "https://kuopio.example/oauth/token";
const ISSUER: &str = "https://kuopio.example";

#[derive(Debug, Deserialize)]
struct Nothing {}

fn read(kind: TokenKind, token: &str) -> Result<String, Refusal> {
    let keys = keys(&[&ES256, &ES384, &RS384]);
    let audience = [TOKEN_URL, ISSUER];
    let expected = Expected { kind, issuer: "portal", audience: &audience, now: noon() };
    verify::<Nothing>(token, &keys, &expected).map(|verified| verified.registered.jti)
}

fn claims() -> Value {
    json!({
        "iss": "portal", "sub": "portal", "aud": TOKEN_URL,
        "exp": at(300), "iat": at(0), "jti": "once",
    })
}

fn assertion(signer: &Signer, head: &Value, body: &Value) -> String {
    sign(signer, &with(header(signer, "JWT"), head), &with(claims(), body))
}

#[test]
fn a_good_assertion_is_read_with_each_algorithm() {
    // PK-01
    for signer in [&*ES256, &*ES384, &*RS384] {
        let token = assertion(signer, &json!({}), &json!({}));
        assert_eq!(read(TokenKind::ClientAssertion, &token).as_deref(), Ok("once"));
        assert_eq!(claimed_issuer(&token).as_deref(), Ok("portal"));
    }
}

#[test]
fn what_real_clients_send_is_read() {
    let rows = [
        ("PK-02 no typ", json!({"typ": null}), json!({})),
        ("PK-02 own typ", json!({"typ": "client-authentication+jwt"}), json!({})),
        ("PK-02 long typ", json!({"typ": "application/JWT"}), json!({})),
        ("C-2 issuer as audience", json!({}), json!({"aud": ISSUER})),
        ("PK-05 exp at the bound", json!({}), json!({"exp": at(330)})),
        ("PK-05 exp in a second", json!({}), json!({"exp": at(1)})),
        ("PK-12 iat a little ahead", json!({}), json!({"iat": at(30)})),
        ("PK-12 no iat", json!({}), json!({"iat": null})),
        ("PK-12 nbf now", json!({}), json!({"nbf": at(0)})),
        ("AT-07 a key of its own is not looked at", json!({"jwk": {"kty": "oct"}}), json!({})),
        ("AT-20 jti of 255", json!({}), json!({"jti": "j".repeat(255)})),
        ("a claim nobody knows", json!({}), json!({"extensions": {"x": 1}})),
    ];
    for (name, head, body) in rows {
        let token = assertion(&ES384, &head, &body);
        assert!(read(TokenKind::ClientAssertion, &token).is_ok(), "{name}");
    }
}

#[test]
fn nothing_else_is_read() {
    let rows = [
        ("PK-02 no kid", json!({"kid": null}), json!({})),
        ("PK-02 foreign typ", json!({"typ": "dpop+jwt"}), json!({})),
        ("PK-05 no exp", json!({}), json!({"exp": null})),
        ("PK-05 exp too far", json!({}), json!({"exp": at(331)})),
        ("AT-10 exp now", json!({}), json!({"exp": at(0)})),
        ("AT-10 exp past", json!({}), json!({"exp": at(-1)})),
        ("AT-10 exp in ten years", json!({}), json!({"exp": at(315_360_000)})),
        ("AT-10 exp negative", json!({}), json!({"exp": -1})),
        ("AT-10 exp huge", json!({}), json!({"exp": 1e18})),
        ("AT-10 exp fraction", json!({}), json!({"exp": 1_780_315_300.5})),
        ("AT-10 exp text", json!({}), json!({"exp": "1780315300"})),
        ("AT-11 iat ahead", json!({}), json!({"iat": at(31)})),
        ("AT-11 nbf ahead", json!({}), json!({"nbf": at(31)})),
        ("AT-12 foreign audience", json!({}), json!({"aud": "https://other.example"})),
        ("AT-12 own and foreign audience", json!({}), json!({"aud": [TOKEN_URL, "x"]})),
        ("AT-12 own audience in a list", json!({}), json!({"aud": [TOKEN_URL]})),
        ("AT-12 ten thousand audiences", json!({}), json!({"aud": vec!["x"; 10_000]})),
        ("AT-13 iss a list", json!({}), json!({"iss": ["portal"]})),
        ("AT-13 iss another", json!({}), json!({"iss": "other"})),
        ("PK-06 no jti", json!({}), json!({"jti": null})),
        ("AT-20 empty jti", json!({}), json!({"jti": ""})),
        ("AT-20 jti too long", json!({}), json!({"jti": "j".repeat(256)})),
        ("AT-20 control character", json!({}), json!({"jti": "a\u{0}b"})),
        ("AT-20 look-alike", json!({}), json!({"jti": "\u{430}"})),
        ("AT-01 alg none", json!({"alg": "none"}), json!({})),
        ("AT-01 alg nOnE", json!({"alg": "nOnE"}), json!({})),
        ("AT-01 alg empty", json!({"alg": ""}), json!({})),
        ("AT-01 alg number", json!({"alg": 1}), json!({})),
        ("AT-01 no alg", json!({"alg": null}), json!({})),
        ("AT-02 HS256", json!({"alg": "HS256"}), json!({})),
        ("AT-03 RS384 over an EC key", json!({"alg": "RS384"}), json!({})),
        ("AT-03 ES256 over P-384", json!({"alg": "ES256"}), json!({})),
        ("AT-03 PS384", json!({"alg": "PS384"}), json!({})),
        ("AT-05 crit", json!({"crit": ["x"]}), json!({})),
        ("AT-05 crit empty", json!({"crit": []}), json!({})),
        ("AT-05 b64", json!({"crit": ["b64"], "b64": false}), json!({})),
        ("AT-05 b64 alone", json!({"b64": true}), json!({})),
        ("AT-06 jku", json!({"jku": "http://169.254.169.254/"}), json!({})),
        ("AT-06 x5u", json!({"x5u": "file:///etc/passwd"}), json!({})),
        ("AT-08 foreign kid", json!({"kid": "../../etc/passwd"}), json!({})),
        ("AT-08 kid a number", json!({"kid": 7}), json!({})),
        ("AT-08 kid huge", json!({"kid": "k".repeat(1_000_000)}), json!({})),
        ("AT-08 kid of 257", json!({"kid": "k".repeat(257)}), json!({})),
        ("AT-14 zip", json!({"zip": "DEF"}), json!({})),
    ];
    for (name, head, body) in rows {
        let token = assertion(&ES384, &head, &body);
        assert!(read(TokenKind::ClientAssertion, &token).is_err(), "{name}");
    }
}

#[test]
fn a_member_given_twice_is_refused() {
    // AT-04, and a `null` where the member decides by being there.
    let (kid, exp) = (ES384.kid(), at(300));
    let head = format!(r#"{{"alg":"ES384","kid":"{kid}"}}"#);
    let body = format!(
        r#"{{"iss":"portal","sub":"portal","aud":"{TOKEN_URL}","exp":{exp},"jti":"once"}}"#
    );
    let judge = |head: &str, body: &str| {
        let token = ES384.sign_raw(head.as_bytes(), body.as_bytes()).unwrap();
        read(TokenKind::ClientAssertion, &token)
    };
    assert!(judge(&head, &body).is_ok());
    assert!(judge(&head.replace('}', r#","alg":"ES384"}"#), &body).is_err());
    assert!(judge(&head.replace('}', r#","crit":null}"#), &body).is_err());
    assert!(judge(&head, &body.replace('}', r#","sub":"portal"}"#)).is_err());
    assert!(judge(&head, &body.replace('}', r#","jti":"twice"}"#)).is_err());
    assert!(judge(&head, &format!("[{body}]")).is_err());
}

#[test]
fn no_kind_of_token_passes_for_another() {
    // AT-09, TX-13
    use TokenKind::{AccessToken, AuthorizationGrant, ClientAssertion};
    for written in [AccessToken, AuthorizationGrant, ClientAssertion] {
        let head = header(&ES384, written.typ());
        let token = sign(&ES384, &head, &with(claims(), &json!({"exp": at(60)})));
        for wanted in [AccessToken, AuthorizationGrant, ClientAssertion] {
            let outcome = read(wanted, &token);
            assert_eq!(outcome.is_ok(), written == wanted, "{written:?} as {wanted:?}");
        }
    }
    for wanted in [AccessToken, AuthorizationGrant] {
        let head = with(header(&ES384, ""), &json!({"typ": null}));
        assert!(read(wanted, &sign(&ES384, &head, &claims())).is_err());
    }
}

#[test]
fn what_gateways_write_lives_no_longer_than_its_kind() {
    let grant = |iat: Option<i64>, exp: i64| {
        let head = header(&ES384, TokenKind::AuthorizationGrant.typ());
        let body = with(claims(), &json!({"iat": iat, "exp": exp}));
        read(TokenKind::AuthorizationGrant, &sign(&ES384, &head, &body))
    };
    assert!(grant(Some(at(0)), at(60)).is_ok());
    assert!(grant(Some(at(0)), at(61)).is_err());
    assert!(grant(Some(at(-30)), at(31)).is_err());
    assert!(grant(None, at(30)).is_err());
    assert_eq!(grant(Some(at(-60)), at(0)), Err(Refusal::Expired));
}

#[test]
fn forms_other_than_three_canonical_parts_are_refused() {
    // AT-14
    let good = assertion(&ES384, &json!({}), &json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let [head, body, signature] = parts.as_slice() else { panic!("three parts") };
    let tail = good.len() - 1;
    let rows = [
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{good}.x")),
        ("five parts", format!("{head}.k.iv.{body}.tag")),
        ("no signature", format!("{head}.{body}.")),
        ("no payload", format!("{head}..{signature}")),
        ("no header", format!(".{body}.{signature}")),
        ("padding", format!("{good}=")),
        ("newline", format!("{good}\n")),
        ("space", format!(" {good}")),
        ("JSON", format!(r#"{{"payload":"{body}","protected":"{head}"}}"#)),
        (
            "the signature of another",
            format!("{head}.{body}.{}", &signature[..signature.len() - 4]),
        ),
        ("AT-15 zeros", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 96]))),
        ("AT-15 ones", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([255; 96]))),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("one megabyte", "a".repeat(1 << 20)),
        ("plus for minus", good.replace('-', "+").replace('_', "/") + "+"),
        ("cut", good[..tail].to_owned()),
    ];
    for (name, token) in rows {
        assert!(read(TokenKind::ClientAssertion, &token).is_err(), "{name}");
    }
}

#[test]
fn tail_bits_that_mean_nothing_are_refused() {
    // AT-14: a payload whose length leaves unused bits in the last character.
    let padded = (0..3).map(|n| json!({"pad": "x".repeat(n)}));
    let tokens = padded.map(|pad| assertion(&ES384, &json!({}), &pad));
    let token = tokens.into_iter().find(|t| t.split('.').nth(1).unwrap().len() % 4 != 0).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let last = parts[1].chars().last().unwrap();
    let alphabet: Vec<char> =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).collect();
    let index = alphabet.iter().position(|c| *c == last).unwrap();
    let stem = &parts[1][..parts[1].len() - 1];
    let other = format!("{stem}{}", alphabet[index | 1]);
    // Signed as written, so that only the writing can be at fault.
    let forged = format!("{}.{other}.{}", parts[0], parts[2]);
    assert_ne!(forged, token);
    assert_eq!(
        read(TokenKind::ClientAssertion, &forged),
        Err(Refusal::Invalid("signature")),
        "the signature is checked first"
    );
    assert_eq!(claimed_issuer(&forged), Err(Refusal::Invalid("not base64url")));
}

#[test]
fn a_signature_of_another_key_under_a_known_kid_is_refused() {
    let head = with(header(&OTHER, "JWT"), &json!({"kid": ES384.kid()}));
    assert!(read(TokenKind::ClientAssertion, &sign(&OTHER, &head, &claims())).is_err());
}

#[test]
fn a_key_set_with_a_mistake_is_refused_whole() {
    let good = jwks(&[&ES384])["keys"][0].clone();
    let rsa = jwks(&[&RS384])["keys"][0].clone();
    let point = json!(URL_SAFE_NO_PAD.encode([7; 48]));
    let short = json!(URL_SAFE_NO_PAD.encode([255; 128]));
    let long = json!(URL_SAFE_NO_PAD.encode([255; 2048]));
    let rows = [
        ("AT-18 private member", with(good.clone(), &json!({"d": "AAAA"}))),
        ("AT-18 symmetric key", json!({"kty": "oct", "kid": "a", "k": "AAAA"})),
        ("AT-18 unknown type", json!({"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": "AAAA"})),
        ("AT-18 kid and type twice", with(good.clone(), &json!({"x": good["x"]}))),
        ("AT-17 RSA of 1024 bits", with(rsa.clone(), &json!({"n": short}))),
        ("AT-17 RSA of 16384 bits", with(rsa.clone(), &json!({"n": long}))),
        ("AT-17 exponent 1", with(rsa.clone(), &json!({"e": "AQ"}))),
        ("AT-17 exponent 3", with(rsa.clone(), &json!({"e": "Aw"}))),
        ("AT-17 leading zero", with(rsa.clone(), &json!({"n": URL_SAFE_NO_PAD.encode([0; 256])}))),
        ("PK-13 alg of another type", with(rsa, &json!({"alg": "PS256"}))),
        ("not on the curve", with(good.clone(), &json!({"kid": "b", "x": point}))),
        ("short coordinate", with(good.clone(), &json!({"kid": "b", "x": "AAAA"}))),
        ("P-521", with(good.clone(), &json!({"kid": "b", "crv": "P-521"}))),
        ("for encryption", with(good.clone(), &json!({"kid": "b", "use": "enc"}))),
        ("no kid", with(good.clone(), &json!({"kid": null}))),
        ("no key at all", json!(7)),
    ];
    for (name, bad) in rows {
        let mistakes = KeySet::parse(&json!({"keys": [good, bad]})).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{name}: {mistakes:?}");
    }
    assert!(KeySet::parse(&json!({"keys": vec![good; 21]})).is_err(), "AT-18 21 keys");
    assert!(KeySet::parse(&json!({"keys": []})).is_err());
    assert!(KeySet::parse(&json!([])).is_err());
}

#[test]
fn a_kid_may_stand_for_a_key_of_each_type() {
    // PK-07: kid and kty choose, and must choose one.
    let same = |signer: &Signer| with(jwks(&[signer])["keys"][0].clone(), &json!({"kid": "one"}));
    let set = json!({"keys": [same(&ES384), same(&RS384)]});
    let keys = KeySet::parse(&set).unwrap();
    assert_eq!(keys.algorithms(), [Algorithm::Es384, Algorithm::Rs384]);
    let expected = Expected {
        kind: TokenKind::ClientAssertion,
        issuer: "portal",
        audience: &[TOKEN_URL],
        now: noon(),
    };
    for signer in [&*ES384, &*RS384] {
        let token = assertion(signer, &json!({"kid": "one"}), &json!({}));
        assert!(verify::<Nothing>(&token, &keys, &expected).is_ok());
    }
    let two = json!({"keys": [same(&ES384), same(&ES256)]});
    assert!(KeySet::parse(&two).is_err(), "the same kid and kty");
}

#[test]
fn a_generated_key_comes_back_from_its_text() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        let text = generate(algorithm).unwrap();
        let (one, two) = (Signer::from_jwk(&text).unwrap(), Signer::from_jwk(&text).unwrap());
        assert_eq!(one.public(), two.public());
        assert_eq!(one.algorithm(), algorithm);
        assert_eq!(one.kid(), one.public().thumbprint());
        let secret: Value = serde_json::from_str(&text).unwrap();
        assert!(!format!("{one:?}").contains(secret["d"].as_str().unwrap()));
    }
    assert!(generate(Algorithm::Rs384).is_err());
}

#[test]
fn a_private_key_with_the_public_part_of_another_is_refused() {
    let one: Value = serde_json::from_str(&generate(Algorithm::Es256).unwrap()).unwrap();
    let two: Value = serde_json::from_str(&generate(Algorithm::Es256).unwrap()).unwrap();
    let mixed = with(one, &json!({"x": two["x"], "y": two["y"]}));
    let refused = Signer::from_jwk(&mixed.to_string()).unwrap_err().to_string();
    assert!(!refused.contains(mixed["d"].as_str().unwrap()));
    assert!(Signer::from_jwk("{}").is_err());
    assert!(Signer::from_pem("no key", None).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[A-Za-z0-9_=.-]{0,80}|\\PC{0,60}") {
        prop_assert!(read(TokenKind::ClientAssertion, &text).is_err());
    }

    #[test]
    fn one_changed_character_makes_a_token_worthless(place in 0_usize..400, to in "[A-Za-z0-9_-]") {
        let token = assertion(&ES256, &json!({}), &json!({}));
        let place = place % token.len();
        let mut changed = token.clone();
        changed.replace_range(place..=place, &to);
        prop_assume!(changed != token);
        prop_assert!(read(TokenKind::ClientAssertion, &changed).is_err());
    }
}
