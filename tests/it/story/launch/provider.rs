//! People log in at an `OpenID` provider, and providers that lie get nobody in. Ids are those of the
//! attack table (AT).

use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use crate::world::{
    Node, Person, Reply, World,
    browser::{Browser, name_of, parameter, wish},
    identity::signer,
    provider::{PORTS, Provider},
};

struct Town {
    world: World,
    kuopio: Node,
    aino: Person,
    one: Provider,
    two: Provider,
}

fn town() -> Town {
    let world = World::new();
    let one = Provider::stand(&world, "one", PORTS[0]);
    let two = Provider::stand(&world, "two", PORTS[1]);
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    Town { world, kuopio, aino, one, two }
}

/// What the provider was asked, as the browser carries it there.
fn sent(browser: &Browser, node: &Node, provider: &str, changes: &[(&'static str, &str)]) -> Reply {
    let page = browser.launch(&wish(node, changes));
    browser.post("/oauth/login", &[("page", &name_of(&page)), ("provider", provider)])
}

/// Claims of aino, at the login that was begun.
fn claims(town: &Town, provider: &Provider, away: &Reply) -> Value {
    let now = town.world.now().seconds();
    json!({
        "iss": provider.issuer, "sub": "a-1", "aud": format!("gateway-at-{}", provider.id),
        "exp": now + 300, "iat": now, "nonce": parameter(away, "nonce"),
        "urn:oid:1.2.246.21": town.aino.code(), "name": "Aino A.",
    })
}

fn returns(browser: &Browser, provider: &str, away: &Reply, iss: Option<&str>) -> Reply {
    let state = parameter(away, "state");
    let iss = iss.map(|iss| format!("&iss={iss}")).unwrap_or_default();
    browser.get(&format!("/oauth/return/{provider}?code=c&state={state}{iss}"))
}

#[test]
fn a_person_logs_in_at_a_provider_and_reads_their_own() {
    let town = town();
    let browser = Browser::at(&town.kuopio);
    browser.launch(&wish(&town.kuopio, &[])).says("Sign in: Strong login");
    let away = sent(&browser, &town.kuopio, "one", &[]);
    assert_eq!(away.status(), 303, "{away:?}");
    assert!(
        away.header("location").unwrap().starts_with(&format!("{}/authorize?", town.one.issuer))
    );
    assert_eq!(parameter(&away, "code_challenge_method"), "S256");
    let back = parameter(&away, "redirect_uri");
    assert_eq!(back, format!("{}/oauth/return/one", town.kuopio.identity.url));
    town.one.tells(&claims(&town, &town.one, &away), &town.one.signer);
    let page = returns(&browser, "one", &away, Some(&town.one.issuer));
    page.says("signed in as Aino A.");
    let code = parameter(&browser.allows(&page), "code");
    let token = browser.redeem(&[("code", &code)]);
    assert_eq!(token.json()["patient"], town.aino.patient(), "{token:?}");
    let search = format!("/fhir/Observation?patient={}", town.aino.patient());
    browser.reads(token.json(), &search).shows([Housing]);
    let asked = town.one.asked();
    assert!(
        asked[0].contains("code_verifier=") && asked[0].contains("client_assertion="),
        "{asked:?}"
    );
    // The code of a person, which the provider says, stands nowhere in the log.
    let log = format!("{:?}", town.kuopio.audit());
    assert!(!log.contains(town.aino.code()));
    assert!(log.contains("\"login\"") && log.contains("\"consent\""), "{log}");
}

#[test]
fn an_id_token_that_is_not_of_this_login_lets_nobody_in() {
    let town = town();
    let now = town.world.now().seconds();
    let changes = [
        ("another nonce", json!({ "nonce": "other" })),
        ("no nonce", json!({ "nonce": null })),
        ("another audience", json!({ "aud": "somebody-else" })),
        ("two audiences", json!({ "aud": ["gateway-at-one", "somebody-else"] })),
        ("another party", json!({ "azp": "somebody-else" })),
        ("another issuer", json!({ "iss": town.two.issuer })),
        ("over", json!({ "exp": now })),
        ("old", json!({ "iat": now - 301 })),
        ("ahead", json!({ "iat": now + 31 })),
        ("nobody", json!({ "urn:oid:1.2.246.21": null })),
        ("no code", json!({ "urn:oid:1.2.246.21": "131052-308T " })),
    ];
    for (name, change) in changes {
        let browser = Browser::at(&town.kuopio);
        let away = sent(&browser, &town.kuopio, "one", &[]);
        let mut said = claims(&town, &town.one, &away);
        for (key, value) in change.as_object().unwrap() {
            said[key] = value.clone();
        }
        town.one.tells(&said, &town.one.signer);
        let page = returns(&browser, "one", &away, None);
        assert!(page.text().contains("Signing in did not work"), "{name}: {page:?}");
    }
    // Signed by somebody who only knows the key's name.
    let browser = Browser::at(&town.kuopio);
    let away = sent(&browser, &town.kuopio, "one", &[]);
    town.one.tells(&claims(&town, &town.one, &away), &signer());
    returns(&browser, "one", &away, None).says("Signing in did not work");
}

#[test]
fn an_answer_of_another_provider_is_shown_to_nobody() {
    // AT-28: mix-up
    let town = town();
    let browser = Browser::at(&town.kuopio);
    let away = sent(&browser, &town.kuopio, "one", &[]);
    town.one.tells(&claims(&town, &town.one, &away), &town.one.signer);
    let crossed = returns(&browser, "one", &away, Some(&town.two.issuer));
    crossed.says("Signing in did not work");
    assert!(town.one.asked().is_empty(), "the code went nowhere");
    // At the other provider's return address.
    let away = sent(&browser, &town.kuopio, "one", &[]);
    assert_eq!(returns(&browser, "two", &away, None).status(), 400);
    assert!(town.one.asked().is_empty() && town.two.asked().is_empty());
    // One that says it names itself, and does not.
    town.two.configured("authorization_response_iss_parameter_supported", json!(true));
    let away = sent(&browser, &town.kuopio, "two", &[]);
    town.two.tells(&claims(&town, &town.two, &away), &town.two.signer);
    returns(&browser, "two", &away, None).says("Signing in did not work");
    assert!(town.two.asked().is_empty());
}

#[test]
fn a_provider_that_says_it_is_another_is_not_asked() {
    let town = town();
    town.one.configured("issuer", json!(town.two.issuer));
    let browser = Browser::at(&town.kuopio);
    sent(&browser, &town.kuopio, "one", &[]).says("Signing in did not work");
}

#[test]
fn what_comes_back_counts_once_and_for_the_browser_that_went() {
    let town = town();
    let (victim, attacker) = (Browser::at(&town.kuopio), Browser::at(&town.kuopio));
    let away = sent(&attacker, &town.kuopio, "one", &[]);
    town.one.tells(&claims(&town, &town.one, &away), &town.one.signer);
    victim.launch(&wish(&town.kuopio, &[]));
    assert_eq!(returns(&victim, "one", &away, None).status(), 400, "logged in as the attacker");
    assert_eq!(returns(&Browser::at(&town.kuopio), "one", &away, None).status(), 400);
    let away = sent(&victim, &town.kuopio, "one", &[]);
    town.one.tells(&claims(&town, &town.one, &away), &town.one.signer);
    let before = victim.cookie.borrow().clone();
    returns(&victim, "one", &away, None).says("signed in as");
    assert_ne!(*victim.cookie.borrow(), before, "a new cookie");
    assert_eq!(returns(&victim, "one", &away, None).status(), 400, "twice");
}

#[test]
fn a_provider_speaks_for_the_organisations_and_roles_it_is_believed_in() {
    let town = town();
    let county = "urn:oid:1.2.246.10.99900139";
    let browser = Browser::at(&town.kuopio);
    let work = [("client_id", "worker-app"), ("scope", "user/*.rs")];
    let away = sent(&browser, &town.kuopio, "one", &work);
    let mut said = claims(&town, &town.one, &away);
    said["directory_id"] = json!("297.prac.social1");
    said["org"] = json!([county, "urn:oid:1.2.246.10.99909002"]);
    said["roles"] = json!(["nurse", "data-protection-officer"]);
    town.one.tells(&said, &town.one.signer);
    let page = returns(&browser, "one", &away, None);
    page.says(&format!("nurse ({county})")).keeps_quiet("officer").keeps_quiet("99909002");
    let more = [("do", "allow"), ("post", "0"), ("purpose", "0")];
    let code = parameter(&browser.answers(&page, &[], &more), "code");
    let token = browser.redeem(&[("code", &code), ("client_id", "worker-app")]);
    assert_eq!(token.json()["scope"], "user/*.rs", "{token:?}");
    assert!(token.json().get("patient").is_none());
}
