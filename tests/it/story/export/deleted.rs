//! Who keeps a copy is told what to delete from it: a manifest since an instant lists what is gone.

use std::{collections::BTreeMap, time::Duration};

use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use super::{begin, begin_with, lines, manifest};
use crate::{
    leak::stage::{plan, push},
    world::{Node, Terms, World, municipality::At},
};

/// What the lines say is to be deleted, in order.
fn deleted(lines: &[Value]) -> Vec<String> {
    let entries = lines.iter().flat_map(|line| {
        assert_eq!(line["type"], "transaction", "{line}");
        line["entry"].as_array().unwrap()
    });
    let request = |entry: &Value| {
        assert_eq!(entry["request"]["method"], "DELETE", "{entry}");
        entry["request"]["url"].as_str().unwrap().to_owned()
    };
    entries.map(request).collect()
}

/// A copy that somebody keeps: what they took, by type and id.
#[derive(Default)]
struct Copied {
    at: Option<String>,
    all: BTreeMap<String, Value>,
}

impl Copied {
    /// Brings it up to date; gives what was deleted from it.
    fn follow(&mut self, at: &At, path: &str) -> Vec<String> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let since = self.at.iter().map(|at| format!("{sign}_since={at}"));
        let manifest = manifest(at, &begin(at, &format!("{path}{}", since.collect::<String>())));
        assert_eq!(manifest.get("deleted").is_some(), self.at.is_some());
        self.at = manifest["transactionTime"].as_str().map(str::to_owned);
        let (gone, found): (Vec<Value>, Vec<Value>) =
            lines(at, &manifest, "").into_iter().partition(|line| line["resourceType"] == "Bundle");
        let gone = deleted(&gone);
        gone.iter().for_each(|key| drop(self.all.remove(key)));
        for one in found {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            let key = format!("{}/{}", text("resourceType"), text("id"));
            assert!(!gone.contains(&key), "{key} is deleted and is there");
            self.all.insert(key, one);
        }
        gone
    }

    fn is_that_of(&self, other: &Self) {
        assert_eq!(self.all.keys().collect::<Vec<_>>(), other.all.keys().collect::<Vec<_>>());
        let differs: Vec<_> =
            self.all.iter().filter(|(key, one)| other.all[*key] != **one).collect();
        assert!(differs.is_empty(), "{differs:#?}");
    }
}

/// Goals and a service of Aino's plan.
fn parts(goals: &[(&str, &str)], services: &[&str]) -> Value {
    let goal = |(id, theme): &(&str, &str)| json!({ "id": id, "themes": [theme], "words": "Sana", "set_by": "person", "status": "active" });
    let service = |id: &&str| json!({ "id": id, "service": "297.svc.youth", "themes": ["housing"], "state": "planned" });
    plan(&json!({
        "goals": goals.iter().map(goal).collect::<Vec<_>>(),
        "services": services.iter().map(service).collect::<Vec<_>>(),
    }))
}

const GOALS: [(&str, &str); 3] = [("g-2", "housing"), ("g-3", "housing"), ("g-4", "health")];

/// Aino, of whom the portal sees housing and the county everything.
fn kuopio(world: &World) -> (Node, [At; 2]) {
    let kuopio = world.municipality("297");
    let readers = ["national-portal", "north-savo"].map(|name| kuopio.client(name));
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&readers[0], [Housing]);
    aino.gives(Terms::grant(&readers[1].actor));
    push(&kuopio, "plans", &parts(&GOALS, &["s-2"]));
    world.pass(Duration::from_mins(1));
    (kuopio, readers)
}

#[test]
fn bx_19_a_copy_that_follows_is_as_one_that_is_new() {
    let world = World::new();
    let (kuopio, readers) = kuopio(&world);
    let path = "/fhir/Patient/$export";
    let mut copies = readers.each_ref().map(|reader| {
        let mut copy = Copied::default();
        assert!(copy.follow(reader, path).is_empty());
        copy
    });
    let goals = |copy: &Copied| copy.all.keys().filter(|key| key.starts_with("Goal/")).count();
    assert_eq!(copies.each_ref().map(goals), [3, 4]);
    // A goal that both see goes, one that the county alone sees, and a service; another comes.
    push(&kuopio, "plans", &parts(&[GOALS[1], ("g-5", "housing")], &[]));
    let gone = [0, 1].map(|n| copies[n].follow(&readers[n], path));
    let of = |n: usize, kind: &str| gone[n].iter().filter(|key| key.starts_with(kind)).count();
    assert_eq!([of(0, "Goal/"), of(1, "Goal/")], [1, 2], "{gone:?}");
    assert_eq!([of(0, "ServiceRequest/"), of(1, "ServiceRequest/")], [1, 1], "{gone:?}");
    for (copy, reader) in copies.iter().zip(&readers) {
        let mut new = Copied::default();
        new.follow(reader, path);
        copy.is_that_of(&new);
    }
    // What was told once is not told again.
    for (copy, reader) in copies.iter_mut().zip(&readers) {
        assert_eq!(copy.follow(reader, path), [""; 0]);
    }
}

#[test]
fn what_is_withdrawn_is_told_of_no_more_than_what_is_withheld() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let grant = aino.grants(&portal, [Housing]);
    world.pass(Duration::from_mins(1));
    let mut copy = Copied::default();
    copy.follow(&portal, "/fhir/Patient/$export");
    assert!(!copy.all.is_empty());
    grant.revoke().accepted();
    assert_eq!(copy.follow(&portal, "/fhir/Patient/$export"), [""; 0]);
}

#[test]
fn types_and_people_bound_what_is_told_to_be_gone() {
    let world = World::new();
    let (kuopio, [_, county]) = kuopio(&world);
    let eetu = kuopio.person("eetu").answered([(Housing, 1, 1, "")]);
    eetu.grants(&county, [Housing]);
    world.pass(Duration::from_mins(1));
    let mut copy = Copied::default();
    copy.follow(&county, "/fhir/Patient/$export");
    let since = copy.at.unwrap();
    push(&kuopio, "plans", &parts(&[], &[]));
    let told = |more: Value| {
        let since = json!({ "name": "_since", "valueInstant": since });
        let begun = begin_with(&county, "/fhir/Patient/$export", &json!([since, more]));
        deleted(&lines(&county, &manifest(&county, &begun), "Bundle"))
    };
    let of = |types: &str| json!({ "name": "_type", "valueString": types });
    let services = told(of("ServiceRequest,Patient"));
    assert!(services.len() == 1 && services[0].starts_with("ServiceRequest/"), "{services:?}");
    assert_eq!(told(of("Patient")), [""; 0]);
    let another = json!({ "reference": format!("Patient/{}", eetu.patient()) });
    assert_eq!(told(json!({ "name": "patient", "valueReference": another })), [""; 0]);
    assert!(told(of("Goal,ServiceRequest,Provenance")).len() > 3);
}

#[test]
fn through_the_portal_each_holder_tells_what_is_gone_there() {
    for stride in [0, 1] {
        let world = World::with_stride(stride);
        let (kuopio, [direct, _]) = kuopio(&world);
        let mut portal = world.portal().client("national-portal");
        portal.nodes = Some("297".to_owned());
        let path = "/fhir/Patient/$export";
        let mut copies = [Copied::default(), Copied::default()];
        let readers = [&direct, &portal];
        for (copy, reader) in copies.iter_mut().zip(readers) {
            copy.follow(reader, path);
        }
        push(&kuopio, "plans", &parts(&[], &[]));
        let [here, there] = [0, 1].map(|n| copies[n].follow(readers[n], path));
        assert!(here.len() > 2, "{here:?}");
        assert_eq!(here, there, "stride {stride}");
        copies[0].is_that_of(&copies[1]);
    }
}

#[test]
fn whose_it_was_is_written_down_wherever_it_is_told_that_it_is_gone() {
    let world = World::new();
    let (kuopio, [direct, _]) = kuopio(&world);
    let portal = world.portal();
    let mut there = portal.client("national-portal");
    there.nodes = Some("297".to_owned());
    let aino = kuopio.person("aino");
    let found = direct.search("Goal", &aino);
    let goal = format!("Goal/{}", found.matches()[0]["id"].as_str().unwrap());
    let mut copies = [Copied::default(), Copied::default()];
    let path = "/fhir/Patient/$export?_type=Goal";
    for (copy, reader) in copies.iter_mut().zip([&direct, &there]) {
        copy.follow(reader, path);
    }
    push(&kuopio, "plans", &parts(&[], &[]));
    let told = |node: &Node| node.disclosures(aino.patient());
    for (copy, (reader, node)) in copies.iter_mut().zip([(&direct, &kuopio), (&there, &portal)]) {
        let before = told(node).len();
        assert!(copy.follow(reader, path).contains(&goal));
        let file = &told(node)[before];
        assert!(json!(file.resources).to_string().contains(&goal), "{file:?}");
        for way in [
            format!("/fhir/{goal}/_history?_count=1"),
            format!("/fhir/Goal/_history?_count=1&patient={}", aino.patient()),
        ] {
            let before = told(node).len();
            reader.get(&way).accepted().says("\"DELETE\"");
            assert_eq!(told(node).len(), before + 1, "{way} {}", node.gateway.node);
        }
    }
}
