//! Somebody wants in who should not. Ids are those of the attack table (AT) and the requirements (AL).

use mylife::domain::theme::Theme::Housing;

use crate::world::{
    Node, Reply, World,
    browser::{BACK, Browser, VERIFIER, challenge, encoded, parameter, wish},
};

fn town() -> Node {
    let world = World::new();
    let kuopio = world.municipality("297");
    kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    kuopio
}

/// A code of aino's, for the app of the stories.
fn code(browser: &Browser, node: &Node, changes: &[(&'static str, &str)]) -> String {
    let page = browser.logs_in(&browser.launch(&wish(node, changes)), "aino");
    parameter(&browser.allows(&page), "code")
}

/// What is wrong, what is sent, and the error.
type Row<'a> = (&'static str, &'a [(&'a str, &'a str)], &'static str);

fn refused(reply: &Reply, error: &str) {
    assert_eq!((reply.status(), &reply.json()["error"]), (400, &error.into()), "{reply:?}");
}

#[test]
fn only_a_challenge_by_sha_256_will_do() {
    // AL-01
    let kuopio = town();
    let browser = Browser::at(&kuopio);
    let rows = [
        [("code_challenge", "-"), ("code_challenge_method", "-")],
        [("code_challenge", "-"), ("code_challenge_method", "S256")],
        [("code_challenge", &VERIFIER[..43]), ("code_challenge_method", "plain")],
        [("code_challenge", &VERIFIER[..43]), ("code_challenge_method", "-")],
        [("code_challenge", "short"), ("code_challenge_method", "S256")],
    ];
    for row in rows {
        let sent = browser.launch(&wish(&kuopio, &row));
        assert_eq!(
            (sent.status(), &*parameter(&sent, "error")),
            (303, "invalid_request"),
            "{row:?}"
        );
        assert_eq!(parameter(&sent, "state"), "a state & more", "AL-04");
        assert_eq!(parameter(&sent, "iss"), kuopio.identity.url);
    }
}

#[test]
fn a_code_is_worth_nothing_to_who_only_saw_it_pass() {
    // AL-01, AT-27
    let kuopio = town();
    let browser = Browser::at(&kuopio);
    let hash = challenge(VERIFIER);
    let long = format!("{VERIFIER}{}", "x".repeat(100));
    let rows: [Row<'_>; 8] = [
        ("no verifier", &[("code_verifier", "-")], "invalid_grant"),
        ("the challenge itself", &[("code_verifier", &hash)], "invalid_grant"),
        ("another verifier", &[("code_verifier", &long)], "invalid_grant"),
        ("another redirect", &[("redirect_uri", "https://app.example/back/")], "invalid_grant"),
        ("no redirect", &[("redirect_uri", "-")], "invalid_grant"),
        ("another client", &[("client_id", "their-days")], "invalid_grant"),
        ("a client with keys", &[("client_id", "north-savo")], "invalid_client"),
        ("nobody", &[("client_id", "-")], "invalid_client"),
    ];
    for (name, changes, error) in rows {
        let code = code(&browser, &kuopio, &[("prompt", "login")]);
        let changes = [&[("code", code.as_str())], changes].concat();
        let reply = browser.redeem(&changes);
        assert_eq!(reply.json()["error"], error, "{name}: {reply:?}");
        assert!(reply.json().get("access_token").is_none(), "{name}");
    }
}

#[test]
fn a_code_that_comes_twice_ends_what_came_of_it() {
    // AL-05
    let kuopio = town();
    let browser = Browser::at(&kuopio);
    let code = code(&browser, &kuopio, &[]);
    let first = browser.redeem(&[("code", &code)]);
    assert_eq!(browser.reads(first.json(), "/fhir/Organization").status(), 200);
    refused(&browser.redeem(&[("code", &code)]), "invalid_grant");
    browser.reads(first.json(), "/fhir/Organization").refused(401, "login");
    let kuopio = {
        drop(browser);
        kuopio.restart()
    };
    Browser::at(&kuopio).reads(first.json(), "/fhir/Organization").refused(401, "login");
}

#[test]
fn a_code_is_good_for_a_minute() {
    let kuopio = town();
    let browser = Browser::at(&kuopio);
    let code = code(&browser, &kuopio, &[]);
    kuopio.world.pass(std::time::Duration::from_mins(1));
    refused(&browser.redeem(&[("code", &code)]), "invalid_grant");
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_registered() {
    // AL-03, AT-36
    let kuopio = town();
    let browser = Browser::at(&kuopio);
    let rows = [
        "https://evil.example/back",
        "https://app.example.evil.example/back",
        "https://app.example@evil.example/back",
        "https://app.example/back#x",
        "https://app.example/back?x=1",
        "https://app.example/back/",
        "https://app.example/back/../x",
        "https://app.example/%62ack",
        "https://app.example/BACK",
        "https://APP.example/back",
        "http://app.example/back",
        "//app.example/back",
        "javascript:alert(1)",
        " https://app.example/back",
        "",
    ];
    for uri in rows {
        let page = browser.launch(&wish(&kuopio, &[("redirect_uri", uri)]));
        assert_eq!((page.status(), page.header("location")), (400, None), "{uri}");
        page.keeps_quiet("evil");
    }
    let page = browser.launch(&wish(&kuopio, &[("client_id", "nobody")]));
    assert_eq!((page.status(), page.header("location")), (400, None));
    // Twice the same name has two readers.
    let two = format!(
        "/oauth/authorize?{}&redirect_uri=https%3A%2F%2Fevil.example",
        encoded(&wish(&kuopio, &[]))
    );
    let page = browser.get(&two);
    assert_eq!((page.status(), page.header("location")), (400, None));
}

#[test]
fn a_request_that_cannot_be_granted_goes_back_to_the_app() {
    // AL-03, AL-04
    let kuopio = town();
    let browser = Browser::at(&kuopio);
    let rows = [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "-", "invalid_request"),
        ("state", "-", "invalid_request"),
        ("aud", "https://elsewhere.example/fhir", "invalid_request"),
        ("aud", "-", "invalid_request"),
        ("scope", "system/*.rs", "invalid_scope"),
        ("scope", "user/*.rs", "invalid_scope"),
        ("scope", "-", "invalid_scope"),
        ("request", "x.y.z", "request_not_supported"),
        ("request_uri", "https://app.example/r", "request_uri_not_supported"),
        ("response_mode", "fragment", "invalid_request"),
    ];
    for (name, value, error) in rows {
        let sent = browser.launch(&wish(&kuopio, &[(name, value)]));
        assert_eq!((sent.status(), &*parameter(&sent, "error")), (303, error), "{name}={value}");
        assert!(sent.header("location").unwrap().starts_with(BACK));
        let state = if name == "state" { "" } else { "a state & more" };
        assert_eq!(parameter(&sent, "state"), state);
    }
    // AL-02: a form says what a URL says.
    let posted = browser.post("/oauth/authorize", &wish(&kuopio, &[]));
    posted.says("Sign in");
}

#[test]
fn a_page_is_sent_by_the_browser_it_was_made_for_and_once() {
    // AT-36: CSRF
    let kuopio = town();
    let (victim, attacker) = (Browser::at(&kuopio), Browser::at(&kuopio));
    let page = victim.logs_in(&victim.launch(&wish(&kuopio, &[])), "aino");
    let own = attacker.logs_in(&attacker.launch(&wish(&kuopio, &[])), "eino");
    // The attacker's page from the victim's browser, with the victim's cookie.
    let crossed = victim.allows(&own);
    assert_eq!((crossed.status(), crossed.header("location")), (400, None), "{crossed:?}");
    let none = victim.post("/oauth/consent", &[("do", "allow"), ("whose", "own"), ("scope0", "1")]);
    assert_eq!((none.status(), none.header("location")), (400, None));
    // A login that somebody else began.
    let begun = attacker.launch(&wish(&kuopio, &[("prompt", "login")]));
    let crossed = victim.logs_in(&begun, "eino");
    assert_eq!(crossed.status(), 400);
    assert_eq!(victim.allows(&page).status(), 303);
    assert_eq!(victim.allows(&page).status(), 400, "twice");
}

#[test]
fn a_cookie_planted_before_the_login_is_worth_nothing_after_it() {
    // Session fixation.
    let kuopio = town();
    let (victim, attacker) = (Browser::at(&kuopio), Browser::at(&kuopio));
    attacker.launch(&wish(&kuopio, &[]));
    let planted = attacker.cookie.borrow().clone();
    *victim.cookie.borrow_mut() = planted.clone();
    let page = victim.logs_in(&victim.launch(&wish(&kuopio, &[])), "aino");
    assert_ne!(*victim.cookie.borrow(), planted);
    page.says("signed in as aino");
    attacker.launch(&wish(&kuopio, &[])).keeps_quiet("signed in as");
    let stolen = attacker.allows(&page);
    assert_eq!((stolen.status(), stolen.header("location")), (400, None));
}

#[test]
fn no_page_runs_scripts_is_framed_or_is_kept() {
    // AL-15, AT-36
    let kuopio = town();
    let browser = Browser::at(&kuopio);
    let login = browser.launch(&wish(&kuopio, &[]));
    let consent = browser.logs_in(&login, "aino");
    let unknown = browser.launch(&wish(&kuopio, &[("client_id", "<script>")]));
    for page in [&login, &consent, &unknown] {
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("access-control-allow-origin"), None, "AL-15");
        page.keeps_quiet("<script").keeps_quiet("My <Days>");
    }
    let policy = consent.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
    let sent = browser.allows(&consent);
    assert_eq!(sent.status(), 303, "AL-14");
    assert_eq!(sent.header("cache-control"), Some("no-store"));
}
