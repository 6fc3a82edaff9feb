//! Tokens that are worth nothing without the key of whoever they were given to (RFC 9449). Ids are those
//! of the requirement table (DP) and the attack table (AT).

use std::time::Duration;

use http::Method;
use mylife::{authenticate::jose::key::Algorithm, domain::theme::Theme::Housing};
use serde_json::{Value, json};

use crate::world::{
    Node, Reply, World,
    actor::Ask,
    browser::{BACK, Browser, VERIFIER, encoded, parameter, wish},
    holder::Holder,
};

const SCOPE: &str = "launch/patient patient/*.rs offline_access";

struct Town {
    kuopio: Node,
    browser: Browser,
    search: String,
}

fn town() -> Town {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    Town { browser: Browser::at(&kuopio), kuopio, search }
}

impl Town {
    fn code(&self, changes: &[(&'static str, &str)]) -> String {
        let changes = [&[("scope", SCOPE)], changes].concat();
        let page = self.browser.launch(&wish(&self.kuopio, &changes));
        let asked = page.text().contains(">aino</button>");
        let page = if asked { self.browser.logs_in(&page, "aino") } else { page };
        parameter(&self.browser.allows(&page), "code")
    }

    fn exchange(code: &str) -> String {
        encoded(&[
            ("grant_type", "authorization_code"),
            ("client_id", "my-days"),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
            ("code", code),
        ])
    }

    /// Tokens of aino's, bound to a key.
    fn tokens(&self, holder: &Holder) -> Value {
        let code = self.code(&[]);
        let reply = holder.ask_token(&self.kuopio, || Self::exchange(&code));
        assert_eq!(reply.status(), 200, "{reply:?}");
        reply.json().clone()
    }
}

fn of<'a>(token: &'a Value, name: &str) -> &'a str {
    token[name].as_str().unwrap()
}

fn unproven(reply: &Reply, error: &str) {
    reply.refused(401, "login");
    let expected = format!("DPoP error=\"{error}\", algs=\"ES256 ES384\"");
    assert_eq!(reply.challenge(), Some(&*expected), "{reply:?}");
}

#[test]
fn a_token_is_bound_to_the_key_of_who_asks_for_it() {
    // DP-01 to DP-13, DP-15
    let town = town();
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        let holder = Holder::new(algorithm);
        let code = town.code(&[]);
        let form = Town::exchange(&code);
        let proof = holder.proof(&town.kuopio, (&Method::POST, "/oauth/token"), None);
        let first = holder.ask_token_with(&town.kuopio, &form, proof);
        assert_eq!((first.status(), &first.json()["error"]), (400, &json!("use_dpop_nonce")));
        // The code was not used up by that.
        let reply = holder.ask_token(&town.kuopio, || form.clone());
        assert_eq!(
            (reply.status(), &reply.json()["token_type"]),
            (200, &json!("DPoP")),
            "{reply:?}"
        );
        assert!(reply.header("dpop-nonce").is_some());
        let token = of(reply.json(), "access_token");
        let read = holder.reads(&town.kuopio, token, &town.search);
        read.shows([Housing]);
        assert!(read.header("dpop-nonce").is_some());
        let said = town.kuopio.world.actor("north-savo").about_token(
            &town.kuopio,
            "/oauth/introspect",
            token,
        );
        assert_eq!(said.json()["token_type"], "DPoP");
        assert_eq!(said.json()["cnf"], json!({ "jkt": holder.thumbprint() }));
    }
}

#[test]
fn a_system_holds_a_key_too() {
    let town = town();
    let (holder, portal) =
        (Holder::new(Algorithm::Es256), town.kuopio.world.actor("national-portal"));
    let reply = holder.ask_token(&town.kuopio, || portal.token_form(&town.kuopio, "system/*.rs"));
    assert_eq!((reply.status(), &reply.json()["token_type"]), (200, &json!("DPoP")), "{reply:?}");
    let token = of(reply.json(), "access_token");
    assert_eq!(holder.reads(&town.kuopio, token, "/fhir/Organization").status(), 200);
}

#[test]
fn a_bound_token_is_worth_nothing_without_its_key() {
    // AT-33, DP-13, DP-14
    let town = town();
    let holder = Holder::new(Algorithm::Es256);
    let token = town.tokens(&holder);
    let token = of(&token, "access_token");
    let thief = Holder::new(Algorithm::Es256);
    thief.number.replace(holder.number.borrow().clone());
    let plain = town.browser.reads(&json!({ "access_token": token }), &town.search);
    plain.refused(401, "login");
    assert_eq!(
        plain.challenge(),
        Some("Bearer error=\"invalid_token\""),
        "shown as a bearer token"
    );
    let other = thief.reads(&town.kuopio, token, &town.search);
    other.refused(401, "login");
    assert_eq!(other.challenge(), Some("DPoP error=\"invalid_token\", algs=\"ES256 ES384\""));
    let wire = town.kuopio.world.actor("north-savo");
    let ask = |headers| {
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        wire.raw(&town.kuopio, Method::GET, &town.search, ask)
    };
    let dpop = ("authorization", format!("DPoP {token}"));
    unproven(&ask(vec![dpop.clone()]), "invalid_dpop_proof");
    let proof = || ("dpop", holder.proof(&town.kuopio, (&Method::GET, &town.search), Some(token)));
    let two = ask(vec![dpop.clone(), ("authorization", format!("Bearer {token}")), proof()]);
    assert_eq!(two.status(), 400);
    unproven(&ask(vec![dpop, proof(), proof()]), "invalid_dpop_proof");
    // A token that is bound to nothing is not shown with a proof.
    let free = Browser::at(&town.kuopio).tokens("aino", "patient/*.rs");
    holder.reads(&town.kuopio, of(&free, "access_token"), &town.search).refused(401, "login");
    holder.reads(&town.kuopio, token, &town.search).shows([Housing]);
}

#[test]
fn a_proof_is_for_one_request_at_one_time() {
    // DP-01 to DP-12, DP-16
    let town = town();
    let holder = Holder::new(Algorithm::Es256);
    let token = town.tokens(&holder);
    let token = of(&token, "access_token");
    let (kuopio, get) = (&town.kuopio, Method::GET);
    let now = kuopio.world.now().seconds();
    let elsewhere = kuopio.identity.url.replace("https://", "https://evil.");
    let secret = json!({ "jwk": { "kty": "EC", "crv": "P-256", "x": holder.jwk()["x"], "y": holder.jwk()["y"], "d": "AAAA" } });
    let none = json!({});
    let rows: [(&str, Value, Value); 26] = [
        ("no jti", json!({ "jti": null }), none.clone()),
        ("jti empty", json!({ "jti": "" }), none.clone()),
        ("jti huge", json!({ "jti": "j".repeat(256) }), none.clone()),
        ("another method", json!({ "htm": "POST" }), none.clone()),
        ("method in small letters", json!({ "htm": "get" }), none.clone()),
        ("no method", json!({ "htm": null }), none.clone()),
        (
            "another path",
            json!({ "htu": format!("{}/fhir/Patient", kuopio.identity.url) }),
            none.clone(),
        ),
        ("another host", json!({ "htu": format!("{elsewhere}/fhir/Observation") }), none.clone()),
        (
            "another scheme",
            json!({ "htu": format!("{}/fhir/Observation", kuopio.identity.url.replace("https", "http")) }),
            none.clone(),
        ),
        ("no address", json!({ "htu": null }), none.clone()),
        ("a path alone", json!({ "htu": "/fhir/Observation" }), none.clone()),
        ("old", json!({ "iat": now - 60 }), none.clone()),
        ("ahead", json!({ "iat": now + 31 }), none.clone()),
        ("a fraction", json!({ "iat": 1.5 }), none.clone()),
        ("no time", json!({ "iat": null }), none.clone()),
        ("no token", json!({ "ath": null }), none.clone()),
        (
            "another token",
            json!({ "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" }),
            none.clone(),
        ),
        ("another kind", none.clone(), json!({ "typ": "JWT" })),
        ("no kind", none.clone(), json!({ "typ": null })),
        ("alg none", none.clone(), json!({ "alg": "none" })),
        ("alg of a secret", none.clone(), json!({ "alg": "HS256" })),
        ("alg of another curve", none.clone(), json!({ "alg": "ES384" })),
        ("no key", none.clone(), json!({ "jwk": null })),
        ("a private key", none.clone(), secret),
        ("another key", none.clone(), json!({ "jwk": Holder::new(Algorithm::Es256).jwk() })),
        ("crit", none.clone(), json!({ "crit": ["x"] })),
    ];
    for (name, claims, header) in rows {
        let good = holder.claims(kuopio, (&get, &town.search), Some(token));
        let proof = holder.signs(&crate::step::signed::with(good, &claims), &header);
        let reply = holder.reads_with(kuopio, token, &town.search, proof);
        assert_eq!(reply.status(), 401, "{name}: {reply:?}");
        unproven(&reply, "invalid_dpop_proof");
    }
    for nonce in [Value::Null, json!("nonsense")] {
        let good = holder.claims(kuopio, (&get, &town.search), Some(token));
        let changed = crate::step::signed::with(good, &json!({ "nonce": nonce }));
        let reply =
            holder.reads_with(kuopio, token, &town.search, holder.signs(&changed, &json!({})));
        unproven(&reply, "use_dpop_nonce");
    }
    // What may differ.
    let upper = kuopio.identity.url.replace("https://", "HTTPS://").to_uppercase();
    let rows = [
        format!("{}/fhir/Observation?x=y#z", kuopio.identity.url),
        format!("{}/fhir/Observation", upper.replace("HTTPS", "hTTps")),
    ];
    for htu in rows {
        let good = holder.claims(kuopio, (&get, &town.search), Some(token));
        let changed = crate::step::signed::with(good, &json!({ "htu": htu }));
        let proof = holder.signs(&changed, &json!({}));
        holder.reads_with(kuopio, token, &town.search, proof.clone()).shows([Housing]);
        // Once.
        unproven(&holder.reads_with(kuopio, token, &town.search, proof), "invalid_dpop_proof");
    }
    // Our number is good for a minute or two.
    kuopio.world.pass(Duration::from_mins(2));
    let late = holder.reads(kuopio, token, &town.search);
    unproven(&late, "use_dpop_nonce");
    holder.reads(kuopio, token, &town.search).shows([Housing]);
}

#[test]
fn a_proof_at_the_token_endpoint_counts_once() {
    // DP-16
    let town = town();
    let holder = Holder::new(Algorithm::Es256);
    let portal = town.kuopio.world.actor("national-portal");
    let form = || portal.token_form(&town.kuopio, "system/Goal.rs");
    holder.ask_token(&town.kuopio, form);
    let proof = holder.proof(&town.kuopio, (&Method::POST, "/oauth/token"), None);
    assert_eq!(holder.ask_token_with(&town.kuopio, &form(), proof.clone()).status(), 200);
    let again = holder.ask_token_with(&town.kuopio, &form(), proof);
    assert_eq!((again.status(), &again.json()["error"]), (400, &json!("invalid_dpop_proof")));
    for (name, request) in
        [("GET", (Method::GET, "/oauth/token")), ("path", (Method::POST, "/oauth/revoke"))]
    {
        let proof = holder.proof(&town.kuopio, (&request.0, request.1), None);
        let reply = holder.ask_token_with(&town.kuopio, &form(), proof);
        assert_eq!(reply.json()["error"], "invalid_dpop_proof", "{name}");
    }
    let garbage = holder.ask_token_with(&town.kuopio, &form(), "x.y.z".to_owned());
    assert_eq!(garbage.json()["error"], "invalid_dpop_proof");
}

#[test]
fn new_tokens_are_for_the_key_of_the_first() {
    // RFC 9449 section 5
    let town = town();
    let (holder, thief) = (Holder::new(Algorithm::Es256), Holder::new(Algorithm::Es256));
    let first = town.tokens(&holder);
    let form = |token: &Value| {
        let pairs = [
            ("grant_type", "refresh_token"),
            ("client_id", "my-days"),
            ("refresh_token", of(token, "refresh_token")),
        ];
        encoded(&pairs)
    };
    let bare = town.kuopio.world.actor("north-savo").ask_token(&town.kuopio, &form(&first));
    assert_eq!(
        (bare.status(), &bare.json()["error"]),
        (400, &json!("invalid_grant")),
        "downgraded"
    );
    let stolen = thief.ask_token(&town.kuopio, || form(&first));
    assert_eq!((stolen.status(), &stolen.json()["error"]), (400, &json!("invalid_grant")));
    let second = holder.ask_token(&town.kuopio, || form(&first));
    assert_eq!(
        (second.status(), &second.json()["token_type"]),
        (200, &json!("DPoP")),
        "{second:?}"
    );
    holder.reads(&town.kuopio, of(second.json(), "access_token"), &town.search).shows([Housing]);
    let third = town.kuopio.world.actor("north-savo").ask_token(&town.kuopio, &form(second.json()));
    assert_eq!(third.json()["error"], "invalid_grant");
}

#[test]
fn a_code_that_was_asked_for_with_a_key_is_for_that_key() {
    // DP-18
    let town = town();
    let (holder, thief) = (Holder::new(Algorithm::Es256), Holder::new(Algorithm::Es256));
    let jkt: &'static str = holder.thumbprint().leak();
    let form = Town::exchange(&town.code(&[("dpop_jkt", jkt)]));
    let stolen = thief.ask_token(&town.kuopio, || form.clone());
    assert_eq!((stolen.status(), &stolen.json()["error"]), (400, &json!("invalid_grant")));
    let form = Town::exchange(&town.code(&[("dpop_jkt", jkt)]));
    let bare = town.kuopio.world.actor("north-savo").ask_token(&town.kuopio, &form);
    assert_eq!(bare.json()["error"], "invalid_grant");
    let form = Town::exchange(&town.code(&[("dpop_jkt", jkt)]));
    assert_eq!(holder.ask_token(&town.kuopio, || form.clone()).status(), 200);
    let sent = town.browser.launch(&wish(&town.kuopio, &[("dpop_jkt", "short")]));
    assert_eq!(parameter(&sent, "error"), "invalid_request");
}
