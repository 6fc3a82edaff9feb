//! A bulk client takes everything it may see: begins, asks how far it is, takes the files, ends.
//!
//! Names begin with the row of the checklist of Bulk Data Access that they show (BX-01 to BX-31).

mod asked;
mod federated;
mod deleted;
pub(crate) mod snapshot;

use std::time::Duration;

use flate2::{Decompress, FlushDecompress};
use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Node, Person, Reply, Terms, World, actor::Ask, municipality::At};

/// What an export settles in.
const SETTLES: Duration = Duration::from_secs(2);

/// An asker with `Prefer: respond-async` and more headers.
pub(crate) fn prefers(more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut all = vec![("prefer", "respond-async".to_owned())];
    all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all
}

/// Begins an export.
pub(crate) fn begin(at: &At, path: &str) -> Reply {
    let ask = Ask { headers: prefers(&[]), nodes: at.nodes.as_deref(), ..Ask::default() };
    at.actor.send(&at.node, Method::GET, path, ask)
}

/// Begins one by `Parameters`.
fn begin_with(at: &At, path: &str, parameters: &Value) -> Reply {
    let mut body = json!({ "resourceType": "Parameters" });
    if *parameters != json!([]) {
        body["parameter"] = parameters.clone();
    }
    let kind = Some("application/fhir+json");
    let (headers, body) = (prefers(&[]), body.to_string().into());
    let nodes = at.nodes.as_deref();
    at.actor.send(&at.node, Method::POST, path, Ask { headers, kind, nodes, body })
}

/// Path of a URL of the gateway.
fn path(url: &str) -> String {
    url[url.find("/fhir").unwrap()..].to_owned()
}

/// Where a begun export says how far it is.
pub(crate) fn status(begun: &Reply) -> String {
    assert_eq!(begun.status(), 202, "{begun:?}");
    path(begun.header("content-location").unwrap())
}

/// The manifest of a begun export, once it is there.
pub(crate) fn manifest(at: &At, begun: &Reply) -> Value {
    let status = status(begun);
    at.node.world.pass(SETTLES);
    let reply = at.get(&status);
    assert_eq!(reply.status(), 200, "{reply:?}");
    reply.json().clone()
}

/// Paths of the files of a type; of all with `""`. Those that say what is gone are of Bundles.
pub(crate) fn files(manifest: &Value, kind: &str) -> Vec<String> {
    let all = ["output", "deleted"].map(|name| manifest[name].as_array());
    let all = all.into_iter().flatten().flatten();
    let of = all.filter(|one| kind.is_empty() || one["type"] == kind);
    of.map(|one| path(one["url"].as_str().unwrap())).collect()
}

/// The resources of a type.
pub(crate) fn lines(at: &At, manifest: &Value, kind: &str) -> Vec<Value> {
    let replies = files(manifest, kind).into_iter().map(|path| at.get(&path).accepted());
    let lines: Vec<Value> = replies
        .flat_map(|reply| {
            let text = reply.text();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    assert!(kind.is_empty() || lines.iter().all(|line: &Value| line["resourceType"] == kind));
    lines
}

/// Everything that an export of this path gives of a type.
pub(crate) fn export(at: &At, path: &str, kind: &str) -> Vec<Value> {
    lines(at, &manifest(at, &begin(at, path)), kind)
}

fn ids(lines: &[Value]) -> Vec<String> {
    lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// Three people; two of them share housing with the portal.
fn populated(world: &World) -> (Node, At, [Person; 3]) {
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let people = ["aino", "eetu", "iida"].map(|name| {
        let one = kuopio.person(name).answered([(Housing, 2, 1, "Oma koti"), (Health, 1, 1, "")]);
        if name != "iida" {
            one.grants(&client, [Housing]);
        }
        one
    });
    world.pass(Duration::from_mins(1));
    (kuopio, client, people)
}

#[test]
fn bx_18_a_client_takes_what_it_may_see_of_everybody_and_nothing_else() {
    let world = World::new();
    let (kuopio, client, [aino, eetu, iida]) = populated(&world);
    for path in ["/fhir/$export", "/fhir/Patient/$export", "/fhir/Group/297/$export"] {
        let manifest = manifest(&client, &begin(&client, path));
        let patients = lines(&client, &manifest, "Patient");
        let mut expected = [aino.patient(), eetu.patient()].map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(ids(&patients), expected, "{path}");
        let surveys = lines(&client, &manifest, "QuestionnaireResponse");
        for survey in &surveys {
            let themes: Vec<&Value> =
                survey["item"].as_array().unwrap().iter().map(|item| &item["linkId"]).collect();
            assert!(themes.iter().all(|link| link.as_str().unwrap().contains("housing")));
            assert!(!survey.to_string().contains("Oma koti"), "own words stay back");
        }
        assert_eq!(surveys.len(), 2);
        // The same bytes that a read gives.
        let one = client.get(&format!("/fhir/QuestionnaireResponse/{}", aino.document(0)));
        assert!(surveys.contains(one.json()), "{path}");
        assert!(
            lines(&client, &manifest, "")
                .iter()
                .all(|line| { !line.to_string().contains(iida.patient()) })
        );
    }
    // Every file that had somebody is in the log of each.
    let told = kuopio.disclosures(aino.patient());
    assert!(told.iter().any(|entry| {
        entry.query.as_ref().is_some_and(|q| q.as_str() == "_type=QuestionnaireResponse")
    }));
    assert!(kuopio.disclosures(iida.patient()).is_empty());
}

#[test]
fn who_is_named_finds_that_an_export_of_them_began() {
    let world = World::new();
    let (kuopio, client, people) = populated(&world);
    let named = |person: &Person| {
        let reference = json!({ "reference": format!("Patient/{}", person.patient()) });
        json!([{ "name": "patient", "valueReference": reference }])
    };
    let mut begun = 0;
    for person in &people {
        let before = kuopio.disclosures(person.patient()).len();
        let reply = begin_with(&client, "/fhir/Patient/$export", &named(person));
        let is_there = reply.status() == 202;
        begun += usize::from(is_there);
        let told = kuopio.disclosures(person.patient()).len() - before;
        assert_eq!(told, usize::from(is_there), "{reply:?}");
    }
    assert_eq!(begun, 2, "two of them share something");
}

#[test]
fn bx_25_provenance_comes_with_what_it_is_of() {
    let world = World::new();
    let (_, client, _) = populated(&world);
    let manifest = manifest(&client, &begin(&client, "/fhir/Patient/$export"));
    let provenance = lines(&client, &manifest, "Provenance");
    assert!(!provenance.is_empty());
    assert!(
        files(
            &super::export::manifest(&client, &begin(&client, "/fhir/$export?_type=Patient")),
            "Provenance"
        )
        .is_empty()
    );
}

#[test]
fn bx_26_a_file_is_packed_for_who_asks_and_no_line_of_it_refers_to_another() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    let manifest = manifest(&client, &begin(&client, "/fhir/Patient/$export"));
    let get = |path: &str, takes: &str| {
        let headers = vec![("accept-encoding", takes.to_owned())];
        client.actor.send(&kuopio, Method::GET, path, Ask { headers, ..Ask::default() })
    };
    let (mut short, mut long) = (0, 0);
    for path in files(&manifest, "") {
        let (plain, packed) = (get(&path, "br, gzip;q=0"), get(&path, "gzip"));
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(packed.text(), plain.text());
        short += packed.sent().len();
        long += plain.sent().len();
        // Each line can be unpacked without the others.
        let mut rest = &packed.sent()[10..];
        for line in plain.text().split_inclusive('\n') {
            let end = rest.windows(4).position(|four| four == [0, 0, 0xff, 0xff]).unwrap() + 4;
            let mut own = Vec::with_capacity(line.len() + 1);
            let sync = FlushDecompress::Sync;
            Decompress::new(false).decompress_vec(&rest[..end], &mut own, sync).unwrap();
            assert_eq!(str::from_utf8(&own).unwrap(), line);
            rest = &rest[end..];
        }
    }
    assert!(short * 4 < long * 3, "{short} of {long} bytes");
}

#[test]
fn the_directory_comes_with_an_export_of_the_system_alone() {
    let world = World::new();
    let (_, client, _) = populated(&world);
    let all = manifest(&client, &begin(&client, "/fhir/$export"));
    let organizations = lines(&client, &all, "Organization");
    assert_eq!(organizations.len(), client.get("/fhir/Organization?_count=100").matches().len());
    let people = manifest(&client, &begin(&client, "/fhir/Patient/$export"));
    assert!(files(&people, "Organization").is_empty());
    let named = begin(&client, "/fhir/Patient/$export?_type=Organization");
    named.refused(400, "not-supported");
}

#[test]
fn bx_28_what_is_withdrawn_after_the_kick_off_is_in_no_file() {
    let world = World::new();
    let (kuopio, client, [aino, eetu, _]) = populated(&world);
    let again = aino.means(Terms::grant(&client.actor).themes(&[Health]));
    drop(again);
    let given = eetu.grants(&client, [Health]);
    let begun = begin(&client, "/fhir/Patient/$export?_type=Observation");
    let manifest = manifest(&client, &begun);
    let health = |lines: &[Value]| lines.iter().any(|l| l.to_string().contains("health"));
    assert!(health(&lines(&client, &manifest, "Observation")));
    given.revoke();
    assert!(!health(&lines(&client, &manifest, "Observation")), "the same link");
    drop(kuopio);
}

#[test]
fn bx_20_links_are_of_the_client_that_began_and_need_its_token() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    let begun = begin(&client, "/fhir/Patient/$export");
    let manifest = manifest(&client, &begun);
    let (status, file) = (status(&begun), files(&manifest, "Patient").remove(0));
    let county = kuopio.client("north-savo");
    for path in [&status, &file] {
        let bare = client.actor.raw(&kuopio, Method::GET, path, Ask::default());
        bare.refused(401, "login");
        let absent = format!("{path}x");
        county.get(path).refused(404, "not-found");
        assert_eq!(county.get(path).bytes(), client.get(&absent).bytes(), "as what never was");
    }
    let stranger = county.actor.send(&kuopio, Method::DELETE, &status, Ask::default());
    stranger.refused(404, "not-found");
    // The same client with fewer scopes gets the files of those alone.
    let token = client.actor.token(&kuopio, "system/Observation.rs");
    let narrow = |path: &str| {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        client.actor.raw(&kuopio, Method::GET, path, Ask { headers, ..Ask::default() })
    };
    narrow(&file).refused(403, "forbidden");
    narrow(&files(&manifest, "Observation")[0]).accepted();
    assert_eq!(client.get(&file).status(), 200);
}

#[test]
fn bx_23_an_export_that_is_ended_is_gone_with_its_files_and_makes_room_at_once() {
    let world = World::new();
    let (kuopio, client, _) = populated(&world);
    let first = begin(&client, "/fhir/Patient/$export");
    let manifest = manifest(&client, &first);
    let file = files(&manifest, "Patient").remove(0);
    for _ in 1..mylife::export::MOST {
        begin(&client, "/fhir/$export").accepted();
    }
    let many = begin(&client, "/fhir/$export");
    many.refused(429, "throttled");
    assert!(many.header("retry-after").is_some());
    let end = |path: &str| client.actor.send(&kuopio, Method::DELETE, path, Ask::default());
    assert_eq!(end(&status(&first)).status(), 202);
    client.get(&status(&first)).refused(404, "not-found");
    client.get(&file).refused(404, "not-found");
    end(&status(&first)).refused(404, "not-found");
    begin(&client, "/fhir/$export").accepted();
    begin(&kuopio.client("north-savo"), "/fhir/$export").accepted();
    // It ends by itself, too.
    world.pass(mylife::export::LIFE);
    let last = begin(&client, "/fhir/$export");
    client.get(&status(&last)).accepted();
    world.pass(mylife::export::LIFE);
    client.get(&status(&last)).refused(404, "not-found");
}
