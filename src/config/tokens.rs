//! `[tokens]`: the keys of the gateway's tokens and assertions.
//!
//! Part of `config`. A key changes in three steps, each of which every replica takes by a reload before the
//! next: the next key is added to `published_files`, then both change places, and when five minutes have
//! passed the old one goes.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    authenticate::jose::{key::PublicKey, ring::Ring, sign::Signer},
    config::section::Section,
    error::Result,
};

/// Reads the section.
pub fn read(mut section: Section<'_>) -> Option<Ring> {
    let signing = section.secret("key");
    let signing = signing.and_then(|(file, text)| {
        let key = if file.is_some() { "key_file" } else { "key" };
        signer(&section, key, &text, Ok)
    });
    let identity = if section.has("identity_key") || section.has("identity_key_file") {
        let found = section.secret("identity_key");
        found.and_then(|(_, text)| {
            signer(&section, "identity_key_file", &text, Signer::for_identity)
        })
    } else {
        None
    };
    let published = section.files("published_files");
    let published = published.iter().filter_map(|text| public(&section, text)).collect();
    let ring = signing.map(|signing| {
        Ring::of(Arc::new(signing)).with_identity(identity.map(Arc::new)).with_published(published)
    });
    if let Some(Err(error)) = ring.as_ref().map(Ring::accepted) {
        section.fault("published_files", error.say().to_owned());
    }
    section.finish();
    ring
}

fn signer(
    section: &Section<'_>,
    key: &str,
    text: &str,
    made: fn(Signer) -> Result<Signer>,
) -> Option<Signer> {
    let read = if text.trim_start().starts_with('{') {
        Signer::from_jwk(text)
    } else {
        Signer::from_pem(text, None)
    };
    read.and_then(made)
        .inspect_err(|error| section.fault(key, format!("cannot be used: {error}")))
        .ok()
}

/// The public part of a key; its private one may be there, as it was or will be one that signs.
fn public(section: &Section<'_>, text: &Zeroizing<String>) -> Option<PublicKey> {
    let whole = serde_json::from_str::<serde_json::Value>(text).ok();
    if whole.is_some_and(|jwk| jwk.get("d").is_none()) {
        let say = |_| section.fault("published_files", "must each hold a JWK or PKCS#8 PEM");
        return serde_json::from_str(text).map_err(say).ok();
    }
    signer(section, "published_files", text, Ok).map(|signer| signer.public().clone())
}
