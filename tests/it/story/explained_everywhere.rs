//! At a gateway without data, `$explain` is answered by those that have some, each for itself.

use mylife::{
    audit::record::{Interaction, Outcome},
    domain::theme::Theme::{Health, Housing},
};
use serde_json::{Value, json};

use super::explained::{ask, caller, law, officer};
use crate::world::{Reply, World};

/// What each node says: its completeness, and whether there is something.
fn told(reply: &Reply) -> Vec<(String, String, bool)> {
    assert_eq!(reply.status(), 200, "{reply:?}");
    let all = reply.json()["parameter"].as_array().unwrap().iter();
    let nodes = all.filter(|part| part["name"] == "node").map(|part| &part["part"]);
    let text = |value: &Value| value["valueCode"].as_str().unwrap().to_owned();
    nodes.map(|part| (text(&part[0]), text(&part[1]), part[2].is_object())).collect()
}

/// Officers who see that there is somebody.
pub(super) fn overseen() -> Value {
    let mut law = law();
    let title = json!({ "fi": "laki", "sv": "lag", "en": "act" });
    law["grounds"].as_array_mut().unwrap().push(json!({
        "id": "law:oversight", "purposes": ["HLEGAL"], "themes": ["housing"], "reference": title,
    }));
    law
}

#[test]
fn each_node_that_is_asked_tells_of_its_own_data() {
    let world = World::new();
    world.legislate(overseen());
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let answers = [(Housing, 2, 1, ""), (Health, 1, 1, "")];
    let here = kuopio.person("aino").answered(answers);
    let there = kajaani.person("aino").answered(answers);
    let national = kuopio.client("national-portal");
    here.grants(&national, [Housing]);
    there.grants(&kajaani.client("national-portal"), [Health]);
    let portal = world.portal();
    let body = caller(&national.actor.organization, "TREAT", &[]);
    let reply = ask(&officer(&portal), here.patient(), &body, "sv");
    let word = |node: &str, state: &str, said| (node.to_owned(), state.to_owned(), said);
    assert_eq!(
        told(&reply),
        [
            word("049", "not-reached", false),
            word("205", "complete", true),
            word("297", "complete", true)
        ]
    );
    // What each says is what it says to who asks there.
    let nodes = reply.json()["parameter"].as_array().unwrap().iter();
    let said: Vec<&Value> = nodes.filter(|part| part["name"] == "node").collect();
    for (said, node, patient) in
        [(said[1], &kajaani, there.patient()), (said[2], &kuopio, here.patient())]
    {
        let straight = ask(&officer(node), patient, &body, "sv");
        let classes = |of: &Value| -> Vec<Value> {
            let all = of["parameter"].as_array().unwrap().iter();
            all.filter(|part| part["name"] == "class").cloned().collect()
        };
        let passed = &said["part"][2]["resource"];
        assert_eq!(classes(passed), classes(straight.json()));
        assert_eq!(passed["language"], "sv");
    }
    let recorded = portal.audit().into_iter().filter(|e| e.interaction == Interaction::Operation);
    let recorded: Vec<_> = recorded.filter(|e| e.patient.is_some()).collect();
    assert_eq!(recorded.len(), 2, "one for each person it is about");
    assert!(recorded.iter().all(|e| e.outcome == Outcome::Success && e.sources.len() == 3));

    // One node alone, by name; and nobody, where nobody tells anything.
    let mut at = officer(&portal);
    at.nodes = Some("297".to_owned());
    let headers = |reply: &Reply| told(reply).len();
    let alone = at.explains(here.patient(), &body);
    assert_eq!(headers(&alone), 1);
    let absent = format!("297.{}", "a".repeat(26));
    at.explains(&absent, &body).refused(404, "not-found");
    let mut stranger = portal.client("national-portal");
    stranger.nodes = Some("297".to_owned());
    let hidden = stranger.explains(here.patient(), &body);
    assert_eq!(hidden.bytes(), stranger.explains(&absent, &body).bytes(), "{hidden:?}");
}
