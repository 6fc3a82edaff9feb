//! What a collective plan is put together of, whatever others write: circles, thousands, nonsense.

use mylife::{
    collective::{
        Sort, Table,
        bundle::{Terms, made},
        findings::{Cause, findings},
        page,
    },
    domain::moment::Moment,
    federation::State,
    fhir::{schema::Validator, types::ResourceType},
};
use serde_json::{Value, json};

const THEME: &str = "https://mylife.example/fhir/CodeSystem/theme";

fn goal(node: &str, plan: &str, number: usize) -> Value {
    json!({
        "resourceType": "Goal", "id": format!("{node}.{plan}.g{number}"), "language": "fi",
        "lifecycleStatus": "active",
        "category": [{ "coding": [{ "system": THEME, "code": "housing" }] }],
        "description": { "text": format!("<b>{number}</b>") },
        "target": [{ "measure": { "coding": [{ "code": "housing.satisfaction" }] },
            "detailInteger": number % 11 }],
        // Each names the next, and the last the first.
        "addresses": [{ "reference": format!("Goal/{node}.{plan}.g{}", (number + 1) % 2000) }],
    })
}

fn terms() -> Terms<'static> {
    let now = Moment::from_millis(1_772_445_600_000);
    Terms { patient: "297.p", base: "https://a.example/fhir", now, language: "en" }
}

#[test]
fn thousands_of_goals_in_circles_make_a_few_findings() {
    let all: Vec<Value> = ["297", "205", "049"]
        .iter()
        .flat_map(|node| (0..2000).map(move |number| goal(node, "w", number)))
        .collect();
    let table = Table::of(all.iter().map(|goal| (ResourceType::Goal, goal)));
    let found = findings(&table, true);
    let causes: Vec<Cause> = found.iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::Targets, Cause::Goals]);
    assert_eq!(found[1].lines.len(), 6000);
    assert_eq!(found[1].who, ["049", "205", "297"]);
    let made = made(&table, &found, &[], &terms());
    assert_eq!(made[0].1["goal"].as_array().unwrap().len(), 6000);
    let page = page::html(&table, &found, &[], &terms());
    assert_eq!(page.matches("&lt;b&gt;7&lt;/b&gt;").count(), 3);
    assert!(!page.contains("<b>"));
}

#[test]
fn what_a_peer_writes_in_another_way_is_shown_as_far_as_it_is_understood() {
    let schema = Validator::new().unwrap();
    let strange = [
        (ResourceType::Goal, json!({ "id": "297.w.g1", "lifecycleStatus": "thriving" })),
        (ResourceType::Goal, json!({ "id": 3 })),
        (ResourceType::Goal, json!("no goal")),
        (
            ResourceType::ServiceRequest,
            json!({ "id": "297.w.s1", "status": "active",
            "category": "housing", "performer": { "reference": [] } }),
        ),
        (
            ResourceType::CareTeam,
            json!({ "id": "297.w.ct", "participant": [{}, [], null,
            { "member": { "reference": "Practitioner/297.x" } }] }),
        ),
        (ResourceType::CarePlan, json!({ "id": "297.w", "status": "sleeping", "note": {} })),
        (
            ResourceType::Task,
            json!({ "id": "297.w.f1", "code": { "coding": [{ "code": "follow-up" }] } }),
        ),
        (ResourceType::Patient, json!({ "name": [{ "given": "x" }] })),
        (ResourceType::Provenance, json!({ "id": "297.w.pv", "agent": [] })),
    ];
    let table = Table::of(strange.iter().map(|(kind, resource)| (*kind, resource)));
    assert_eq!(table.lines.len(), 3, "{table:?}");
    assert_eq!(table.current(Sort::Goal).count(), 0, "nobody knows whether it is current");
    assert_eq!(table.owner("297.w"), "297");
    let found = findings(&table, true);
    let asked = [("297", State::Complete), ("205", State::Partial)];
    let issues = asked.map(|(node, state)| state.issue_of(node));
    for (_, resource) in made(&table, &found, &issues, &terms()) {
        assert_eq!(schema.faults(&resource), [], "{resource}");
    }
    let asked = asked.map(|(node, state)| (node.to_owned(), state.code()));
    assert!(page::html(&table, &found, &asked, &terms()).contains("Missing: 205"));
}
