//! An operator asks what a request was told and why, and reviews what was told by a declared ground.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use mylife::{
    authenticate::jose::{TokenKind, claims::Registered, sign::Signer},
    cli::exit::Exit,
    clock::Clock,
    config,
    gateway::Gateway,
    listen::{Answer, Incoming, body::BodyReader},
};
use serde_json::{Value, json};

use super::{
    super::config::{Dir, around, run},
    documents, town,
};

const COUNTY: &str = "urn:oid:1.2.246.10.99900139";
const LAW: &str = r#"
[law]
officer_roles = ["officer"]
[[law.grounds]]
id = "study"
purposes = ["HRESCH"]
themes = ["housing"]
reference = { fi = "laki", sv = "lag", en = "act" }
[[law.grounds]]
id = "rescue"
roles = ["nurse"]
purposes = ["ETREAT"]
classes = "*"
emergency = true
overrides_prohibition = true
reviewer = "officer"
reference = { fi = "pelastuslaki", sv = "lag", en = "act" }
"#;

/// A gateway with people, a law table and a ward that may declare an emergency; `set` says where it keeps
/// what it has.
fn hospital(dir: &Dir, set: &[&str]) -> String {
    let path = town(dir, 8443);
    let key = dir.path().join("ward.jwk").display().to_string();
    let (_, jwks, _) = run(&around(), &["pki", "client", &key]);
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(LAW);
    let ward = format!(
        "\n[[clients]]\nclient_id = \"ward\"\nname = \"Ward\"\norganization = \"{COUNTY}\"\nroles = \
         [\"nurse\"]\nscopes = [\"system/*.rs\"]\npurposes = [\"ETREAT\", \"HRESCH\"]\ndeclares = \
         [\"rescue\"]\nbreak_glass = true\n{jwks}\n"
    );
    text.push_str(&ward);
    let path = dir.write("gateway.toml", &text).display().to_string();
    let file = dir.write("all.ndjson", &documents().join("\n")).display().to_string();
    let load = ["load", &path, &file, "--owner", "kuopio-source"];
    let (exit, said, complaint) = run(&around(), &[&load, set].concat());
    assert_eq!(exit, Exit::Fine, "{said}{complaint}");
    path
}

fn token(signer: &Signer, issuer: &str, clock: &dyn Clock, more: &Value) -> String {
    let mut claims = json!({
        "client_id": "ward", "scope": "system/*.rs", "organization": COUNTY,
        "subject": "Practitioner/h13.prac.1", "roles": ["nurse"],
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let now = clock.now().seconds();
    let registered = Registered {
        iss: issuer.to_owned(),
        sub: "ward".to_owned(),
        aud: format!("{issuer}/fhir"),
        exp: now + 300,
        iat: Some(now),
        nbf: None,
        jti: format!("{}", claims.to_string().len()),
    };
    signer.sign(TokenKind::AccessToken, &registered, &claims).unwrap()
}

/// Asks a gateway of these settings, which runs only meanwhile.
fn ask(path: &str, set: &[&str], questions: &[(&str, &str, Value)]) -> Vec<u16> {
    let surroundings = around();
    let set = set.iter().filter(|word| **word != "--set").map(ToString::to_string).collect();
    let said = config::Said { set, ..config::Said::default() };
    let read = config::read(path.as_ref(), &said, &surroundings.clock, &surroundings.chance);
    let Ok(config::Config { setup, .. }) = read else { panic!("good settings") };
    let (signer, issuer) = (Arc::clone(setup.ring.signing()), setup.url.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let gateway = runtime.block_on(Gateway::open(setup)).unwrap();
    let ask = |(id, target, claims): &(&str, &str, Value)| {
        let token = token(&signer, &issuer, &*surroundings.clock, claims);
        let request = Request::builder().method(Method::GET).uri(*target);
        let request = request
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("x-request-id", *id);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let body = BodyReader::of(Bytes::new());
        let incoming = Incoming {
            parts,
            body,
            peer_certificate: None,
            peer_names: None,
            address: "127.0.0.1".into(),
        };
        runtime.block_on(async {
            let (head, body) = gateway.answer(incoming).await.into_parts();
            body.collect().await.unwrap();
            head.status.as_u16()
        })
    };
    let statuses = questions.iter().map(ask).collect();
    gateway.log.close().unwrap();
    statuses
}

#[test]
fn a_request_is_traced_and_what_was_declared_is_reviewed_by_a_second_person() {
    let dir = Dir::new("cli-trace");
    told_and_reviewed(&dir, &[]);
    let data = dir.path().join("keys/297/data").display().to_string();
    assert_eq!(run(&around(), &["audit", "verify", &data]).0, Exit::Fine, "and the log is whole");
}

/// Traces requests, tells the person, and reviews, with these settings.
pub(super) fn told_and_reviewed(dir: &Dir, set: &[&str]) {
    let path = hospital(dir, set);
    let said = |line: &[&str]| run(&around(), &[line, set].concat());
    let (_, shown, _) = said(&["audit", "show", &path]);
    let patient = shown.lines().next().unwrap().split(' ').nth(4).unwrap().to_owned();
    let target = format!("/fhir/QuestionnaireResponse?patient={patient}");
    let until = around().clock.now().plus(std::time::Duration::from_mins(10)).to_string();
    let rescue = json!({ "purpose": "ETREAT", "declared": [{ "id": "rescue", "reason": "fire" }],
        "break_glass": { "reason": "a burning house", "until": until } });
    let study = json!({ "purpose": "HRESCH" });
    let statuses = ask(&path, set, &[("study-1", &target, study), ("rescue-1", &target, rescue)]);
    assert_eq!(statuses, [200, 200]);

    let (exit, traced, complaint) = said(&["audit", "trace", &path, "study-1"]);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    assert!(
        traced.contains(&format!("ward {COUNTY} SearchType {patient} purpose HRESCH: released")),
        "{traced}"
    );
    assert!(traced.contains("  released housing by law study\n"), "{traced}");
    assert!(traced.contains("  as of now health: denied (default)\n"), "{traced}");
    assert!(traced.contains("  as of now housing+free-text: denied (default)\n"), "{traced}");
    assert!(!traced.contains("as of now housing:"), "{traced}");
    let (_, traced, _) = said(&["audit", "trace", &path, "rescue-1", "--json"]);
    let record: Value = serde_json::from_str(&traced).unwrap();
    assert_eq!(record["basis"], json!(["law rescue, in spite of a prohibition: fire"]));
    assert_eq!(record["patient"], patient.as_str());
    let (exit, _, complaint) = said(&["audit", "trace", &path, "nobody-1"]);
    assert_eq!(exit, Exit::Usage);
    assert!(complaint.contains("X-Request-Id"), "{complaint}");

    let (exit, waits, _) = said(&["audit", "reviews", &path]);
    assert_eq!(exit, Exit::Findings);
    assert!(waits.contains("rescue-1") && !waits.contains("study-1"), "{waits}");
    assert!(waits.contains("emergency: a burning house; reviewer officer; waits"), "{waits}");
    assert!(waits.ends_with("1 of 1 wait for a review\n"), "{waits}");
    let review = |by: &str, request: &str| {
        said(&["audit", "review", &path, request, "--by", by, "--found", "justified"])
    };
    for (by, request, says) in [
        ("Practitioner/h13.prac.1", "rescue-1", "a second person"),
        ("ward", "rescue-1", "a second person"),
        (" ", "rescue-1", "Name who reviewed"),
        ("Riitta", "study-1", "No disclosure of this request waits"),
    ] {
        let (exit, _, complaint) = review(by, request);
        assert_eq!(exit, Exit::Usage, "{by} {request}");
        assert!(complaint.contains(says), "{complaint}");
    }
    assert_eq!(review("Riitta", "rescue-1").0, Exit::Fine);
    let (exit, waits, _) = said(&["audit", "reviews", &path]);
    assert_eq!((exit, waits.as_str()), (Exit::Fine, "0 of 1 wait for a review\n"));
    let (_, all, _) = said(&["audit", "reviews", &path, "--all", "--json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!((&all["state"], &all["request"]), (&json!("justified"), &json!("rescue-1")));
    assert_eq!(review("Riitta", "rescue-1").0, Exit::Usage, "once is enough");
    is_told(&path, &patient, said);
    let (_, shown, _) = said(&["audit", "show", &path, "--person", &patient, "--json"]);
    assert!(shown.contains("a burning house") && shown.contains("Riitta"), "{shown}");
}

/// The person is to be told, is told, and that is written down once.
fn is_told(path: &str, patient: &str, said: impl Fn(&[&str]) -> (Exit, String, String)) {
    let (exit, waits, _) = said(&["audit", "notices", path, "--json"]);
    assert_eq!(exit, Exit::Findings);
    let owed: Value = serde_json::from_str(&waits).unwrap();
    assert_eq!((&owed["request"], &owed["patient"]), (&json!("rescue-1"), &json!(patient)));
    assert_eq!((&owed["law"]["fi"], &owed["reason"]), (&json!("pelastuslaki"), &json!("fire")));
    assert_eq!((&owed["role"], &owed["state"]), (&json!("nurse"), &json!("waits")));
    let tell = |request: &str, way: &str| {
        said(&["audit", "notified", path, request, "--by", "Kirjaamo", "--way", way])
    };
    for (request, way) in [("rescue-1", " "), ("study-1", "letter"), ("nobody-1", "letter")] {
        assert_eq!(tell(request, way).0, Exit::Usage, "{request} {way}");
    }
    assert_eq!(tell("rescue-1", "letter").0, Exit::Fine);
    assert_eq!(tell("rescue-1", "letter").0, Exit::Usage, "once is enough");
    let (exit, waits, _) = said(&["audit", "notices", path]);
    assert_eq!((exit, waits.as_str()), (Exit::Fine, "0 of 1 wait for a notice\n"));
    let (_, all, _) = said(&["audit", "notices", path, "--all"]);
    assert!(all.contains("; told\n"), "{all}");
    // It is no disclosure of its own.
    let (_, reviews, _) = said(&["audit", "reviews", path]);
    assert_eq!(reviews, "0 of 1 wait for a review\n");
}
