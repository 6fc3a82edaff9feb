//! Somebody attacks a gateway by its public wire. Ids are those of `tests/tables/attacks.txt`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{
    Node, Person, Reply, Terms, World,
    actor::Ask,
    browser::{Browser, VERIFIER, encoded, parameter, wish},
    logged::logged,
    person::path,
};

const FORM: &str = "application/x-www-form-urlencoded";
/// Orders of P-256 and P-384.
const ORDERS: [&str; 2] = [
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
];

/// The other signature that the same key gives for the same words: (r, n - s).
fn turned(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let half = bytes.len() / 2;
    let order = ORDERS.iter().find(|order| order.len() == half * 2).unwrap();
    let order = (0..half).map(|at| u8::from_str_radix(&order[at * 2..at * 2 + 2], 16).unwrap());
    let order: Vec<u8> = order.collect();
    let mut borrow = 0;
    for at in (0..half).rev() {
        let less = i16::from(order[at]) - i16::from(bytes[half + at]) - borrow;
        borrow = i16::from(less < 0);
        bytes[half + at] = u8::try_from(less + 256 * borrow).unwrap();
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn proof(form: &str) -> String {
    let mut pairs = form_urlencoded::parse(form.as_bytes());
    pairs.find(|(name, _)| name == "client_assertion").unwrap().1.into_owned()
}

#[test]
fn a_proof_counts_once_however_its_signature_is_written() {
    // AT-16, AT-19
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = world.actor("national-portal");
    let form = portal.token_form(&kuopio, "system/Goal.rs");
    let again = form.replace(&proof(&form), &turned(&proof(&form)));
    assert_ne!(form, again);
    // Both signatures are good; the second way of writing it is believed if it comes first.
    assert_eq!(portal.ask_token(&kuopio, &again).status(), 200);
    for used in [&form, &again] {
        let reply = portal.ask_token(&kuopio, used);
        assert_eq!((reply.status(), &reply.json()["error"]), (401, &"invalid_client".into()));
    }
    let kuopio = kuopio.restart();
    assert_eq!(portal.ask_token(&kuopio, &form).status(), 401, "after a restart");
}

/// aino, whose app asks, and eino, whom the app's own organisation may see and aino may not.
fn neighbours() -> (Node, Person, Person) {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    let eino = kuopio.person("eino").answered([(Housing, 3, 3, "a garden")]);
    let app = kuopio.client("citizen-app");
    let given = eino.means(Terms::grant(&app.actor).themes(&[Housing]));
    let mut body = given.body("active");
    body["provision"]["provision"][0]["purpose"][0]["code"] = json!("PATRQT");
    let desk = world.actor("consent-desk");
    desk.put(&kuopio, &path(given.uuid()), &body, None).accepted();
    app.search("Observation", &eino).shows([Housing]);
    (kuopio, aino, eino)
}

/// Every way of asking about another by a URL: `{o}` is a Patient, `{d}` a document, `{a}` the app's own.
const ASKED: &[&str] = &[
    "/fhir/Observation?patient={o}",
    "/fhir/Observation?patient={a},{o}",
    "/fhir/Observation?patient={a}&patient={o}",
    "/fhir/Observation?patient={o}&patient={a}",
    "/fhir/Observation?patient:not={a}",
    "/fhir/Observation?patient:missing=true",
    "/fhir/Observation?patient:missing=false",
    "/fhir/Observation?patient=Patient/{o}",
    "/fhir/Observation?patient:Patient={o}",
    "/fhir/Observation?patient=https%3A%2F%2F127.0.0.1%2Ffhir%2FPatient%2F{o}",
    "/fhir/Observation?patient=https%3A%2F%2Fother.example%2Ffhir%2FPatient%2F{o}",
    "/fhir/Observation?patient=urn:uuid:{o}",
    "/fhir/Observation?subject={o}",
    "/fhir/Observation?subject:Patient={o}",
    "/fhir/Observation?subject:Patient._id={o}",
    "/fhir/Observation?patient._id={o}",
    "/fhir/Observation?PATIENT={o}&patient={a}",
    "/fhir/Observation?patient%00={o}&patient={a}",
    "/fhir/Observation?_id={d}.ho.s",
    "/fhir/Observation?_id={d}.ho.s&patient={a}",
    "/fhir/Observation?derived-from=QuestionnaireResponse/{d}",
    "/fhir/Observation?_has:Provenance:target:patient={o}",
    "/fhir/Observation?patient={o}&_summary=count",
    "/fhir/Observation?patient={o}&_total=accurate&_count=0",
    "/fhir/Observation?patient={o}&_include=*",
    "/fhir/Observation?patient={a}&_include=Observation:subject&_include:iterate=*",
    "/fhir/Patient?_id={o}",
    "/fhir/Patient?_id={a},{o}",
    "/fhir/Patient?_id={o}&_revinclude=Observation:patient",
    "/fhir/Patient?_has:Observation:patient:_id={d}.ho.s",
    "/fhir/Patient/{o}",
    "/fhir/Patient/{o}/Observation",
    "/fhir/Patient/{o}/Observation?patient={a}",
    "/fhir/Patient/{o}/_history",
    "/fhir/Patient/{o}/$everything",
    "/fhir/Patient/{o}/$circle-of-life",
    "/fhir/Patient/{o}/$collective-plan",
    "/fhir/Measure/wellbeing/$evaluate-measure?periodStart=2025&periodEnd=2025&subject=Patient/{o}",
    "/fhir/QuestionnaireResponse/{d}",
    "/fhir/QuestionnaireResponse/{d}?patient={a}",
    "/fhir/QuestionnaireResponse/{d}/_history",
    "/fhir/QuestionnaireResponse/{d}/_history/1",
    "/fhir/QuestionnaireResponse/{d}/$circle-of-life",
    "/fhir/QuestionnaireResponse/{d}/$extract",
    "/fhir/QuestionnaireResponse/_history?patient={o}",
    "/fhir/Provenance?target=QuestionnaireResponse/{d}",
    "/fhir/Consent?patient={o}",
    "/fhir/AuditEvent?patient={o}",
];

/// What bears a token.
fn bearing<'a>(node: &'a Node, token: &Value) -> Ask<'a> {
    let token = token["access_token"].as_str().unwrap();
    let headers = vec![("authorization", format!("Bearer {token}"))];
    Ask { headers, nodes: Some(node.code()), ..Ask::default() }
}

#[test]
fn an_app_of_one_person_finds_nothing_of_another() {
    // AK-02, AK-03, AK-18, AK-20, AK-30
    let (kuopio, aino, eino) = neighbours();
    let browser = Browser::at(&kuopio);
    let token = browser.tokens("aino", "launch/patient patient/*.rs");
    let nobody = ["297.aaaaaaaaaaaaaaaaaaaaaaaaaa", "297.bbbbbbbbbbbbbbbbbbbbbbbbbb"];
    let document = eino.document(0);
    let others = [eino.patient(), &document];
    let wire = kuopio.world.actor("north-savo");
    // Of somebody who is there and of somebody who is not: the same bytes, but for the name that was asked.
    let alike = |what: &str, ask: &dyn Fn([&str; 2]) -> Reply| {
        let plain = |who: [&str; 2]| {
            let (status, headers, body) = ask(who).bytes();
            (status, headers, body.replace(who[0], "{o}").replace(who[1], "{d}"))
        };
        let (there, nowhere) = (plain(others), plain(nobody));
        assert_eq!(there, nowhere, "{what}");
        assert!(!there.2.contains("garden") && !there.2.contains("eino"), "{what}: {there:?}");
    };
    let filled = |text: &str, [o, d]: [&str; 2]| {
        text.replace("{o}", o).replace("{d}", d).replace("{a}", aino.patient())
    };
    for template in ASKED {
        alike(template, &|who| {
            wire.raw(&kuopio, Method::GET, &filled(template, who), bearing(&kuopio, &token))
        });
        let entry = |who: [&str; 2]| json!({ "request": { "method": "GET", "url": filled(&template[6..], who) } });
        alike(template, &|who| {
            let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [entry(who)] });
            let ask = bearing(&kuopio, &token);
            let kind = Some("application/fhir+json");
            wire.raw(
                &kuopio,
                Method::POST,
                "/fhir",
                Ask { kind, body: batch.to_string().into(), ..ask },
            )
        });
    }
    // By a form, and by a form beside a URL.
    let forms = [
        ("/fhir/Observation/_search", "patient={o}"),
        ("/fhir/Observation/_search?patient={a}", "patient={o}"),
        ("/fhir/Observation/_search?patient={o}", "patient={a}"),
        ("/fhir/Observation/_search", "patient={a}&_method=DELETE"),
        ("/fhir/Observation/_search", "patient={a}%26patient={o}"),
        ("/fhir/Observation/_search", "patient={a};patient={o}"),
        ("/fhir/Patient/{o}/Observation/_search", ""),
        ("/fhir/Patient/{o}/Observation/_search", "patient={a}"),
        ("/fhir/Patient/_search", "name=eino"),
        ("/fhir/Patient/{o}/$handles", ""),
        ("/fhir/Patient/{o}/$explain", ""),
    ];
    for (address, form) in forms {
        alike(&format!("{address} {form}"), &|who| {
            let body = filled(form, who).into();
            let ask = Ask { kind: Some(FORM), body, ..bearing(&kuopio, &token) };
            wire.raw(&kuopio, Method::POST, &filled(address, who), ask)
        });
    }
    let by_code = |code: &str| {
        let form = encoded(&[("patient.identifier", &format!("urn:oid:1.2.246.21|{code}"))]);
        let ask = Ask { kind: Some(FORM), body: form.into(), ..bearing(&kuopio, &token) };
        let reply = wire.raw(&kuopio, Method::POST, "/fhir/Observation/_search", ask);
        reply.matches().len()
    };
    assert_eq!((by_code(eino.code()), by_code(aino.code()) > 0), (0, true));
}

#[test]
fn what_is_about_somebody_is_kept_by_nobody_on_the_way() {
    // AH-29, AH-32
    let (kuopio, aino, _) = neighbours();
    let browser = Browser::at(&kuopio);
    let token = browser.tokens("aino", "launch/patient patient/*.rs");
    let paths = [
        format!("/fhir/Observation?patient={}", aino.patient()),
        format!("/fhir/Patient/{}", aino.patient()),
        format!("/fhir/Patient/{}/$everything", aino.patient()),
        "/fhir/Patient/297.nobody".to_owned(),
        "/nowhere".to_owned(),
    ];
    for path in paths {
        let reply = browser.reads(&token, &path);
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        let vary = reply.header("vary").unwrap();
        for name in ["Authorization", "Accept", "Prefer", "Origin"] {
            assert!(vary.contains(name), "{path}: {vary}");
        }
    }
}

#[test]
fn no_secret_stands_in_the_log() {
    // AT-39
    let (kuopio, aino, _) = neighbours();
    let browser = Browser::at(&kuopio);
    let wire = kuopio.world.actor("national-portal");
    let (secrets, log) = logged("mylife", || {
        let scope = "launch/patient patient/*.rs openid offline_access";
        let page = browser.launch(&wish(&kuopio, &[("scope", scope)]));
        let page = browser.logs_in(&page, "aino");
        let code = parameter(&browser.allows(&page), "code");
        let told = browser.redeem(&[("code", &code)]).json().clone();
        let of = |name: &str| told[name].as_str().unwrap().to_owned();
        browser.reads(&told, &format!("/fhir/Observation?patient={}", aino.patient()));
        let form = wire.token_form(&kuopio, "system/Goal.rs");
        let system =
            wire.ask_token(&kuopio, &form).json()["access_token"].as_str().unwrap().to_owned();
        // Used again, malformed, foreign: refusals have causes.
        wire.ask_token(&kuopio, &form);
        browser.redeem(&[("code", &code)]);
        let refresh = of("refresh_token");
        browser.redeem(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]);
        browser.reads(&told, "/fhir/Patient");
        let headers = vec![("authorization", format!("Bearer {}x", of("access_token")))];
        wire.raw(&kuopio, Method::GET, "/fhir/Patient", Ask { headers, ..Ask::default() });
        wire.about_token(&kuopio, "/oauth/revoke", &system);
        wire.about_token(&kuopio, "/oauth/introspect", &system);
        let cookie = browser.cookie.borrow().clone().unwrap();
        let cookie = cookie.split('=').nth(1).unwrap().to_owned();
        let own = [code, cookie, proof(&form), system, VERIFIER.to_owned(), aino.code().to_owned()];
        let told = ["access_token", "refresh_token", "id_token"].map(of);
        [own.to_vec(), told.to_vec()].concat()
    });
    assert!(log.lines().count() >= 5, "something was logged: {log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret}");
        let signature = secret.rsplit('.').next().unwrap().to_owned();
        assert!(!log.contains(&signature), "the end of {secret}");
    }
    for name in ["a home", aino.patient()] {
        assert!(!log.contains(name), "{name} in {log}");
    }
    // As a word: the ids of requests are letters by chance.
    let mut words = log.split(|c: char| !c.is_alphanumeric());
    assert!(!words.any(|word| word == "aino"), "{log}");
}

#[test]
fn nobody_writes_a_line_of_the_log() {
    // AT-38
    let world = World::new();
    let kuopio = world.municipality("297");
    let wire = world.actor("national-portal");
    let nasty = ["x\",\"level\":\"forged", "\u{1b}[31mforged", "forged\\n", "forged%0d%0aforged"];
    let ((), log) = logged("mylife", || {
        for text in nasty {
            let ids = vec![
                ("x-request-id", text.replace('\u{1b}', "\t")),
                ("user-agent", text.replace('\u{1b}', "\t")),
            ];
            let ask = Ask { headers: ids, ..Ask::default() };
            let reply = wire.raw(&kuopio, Method::GET, "/fhir/Patient", ask);
            assert!(!reply.header("x-request-id").unwrap().contains("forged"));
            let form = encoded(&[("client_id", text), ("grant_type", text), ("scope", text)]);
            wire.ask_token(&kuopio, &form);
            let browser = Browser::at(&kuopio);
            browser.launch(&wish(&kuopio, &[("client_id", text)]));
            browser.launch(&wish(&kuopio, &[("scope", text), ("state", text)]));
        }
    });
    assert!(!log.contains("forged"), "{log}");
    for line in log.lines() {
        serde_json::from_str::<Value>(line).expect(line);
    }
}
