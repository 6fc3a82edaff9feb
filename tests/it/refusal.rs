//! Every call, refused in every way: status, issue code, challenge, and that what is hidden is told
//! in the same bytes as what is absent (BS-06, BS-08, AK-01).

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};

use crate::world::{Node, Person, Reply, World, actor::Ask};

const ABSENT: &str = "297.aaaaaaaaaaaaaaaaaaaaaaaaaa";
const CALLS: [(&str, &str); 7] = [
    ("GET", "/fhir/QuestionnaireResponse/297.aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("GET", "/fhir/QuestionnaireResponse"),
    ("POST", "/fhir/QuestionnaireResponse/_search"),
    ("GET", "/fhir/Task"),
    ("POST", "/fhir/Patient/297.aaaaaaaaaaaaaaaaaaaaaaaaaa/$handles"),
    (
        "PUT",
        "/fhir/Consent?identifier=urn:ietf:rfc:3986%7Curn:uuid:00000000-0000-0000-0000-000000000000",
    ),
    ("PUT", "/native/people/aino"),
];

fn with(node: &Node, (method, path): (&str, &str), authorization: Option<String>) -> Reply {
    let headers = authorization.into_iter().map(|value| ("authorization", value)).collect();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    node.world.actor("national-portal").raw(node, method, path, Ask { headers, ..Ask::default() })
}

#[test]
fn every_call_says_what_is_wrong_with_the_token() {
    let world = World::new();
    let (kuopio, kajaani) = (world.municipality("297"), world.municipality("205"));
    let of = |id: &str, node: &Node, scope: &str| {
        Some(format!("Bearer {}", world.actor(id).token(node, scope)))
    };
    let foreign = of("national-portal", &kajaani, "system/*.rs");
    let old = of("national-portal", &kuopio, "system/*.rs");
    world.pass(std::time::Duration::from_mins(6));
    let narrow = of("goals-only", &kuopio, "system/Goal.rs");
    let invalid = Some("Bearer error=\"invalid_token\"");
    for call in CALLS {
        let rows = [
            (None, 401, "login", Some("Bearer")),
            (Some("Basic eDp5".to_owned()), 401, "login", Some("Bearer")),
            (Some("Bearer nonsense".to_owned()), 401, "login", invalid),
            (Some("Bearer two words".to_owned()), 400, "invalid", None),
            (foreign.clone(), 401, "expired", invalid),
            (old.clone(), 401, "expired", invalid),
        ];
        for (token, status, code, challenge) in rows {
            let reply = with(&kuopio, call, token);
            if code != "expired" {
                reply.refused(status, code);
            }
            assert_eq!(reply.status(), status, "{reply:?}");
            assert_eq!(reply.challenge(), challenge, "{reply:?}");
        }
        let reply = with(&kuopio, call, narrow.clone());
        reply.refused(403, "forbidden");
        assert!(reply.challenge().unwrap().starts_with("Bearer error=\"insufficient_scope\""));
    }
    // For another audience, while it is good.
    let foreign = of("north-savo", &kajaani, "system/*.rs");
    let reply = with(&kuopio, CALLS[0], foreign);
    assert_eq!(reply.refused(401, "login").challenge(), invalid);
}

#[test]
fn what_is_hidden_is_absent_to_the_byte() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino: Person = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing]);
    let shared = kuopio.person("eetu").answered([(Health, 2, 1, "")]);
    let absent = |kind: &str| portal.get(&format!("/fhir/{kind}/{ABSENT}")).bytes();
    for (kind, id) in [
        ("Observation", format!("{}.he.s", aino.document(0))),
        ("QuestionnaireResponse", shared.document(0)),
        ("Patient", shared.patient().to_owned()),
        ("Consent", aino.document(0)),
    ] {
        let hidden = portal.get(&format!("/fhir/{kind}/{id}"));
        assert_eq!(hidden.refused(404, "not-found").bytes(), absent(kind), "{kind}");
    }
}
