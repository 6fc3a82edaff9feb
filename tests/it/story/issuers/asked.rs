//! By asking the issuer (RFC 7662): who asks, how often, for how long an answer counts, and what is none.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use mylife::{
    authenticate::{
        issuer::KNOWN,
        jose::{self, Expected, TokenKind, address::KeyAddress, key::KeySet},
    },
    domain::theme::Theme::{Health, Housing},
    shared::pace::Rates,
};
use serde_json::{Value, json};

use super::{Town, none};
use crate::{
    story::export::{self, snapshot::Half},
    world::{Terms, World, actor::Ask, browser::Browser, issuer::Mood, logged::logged},
};

fn json_says(status: u16, body: &str) -> Mood {
    Mood::Says(status, ("content-type", "application/json".to_owned()), body.to_owned())
}

#[test]
fn an_active_token_reads_what_consents_give_and_the_gateway_proves_who_asks() {
    let town = Town::by_asking();
    let token = town.one.issues(&town.world, &none());
    town.reads(&token).shows([Housing]).hides([Health]);
    let form = town.one.heard();
    let value = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map_or_else(|| panic!("{name}: {form:?}"), |(_, value)| value.clone())
    };
    assert_eq!((value("token"), value("client_id")), (token, "gateway-at-one".to_owned()));
    let keys = KeySet::of([town.kuopio.identity.signer.public()]).unwrap();
    let kind = TokenKind::ClientAssertion;
    let now = town.world.now();
    let expected = Expected { kind, issuer: "gateway-at-one", audience: &[&town.one.url], now };
    let proof = jose::verify::<Value>(&value("client_assertion"), &keys, &expected).unwrap();
    assert_eq!(proof.registered.sub, "gateway-at-one");
    // A signed token is shown to the issuer that it states, and to nobody else.
    let signed = town.two.token(&town.world, &none());
    town.two.knows(&signed, &{
        let mut answer = town.two.claims(&town.world, &none());
        answer["active"] = json!(true);
        answer
    });
    let before = town.one.times("/introspect");
    town.reads(&signed).shows([Housing]);
    assert_eq!((town.one.times("/introspect"), town.two.times("/introspect")), (before, 1));
    // One may leave out what it need not say.
    let spare = json!({ "iss": null, "jti": null, "iat": null, "sub": null });
    town.reads(&town.one.issues(&town.world, &spare)).shows([Housing]);
    let log = town.kuopio.disclosures(town.aino.patient());
    let of_one = log.iter().find(|entry| entry.caller.client == "one:ward-app").unwrap();
    assert_eq!(of_one.caller.issuer.as_deref(), Some(town.one.url.as_str()));
}

#[test]
fn a_token_that_is_withdrawn_at_its_issuer_is_dead_here_within_five_seconds() {
    // IN: an external issuer's within 5 s
    let town = Town::by_asking();
    let token = town.one.issues(&town.world, &none());
    for _ in 0..5 {
        town.reads(&token).shows([Housing]);
    }
    assert_eq!(town.one.times("/introspect"), 1, "kept");
    town.one.withdraws_all();
    let nearly = KNOWN.saturating_sub(Duration::from_millis(1));
    town.world.pass(nearly);
    town.reads(&token).shows([Housing]);
    assert_eq!(town.one.times("/introspect"), 1);
    town.world.pass(Duration::from_millis(1));
    town.refuses("withdrawn", &token);
    // With the time in which an answer leaves, and clocks that differ by a little.
    assert!(KNOWN + Duration::from_secs(2) <= Duration::from_secs(5));
    for _ in 0..5 {
        town.refuses("withdrawn", &token);
    }
    assert_eq!(town.one.times("/introspect"), 2, "that it is none is kept too");
    assert_eq!(town.told_of(&token).text(), r#"{"active":false}"#);
}

#[test]
fn a_clock_that_is_put_back_lengthens_no_answer() {
    let town = Town::by_asking();
    let hour = Duration::from_hours(1);
    let late = json!({ "exp": town.world.now().seconds() + 7200 });
    town.world.pass(hour);
    let token = town.one.issues(&town.world, &late);
    town.reads(&token).shows([Housing]);
    let headers = HeaderMap::from_iter([(
        header::AUTHORIZATION,
        HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
    )]);
    let authenticator = &town.kuopio.gateway.authenticator;
    let is_asked = |now| authenticator.stranger(&headers, None, now).is_some();
    let now = town.world.now();
    assert!(!is_asked(now) && !is_asked(now.minus(Duration::from_millis(900))), "in any order");
    assert!(is_asked(now.minus(hour)) && is_asked(now.plus(KNOWN)));
}

#[test]
fn requests_that_come_together_with_one_token_ask_once() {
    let town = Town::by_asking();
    let token = town.one.issues(&town.world, &none());
    let wire = town.world.actor("north-savo");
    let path = format!("/fhir/Observation?patient={}", town.aino.patient());
    let ask = || {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        wire.meanwhile(&town.kuopio, http::Method::GET, &path, ask)
    };
    let all = town.world.runtime.block_on(async { tokio::join!(ask(), ask(), ask(), ask()) });
    let (a, b, c, d) = all;
    for reply in [a, b, c, d] {
        reply.unwrap().shows([Housing]);
    }
    assert_eq!(town.one.times("/introspect"), 1);
}

#[test]
fn what_is_no_answer_opens_nothing_and_is_told_as_such() {
    let town = Town::by_asking();
    let huge = format!("{{\"active\":true,\"pad\":\"{}\"}}", "x".repeat(17 * 1024));
    let moods = [
        ("fails", json_says(500, "{}")),
        ("does not know the gateway", json_says(401, "{\"error\":\"invalid_client\"}")),
        (
            "sends elsewhere",
            Mood::Says(307, ("location", format!("{}/introspect", town.two.url)), String::new()),
        ),
        (
            "a page",
            Mood::Says(
                200,
                ("content-type", "text/html".to_owned()),
                "{\"active\":true}".to_owned(),
            ),
        ),
        (
            "a signed answer",
            Mood::Says(
                200,
                ("content-type", "application/token-introspection+jwt".to_owned()),
                "e30.e30.e30".to_owned(),
            ),
        ),
        ("no JSON", json_says(200, "active")),
        ("a list", json_says(200, "[{\"active\":true}]")),
        ("nothing of it", json_says(200, "{}")),
        ("a text", json_says(200, "{\"active\":\"true\"}")),
        ("a number", json_says(200, "{\"active\":1}")),
        ("too large", json_says(200, &huge)),
        ("hangs", Mood::Hangs),
    ];
    let token = town.one.issues(&town.world, &none());
    for (name, mood) in moods {
        town.one.is(mood);
        town.cannot_tell(name, &token);
        town.one.is(Mood::Well);
        town.reads(&token).shows([Housing]);
        // What is known lasts for a moment, whatever becomes of the issuer.
        town.one.is(json_says(500, "{}"));
        town.reads(&token).shows([Housing]);
        town.world.pass(KNOWN);
        town.cannot_tell("what was known is over", &token);
    }
    assert_eq!(town.two.times("/introspect"), 0, "nobody else is asked");
}

#[test]
fn an_issuer_that_is_not_there_is_told_as_such() {
    let town = Town::with(|outsider| {
        let mut settings = outsider.by_asking(outsider.id == "one");
        if let mylife::oauth::issuers::Check::Introspection { endpoint, .. } = &mut settings.check {
            let gone = outsider.url.replace("801", "802");
            let gone = format!("{gone}/introspect");
            *endpoint = KeyAddress::parse(&gone).unwrap();
        }
        settings
    });
    let token = town.one.issues(&town.world, &none());
    town.cannot_tell("nobody listens", &token);
}

#[test]
fn an_answer_that_is_not_about_a_token_for_us_opens_nothing() {
    let town = Town::by_asking();
    let now = town.world.now().seconds();
    let rows = [
        ("another issuer's", json!({ "iss": town.two.url })),
        ("a slash at the end of the issuer", json!({ "iss": format!("{}/", town.one.url) })),
        ("for another", json!({ "aud": "https://elsewhere.test" })),
        ("for nobody", json!({ "aud": null })),
        ("without an end", json!({ "exp": null })),
        ("good in the future", json!({ "nbf": now + 31 })),
        ("made in the future", json!({ "iat": now + 31 })),
        ("bound to a key it does not name", json!({ "token_type": "DPoP" })),
        ("bound to what nobody can check", json!({ "cnf": { "jwk": {} } })),
        ("bound to nothing", json!({ "cnf": {} })),
    ];
    for (name, change) in rows {
        town.refuses(name, &town.one.issues(&town.world, &change));
    }
    town.reads(&town.one.issues(&town.world, &json!({ "exp": now }))).refused(401, "expired");
    town.refuses("nobody's", "2YotnFZFEjr1zCsicMWpAA");
    town.reads(&town.one.issues(&town.world, &none())).shows([Housing]);
}

#[test]
fn no_token_of_ours_is_shown_to_anybody() {
    let town = Town::by_asking();
    let ours = town.world.actor("national-portal").token(&town.kuopio, "system/*.rs");
    let [head, claims, signature] = ours.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let scope = "launch/patient patient/*.rs offline_access";
    let launched = Browser::at(&town.kuopio).tokens("aino", scope);
    let broken = [
        launched["refresh_token"].as_str().unwrap().to_owned(),
        ours.clone(),
        format!("{}.{claims}.{signature}", &head[1..]),
        format!("{head}.{}.{signature}", &claims[1..]),
        format!("{head}.{claims}.{}", &signature[1..]),
        format!("{head}.{claims}."),
        format!("{ours}."),
        format!(".{ours}"),
        format!("{head}.{claims}"),
    ];
    for token in broken {
        town.reads(&token);
        town.told_of(&token);
    }
    // One of the other issuer's, or of nobody who is listed, is not the first one's to see either.
    town.refuses(
        "of nobody",
        &town.one.token(&town.world, &json!({ "iss": "https://nobody.test" })),
    );
    let of_two = town.two.token(&town.world, &none());
    town.refuses("of two", &of_two);
    assert_eq!((town.one.times("/introspect"), town.two.times("/introspect")), (0, 1));
    // Nor is anything asked for what cannot be a token.
    for text in ["a b", "tok!", &"x".repeat(9000)] {
        town.reads(text);
    }
    assert_eq!(town.one.times("/introspect"), 0);
}

#[test]
fn a_flood_of_tokens_nobody_issued_asks_no_more_than_one_address_may() {
    let rates = Rates { address_tokens: 1, ..Rates::default() };
    let town = Town::in_world(World::with_rates(rates), |outsider| {
        outsider.by_asking(outsider.id == "one")
    });
    // The stories' own clients have taken their tokens from the same address.
    town.world.pass(Duration::from_mins(1));
    let good = town.one.issues(&town.world, &none());
    town.reads(&good).shows([Housing]);
    let mut refused = 0;
    for n in 0..20 {
        let reply = town.reads(&format!("nobodys-{n}"));
        refused += usize::from(reply.status() == 429);
    }
    assert_eq!(refused, 17, "four at once, and one of them was good");
    assert_eq!(town.one.times("/introspect"), 4);
    // One that is known is asked about again all the same.
    town.world.pass(KNOWN);
    for n in 0..20 {
        town.reads(&format!("nobodys-{n}"));
    }
    town.reads(&good).shows([Housing]);
}

#[test]
fn a_token_stands_in_no_log() {
    // AT-39
    let town = Town::by_asking();
    let (secrets, log) = logged("mylife", || {
        let good = town.one.issues(&town.world, &json!({ "jti": null }));
        town.reads(&good).shows([Housing]);
        let form = town.one.heard();
        let (_, proof) = form.iter().find(|(name, _)| name == "client_assertion").unwrap();
        town.told_of(&good);
        // Refused, unknown, signed by another, and asked about while nobody answers.
        let bad = town.one.issues(&town.world, &json!({ "aud": "https://elsewhere.test" }));
        town.refuses("for another", &bad);
        let signed = town.two.token(&town.world, &none());
        town.refuses("not active", &signed);
        town.one.is(json_says(500, "{}"));
        let lost = town.one.issues(&town.world, &none());
        town.cannot_tell("fails", &lost);
        vec![good, bad, signed, lost, proof.clone()]
    });
    assert!(log.lines().count() >= 3, "something was logged: {log}");
    let records = format!("{:?}", town.kuopio.audit());
    for secret in secrets {
        assert!(!log.contains(&secret) && !records.contains(&secret), "{secret}");
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!log.contains(signature), "the end of {secret}");
    }
    for word in ["ward-app", "u-7", "prac.social1", town.aino.patient()] {
        assert!(!log.contains(word), "{word} in {log}");
    }
}

#[test]
fn a_file_that_is_being_taken_is_cut_when_its_token_is_withdrawn() {
    let town = Town::by_asking();
    let words = "Oma koti ja avain. ".repeat(100);
    let mut first = town.kuopio.person("first");
    for _ in 0..28 {
        first = first.answered([(Housing, 2, 1, &words)]);
    }
    let actor = town.world.actor("north-savo");
    first.gives(Terms::grant(&actor).themes(&[Housing]).class("free-text"));
    town.world.pass(Duration::from_mins(1));
    let token = town.one.issues(&town.world, &json!({ "scope": "system/*.rs", "fhirUser": null }));
    let bearer = ("authorization", format!("Bearer {token}"));
    let ask = |path: &str| {
        let headers = [export::prefers(&[]), vec![bearer.clone()]].concat();
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        actor.raw(&town.kuopio, http::Method::GET, path, ask)
    };
    let begun = ask("/fhir/$export?_type=QuestionnaireResponse");
    town.world.pass(Duration::from_secs(2));
    let manifest = ask(&export::status(&begun));
    let file = export::files(manifest.json(), "QuestionnaireResponse").remove(0);
    let whole = Half::begin(&town.kuopio, &file, bearer.clone()).try_rest(&town.kuopio).unwrap();
    assert_eq!(whole.lines().count(), 29);
    let half = Half::begin(&town.kuopio, &file, bearer.clone());
    town.one.withdraws_all();
    town.world.pass(KNOWN);
    assert!(half.try_rest(&town.kuopio).is_none(), "half a file is never taken for a whole one");
}
