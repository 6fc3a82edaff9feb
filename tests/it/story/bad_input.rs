//! Bad input gets a clear answer, and changes nothing.

use bytes::Bytes;
use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};

use crate::world::{World, actor::Ask, person::path};

#[test]
fn a_cursor_is_good_for_its_caller_query_and_time_alone() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, region) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing, Health]);
    aino.grants(&region, [Housing, Health]);
    let path = format!("/fhir/Observation?patient={}&_count=1", aino.patient());
    let next = portal.get(&path).next().unwrap();
    assert_eq!(portal.get(&next).ids().len(), 1);
    let mut last = next.clone();
    while let Some(further) = portal.get(&last).next() {
        last = further;
    }
    let (query, cursor) = next.split_once("_cursor=").unwrap();
    let swapped: String = cursor.chars().rev().collect();
    let rows = [
        ("stolen", region.get(&next)),
        ("altered", portal.get(&format!("{query}_cursor={swapped}"))),
        ("cut", portal.get(&format!("{query}_cursor={}", &cursor[..20]))),
        ("long", portal.get(&format!("{query}_cursor={}", "A".repeat(4000)))),
        ("of another query", portal.get(&next.replace("_count=1", "_count=2"))),
        ("of another type", portal.get(&next.replace("Observation", "Goal"))),
    ];
    for (what, reply) in rows {
        assert_eq!((reply.status(), reply.issue()), (400, "invalid"), "{what}: {reply:?}");
    }
    world.pass(std::time::Duration::from_mins(20));
    portal.get(&next).refused(400, "invalid");
    // The last page points to no other, so it might be kept.
    portal.get(&last).refused(400, "invalid");
}

#[test]
fn parameters_that_cannot_be_read_are_refused_and_unknown_ones_ignored() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    let ask =
        |query: &str| portal.get(&format!("/fhir/Observation?patient={}&{query}", aino.patient()));
    for (query, total) in [
        ("status=final", 2),
        ("status=amended", 0),
        ("category=survey", 2),
        ("code=housing.satisfaction", 1),
        ("date=2026-02-01", 2),
        ("date=lt2026-02-01", 0),
        ("date=ge2026", 2),
        ("_security=housing", 2),
        ("_security=health", 0),
        ("_total=accurate", 2),
        ("_lastUpdated=ge2026-03-01", 2),
        ("_sort=-date", 2),
        ("unknown=1", 2),
        ("status=", 2),
        ("_count=99999999999999999999999", 2),
        ("code=x,housing.importance", 1),
    ] {
        let reply = ask(query);
        assert_eq!(reply.total(), Some(total), "{query}: {reply:?}");
        assert!(!reply.own_link().contains("unknown"), "{query}");
    }
    for query in [
        "_count=-1",
        "_count=x",
        "date=yesterday",
        "_total=maybe",
        "_sort=_security",
        "_sort=shoe-size",
        "date=%ff",
        "a=%zz",
        "patient=297.bbbbbbbbbbbbbbbbbbbbbbbbbb",
        "patient.identifier=urn:oid:1.2.246.21%7C010101-999X",
    ] {
        let reply = ask(query);
        assert_eq!((reply.status(), reply.issue()), (400, "invalid"), "{query}: {reply:?}");
    }
    let headers = vec![("prefer", "handling=strict".to_owned())];
    let strict = Ask { headers, nodes: Some("297"), ..Ask::default() };
    portal
        .actor
        .send(&kuopio, Method::GET, "/fhir/Goal?unknown=1", strict)
        .refused(400, "not-supported");
    portal.get("/fhir/Goal?_sort=-start-date").refused(422, "too-costly");
    portal.get("/fhir/Nonsense").refused(404, "not-found");
    portal.get("/fhir/Goal/297.%C3%A4").refused(404, "not-found");
}

#[test]
fn a_body_that_cannot_be_read_changes_nothing() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    let before = portal.search("Observation", &aino).text();
    let deep = ["{\"a\":".repeat(10_000), "1".to_owned(), "}".repeat(10_000)].concat();
    let bodies: [(&str, Bytes, u16); 7] = [
        ("empty", Bytes::new(), 400),
        ("truncated", "{\"schema\":\"mylife/person/1\",".into(), 400),
        ("deep", deep.into(), 400),
        ("huge", format!("\"{}\"", "x".repeat(2 << 20)).into(), 413),
        ("duplicate key", "{\"id\":\"aino\",\"id\":\"aino\"}".into(), 400),
        ("not UTF-8", Bytes::from_static(b"{\"id\":\"\xff\"}"), 400),
        ("wrong type", "[1]".into(), 422),
    ];
    let uuid = "urn:uuid:00000000-0000-4000-8000-000000000000";
    for (actor, path) in [
        ("source", "/native/people/aino".to_owned()),
        ("source", "/native/assessments/aino-a1".to_owned()),
        ("consent-desk", path(uuid)),
    ] {
        for (what, body, status) in &bodies {
            let reply = world.actor(actor).put_bytes(&kuopio, &path, body.clone(), None);
            assert_eq!(reply.status(), *status, "{what} to {path}: {reply:?}");
        }
    }
    assert_eq!(portal.search("Observation", &aino).text(), before);
}
