//! An integrator reads an example of each profile: what a gateway gives out of somebody who does not exist.

use std::{collections::BTreeMap, fs};

use http::Method;
use mylife::{
    domain::theme::Theme::{Finance, Health, Housing},
    fhir::{guide, schema::Validator},
};
use regex::{Captures, Regex};
use serde_json::{Value, json};

use super::{
    collective_plan::{self, plan},
    explained::{self, caller, citizen, officer},
    explained_everywhere::overseen,
};
use crate::world::{Person, Reply, World, actor::Ask, municipality::At};

const FILE: &str = include_str!("../../../schemas/fhir/examples.ndjson");
/// Where a run writes what it was given, if that is something else.
const PLACE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/examples.ndjson");
const FHIR: &str = "application/fhir+json";

/// The profile that a resource names first.
fn profile(resource: &Value) -> &str {
    resource["meta"]["profile"][0].as_str().unwrap()
}

/// Whatever is random in a text, by the order in which it is first met.
fn plain(text: &str) -> String {
    let random = Regex::new(
        r#"(?x) urn:uuid:[0-9a-f]{8}-[0-9a-f-]{27}
            | \b(?P<node>[0-9]{3}\.)(?P<of>[a-z2-7]{26})(\.(?P<letter>[a-z])(?P<part>[a-z0-9]{10,12})\b)?
            | (?P<version>"versionId":")[^"]+ | (?P<value>"value":")(?P<request>[a-z2-7]{16})\b
            | \b[0-9a-f]{32,}\b"#,
    )
    .unwrap();
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    let mut number = |of: &str| {
        let next = met.len() + 1;
        *met.entry(of.to_owned()).or_insert(next)
    };
    let named = |of: &Captures<'_>| {
        let part = |name: &str| of.name(name).map_or("", |part| part.as_str());
        if of.name("version").is_some() {
            return format!("{}1", part("version"));
        }
        if of.name("value").is_some() {
            return format!("{}example{}", part("value"), number(part("request")));
        }
        if of.name("node").is_none() {
            let number = number(&of[0]);
            let is_uuid = of[0].starts_with("urn:uuid:");
            let uuid = format!("urn:uuid:00000000-0000-4000-8000-{number:012}");
            return if is_uuid { uuid } else { format!("example{number}") };
        }
        let name = format!("{}example{}", part("node"), number(part("of")));
        let random = part("part");
        if random.is_empty() {
            name
        } else {
            format!("{name}.{}{}", part("letter"), number(random))
        }
    };
    random.replace_all(text, named).into_owned()
}

/// The one of which an element begins so.
fn one(reply: &Reply, pointer: &str, begins: &str) -> Value {
    let text = |one: &Value| one.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let is_it = |one: &&&Value| text(one).unwrap_or_default().starts_with(begins);
    let all = reply.matches();
    (*all.iter().find(is_it).unwrap_or_else(|| panic!("{reply:?}"))).clone()
}

fn numbers(who: &At, person: &Person) -> Value {
    let headers = vec![("accept", FHIR.to_owned()), ("accept-language", "fi".to_owned())];
    let path = format!("/fhir/Patient/{}/$circle-of-life", person.patient());
    let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
    who.actor.send(&who.node, Method::GET, &path, ask).accepted().json().clone()
}

/// A resource of each profile, as somebody who may see all of it is given it.
fn given() -> Vec<Value> {
    let world = World::new();
    world.legislate(overseen());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let known = json!({
        "contact": { "phone": "+358 00 000 0001", "address": "Esimerkkikatu 1" },
        "representation": [{ "id": "kerttu", "who": { "name": "Kerttu Testi" }, "relation": "authorised",
            "themes": ["housing"], "classes": [], "period": { "start": "2025-01-01" } }],
    });
    let aino = Person::with(&kuopio, "aino", &known)
        .answered([(Housing, 9, 3, "Oma koti"), (Health, 5, 2, ""), (Finance, 7, 6, "")])
        .planned(&plan("297", 8, Finance));
    aino.grants(&portal, [Housing]);
    let own = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let mut all = vec![own.get(&format!("/fhir/Patient/{}", aino.patient())).json().clone()];
    // Where there are several, ids are random and so is their order.
    for (kind, pointer, begins) in [
        ("RelatedPerson", "/id", ""),
        ("QuestionnaireResponse", "/id", ""),
        ("Observation", "/id", ""),
        ("CarePlan", "/id", ""),
        ("Goal", "/lifecycleStatus", "completed"),
        ("ServiceRequest", "/intent", "plan"),
        ("Task", "/code/coding/0/code", "action"),
        ("CareTeam", "/id", ""),
        ("Consent", "/id", ""),
        ("Provenance", "/target/0/reference", "QuestionnaireResponse/"),
    ] {
        all.push(one(&own.search(kind, &aino), pointer, begins));
    }
    for kind in [
        "Questionnaire",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "HealthcareService",
        "Location",
    ] {
        all.push(one(&own.get(&format!("/fhir/{kind}")), "/id", ""));
    }
    let bundle = collective_plan::ask(&own, &aino, FHIR, "fi");
    for kind in ["CarePlan", "DetectedIssue"] {
        let entries = bundle.json()["entry"].as_array().unwrap();
        let one = entries.iter().find(|entry| entry["resource"]["resourceType"] == kind);
        all.push(one.unwrap()["resource"].clone());
    }
    all.push(numbers(&own, &aino));
    let body = caller(&portal.actor.organization, "TREAT", &[]);
    all.push(explained::ask(&own, aino.patient(), &body, "fi").json().clone());
    // What was done with an operation claims no profile of others, so it claims ours.
    let events = own.get(&format!("/fhir/AuditEvent?patient={}&_sort=date", aino.patient()));
    all.push(one(&events, "/entity/2/description", "organization="));
    let everywhere = world.portal();
    all.push(explained::ask(&officer(&everywhere), aino.patient(), &body, "fi").json().clone());
    let office = kuopio.client("indicator-office");
    let year = "periodStart=2025-01-01&periodEnd=2025-12-31";
    let report = office.get(&format!("/fhir/Measure/wellbeing/$evaluate-measure?{year}"));
    all.push(report.json().clone());
    for one in &mut all {
        // What is made for one answer has none, and in a guide each has one.
        let id = profile(one).rsplit('/').next().unwrap().to_owned();
        one.as_object_mut().unwrap().entry("id").or_insert(id.into());
    }
    all
}

#[test]
fn the_examples_are_what_a_gateway_gives_out() {
    let all: Vec<String> = given().iter().map(ToString::to_string).collect();
    let now = plain(&(all.join("\n") + "\n"));
    if now != FILE {
        fs::write(PLACE, &now).unwrap();
        let differs = now.lines().zip(FILE.lines()).find(|(now, then)| now != then);
        panic!("copy {PLACE} to schemas/fhir/ and run schemas/guide.py: {differs:?}");
    }
}

#[test]
fn each_profile_has_an_example_that_is_right_served_and_listed() {
    let world = World::new();
    let client = world.municipality("297").client("national-portal");
    let (validator, guide) = (Validator::new().unwrap(), guide::resources().unwrap());
    let examples = guide::examples().unwrap();
    let listed = guide.iter().find(|one| one["resourceType"] == "ImplementationGuide").unwrap();
    let listed = listed["definition"]["resource"].as_array().unwrap();
    for example in &examples {
        assert_eq!(validator.faults(example), [], "{example}");
        let id = profile(example).rsplit('/').next().unwrap();
        let path = format!("/schemas/examples/{id}.json");
        let reply = client.actor.send(&client.node, Method::GET, &path, Ask::default());
        assert_eq!((reply.status(), reply.json()), (200, example), "{path}");
        assert_eq!(reply.header("content-type"), Some("application/fhir+json; charset=utf-8"));
        let is_it = |one: &Value| one["exampleCanonical"] == profile(example);
        let of = listed.iter().find(|one| is_it(one)).unwrap();
        let [kind, id] = ["resourceType", "id"].map(|name| example[name].as_str().unwrap());
        assert_eq!(of["reference"]["reference"], format!("{kind}/{id}"), "{of}");
    }
    let profiles = guide.iter().filter(|one| one["kind"] == "resource" && one["url"].is_string());
    let without: Vec<&Value> = profiles
        .filter(|one| one["resourceType"] == "StructureDefinition")
        .map(|one| &one["url"])
        .filter(|url| !examples.iter().any(|example| profile(example) == **url))
        .collect();
    assert_eq!(without, Vec::<&Value>::new());
    let none = client.actor.send(&client.node, Method::GET, "/schemas/examples/x", Ask::default());
    assert_eq!(none.status(), 404);
}

/// An example of somebody who exists would be one too many.
#[test]
fn the_examples_are_of_nobody() {
    let codes = Regex::new(r"\b[0-9]{6}[-+A-FU-Y]([0-9]{3})[0-9A-Y]\b").unwrap();
    for code in codes.captures_iter(FILE) {
        assert!(code[1].starts_with('9'), "{}", &code[0]);
    }
}
