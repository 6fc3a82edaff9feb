//! A gateway that serves tells its collector by itself. In a build with the feature `otlp` alone.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use super::living::Living;

/// Longer than a busy machine takes.
const LONGEST: Duration = Duration::from_mins(1);

/// Takes what it is told on one connection, and hands it on.
fn collector(listener: &TcpListener, to: &mpsc::Sender<Value>) {
    let (stream, _) = listener.accept().unwrap();
    let mut says = stream.try_clone().unwrap();
    let mut hears = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if hears.read_line(&mut first).unwrap() == 0 {
            return;
        }
        assert_eq!(first, "POST /v1/traces HTTP/1.1\r\n");
        loop {
            let mut line = String::new();
            hears.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name == "content-length" {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        hears.read_exact(&mut body).unwrap();
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        says.write_all(answer.as_bytes()).unwrap();
        to.send(serde_json::from_slice(&body).unwrap()).unwrap();
    }
}

#[test]
fn a_gateway_that_serves_tells_its_collector_and_at_its_end_what_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (told, hears) = mpsc::channel();
    let collecting = thread::spawn(move || collector(&listener, &told));
    let set = format!("telemetry.collector=http://{at}");
    let living = Living::begin("cli-telling", &[&set]);
    let roads = |told: &Value| -> Vec<String> {
        let spans = told["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
        spans.iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect()
    };
    living.public("/fhir/metadata");
    assert_eq!(roads(&hears.recv_timeout(LONGEST).unwrap()), ["public"]);
    assert!(living.at("/metrics").contains("\nmylife_spans_total{outcome=\"lost\"} 0\n"));

    living.public("/fhir/Patient");
    living.end();
    assert_eq!(roads(&hears.recv_timeout(LONGEST).unwrap()), ["authenticate", "search"]);
    collecting.join().unwrap();
}
