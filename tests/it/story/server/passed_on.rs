//! What a holder answers another gateway starts there: a withdrawal waits for that too, and what one of
//! several processes knew a while ago is as old at the other gateway.

use std::{future::Future, sync::Arc};

use http::Method;
use mylife::{
    audit::step::GOOD_FOR,
    domain::theme::Theme::{Health, Housing},
};
use serde_json::json;
use tokio::task::{LocalSet, spawn_local};

use super::{ANSWERS, Slow, asks, still::Still, when, writes};
use crate::{
    story::export::{begin, files, manifest, prefers},
    world::{Node, PORTAL, Person, Reply, actor::Ask, municipality::At},
};

/// A holder, and a portal that passes on what it answers once it is written down. Time stands still.
struct Passing {
    portal: Node,
    disk: Slow,
    still: Still,
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.disk.let_go();
    }
}

impl Passing {
    fn new(several: bool) -> Self {
        let still = Still::new(several, &Slow::default());
        let disk = Slow::default();
        let portal = still.world.municipality_on(PORTAL, Arc::new(disk.clone()));
        Self { portal, disk, still }
    }

    fn at_portal(&self) -> At {
        At { nodes: Some("297".to_owned()), ..self.portal.client("national-portal") }
    }
}

/// Something that the portal is asked, and asks the holder.
struct Question {
    method: Method,
    path: String,
    ask: Ask<'static>,
}

impl Question {
    fn get(path: String) -> Self {
        Self { method: Method::GET, path, ask: Ask::default() }
    }

    fn put_to(self, to: &At) -> impl Future<Output = Option<Reply>> + use<> {
        let At { actor, node, .. } = to.clone();
        let Self { method, path, mut ask } = self;
        ask.headers.push(actor.bearer(&node));
        ask.nodes = Some("297");
        async move { actor.meanwhile(&node, method, &path, ask).await }
    }
}

/// The ways on which the portal tells somebody of a person, or that there is one.
const WAYS: [fn(&At, &Person) -> Question; 6] = [
    |_, aino| Question::get(format!("/fhir/Observation?patient={}", aino.patient())),
    |_, aino| Question::get(format!("/fhir/Observation/{}.ho.s", aino.document(0))),
    |_, aino| Question::get(format!("/fhir/Observation/{}.ho.s/_history", aino.document(0))),
    |_, aino| Question::get(format!("/fhir/Patient/{}/$everything", aino.patient())),
    |portal, _| {
        let begun = begin(portal, "/fhir/$export?_type=Observation");
        Question::get(files(&manifest(portal, &begun), "Observation").remove(0))
    },
    |_, aino| {
        let of = json!({ "reference": format!("Patient/{}", aino.patient()) });
        let named = json!({ "name": "patient", "valueReference": of });
        let body = json!({ "resourceType": "Parameters", "parameter": [named] }).to_string();
        let kind = Some("application/fhir+json");
        let ask = Ask { headers: prefers(&[]), kind, body: body.into(), nodes: None };
        Question { method: Method::POST, path: "/fhir/Patient/$export".to_owned(), ask }
    },
];

#[test]
fn a_withdrawal_waits_for_what_another_gateway_has_and_has_not_answered_yet() {
    let both = [true, false].into_iter();
    for (in_time, way) in both.flat_map(|in_time| WAYS.map(|way| (in_time, way))) {
        let all = Passing::new(false);
        let at_portal = all.at_portal();
        let aino = all.still.holder.person("aino").answered(ANSWERS);
        let grant = aino.grants(&all.still.holder.client("national-portal"), [Housing]);
        let passed_on = way(&at_portal, &aino).put_to(&at_portal);
        let ended = writes(&grant, "inactive", &all.still.holder, Vec::new());
        LocalSet::new().block_on(&all.still.world.runtime, async {
            let before = all.still.stored(&aino).await;
            all.disk.hold();
            let passed_on = spawn_local(passed_on);
            when(async || all.disk.is_waited_for()).await;
            all.still.pass(1).await;
            let ended = spawn_local(ended);
            when(async || all.still.stored(&aino).await != before).await;
            for _ in 0..17 {
                // Asking takes a moment, in which a gateway in haste would acknowledge.
                all.still.stored(&aino).await;
                all.still.pass(100).await;
            }
            assert!(!ended.is_finished(), "it is acknowledged while the portal has it");
            if in_time {
                all.disk.let_go();
                passed_on.await.unwrap().expect("it is in time").accepted();
                all.still.pass(200).await;
                ended.await.unwrap().unwrap().accepted();
            } else {
                all.still.pass(200).await;
                ended.await.unwrap().unwrap().accepted();
                all.disk.let_go();
                passed_on.await.unwrap().expect("it is told").refused(503, "no-store");
            }
        });
        at_portal.search("Observation", &aino).is_empty();
    }
}

#[test]
fn nobody_waits_of_whom_no_gateway_was_told() {
    let all = Passing::new(false);
    let (reader, at_portal) = (all.still.holder.client("national-portal"), all.at_portal());
    let [aino, eetu] = ["aino", "eetu"].map(|name| all.still.holder.person(name).answered(ANSWERS));
    let kept = eetu.grants(&reader, [Housing]);
    at_portal.search("Observation", &aino).is_empty();
    at_portal.search("Observation", &eetu).shows([Housing]);
    let grant = aino.grants(&reader, [Housing]);
    reader.search("Observation", &aino).shows([Housing]);
    // Time stands still, so who waits waits for ever.
    grant.revoke();
    reader.search("Observation", &aino).is_empty();
    aino.grants(&reader, [Health]);
    at_portal.search("Observation", &aino).shows([Health]);
    all.still.world.pass(GOOD_FOR);
    // It is too long ago to start there now.
    kept.revoke();
}

#[test]
fn what_a_process_knew_before_it_was_asked_is_as_old_where_it_is_passed_on() {
    for (passes, starts) in [(870, true), (890, false)] {
        let all = Passing::new(true);
        let at_portal = all.portal.client("national-portal");
        let aino = all.still.holder.person("aino").answered(ANSWERS);
        aino.grants(&all.still.holder.client("national-portal"), [Housing]);
        let passed_on = asks(&at_portal, &aino);
        LocalSet::new().block_on(&all.still.world.runtime, async {
            all.still.holder.gateway.look().await.unwrap();
            all.still.pass(900).await;
            all.disk.hold();
            let passed_on = spawn_local(passed_on);
            when(async || all.disk.is_waited_for()).await;
            all.still.pass(passes).await;
            all.disk.let_go();
            let told = passed_on.await.unwrap().expect("it is told");
            assert_eq!(told.status(), if starts { 200 } else { 503 }, "{passes} ms later");
        });
    }
}
