//! The key of tokens changes, replica after replica, and nobody is refused: the next key is published
//! before it signs, the last one until its tokens are over.

use std::{sync::Arc, time::Duration};

use mylife::authenticate::jose::{
    key::{Algorithm, PublicKey},
    ring::Ring,
    sign::{Signer, generate},
};

use crate::world::{Node, World, actor::Ask};

fn signer() -> Arc<Signer> {
    Arc::new(Signer::from_jwk(&generate(Algorithm::Es256).unwrap()).unwrap())
}

fn ring(signing: &Arc<Signer>, published: &[&Arc<Signer>]) -> Ring {
    let public: Vec<PublicKey> = published.iter().map(|signer| signer.public().clone()).collect();
    Ring::of(Arc::clone(signing)).with_published(public)
}

/// The gateway stops and starts with other keys.
fn restarts(node: Node, ring: Ring) -> Node {
    node.world.ring.replace(Some(ring));
    node.restart()
}

fn published(node: &Node) -> Vec<String> {
    let wire = node.world.actor("north-savo");
    let set = wire.raw(node, http::Method::GET, "/.well-known/jwks.json", Ask::default());
    let keys = set.json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn opens(node: &Node, token: &str) -> u16 {
    let headers = vec![("authorization", format!("Bearer {token}"))];
    let ask = Ask { headers, nodes: Some(node.code()), ..Ask::default() };
    node.world.actor("north-savo").raw(node, http::Method::GET, "/fhir/Organization", ask).status()
}

/// A token that nobody has asked for before.
fn fresh(node: &Node) -> String {
    let portal = node.world.actor("national-portal");
    let reply = portal.ask_token(node, &portal.token_form(node, "system/*.rs"));
    reply.json()["access_token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_key_changes_and_no_request_is_refused() {
    let world = World::new();
    let (old, new) = (signer(), signer());
    world.ring.replace(Some(ring(&old, &[])));
    let node = world.municipality("297");
    let of_old = fresh(&node);
    // The next one is published and signs nothing.
    let node = restarts(node, ring(&old, &[&new]));
    assert_eq!(published(&node), [old.kid(), new.kid()]);
    assert_eq!(opens(&node, &of_old), 200);
    let late = fresh(&node);
    // They change places. What a replica that is a step behind has signed is as good, and the other way round.
    let node = restarts(node, ring(&new, &[&old]));
    let of_new = fresh(&node);
    for token in [&of_old, &late, &of_new] {
        assert_eq!(opens(&node, token), 200);
    }
    let node = restarts(node, ring(&old, &[&new]));
    assert_eq!(opens(&node, &of_new), 200, "at a replica that is a step behind");
    let node = restarts(node, ring(&new, &[&old]));
    // After five minutes no token of the old one is good anyway.
    world.pass(Duration::from_mins(5));
    assert_eq!(opens(&node, &late), 401);
    let of_new = fresh(&node);
    let node = restarts(node, ring(&new, &[]));
    assert_eq!(published(&node), [new.kid()]);
    assert_eq!(opens(&node, &of_new), 200);
}

#[test]
fn a_key_that_is_taken_away_opens_no_door() {
    let world = World::new();
    let (old, new) = (signer(), signer());
    world.ring.replace(Some(ring(&old, &[])));
    let node = world.municipality("297");
    let of_old = fresh(&node);
    let node = restarts(node, ring(&new, &[]));
    assert_eq!(opens(&node, &of_old), 401);
}
