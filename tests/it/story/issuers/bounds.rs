//! How much an issuer may give: what the operator did not list for it, its tokens do not have.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use super::{Town, none};
use crate::world::{
    actor::{Ask, ORGANIZATIONS},
    issuer::Outsider,
};

fn of(organization: &Value) -> Value {
    json!({ "extensions": { "ihe_iua": { "subject_organization_id": organization } } })
}

#[test]
fn an_issuer_gives_no_organisation_role_or_purpose_that_is_not_listed_for_it() {
    let [_, county, city] = ORGANIZATIONS.map(|oid| format!("urn:oid:{oid}"));
    let changes = [
        ("an organisation that is not listed", of(&json!(city))),
        ("two organisations", of(&json!([county, format!("urn:oid:{}", ORGANIZATIONS[0])]))),
        ("no organisation", of(&json!(null))),
        ("an organisation that is no text", of(&json!(7))),
        ("a role that is not listed", json!({ "roles": ["nurse", "data-protection-officer"] })),
        ("roles that are no texts", json!({ "roles": [["nurse"]] })),
        ("a purpose that is not listed", json!({ "purpose": "HLEGAL" })),
        ("two purposes", json!({ "purpose": ["TREAT", "PATRQT"] })),
        (
            "a purpose of another system",
            json!({ "purpose": { "system": "urn:x", "code": "TREAT" } }),
        ),
        ("no client", json!({ "client_id": null })),
        ("a client that is no text", json!({ "client_id": ["ward-app"] })),
        ("a person who acts", json!({ "fhirUser": "Patient/297.aaaaaaaaaaaaaaaaaaaaaaaaaa" })),
        ("one who acts for another", json!({ "fhirUser": "RelatedPerson/297.a" })),
        ("an identity code", json!({ "fhirUser": "010101-900R" })),
        ("a line break", json!({ "client_id": "ward\napp" })),
        ("a scope that is no text", json!({ "scope": { "a": "user/*.rs" } })),
    ];
    for town in [Town::by_keys(), Town::by_asking()] {
        let by_keys = town.kuopio.gateway.tokens.issuers.of("opaque").is_none();
        for (name, change) in &changes {
            let token = if by_keys {
                town.one.token(&town.world, change)
            } else {
                town.one.issues(&town.world, change)
            };
            town.refuses(name, &token);
        }
    }
}

#[test]
fn a_scope_beyond_the_bound_does_not_count() {
    let town = Town::by_keys();
    let wide = json!({ "scope": "user/*.cruds mylife/native.write mylife/launch.write" });
    let token = town.one.token(&town.world, &wide);
    town.reads(&token).shows([Housing]).hides([Health]);
    let by_patient = |kind: &str| format!("/fhir/{kind}?patient={}", town.aino.patient());
    town.get(&token, &by_patient("Goal")).refused(403, "forbidden");
    town.get(&token, "/fhir/AuditEvent").refused(403, "forbidden");
    let wire = town.world.actor("north-savo");
    let sent = |method, path: &str, body: Value| {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let kind = Some("application/fhir+json");
        let ask = Ask { headers, kind, nodes: Some("297"), body: body.to_string().into() };
        wire.raw(&town.kuopio, method, path, ask)
    };
    let consent = json!({ "resourceType": "Consent" });
    sent(Method::POST, "/fhir/Consent", consent).refused(403, "forbidden");
    sent(Method::PUT, "/native/people/aino", json!({})).refused(403, "forbidden");
    // A scope that is nobody's opens nothing that has a scope.
    let none_left = town.one.token(&town.world, &json!({ "scope": "user/Goal.rs openid" }));
    town.reads(&none_left).refused(403, "forbidden");
    let no_scope = town.one.token(&town.world, &json!({ "scope": null }));
    town.reads(&no_scope).refused(403, "forbidden");
}

#[test]
fn a_client_of_another_issuer_is_no_client_of_ours_whatever_it_is_called() {
    let town = Town::by_keys();
    // Our north-savo may ask about tokens, and the other of that name may not.
    let namesake = town.one.token(&town.world, &json!({ "client_id": "north-savo" }));
    let headers = vec![("authorization", format!("Bearer {namesake}"))];
    let kind = Some("application/x-www-form-urlencoded");
    let body = format!("token={namesake}");
    let ask = Ask { headers, kind, body: body.into(), ..Ask::default() };
    let wire = town.world.actor("north-savo");
    let reply = wire.raw(&town.kuopio, Method::POST, "/oauth/introspect", ask);
    assert_eq!((reply.status(), &reply.json()["error"]), (401, &json!("invalid_client")));
    town.reads(&namesake).shows([Housing]);
    let log = town.kuopio.disclosures(town.aino.patient());
    assert!(log.iter().all(|entry| entry.caller.client != "north-savo"), "{log:?}");
    // The same name of a token of another issuer is another token.
    let ours = wire.token(&town.kuopio, "system/*.rs");
    let jti = town.told_of(&ours).json()["jti"].clone();
    let same = town.one.token(&town.world, &json!({ "jti": jti }));
    town.reads(&same).shows([Housing]);
    assert_eq!(wire.about_token(&town.kuopio, "/oauth/revoke", &ours).status(), 200);
    town.reads(&same).shows([Housing]);
    town.refuses("ours", &ours);
}

#[test]
fn a_token_about_one_person_is_about_nobody_else() {
    // SC, AL: patient context
    let people_act = |outsider: &Outsider| {
        let mut settings = outsider.by_keys();
        settings.issuer.limits.people_act = outsider.id == "one";
        settings
    };
    let town = Town::with(people_act);
    let eino = town.kuopio.person("eino").answered([(Housing, 1, 1, "")]);
    let patient = |id: &str| format!("Patient/{id}");
    let own = |whose: &str, who: &str| {
        json!({ "scope": "patient/*.rs", "patient": whose, "purpose": "PATRQT", "roles": null,
            "fhirUser": patient(who) })
    };
    let aino = town.aino.patient();
    let token = town.one.token(&town.world, &own(aino, aino));
    town.reads(&token).shows([Housing, Health]);
    let of_eino = format!("/fhir/Observation?patient={}", eino.patient());
    town.get(&token, &of_eino).is_empty();
    town.get(&token, &format!("/fhir/Patient/{}", eino.patient())).refused(404, "not-found");
    // Written as references they mean the same.
    let base = "https://n297.test:297/fhir/Patient/";
    let written =
        json!({ "patient": format!("{base}{aino}"), "fhirUser": format!("{base}{aino}") });
    let mut claims = own(aino, aino);
    claims.as_object_mut().unwrap().extend(written.as_object().unwrap().clone());
    town.reads(&town.one.token(&town.world, &claims)).shows([Housing, Health]);
    // Another person, and nobody, see nothing of her.
    town.reads(&town.one.token(&town.world, &own(eino.patient(), eino.patient()))).is_empty();
    town.reads(&town.one.token(&town.world, &own(aino, eino.patient()))).is_empty();
    let nobodys = json!({ "patient": null });
    let mut claims = own(aino, aino);
    claims.as_object_mut().unwrap().extend(nobodys.as_object().unwrap().clone());
    town.reads(&town.one.token(&town.world, &claims)).is_empty();
    town.refuses("an issuer that may not say so", &town.two.token(&town.world, &own(aino, aino)));
    // That a token is about somebody gives nothing to whoever shows it.
    let system = json!({ "scope": "patient/*.rs", "patient": aino, "fhirUser": null });
    town.reads(&town.two.token(&town.world, &system)).is_empty();
}

#[test]
fn an_issuer_of_one_organisation_and_purpose_need_not_say_them() {
    let town = Town::with(|outsider| {
        let mut settings = outsider.by_keys();
        let issuer = &mut settings.issuer;
        if outsider.id == "one" {
            issuer.limits.organizations.remove(0);
            issuer.claims.organization = None;
        }
        issuer.limits.purposes = vec!["TREAT".to_owned()];
        settings
    });
    let silent = json!({ "extensions": null, "purpose": null });
    town.reads(&town.one.token(&town.world, &silent)).shows([Housing]);
    town.refuses("of several organisations", &town.two.token(&town.world, &silent));
    town.reads(&town.one.token(&town.world, &none())).shows([Housing]);
}
