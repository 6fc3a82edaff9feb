//! What the `CapabilityStatement` claims is so: everything it lists works, and nothing else does for who
//! is strict.

use std::collections::BTreeSet;

use http::Method;
use mylife::{domain::theme::Theme::Housing, shared::pace::Rates};
use serde_json::Value;

use crate::world::{Person, Reply, World, actor::Ask, municipality::At};

struct Stand {
    reader: At,
    aino: Person,
    statement: Value,
}

fn stand(world: &World) -> Stand {
    let kuopio = world.municipality("297");
    // A citizen sees of themselves what there is.
    let reader = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&reader, [Housing]);
    let statement = reader.get("/fhir/metadata").json().clone();
    Stand { reader, aino, statement }
}

impl Stand {
    /// The types that are searched; of a Group there is an export alone, of our profiles a read.
    fn resources(&self) -> Vec<(&str, &Value)> {
        let all = self.statement["rest"][0]["resource"].as_array().unwrap();
        all.iter()
            // Subscriptions are nobody's but their client's, and searched in a way of their own.
            .filter(|one| one["searchParam"].is_array() && one["type"] != "Subscription")
            .map(|one| (one["type"].as_str().unwrap(), one))
            .collect()
    }

    /// Asks strictly, about one person where the type has people.
    fn ask(&self, kind: &str, pairs: &[(&str, &str)]) -> Reply {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let directory = [
            "Organization",
            "Practitioner",
            "PractitionerRole",
            "HealthcareService",
            "Location",
            "Questionnaire",
        ];
        if kind == "Patient" {
            form.append_pair("_id", self.aino.patient());
        } else if !directory.contains(&kind) {
            form.append_pair("patient", self.aino.patient());
        }
        form.extend_pairs(pairs);
        let headers = vec![("prefer", "handling=strict".to_owned())];
        let kind_of = Some("application/x-www-form-urlencoded");
        let ask = Ask { headers, kind: kind_of, body: form.finish().into(), nodes: Some("297") };
        let path = format!("/fhir/{kind}/_search");
        self.reader.actor.send(&self.reader.node, Method::POST, &path, ask)
    }
}

fn list<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    let all = value[name].as_array();
    all.into_iter().flatten().map(|one| one.as_str().unwrap()).collect()
}

#[test]
fn everything_that_is_listed_works() {
    let stand = stand(&World::with_rates(Rates { client: 100_000, ..Rates::default() }));
    for (kind, resource) in stand.resources() {
        for param in resource["searchParam"].as_array().unwrap() {
            let (name, of) = (param["name"].as_str().unwrap(), param["type"].as_str().unwrap());
            let person = matches!(name, "patient" | "subject" | "_id")
                || (kind == "Patient" && name == "identifier");
            let value = match of {
                "date" => "ge2026-01-01",
                "uri" | "reference" if name.starts_with('_') || name == "questionnaire" => {
                    "https://mylife.example/x"
                }
                "reference" => "297.x",
                _ => "x",
            };
            if !person {
                assert_eq!(stand.ask(kind, &[(name, value)]).status(), 200, "{kind}?{name}");
            }
            if !["_profile", "_security"].contains(&name) {
                assert_eq!(
                    stand.ask(kind, &[("_sort", name)]).status(),
                    200,
                    "{kind}?_sort={name}"
                );
            }
            let said = param["documentation"].as_str().unwrap_or_default();
            let modifiers =
                said.split("Modifiers: ").nth(1).map_or("", |m| m.split('.').next().unwrap());
            for modifier in modifiers.split(", ").filter(|m| !m.is_empty() && *m != "of-type") {
                let value = match modifier {
                    "missing" => "true",
                    "in" | "not-in" => "https://mylife.example/fhir/ValueSet/theme",
                    _ => "x",
                };
                let reply = stand.ask(kind, &[(&format!("{name}:{modifier}"), value)]);
                assert_eq!(reply.status(), 200, "{kind}?{name}:{modifier}: {reply:?}");
            }
            let chained =
                said.split("Chained to ").nth(1).map_or("", |m| m.split('.').next().unwrap());
            for to in chained.split(", ").filter(|to| !to.is_empty()) {
                for chain in [format!("{name}._id"), format!("{name}:{to}._id")] {
                    let reply = stand.ask(kind, &[(&chain, "297.x")]);
                    assert_eq!(reply.status(), 200, "{kind}?{chain}: {reply:?}");
                }
            }
        }
        for include in list(resource, "searchInclude") {
            let reply = stand.ask(kind, &[("_include", include)]);
            assert_eq!(reply.status(), 200, "{kind}?_include={include}: {reply:?}");
        }
        for include in list(resource, "searchRevInclude") {
            let reply = stand.ask(kind, &[("_revinclude", include)]);
            assert_eq!(reply.status(), 200, "{kind}?_revinclude={include}: {reply:?}");
            let mut parts = include.split(':');
            let (from, param) = (parts.next().unwrap(), parts.next().unwrap());
            let directory = ["PractitionerRole", "HealthcareService", "Location", "Organization"];
            if !directory.contains(&from) {
                let has = format!("_has:{from}:{param}:_id");
                assert_eq!(stand.ask(kind, &[(&has, "297.x")]).status(), 200, "{kind}?{has}");
            }
        }
        for form in [
            "_summary=true",
            "_summary=data",
            "_summary=text",
            "_summary=count",
            "_elements=id",
            "_total=none",
            "_count=1",
            "_pretty=true",
            "_format=json",
        ] {
            let (name, value) = form.split_once('=').unwrap();
            assert_eq!(stand.ask(kind, &[(name, value)]).status(), 200, "{kind}?{form}");
        }
    }
}

#[test]
fn nothing_that_is_not_listed_works_for_who_is_strict() {
    let stand = stand(&World::with_rates(Rates { client: 100_000, ..Rates::default() }));
    let names = |resource: &Value| -> BTreeSet<String> {
        let all = resource["searchParam"].as_array().unwrap().iter();
        all.map(|param| param["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut every: BTreeSet<String> =
        stand.resources().iter().flat_map(|(_, resource)| names(resource)).collect();
    // Of R4, where nothing of ours stands; and of nobody.
    let others = [
        "_tag",
        "_text",
        "_content",
        "_filter",
        "_list",
        "_query",
        "_contained",
        "_type",
        "_source",
        "encounter",
        "gender",
        "general-practitioner",
        "value-quantity",
        "part-of",
        "priority",
        "requester",
        "shoe-size",
        "code-value-concept",
        "condition",
        "deceased",
        "link",
        "near",
    ];
    every.extend(others.map(str::to_owned));
    let mut tried = 0;
    for (kind, resource) in stand.resources() {
        let own = names(resource);
        // Some of so many, others for each type.
        for name in every.difference(&own).skip(tried % 4).step_by(4) {
            let value = if name.contains("date") { "2026" } else { "x" };
            let reply = stand.ask(kind, &[(name, value)]);
            assert_eq!(reply.status(), 400, "{kind}?{name} is not listed: {reply:?}");
            tried += 1;
        }
        for name in own.iter().skip(tried % 2).step_by(2) {
            for modifier in ["above", "below", "identifier", "text", "exact", "not", "of-type"] {
                let said = resource["searchParam"].as_array().unwrap().iter();
                let mut said = said.filter(|param| param["name"] == **name);
                let said = said.next().unwrap()["documentation"].as_str().unwrap_or_default();
                if !said.contains(modifier) {
                    let reply = stand.ask(kind, &[(&format!("{name}:{modifier}"), "x")]);
                    assert!(reply.status() >= 400, "{kind}?{name}:{modifier}: {reply:?}");
                }
            }
        }
        let included: BTreeSet<&str> = list(resource, "searchInclude").into_iter().collect();
        let back: BTreeSet<&str> = list(resource, "searchRevInclude").into_iter().collect();
        for (from, other) in stand.resources() {
            for (at, name) in names(other).into_iter().enumerate() {
                let value = format!("{from}:{name}");
                for (param, known) in [("_include", &included), ("_revinclude", &back)] {
                    // A few of so many, each from another place.
                    if !known.contains(&*value) && (at + tried) % 29 == 0 {
                        let reply = stand.ask(kind, &[(param, &value)]);
                        assert_eq!(reply.status(), 400, "{kind}?{param}={value}: {reply:?}");
                    }
                }
            }
        }
    }
    assert!(tried > 200);
}
