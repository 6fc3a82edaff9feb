//! Processes of one gateway decide by the same settings: who has others than the rest does not start, and
//! who has older ones answers nothing until it has taken the newer.

use mylife::{
    chance::{SystemChance, base32},
    error::{Kind, Result},
    gateway::{Gateway, numbered::Numbered, open::Setup},
};

use super::{Twins, postgres};
use crate::world::Node;

/// What one more process, or one of the two, would be made of.
fn setup(twins: &Twins, number: u64, digest: u8) -> Setup {
    let name = format!("mylife-numbered-{}", base32(&SystemChance, 8));
    let directory = std::env::temp_dir().join(name);
    let mut setup = Node::setup(&twins.world, "297", directory);
    setup.database = Some(postgres::named(&twins.database));
    setup.settings = Numbered { number, digest: [digest; 32] };
    setup
}

/// Why it does not start; `None` if it does.
fn refused(twins: &Twins, number: u64, digest: u8) -> Option<String> {
    let setup = setup(twins, number, digest);
    let directory = setup.directory_path.clone();
    let opened = twins.world.runtime.block_on(Gateway::open(setup));
    let refused = opened.err().map(|error| {
        assert_eq!(error.kind(), Kind::Invalid, "{error}");
        error.say().to_owned()
    });
    drop(std::fs::remove_dir_all(directory));
    refused
}

fn renewed(twins: &Twins, node: &Node, number: u64, digest: u8) -> Result<Gateway> {
    let setup = setup(twins, number, digest);
    twins.world.runtime.block_on(node.gateway.renewed(setup))
}

#[test]
fn who_has_other_or_older_settings_than_the_rest_answers_nothing() {
    let twins = Twins::new();
    let portal = twins.world.actor("national-portal");
    let reads = |node: &Node| portal.get(node, "/fhir/Organization", Some("297")).status();
    let gives_tokens = |node: &Node| {
        let proof = portal.token_form(node, "system/*.rs");
        portal.ask_token(node, &proof).status()
    };
    let all = |node: &Node| [reads(node), gives_tokens(node)];
    let others = refused(&twins, 1, 7).expect("the two have others of this number");
    assert!(others.contains("node.settings = 1:") && others.contains("= 2 in all"), "{others}");
    twins.settle();
    assert_eq!([all(&twins.a), all(&twins.b)], [[200; 2]; 2], "who is refused changes nothing");
    assert_eq!(refused(&twins, 1, 0), None, "the same are taken");
    // Another process takes newer ones: they count for all as soon as it is heard of.
    assert_eq!(refused(&twins, 2, 7), None);
    twins.settle();
    assert_eq!([all(&twins.a), all(&twins.b)], [[503; 2]; 2]);
    let older = refused(&twins, 1, 0).expect("the rest has newer ones");
    assert!(older.contains("node.settings = 2 and these are of 1"), "{older}");
    // Who takes them answers again; others of their number, or older ones, are not taken.
    renewed(&twins, &twins.b, 2, 7).unwrap();
    assert_eq!([all(&twins.a), all(&twins.b)], [[503; 2], [200; 2]]);
    for (number, digest) in [(2, 8), (1, 7), (1, 0)] {
        let kept = renewed(&twins, &twins.b, number, digest).err().expect("they are not taken");
        assert_eq!(kept.kind(), Kind::Invalid, "{kept}");
    }
    assert_eq!([all(&twins.a), all(&twins.b)], [[503; 2], [200; 2]]);
}
