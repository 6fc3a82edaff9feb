//! An export is of one instant: what is written meanwhile is in the next one.

use std::time::Duration;

use aws_lc_rs::digest;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use mylife::{
    domain::theme::Theme::{Health, Housing},
    pki::{self, CertificateTime},
};
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;

use super::{SETTLES, begin, export, files, ids, lines, manifest, populated};
use crate::world::{Node, World, municipality::At};

#[test]
fn bx_17_what_is_written_after_the_kick_off_is_in_the_next_export() {
    let world = World::new();
    let (kuopio, client, [aino, ..]) = populated(&world);
    let begun = begin(&client, "/fhir/$export");
    world.pass(Duration::from_millis(1));
    let (later, survey) = (aino.clone().answered([(Housing, 9, 9, "")]), 1);
    kuopio.person("onni").answered([(Housing, 4, 4, "")]).grants(&client, [Housing]);
    let first = manifest(&client, &begun);
    let surveys = ids(&lines(&client, &first, "QuestionnaireResponse"));
    assert_eq!(surveys.len(), 2, "as it was");
    assert!(!surveys.contains(&later.document(survey)));
    assert_eq!(lines(&client, &first, "Patient").len(), 2);
    // What is left out comes with what changed since.
    let at = first["transactionTime"].as_str().unwrap();
    let next = export(&client, &format!("/fhir/$export?_since={at}"), "QuestionnaireResponse");
    assert_eq!(next.len(), 2, "the new survey, and that of who is new");
    assert!(ids(&next).contains(&later.document(survey)));
}

#[test]
fn bx_17_a_resource_that_is_changed_meanwhile_is_given_as_it_was() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let aino = kuopio.person("aino");
    aino.grants(&client, [Housing]);
    let plan = |words: &str| {
        serde_json::json!({
            "schema": "mylife/plan/1", "id": "aino-w", "person": "aino", "status": "active",
            "period": { "start": "2026-02-10", "end": "2027-02-10" },
            "created": "2026-02-10T08:00:00Z", "assessments": [],
            "goals": [{ "id": "g-1", "themes": ["housing"], "words": "Koti", "set_by": "person",
                "status": words }],
            "services": [], "actions": [],
            "team": [{ "id": "m-1", "practitioner": "297.prac.youth1", "role": "case-manager",
                "organization": "297.org.youth", "active": true }],
            "follow_up": [],
        })
    };
    let aino = aino.planned(&plan("active"));
    world.pass(Duration::from_mins(1));
    let begun = begin(&client, "/fhir/$export?_type=Goal");
    world.pass(Duration::from_millis(1));
    aino.planned(&plan("completed"));
    let manifest = manifest(&client, &begun);
    let status = |goals: &[Value]| goals[0]["lifecycleStatus"].clone();
    assert_eq!(status(&lines(&client, &manifest, "Goal")), "active");
    assert_eq!(status(&export(&client, "/fhir/$export?_type=Goal", "Goal")), "completed");
}

#[test]
fn what_is_granted_meanwhile_is_in_and_what_is_withdrawn_meanwhile_is_not() {
    let world = World::new();
    let (_, client, [aino, _, iida]) = populated(&world);
    let health = aino.grants(&client, [Health]);
    let begun = begin(&client, "/fhir/$export?_type=Observation");
    world.pass(Duration::from_millis(1));
    iida.grants(&client, [Housing]);
    health.revoke();
    let manifest = manifest(&client, &begun);
    let seen = lines(&client, &manifest, "Observation");
    let of = |who: &str| {
        let subject = format!("Patient/{who}");
        seen.iter().filter(|one| one["subject"]["reference"] == *subject).count()
    };
    assert_eq!((of(aino.patient()), of(iida.patient())), (2, 2), "{seen:?}");
}

/// A file that is longer than one piece, of two people; whose comes first has the long one.
fn long(world: &World) -> (Node, At, [crate::world::Person; 2]) {
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let mut people = ["aino", "eetu"].map(|name| kuopio.person(name));
    people.sort_by(|a, b| a.patient().cmp(b.patient()));
    let words = "Oma koti ja avain. ".repeat(100);
    let [first, second] = people;
    let mut first = first;
    for _ in 0..28 {
        first = first.answered([(Housing, 2, 1, &words), (Health, 2, 1, &words)]);
    }
    let second = second.answered([(Housing, 2, 1, "")]);
    world.pass(Duration::from_mins(1));
    (kuopio, client, [first, second])
}

#[test]
fn bx_28_what_is_withdrawn_in_the_middle_of_a_file_leaves_no_more() {
    use crate::world::Terms;
    let world = World::new();
    let (kuopio, client, [first, second]) = long(&world);
    let words = Terms::grant(&client.actor).themes(&[Housing, Health]).class("free-text");
    first.gives(words);
    let given = second.grants(&client, [Housing]);
    let path = "/fhir/$export?_type=QuestionnaireResponse";
    let manifest = manifest(&client, &begin(&client, path));
    let whole = lines(&client, &manifest, "QuestionnaireResponse");
    assert_eq!(whole.len(), 29);
    let file = files(&manifest, "QuestionnaireResponse").remove(0);
    let half = Half::begin(&kuopio, &file, client.actor.bearer(&kuopio));
    // The file has begun to leave, and nobody takes it.
    given.revoke();
    let text = half.rest(&kuopio);
    assert_eq!(text.lines().count(), 28, "who withdrew is not in it");
    assert!(!text.contains(second.patient()));
}

#[test]
fn an_export_that_is_ended_in_the_middle_of_a_file_cuts_it() {
    use crate::world::{Terms, actor::Ask};
    let world = World::new();
    let (kuopio, client, [first, second]) = long(&world);
    first.gives(Terms::grant(&client.actor).themes(&[Housing, Health]).class("free-text"));
    second.grants(&client, [Housing]);
    let begun = begin(&client, "/fhir/$export?_type=QuestionnaireResponse");
    let manifest = manifest(&client, &begun);
    let file = files(&manifest, "QuestionnaireResponse").remove(0);
    let half = Half::begin(&kuopio, &file, client.actor.bearer(&kuopio));
    let place = super::status(&begun);
    client.actor.send(&kuopio, Method::DELETE, &place, Ask::default()).accepted();
    assert!(half.try_rest(&kuopio).is_none(), "half a file is never taken for a whole one");
    world.pass(SETTLES);
}

#[test]
fn a_file_does_not_go_on_under_settings_that_were_replaced_nor_a_launch_that_was_ended() {
    use crate::world::Terms;
    for is_launch in [false, true] {
        let world = World::new();
        let (kuopio, client, [first, second]) = long(&world);
        first.gives(Terms::grant(&client.actor).themes(&[Housing, Health]).class("free-text"));
        second.grants(&client, [Housing]);
        let manifest =
            manifest(&client, &begin(&client, "/fhir/$export?_type=QuestionnaireResponse"));
        let file = files(&manifest, "QuestionnaireResponse").remove(0);
        let token = client.token("system/*.rs", &json!({ "family": "f-1", "purpose": "TREAT" }));
        let half = Half::begin(&kuopio, &file, ("authorization", format!("Bearer {token}")));
        let (gateway, now) = (&kuopio.gateway, world.now());
        if is_launch {
            let family = digest::digest(&digest::SHA256, b"family\0f-1");
            let family = family.as_ref().try_into().unwrap();
            let (revoked, until) = (gateway.authenticator.revoked(), now.plus(SETTLES));
            let ended = revoked.revoke(&*gateway.tokens.store, family, until, now);
            world.runtime.block_on(ended).unwrap();
        } else {
            gateway.terms.over.set();
        }
        assert!(half.try_rest(&kuopio).is_none(), "it goes on: {is_launch}");
    }
}

/// A file of which only the head was read.
pub(crate) struct Half {
    response: http::Response<hyper::body::Incoming>,
}

impl Half {
    pub(crate) fn begin(node: &Node, path: &str, (name, value): (&str, String)) -> Self {
        let world = &node.world;
        let host = format!("{}:{}", node.identity.host, node.identity.port);
        let request = Request::get(path).header(header::HOST, host).header(name, value);
        let request = request.body(Full::new(bytes::Bytes::new())).unwrap();
        let time = std::sync::Arc::new(CertificateTime(world.clock.clone()));
        let anchors = pki::anchors(&world.authority.issued().certificate).unwrap();
        let settings = ClientConfig::builder_with_details(pki::provider(), time)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(anchors)
            .with_no_client_auth();
        let response = world.runtime.block_on(async {
            let link = world.wires.open(node.port).unwrap();
            let name = ServerName::try_from(node.identity.host.clone()).unwrap();
            let connector = TlsConnector::from(std::sync::Arc::new(settings));
            let link = connector.connect(name, link).await.unwrap();
            let mut builder = hyper::client::conn::http1::Builder::new();
            builder.max_buf_size(8192);
            let (mut sender, connection) = builder.handshake(TokioIo::new(link)).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        });
        assert_eq!(response.status(), 200);
        Self { response }
    }

    /// What comes when it is read at last; `None` if it was cut.
    pub(crate) fn try_rest(self, node: &Node) -> Option<String> {
        let body = node.world.runtime.block_on(self.response.into_body().collect()).ok()?;
        Some(String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }

    fn rest(self, node: &Node) -> String {
        self.try_rest(node).unwrap()
    }
}
