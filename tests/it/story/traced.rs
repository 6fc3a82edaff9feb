//! Who watches where time goes: one question that several gateways answer is one trace at a collector, which
//! names nobody, and which costs no answer when it is away. In a build with the feature `otlp` alone.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use mylife::{
    domain::theme::Theme::{Health, Housing},
    error::Kind,
    federation::tls::PeerTls,
    gateway::collector::Settings,
    listen::{
        Answer, Answering, Incoming,
        body::{Body, BodyReader},
    },
    pki,
    telemetry::{otlp, trace::Trace},
    transport::Authority,
};
use serde_json::{Value, json};

use super::operator_looks_at_peers::shown;
use crate::world::{
    Gate, Lie, Node, Person, Terms, World,
    actor::Ask,
    provider::{self, HOST},
    receiver::Mood,
};

const PORT: u16 = 8031;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const ASKER: &str = "00f067aa0ba902b7";

/// A collector that keeps what it is told.
struct Desk {
    mood: Mutex<Mood>,
    told: Mutex<Vec<Value>>,
}

impl Answer for Desk {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            let (path, kind) = (request.parts.uri.path().to_owned(), &request.parts.headers);
            assert_eq!(
                (&*path, &kind["content-type"]),
                ("/v1/traces", &"application/json".parse().unwrap())
            );
            let body = request.body.whole().await.unwrap();
            let mood = *self.mood.lock().unwrap();
            match mood {
                Mood::Hangs => std::future::pending().await,
                Mood::Says(status) => {
                    if status == 200 {
                        self.told.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                    }
                    let status = StatusCode::from_u16(status).unwrap();
                    provider::json_of(status, &json!({ "partialSuccess": {} }))
                }
            }
        })
    }

    fn refuse(&self, _: Kind, _: &'static str) -> Response<Body> {
        provider::json_of(StatusCode::BAD_REQUEST, &json!({}))
    }
}

/// A span as the collector has it, of a service.
#[derive(Clone, Debug)]
struct Seen {
    service: String,
    span: Value,
}

impl Seen {
    fn text(&self, name: &str) -> &str {
        self.span[name].as_str().unwrap_or_default()
    }

    /// Its name and what is said of it, in order, as one line.
    fn line(&self) -> String {
        let mut line = format!("{} {}", self.service, self.text("name"));
        for fact in self.span["attributes"].as_array().unwrap() {
            let value = &fact["value"];
            let value = value["stringValue"].as_str().or_else(|| value["intValue"].as_str());
            line.push_str(&format!(" {}", value.unwrap()));
        }
        if self.span["status"]["code"] == 2 {
            line.push_str(" failed");
        }
        line
    }
}

impl Desk {
    fn stand(world: &World) -> Arc<Self> {
        let (mood, told) = (Mutex::new(Mood::Says(200)), Mutex::default());
        let desk = Arc::new(Self { mood, told });
        provider::listen(world, PORT, desk.clone());
        desk
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Everything it was told, in order.
    fn spans(&self) -> Vec<Seen> {
        let told = self.told.lock().unwrap();
        let resources = told.iter().flat_map(|one| one["resourceSpans"].as_array().unwrap());
        let of = |resource: &Value| {
            let service = &resource["resource"]["attributes"][1];
            assert_eq!(service["key"], "service.name");
            let service = service["value"]["stringValue"].as_str().unwrap().to_owned();
            let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap().clone();
            spans.into_iter().map(move |span| Seen { service: service.clone(), span })
        };
        resources.flat_map(of).collect()
    }

    /// A trace as a tree: each span below the one that it is part of.
    fn tree(&self, trace: &str, root: &str) -> String {
        let spans = self.spans().into_iter().filter(|seen| seen.text("traceId") == trace);
        let spans: Vec<Seen> = spans.collect();
        let mut lines = Vec::new();
        branch(&spans, root, 0, &mut lines);
        assert_eq!(lines.len(), spans.len(), "each has its place: {spans:#?}");
        lines.join("\n")
    }
}

fn branch(spans: &[Seen], parent: &str, depth: usize, lines: &mut Vec<String>) {
    let mut below: Vec<&Seen> =
        spans.iter().filter(|seen| seen.text("parentSpanId") == parent).collect();
    below.sort_by_key(|seen| seen.line());
    for seen in below {
        lines.push(format!("{}{}", "  ".repeat(depth), seen.line()));
        branch(spans, seen.text("spanId"), depth + 1, lines);
    }
}

fn settings(world: &World) -> Settings {
    let anchors = pki::anchors(&world.authority.issued().certificate).unwrap();
    let tls = PeerTls::nameless(anchors, world.clock.clone()).unwrap();
    Settings {
        to: Authority::new(HOST, PORT),
        tls: Some(Arc::new(tls)),
        one_in: 1,
        queue: 4096,
        deadline: Duration::from_secs(30),
    }
}

/// A gateway that tells a collector.
fn watched(world: &World, settings: Settings, open: impl FnOnce(&World) -> Node) -> Node {
    *world.collector.borrow_mut() = Some(settings);
    open(world)
}

fn tells(node: &Node) {
    let collector = node.gateway.collector.as_ref().unwrap();
    node.world.runtime.block_on(collector.tell());
}

fn traced(sampled: bool) -> Vec<(&'static str, String)> {
    vec![("traceparent", format!("00-{TRACE}-{ASKER}-0{}", u8::from(sampled)))]
}

/// How many spans had each fate.
fn fates(node: &Node) -> [usize; 3] {
    let told = shown(node, "/metrics");
    ["exported", "dropped", "lost"].map(|outcome| {
        let row = format!("mylife_spans_total{{outcome=\"{outcome}\"}} ");
        told.lines().find_map(|line| line.strip_prefix(&row)).unwrap().parse().unwrap()
    })
}

#[test]
fn one_question_to_several_gateways_is_one_trace() {
    let world = World::new();
    let desk = Desk::stand(&world);
    let kuopio = watched(&world, settings(&world), |world| world.municipality("297"));
    let portal = watched(&world, settings(&world), World::portal);
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&kuopio.client("national-portal"), [Housing]);
    let asker = portal.client("national-portal");
    let path = format!("/fhir/QuestionnaireResponse?patient={}", aino.patient());
    let ask = Ask { headers: traced(true), nodes: Some("297"), ..Ask::default() };
    asker.actor.send(&portal, Method::GET, &path, ask).shows([Housing]);
    tells(&kuopio);
    tells(&portal);
    let tree = "\
mylife-900 search GET search 200
  mylife-900 answer
    mylife-900 ask 297 200
      mylife-297 search POST search 200
        mylife-297 answer
          mylife-297 record
        mylife-297 authenticate
    mylife-900 record
  mylife-900 authenticate";
    assert_eq!(desk.tree(TRACE, ASKER), tree);
    let kinds: BTreeSet<(String, u64)> = desk
        .spans()
        .iter()
        .map(|seen| (seen.text("name").to_owned(), seen.span["kind"].as_u64().unwrap()))
        .collect();
    for (name, kind) in [("answer", 1), ("search", 2), ("ask", 3)] {
        assert!(kinds.contains(&(name.to_owned(), kind)), "{kinds:?}");
    }
    let instant = format!("{}000000", world.now().millis());
    for seen in desk.spans() {
        assert_eq!(
            (seen.text("startTimeUnixNano"), seen.text("endTimeUnixNano")),
            (&*instant, &*instant)
        );
    }
}

#[test]
fn the_entries_of_a_batch_are_parts_of_it() {
    let world = World::new();
    let desk = Desk::stand(&world);
    let kuopio = watched(&world, settings(&world), |world| world.municipality("297"));
    let entry = |url: &str| json!({ "request": { "method": "GET", "url": url } });
    let entries = [entry("Patient/297.nobody"), entry("metadata")];
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": entries });
    let kind = Some("application/fhir+json");
    let body = batch.to_string().into();
    let ask = Ask { headers: traced(true), kind, body, ..Ask::default() };
    let reader = kuopio.client("national-portal");
    assert_eq!(reader.actor.send(&kuopio, Method::POST, "/fhir", ask).status(), 200);
    tells(&kuopio);
    let tree = "\
mylife-297 batch POST batch 200
  mylife-297 answer
  mylife-297 authenticate
  mylife-297 public GET public 200
  mylife-297 read GET read 404
    mylife-297 answer
    mylife-297 authenticate";
    assert_eq!(desk.tree(TRACE, ASKER), tree);
}

#[test]
fn who_asks_says_whether_a_trace_is_seen_and_of_others_one_in_so_many_is() {
    let world = World::new();
    let desk = Desk::stand(&world);
    let one_in = 3;
    let settings = Settings { one_in, ..settings(&world) };
    let kuopio = watched(&world, settings, |world| world.municipality("297"));
    let actor = world.actor("national-portal");
    let reads = |headers| {
        let ask = Ask { headers, ..Ask::default() };
        actor.raw(&kuopio, Method::GET, "/fhir/metadata", ask);
        tells(&kuopio);
        std::mem::take(&mut *desk.told.lock().unwrap()).len()
    };
    assert_eq!((reads(traced(false)), reads(traced(true))), (0, 1));
    let ids: Vec<String> = (0..90).map(|number| format!("request-{number}")).collect();
    let mut sampled = 0;
    for id in &ids {
        let seen = reads(vec![("x-request-id", id.clone())]);
        // Which ones they are follows from the id, so that every gateway says the same.
        let is_sampled = Trace::of_request(id).sampled_one_in(one_in).is_sampled();
        assert_eq!(seen, usize::from(is_sampled), "{id}");
        sampled += seen;
    }
    assert!((15..=45).contains(&sampled), "{sampled} of {} is one in {one_in}", ids.len());
    assert!(ids.iter().all(|id| Trace::of_request(id).sampled_one_in(1).is_sampled()));
}

#[test]
fn a_collector_that_hangs_or_fails_or_is_away_costs_no_answer() {
    let world = World::new();
    let desk = Desk::stand(&world);
    let (queue, deadline) = (10, Duration::from_millis(50));
    let settings = Settings { queue, deadline, ..settings(&world) };
    let kuopio = watched(&world, settings, |world| world.municipality("297"));
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    tells(&kuopio);
    desk.is(Mood::Hangs);
    let [exported, dropped, lost] = fates(&kuopio);
    assert!(exported > 0 && lost == 0, "{exported} {lost}");
    for _ in 0..5 {
        portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    }
    // Four spans each.
    assert_eq!(fates(&kuopio), [exported, dropped + 5 * 4 - queue, lost]);
    tells(&kuopio);
    assert_eq!(fates(&kuopio), [exported, dropped + 5 * 4 - queue, lost + queue]);
    for status in [503, 400, 404] {
        desk.is(Mood::Says(status));
        portal.search("QuestionnaireResponse", &aino).shows([Housing]);
        tells(&kuopio);
    }
    let lost = lost + queue + 3 * 4;
    assert_eq!(fates(&kuopio), [exported, dropped + 5 * 4 - queue, lost]);
    desk.is(Mood::Says(200));
    portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    tells(&kuopio);
    assert_eq!(fates(&kuopio), [exported + 4, dropped + 5 * 4 - queue, lost], "it is back");

    let nobody = Settings { to: Authority::new(HOST, PORT + 1), ..self::settings(&world) };
    let kajaani = watched(&world, nobody, |world| world.municipality("205"));
    let portal = kajaani.client("national-portal");
    let eino = kajaani.person("eino").answered([(Health, 2, 1, "")]);
    eino.grants(&portal, [Health]);
    portal.search("QuestionnaireResponse", &eino).shows([Health]);
    tells(&kajaani);
    let [exported, dropped, lost] = fates(&kajaani);
    assert!(exported == 0 && dropped == 0 && lost > 4, "{lost}");
}

#[test]
fn what_a_collector_says_that_it_did_not_take_is_lost() {
    let rows: [(&str, usize); 5] = [
        ("{}", 0),
        ("", 0),
        (r#"{"partialSuccess":{"errorMessage":"fine"}}"#, 0),
        (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#, 3),
        (r#"{"partialSuccess":{"rejectedSpans":4}}"#, 4),
    ];
    for (answer, number) in rows {
        assert_eq!(otlp::rejected(answer.as_bytes()), number, "{answer}");
    }
}

#[test]
fn a_request_that_its_client_gives_up_ends_then() {
    let world = World::new();
    let desk = Desk::stand(&world);
    let gate = Arc::new(Gate::default());
    world.impostor("297", Lie::Waits(Arc::clone(&gate), "{}".to_owned()));
    let portal = watched(&world, settings(&world), World::portal);
    let mut request = Request::get("/fhir/Goal?patient=297.somebody");
    let (name, bearer) = world.actor("national-portal").bearer(&portal);
    for (name, value) in
        traced(true).into_iter().chain([(name, bearer), ("mylife-nodes", "297".to_owned())])
    {
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let body = BodyReader::of(Bytes::new());
    let address = "127.0.0.1".into();
    let incoming = Incoming { parts, body, peer_certificate: None, peer_names: None, address };
    world.runtime.block_on(async {
        tokio::select! {
            biased;
            () = gate.asked.notified() => {}
            response = portal.gateway.answer(incoming) => panic!("{response:?}"),
        }
    });
    tells(&portal);
    let tree = "\
mylife-900 none given-up failed
  mylife-900 answer given-up failed
    mylife-900 ask given-up failed
  mylife-900 authenticate";
    assert_eq!(desk.tree(TRACE, ASKER), tree);
}

#[test]
fn nobody_is_named_to_a_collector() {
    let world = World::new();
    let desk = Desk::stand(&world);
    let kuopio = watched(&world, settings(&world), |world| world.municipality("297"));
    let portal = watched(&world, settings(&world), World::portal);
    let (reader, asker) = (kuopio.client("national-portal"), portal.client("national-portal"));
    let name = json!({ "name": { "given": ["Zebedeus"], "family": "Plantagenet" } });
    let planted =
        Person::with(&kuopio, "planted", &name).answered([(Housing, 2, 1, "a planted word")]);
    planted.gives(Terms::grant(&reader.actor).themes(&[Housing]).class("free-text"));
    reader.search("QuestionnaireResponse", &planted).says("a planted word");
    let code = format!("urn:oid:1.2.246.21|{}", planted.code());
    asker.post("QuestionnaireResponse", &[("patient.identifier", code.as_str())]);
    reader.get(&format!("/fhir/Observation?patient.identifier={code}"));
    reader.get(&format!("/fhir/Patient/{}/Plantagenet", planted.patient()));
    reader.get("/fhir/Patient?family=Plantagenet");
    let method = Method::from_bytes(b"PLANTAGENET").unwrap();
    let headers = vec![("x-request-id", "Plantagenet".to_owned())];
    reader.actor.send(&kuopio, method, "/fhir/Plantagenet", Ask { headers, ..Ask::default() });
    let means = planted.means(Terms::prohibition(&reader.actor));
    means.through(&portal, Some("297"), "active");
    tells(&kuopio);
    tells(&portal);
    let spans = desk.spans();
    let known = [
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "error.type",
        "source.name",
    ];
    for fact in spans.iter().flat_map(|seen| seen.span["attributes"].as_array().unwrap()) {
        assert!(known.contains(&fact["key"].as_str().unwrap()), "{fact}");
    }
    let lines: Vec<String> = spans.iter().map(Seen::line).collect();
    for line in
        ["mylife-297 none _OTHER none", "mylife-900 ask 297 200", "mylife-297 push PUT push 201"]
    {
        assert!(lines.iter().any(|seen| seen.starts_with(line)), "{line}: {lines:#?}");
    }
    let told = serde_json::to_string(&*desk.told.lock().unwrap()).unwrap();
    let token = reader.actor.token(&kuopio, "system/*.rs");
    let signature = token.rsplit('.').next().unwrap();
    let id = planted.patient().split_once('.').unwrap().1;
    for secret in ["Zebedeus", "lantagenet", "LANTAGENET", "planted", planted.code(), id, signature]
    {
        assert!(!told.contains(secret), "{secret} is told");
    }
}

#[test]
fn without_a_collector_nothing_is_kept_and_the_metric_has_no_rows() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let ask = Ask { headers: traced(true), ..Ask::default() };
    world.actor("national-portal").raw(&kuopio, Method::GET, "/fhir/metadata", ask);
    assert!(kuopio.gateway.collector.is_none());
    let told = shown(&kuopio, "/metrics");
    assert!(told.contains("# TYPE mylife_spans_total counter\n") && !told.contains("spans_total{"));
}
