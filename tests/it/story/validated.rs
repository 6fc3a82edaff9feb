//! An integrator asks what is wrong with a resource, and finds it from the answer alone; and how the
//! gateway is addressed, from what it says of itself.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Reply, World, actor::Ask, municipality::At};

fn validate(client: &At, kind: &str, body: &str) -> Reply {
    let kind_of = Some("application/fhir+json");
    let ask = Ask { kind: kind_of, body: body.to_owned().into(), ..Ask::default() };
    client.actor.send(&client.node, Method::POST, &format!("/fhir/{kind}/$validate"), ask)
}

#[test]
fn each_fault_is_told_with_its_element_its_line_and_what_must_be_so() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let goal = |more: &str| {
        format!(
            "{{\n  \"resourceType\": \"Goal\",\n  \"lifecycleStatus\": \"active\",\n  \"description\": {{ \"text\": \"x\" }},\n  \"subject\": {{ \"reference\": \"Patient/1\" }}{more}\n}}"
        )
    };
    let good = validate(&client, "Goal", &goal(""));
    assert_eq!((good.status(), good.issue()), (200, "informational"), "{good:?}");
    for (more, expression, line, say) in [
        (",\n  \"startDate\": \"2026-02-30\"", "Goal.startDate", 6, "calendar"),
        (",\n  \"startDate\": \"30.2.2026\"", "Goal.startDate", 6, "a date"),
        (
            ",\n  \"startDate\": \"2026-02-01\",\n  \"startCodeableConcept\": { \"text\": \"x\" }",
            "Goal.start",
            6,
            "one type",
        ),
        (",\n  \"note\": []", "Goal.note", 6, "empty list"),
        (",\n  \"shoeSize\": 42", "Goal.shoeSize", 6, "not an element"),
        (
            ",\n  \"addresses\": [\n    { \"reference\": \"Patient/1\" }\n  ]",
            "Goal.addresses[0].reference",
            7,
            "Observation",
        ),
        (
            ",\n  \"expressedBy\": { \"reference\": \"https://x.example/fhir/Goal/1\" }",
            "Goal.expressedBy.reference",
            6,
            "Patient",
        ),
        (
            ",\n  \"target\": [ { \"detailInteger\": \"x\" } ]",
            "Goal.target[0].detailInteger",
            6,
            "whole number",
        ),
    ] {
        let reply = validate(&client, "Goal", &goal(more));
        assert_eq!(reply.status(), 200);
        let issue = &reply.json()["issue"][0];
        assert_eq!(reply.expression(), [expression], "{reply:?}");
        assert_eq!(issue["extension"][0]["valueInteger"], line, "{reply:?}");
        let words = issue["diagnostics"].as_str().unwrap();
        assert!(words.contains(say) && words.contains(&format!("Line {line}")), "{words}");
    }
    let bare = validate(&client, "Goal", "{\"resourceType\":\"Goal\"}");
    let all: Vec<_> = bare.json()["issue"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["expression"][0].clone())
        .collect();
    for needed in ["Goal.lifecycleStatus", "Goal.description", "Goal.subject"] {
        assert!(all.contains(&json!(needed)), "{needed} is not among {all:?}");
    }
    let status = goal("").replace("\"active\"", "\"maybe\"");
    validate(&client, "Goal", &status).says("proposed | planned").says("Line 3");
    let broken = validate(&client, "Goal", "{\"resourceType\":\n\"Goal\",}");
    assert_eq!((broken.status(), broken.issue()), (200, "invalid"));
    broken.says("Line 2");
    validate(&client, "Task", &goal("")).says("must be Task");
    let inside = format!(
        "{{\"resourceType\":\"Parameters\",\"parameter\":[\n{{\"name\":\"resource\",\"resource\":{}}}]}}",
        goal(",\n  \"note\": []")
    );
    let reply = validate(&client, "Goal", &inside);
    assert_eq!(reply.expression(), ["Goal.note"]);
    reply.says("Line 7");
    validate(&client, "Consent", "{\"resourceType\":\"Consent\"}").says("Consent.status");
    let empty = "{\"resourceType\":\"Parameters\",\"parameter\":[]}";
    assert_eq!(validate(&client, "Goal", empty).status(), 400);
    let ask = Ask { kind: Some("application/fhir+xml"), body: "<Goal/>".into(), ..Ask::default() };
    client
        .actor
        .send(&kuopio, Method::POST, "/fhir/Goal/$validate", ask)
        .refused(415, "not-supported");
}

#[test]
fn the_gateway_says_how_it_is_addressed() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let api = client.get("/openapi.json");
    assert_eq!((api.status(), &api.json()["openapi"]), (200, &json!("3.1.0")));
    let mut names = Vec::new();
    for (path, item) in api.json()["paths"].as_object().unwrap() {
        for method in ["get", "post", "put"] {
            if let Some(operation) = item.get(method) {
                names.push(operation["operationId"].as_str().unwrap().to_owned());
                assert!(operation["responses"]["4XX"].is_object(), "{path}");
            }
        }
        let named = path.matches('{').count();
        assert_eq!(item["parameters"].as_array().map_or(0, Vec::len), named, "{path}");
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "each operation has a name of its own");
    for name in ["person", "assessment", "plan", "vocabulary"] {
        let schema = client.get(&format!("/schemas/native/{name}.json"));
        assert_eq!(schema.status(), 200);
        assert_eq!(schema.json()["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let file = client.get(&format!("/schemas/{name}.schema.json"));
        assert_eq!(file.json(), schema.json());
    }
    assert_eq!(client.get("/schemas/native/nothing.json").status(), 404);
    assert_ne!(*api.json(), Value::Null);
}
