//! The list of addresses and what is recognised are one.

use http::Method;
use mylife::{
    fhir::{guide, types::ResourceType},
    route::{paths::PATHS, recognise},
};

const SOURCE: &str = include_str!("../../../src/route.rs");

/// `["fhir", kind, id]` as `/fhir/{}/{}`, of every pattern that is recognised.
fn patterns() -> Vec<String> {
    let begin = SOURCE.find("let (allowed, call) = match").unwrap();
    let end = SOURCE[begin..].find("_ => return Err(unknown())").unwrap();
    let lines = SOURCE[begin..begin + end].lines().map(str::trim);
    let patterns = lines.filter(|line| line.starts_with("[\""));
    patterns
        .map(|line| {
            let inside = line[1..].split(']').next().unwrap();
            let segments = inside.split(", ").map(|segment| match segment.strip_prefix('"') {
                Some(fixed) => fixed.trim_end_matches('"').to_owned(),
                None => "{}".to_owned(),
            });
            segments.fold(String::new(), |path, segment| path + "/" + &segment)
        })
        .collect()
}

/// A template without its names.
fn bare(template: &str) -> String {
    let mut rest = template.split('{');
    let first = rest.next().unwrap().to_owned();
    rest.fold(first, |path, part| path + "{}" + part.split_once('}').unwrap().1)
}

#[test]
fn every_address_that_is_recognised_is_listed_and_no_other() {
    let listed: Vec<String> = PATHS.iter().map(|path| bare(path.template)).collect();
    for pattern in patterns() {
        assert!(listed.contains(&pattern), "{pattern} is recognised and not listed");
    }
    let of_guide = guide::TYPES.map(|kind| format!("/fhir/{kind}/{{}}"));
    // What a plan consists of is recognised by its type.
    let is_planned = |one: &&String| {
        let kind = one.split('/').nth(2).and_then(ResourceType::parse);
        kind.is_some_and(ResourceType::is_planned)
    };
    for one in listed.iter().filter(|one| !of_guide.contains(one) && !is_planned(one)) {
        assert!(patterns().contains(one), "{one} is listed and not recognised");
    }
}

#[test]
fn every_method_that_is_listed_is_taken() {
    for path in PATHS {
        let address = path
            .template
            .replace("{type}", "Observation")
            .replace("{id}", "297.x")
            .replace("{version}", "1")
            .replace("{local}", "x")
            .replace("{name}", "plan.json")
            .replace("{link}", &"A".repeat(64));
        for (method, _) in path.methods {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            assert!(recognise(&method, &address).is_ok(), "{method} {address}");
        }
    }
}
