//! `[[filters]]`: each mistake has its line, a filter that is wrong is a mistake, and nothing of the host is
//! within a filter's reach.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use mylife::{
    error::Kind,
    json::Limits,
    native::{
        NativeKind,
        foreign::{Bounds, Form, Program, apart::Apart},
    },
};

use super::{super::cli::town, Dir, read, runs_filters};

const GOOD: &str = "[[filters]]\nname = \"survey\"\nfile = \"survey.jq\"\nmakes = \"assessments\"\n\
                    content_type = \"application/vnd.kuopio.survey+json\"\nclients = [\"kuopio-source\"]\n";

#[test]
fn a_filter_is_read_with_what_is_built_in_and_relative_to_the_settings() {
    let dir = Dir::new("config-filters");
    let path = town(&dir, 8443);
    dir.write("filters/survey.jq", ".a | .b");
    let text = fs::read_to_string(&path).unwrap();
    let more = GOOD.replace("survey.jq", "filters/survey.jq");
    let path = dir.write(
        "gateway.toml",
        &format!("{text}{more}examples = [\"a.json\"]\n[limits]\nconversions = 3\n"),
    );
    let config = read(&path, &runs_filters()).map_err(|all| all.join("\n")).unwrap();
    let filters = &config.setup.filters;
    assert_eq!((filters.abreast, filters.queue, filters.all.len()), (3, 64, 1));
    let filter = &filters.all[0];
    assert_eq!((filter.makes, filter.form), (NativeKind::Assessment, Form::Json));
    assert_eq!((&*filter.program.code, filter.program.bounds), (".a | .b", Bounds::default()));
    assert_eq!(filter.examples, [dir.path().join("a.json")]);
    let kind = "Application/vnd.kuopio.survey+JSON";
    assert!(filter.reads("kuopio-source", kind, NativeKind::Assessment));
    assert!(!filter.reads("another", kind, NativeKind::Assessment));
    assert!(!filter.reads("kuopio-source", kind, NativeKind::Person));
}

#[test]
fn every_mistake_in_a_filter_is_told_with_its_line() {
    let dir = Dir::new("config-filters-wrong");
    let path = town(&dir, 8443);
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().count();
    dir.write("survey.jq", ".");
    dir.write("broken.jq", ".a |\n  foo(1)");
    dir.write("open.jq", ".a | (");
    let twice = format!("{GOOD}{}", GOOD.replace("[[filters]]\n", "[[filters]]\nseconds = 9\n"));
    for (from, to, at, say) in [
        ("name = \"survey\"", "name = \"Survey 1\"", 2, "name must be 1 to 64 small letters"),
        ("name = \"survey\"\n", "", 1, "name is missing"),
        ("survey.jq", "gone.jq", 3, "gone.jq cannot be read"),
        ("survey.jq", "broken.jq", 3, "broken.jq: line 2, at foo: there is no such filter"),
        ("survey.jq", "open.jq", 3, "expected closing parenthesis"),
        ("\"assessments\"", "\"surveys\"", 4, "makes must be one of people, assessments, plans"),
        ("vnd.kuopio.survey+json", "json", 5, "content_type must be a type that no other body has"),
        ("application/vnd.kuopio", "kuopio", 5, "content_type must be"),
        ("kuopio-source", "north-savo", 6, "names \"north-savo\", which is no client with native"),
        ("[\"kuopio-source\"]", "[]", 6, "clients must name the clients"),
        ("makes =", "reads = \"xml\"\nmakes =", 4, "reads must be one of json, ndjson, csv"),
        ("makes =", "seconds = 0\nmakes =", 4, "seconds must be a whole number from 1 to 60"),
        (
            "makes =",
            "mebibytes = 1\nmakes =",
            4,
            "mebibytes must be a whole number from 64 to 4096",
        ),
        ("makes =", "make = 1\nmakes =", 4, "make is not known; did you mean \"makes\"?"),
        (GOOD, &twice, 9, "name is that of an earlier filter"),
        (GOOD, &twice, 12, "is read by an earlier filter for \"kuopio-source\""),
    ] {
        let path = dir.write("gateway.toml", &format!("{text}{}", GOOD.replacen(from, to, 1)));
        let told = read(&path, &runs_filters()).err().unwrap_or_default();
        let start = format!("gateway.toml:{}: ", line + at);
        let found = told.iter().any(|one| one.contains(&start) && one.contains(say));
        assert!(found, "{to}: {start}{say}\n{}", told.join("\n"));
    }
}

#[test]
fn a_filter_reaches_nothing_of_the_host() {
    let program = |code: &str| Program {
        mylife: env!("CARGO_BIN_EXE_mylife").into(),
        code: code.into(),
        bounds: Bounds { seconds: 5, mebibytes: 64 },
        patience: Duration::from_mins(10),
    };
    // These are not known at all, so such a filter is refused when it is read.
    for code in [
        "input",
        "inputs",
        "input_filename",
        "$ENV",
        "$ENV.PATH",
        "$__prog_args",
        "$__loc__.file",
        "get_search_list",
        "import \"a\" as a; .",
        "import \"/etc/passwd\" as $data; $data",
        "include \"/etc/passwd\"; .",
        "load(\"/etc/passwd\")",
        "@sh \"a\" | system",
        "getpath([\"a\"]) | open",
    ] {
        let refused = Apart::new(program(code));
        assert!(refused.is_err(), "{code} is taken");
    }
    for (code, made) in [
        ("env", "{}"),
        ("env.PATH", "null"),
        ("[limit(3; repeat(1))] | tojson", "\"[1,1,1]\""),
        ("0 | strflocaltime(\"%H:%M %z\")", "\"00:00 +0000\""),
    ] {
        let mut apart = Apart::new(program(code)).map_err(|error| error.to_string()).unwrap();
        let told = apart.convert(b"{}", &Limits::default()).unwrap();
        assert_eq!(told, Ok(vec![made.to_owned()]), "{code}");
    }
}

#[test]
fn the_process_of_a_filter_can_open_nothing_and_leaves_nothing_behind() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mylife"))
        .args(["filter", "--seconds", "5", "--mebibytes", "64"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "\".\"").unwrap();
    let mut told = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, "{\"made\":[]}\n");
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    for (name, most) in [
        ("Max open files", "3"),
        ("Max core file size", "0"),
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max data size", "67108864"),
        ("Max cpu time", "6"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let bound = line[name.len()..].split_whitespace().next();
        assert_eq!(bound, Some(most), "{line}");
    }
}

#[test]
fn a_process_that_takes_nothing_more_is_not_waited_for_for_ever() {
    let dir = Dir::new("config-filters-deaf");
    // It says that it has the filter, and stops before it reads a document.
    let text = "#!/bin/sh\nread line\necho '{\"made\":[]}'\nkill -STOP $$\n";
    let deaf = dir.write("deaf", text);
    fs::set_permissions(&deaf, fs::Permissions::from_mode(0o700)).unwrap();
    let program = Program {
        mylife: deaf,
        code: ".".into(),
        bounds: Bounds::default(),
        patience: Duration::from_secs(5),
    };
    let mut apart = Apart::new(program).unwrap();
    // What fits into a pipe is written all the same; this does not.
    for bytes in [10, 1_000_000] {
        let document = format!("{{\"a\":\"{}\"}}", "a".repeat(bytes));
        let limits = Limits { bytes: 2 * document.len(), ..Limits::default() };
        let error = apart.convert(document.as_bytes(), &limits).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("send the document again"), "{error}");
    }
}
