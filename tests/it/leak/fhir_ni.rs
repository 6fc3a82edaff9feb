//! `tests/fhir-ni/fhir_ni.py`, which asks any FHIR server, finds nothing here and finds what leaks.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    sync::Arc,
    thread,
};

use mylife::{
    listen::{Door, Limits, Stop, guard::Hosts, serve},
    transport::{Tcp, Transport},
};
use serde_json::{Value, json};

use super::stage::{Stage, hidden_documents};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fhir-ni/fhir_ni.py");
const TYPES: &str = "Observation,QuestionnaireResponse,CarePlan,CareTeam,Goal,Provenance";

/// Runs the script; how it ended and what it said.
fn ask(base: &str, bearer: &str, patient: &str, hidden: &Value) -> (Option<i32>, String) {
    let file = fresh();
    fs::write(&file, hidden.to_string()).unwrap();
    let mut script = Command::new("python3");
    script.arg("-B").arg(SCRIPT).args(["--base", base, "--patient", patient, "--types", TYPES]);
    script.args(["--reader", &format!("authorization: {bearer}")]).arg("--hidden").arg(&file);
    let output = script.output().expect("python3 runs");
    fs::remove_file(&file).unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn fresh() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("mylife-fhir-ni-{}-{number}.json", std::process::id()))
}

#[test]
fn asked_as_any_server_this_one_tells_nothing() {
    let stage = Stage::new();
    let source = stage.world.actor("source").bearer(&stage.kuopio).1;
    let push = |(kind, body): (&str, Value)| {
        let path = format!("/native/{kind}/{}", body["id"].as_str().unwrap());
        let headers = json!({ "authorization": source, "content-type": "application/json" });
        let is_whole = body["id"] == "aino-a3";
        let mut one = json!({ "method": "PUT", "path": path, "headers": headers, "body": body });
        if is_whole {
            one["keep"] = json!({ "survey": "id" });
        }
        one
    };
    let hidden = Value::Array(hidden_documents().into_iter().map(push).collect());
    let reader = stage.reader.actor.bearer(&stage.kuopio).1;
    let patient = stage.aino.patient().to_owned();
    let gateway = Arc::clone(&stage.kuopio.gateway);
    let (code, said) = stage.world.runtime.block_on(async {
        let port = Tcp.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let base = format!("http://{}/fhir", port.at().unwrap());
        let hosts = Hosts::new(["127.0.0.1"]);
        let door = Arc::new(Door::new(Limits::default(), hosts, None));
        let (_stop, stopping) = Stop::new();
        tokio::spawn(serve(door, port, gateway, stopping));
        let asked = tokio::task::spawn_blocking(move || ask(&base, &reader, &patient, &hidden));
        asked.await.unwrap()
    });
    assert!(said.ends_with(" answers compared, 0 differences\n"), "{said}");
    assert_eq!(code, Some(0));
    let compared: u32 = said.split(' ').next().unwrap().parse().unwrap();
    assert!(compared > 200, "{said}");
}

#[test]
fn a_server_that_counts_what_is_hidden_is_found_out() {
    for (leaks, expected) in [(true, 1), (false, 0)] {
        let base = stub(leaks);
        let hidden = json!([{ "path": "Observation/2", "body": {} }]);
        let (code, said) = ask(&base, "Bearer x", "1", &hidden);
        assert_eq!(code, Some(expected), "{said}");
        assert_eq!(said.contains(r#""total": 2"#), leaks, "{said}");
    }
    let nobody = ask("http://127.0.0.1:9/fhir", "Bearer x", "1", &json!([]));
    assert_eq!(nobody.0, Some(2), "{}", nobody.1);
}

/// A server of one Observation that is seen; of what is stored later it shows nothing, or the number.
fn stub(leaks: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut stored = 0;
        while let Ok((stream, _)) = listener.accept() {
            answer(&stream, leaks, &mut stored);
        }
    });
    base
}

fn answer(mut stream: &TcpStream, leaks: bool, stored: &mut u32) {
    let mut lines = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    lines.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    lines.read_exact(&mut vec![0; length]).unwrap();
    *stored += u32::from(first.starts_with("PUT"));
    let total = 1 + if leaks { *stored } else { 0 };
    let seen = json!({ "resourceType": "Observation", "id": "1" });
    let body = if first.contains('?') {
        format!(
            r#"{{"resourceType": "Bundle", "total": {total}, "entry": [{{"resource": {seen}}}]}}"#
        )
    } else {
        seen.to_string()
    };
    let body = if first.starts_with("HEAD") { "" } else { &body };
    let head =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
}
