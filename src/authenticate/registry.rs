//! The clients this gateway knows, from its configuration.
//!
//! Part of the step `authenticate`: what a client may ask for is fixed here, before any request.
//! Source: SMART App Launch 2.2 `client-confidential-asymmetric` (registration of a JWK Set or of its
//! URL), RFC 8705 section 2.1, RFC 7591 for names of members. The whole configuration is checked at once
//! and every mistake is told.

mod certified;
mod notify;
mod redirect;

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use serde_json::Value;

pub use self::{certified::CertificateEntry, notify::NotifyEntry};
use super::jose::{
    address::KeyAddress,
    claims::is_name,
    key::{Algorithm, KeySet},
};
use crate::{
    domain::id::is_oid,
    pki::name::Name,
    smart::{
        Scopes,
        word::{Word, Words},
    },
};

/// A client as configuration writes it; what is not said it may not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own, said or not")]
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
    /// Its public keys, a JWK Set; or [`Self::jwks_uri`].
    #[serde(default)]
    pub jwks: Option<Value>,
    /// Where it publishes them, an `https` URL.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// Who its certificate says it is, where it proves itself by that in place of keys.
    #[serde(default)]
    pub tls_client_auth: CertificateEntry,
    /// How it may sign; with none said, as the keys registered here do, or as SMART has it where it
    /// publishes them.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
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
    /// May it ask what any token says?
    #[serde(default)]
    pub introspects: bool,
    /// May it exchange access tokens for statements to other gateways (RFC 8693)?
    #[serde(default)]
    pub exchanges: bool,
    /// The client that may exchange its tokens too, acting for it: `may_act` of them.
    #[serde(default)]
    pub may_act: Option<String>,
    /// Does it own native documents, which it may push?
    #[serde(default)]
    pub native_owner: bool,
    /// Is it an app that can keep no key, known by its redirect URIs alone?
    #[serde(default)]
    pub public: bool,
    /// Where it may have people sent back to after they logged in; compared letter by letter.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Must every token of it be bound to a key that it shows to hold?
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Organisations beside its own whose professionals may use it, `urn:oid:...`.
    #[serde(default)]
    pub user_organizations: Vec<String>,
    /// Where it may be notified of changes.
    #[serde(default)]
    pub notify: NotifyEntry,
}

/// Where a client's keys are.
#[derive(Clone, Debug)]
pub enum ClientKeys {
    /// Nowhere: it has none.
    Absent,
    /// In a certificate of this name, which TLS has verified.
    Certified(Name),
    /// In its registration.
    Registered(Arc<KeySet>),
    /// With itself.
    Published {
        /// Where.
        address: KeyAddress,
        /// Those of them that count.
        algorithms: Vec<Algorithm>,
    },
}

/// A client that has been checked.
#[derive(Debug)]
pub struct Client {
    entry: ClientEntry,
    id: Arc<str>,
    keys: ClientKeys,
    scopes: Scopes,
    words: Words,
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
    pub const fn keys(&self) -> &ClientKeys {
        &self.keys
    }

    /// Does it prove itself by a certificate?
    pub const fn is_certified(&self) -> bool {
        matches!(self.keys, ClientKeys::Certified(_))
    }

    /// What it may be granted.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// What it may be granted beside, where somebody logs in.
    pub const fn words(&self) -> &Words {
        &self.words
    }

    fn check(entry: ClientEntry) -> Result<Self, Vec<String>> {
        let mut mistakes = misspelt(&entry);
        let keys = keys(&entry).map_err(|why| mistakes.extend(why));
        let text = entry.scopes.join(" ");
        let (scopes, unknown) = Scopes::parse_noting(&text);
        let is_app = !entry.redirect_uris.is_empty();
        let unknown = unknown.into_iter().filter(|scope| !is_app || Word::parse(scope).is_none());
        let unknown = unknown.map(|scope| match Word::parse(&scope) {
            Some(_) => format!("scopes: {scope:?} is for an app, which has redirect_uris"),
            None => format!("scopes: {scope:?} is not known"),
        });
        mistakes.extend(unknown);
        mistakes.extend(redirect::mistakes(&entry, &scopes));
        mistakes.extend(notify::mistakes(&entry));
        let words = Words::parse(&text);
        if scopes.is_empty() && (words.is_empty() || !is_app) {
            mistakes.push("scopes: it may be granted nothing".to_owned());
        }
        if scopes.native_write() != entry.native_owner {
            let say = "native_owner and the scope mylife/native.write go together";
            mistakes.push(say.to_owned());
        }
        let id = entry.client_id.as_str().into();
        match keys {
            Ok(keys) if mistakes.is_empty() => Ok(Self { entry, id, keys, scopes, words }),
            Ok(_) | Err(()) => Err(mistakes),
        }
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

    /// Where the pages of apps are, as browsers name it.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        let pages = self.0.values().flat_map(|client| &client.entry.redirect_uris);
        pages.filter_map(|uri| redirect::origin(uri))
    }

    /// All of them, in no order.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.0.values()
    }
}

/// Registered in one of two ways, and bound to the algorithms of the registration.
fn keys(entry: &ClientEntry) -> Result<ClientKeys, Vec<String>> {
    if let Some(name) = certified::name(entry)? {
        return Ok(ClientKeys::Certified(name));
    }
    match (&entry.jwks, &entry.jwks_uri) {
        (Some(jwks), None) => {
            let of_jwks = |why: String| format!("jwks: {why}");
            let keys = KeySet::parse(jwks)
                .map_err(|all| all.into_iter().map(of_jwks).collect::<Vec<_>>())?;
            let known = keys.algorithms();
            let stray = known.iter().find(|algorithm| !entry.algorithms.contains(algorithm));
            match stray.filter(|_| !entry.algorithms.is_empty()) {
                Some(stray) => Err(vec![format!("algorithms: lacks {} of a key", stray.name())]),
                None => Ok(ClientKeys::Registered(Arc::new(keys))),
            }
        }
        (None, Some(url)) => {
            let wrong = || {
                vec![
                    "jwks_uri: must be https://host/path, without name, password, fragment"
                        .to_owned(),
                ]
            };
            let address = KeyAddress::parse(url).ok_or_else(wrong)?;
            let said = &entry.algorithms;
            let algorithms = if said.is_empty() { Algorithm::SMART.to_vec() } else { said.clone() };
            Ok(ClientKeys::Published { address, algorithms })
        }
        (None, None) if entry.public => Ok(ClientKeys::Absent),
        (Some(_), Some(_)) => {
            Err(vec!["jwks_uri: stands beside jwks: keep one of them".to_owned()])
        }
        (None, None) => {
            Err(vec!["jwks: is missing, and so is jwks_uri: say one of them".to_owned()])
        }
    }
}

/// Is it written like the name of a client?
fn is_id(text: &str) -> bool {
    let id_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(id_byte)
}

/// Is it written like a code of v3-ActReason?
fn is_purpose(text: &str) -> bool {
    (2..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
}

fn misspelt(entry: &ClientEntry) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut demand = |holds: bool, say: &str| {
        if !holds {
            mistakes.push(say.to_owned());
        }
    };
    demand(is_id(&entry.client_id), "client_id: 1 to 64 small letters, digits, `.`, `_`, `-`");
    demand(
        entry.may_act.as_ref().is_none_or(|id| is_id(id) && *id != entry.client_id),
        "may_act: the client_id of another client",
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
