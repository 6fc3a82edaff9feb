//! The same with consent and with consent switched off: one gateway, one store, by turns.
//!
//! Beside the way, in a build with the feature `mutants` alone, whose mistakes are a thread's own: who asks
//! here asks on the thread that answers. The two who ask are clients of one organisation, and nothing that
//! is kept for one is given to the other.

use http::{Method, StatusCode};
use mylife::{
    domain::theme::Theme,
    gateway::Gateway,
    mutant::{Mutant, made},
};
use serde_json::{Value, json};

use super::{
    machine, ratio,
    world::{World, ask, assessment, consent},
};

/// Who asks, and whether consent is.
const ASKERS: [(&str, Option<Mutant>); 2] =
    [("county", None), ("county-too", Some(Mutant::ConsentIsNotAsked))];

/// Works something out with consent, and then without.
pub(super) async fn both<T>(world: &World, mut of: impl AsyncFnMut(String) -> T) -> [T; 2] {
    [asked_by(world, 0, &mut of).await, asked_by(world, 1, &mut of).await]
}

async fn asked_by<T>(world: &World, which: usize, of: &mut impl AsyncFnMut(String) -> T) -> T {
    let (client, mistake) = ASKERS[which];
    made(mistake);
    let found = of(world.token(client)).await;
    made(None);
    found
}

/// Tells what something costs with consent and without, in microseconds of CPU, and by how much it is
/// dearer: so many rounds, of which the first, in which everybody is met for the first time, does not count.
pub(super) async fn compare(
    what: &str,
    world: &World,
    (rounds, most): (usize, f64),
    mut cost: impl AsyncFnMut(String) -> f64,
) {
    let mut all = Vec::new();
    for round in 0..=rounds {
        let mut costs = [0.0; 2];
        // Who comes first changes from round to round.
        for which in [round % 2, (round + 1) % 2] {
            costs[which] = asked_by(world, which, &mut cost).await;
        }
        all.push(costs);
    }
    let warm = &all[1..];
    for (at, asked) in ["consent asked", "consent switched off"].into_iter().enumerate() {
        let spread = machine::spread(warm.iter().map(|costs| costs[at]), 1);
        println!("{:<52}{spread:>22} us of CPU", format!("{what}, {asked}"));
    }
    ratio::tell(&warm.iter().map(|costs| costs[0] / costs[1]).collect::<Vec<_>>(), most);
}

/// Everybody lets the county see all of it, since before it last changed, so that what consent leaves is what
/// there is: the first consent is widened to all themes, and then what was answered is changed, in so many
/// assessments of each.
pub(super) async fn open_up(world: &World, assessments: usize) {
    let gateway = world.open().await;
    let token = world.token("source");
    for (number, somebody) in world.people().iter().enumerate() {
        let (path, mut body) = consent(&somebody.patient, number, 0);
        let labels = body.pointer_mut("/provision/provision/0/securityLabel").unwrap();
        let system = labels[0]["system"].clone();
        let labels = labels.as_array_mut().unwrap();
        labels.retain(|label| label["system"] != system);
        labels.extend(Theme::ALL.map(|theme| json!({ "system": system, "code": theme.code() })));
        put(&gateway, &token, &path, &body).await;
        for which in 0..assessments {
            let mut answers = assessment(&format!("p-{number}"), number, which);
            for answer in answers["answers"].as_array_mut().unwrap() {
                let before = answer["satisfaction"].as_u64().unwrap();
                answer["satisfaction"] = json!((before + 1) % 11);
            }
            let path = format!("/native/assessments/{}", answers["id"].as_str().unwrap());
            put(&gateway, &token, &path, &answers).await;
        }
    }
}

async fn put(gateway: &Gateway, token: &str, path: &str, body: &Value) {
    let (status, said) = ask(gateway, Method::PUT, path, token, body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&said));
}
