//! Clients that publish their keys: what is fetched, from where, how often, and for how long it counts.
//! Ids are those of the requirement and attack tables.

mod algorithms;
mod host;

use std::{net::Ipv4Addr, time::Duration};

use http::StatusCode;
use mylife::{
    authenticate::{jose::address::KeyAddress, registry::Registry},
    oauth::keys::{LONGEST, PAUSE, guard::is_public},
    transport::Authority,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::host::{HOST, REFUSED, Says, Scene, URL, seconds};
use super::{
    asking::{assertion, claims, entry},
    signed::{ES256, ES384, OTHER, RS384, header, jwks, sign, with},
};

#[tokio::test]
async fn a_client_may_publish_its_keys_in_place_of_registering_them() {
    // PK-01, PK-07, PK-08, @296, @338, @339
    let scene = Scene::new();
    assert!(scene.believes(&ES384, seconds(0)).await, "ES384");
    assert!(scene.believes(&RS384, seconds(0)).await, "RS384");
    let head = with(header(&ES384, "JWT"), &json!({"jku": URL}));
    let answered = scene.ask(&sign(&ES384, &head, &claims("jku")), seconds(0)).await;
    assert_eq!(answered.response.status(), StatusCode::OK, "PK-07 the registered jku");
    assert!(!scene.believes(&OTHER, seconds(0)).await, "a key that is not published");
    let asked = scene.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "@342: it is kept");
    assert!(asked[0].starts_with("GET /jwks.json HTTP/1.1\r\nhost: keys.example:443\r\n"));
    assert!(!asked[0].contains("authorization") && !asked[0].contains("cookie"));
    let reached = scene.net.reached.lock().unwrap().clone();
    assert_eq!(reached, [Authority::new("127.0.0.1", 443)], "by the address that was looked at");
    assert_eq!(*scene.net.looked_up.lock().unwrap(), 1, "one look-up");
}

#[tokio::test(start_paused = true)]
async fn whatever_a_host_says_instead_is_refused_with_the_same_bytes() {
    // PK-11, PK-14, AT-18, BS-07, @340
    let good = || Says::set(&jwks(&[&ES384]));
    let key = jwks(&[&ES384])["keys"][0].clone();
    let keys = |keys: Vec<Value>| Says::set(&json!({ "keys": keys }));
    let named = |n: usize| with(key.clone(), &json!({"kid": format!("k{n}")}));
    let padded = json!({"keys": [key], "pad": "x".repeat(64 * 1024)});
    let rows = [
        ("absent", Says { status: "404 Not Found", ..good() }),
        ("created", Says { status: "201 Created", ..good() }),
        (
            "elsewhere",
            Says { status: "302 Found", ..good() }.headers(
                "content-type: application/json\r\nlocation: https://keys.example/jwks.json",
            ),
        ),
        ("for good elsewhere", Says { status: "308 Permanent Redirect", ..good() }),
        ("a page", good().headers("content-type: text/html")),
        ("no type", good().headers("x-a: b")),
        ("two types", good().headers("content-type: application/json\r\ncontent-type: text/html")),
        ("compressed", good().headers("content-type: application/json\r\ncontent-encoding: gzip")),
        ("too large", Says::set(&padded)),
        ("too large a head", good().headers(&format!("x-a: {}", "a".repeat(20_000)))),
        ("no JSON", Says { body: "keys".to_owned(), ..good() }),
        ("no set", Says::set(&json!([key]))),
        ("no keys", keys(Vec::new())),
        ("21 keys", keys((0..20).map(named).chain([key.clone()]).collect())),
        ("a private key", keys(vec![key.clone(), with(named(1), &json!({"d": "AAAA"}))])),
        (
            "a symmetric key",
            keys(vec![key.clone(), json!({"kty": "oct", "kid": "a", "k": "AAAA"})]),
        ),
        ("a kid twice", keys(vec![key.clone(), key.clone()])),
        ("for encryption", keys(vec![with(key.clone(), &json!({"use": "enc"}))])),
        ("another's", Says::set(&jwks(&[&OTHER]))),
        ("nothing", Says { hangs: true, ..good() }),
    ];
    for (name, says) in rows {
        let scene = Scene::new();
        scene.say(says);
        assert!(!scene.believes(&ES384, seconds(0)).await, "{name}");
        assert_eq!(scene.fetches(), 1, "{name}: asked once, and nobody else");
        scene.say(good());
        assert!(scene.believes(&ES384, PAUSE).await, "{name}: and later it is right again");
    }
}

#[tokio::test]
async fn a_host_with_keys_of_other_kinds_has_those_that_count() {
    let scene = Scene::new();
    let mut keys = jwks(&[&ES384])["keys"].as_array().unwrap().clone();
    keys.extend([
        json!({"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": "AAAA"}),
        json!({"kty": "EC", "crv": "P-384"}),
        json!(7),
    ]);
    scene
        .say(Says::set(&json!({ "keys": keys })).headers("content-type: application/jwk-set+json"));
    assert!(scene.believes(&ES384, seconds(0)).await);
}

#[tokio::test]
async fn nobody_is_asked_for_what_cannot_be_right() {
    // AT-06, PK-07: zero outbound packets.
    let scene = Scene::new();
    let rows = [
        json!({"jku": "https://other.example/jwks.json"}),
        json!({"jku": "http://169.254.169.254/"}),
        json!({"jku": "https://keys.example/jwks.json "}),
        json!({"jku": "https://KEYS.example/jwks.json"}),
        json!({"jku": 7}),
        json!({"jku": [URL]}),
        json!({"jku": URL, "x5u": URL}),
        json!({"x5u": URL}),
        json!({"kid": null}),
        json!({"kid": 7}),
        json!({"kid": "k".repeat(256)}),
        json!({"alg": "none"}),
        json!({"alg": "HS384"}),
    ];
    for change in rows {
        let head = with(header(&ES384, "JWT"), &change);
        let answered = scene.ask(&sign(&ES384, &head, &claims("x")), seconds(0)).await;
        assert_eq!(answered.response.body(), REFUSED, "{change}");
    }
    let stranger = with(claims("x"), &json!({"iss": "nobody", "sub": "nobody"}));
    let answered = scene.ask(&sign(&ES384, &header(&ES384, "JWT"), &stranger), seconds(0)).await;
    assert_eq!(answered.response.body(), REFUSED);
    assert_eq!(*scene.net.looked_up.lock().unwrap(), 0);
    assert_eq!(scene.net.reached.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    // PK-11, AT-06
    let inside = [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
    ];
    let public =
        ["192.0.1.1", "172.32.0.1", "100.128.0.1", "8.8.8.8", "2a00:1450::1", "2606:4700::1"];
    for (addresses, expected) in [(&inside[..], false), (&public[..], true)] {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }
    for addresses in
        [vec!["127.0.0.1"], vec!["8.8.8.8", "10.0.0.1"], vec!["::ffff:10.0.0.1"], vec![]]
    {
        let scene = Scene::with(&json!({}), false);
        let found = addresses.iter().map(|a| a.parse().unwrap()).collect();
        scene.net.names.lock().unwrap().insert(HOST.to_owned(), found);
        assert!(!scene.believes(&ES384, seconds(0)).await);
        assert_eq!(scene.net.reached.lock().unwrap().len(), 0, "{addresses:?}");
    }
    // A public one is reached, and must then show a certificate of a public authority.
    let scene = Scene::with(&json!({}), false);
    scene.net.names.lock().unwrap().insert(HOST.to_owned(), vec!["8.8.8.8".parse().unwrap()]);
    assert!(!scene.believes(&ES384, seconds(0)).await);
    assert_eq!(*scene.net.reached.lock().unwrap(), [Authority::new("8.8.8.8", 443)]);
    assert_eq!(scene.fetches(), 0, "nothing was said to whom nobody vouches for");
    // A port that is not named is not asked, wherever it leads.
    let elsewhere = json!({"jwks_uri": "https://keys.example:8443/jwks.json"});
    let scene = Scene::with(&elsewhere, true);
    assert!(!scene.believes(&ES384, seconds(0)).await);
    assert_eq!(*scene.net.looked_up.lock().unwrap(), 0);
    // A host that shows another's certificate.
    let other = json!({"jwks_uri": "https://127.0.0.1/jwks.json"});
    let scene = Scene::with(&other, true);
    assert!(!scene.believes(&ES384, seconds(0)).await);
    assert_eq!(scene.fetches(), 0);
}

proptest! {
    #[test]
    fn an_address_that_holds_an_inner_one_is_no_more_public(ip in any::<u32>()) {
        let v4 = Ipv4Addr::from(ip);
        prop_assert_eq!(is_public(v4.into()), is_public(v4.to_ipv6_mapped().into()));
        prop_assert!(!is_public(v4.to_ipv6_compatible().into()) || is_public(v4.into()));
    }
}

#[tokio::test]
async fn a_set_counts_for_as_long_as_its_owner_says() {
    // PK-09, @341, @342
    let none = "content-type: application/json";
    let rows: [(&str, u64); 12] = [
        ("cache-control: max-age=1", 1),
        ("cache-control: public, MAX-AGE=60", 60),
        ("cache-control: max-age=\"60\"", 60),
        ("cache-control: max-age=60, max-age=9", 9),
        ("cache-control: max-age=60\r\ncache-control: no-cache", 1),
        ("cache-control: no-store", 1),
        ("cache-control: max-age=0", 1),
        ("cache-control: max-age=-5", 1),
        ("cache-control: max-age=soon", 1),
        ("cache-control: max-age=60\r\nage: 51", 9),
        ("cache-control: max-age=999999999", LONGEST.as_secs()),
        ("cache-control: private", 300),
    ];
    for (said, life) in rows {
        let scene = Scene::new();
        scene.say(Says::set(&jwks(&[&ES384])).headers(&format!("{none}\r\n{said}")));
        assert!(scene.believes(&ES384, seconds(0)).await, "{said}");
        // The client's key is another now, and its host is slow to say so: it is down.
        scene.say(Says { status: "500 Oops", ..Says::set(&json!({})) });
        let last = seconds(life).saturating_sub(Duration::from_millis(1));
        assert!(scene.believes(&ES384, last).await, "{said}: to the end");
        assert!(!scene.believes(&ES384, seconds(life)).await, "{said}: and no longer");
    }
}

#[tokio::test]
async fn a_key_that_is_taken_away_is_gone_in_time_and_its_successor_is_met_at_once() {
    // PK-09, PK-10
    let scene = Scene::new();
    scene.say(Says::set(&jwks(&[&ES384])).kept("max-age=100"));
    assert!(scene.believes(&ES384, seconds(0)).await);
    scene.say(Says::set(&jwks(&[&OTHER])).kept("max-age=100"));
    assert!(scene.believes(&ES384, seconds(49)).await, "kept");
    assert!(
        !scene.believes(&ES384, seconds(50)).await,
        "at half of its life it is asked for again"
    );
    assert!(scene.believes(&OTHER, seconds(51)).await);
    assert_eq!(scene.fetches(), 2);
    // One of a new name is looked for, long before that.
    scene.say(Says::set(&jwks(&[&OTHER, &RS384])).kept("max-age=100"));
    assert!(scene.believes(&RS384, seconds(51) + PAUSE).await);
    assert_eq!(scene.fetches(), 3);
}

#[tokio::test]
async fn nobody_makes_the_gateway_ask_often() {
    // PK-10
    let scene = Scene::new();
    assert!(scene.believes(&ES384, seconds(0)).await);
    let unknown = |n: u64| {
        let head = with(header(&ES384, "JWT"), &json!({"kid": format!("unknown-{n}")}));
        sign(&ES384, &head, &claims("x"))
    };
    for n in 0..100 {
        let after = Duration::from_millis(n * 100);
        let answered = scene.ask(&unknown(n), after).await;
        assert_eq!(answered.response.body(), REFUSED);
    }
    assert_eq!(scene.fetches(), 1, "not within the pause after the first");
    scene.ask(&unknown(1), PAUSE).await;
    scene.ask(&unknown(2), PAUSE).await;
    assert_eq!(scene.fetches(), 2);
    // The same of a host that is down, known keys or not.
    let scene = Scene::new();
    scene.say(Says { status: "503 Down", ..Says::set(&json!({})) });
    for n in 0..50 {
        assert!(!scene.believes(&ES384, Duration::from_millis(n * 190)).await);
    }
    assert_eq!(scene.fetches(), 1);
}

#[tokio::test]
async fn many_who_need_the_same_keys_wait_for_one_answer() {
    let scene = Scene::new();
    let one = || scene.believes(&ES384, seconds(0));
    let all = tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
    assert_eq!(all, (true, true, true, true, true, true, true, true));
    assert_eq!(scene.fetches(), 1);
}

#[tokio::test]
async fn who_hangs_up_leaves_no_question_half_asked() {
    let scene = Scene::new();
    {
        let proof = assertion("gone", &json!({}));
        let mut asking = std::pin::pin!(scene.ask(&proof, seconds(0)));
        assert!(polled(asking.as_mut()).await, "it is under way");
    }
    assert!(scene.believes(&ES384, seconds(0)).await);
    assert_eq!(scene.fetches(), 1);
}

/// Polls once; is it still under way?
async fn polled<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
    })
    .await
}

#[test]
fn an_address_of_keys_is_a_plain_https_url() {
    let good = [
        (URL, "keys.example:443", "/jwks.json"),
        ("https://Keys.example:8443/a?b=c", "keys.example:8443", "/a?b=c"),
        ("https://keys.example", "keys.example:443", "/"),
        ("https://[2a00::1]/k", "[2a00::1]:443", "/k"),
    ];
    for (url, authority, target) in good {
        let address = KeyAddress::parse(url).expect(url);
        assert_eq!(address.authority().to_string(), authority);
        assert_eq!((&**address.url(), address.target()), (url, target));
    }
    let long = format!("https://keys.example/{}", "a".repeat(1024));
    let bad = [
        "http://keys.example/k",
        "ftp://keys.example/k",
        "file:///etc/passwd",
        "keys.example/k",
        "https://",
        "https:///k",
        "https://u@keys.example/k",
        "https://u:p@keys.example/k",
        "https://keys.example/k#1",
        "https://keys.example/ k",
        "https://keys.example:0/k",
        "https://keys.example:/k",
        "https://keys.example:99999/k",
        "https://keys.example\\@x/k",
        "https://ke\u{e4}.example/k",
        "",
        &long,
    ];
    for url in bad {
        assert!(KeyAddress::parse(url).is_none(), "{url}");
    }
}

#[test]
fn keys_are_registered_in_one_way() {
    let set = jwks(&[&ES256]);
    let rows = [
        ("both", json!({"jwks_uri": URL}), false),
        ("none", json!({"jwks": null}), false),
        (
            "an address that is none",
            json!({"jwks": null, "jwks_uri": "http://keys.example"}),
            false,
        ),
        ("an address", json!({"jwks": null, "jwks_uri": URL}), true),
        ("algorithms of the keys", json!({"jwks": set, "algorithms": ["ES256"]}), true),
        ("others", json!({"jwks": set, "algorithms": ["ES384", "RS384"]}), false),
    ];
    for (name, changes, fits) in rows {
        assert_eq!(Registry::build(vec![entry(&changes)]).is_ok(), fits, "{name}");
    }
}
