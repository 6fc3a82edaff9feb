//! Several requests in one: each is granted, recorded and answered as if it had come alone.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At, person::path};

fn known(world: &World) -> (At, Person) {
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing]);
    (portal, aino)
}

fn send(client: &At, body: &Value) -> Reply {
    let kind = Some("application/fhir+json");
    let nodes = Some("297");
    let ask = Ask { kind, nodes, body: body.to_string().into(), ..Ask::default() };
    client.actor.send(&client.node, Method::POST, "/fhir", ask)
}

fn bundle(kind: &str, entries: Vec<Value>) -> Value {
    let entries = Value::from(entries);
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries })
}

fn get(url: &str) -> Value {
    json!({ "request": { "method": "GET", "url": url } })
}

fn statuses(reply: &Reply) -> Vec<String> {
    let entries = reply.json()["entry"].as_array().unwrap();
    entries.iter().map(|e| e["response"]["status"].as_str().unwrap()[..3].to_owned()).collect()
}

#[test]
fn each_entry_of_a_batch_is_answered_as_if_it_had_come_alone() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let mut far = world.portal().client("national-portal");
    far.nodes = Some("297".to_owned());
    for client in [&kuopio, &far] {
        let of = format!("Observation?patient={}", aino.patient());
        let patient = format!("Patient/{}", aino.patient());
        let found = client.get(&format!("/fhir/{of}"));
        let one = format!("Observation/{}", found.ids()[0]);
        let before = aino.node().disclosures(aino.patient()).len();
        let reply = send(
            client,
            &bundle(
                "batch",
                vec![
                    get(&patient),
                    get(&of),
                    get(&one),
                    get("Observation/297.nothing"),
                    get("Spaceship/1"),
                    get("Observation?date=soon"),
                    get("Organization?_count=1"),
                    json!({ "request": { "method": "HEAD", "url": one } }),
                    json!({ "request": { "method": "DELETE", "url": one } }),
                    json!({ "request": { "method": "POST", "url": "Consent" }, "resource": { "resourceType": "Consent" } }),
                    json!({ "request": { "method": "GET", "url": "" } }),
                    json!({ "request": { "method": "GET", "url": "/oauth/token" } }),
                    json!({ "request": { "method": "GET", "url": "https://other.example/fhir/Patient/1" } }),
                    json!({ "request": { "method": "DANCE", "url": "Patient" } }),
                    json!({ "resource": {} }),
                ],
            ),
        );
        assert_eq!(
            (reply.status(), &reply.json()["type"]),
            (200, &json!("batch-response")),
            "{reply:?}"
        );
        assert_eq!(
            statuses(&reply),
            [
                "200", "200", "200", "404", "404", "400", "200", "200", "405", "403", "400", "400",
                "400", "400", "400"
            ],
            "{reply:?}"
        );
        let entries = reply.json()["entry"].as_array().unwrap();
        assert_eq!(entries[0]["resource"], *client.get(&format!("/fhir/{patient}")).json());
        assert_eq!(entries[1]["resource"], *client.get(&format!("/fhir/{of}")).json());
        let plain = client.get(&format!("/fhir/{one}"));
        assert_eq!(entries[2]["resource"], *plain.json());
        assert_eq!(entries[2]["response"]["etag"], plain.header("etag").unwrap());
        assert!(entries[2]["response"]["lastModified"].as_str().unwrap().starts_with("2026-"));
        for failed in
            entries.iter().filter(|e| !e["response"]["status"].as_str().unwrap().starts_with('2'))
        {
            assert_eq!(failed["response"]["outcome"]["resourceType"], "OperationOutcome");
            assert!(failed.get("resource").is_none());
        }
        // Patient, search, read and head, and the three that were asked again alone, with one more.
        let after = aino.node().disclosures(aino.patient()).len();
        assert_eq!(after - before, 4 + 3, "each entry has its own record");
    }
}

#[test]
fn writes_of_a_batch_are_those_of_their_writer() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let region = kuopio.node.client("north-savo");
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    let uuid = |n: u8| format!("urn:uuid:00000000-0000-4000-8000-0000000000{n:02}");
    let write = |n: u8| {
        let body =
            Terms::grant(&region.actor).themes(&[Housing]).consent(&patient, &uuid(n), "active");
        let url = path(&uuid(n));
        json!({ "request": { "method": "PUT", "url": url.strip_prefix("/fhir/").unwrap() }, "resource": body })
    };
    assert!(region.search("Observation", &aino).ids().is_empty());
    let desk = kuopio.node.client("consent-desk");
    let wrong = json!({ "request": { "method": "PUT", "url": "Consent/297.x" }, "resource": { "resourceType": "Consent" } });
    let reply = send(&desk, &bundle("batch", vec![write(11), wrong, get("Consent?_id=297.x")]));
    assert_eq!(statuses(&reply), ["201", "422", "403"], "{reply:?}");
    assert_eq!(reply.json()["entry"][0]["response"]["outcome"]["resourceType"], "OperationOutcome");
    assert!(reply.json()["entry"][0]["response"]["location"].is_string());
    assert_eq!(region.search("Observation", &aino).ids().len(), 2, "it is in force");
    let refused = send(&desk, &bundle("transaction", vec![write(12)]));
    let place = refused.refused(400, "not-supported").expression();
    assert_eq!(place, ["Bundle.entry[0].request.method"]);
}

#[test]
fn what_a_batch_reads_is_read_after_what_it_withdraws() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let book = kuopio.node.client("consent-book");
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    let uuid = "urn:uuid:00000000-0000-4000-8000-000000000021";
    let at = path(uuid);
    let write = |status: &str| {
        let body = Terms::grant(&kuopio.actor).themes(&[Health]).consent(&patient, uuid, status);
        let url = at.strip_prefix("/fhir/").unwrap();
        json!({ "request": { "method": "PUT", "url": url }, "resource": body })
    };
    let active = get(&format!("Consent?patient={}&status=active", aino.patient()));
    let found = |reply: &Reply| {
        assert_eq!(reply.status(), 200, "{reply:?}");
        reply.json()["entry"][0]["resource"]["total"].as_u64().unwrap()
    };
    assert_eq!(found(&send(&book, &bundle("batch", vec![active.clone(), write("active")]))), 1);
    let gone = send(&book, &bundle("batch", vec![active, write("inactive")]));
    assert_eq!((found(&gone), statuses(&gone)), (0, vec!["200".to_owned(); 2]), "{gone:?}");
}

#[test]
fn a_transaction_of_reads_is_answered_whole_or_not_at_all() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let of = format!("Observation?patient={}", aino.patient());
    let good = send(&kuopio, &bundle("transaction", vec![get(&of), get("Organization?_count=1")]));
    assert_eq!((good.status(), &good.json()["type"]), (200, &json!("transaction-response")));
    let bad = send(&kuopio, &bundle("transaction", vec![get(&of), get("Observation/297.nothing")]));
    assert_eq!(bad.refused(404, "not-found").expression(), ["Bundle.entry[1]"]);
    bad.keeps_quiet(aino.patient());
}

#[test]
fn a_batch_that_is_none_is_refused() {
    let world = World::new();
    let (kuopio, _) = known(&world);
    let nothing = send(&kuopio, &bundle("batch", vec![]));
    assert_eq!((nothing.status(), nothing.json().get("entry")), (200, None));
    for (body, status, code) in [
        (json!({ "resourceType": "Patient" }), 400, "invalid"),
        (json!([]), 400, "invalid"),
        (bundle("searchset", vec![]), 400, "invalid"),
        (bundle("batch", vec![get("Organization?_count=1"); 51]), 422, "too-costly"),
    ] {
        send(&kuopio, &body).refused(status, code);
    }
    let ask = Ask { kind: Some("text/plain"), body: "{}".into(), ..Ask::default() };
    kuopio.actor.send(&kuopio.node, Method::POST, "/fhir", ask).refused(415, "not-supported");
    let ask = Ask { kind: Some("application/json"), body: "{".into(), ..Ask::default() };
    kuopio.actor.raw(&kuopio.node, Method::POST, "/fhir", ask).refused(401, "login");
}

#[test]
fn a_search_of_somebodys_compartment_is_that_of_the_type_with_the_person_named() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let base = format!("/fhir/Patient/{}", aino.patient());
    for more in ["", "?_count=1", "?code=housing.satisfaction", "?_summary=count"] {
        let compartment = kuopio.get(&format!("{base}/Observation{more}"));
        let and = more.replace('?', "&");
        let search =
            kuopio.get(&format!("/fhir/Observation?patient=Patient/{}{and}", aino.patient()));
        assert_eq!(compartment.bytes(), search.bytes());
    }
    let form = kuopio.actor.post(
        &kuopio.node,
        &format!("{base}/Observation/_search"),
        "code=housing.importance",
        Some("297"),
    );
    assert_eq!(form.ids().len(), 1);
    kuopio.get(&format!("{base}/Observation?patient=297.other")).refused(400, "invalid");
    for unknown in ["Organization", "Spaceship", "Patient"] {
        kuopio.get(&format!("{base}/{unknown}")).refused(404, "not-found");
    }
    let goals = kuopio.node.client("goals-only");
    goals.get(&format!("{base}/Observation")).refused(403, "forbidden");
    let nobody = kuopio.get("/fhir/Patient/297.nobody/Observation");
    assert_eq!((nobody.total(), nobody.ids().len()), (Some(0), 0), "absent as hidden");
}

#[test]
fn everything_of_a_person_comes_page_by_page_from_wherever_it_is() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let here = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let there = kajaani.person("aino").answered([(Housing, 3, 3, "")]);
    here.grants(&kuopio.client("national-portal"), [Housing]);
    there.grants(&kajaani.client("national-portal"), [Housing]);
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("205,297".to_owned());
    let path = format!("/fhir/Patient/{}/$everything", here.patient());
    let names = |reply: &Reply| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let name = |r: &&Value| (text(&r["resourceType"]), text(&r["id"]));
        reply.matches().iter().map(name).collect()
    };
    let all = portal.get(&path);
    all.hides([Health]);
    let found = names(&all);
    let mut expected = Vec::new();
    for kind in ["Patient", "QuestionnaireResponse", "Observation", "Provenance"] {
        let who = if kind == "Patient" { "_id" } else { "patient" };
        let search = portal.get(&format!("/fhir/{kind}?{who}={}", here.patient()));
        expected.extend(names(&search));
    }
    assert_eq!(found, expected);
    assert_eq!(found.len(), 1 + 2 + 4 + 2, "{found:?}");
    assert_eq!(all.completeness().len(), 2, "{all:?}");
    for count in [1, 2, 4, 7] {
        let pages = portal.pages(&format!("{path}?_count={count}"));
        let paged: Vec<_> = pages.iter().flat_map(names).collect();
        assert_eq!(paged, expected, "_count={count}");
        assert!(pages.iter().all(|page| page.matches().len() <= count));
    }
    let some = portal.get(&format!("{path}?_type=Observation"));
    assert_eq!(some.ids().len(), 4);
    assert_eq!(portal.get(&format!("{path}?_since=2027-01-01T00:00:00Z")).ids().len(), 0);
    for (query, code) in [
        ("_type=Organization", "invalid"),
        ("_since=2026", "invalid"),
        ("_count=x", "invalid"),
        ("start=2026", "not-supported"),
        ("_cursor=AAAA", "invalid"),
    ] {
        portal.get(&format!("{path}?{query}")).refused(400, code);
    }
    let goals = kuopio.client("goals-only");
    goals.get(&path).refused(403, "forbidden");
    let told = here.node().disclosures(here.patient());
    assert!(!told.is_empty());
}
