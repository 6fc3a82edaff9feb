//! The operator watches: nobody is named in what is seen from outside, and what is too much is refused.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::json;

use super::operator_looks_at_peers::shown;
use crate::world::{Person, Terms, World, actor::Ask, logged::logged};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn nobody_is_named_in_logs_metrics_and_health() {
    let ((told, secrets), heard) = logged("", || {
        let world = World::new();
        let kuopio = world.municipality("297");
        let portal = world.portal();
        let (reader, asker) = (kuopio.client("national-portal"), portal.client("national-portal"));
        let name = json!({ "name": { "given": ["Zebedeus"], "family": "Plantagenet" } });
        let planted = Person::with(&kuopio, "planted", &name)
            .answered([(Housing, 2, 1, "a planted word"), (Health, 1, 1, "another planted word")]);
        planted.gives(Terms::grant(&reader.actor).themes(&[Housing]).class("free-text"));
        reader.search("QuestionnaireResponse", &planted).says("a planted word");
        let code = format!("urn:oid:1.2.246.21|{}", planted.code());
        asker.post("QuestionnaireResponse", &[("patient.identifier", code.as_str())]);
        // What is refused, or fails, is logged at length.
        reader.get(&format!("/fhir/Observation?patient.identifier={code}"));
        reader.get("/fhir/Patient?family=Plantagenet");
        reader.get("/fhir/QuestionnaireResponse/297.nothing");
        let broken = json!({ "schema": "mylife/person/1", "id": "planted", "name": "Plantagenet" });
        kuopio.client("source").actor.put(&kuopio, "/native/people/planted", &broken, None);
        let grant = planted.means(Terms::prohibition(&reader.actor));
        grant.through(&portal, Some("297"), "active");
        let told: String =
            ["/metrics", "/health", "/peers"].map(|path| shown(&kuopio, path)).concat();
        let token = reader.actor.token(&kuopio, "system/*.rs");
        let signature = token.rsplit('.').next().unwrap().to_owned();
        (told, vec![planted.code().to_owned(), planted.patient().to_owned(), signature])
    });
    assert!(heard.lines().count() > 20, "there is something to look at");
    for line in heard.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(line["level"].is_string(), "{line}");
    }
    let words = ["Zebedeus", "Plantagenet", "planted word"].map(str::to_owned);
    for secret in words.into_iter().chain(secrets) {
        assert!(!told.contains(&secret), "{secret} is told: {told}");
        let line = heard.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} is logged: {line:?}");
    }
}

#[test]
fn a_trace_goes_through_every_gateway_that_was_asked() {
    let ((), heard) = logged("", || {
        let world = World::new();
        let kuopio = world.municipality("297");
        let portal = world.portal();
        let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
        let asker = portal.client("national-portal");
        aino.grants(&kuopio.client("national-portal"), [Housing]);
        let headers = vec![("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))];
        let path = format!("/fhir/QuestionnaireResponse?patient={}", aino.patient());
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        asker.actor.send(&portal, Method::GET, &path, ask).shows([Housing]);
    });
    let of_trace =
        heard.lines().filter(|line| line.contains(TRACE) && line.contains("\"answered\""));
    assert!(of_trace.count() >= 2, "the portal and Kuopio log the one trace: {heard}");
}

#[test]
fn what_is_too_much_is_refused_at_once_and_withdrawals_last() {
    let world = World::with_room(4);
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let grant = aino.grants(&portal, [Housing]);
    portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    // As many are under way as may be.
    for under_way in 1..=4 {
        assert_eq!(kuopio.telemetry.begin(), under_way);
    }
    let refused = portal.search("QuestionnaireResponse", &aino);
    refused.refused(503, "no-store");
    assert_eq!(refused.header("retry-after"), Some("1"));
    grant.revoke();
    // So is the page on which somebody ends what an app may do.
    let shed = || {
        let said = shown(&kuopio, "/metrics");
        said.lines().find(|line| line.starts_with("mylife_shed_total ")).map(str::to_owned)
    };
    let before = shed();
    assert!(before.is_some());
    portal.actor.raw(&kuopio, Method::GET, "/oauth/permissions", Ask::default());
    assert_eq!(shed(), before);
    assert!(shown(&kuopio, "/readyz").contains("HTTP/1.1 200 "), "health is asked elsewhere");
    (0..4).for_each(|_| kuopio.telemetry.end());
    portal.search("QuestionnaireResponse", &aino).is_empty();
    assert!(
        kuopio
            .audit()
            .iter()
            .all(|entry| entry.resources != mylife::audit::record::Resources::Counted(0))
    );
}
