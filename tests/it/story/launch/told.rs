//! What an app is told with a token, and what others are told of that token: the same. Numbers are those
//! of `tests/tables/smart.txt`, ids those of the requirement table (AL, IN).

use mylife::domain::theme::Theme::Housing;
use serde_json::Value;

use crate::world::{
    Node, Reply, Terms, World,
    browser::{Browser, parameter, refreshes, wish},
};

const SCOPE: &str = "launch/patient patient/*.rs openid fhirUser offline_access";

fn town() -> (Node, Browser) {
    let world = World::new();
    let kuopio = world.municipality("297");
    kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    let browser = Browser::at(&kuopio);
    (kuopio, browser)
}

fn given(browser: &Browser, node: &Node) -> Reply {
    let page = browser.logs_in(&browser.launch(&wish(node, &[("scope", SCOPE)])), "aino");
    browser.redeem(&[("code", &parameter(&browser.allows(&page), "code"))])
}

#[test]
fn an_app_is_told_with_each_token_what_it_may_and_how_long() {
    // AL-06, AL-07, AL-09; @73-75, @78, @84-89, @110-115, @169
    let (kuopio, browser) = town();
    let first = given(&browser, &kuopio);
    let second = refreshes(&kuopio, first.json(), &[]);
    for reply in [&first, &second] {
        assert_eq!(reply.status(), 200, "{reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("pragma"), Some("no-cache"));
        let told = reply.json();
        let token = told["access_token"].as_str().unwrap();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        assert!(!token.is_empty() && token.bytes().all(fits), "RFC 6750 section 2.1");
        assert_eq!(told["token_type"], "bearer");
        assert_eq!(told["expires_in"], 300);
        assert_eq!(told["scope"], first.json()["scope"]);
        assert!(told["patient"].is_string() && told["refresh_token"].is_string());
    }
    assert_ne!(first.json()["access_token"], second.json()["access_token"]);
    let refused = refreshes(&kuopio, first.json(), &[]);
    assert_eq!((refused.status(), &refused.json()["error"]), (400, &"invalid_grant".into()));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert_eq!(refused.header("pragma"), Some("no-cache"));
    assert!(refused.json().get("access_token").is_none());
}

#[test]
fn an_id_token_is_signed_with_rsa_where_there_is_such_a_key() {
    // @210
    use mylife::authenticate::jose::{key::PublicKey, ring::Ring};
    let (kuopio, browser) = town();
    let told = given(&browser, &kuopio);
    let head = |token: &Value| -> Value {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let head = token.as_str().unwrap().split('.').next().unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap()
    };
    let header = head(&told.json()["id_token"]);
    assert_eq!((&header["alg"], &header["kid"]), (&"RS256".into(), &"identity".into()));
    assert_eq!(head(&told.json()["access_token"])["alg"], "ES256");
    let get = |node: &Node, path: &str| {
        let wire = node.world.actor("north-savo");
        wire.raw(node, http::Method::GET, path, crate::world::actor::Ask::default())
    };
    let keys = get(&kuopio, "/.well-known/jwks.json").json()["keys"].clone();
    let keys: Vec<PublicKey> = serde_json::from_value(keys).unwrap();
    let key = keys.iter().find(|key| key.kid.as_deref() == Some("identity")).unwrap();
    let token = told.json()["id_token"].as_str().unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let decoding = jsonwebtoken::DecodingKey::from_rsa_components(
        key.n.as_deref().unwrap(),
        key.e.as_deref().unwrap(),
    );
    let algorithm = jsonwebtoken::Algorithm::RS256;
    let good =
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &decoding.unwrap(), algorithm);
    assert!(good.unwrap());
    let openid = get(&kuopio, "/.well-known/openid-configuration");
    assert_eq!(
        openid.json()["id_token_signing_alg_values_supported"],
        serde_json::json!(["RS256"])
    );
    // Without such a key nobody is told that SMART's way of it is there.
    let ring = Ring::of(kuopio.identity.signer.clone());
    kuopio.world.ring.replace(Some(ring));
    drop(browser);
    let kuopio = kuopio.restart();
    let smart = get(&kuopio, "/fhir/.well-known/smart-configuration");
    smart.keeps_quiet("sso-openid-connect");
    assert!(smart.json().get("issuer").is_none(), "SD-09");
}

#[test]
fn each_login_permission_and_token_is_an_event_of_iti_71() {
    // IU-09
    use mylife::audit::event::{Observer, audit_event};
    let (kuopio, browser) = town();
    given(&browser, &kuopio);
    browser.redeem(&[("code", "nonsense")]);
    let observer =
        Observer { code: "297", organization: "urn:oid:1.2.246.10.9297", host: "n297.test" };
    let log = kuopio.audit();
    let event = |kind: &str, refused: bool| {
        let is = |entry: &&mylife::audit::record::Entry<'_>| {
            let was = entry.outcome != mylife::audit::record::Outcome::Success;
            entry.types == [kind] && was == refused && entry.caller.client == "my-days"
        };
        let event = audit_event(log.iter().find(is).expect(kind), observer, "297.e1");
        let faults = mylife::fhir::schema::Validator::new().unwrap().faults(&event);
        assert!(faults.is_empty(), "{faults:?} in {event}");
        assert_eq!(event["type"]["code"], "110114", "{kind}");
        event
    };
    let profile = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.IUA.71";
    let token = event("token", false);
    assert_eq!(token["subtype"][0]["code"], "ITI-71");
    assert_eq!(token["meta"]["profile"][0], profile);
    assert_eq!((&token["outcome"], &token["action"]), (&"0".into(), &"E".into()));
    let roles: Vec<&Value> = token["agent"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["type"]["coding"][0]["code"])
        .collect();
    assert_eq!(roles, ["110150", "110152", "IRCP"]);
    assert_eq!(token["entity"].as_array().unwrap().len(), 1);
    let refused = event("token", true);
    assert_eq!((&refused["outcome"], refused.get("meta")), (&"8".into(), None));
    assert_eq!(event("login", false)["subtype"][0]["code"], "110122");
    assert_eq!(event("consent", false)["subtype"][0]["code"], "ITI-71");
}

#[test]
fn introspection_tells_what_the_app_was_told() {
    // IN-02 to IN-04; @273-279
    let (kuopio, browser) = town();
    let told = given(&browser, &kuopio);
    let told = told.json();
    let token = told["access_token"].as_str().unwrap();
    let said = kuopio.world.actor("north-savo").about_token(&kuopio, "/oauth/introspect", token);
    let said = said.json();
    assert_eq!(said["active"], true);
    for member in ["scope", "patient", "need_patient_banner"] {
        assert_eq!(said[member], told[member], "{member}");
    }
    assert_eq!(said["client_id"], "my-days");
    let ends = kuopio.world.now().seconds() + told["expires_in"].as_i64().unwrap();
    assert_eq!(said["exp"], ends);
    let id_token = super::citizen::claims(&told["id_token"]);
    for member in ["iss", "sub"] {
        assert_eq!(said[member], id_token[member], "{member}");
    }
}

#[test]
fn who_logged_in_is_a_resource_that_can_be_read() {
    // @197, @198
    let (kuopio, browser) = town();
    let told = given(&browser, &kuopio);
    let user = super::citizen::claims(&told.json()["id_token"])["fhirUser"].clone();
    let path = user.as_str().unwrap().strip_prefix(&kuopio.identity.url).unwrap().to_owned();
    assert!(path.starts_with("/fhir/Patient/"), "{path}");
    let read = browser.reads(told.json(), &path);
    assert_eq!((read.status(), &read.json()["resourceType"]), (200, &"Patient".into()));
}

#[test]
fn to_write_something_new_by_its_name_takes_the_right_to_update() {
    // SC-02; @123
    let (kuopio, _) = town();
    let aino = kuopio.person("aino");
    let book = kuopio.world.actor("consent-book");
    for (scope, status) in
        [("system/Consent.u", 201), ("system/Consent.c", 403), ("system/Consent.rs", 403)]
    {
        let given = aino.means(Terms::grant_to("urn:oid:1.2.246.10.99900139").themes(&[Housing]));
        let token = book.token(&kuopio, scope);
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = crate::world::actor::Ask {
            headers,
            kind: Some("application/fhir+json"),
            body: given.body("active").to_string().into(),
            ..Default::default()
        };
        let path = crate::world::person::path(given.uuid());
        let written = book.raw(&kuopio, http::Method::PUT, &path, ask);
        assert_eq!(written.status(), status, "{scope}: {written:?}");
    }
}
