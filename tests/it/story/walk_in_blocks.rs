//! A walk over many people whose pages end at fixed points of the id space: everybody once, and the
//! same pages whoever else is there.

use mylife::domain::{
    day::Day,
    identity::IdentityCode,
    theme::Theme::{Health, Housing},
};
use serde_json::json;

use crate::world::{Node, Person, Reply, World, municipality::At};

/// How many share something.
const SHARED: usize = 24;

/// The n-th of many, each with a code of their own.
fn somebody(node: &Node, number: usize) -> Person {
    let day = i8::try_from(1 + number % 28).unwrap();
    let born = Day::new(2001, 5, day).unwrap();
    let code = IdentityCode::invent(born, 900 + u16::try_from(number / 28).unwrap()).unwrap();
    let own = json!({ "birth_date": born.to_string(), "identity_code": code.reveal() });
    Person::with(node, &format!("p{number}"), &own)
}

/// Many people who share housing, and some who share nothing.
fn populated(world: &World, withheld: usize) -> (Node, Vec<String>) {
    let kuopio = world.municipality("297");
    let client = kuopio.client("national-portal");
    let mut patients: Vec<String> = (0..SHARED)
        .map(|number| {
            let answers = [(Housing, 2, 1, ""), (Health, 1, 1, "")];
            let one = somebody(&kuopio, number).answered(answers);
            one.grants(&client, [Housing]);
            one.patient().to_owned()
        })
        .collect();
    for number in SHARED..SHARED + withheld {
        drop(somebody(&kuopio, number).answered([(Health, 1, 1, "")]));
    }
    patients.sort();
    (kuopio, patients)
}

fn patients(page: &Reply) -> Vec<String> {
    let of = |hit: &&serde_json::Value| hit["subject"]["reference"].as_str().unwrap().to_owned();
    let named = page.matches().iter().map(of).collect::<Vec<_>>();
    named.iter().map(|name| name.strip_prefix("Patient/").unwrap().to_owned()).collect()
}

/// Who is on which page, and what is.
fn walk(client: &At, count: usize) -> Vec<(Vec<String>, Vec<String>)> {
    let pages = client.pages(&format!("/fhir/Observation?_count={count}"));
    pages.iter().map(|page| (patients(page), page.ids())).collect()
}

#[test]
fn a_walk_in_blocks_finds_everybody_once_whatever_the_size_of_a_page() {
    let world = World::with_stride(1);
    let (kuopio, everybody) = populated(&world, 3);
    let direct = kuopio.client("national-portal");
    let mut through = world.portal().client("national-portal");
    through.nodes = Some("297".to_owned());
    for count in [1, 2, 3, 50] {
        let pages = walk(&direct, count);
        assert_eq!(pages, walk(&through, count), "_count={count}: the portal walks the same way");
        for (patients, ids) in &pages {
            assert!(ids.len() <= count, "_count={count}");
            let blocks =
                patients.iter().map(|id| &id[..5]).collect::<std::collections::BTreeSet<_>>();
            assert!(blocks.len() <= 1, "_count={count}: a page of two blocks {blocks:?}");
        }
        let (seen, ids): (Vec<_>, Vec<_>) = pages.iter().cloned().unzip();
        let (mut seen, ids) = (seen.concat(), ids.concat());
        // Housing alone: how important it is and how it is.
        assert_eq!(ids.len(), 2 * SHARED, "_count={count}");
        assert!(seen.is_sorted(), "_count={count}: {seen:?}");
        seen.dedup();
        assert_eq!(seen, everybody, "_count={count}");
        assert!(pages.len() >= 32, "_count={count}: every block ends a page, full or not");
    }
}

#[test]
fn pages_end_at_the_same_places_whoever_else_is_there() {
    for stride in [0, 1] {
        let (alone, crowded) = (World::with_stride(stride), World::with_stride(stride));
        let ((one, ours), (other, theirs)) = (populated(&alone, 0), populated(&crowded, 40));
        assert_eq!(ours, theirs, "the two differ in nobody who is seen");
        for count in [1, 3, 50] {
            let walks = [&one, &other].map(|node| walk(&node.client("national-portal"), count));
            assert_eq!(walks[0], walks[1], "stride {stride}, _count={count}");
        }
    }
}
