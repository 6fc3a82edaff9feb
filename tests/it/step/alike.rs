//! What settings must say alike in every replica: whatever decisions read tells one digest from another,
//! and where a process lives does not.

use std::fs;

use mylife::config::Said;

use super::config::{Dir, gateway, read, said};

const CLIENT: &str = "\n[[clients]]\nclient_id = \"c\"\nname = \"c\"\norganization = \"urn:oid:1.2.3\"\n\
                      scopes = [\"system/Goal.rs\"]\npurposes = [\"TREAT\"]\njwks_file = \"c.jwks\"\n";

#[test]
fn what_decisions_read_tells_settings_apart_and_where_a_process_lives_does_not() {
    let dir = Dir::new("config-alike");
    let keys = |name: &str| {
        let key = mylife::authenticate::jose::sign::generate(
            mylife::authenticate::jose::key::Algorithm::Es256,
        );
        let signer = mylife::authenticate::jose::sign::Signer::from_jwk(&key.unwrap()).unwrap();
        dir.write(name, &mylife::gateway::open::jwks(&signer).to_string());
    };
    keys("c.jwks");
    let own = gateway(&dir, 8443);
    let of = |text: &str, set: &[&str]| {
        let path = dir.write("gateway.toml", text);
        let settings = read(&path, &said(&[], set)).map_err(|all| all.join("\n")).unwrap();
        settings.setup.settings
    };
    let text = format!("{own}{CLIENT}");
    let first = of(&text, &[]);
    assert_eq!((first.number, first), (1, of(&text, &[])));
    for place in [
        "listen.public=127.0.0.1:1",
        "listen.management=127.0.0.1:2",
        "store.directory=elsewhere",
        "store.cache_megabytes=1",
        "node.log=debug",
        "audit.checkpoint_seconds=7",
    ] {
        assert_eq!(of(&text, &[place]), first, "{place}");
    }
    let next = of(&text, &["node.settings=2"]);
    assert_eq!((next.number, next.digest), (2, first.digest));
    let mut seen = vec![first.digest];
    let mut is_new = |text: &str, set: &[&str]| {
        let digest = of(text, set).digest;
        assert!(!seen.contains(&digest), "{text}{set:?}");
        seen.push(digest);
    };
    is_new(&own, &[]);
    is_new(&text.replacen("[\"TREAT\"]", "[\"TREAT\", \"PATADMIN\"]", 1), &[]);
    is_new(&text, &["node.activated=2026-01-01T00:00:00Z"]);
    is_new(&format!("{text}\n[law]\nofficer_roles = [\"officer\"]\n"), &[]);
    is_new(&format!("{text}\n[directory]\norganizations = []\n"), &[]);
    // The same words, and other keys in the file they name.
    keys("c.jwks");
    is_new(&text, &[]);
    fs::remove_file(dir.path().join("c.jwks")).unwrap();
    assert!(read(&dir.path().join("gateway.toml"), &Said::default()).is_err());
}
