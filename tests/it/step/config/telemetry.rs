//! Settings of who is told what took how long: each mistake is told, and a build that tells nobody says so.

use mylife::{config::Said, telemetry::span};

use super::{Dir, gateway, read};

#[test]
fn a_collector_is_checked_before_anything_is_opened() {
    let dir = Dir::new("config-telemetry");
    let good = gateway(&dir, 8443);
    let ca = "keys/ca.pem";
    let built = "needs a program that was built with the feature otlp, which this one was not: cargo build \
                 --release --features otlp";
    let url = "must be https://host:port, or http://host:port, without a path";
    let goes = "goes with a collector at https://";
    let rows: [(String, &[(&str, &str)]); 9] = [
        ("collector = \"https://collector.test:4318\"".to_owned(), &[]),
        ("collector = \"http://[::1]:4318\"\none_in = 1000000".to_owned(), &[]),
        (format!("collector = \"https://collector.test:4318\"\nauthorities = \"{ca}\""), &[]),
        ("collector = \"collector.test:4318\"".to_owned(), &[("collector", url)]),
        ("collector = \"http://collector.test:4318/v1/traces\"".to_owned(), &[("collector", url)]),
        ("collector = \"http://collector.test\"".to_owned(), &[("collector", url)]),
        (
            format!("collector = \"http://collector.test:4318\"\nauthorities = \"{ca}\""),
            &[("authorities", goes)],
        ),
        (format!("authorities = \"{ca}\""), &[("authorities", goes)]),
        (
            "collector = \"https://collector.test:4318\"\none_in = 0".to_owned(),
            &[("one_in", "must be a whole number from 1 to 1000000")],
        ),
    ];
    for (text, faults) in rows {
        let path = dir.write("gateway.toml", &format!("{good}\n[telemetry]\n{text}\n"));
        let told = read(&path, &Said::default()).map(|config| config.setup.collector.is_some());
        let named = text.contains("collector = ");
        let unbuilt = (named && !span::MADE).then_some(("collector", built));
        let mut expected: Vec<String> = faults
            .iter()
            .copied()
            .chain(unbuilt)
            .map(|(key, say)| format!("telemetry.{key} {say}"))
            .collect();
        match told {
            Ok(has_collector) => {
                assert_eq!((has_collector, expected), (named, Vec::new()), "{text}");
            }
            Err(told) => {
                let mut told: Vec<String> =
                    told.iter().map(|one| one.split_once(": ").unwrap().1.to_owned()).collect();
                told.sort();
                expected.sort();
                assert_eq!(told, expected, "{text}");
            }
        }
    }
}
