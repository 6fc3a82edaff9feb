//! What is counted has a row of its own: every status that a refusal may have, and every road.

use std::{collections::BTreeSet, time::Duration};

use mylife::telemetry::{Inside, ROADS, Telemetry};

/// The statuses of the one table of refusals.
fn statuses() -> BTreeSet<u16> {
    let source = include_str!("../../../src/error.rs");
    let table = source.split("pub const fn shape").nth(1).unwrap();
    let table = table.split("Shape { status, code }").next().unwrap();
    let rows = table.split('(').filter_map(|row| row.split(", \"").next()?.parse::<u16>().ok());
    rows.collect()
}

/// The names of the roads, of the function that gives them.
fn names(source: &str) -> BTreeSet<&str> {
    let body = source.split("pub const fn name(").nth(1).unwrap();
    let body = body.split("\n    }\n").next().unwrap();
    body.lines().filter_map(|line| line.split("=> \"").nth(1)?.split('"').next()).collect()
}

fn counted(road: &str, status: u16) -> String {
    let telemetry = Telemetry::default();
    telemetry.count(road, status, Duration::ZERO, false);
    telemetry.text(&Inside::default(), |_| {})
}

#[test]
fn every_refusal_is_counted_by_its_status() {
    let statuses = statuses();
    assert!(statuses.contains(&502) && statuses.len() > 15, "{statuses:?}");
    for status in statuses {
        let row = format!("http_response_status_code=\"{status}\"");
        assert!(counted("read", status).contains(&row), "{status} is counted as another");
        let inside = Inside::default();
        inside.refused(status);
        let text = Telemetry::default().text(&inside, |_| {});
        let row = format!("{{outcome=\"refuse\",reason=\"{status}\"}} 1\n");
        assert!(text.contains(&row), "a refusal with {status} is counted as another");
    }
}

#[test]
fn every_road_is_counted_by_its_name_and_no_other_is_listed() {
    let calls = names(include_str!("../../../src/route/call.rs"));
    let endpoints = names(include_str!("../../../src/route/beside.rs"));
    let known: BTreeSet<_> = calls.into_iter().chain(endpoints).chain(["none"]).collect();
    assert_eq!(known, ROADS.into_iter().collect());
    for road in known {
        assert!(counted(road, 200).contains(&format!("http_route=\"{road}\"")), "{road}");
    }
}
