//! The clients this gateway knows, from its configuration.
//!
//! Part of the step `authenticate`: what a client may ask for is fixed here, before any request.
//! Source: SMART App Launch 2.2 `client-confidential-asymmetric` (registration of a JWK Set), RFC 7591
//! for names of members. The whole configuration is checked at once and every mistake is told.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use serde_json::Value;

use super::jose::{
    claims::is_name,
    key::{Algorithm, KeySet},
};
use crate::smart::Scopes;

/// A client as configuration writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientEntry {
    /// Small letters, digits, `.`, `_` and `-`.
    pub client_id: String,
    /// For people.
    pub name: String,
    /// The organisation it belongs to, `urn:oid:...`.
    pub organization: String,
    /// Roles that its users may act in.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Its public keys, a JWK Set.
    pub jwks: Value,
    /// Scopes it may be granted.
    pub scopes: Vec<String>,
    /// Purposes it may state, codes of v3-ActReason.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// The register it works in.
    #[serde(default)]
    pub register: Option<String>,
    /// The sector it works in.
    #[serde(default)]
    pub sector: Option<String>,
    /// Grounds in law it may declare.
    #[serde(default)]
    pub declares: Vec<String>,
    /// May it declare an emergency?
    #[serde(default)]
    pub break_glass: bool,
    /// May it say that a person acts for themselves or for another: a subject `Patient/...` or
    /// `RelatedPerson/...`? For portals where people log in.
    #[serde(default)]
    pub people_act: bool,
    /// Does it own native documents, which it may push?
    #[serde(default)]
    pub native_owner: bool,
}

/// A client that has been checked.
#[derive(Debug)]
pub struct Client {
    entry: ClientEntry,
    id: Arc<str>,
    keys: KeySet,
    scopes: Scopes,
}

impl Client {
    /// Its name in OAuth.
    pub const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// What configuration says of it.
    pub const fn entry(&self) -> &ClientEntry {
        &self.entry
    }

    /// Its public keys.
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// How it may sign; follows from its keys.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.keys.algorithms()
    }

    /// What it may be granted.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    fn check(entry: ClientEntry) -> Result<Self, Vec<String>> {
        let mut mistakes = misspelt(&entry);
        let keys = KeySet::parse(&entry.jwks).unwrap_or_else(|why| {
            mistakes.extend(why.into_iter().map(|why| format!("jwks: {why}")));
            KeySet::default()
        });
        let (scopes, unknown) = Scopes::parse_noting(&entry.scopes.join(" "));
        let unknown = unknown.into_iter().map(|scope| format!("scopes: {scope:?} is not known"));
        mistakes.extend(unknown);
        if scopes.is_empty() {
            mistakes.push("scopes: it may be granted nothing".to_owned());
        }
        if scopes.native_write() != entry.native_owner {
            let say = "native_owner and the scope mylife/native.write go together";
            mistakes.push(say.to_owned());
        }
        let id = entry.client_id.as_str().into();
        if mistakes.is_empty() { Ok(Self { entry, id, keys, scopes }) } else { Err(mistakes) }
    }
}

/// All clients, by their name.
#[derive(Debug, Default)]
pub struct Registry(HashMap<Arc<str>, Arc<Client>>);

impl Registry {
    /// Checks every client; gives back all mistakes in all of them.
    pub fn build(entries: Vec<ClientEntry>) -> Result<Self, Vec<String>> {
        let mut clients = HashMap::new();
        let mut mistakes = Vec::new();
        for entry in entries {
            let name = entry.client_id.clone();
            let said = |why: String| format!("client {name:?}: {why}");
            match Client::check(entry) {
                Ok(client) => {
                    if clients.insert(Arc::clone(&client.id), Arc::new(client)).is_some() {
                        mistakes.push(said("is there twice".to_owned()));
                    }
                }
                Err(why) => mistakes.extend(why.into_iter().map(said)),
            }
        }
        if mistakes.is_empty() { Ok(Self(clients)) } else { Err(mistakes) }
    }

    /// The client of a name.
    pub fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.0.get(id)
    }
}

/// Is it an organisation's OID, `urn:oid:1.2.246...`?
pub fn is_oid(text: &str) -> bool {
    let arc = |arc: &str| {
        !arc.is_empty()
            && arc.bytes().all(|b| b.is_ascii_digit())
            && (arc == "0" || !arc.starts_with('0'))
    };
    is_name(text)
        && text
            .strip_prefix("urn:oid:")
            .is_some_and(|oid| oid.contains('.') && oid.split('.').all(arc))
}

/// Is it written like a code of v3-ActReason?
fn is_purpose(text: &str) -> bool {
    (2..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
}

fn misspelt(entry: &ClientEntry) -> Vec<String> {
    let id_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    let id = &entry.client_id;
    let mut mistakes = Vec::new();
    let mut demand = |holds: bool, say: &str| {
        if !holds {
            mistakes.push(say.to_owned());
        }
    };
    demand(
        (1..=64).contains(&id.len()) && id.bytes().all(id_byte),
        "client_id: 1 to 64 small letters, digits, `.`, `_`, `-`",
    );
    demand(!entry.name.trim().is_empty(), "name: is empty");
    demand(is_oid(&entry.organization), "organization: must be urn:oid: and an OID");
    demand(
        entry.purposes.iter().all(|p| is_purpose(p)),
        "purposes: codes of v3-ActReason, capital letters",
    );
    let names = entry.roles.iter().chain(&entry.declares);
    demand(
        names.chain(&entry.register).chain(&entry.sector).all(|n| is_name(n)),
        "roles, declares, register, sector: 1 to 255 printable characters",
    );
    mistakes
}
