//! Keys that a demo made and left lying about: good for a sandbox, refused by a gateway in earnest.
//!
//! Part of `config`, after its sections are read. A certificate is known by its authority, a signing key
//! by its name.

use super::{listen::Listening, section::Section};
use crate::authenticate::{
    jose::{ring::Ring, sign::THROW_AWAY},
    registry::ClientEntry,
};

const MEND: &str = "make keys of your own with `mylife pki`, or say test_range = \"allow\" under [node] \
                    if this is a sandbox";

/// Names every key of a demo.
pub(super) fn refuse(
    root: &Section<'_>,
    listening: Option<&Listening>,
    ring: Option<&Ring>,
    clients: &[ClientEntry],
) {
    if listening.is_some_and(|listening| listening.is_throw_away) {
        let say = format!("shows a certificate of the demo's throw-away authority: {MEND}");
        root.fault("listen", say);
    }
    if ring.is_some_and(|ring| ring.signing().kid().starts_with(THROW_AWAY)) {
        root.fault("tokens", format!("signs with a key of the demo: {MEND}"));
    }
    for client in clients.iter().filter(|client| is_of_demo(client)) {
        let id = &client.client_id;
        root.fault("clients", format!("{id:?} has a key of the demo: {MEND}"));
    }
}

fn is_of_demo(client: &ClientEntry) -> bool {
    let keys = client.jwks.iter().filter_map(|jwks| jwks.get("keys")?.as_array()).flatten();
    let mut names = keys.filter_map(|key| key.get("kid")?.as_str());
    names.any(|name| name.starts_with(THROW_AWAY))
}
