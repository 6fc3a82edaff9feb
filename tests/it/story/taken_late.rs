//! An answer is ready in time, and whoever asked is slow to take it: once what it shows may have been
//! withdrawn it does not start any more.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use mylife::{
    audit::step::GOOD_FOR,
    domain::theme::Theme::Housing,
    listen::{Answer, Incoming, body::BodyReader},
};

use crate::world::World;

#[test]
fn an_answer_that_is_taken_too_late_does_not_start() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    let read = format!("/fhir/QuestionnaireResponse/{}", aino.document(0));
    for path in [search, read] {
        for (short, starts) in [(1, true), (0, false)] {
            let (name, bearer) = portal.actor.bearer(&kuopio);
            let request = Request::get(&path).header(name, bearer).header("mylife-nodes", "297");
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let (body, address) = (BodyReader::of(""), "127.0.0.1".into());
            let incoming =
                Incoming { parts, body, peer_certificate: None, peer_names: None, address };
            let answer = world.runtime.block_on(kuopio.gateway.answer(incoming));
            assert_eq!(answer.status(), 200, "{path}");
            world.pass(GOOD_FOR.saturating_sub(Duration::from_millis(short)));
            let taken = world.runtime.block_on(answer.into_body().collect());
            assert_eq!(taken.is_ok(), starts, "{path}, {short} ms before");
        }
    }
}
