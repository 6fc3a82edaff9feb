//! What was before is shown as it is seen today: a portal reads the versions of a survey and of a goal,
//! and learns nothing from them that it may not see now.

use std::time::Duration;

use http::Method;
use mylife::{
    audit::record::Interaction,
    domain::theme::Theme::{Finance, Health, Housing},
};
use serde_json::{Value, json};

use crate::world::{Node, Person, Reply, World, actor::Ask, municipality::At};

const HOUR: Duration = Duration::from_hours(1);

/// A version of somebody's one survey: importance of housing, health and finance.
fn answers(person: &Person, housing: u8, health: u8, finance: u8) {
    let answer = |theme: &str, n: u8| json!({ "theme": theme, "importance": n });
    let body = json!({
        "schema": "mylife/assessment/1", "id": "s", "person": "aino", "form": "3x10d-30",
        "status": "completed", "authored": "2026-02-01T10:00:00Z", "answered_by": "person",
        "language": "fi",
        "answers": [answer("housing", housing), answer("health", health),
            answer("finance", finance)],
    });
    push(person, "assessments", "s", &body);
}

pub(super) fn push(person: &Person, kind: &str, id: &str, body: &Value) -> Reply {
    let source = person.node().world.actor("source");
    let (kind_of, body) = (Some("application/json"), body.to_string().into());
    let ask = Ask { kind: kind_of, body, ..Ask::default() };
    source.send(person.node(), Method::PUT, &format!("/native/{kind}/{id}"), ask).accepted()
}

/// The survey's id.
fn survey(client: &At, person: &Person) -> String {
    let found = client.get(&format!("/fhir/QuestionnaireResponse?patient={}", person.patient()));
    found.ids().remove(0)
}

fn entries(reply: &Reply) -> Vec<Value> {
    assert_eq!((reply.status(), &reply.json()["type"]), (200, &json!("history")), "{reply:?}");
    reply.json()["entry"].as_array().cloned().unwrap_or_default()
}

fn etags(reply: &Reply) -> Vec<String> {
    entries(reply).iter().map(|e| e["response"]["etag"].as_str().unwrap().to_owned()).collect()
}

fn importance(resource: &Value) -> Vec<i64> {
    let groups = resource["item"].as_array().into_iter().flatten();
    groups.map(|g| g["item"][0]["answer"][0]["valueInteger"].as_i64().unwrap()).collect()
}

/// Aino's survey in three versions, of which the portal can tell two apart.
fn three(world: &World, kuopio: &Node) -> (At, Person, String) {
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino");
    aino.grants(&portal, [Housing]);
    for (housing, health) in [(1, 1), (1, 2), (2, 2)] {
        world.pass(HOUR);
        answers(&aino, housing, health, 5);
    }
    world.pass(HOUR);
    let id = survey(&portal, &aino);
    (portal, aino, id)
}

#[test]
fn versions_that_differ_in_nothing_that_is_seen_are_one() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, aino, id) = three(&world, &kuopio);
    let path = format!("/fhir/QuestionnaireResponse/{id}");
    let now = portal.get(&path);
    let history = portal.get(&format!("{path}/_history"));
    assert_eq!(history.total(), Some(2));
    let all = entries(&history);
    let seen: Vec<_> = all.iter().map(|e| importance(&e["resource"])).collect();
    assert_eq!(seen, [[2], [1]], "newest first");
    history.hides([Health, Finance]);
    assert_eq!(all[0]["resource"], *now.json(), "the newest is what a read gives");
    let statuses: Vec<_> = all.iter().map(|e| e["response"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["200", "201"]);
    assert_eq!(Some(&*etags(&history)[0]), now.header("etag"));
    // Each version is there by its own id, byte for byte what was read then.
    for entry in &all {
        let version = entry["resource"]["meta"]["versionId"].as_str().unwrap();
        let read = portal.get(&format!("{path}/_history/{version}"));
        assert_eq!(*read.json(), entry["resource"]);
        assert_eq!(read.header("etag"), entry["response"]["etag"].as_str());
        assert!(read.header("last-modified").is_some());
    }
    // Who may see health too sees three versions, and none by the portal's names.
    let county = kuopio.client("north-savo");
    aino.grants(&county, [Housing, Health]);
    let other = county.get(&format!("{path}/_history"));
    assert_eq!(other.total(), Some(3));
    assert!(etags(&other).iter().all(|etag| !etags(&history).contains(etag)));
    let audit = kuopio.disclosures(aino.patient());
    let count = |of| audit.iter().filter(|entry| entry.interaction == of).count();
    assert_eq!((count(Interaction::History), count(Interaction::Vread)), (2, 2));
}

#[test]
fn what_was_withdrawn_is_in_no_earlier_version_and_what_is_granted_is_in_all() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, aino, id) = three(&world, &kuopio);
    let path = format!("/fhir/QuestionnaireResponse/{id}/_history");
    let before = portal.get(&path);
    let old = entries(&before)[1]["resource"]["meta"]["versionId"].as_str().unwrap().to_owned();
    let health = aino.grants(&portal, [Health]);
    let granted = world.now();
    let wide = portal.get(&path);
    assert_eq!(wide.total(), Some(3));
    for entry in entries(&wide) {
        assert_eq!(importance(&entry["resource"]).len(), 2, "{entry}");
        // What is newly granted reaches whoever asks what is new.
        assert_eq!(entry["response"]["lastModified"], granted.to_string());
    }
    portal.get(&format!("{path}/{old}")).refused(404, "not-found");
    world.pass(HOUR);
    health.revoke();
    let (narrow, withdrawn) = (portal.get(&path), world.now());
    assert_eq!(etags(&narrow), etags(&before), "the versions are those of before");
    for entry in entries(&narrow) {
        assert_eq!(entry["response"]["lastModified"], withdrawn.to_string(), "the end is a change");
    }
    assert_eq!(portal.get(&format!("{path}/{old}")).status(), 200);
}

#[test]
fn a_history_is_walked_in_pages_and_asked_by_time() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino");
    aino.grants(&portal, [Housing]);
    let mut times = Vec::new();
    for n in 1..=5 {
        world.pass(HOUR);
        times.push(world.now());
        answers(&aino, n, 1, 1);
    }
    let id = survey(&portal, &aino);
    let path = format!("/fhir/QuestionnaireResponse/{id}/_history");
    let whole = portal.get(&path);
    let pages = portal.pages(&format!("{path}?_count=2"));
    let walked: Vec<_> = pages.iter().flat_map(etags).collect();
    assert_eq!((pages.len(), walked), (3, etags(&whole)));
    assert!(pages.iter().all(|page| page.total() == Some(5)));
    let counted = portal.get(&format!("{path}?_count=0"));
    assert_eq!((counted.total(), entries(&counted).len()), (Some(5), 0));
    let seen = |query: String| -> Vec<i64> {
        let reply = portal.get(&format!("{path}?{query}"));
        entries(&reply).iter().map(|e| importance(&e["resource"])[0]).collect()
    };
    assert_eq!(seen(format!("_since={}", times[3])), [5, 4]);
    assert_eq!(seen(format!("_since={}", world.now().plus(HOUR))), [0_i64; 0]);
    assert_eq!(seen(format!("_at={}", times[2])), [3]);
    assert_eq!(seen(format!("_at={}", times[2].plus(HOUR / 2))), [3], "it was current then");
    assert_eq!(seen("_at=2026-01".to_owned()), [0_i64; 0]);
    assert_eq!(seen(format!("_at=ge{}&_at=le{}", times[1], times[3])), [4, 3, 2]);
    for (query, place) in [
        ("_since=2026-01-01", "_since"),
        ("_since=x", "_since"),
        ("_at=sa2026", "_at"),
        ("_count=x", "_count"),
        ("_cursor=x", "_cursor"),
    ] {
        let reply = portal.get(&format!("{path}?{query}"));
        assert_eq!(reply.refused(400, "invalid").expression(), [place], "{query}");
    }
    // A page link is for who was given it, and for what was asked.
    let next = pages[0].next().unwrap();
    let county = kuopio.client("north-savo");
    aino.grants(&county, [Housing, Health]);
    county.get(&next).refused(400, "invalid");
    let cursor = next.split_once("_cursor=").unwrap().1;
    portal.get(&format!("{path}?_count=3&_cursor={cursor}")).refused(400, "invalid");
}

#[test]
fn the_history_of_a_type_is_that_of_one_person() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, aino, _) = three(&world, &kuopio);
    let path = "/fhir/Observation/_history";
    let history = portal.get(&format!("{path}?patient={}", aino.patient()));
    let seen: Vec<_> =
        entries(&history).iter().map(|e| e["resource"]["valueInteger"].as_i64().unwrap()).collect();
    assert_eq!(seen, [2, 1]);
    portal.get(path).refused(422, "too-costly");
    let elsewhere = format!("297.{}", "a".repeat(26));
    let nobody = portal.get(&format!("{path}?patient=Patient/{elsewhere}"));
    assert_eq!((nobody.total(), entries(&nobody).len()), (Some(0), 0));
    // Somebody of whom nothing may be seen is as nobody at all.
    let stranger = kuopio.person("eero").answered([(Housing, 1, 1, "")]);
    let hidden = portal.get(&format!("{path}?patient=Patient/{}", stranger.patient()));
    let blank = |r: &Reply| r.text().replace(stranger.patient(), "x").replace(&elsewhere, "x");
    assert_eq!(blank(&hidden), blank(&nobody));
    portal.get("/fhir/Organization/_history").refused(404, "not-found");
}

pub(super) fn goal(id: &str, words: &str) -> Value {
    json!({ "id": id, "words": words, "themes": ["housing"], "set_by": "person",
        "status": "active" })
}

pub(super) fn plan(person: &Person, goals: &[Value]) -> Reply {
    let body = json!({
        "schema": "mylife/plan/1", "id": "p", "person": "aino", "status": "active",
        "title": "Suunnitelma", "created": "2026-02-10T10:00:00Z",
        "period": { "start": "2026-02-10" }, "goals": goals, "services": [],
        "actions": [],
        "team": [{ "id": "m1", "practitioner": "297.prac.youth1",
            "organization": "297.org.youth", "role": "case-manager", "active": true }],
    });
    push(person, "plans", "p", &body)
}

#[test]
fn what_is_gone_is_told_apart_from_what_was_never_seen_and_from_nothing() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, county) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let aino = kuopio.person("aino");
    aino.grants(&portal, [Housing]);
    aino.grants(&county, [Health]);
    plan(&aino, &[goal("g1", "Oma koti"), goal("g2", "Vuokra")]);
    let goals = portal.search("Goal", &aino).ids();
    world.pass(HOUR);
    plan(&aino, &[goal("g1", "Oma koti")]);
    let left = portal.search("Goal", &aino).ids();
    let gone = goals.iter().find(|id| !left.contains(id)).unwrap();
    let (there, absent) = (format!("/fhir/Goal/{gone}"), format!("/fhir/Goal/{gone}x"));
    portal.get(&there).refused(410, "deleted");
    portal.get(&absent).refused(404, "not-found");
    let history = portal.get(&format!("{there}/_history"));
    let all = entries(&history);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["request"]["method"], "DELETE");
    assert_eq!(all[0]["response"]["status"], "204");
    assert_eq!(all[0]["response"]["lastModified"], world.now().to_string());
    assert!(all[0].get("resource").is_none());
    let version = all[1]["resource"]["meta"]["versionId"].as_str().unwrap();
    assert_eq!(portal.get(&format!("{there}/_history/{version}")).status(), 200);
    // Deleted while hidden is as hidden is as absent.
    let nothing = county.get(&absent).bytes();
    for path in [
        there.clone(),
        format!("/fhir/Goal/{}", left[0]),
        format!("{there}/_history"),
        format!("{there}/_history/{version}"),
        format!("{absent}/_history"),
        format!("{absent}/_history/1"),
    ] {
        assert_eq!(county.get(&path).bytes(), nothing, "{path}");
    }
    // It comes back as it came.
    world.pass(HOUR);
    plan(&aino, &[goal("g1", "Oma koti"), goal("g2", "Vuokra")]);
    assert_eq!(portal.search("Goal", &aino).ids().len(), 2);
}

#[test]
fn what_another_node_holds_has_its_history_there() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let kajaani = world.municipality("205");
    drop(kajaani);
    let (near, aino, id) = three(&world, &kuopio);
    let far = world.portal().client("national-portal");
    let path = format!("/fhir/QuestionnaireResponse/{id}");
    let (here, there) =
        (near.get(&format!("{path}/_history")), far.get(&format!("{path}/_history")));
    assert_eq!(etags(&there), etags(&here));
    let walked: Vec<_> =
        far.pages(&format!("{path}/_history?_count=1")).iter().flat_map(etags).collect();
    assert_eq!(walked, etags(&here));
    let version = etags(&here)[1].trim_start_matches("W/").trim_matches('"').to_owned();
    let read = far.get(&format!("{path}/_history/{version}"));
    assert_eq!(read.text(), near.get(&format!("{path}/_history/{version}")).text());
    let of_type = format!("/fhir/Observation/_history?patient={}", aino.patient());
    assert_eq!(etags(&far.get(&of_type)), etags(&near.get(&of_type)));
    far.get(&format!("{path}x/_history")).refused(404, "not-found");
    far.get(&format!("{path}/_history/x")).refused(404, "not-found");
}

#[test]
fn a_reader_without_the_scope_is_refused_whatever_there_is() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (_, aino, id) = three(&world, &kuopio);
    let goals = kuopio.client("goals-only");
    for path in [
        format!("/fhir/QuestionnaireResponse/{id}/_history"),
        format!("/fhir/QuestionnaireResponse/{id}x/_history"),
        format!("/fhir/QuestionnaireResponse/{id}/_history/1"),
        format!("/fhir/QuestionnaireResponse/_history?patient={}", aino.patient()),
    ] {
        goals.get(&path).refused(403, "forbidden");
    }
}

#[test]
fn who_asks_by_date_is_told_of_all_that_came_and_went_since() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, aino, id) = three(&world, &kuopio);
    let path = format!("/fhir/QuestionnaireResponse/{id}");
    let ask = |date: &str| {
        let headers = vec![("if-modified-since", date.to_owned())];
        let nodes = Some("297");
        portal.actor.send(&kuopio, Method::GET, &path, Ask { headers, nodes, ..Ask::default() })
    };
    let date = portal.get(&path).header("last-modified").unwrap().to_owned();
    let known = ask(&date);
    assert_eq!((known.status(), &*known.text()), (304, ""));
    assert_eq!(known.header("etag"), portal.get(&path).header("etag"));
    for other in ["Sun, 01 Mar 2026 10:00:00 GMT", "yesterday", "2026-03-02T10:00:00Z"] {
        assert_eq!(ask(other).status(), 200, "{other}");
    }
    // A change that is not seen is none.
    world.pass(HOUR);
    answers(&aino, 2, 9, 9);
    assert_eq!(ask(&date).status(), 304);
    world.pass(HOUR);
    let health = aino.grants(&portal, [Health]);
    assert_eq!(ask(&date).status(), 200);
    let wide = portal.get(&path).header("last-modified").unwrap().to_owned();
    assert_eq!(ask(&wide).status(), 200, "the second is not over");
    world.pass(HOUR);
    assert_eq!(ask(&wide).status(), 304);
    world.pass(HOUR);
    health.revoke();
    ask(&wide).shows([Housing]).hides([Health]);
}
