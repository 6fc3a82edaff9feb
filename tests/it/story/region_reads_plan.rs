//! The region reads a plan, and learns nothing of the sensitive services in it.

use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Person, Terms, World};

fn plan(person: &str) -> Value {
    json!({
        "schema": "mylife/plan/1", "id": format!("{person}-w"), "person": person, "status": "active",
        "title": "Towards a home", "period": { "start": "2026-02-10", "end": "2027-02-10" },
        "created": "2026-02-10T08:00:00Z", "assessments": [],
        "goals": [{ "id": "g-1", "themes": ["housing"], "words": "My own key", "set_by": "person",
            "status": "active" }],
        "services": [
            { "id": "s-1", "service": "297.svc.youth", "themes": ["housing"], "state": "granted",
              "decided": "2026-02-12" },
            { "id": "s-2", "service": "297.svc.psychiatry", "themes": ["housing"], "state": "granted",
              "decided": "2026-02-12" },
        ],
        "actions": [],
        "team": [
            { "id": "m-1", "practitioner": "297.prac.youth1", "role": "case-manager",
              "organization": "297.org.youth", "active": true },
            { "id": "m-2", "practitioner": "297.prac.psychiatry1", "role": "professional",
              "organization": "297.org.psychiatry", "active": true },
        ],
        "follow_up": [],
    })
}

#[test]
fn the_region_reads_the_plan_without_the_sensitive_services() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let region = kuopio.client("north-savo");
    let eetu: Person = kuopio.person("eetu").answered([(Housing, 2, 1, "")]).planned(&plan("eetu"));
    eetu.gives(Terms::grant(&region.actor).themes(&[Housing]));
    for kind in ["CarePlan", "ServiceRequest", "CareTeam", "Goal"] {
        let reply = region.search(kind, &eetu);
        assert!(!reply.matches().is_empty(), "{kind}: {reply:?}");
        reply.hides([Health]).keeps_quiet("psychiatry").keeps_quiet("My own key");
    }
    let services = region.search("ServiceRequest", &eetu);
    assert_eq!(services.total(), Some(1), "{services:?}");
    eetu.gives(
        Terms::grant(&region.actor).themes(&[Housing]).class("mental-health").class("free-text"),
    );
    let services = region.search("ServiceRequest", &eetu);
    assert_eq!(services.says("psychiatry").total(), Some(2), "{services:?}");
    region.search("Goal", &eetu).says("My own key");
}

#[test]
fn somebody_under_a_turvakielto_is_absent_to_a_grant_like_any_other() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let region = kuopio.client("north-savo");
    let hidden = json!({ "non_disclosure": true,
        "contact": { "phone": "+358 00 000 0001", "address": "Esimerkkikatu 1" } });
    let iida = Person::with(&kuopio, "iida", &hidden).answered([(Housing, 2, 1, "")]);
    iida.gives(Terms::grant(&region.actor).themes(&[Housing]).class("contact"));
    let reply = region.get(&format!("/fhir/Patient?_id={}", iida.patient()));
    reply.is_empty().keeps_quiet("Esimerkkikatu");
    region.search("Observation", &iida).is_empty();
    region.get(&format!("/fhir/Patient/{}", iida.patient())).refused(404, "not-found");
}
