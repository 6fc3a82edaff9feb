//! By the keys of an issuer: whose key, which algorithm, which kind of token, for whom and when.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mylife::{
    authenticate::jose::{address::KeyAddress, key::Algorithm, sign::Signer},
    domain::theme::Theme::Housing,
    gateway::open::jwks,
    oauth::{issuers::Check, keys::PAUSE},
};
use serde_json::{Value, json};

use super::{Town, none};
use crate::{
    step::signed::elliptic,
    world::{
        World,
        identity::signer,
        issuer::{Mood, Outsider, PORTS},
        provider,
    },
};

/// The public key as a secret.
fn by_hmac(outsider: &Outsider, claims: &Value) -> String {
    let head = json!({ "alg": "HS256", "kid": outsider.signer.kid(), "typ": "at+jwt" });
    let message =
        [head.to_string(), claims.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let secret = serde_json::to_string(outsider.signer.public()).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()));
    format!("{message}.{tag}")
}

#[test]
fn what_a_liar_signs_opens_nothing() {
    // AT-01 to AT-09, AT-28; RFC 8725 3.1, 3.2, 3.8 to 3.12
    for how in [Outsider::by_keys, Outsider::by_registered_keys] {
        let town = Town::with(how);
        let (world, one, two) = (&town.world, &town.one, &town.two);
        let now = world.now().seconds();
        let signed = |header: Value, signer: &Signer| {
            one.signed(&header, &one.claims(world, &none()), signer)
        };
        let says = |changes: Value| one.token(world, &changes);
        let unsigned = signed(json!({ "alg": "none" }), &one.signer);
        let bare = unsigned.rsplit_once('.').unwrap().0;
        let rows = [
            ("a foreign key by the same name", signed(none(), &signer())),
            (
                "a key of the other issuer by its own name",
                signed(json!({ "kid": two.signer.kid() }), &two.signer),
            ),
            ("a key of the other issuer by ours", signed(none(), &two.signer)),
            ("the other issuer's name", says(json!({ "iss": two.url }))),
            (
                "the gateway's key",
                signed(
                    json!({ "kid": town.kuopio.identity.signer.kid() }),
                    &town.kuopio.identity.signer,
                ),
            ),
            ("the gateway's name", says(json!({ "iss": town.kuopio.identity.url }))),
            ("an issuer nobody listed", says(json!({ "iss": "https://nobody.test" }))),
            ("a slash at the end of the issuer", says(json!({ "iss": format!("{}/", one.url) }))),
            ("the issuer in capitals", says(json!({ "iss": one.url.to_uppercase() }))),
            ("no issuer", says(json!({ "iss": null }))),
            ("two issuers", says(json!({ "iss": [one.url] }))),
            ("alg none", unsigned.clone()),
            ("no signature", format!("{bare}.")),
            ("HS256 by the public key", by_hmac(one, &one.claims(world, &none()))),
            (
                "another algorithm of the same type",
                signed(json!({ "alg": "ES384" }), &elliptic(Algorithm::Es384)),
            ),
            ("an algorithm of another type", signed(json!({ "alg": "RS256" }), &one.signer)),
            ("no kid", signed(json!({ "kid": null }), &one.signer)),
            ("a JWT of no kind", signed(json!({ "typ": "JWT" }), &one.signer)),
            ("no typ", signed(json!({ "typ": null }), &one.signer)),
            ("a grant", signed(json!({ "typ": "mylife-grant+jwt" }), &one.signer)),
            ("crit", signed(json!({ "crit": ["exp"] }), &one.signer)),
            ("jku", signed(json!({ "jku": "https://nobody.test/keys" }), &one.signer)),
            ("x5u", signed(json!({ "x5u": one.url }), &one.signer)),
            ("an ID token", says(json!({ "nonce": "n" }))),
            ("a logout token", says(json!({ "events": {} }))),
            ("another audience", says(json!({ "aud": "https://n297.test:297" }))),
            ("other audiences", says(json!({ "aud": ["account", "https://n297.test:297/fhir/"] }))),
            ("no audience", says(json!({ "aud": null }))),
            ("made in the future", says(json!({ "iat": now + 31, "exp": now + 300 }))),
            ("good in the future", says(json!({ "nbf": now + 31 }))),
            ("without an end", says(json!({ "exp": null }))),
            ("an end that is no whole number", says(json!({ "exp": 1e12 + 0.5 }))),
            ("living too long", says(json!({ "exp": now + 601 }))),
            ("made before time began", says(json!({ "iat": i64::MIN, "exp": now + 300 }))),
            ("no iat", says(json!({ "iat": null }))),
            ("no jti", says(json!({ "jti": null }))),
            ("no sub", says(json!({ "sub": null }))),
            ("an identity code", says(json!({ "sub": town.aino.code() }))),
            ("oversized", says(json!({ "pad": "x".repeat(8 * 1024) }))),
            ("cut", {
                let good = says(none());
                good[..good.len() - 2].to_owned()
            }),
            ("opaque", "2YotnFZFEjr1zCsicMWpAA".to_owned()),
        ];
        for (name, token) in rows {
            town.refuses(name, &token);
        }
        // Twice the same claim, of which readers may take either.
        let claims = one.claims(world, &none()).to_string();
        let twice = claims.replacen('{', "{\"roles\":[\"nurse\"],", 1);
        let head = json!({ "alg": "ES256", "kid": one.signer.kid(), "typ": "at+jwt" }).to_string();
        let twice = one.signer.sign_raw(head.as_bytes(), twice.as_bytes()).unwrap();
        town.refuses("a claim twice", &twice);
        town.reads(&says(json!({ "exp": now }))).refused(401, "expired");
        town.reads(&says(json!({ "iat": now - 600, "exp": now - 1 }))).refused(401, "expired");
        town.reads(&says(none())).shows([Housing]);
    }
}

#[test]
fn a_token_ends_when_it_ends_though_it_was_met_before() {
    let town = Town::by_keys();
    let token = town.one.token(&town.world, &none());
    town.reads(&token).shows([Housing]);
    town.world.pass(Duration::from_secs(299));
    town.reads(&token).shows([Housing]);
    town.world.pass(Duration::from_secs(1));
    town.reads(&token).refused(401, "expired");
}

#[test]
fn a_plain_jwt_is_a_token_only_of_an_issuer_that_knows_no_better() {
    let town = Town::with(|outsider| {
        let mut settings = outsider.by_keys();
        settings.issuer.plain = outsider.id == "one";
        settings
    });
    let plain = |outsider: &Outsider, changes: Value| {
        let claims = outsider.claims(&town.world, &changes);
        outsider.signed(&json!({ "typ": "JWT" }), &claims, &outsider.signer)
    };
    town.reads(&plain(&town.one, json!({ "jti": null }))).shows([Housing]);
    town.refuses("the other", &plain(&town.two, none()));
    for claim in ["nonce", "at_hash", "c_hash", "s_hash", "events"] {
        town.refuses(claim, &plain(&town.one, json!({ claim: "x" })));
    }
}

#[test]
fn a_key_that_is_taken_away_is_gone_and_a_new_one_is_found_and_nobody_is_asked_more_often_for_it() {
    // PK-10; AT-06
    let town = Town::by_keys();
    let old = town.one.token(&town.world, &none());
    town.reads(&old).shows([Housing]);
    town.reads(&town.one.token(&town.world, &none())).shows([Housing]);
    assert_eq!(town.one.times("/keys"), 1, "kept");
    let new = signer();
    *town.one.says.keys.lock().unwrap() = jwks(&new);
    let by_new = || {
        let claims = town.one.claims(&town.world, &none());
        town.one.signed(&json!({ "kid": new.kid() }), &claims, &new)
    };
    town.refuses("asked a moment ago", &by_new());
    town.world.pass(PAUSE);
    town.reads(&by_new()).shows([Housing]);
    assert_eq!(town.one.times("/keys"), 2);
    town.refuses("a key that is taken away, met before", &old);
    for n in 0..20 {
        let claims = town.one.claims(&town.world, &none());
        let strange = town.one.signed(&json!({ "kid": format!("k{n}") }), &claims, &new);
        town.refuses("a key nobody has", &strange);
    }
    assert_eq!(town.one.times("/keys"), 2, "within the pause");
    town.reads(&by_new()).shows([Housing]);
}

#[test]
fn keys_that_cannot_be_had_open_nothing_and_nothing_inside_is_asked_for_them() {
    // AT-06, AT-28
    let world = World::new();
    let third = Outsider::stand(&world, "third", PORTS[2]);
    let hidden = Outsider::stand(&world, "hidden", 443);
    let inside = format!("https://{}/keys", provider::HOST);
    let town = Town::in_world(world, |outsider| {
        let mut settings = outsider.by_keys();
        if outsider.id == "two" {
            let address = KeyAddress::parse(&inside);
            settings.check = Check::Published { address, algorithms: vec![Algorithm::Es256] };
        }
        settings
    });
    let one = &town.one;
    let leads = |to: String| Mood::Says(302, ("location", to), String::new());
    let kind = || ("content-type", "application/json".to_owned());
    let moods = [
        ("leads inside", leads(inside.clone())),
        ("leads to another", leads(format!("{}/keys", third.url))),
        ("fails", Mood::Says(500, kind(), "{}".to_owned())),
        ("says nonsense", Mood::Says(200, kind(), "[]".to_owned())),
        ("says a page", Mood::Says(200, ("content-type", "text/html".to_owned()), "{}".to_owned())),
    ];
    for (name, mood) in moods {
        one.is(mood);
        town.cannot_tell(name, &one.token(&town.world, &none()));
        let before = one.says.asked.lock().unwrap().len();
        town.cannot_tell("asked a moment ago", &one.token(&town.world, &none()));
        assert_eq!(one.says.asked.lock().unwrap().len(), before);
        town.world.pass(PAUSE);
    }
    one.is(Mood::Well);
    // It says that it is another, or that its keys are inside.
    let configured = |name: &str, value: &str| {
        one.says.configuration.lock().unwrap()[name] = json!(value);
    };
    configured("issuer", &town.two.url);
    town.cannot_tell("another's configuration", &one.token(&town.world, &none()));
    town.world.pass(PAUSE);
    configured("issuer", &one.url);
    configured("jwks_uri", &inside);
    town.cannot_tell("keys inside", &one.token(&town.world, &none()));
    town.cannot_tell("a host inside", &town.two.token(&town.world, &none()));
    town.world.pass(PAUSE);
    configured("jwks_uri", &format!("{}/keys", one.url));
    town.reads(&one.token(&town.world, &none())).shows([Housing]);
    assert!(
        hidden.says.asked.lock().unwrap().is_empty() && third.says.asked.lock().unwrap().is_empty()
    );
}
