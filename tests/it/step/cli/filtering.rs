//! Filters of the settings, as an operator has them: tried before a start, loaded through, changed under a
//! gateway that serves.

use std::{
    fs,
    io::{Read, Write},
};

use mylife::cli::exit::Exit;
use serde_json::Value;

use super::{
    super::config::{Dir, around, run},
    living::{Living, reloads},
    town,
};

const OWNER: &str = "kuopio-source";

fn published(name: &str) -> String {
    let path = format!("{}/schemas/foreign/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

/// The entry of a filter that has the name of its file.
fn entry(name: &str, content_type: &str, more: &str) -> String {
    format!(
        "\n[[filters]]\nname = \"{name}\"\nfile = \"{name}.jq\"\nmakes = \"assessments\"\n\
         content_type = \"{content_type}\"\nclients = [\"{OWNER}\"]\n{more}"
    )
}

/// The three published ones, with their examples.
fn with_published(dir: &Dir) -> String {
    let path = town(dir, 8443);
    let mut text = fs::read_to_string(&path).unwrap();
    for (name, example, content_type, reads) in [
        ("other-names", "other-names.json", "application/vnd.kuopio.survey+json", "json"),
        ("auroraai", "auroraai.json", "application/vnd.auroraai.meters+json", "json"),
        ("csv-export", "csv-export.csv", "text/csv", "csv"),
    ] {
        dir.write(&format!("{name}.jq"), &published(&format!("{name}.jq")));
        dir.write(example, &published(example));
        let more = format!("reads = \"{reads}\"\nexamples = [\"{example}\"]\n");
        text.push_str(&entry(name, content_type, &more));
    }
    dir.write("gateway.toml", &text).display().to_string()
}

#[test]
fn check_and_doctor_try_every_filter_on_its_examples() {
    let dir = Dir::new("cli-filters-check");
    let path = with_published(&dir);
    let (exit, said, _) = run(&around(), &["check", &path]);
    assert_eq!(exit, Exit::Fine, "{said}");
    assert!(said.contains("3 filters"), "{said}");
    let (_, said, _) = run(&around(), &["doctor", &path, "--offline"]);
    assert_eq!(said.matches("it makes good documents of its examples").count(), 3, "{said}");
    dir.write(
        "other-names.json",
        &published("other-names.json").replace("\"tarkeys\": 5", "\"tarkeys\": 9"),
    );
    dir.write("csv-export.csv", &published("csv-export.csv").replace(";9;2;", ";11;2;"));
    let (exit, said, _) = run(&around(), &["check", &path]);
    assert_eq!(exit, Exit::Usage, "{said}");
    assert!(said.contains("other-names.json: filters other-names "), "{said}");
    assert!(said.contains("an answer is a whole number from 1 to 5"), "{said}");
    assert!(said.contains("csv-export.csv:2: filters csv-export "), "{said}");
    assert!(said.contains("$.answers[0].importance"), "{said}");
    let (exit, said, _) = run(&around(), &["doctor", &path, "--offline"]);
    assert_eq!(exit, Exit::Findings);
    assert!(said.contains("error   filter csv-export: "), "{said}");
    assert!(said.contains("ok      filter auroraai: it makes good"), "{said}");
}

#[test]
fn a_table_is_loaded_and_what_fails_costs_itself() {
    let dir = Dir::new("cli-filters-load");
    let path = with_published(&dir);
    let person = |id: &str| {
        format!(
            "{{\"schema\":\"mylife/person/1\",\"id\":\"{id}\",\"name\":{{\"given\":[\"A\"],\"family\":\"T\"}},\
             \"birth_date\":\"2001-05-17\"}}\n"
        )
    };
    let people = dir.write("people.ndjson", &(person("a-17") + &person("a-18")));
    let people = people.display().to_string();
    let (exit, said, complaint) = run(&around(), &["load", &path, &people, "--owner", OWNER]);
    assert_eq!(exit, Exit::Fine, "{said}{complaint}");
    let mut rows = published("csv-export.csv");
    rows.push_str("nobody;csv-3;2026-02-03T10:00:00+02:00;fi;9;2;;4\n");
    rows.push_str("a-18;csv-4;2026-02-03T10:00:00+02:00;fi;many;2;;4\n");
    rows.push_str("a-18;csv-5;2026-02-03T10:00:00+02:00;fi;9;12;;4\n");
    let table = dir.write("answers.csv", &rows).display().to_string();
    let load = ["load", &path, &table, "--owner", OWNER, "--filter", "csv-export"];
    for tally in ["2 new, 0 known before, 3 refused", "0 new, 2 known before, 3 refused"] {
        let (exit, said, complaint) = run(&around(), &load);
        assert_eq!(exit, Exit::Findings, "{said}{complaint}");
        let told: Vec<&str> = said.lines().collect();
        assert_eq!(told.len(), 4, "{said}");
        assert!(told[0].contains("answers.csv:4: $.person: "), "{said}");
        assert!(
            told[1].contains("answers.csv:5: $: The filter csv-export makes nothing"),
            "{said}"
        );
        assert!(
            told[2].contains("answers.csv:6: $.answers[1].satisfaction: Of what the filter"),
            "{said}"
        );
        assert!(!said.contains("many"), "what a document says is not repeated: {said}");
        assert_eq!(told[3], tally);
    }
    let unknown = ["load", &path, &table, "--owner", OWNER, "--filter", "csv"];
    let (exit, _, complaint) = run(&around(), &unknown);
    assert_eq!(exit, Exit::Usage);
    assert!(complaint.contains("No filter csv for kuopio-source"), "{complaint}");
    // A directory has files of the form that the filter reads.
    let (_, said, _) = run(
        &around(),
        &[
            "load",
            &path,
            &dir.path().display().to_string(),
            "--owner",
            OWNER,
            "--filter",
            "csv-export",
            "--json",
        ],
    );
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&told["new"], &told["known"]), (&0.into(), &4.into()), "{said}");
}

/// Pushes over the wire; gives status line and body.
fn push(living: &Living, token: &str, body: &str) -> String {
    let mut stream = living.tls();
    let (port, length) = (living.public, body.len());
    write!(
        stream,
        "PUT /native/assessments/k-2026-1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/vnd.kuopio.survey+json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut heard = Vec::new();
    drop(stream.read_to_end(&mut heard));
    String::from_utf8(heard).unwrap()
}

#[test]
fn a_changed_filter_is_taken_and_a_broken_one_leaves_the_one_before() {
    let first = "error(\"the first\")";
    let prepare = |dir: &Dir, path: &str| {
        dir.write("survey.jq", first);
        let text = fs::read_to_string(path).unwrap();
        let text = text + &entry("survey", "application/vnd.kuopio.survey+json", "");
        fs::write(path, text).unwrap();
    };
    let living = Living::begin_on("cli-filters-living", &[], &prepare, &|_| {});
    let (dir, public) = (&living.dir, living.public);
    let [key, ca] = ["source.jwk", "keys/ca.pem"].map(|file| dir.path().join(file));
    let (key, ca) = (key.display().to_string(), ca.display().to_string());
    let endpoint = format!("https://127.0.0.1:{public}/oauth/token");
    let asked = ["token", "--client-id", OWNER, "--key", &key, "--token-endpoint", &endpoint];
    let asked = [&asked[..], &["--scope", "mylife/native.write", "--ca", &ca]].concat();
    let (exit, token, complaint) = run(&around(), &asked);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    let push = || push(&living, token.trim(), "{}");
    assert!(push().contains("the first"), "{}", push());
    // Broken, it is told of, and nothing else of the settings is taken either.
    dir.write("survey.jq", "error(\"the second\") | (");
    living.edit("name = \"Kuopio\"", "name = \"Kuopio, source\"");
    living.orders.send(mylife::serve::Order::Reload).unwrap();
    living.until("/metrics", &reloads("failed", 1));
    assert!(push().contains("the first"), "{}", push());
    // Its file alone is looked at now and then.
    dir.write("survey.jq", "error(\"the third\")");
    living.until("/metrics", &reloads("taken", 1));
    let answer = push();
    assert!(answer.starts_with("HTTP/1.1 422 ") && answer.contains("the third"), "{answer}");
    living.until("/metrics", "mylife_conversions_total{filter=\"survey\",result=\"failed\"} 3\n");
    living.until("/metrics", "mylife_conversions_active 0\n");
    living.end();
}
