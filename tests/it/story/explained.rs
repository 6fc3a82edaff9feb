//! Somebody asks what an organisation would be permitted to see of a person, and why.

use http::Method;
use mylife::{
    audit::record::Interaction,
    domain::theme::Theme::{Health, Housing},
};
use serde_json::{Value, json};

use crate::world::{
    Person, Reply, Terms, World,
    actor::{Ask, ORGANIZATIONS},
    municipality::{At, Node},
};

const OFFICER: &str = "data-protection-officer";

pub(crate) fn law() -> Value {
    let title = |fi: &str, sv: &str, en: &str| json!({ "fi": fi, "sv": sv, "en": en });
    json!({
        "officer_roles": [OFFICER],
        "grounds": [
            { "id": "law:study", "purposes": ["HRESCH"], "themes": ["housing"],
              "reference": title("laki 552/2019, 38 §", "lag 552/2019, 38 §", "act 552/2019, s. 38") },
            // What is in force for some types alone looks at what there is of a theme.
            { "id": "law:plans", "purposes": ["HOPERAT"], "themes": ["housing"],
              "resources": ["CarePlan"], "reference": title("laki", "lag", "act") },
            { "id": "law:rescue", "roles": ["nurse"], "purposes": ["ETREAT"], "emergency": true,
              "overrides_prohibition": true, "classes": "*",
              "reference": title("pelastuslaki", "räddningslag", "rescue act"), "reviewer": OFFICER },
        ],
    })
}

/// The caller that is asked about.
pub(crate) fn caller(organization: &str, purpose: &str, more: &[Value]) -> Value {
    let mut all = vec![
        json!({ "name": "organization", "valueIdentifier": {
            "system": "urn:ietf:rfc:3986", "value": organization } }),
        json!({ "name": "purpose", "valueCode": purpose }),
    ];
    all.extend_from_slice(more);
    json!({ "resourceType": "Parameters", "parameter": all })
}

pub(super) fn ask(who: &At, patient: &str, body: &Value, language: &str) -> Reply {
    let ask = Ask {
        kind: Some("application/fhir+json"),
        body: body.to_string().into(),
        headers: vec![("accept-language", language.to_owned())],
        ..Ask::default()
    };
    who.actor.send(&who.node, Method::POST, &format!("/fhir/Patient/{patient}/$explain"), ask)
}

pub(crate) fn citizen(node: &Node, who: &str) -> At {
    let app = node.client("citizen-app");
    app.actor.states(json!({ "ihe_iua": { "subject_id": who } }));
    app
}

pub(super) fn officer(node: &Node) -> At {
    let desk = node.client("officer-desk");
    desk.actor.states(json!({ "ihe_iua": {
        "subject_id": "Practitioner/297.prac.dpo", "subject_role": [OFFICER] } }));
    desk
}

/// The part about a class, by theme and withheld class.
fn class<'a>(reply: &'a Reply, code: &str, withheld: Option<&str>) -> Option<Vec<&'a Value>> {
    assert_eq!(reply.status(), 200, "{reply:?}");
    let all = reply.json()["parameter"].as_array().unwrap();
    let parts =
        |p: &'a Value| -> Vec<&'a Value> { p["part"].as_array().into_iter().flatten().collect() };
    let named = |parts: &[&'a Value], name: &str| {
        parts
            .iter()
            .find(|p| p["name"] == name)
            .map(|p| p["valueCoding"]["code"].as_str().unwrap().to_owned())
    };
    all.iter().filter(|p| p["name"] == "class").map(parts).find(|parts| {
        named(parts, "about").as_deref() == Some(code)
            && named(parts, "withheld").as_deref() == withheld
    })
}

pub(super) fn permitted(reply: &Reply, code: &str, withheld: Option<&str>) -> Option<bool> {
    let parts = class(reply, code, withheld)?;
    parts.iter().find(|p| p["name"] == "permitted")?["valueBoolean"].as_bool()
}

fn sentence(reply: &Reply, code: &str) -> String {
    let parts = class(reply, code, None).unwrap();
    let part = parts.iter().find(|p| p["name"] == "sentence").unwrap();
    part["valueString"].as_str().unwrap().to_owned()
}

#[test]
fn a_citizen_is_told_what_a_portal_may_see_and_by_which_consent() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    aino.grants(&portal, [Housing]);
    aino.gives(Terms::prohibition(&portal.actor).themes(&[Health]));
    let asks = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let reply = ask(&asks, aino.patient(), &caller(&portal.actor.organization, "TREAT", &[]), "en");
    assert_eq!(permitted(&reply, "housing", None), Some(true), "{reply:?}");
    assert_eq!(permitted(&reply, "housing", Some("free-text")), Some(false));
    assert_eq!(permitted(&reply, "health", None), Some(false));
    assert_eq!(permitted(&reply, "health", Some("free-text")), None, "no difference");
    assert_eq!(permitted(&reply, "finance", None), Some(false));
    assert_eq!(permitted(&reply, "records", None), Some(false));
    assert_eq!(
        sentence(&reply, "housing"),
        "Housing: The caller may see this, because a consent allows it."
    );
    assert_eq!(
        sentence(&reply, "health"),
        "Health: The caller may not see this, because it has been prohibited."
    );
    let by = class(&reply, "housing", None).unwrap();
    let by = by.iter().find(|p| p["name"] == "permitted-by").unwrap();
    let consent = by["valueReference"]["reference"].as_str().unwrap();
    assert!(consent.starts_with("Consent/297."), "{consent}");
    let against = class(&reply, "health", None).unwrap();
    assert!(against.iter().any(|p| p["name"] == "forbidden-by"), "{reply:?}");
    reply.keeps_quiet("a home").keeps_quiet("sleep");
    // And it is what the portal gets.
    portal
        .search("QuestionnaireResponse", &aino)
        .shows([Housing])
        .hides([Health])
        .keeps_quiet("a home");
}

#[test]
fn each_explanation_is_a_disclosure_on_record() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    let before = kuopio.disclosures(aino.patient()).len();
    let asks = officer(&kuopio);
    ask(&asks, aino.patient(), &caller(&portal.actor.organization, "TREAT", &[]), "fi").accepted();
    let records = kuopio.disclosures(aino.patient());
    assert_eq!(records.len(), before + 1);
    let record = records.last().unwrap();
    assert_eq!(record.interaction, Interaction::Operation);
    assert_eq!(&*record.caller.client, "officer-desk");
    assert!(record.labels.records && !record.labels.unclassified, "{record:?}");
    let query = record.query.as_ref().unwrap().as_str();
    assert!(query.contains("purpose=TREAT") && query.contains("organization=urn"), "{query}");
}

#[test]
fn an_officer_is_told_the_same_whatever_data_there_are() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let full = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    let bare = kuopio.person("eetu").answered([(Health, 1, 1, "")]);
    let asks = officer(&kuopio);
    for purpose in ["TREAT", "HRESCH", "HOPERAT"] {
        let body = caller(&portal.actor.organization, purpose, &[]);
        let of = |patient: &str| {
            let reply = ask(&asks, patient, &body, "sv").accepted();
            reply.text().replace(patient, "")
        };
        assert_eq!(of(full.patient()), of(bare.patient()));
    }
    // The person is told what is so with the data there are.
    let body = caller(&portal.actor.organization, "HOPERAT", &[]);
    for (person, may) in [(&full, false), (&bare, true)] {
        let own = citizen(&kuopio, &format!("Patient/{}", person.patient()));
        let reply = ask(&own, person.patient(), &body, "en");
        assert_eq!(permitted(&reply, "housing", None), Some(may), "{reply:?}");
    }
}

#[test]
fn a_law_is_named_with_its_title_in_the_language_asked_for() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let asks = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let city = format!("urn:oid:{}", ORGANIZATIONS[2]);
    for (language, says) in [
        (
            "fi-FI, en;q=0.5",
            "Asuminen: Kuopio saa nähdä tämän, koska laki sallii sen (laki 552/2019, 38 §).",
        ),
        (
            "en;q=0.5, sv",
            "Boende: Kuopio får se detta, eftersom lagen tillåter det (lag 552/2019, 38 §).",
        ),
        (
            "de, en;q=0.1",
            "Housing: Kuopio may see this, because the law allows it (act 552/2019, s. 38).",
        ),
        ("*", "Asuminen: Kuopio saa nähdä tämän, koska laki sallii sen (laki 552/2019, 38 §)."),
    ] {
        let reply = ask(&asks, aino.patient(), &caller(&city, "HRESCH", &[]), language);
        assert_eq!(sentence(&reply, "housing"), says);
        let law = class(&reply, "housing", None).unwrap();
        assert!(law.iter().any(|p| p["part"][0]["valueString"] == "law:study"), "{reply:?}");
    }
}

#[test]
fn an_emergency_that_sets_a_prohibition_aside_is_told_before_it_happens() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let county = kuopio.client("north-savo");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    aino.gives(Terms::prohibition(&county.actor));
    let asks = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let nurse = [json!({ "name": "role", "valueCode": "nurse" })];
    let reply =
        ask(&asks, aino.patient(), &caller(&county.actor.organization, "ETREAT", &nurse), "en");
    assert_eq!(permitted(&reply, "housing", None), Some(false));
    let urgent = [
        nurse[0].clone(),
        json!({ "name": "emergency", "valueBoolean": true }),
        json!({ "name": "declared", "valueCode": "law:rescue" }),
    ];
    let reply =
        ask(&asks, aino.patient(), &caller(&county.actor.organization, "ETREAT", &urgent), "en");
    assert_eq!(
        sentence(&reply, "housing"),
        "Housing: North Savo wellbeing services county may see this, because the law allows it in \
         spite of a prohibition (rescue act)."
    );
}

#[test]
fn who_acts_for_a_person_is_told_of_what_that_covers() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let guarded = json!({ "representation": [{ "id": "kerttu", "who": { "name": "Kerttu Testi" },
        "relation": "authorised", "themes": ["housing"], "classes": [],
        "period": { "start": "2025-01-01" } }] });
    let aino = Person::with(&kuopio, "aino", &guarded)
        .answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "sleep")]);
    aino.grants(&portal, [Housing, Health]);
    let body = caller(&portal.actor.organization, "TREAT", &[]);
    let own = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let related = own.get(&format!("/fhir/RelatedPerson?patient={}", aino.patient()));
    let related = related.ids()[0].clone();
    let asks = citizen(&kuopio, &format!("RelatedPerson/{related}"));
    let reply = ask(&asks, aino.patient(), &body, "en");
    assert_eq!(permitted(&reply, "housing", None), Some(true), "{reply:?}");
    assert_eq!(permitted(&reply, "health", None), None);
    assert_eq!(permitted(&reply, "housing", Some("free-text")), None, "which that does not cover");
    let stranger = citizen(&kuopio, "RelatedPerson/297.aaaaaaaaaaaaaaaaaaaaaaaaaa");
    ask(&stranger, aino.patient(), &body, "en").refused(404, "not-found");
}

#[test]
fn for_everybody_else_the_person_is_absent() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let eetu = kuopio.person("eetu").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    let body = caller(&portal.actor.organization, "TREAT", &[]);
    let absent = "297.aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let neighbour = citizen(&kuopio, &format!("Patient/{}", eetu.patient()));
    let clerk = kuopio.client("officer-desk");
    clerk.actor.states(json!({}));
    for who in [&portal, &neighbour, &clerk] {
        let there = ask(who, aino.patient(), &body, "en");
        there.refused(404, "not-found");
        assert_eq!(there.bytes(), ask(who, absent, &body, "en").bytes());
    }
    // Whom a bar hides from an officer of another controller is absent too.
    let hidden = Person::with(&kuopio, "otso", &json!({ "non_disclosure": true }));
    let asks = officer(&kuopio);
    let barred = ask(&asks, hidden.patient(), &body, "en");
    assert_eq!(barred.bytes(), ask(&asks, absent, &body, "en").bytes());
    ask(&asks, aino.patient(), &body, "en").accepted();
    let own = citizen(&kuopio, &format!("Patient/{}", hidden.patient()));
    ask(&own, hidden.patient(), &body, "en").accepted();
}

#[test]
fn what_is_asked_amiss_is_refused_alike_for_all_with_what_to_do() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let own = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let good = portal.actor.organization.as_str();
    let with = |more: Value| caller(good, "TREAT", &[more]);
    let rows = [
        (json!({ "resourceType": "Parameters" }), "organization"),
        (json!({ "resourceType": "Patient" }), "Parameters"),
        (caller("1.2.3", "TREAT", &[]), "urn:oid"),
        (caller(good, "BECAUSE", &[]), "v3-ActReason"),
        (with(json!({ "name": "purpose", "valueCode": "TREAT" })), "once"),
        (with(json!({ "name": "colour", "valueCode": "red" })), "Known are"),
        (with(json!({ "name": "role", "valueString": "nurse" })), "valueCode"),
        (with(json!({ "name": "type", "valueCode": "Location" })), "resource type"),
        (with(json!({ "name": "type", "valueCode": "Medication" })), "resource type"),
        (with(json!({ "name": "type", "valueCode": "Consent" })), "resource type"),
        (
            with(
                json!({ "name": "user", "valueReference": { "reference": "Practitioner/010203-901A" } }),
            ),
            "Practitioner",
        ),
        (with(json!({ "name": "client", "valueString": "010203-901A" })), "client"),
        (with(json!({ "name": "role", "valueCode": "nurse", "part": [] })), ""),
    ];
    for (body, says) in rows {
        for who in [&own, &portal] {
            let reply = ask(who, aino.patient(), &body, "en");
            assert_eq!(reply.status(), 422, "{body} {reply:?}");
            reply.says(says).keeps_quiet("901A").keeps_quiet("Known are: .");
        }
    }
    let broken = Ask { kind: Some("application/json"), body: "{".into(), ..Ask::default() };
    let path = format!("/fhir/Patient/{}/$explain", aino.patient());
    own.actor.send(&own.node, Method::POST, &path, broken).refused(400, "invalid");
    own.actor.send(&own.node, Method::GET, &path, Ask::default()).refused(405, "not-supported");
    let narrow = kuopio.client("goals-only");
    ask(&narrow, aino.patient(), &caller(good, "TREAT", &[]), "en").refused(403, "forbidden");
}
