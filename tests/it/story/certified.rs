//! A system without keys of its own shows who it is by its certificate, on the wire (MT-02, MT-03).

use http::Method;
use mylife::{
    domain::theme::Theme::{Health, Housing},
    pki::{Ca, Issued},
};
use serde_json::json;

use crate::world::{Node, Reply, START, World, actor::Ask};

const HOST: &str = "desk.county.test";

fn asks(node: &Node, by: &Issued) -> Option<Reply> {
    let form = "grant_type=client_credentials&client_id=certified&scope=system/*.rs";
    let kind = Some("application/x-www-form-urlencoded");
    let ask = Ask { kind, body: form.into(), ..Ask::default() };
    node.world.actor("north-savo").shows(by, node, (Method::POST, "/oauth/token"), ask)
}

#[test]
fn a_certificate_of_its_name_by_a_known_authority_opens_what_consents_give() {
    let world = World::new();
    let county = world.actor("north-savo");
    let entry = json!({
        "client_id": "certified", "name": "A desk", "organization": county.organization,
        "tls_client_auth": { "san_dns": HOST }, "scopes": ["system/*.rs"], "purposes": ["TREAT"],
    });
    world.clients.borrow_mut().push(serde_json::from_value(entry).unwrap());
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    aino.grants(&kuopio.client("north-savo"), [Housing]);
    let own = world.authority.gateway(&[HOST], START).unwrap();
    let given = asks(&kuopio, &own).unwrap();
    assert_eq!(given.status(), 200, "{given:?}");
    let token = given.json()["access_token"].as_str().unwrap();
    let path = format!("/fhir/Observation?patient={}", aino.patient());
    let ask = || Ask {
        headers: vec![("authorization", format!("Bearer {token}"))],
        nodes: Some("297"),
        ..Ask::default()
    };
    let seen = county.shows(&own, &kuopio, (Method::GET, &path), ask()).unwrap();
    seen.shows([Housing]).hides([Health]);
    county.raw(&kuopio, Method::GET, &path, ask()).refused(401, "login");
    // The same authority for another name; the same name by another authority; another's altogether.
    let other = world.authority.gateway(&["other.county.test"], START).unwrap();
    let refused = asks(&kuopio, &other).unwrap();
    assert_eq!((refused.status(), &refused.json()["error"]), (401, &json!("invalid_client")));
    let stolen = county.shows(&other, &kuopio, (Method::GET, &path), ask()).unwrap();
    stolen.refused(401, "login");
    let nobody = Ca::new("another authority", START).unwrap().gateway(&[HOST], START).unwrap();
    assert!(asks(&kuopio, &nobody).is_none(), "no connection at all");
    let peers = asks(&kuopio, &world.identities["049"].issued).unwrap();
    assert_eq!(peers.status(), 401, "{peers:?}");
    let said =
        county.raw(&kuopio, Method::GET, "/.well-known/oauth-authorization-server", Ask::default());
    for of in ["token", "introspection", "revocation"] {
        let methods = said.json()[format!("{of}_endpoint_auth_methods_supported")].clone();
        assert!(methods.as_array().unwrap().contains(&json!("tls_client_auth")), "{of}: {methods}");
    }
    // There is one listener, so nothing is to be asked elsewhere.
    assert!(said.json().get("mtls_endpoint_aliases").is_none(), "MT-03");
    assert_eq!(said.json()["tls_client_certificate_bound_access_tokens"], true);
}
