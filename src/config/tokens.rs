//! `[tokens]`: the key that signs tokens and assertions.
//!
//! Part of `config`.

use crate::{authenticate::jose::sign::Signer, config::section::Section};

/// Reads the section.
pub fn read(mut section: Section<'_>) -> Option<Signer> {
    let key = section.secret("key");
    let signer = key.and_then(|(file, text)| {
        let key = if file.is_some() { "key_file" } else { "key" };
        let read = if text.trim_start().starts_with('{') {
            Signer::from_jwk(&text)
        } else {
            Signer::from_pem(&text, None)
        };
        read.inspect_err(|error| section.fault(key, format!("cannot be used: {error}"))).ok()
    });
    section.finish();
    signer
}
