//! An integrator reads our profiles and terminology, without a token, and finds them right.

use std::{collections::BTreeSet, sync::LazyLock};

use http::Method;
use mylife::{
    domain::{assessment::AnsweredBy, class::Class, plan::Role, theme::Theme},
    fhir::{guide, schema::Validator},
    notify::topic::Topic,
};
use serde_json::{Value, json};

use crate::world::{World, actor::Ask};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new().unwrap());

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn each_resource_of_the_guide_is_fhir_and_is_served_at_its_url() {
    let world = World::new();
    let client = world.municipality("297").client("national-portal");
    for resource in guide::resources().unwrap() {
        assert_eq!(VALIDATOR.faults(&resource), [], "{}", text(&resource, "url"));
        assert!(VALIDATOR.advice(&resource).is_empty(), "{:?}", VALIDATOR.advice(&resource));
        assert!(guide::TYPES.contains(&text(&resource, "resourceType")));
        let path = format!("/fhir/{}/{}", text(&resource, "resourceType"), text(&resource, "id"));
        // A topic has a url of a type that R4 does not have.
        if resource["resourceType"] != "Basic" {
            assert_eq!(text(&resource, "url"), format!("https://mylife.example{path}"));
        }
        let reply = client.actor.send(&client.node, Method::GET, &path, Ask::default());
        assert_eq!((reply.status(), reply.json()), (200, &resource), "{path}");
    }
    for path in ["/fhir/StructureDefinition/none", "/fhir/ValueSet/mylife-goal"] {
        let reply = client.actor.send(&client.node, Method::GET, path, Ask::default());
        assert_eq!(reply.status(), 404, "{path}");
    }
}

/// Every text in a value.
fn texts<'a>(value: &'a Value, all: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => {
            all.insert(text.split('|').next().unwrap());
        }
        Value::Array(list) => list.iter().for_each(|one| texts(one, all)),
        Value::Object(members) => members.values().for_each(|one| texts(one, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn every_canonical_leads_to_what_is_published_here_or_in_what_the_guide_rests_on() {
    let world = World::new();
    let client = world.municipality("297").client("national-portal");
    let statement = client.get("/fhir/metadata").json().clone();
    let forms = client.get("/fhir/Questionnaire").json().clone();
    let (guide, examples) = (guide::resources().unwrap(), guide::examples().unwrap());
    let mut named = BTreeSet::new();
    guide
        .iter()
        .chain(&examples)
        .chain([&statement, &forms])
        .for_each(|one| texts(one, &mut named));
    let of_forms = forms["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    let published: BTreeSet<&str> =
        guide.iter().chain(of_forms).chain([&statement]).map(|one| text(one, "url")).collect();
    // Names of identifiers are no resources, and of topics R4 has none.
    let is_canonical =
        |url: &str| !url.starts_with("sid/") && !url.starts_with("SubscriptionTopic/");
    let ours = "https://mylife.example/fhir/";
    let missing: Vec<&&str> = named
        .iter()
        .filter(|url| url.strip_prefix(ours).is_some_and(is_canonical))
        .filter(|url| !published.contains(**url))
        .collect();
    assert_eq!(missing, Vec::<&&str>::new());
    // HL7's own: a type that R4 has, or what is of a guide that ours depends on.
    let guide_of_it =
        guide.iter().find(|one| one["resourceType"] == "ImplementationGuide").unwrap();
    let rests: Vec<&str> = guide_of_it["dependsOn"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(one, "uri").split("/ImplementationGuide/").next().unwrap())
        .collect();
    let structures =
        ["http://hl7.org/fhir/StructureDefinition/", "http://hl7.org/fhir/uv/", "https://hl7.fi/"];
    // Extensions of R4's own that are named.
    let core = ["data-absent-reason", "maxValue", "minValue", "translation"];
    for url in named.iter().filter(|url| structures.iter().any(|of| url.starts_with(of))) {
        let of_core = url
            .strip_prefix(structures[0])
            .is_some_and(|name| VALIDATOR.model().find(name).is_some() || core.contains(&name));
        assert!(of_core || rests.iter().any(|of| url.starts_with(of)), "{url}");
    }
}

#[test]
fn the_codes_of_the_guide_are_those_of_the_program() {
    let guide = guide::resources().unwrap();
    let codes = |name: &str| -> BTreeSet<String> {
        let set = format!("https://mylife.example/fhir/ValueSet/{name}");
        guide::codes(&guide, &set).into_iter().map(|(_, code)| code).collect()
    };
    assert_eq!(codes("theme"), Theme::ALL.iter().map(|theme| theme.code().to_owned()).collect());
    assert_eq!(codes("class"), Class::ALL.iter().map(|class| class.code().to_owned()).collect());
    let items = codes("3x10d");
    assert_eq!(items.len(), 40);
    assert!(items.contains("housing.satisfaction") && items.contains("family.comment"));
    let plan = codes("plan");
    assert!(Role::ALL.iter().all(|role| plan.contains(role.code())), "{plan:?}");
    assert_eq!(codes("team-role"), Role::ALL.iter().map(|role| role.code().to_owned()).collect());
    let by = ["representative", "professional"].map(str::to_owned);
    assert!(by.iter().all(|code| AnsweredBy::from_code(code).is_some()));
    assert_eq!(codes("answered-by"), by.into());
    let tasks = ["action", "emergency-review", "follow-up", "hand-over", "proposal"];
    assert_eq!(codes("task"), tasks.map(str::to_owned).into());
    let map = guide.iter().find(|one| one["resourceType"] == "ConceptMap").unwrap();
    let mapped = map["group"][0]["element"].as_array().unwrap();
    let mapped: BTreeSet<String> = mapped.iter().map(|one| text(one, "code").to_owned()).collect();
    assert_eq!(mapped, codes("theme"));
}

/// What an element of a topic says, by the name that it has in R5.
fn element<'a>(topic: &'a Value, name: &str) -> Vec<&'a Value> {
    let all = ["extension", "modifierExtension"].map(|of| topic[of].as_array().unwrap());
    let of = all.into_iter().flatten();
    let end = format!("extension-SubscriptionTopic.{name}");
    let named = of.filter(|one| text(one, "url").ends_with(&end));
    let value = |one: &'a Value| {
        let members = one.as_object().unwrap().iter();
        members.filter(|(name, _)| *name != "url").map(|(_, value)| value).next().unwrap()
    };
    named.map(value).collect()
}

#[test]
fn every_topic_that_is_taken_is_published_and_no_other() {
    let guide = guide::resources().unwrap();
    let published: Vec<&Value> =
        guide.iter().filter(|one| one["resourceType"] == "Basic").collect();
    let url = |topic: &&Value| element(topic, "url")[0].as_str().unwrap().to_owned();
    let urls: BTreeSet<String> = published.iter().map(url).collect();
    assert_eq!(urls, Topic::ALL.iter().map(|topic| topic.canonical()).collect());
    let client = World::new().municipality("297").client("national-portal");
    let statement = client.get("/fhir/metadata").json().clone();
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let ours = resources.iter().find(|one| one["type"] == "Subscription").unwrap();
    let listed = ours["extension"].as_array().unwrap().iter();
    let listed: BTreeSet<String> =
        listed.map(|one| text(one, "valueCanonical").to_owned()).collect();
    assert_eq!(listed, urls);
    for (topic, of) in published.iter().zip(Topic::ALL) {
        assert_eq!(topic["id"], of.name());
        assert_eq!(element(topic, "status"), [&json!("active")]);
        assert!(element(topic, "description")[0].as_str().unwrap().starts_with(of.say()));
        let kind = format!("http://hl7.org/fhir/StructureDefinition/{}", of.focus());
        for element in ["resourceTrigger", "canFilterBy", "notificationShape"]
            .map(|name| element(topic, name)[0].as_array().unwrap())
        {
            let resource = element.iter().find(|one| one["url"] == "resource").unwrap();
            assert_eq!(resource["valueUri"], kind);
        }
    }
}

/// A good resource of a profile, and a patch that breaks it: where, and in which words.
#[test]
fn what_a_profile_asks_is_asked() {
    let observation = json!({
        "resourceType": "Observation", "id": "297.a.ho.s", "language": "fi",
        "meta": { "profile": ["https://mylife.example/fhir/StructureDefinition/mylife-observation"] },
        "text": { "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">6</div>" },
        "status": "final",
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey" }] }],
        "code": { "coding": [{
            "system": "https://mylife.example/fhir/CodeSystem/3x10d", "code": "housing.satisfaction" }] },
        "subject": { "reference": "Patient/297.x" }, "effectiveDateTime": "2026-03-01",
        "derivedFrom": [{ "reference": "QuestionnaireResponse/297.a" }], "valueInteger": 6,
    });
    assert_eq!(VALIDATOR.faults(&observation), []);
    let category = "{\"coding\":[{\"code\":\"survey\",\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\"}]}";
    for (name, value, expression, say) in [
        ("language", Value::Null, "Observation.language", "is required by the profile"),
        (
            "category",
            json!([{ "text": "survey" }]),
            "Observation.category[0]",
            &*format!("must hold {category} by the profile"),
        ),
        (
            "code",
            json!({ "coding": [{ "system": "http://loinc.org", "code": "8480-6" }] }),
            "Observation.code",
            "must have a coding of https://mylife.example/fhir/ValueSet/3x10d by the profile",
        ),
        (
            "derivedFrom",
            json!([{ "reference": "Media/1" }, { "reference": "Media/2" }]),
            "Observation.derivedFrom",
            "may stand once by the profile",
        ),
    ] {
        let mut broken = observation.clone();
        if value.is_null() {
            drop(broken.as_object_mut().unwrap().remove(name));
        } else {
            broken[name] = value;
        }
        let faults = VALIDATOR.faults(&broken);
        let [fault] = faults.as_slice() else { panic!("{name}: {faults:?}") };
        assert_eq!((&*fault.expression, &*fault.say), (expression, say), "{name}");
        assert!(!VALIDATOR.accepts(&broken));
    }
    let mut text = observation.clone();
    text.as_object_mut().unwrap().remove("valueInteger");
    text["valueString"] = json!("six");
    let faults = VALIDATOR.faults(&text);
    assert_eq!(faults[0].say, "must be integer by the profile");
}
