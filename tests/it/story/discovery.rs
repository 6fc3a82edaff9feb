//! Whoever comes for the first time finds out how to be authorized, from any page and with any `Accept`.
//! Ids are those of the requirement table (SD) and of `tests/tables/smart.txt` (@).

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::world::{Node, Reply, World, actor::Ask};

const SMART: &str = "/fhir/.well-known/smart-configuration";
/// Documents of authorization.
const OPEN: [&str; 5] = [
    SMART,
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource/fhir",
    "/.well-known/jwks.json",
];

fn get(node: &Node, path: &str, headers: Vec<(&'static str, String)>) -> Reply {
    let ask = Ask { headers, ..Ask::default() };
    node.world.actor("north-savo").raw(node, Method::GET, path, ask)
}

#[test]
fn the_configuration_is_json_for_everybody_and_known_by_its_tag() {
    // SD-01, SD-02, SD-12, SD-16; @372, @374, @377, @380
    let world = World::new();
    let kuopio = world.municipality("297");
    for path in OPEN {
        let plain = get(&kuopio, path, Vec::new());
        assert_eq!(plain.status(), 200, "{plain:?}");
        assert_eq!(plain.header("content-type"), Some("application/json"));
        assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
        assert_eq!(plain.header("cache-control"), Some("public, max-age=60"));
        for accept in
            ["application/fhir+xml", "text/html", "application/fhir+json", "image/png", ""]
        {
            let same = get(&kuopio, path, vec![("accept", accept.to_owned())]);
            assert_eq!(same.bytes(), plain.bytes(), "{path} {accept}");
        }
        let tag = plain.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"'), "strong");
        let rows = [
            (tag.clone(), 304),
            (format!("\"x\", W/{tag}"), 304),
            ("*".to_owned(), 304),
            ("\"x\"".to_owned(), 200),
        ];
        for (known, status) in rows {
            let reply = get(&kuopio, path, vec![("if-none-match", known.clone())]);
            assert_eq!((reply.status(), reply.header("etag")), (status, Some(&*tag)), "{known}");
            assert_eq!(reply.text().is_empty(), status == 304);
        }
    }
}

#[test]
fn every_address_in_it_is_whole_and_answers() {
    // SD-03, SD-14, SD-15; @378
    let world = World::new();
    let kuopio = world.municipality("297");
    let document = get(&kuopio, SMART, Vec::new()).json().clone();
    let members = document.as_object().unwrap().iter();
    let addresses = members.filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    let mut seen = 0;
    for (name, address) in addresses {
        let path = address.as_str().unwrap().strip_prefix(&kuopio.identity.url).expect(name);
        assert_ne!(get(&kuopio, path, Vec::new()).status(), 404, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 6);
    assert_eq!(document["issuer"], kuopio.identity.url);
    let resource = get(&kuopio, OPEN[3], Vec::new()).json().clone();
    assert_eq!(resource["resource"], format!("{}/fhir", kuopio.identity.url));
    assert_eq!(resource["authorization_servers"], json!([document["issuer"]]));
    assert_eq!(resource["scopes_supported"], document["scopes_supported"]);
}

#[test]
fn keys_are_published_bare() {
    // @207
    let world = World::new();
    let kuopio = world.municipality("297");
    let keys = get(&kuopio, "/.well-known/jwks.json", Vec::new()).json()["keys"].clone();
    let keys = keys.as_array().unwrap();
    assert!(!keys.is_empty());
    let allowed = ["kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"];
    for key in keys {
        let names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(names.iter().all(|name| allowed.contains(name)), "{names:?}");
        assert_eq!(key["use"], "sig");
    }
}

#[test]
fn every_capability_has_a_requirement_with_a_test() {
    // SD-13; @393
    let world = World::new();
    let kuopio = world.municipality("297");
    let document = get(&kuopio, SMART, Vec::new()).json().clone();
    let listed: BTreeSet<&str> = document["capabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    // Number of the requirement by capability; what is not listed does not apply.
    let numbers = [
        (352, "launch-ehr"),
        (353, "launch-standalone"),
        (354, "authorize-post"),
        (355, "client-public"),
        (356, "client-confidential-symmetric"),
        (357, "client-confidential-asymmetric"),
        (358, "sso-openid-connect"),
        (359, "context-banner"),
        (360, "context-style"),
        (361, "context-ehr-patient"),
        (362, "context-ehr-encounter"),
        (363, "context-standalone-patient"),
        (364, "context-standalone-encounter"),
        (365, "permission-offline"),
        (366, "permission-online"),
        (367, "permission-patient"),
        (368, "permission-user"),
        (369, "permission-v1"),
        (370, "permission-v2"),
        (371, "smart-app-state"),
    ];
    for (number, name) in numbers {
        let row =
            crate::table::smart().into_iter().find(|row| row.id == number.to_string()).unwrap();
        assert_eq!(row.test.starts_with("n/a"), !listed.contains(name), "{name}");
    }
    let known: BTreeSet<&str> = numbers.into_iter().map(|(_, name)| name).collect();
    assert!(listed.is_subset(&known), "{listed:?}");
}

#[test]
fn nothing_older_than_tls_1_2_is_spoken() {
    // BS-01, AH-31; @231
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new();
    let kuopio = world.municipality("297");
    for version in [[3, 0], [3, 1], [3, 2], [3, 3]] {
        let mut hello =
            [&version[..], &[7; 32], &[0], &[0, 6, 0xc0, 0x2b, 0xc0, 0x2f, 0, 0x2f], &[1, 0]]
                .concat();
        // Signatures and groups of TLS 1.2, without which a new one is refused too.
        let groups = [0, 10, 0, 4, 0, 2, 0, 23];
        let signatures = [0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
        let points = [0, 11, 0, 2, 1, 0];
        let extensions = [&groups[..], &signatures, &points].concat();
        hello.extend([0, u8::try_from(extensions.len()).unwrap()]);
        hello.extend(extensions);
        let length = u8::try_from(hello.len()).unwrap();
        let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
        let heard = world.runtime.block_on(async {
            let mut link = world.wires.open(kuopio.port).unwrap();
            link.write_all(&record).await.unwrap();
            let mut heard = vec![0; 7];
            let whole = link.read_exact(&mut heard).await;
            whole.map(|_| heard).unwrap_or_default()
        });
        // An alert that says `protocol_version`, or a ServerHello.
        let spoken = heard.first() == Some(&22);
        assert_eq!(spoken, version == [3, 3], "{version:?}: {heard:?}");
        if let ([first, .., last], false) = (&*heard, spoken) {
            assert_eq!((*first, *last), (21, 70), "{version:?}");
        }
    }
}

/// A document and the `CapabilityStatement` name the same addresses.
#[test]
fn the_capability_statement_names_the_same_addresses() {
    // SD-14, SD-15
    let world = World::new();
    let kuopio = world.municipality("297");
    let smart = get(&kuopio, SMART, Vec::new()).json().clone();
    let statement = get(&kuopio, "/fhir/metadata", Vec::new()).json().clone();
    let named = statement["rest"][0]["security"]["extension"][0]["extension"].clone();
    let of = |name: &str| -> Value {
        let all = named.as_array().unwrap();
        all.iter().find(|one| one["url"] == name).unwrap()["valueUri"].clone()
    };
    for (name, member) in [
        ("token", "token_endpoint"),
        ("authorize", "authorization_endpoint"),
        ("introspect", "introspection_endpoint"),
        ("revoke", "revocation_endpoint"),
    ] {
        assert_eq!(of(name), smart[member], "{name}");
    }
}
