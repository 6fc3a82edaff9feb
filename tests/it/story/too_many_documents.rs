//! A system sends one document more of a person than may be: that one is refused, says why, and nothing else is
//! kept from anybody.

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::json;

use super::versions::{goal, plan};
use crate::world::{Terms, World, actor::Ask};

#[test]
fn one_document_more_than_may_be_is_refused_and_all_else_is_taken() {
    let world = World::new();
    world.documents.set(2);
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino");
    aino.grants(&portal, [Housing]);
    let push = |id: &str, importance: u8| {
        let answer = json!({ "theme": "housing", "importance": importance });
        let body = json!({ "schema": "mylife/assessment/1", "id": id, "person": "aino",
            "form": "3x10d-30", "status": "completed", "authored": "2026-02-01T10:00:00Z",
            "answered_by": "person", "language": "fi", "answers": [answer] });
        let body = body.to_string().into();
        let ask = Ask { kind: Some("application/json"), body, ..Ask::default() };
        let path = format!("/native/assessments/{id}");
        world.actor("source").send(&kuopio, Method::PUT, &path, ask)
    };
    push("a", 1).accepted();
    push("b", 1).accepted();
    let before = portal.search("QuestionnaireResponse", &aino).ids();
    assert_eq!(before.len(), 2);
    push("c", 1).refused(422, "too-costly").says("limits.documents");
    assert_eq!(portal.search("QuestionnaireResponse", &aino).ids().len(), 2);
    // The next version of one that is there, one of another kind, one of somebody else; and to forbid it all.
    push("a", 2).accepted();
    plan(&aino, &[goal("g1", "Oma koti")]);
    drop(kuopio.person("eetu").answered([(Housing, 2, 1, "")]));
    for client in ["north-savo", "watcher", "national-portal"] {
        aino.gives(Terms::prohibition(&kuopio.client(client).actor));
    }
    portal.search("QuestionnaireResponse", &aino).is_empty();
}
