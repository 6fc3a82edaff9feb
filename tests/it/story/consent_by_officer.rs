//! An officer writes down what a person said, and says how that came to be; both can be read together.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use super::{
    consent_as_fhir::{of, patient, place, provenance},
    explained::{citizen, law, officer},
};
use crate::world::{Node, Reply, Terms, World, actor::Ask, person::path};

const UUID: &str = "urn:uuid:00000000-0000-4000-8000-0000000000ce";
const CLERK: &str = "Practitioner/297.prac.youth1";
const ROLE: &[&str] = &["data-protection-officer"];

/// Writes as the clerk, with this in the header.
fn write(node: &Node, body: &Value, said: Option<&[u8]>, nodes: Option<&str>) -> Reply {
    let book = node.client("consent-book");
    let token = of(&book, CLERK, ROLE);
    let mut headers = vec![("authorization", format!("Bearer {token}"))];
    headers.extend(said.map(|said| ("x-provenance", String::from_utf8(said.to_vec()).unwrap())));
    let (kind, body) = (Some("application/fhir+json"), body.to_string().into());
    book.actor.raw(node, Method::PUT, &path(UUID), Ask { headers, kind, nodes, body })
}

#[test]
fn how_a_consent_came_to_be_is_demanded_of_an_officer_checked_and_readable_with_it() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let terms = Terms::grant(&portal.actor).themes(&[Housing]);
    let body = terms.consent(&patient(&aino), UUID, "active");
    let good = provenance(&world, CLERK);
    let with = |key: &str, value: Value| {
        let mut said = good.clone();
        said[key] = value;
        said.to_string()
    };
    let rows = [
        ("none", None, 422, "Provenance"),
        ("no JSON", Some("{\"resourceType\"".to_owned()), 400, "Provenance"),
        ("no Provenance", Some(with("resourceType", json!("Consent"))), 422, ""),
        ("no agent", Some(with("agent", json!([]))), 422, "Provenance"),
        (
            "somebody else",
            Some(with("agent", json!([{ "who": { "reference": "Practitioner/297.prac.other" } }]))),
            422,
            "Provenance.agent.who",
        ),
        (
            "ahead",
            Some(with("recorded", json!("2026-03-02T12:00:00Z"))),
            422,
            "Provenance.recorded",
        ),
        ("no time", Some(with("recorded", Value::Null)), 422, "Provenance"),
        (
            "of something else",
            Some(with("target", json!([{ "reference": "Consent/297.x" }]))),
            422,
            "Provenance.target",
        ),
        (
            "a meaning turned around",
            Some(with("modifierExtension", json!([{ "url": "urn:not", "valueBoolean": true }]))),
            422,
            "Provenance.modifierExtension",
        ),
        (
            "an identity code",
            Some(with(
                "entity",
                json!([{ "role": "source", "what": { "identifier": {
                    "system": "urn:oid:1.2.246.21", "value": "130496A999X" } } }]),
            )),
            422,
            "Provenance.entity[0].what.identifier",
        ),
    ];
    for (what, said, status, place) in rows {
        let reply = write(&kuopio, &body, said.as_deref().map(str::as_bytes), None);
        assert_eq!(reply.status(), status, "{what}: {reply:?}");
        assert!(reply.expression().join(" ").starts_with(place), "{what}: {reply:?}");
        reply.keeps_quiet("130496A999X");
    }
    portal.search("Observation", &aino).is_empty();
    let made = write(&kuopio, &body, Some(good.to_string().as_bytes()), None);
    assert_eq!(made.status(), 201, "{made:?}");
    portal.search("Observation", &aino).shows([Housing]).hides([Health]);

    // Whoever sees the Consent sees it, and nobody else.
    let consent = place(&made).rsplit('/').next().unwrap().to_owned();
    let at = format!("/fhir/Provenance/{consent}.pv");
    let own = format!("Patient/{}", aino.patient());
    for reader in [officer(&kuopio), citizen(&kuopio, &own)] {
        let read = reader.get(&at);
        assert_eq!(read.status(), 200, "{read:?}");
        let read = read.json();
        assert_eq!(read["target"][0]["reference"], format!("Consent/{consent}"));
        assert_eq!((&read["agent"], &read["reason"]), (&good["agent"], &good["reason"]));
        let of_it = format!("/fhir/Provenance?target=Consent/{consent}&patient={}", aino.patient());
        assert_eq!(reader.get(&of_it).total(), Some(1));
        let both =
            format!("/fhir/Consent?patient={}&_revinclude=Provenance:target", aino.patient());
        let both = reader.get(&both);
        let entries = both.json()["entry"].as_array().unwrap().iter();
        let kinds: Vec<&str> =
            entries.filter_map(|entry| entry["resource"]["resourceType"].as_str()).collect();
        assert_eq!(kinds[..2], ["Consent", "Provenance"], "{both:?}");
    }
    portal.get(&at).refused(404, "not-found");
    let seen = portal.search("Provenance", &aino);
    assert!(seen.ids().iter().all(|id| !id.contains(&consent)), "{seen:?}");
    // What the person changes by themselves, the officer did not; so what the officer said is no more.
    let book = kuopio.client("consent-book");
    let revoked = terms.consent(&patient(&aino), UUID, "inactive");
    book.actor.put(&kuopio, &path(UUID), &revoked, None).accepted();
    officer(&kuopio).get(&at).refused(410, "deleted");
}

#[test]
fn through_the_portal_it_goes_along() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let portal = world.portal();
    let code = json!({ "identifier": { "system": "urn:oid:1.2.246.21", "value": aino.code() } });
    let body = Terms::grant(&client.actor).themes(&[Housing]).consent(&code, UUID, "active");
    write(&portal, &body, None, Some("297")).refused(422, "business-rule");
    let said = provenance(&world, CLERK).to_string();
    let reply = write(&portal, &body, Some(said.as_bytes()), Some("297"));
    reply.says("297: acknowledged");
    client.search("Observation", &aino).shows([Housing]);
    let desk = officer(&kuopio);
    let found = desk.get(&format!("/fhir/Consent?patient={}", aino.patient())).ids();
    let id = found[0].rsplit('/').next().unwrap().to_owned();
    let read = desk.get(&format!("/fhir/Provenance/{id}.pv"));
    assert_eq!(read.json()["agent"][0]["who"]["reference"], CLERK, "{read:?}");
}
