//! What a kick-off may say, and what becomes of what it may not; what is said while it goes on.

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use super::{SETTLES, begin, begin_with, export, ids, lines, manifest, populated, prefers, status};
use crate::world::{Reply, World, actor::Ask, municipality::At};

fn with(at: &At, path: &str, headers: Vec<(&'static str, String)>) -> Reply {
    at.actor.send(&at.node, Method::GET, path, Ask { headers, ..Ask::default() })
}

#[test]
fn bx_01_02_03_every_level_begins_by_get_and_by_post() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    for path in ["/fhir/$export", "/fhir/Patient/$export", "/fhir/Group/297/$export"] {
        for reply in [begin(&client, path), begin_with(&client, path, &json!([]))] {
            assert_eq!(reply.status(), 202, "{reply:?}");
            let place = reply.header("content-location").unwrap();
            assert!(place.starts_with(&format!("{}/fhir/$export-status/", kuopio.identity.url)));
            assert_eq!(reply.json()["resourceType"], "OperationOutcome");
        }
        let accepts = ["application/fhir+json", "application/json", "*/*"];
        let accepts = accepts.map(|accept| prefers(&[("accept", accept)]));
        for headers in accepts.into_iter().chain([Vec::new()]) {
            let reply = with(&client, path, headers);
            assert_eq!(reply.status(), 202, "{reply:?}");
            let ended = client.actor.send(&kuopio, Method::DELETE, &status(&reply), Ask::default());
            ended.accepted();
        }
        world.pass(mylife::export::LIFE);
        let described = client.get("/openapi.json");
        let template = path.replace("297", "{id}");
        for method in ["get", "post"] {
            let answers = &described.json()["paths"][&template][method]["responses"];
            assert!(answers["202"].is_object(), "{template}: {answers}");
        }
    }
    begin(&client, "/fhir/Observation/$export").refused(404, "not-found");
    let wrong = client.actor.send(&kuopio, Method::PUT, "/fhir/$export", Ask::default());
    wrong.refused(405, "not-supported");
    assert_eq!(wrong.header("allow"), Some("GET, POST"));
}

#[test]
fn bx_04_to_11_what_is_not_known_is_refused_and_left_out_for_who_is_lenient() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    let rows = [
        ("_outputFormat=application/fhir%2Bndjson", 202),
        ("_outputFormat=application/ndjson", 202),
        ("_outputFormat=ndjson", 202),
        ("_outputFormat=text/csv", 400),
        ("_since=2026-01-01T00:00:00Z", 202),
        ("_since=2026-01-01T02:00:00%2B02:00", 202),
        ("_since=2026-01-01T02:00:00+02:00", 400),
        ("_since=yesterday", 400),
        ("_until=2026-01-01", 400),
        ("_type=Patient,Observation", 202),
        ("_type=Basic", 400),
        ("_type=AuditEvent", 400),
        ("_typeFilter=Observation%3Fstatus%3Dfinal", 202),
        ("_typeFilter=Observation%3F_include%3DObservation:subject", 400),
        ("_typeFilter=Observation%3F_sort%3Ddate", 400),
        ("_typeFilter=Observation%3Funknown%3Dx", 400),
        ("_typeFilter=%3Fcode%3Dx", 400),
        ("_typeFilter=Patient/1/Observation%3F", 400),
        ("_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal", 400),
        ("_elements=Patient.name,id", 202),
        ("_elements=name.family", 400),
        ("patient=Patient/297.x", 400),
        ("organizeOutputBy=Patient", 400),
        ("allowPartialManifests=true", 400),
        ("includeAssociatedData=LatestProvenanceResources", 400),
        ("_typeFilter=Patient%3Fidentifier%3Durn:oid:1.2.246.21%7C290200A900W", 400),
        ("_type=%ff", 400),
    ];
    for (query, expected) in rows {
        let reply = begin(&client, &format!("/fhir/$export?{query}"));
        assert_eq!(reply.status(), expected, "{query}: {reply:?}");
        if expected == 202 {
            let path = status(&reply);
            client.actor.send(&kuopio, Method::DELETE, &path, Ask::default()).accepted();
        } else {
            reply.keeps_quiet("290200A900W");
        }
    }
    let plus = begin(&client, "/fhir/$export?_since=2026-01-01T02:00:00+02:00");
    plus.says("%2B");
    for query in ["_type=Basic,Patient", "organizeOutputBy=Patient", "unknown=1"] {
        let path = format!("/fhir/$export?{query}");
        let reply = with(&client, &path, prefers(&[("prefer", "handling=lenient")]));
        assert_eq!(reply.status(), 202, "{query}: {reply:?}");
    }
}

#[test]
fn bx_05_06_since_and_until_divide_what_changed_to_the_millisecond() {
    let world = World::new();
    let (_, client, _) = populated(&world);
    let kind = "QuestionnaireResponse";
    let all = export(&client, "/fhir/$export", kind);
    let updated = |one: &Value| one["meta"]["lastUpdated"].as_str().unwrap().to_owned();
    let at = all.iter().map(updated).max().unwrap();
    let older = all.iter().filter(|one| updated(one) < at).count();
    let count = |query: &str| export(&client, &format!("/fhir/$export?{query}={at}"), kind).len();
    assert_eq!(count("_since"), 0, "what changed at that millisecond is not after it");
    assert_eq!(count("_until"), all.len());
    let before = mylife::domain::moment::Moment::parse(&at).unwrap();
    let before = before.minus(std::time::Duration::from_millis(1));
    let count =
        |query: &str| export(&client, &format!("/fhir/$export?{query}={before}"), kind).len();
    assert_eq!((count("_since"), count("_until")), (all.len() - older, older));
}

#[test]
fn bx_07_08_types_and_filters_choose() {
    let world = World::new();
    let (_, client, _) = populated(&world);
    let observations = "/fhir/$export?_type=Observation,Patient";
    let all = export(&client, observations, "Observation");
    let codes: Vec<String> = all
        .iter()
        .map(|one| one["code"]["coding"][0]["code"].as_str().unwrap().to_owned())
        .collect();
    let (first, other) = (&codes[0], codes.iter().find(|code| **code != codes[0]).unwrap());
    let filtered = |codes: &[&String]| {
        let filters: String =
            codes.iter().map(|code| format!("&_typeFilter=Observation%3Fcode%3D{code}")).collect();
        let manifest = manifest(&client, &begin(&client, &format!("{observations}{filters}")));
        assert_eq!(lines(&client, &manifest, "Patient").len(), 2, "other types are not touched");
        lines(&client, &manifest, "Observation").len()
    };
    let count = |of: &String| codes.iter().filter(|code| *code == of).count();
    assert_eq!(filtered(&[first]), count(first));
    assert_eq!(filtered(&[first, other]), count(first) + count(other), "any of them");
    assert_eq!(filtered(&[first, first]), count(first), "each once");
}

#[test]
fn bx_09_elements_are_cut_from_what_is_released_and_it_says_so() {
    let world = World::new();
    let (_, client, _) = populated(&world);
    let path = "/fhir/$export?_elements=Patient.birthDate,authored";
    let manifest = manifest(&client, &begin(&client, path));
    for patient in lines(&client, &manifest, "Patient") {
        assert_eq!(patient["meta"]["tag"][0]["code"], "SUBSETTED");
        assert!(patient.get("birthDate").is_some() && patient.get("name").is_none());
    }
    for survey in lines(&client, &manifest, "QuestionnaireResponse") {
        assert!(survey.get("authored").is_some() && survey.get("item").is_none());
        assert!(survey.get("status").is_some(), "what it cannot be without");
    }
}

#[test]
fn bx_10_named_people_alone_and_each_of_them_seen() {
    let world = World::new();
    let (_, client, [aino, _, iida]) = populated(&world);
    let named = |ids: &[&str]| -> Value {
        let one = |id: &&str| json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } });
        ids.iter().map(one).collect()
    };
    for path in ["/fhir/Patient/$export", "/fhir/Group/297/$export"] {
        let begun = begin_with(&client, path, &named(&[aino.patient()]));
        let manifest = manifest(&client, &begun);
        assert_eq!(ids(&lines(&client, &manifest, "Patient")), [aino.patient()]);
        let hidden = begin_with(&client, path, &named(&[aino.patient(), iida.patient()]));
        let absent = format!("297.{}", "q".repeat(26));
        let absent = begin_with(&client, path, &named(&[aino.patient(), &absent]));
        hidden.refused(404, "not-found");
        assert_eq!(hidden.bytes(), absent.bytes(), "hidden and absent are alike");
    }
    begin_with(&client, "/fhir/$export", &named(&[aino.patient()])).refused(400, "not-supported");
    let text = json!([{ "name": "_type", "valueString": "Patient" }]);
    let begun = begin_with(&client, "/fhir/$export", &text);
    assert_eq!(lines(&client, &manifest(&client, &begun), "").len(), 2);
    let broken = json!([{ "name": "_type" }]);
    begin_with(&client, "/fhir/$export", &broken).refused(400, "invalid");
}

#[test]
fn bx_13_14_15_16_it_says_how_far_it_is_and_then_what_there_is() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    let path = "/fhir/Patient/$export?_since=2026-01-01T00:00:00Z";
    let begun = begin(&client, path);
    let started = world.now();
    let place = status(&begun);
    let early = client.get(&place);
    assert_eq!(early.status(), 202, "{early:?}");
    let progress = early.header("x-progress").unwrap();
    assert!(!progress.is_empty() && progress.len() < 100);
    assert_eq!(early.header("retry-after"), Some("2"));
    world.pass(SETTLES);
    let done = client.get(&place).accepted();
    assert_eq!(done.header("content-type"), Some("application/json"));
    assert_eq!(done.header("expires"), Some("Mon, 02 Mar 2026 11:01:00 GMT"));
    let manifest = done.json();
    assert_eq!(manifest["transactionTime"], started.to_string());
    assert_eq!(manifest["request"], format!("{}{path}", kuopio.identity.url));
    assert_eq!(manifest["requiresAccessToken"], true);
    assert_eq!(manifest["error"], json!([]));
    for output in manifest["output"].as_array().unwrap() {
        assert!(output["url"].as_str().unwrap().starts_with("https://"));
        assert!(output.get("count").is_none(), "nothing is counted");
    }
    let polls: Vec<u16> = (0..20).map(|_| client.get(&place).status()).collect();
    assert!(polls.contains(&429) && polls.starts_with(&[200]), "{polls:?}");
    let slow = client.get(&place);
    assert!(slow.header("retry-after").is_some());
}

#[test]
fn the_manifest_of_a_post_names_the_address_alone() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    let text = json!([{ "name": "_type", "valueString": "Patient" }]);
    let begun = begin_with(&client, "/fhir/$export", &text);
    let request = format!("{}/fhir/$export", kuopio.identity.url);
    assert_eq!(manifest(&client, &begun)["request"], request);
}

#[test]
fn bx_24_scopes_and_groups_bound_what_is_exported() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    let goals = kuopio.client("goals-only");
    let types = manifest(&goals, &begin(&goals, "/fhir/Patient/$export"));
    let kinds: Vec<&Value> =
        types["output"].as_array().unwrap().iter().map(|o| &o["type"]).collect();
    assert_eq!(kinds, ["Goal"]);
    begin(&goals, "/fhir/Patient/$export?_type=Observation").refused(403, "forbidden");
    begin(&kuopio.client("source"), "/fhir/$export").refused(403, "forbidden");
    for group in ["111", "x", "297.x"] {
        begin(&client, &format!("/fhir/Group/{group}/$export")).refused(404, "not-found");
    }
}

#[test]
fn bx_29_the_capability_statement_says_so() {
    let world = World::new();
    let (_, client, _) = populated(&world);
    let statement = client.get("/fhir/metadata");
    let statement = statement.json();
    let bulk = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data";
    assert_eq!(statement["instantiates"], json!([bulk]));
    let defined =
        |operations: &Value, name: &str| {
            let definition = format!("http://hl7.org/fhir/uv/bulkdata/OperationDefinition/{name}");
            operations.as_array().into_iter().flatten().any(|operation| {
                operation["name"] == "export" && operation["definition"] == definition
            })
        };
    let rest = &statement["rest"][0];
    assert!(defined(&rest["operation"], "export"));
    let of = |kind: &str| {
        let all = rest["resource"].as_array().unwrap();
        all.iter().find(|r| r["type"] == kind).unwrap_or(&Value::Null)["operation"].clone()
    };
    assert!(defined(&of("Patient"), "patient-export"));
    assert!(defined(&of("Group"), "group-export"));
}

#[test]
fn what_is_asked_of_one_theme_by_scope_has_that_theme_alone() {
    let world = World::new();
    let (kuopio, client, [aino, ..]) = populated(&world);
    aino.grants(&client, [mylife::domain::theme::Theme::Health]);
    let scope = format!(
        "system/QuestionnaireResponse.rs?_security=https://mylife.example/fhir/CodeSystem/theme|{}",
        Housing.code()
    );
    let token = client.actor.token(&kuopio, &scope);
    let ask = |path: &str| {
        let headers = [prefers(&[]), vec![("authorization", format!("Bearer {token}"))]].concat();
        client.actor.raw(&kuopio, Method::GET, path, Ask { headers, ..Ask::default() })
    };
    let begun = ask("/fhir/Patient/$export");
    world.pass(SETTLES);
    let manifest = ask(&status(&begun));
    for file in super::files(manifest.json(), "") {
        let lines = ask(&file).accepted();
        assert!(!lines.text().is_empty());
        lines.keeps_quiet("health");
    }
}
