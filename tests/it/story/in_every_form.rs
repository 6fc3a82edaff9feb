//! The same in every form that R4 has for it: shortened, pretty, by its head, and refused where there is
//! none; whatever goes wrong is an `OperationOutcome`.

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At, person::path};

fn known(world: &World) -> (At, Person) {
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "")]);
    aino.grants(&portal, [Housing]);
    (portal, aino)
}

fn send(client: &At, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Reply {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    client.actor.send(&client.node, method, path, Ask { headers, ..Ask::default() })
}

fn members(resource: &Value) -> Vec<&str> {
    resource.as_object().unwrap().keys().map(String::as_str).collect()
}

fn is_subsetted(resource: &Value) -> bool {
    let tag = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED" });
    resource["meta"]["tag"].as_array().is_some_and(|tags| tags.contains(&tag))
}

#[test]
fn a_shortened_form_keeps_what_must_stand_and_says_that_it_is_one() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let mut far = world.portal().client("national-portal");
    far.nodes = Some("297".to_owned());
    let always = ["id", "meta", "resourceType"];
    let rows: [(&str, &str, &[&str]); 9] = [
        (
            "Observation",
            "_summary=true",
            &["code", "derivedFrom", "effectiveDateTime", "status", "subject", "valueInteger"],
        ),
        ("Observation", "_summary=text", &["code", "status", "text"]),
        (
            "Observation",
            "_summary=data",
            &[
                "category",
                "code",
                "derivedFrom",
                "effectiveDateTime",
                "language",
                "status",
                "subject",
                "valueInteger",
            ],
        ),
        ("Observation", "_elements=value", &["code", "status", "valueInteger"]),
        (
            "Observation",
            "_elements=value%5Bx%5D,Observation.subject",
            &["code", "status", "subject", "valueInteger"],
        ),
        (
            "Observation",
            "_elements=effective&_elements=text",
            &["code", "effectiveDateTime", "status", "text"],
        ),
        (
            "QuestionnaireResponse",
            "_summary=true",
            &["authored", "identifier", "questionnaire", "source", "status", "subject"],
        ),
        ("QuestionnaireResponse", "_elements=item", &["item", "status"]),
        ("Patient", "_elements=active", &["active"]),
    ];
    for client in [&kuopio, &far] {
        for (kind, form, expected) in &rows {
            let mut expected: Vec<&str> = expected.iter().chain(&always).copied().collect();
            expected.sort_unstable();
            let who = if *kind == "Patient" { "_id" } else { "patient" };
            let of_all = format!("/fhir/{kind}?{who}={}", aino.patient());
            let whole = client.get(&of_all);
            let found = client.get(&format!("{of_all}&{form}"));
            assert_eq!(found.ids(), whole.ids());
            assert_eq!(found.total(), whole.total());
            assert!(found.own_link().contains(form.split('=').next().unwrap()), "{found:?}");
            let id = &whole.ids()[0];
            let one = client.get(&format!("/fhir/{kind}/{id}?{form}"));
            let version = whole.matches()[0]["meta"]["versionId"].as_str().unwrap();
            let past = client.get(&format!("/fhir/{kind}/{id}/_history/{version}?{form}"));
            for resource in [found.matches()[0], one.json(), past.json()] {
                assert_eq!(members(resource), expected, "{kind}?{form}: {resource}");
                assert!(is_subsetted(resource), "{resource}");
                assert_eq!(resource["meta"]["versionId"], version);
                for name in members(resource).iter().filter(|name| **name != "meta") {
                    assert_eq!(resource[name], whole.matches()[0][name]);
                }
            }
            let plain = client.get(&format!("/fhir/{kind}/{id}"));
            assert_eq!(one.header("etag"), plain.header("etag"));
            let same = client.get(&format!("/fhir/{kind}/{id}?_summary=false"));
            assert_eq!(same.json(), plain.json());
            assert!(!is_subsetted(plain.json()));
        }
        let count =
            client.get(&format!("/fhir/Observation?patient={}&_summary=count", aino.patient()));
        assert_eq!((count.total(), count.ids().len()), (Some(2), 0));
    }
    let form = kuopio.get("/fhir/Questionnaire?_summary=true&_count=1");
    let form = form.matches()[0].clone();
    assert!(form.get("item").is_none() && is_subsetted(&form), "{form}");
    let one = kuopio
        .get(&format!("/fhir/Questionnaire/{}?_elements=title", form["id"].as_str().unwrap()));
    assert!(one.json()["_title"].is_object(), "what stands beside a primitive goes with it");
}

#[test]
fn a_form_that_is_not_there_is_refused_with_what_to_ask_for() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let of = format!("/fhir/Observation?patient={}", aino.patient());
    let id = kuopio.get(&of).ids()[0].clone();
    let one = format!("/fhir/Observation/{id}");
    for path in [&*of, &*one, "/fhir/metadata", "/fhir/Organization"] {
        let mark = if path.contains('?') { '&' } else { '?' };
        for good in [
            "json",
            "application/json",
            "application/fhir%2Bjson",
            "application/fhir+json",
            "text/json",
        ] {
            assert_eq!(
                send(&kuopio, Method::GET, &format!("{path}{mark}_format={good}"), &[]).status(),
                200
            );
        }
        for bad in ["xml", "application/fhir%2Bxml", "ttl", "text/turtle", "html", "x"] {
            let reply = send(&kuopio, Method::GET, &format!("{path}{mark}_format={bad}"), &[]);
            reply.refused(406, "not-supported").says("application/fhir+json");
        }
        for good in [
            "application/fhir+json",
            "application/fhir+json; fhirVersion=4.0",
            "*/*;q=0.1",
            "application/*",
            "application/fhir+xml, application/fhir+json;q=0.5",
            "APPLICATION/JSON",
            "text/html, */*",
        ] {
            let reply = send(&kuopio, Method::GET, path, &[("accept", good)]);
            assert_eq!(reply.status(), 200, "{good}: {reply:?}");
        }
        for bad in [
            "application/fhir+xml",
            "text/turtle",
            "application/fhir+json;q=0",
            "text/html",
            "application/fhir+json; fhirVersion=3.0",
            "application/fhir+json;fhirVersion=5.0",
        ] {
            let reply = send(&kuopio, Method::GET, path, &[("accept", bad)]);
            assert_eq!((reply.status(), reply.issue()), (406, "not-supported"), "{bad}: {reply:?}");
        }
        let plain = send(&kuopio, Method::GET, path, &[]);
        let pretty = send(&kuopio, Method::GET, &format!("{path}{mark}_pretty=true"), &[]);
        assert!(pretty.text().lines().count() > 20, "{pretty:?}");
        let unlinked = |reply: &Reply| {
            let mut json = reply.json().clone();
            json["link"] = Value::Null;
            json
        };
        assert_eq!(unlinked(&plain), unlinked(&pretty), "the same, but for its own link");
        send(&kuopio, Method::GET, &format!("{path}{mark}_pretty=nice"), &[])
            .refused(400, "invalid");
        let head = send(&kuopio, Method::HEAD, path, &[]);
        assert_eq!((head.status(), head.text().len()), (200, 0));
        assert_eq!(head.header("content-length").unwrap(), plain.text().len().to_string());
        assert_eq!(head.header("etag"), plain.header("etag"));
    }
    let gzip = [("accept-encoding", "gzip, br")];
    let packed = kuopio.actor.send(
        &kuopio.node,
        Method::HEAD,
        "/fhir/metadata",
        Ask { headers: gzip.map(|(n, v)| (n, v.to_owned())).to_vec(), ..Ask::default() },
    );
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let plain = send(&kuopio, Method::HEAD, "/fhir/metadata", &[("accept-encoding", "gzip;q=0")]);
    assert_eq!(plain.header("content-encoding"), None);
    let length = |reply: &Reply| reply.header("content-length").unwrap().parse::<usize>().unwrap();
    assert!(length(&packed) * 4 < length(&plain));
    // What is about somebody has its own length, whatever is asked for.
    for path in [&*of, &*one] {
        let reply = send(&kuopio, Method::GET, path, &gzip);
        assert_eq!(reply.header("content-encoding"), None);
    }
    for (query, place) in [
        ("_summary=all", "_summary"),
        ("_elements=shoes", "_elements"),
        ("_elements=_id", "_elements"),
        ("_summary=true&_elements=code", "_elements"),
        ("_elements=code&_summary=text", "_summary"),
    ] {
        for path in [format!("{of}&{query}"), format!("{one}?{query}")] {
            assert_eq!(kuopio.get(&path).refused(400, "invalid").expression(), [place]);
        }
    }
    kuopio.get(&format!("{one}?_summary=count")).refused(400, "invalid");
    let many = vec!["code"; 200].join(",");
    kuopio.get(&format!("{of}&_elements={many}")).refused(422, "too-costly");
    kuopio.get(&format!("{of}&_summary=text&_include=Observation:subject")).refused(400, "invalid");
    let strict = [("prefer", "handling=strict")];
    send(&kuopio, Method::GET, &format!("{one}?shoe-size=42"), &strict)
        .refused(400, "not-supported");
    assert_eq!(send(&kuopio, Method::GET, &format!("{one}?shoe-size=42"), &[]).status(), 200);
}

#[test]
fn whatever_goes_wrong_is_an_outcome_that_says_what_to_do() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let of = format!("/fhir/Observation?patient={}", aino.patient());
    let id = kuopio.get(&of).ids()[0].clone();
    let one = format!("/fhir/Observation/{id}");
    for (method, path, status, allow) in [
        (Method::GET, "/fhir/Spaceship", 404, None),
        (Method::GET, "/fhir/Spaceship/1", 404, None),
        (Method::GET, "/nothing", 404, None),
        (Method::GET, "/", 404, None),
        (Method::GET, "/fhir/Observation/297.nothing", 404, None),
        (Method::DELETE, &*one, 405, Some("GET, HEAD")),
        (Method::PUT, &*one, 405, Some("GET, HEAD")),
        (Method::PATCH, &*one, 405, Some("GET, HEAD")),
        (Method::POST, "/fhir/metadata", 405, Some("GET, HEAD")),
        (Method::GET, "/fhir/Observation/_search", 405, Some("POST")),
        (Method::DELETE, "/fhir/Consent", 405, Some("GET, HEAD, POST, PUT")),
    ] {
        let reply = send(&kuopio, method.clone(), path, &[]);
        assert_eq!(reply.status(), status, "{method} {path}: {reply:?}");
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
        assert!(reply.json()["issue"][0]["diagnostics"].as_str().unwrap().len() > 10);
    }
    let long = format!("{of}&code={}", "x".repeat(20_000));
    let reply = send(&kuopio, Method::GET, &long, &[]);
    assert!([414, 431].contains(&reply.status()), "{}", reply.status());
    assert_eq!(reply.json()["resourceType"], "OperationOutcome");
    let reply = send(&kuopio, Method::GET, &of, &[("x-big", &"x".repeat(40_000))]);
    assert_eq!((reply.status(), &reply.json()["resourceType"]), (431, &json!("OperationOutcome")));
    let big = Ask {
        kind: Some("application/x-www-form-urlencoded"),
        body: vec![b'x'; 20_000_000].into(),
        ..Ask::default()
    };
    let reply = kuopio.actor.send(&kuopio.node, Method::POST, "/fhir/Observation/_search", big);
    reply.refused(413, "too-long");
    for kind in
        ["application/xml", "application/fhir+xml", "application/fhir+json; fhirVersion=3.0", ""]
    {
        let ask = Ask { kind: Some(kind), body: "{}".into(), ..Ask::default() };
        let desk = kuopio.node.client("consent-desk");
        let reply = desk.actor.send(&desk.node, Method::POST, "/fhir/Consent", ask);
        reply.refused(415, "not-supported");
    }
}

#[test]
fn a_write_is_answered_as_its_writer_prefers() {
    let world = World::new();
    let (kuopio, aino) = known(&world);
    let node = &kuopio.node;
    let patient = json!({ "reference": format!("Patient/{}", aino.patient()) });
    let write = |client: &str, number: u8, prefer: &str| {
        let uuid = format!("urn:uuid:00000000-0000-4000-8000-0000000000{number:02}");
        let terms = Terms::grant(&kuopio.actor).themes(&[Housing]);
        let body = terms.consent(&patient, &uuid, "active");
        let headers = vec![("prefer", prefer.to_owned())];
        let kind = Some("application/fhir+json; fhirVersion=4.0");
        let ask = Ask { headers, kind, body: body.to_string().into(), ..Ask::default() };
        node.client(client).actor.send(node, Method::PUT, &path(&uuid), ask)
    };
    let minimal = write("consent-desk", 1, "return=minimal");
    assert_eq!((minimal.status(), minimal.text().len()), (201, 0));
    assert!(minimal.header("location").is_some() && minimal.header("etag").is_some());
    for prefer in ["return=OperationOutcome", "respond-async"] {
        let number = u8::try_from(prefer.len()).unwrap();
        let outcome = write("consent-desk", number, prefer);
        assert_eq!(
            (outcome.status(), &outcome.json()["resourceType"]),
            (201, &json!("OperationOutcome"))
        );
    }
    // Whoever may write and not read is told that it is written, and no more.
    let blind = write("consent-desk", 2, "return=representation");
    assert_eq!(blind.json()["resourceType"], "OperationOutcome");
    let shown = write("consent-book", 3, "return=representation");
    assert_eq!(
        (shown.status(), &shown.json()["resourceType"]),
        (201, &json!("Consent")),
        "{shown:?}"
    );
    let id = shown.json()["id"].as_str().unwrap();
    assert!(shown.header("location").unwrap().ends_with(id));
    let read = node.client("consent-book").get(&format!("/fhir/Consent/{id}"));
    assert_eq!(read.json(), shown.json());
    assert_eq!(read.header("etag"), shown.header("etag"));
}
