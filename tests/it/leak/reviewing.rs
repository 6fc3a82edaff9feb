//! Reviews of accesses in an emergency: for who reviews them, and as nothing for everybody else.

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use crate::{
    story::{
        proposed::Writer,
        reviewed::{
            LIST, OFFICER, found, in_an_emergency, legislated, rescues, reviewer, somebody,
        },
    },
    world::Node,
};

const SCOPE: &str = "system/*.rus";

/// Whoever may see anything, or everything of the person's records, and does not review: the person, an
/// officer of another organisation, a system of ours, another role at ours, the ward itself, a portal.
fn others(node: &Node, patient: &str) -> Vec<Writer> {
    let own = node.identity.organization();
    let app = node.client("citizen-app");
    let nurse =
        json!({ "purpose": "ETREAT", "subject": "Practitioner/h13.prac.1", "roles": ["nurse"] });
    vec![
        Writer::new(&app, SCOPE, &json!({ "subject": format!("Patient/{patient}") })),
        somebody(node, "urn:oid:1.2.246.10.99900139", OFFICER, "Practitioner/h13.prac.2"),
        somebody(node, &own, "registrar", "Practitioner/297.prac.youth1"),
        Writer::new(&app, SCOPE, &json!({ "organization": own, "purpose": "HLEGAL" })),
        Writer::new(&node.client("ward"), SCOPE, &nurse),
        Writer::new(&node.client("national-portal"), SCOPE, &json!({})),
    ]
}

/// All that somebody is told of Tasks.
fn all(who: &Writer, patient: &str) -> Vec<Value> {
    let paths = [
        LIST.to_owned(),
        "/Task?code=emergency-review&_summary=count".to_owned(),
        "/Task?status=requested&_count=1".to_owned(),
        format!("/Task?patient={patient}"),
        format!("/Task?patient={patient}&code=emergency-review"),
        format!("/Task?patient={patient}&code:not=emergency-review"),
        format!("/Task/_history?patient={patient}"),
        format!("/Patient/{patient}/Task?_revinclude=Task:focus"),
        format!("/Patient/{patient}/$everything?_type=Task"),
    ];
    paths.iter().map(|path| json!(who.get(path).bytes())).collect()
}

#[test]
pub(super) fn what_is_to_be_reviewed_is_found_by_who_reviews_it_alone() {
    let world = legislated();
    let kuopio = world.municipality("297");
    // Somebody else is on the list before, so that what differs may be a number.
    in_an_emergency(&kuopio, "eero");
    let aino = kuopio.person("aino").answered([(Housing, 1, 1, "")]);
    let (patient, others) = (aino.patient(), others(&kuopio, aino.patient()));
    let before: Vec<_> = others.iter().map(|who| all(who, patient)).collect();
    rescues(&kuopio, &aino);
    let after: Vec<_> = others.iter().map(|who| all(who, patient)).collect();
    let officer = reviewer(&kuopio);
    let list = officer.get(LIST).accepted();
    let ours = list
        .matches()
        .into_iter()
        .find(|task| task["for"]["reference"] == format!("Patient/{patient}"));
    let task = ours.expect("it is there to be reviewed").clone();
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        assert_eq!(before, after);
    }
    let id = task["id"].as_str().unwrap();
    let absent = format!("{patient}.rvaaaaaaaaaa");
    let put = |who: &Writer, id: &str| {
        let mut body = task.clone();
        body["id"] = json!(id);
        for (name, value) in found("justified", None).as_object().unwrap() {
            body[name] = value.clone();
        }
        who.send(Method::PUT, &format!("/Task/{id}"), &body, &[("if-match", "*")]).bytes()
    };
    let get = |who: &Writer, id: &str| who.get(&format!("/Task/{id}")).bytes();
    for who in &others {
        assert_eq!(get(who, id).0, 404);
        assert_eq!(get(who, id), get(who, &absent));
        assert_eq!(put(who, id), put(who, &absent));
    }
    assert_eq!(officer.get(&format!("/Task/{id}")).json(), &task, "nobody made it");
}
