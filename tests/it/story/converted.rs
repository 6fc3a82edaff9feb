//! A municipality's system sends what it has in a form of its own, and a filter of the settings makes it
//! native: what others then read is FHIR like any other, and a filter that goes wrong costs its document.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use http::Method;
use mylife::{
    domain::theme::Theme::{Health, Housing},
    native::{
        NativeKind,
        foreign::{Bounds, Filter, Filters, Form, Program},
    },
};
use serde_json::json;
use tokio::task::yield_now;

use crate::world::{Node, Reply, World, actor::Ask};

const SURVEY: &str = "application/vnd.kuopio.kysely+json";
/// Longer than the slowest machine takes.
const LONG: Duration = Duration::from_mins(10);
const SHORT: Bounds = Bounds { seconds: 1, mebibytes: 512 };

/// A filter for surveys of the city's system.
fn filter(code: &str, bounds: Bounds) -> Filter {
    Filter {
        name: "kysely".to_owned(),
        program: Program {
            mylife: env!("CARGO_BIN_EXE_mylife").into(),
            code: code.into(),
            bounds,
            patience: LONG,
        },
        makes: NativeKind::Assessment,
        form: Form::Json,
        content_type: SURVEY.to_owned(),
        clients: vec!["source".to_owned()],
        examples: Vec::new(),
    }
}

/// What stands in a file of the published examples.
fn published(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/foreign").join(name);
    fs::read_to_string(path).unwrap()
}

fn with_filters(world: &World, all: Vec<Filter>, (abreast, queue): (usize, usize)) -> Node {
    Node::replica(world, "297", 0, None, |setup| {
        let all = all.into_iter().map(Arc::new).collect();
        setup.filters = Filters { all, abreast, queue };
    })
}

fn kuopio(world: &World, filter: Filter) -> Node {
    with_filters(world, vec![filter], (2, 8))
}

fn ask<'a>(kind: &'a str, body: &str) -> Ask<'a> {
    Ask { kind: Some(kind), body: body.to_owned().into(), ..Ask::default() }
}

fn pushes(node: &Node, id: &str, kind: &str, body: &str) -> Reply {
    let path = format!("/native/assessments/{id}");
    node.world.actor("source").send(node, Method::PUT, &path, ask(kind, body))
}

fn counted(node: &Node, result: &str, number: u32) {
    let row =
        format!("mylife_conversions_total{{filter=\"kysely\",result=\"{result}\"}} {number}\n");
    assert!(node.counted().contains(&row), "{row} in {}", node.counted());
}

#[test]
fn a_survey_with_other_names_and_answers_from_1_to_5_is_read_through_the_portal() {
    let world = World::new();
    let kuopio = kuopio(&world, filter(&published("other-names.jq"), Bounds::default()));
    let person = kuopio.person("a-17");
    let portal = world.portal();
    let mut reader = portal.client("national-portal");
    reader.nodes = Some("297".to_owned());
    person.grants(&kuopio.client("national-portal"), [Housing]);
    let survey = published("other-names.json");
    let first = pushes(&kuopio, "k-2026-1", &format!("{SURVEY}; charset=utf-8"), &survey);
    assert_eq!(first.status(), 201, "{first:?}");
    let found = reader.search("Observation", &person);
    found.shows([Housing]).hides([Health]).keeps_quiet("tyytyvaisyys");
    let values: Vec<_> =
        found.matches().iter().map(|one| one["valueInteger"].as_i64().unwrap()).collect();
    assert_eq!(values.iter().sum::<i64>(), 3 + 10, "2 of 5 is 3, 5 of 5 is 10: {values:?}");
    // The sender's id is still what tells a document from another.
    let again = pushes(&kuopio, "k-2026-1", SURVEY, &survey);
    assert_eq!((again.status(), again.json()), (200, first.json()));
    let changed = survey.replace("\"tyytyvaisyys\": 2", "\"tyytyvaisyys\": 4");
    let changed = pushes(&kuopio, "k-2026-1", SURVEY, &changed).accepted();
    assert_eq!(changed.json()["id"], first.json()["id"]);
    assert_eq!(changed.json()["version"].as_u64(), first.json()["version"].as_u64().map(|n| n + 1));
    counted(&kuopio, "made", 3);
    // What is canonical needs no filter.
    let canonical = json!({
        "schema": "mylife/assessment/1", "id": "k-2026-2", "person": "a-17", "form": "3x10d-10",
        "status": "completed", "authored": "2026-02-02T10:00:00Z", "answered_by": "person",
        "language": "fi", "answers": [{ "theme": "health", "satisfaction": 3 }],
    });
    pushes(&kuopio, "k-2026-2", "application/json", &canonical.to_string()).accepted();
    counted(&kuopio, "made", 3);
}

#[test]
fn meters_of_auroraai_and_a_row_of_a_table_become_observations() {
    let world = World::new();
    let meters = Filter {
        name: "meters".to_owned(),
        content_type: "application/vnd.auroraai.meters+json".to_owned(),
        ..filter(&published("auroraai.jq"), Bounds::default())
    };
    let table = Filter {
        name: "table".to_owned(),
        content_type: "text/csv".to_owned(),
        form: Form::Csv,
        ..filter(&published("csv-export.jq"), Bounds::default())
    };
    let kuopio = with_filters(&world, vec![meters, table], (1, 8));
    let reader = kuopio.client("national-portal");
    for (person, id, kind, body, shown) in [
        (
            "0f0e0d0c-0000-4000-8000-000000000001",
            "auroraai-1767261600",
            "application/vnd.auroraai.meters+json",
            published("auroraai.json"),
            [2, 3, 8].as_slice(),
        ),
        (
            "a-17",
            "csv-1",
            "text/csv; header=present",
            published("csv-export.csv").lines().take(2).collect::<Vec<_>>().join("\r\n"),
            &[2, 9],
        ),
    ] {
        let person = kuopio.person(person);
        person.grants(&reader, mylife::domain::theme::Theme::ALL);
        pushes(&kuopio, id, kind, &body).accepted();
        let found = reader.search("Observation", &person);
        let mut values: Vec<_> =
            found.matches().iter().map(|one| one["valueInteger"].as_i64().unwrap()).collect();
        values.sort_unstable();
        assert_eq!(values, shown, "{found:?}");
    }
    // The address is that of one document.
    let both = published("csv-export.csv");
    pushes(&kuopio, "csv-1", "text/csv", &both).refused(422, "business-rule").says("one document");
    pushes(&kuopio, "csv-1", "text/csv", "a;b\n1\n").refused(400, "invalid").says("no CSV");
    // Each row repeats the names, so a small body could become a very large one.
    let long = format!("{}\n{}", "n".repeat(9000), "1\n".repeat(1000));
    pushes(&kuopio, "csv-1", "text/csv", &long).refused(422, "too-costly").says("columns");
}

#[test]
fn a_filter_that_goes_wrong_costs_its_document_and_says_nothing_of_it() {
    let good = "{schema: \"mylife/assessment/1\", id: .id, person: .person, form: \"3x10d-10\", status: \
                \"completed\", authored: \"2026-02-02T10:00:00Z\", answered_by: \"person\", language: \"fi\", \
                answers: [{theme: \"housing\", satisfaction: 3}]}";
    let roomy = Bounds { seconds: 60, mebibytes: 64 };
    let rows = [
        ("last(repeat(1))", SHORT, "too-costly", "more than 1 seconds of a processor"),
        ("[range(1e12)]", roomy, "too-costly", "more than 64 mebibytes"),
        ("repeat(.)", SHORT, "too-costly", "more than 1000 documents"),
        (".name", SHORT, "business-rule", "is no mylife/assessment/1"),
        ("empty", SHORT, "business-rule", "makes 0 documents"),
        ("GOOD, GOOD", SHORT, "business-rule", "makes 2 documents"),
        ("GOOD | .id = \"k-2\"", SHORT, "business-rule", "the id in the address"),
        ("GOOD | .schema = \"mylife/plan/1\"", SHORT, "business-rule", "is no mylife/assessment/1"),
        (
            "GOOD | .[.person] = 1 | .Virtanen = {Virtanen: 7.0}",
            SHORT,
            "business-rule",
            "no such member",
        ),
        ("GOOD | .answers[0].satisfaction = 11", SHORT, "business-rule", "10"),
        ("error(.name)", SHORT, "business-rule", "words of the document"),
        ("error(\"a form of last year\")", SHORT, "business-rule", "a form of last year"),
        (".name | keys", SHORT, "business-rule", "it finds something else"),
        (".name[0].b", SHORT, "business-rule", "has none"),
        (".name - 1", SHORT, "business-rule", "cannot be calculated with"),
        ("halt", SHORT, "business-rule", "halts"),
        ("env | keys | error(tojson)", SHORT, "business-rule", "\\\"[]\\\""),
    ];
    let document = json!({ "id": "k-1", "person": "a-17", "name": "Virtanen" }).to_string();
    let mut wrong = Vec::new();
    for (row, bounds, issue, says) in rows {
        let world = World::new();
        // Constants of the filter may be told, so this one stands in it.
        let code = format!("def empty_list: \"[]\"; if .name == null then GOOD else {row} end");
        let code = code.replace("GOOD", &format!("({good})"));
        let kuopio = kuopio(&world, filter(&code, bounds));
        let person = kuopio.person("a-17");
        let reader = kuopio.client("national-portal");
        person.grants(&reader, [Housing]);
        let reply = pushes(&kuopio, "k-1", SURVEY, &document);
        let (status, text) = ((reply.status(), reply.issue()), reply.text());
        let stored = !reader.search("Observation", &person).matches().is_empty();
        let named = text.contains(says) && text.contains("filter kysely");
        if status != (422, issue) || !named || text.contains("Virtanen") || stored {
            wrong.push(format!("{row}: {reply:?}"));
        }
        // The next one is none the worse.
        pushes(&kuopio, "k-1", SURVEY, "{\"id\":\"k-1\",\"person\":\"a-17\"}").accepted();
        reader.search("Observation", &person).shows([Housing]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_type_that_no_filter_reads_for_this_client_here_is_not_read() {
    let world = World::new();
    let of_another =
        Filter { clients: vec!["consent-desk".to_owned()], ..filter("error(\"asked\")", SHORT) };
    let kuopio = with_filters(&world, vec![of_another], (1, 1));
    kuopio.person("a-17");
    let survey = published("other-names.json");
    let unknown = pushes(&kuopio, "k-1", "application/vnd.nobody+json", &survey);
    let not_ours = pushes(&kuopio, "k-1", SURVEY, &survey);
    unknown.refused(415, "not-supported").says("a filter that is registered for this client");
    assert_eq!(unknown.text(), not_ours.text(), "nobody learns what is read for others");
    let world = World::new();
    let own = filter(&published("other-names.jq"), Bounds::default());
    let (own, source) = (self::kuopio(&world, own), world.actor("source"));
    let people = source.send(&own, Method::PUT, "/native/people/k-1", ask(SURVEY, &survey));
    people.refused(415, "not-supported");
    // What is not asked for by an owner of documents is not even read.
    let portal = world.actor("national-portal");
    let path = "/native/assessments/k-2026-1";
    portal.send(&own, Method::PUT, path, ask(SURVEY, &survey)).refused(403, "forbidden");
    assert!(!own.counted().contains("mylife_conversions_total{"), "{}", own.counted());
}

/// A program in place of ours, with nothing but what its shell can do.
fn stand_in(node: &str, lines: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("mylife-stand-in-{node}-{}", std::process::id()));
    drop(fs::remove_dir_all(&dir));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("mylife");
    let pipe = dir.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let lines = lines.replace("PIPE", &pipe.display().to_string());
    let lines = lines.replace("ANSWER", &format!("printf '%s\\n' '{}'", good()));
    let begins = "#!/bin/sh\nread -r code\nprintf '%s\\n' '{\"made\":[]}'\n";
    fs::write(&path, format!("{begins}{lines}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// What a stand-in answers: a good document of `a-17`.
fn good() -> String {
    let document = json!({
        "schema": "mylife/assessment/1", "id": "k-1", "person": "a-17", "form": "3x10d-10",
        "status": "completed", "authored": "2026-02-02T10:00:00Z", "answered_by": "person",
        "language": "fi", "answers": [{ "theme": "housing", "satisfaction": 3 }],
    });
    json!({ "made": [document.to_string()] }).to_string()
}

#[test]
fn so_many_are_at_work_at_a_time_and_one_too_many_is_told_to_come_again() {
    let world = World::new();
    let mylife = stand_in("busy", "while read -r line; do read -r go < PIPE; ANSWER; done\n");
    // Open at both ends, so that what is written stays until it is read.
    let pipe = mylife.with_file_name("pipe");
    let mut pipe = fs::OpenOptions::new().read(true).write(true).open(pipe).unwrap();
    let mut busy = filter(".", Bounds { seconds: 60, ..SHORT });
    busy.program.mylife = mylife.clone();
    let kuopio = with_filters(&world, vec![busy], (1, 1));
    kuopio.person("a-17");
    let source = world.actor("source");
    source.bearer(&kuopio);
    let path = "/native/assessments/k-1";
    let push = || {
        let headers = vec![source.bearer(&kuopio)];
        source.meanwhile(&kuopio, Method::PUT, path, Ask { headers, ..ask(SURVEY, "{}") })
    };
    tokio::task::LocalSet::new().block_on(&world.runtime, async {
        let (first, second) = (push(), push());
        let third = async {
            while kuopio.gateway.conversions.waiting() == 0 {
                yield_now().await;
            }
            assert_eq!(kuopio.gateway.conversions.at_work(), 1, "one waits for its turn");
            let third = push().await.unwrap();
            third.refused(503, "no-store").says("Too many documents wait");
            assert_eq!(third.header("retry-after"), Some("1"), "{third:?}");
            // Each line lets one of them go on.
            pipe.write_all(b"go\ngo\n").unwrap();
        };
        let (first, second, ()) = tokio::join!(first, second, third);
        let statuses = [first, second].map(|reply| reply.unwrap().status());
        assert!(statuses.contains(&201) && statuses.contains(&200), "{statuses:?}");
    });
    assert_eq!(kuopio.gateway.conversions.at_work(), 0);
    counted(&kuopio, "turned-away", 1);
    counted(&kuopio, "made", 2);
    drop(fs::remove_dir_all(mylife.parent().unwrap()));
}

#[test]
fn a_process_that_is_gone_or_hangs_costs_nobody_else_anything() {
    let world = World::new();
    // It answers once and is gone; the document after it is asked of another.
    let once = stand_in("once", "read -r line\nANSWER\n");
    let mut weary = filter(".", SHORT);
    weary.program.mylife = once.clone();
    let hung = stand_in("hung", "read -r line\nread -r never < PIPE\n");
    let silent = Filter {
        name: "silent".to_owned(),
        content_type: "application/vnd.silent".to_owned(),
        program: Program {
            mylife: hung.clone(),
            code: "..".into(),
            bounds: SHORT,
            patience: Duration::from_secs(2),
        },
        ..filter(".", SHORT)
    };
    let kuopio = with_filters(&world, vec![weary, silent], (2, 2));
    kuopio.person("a-17");
    for status in [201, 200, 200] {
        assert_eq!(pushes(&kuopio, "k-1", SURVEY, "{}").status(), status);
    }
    let late = pushes(&kuopio, "k-1", "application/vnd.silent", "{}");
    late.refused(503, "no-store").says("send the document again");
    assert_eq!(kuopio.gateway.conversions.at_work(), 0);
    assert_eq!(pushes(&kuopio, "k-1", SURVEY, "{}").status(), 200);
    for path in [once, hung] {
        drop(fs::remove_dir_all(path.parent().unwrap()));
    }
}

#[test]
fn several_in_one_body_are_taken_each_by_itself() {
    let world = World::new();
    let table = Filter {
        content_type: "text/csv".to_owned(),
        form: Form::Csv,
        ..filter(&published("csv-export.jq"), Bounds::default())
    };
    let kuopio = kuopio(&world, table);
    let people = ["a-17", "a-18"].map(|name| kuopio.person(name));
    let reader = kuopio.client("national-portal");
    people.iter().for_each(|person| drop(person.grants(&reader, [Housing, Health])));
    let mut rows = published("csv-export.csv");
    rows.push_str("a-17;csv-3;2026-02-03T10:00:00+02:00;fi;Virtanen;2;;4\n");
    rows.push_str("nobody;csv-4;2026-02-03T10:00:00+02:00;fi;9;2;;4\n");
    let source = world.actor("source");
    let path = "/native/assessments";
    let send = |rows: &str| source.send(&kuopio, Method::POST, path, ask("text/csv", rows));
    reader.search("Observation", &people[0]).is_empty();
    let records = kuopio.audit().len();
    for first in [201, 200] {
        let reply = send(&rows);
        assert_eq!(reply.status(), 200, "{reply:?}");
        let told = reply.json()["documents"].as_array().unwrap();
        let of =
            |name: &str| told.iter().map(|one| one[name].as_u64().unwrap()).collect::<Vec<_>>();
        assert_eq!((of("line"), of("status")), (vec![2, 3, 4, 5], vec![first, first, 422, 422]));
        let issue = &told[2]["outcome"]["issue"][0];
        assert!(issue["diagnostics"].as_str().unwrap().contains("The filter kysely"), "{issue}");
        assert_eq!(told[3]["outcome"]["issue"][0]["expression"], json!(["$.person"]));
        reply.keeps_quiet("Virtanen");
    }
    for person in &people {
        reader.search("Observation", person).shows([Housing]);
    }
    // Whatever became of a document is written down.
    assert_eq!(kuopio.audit().len() - records - 2, 2 * 4, "two searches beside them");
    send("a;b\n1\n").refused(400, "invalid");
    let many = "a\n".repeat(1002);
    send(&many).refused(422, "too-costly");
    source
        .send(&kuopio, Method::POST, path, ask("application/json", "[]"))
        .refused(415, "not-supported");
    let other = "/native/plans";
    source.send(&kuopio, Method::POST, other, ask("text/csv", &rows)).refused(415, "not-supported");
    let portal = world.actor("national-portal");
    portal.send(&kuopio, Method::POST, path, ask("text/csv", &rows)).refused(403, "forbidden");
}

#[test]
fn a_process_is_kept_for_the_next_document_until_other_settings_are_in_force() {
    let world = World::new();
    let mylife = stand_in("kept", "while read -r line; do ANSWER; done\n");
    let script = fs::read_to_string(&mylife).unwrap();
    let starts = mylife.with_file_name("starts");
    let counted = format!("#!/bin/sh\necho >> {}\n", starts.display());
    fs::write(&mylife, script.replacen("#!/bin/sh\n", &counted, 1)).unwrap();
    let mut kept = filter(".", SHORT);
    kept.program.mylife = mylife.clone();
    let mut other = filter("..", SHORT);
    other.program.mylife = mylife.clone();
    (other.name, other.content_type) = ("other".to_owned(), "text/other".to_owned());
    let kuopio = with_filters(&world, vec![kept, other], (1, 2));
    kuopio.person("a-17");
    let pushed_twice = |kind: &str| {
        for _ in 0..2 {
            pushes(&kuopio, "k-1", kind, "{}").accepted();
        }
        fs::read_to_string(&starts).unwrap().lines().count()
    };
    assert_eq!([pushed_twice(SURVEY), pushed_twice(SURVEY)], [1, 1]);
    // One is at work at a time, so the one of the other filter makes room.
    assert_eq!([pushed_twice("text/other"), pushed_twice(SURVEY)], [2, 3]);
    kuopio.gateway.conversions.let_go();
    // Who asks the gateway of before is answered all the same.
    assert_eq!(pushed_twice(SURVEY), 5);
    drop(fs::remove_dir_all(mylife.parent().unwrap()));
}
