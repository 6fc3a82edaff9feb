//! In an emergency a ward gets past a prohibition: declared, reasoned, recorded, and told to the person.

use mylife::{audit::record::Basis, domain::theme::Theme::Housing};
use serde_json::{Value, json};

use super::explained::{ask, caller, citizen, law};
use crate::world::{
    Reply, Terms, World,
    municipality::{At, Node},
};

/// The ward as it asks: with a role, a ground and an emergency that lasts so many seconds.
pub(super) fn ward(node: &Node, ground: Option<&str>, seconds: Option<u64>) -> At {
    let ward = node.client("ward");
    let until = |s| node.world.now().plus(std::time::Duration::from_secs(s)).to_string();
    let mut ours = json!({});
    if let Some(reason) = ground {
        ours["declared"] = json!([{ "id": "law:rescue", "reason": reason }]);
    }
    if let Some(seconds) = seconds {
        ours["break_glass"] = json!({ "reason": "a burning house", "until": until(seconds) });
    }
    ward.actor.states(json!({
        "ihe_iua": { "subject_role": ["nurse"], "subject_id": "Practitioner/h13.prac.1" },
        "mylife": ours,
    }));
    ward
}

/// What the person is told of the ward.
pub(super) fn explained(node: &Node, patient: &str) -> Reply {
    let asks = citizen(node, &format!("Patient/{patient}"));
    ask(&asks, patient, &caller("urn:oid:1.2.246.10.99900139", "ETREAT", &[]), "sv")
}

pub(super) fn uses(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status(), 200, "{reply:?}");
    let all = reply.json()["parameter"].as_array().unwrap();
    all.iter().filter(|part| part["name"] == "use").map(|part| part["part"].clone()).collect()
}

#[test]
fn a_declared_emergency_is_recorded_with_its_reason_and_told_to_the_person() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let county = kuopio.client("north-savo");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home")]);
    aino.gives(Terms::prohibition(&county.actor));
    let kind = "QuestionnaireResponse";
    ward(&kuopio, None, None).search(kind, &aino).is_empty();
    ward(&kuopio, Some("fire"), None).search(kind, &aino).is_empty();
    ward(&kuopio, None, Some(600)).search(kind, &aino).is_empty();
    assert!(uses(&explained(&kuopio, aino.patient())).is_empty());

    ward(&kuopio, Some("fire"), Some(600)).search(kind, &aino).shows([Housing]).says("a home");
    let used = |e: &&mylife::audit::record::Entry<'_>| e.is_for_review();
    let records = kuopio.disclosures(aino.patient());
    let [record] = &records.iter().filter(used).collect::<Vec<_>>()[..] else { panic!("one") };
    assert_eq!(record.emergency.as_ref().unwrap().reason, "a burning house");
    let Basis::Law { id, reason, overrode } = &record.basis[0] else { panic!("{record:?}") };
    assert_eq!((&**id, reason.as_deref(), *overrode), ("law:rescue", Some("fire"), true));

    let reply = explained(&kuopio, aino.patient());
    let [told] = &uses(&reply)[..] else { panic!("{reply:?}") };
    let text = told.to_string();
    for words in ["law:rescue", "räddningslag", "fire", "nurse", "urn:oid:1.2.246.10.99900139"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // Who only looks who saw what of them is told as well.
    let herself = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let saw = herself.search("AuditEvent", &aino);
    let used = |event: &&Value| event.to_string().contains("\"emergency\"");
    let [event] = saw.matches().into_iter().filter(used).collect::<Vec<_>>()[..] else {
        panic!("{saw:?}")
    };
    let details = event["entity"][0]["detail"].as_array().unwrap();
    for (name, value) in [
        ("law", "law:rescue"),
        ("reason", "fire"),
        ("overrode", "prohibition"),
        ("emergency", "a burning house"),
    ] {
        assert!(details.iter().any(|d| d["type"] == name && d["valueString"] == value), "{event}");
    }
    // Once it is over, nothing of it opens anything.
    world.pass(std::time::Duration::from_hours(1));
    ward(&kuopio, None, None).search(kind, &aino).is_empty();
    ward(&kuopio, Some("fire"), Some(600)).search(kind, &aino).shows([Housing]);
    // The same question with another reason has a record of its own.
    ward(&kuopio, Some("flood"), Some(600)).search(kind, &aino).shows([Housing]);
    assert_eq!(uses(&explained(&kuopio, aino.patient())).len(), 3);
}

#[test]
fn an_emergency_that_is_too_long_or_not_registered_gets_no_token() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let asks = |at: &At| {
        let form = at.actor.token_form(&kuopio, "system/*.rs");
        at.actor.ask_token(&kuopio, &form).status()
    };
    assert_eq!(asks(&ward(&kuopio, Some("fire"), Some(3600))), 200);
    assert_eq!(asks(&ward(&kuopio, Some("fire"), Some(3601))), 400);
    assert_eq!(asks(&ward(&kuopio, Some(" "), Some(600))), 400);
    let county = kuopio.client("north-savo");
    let soon = world.now().plus(std::time::Duration::from_mins(1)).to_string();
    let glass = json!({ "reason": "fire", "until": soon });
    county.actor.states(json!({ "mylife": { "break_glass": glass } }));
    assert_eq!(asks(&county), 400);
    county
        .actor
        .states(json!({ "mylife": { "declared": [{ "id": "law:rescue", "reason": "fire" }] } }));
    assert_eq!(asks(&county), 400);
}
