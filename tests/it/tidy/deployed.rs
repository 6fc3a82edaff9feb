//! What is in `deploy/` cannot be run here: each file is read by a parser, and every command, flag, key,
//! value and metric that it names is one that there is.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use mylife::config::meaning;
use serde_json::Value;

use super::{File, files, none};
use crate::{
    step::config::{around, run},
    story::operator_looks_at_peers::shown,
    world::World,
};

fn deployed(ends: &[&str]) -> Vec<File> {
    let is = |file: &File| {
        file.path.starts_with("deploy/") && ends.iter().any(|end| file.path.ends_with(end))
    };
    let found: Vec<File> = files().into_iter().filter(is).collect();
    assert!(!found.is_empty(), "{ends:?}");
    found
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == ending)
}

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The documents of a YAML text, read by Python, which the tests need anyway.
fn yaml(text: &str) -> Result<Vec<Value>, String> {
    let script = "import sys, yaml, json; \
                  print(json.dumps(list(yaml.safe_load_all(sys.stdin)), default=str))";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = python.wait_with_output().unwrap();
    if said.status.success() {
        Ok(serde_json::from_slice(&said.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&said.stderr).lines().last().unwrap_or_default().to_owned())
    }
}

#[test]
fn every_file_is_what_its_name_says() {
    let wrong = |file: &File| {
        let read = if has_ending(&file.path, "json") {
            serde_json::from_str::<Value>(&file.text).map(drop).map_err(|error| error.to_string())
        } else {
            yaml(&file.text).map(drop)
        };
        read.err().map(|why| format!("{}: {why}", file.path))
    };
    let all = deployed(&[".json", ".yaml", ".yml"]);
    none(
        &all.iter()
            .filter(|file| !file.path.contains("/templates/"))
            .filter_map(wrong)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn the_charts_values_keep_their_schema_and_templates_use_no_others() {
    let schema: Value =
        serde_json::from_str(&text("deploy/helm/mylife/values.schema.json")).unwrap();
    let values = yaml(&text("deploy/helm/mylife/values.yaml")).unwrap().remove(0);
    let rules = jsonschema::draft7::new(&schema).unwrap();
    none(&rules.iter_errors(&values).map(|error| error.to_string()).collect::<Vec<_>>());
    let mut odd = values.clone();
    odd["replicas"] = Value::from(0);
    odd["replica"] = Value::from(1);
    assert_eq!(rules.iter_errors(&odd).count(), 2, "the schema refuses what is not meant");
    let mut strange = Vec::new();
    for file in deployed(&[".yaml", ".tpl", ".txt"]) {
        if !file.path.contains("/templates/") {
            continue;
        }
        let (opened, closed) = (file.text.matches("{{").count(), file.text.matches("}}").count());
        if opened != closed {
            strange.push(format!("{}: {opened} brackets open, {closed} close", file.path));
        }
        for named in file.text.split(".Values.").skip(1) {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
            let path = named.split(|c| !is_name(c)).next().unwrap().trim_end_matches('.');
            if values.pointer(&format!("/{}", path.replace('.', "/"))).is_none() {
                strange.push(format!("{}: .Values.{path} is no value", file.path));
            }
        }
    }
    none(&strange);
}

#[test]
fn every_metric_that_is_asked_for_is_told() {
    let world = World::new();
    let portal = world.portal();
    let told = shown(&portal, "/metrics");
    let mut known = BTreeSet::new();
    for line in told.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        known.insert(name.to_owned());
        if kind.trim() == "histogram" {
            known.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
        }
    }
    let ours = ["mylife_", "http_", "process_"];
    let mut strange = Vec::new();
    let mut asked = BTreeSet::new();
    for path in ["deploy/prometheus/alerts.yaml", "deploy/grafana/mylife.json"] {
        let all = if has_ending(path, "json") {
            vec![serde_json::from_str(&text(path)).unwrap()]
        } else {
            yaml(&text(path)).unwrap()
        };
        let mut expressions = Vec::new();
        all.iter().for_each(|one| collect(one, &mut expressions));
        assert!(expressions.len() > 10, "{path}");
        for expression in expressions {
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for word in words.filter(|word| ours.iter().any(|start| word.starts_with(start))) {
                let is_label = ["http_route", "http_response_status_code"].contains(&word);
                if !is_label && !known.contains(word) {
                    strange.push(format!("{path}: {word} is told nowhere"));
                }
                asked.insert(word.to_owned());
            }
        }
    }
    none(&strange);
    let ends = ["", "_bucket", "_sum", "_count"];
    let is_seen = |name: &str| ends.iter().any(|end| asked.contains(&format!("{name}{end}")));
    let whole = known.iter().filter(|name| !ends[1..].iter().any(|end| name.ends_with(end)));
    let unseen = whole.filter(|name| !is_seen(name));
    none(&unseen.map(|name| format!("{name} is on no panel and in no alert")).collect::<Vec<_>>());
    assert!(asked.contains("mylife_peer_up") && known.contains("process_open_fds"));
}

#[test]
fn every_alert_names_its_part_of_the_guide() {
    let guide = "deploy/guides/when-it-alerts.md";
    let rules = yaml(&text("deploy/prometheus/alerts.yaml")).unwrap().remove(0);
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    let alerts: Vec<&str> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    let page = text(guide);
    let parts: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(parts, alerts, "the parts of {guide} are the alerts, in their order");
    for rule in &rules {
        let at = format!("{guide}#{}", rule["alert"].as_str().unwrap().to_lowercase());
        assert_eq!(rule["annotations"]["guide"], at.as_str());
        assert!(rule["annotations"]["action"].is_string(), "{at}");
    }
}

/// Every `expr` in it.
fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().filter(|_| name == "expr") {
                    Some(expression) => into.push(expression.to_owned()),
                    None => collect(member, into),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| collect(one, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_command_and_flag_that_a_page_names_is_one_there_is() {
    let mut strange = Vec::new();
    let mut seen = 0;
    let pages = files().into_iter().filter(|file| {
        file.path.starts_with("deploy/")
            || ["README.md", "SECURITY.md"].contains(&file.path.as_str())
    });
    for page in pages {
        for line in commands(&page.text) {
            seen += 1;
            let fault = fault(&line);
            strange.extend(fault.map(|fault| format!("{}: `{line}`: {fault}", page.path)));
        }
    }
    assert!(seen > 40, "{seen}");
    none(&strange);
    assert!(fault("mylife backup a.toml --onto b").is_some());
    assert!(fault("mylife peer forget a.toml").is_some());
}

/// Calls of the program in a text: from its name to the end of the line or of the quotation.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let starts = [
        "\nmylife ",
        "   mylife ",
        "`mylife ",
        "(mylife ",
        "bin/mylife ",
        "\"mylife ",
        " -- mylife ",
    ];
    let mut all = Vec::new();
    for start in starts {
        for rest in joined.split(start).skip(1) {
            let line = rest.split(['\n', '`', '"', ';', '|']).next().unwrap();
            let line = line.split(" #").next().unwrap().trim_end_matches([')', '.', ',', ':']);
            all.push(format!("mylife {line}"));
        }
    }
    all
}

/// What of it there is not.
fn fault(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let is_name = |word: &&&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let names: Vec<&str> = words.iter().take_while(is_name).take(2).copied().collect();
    let help = |names: &[&str]| {
        let (exit, said, _) = run(&around(), &[names, &["--help"]].concat());
        (exit == mylife::cli::exit::Exit::Fine).then_some(said)
    };
    let first = names.first()?;
    let mut said =
        help(&[first]).filter(|said| !said.contains("life assessments and welfare plans in"));
    if said.is_none() {
        return Some(format!("there is no command {first}"));
    }
    let nested = said.as_ref().is_some_and(|said| said.contains("Commands:"));
    if nested && names.len() > 1 {
        said = help(&names);
    }
    let Some(said) = said else { return Some(format!("there is no command {}", names.join(" "))) };
    let flags = words.iter().filter(|word| word.starts_with("--"));
    let unknown =
        flags.map(|flag| flag.split('=').next().unwrap()).find(|flag| !said.contains(flag));
    unknown.map(|flag| format!("there is no {flag}"))
}

#[test]
fn every_key_that_a_page_names_is_one_there_is() {
    let sections: BTreeSet<&str> =
        meaning::known().filter(|key| !key.contains('.')).chain(["limits"]).collect();
    let mut strange = Vec::new();
    let mut seen = 0;
    for file in files().into_iter().filter(|file| file.path.starts_with("deploy/")) {
        for variable in file.text.split("MYLIFE__").skip(1) {
            let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
            let name = variable.split(|c| !is_name(c)).next().unwrap();
            if name.is_empty() {
                continue;
            }
            seen += 1;
            let key = name.to_ascii_lowercase().replace("__", ".");
            if meaning::of(&key).is_none() {
                strange.push(format!("{}: MYLIFE__{name} sets nothing", file.path));
            }
        }
        if !has_ending(&file.path, "md") {
            continue;
        }
        for quoted in file.text.split('`').skip(1).step_by(2) {
            let Some((section, key)) = quoted.split_once('.') else { continue };
            let is_key =
                !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            let is_file =
                ["toml", "pem", "key", "md", "json"].contains(&key) && section != "tokens";
            if sections.contains(section) && is_key && !is_file {
                seen += 1;
                if meaning::of(quoted).is_none() {
                    strange.push(format!("{}: there is no key {quoted}", file.path));
                }
            }
        }
    }
    assert!(seen > 10, "{seen}");
    none(&strange);
}

#[test]
fn images_run_as_nobody_on_what_is_read_alone() {
    let docker = text("deploy/docker/Dockerfile");
    assert!(
        docker.contains("\nUSER 65532:65532\n")
            && docker.contains("cargo build --release --locked --offline")
    );
    let last = docker.rsplit("\nFROM ").next().unwrap();
    assert!(
        last.starts_with("gcr.io/distroless/") && !last.contains("\nRUN "),
        "nothing is run in it"
    );
    for path in ["deploy/compose/one-node.yaml", "deploy/compose/scaled.yaml"] {
        let file = yaml(&text(path)).unwrap().remove(0);
        let services = file["services"].as_object().unwrap();
        let gateways = services.iter().filter(|(name, _)| name.starts_with("gateway"));
        for (name, gateway) in gateways {
            assert_eq!(gateway["read_only"], true, "{path} {name}");
            assert_eq!(gateway["cap_drop"][0], "ALL", "{path} {name}");
        }
    }
    let unit = text("deploy/systemd/mylife.service");
    assert!(unit.contains("NoNewPrivileges=yes") && unit.contains("ProtectSystem=strict"));
}

#[test]
fn a_balancers_check_is_a_request_that_a_gateway_takes() {
    let balancer = text("deploy/compose/haproxy.cfg");
    let lines: Vec<&str> = balancer.lines().map(str::trim).collect();
    // With more on its line HAProxy asks by HTTP/1.0, without a Host.
    assert!(lines.contains(&"option httpchk"));
    assert!(
        lines.contains(&"http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host gateway"),
        "{lines:?}"
    );
}

#[test]
fn who_finds_a_weakness_is_told_how_to_report_it_and_where_it_is_mended() {
    let security = text("SECURITY.md");
    for said in [
        "\n## Reporting\n",
        "Report a vulnerability",
        "three working days",
        "\n## Versions\n",
        "twelve months",
    ] {
        assert!(security.contains(said), "{said}");
    }
}
