//! Gateways that know one another, as operators set them up: the settings that the program prints for each,
//! and the tokens of their clients.

use std::{fs, path::Path};

use super::process::{must, mylife};

/// The organisation that asks.
pub(super) const PORTAL: &str = "urn:oid:1.2.246.10.99909002";
/// The one whose data it is.
pub(super) const CITY: &str = "urn:oid:1.2.246.10.99902978";

/// Id, organisation, scope, purpose.
pub(super) const CLIENTS: [(&str, &str, &str, &str); 3] = [
    ("source", CITY, "mylife/native.write", "PATADMIN"),
    ("consent-desk", CITY, "system/Consent.cu", "PATADMIN"),
    ("national-portal", PORTAL, "system/*.rs", "TREAT"),
];

/// One gateway.
pub(super) struct Member<'a> {
    /// Its node code.
    pub(super) code: &'a str,
    /// Where others find it: `127.0.0.1:port`.
    pub(super) host: &'a str,
    /// Does it hold data?
    pub(super) holds: bool,
}

/// Makes keys and clients below `dir`, and writes the settings of each, `CODE.toml`, with the others as peers.
pub(super) fn settings(dir: &Path, members: &[Member<'_>]) {
    let keys = dir.join("keys").display().to_string();
    must(&["pki", "init", &keys]);
    let printed = members.iter().map(|Member { code, host, .. }| {
        let url = format!("https://{host}");
        let organization = format!("urn:oid:1.2.246.10.99900{code}");
        let line = ["pki", "gateway", "--dir", &keys, "--code", code, "--url", &url];
        must(&[&line[..], &["--organization", &organization]].concat())
    });
    let printed: Vec<String> = printed.collect();
    let clients = CLIENTS.map(|(id, organization, scope, purpose)| {
        let jwks = must(&["pki", "client", &dir.join(format!("{id}.jwk")).display().to_string()]);
        format!(
            "\n[[clients]]\nclient_id = \"{id}\"\nname = \"{id}\"\norganization = \
             \"{organization}\"\nscopes = [\"{scope}\"]\npurposes = [\"{purpose}\"]\n\
             native_owner = {}\n{jwks}\n",
            id == "source"
        )
    });
    let parts = |said: &str| {
        let (own, rest) = said.split_once("# --- into the configurations of its peers\n").unwrap();
        let peer = rest.split("\n# ---").next().unwrap();
        let (head, _) = peer.split_once("limits = {").unwrap();
        let limits = format!(
            "limits = {{ organizations = [\"{CITY}\", \"{PORTAL}\"], purposes = [\"PATADMIN\", \
             \"TREAT\"] }}\n"
        );
        (own.split_once('\n').unwrap().1.to_owned(), format!("\n{head}{limits}"))
    };
    let parts: Vec<(String, String)> = printed.iter().map(|said| parts(said)).collect();
    for (number, Member { code, holds, .. }) in members.iter().enumerate() {
        let node =
            format!("[node]\ntest_range = \"allow\"\nlog = \"warn\"\nholds_data = {holds}\n");
        let mut text = parts[number].0.replacen("[node]\n", &node, 1);
        clients.iter().for_each(|client| text.push_str(client));
        let others = parts.iter().enumerate().filter(|(other, _)| *other != number);
        others.for_each(|(_, (_, peer))| text.push_str(peer));
        fs::write(dir.join(format!("{code}.toml")), text).unwrap();
    }
}

/// A token of the n-th client for the gateway at `host`, unless none is given now.
pub(super) fn token(dir: &Path, host: &str, client: usize) -> Option<String> {
    let (id, _, scope, purpose) = CLIENTS[client];
    let key = dir.join(format!("{id}.jwk")).display().to_string();
    let ca = dir.join("keys/ca.pem").display().to_string();
    let endpoint = format!("https://{host}/oauth/token");
    let line = ["token", "--client-id", id, "--key", &key, "--token-endpoint", &endpoint];
    let rest = ["--scope", scope, "--purpose", purpose, "--ca", &ca];
    let (good, said) = mylife(&[&line[..], &rest[..]].concat());
    good.then(|| said.trim().to_owned())
}
