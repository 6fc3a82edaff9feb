//! The same read with consent and with consent switched off: one gateway, one store, the same bytes.
//!
//! Beside `decide`, in a build with the feature `mutants` alone. Everybody lets the county see all of it,
//! since before it last changed, so that what consent leaves is what there is. The two who ask are clients
//! of one organisation, and nothing that is kept for one is given to the other. Three figures: a read that
//! was answered before and is given again, of which consent is not asked but whether its last word still
//! stands; a read that is worked out anew from what is decided; and the first read of somebody, whose
//! data are loaded, mapped and decided about.

use std::{path::PathBuf, sync::Arc};

use http::{Method, StatusCode};
use mylife::{
    domain::theme::Theme,
    gateway::{Gateway, kept::Kept},
    mutant::{Mutant, made},
};
use serde_json::{Value, json};

use super::{
    ROUNDS, cpu, machine, round_of, tell_ratio,
    world::{Size, Somebody, World, ask, assessment, consent},
};

/// Who asks, and whether consent is.
const ASKERS: [(&str, Option<Mutant>); 2] =
    [("county", None), ("county-too", Some(Mutant::ConsentIsNotAsked))];

/// Fills a world and tells the three.
pub(super) async fn reads(dir: PathBuf, size: Size) {
    let (world, _) = World::filled(dir, size, None).await;
    open_up(&world).await;
    let people = Arc::new(world.people());
    let mut gateway = world.open().await;
    same_bytes(&world, &gateway, &people).await;
    // An answer is kept where there is room for it.
    gateway.kept = Kept::new(1);
    let gateway = Arc::new(gateway);
    let anew = async |token: String| round_of(&gateway, &people, &token).await.0;
    compare("a read worked out anew", &world, anew).await;
    let first = async |token: String| {
        let local = gateway.reach.sources.local.as_ref().unwrap();
        let before = cpu();
        for somebody in &*people {
            local.clear();
            read(&gateway, somebody, &token).await;
        }
        (cpu() - before) / people.len() as f64
    };
    compare("the first read of somebody", &world, first).await;
    drop(gateway);
    let gateway = Arc::new(world.open().await);
    let again = async |token: String| round_of(&gateway, &people, &token).await.0;
    compare("a read given again", &world, again).await;
}

/// By turns with consent and without.
async fn compare(what: &str, world: &World, mut cost: impl AsyncFnMut(String) -> f64) {
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let mut costs = [0.0; 2];
        for which in [round % 2, (round + 1) % 2] {
            let (client, mistake) = ASKERS[which];
            made(mistake);
            costs[which] = cost(world.token(client)).await;
            made(None);
        }
        rounds.push(costs);
    }
    // In the first round everybody is met for the first time.
    let warm = rounds.iter().skip(1);
    for (at, asked) in ["consent asked", "consent switched off"].into_iter().enumerate() {
        let spread = machine::spread(warm.clone().map(|costs| costs[at]), 1);
        println!("{:<52}{spread:>22} us of CPU", format!("{what}, {asked}"));
    }
    tell_ratio(warm.map(|costs| costs[0] / costs[1]).collect());
}

/// Everybody's first consent is widened to all themes, and then what they answered is changed.
async fn open_up(world: &World) {
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
        let mut answers = assessment(&format!("p-{number}"), number, 0);
        for answer in answers["answers"].as_array_mut().unwrap() {
            let before = answer["satisfaction"].as_u64().unwrap();
            answer["satisfaction"] = json!((before + 1) % 11);
        }
        let path = format!("/native/assessments/{}", answers["id"].as_str().unwrap());
        put(&gateway, &token, &path, &answers).await;
    }
}

async fn put(gateway: &Gateway, token: &str, path: &str, body: &Value) {
    let (status, said) = ask(gateway, Method::PUT, path, token, body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&said));
}

/// Whether consent is asked or not, everybody's answers are the same bytes, and all of them.
async fn same_bytes(world: &World, gateway: &Gateway, people: &[Somebody]) {
    for somebody in people {
        let mut all = Vec::new();
        for (client, mistake) in ASKERS {
            made(mistake);
            all.push(read(gateway, somebody, &world.token(client)).await);
            made(None);
        }
        assert_eq!(all[0], all[1], "what is read differs");
        assert!(Theme::ALL.iter().all(|theme| all[0].contains(theme.code())), "{}", all[0]);
    }
}

async fn read(gateway: &Gateway, somebody: &Somebody, token: &str) -> String {
    let path = format!("/fhir/QuestionnaireResponse/{}", somebody.response);
    let (status, body) = ask(gateway, Method::GET, &path, token, String::new()).await;
    assert_eq!(status, StatusCode::OK);
    String::from_utf8(body.to_vec()).unwrap()
}
